//! Errors of the library as Python's exceptions.
//!
//! What Python has an exception for is that one (`FileNotFoundError`, `PermissionError`, `ValueError`); everything else
//! is a class of `flowgauge.errors`. An exception out of the user's own code comes back as it was raised.

use std::error::Error as StdError;
use std::ffi::OsString;
use std::fmt;
use std::io;

use flowgauge::expr::{Invalid, InvalidKind};
use flowgauge::{BoxError, Error};
use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyRuntimeError, PyStopIteration, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::expression::raised as raised_as;

mod classes {
    pyo3::import_exception!(flowgauge.errors, FlowgaugeError);
    pyo3::import_exception!(flowgauge.errors, CaptureError);
    pyo3::import_exception!(flowgauge.errors, InterfaceError);
    pyo3::import_exception!(flowgauge.errors, CaptureDeniedError);
    pyo3::import_exception!(flowgauge.errors, FilterError);
    pyo3::import_exception!(flowgauge.errors, LedgerError);
}

use classes::{CaptureDeniedError, CaptureError, FilterError, FlowgaugeError, InterfaceError, LedgerError};

/// What a Python metric raised, on its way through the library.
#[derive(Debug)]
pub(crate) struct MetricFailure {
    /// Where, if that is more than the metric's name: the method of a plugin.
    place: Option<String>,
    /// What it raised.
    error: PyErr,
}

impl fmt::Display for MetricFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        self.error.fmt(f)
    }
}

impl StdError for MetricFailure {}

/// The exception for an error of the library.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    let message = chain(&error);
    match error {
        Error::NoSuchSource { name } => {
            PyFileNotFoundError::new_err((ENOENT, "no such capture file and no such interface", name))
        }
        Error::OpenFile { path, source } => from_io(py, "cannot open capture file", path.into_os_string(), source)
            .unwrap_or_else(|_| CaptureError::new_err(message)),
        Error::Read { source, .. } => match raised(source) {
            Ok(error) => note(py, error, &message),
            Err(_) => CaptureError::new_err(message),
        },
        Error::NotACapture { .. } | Error::Damaged { .. } => CaptureError::new_err(message),
        Error::CaptureDenied { .. } => CaptureDeniedError::new_err((EPERM, message)),
        Error::Interface { .. } => InterfaceError::new_err(message),
        Error::Filter { .. } => FilterError::new_err(message),
        Error::Expression { source, .. } => {
            let kind = source.downcast_ref::<Invalid>().map_or(InvalidKind::Value, |invalid| invalid.kind);
            raised_as(kind, message)
        }
        Error::Option { .. } | Error::Merge { .. } | Error::Column { .. } => PyValueError::new_err(message),
        Error::Metric { metric, flow_id, ends, frame, source } => match source.downcast::<MetricFailure>() {
            Ok(failure) => {
                let place = failure.place.unwrap_or_else(|| format!("the metric {metric:?}"));
                let at = frame.map_or_else(|| "at its end".to_owned(), |frame| format!("at frame {frame}"));
                note(py, failure.error, &format!("raised in {place}, in flow {flow_id} ({ends}), {at}"))
            }
            Err(_) => FlowgaugeError::new_err(message),
        },
        Error::Link { part, source } => match source.downcast::<MetricFailure>() {
            Ok(failure) => note(py, failure.error, &format!("raised in {part}")),
            Err(_) => FlowgaugeError::new_err(message),
        },
        Error::Write { what, source } => from_io(py, "cannot write", what.into(), source)
            .unwrap_or_else(|source| PyOSError::new_err(format!("{message}: {source}"))),
        Error::Ledger { .. } => LedgerError::new_err(message),
        _ => FlowgaugeError::new_err(message),
    }
}

/// A `FlowgaugeError` that says this.
pub(crate) fn flowgauge_error(message: &'static str) -> PyErr {
    FlowgaugeError::new_err(message)
}

/// Puts a note under an exception of the user's code, where Python has notes (3.11 and later).
pub(crate) fn note(py: Python<'_>, error: PyErr, text: &str) -> PyErr {
    let error = not_the_end(py, error);
    // Before 3.11 there is no such method, and an exception without a note is still the right one.
    let _ = error.value(py).call_method1(intern!(py, "add_note"), (text,));
    error
}

/// A `StopIteration` out of the user's code as a `RuntimeError` (PEP 479): in an iterator it would be its end.
fn not_the_end(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let told = PyRuntimeError::new_err("the code that was called raised StopIteration");
    told.set_cause(py, Some(error));
    told
}

/// Python's own error for what the system said of a file; the source again if the system has no number for it.
fn from_io(py: Python<'_>, what: &str, name: OsString, source: io::Error) -> Result<PyErr, io::Error> {
    let source = match raised(source) {
        Ok(error) => return Ok(error),
        Err(source) => source,
    };
    let number = source.raw_os_error().or(match source.kind() {
        io::ErrorKind::NotFound => Some(ENOENT),
        io::ErrorKind::PermissionDenied => Some(EACCES),
        io::ErrorKind::IsADirectory => Some(EISDIR),
        _ => None,
    });
    let Some(number) = number else { return Err(source) };
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    // `OSError` makes itself the class that belongs to the number.
    let args = (number, format!("{what}: {text}"), name);
    let error = py.get_type::<PyOSError>().call1(args).map_or_else(|error| error, PyErr::from_value);
    Ok(error)
}

/// The exception inside an error of reading or writing, if the user's own object raised one.
fn raised(source: io::Error) -> Result<PyErr, io::Error> {
    if !source.get_ref().is_some_and(|inner| inner.is::<PyErr>()) {
        return Err(source);
    }
    let kind = source.kind();
    match source.into_inner().map(<dyn StdError + Send + Sync>::downcast::<PyErr>) {
        Some(Ok(error)) => Ok(*error),
        _ => Err(kind.into()),
    }
}

/// The message of an error and of its sources, each said once.
pub(crate) fn chain(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = error.source();
    }
    message
}

/// The failure of a metric, to hand to the library, which knows its name.
pub(crate) fn failure(error: PyErr) -> BoxError {
    Box::new(MetricFailure { place: None, error })
}

/// The failure of the user's code in this place, to hand to the library.
pub(crate) fn failure_in(place: String, error: PyErr) -> BoxError {
    Box::new(MetricFailure { place: Some(place), error })
}

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EISDIR: i32 = 21;
