//! The user's metrics of a meter's flows: started, updated and finished, until one of them fails.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{BoxError, Error, Result};
use crate::flow::{Direction, ExportReason, FlowRecord, FlowState, MetricNames, Metrics, Value};
use crate::meter::config::{Listed, MeterConfig};
use crate::metric::expr::{Folds, See};
use crate::metric::{Failure, Failures, MetricGroup, MetricState};
use crate::packet::Packet;

/// Runs the groups of metrics of one meter.
pub(super) struct MetricRunner {
    groups: Vec<Arc<dyn MetricGroup>>,
    names: MetricNames,
    /// Where the values of each group go.
    places: Vec<Range<usize>>,
    folder: Option<Folds>,
    /// What the group that is being called tells of its metrics.
    failures: Failures,
    skipped: BTreeMap<String, MetricErrors>,
    error: Option<Error>,
    /// The run ends: from then on packets are metered without metrics.
    has_failed: bool,
}

/// The metrics of one living flow, by group; `None` for one that failed.
pub(super) type States = Vec<Option<Box<dyn MetricState>>>;

/// Failures of one metric that were skipped ([`OnError::Skip`](crate::OnError::Skip)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MetricErrors {
    /// How many: as many records have null for it on this account.
    pub count: u64,
    /// The flow of the first.
    pub flow_id: u64,
    /// The frame of the first; `None` at the end of the flow.
    pub frame: Option<u64>,
    /// What the first says.
    pub first: String,
}

impl MetricErrors {
    /// Adds those that another meter skipped.
    pub(crate) fn merge(&mut self, other: &Self) {
        let order = |errors: &Self| (errors.frame.unwrap_or(u64::MAX), errors.flow_id);
        let count = self.count + other.count;
        if order(other) < order(self) {
            self.clone_from(other);
        }
        self.count = count;
    }
}

impl MetricRunner {
    /// # Errors
    ///
    /// As [`MeterConfig::metric_names`] and [`MeterConfig::program`].
    pub(super) fn new(config: &MeterConfig) -> Result<Self> {
        let (mut groups, mut places, mut expressions, mut next) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for listed in &config.metrics {
            let first = next;
            next += listed.names().len();
            match listed {
                Listed::Group(group) => {
                    groups.push(Arc::clone(group));
                    places.push(first..next);
                }
                Listed::Expression(_, expression) => expressions.push((first, expression.clone())),
            }
        }
        let folder = config.program()?.map(|program| Folds::new(program, expressions, config.mergeable));
        let names = config.metric_names()?;
        Ok(Self {
            groups,
            names,
            places,
            folder,
            failures: Failures::new(config.on_error),
            skipped: BTreeMap::new(),
            error: None,
            has_failed: false,
        })
    }

    /// Begins with the expressions of a flow, or of a segment of one.
    pub(super) fn start(&mut self, slot: u32) {
        if let Some(folder) = &mut self.folder {
            folder.start(slot);
        }
    }

    /// Fills `states` for a flow, or a segment of one, that begins with this frame.
    pub(super) fn start_groups(&mut self, states: &mut States, flow: &FlowState, frame: u64) {
        states.clear();
        if self.has_failed {
            return;
        }
        for nth in 0..self.groups.len() {
            match self.groups[nth].start(flow) {
                Ok(state) => states.push(Some(state)),
                Err(source) => {
                    states.push(None);
                    if !self.group_failed(nth, source, flow, Some(frame)) {
                        return;
                    }
                }
            }
        }
    }

    /// Reads for the expressions what they ask of packets, which are to be folded next, in their order.
    #[inline]
    pub(super) fn load<P: See>(&mut self, packets: &[P]) {
        if let Some(folder) = &mut self.folder {
            folder.load(packets);
        }
    }

    /// Folds a packet that was loaded, counted in its flow already (`pkts` tells how many are), into the expressions; whether
    /// they end the flow.
    #[inline(always)]
    pub(super) fn fold(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        pkts: impl Fn() -> u64,
        direction: Direction,
    ) -> bool {
        self.folder.as_mut().is_some_and(|folder| folder.update(slot, packet, pkts, direction))
    }

    /// Hands a packet, counted in `flow` already, to every metric; a reason if one of them ends the flow.
    pub(super) fn update(
        &mut self,
        states: &mut States,
        packet: &Packet<'_>,
        flow: &FlowState,
    ) -> Option<ExportReason> {
        if self.has_failed {
            return None;
        }
        let mut end = None;
        for (nth, state) in states.iter_mut().enumerate() {
            let Some(metric) = state else { continue };
            match metric.update(packet, flow, &mut self.failures) {
                Ok(reason) => {
                    end = end.or(reason);
                    if self.failures.is_empty() || self.settle(nth, flow, Some(packet.raw.number)) {
                        continue;
                    }
                }
                Err(source) => {
                    *state = None;
                    let frame = Some(packet.raw.number);
                    if self.settle(nth, flow, frame) && self.group_failed(nth, source, flow, frame) {
                        continue;
                    }
                }
            }
            return None;
        }
        end
    }

    /// Writes the values of a flow that ended into its record; whether the record is kept.
    pub(super) fn finish(&mut self, slot: u32, states: States, record: &mut FlowRecord) -> bool {
        let mut values = vec![Value::Null; self.names.len()];
        let mut parts = None;
        if let Some(folder) = &mut self.folder {
            match folder.finish(slot, record, |place, value| values[place] = value) {
                Some(made) => parts = made,
                None => return false,
            }
        }
        for (nth, state) in states.into_iter().enumerate() {
            let Some(state) = state else { continue };
            let place = self.places[nth].clone();
            let mut made = Vec::with_capacity(place.len());
            let finished = state.finish(record, &mut made, &mut self.failures);
            // Every flow that lives leaves, also when the run ends with this.
            self.settle(nth, record, None);
            match finished {
                Ok(()) => values[place].iter_mut().zip(made).for_each(|(value, made)| *value = made),
                Err(source) => {
                    self.group_failed(nth, source, record, None);
                }
            }
        }
        if !values.is_empty() {
            record.metrics = Metrics::new(MetricNames::clone(&self.names), values);
            parts.into_iter().for_each(|parts| record.metrics.set_parts(parts));
        }
        true
    }

    /// Whether there is nothing to do for packets and records.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.folder.is_none()
    }

    /// Runs the metering of some packets, with every group around it.
    pub(super) fn around_batch(groups: &[Arc<dyn MetricGroup>], body: &mut dyn FnMut()) {
        match groups {
            [] => body(),
            [group, rest @ ..] => group.around_batch(&mut || Self::around_batch(rest, body)),
        }
    }

    pub(super) fn groups(&self) -> &[Arc<dyn MetricGroup>] {
        &self.groups
    }

    /// Whether there is code of the user's to call for packets.
    #[inline]
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    pub(super) fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub(super) fn skipped(&self) -> &BTreeMap<String, MetricErrors> {
        &self.skipped
    }

    /// Takes what a group told of its metrics; whether the run goes on.
    #[cold]
    fn settle(&mut self, group: usize, flow: &FlowState, frame: Option<u64>) -> bool {
        let place = self.places[group].clone();
        let mut goes_on = true;
        for Failure { metric, error, ends_run } in self.failures.take() {
            // A group that tells of a metric that it does not have is meant as a whole.
            let metric = place.clone().nth(metric).map_or(place.clone(), |metric| metric..metric + 1);
            goes_on &= self.failed(metric, error, flow, frame, ends_run);
        }
        goes_on
    }

    /// A group failed as a whole; whether the run goes on.
    #[cold]
    fn group_failed(&mut self, group: usize, source: BoxError, flow: &FlowState, frame: Option<u64>) -> bool {
        self.failed(self.places[group].clone(), source, flow, frame, self.failures.end_run())
    }

    fn failed(
        &mut self,
        metrics: Range<usize>,
        source: BoxError,
        flow: &FlowState,
        frame: Option<u64>,
        ends_run: bool,
    ) -> bool {
        let names = &self.names[metrics];
        let flow_id = flow.flow_id;
        let error = Error::Metric { metric: names.join(", "), flow_id, ends: ends(flow), frame, source };
        if ends_run {
            self.has_failed = true;
            self.error.get_or_insert(error);
            return false;
        }
        for name in names {
            match self.skipped.get_mut(name) {
                Some(errors) => errors.count += 1,
                None => {
                    let errors = MetricErrors { count: 1, flow_id, frame, first: error.to_string() };
                    self.skipped.insert(name.clone(), errors);
                }
            }
        }
        true
    }
}

/// The two ends of a flow and its protocol, to be read.
fn ends(flow: &FlowState) -> String {
    let (src, dst) = (SocketAddr::from(flow.src()), SocketAddr::from(flow.dst()));
    format!("{src} -> {dst}, protocol {}", flow.key.ip_protocol())
}

impl std::fmt::Debug for MetricRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricRunner")
            .field("names", &self.names)
            .field("has_failed", &self.has_failed)
            .finish_non_exhaustive()
    }
}
