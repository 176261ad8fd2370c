//! Flows straight into a file, without an object for each.

use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use flowgauge::Error;
use flowgauge::export::arrow::{self, IpcExporter};
use flowgauge::export::parquet::ParquetExporter;
use flowgauge::export::{
    Columns, Compressed, Compression, CsvExporter, Exporter, IpfixExporter, IpfixOptions, JsonLinesExporter, PartFile,
};
use flowgauge::flow::schema::{self, Schema};
use flowgauge_cli::manifest::{self, Facts, Witness};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error;
use crate::flows::Run;
use crate::streamer::Streamer;

/// What is to be written.
pub(crate) struct Wanted {
    pub(crate) form: Form,
    /// The columns, the only ones that are computed; `None` is all.
    pub(crate) names: Option<Vec<String>>,
    /// Whether a manifest is to lie beside the file.
    pub(crate) manifest: bool,
}

/// How a file is written.
pub(crate) enum Form {
    Csv,
    Json,
    Ipfix { uniflow: bool, enterprise_number: Option<NonZeroU32> },
    Parquet,
    Feather,
}

/// Runs `streamer` and writes every flow to `path`; tells how many.
pub(crate) fn write(py: Python<'_>, streamer: &Streamer, path: Bound<'_, PyAny>, wanted: &Wanted) -> PyResult<u64> {
    let check = py.import("flowgauge.paths")?.getattr("target")?;
    let path: PathBuf = check.call1((path, streamer.source(py)))?.extract()?;
    wanted.check_path(&path)?;
    let has_manifest = wanted.manifest && !manifest::is_special(&path);
    if has_manifest {
        check.call1((manifest::path_of(&path), streamer.source(py)))?;
    }
    let ready = streamer.ready(py, wanted.names.as_deref())?;
    wanted.check_columns()?;
    let facts = has_manifest.then(|| Witness::facts(&ready.streamer));
    let run = streamer.start_ready(py, ready)?;
    let written = write_run(py, &run, &path, wanted, facts);
    run.close(py);
    written
}

/// They are written to a file beside it, which takes its place when all is there. If the capture turns out to be damaged,
/// that file keeps the flows before the damage, and the exception has a note of it.
fn write_run(py: Python<'_>, run: &Run, path: &Path, wanted: &Wanted, facts: Option<Facts>) -> PyResult<u64> {
    let raise = |error| error::raise(py, error);
    let name = path.display().to_string();
    let compression = Compression::of_name(path).0;
    let file = BufWriter::with_capacity(1 << 16, py.detach(|| PartFile::create(path)).map_err(raise)?);
    let mut out = Compressed::new(file, compression).map_err(raise)?;
    let mut witness = match facts {
        None => None,
        Some(facts) => {
            let (columns, report) = (wanted.columns(run.schema()), run.report().handle());
            Some(py.detach(|| Witness::new(facts, path, wanted.form.name(), columns, report)).map_err(raise)?)
        }
    };
    let mut exporter = wanted.exporter(name.clone(), &mut out, run.schema()).map_err(raise)?;
    let mut count = 0;
    let ended = loop {
        match run.next_many(py) {
            Ok(records) if records.is_empty() => break Ok(()),
            Ok(records) => {
                count += records.len() as u64;
                let written = py.detach(|| {
                    if let Some(witness) = &mut witness {
                        witness.see(&records);
                    }
                    exporter.export_many(&records)
                });
                written.map_err(raise)?;
            }
            Err(error) => break Err(error),
        }
    };
    let report = run.report().handle().report();
    exporter.ignored(&(&report).into());
    py.detach(|| exporter.finish()).map_err(raise)?;
    drop(exporter);
    if ended.is_ok() {
        witness.as_ref().map_or(Ok(()), |witness| wait_for(py, witness))?;
    }
    let failed = |source| raise(Error::Write { what: name.clone(), source });
    let file = py.detach(|| out.finish()).map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    match ended {
        Ok(()) => {
            py.detach(|| {
                // A manifest of numbers that do not add up would be worse than none.
                let sound = if witness.is_some() { report.check() } else { Ok(()) };
                sound.and_then(|()| file.complete())?;
                witness.map_or(Ok(()), |mut witness| witness.complete(false))
            })
            .map_err(raise)?;
            Ok(count)
        }
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

/// Captures are looked through beside the metering, which may be the faster one.
fn wait_for(py: Python<'_>, witness: &Witness) -> PyResult<()> {
    while !witness.is_ready() {
        py.check_signals()?;
        py.detach(|| thread::sleep(LOOK));
    }
    Ok(())
}

impl Wanted {
    /// # Errors
    ///
    /// `ValueError` for a name that says that the file is compressed, where it is so inside.
    pub(crate) fn check_path(&self, path: &Path) -> PyResult<()> {
        let inside = matches!(self.form, Form::Parquet | Form::Feather);
        if !inside || Compression::of_name(path).0 == Compression::None {
            return Ok(());
        }
        let shown = path.display().to_string();
        Err(PyValueError::new_err(format!(
            "path must not end as that of a compressed file, since this one is compressed inside, not {shown:?}"
        )))
    }

    /// # Errors
    ///
    /// `ValueError` for a column that was asked for and cannot be written.
    pub(crate) fn check_columns(&self) -> PyResult<()> {
        if !matches!(self.form, Form::Ipfix { enterprise_number: None, .. }) {
            return Ok(());
        }
        let without = |name: &&String| schema::column(name).is_none_or(|column| column.ipfix.is_empty());
        self.names.iter().flatten().find(without).map_or(Ok(()), |name| {
            Err(PyValueError::new_err(format!(
                "IANA has no element for {name:?}: leave it out of columns, or give your enterprise_number"
            )))
        })
    }

    /// What writes records of a run with `schema`, which has the columns, to `out`, which stands as `name` in errors.
    pub(crate) fn exporter<'a>(
        &self,
        name: String,
        out: impl Write + Send + 'a,
        schema: &Schema,
    ) -> flowgauge::Result<Box<dyn Exporter + Send + 'a>> {
        let batches = || match &self.names {
            None => Ok(arrow::Columns::new(schema)),
            Some(names) => arrow::Columns::of(schema, names),
        };
        Ok(match &self.form {
            Form::Csv => Box::new(CsvExporter::new(name, out, self.columns(schema))),
            Form::Json => Box::new(JsonLinesExporter::new(name, out).columns(self.columns(schema))),
            Form::Ipfix { uniflow, enterprise_number } => {
                let options = IpfixOptions::default().uniflow(*uniflow).enterprise_number(*enterprise_number);
                Box::new(IpfixExporter::new(name, out, self.columns(schema), &options)?)
            }
            Form::Parquet => Box::new(ParquetExporter::new(name, out, batches()?)),
            Form::Feather => Box::new(IpcExporter::file(name, out, batches()?)),
        })
    }

    /// The columns that are written.
    fn columns(&self, schema: &Schema) -> Columns {
        match &self.names {
            None => schema.clone().into(),
            Some(names) => Columns::choose(schema, names.iter().map(String::as_str))
                .expect("a run is started for columns that it has"),
        }
    }
}

impl Form {
    /// The one that the end of a file's name asks for.
    ///
    /// # Errors
    ///
    /// `ValueError` when it asks for none.
    pub(crate) fn of_name(path: &Path) -> PyResult<Self> {
        let word = flowgauge_cli::format_of(path);
        let plain = Self::Ipfix { uniflow: false, enterprise_number: None };
        let forms = [Self::Csv, Self::Json, plain, Self::Parquet, Self::Feather];
        forms.into_iter().find(|form| word.as_deref() == Some(form.name())).ok_or_else(|| {
            PyValueError::new_err(format!(
                "path must end as that of a file of flows (.csv, .jsonl, .ipfix, also with .gz or .zst, or .parquet, .arrow), \
                 not {:?}",
                path.display().to_string()
            ))
        })
    }

    /// The command's word for it after -o.
    fn name(&self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ipfix { .. } => "ipfix",
            Self::Parquet => "parquet",
            Self::Feather => "arrow",
        }
    }
}

/// How long a wait lasts between two looks at signals.
const LOOK: Duration = Duration::from_millis(10);
