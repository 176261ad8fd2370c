//! The meter: packets in, flow records out.
//!
//! Owns no clock, no thread and no socket: time is the clock that decoding wrote into each packet (or that of
//! [`Meter::advance`]), so a file and a live wire give the same records. Every packet is counted in exactly one record.

mod cache;
mod config;
mod counting;
mod descriptor;
mod effective;
mod expiry;
pub(crate) mod hint;
mod learning;
mod metrics;
mod projection;

pub use config::{MeterConfig, PacketSize};
pub use descriptor::Descriptor;
use descriptor::key_of;
pub use metrics::MetricErrors;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::classify::{Classifier, ClassifierOptions};
use crate::error::{Error, Result};
use crate::flow::{Direction, ExportReason, FlowHasher, FlowKey, FlowRecord, Metrics};
use crate::metric::expr::Folds;
use crate::packet::{Block, Packet, TcpFlags};
use crate::time::Timestamp;

use cache::{Entry, FlowCache, TcpEnd};
use counting::{Moment, analyse, begin, count, count_sizes, next_segment};
use expiry::{Due, Expiry, NEVER};
use metrics::MetricRunner;

/// Meters packets into flow records.
///
/// Packets go in with [`Meter::observe`] in the order of the capture, records come out of [`Meter::pop`].
#[derive(Debug)]
pub struct Meter {
    config: MeterConfig,
    metrics: MetricRunner,
    classifier: Classifier,
    hasher: FlowHasher,
    cache: FlowCache,
    expiry: Expiry,
    now: Timestamp,
    ready: VecDeque<FlowRecord>,
    /// Once finished: the flows that are still to leave, the last one first.
    leaving: Option<Vec<u32>>,
    living: Living,
    withheld: Withheld,
    evicted: u64,
}

/// What is in living flows, and so in no record yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Living {
    /// Flows.
    pub flows: u64,
    /// Their packets.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// What [`MeterConfig::keep_flows`] left out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Withheld {
    /// Records.
    pub records: u64,
    /// Packets in them.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// What becomes of a flow when a packet of its key arrives.
enum Fate {
    Goes,
    Cut,
    Ends(ExportReason),
}

impl Meter {
    /// A meter without flows.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for names of metrics that clash, [`Error::Expression`] for an expression that does not fit where it
    /// stands, [`Error::Classifier`] when nDPI cannot be set up.
    pub fn new(config: MeterConfig) -> Result<Self> {
        Self::with_hasher(config, FlowHasher::random())
    }

    /// As [`Meter::new`], with the hasher that made the [`Descriptor`]s.
    ///
    /// # Errors
    ///
    /// As [`Meter::new`].
    pub fn with_hasher(config: MeterConfig, hasher: FlowHasher) -> Result<Self> {
        let horizon = config.inactive_timeout.unwrap_or(config.tcp_linger);
        Ok(Self {
            metrics: MetricRunner::new(&config)?,
            classifier: Classifier::open(&ClassifierOptions { facts: config.application_fields, ..config.classifier })?,
            hasher,
            cache: FlowCache::new(config.statistics, config.tcp_analysis),
            expiry: Expiry::new(horizon),
            now: Timestamp::MIN,
            ready: VecDeque::new(),
            leaving: None,
            living: Living::default(),
            withheld: Withheld::default(),
            evicted: 0,
            config,
        })
    }

    /// Meters one packet.
    pub fn observe(&mut self, packet: &Packet<'_>) {
        let (key, turned) = key_of(packet.info);
        let hash = self.hasher.hash(&key);
        let slot = self.cache.find(hash, &key);
        self.metrics.load(std::slice::from_ref(packet));
        self.meter(packet, &key, turned, hash, slot);
    }

    /// Meters packets whose bytes lie in `block`, in order; their hashes must come from this meter's hasher.
    pub fn observe_all(&mut self, block: &Arc<Block>, descriptors: &[Descriptor]) {
        if self.metrics.has_groups() {
            let groups = self.metrics.groups().to_vec();
            return MetricRunner::around_batch(&groups, &mut || self.observe_each(block, descriptors));
        }
        self.observe_each(block, descriptors);
    }

    fn observe_each(&mut self, block: &Arc<Block>, descriptors: &[Descriptor]) {
        // Two passes over a few packets at a time: the first asks for the flows of all of them, so that memory answers
        // while the others are looked up.
        for group in descriptors.chunks(GROUP) {
            let mut found = [NOT_FOUND; GROUP];
            for (slot, descriptor) in found.iter_mut().zip(group) {
                *slot = self.cache.guess(descriptor.hash()).unwrap_or(NOT_FOUND);
            }
            if self.config.has_details() {
                self.cache.want_details(&found);
            }
            self.metrics.load(group);
            for (slot, descriptor) in found.iter().zip(group) {
                let (key, turned) = descriptor.key();
                let hash = descriptor.hash();
                let slot = if *slot != NOT_FOUND && self.cache.holds(*slot, key) {
                    Some(*slot)
                } else {
                    self.cache.find(hash, key)
                };
                self.meter(&descriptor.packet(block), key, turned, hash, slot);
            }
        }
    }

    /// Moves the clock of a silent wire to `now`, never back: flows that are due by then leave.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Ends every flow: [`Meter::pop`] gives them all, in the order of their last packets, and then nothing more. What
    /// is observed after this is not metered.
    pub fn finish(&mut self) {
        let cache = &self.cache;
        let due = |slot| {
            let state = &cache.entry(slot).state;
            Reverse((state.last_clock, state.flow_id, slot))
        };
        let mut leaving: Vec<_> = cache.slots().map(due).collect();
        leaving.sort_unstable();
        self.leaving = Some(leaving.into_iter().map(|Reverse((_, _, slot))| slot).collect());
    }

    /// The next record of a flow that ended or was cut.
    pub fn pop(&mut self) -> Option<FlowRecord> {
        if let Some(record) = self.ready.pop_front() {
            return Some(record);
        }
        while let Some(leaving) = &mut self.leaving {
            let slot = leaving.pop()?;
            if let Some(soon) = leaving.len().checked_sub(LEAVING_AHEAD) {
                self.cache.want(leaving[soon]);
            }
            let reason = self.ended(slot).unwrap_or(ExportReason::FLUSH);
            if let Some(record) = self.take(slot, reason) {
                return Some(record);
            }
        }
        loop {
            let Self { cache, config, .. } = self;
            let slot = self.expiry.pop_due(self.now, |slot| due(config, cache.entry(slot)))?;
            let reason = self.ended(slot).unwrap_or(ExportReason::INACTIVE);
            if let Some(record) = self.take(slot, reason) {
                return Some(record);
            }
        }
    }

    /// The first error of a user's metric, once. Packets after it are metered without metrics.
    pub fn take_error(&mut self) -> Option<Error> {
        self.metrics.take_error()
    }

    /// Failures of the user's metrics that were skipped so far, by the metric's name; those that never failed are left out.
    pub fn metric_errors(&self) -> &BTreeMap<String, MetricErrors> {
        self.metrics.skipped()
    }

    /// Whether a user's metric failed, and with it the run.
    pub fn has_failed(&self) -> bool {
        self.metrics.has_failed()
    }

    /// What is in living flows.
    pub fn living(&self) -> Living {
        Living { flows: self.cache.len() as u64, ..self.living }
    }

    /// What [`MeterConfig::keep_flows`] left out so far.
    pub fn withheld(&self) -> Withheld {
        self.withheld
    }

    /// How many flows had to leave because the cache was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn meter(&mut self, packet: &Packet<'_>, key: &FlowKey, turned: bool, hash: u64, slot: Option<u32>) {
        if self.leaving.is_some() {
            return;
        }
        let at = Moment::of(&self.config, packet);
        self.now = self.now.max(at.clock);
        let slot = match slot.map(|slot| (slot, fate(&self.config, self.cache.entry(slot), packet, at.clock))) {
            Some((slot, Fate::Goes)) => slot,
            Some((slot, Fate::Cut)) => self.cut(slot, packet, at.clock),
            Some((slot, Fate::Ends(reason))) => {
                self.expiry.disarm(slot);
                let record = self.take(slot, reason);
                self.ready.extend(record);
                self.open(packet, key, turned, hash, at.clock)
            }
            None => self.open(packet, key, turned, hash, at.clock),
        };
        self.living.packets += 1;
        self.living.bytes += u64::from(packet.info.wire_len);
        let entry = self.cache.entry_mut(slot);
        let direction = count(&mut entry.state, packet, turned, at);
        if self.config.application_fields {
            entry.dissection.observe(direction, packet);
        }
        if !matches!(self.classifier, Classifier::Off) {
            self.classifier.observe(&mut entry.classification, packet, entry.dissection.facts_mut());
        }
        if self.config.has_details() {
            self.count_details(slot, packet, direction, at.stamp);
        }
        if self.config.tcp_end && packet.info.ip_protocol == TCP {
            self.watch_end(slot, packet.info.tcp_flags, direction, at.clock);
        }
        if !self.metrics.is_empty() {
            let is_last = self.metrics.fold(slot, packet, || &self.cache.entry(slot).state, direction);
            if is_last || self.metrics.has_groups() {
                self.update_metrics(slot, packet, is_last);
            }
        }
    }

    /// Counts a packet in what options turn on. Apart, so that packets that need it not keep their registers.
    #[inline(never)]
    fn count_details(&mut self, slot: u32, packet: &Packet<'_>, direction: Direction, stamp: Timestamp) {
        if self.config.has_sizes() {
            return self.count_sizes(slot, packet, direction, stamp);
        }
        self.count_tcp(slot, packet, direction, stamp);
    }

    /// Apart, so that an analysis of TCP alone does without its registers.
    #[inline(never)]
    fn count_sizes(&mut self, slot: u32, packet: &Packet<'_>, direction: Direction, stamp: Timestamp) {
        let (state, statistics) = self.cache.measured_mut(slot);
        count_sizes(&self.config, state, statistics, packet, direction, stamp);
        if self.config.tcp_analysis {
            self.count_tcp(slot, packet, direction, stamp);
        }
    }

    #[inline(always)]
    fn count_tcp(&mut self, slot: u32, packet: &Packet<'_>, direction: Direction, stamp: Timestamp) {
        if packet.info.ip_protocol == TCP
            && let Some(tcp) = self.cache.tcp_mut(slot)
        {
            analyse(tcp, packet, direction, stamp);
        }
    }

    /// The reason with which a flow leaves at the present clock without a packet, if it is due.
    fn ended(&self, slot: u32) -> Option<ExportReason> {
        let Entry { state, tcp, .. } = self.cache.entry(slot);
        if tcp.ended.is_some() {
            return Some(ExportReason::TCP_END);
        }
        let timeout = self.config.inactive_timeout?;
        (self.now.nanos_since(state.last_clock) >= timeout).then_some(ExportReason::INACTIVE)
    }

    fn open(&mut self, packet: &Packet<'_>, key: &FlowKey, turned: bool, hash: u64, clock: Timestamp) -> u32 {
        if self.config.capacity.is_some_and(|capacity| self.cache.len() >= capacity) {
            self.make_room();
        }
        let entry = Entry {
            state: begin(&self.config, packet, key, turned, clock),
            hash,
            tcp: TcpEnd::default(),
            classification: self.classifier.start(),
            dissection: learning::begin(self.config.application_fields, packet.info.ip_protocol),
            metrics: Vec::new(),
        };
        let slot = self.cache.insert(entry);
        self.start_metrics(slot, packet.raw.number);
        self.expiry.arm(slot, due(&self.config, self.cache.entry(slot)));
        slot
    }

    /// Makes room for one flow: a flow that is due leaves with its own reason, else the one nearest its end.
    fn make_room(&mut self) {
        let Self { cache, config, expiry, .. } = self;
        let due = |slot| due(config, cache.entry(slot));
        let record = if let Some(slot) = expiry.pop_due(self.now, due) {
            let reason = self.ended(slot).unwrap_or(ExportReason::INACTIVE);
            self.take(slot, reason)
        } else if let Some(slot) = expiry.pop_first(due) {
            self.evicted += 1;
            self.take(slot, ExportReason::CAPACITY)
        } else {
            return;
        };
        self.ready.extend(record);
    }

    /// Reports the flow so far and lets it go on, empty, as the next segment.
    fn cut(&mut self, slot: u32, packet: &Packet<'_>, clock: Timestamp) -> u32 {
        let (entry, mut beside) = self.cache.parts_mut(slot);
        let mut flow = entry.state.take();
        flow.application = self.classifier.label(&entry.classification);
        beside.show(&mut flow);
        beside.empty();
        learning::show_so_far(&mut flow, entry, &self.classifier);
        entry.state = next_segment(&flow, packet, clock);
        let states = std::mem::take(&mut entry.metrics);
        let mut record = FlowRecord { flow, export_reason: ExportReason::ACTIVE, metrics: Metrics::default() };
        if self.complete(&mut record, slot, states) {
            self.ready.push_back(record);
        }
        self.start_metrics(slot, packet.raw.number);
        slot
    }

    /// Takes a flow that nobody waits for any more out of the cache, as a record; `None` if that is withheld.
    fn take(&mut self, slot: u32, export_reason: ExportReason) -> Option<FlowRecord> {
        let (entry, beside) = self.cache.parts_mut(slot);
        let application = self.classifier.finish(&mut entry.classification, entry.dissection.facts_mut());
        let states = std::mem::take(&mut entry.metrics);
        let mut record = FlowRecord { flow: entry.state.take(), export_reason, metrics: Metrics::default() };
        record.flow.application = application;
        beside.show(&mut record.flow);
        learning::show_all(&mut record.flow, entry);
        self.cache.remove(slot);
        self.complete(&mut record, slot, states).then_some(record)
    }

    /// Adds the metrics to a record that leaves, and takes its packets from those that live; whether it is kept.
    fn complete(&mut self, record: &mut FlowRecord, slot: u32, states: metrics::States) -> bool {
        let total = record.total();
        self.living.packets -= total.pkts;
        self.living.bytes -= total.bytes;
        let kept = self.metrics.is_empty() || self.metrics.finish(slot, states, record);
        if !kept {
            self.withheld.records += 1;
            self.withheld.packets += total.pkts;
            self.withheld.bytes += total.bytes;
        }
        if let Some(anonymizer) = &self.config.anonymizer {
            record.anonymize(anonymizer);
        }
        kept
    }

    /// Notes FIN and RST, and when a connection ends, that its flow is due after the linger.
    fn watch_end(&mut self, slot: u32, flags: TcpFlags, direction: Direction, clock: Timestamp) {
        let entry = self.cache.entry_mut(slot);
        entry.tcp.fins |= u8::from(flags.fin()) << direction as u8;
        if entry.tcp.ended.is_none() && (flags.rst() || entry.tcp.fins == 0b11) {
            entry.tcp.ended = Some(clock);
            self.expiry.disarm(slot);
            self.expiry.arm(slot, due(&self.config, self.cache.entry(slot)));
        }
    }

    fn start_metrics(&mut self, slot: u32, frame: u64) {
        if !self.metrics.is_empty() {
            let (entry, beside) = self.cache.parts_mut(slot);
            beside.show_tcp(&mut entry.state);
            self.metrics.start(slot, &mut entry.metrics, &entry.state, frame);
        }
    }

    /// Calls the user's code for a packet, and ends its flow if that or an expression says so.
    fn update_metrics(&mut self, slot: u32, packet: &Packet<'_>, is_last: bool) {
        let mut end = is_last.then_some(ExportReason::FIRST_OF_USER);
        if self.metrics.has_groups() {
            end = self.call_metrics(slot, packet).or(end);
        }
        if let Some(reason) = end {
            self.expiry.disarm(slot);
            let record = self.take(slot, reason);
            self.ready.extend(record);
        }
    }

    /// Calls the user's code for a packet; a reason if it ends the flow.
    fn call_metrics(&mut self, slot: u32, packet: &Packet<'_>) -> Option<ExportReason> {
        let (Entry { state, metrics, classification, dissection, .. }, beside) = self.cache.parts_mut(slot);
        if self.config.application_fields {
            learning::show(state, dissection);
        }
        // While a flow lives, what is measured of it lies apart: metrics look at a copy.
        beside.show(state);
        if state.application.is_none() {
            state.application = classification.decided().cloned();
        }
        self.metrics.update(metrics, packet, state)
    }
}

/// What a packet that arrives now does to the flow of its key.
#[inline]
fn fate(config: &MeterConfig, entry: &Entry, packet: &Packet<'_>, clock: Timestamp) -> Fate {
    let Entry { state, tcp, .. } = entry;
    let ended = if config.tcp_end { tcp.ended } else { None };
    if let Some(ended) = ended {
        let flags = packet.info.tcp_flags;
        if clock.nanos_since(ended) >= config.tcp_linger || (flags.syn() && !flags.ack()) {
            return Fate::Ends(ExportReason::TCP_END);
        }
    }
    if config.inactive_timeout.is_some_and(|timeout| clock.nanos_since(state.last_clock) >= timeout) {
        return Fate::Ends(if ended.is_some() { ExportReason::TCP_END } else { ExportReason::INACTIVE });
    }
    let aged = config.active_timeout.is_some_and(|timeout| clock.nanos_since(state.first_clock) >= timeout);
    if !aged || ended.is_some() {
        return Fate::Goes;
    }
    if config.segments { Fate::Cut } else { Fate::Ends(ExportReason::ACTIVE) }
}

/// When a flow is due if no further packet comes.
#[inline]
fn due(config: &MeterConfig, entry: &Entry) -> Due {
    let inactive =
        config.inactive_timeout.map_or(NEVER, |timeout| entry.state.last_clock.saturating_add_nanos(timeout));
    let ended = entry.tcp.ended.map_or(NEVER, |ended| ended.saturating_add_nanos(config.tcp_linger));
    (inactive.min(ended), entry.state.flow_id)
}

const TCP: u8 = 6;
/// Packets looked up together.
const GROUP: usize = 32;
const _: () = assert!(GROUP <= Folds::MOST);
const NOT_FOUND: u32 = u32::MAX;
/// How many flows ahead of leaving, at the end, a flow is asked for.
const LEAVING_AHEAD: usize = 8;
