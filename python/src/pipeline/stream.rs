//! Runs of pipelines: iterated by Python, or pulled into a sink without it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use flowgauge::packet::{Block, SkipReason};
use flowgauge::pipeline::{Batch, Counts, Item as Native, Pipeline, Pulled, Source};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error;
use crate::pipeline::calls::{Held, Iterated};
use crate::pipeline::item::Item;
use crate::pipeline::overlay::Own;
use crate::pipeline::parts::{self, Made, PipelinePart};

/// The items of a run, one after the other.
#[pyclass(frozen, module = "flowgauge.pipeline", weakref)]
pub(crate) struct ItemStream {
    run: Mutex<Option<Run>>,
    /// What the run holds of Python.
    held: Mutex<Vec<Held>>,
}

struct Run {
    pipeline: Pipeline,
    items: VecDeque<Native>,
    block: Arc<Block>,
    batch: Batch,
}

#[pymethods]
impl ItemStream {
    /// Source and links of a run: native parts, an iterator as source, pairs of a name and a callable as links; and the parts
    /// that stand behind it, in another run.
    #[new]
    #[pyo3(signature = (source, links, behind=None))]
    fn new(source: &Bound<'_, PyAny>, links: &Bound<'_, PyList>, behind: Option<&Bound<'_, PyList>>) -> PyResult<Self> {
        let mut held = Vec::new();
        let mut pipeline = pipeline(source, links, &mut held)?;
        if let Some(behind) = behind {
            pipeline.provide(&parts::wanted(behind));
        }
        let run = Run { pipeline, items: VecDeque::new(), block: Arc::default(), batch: Batch::default() };
        Ok(Self { run: Mutex::new(Some(run)), held: Mutex::new(held) })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Nobody may be waited for here; who holds the lock is alive.
        let Ok(held) = self.held.try_lock() else { return Ok(()) };
        held.iter().try_for_each(|object| visit.call(&**object))
    }

    fn __clear__(&self) {
        let run = self.run.try_lock().ok().and_then(|mut run| run.take());
        let held = self.held.try_lock().map(|mut held| std::mem::take(&mut *held)).unwrap_or_default();
        // What goes away may call back.
        drop((run, held));
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
                let item = Item::kept(item, Arc::clone(&run.block)).of_wire(run.batch.is_live());
                return Ok(Some(Bound::new(py, item)?.into_any().unbind()));
            }
            let pulled = py.detach(|| run.pipeline.next_batch(&mut run.batch));
            match pulled {
                Ok(Pulled::End) => {
                    *guard = None;
                    self.release();
                    return Ok(None);
                }
                Ok(_) => {
                    run.items.extend(run.batch.items.drain(..));
                    run.block = std::mem::take(&mut run.batch.block);
                    py.check_signals()?;
                }
                Err(failed) => {
                    *guard = None;
                    self.release();
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
            self.release();
        }
    }
}

impl ItemStream {
    /// Lets go of what the run held.
    fn release(&self) {
        let held = self.held.try_lock().map(|mut held| std::mem::take(&mut *held));
        // Outside of the lock: what goes away may call back.
        drop(held);
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
    let mut pipeline = pipeline(source, &guards, &mut Vec::new())?;
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

/// A pipeline of parts; `held` gets what it holds of Python.
fn pipeline(source: &Bound<'_, PyAny>, links: &Bound<'_, PyList>, held: &mut Vec<Held>) -> PyResult<Pipeline> {
    let py = source.py();
    let mut pipeline = match source.cast::<PipelinePart>() {
        Ok(part) => match part.get().make(py)? {
            Made::Source(source) => Pipeline::new(source),
            _ => return Err(PyTypeError::new_err("a pipeline begins with a source")),
        },
        Err(_) => {
            let iterator: Held = Arc::new(source.try_iter()?.into_any().unbind());
            held.push(Arc::clone(&iterator));
            Pipeline::new(Iterated::new(iterator))
        }
    };
    let mut made = Vec::new();
    for link in links.iter() {
        parts::link(&link, &mut made, held)?;
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
    all.set_item("dns_messages", counts.dns_messages)?;
    all.set_item("http_messages", counts.http_messages)?;
    all.set_item("tls_records", counts.tls_records)?;
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
