//! What became of everything, and a sink that only counts.

use crate::capture::Dropped;
use crate::error::Result;
use crate::packet::SkipReason;
use crate::pipeline::{Batch, Sink};

/// What the parts of a pipeline counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Frames that were read.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Frames that the filter did not let through.
    pub filtered: u64,
    /// Frames whose stamp was out of range.
    pub time_out_of_range: u64,
    /// Frames that were lost before they were read.
    pub dropped: Dropped,
    /// Frames that decoding refused, by reason, in the order of [`SkipReason::ALL`]. Each is an item all the same.
    pub skipped: [u64; SkipReason::ALL.len()],
    /// Packets without a transport layer to tell: later fragments, and what was cut before it.
    pub without_transport: u64,
    /// Flow records that were made.
    pub flows: u64,
    /// DNS messages that were found.
    pub dns_messages: u64,
    /// HTTP messages that were told.
    pub http_messages: u64,
    /// TLS records that were told.
    pub tls_records: u64,
    /// Items that a counting sink took, or records that an exporting one wrote.
    pub taken: u64,
    /// What looking up names came to.
    pub lookups: LookupCounts,
}

/// What looking up names came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LookupCounts {
    /// Lookups that were begun.
    pub asked: u64,
    /// Answers with a name.
    pub names: u64,
    /// Answers that there is none.
    pub nxdomain: u64,
    /// Lookups without an answer that could be used.
    pub failed: u64,
    /// Lookups that were not begun because too many were on their way.
    pub put_off: u64,
    /// Names that the capture's own DNS answers told.
    pub learnt: u64,
}

impl Counts {
    /// Frames that decoding refused for this reason.
    pub fn skipped(&self, reason: SkipReason) -> u64 {
        self.skipped[reason as usize]
    }
}

/// A sink that counts items and forgets them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// Items so far.
    pub items: u64,
}

impl Sink for Counter {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        self.items += batch.items.len() as u64;
        Ok(())
    }

    fn count(&self, counts: &mut Counts) {
        counts.taken += self.items;
    }
}
