//! What was taken, refused, delivered and lost: numbers that add up.
//!
//! Two laws, which [`Snapshot::check`] proves: what was received is what was accepted plus what was refused, by reason; what
//! was offered to subscribers is what was delivered, plus what was dropped, by reason, plus what waits.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Why a message of a publisher was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// It is no message, or no dumpling.
    Malformed,
    /// It is longer than `max_message_bytes`; the connection ends with it.
    TooLong,
    /// Its topic belongs to the hub.
    Reserved,
    /// It names another sensor than the publisher's hello.
    Sensor,
    /// The hub is about to end.
    Closing,
    /// Its number is not above the last of that start of the sensor: it was taken before.
    Duplicate,
    /// The broker did not store it in time.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "its name is told in every build"))]
    Broker,
}

/// Why a message for a subscriber did not reach it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dropped {
    /// Its ring was full, and it was the oldest there.
    Oldest,
    /// Its ring was full, and so the subscriber was told to leave.
    Slow,
    /// The subscriber left, or its connection broke.
    Gone,
    /// The hub ended before it could be sent.
    Closing,
}

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turned {
    /// `max_connections` or `max_publishers` are there.
    Full,
    /// TLS was not agreed on within `hello_timeout`.
    Tls,
    /// No token, an unknown one, or one without the role.
    Token,
    /// Its Origin, or the host it asked for, is not allowed.
    Origin,
    /// Its hello did not come within `hello_timeout`, or was none.
    Hello,
}

/// Counts for ever; read by [`Counters::snapshot`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    received: AtomicU64,
    accepted: AtomicU64,
    offered: AtomicU64,
    delivered: AtomicU64,
    uncrossed: AtomicU64,
    throttled: AtomicU64,
    /// Of those delivered, what went to eaters.
    to_eaters: AtomicU64,
    refused: [AtomicU64; REFUSED.len()],
    dropped: [AtomicU64; DROPPED.len()],
    turned: [AtomicU64; TURNED.len()],
}

impl Counters {
    pub(crate) fn accept(&self) {
        self.received.fetch_add(1, Relaxed);
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(crate) fn refuse(&self, why: Refused) {
        self.received.fetch_add(1, Relaxed);
        self.refused[why as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn offer(&self, messages: u64) {
        self.offered.fetch_add(messages, Relaxed);
    }

    pub(crate) fn deliver(&self, messages: u64) {
        self.delivered.fetch_add(messages, Relaxed);
    }

    /// So many of those delivered went to an eater.
    pub(crate) fn feed_eater(&self, messages: u64) {
        self.to_eaters.fetch_add(messages, Relaxed);
    }

    /// What all eaters got.
    pub(crate) fn to_eaters(&self) -> u64 {
        self.to_eaters.load(Relaxed)
    }

    pub(crate) fn lose(&self, why: Dropped, messages: u64) {
        self.dropped[why as usize].fetch_add(messages, Relaxed);
    }

    /// A dumpling that is no message of ours: only eaters get it.
    pub(crate) fn keep_apart(&self) {
        self.uncrossed.fetch_add(1, Relaxed);
    }

    /// A publisher that was faster than its rate had to wait.
    pub(crate) fn throttle(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    /// Gives how many were turned away for this reason so far.
    pub(crate) fn turn_away(&self, why: Turned) -> u64 {
        self.turned[why as usize].fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn snapshot(&self, queued: u64) -> Snapshot {
        let read = |n: &AtomicU64| n.load(Relaxed);
        fn named<const N: usize>(names: [&'static str; N], counts: &[AtomicU64; N]) -> Reasons {
            Reasons(names.into_iter().zip(counts.iter().map(|n| n.load(Relaxed))).collect())
        }
        Snapshot {
            received: read(&self.received),
            accepted: read(&self.accepted),
            refused: named(REFUSED, &self.refused),
            offered: read(&self.offered),
            delivered: read(&self.delivered),
            dropped: named(DROPPED, &self.dropped),
            queued,
            uncrossed: read(&self.uncrossed),
            throttled: read(&self.throttled),
            turned_away: named(TURNED, &self.turned),
        }
    }
}

/// The numbers at one moment. While messages flow, those of a law are read one after the other and may differ by the few in
/// between; at rest they add up.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Messages that publishers sent, those of the hub itself too.
    pub received: u64,
    /// Those that were taken.
    pub accepted: u64,
    /// Those that were not, by reason.
    pub refused: Reasons,
    /// Messages for subscribers: each counts once for every subscriber that wants it.
    pub offered: u64,
    /// Those that the system took for the subscriber's connection (of server-sent events: the HTTP layer).
    pub delivered: u64,
    /// Those that no longer can be, by reason.
    pub dropped: Reasons,
    /// Those that wait, or are being written.
    pub queued: u64,
    /// Accepted dumplings that only eaters get, because they are not JSON (`NaN`) or their names are no names of ours.
    pub uncrossed: u64,
    /// How often a publisher was read later because it was faster than `max_messages_per_second`.
    pub throttled: u64,
    /// Connections that were turned away, by reason.
    pub turned_away: Reasons,
}

impl Snapshot {
    /// Whether both laws hold.
    ///
    /// # Errors
    ///
    /// The law that does not, with its numbers.
    pub fn check(&self) -> Result<(), String> {
        let Self { received, accepted, offered, delivered, queued, .. } = self;
        let (refused, dropped) = (self.refused.total(), self.dropped.total());
        if *received != accepted + refused {
            return Err(format!("received {received} is not accepted {accepted} + refused {refused}"));
        }
        if *offered != delivered + dropped + queued {
            return Err(format!(
                "offered {offered} is not delivered {delivered} + dropped {dropped} + queued {queued}"
            ));
        }
        Ok(())
    }

    /// In the text format of Prometheus, version 0.0.4.
    pub(crate) fn prometheus(&self) -> String {
        let mut text = String::new();
        let mut one = |kind: &str, name: &str, help: &str, values: &[(&str, u64)]| {
            let _ = writeln!(text, "# HELP flowgauge_hub_{name} {help}\n# TYPE flowgauge_hub_{name} {kind}");
            for (reason, value) in values {
                let label = if reason.is_empty() { String::new() } else { format!("{{reason=\"{reason}\"}}") };
                let _ = writeln!(text, "flowgauge_hub_{name}{label} {value}");
            }
        };
        let plain = |value: u64| [("", value)];
        one("counter", "received_total", "Messages that publishers sent.", &plain(self.received));
        one("counter", "accepted_total", "Messages that were taken.", &plain(self.accepted));
        one("counter", "refused_total", "Messages that were not taken.", &self.refused.0);
        one("counter", "offered_total", "Messages times the subscribers that want them.", &plain(self.offered));
        one("counter", "delivered_total", "Messages written to subscribers.", &plain(self.delivered));
        one("counter", "dropped_total", "Messages that subscribers wanted and did not get.", &self.dropped.0);
        one("gauge", "queued", "Messages that wait for subscribers.", &plain(self.queued));
        one("counter", "uncrossed_total", "Dumplings that only eaters get.", &plain(self.uncrossed));
        one("counter", "throttled_total", "Pauses of publishers that were too fast.", &plain(self.throttled));
        one("counter", "turned_away_total", "Connections that were turned away.", &self.turned_away.0);
        text
    }
}

/// Counts by reason.
#[derive(Clone, Debug, Default)]
pub struct Reasons(pub(crate) Vec<(&'static str, u64)>);

impl Reasons {
    /// The count of this reason; 0 also for one that there is not.
    pub fn of(&self, reason: &str) -> u64 {
        self.0.iter().find(|(name, _)| *name == reason).map_or(0, |(_, count)| *count)
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

impl Serialize for Reasons {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Names of the reasons, in the order of their enums.
pub(crate) const REFUSED: [&str; 7] = ["malformed", "too_long", "reserved", "sensor", "closing", "duplicate", "broker"];
const DROPPED: [&str; 4] = ["oldest", "slow", "gone", "closing"];
pub(crate) const TURNED: [&str; 5] = ["full", "tls", "token", "origin", "hello"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_that_does_not_hold_is_told() {
        let counters = Counters::default();
        counters.accept();
        counters.refuse(Refused::Closing);
        counters.offer(3);
        counters.deliver(1);
        counters.lose(Dropped::Closing, 1);
        let snapshot = counters.snapshot(1);
        snapshot.check().unwrap();
        assert_eq!((snapshot.refused.of("closing"), snapshot.dropped.of("closing")), (1, 1));
        assert!(counters.snapshot(0).check().unwrap_err().contains("offered 3"));
        counters.turn_away(Turned::Hello);
        let text = counters.snapshot(1).prometheus();
        assert!(text.contains("flowgauge_hub_turned_away_total{reason=\"hello\"} 1\n"), "{text}");
        assert!(text.contains("\nflowgauge_hub_delivered_total 1\n"));
    }
}
