//! One file after the other: records go on in a next file when one has enough of them.
//!
//! Each file is whole: the exporter that writes it is made for it and finished, so it has its own header or templates, and
//! it gets its name when everything is in it ([`PartFile`]). Names are those that tshark gives: number, then moment in
//! UTC, before the name's end, as `flows_00001_20260131235900.csv.gz`.
//!
//! Time is that of the capture, the largest clock of the records so far: the same capture gives the same files. Slots of
//! time begin at multiples of their length since 1970, as nfcapd's do; one in which no record left has no file.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Result;
use crate::export::{Compression, Exporter, FileExporter, Ignored, PartFile, SharedFile};
use crate::flow::FlowRecord;
use crate::time::Timestamp;

/// When a file has enough. What is not said never ends one; of several, whichever comes first.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Rotation {
    rows: Option<NonZeroU64>,
    bytes: Option<NonZeroU64>,
    interval: Option<Duration>,
}

impl Rotation {
    /// After so many records.
    pub fn rows(mut self, rows: impl Into<Option<NonZeroU64>>) -> Self {
        self.rows = rows.into();
        self
    }

    /// With the record with which it has so many bytes, counted before they are compressed. What an exporter holds back
    /// comes on top of that: of IPFIX a message, 64 KiB.
    pub fn bytes(mut self, bytes: impl Into<Option<NonZeroU64>>) -> Self {
        self.bytes = bytes.into();
        self
    }

    /// With the end of a slot of this length; zero counts as a nanosecond.
    pub fn interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.interval = interval.into();
        self
    }

    /// Whether nothing ever ends a file.
    pub fn is_never(&self) -> bool {
        self.rows.is_none() && self.bytes.is_none() && self.interval.is_none()
    }

    /// The beginning of the slot that `clock` lies in; `None` where there are no slots.
    fn slot(&self, clock: Timestamp) -> Option<Timestamp> {
        let nanos = i64::try_from(self.interval?.as_nanos()).unwrap_or(i64::MAX).max(1);
        let slot = clock.as_nanos().div_euclid(nanos).saturating_mul(nanos);
        Some(Timestamp::from_nanos(slot))
    }
}

/// Writes records into one file after the other.
///
/// Dropped before [`Exporter::finish`], it takes the file away that it was writing, unless [`RotatingExporter::keep`] was
/// said; those before are complete.
///
/// ```no_run
/// use std::num::NonZeroU64;
/// use flowgauge::Streamer;
/// use flowgauge::export::{CsvExporter, Exporter, RotatingExporter, Rotation};
///
/// let mut flows = Streamer::from_file("trace.pcap").start()?;
/// let schema = flows.schema().clone();
/// let rotation = Rotation::default().rows(NonZeroU64::new(1_000_000));
/// let mut exporter = RotatingExporter::new("flows.csv.gz", rotation, move |name, file| {
///     Ok(Box::new(CsvExporter::new(name, file, schema.clone())))
/// });
/// for record in &mut flows {
///     exporter.export(&record?)?;
/// }
/// exporter.finish()?;
/// # Ok::<(), flowgauge::Error>(())
/// ```
pub struct RotatingExporter<'a> {
    path: PathBuf,
    rotation: Rotation,
    make: Box<Make<'a>>,
    current: Option<Current<'a>>,
    tell: Box<Tell<'a>>,
    /// The files begun.
    files: u64,
    clock: Timestamp,
}

/// A file of a [`RotatingExporter`] that has its name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CompleteFile {
    /// Its path.
    pub path: PathBuf,
    /// Its number, from 1 on.
    pub number: u64,
    /// Whether there will be no more.
    pub is_last: bool,
}

/// Is told of each file that is complete.
type Tell<'a> = dyn FnMut(&CompleteFile) -> Result<()> + 'a;

/// Makes what writes one file, from its name and the file.
type Make<'a> = dyn FnMut(String, SharedFile) -> Result<Box<dyn Exporter + 'a>> + 'a;

/// The file that is being written.
struct Current<'a> {
    exporter: FileExporter<Box<dyn Exporter + 'a>>,
    rows: u64,
    slot: Option<Timestamp>,
}

impl<'a> RotatingExporter<'a> {
    /// Writes files whose names are made of `path`, compressed as its end says. `make` makes what writes a file, from the
    /// file's name, for errors, and the file itself.
    pub fn new(
        path: impl Into<PathBuf>,
        rotation: Rotation,
        make: impl FnMut(String, SharedFile) -> Result<Box<dyn Exporter + 'a>> + 'a,
    ) -> Self {
        let (path, make) = (path.into(), Box::new(make));
        Self { path, rotation, make, current: None, tell: Box::new(|_| Ok(())), files: 0, clock: Timestamp::MIN }
    }

    /// Calls `tell` with each file as soon as it has its name, for what is to lie beside it. An error of `tell` ends the
    /// export; the file stays.
    #[must_use]
    pub fn on_complete(mut self, tell: impl FnMut(&CompleteFile) -> Result<()> + 'a) -> Self {
        self.tell = Box::new(tell);
        self
    }

    /// Finishes the file that was being written, after an error somewhere else, and leaves it under the name that it has
    /// as a part; gives that name, or `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    pub fn keep(&mut self) -> Result<Option<PathBuf>> {
        Ok(self.end()?.and_then(|(part, _)| part.keep()))
    }

    /// The files begun so far.
    pub fn files(&self) -> u64 {
        self.files
    }

    fn begin(&mut self, at: Option<Timestamp>) -> Result<Current<'a>> {
        self.files += 1;
        let slot = at.and_then(|clock| self.rotation.slot(clock));
        let path = numbered(&self.path, self.files, slot.or(at));
        let exporter = FileExporter::create(path, |name, file| (self.make)(name, file))?;
        Ok(Current { exporter, rows: 0, slot })
    }

    /// Finishes the current file, if there is one, up to its name; gives that too.
    fn end(&mut self) -> Result<Option<(PartFile, PathBuf)>> {
        let Some(mut current) = self.current.take() else { return Ok(None) };
        let part = current.exporter.end()?;
        Ok(part.map(|part| (part, current.exporter.path().to_owned())))
    }

    fn complete(&mut self, is_last: bool) -> Result<()> {
        let Some((part, path)) = self.end()? else { return Ok(()) };
        part.complete()?;
        (self.tell)(&CompleteFile { path, number: self.files, is_last })
    }

    /// How many of these, of which the first belongs to this file, belong to it all; the clock is the last one's then.
    fn fitting(&mut self, current: &Current<'_>, records: &[FlowRecord]) -> usize {
        // How many bytes a record takes is known when it is written.
        let rows = match self.rotation.bytes {
            Some(_) => 1,
            None => self.rotation.rows.map_or(u64::MAX, |rows| rows.get().saturating_sub(current.rows)),
        };
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut fitting = 1;
        for record in records.iter().take(rows).skip(1) {
            let clock = self.clock.max(record.last_clock);
            if self.rotation.slot(clock) != current.slot {
                break;
            }
            self.clock = clock;
            fitting += 1;
        }
        fitting
    }

    /// Whether the current file has enough, so that what comes now belongs to the next one.
    fn is_full(&self) -> bool {
        let Some(current) = &self.current else { return false };
        let has = |most: Option<NonZeroU64>, number: u64| most.is_some_and(|most| number >= most.get());
        current.rows > 0
            && (has(self.rotation.rows, current.rows)
                || self.rotation.bytes.is_some() && has(self.rotation.bytes, current.exporter.bytes())
                || current.slot != self.rotation.slot(self.clock))
    }
}

impl Exporter for RotatingExporter<'_> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.export_many(std::slice::from_ref(record))
    }

    fn export_many(&mut self, mut records: &[FlowRecord]) -> Result<()> {
        while let Some(first) = records.first() {
            self.clock = self.clock.max(first.last_clock);
            if self.is_full() {
                self.complete(false)?;
            }
            let mut current = match self.current.take() {
                Some(current) => current,
                None => self.begin(Some(self.clock))?,
            };
            let (now, later) = records.split_at(self.fitting(&current, records));
            records = later;
            current.rows += now.len() as u64;
            let written = current.exporter.export_many(now);
            self.current = Some(current);
            written?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.current.as_mut().map_or(Ok(()), |current| current.exporter.flush())
    }

    fn ignored(&mut self, ignored: &Ignored) {
        if let Some(current) = &mut self.current {
            current.exporter.ignored(ignored);
        }
    }

    /// Completes the last file. A run without a record has one file, whose name has no moment.
    fn finish(&mut self) -> Result<()> {
        if self.files == 0 {
            self.current = Some(self.begin(None)?);
        }
        self.complete(true)
    }
}

impl fmt::Debug for RotatingExporter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, rotation, files, clock, .. } = self;
        f.debug_struct("RotatingExporter")
            .field("path", path)
            .field("rotation", rotation)
            .field("files", files)
            .field("clock", clock)
            .finish_non_exhaustive()
    }
}

/// What the names of all files begin with that are written one after the other under names made of `path`: behind it come
/// their numbers.
pub fn begin_of_names(path: &Path) -> OsString {
    let (_, plain) = Compression::of_name(path);
    let mut begin = plain.file_stem().unwrap_or_default().to_owned();
    begin.push("_");
    begin
}

/// `path` with a number and a moment before the ends of its name that say how it is written.
fn numbered(path: &Path, number: u64, moment: Option<Timestamp>) -> PathBuf {
    let (compression, plain) = Compression::of_name(path);
    let mut name = begin_of_names(path);
    let mut mark = format!("{number:05}");
    if let Some(moment) = moment {
        let [year, month, day, hour, minute, second] = moment.as_utc();
        write!(mark, "_{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}").expect("a string takes everything");
    }
    name.push(mark);
    let packed = path.extension().filter(|_| compression != Compression::None);
    for end in plain.extension().into_iter().chain(packed) {
        name.push(".");
        name.push(end);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_number_and_moment_before_their_ends() {
        let moment = Timestamp::from_nanos(951_782_461_999_999_999);
        let name = |path: &str, moment| numbered(Path::new(path), 7, moment).display().to_string();
        assert_eq!(name("a/flows.csv", Some(moment)), "a/flows_00007_20000229000101.csv");
        assert_eq!(name("flows.csv.gz", Some(moment)), "flows_00007_20000229000101.csv.gz");
        assert_eq!(name("flows.2026.json.ZST", None), "flows.2026_00007.json.ZST");
        assert_eq!(name("flows", None), "flows_00007");
        assert_eq!(name("flows.gz", None), "flows_00007.gz");
        assert_eq!(numbered(Path::new("f.csv"), 123_456, None).display().to_string(), "f_123456.csv");
    }

    #[test]
    fn slots_begin_at_multiples_of_their_length() {
        let slot = |seconds: u64, nanos: i64| {
            let rotation = Rotation::default().interval(Duration::from_secs(seconds));
            rotation.slot(Timestamp::from_nanos(nanos)).unwrap().as_nanos()
        };
        assert_eq!(slot(300, 301_000_000_000), 300_000_000_000);
        assert_eq!(slot(300, 299_999_999_999), 0);
        assert_eq!(slot(300, -1), -300_000_000_000);
        assert_eq!((slot(0, 5), slot(u64::MAX, 5), slot(u64::MAX, -5)), (5, 0, -i64::MAX));
        assert_eq!(slot(300, i64::MIN), i64::MIN);
        assert!(Rotation::default().is_never() && Rotation::default().slot(Timestamp::MAX).is_none());
    }
}
