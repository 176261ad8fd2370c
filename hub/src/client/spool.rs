//! The spool: every message that is not dealt with, in order.
//!
//! Messages fly (they were handed to this connection) or wait. Without a connection none flies. What is acknowledged leaves at
//! the front; where there is no room, the oldest that does not fly leaves, counted.

use std::collections::VecDeque;

use tungstenite::Utf8Bytes;

use crate::client::publisher_counters::{LOST, Lost, PublisherCounters, REFUSED};
use crate::counters::Reasons;

/// All messages of a publisher. Locks nothing, and waits for nobody.
#[derive(Debug)]
pub(crate) struct Spool {
    messages: usize,
    bytes: usize,
    flying: VecDeque<Item>,
    flying_bytes: usize,
    waiting: VecDeque<Item>,
    /// Of those that fly or wait.
    held_bytes: usize,
    /// Frames of this connection that are dealt with: the first that flies is the one behind.
    dealt: u64,
    refusals: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Item {
    text: Utf8Bytes,
    /// It was handed to a connection, so some hub may have it.
    sent: bool,
    /// What the hub said of it, by the index of the reason.
    refused: Option<usize>,
}

#[derive(Debug, Default)]
struct Counts {
    made: u64,
    acknowledged: u64,
    refused: [u64; REFUSED.len()],
    lost: [u64; LOST.len()],
    unconfirmed: u64,
}

impl Spool {
    pub(crate) fn new(messages: usize, bytes: usize) -> Self {
        Self {
            messages,
            bytes,
            flying: VecDeque::new(),
            flying_bytes: 0,
            waiting: VecDeque::new(),
            held_bytes: 0,
            dealt: 0,
            refusals: 0,
            counts: Counts::default(),
        }
    }

    /// Takes a message; what is too much leaves, the oldest first.
    pub(crate) fn push(&mut self, text: Utf8Bytes) {
        self.counts.made += 1;
        self.held_bytes += text.len();
        self.waiting.push_back(Item { text, sent: false, refused: None });
        while !self.fits(0, 0) {
            // What flies is bounded by less than the spool, unless the spool is tiny: then the message itself leaves.
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.held_bytes -= oldest.text.len();
            self.counts.lose(&oldest, Lost::Full);
        }
    }

    /// Whether there is room for a message of this length.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.fits(1, bytes)
    }

    /// The next messages for this connection, up to `messages` of `bytes`, at least one: none while `window` fly. Those longer
    /// than `longest` are lost.
    pub(crate) fn take(&mut self, batch: Window, window: Window, longest: usize) -> Vec<Utf8Bytes> {
        let (mut texts, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.waiting.front() {
            let len = next.text.len();
            let full = |window: Window, messages: usize, bytes: usize| {
                messages > 0 && (messages >= window.messages || bytes + len > window.bytes)
            };
            if len <= longest && (full(batch, texts.len(), bytes) || full(window, self.flying.len(), self.flying_bytes))
            {
                break;
            }
            let Some(mut item) = self.waiting.pop_front() else { break };
            if len > longest {
                self.held_bytes -= len;
                self.counts.lose(&item, Lost::TooLongForHub);
                continue;
            }
            item.sent = true;
            item.refused = None;
            bytes += len;
            self.flying_bytes += len;
            texts.push(item.text.clone());
            self.flying.push_back(item);
        }
        texts
    }

    /// The hub has dealt with so many frames of this connection.
    ///
    /// # Errors
    ///
    /// It cannot have, as fewer were sent.
    pub(crate) fn acknowledge(&mut self, frames: u64) -> Result<(), &'static str> {
        let more = frames.saturating_sub(self.dealt);
        if more > self.flying.len() as u64 {
            return Err("the hub acknowledges what was not sent");
        }
        for _ in 0..more {
            self.land(|counts, item| match item.refused {
                Some(reason) => counts.refused[reason] += 1,
                None => counts.acknowledged += 1,
            });
        }
        Ok(())
    }

    /// The hub does not take this frame of the connection, which is counted when it is acknowledged. Gives how often a hub
    /// said so.
    pub(crate) fn refuse(&mut self, frame: u64, reason: &str) -> u64 {
        let at = frame.checked_sub(self.dealt + 1).and_then(|at| usize::try_from(at).ok());
        if let Some(item) = at.and_then(|at| self.flying.get_mut(at)) {
            item.refused = Some(REFUSED.iter().position(|known| *known == reason).unwrap_or(REFUSED.len() - 1));
        }
        self.refusals += 1;
        self.refusals
    }

    /// The system took all that flies, and nobody will ever acknowledge it.
    pub(crate) fn leave_unconfirmed(&mut self) {
        while !self.flying.is_empty() {
            self.land(|counts, _| counts.unconfirmed += 1);
        }
    }

    /// The hub gave the connection up over a message that is too long, without saying which: the longest it must be.
    pub(crate) fn lose_longest(&mut self) {
        let longest = self.flying.iter().enumerate().max_by_key(|(_, item)| item.text.len());
        let Some(item) = longest.map(|(at, _)| at).and_then(|at| self.flying.remove(at)) else { return };
        self.flying_bytes -= item.text.len();
        self.held_bytes -= item.text.len();
        self.counts.lost[Lost::TooLongForHub as usize] += 1;
    }

    /// The connection is gone: what flew waits again, in front.
    pub(crate) fn disconnected(&mut self) {
        while let Some(item) = self.flying.pop_back() {
            self.waiting.push_front(item);
        }
        self.flying_bytes = 0;
        self.dealt = 0;
    }

    /// Whether nothing waits and nothing flies.
    pub(crate) fn is_empty(&self) -> bool {
        self.flying.is_empty() && self.waiting.is_empty()
    }

    /// The end: nothing is sent any more.
    pub(crate) fn close(&mut self) {
        self.disconnected();
        while let Some(item) = self.waiting.pop_front() {
            self.held_bytes -= item.text.len();
            self.counts.lose(&item, Lost::Closing);
        }
    }

    /// The numbers that the spool knows.
    pub(crate) fn counters(&self) -> PublisherCounters {
        fn named<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> Reasons {
            Reasons(names.into_iter().zip(counts).collect())
        }
        PublisherCounters {
            made: self.counts.made,
            acknowledged: self.counts.acknowledged,
            refused: named(REFUSED, self.counts.refused),
            lost: named(LOST, self.counts.lost),
            unconfirmed: self.counts.unconfirmed,
            memory_messages: (self.flying.len() + self.waiting.len()) as u64,
            memory_bytes: self.held_bytes as u64,
            ..PublisherCounters::default()
        }
    }

    fn fits(&self, messages: usize, bytes: usize) -> bool {
        self.flying.len() + self.waiting.len() + messages <= self.messages && self.held_bytes + bytes <= self.bytes
    }

    /// The first that flies is dealt with.
    fn land(&mut self, count: impl FnOnce(&mut Counts, &Item)) {
        if let Some(item) = self.flying.pop_front() {
            self.dealt += 1;
            self.flying_bytes -= item.text.len();
            self.held_bytes -= item.text.len();
            count(&mut self.counts, &item);
        }
    }
}

impl Counts {
    fn lose(&mut self, item: &Item, why: Lost) {
        if item.sent {
            self.unconfirmed += 1;
        } else {
            self.lost[why as usize] += 1;
        }
    }
}

/// So many messages of so many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}
