//! Which messages were told lately, so that none is told twice.
//!
//! A sensor that a hub did not answer in time sends again what that hub had; the next hub, which knows nothing of it, tells it
//! as new.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The last messages that were told, by sensor and id.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Hashes with a key of our own: nobody can make two messages of one.
    hashes: HashSet<u64>,
    oldest_first: VecDeque<u64>,
    random: RandomState,
}

/// Texts as they stand in the message: what is sent again is the same text.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    sensor: Option<&'a RawValue>,
}

impl Told {
    /// Remembers the message; says whether it is new. What has no sensor, as what a hub says of itself, always is.
    pub(crate) fn is_new(&mut self, message: &str) -> bool {
        let Ok(Names { id, sensor: Some(sensor) }) = serde_json::from_str(message) else { return true };
        let hash = self.random.hash_one((sensor.get(), id.get()));
        if !self.hashes.insert(hash) {
            return false;
        }
        self.oldest_first.push_back(hash);
        if self.oldest_first.len() > REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.hashes.remove(&oldest);
        }
        true
    }
}

/// More than a hub has in its history by default.
const REMEMBERED: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_new_once_until_it_is_forgotten() {
        let mut told = Told::default();
        let message =
            |sensor: &str, number: usize| format!(r#"{{"id": "b:{number}", "sensor": {sensor}, "payload": [1]}}"#);
        assert!(told.is_new(&message("\"lab\"", 1)) && told.is_new(&message("\"desk\"", 1)));
        assert!(!told.is_new(&message("\"lab\"", 1)) && !told.is_new(&message("\"desk\"", 1)));
        assert!(told.is_new(&message("null", 1)) && told.is_new(&message("null", 1)));
        assert!((2..=REMEMBERED).all(|number| told.is_new(&message("\"lab\"", number))));
        assert!(told.is_new(&message("\"lab\"", 1)));
        assert_eq!((told.hashes.len(), told.oldest_first.len()), (REMEMBERED, REMEMBERED));
    }
}
