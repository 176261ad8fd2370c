//! The meter: packets in, flow records out.
//!
//! Owns no clock, no thread and no socket: time is the clock that decoding wrote into each packet (or that of
//! [`Meter::advance`]), so a file and a live wire give the same records. Every packet is counted in exactly one record.

mod cache;
mod compact;
mod config;
mod counting;
mod descriptor;
mod effective;
mod expiry;
mod fate;
pub(crate) mod hint;
mod learning;
mod metrics;
mod projection;
mod slab;
mod table;

pub use config::{MeterConfig, PacketSize};
pub use descriptor::Descriptor;
pub(crate) use descriptor::key_of;
pub use metrics::MetricErrors;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::classify::{Classifier, ClassifierOptions};
use crate::dissect::Dissection;
use crate::error::{Error, Result};
use crate::flow::{Application, Direction, ExportReason, FlowHasher, FlowKey, FlowRecord, Metrics};
use crate::metric::expr::Folds;
use crate::packet::{Block, Packet, TcpFlags};
use crate::time::Timestamp;

use cache::{FlowCache, Kept};
use counting::{Moment, analyse, begin, count, count_sizes, count_usual, next_segment};
use expiry::Expiry;
use fate::{Fate, due, fate, goes_on};
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
    /// Whether payload is looked at.
    learns: bool,
    /// Whether a flow goes on or not by its timeouts alone, which are those of the stamps as they are.
    is_plain: bool,
    /// Whether an option asks for more of every packet than counts.
    wants_more: bool,
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
        let metrics = MetricRunner::new(&config)?;
        let classifier =
            Classifier::open(&ClassifierOptions { facts: config.application_fields, ..config.classifier })?;
        let kept = Kept {
            statistics: config.statistics,
            tcp_analysis: config.tcp_analysis,
            tcp_end: config.tcp_end,
            application: !matches!(classifier, Classifier::Off),
            application_fields: config.application_fields,
            groups: metrics.has_groups(),
        };
        let learns = kept.application || kept.application_fields;
        Ok(Self {
            is_plain: !config.tcp_end && !config.whole_millis,
            wants_more: config.has_details() || !metrics.is_empty(),
            metrics,
            classifier,
            hasher,
            cache: FlowCache::new(kept),
            learns,
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
        // Passes over a few packets at a time: one asks for the places of flows, the next for the flows of all of them, so
        // that memory answers while the others are looked up.
        descriptors.iter().take(GROUP).for_each(|descriptor| self.cache.expect(descriptor.hash()));
        for (nth, group) in descriptors.chunks(GROUP).enumerate() {
            let coming = descriptors.iter().skip((nth + 1) * GROUP).take(GROUP);
            coming.for_each(|descriptor| self.cache.expect(descriptor.hash()));
            let mut found = [NOT_FOUND; GROUP];
            for (slot, descriptor) in found.iter_mut().zip(group) {
                *slot = self.cache.guess(descriptor.hash()).unwrap_or(NOT_FOUND);
            }
            if self.config.has_details() {
                self.cache.want_details(&found);
            }
            self.metrics.load(group);
            // What usual packets add is told when somebody else may look at it.
            let mut usual = Living::default();
            for (slot, descriptor) in found.iter().zip(group) {
                if self.is_plain
                    && let Some(direction) = self.count_usual(descriptor, *slot)
                {
                    usual.packets += 1;
                    usual.bytes += u64::from(descriptor.info().wire_len);
                    if !self.wants_more && (!self.learns || self.cache.hot(*slot).is_learnt()) {
                        continue;
                    }
                    self.tell(&mut usual);
                    self.look(&descriptor.packet(block), *slot, direction, descriptor.stamp());
                    continue;
                }
                self.tell(&mut usual);
                let (key, turned) = descriptor.key();
                let hash = descriptor.hash();
                let slot = if *slot != NOT_FOUND && self.cache.holds(*slot, key) {
                    Some(*slot)
                } else {
                    self.cache.find(hash, key)
                };
                self.meter(&descriptor.packet(block), key, turned, hash, slot);
            }
            self.tell(&mut usual);
            if self.is_plain
                && let Some(last) = group.last()
            {
                // Clocks never go back.
                self.now = self.now.max(last.info().clock);
            }
        }
    }

    fn tell(&mut self, usual: &mut Living) {
        self.living.packets += usual.packets;
        self.living.bytes += usual.bytes;
        *usual = Living::default();
    }

    /// Counts a packet of the flow that is thought to be in `slot`, if it is there and goes on, and nothing about the packet is
    /// unusual: then this is the packet's direction, else nothing was done.
    #[inline(always)]
    fn count_usual(&mut self, descriptor: &Descriptor, slot: u32) -> Option<Direction> {
        let (key, turned) = descriptor.key();
        let info = descriptor.info();
        let at = Moment { stamp: descriptor.stamp(), clock: info.clock };
        let hot = self.cache.held_mut(slot, key).filter(|hot| goes_on(&self.config, hot, at.clock))?;
        count_usual(hot, info, turned, at)
    }

    /// Moves the clock of a silent wire to `now`, never back: flows that are due by then leave.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Ends every flow: [`Meter::pop`] gives them all, in the order of their last packets, and then nothing more. What
    /// is observed after this is not metered.
    pub fn finish(&mut self) {
        if self.leaving.is_some() {
            return;
        }
        self.is_plain = false;
        // Nobody comes any more, so that the memory for finding flows and for their deadlines is free for this.
        self.cache.close();
        self.expiry.close();
        self.leaving = Some(self.cache.last_first());
    }

    /// The next record of a flow that ended or was cut; of flows that are due, the first one.
    pub fn pop(&mut self) -> Option<FlowRecord> {
        let mut unlimited = usize::MAX;
        self.pop_within(&mut unlimited)
    }

    /// As [`Meter::pop`], without the pause that many flows make that are due at once: each flow that is looked at takes one
    /// of `looks`, whether it is due or not. When none are left, `None` does not say that no flow is due, and the first of
    /// those that were looked at comes first. When a flow leaves never changes its record.
    pub fn pop_within(&mut self, looks: &mut usize) -> Option<FlowRecord> {
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
            let slot = self.expiry.pop_due(self.now, looks, |slot| due(config, cache, slot))?;
            let reason = self.ended(slot).unwrap_or(ExportReason::INACTIVE);
            if let Some(record) = self.take(slot, reason) {
                return Some(record);
            }
            // It was withheld, which takes as long as a record.
            *looks = looks.checked_sub(1)?;
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

    /// Whether the user has metrics.
    pub(crate) fn has_metrics(&self) -> bool {
        !self.metrics.is_empty()
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
        let slot = match slot {
            Some(slot) if !self.config.tcp_end && goes_on(&self.config, self.cache.hot(slot), at.clock) => slot,
            _ => self.slot_for(packet, key, turned, hash, slot, at.clock),
        };
        let direction = count(&mut self.cache, slot, packet.info, turned, at);
        self.living.packets += 1;
        self.living.bytes += u64::from(packet.info.wire_len);
        if self.config.tcp_end && packet.info.ip_protocol == TCP {
            self.watch_end(slot, packet.info.tcp_flags, direction, at.clock);
        }
        self.look(packet, slot, direction, at.stamp);
    }

    /// What options ask for beyond counting a packet, which was counted in `slot`.
    #[inline]
    fn look(&mut self, packet: &Packet<'_>, slot: u32, direction: Direction, stamp: Timestamp) {
        if self.learns && !self.cache.hot(slot).is_learnt() {
            learning::observe(&mut self.cache, &mut self.classifier, slot, packet, direction);
        }
        if self.config.has_details() {
            self.count_details(slot, packet, direction, stamp);
        }
        if !self.metrics.is_empty() {
            let is_last = self.metrics.fold(slot, packet, || self.cache.pkts(slot), direction);
            if is_last || self.metrics.has_groups() {
                self.update_metrics(slot, packet, is_last);
            }
        }
    }

    /// The slot of the flow that a packet is counted in: the one in `slot` if that goes on, or one that begins.
    #[inline(never)]
    fn slot_for(
        &mut self,
        packet: &Packet<'_>,
        key: &FlowKey,
        turned: bool,
        hash: u64,
        slot: Option<u32>,
        clock: Timestamp,
    ) -> u32 {
        match slot.map(|slot| (slot, fate(&self.config, &self.cache, slot, packet, clock))) {
            Some((slot, Fate::Goes)) => slot,
            Some((slot, Fate::Cut)) => self.cut(slot, packet, clock),
            Some((slot, Fate::Ends(reason))) => {
                self.expiry.disarm(slot);
                let record = self.take(slot, reason);
                self.ready.extend(record);
                self.open(packet, key, turned, hash, clock)
            }
            None => self.open(packet, key, turned, hash, clock),
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
        let (statistics, sequence) = self.cache.measured_mut(slot);
        count_sizes(&self.config, statistics, sequence, packet, direction, stamp);
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
        if self.cache.tcp_end(slot).ended.is_some() {
            return Some(ExportReason::TCP_END);
        }
        let timeout = self.config.inactive_timeout?;
        (self.now.nanos_since(self.cache.hot(slot).last_clock) >= timeout).then_some(ExportReason::INACTIVE)
    }

    fn open(&mut self, packet: &Packet<'_>, key: &FlowKey, turned: bool, hash: u64, clock: Timestamp) -> u32 {
        if self.config.capacity.is_some_and(|capacity| self.cache.len() >= capacity) {
            self.make_room();
        }
        let flow = begin(&self.config, packet, key, turned, clock);
        let classification = || self.classifier.start();
        let slot = self.cache.insert(flow, hash, classification, || Dissection::new(packet.info.ip_protocol));
        self.start_metrics(slot, packet.raw.number);
        self.expiry.arm(slot, due(&self.config, &self.cache, slot));
        slot
    }

    /// Makes room for one flow: a flow that is due leaves with its own reason, else the one nearest its end.
    fn make_room(&mut self) {
        let Self { cache, config, expiry, .. } = self;
        let due = |slot| due(config, cache, slot);
        let mut looks = ROOM_LOOKS;
        let mut slot = expiry.pop_due(self.now, &mut looks, due);
        if slot.is_none() && looks == 0 {
            looks = usize::MAX;
            slot = expiry.pop_due(self.now, &mut looks, due);
        }
        let record = if let Some(slot) = slot {
            let reason = self.ended(slot).unwrap_or(ExportReason::INACTIVE);
            self.take(slot, reason)
        } else if let Some(slot) = expiry.pop_first(due) {
            self.evicted += 1;
            self.take(slot, ExportReason::CAPACITY)
        } else {
            return;
        };
        self.ready.extend(record);
        // Where one has to leave, others will: the next one's place is asked for, and the memory of those behind it.
        let mut coming = self.expiry.coming();
        if let Some(next) = coming.next() {
            self.cache.want_place(next, |key| self.hasher.hash(key));
        }
        coming.for_each(|slot| self.cache.want(slot));
    }

    /// Reports the flow so far and lets it go on, empty, as the next segment.
    fn cut(&mut self, slot: u32, packet: &Packet<'_>, clock: Timestamp) -> u32 {
        let mut flow = self.cache.take_state(slot);
        flow.application = learning::label_so_far(&self.cache, &mut self.classifier, slot);
        let mut beside = self.cache.beside_mut(slot);
        beside.show(&mut flow);
        beside.empty();
        learning::show_so_far(&mut flow, &self.cache, &self.classifier, slot);
        self.cache.set(slot, next_segment(&flow, packet, clock));
        let application = flow.application.clone();
        let mut record = FlowRecord { flow, export_reason: ExportReason::ACTIVE, metrics: Metrics::default() };
        if self.complete(&mut record, slot) {
            self.ready.push_back(record);
        }
        if !self.metrics.is_empty() {
            self.start_metrics_of(slot, packet.raw.number, application);
        }
        slot
    }

    /// Takes a flow that nobody waits for any more out of the cache, as a record; `None` if that is withheld.
    fn take(&mut self, slot: u32, export_reason: ExportReason) -> Option<FlowRecord> {
        let flow = self.cache.take_state(slot);
        // Made where it leaves from: copying a record about costs as much as making it.
        let mut record = FlowRecord { flow, export_reason, metrics: Metrics::default() };
        let flow = &mut record.flow;
        flow.application = learning::finish(&mut self.cache, &mut self.classifier, slot, flow);
        self.cache.beside_mut(slot).show(flow);
        self.cache.remove(slot, |key| self.hasher.hash(key));
        if self.complete(&mut record, slot) { Some(record) } else { None }
    }

    /// Adds the metrics to a record that leaves, and takes its packets from those that live; whether it is kept.
    fn complete(&mut self, record: &mut FlowRecord, slot: u32) -> bool {
        let total = record.total();
        self.living.packets -= total.pkts;
        self.living.bytes -= total.bytes;
        let kept = self.metrics.is_empty() || {
            let states = self.cache.take_called(slot).states;
            self.metrics.finish(slot, states, record)
        };
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
        let Some(end) = self.cache.tcp_end_mut(slot) else { return };
        end.fins |= u8::from(flags.fin()) << direction as u8;
        if end.ended.is_none() && (flags.rst() || end.fins == 0b11) {
            end.ended = Some(clock);
            self.expiry.disarm(slot);
            self.expiry.arm(slot, due(&self.config, &self.cache, slot));
        }
    }

    #[inline]
    fn start_metrics(&mut self, slot: u32, frame: u64) {
        if !self.metrics.is_empty() {
            self.start_metrics_of(slot, frame, None);
        }
    }

    /// Starts the metrics of a flow, or of a segment of one that has a label already.
    fn start_metrics_of(&mut self, slot: u32, frame: u64, application: Option<Arc<Application>>) {
        self.metrics.start(slot);
        if !self.metrics.has_groups() {
            return;
        }
        let mut called = self.cache.take_called(slot);
        // Statistics are shown with the first packet that is counted.
        let shown = self.cache.show_begun(slot, &mut called.shown);
        shown.application = application;
        self.metrics.start_groups(&mut called.states, shown, frame);
        self.cache.put_details(slot, shown);
        self.cache.put_called(slot, called);
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
        // While a flow lives, what is known of it lies apart: metrics look at a copy.
        let mut called = self.cache.take_called(slot);
        let shown = self.cache.show(slot, &mut called.shown);
        learning::show(shown, &self.cache, slot);
        let reason = self.metrics.update(&mut called.states, packet, shown);
        self.cache.put_details(slot, shown);
        self.cache.put_called(slot, called);
        reason
    }
}

const TCP: u8 = 6;
/// Packets looked up together.
const GROUP: usize = 32;
const _: () = assert!(GROUP <= Folds::MOST);
const NOT_FOUND: u32 = u32::MAX;
/// Flows that are looked at for one that is due, to make room, before all are.
const ROOM_LOOKS: usize = 64;
/// How many flows ahead of leaving, at the end, a flow is asked for.
const LEAVING_AHEAD: usize = 8;
