//! Where frames come from: files, streams, interfaces and memory.
//!
//! A [`PacketSource`] hands out [`FrameBatch`]es: many frames whose bytes lie in one shared [`Block`], so that they can go
//! to another thread without a copy.

mod decompress;
#[cfg(feature = "pcap")]
mod dlt;
pub mod file;
#[cfg(feature = "pcap")]
pub mod filter;
#[cfg(feature = "pcap")]
pub mod live;
pub mod memory;
mod pool;
#[cfg(feature = "pcap")]
pub(crate) mod version;

use std::sync::Arc;

use crate::error::Result;
pub use crate::packet::Block;
use crate::packet::{LinkType, RawPacket};
use crate::time::Timestamp;

/// A source of frames.
pub trait PacketSource: Send {
    /// Replaces what `batch` holds by the next frames of the source.
    ///
    /// [`Captured::Frames`] comes with at least one frame; after [`Captured::End`] or an error there is nothing more.
    ///
    /// # Errors
    ///
    /// After the last good frame, what damaged or ended the capture.
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured>;

    /// Whether this is a wire: stamps then follow the real time, and silence moves the clock.
    fn is_live(&self) -> bool {
        false
    }

    /// Which of its inputs, counted from 0, the frames of the last batch came from; a batch never has those of two.
    fn input(&self) -> usize {
        0
    }

    /// Frames that were lost before they came here, as far as the source knows.
    fn dropped(&mut self) -> Dropped {
        Dropped::default()
    }

    /// How far reading is, in bytes as they are stored; what the source cannot know is `None`.
    fn bytes(&self) -> SourceBytes {
        SourceBytes::default()
    }

    /// What the user should know of what was read since the last call, and what did no harm.
    fn warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What a source had to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Captured {
    /// The batch holds frames.
    Frames,
    /// Nothing came within a read timeout (about 100 ms); neither an end nor an error.
    Silence,
    /// There is nothing more.
    End,
}

/// Frames lost before they were read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// Dropped by the kernel: the reader was too slow.
    pub kernel: u64,
    /// Dropped by the interface or its driver.
    pub interface: u64,
}

/// How far reading a source is, in bytes as they are stored: of a compressed capture the compressed ones.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SourceBytes {
    /// Bytes read so far, of all inputs together; `None` where bytes are not what is read, as on an interface.
    pub read: Option<u64>,
    /// Bytes of all inputs together; `None` when one of them does not say before its end (a pipe, a reader).
    pub all: Option<u64>,
}

/// Where in a [`Block`] one frame lies, and what the capture says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// When it was captured.
    pub stamp: Timestamp,
    /// Where its bytes begin in the block.
    pub offset: u32,
    /// How many bytes were captured.
    pub captured_len: u32,
    /// How many bytes were on the wire.
    pub wire_len: u32,
    /// What its first byte belongs to.
    pub link: LinkType,
    /// Whether the capture's own stamp lies outside what a [`Timestamp`] can tell, so that `stamp` is saturated.
    pub time_out_of_range: bool,
}

/// Frames in the order of the capture, and the block that holds their bytes.
#[derive(Debug, Default)]
pub struct FrameBatch {
    /// The bytes.
    pub block: Arc<Block>,
    /// The frames.
    pub frames: Vec<Frame>,
}

impl FrameBatch {
    /// The frame at `index` as a raw packet with this number; its bytes are empty if the frame lies outside the block.
    #[inline]
    pub fn raw(&self, index: usize, number: u64) -> RawPacket<'_> {
        let frame = &self.frames[index];
        let start = frame.offset as usize;
        let data = self.block.bytes.get(start..start + frame.captured_len as usize).unwrap_or_default();
        RawPacket { number, stamp: frame.stamp, wire_len: frame.wire_len, link: frame.link, data }
    }
}

/// Tells a blocked source to give up: it then answers [`Captured::Silence`] within 100 ms.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<std::sync::atomic::AtomicBool>);

impl StopFlag {
    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Whether it is raised.
    #[inline]
    pub fn is_raised(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Acquire)
    }
}
