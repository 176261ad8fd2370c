//! The user's metrics of a meter's flows: started, updated and finished, until one of them fails.

use std::sync::Arc;

use crate::error::{BoxError, Error};
use crate::flow::{ExportReason, FlowRecord, FlowState, MetricNames, Metrics, Value};
use crate::metric::{MetricGroup, MetricState};
use crate::packet::Packet;

/// Runs the groups of metrics of one meter.
pub(super) struct MetricRunner {
    groups: Vec<Arc<dyn MetricGroup>>,
    names: MetricNames,
    /// How many names each group has.
    sizes: Vec<usize>,
    error: Option<Error>,
    /// A metric failed: from then on packets are metered without metrics.
    failed: bool,
}

/// The metrics of one living flow, by group.
pub(super) type States = Vec<Box<dyn MetricState>>;

impl MetricRunner {
    pub(super) fn new(groups: &[Arc<dyn MetricGroup>], names: MetricNames) -> Self {
        let sizes = groups.iter().map(|group| group.names().len()).collect();
        Self { groups: groups.to_vec(), names, sizes, error: None, failed: false }
    }

    /// Fills `states` for a flow, or a segment of one, that begins.
    pub(super) fn start(&mut self, states: &mut States, flow: &FlowState) {
        states.clear();
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

    /// The values of a flow that ended, as `record` says but for them.
    pub(super) fn finish(&mut self, states: States, record: &FlowRecord) -> Metrics {
        let mut values = Vec::with_capacity(self.names.len());
        let mut states = states.into_iter();
        let mut failed = None;
        for (group, size) in self.groups.iter().zip(&self.sizes) {
            let before = values.len();
            if let Some(Err(source)) = states.next().map(|state| state.finish(record, &mut values)) {
                failed = failed.or(Some((group.names().join(", "), source)));
            }
            values.resize(before + size, Value::Null);
        }
        if let Some((metric, source)) = failed {
            self.fail(metric, record.flow_id, source);
        }
        Metrics::new(MetricNames::clone(&self.names), values)
    }

    /// Whether there are any.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
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
