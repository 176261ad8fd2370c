//! Where flows are found: a hash table of slots whose memory can be asked for ahead.
//!
//! Open addressing with linear probing: a place is eight bytes, and a search nearly always stays in one line of memory, so
//! that a meter can ask for the lines of many packets before it looks at any. Hashes are keyed by whoever makes them.

use crate::meter::hint;

/// Slots under 32 bits of the hashes of their flows' keys.
#[derive(Debug)]
pub(super) struct Table {
    /// The hash in the high half, in the low half the slot and one more; 0 where nothing is. As many as a power of two.
    places: Vec<u64>,
    len: usize,
}

impl Table {
    /// An empty table.
    pub(super) fn new() -> Self {
        Self { places: vec![0; FEWEST], len: 0 }
    }

    /// Asks for the memory where a hash is looked for.
    #[inline(always)]
    pub(super) fn want(&self, hash: u32) {
        if let Some(place) = self.places.get(self.home(hash)) {
            hint::prefetch(place);
        }
    }

    /// The first slot under this hash that `is_it`.
    #[inline(always)]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        // There is always a place with nothing in it.
        loop {
            let place = self.places[at];
            if place == 0 {
                return None;
            }
            if hash_of(place) == hash && is_it(slot_of(place)) {
                return Some(slot_of(place));
            }
            at = self.next(at);
        }
    }

    /// Puts a slot in, which must not be there yet.
    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        if (self.len + 1) * 5 > self.places.len() * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(u64::from(hash) << 32 | (u64::from(slot) + 1));
    }

    /// Takes a slot out; those behind it move up, so that no search ends before what it looks for.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let mut hole = self.home(hash);
        loop {
            match self.places[hole] {
                0 => return,
                place if hash_of(place) == hash && slot_of(place) == slot => break,
                _ => hole = self.next(hole),
            }
        }
        self.len -= 1;
        let mut at = hole;
        loop {
            at = self.next(at);
            let place = self.places[at];
            if place == 0 {
                break;
            }
            // It may move up if its home is not between the hole and itself.
            let mask = self.places.len() - 1;
            if at.wrapping_sub(self.home(hash_of(place))) & mask >= at.wrapping_sub(hole) & mask {
                self.places[hole] = place;
                hole = at;
            }
        }
        self.places[hole] = 0;
    }

    fn put(&mut self, place: u64) {
        let mut at = self.home(hash_of(place));
        while self.places[at] != 0 {
            at = self.next(at);
        }
        self.places[at] = place;
    }

    #[cold]
    fn grow(&mut self) {
        let places = hint::huge(vec![0; self.places.len() * 2]);
        let before = std::mem::replace(&mut self.places, places);
        before.into_iter().filter(|place| *place != 0).for_each(|place| self.put(place));
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    #[inline(always)]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }
}

#[inline(always)]
const fn hash_of(place: u64) -> u32 {
    (place >> 32) as u32
}

#[inline(always)]
const fn slot_of(place: u64) -> u32 {
    (place as u32).wrapping_sub(1)
}

/// Places of an empty table.
const FEWEST: usize = 1 << 8;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map by slot, with few hashes, so that many meet in one place and searches go around the end.
        #[test]
        fn slots_are_found_until_they_are_taken_out(steps in prop::collection::vec((any::<bool>(), 0u32..12, 0u32..500), 0..1500)) {
            let mut table = Table::new();
            let mut truth: HashMap<u32, u32> = HashMap::new();
            for (comes, hash, slot) in steps {
                let hash = hash.wrapping_sub(6);
                if let Some(hash) = truth.remove(&slot) {
                    table.remove(hash, slot);
                } else if comes {
                    table.insert(hash, slot);
                    truth.insert(slot, hash);
                }
                prop_assert_eq!(table.len, truth.len());
            }
            for slot in 0..500 {
                let hash = truth.get(&slot).copied();
                for other in (0u32..12).map(|hash| hash.wrapping_sub(6)) {
                    let found = table.find(other, |found| found == slot);
                    prop_assert_eq!(found, (hash == Some(other)).then_some(slot));
                }
            }
        }
    }
}
