//! Records into one file, which has its name when all of it is there.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::export::{Compressed, Compression, Exporter, Ignored, PartFile};
use crate::flow::FlowRecord;

/// Writes records into a file, compressed as the end of its name says, that gets its name with [`Exporter::finish`]
/// ([`PartFile`]). Dropped before, it takes away what was written.
///
/// ```no_run
/// use flowgauge::Streamer;
/// use flowgauge::export::{CsvExporter, Exporter, FileExporter};
///
/// let mut flows = Streamer::from_file("trace.pcap").start()?;
/// let schema = flows.schema().clone();
/// let mut exporter = FileExporter::create("flows.csv.gz", |name, file| Ok(CsvExporter::new(name, file, schema)))?;
/// for record in &mut flows {
///     exporter.export(&record?)?;
/// }
/// exporter.finish()?;
/// # Ok::<(), flowgauge::Error>(())
/// ```
pub struct FileExporter<E> {
    /// `None` when it is finished.
    exporter: Option<E>,
    file: SharedFile,
    path: PathBuf,
}

/// A file that an exporter writes to and somebody else completes; buffered.
#[derive(Clone, Debug)]
pub struct SharedFile(Arc<Mutex<Counted>>);

#[derive(Debug)]
struct Counted {
    /// `None` when it is complete.
    out: Option<Compressed<BufWriter<PartFile>>>,
    bytes: u64,
}

impl<E: Exporter> FileExporter<E> {
    /// Opens the file; `make` makes what writes it, from the file's name, for errors, and the file itself.
    ///
    /// # Errors
    ///
    /// Those of [`PartFile::create`] and of `make`.
    pub fn create(path: impl AsRef<Path>, make: impl FnOnce(String, SharedFile) -> Result<E>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let (compression, _) = Compression::of_name(&path);
        let out = Compressed::new(BufWriter::with_capacity(BUFFER_BYTES, PartFile::create(&path)?), compression)?;
        let file = SharedFile(Arc::new(Mutex::new(Counted { out: Some(out), bytes: 0 })));
        let exporter = make(path.display().to_string(), file.clone())?;
        Ok(Self { exporter: Some(exporter), file, path })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes that were written so far, before they are compressed and without what the exporter holds back.
    pub fn bytes(&self) -> u64 {
        self.file.counted().bytes
    }

    /// Finishes the file up to its name; `None` when that was done before.
    pub(super) fn end(&mut self) -> Result<Option<PartFile>> {
        let Some(mut exporter) = self.exporter.take() else { return Ok(None) };
        exporter.finish()?;
        let error = |source| Error::Write { what: self.path.display().to_string(), source };
        let Some(out) = self.file.counted().out.take() else { return Ok(None) };
        let part = out.finish().map_err(error)?.into_inner().map_err(|failed| error(failed.into_error()))?;
        Ok(Some(part))
    }

    fn writing(&mut self) -> Result<&mut E> {
        self.exporter.as_mut().ok_or_else(|| {
            let source = io::Error::other("the file is complete already");
            Error::Write { what: self.path.display().to_string(), source }
        })
    }
}

impl<E: Exporter> Exporter for FileExporter<E> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.writing()?.export(record)
    }

    fn export_many(&mut self, records: &[FlowRecord]) -> Result<()> {
        self.writing()?.export_many(records)
    }

    fn flush(&mut self) -> Result<()> {
        self.exporter.as_mut().map_or(Ok(()), Exporter::flush)
    }

    fn ignored(&mut self, ignored: &Ignored) {
        if let Some(exporter) = &mut self.exporter {
            exporter.ignored(ignored);
        }
    }

    /// Writes what is held back and gives the file its name. Once is enough.
    fn finish(&mut self) -> Result<()> {
        self.end()?.map_or(Ok(()), PartFile::complete)
    }
}

impl<E> fmt::Debug for FileExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileExporter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SharedFile {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut counted = self.counted();
        let Some(out) = &mut counted.out else { return Err(io::Error::other("the file is complete already")) };
        let written = out.write(bytes)?;
        counted.bytes = counted.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.counted().out.as_mut().map_or(Ok(()), Write::flush)
    }
}

const BUFFER_BYTES: usize = 1 << 16;
