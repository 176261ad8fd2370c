//! The living flow as a Python metric sees it, for as long as the metric is called.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flowgauge::flow::Metrics;
use flowgauge::{ExportReason, FlowRecord, FlowState};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::value;

/// A flow that still takes packets: what a metric is called with.
///
/// Every column is an attribute, as it is with this packet counted; the application is None until it is decided. One such
/// object stands for a flow in all calls, but outside of a call reading it raises RuntimeError.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct LiveFlow {
    /// The flow as it was in the latest call.
    state: Mutex<Option<FlowRecord>>,
    /// Whether that call goes on. Only the thread that calls changes it, so it needs no lock.
    open: AtomicBool,
    metrics: Py<PyDict>,
    /// The reason the user gave; 0 without one, which no user may give. Of a flow that ended, the reason of its record.
    reason: AtomicU8,
    ended: AtomicBool,
}

impl LiveFlow {
    pub(crate) fn new(metrics: Py<PyDict>) -> Self {
        Self {
            state: Mutex::new(None),
            open: AtomicBool::new(false),
            metrics,
            reason: AtomicU8::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// A call begins: this is the flow.
    #[inline]
    pub(crate) fn open(&self, flow: &FlowState) {
        match &mut *self.state() {
            Some(record) => record.flow.clone_from(flow),
            none => {
                *none = Some(FlowRecord {
                    flow: flow.clone(),
                    // Nobody can see it: the attribute of that name is this class's own.
                    export_reason: ExportReason::FLUSH,
                    metrics: Metrics::default(),
                });
            }
        }
        self.open.store(true, Ordering::Release);
    }

    /// The flow ended: the calls for that begin.
    pub(crate) fn end(&self, record: &FlowRecord) {
        self.reason.store(record.export_reason.number(), Ordering::Relaxed);
        self.ended.store(true, Ordering::Relaxed);
        self.open(&record.flow);
    }

    /// The call is over. Tells the reason with which the user ended the flow.
    #[inline]
    pub(crate) fn close(&self) -> Option<ExportReason> {
        self.open.store(false, Ordering::Release);
        ExportReason::user(self.reason.load(Ordering::Relaxed))
    }

    /// The user's values.
    pub(crate) fn values(&self) -> &Py<PyDict> {
        &self.metrics
    }

    /// Reads the flow so far.
    #[inline]
    pub(crate) fn with<T>(&self, read: impl FnOnce(&FlowRecord) -> T) -> PyResult<T> {
        self.check_open()?;
        self.state().as_ref().map(read).ok_or_else(closed)
    }

    fn check_open(&self) -> PyResult<()> {
        if self.is_open() { Ok(()) } else { Err(closed()) }
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, Option<FlowRecord>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl LiveFlow {
    /// The values of the flow's metrics by name: a dict to change, in which each begins as 0.
    ///
    /// At the end of the flow each must be an int of 64 bits, float, bool, str, bytes, None or a list of these.
    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.check_open()?;
        Ok(self.metrics.bind(py).clone())
    }

    /// Set it, to a number from 16 to 255, to end the flow with this packet and this reason; None until then.
    ///
    /// In on_end it is the reason with which the flow ended, and cannot be set.
    #[getter]
    fn export_reason(&self) -> PyResult<Option<u8>> {
        self.check_open()?;
        if self.ended.load(Ordering::Relaxed) {
            return Ok(Some(self.reason.load(Ordering::Relaxed)));
        }
        Ok(ExportReason::user(self.reason.load(Ordering::Relaxed)).map(ExportReason::number))
    }

    #[setter]
    fn set_export_reason(&self, reason: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_open()?;
        if self.ended.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("export_reason can no longer be set: the flow has ended"));
        }
        let Some(number) = value::index(reason) else {
            return Err(PyTypeError::new_err(format!(
                "export_reason must be an int from 16 to 255, not {}",
                value::type_name(reason)
            )));
        };
        let user = number.extract::<u8>().ok().and_then(ExportReason::user);
        let Some(user) = user else {
            return Err(PyValueError::new_err(format!("export_reason must be from 16 to 255, not {number}")));
        };
        self.reason.store(user.number(), Ordering::Relaxed);
        Ok(())
    }

    fn __repr__(&self) -> String {
        match &*self.state() {
            Some(record) if self.is_open() => {
                format!("<flowgauge.LiveFlow {}: {} packets>", record.flow_id, record.total().pkts)
            }
            _ => "<flowgauge.LiveFlow outside of a call>".into(),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Breaking a cycle is left to the dict, which can be cleared.
        visit.call(&self.metrics)
    }
}

fn closed() -> PyErr {
    PyRuntimeError::new_err("a living flow can only be read while its metric is called: copy what is to be kept")
}
