//! The iterator of flows, and the run behind it.
//!
//! A record that is at hand is taken without a wait; else the interpreter is released, and looked after for signals
//! every 100 ms. Nobody who is attached to the interpreter ever waits for the lock, and nobody who holds the lock ever
//! waits for the interpreter.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use flowgauge::flow::schema::Schema;
use flowgauge::streamer::Waited;
use flowgauge::{FlowRecord, ReportHandle, StopHandle, Streamer};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

use crate::error;
use crate::metric::Abandoned;
use crate::position::Position;
use crate::process;
use crate::record::Flow;
use crate::report::Report;

/// The flows of one run, as they end; what `iter(streamer)` gives.
///
/// An exception comes once, after the last flow. Leaving it, by `break`, `close()`, the end of a `with` block or garbage
/// collection, stops the run.
#[pyclass(frozen, module = "flowgauge", weakref)]
pub(crate) struct Flows {
    run: Arc<Run>,
}

/// A run of a streamer.
pub(crate) struct Run {
    /// `None` when it is over or closed.
    flows: Mutex<Option<flowgauge::Flows>>,
    stop: StopHandle,
    report: RunReport,
    schema: Schema,
    abandoned: Abandoned,
    /// What shows how far it is, a `flowgauge._progress.Progress`, until it is over.
    shown: Mutex<Option<Py<PyAny>>>,
}

/// Why there is no further record.
pub(crate) enum Failure {
    /// What Python raised meanwhile.
    Raised(PyErr),
    /// The error of the run; it comes once.
    Library(flowgauge::Error),
}

/// A way to the report of a run that outlives it.
#[derive(Clone)]
pub(crate) struct RunReport {
    handle: ReportHandle,
    generation: u32,
    over: Arc<AtomicBool>,
}

impl Run {
    /// Opens the source and sets the threads to work.
    ///
    /// Whoever calls the user's code for it looks at `abandoned`.
    pub(crate) fn start(py: Python<'_>, streamer: Streamer, abandoned: Abandoned) -> flowgauge::Result<Arc<Self>> {
        let flows = py.detach(|| streamer.start())?;
        let run = Arc::new(Self {
            stop: flows.stop_handle(),
            report: RunReport {
                handle: flows.report_handle(),
                generation: process::generation(),
                over: Arc::default(),
            },
            schema: flows.schema().clone(),
            flows: Mutex::new(Some(flows)),
            abandoned,
            shown: Mutex::new(None),
        });
        process::enlist(py, &run);
        Ok(run)
    }

    /// Shows how far the run is, where somebody can see it.
    pub(crate) fn show(&self, py: Python<'_>) -> PyResult<()> {
        let report = self.report();
        let look = move |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| report.report();
        let look = PyCFunction::new_closure(py, None, None, look)?;
        let shown = py.import("flowgauge._progress")?.call_method1("show", (look,))?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = (!shown.is_none()).then(|| shown.unbind());
        Ok(())
    }

    /// Shows it no more.
    pub(crate) fn hide(&self, py: Python<'_>) {
        if self.report.same_process().is_err() {
            // Who shows it is in the parent, and may have been at it, with a lock that nobody here would ever open.
            return;
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        close_shown(py, shown);
    }

    /// The next record; `None` at the end.
    pub(crate) fn next(&self, py: Python<'_>) -> PyResult<Option<FlowRecord>> {
        self.try_next(py).map_err(|failure| failure.raise(py))
    }

    /// As [`Run::next`], with the error as the library has it.
    pub(crate) fn try_next(&self, py: Python<'_>) -> Result<Option<FlowRecord>, Failure> {
        if !self.may_wait()? {
            return Ok(None);
        }
        if let Some(record) = self.at_hand() {
            return Ok(Some(record));
        }
        let waited = self.wait_for_one(py);
        if !matches!(waited, Ok(Some(_))) {
            self.hide(py);
        }
        waited
    }

    fn wait_for_one(&self, py: Python<'_>) -> Result<Option<FlowRecord>, Failure> {
        loop {
            match py.detach(|| self.wait()) {
                Ok(Waited::Record(record)) => return Ok(Some(record)),
                Ok(Waited::Nothing) => py.check_signals()?,
                Ok(Waited::End) => return Ok(None),
                Err(error) => return Err(Failure::Library(error)),
            }
        }
    }

    /// As many records as are at hand, at least one; none at the end.
    pub(crate) fn next_many(&self, py: Python<'_>) -> PyResult<Vec<FlowRecord>> {
        self.try_next_many(py, MANY).map_err(|failure| failure.raise(py))
    }

    /// As [`Run::next_many`], at most so many, with the error as the library has it.
    pub(crate) fn try_next_many(&self, py: Python<'_>, most: usize) -> Result<Vec<FlowRecord>, Failure> {
        py.check_signals()?;
        let Some(first) = self.try_next(py)? else { return Ok(Vec::new()) };
        let mut records = vec![first];
        while records.len() < most
            && let Some(record) = self.at_hand()
        {
            records.push(record);
        }
        Ok(records)
    }

    /// Reads no more; what was read still comes.
    pub(crate) fn stop(&self) {
        self.stop.stop();
    }

    /// Stops the run and waits for its threads; what was not taken is in the report as living.
    pub(crate) fn close(&self, py: Python<'_>) {
        if self.report.is_over() || self.report.same_process().is_err() {
            return;
        }
        self.abandon();
        py.detach(|| drop(self.lock().take()));
        self.report.over.store(true, Ordering::Release);
        self.hide(py);
    }

    /// The columns of its records.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A way to its report.
    pub(crate) fn report(&self) -> RunReport {
        self.report.clone()
    }

    /// Whether more may come; an error where waiting would be wrong.
    pub(crate) fn may_wait(&self) -> Result<bool, Failure> {
        if self.report.is_over() {
            return Ok(false);
        }
        self.report.same_process()?;
        if self.abandoned.is_within() {
            return Err(Failure::Raised(PyRuntimeError::new_err(
                "the next flow was asked for by code that the iterator itself called (a metric, a plugin, or its source): \
                 it would wait for itself forever",
            )));
        }
        Ok(true)
    }

    /// A record that is here already.
    fn at_hand(&self) -> Option<FlowRecord> {
        let mut flows = match self.flows.try_lock() {
            Ok(flows) => flows,
            Err(TryLockError::Poisoned(flows)) => flows.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        flows.as_mut()?.try_next()
    }

    /// Waits a moment. Call it detached from the interpreter.
    fn wait(&self) -> flowgauge::Result<Waited> {
        self.wait_with(flowgauge::Flows::wait)
    }

    /// Waits a moment in this way. Call it detached from the interpreter.
    pub(crate) fn wait_with<T>(
        &self,
        wait: impl Fn(&mut flowgauge::Flows, Duration) -> flowgauge::Result<Waited<T>>,
    ) -> flowgauge::Result<Waited<T>> {
        let mut guard = self.lock();
        let Some(flows) = guard.as_mut() else { return Ok(Waited::End) };
        let waited = wait(flows, LOOK);
        if matches!(waited, Ok(Waited::End) | Err(_)) {
            self.report.over.store(true, Ordering::Release);
            *guard = None;
        }
        waited
    }

    /// Tells whoever calls metrics that nobody wants their values any more.
    fn abandon(&self) {
        self.stop.stop();
        self.abandoned.set();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<flowgauge::Flows>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let flows = self.flows.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if self.report.same_process().is_err() {
            // Its threads are in the parent, so nobody could wait for them, nor for what they had locked.
            return std::mem::forget((flows, shown));
        }
        if shown.is_some() {
            Python::try_attach(|py| close_shown(py, shown));
        }
        let Some(flows) = flows else { return };
        self.abandon();
        let mut flows = Some(flows);
        Python::try_attach(|py| py.detach(|| drop(flows.take())));
        // Without an interpreter to release there is none to wait for.
        drop(flows);
        self.report.over.store(true, Ordering::Release);
    }
}

impl Failure {
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Raised(error) => error,
            Self::Library(error) => error::raise(py, error),
        }
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl RunReport {
    /// What became of everything read so far.
    pub(crate) fn report(&self) -> PyResult<Report> {
        self.same_process()?;
        Ok(Report::new(self.handle.report()))
    }

    /// The same for the library.
    pub(crate) fn handle(&self) -> ReportHandle {
        self.handle.clone()
    }

    /// Where reading stopped.
    pub(crate) fn position(&self) -> PyResult<Option<Position>> {
        self.same_process()?;
        Ok(self.handle.position().map(Position::new))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Whether this is not the child of a fork that came amid the run.
    fn same_process(&self) -> PyResult<()> {
        if self.is_over() || self.generation == process::generation() {
            return Ok(());
        }
        Err(error::flowgauge_error(
            "this run was started before a fork, and its threads are in the parent: iterate the streamer anew",
        ))
    }
}

#[pymethods]
impl Flows {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Flow>> {
        Ok(self.run.next(py)?.map(Flow::new))
    }

    /// Read no more; the flows of what was read still come, and then the iterator ends.
    fn stop(&self, py: Python<'_>) {
        self.run.stop();
        self.run.hide(py);
    }

    /// Stop the run and wait for its threads, a second at most; flows not taken stay in the report as living.
    fn close(&self, py: Python<'_>) {
        self.run.close(py);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.run.close(py);
    }

    /// What became of everything read so far: a `Report`.
    #[getter]
    fn report(&self) -> PyResult<Report> {
        self.run.report.report()
    }

    /// Where reading stopped: a `Position` for `after` of a streamer of the next piece; None while it goes on.
    #[getter]
    fn position(&self) -> PyResult<Option<Position>> {
        self.run.report.position()
    }

    /// Names of the columns, then of the metrics: the fields of a record and the headings of CSV.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.run.schema.names().map(str::to_owned).collect()
    }

    fn __repr__(&self) -> String {
        let state = if self.run.report.is_over() { "over" } else { "running" };
        format!("<flowgauge.Flows {state}>")
    }
}

impl Flows {
    pub(crate) fn new(run: Arc<Run>) -> Self {
        Self { run }
    }
}

/// What shows a run must not end it: an exception goes where those of destructors go.
fn close_shown(py: Python<'_>, shown: Option<Py<PyAny>>) {
    let Some(shown) = shown else { return };
    if let Err(error) = shown.call_method0(py, intern!(py, "close")) {
        error.write_unraisable(py, None);
    }
}

/// Records taken at a time by whoever wants all of them.
pub(crate) const MANY: usize = 1024;
/// How long a wait lasts between two looks at signals.
const LOOK: Duration = Duration::from_millis(100);
