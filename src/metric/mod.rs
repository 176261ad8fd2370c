//! The user's metrics: values folded over the packets of a flow.
//!
//! Packets enter, after the core counters; a [`Value`] a name leaves with the record. A Rust closure and a Python callable
//! are the same to the meter: a [`MetricGroup`], which makes one [`MetricState`] per flow.

pub mod expr;
mod failure;

pub(crate) use failure::Failure;
pub use failure::{Failures, OnError};

use std::sync::Arc;

use crate::error::BoxError;
use crate::flow::{ExportReason, FlowRecord, FlowState, Value};
use crate::packet::Packet;

/// One or more named metrics that share code and state.
pub trait MetricGroup: Send + Sync {
    /// Their names, in the order of the values.
    fn names(&self) -> Vec<String>;

    /// The state for a new flow, or a new segment of one.
    ///
    /// # Errors
    ///
    /// As for [`MetricState::update`].
    fn start(&self, flow: &FlowState) -> Result<Box<dyn MetricState>, BoxError>;

    /// Runs the metering of some packets, in which this group may be called for each; a place to take once what every call
    /// needs. Nothing in it waits for anybody.
    fn around_batch(&self, body: &mut dyn FnMut()) {
        body();
    }

    /// Runs the body of a thread that will call this group; a place to set up what is costly per call.
    fn around(&self, body: &mut (dyn FnMut() + Send)) {
        body();
    }
}

/// The metrics of one living flow.
pub trait MetricState: Send {
    /// Takes in a packet, counted in `flow` already. `Some` ends the flow with this packet and a reason of the user's own.
    ///
    /// Where only one of several metrics fails, `failures` is told, and the state lives on.
    ///
    /// # Errors
    ///
    /// Whatever the user's code returns. The state is dropped, its metrics are null in this flow, and [`OnError`] says
    /// whether the run ends with the error, after the flows metered so far.
    fn update(
        &mut self,
        packet: &Packet<'_>,
        flow: &FlowState,
        failures: &mut Failures,
    ) -> Result<Option<ExportReason>, BoxError>;

    /// Appends the final values, as many as the group has names; `record` is complete but for the metrics.
    ///
    /// # Errors
    ///
    /// As for [`MetricState::update`].
    fn finish(
        self: Box<Self>,
        record: &FlowRecord,
        values: &mut Vec<Value>,
        failures: &mut Failures,
    ) -> Result<(), BoxError>;
}

/// A metric made of Rust closures, shared by all workers; its state is per flow.
#[derive(Clone)]
pub struct Metric {
    group: Arc<dyn Fn(String) -> Arc<dyn MetricGroup> + Send + Sync>,
}

impl std::fmt::Debug for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metric").finish_non_exhaustive()
    }
}

impl Metric {
    /// A value that begins as `init()` and takes in every packet with `fold`.
    ///
    /// ```
    /// use flowgauge::Metric;
    ///
    /// let syns = Metric::fold(|| 0u64, |n, packet, _flow| *n += u64::from(packet.tcp_flags().syn()));
    /// # let _ = syns;
    /// ```
    pub fn fold<S, I, F>(init: I, fold: F) -> Self
    where
        S: Into<Value> + Send + 'static,
        I: Fn() -> S + Send + Sync + 'static,
        F: Fn(&mut S, &Packet<'_>, &FlowState) + Send + Sync + 'static,
    {
        Self::try_fold(init, move |state, packet, flow| {
            fold(state, packet, flow);
            Ok(None)
        })
    }

    /// As [`Metric::fold`], for closures that may fail ([`OnError`] says what then) or end the flow with this packet
    /// ([`ExportReason::user`]).
    pub fn try_fold<S, I, F>(init: I, fold: F) -> Self
    where
        S: Into<Value> + Send + 'static,
        I: Fn() -> S + Send + Sync + 'static,
        F: Fn(&mut S, &Packet<'_>, &FlowState) -> Result<Option<ExportReason>, BoxError> + Send + Sync + 'static,
    {
        let parts = Arc::new((init, fold));
        Self { group: Arc::new(move |name| Arc::new(Closures { name, parts: Arc::clone(&parts) })) }
    }

    /// The metric under its name.
    pub(crate) fn named(&self, name: String) -> Arc<dyn MetricGroup> {
        (self.group)(name)
    }
}

struct Closures<I, F> {
    name: String,
    parts: Arc<(I, F)>,
}

struct ClosureState<S, I, F> {
    value: S,
    parts: Arc<(I, F)>,
}

impl<S, I, F> MetricGroup for Closures<I, F>
where
    S: Into<Value> + Send + 'static,
    I: Fn() -> S + Send + Sync + 'static,
    F: Fn(&mut S, &Packet<'_>, &FlowState) -> Result<Option<ExportReason>, BoxError> + Send + Sync + 'static,
{
    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn start(&self, _flow: &FlowState) -> Result<Box<dyn MetricState>, BoxError> {
        Ok(Box::new(ClosureState { value: (self.parts.0)(), parts: Arc::clone(&self.parts) }))
    }
}

impl<S, I, F> MetricState for ClosureState<S, I, F>
where
    S: Into<Value> + Send + 'static,
    I: Fn() -> S + Send + Sync + 'static,
    F: Fn(&mut S, &Packet<'_>, &FlowState) -> Result<Option<ExportReason>, BoxError> + Send + Sync + 'static,
{
    fn update(
        &mut self,
        packet: &Packet<'_>,
        flow: &FlowState,
        _failures: &mut Failures,
    ) -> Result<Option<ExportReason>, BoxError> {
        (self.parts.1)(&mut self.value, packet, flow)
    }

    fn finish(
        self: Box<Self>,
        _record: &FlowRecord,
        values: &mut Vec<Value>,
        _failures: &mut Failures,
    ) -> Result<(), BoxError> {
        values.push(self.value.into());
        Ok(())
    }
}
