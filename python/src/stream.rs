//! Flows as a stream of tables: for Python, and for whoever speaks Arrow.

use std::sync::{Arc, Mutex, PoisonError};

use flowgauge::export::arrow::arrow_array::{RecordBatch, RecordBatchReader};
use flowgauge::export::arrow::arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::collect::{Feed, Filled};
use crate::flows::Run;
use crate::table::FlowTable;

/// Tables of flows, as the flows end; what `Streamer.batches` gives.
///
/// An exception comes once, after the last table. Leaving it, by `break`, `close()`, the end of a `with` block or garbage
/// collection, stops the run.
#[pyclass(frozen, module = "flowgauge", weakref)]
pub(crate) struct Batches {
    run: Arc<Run>,
    state: Mutex<State>,
    rows: usize,
}

enum State {
    Ready(Box<Feed>),
    /// A thread is at it.
    Busy,
    Over,
}

#[pymethods]
impl Batches {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<FlowTable>> {
        // Taken out, so that nobody waits for the lock while another waits for flows.
        let mut feed = match self.put(State::Busy) {
            State::Ready(feed) => feed,
            State::Over => {
                self.put(State::Over);
                return Ok(None);
            }
            State::Busy => return Err(PyRuntimeError::new_err("another thread waits for the next table already")),
        };
        let filled = feed.batch(py, self.rows);
        self.put(if matches!(filled, Ok(Some(_))) { State::Ready(feed) } else { State::Over });
        if filled.is_err() {
            self.run.close(py);
        }
        Ok(filled?.map(|filled| FlowTable::new(filled.0.schema(), vec![filled])))
    }

    /// Stop the run and wait for its threads, a second at most; flows not taken stay in the report as living.
    fn close(&self, py: Python<'_>) {
        self.put(State::Over);
        self.run.close(py);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        format!("<flowgauge.Batches of {} rows>", self.rows)
    }
}

impl Batches {
    pub(crate) fn new(feed: Feed, rows: usize) -> Self {
        Self { run: feed.run(), state: Mutex::new(State::Ready(Box::new(feed))), rows }
    }

    fn put(&self, state: State) -> State {
        std::mem::replace(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }
}

/// The flows of a run as Arrow's readers take them, from any thread, with the interpreter or without.
pub(crate) struct Reader {
    feed: Feed,
    schema: SchemaRef,
    /// The batch that had to come first, so that all types are known.
    first: Option<Filled>,
    ended: bool,
}

impl Reader {
    pub(crate) fn new(py: Python<'_>, mut feed: Feed) -> PyResult<Self> {
        let first = if feed.is_typed() { None } else { feed.batch(py, ROWS)? };
        let schema = match &first {
            Some((batch, _)) => batch.schema(),
            None if feed.is_typed() => feed.schema(py)?,
            // There are no flows: an empty batch has types too.
            None => feed.all(py)?.first().map_or_else(|| feed.schema(py), |(batch, _)| Ok(batch.schema()))?,
        };
        Ok(Self { feed, schema, first, ended: false })
    }

    fn read(&mut self) -> Result<Option<Filled>, ArrowError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        // Whoever reads may hold the interpreter: waiting for flows must not, since metrics may need it.
        let read = Python::try_attach(|py| {
            self.feed.batch(py, ROWS).map_err(|raised| {
                self.feed.close(py);
                ArrowError::ExternalError(Box::new(raised))
            })
        });
        read.unwrap_or_else(|| {
            Err(ArrowError::ExternalError(Box::new(PyRuntimeError::new_err("the interpreter is shutting down"))))
        })
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read();
        self.ended = !matches!(read, Ok(Some(_)));
        read.map(|filled| filled.map(|(batch, _)| batch)).transpose()
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// Flows in a batch, unless told otherwise.
pub(crate) const ROWS: usize = 65_536;
