//! The part of a capture that is in memory: one block, filled from its stream, emptied record by record.

use std::io;
use std::io::Read;
use std::sync::Arc;

use crate::capture::Block;
use crate::capture::FrameBatch;
use crate::capture::pool::Pool;

/// Bytes of a stream in a block that is still ours; the read ones leave with the block, the rest moves to the next.
#[derive(Debug)]
pub(super) struct Window {
    block: Arc<Block>,
    start: usize,
    end: usize,
    /// Where in the stream the block begins.
    base: u64,
    /// How the stream ended, if that was seen together with its last bytes: it need not say so twice.
    ended: Option<io::Result<()>>,
    pool: Pool,
}

/// What asking for more bytes brought.
#[derive(Debug)]
pub(super) enum Filled {
    /// At least one.
    Bytes,
    /// None for now.
    Silence,
    /// None, and there will be none.
    End,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { block: new_block(BLOCK_BYTES), start: 0, end: 0, base: 0, ended: None, pool: Pool::default() }
    }

    /// Begins a new stream; what was left of the last one is gone.
    pub(super) fn restart(&mut self) {
        (self.start, self.end, self.base, self.ended) = (0, 0, 0, None);
    }

    /// Takes out what is in the window, to be read again from another stream in front of the rest.
    pub(super) fn take_back(&mut self) -> Vec<u8> {
        let bytes = self.bytes()[self.start..].to_vec();
        self.restart();
        bytes
    }

    /// Reads from `stream` until something came, or the block is full if the stream does not make us wait.
    ///
    /// Makes room first for `wanted` bytes from the next unread one.
    pub(super) fn fill(&mut self, stream: &mut dyn Read, waits: bool, wanted: usize) -> io::Result<Filled> {
        if let Some(ended) = self.ended.take() {
            return ended.map(|()| Filled::End);
        }
        self.make_room(wanted);
        let before = self.end;
        let block = own(&mut self.block);
        loop {
            match stream.read(&mut block.bytes[self.end..]) {
                Ok(0) => self.ended = Some(Ok(())),
                Ok(bytes) => {
                    self.end += bytes;
                    if !waits && self.end < block.bytes.len() {
                        continue;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => self.ended = Some(Err(error)),
            }
            break;
        }
        if self.end > before {
            return Ok(Filled::Bytes);
        }
        self.ended.take().map_or(Ok(Filled::Silence), |ended| ended.map(|()| Filled::End))
    }

    /// Marks everything before `position` of the block as read.
    pub(super) fn read_to(&mut self, position: usize) {
        self.start = position.min(self.end);
    }

    /// Drops up to `bytes` unread bytes; how many there were.
    pub(super) fn skip(&mut self, bytes: u64) -> u64 {
        let here = bytes.min(self.unread() as u64);
        self.start += here as usize;
        here
    }

    /// Gives the block to `batch`; the unread rest begins a new one.
    pub(super) fn hand_over(&mut self, batch: &mut FrameBatch) {
        let rest = self.unread();
        let next = self.pool.take().filter(|block| block.bytes.len() >= rest);
        let mut next = next.unwrap_or_else(|| new_block(rest.max(BLOCK_BYTES)));
        own(&mut next).bytes[..rest].copy_from_slice(&self.block.bytes[self.start..self.end]);
        let full = std::mem::replace(&mut self.block, next);
        self.base += self.start as u64;
        (self.start, self.end) = (0, rest);
        self.pool.lend(&full);
        batch.block = full;
    }

    /// The block up to the last byte that was filled in; the read ones are part of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.block.bytes[..self.end]
    }

    /// Where in [`bytes`](Self::bytes) the first unread one is.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// How many bytes are unread.
    pub(super) fn unread(&self) -> usize {
        self.end - self.start
    }

    /// Where in the stream the first unread byte is.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    fn make_room(&mut self, wanted: usize) {
        let unread = self.unread();
        let wanted = wanted.max(unread + 1);
        if self.block.bytes.len() < wanted {
            let mut larger = new_block(wanted.next_multiple_of(BLOCK_BYTES));
            own(&mut larger).bytes[..unread].copy_from_slice(&self.bytes()[self.start..]);
            self.block = larger;
        } else if self.start > 0 {
            let (start, end) = (self.start, self.end);
            own(&mut self.block).bytes.copy_within(start..end, 0);
        }
        self.base += self.start as u64;
        (self.start, self.end) = (0, unread);
    }
}

/// A block is written to only while nobody else holds it.
fn own(block: &mut Arc<Block>) -> &mut Block {
    Arc::get_mut(block).expect("a block is shared only when it is handed over, and then it is no longer ours")
}

/// Zeroed once; a block that comes back from the pool is overwritten, not cleared.
fn new_block(bytes: usize) -> Arc<Block> {
    Arc::new(Block::new(vec![0; bytes]))
}

/// Large enough that a system call costs nothing per packet, small enough to stay in the second-level cache.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
