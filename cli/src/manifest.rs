//! The manifest beside a file of records: what these were made of, so that `flowgauge verify` can make them again.
//!
//! The command writes it beside each file of -w, and the Python package beside what its streamer writes.

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use flowgauge::export::{
    Columns, CompleteFile, Exporter, FileDigest, Ignored, InputFile, Manifest, PartFile, RecordDigest, SeriesPlace,
};
use flowgauge::streamer::{ReportHandle, versions};
use flowgauge::{Error, FlowRecord, Result, Streamer, Timestamp, Value};

/// Looks at every record that is written, and writes the manifest at the end; of several files, one for each when it is
/// complete, and that of the last one at the end.
pub struct Witness {
    /// What is known so far.
    manifest: Manifest,
    /// The file of records, when that is known.
    file: PathBuf,
    /// The manifest's own file, where it is open from the beginning.
    part: Option<PartFile>,
    columns: Columns,
    digest: RecordDigest,
    report: ReportHandle,
    hashing: Hashing,
}

/// A witness of what is written to one file after the other.
pub(crate) type SharedWitness = Rc<RefCell<Witness>>;

/// Shows records to a witness before they are written.
pub(crate) struct Watched<'a> {
    witness: SharedWitness,
    exporter: Box<dyn Exporter + 'a>,
}

/// What is known before a run begins.
pub struct Facts {
    manifest: Manifest,
    inputs: Vec<(String, Option<PathBuf>)>,
}

/// The SHA-256 of the inputs, made beside the metering: what that has just read is still in the system's memory.
struct Hashing {
    thread: Option<JoinHandle<Vec<InputFile>>>,
    unwanted: Arc<AtomicBool>,
}

impl Witness {
    /// What this streamer reads and was told, once that is everything.
    pub fn facts(streamer: &Streamer) -> Facts {
        let manifest = Manifest {
            interface: streamer.interface().map(str::to_owned),
            options: streamer.options(),
            user_metrics: streamer.metric_texts(),
            ..Manifest::default()
        };
        Facts { manifest, inputs: streamer.inputs() }
    }

    /// A manifest for one file of records, of these columns in this format (as `-o` names it); it is open from here on.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when it cannot be written.
    pub fn new(facts: Facts, file: &Path, format: &str, columns: Columns, report: ReportHandle) -> Result<Self> {
        let part = Some(PartFile::create(path_of(file))?);
        Self::begin(facts, file, format, columns, report, part)
    }

    /// A manifest for each file of those that are written one after the other, whose names are made of `file`.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] when the inputs cannot be looked at meanwhile.
    pub(crate) fn of_series(
        mut facts: Facts,
        file: &Path,
        format: &str,
        columns: Columns,
        report: ReportHandle,
    ) -> Result<Self> {
        let path = file.display().to_string();
        facts.manifest.series = Some(SeriesPlace { path, began: now(), ..SeriesPlace::default() });
        facts.manifest.inputs = facts.inputs.iter().map(|(path, _)| unread(path)).collect();
        Self::begin(facts, file, format, columns, report, None)
    }

    fn begin(
        facts: Facts,
        file: &Path,
        format: &str,
        columns: Columns,
        report: ReportHandle,
        part: Option<PartFile>,
    ) -> Result<Self> {
        let Facts { mut manifest, inputs } = facts;
        manifest.format = format.to_owned();
        manifest.columns = columns.names().map(str::to_owned).collect();
        manifest.versions = versions();
        let (file, digest) = (file.to_owned(), RecordDigest::new());
        Ok(Self { manifest, file, part, columns, digest, report, hashing: Hashing::begin(inputs)? })
    }

    /// Records that are written.
    pub fn see(&mut self, records: &[FlowRecord]) {
        records.iter().for_each(|record| self.digest.add_record(&self.columns, record));
    }

    /// One of several files is complete: so is its manifest, unless it is the last one. That waits for
    /// [`Witness::complete`].
    ///
    /// # Errors
    ///
    /// As [`Witness::complete`].
    pub(crate) fn next_file(&mut self, file: &CompleteFile) -> Result<()> {
        self.file.clone_from(&file.path);
        if let Some(series) = &mut self.manifest.series {
            (series.file, series.is_last) = (file.number, file.is_last);
        }
        if file.is_last {
            return Ok(());
        }
        self.note_spans();
        self.write()?;
        self.digest = RecordDigest::new();
        Ok(())
    }

    /// The run is over and all records are in their files: so the manifest is complete. After an interruption it says how
    /// many frames were read, and has the SHA-256 of only those inputs that were looked through by then.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when it cannot be written, or the file of records not be read.
    pub fn complete(&mut self, interrupted: bool) -> Result<()> {
        let report = self.report.report();
        if interrupted {
            let frames = Value::from(report.frames_read);
            let option = self.manifest.options.iter_mut().find(|(name, _)| name == "max_frames");
            option.into_iter().for_each(|(_, value)| *value = frames.clone());
        }
        self.manifest.ledger = report.to_string();
        self.manifest.inputs = self.hashing.end(interrupted);
        self.note_spans();
        self.write()
    }

    /// Whether all inputs were looked through, so that [`Witness::complete`] will not wait for that.
    pub fn is_ready(&self) -> bool {
        self.hashing.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn note_spans(&mut self) {
        for (index, span) in self.report.input_spans() {
            if let Some(input) = self.manifest.inputs.get_mut(index) {
                (input.frames, input.span) = (span.frames, span.times);
            }
        }
    }

    /// Writes what is known of the file of records.
    fn write(&mut self) -> Result<()> {
        let name = self.file.display().to_string();
        let written = FileDigest::of_file(&self.file, &|| true);
        let written = written.map_err(|source| Error::Write { what: format!("the manifest of {name}"), source })?;
        self.manifest.output = written.map(|digest| (name, digest));
        self.manifest.digest.clone_from(&self.digest);
        let path = path_of(&self.file);
        let mut part = match self.part.take() {
            Some(part) => part,
            None => PartFile::create(&path)?,
        };
        let what = path.display().to_string();
        writeln!(part, "{}", self.manifest).map_err(|source| Error::Write { what, source })?;
        part.complete()
    }
}

impl<'a> Watched<'a> {
    pub(crate) fn new(exporter: Box<dyn Exporter + 'a>, witness: SharedWitness) -> Self {
        Self { witness, exporter }
    }
}

impl Exporter for Watched<'_> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.export_many(std::slice::from_ref(record))
    }

    fn export_many(&mut self, records: &[FlowRecord]) -> Result<()> {
        self.witness.borrow_mut().see(records);
        self.exporter.export_many(records)
    }

    fn flush(&mut self) -> Result<()> {
        self.exporter.flush()
    }

    fn ignored(&mut self, ignored: &Ignored) {
        self.exporter.ignored(ignored);
    }

    fn finish(&mut self) -> Result<()> {
        self.exporter.finish()
    }
}

impl Hashing {
    fn begin(inputs: Vec<(String, Option<PathBuf>)>) -> Result<Self> {
        let unwanted = Arc::new(AtomicBool::new(false));
        let wanted = {
            let unwanted = Arc::clone(&unwanted);
            move || !unwanted.load(Ordering::Relaxed)
        };
        let hash = move || {
            let input = |(name, path): (String, Option<PathBuf>)| {
                // What cannot be read twice is not read at all: a pipe would lose what it has for the meter.
                let file = path.filter(|path| path.metadata().is_ok_and(|metadata| metadata.is_file()));
                let digest = file.and_then(|path| FileDigest::of_file(&path, &wanted).ok().flatten());
                InputFile { digest, ..unread(&name) }
            };
            inputs.into_iter().map(input).collect()
        };
        let name = "fg-manifest".to_owned();
        let thread = thread::Builder::new().name(name.clone()).spawn(hash);
        let thread = thread.map_err(|error| Error::Thread { name, detail: format!("cannot be started: {error}") })?;
        Ok(Self { thread: Some(thread), unwanted })
    }

    fn end(&mut self, now: bool) -> Vec<InputFile> {
        self.unwanted.store(now, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

/// After an error nobody waits for it.
impl Drop for Hashing {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

/// An input of which nothing is known yet.
fn unread(path: &str) -> InputFile {
    InputFile { path: path.to_owned(), ..InputFile::default() }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Whether this is a device or a pipe: no file, so it has no manifest.
pub fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Where the manifest of a file lies: beside it, and where the name is a link, beside what it leads to.
pub fn path_of(file: &Path) -> PathBuf {
    let mut path = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()).into_os_string();
    path.push(SUFFIX);
    path.into()
}

/// What the name of a manifest has behind that of its file.
pub(crate) const SUFFIX: &str = ".manifest.json";
