//! The table that gives later fragments to the flow of their first.
//!
//! A ring of [`CAPACITY`] first fragments, oldest out, and an open-addressed index over it under a hash that nobody
//! outside can predict. Both are allocated with the first fragment and never grow; every operation takes constant
//! expected time, whatever arrives.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::packet::{PacketFlags, Tunnel};
use crate::time::Timestamp;

/// What all fragments of one IP packet have in common (RFC 791, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct FragmentKey {
    pub(super) src: u128,
    pub(super) dst: u128,
    pub(super) id: u32,
    /// The tunnel around the fragment, with its key: addresses inside different tunnels may be equal.
    pub(super) tunnel: Option<Tunnel>,
    pub(super) tunnel_key: u32,
    pub(super) vlan_id: u16,
    pub(super) ip_version: u8,
    /// IP protocol number; 0 in IPv6, where later fragments need not repeat it.
    pub(super) ip_protocol: u8,
}

/// The flow that a first fragment was given: that of the innermost packet it holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FirstFragment {
    pub(super) src: u128,
    pub(super) dst: u128,
    pub(super) tunnel: Option<Tunnel>,
    pub(super) tunnel_key: u32,
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
    pub(super) vlan_id: u16,
    pub(super) ip_version: u8,
    pub(super) ip_protocol: u8,
    pub(super) flags: PacketFlags,
}

/// First fragments of the last 30 seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct FragmentTable {
    hasher: RandomState,
    ring: Vec<Entry>,
    /// Places in the ring, or [`EMPTY`]; the one for a key stands at its hash or in the run that follows.
    index: Vec<u16>,
    /// Where in the ring the next entry goes, once the ring is full: the oldest entry stands there.
    oldest: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: FragmentKey,
    first: FirstFragment,
    seen: Timestamp,
    /// Where in the index the key would stand if nothing else did.
    home: usize,
}

impl FragmentTable {
    /// Remembers a first fragment, in place of an earlier one with this key, and forgets the oldest if there are too many.
    pub(super) fn insert(&mut self, key: FragmentKey, first: FirstFragment, clock: Timestamp) {
        if self.index.is_empty() {
            self.index = vec![EMPTY; BUCKETS];
            self.ring.reserve_exact(CAPACITY);
        }
        let entry = Entry { key, first, seen: clock, home: self.home(&key) };
        let place = self.oldest;
        if self.ring.len() < CAPACITY {
            self.ring.push(entry);
        } else {
            self.forget(place);
            self.ring[place] = entry;
        }
        self.oldest = (place + 1) % CAPACITY;
        let bucket = self.bucket(entry.home, |found| found.key == key);
        self.index[bucket] = place as u16;
    }

    /// All that are remembered and when they were seen, the oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&FragmentKey, &FirstFragment, Timestamp)> {
        let (newer, older) = self.ring.split_at(if self.ring.len() < CAPACITY { 0 } else { self.oldest });
        older.iter().chain(newer).map(|entry| (&entry.key, &entry.first, entry.seen))
    }

    /// The first fragment with this key, if it is not older than [`LIFETIME`].
    pub(super) fn find(&self, key: &FragmentKey, clock: Timestamp) -> Option<FirstFragment> {
        if self.index.is_empty() {
            return None;
        }
        let bucket = self.bucket(self.home(key), |found| found.key == *key);
        let entry = self.ring.get(usize::from(self.index[bucket]))?;
        (u128::from(clock.nanos_since(entry.seen)) <= LIFETIME.as_nanos()).then_some(entry.first)
    }

    /// Takes the entry at `place` out of the index, unless a later entry with its key stands there.
    fn forget(&mut self, place: usize) {
        let entry = self.ring[place];
        let mut hole = self.bucket(entry.home, |found| found.key == entry.key);
        if usize::from(self.index[hole]) != place {
            return;
        }
        // Close the hole: whatever of the run behind it may not stand before its home stays, the rest moves up.
        let mut bucket = hole;
        loop {
            bucket = (bucket + 1) % BUCKETS;
            let Some(moved) = self.ring.get(usize::from(self.index[bucket])) else { break };
            let from_home = bucket.wrapping_sub(moved.home) % BUCKETS;
            let from_hole = bucket.wrapping_sub(hole) % BUCKETS;
            if from_home >= from_hole {
                self.index[hole] = self.index[bucket];
                hole = bucket;
            }
        }
        self.index[hole] = EMPTY;
    }

    fn home(&self, key: &FragmentKey) -> usize {
        self.hasher.hash_one(key) as usize % BUCKETS
    }

    /// The bucket of the entry that `is_it` knows, or the empty one that ends its run.
    fn bucket(&self, home: usize, is_it: impl Fn(&Entry) -> bool) -> usize {
        let mut bucket = home;
        // Ends: at most half of the buckets are ever in use.
        while let Some(entry) = self.ring.get(usize::from(self.index[bucket]))
            && !is_it(entry)
        {
            bucket = (bucket + 1) % BUCKETS;
        }
        bucket
    }
}

/// First fragments remembered at most.
const CAPACITY: usize = 4096;
/// How long a first fragment is remembered, by the clock of the capture.
const LIFETIME: Duration = Duration::from_secs(30);
const BUCKETS: usize = 2 * CAPACITY;
/// An empty bucket: no place in the ring.
const EMPTY: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u32) -> FragmentKey {
        FragmentKey { src: 1, dst: 2, id, tunnel: None, tunnel_key: 0, vlan_id: 0, ip_version: 4, ip_protocol: 17 }
    }

    fn first(src_port: u16) -> FirstFragment {
        FirstFragment {
            src: 1,
            dst: 2,
            tunnel: None,
            tunnel_key: 0,
            src_port,
            dst_port: 53,
            vlan_id: 0,
            ip_version: 4,
            ip_protocol: 17,
            flags: PacketFlags::default(),
        }
    }

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn nothing_is_found_before_anything_was_inserted() {
        assert_eq!(FragmentTable::default().find(&key(1), at_s(0)), None);
    }

    #[test]
    fn a_first_fragment_is_remembered_for_thirty_seconds() {
        let mut table = FragmentTable::default();
        table.insert(key(1), first(7), at_s(100));
        assert_eq!(table.find(&key(1), at_s(130)), Some(first(7)));
        assert_eq!(table.find(&key(1), at_s(130).saturating_add_nanos(1)), None);
        assert_eq!(table.find(&key(2), at_s(100)), None);
    }

    #[test]
    fn a_second_first_fragment_with_the_same_key_takes_the_place_of_the_first() {
        let mut table = FragmentTable::default();
        table.insert(key(1), first(7), at_s(0));
        table.insert(key(1), first(8), at_s(20));
        assert_eq!(table.find(&key(1), at_s(40)), Some(first(8)));
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_and_memory_stays_as_it_is() {
        let mut table = FragmentTable::default();
        for id in 0..3 * CAPACITY as u32 {
            table.insert(key(id), first(id as u16), at_s(0));
        }
        let found = (0..3 * CAPACITY as u32).filter(|id| table.find(&key(*id), at_s(0)).is_some()).collect::<Vec<_>>();
        assert_eq!(found, (2 * CAPACITY as u32..3 * CAPACITY as u32).collect::<Vec<_>>());
        assert_eq!(table.ring.capacity(), CAPACITY);
        assert_eq!(table.index.len(), BUCKETS);
    }

    proptest::proptest! {
        /// Against a plain list of what was inserted, with few keys, so that they come again and stand in long runs.
        #[test]
        fn the_table_finds_what_a_list_finds(ids in proptest::collection::vec(0u32..6000, 0..9000)) {
            let mut table = FragmentTable::default();
            for (nth, id) in ids.iter().enumerate() {
                table.insert(key(*id), first(nth as u16), at_s(0));
            }
            let kept = &ids[ids.len().saturating_sub(CAPACITY)..];
            for id in 0..6000 {
                let last = kept.iter().rposition(|kept_id| *kept_id == id).map(|nth| nth + ids.len() - kept.len());
                let found = table.find(&key(id), at_s(0)).map(|found| found.src_port);
                proptest::prop_assert_eq!(found, last.map(|nth| nth as u16));
            }
        }
    }
}
