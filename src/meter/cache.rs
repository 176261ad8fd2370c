//! The living flows of one meter: entries in a slab, found through a hash table of their slots.

use hashbrown::HashTable;

use crate::classify::Classification;
use crate::dissect::Dissection;
use crate::flow::{FlowKey, FlowState, Statistics};
use crate::meter::hint;
use crate::meter::metrics::States;
use crate::time::Timestamp;

/// The flow cache (RFC 6728): where every living flow has a slot.
#[derive(Debug, Default)]
pub(super) struct FlowCache {
    table: HashTable<Place>,
    entries: Vec<Entry>,
    /// The statistics of each entry while it lives; none when nobody asked for them.
    ///
    /// They lie here and not with the entry, so that a flow that comes and goes costs no allocation of its own until it is
    /// a record, and a packet's share of them can be asked for without looking at the entry.
    statistics: Vec<Aligned>,
    keeps_statistics: bool,
    free: Vec<u32>,
}

/// What the table holds: enough of the hash that a flow is found without looking at any other.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u32,
    slot: u32,
}

/// Statistics whose directions begin with a line of memory each.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Aligned(Statistics);

/// A living flow and what is kept beside its state.
#[repr(C)]
pub(super) struct Entry {
    pub(super) state: FlowState,
    pub(super) tcp: TcpEnd,
    pub(super) classification: Classification,
    /// With the option `application_fields`.
    pub(super) dissection: Dissection,
    pub(super) metrics: States,
    pub(super) hash: u64,
}

/// How far a TCP connection is on its way to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TcpEnd {
    /// FIN seen from the source (bit 0) and from the destination (bit 1).
    pub(super) fins: u8,
    /// The clock when the connection ended.
    pub(super) ended: Option<Timestamp>,
}

impl FlowCache {
    /// An empty cache, with or without room for statistics.
    pub(super) fn new(keeps_statistics: bool) -> Self {
        Self { keeps_statistics, ..Self::default() }
    }

    /// Puts a flow in. Its key must not be there yet.
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).expect("four thousand million flows do not fit in memory")
            }
        };
        if self.keeps_statistics {
            let none = Aligned(Statistics::EMPTY);
            match self.statistics.get_mut(slot as usize) {
                Some(statistics) => *statistics = none,
                None => self.statistics.push(none),
            }
        }
        let entries = &self.entries;
        let hash = entries[slot as usize].hash;
        self.table.insert_unique(hash, Place { hash: hash as u32, slot }, |place| entries[place.slot as usize].hash);
        slot
    }

    /// Takes the flow in `slot` out; what was kept beside its state stays until the slot is used again.
    pub(super) fn remove(&mut self, slot: u32) {
        let entry = &mut self.entries[slot as usize];
        if let Ok(found) = self.table.find_entry(entry.hash, |place| place.slot == slot) {
            found.remove();
        }
        // No packet has this key, so nobody takes the slot for the flow's.
        entry.state.key = FlowKey::EMPTY;
        self.free.push(slot);
    }

    /// The entry in `slot`.
    #[inline]
    pub(super) fn entry_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.entries[slot as usize]
    }

    /// The entry in `slot`.
    #[inline]
    pub(super) fn entry(&self, slot: u32) -> &Entry {
        &self.entries[slot as usize]
    }

    /// The slot of the flow with this key and its hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &FlowKey) -> Option<u32> {
        let is_it = |place: &Place| place.hash == hash as u32 && self.entries[place.slot as usize].state.key == *key;
        self.table.find(hash, is_it).map(|place| place.slot)
    }

    /// The slot where the flow with this hash very likely is, without looking at it; asks for its memory.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        let slot = self.table.find(hash, |place| place.hash == hash as u32)?.slot;
        self.want(slot);
        Some(slot)
    }

    /// Asks for the memory of a flow that is looked at soon.
    #[inline]
    pub(super) fn want(&self, slot: u32) {
        let entry = &self.entries[slot as usize];
        hint::prefetch(&entry.state.key);
        hint::prefetch(&entry.state.counts[0]);
        hint::prefetch(&entry.state.counts[1].bytes);
    }

    /// Asks for the memory that lies beside a flow's entry.
    #[inline]
    pub(super) fn want_details(&self, slot: u32) {
        if let Some(statistics) = self.statistics.get(slot as usize) {
            return hint::prefetch_all(statistics);
        }
        if let Some(details) = &self.entries[slot as usize].state.details {
            match &details.tcp {
                Some(tcp) => hint::prefetch_all(tcp.wanted()),
                None => hint::prefetch_all(&**details),
            }
        }
    }

    /// The flow in `slot` and its statistics, if they are kept.
    #[inline]
    pub(super) fn parts_mut(&mut self, slot: u32) -> (&mut Entry, Option<&mut Statistics>) {
        let statistics = self.statistics.get_mut(slot as usize).map(|aligned| &mut aligned.0);
        (&mut self.entries[slot as usize], statistics)
    }

    /// Whether `slot` still holds the living flow with this key.
    #[inline]
    pub(super) fn holds(&self, slot: u32, key: &FlowKey) -> bool {
        self.entries[slot as usize].state.key == *key
    }

    /// How many flows live.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The slots of all living flows, in no order.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        self.table.iter().map(|place| place.slot)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("state", &self.state).finish_non_exhaustive()
    }
}
