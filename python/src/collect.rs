//! Flows on their way into columns: a run, and the batches it becomes.

use std::sync::Arc;

use flowgauge::export::arrow::Columns;
use flowgauge::export::arrow::arrow_array::RecordBatch;
use flowgauge::export::arrow::arrow_schema::SchemaRef;
use flowgauge::flow::schema::{self, Schema};
use flowgauge::streamer::Waited;
use flowgauge::{FlowRecord, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error;
use crate::flows::{Failure, Run};
use crate::streamer::Streamer;

/// A run whose flows become columns.
pub(crate) struct Feed {
    run: Arc<Run>,
    columns: Columns,
    /// Records for which the batch before had no room.
    rest: Vec<FlowRecord>,
    ended: bool,
    /// Comes when all flows before it were handed out.
    failure: Option<Failure>,
}

/// What came of asking for more.
enum Got {
    /// Flows, or the end.
    Flows,
    /// Nothing for a while.
    Silence,
}

/// A batch, and the values in it of each metric that is told as JSON.
pub(crate) type Filled = (RecordBatch, Vec<(String, Vec<Value>)>);

impl Feed {
    /// Opens the source; only the columns of these names are computed, by default all.
    pub(crate) fn start(py: Python<'_>, streamer: &Streamer, names: Option<&[String]>) -> PyResult<Self> {
        let run = streamer.start_only(py, names)?;
        let columns = columns(py, run.schema(), names)?;
        Ok(Self { run, columns, rest: Vec::new(), ended: false, failure: None })
    }

    /// The next `rows` flows; fewer at the end, where a column is full, and when no more came for a while. `None` at the
    /// end.
    ///
    /// What ends the run early comes after the flows before it.
    pub(crate) fn batch(&mut self, py: Python<'_>, rows: usize) -> PyResult<Option<Filled>> {
        while !self.ended && self.columns.rows() < rows && !self.columns.is_full() {
            match self.more(py, rows) {
                Ok(Got::Flows) => {}
                Ok(Got::Silence) if self.columns.rows() > 0 => break,
                Ok(Got::Silence) => {}
                Err(failure) => {
                    self.ended = true;
                    self.failure = Some(failure);
                }
            }
        }
        if self.columns.rows() == 0
            && let Some(failure) = self.failure.take()
        {
            return Err(failure.raise(py));
        }
        if self.columns.rows() == 0 && self.ended {
            return Ok(None);
        }
        self.finish(py, !self.ended).map(Some)
    }

    /// All flows in as few batches as their columns allow, one as a rule and at least one.
    pub(crate) fn all(&mut self, py: Python<'_>) -> PyResult<Vec<Filled>> {
        let mut batches = Vec::new();
        while !self.ended {
            self.more(py, usize::MAX).map_err(|failure| failure.raise(py))?;
            if self.columns.is_full() {
                batches.push(self.finish(py, true)?);
            }
        }
        if batches.is_empty() || self.columns.rows() > 0 {
            batches.push(self.finish(py, false)?);
        }
        Ok(batches)
    }

    /// Names, types and metadata.
    ///
    /// # Errors
    ///
    /// A type that is known with the first batch only.
    pub(crate) fn schema(&self, py: Python<'_>) -> PyResult<SchemaRef> {
        self.columns.schema().map_err(|error| error::raise(py, error))
    }

    /// Whether all types are known.
    pub(crate) fn is_typed(&self) -> bool {
        self.columns.schema().is_ok()
    }

    /// The run.
    pub(crate) fn run(&self) -> Arc<Run> {
        Arc::clone(&self.run)
    }

    /// Stops the run.
    pub(crate) fn close(&mut self, py: Python<'_>) {
        self.ended = true;
        self.run.close(py);
    }

    /// Appends some flows, to at most so many rows.
    fn more(&mut self, py: Python<'_>, rows: usize) -> Result<Got, Failure> {
        let mut records = std::mem::take(&mut self.rest);
        if records.is_empty() {
            match self.run.next_chunk(py)? {
                Waited::Record(chunk) => records = chunk,
                Waited::Nothing => return Ok(Got::Silence),
                Waited::End => {
                    self.ended = true;
                    return Ok(Got::Flows);
                }
            }
        }
        let room = rows.saturating_sub(self.columns.rows());
        if room < records.len() {
            self.rest = records.split_off(room);
        }
        py.detach(|| self.columns.append(&records)).map_err(Failure::Library)?;
        Ok(Got::Flows)
    }

    fn finish(&mut self, py: Python<'_>, more: bool) -> PyResult<Filled> {
        let columns = &mut self.columns;
        let batch = py.detach(|| if more { columns.finish_part() } else { columns.finish() });
        let batch = batch.map_err(|error| error::raise(py, error))?;
        Ok((batch, self.columns.take_mixed()))
    }
}

impl Run {
    /// The records that are at hand together, at least one, or word that none came for a while.
    fn next_chunk(&self, py: Python<'_>) -> Result<Waited<Vec<FlowRecord>>, Failure> {
        let waited = self.wait_for_chunk(py);
        if !matches!(waited, Ok(Waited::Record(_) | Waited::Nothing)) {
            self.hide(py);
        }
        waited
    }

    fn wait_for_chunk(&self, py: Python<'_>) -> Result<Waited<Vec<FlowRecord>>, Failure> {
        if !self.may_wait()? {
            return Ok(Waited::End);
        }
        for _ in 0..LOOKS {
            py.check_signals()?;
            match py.detach(|| self.wait_with(flowgauge::Flows::wait_many)).map_err(Failure::Library)? {
                Waited::Nothing => {}
                waited => return Ok(waited),
            }
        }
        Ok(Waited::Nothing)
    }
}

/// The names in `columns`; `None` is all.
pub(crate) fn names(columns: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<String>>> {
    let Some(columns) = columns else { return Ok(None) };
    if columns.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!("columns must be a list of names, not the str {}", columns.repr()?)));
    }
    let names: PyResult<_> = columns.try_iter().and_then(|names| names.map(|name| name?.extract()).collect());
    names.map(Some)
}

/// The columns of a streamer, all of them, without a run.
///
/// # Errors
///
/// A type that is known with the first flows only.
pub(crate) fn schema(py: Python<'_>, streamer: &Streamer) -> PyResult<SchemaRef> {
    let columns = Columns::new(&streamer.schema(py)?);
    columns.schema().map_err(|error| error::raise(py, error))
}

/// The columns of these names, to be filled; by default all.
pub(crate) fn columns(py: Python<'_>, schema: &Schema, names: Option<&[String]>) -> PyResult<Columns> {
    match names {
        None => Ok(Columns::new(schema)),
        Some(names) => Columns::of(schema, names).map_err(|error| error::raise(py, error)),
    }
}

/// Whether all of these names are columns or metrics of a run, each once.
pub(crate) fn check_of(schema: &Schema, names: &[String]) -> PyResult<()> {
    let known: Vec<_> = schema.names().collect();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        if let Some(needs) = schema::column(name).and_then(|column| column.needs) {
            let value = if needs == schema::Needs::Splt { "N" } else { "True" };
            let option = needs.option();
            return Err(PyValueError::new_err(format!("the column {name:?} needs the option {option}={value}")));
        }
    }
    check(&known, names)
}

/// Whether all of these names are among the known, each once.
pub(crate) fn check(known: &[&str], names: &[String]) -> PyResult<()> {
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(PyValueError::new_err(format!("columns must differ from each other, not name {name:?} twice")));
        }
        if !known.contains(&name.as_str()) {
            return Err(PyValueError::new_err(format!("columns must be among {}, not {name:?}", known.join(", "))));
        }
    }
    Ok(())
}

/// How often a run is waited for, 100 ms each time, before what there is goes out: on a wire, flows come when they come.
const LOOKS: u32 = 10;
