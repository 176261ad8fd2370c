//! A message in the spool, and what is counted when it leaves.

use tungstenite::Utf8Bytes;

use crate::client::publisher_counters::{LOST, Lost, PublisherCounters, REFUSED};
use crate::counters::Reasons;

/// A message that is not dealt with.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) text: Utf8Bytes,
    /// It was handed to a connection, so some hub may have it.
    pub(crate) sent: bool,
    /// The file that it was read from.
    pub(crate) file: Option<u64>,
    /// What the hub said of it, by the index of the reason.
    pub(crate) refused: Option<usize>,
}

/// What became of those that were.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) made: u64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: [u64; REFUSED.len()],
    pub(crate) lost: [u64; LOST.len()],
    pub(crate) unconfirmed: u64,
}

/// So many messages of so many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

impl Counts {
    /// It will never be sent again.
    pub(crate) fn lose(&mut self, item: &Item, why: Lost) {
        if item.sent {
            self.unconfirmed += 1;
        } else {
            self.lost[why as usize] += 1;
        }
    }

    /// The same for people; the rest of the counters is nothing.
    pub(crate) fn told(&self) -> PublisherCounters {
        fn named<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> Reasons {
            Reasons(names.into_iter().zip(counts).collect())
        }
        PublisherCounters {
            made: self.made,
            acknowledged: self.acknowledged,
            refused: named(REFUSED, self.refused),
            lost: named(LOST, self.lost),
            unconfirmed: self.unconfirmed,
            ..PublisherCounters::default()
        }
    }
}
