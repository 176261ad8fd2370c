//! Packets on their way to a worker: one block's share for it.

use std::sync::Arc;

use crate::capture::Block;
use crate::meter::Descriptor;
use crate::time::Timestamp;

/// What a worker is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// Packets of a few blocks, in the order of the capture.
    Batches(Vec<Batch>),
    /// There is nothing for this worker, but the clock has moved on to here.
    Tick(Timestamp),
}

/// Packets of one block that belong to one worker, in the order of the capture.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) block: Arc<Block>,
    /// Places for descriptors, of which the first `filled` hold one.
    places: Vec<Descriptor>,
    pub(super) filled: usize,
    /// The clock after the last packet of the block, whosever it is.
    pub(super) clock: Timestamp,
}

impl Batch {
    /// The first place that is not filled.
    #[inline]
    pub(super) fn next(&mut self) -> &mut Descriptor {
        if self.filled == self.places.len() {
            self.places.push(Descriptor::EMPTY);
        }
        &mut self.places[self.filled]
    }

    /// The descriptors.
    pub(super) fn descriptors(&self) -> &[Descriptor] {
        &self.places[..self.filled]
    }

    /// Forgets packets and block; the places stay.
    pub(super) fn empty(&mut self) {
        self.filled = 0;
        self.block = Arc::default();
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { block: Arc::default(), places: Vec::new(), filled: 0, clock: Timestamp::MIN }
    }
}
