//! What leaves the house when a flow ends or is cut.

use std::any::Any;
use std::fmt::Debug;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use crate::flow::{ExportReason, FlowState, Value};

/// A flow record: what was metered of one flow, or of one segment of it (RFC 7011).
///
/// Dereferences to the [`FlowState`] at its end. `Display` is one line of JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRecord {
    /// Identity and counts.
    pub flow: FlowState,
    /// Why it left.
    pub export_reason: ExportReason,
    /// The user's metrics.
    pub metrics: Metrics,
}

/// Names of a run's metrics, in the order the user gave them.
pub type MetricNames = Arc<[String]>;

/// The user's metrics of one record; empty without metrics.
///
/// Those of one name and value are equal, whatever is kept to merge them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    named: Option<(MetricNames, Box<[Value]>)>,
    parts: Option<Arc<dyn MetricParts>>,
}

/// What metrics were made of, kept so that they can be merged.
pub(crate) trait MetricParts: Any + Debug + Send + Sync {
    /// With those of the record that comes next, whose directions may be turned; `None` for other metrics.
    fn merged(&self, next: &dyn MetricParts, turned: bool) -> Option<Arc<dyn MetricParts>>;

    /// Gives the values of a merged `record`, by their places.
    fn put(&self, record: &FlowRecord, put: &mut dyn FnMut(usize, Value));
}

impl Metrics {
    /// These values under these names; missing values are null, surplus ones are left out.
    pub fn new(names: MetricNames, mut values: Vec<Value>) -> Self {
        values.resize(names.len(), Value::Null);
        Self { named: Some((names, values.into_boxed_slice())), parts: None }
    }

    /// Keeps what they were made of.
    pub(crate) fn set_parts(&mut self, parts: Arc<dyn MetricParts>) {
        self.parts = Some(parts);
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Names and values, in the order the user gave them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.named.iter().flat_map(|(names, values)| names.iter().map(String::as_str).zip(values.iter()))
    }
}

impl PartialEq for Metrics {
    fn eq(&self, other: &Self) -> bool {
        self.named == other.named
    }
}

impl FlowRecord {
    /// Merges the metrics with those of the record that came `next`, after everything else. What cannot be merged is null.
    pub(super) fn merge_metrics(&mut self, next: &Metrics, turned: bool) {
        let mut metrics = std::mem::take(&mut self.metrics);
        let same = metrics.named.as_ref().map(|(names, _)| names) == next.named.as_ref().map(|(names, _)| names);
        metrics.parts = match (&metrics.parts, &next.parts) {
            (Some(mine), Some(others)) if same => mine.merged(&**others, turned),
            _ => None,
        };
        if let Some((_, values)) = &mut metrics.named {
            values.fill(Value::Null);
            if let Some(parts) = &metrics.parts {
                parts.put(self, &mut |place, value| values[place] = value);
            }
        }
        self.metrics = metrics;
    }

    /// Address of the sender of the flow's first packet.
    pub fn ip_src(&self) -> IpAddr {
        self.flow.src().0
    }

    /// Address of the receiver of the flow's first packet.
    pub fn ip_dst(&self) -> IpAddr {
        self.flow.dst().0
    }

    /// Name of the application: `TLS.Instagram`, `Unknown`; `None` when nobody was asked.
    pub fn application_name(&self) -> Option<&str> {
        let metered = self.flow.application.as_deref().map(|application| application.name.as_str());
        metered.or_else(|| self.stored()?.text("application_name"))
    }
}

impl Deref for FlowRecord {
    type Target = FlowState;

    fn deref(&self) -> &FlowState {
        &self.flow
    }
}
