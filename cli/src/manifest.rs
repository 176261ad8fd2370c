//! The manifest beside a file of -w: what its records were made of, so that `flowgauge verify` can make them again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use flowgauge::export::{Columns, FileDigest, InputFile, Manifest, PartFile, RecordDigest};
use flowgauge::streamer::versions;
use flowgauge::{Error, FlowRecord, Flows, Result, Streamer, Value};

use crate::output::Output;

/// Looks at every record that is written, and writes the manifest at the end.
pub(crate) struct Witness {
    manifest: Manifest,
    /// The file of records.
    file: PathBuf,
    part: PartFile,
    columns: Columns,
    digest: RecordDigest,
    hashing: Hashing,
}

/// What is known before a run begins.
pub(crate) struct Facts {
    manifest: Manifest,
    inputs: Vec<(String, Option<PathBuf>)>,
}

/// The SHA-256 of the inputs, made beside the metering: what that has just read is still in the system's memory.
struct Hashing {
    thread: Option<JoinHandle<Vec<InputFile>>>,
    unwanted: Arc<AtomicBool>,
}

impl Witness {
    /// What this streamer is told and where it runs.
    pub(crate) fn facts(streamer: &Streamer, interface: Option<&str>) -> Facts {
        let manifest = Manifest {
            interface: interface.map(str::to_owned),
            options: streamer.options(),
            user_metrics: streamer.metric_texts(),
            ..Manifest::default()
        };
        Facts { manifest, inputs: streamer.inputs() }
    }

    /// A manifest for the file that is being written; its own file is open from here on.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when it cannot be written.
    pub(crate) fn new(facts: Facts, file: &Path, output: &Output, columns: Columns) -> Result<Self> {
        let Facts { mut manifest, inputs } = facts;
        let part = PartFile::create(path_of(file))?;
        manifest.format = output.format.name();
        manifest.columns = columns.names().map(str::to_owned).collect();
        let (file, digest) = (file.to_owned(), RecordDigest::new());
        Ok(Self { manifest, file, part, columns, digest, hashing: Hashing::begin(inputs)? })
    }

    /// Records that are written.
    pub(crate) fn see(&mut self, records: &[FlowRecord]) {
        records.iter().for_each(|record| self.digest.add_record(&self.columns, record));
    }

    /// The file of records is complete: so is the manifest. After an interruption it says how many frames were read, and
    /// has the SHA-256 of only those inputs that were looked through by then.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when it cannot be written, or the file of records not be read.
    pub(crate) fn complete(mut self, flows: &Flows, interrupted: bool) -> Result<()> {
        let report = flows.report();
        if interrupted {
            let frames = Value::from(report.frames_read);
            let option = self.manifest.options.iter_mut().find(|(name, _)| name == "max_frames");
            option.into_iter().for_each(|(_, value)| *value = frames.clone());
        }
        let name = self.file.display().to_string();
        let written = FileDigest::of_file(&self.file, &|| true);
        let written = written.map_err(|source| Error::Write { what: format!("the manifest of {name}"), source })?;
        self.manifest.inputs = self.hashing.end(interrupted);
        for (index, span) in flows.input_spans() {
            if let Some(input) = self.manifest.inputs.get_mut(index) {
                (input.frames, input.span) = (span.frames, span.times);
            }
        }
        self.manifest.output = written.map(|digest| (name, digest));
        self.manifest.digest = self.digest;
        self.manifest.versions = versions();
        self.manifest.ledger = report.to_string();
        let what = path_of(&self.file).display().to_string();
        writeln!(self.part, "{}", self.manifest).map_err(|source| Error::Write { what, source })?;
        self.part.complete()
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
                InputFile { path: name, digest, ..InputFile::default() }
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

/// Where the manifest of a file lies: beside it, and where the name is a link, beside what it leads to.
pub(crate) fn path_of(file: &Path) -> PathBuf {
    let mut path = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()).into_os_string();
    path.push(".manifest.json");
    path.into()
}
