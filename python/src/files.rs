//! Flows straight into a file, without an object for each.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use flowgauge::Error;
use flowgauge::export::arrow::IpcExporter;
use flowgauge::export::parquet::ParquetExporter;
use flowgauge::export::{CsvExporter, Exporter, PartFile};
use pyo3::prelude::*;

use crate::collect::columns;
use crate::error;
use crate::flows::Run;
use crate::streamer::Streamer;

/// How a file is written.
pub(crate) enum Form {
    Csv,
    Parquet,
    Feather,
}

/// Runs `streamer` and writes every flow to `path`; tells how many. Only the columns of these names are computed, by
/// default all.
pub(crate) fn write(
    py: Python<'_>,
    streamer: &Streamer,
    path: Bound<'_, PyAny>,
    form: &Form,
    names: Option<&[String]>,
) -> PyResult<u64> {
    let checked = py.import("flowgauge.paths")?.call_method1("target", (path, streamer.source(py)))?;
    let path: PathBuf = checked.extract()?;
    let run = streamer.start_only(py, names)?;
    let written = write_run(py, &run, &path, form, names);
    run.close(py);
    written
}

/// They are written to a file beside it, which takes its place when all is there. If the capture turns out to be damaged,
/// that file keeps the flows before the damage, and the exception has a note of it.
fn write_run(py: Python<'_>, run: &Run, path: &Path, form: &Form, names: Option<&[String]>) -> PyResult<u64> {
    let raise = |error| error::raise(py, error);
    let name = path.display().to_string();
    let mut out = BufWriter::with_capacity(1 << 16, py.detach(|| PartFile::create(path)).map_err(raise)?);
    let mut exporter: Box<dyn Exporter + Send> = match form {
        Form::Csv => Box::new(CsvExporter::new(name.as_str(), &mut out, run.schema().clone())),
        Form::Parquet => Box::new(ParquetExporter::new(name.as_str(), &mut out, columns(py, run.schema(), names)?)),
        Form::Feather => Box::new(IpcExporter::file(name.as_str(), &mut out, columns(py, run.schema(), names)?)),
    };
    let mut count = 0;
    let ended = loop {
        match run.next_many(py) {
            Ok(records) if records.is_empty() => break Ok(()),
            Ok(records) => {
                count += records.len() as u64;
                py.detach(|| exporter.export_many(&records)).map_err(raise)?;
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
