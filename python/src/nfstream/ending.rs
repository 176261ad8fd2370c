//! What is made of an error of a run: nfstream's users expect a `ValueError`, and of a damaged file no error at all.

use std::io::{self, ErrorKind};

use flowgauge::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error;

/// The exception for a source that cannot be opened, or turns out to be something else: with nfstream a `ValueError`.
pub(super) fn late(py: Python<'_>, error: Error) -> PyErr {
    let message = match &error {
        Error::Filter { .. } => "Unable to compile BPF filter.".to_owned(),
        Error::NoSuchSource { .. }
        | Error::NoSuchInterface { .. }
        | Error::OpenFile { .. }
        | Error::NotACapture { .. }
        | Error::CaptureDenied { .. }
        | Error::Interface { .. }
        | Error::Option { .. } => error::chain(&error),
        // At the start, with nothing read.
        _ if is_damage(&error) => error::chain(&error),
        _ => return error::raise(py, error),
    };
    let late = PyValueError::new_err(message);
    late.set_cause(py, Some(error::raise(py, error)));
    late
}

/// A capture that is damaged ends here, with a warning; any other error is one.
pub(super) fn ended_early(py: Python<'_>, error: Error) -> PyResult<()> {
    if !is_damage(&error) {
        return Err(late(py, error));
    }
    let text = format!("{}; the flows before that were given", error::chain(&error));
    py.import("flowgauge.nfstream.attention")?.call_method1("warn", (text,)).map(drop)
}

fn is_damage(error: &Error) -> bool {
    match error {
        Error::Damaged { .. } => true,
        Error::Read { source, .. } => is_corrupt(source),
        _ => false,
    }
}

/// Whether decompression found its stream cut or corrupt; what an object of the user's raised is another matter.
fn is_corrupt(source: &io::Error) -> bool {
    match source.kind() {
        _ if source.get_ref().is_some_and(|inner| inner.is::<PyErr>()) => false,
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => true,
        // zstd has no kinds.
        ErrorKind::Other => source.to_string().starts_with("the zstd stream"),
        _ => false,
    }
}
