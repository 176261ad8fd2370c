//! What becomes of running streamers when the process forks or ends.
//!
//! The threads of a run do not exist in the child of a fork, and must not meet an interpreter that is going away. So each
//! run remembers in which process it began, and all runs are closed when Python exits.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::prelude::*;

use crate::flows::Run;

/// Which process this is, counted from the one that imported the module: one more after every fork.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Remembers a run, to close it when Python exits.
///
/// The list is locked only for a moment and by threads attached to the interpreter, as is one that forks: so nobody
/// holds it during a fork.
pub(crate) fn enlist(_py: Python<'_>, run: &Arc<Run>) {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    runs.retain(|run| run.strong_count() > 0);
    runs.push(Arc::downgrade(run));
}

/// Asks Python to tell of forks and of its exit.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    let kwargs = pyo3::types::PyDict::new(py);
    kwargs.set_item("after_in_child", wrap_pyfunction!(forked, py)?)?;
    py.import("os")?.call_method("register_at_fork", (), Some(&kwargs))?;
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(close_all, py)?,))?;
    Ok(())
}

#[pyfunction]
fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[pyfunction]
fn close_all(py: Python<'_>) {
    let runs = std::mem::take(&mut *RUNS.lock().unwrap_or_else(PoisonError::into_inner));
    for run in runs.iter().filter_map(Weak::upgrade) {
        run.close(py);
    }
}

static GENERATION: AtomicU32 = AtomicU32::new(0);
static RUNS: Mutex<Vec<Weak<Run>>> = Mutex::new(Vec::new());
