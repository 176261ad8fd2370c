//! What was taken of each start of a sensor, so that what is sent again is not told again.
//!
//! Numbers of a start grow, so the last one tells of all before it. Remembered are as many starts as [`STARTS`], those of the
//! longest ago forgotten first; the memory ends with the hub.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The last numbers of all starts.
#[derive(Debug, Default)]
pub(crate) struct Taken(Mutex<Starts>);

/// The last number of one start, shared by all connections that send of it; none at first.
pub(crate) type Last = Arc<Mutex<Option<u64>>>;

#[derive(Debug, Default)]
struct Starts {
    /// By sensor and boot: when it was asked for, and the number.
    lasts: HashMap<Key, (u64, Last)>,
    /// By when they were asked for.
    asked: BTreeMap<u64, Key>,
    now: u64,
}

type Key = (String, String);

impl Taken {
    /// The last number of this start.
    pub(crate) fn of(&self, sensor: &str, boot: &str) -> Last {
        let key = (sensor.to_owned(), boot.to_owned());
        let mut starts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        starts.now += 1;
        let Starts { lasts, asked, now } = &mut *starts;
        let (when, last) = lasts.entry(key.clone()).or_default();
        asked.remove(when);
        *when = *now;
        let last = Arc::clone(last);
        asked.insert(*now, key);
        if lasts.len() > STARTS
            && let Some((_, oldest)) = asked.pop_first()
        {
            lasts.remove(&oldest);
        }
        last
    }
}

/// Starts that are remembered: with names of the greatest length, under 2 MiB.
const STARTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_remembered_and_who_is_gone_longest_forgotten() {
        let taken = Taken::default();
        *taken.of("lab", "b").lock().unwrap() = Some(7);
        *taken.of("desk", "b").lock().unwrap() = Some(8);
        assert_eq!(*taken.of("lab", "b").lock().unwrap(), Some(7));
        for number in 0..STARTS - 1 {
            taken.of("lab", &number.to_string());
        }
        assert_eq!(*taken.of("lab", "b").lock().unwrap(), Some(7));
        assert_eq!(*taken.of("desk", "b").lock().unwrap(), None);
        let starts = taken.0.lock().unwrap();
        assert_eq!((starts.lasts.len(), starts.asked.len()), (STARTS, STARTS));
    }
}
