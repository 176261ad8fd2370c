//! Flows straight into a file of CSV, without an object for each.

use std::io::BufWriter;
use std::path::Path;

use flowgauge::Error;
use flowgauge::export::{CsvExporter, Exporter, PartFile};
use pyo3::prelude::*;

use crate::error;
use crate::flows::Run;

/// Writes every flow of `run` to `path`; tells how many.
///
/// They are written to a file beside it, which takes its place when all is there. If the capture turns out to be damaged,
/// that file keeps the flows before the damage, and the exception has a note of it.
pub(crate) fn write(py: Python<'_>, run: &Run, path: &Path) -> PyResult<u64> {
    let raise = |error| error::raise(py, error);
    let name = path.display().to_string();
    let mut out = BufWriter::with_capacity(1 << 16, py.detach(|| PartFile::create(path)).map_err(raise)?);
    let mut exporter = CsvExporter::new(name.as_str(), &mut out, run.schema().clone());
    let mut count = 0;
    let ended = loop {
        match run.next_many(py) {
            Ok(records) if records.is_empty() => break Ok(()),
            Ok(records) => {
                count += records.len() as u64;
                py.detach(|| records.iter().try_for_each(|record| exporter.export(record))).map_err(raise)?;
            }
            Err(error) => break Err(error),
        }
    };
    py.detach(|| exporter.finish()).map_err(raise)?;
    drop(exporter);
    let file = out.into_inner().map_err(|failed| raise(Error::Write { what: name, source: failed.into_error() }))?;
    match ended {
        Ok(()) => py.detach(|| file.complete()).map_err(raise).map(|()| count),
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyException>(py) => match file.keep() {
            Some(part) => {
                let text = format!("the {count} flows before that are in {:?}", part.display().to_string());
                Err(error::note(py, error, &text))
            }
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}
