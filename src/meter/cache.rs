//! The living flows of one meter: entries in a slab, found through a hash table of their slots.

use hashbrown::HashTable;

use crate::classify::Classification;
use crate::dissect::Dissection;
use crate::flow::{FlowKey, FlowState, Statistics, TcpAnalysis};
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
    statistics: Vec<Aligned<Statistics>>,
    /// The same of the analysis of TCP; what lies beside the entry of another protocol means nothing.
    tcp: Vec<Aligned<TcpAnalysis>>,
    keeps_statistics: bool,
    keeps_tcp: bool,
    free: Vec<u32>,
}

/// What the table holds: enough of the hash that a flow is found without looking at any other.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u32,
    slot: u32,
}

/// What begins with a line of memory: each direction of statistics does, and what every TCP segment touches fits in one.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Aligned<T>(T);

/// What is kept of a living flow beside its entry, as far as options ask for it.
pub(super) struct Beside<'a> {
    pub(super) statistics: Option<&'a mut Statistics>,
    /// Of TCP only.
    pub(super) tcp: Option<&'a mut TcpAnalysis>,
}

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
    /// An empty cache, with or without room for statistics and for the analysis of TCP.
    pub(super) fn new(keeps_statistics: bool, keeps_tcp: bool) -> Self {
        Self { keeps_statistics, keeps_tcp, ..Self::default() }
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
        if self.keeps_tcp {
            match self.tcp.get_mut(slot as usize) {
                Some(tcp) if self.entries[slot as usize].state.key.ip_protocol() == TCP => tcp.0 = TcpAnalysis::new(),
                Some(_) => {}
                None => self.tcp.push(Aligned(TcpAnalysis::new())),
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

    /// Asks for the memory that lies beside the entries of flows; a slot that is none is passed over.
    #[inline(never)]
    pub(super) fn want_details(&self, slots: &[u32]) {
        let slots = slots.iter().map(|slot| *slot as usize);
        if !self.tcp.is_empty() {
            slots.clone().filter_map(|slot| self.tcp.get(slot)).for_each(|tcp| hint::prefetch_all(tcp.0.wanted()));
        }
        if !self.statistics.is_empty() {
            slots.clone().filter_map(|slot| self.statistics.get(slot)).for_each(hint::prefetch_all);
        }
        if self.tcp.is_empty() && self.statistics.is_empty() {
            let details = |slot: usize| self.entries.get(slot)?.state.details.as_deref();
            slots.filter_map(details).for_each(hint::prefetch_all);
        }
    }

    /// The flow in `slot` and what is kept beside it.
    #[inline]
    pub(super) fn parts_mut(&mut self, slot: u32) -> (&mut Entry, Beside<'_>) {
        let entry = &mut self.entries[slot as usize];
        let statistics = self.statistics.get_mut(slot as usize).map(|aligned| &mut aligned.0);
        let tcp = self.tcp.get_mut(slot as usize).map(|aligned| &mut aligned.0);
        let tcp = tcp.filter(|_| entry.state.key.ip_protocol() == TCP);
        (entry, Beside { statistics, tcp })
    }

    /// The state of the flow in `slot` and its statistics, if they are kept.
    #[inline]
    pub(super) fn measured_mut(&mut self, slot: u32) -> (&mut FlowState, Option<&mut Statistics>) {
        let statistics = self.statistics.get_mut(slot as usize).map(|aligned| &mut aligned.0);
        (&mut self.entries[slot as usize].state, statistics)
    }

    /// The analysis of the flow in `slot`, which is one of TCP, if it is kept.
    #[inline]
    pub(super) fn tcp_mut(&mut self, slot: u32) -> Option<&mut TcpAnalysis> {
        self.tcp.get_mut(slot as usize).map(|aligned| &mut aligned.0)
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

impl Beside<'_> {
    /// Copies it to where others look for it.
    pub(super) fn show(&self, state: &mut FlowState) {
        if let Some(statistics) = self.statistics.as_deref() {
            show(statistics, &mut state.statistics);
        }
        self.show_tcp(state);
    }

    /// The same of TCP alone, which a flow has to show before its first packet is counted.
    pub(super) fn show_tcp(&self, state: &mut FlowState) {
        if let Some(tcp) = self.tcp.as_deref() {
            show(tcp, &mut state.details.get_or_insert_default().tcp);
        }
    }

    /// Empties what is counted, for a flow that is cut and goes on.
    pub(super) fn empty(&mut self) {
        if let Some(statistics) = &mut self.statistics {
            **statistics = Statistics::EMPTY;
        }
        if let Some(tcp) = &mut self.tcp {
            **tcp = tcp.emptied();
        }
    }
}

fn show<T: Copy>(from: &T, place: &mut Option<Box<T>>) {
    match place {
        Some(copy) => **copy = *from,
        None => *place = Some(Box::new(*from)),
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("state", &self.state).finish_non_exhaustive()
    }
}

const TCP: u8 = 6;
