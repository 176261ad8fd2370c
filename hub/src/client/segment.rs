//! A file of the spool: messages one after the other, each with its length and a checksum.
//!
//! A record is `CRC32 LENGTH TEXT`, both numbers as eight digits of hex, and a line feed. What a crash cut off, or a disk
//! spoiled, is seen: reading ends before it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// One file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// Of whole records.
    pub(super) bytes: u64,
    /// Messages that were not read yet.
    pub(super) unread: u64,
    /// Messages that are not dealt with: those that were not read, and those of them in memory.
    pub(super) open: u64,
    /// Where the next to read begins.
    at: u64,
    writer: Option<File>,
    reader: Option<BufReader<File>>,
}

impl Segment {
    /// A new file, which only its owner may read.
    pub(super) fn create(number: u64, path: PathBuf) -> io::Result<Self> {
        let writer = unlinked().create_new(true).append(true).open(&path)?;
        Ok(Self { number, path, bytes: 0, unread: 0, open: 0, at: 0, writer: Some(writer), reader: None })
    }

    /// A file that an earlier start left: its whole records. Says whether there is something else behind them.
    pub(super) fn found(number: u64, path: PathBuf) -> io::Result<(Self, bool)> {
        let mut segment = Self { number, path, bytes: 0, unread: 0, open: 0, at: 0, writer: None, reader: None };
        let mut reader = segment.reader_at(0)?;
        let length = reader.get_ref().metadata()?.len();
        while let Some(text) = record(&mut reader)? {
            segment.bytes += record_bytes(&text);
            segment.unread += 1;
        }
        segment.open = segment.unread;
        let torn = segment.bytes < length;
        Ok((segment, torn))
    }

    /// Cuts off what stands behind the whole records.
    pub(super) fn cut(&self) -> io::Result<()> {
        regular(unlinked().write(true).open(&self.path)?)?.set_len(self.bytes)
    }

    /// Adds a message. After an error the file is as it was, and takes nothing more.
    pub(super) fn append(&mut self, text: &str) -> io::Result<()> {
        let writer = self.writer.as_mut().ok_or(io::ErrorKind::ReadOnlyFilesystem)?;
        if let Err(error) = writer.write_all(&encoded(text)) {
            // What stands behind the whole records is not counted as one, whether it can be cut off or not.
            let _ = writer.set_len(self.bytes);
            self.writer = None;
            return Err(error);
        }
        self.bytes += record_bytes(text);
        self.unread += 1;
        self.open += 1;
        Ok(())
    }

    /// Whether more can be added.
    pub(super) fn is_writable(&self) -> bool {
        self.writer.is_some()
    }

    /// Adds nothing more.
    pub(super) fn seal(&mut self) {
        self.writer = None;
    }

    /// Adds nothing more, and waits until what was added is on the disk itself.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.writer.take().map_or(Ok(()), |writer| writer.sync_data())
    }

    /// The next message.
    ///
    /// # Errors
    ///
    /// The disk's, and [`io::ErrorKind::InvalidData`] where what was written is no longer there.
    pub(super) fn read(&mut self) -> io::Result<String> {
        if self.reader.is_none() {
            self.reader = Some(self.reader_at(self.at)?);
        }
        let reader = self.reader.as_mut().ok_or(io::ErrorKind::NotFound)?;
        // At the end of what was there, a reader that buffers does not see what was added since: it holds no bytes then.
        let text = record(reader)?.ok_or(io::ErrorKind::InvalidData)?;
        self.at += record_bytes(&text);
        self.unread = self.unread.saturating_sub(1);
        Ok(text)
    }

    fn reader_at(&self, at: u64) -> io::Result<BufReader<File>> {
        let mut file = regular(unlinked().read(true).open(&self.path)?)?;
        file.seek(SeekFrom::Start(at))?;
        Ok(BufReader::with_capacity(64 << 10, file))
    }
}

/// Opens files of the spool, which only their owner may read: a link is an error, and nothing waits for whoever is at the other
/// end of a pipe.
pub(super) fn unlinked() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// The file, if it is a regular one.
pub(super) fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// Deletes the file; that it cannot be is told, as its messages will come again.
pub(super) fn delete(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(?path, %error, "a file of the spool cannot be deleted: its messages will be sent again");
    }
}

fn encoded(text: &str) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD + text.len() + 1);
    let _ = write!(record, "{:08x} {:08x} ", crc32fast::hash(text.as_bytes()), text.len());
    record.extend_from_slice(text.as_bytes());
    record.push(b'\n');
    record
}

/// Bytes of the record of this text.
pub(super) fn record_bytes(text: &str) -> u64 {
    (HEAD + text.len() + 1) as u64
}

/// The next whole record; nothing where there is none.
fn record(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = [0; HEAD];
    if !filled(reader, &mut head)? {
        return Ok(None);
    }
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let (Some(sum), Some(length)) = (number(&head[..8]), number(&head[9..17])) else { return Ok(None) };
    if length as usize > LONGEST {
        return Ok(None);
    }
    let mut text = vec![0; length as usize + 1];
    if !filled(reader, &mut text)? || text.pop() != Some(b'\n') || crc32fast::hash(&text) != sum {
        return Ok(None);
    }
    Ok(String::from_utf8(text).ok())
}

fn filled(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Checksum, space, length, space.
const HEAD: usize = 18;
/// The longest message that a hub may take.
const LONGEST: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_up_to_a_torn_tail() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("one");
        let texts = ["{}", "{\n\"a\": \"é\"}", "", "last"];
        let mut segment = Segment::create(1, path.clone()).unwrap();
        texts.iter().for_each(|text| segment.append(text).unwrap());
        assert_eq!(segment.read().unwrap(), texts[0]);
        segment.append("more").unwrap();
        for text in texts[1..].iter().chain(&["more"]) {
            assert_eq!(segment.read().unwrap(), *text);
        }
        assert_eq!((segment.unread, segment.open), (0, 5));
        assert!(segment.read().is_err());
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len() as u64, segment.bytes);
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (found, torn) = Segment::found(1, path.clone()).unwrap();
            assert_eq!(torn, found.bytes != cut as u64, "{cut}");
            assert!(found.unread < 5);
        }
        let mut spoiled = whole.clone();
        spoiled[whole.len() - 3] ^= 1;
        std::fs::write(&path, &spoiled).unwrap();
        let (found, torn) = Segment::found(1, path.clone()).unwrap();
        assert_eq!((found.unread, torn), (4, true));
        std::fs::write(&path, b"00000000 ffffffff x").unwrap();
        assert_eq!(Segment::found(1, path).unwrap().0.unread, 0);
    }
}
