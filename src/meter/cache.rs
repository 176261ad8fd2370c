//! The living flows of one meter: in slabs, found through a hash table of their slots.

use std::collections::HashMap;

use crate::classify::Classification;
use crate::dissect::Dissection;
use crate::flow::{FlowKey, FlowState, Sequence, Spread, Statistics, TcpAnalysis};
use crate::meter::compact::{self, Cold, Counted, Hot, Identity, Rare};
use crate::meter::hint;
use crate::meter::metrics::States;
use crate::meter::slab::Slab;
use crate::meter::table::Table;
use crate::time::Timestamp;

/// The flow cache (RFC 6728): where every living flow has a slot.
///
/// What a flow has lies in slabs side by side, so that a packet's share of each can be asked for without looking at another,
/// and so that nobody pays for what no option asks for.
#[derive(Debug)]
pub(super) struct FlowCache {
    table: Table,
    hot: Slab<Hot>,
    cold: Slab<Cold>,
    /// By slot, of the flows that have the mark.
    rare: HashMap<u32, Rare>,
    statistics: Slab<Spread>,
    /// What lies beside a flow of another protocol means nothing.
    tcp: Slab<Aligned<TcpAnalysis>>,
    ends: Slab<TcpEnd>,
    classifications: Slab<Classification>,
    dissections: Slab<Dissection>,
    called: Slab<Called>,
    free: Vec<u32>,
    living: usize,
    is_closed: bool,
}

/// What of a flow is kept because an option asks for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) statistics: bool,
    pub(super) tcp_analysis: bool,
    pub(super) tcp_end: bool,
    pub(super) application: bool,
    pub(super) application_fields: bool,
    /// Metrics of the user's own code.
    pub(super) groups: bool,
}

/// What begins with a line of memory: what every TCP segment touches fits in one.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Aligned<T>(T);

/// What is kept of a living flow beside its state, as far as options ask for it.
pub(super) struct Beside<'a> {
    pub(super) statistics: Option<&'a mut Spread>,
    /// Of TCP only.
    pub(super) tcp: Option<&'a mut TcpAnalysis>,
}

/// What the user's own code has of a flow.
#[derive(Default)]
pub(super) struct Called {
    pub(super) states: States,
    /// The flow as it was shown last; its memory serves again.
    pub(super) shown: Option<Box<FlowState>>,
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
    /// An empty cache.
    pub(super) fn new(kept: Kept) -> Self {
        Self {
            table: Table::new(),
            hot: Slab::new(true),
            cold: Slab::new(true),
            rare: HashMap::new(),
            statistics: Slab::new(kept.statistics),
            tcp: Slab::new(kept.tcp_analysis),
            ends: Slab::new(kept.tcp_end),
            classifications: Slab::new(kept.application),
            dissections: Slab::new(kept.application_fields),
            called: Slab::new(kept.groups),
            free: Vec::new(),
            living: 0,
            is_closed: false,
        }
    }

    /// Puts a flow of which nothing was counted yet in, under the hash of its key. Its key must not be there yet.
    #[inline(always)]
    pub(super) fn insert(
        &mut self,
        flow: Identity,
        hash: u64,
        classification: impl FnOnce() -> Classification,
        dissection: impl FnOnce() -> Dissection,
    ) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = u32::try_from(self.hot.len()).ok().filter(|slot| *slot < u32::MAX);
            slot.expect("four thousand million flows do not fit in memory")
        });
        self.statistics.put_with(slot, || Spread::EMPTY);
        // What lies there of another protocol is not looked at.
        if self.tcp.is_on() && (flow.key.ip_protocol() == TCP || self.tcp.get(slot).is_none()) {
            self.tcp.put(slot, Aligned(TcpAnalysis::new()));
        }
        self.ends.put_with(slot, TcpEnd::default);
        self.classifications.put_with(slot, classification);
        self.dissections.put_with(slot, dissection);
        self.called.put_with(slot, Called::default);
        self.set(slot, flow);
        self.living += 1;
        self.table.insert(hash as u32, slot);
        slot
    }

    /// Puts a flow of which nothing was counted yet into `slot`: one that begins, or goes on as another segment.
    #[inline(always)]
    pub(super) fn set(&mut self, slot: u32, flow: Identity) {
        let (hot, cold, rare) = compact::pack(flow);
        self.hot.put(slot, hot);
        self.cold.put(slot, cold);
        if let Some(rare) = rare {
            self.rare.insert(slot, rare);
        }
    }

    /// Takes out the state of the flow in `slot`, but for what lies beside it.
    pub(super) fn take_state(&mut self, slot: u32) -> FlowState {
        let (hot, cold) = (&self.hot[slot], &mut self.cold[slot]);
        let rare = if hot.has_rare() { self.rare.remove(&slot) } else { None };
        FlowState { details: cold.details.take(), ..compact::state(hot, cold, rare.as_ref()) }
    }

    /// Takes the flow in `slot`, whose state was taken, out; what was kept beside it stays until the slot is used again.
    pub(super) fn remove(&mut self, slot: u32, hash: impl FnOnce(&FlowKey) -> u64) {
        self.living -= 1;
        if self.is_closed {
            return;
        }
        let hot = &mut self.hot[slot];
        self.table.remove(hash(&hot.key()) as u32, slot);
        hot.vacate();
        self.free.push(slot);
    }

    /// Forgets where flows are found: from now on they only leave, each once.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        self.table = Table::new();
    }

    #[inline(always)]
    pub(super) fn hot(&self, slot: u32) -> &Hot {
        &self.hot[slot]
    }

    #[inline(always)]
    pub(super) fn hot_mut(&mut self, slot: u32) -> &mut Hot {
        &mut self.hot[slot]
    }

    /// The living flow with this key, if it is in `slot`.
    #[inline(always)]
    pub(super) fn held_mut(&mut self, slot: u32, key: &FlowKey) -> Option<&mut Hot> {
        self.hot.get_mut(slot).filter(|hot| hot.is(key))
    }

    #[inline]
    pub(super) fn flow_id(&self, slot: u32) -> u64 {
        self.cold[slot].flow_id
    }

    /// Counts a packet that [`Hot::count`] did not.
    #[inline(never)]
    pub(super) fn count_unusual(&mut self, slot: u32, packet: &Counted) {
        let (hot, cold) = (&mut self.hot[slot], &mut self.cold[slot]);
        if compact::needs_rare(hot, packet) {
            hot.expect_rare();
        }
        let rare = hot.has_rare().then(|| self.rare.entry(slot).or_insert_with(|| Rare::new(cold.flow_id)));
        compact::count_unusual(hot, cold, rare, packet);
    }

    /// Packets of the flow in `slot`.
    #[inline]
    pub(super) fn pkts(&self, slot: u32) -> u64 {
        let hot = &self.hot[slot];
        hot.pkts(if hot.has_rare() { self.rare.get(&slot) } else { None })
    }

    /// The slot of the flow with this key and its hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &FlowKey) -> Option<u32> {
        self.table.find(hash as u32, |slot| self.hot[slot].is(key))
    }

    /// Asks for the memory that [`FlowCache::guess`] looks at.
    #[inline(always)]
    pub(super) fn expect(&self, hash: u64) {
        self.table.want(hash as u32);
    }

    /// The slot where the flow with this hash very likely is, without looking at it; asks for its memory.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        let slot = self.table.find(hash as u32, |_| true)?;
        hint::prefetch_all(&self.hot[slot]);
        Some(slot)
    }

    /// Asks for all the memory of a flow that leaves soon.
    #[inline]
    pub(super) fn want(&self, slot: u32) {
        hint::prefetch_all(&self.hot[slot]);
        hint::prefetch_all(&self.cold[slot]);
    }

    /// Asks for where the flow in `slot`, which leaves soon, is found; its own memory is at hand.
    #[inline]
    pub(super) fn want_place(&self, slot: u32, hash: impl FnOnce(&FlowKey) -> u64) {
        if let Some(hot) = self.hot.get(slot) {
            self.table.want(hash(&hot.key()) as u32);
        }
    }

    /// Asks for the memory that lies beside the states of flows; a slot that is none is passed over.
    #[inline(never)]
    pub(super) fn want_details(&self, slots: &[u32]) {
        let slots = slots.iter().copied();
        if self.tcp.is_on() {
            slots.clone().filter_map(|slot| self.tcp.get(slot)).for_each(|tcp| hint::prefetch_all(tcp.0.wanted()));
        }
        if self.statistics.is_on() {
            slots.clone().filter_map(|slot| self.statistics.get(slot)).for_each(hint::prefetch_all);
        }
        if !self.tcp.is_on() && !self.statistics.is_on() {
            let details = |slot| self.cold.get(slot)?.details.as_deref();
            slots.filter_map(details).for_each(hint::prefetch_all);
        }
    }

    /// What is kept beside the state of the flow in `slot`.
    #[inline]
    pub(super) fn beside_mut(&mut self, slot: u32) -> Beside<'_> {
        let statistics = self.statistics.get_mut(slot);
        let is_tcp = self.hot[slot].key().ip_protocol() == TCP;
        let tcp = self.tcp.get_mut(slot).map(|aligned| &mut aligned.0).filter(|_| is_tcp);
        Beside { statistics, tcp }
    }

    /// The statistics of the flow in `slot` and its first packets, as far as they are kept.
    #[inline]
    pub(super) fn measured_mut(&mut self, slot: u32) -> (Option<&mut Spread>, Option<&mut Sequence>) {
        let statistics = self.statistics.get_mut(slot);
        (statistics, self.cold[slot].details.as_mut().and_then(|details| details.sequence.as_mut()))
    }

    /// The analysis of the flow in `slot`, which is one of TCP, if it is kept.
    #[inline]
    pub(super) fn tcp_mut(&mut self, slot: u32) -> Option<&mut TcpAnalysis> {
        self.tcp.get_mut(slot).map(|aligned| &mut aligned.0)
    }

    /// How the connection in `slot` ends, if anybody watches.
    #[inline]
    pub(super) fn tcp_end(&self, slot: u32) -> TcpEnd {
        self.ends.get(slot).copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn tcp_end_mut(&mut self, slot: u32) -> Option<&mut TcpEnd> {
        self.ends.get_mut(slot)
    }

    /// What is known of the application of the flow in `slot`, and what was read of its payload, if anybody asks.
    #[inline]
    pub(super) fn learnt_mut(&mut self, slot: u32) -> (Option<&mut Classification>, Option<&mut Dissection>) {
        (self.classifications.get_mut(slot), self.dissections.get_mut(slot))
    }

    #[inline]
    pub(super) fn learnt(&self, slot: u32) -> (Option<&Classification>, Option<&Dissection>) {
        (self.classifications.get(slot), self.dissections.get(slot))
    }

    /// What the user's own code has of the flow in `slot`, taken out.
    pub(super) fn take_called(&mut self, slot: u32) -> Called {
        self.called.get_mut(slot).map(std::mem::take).unwrap_or_default()
    }

    /// Puts back what [`FlowCache::take_called`] took.
    pub(super) fn put_called(&mut self, slot: u32, called: Called) {
        self.called.put(slot, called);
    }

    /// Makes `shown` the flow in `slot` as it is, with what lies beside it. Its details are taken for that:
    /// [`FlowCache::put_details`] puts them back.
    pub(super) fn show<'a>(&mut self, slot: u32, shown: &'a mut Option<Box<FlowState>>) -> &'a mut FlowState {
        let shown = self.show_state(slot, shown);
        self.beside_mut(slot).show(shown);
        shown
    }

    /// The same of a flow that begins, which has no statistics yet.
    pub(super) fn show_begun<'a>(&mut self, slot: u32, shown: &'a mut Option<Box<FlowState>>) -> &'a mut FlowState {
        let shown = self.show_state(slot, shown);
        self.beside_mut(slot).show_tcp(shown);
        shown
    }

    fn show_state<'a>(&mut self, slot: u32, shown: &'a mut Option<Box<FlowState>>) -> &'a mut FlowState {
        let (hot, cold) = (&self.hot[slot], &mut self.cold[slot]);
        let rare = if hot.has_rare() { self.rare.get(&slot) } else { None };
        let state = FlowState { details: cold.details.take(), ..compact::state(hot, cold, rare) };
        match shown {
            Some(shown) => {
                let (application, statistics) = (shown.application.take(), shown.statistics.take());
                **shown = FlowState { application, statistics, ..state };
                shown
            }
            None => shown.insert(Box::new(state)),
        }
    }

    /// Puts back the details that [`FlowCache::show`] took.
    pub(super) fn put_details(&mut self, slot: u32, shown: &mut FlowState) {
        self.cold[slot].details = shown.details.take();
    }

    /// Whether `slot` still holds the living flow with this key.
    #[inline]
    pub(super) fn holds(&self, slot: u32, key: &FlowKey) -> bool {
        self.hot[slot].is(key)
    }

    /// How many flows live.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.living
    }

    /// The slots of all living flows: the one whose last packet came last first, of several the one with the larger
    /// `flow_id`.
    pub(super) fn last_first(&self) -> Vec<u32> {
        // As one number, the clock above the slot: a million of those are sorted in half the time of pairs.
        let number = |(slot, hot): (u32, &Hot)| {
            let clock = hot.last_clock.nanos_since(Timestamp::MIN);
            u128::from(clock) << 32 | u128::from(slot)
        };
        let living = self.hot.iter().filter(|(_, hot)| !hot.is(&FlowKey::EMPTY));
        let mut leaving = Vec::with_capacity(self.len());
        leaving.extend(living.map(number));
        leaving.sort_unstable_by(|one, other| other.cmp(one));
        for together in leaving.chunk_by_mut(|one, other| one >> 32 == other >> 32) {
            if together.len() > 1 {
                together.sort_unstable_by_key(|number| std::cmp::Reverse(self.flow_id(*number as u32)));
            }
        }
        leaving.into_iter().map(|number| number as u32).collect()
    }
}

impl Beside<'_> {
    /// Copies it to where others look for it.
    pub(super) fn show(&self, state: &mut FlowState) {
        if let Some(spread) = self.statistics.as_deref() {
            let pkts = state.counts.each_ref().map(|counts| counts.pkts);
            show(&Statistics::of(*spread, pkts), &mut state.statistics);
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
            **statistics = Spread::EMPTY;
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

impl std::fmt::Debug for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Called").field("shown", &self.shown).finish_non_exhaustive()
    }
}

const TCP: u8 = 6;
