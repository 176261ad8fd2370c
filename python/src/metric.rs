//! The user's Python callables as one group of metrics.
//!
//! They share one living flow and its dict, so they are one group. A worker's thread keeps its state in the interpreter
//! for as long as it runs, so that attaching for a call is cheap, and is attached only inside a call.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flowgauge::metric::{Failures, MetricGroup, MetricState};
use flowgauge::{BoxError, ExportReason, FlowRecord, FlowState, Packet, Value};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::callable::Callable;
use crate::error;
use crate::live::LiveFlow;
use crate::packet::PacketInformation;
use crate::value;

/// Callables by name, in the user's order.
pub(crate) struct Callables {
    metrics: Vec<Callable>,
    /// How many have their value in `flow.metrics`; the others have an object for every flow.
    in_dict: usize,
}

/// The callables during one run.
pub(crate) struct Calls {
    callables: Arc<Callables>,
    abandoned: Abandoned,
}

/// Whether nobody wants the values of a run any more: then what is still on its way is not handed to the user's code.
#[derive(Clone, Default)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

/// The callables' values of one flow.
struct CallState {
    calls: Arc<Calls>,
    /// Made with the first packet.
    flow: Option<Py<LiveFlow>>,
    /// Those of each metric; empty where none has any.
    objects: Vec<Option<Py<PyAny>>>,
    /// Which metrics failed; empty until one does.
    failed: Vec<bool>,
}

impl Callables {
    /// These share a dict a flow.
    pub(crate) fn new(metrics: Vec<Callable>) -> Arc<Self> {
        let in_dict = metrics.iter().filter(|metric| !metric.has_objects()).count();
        Arc::new(Self { metrics, in_dict })
    }

    /// Their names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.metrics.iter().map(|metric| metric.name.clone()).collect()
    }

    /// Shows the callables to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.metrics.iter().try_for_each(|metric| metric.traverse(&visit))
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
        let Callables { metrics, in_dict } = &*self.0.callables;
        let objects = if *in_dict < metrics.len() { metrics.len() } else { 0 };
        Ok(Box::new(CallState {
            calls: Arc::clone(&self.0),
            flow: None,
            objects: (0..objects).map(|_| None).collect(),
            failed: Vec::new(),
        }))
    }

    fn around_batch(&self, body: &mut dyn FnMut()) {
        attached(body);
    }

    fn around(&self, body: &mut (dyn FnMut() + Send)) {
        keeping_interpreter_state(&self.0.abandoned, body);
    }
}

impl MetricState for CallState {
    fn update(
        &mut self,
        packet: &Packet<'_>,
        flow: &FlowState,
        failures: &mut Failures,
    ) -> Result<Option<ExportReason>, BoxError> {
        if self.calls.abandoned.is_set() {
            return Ok(None);
        }
        Python::try_attach(|py| self.call(py, packet, flow, failures)).unwrap_or_else(|| Err(GONE.into()))
    }

    fn finish(
        self: Box<Self>,
        record: &FlowRecord,
        values: &mut Vec<Value>,
        failures: &mut Failures,
    ) -> Result<(), BoxError> {
        if self.calls.abandoned.is_set() {
            return Ok(());
        }
        // It is dropped while attached, so that its objects go at once.
        Python::try_attach(move |py| (*self).values(py, record, values, failures)).unwrap_or_else(|| Err(GONE.into()))
    }
}

impl CallState {
    fn call(
        &mut self,
        py: Python<'_>,
        packet: &Packet<'_>,
        flow: &FlowState,
        failures: &mut Failures,
    ) -> Result<Option<ExportReason>, BoxError> {
        let view = match &self.flow {
            Some(view) => view.bind(py).clone(),
            None => {
                let view = self.calls.view(py).map_err(error::failure)?;
                self.flow.insert(view.unbind()).bind(py).clone()
            }
        };
        view.get().open(flow);
        let called = self.call_each(py, packet, flow, &view, failures);
        let reason = view.get().close();
        called.map(|()| reason)
    }

    #[inline]
    fn call_each(
        &mut self,
        py: Python<'_>,
        packet: &Packet<'_>,
        flow: &FlowState,
        view: &Bound<'_, LiveFlow>,
        failures: &mut Failures,
    ) -> Result<(), BoxError> {
        let information = Bound::new(py, PacketInformation::new(packet, flow)).map_err(error::failure)?;
        let dict = view.get().values().bind(py);
        let Self { calls, objects, failed, .. } = self;
        for (nth, metric) in calls.metrics().iter().enumerate() {
            if has_failed(failed, nth) {
                continue;
            }
            let error = match metric.call(objects.get_mut(nth), &information, view) {
                Ok(()) if dict.len() <= calls.callables.in_dict => continue,
                // It put a value there that nobody asked for.
                Ok(()) => calls.stranger(dict, flow),
                Err(error) => {
                    // What it left there is not for the next one to be blamed for.
                    if dict.len() > calls.callables.in_dict {
                        calls.take_strangers(dict).map_err(error::failure)?;
                    }
                    error
                }
            };
            if !fail(py, failed, nth, error, failures) {
                break;
            }
        }
        PacketInformation::release(&information);
        Ok(())
    }

    fn values(
        mut self,
        py: Python<'_>,
        record: &FlowRecord,
        values: &mut Vec<Value>,
        failures: &mut Failures,
    ) -> Result<(), BoxError> {
        let calls = Arc::clone(&self.calls);
        let metrics = calls.metrics();
        let Some(view) = self.flow.take() else {
            values.extend(metrics.iter().map(|metric| if metric.has_objects() { Value::Null } else { Value::Int(0) }));
            return Ok(());
        };
        let view = view.bind(py);
        let mut ended = self.end_each(view, record, failures);
        let dict = view.get().values().bind(py);
        let (mut found, mut missing) = (0, Vec::new());
        for (nth, metric) in metrics.iter().enumerate() {
            let value = if metric.has_objects() {
                ended.get_mut(nth).map_or(Ok(Value::Null), |value| Ok(std::mem::take(value)))
            } else {
                let value = dict.get_item(&metric.key);
                found += usize::from(matches!(value, Ok(Some(_))));
                match value {
                    _ if has_failed(&self.failed, nth) => Ok(Value::Null),
                    // One that the user took out has no value.
                    Ok(None) => {
                        missing.push(nth);
                        Ok(Value::Null)
                    }
                    Ok(Some(value)) => value::from_python(&value, &metric.name, record.flow_id),
                    Err(error) => Err(error),
                }
            };
            match value {
                Ok(value) => values.push(value),
                Err(error) => {
                    if !fail(py, &mut self.failed, nth, error, failures) {
                        return Ok(());
                    }
                    values.push(Value::Null);
                }
            }
        }
        if dict.len() > found {
            // One took its own out for this, so that nobody noticed when it did.
            let error = calls.stranger(dict, record);
            // Of one that failed it is told already.
            if missing.is_empty() && self.failed.is_empty() {
                return Err(error::failure(error));
            }
            for nth in missing {
                if !fail(py, &mut self.failed, nth, error.clone_ref(py), failures) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What the flow's objects return at its end, by metric; nothing where none has any.
    fn end_each(&mut self, view: &Bound<'_, LiveFlow>, record: &FlowRecord, failures: &mut Failures) -> Vec<Value> {
        let py = view.py();
        if self.objects.is_empty() {
            return Vec::new();
        }
        view.get().end(record);
        let dict = view.get().values().bind(py);
        let Self { calls, objects, failed, .. } = self;
        let mut values = vec![Value::Null; objects.len()];
        for ((nth, metric), object) in calls.metrics().iter().enumerate().zip(objects) {
            let Some(object) = object.take().filter(|_| !has_failed(failed, nth)) else { continue };
            let value = match object.bind(py).call_method1(intern!(py, "on_end"), (view,)) {
                Ok(_) if dict.len() > calls.callables.in_dict => Err(calls.stranger(dict, record)),
                Ok(value) => value::from_python(&value, &metric.name, record.flow_id),
                Err(error) if dict.len() > calls.callables.in_dict => calls.take_strangers(dict).and(Err(error)),
                Err(error) => Err(error),
            };
            match value {
                Ok(value) => values[nth] = value,
                Err(error) => {
                    if !fail(py, failed, nth, error, failures) {
                        break;
                    }
                }
            }
        }
        view.get().close();
        values
    }
}

#[inline]
fn has_failed(failed: &[bool], nth: usize) -> bool {
    failed.get(nth).is_some_and(|failed| *failed)
}

/// Tells of a metric that failed; whether the others go on.
#[cold]
fn fail(py: Python<'_>, failed: &mut Vec<bool>, nth: usize, error: PyErr, failures: &mut Failures) -> bool {
    failed.resize(failed.len().max(nth + 1), false);
    failed[nth] = true;
    // As with `except Exception`: who asks to leave is not kept from it.
    if !error.is_instance_of::<PyException>(py) {
        failures.fail_run(nth, error::failure(error));
        return false;
    }
    failures.fail(nth, error::failure(error))
}

impl Calls {
    /// What the callables are shown of a new flow.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LiveFlow>> {
        let dict = PyDict::new(py);
        for metric in self.metrics().iter().filter(|metric| !metric.has_objects()) {
            dict.set_item(&metric.key, 0)?;
        }
        Bound::new(py, LiveFlow::new(dict.unbind()))
    }

    /// Takes out the values that nobody asked for, so that only the metric that put them is blamed; their names.
    #[cold]
    fn take_strangers<'py>(&self, dict: &Bound<'py, PyDict>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let functions = self.metrics().iter().filter(|metric| !metric.has_objects());
        let functions: Vec<_> = functions.map(|metric| &metric.key).collect();
        let known = |key: &Bound<'_, PyAny>| functions.iter().any(|known| key.eq(known).unwrap_or(false));
        let strangers: Vec<_> = dict.keys().iter().filter(|key| !known(key)).collect();
        strangers.iter().try_for_each(|key| dict.del_item(key))?;
        Ok(strangers)
    }

    /// The error for values that nobody asked for.
    #[cold]
    fn stranger(&self, dict: &Bound<'_, PyDict>, flow: &FlowState) -> PyErr {
        let functions = || self.metrics().iter().filter(|metric| !metric.has_objects());
        let key = match self.take_strangers(dict) {
            Ok(strangers) => strangers.into_iter().next(),
            Err(error) => return error,
        };
        let object = key.as_ref().is_some_and(|key| {
            self.metrics().iter().any(|metric| metric.has_objects() && key.eq(&metric.key).unwrap_or(false))
        });
        let key = key.and_then(|key| key.repr().ok()).map_or_else(String::new, |key| key.to_string());
        if object {
            return PyTypeError::new_err(format!(
                "flow.metrics[{key}] of flow {} is not to be set: what on_end returns is the value",
                flow.flow_id
            ));
        }
        let names = functions().map(|metric| metric.name.as_str()).collect::<Vec<_>>().join(", ");
        PyTypeError::new_err(format!(
            "flow.metrics[{key}] of flow {} is no metric: user_metrics names {names}",
            flow.flow_id
        ))
    }
}

/// What is said when there is no interpreter to call.
pub(crate) const GONE: &str = "the interpreter is shutting down";
