//! What leaves the house when a flow ends or is cut.

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Option<(MetricNames, Box<[Value]>)>);

impl Metrics {
    /// These values under these names; missing values are null, surplus ones are left out.
    pub fn new(names: MetricNames, mut values: Vec<Value>) -> Self {
        values.resize(names.len(), Value::Null);
        Self(Some((names, values.into_boxed_slice())))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Makes every value null.
    pub(super) fn forget(&mut self) {
        if let Some((_, values)) = &mut self.0 {
            values.fill(Value::Null);
        }
    }

    /// Names and values, in the order the user gave them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|(names, values)| names.iter().map(String::as_str).zip(values.iter()))
    }
}

impl FlowRecord {
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
        self.flow.application.as_deref().map(|application| application.name.as_str())
    }
}

impl Deref for FlowRecord {
    type Target = FlowState;

    fn deref(&self) -> &FlowState {
        &self.flow
    }
}
