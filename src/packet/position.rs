//! Where a run through a capture stopped, so that the next piece of it goes on as if there had been no cut.

use crate::packet::fragment::FragmentTable;
use crate::time::Timestamp;

/// A place between two frames of a capture, with all that decoding remembers of what lies before it.
///
/// [`Decoder::position`](crate::packet::Decoder::position) tells it after a piece of a capture,
/// [`Decoder::resume`](crate::packet::Decoder::resume) goes on from it with the next piece.
#[derive(Clone, Debug)]
pub struct Position {
    frame: u64,
    clock: Timestamp,
    pub(super) fragments: FragmentTable,
}

impl Position {
    /// The place behind frame number `frame` (0 is the beginning), where `clock` is the largest stamp of the packets before
    /// ([`Timestamp::MIN`] when there were none). Of fragments it knows nothing: those that follow a first fragment before
    /// this place are skipped.
    pub fn new(frame: u64, clock: Timestamp) -> Self {
        Self { frame, clock, fragments: FragmentTable::default() }
    }

    pub(super) fn with_fragments(frame: u64, clock: Timestamp, fragments: FragmentTable) -> Self {
        Self { frame, clock, fragments }
    }

    /// Number of the last frame before this place, in the whole capture; the next one has the number after it.
    pub const fn frame(&self) -> u64 {
        self.frame
    }

    /// The clock of the capture at this place: the largest stamp of the packets accepted before it.
    pub const fn clock(&self) -> Timestamp {
        self.clock
    }
}

/// The beginning of a capture.
impl Default for Position {
    fn default() -> Self {
        Self::new(0, Timestamp::MIN)
    }
}
