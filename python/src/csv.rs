//! Flows straight into a file of CSV, without an object for each.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use flowgauge::Error;
use flowgauge::export::{CsvExporter, Exporter};
use pyo3::prelude::*;

use crate::error;
use crate::flows::Run;

/// Writes every flow of `run` to `path`; tells how many.
///
/// They are written to a file beside it, which takes its place when all is there. If the capture turns out to be damaged,
/// that file keeps the flows before the damage, and the exception has a note of it.
pub(crate) fn write(py: Python<'_>, run: &Run, path: &Path) -> PyResult<u64> {
    let part = part(path);
    let mut file = PartFile { path: &part, keep: false };
    let name = part.display().to_string();
    let write_error = |source| error::raise(py, Error::Write { what: name.clone(), source });
    let out = py.detach(|| File::create(&part)).map_err(write_error)?;
    let mut exporter = CsvExporter::new(name.as_str(), BufWriter::with_capacity(1 << 16, out), run.schema().clone());
    let mut count = 0;
    let ended = loop {
        match run.next_many(py) {
            Ok(records) if records.is_empty() => break Ok(()),
            Ok(records) => {
                count += records.len() as u64;
                py.detach(|| records.iter().try_for_each(|record| exporter.export(record)))
                    .map_err(|error| error::raise(py, error))?;
            }
            Err(error) => break Err(error),
        }
    };
    py.detach(|| exporter.finish()).map_err(|error| error::raise(py, error))?;
    drop(exporter);
    if let Err(error) = ended {
        if error.is_instance_of::<pyo3::exceptions::PyException>(py) {
            file.keep = true;
            let text = format!("the {count} flows before that are in {:?}", part.display().to_string());
            return Err(error::note(py, error, &text));
        }
        return Err(error);
    }
    fs::rename(&part, path).map_err(write_error)?;
    file.keep = true;
    Ok(count)
}

/// The file that is written to first.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Takes the half-written file away, unless it is to be kept.
struct PartFile<'a> {
    path: &'a Path,
    keep: bool,
}

impl Drop for PartFile<'_> {
    fn drop(&mut self) {
        if !self.keep {
            // It may not exist, and then there is nothing to take away.
            let _ = fs::remove_file(self.path);
        }
    }
}
