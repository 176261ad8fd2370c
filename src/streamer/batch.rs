//! Packets on their way to a worker: one block's share for it.

use std::sync::Arc;

use crate::capture::Block;
use crate::meter::Descriptor;
use crate::time::Timestamp;

/// What a worker is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// Packets of one block.
    Batch(Batch),
    /// There is nothing for this worker, but the clock has moved on to here.
    Tick(Timestamp),
}

/// Packets of one block that belong to one worker, in the order of the capture.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) block: Arc<Block>,
    pub(super) descriptors: Vec<Descriptor>,
    /// The clock after the last packet of the block, whosever it is.
    pub(super) clock: Timestamp,
}
