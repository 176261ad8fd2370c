//! The command `flowgauge`, for `python -m flowgauge` and the script that the package installs.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::processor;

/// Run the command with these arguments, the program's name first; give its exit status.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    let signals = Mutex::new(Signals { looked: Instant::now(), raised: None });
    let interrupted = || signals.lock().unwrap_or_else(PoisonError::into_inner).raised();
    let status = py.detach(|| flowgauge_cli::run_with(arguments, &processor::load, &interrupted));
    match signals.into_inner().unwrap_or_else(PoisonError::into_inner).raised {
        Some(error) if !error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
        _ => Ok(status),
    }
}

/// Whether a terminal or a browser would obey this character, or not show it: what the command escapes.
#[pyfunction]
pub(crate) fn is_harmful(character: char) -> bool {
    flowgauge::pipeline::is_harmful(character)
}

/// Signals are Python's to handle: what its handler raises is the interruption.
struct Signals {
    looked: Instant,
    raised: Option<PyErr>,
}

impl Signals {
    fn raised(&mut self) -> bool {
        // The command asks for every record, and attaching to the interpreter that often would slow it down.
        if self.raised.is_none() && self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.raised = Python::try_attach(|py| py.check_signals().err()).flatten();
        }
        self.raised.is_some()
    }
}

const LOOK: Duration = Duration::from_millis(50);
