//! The user's Python callables as one group of metrics.
//!
//! They share one dict a flow, so they are one group. A worker's thread keeps its state in the interpreter for as long as
//! it runs, so that attaching for a call is cheap, and is attached only inside a call.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flowgauge::metric::{MetricGroup, MetricState};
use flowgauge::{BoxError, ExportReason, FlowRecord, FlowState, Packet, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error;
use crate::live::LiveFlow;
use crate::packet::PacketInformation;
use crate::value;

/// Callables by name, in the user's order.
pub(crate) struct Callables {
    metrics: Vec<Callable>,
}

/// The callables during one run.
pub(crate) struct Calls {
    callables: Arc<Callables>,
    abandoned: Abandoned,
}

/// Whether nobody wants the values of a run any more: then what is still on its way is not handed to the user's code.
#[derive(Clone, Default)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

/// One of them.
pub(crate) struct Callable {
    name: String,
    key: Py<PyString>,
    callable: Py<PyAny>,
}

/// The callables' values of one flow.
struct CallState {
    calls: Arc<Calls>,
    /// Made with the first packet.
    flow: Option<Py<LiveFlow>>,
}

impl Callables {
    /// These share a dict a flow.
    pub(crate) fn new(metrics: Vec<Callable>) -> Arc<Self> {
        Arc::new(Self { metrics })
    }

    /// Their names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.metrics.iter().map(|metric| metric.name.clone()).collect()
    }

    /// Shows the callables to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.metrics.iter().try_for_each(|metric| visit.call(&metric.callable))
    }
}

impl Callable {
    /// # Errors
    ///
    /// `TypeError` for what cannot be called.
    pub(crate) fn new(name: &str, key: &Bound<'_, PyString>, callable: Bound<'_, PyAny>) -> PyResult<Self> {
        if !callable.is_callable() {
            return Err(PyTypeError::new_err(format!(
                "user_metrics[{name:?}] must be an Expression, or callable as f(packet_information, flow), not {}",
                value::type_name(&callable)
            )));
        }
        Ok(Self { name: name.to_owned(), key: key.clone().unbind(), callable: callable.unbind() })
    }
}

impl Calls {
    /// The callables for a run that begins.
    pub(crate) fn new(callables: &Arc<Callables>, abandoned: Abandoned) -> Arc<Self> {
        Arc::new(Self { callables: Arc::clone(callables), abandoned })
    }

    fn metrics(&self) -> &[Callable] {
        &self.callables.metrics
    }
}

impl Abandoned {
    /// Nobody wants values any more.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Calls the user's code for the run.
    pub(crate) fn within<T>(&self, body: impl FnOnce() -> T) -> T {
        let before = WITHIN.replace(self.place());
        let result = body();
        WITHIN.set(before);
        result
    }

    /// Whether this is called by code that the run waits for, and which so must not wait for the run.
    #[inline]
    pub(crate) fn is_within(&self) -> bool {
        WITHIN.get() == self.place()
    }

    /// What no other run has as long as this one lives.
    fn place(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

thread_local! {
    /// The run that this thread calls the user's code for; 0 is none.
    static WITHIN: Cell<usize> = const { Cell::new(0) };
}

/// Runs the body of a thread that will call Python for a run, and keeps its state in the interpreter meanwhile.
pub(crate) fn keeping_interpreter_state(run: &Abandoned, body: &mut (dyn FnMut() + Send)) {
    let mut body = Some(body);
    Python::try_attach(|py| {
        if let Some(body) = body.take() {
            py.detach(|| run.within(body));
        }
    });
    // An interpreter that is going away has no state to keep.
    if let Some(body) = body {
        body();
    }
}

/// Runs the metering of some packets attached to the interpreter, so that their calls need not ask for it one by one.
pub(crate) fn attached(body: &mut dyn FnMut()) {
    // Without an interpreter it is the calls that say so.
    if Python::try_attach(|_| body()).is_none() {
        body();
    }
}

/// The group that the library is given.
pub(crate) struct Group(pub(crate) Arc<Calls>);

impl MetricGroup for Group {
    fn names(&self) -> Vec<String> {
        self.0.callables.names()
    }

    fn start(&self, _flow: &FlowState) -> Result<Box<dyn MetricState>, BoxError> {
        Ok(Box::new(CallState { calls: Arc::clone(&self.0), flow: None }))
    }

    fn around_batch(&self, body: &mut dyn FnMut()) {
        attached(body);
    }

    fn around(&self, body: &mut (dyn FnMut() + Send)) {
        keeping_interpreter_state(&self.0.abandoned, body);
    }
}

impl MetricState for CallState {
    fn update(&mut self, packet: &Packet<'_>, flow: &FlowState) -> Result<Option<ExportReason>, BoxError> {
        if self.calls.abandoned.is_set() {
            return Ok(None);
        }
        Python::try_attach(|py| self.call(py, packet, flow)).unwrap_or_else(|| Err(GONE.into()))
    }

    fn finish(self: Box<Self>, record: &FlowRecord, values: &mut Vec<Value>) -> Result<(), BoxError> {
        if self.calls.abandoned.is_set() {
            return Ok(());
        }
        // It is dropped while attached, so that its objects go at once.
        Python::try_attach(move |py| (*self).values(py, record, values)).unwrap_or_else(|| Err(GONE.into()))
    }
}

impl CallState {
    fn call(
        &mut self,
        py: Python<'_>,
        packet: &Packet<'_>,
        flow: &FlowState,
    ) -> Result<Option<ExportReason>, BoxError> {
        let view = match &self.flow {
            Some(view) => view.bind(py).clone(),
            None => {
                let view = self.calls.view(py).map_err(|error| error::failure("", error))?;
                self.flow.insert(view.unbind()).bind(py).clone()
            }
        };
        view.get().open(flow);
        let called = self.call_each(py, packet, flow, &view);
        let reason = view.get().close();
        called.map(|()| reason)
    }

    #[inline]
    fn call_each(
        &self,
        py: Python<'_>,
        packet: &Packet<'_>,
        flow: &FlowState,
        view: &Bound<'_, LiveFlow>,
    ) -> Result<(), BoxError> {
        let information = Bound::new(py, PacketInformation::new(packet, flow));
        let information = information.map_err(|error| error::failure("", error))?;
        let called = self.calls.metrics().iter().try_for_each(|metric| {
            let called = metric.callable.bind(py).call1((&information, view));
            called.map(drop).map_err(|error| error::failure(&metric.name, error))
        });
        PacketInformation::release(&information);
        called
    }

    fn values(self, py: Python<'_>, flow: &FlowState, values: &mut Vec<Value>) -> Result<(), BoxError> {
        let metrics = self.calls.metrics();
        let Some(view) = &self.flow else {
            values.extend(metrics.iter().map(|_| Value::Int(0)));
            return Ok(());
        };
        let dict = view.get().values().bind(py);
        let mut found = 0;
        for metric in metrics {
            let fail = |error| error::failure(&metric.name, error);
            let value = dict.get_item(&metric.key).map_err(fail)?;
            found += usize::from(value.is_some());
            // One that the user took out has no value.
            let value = value.map_or(Ok(Value::Null), |value| value::from_python(&value, &metric.name, flow.flow_id));
            values.push(value.map_err(fail)?);
        }
        if dict.len() > found {
            return Err(error::failure(&self.calls.names(), self.calls.stranger(dict, flow)));
        }
        Ok(())
    }
}

impl Calls {
    /// What the callables are shown of a new flow.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LiveFlow>> {
        let dict = PyDict::new(py);
        for metric in self.metrics() {
            dict.set_item(&metric.key, 0)?;
        }
        Bound::new(py, LiveFlow::new(dict.unbind()))
    }

    fn names(&self) -> String {
        self.callables.names().join(", ")
    }

    /// The error for a value that nobody asked for.
    fn stranger(&self, dict: &Bound<'_, PyDict>, flow: &FlowState) -> PyErr {
        let known = |key: &Bound<'_, PyAny>| self.metrics().iter().any(|metric| key.eq(&metric.key).unwrap_or(false));
        let key = dict.keys().iter().find(|key| !known(key));
        let key = key.and_then(|key| key.repr().ok()).map_or_else(String::new, |key| key.to_string());
        let names = self.names();
        PyTypeError::new_err(format!(
            "flow.metrics[{key}] of flow {} is no metric: user_metrics names {names}",
            flow.flow_id
        ))
    }
}

/// What is said when there is no interpreter to call.
pub(crate) const GONE: &str = "the interpreter is shutting down";
