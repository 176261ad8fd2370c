//! When intervals end: of a wire by the clock, of captures by their packets, so that they are the same at any speed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flowgauge::Timestamp;
use flowgauge::pipeline::{Batch, Item};

pub(crate) struct Clock {
    length: Duration,
    now: Option<Running>,
}

/// The interval that runs.
#[derive(Clone, Copy)]
enum Running {
    /// Of a capture, up to this stamp; at the end of time there is none.
    Packets(Option<Timestamp>),
    /// Of a wire: since when, and until when.
    Wire(Instant, Instant),
}

/// An interval that is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Over {
    /// The first item that does not belong to it.
    pub(crate) index: usize,
    pub(crate) end: Timestamp,
    pub(crate) length: Duration,
}

impl Clock {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, now: None }
    }

    /// The interval that ends with items of this batch; `None` where all of them belong to the one that runs.
    ///
    /// Silent intervals of a capture are left out. A stamp far before the interval says that the clock was wrong or set back:
    /// it begins another.
    pub(crate) fn end_in(&mut self, batch: &Batch) -> Option<Over> {
        if batch.is_live() {
            return self.end_on_wire(batch);
        }
        for (index, item) in batch.items.iter().enumerate() {
            let Item::Packet(packet) = item else { continue };
            let stamp = packet.stamp();
            let following = stamp.saturating_add(self.length);
            let following = (following > stamp).then_some(following);
            let Some(Running::Packets(due)) = self.now else {
                self.now = Some(Running::Packets(following));
                continue;
            };
            let late = due.and_then(|due| (stamp >= due).then(|| stamp.nanos_since(due)));
            let due = due.unwrap_or(Timestamp::MAX);
            let next = match late {
                Some(late) => {
                    let length = u64::try_from(self.length.as_nanos()).unwrap_or(u64::MAX);
                    let next = due.saturating_add_nanos((late / length).saturating_add(1).saturating_mul(length));
                    (next > stamp).then_some(next)
                }
                None if stamp.saturating_add(self.length).saturating_add(self.length.max(BACK)) < due => following,
                None => continue,
            };
            self.now = Some(Running::Packets(next));
            return Some(Over { index, end: due, length: self.length });
        }
        None
    }

    fn end_on_wire(&mut self, batch: &Batch) -> Option<Over> {
        let now = Instant::now();
        let Some(Running::Wire(began, due)) = self.now else {
            self.now = Some(Running::Wire(now, now + self.length));
            return None;
        };
        if now < due {
            return None;
        }
        self.now = Some(Running::Wire(now, following(due, self.length, now)));
        Some(Over { index: batch.items.len(), end: self::now(), length: now - began })
    }

    /// The last interval, which may be shorter: of a capture it ends with its last packet.
    pub(crate) fn last(&self, batch: &Batch) -> Over {
        let (end, length) = match self.now {
            Some(Running::Wire(began, _)) => (now(), began.elapsed()),
            Some(Running::Packets(Some(due))) => {
                let began = due.saturating_sub(self.length);
                (batch.clock(), Duration::from_nanos(batch.clock().nanos_since(began)).min(self.length))
            }
            Some(Running::Packets(None)) => (batch.clock(), self.length),
            None => (now(), self.length),
        };
        // Nobody is to divide by nothing.
        Over { index: 0, end, length: length.max(Duration::from_millis(1)) }
    }
}

/// When the interval after the one that was due ends: a length later, unless a long call has used that up.
fn following(due: Instant, length: Duration, now: Instant) -> Instant {
    let next = due + length;
    if next > now { next } else { now + length }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A capture's clock that goes back by more than this was set back, where packets only come out of order otherwise.
const BACK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use flowgauge::packet::LinkType;

    fn at(millis: i64) -> Batch {
        Batch::of_packet(1, Timestamp::from_millis(millis), LinkType::ETHERNET, vec![0; 60])
    }

    #[test]
    fn a_late_interval_makes_the_next_one_neither_late_nor_empty() {
        let (due, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(following(due, second, due + second / 4), due + second);
        assert_eq!(following(due, second, due + second * 3), due + second * 4);
    }

    #[test]
    fn intervals_of_a_capture_go_by_its_packets() {
        let mut clock = Clock::new(Duration::from_secs(1));
        let ends: Vec<_> = [0, 999, 1000, 1500, 5500, 6999, 7000]
            .map(|millis| clock.end_in(&at(millis)).map(|over| (over.index, over.end.as_millis())))
            .into();
        assert_eq!(ends, [None, None, Some((0, 1000)), None, Some((0, 2000)), Some((0, 6000)), Some((0, 7000))]);
    }

    #[test]
    fn a_stamp_of_the_future_holds_up_no_interval() {
        let mut clock = Clock::new(Duration::from_secs(1));
        let far = 4_000_000_000_000;
        let ends: Vec<_> =
            [0, far, 500, 1499, 1500].map(|millis| clock.end_in(&at(millis)).map(|over| over.end.as_millis())).into();
        assert_eq!(ends, [None, Some(1000), Some(far + 1000), None, Some(1500)]);
        // What is merely out of order belongs to the interval that runs.
        let mut clock = Clock::new(Duration::from_secs(5));
        assert!([10_000, 2_000, 14_999].iter().all(|millis| clock.end_in(&at(*millis)).is_none()));
    }

    #[test]
    fn the_last_interval_is_as_long_as_it_was() {
        let mut clock = Clock::new(Duration::from_secs(5));
        assert_eq!(clock.last(&at(0)).length, Duration::from_secs(5));
        clock.end_in(&at(1_000));
        assert_eq!(
            clock.last(&at(2_500)),
            Over { index: 0, end: Timestamp::from_millis(2_500), length: Duration::from_millis(1_500) }
        );
        assert_eq!(clock.last(&at(1_000)).length, Duration::from_millis(1));
    }

    #[test]
    fn a_stamp_at_the_end_of_time_ends_an_interval_and_no_more() {
        let mut clock = Clock::new(Duration::from_nanos(1));
        let last = Batch::of_packet(1, Timestamp::MAX, LinkType::ETHERNET, vec![0; 60]);
        assert!(clock.end_in(&at(0)).is_none());
        assert!(clock.end_in(&last).is_some());
        assert!(clock.end_in(&last).is_none());
        let mut only = Clock::new(Duration::from_secs(1));
        assert_eq!([only.end_in(&last), only.end_in(&last), only.end_in(&last)], [None; 3]);
    }
}
