//! Packets from memory: tests, examples and benches.

use std::sync::Arc;

use crate::capture::{Block, Captured, Frame, FrameBatch, PacketSource};
use crate::error::Result;
use crate::packet::LinkType;
use crate::time::Timestamp;

/// A source of frames that were put in by hand.
#[derive(Debug, Default)]
pub struct MemorySource {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    batch_frames: Option<usize>,
    block: Option<Arc<Block>>,
    next: usize,
}

impl MemorySource {
    /// A source without frames.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands out at most this many frames at a time; all at once by default.
    #[must_use]
    pub fn batch_frames(mut self, frames: usize) -> Self {
        self.batch_frames = Some(frames.max(1));
        self
    }

    /// Appends a frame that was captured whole.
    pub fn push(&mut self, stamp: Timestamp, link: LinkType, data: &[u8]) {
        self.push_cut(stamp, link, data, data.len() as u32);
    }

    /// Appends a frame of which only `data` was captured out of `wire_len` bytes.
    pub fn push_cut(&mut self, stamp: Timestamp, link: LinkType, data: &[u8], wire_len: u32) {
        self.frames.push(Frame {
            stamp,
            offset: self.bytes.len() as u32,
            captured_len: data.len() as u32,
            wire_len,
            link,
            time_out_of_range: false,
        });
        self.bytes.extend_from_slice(data);
    }
}

impl PacketSource for MemorySource {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        let block = self.block.get_or_insert_with(|| Arc::new(Block::new(std::mem::take(&mut self.bytes))));
        let end = self.frames.len().min(self.next.saturating_add(self.batch_frames.unwrap_or(self.frames.len())));
        batch.block = Arc::clone(block);
        batch.frames.clear();
        batch.frames.extend_from_slice(&self.frames[self.next..end]);
        self.next = end;
        Ok(if batch.frames.is_empty() { Captured::End } else { Captured::Frames })
    }
}
