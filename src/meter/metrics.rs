//! The user's metrics of a meter's flows: started, updated and finished, until one of them fails.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{BoxError, Error, Result};
use crate::flow::{Direction, ExportReason, FlowRecord, FlowState, MetricNames, Metrics, Value};
use crate::meter::config::{Listed, MeterConfig};
use crate::metric::expr::{Folds, See};
use crate::metric::{MetricGroup, MetricState};
use crate::packet::Packet;

/// Runs the groups of metrics of one meter.
pub(super) struct MetricRunner {
    groups: Vec<Arc<dyn MetricGroup>>,
    names: MetricNames,
    /// Where the values of each group go.
    places: Vec<Range<usize>>,
    folder: Option<Folds>,
    error: Option<Error>,
    /// A metric failed: from then on packets are metered without metrics.
    failed: bool,
}

/// The metrics of one living flow, by group.
pub(super) type States = Vec<Box<dyn MetricState>>;

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
        Ok(Self { groups, names, places, folder, error: None, failed: false })
    }

    /// Fills `states` for a flow, or a segment of one, that begins.
    pub(super) fn start(&mut self, slot: u32, states: &mut States, flow: &FlowState) {
        states.clear();
        if let Some(folder) = &mut self.folder {
            folder.start(slot);
        }
        if self.failed {
            return;
        }
        for group in &self.groups {
            match group.start(flow) {
                Ok(state) => states.push(state),
                Err(source) => {
                    let metric = group.names().join(", ");
                    return self.fail(metric, flow.flow_id, source);
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

    /// Folds a packet that was loaded, counted in its flow already, into the expressions; whether they end the flow.
    #[inline(always)]
    pub(super) fn fold<'a>(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        flow: impl Fn() -> &'a FlowState,
        direction: Direction,
    ) -> bool {
        self.folder.as_mut().is_some_and(|folder| folder.update(slot, packet, flow, direction))
    }

    /// Hands a packet, counted in `flow` already, to every metric; a reason if one of them ends the flow.
    pub(super) fn update(
        &mut self,
        states: &mut States,
        packet: &Packet<'_>,
        flow: &FlowState,
    ) -> Option<ExportReason> {
        if self.failed {
            return None;
        }
        let mut end = None;
        for (group, metric) in self.groups.iter().zip(states) {
            match metric.update(packet, flow) {
                Ok(None) => {}
                Ok(Some(reason)) => end = Some(end.unwrap_or(reason)),
                Err(source) => {
                    let metric = group.names().join(", ");
                    self.fail(metric, flow.flow_id, source);
                    return None;
                }
            }
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
        let mut failed = None;
        for ((group, place), state) in self.groups.iter().zip(&self.places).zip(states) {
            let mut made = Vec::with_capacity(place.len());
            if let Err(source) = state.finish(record, &mut made) {
                failed = failed.or(Some((group.names().join(", "), source)));
            }
            values[place.clone()].iter_mut().zip(made).for_each(|(value, made)| *value = made);
        }
        if let Some((metric, source)) = failed {
            self.fail(metric, record.flow_id, source);
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
        self.failed
    }

    fn fail(&mut self, metric: String, flow_id: u64, source: BoxError) {
        self.failed = true;
        self.error.get_or_insert(Error::Metric { metric, flow_id, source });
    }
}

impl std::fmt::Debug for MetricRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricRunner").field("names", &self.names).field("failed", &self.failed).finish_non_exhaustive()
    }
}
