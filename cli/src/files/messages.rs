//! Messages of Arrow's formats, looked at before their reader believes what they say of lengths.
//!
//! That reader asks for as much memory as a length says, and a program that asks for too much is ended. So each message is
//! read as far as there are bytes, and of what is compressed the length that it had before must be one that we write.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use arrow_ipc::reader::read_footer_length;
use arrow_ipc::{Block, Message, root_as_footer, root_as_message};

/// Whether every message of a file lies within it and says what can be; leaves the file at its beginning.
///
/// # Errors
///
/// Those of the system, and of a footer that is none.
pub(super) fn check_file(file: &mut File) -> io::Result<bool> {
    let bytes = file.metadata()?.len();
    let Some(before_end) = bytes.checked_sub(END_BYTES) else { return Ok(false) };
    let mut end = [0; END_BYTES as usize];
    file.seek(SeekFrom::Start(before_end))?;
    file.read_exact(&mut end)?;
    let length = read_footer_length(end).map_err(io::Error::other)?;
    let Some(begin) = before_end.checked_sub(length as u64) else { return Ok(false) };
    let mut footer = vec![0; length];
    file.seek(SeekFrom::Start(begin))?;
    file.read_exact(&mut footer)?;
    let footer = root_as_footer(&footer).map_err(io::Error::other)?;
    for block in footer.dictionaries().iter().flatten().chain(footer.recordBatches().iter().flatten()) {
        if !check_block(file, block, begin)? {
            return Ok(false);
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(true)
}

fn check_block(file: &mut File, block: &Block, end: u64) -> io::Result<bool> {
    let number = |number: i64| u64::try_from(number).ok();
    let parts = (number(block.offset()), number(block.metaDataLength().into()), number(block.bodyLength()));
    let (Some(offset), Some(head), Some(body)) = parts else { return Ok(false) };
    let behind = offset.checked_add(head).and_then(|there| there.checked_add(body));
    if behind.is_none_or(|behind| behind > end) {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(head + body).read_to_end(&mut bytes)?;
    let Some((head, body)) = bytes.split_at_checked(head as usize) else { return Ok(false) };
    let head = if head.starts_with(&CONTINUES) { head.get(8..) } else { head.get(4..) };
    Ok(head.and_then(|head| root_as_message(head).ok()).is_some_and(|message| is_sane(&message, body)))
}

/// A stream that gives each message only when it is whole and says what can be.
pub(super) struct Messages<R> {
    input: R,
    message: Vec<u8>,
    given: usize,
}

impl<R: Read> Messages<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, message: Vec::new(), given: 0 }
    }

    /// Reads the next message; nothing at the end.
    fn next_message(&mut self) -> io::Result<()> {
        self.message.clear();
        self.given = 0;
        self.append(4)?;
        if self.message.is_empty() {
            return Ok(());
        }
        // Before version 0.15 the length came first.
        if self.message == CONTINUES {
            self.append(4)?;
        }
        let prefix = self.message.len();
        let length = self.message.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length));
        if length == 0 {
            return Ok(());
        }
        self.append(length.into())?;
        let told = |message: &Message<'_>| u64::try_from(message.bodyLength()).unwrap_or(u64::MAX);
        let head = self.message.get(prefix..).unwrap_or_default();
        let body = root_as_message(head).map(|message| told(&message)).map_err(io::Error::other)?;
        let head = self.message.len();
        self.append(body)?;
        let (head, body) = self.message.split_at(head);
        let message = root_as_message(&head[prefix..]).map_err(io::Error::other)?;
        if is_sane(&message, body) { Ok(()) } else { Err(io::Error::other("a length in it cannot be")) }
    }

    fn append(&mut self, bytes: u64) -> io::Result<()> {
        let read = (&mut self.input).take(bytes).read_to_end(&mut self.message)?;
        // Where a message would begin, the stream may end.
        if read as u64 == bytes || self.message.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl<R: Read> Read for Messages<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.given == self.message.len() {
            self.next_message()?;
        }
        let rest = &self.message[self.given..];
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

/// Whether no buffer of a message claims to have been larger than any of ours.
fn is_sane(message: &Message<'_>, body: &[u8]) -> bool {
    let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = message.header_as_record_batch().or(dictionary) else { return true };
    if batch.compression().is_none() {
        return true;
    }
    batch.buffers().iter().flatten().all(|buffer| {
        let place = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
        let Some((offset, length)) = place else { return false };
        let Some(bytes) = body.get(offset..).and_then(|bytes| bytes.get(..length)) else { return false };
        // -1 says that it is not compressed.
        bytes.first_chunk::<8>().is_none_or(|length| (-1..=LARGEST).contains(&i64::from_le_bytes(*length)))
    })
}

/// What stands before the length of a message.
const CONTINUES: [u8; 4] = [0xff; 4];
/// The length of the footer, and the magic.
const END_BYTES: u64 = 10;
/// More than any column of a batch of ours has.
const LARGEST: i64 = 1 << 31;
