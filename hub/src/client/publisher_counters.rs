//! What became of a publisher's messages: numbers that add up.

use serde::Serialize;

use crate::counters::Reasons;

/// The numbers at one moment. [`check`](Self::check) proves that nothing went missing.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct PublisherCounters {
    /// Messages that were published.
    pub made: u64,
    /// Messages that an earlier start of the sensor had left on disk, with one for each file that ends within a message.
    pub found: u64,
    /// Those that the hub has acknowledged.
    pub acknowledged: u64,
    /// Those that the hub refused, by reason: `malformed`, `sensor`, `reserved`, `other`.
    pub refused: Reasons,
    /// Those that were never sent and never will be, by reason: `full` (the spool was, and it was the oldest), `too_long_for_hub`,
    /// `closing` (the publisher ended), `damaged` (on disk; of a file that ends within a message, that one).
    pub lost: Reasons,
    /// Those that were sent and not acknowledged before they left: the hub may have them. All that goes to `nd-hub`, which
    /// acknowledges nothing.
    pub unconfirmed: u64,
    /// Those that wait in memory, or for their acknowledgement.
    pub memory_messages: u64,
    /// Bytes of them.
    pub memory_bytes: u64,
    /// Those that wait on disk.
    pub disk_messages: u64,
    /// Bytes of all files of the spool.
    pub disk_bytes: u64,
    /// Those that stayed on disk when the publisher ended.
    pub left: u64,
    /// How often the disk failed; what it could not take stayed in memory.
    pub disk_errors: u64,
    /// How often a hub was reached and said welcome.
    pub connections: u64,
    /// Whether there is a hub.
    pub connected: bool,
    /// Why there is none, or was none the last time. None when it always went well.
    pub last_error: Option<String>,
}

impl PublisherCounters {
    /// Whether every message is accounted for: made + found = acknowledged + refused + lost + unconfirmed + waiting + left.
    ///
    /// # Errors
    ///
    /// The law, with its numbers.
    pub fn check(&self) -> Result<(), String> {
        let Self { made, found, acknowledged, unconfirmed, left, .. } = self;
        let (refused, lost, waiting) = (self.refused.total(), self.lost.total(), self.waiting());
        if made + found == acknowledged + refused + lost + unconfirmed + waiting + left {
            return Ok(());
        }
        Err(format!(
            "made {made} + found {found} is not acknowledged {acknowledged} + refused {refused} + lost {lost} \
             + unconfirmed {unconfirmed} + waiting {waiting} + left {left}"
        ))
    }

    /// Messages that wait, in memory and on disk.
    pub fn waiting(&self) -> u64 {
        self.memory_messages + self.disk_messages
    }
}

/// Why a message will never be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lost {
    Full,
    TooLongForHub,
    Closing,
    Damaged,
}

/// Names of the reasons, in the order of [`Lost`].
pub(crate) const LOST: [&str; 4] = ["full", "too_long_for_hub", "closing", "damaged"];
/// What a hub may say of a message that it refuses.
pub(crate) const REFUSED: [&str; 4] = ["malformed", "sensor", "reserved", "other"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_went_missing_is_told() {
        let mut counters = PublisherCounters { made: 5, found: 1, acknowledged: 2, left: 1, ..Default::default() };
        counters.lost = Reasons(vec![("full", 1)]);
        counters.refused = Reasons(vec![("malformed", 1)]);
        assert!(counters.check().unwrap_err().contains("made 5 + found 1 is not acknowledged 2"));
        counters.memory_messages = 1;
        counters.check().unwrap();
    }
}
