//! When intervals end: of a wire by the clock, of captures by their packets, so that they are the same at any speed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flowgauge::Timestamp;
use flowgauge::pipeline::{Batch, Item};

pub(crate) struct Clock {
    length: Duration,
    due: Option<Due>,
}

#[derive(Clone, Copy)]
enum Due {
    Packets(Timestamp),
    Wire(Instant),
    Never,
}

impl Clock {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, due: None }
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// The first packet of the batch that belongs to the next interval, and when this one ends; `None` where all of it belongs
    /// to this one. Silent intervals of a capture are part of the one before them.
    pub(crate) fn end_in(&mut self, batch: &Batch) -> Option<(usize, Timestamp)> {
        if batch.is_live() {
            let now = Instant::now();
            let Some(Due::Wire(due)) = self.due else {
                self.due = Some(Due::Wire(now + self.length));
                return None;
            };
            if now < due {
                return None;
            }
            self.due = Some(Due::Wire(following(due, self.length, now)));
            return Some((batch.items.len(), self::now()));
        }
        for (index, item) in batch.items.iter().enumerate() {
            let Item::Packet(packet) = item else { continue };
            let stamp = packet.stamp();
            match self.due {
                Some(Due::Packets(due)) if stamp < due => {}
                Some(Due::Packets(due)) => {
                    let late = stamp.nanos_since(due);
                    let length = u64::try_from(self.length.as_nanos()).unwrap_or(u64::MAX);
                    let next = due.saturating_add_nanos((late / length).saturating_add(1).saturating_mul(length));
                    // At the end of time nothing comes after it.
                    self.due = Some(if next > stamp { Due::Packets(next) } else { Due::Never });
                    return Some((index, due));
                }
                Some(Due::Never) => {}
                _ => self.due = Some(Due::Packets(stamp.saturating_add(self.length))),
            }
        }
        None
    }

    /// When the last interval ends, which may be shorter.
    pub(crate) fn last(&self, batch: &Batch) -> Timestamp {
        if batch.is_live() || batch.clock() == Timestamp::MIN { now() } else { batch.clock() }
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
            .map(|millis| clock.end_in(&at(millis)).map(|(index, end)| (index, end.as_millis())))
            .into();
        assert_eq!(ends, [None, None, Some((0, 1000)), None, Some((0, 2000)), Some((0, 6000)), Some((0, 7000))]);
    }

    #[test]
    fn a_stamp_at_the_end_of_time_ends_an_interval_and_no_more() {
        let mut clock = Clock::new(Duration::from_nanos(1));
        let last = Batch::of_packet(1, Timestamp::MAX, LinkType::ETHERNET, vec![0; 60]);
        assert!(clock.end_in(&at(0)).is_none());
        assert!(clock.end_in(&last).is_some());
        assert!(clock.end_in(&last).is_none());
        assert!(clock.end_in(&at(5)).is_none());
        let mut only = Clock::new(Duration::from_secs(1));
        assert_eq!([only.end_in(&last), only.end_in(&last), only.end_in(&last)].iter().flatten().count(), 1);
    }
}
