//! Runs of pipelines: iterated by Python, or pulled into a sink without it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use flowgauge::packet::{Block, SkipReason};
use flowgauge::pipeline::{Batch, Counts, Item as Native, Pipeline, Pulled, Source};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error;
use crate::pipeline::calls::Iterated;
use crate::pipeline::item::Item;
use crate::pipeline::overlay::Own;
use crate::pipeline::parts::{self, Made, PipelinePart};

/// The items of a run, one after the other.
#[pyclass(frozen, module = "flowgauge.pipeline", weakref)]
pub(crate) struct ItemStream {
    run: Mutex<Option<Run>>,
}

struct Run {
    pipeline: Pipeline,
    items: VecDeque<Native>,
    block: Arc<Block>,
    batch: Batch,
}

#[pymethods]
impl ItemStream {
    /// Source and links of a run: native parts, an iterator as source, pairs of a name and a callable as links.
    #[new]
    fn new(source: &Bound<'_, PyAny>, links: &Bound<'_, PyList>) -> PyResult<Self> {
        let pipeline = pipeline(source, links)?;
        let run = Run { pipeline, items: VecDeque::new(), block: Arc::default(), batch: Batch::default() };
        Ok(Self { run: Mutex::new(Some(run)) })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut guard = match self.run.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(PyRuntimeError::new_err(
                    "the next item is being made by another thread, or by this very call",
                ));
            }
        };
        let Some(run) = guard.as_mut() else { return Ok(None) };
        loop {
            if let Some(item) = run.items.pop_front() {
                if let Native::Own(own) = &item
                    && let Some(object) = Own::object(py, own)
                {
                    return Ok(Some(object));
                }
                return Ok(Some(Bound::new(py, Item::kept(item, Arc::clone(&run.block)))?.into_any().unbind()));
            }
            let pulled = py.detach(|| run.pipeline.next_batch(&mut run.batch));
            match pulled {
                Ok(Pulled::End) => {
                    *guard = None;
                    return Ok(None);
                }
                Ok(_) => {
                    run.items.extend(run.batch.items.drain(..));
                    run.block = std::mem::take(&mut run.batch.block);
                    py.check_signals()?;
                }
                Err(failed) => {
                    *guard = None;
                    return Err(error::raise(py, failed));
                }
            }
        }
    }

    /// What source and links counted so far; None when the stream is over.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Ok(guard) = self.run.try_lock() else { return Ok(None) };
        guard.as_ref().map(|run| dict(py, &run.pipeline.counts())).transpose()
    }

    /// End the stream.
    fn close(&self) {
        if let Ok(mut guard) = self.run.try_lock() {
            *guard = None;
        }
    }
}

/// Pull a run into a sink; give what its parts counted.
#[pyfunction]
pub(crate) fn pull<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    links: &Bound<'py, PyList>,
    sink: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let guards = PyList::empty(py);
    for link in links.iter() {
        guards.append(link)?;
    }
    let mut pipeline = pipeline(source, &guards)?;
    let mut before = Vec::new();
    let mut sink = parts::sink(sink, &mut before)?;
    for guard in before {
        pipeline = pipeline.link(guard);
    }
    let mut raised = None;
    let counts = py.detach(|| {
        let mut looked = Instant::now();
        pipeline.pull_while(&mut *sink, &mut || {
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                raised = Python::attach(|py| py.check_signals().err());
            }
            raised.is_none()
        })
    });
    match (raised, counts) {
        (Some(error), _) => Err(error),
        (None, Ok(counts)) => dict(py, &counts),
        (None, Err(failed)) => Err(error::raise(py, failed)),
    }
}

fn pipeline(source: &Bound<'_, PyAny>, links: &Bound<'_, PyList>) -> PyResult<Pipeline> {
    let py = source.py();
    let mut pipeline = match source.cast::<PipelinePart>() {
        Ok(part) => match part.get().make(py)? {
            Made::Source(source) => Pipeline::new(source),
            _ => return Err(PyTypeError::new_err("a pipeline begins with a source")),
        },
        Err(_) => Pipeline::new(Iterated::new(source.try_iter()?.into_any().unbind())),
    };
    let mut made = Vec::new();
    for link in links.iter() {
        parts::link(&link, &mut made)?;
    }
    for link in made {
        pipeline = pipeline.link(link);
    }
    Ok(pipeline)
}

/// Counts as a dict of plain numbers; reasons that never came are left out.
fn dict<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("frames", counts.frames)?;
    all.set_item("bytes", counts.bytes)?;
    all.set_item("filtered", counts.filtered)?;
    all.set_item("dropped", counts.dropped.kernel)?;
    all.set_item("dropped_by_interface", counts.dropped.interface)?;
    let skipped = PyDict::new(py);
    for reason in SkipReason::ALL.into_iter().filter(|reason| counts.skipped(*reason) > 0) {
        skipped.set_item(reason.name(), counts.skipped(reason))?;
    }
    all.set_item("skipped", skipped)?;
    all.set_item("without_transport", counts.without_transport)?;
    all.set_item("flows", counts.flows)?;
    let lookups = PyDict::new(py);
    let told = counts.lookups;
    for (name, number) in [
        ("asked", told.asked),
        ("names", told.names),
        ("nxdomain", told.nxdomain),
        ("failed", told.failed),
        ("put_off", told.put_off),
        ("learnt", told.learnt),
    ] {
        lookups.set_item(name, number)?;
    }
    all.set_item("lookups", lookups)?;
    Ok(all)
}

/// How often signals are looked after.
const LOOK: Duration = Duration::from_millis(50);
