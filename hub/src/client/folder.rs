//! The folder of a spool: what memory does not hold, in files that are deleted when all of their messages are dealt with.
//!
//! One publisher at a time has the folder. Its bytes are bounded: where there is no room the oldest file leaves. An error of
//! the disk is counted and told, and for a while the disk is left alone. Links are not followed: only regular files are read
//! and written.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use tungstenite::Utf8Bytes;

use crate::client::segment::{self, Segment, record_bytes};
use crate::error::{Error, Result};
use crate::message::Name;

/// The messages on disk, in order.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    boot: String,
    bound: u64,
    /// The oldest first; messages are added to the last.
    segments: VecDeque<Segment>,
    /// The number of the next file. None is ever given twice: messages in memory know where they are from.
    next: u64,
    bytes: u64,
    unread: u64,
    /// Messages of which an earlier start left a part.
    torn: u64,
    errors: u64,
    /// Until then the disk is left alone.
    rests_until: Option<Instant>,
    /// Holds the lock.
    _lock: File,
}

impl Folder {
    /// Takes the folder, and finds what an earlier start left there.
    ///
    /// # Errors
    ///
    /// [`Error::Spool`]: it cannot be made or written, another publisher has it, or it holds another sensor's messages.
    pub(crate) fn open(path: &Path, sensor: &Name, boot: &str, bound: u64) -> Result<Self> {
        let wrong = |detail: String| Error::Spool { path: path.to_owned(), detail };
        let failed = |error: io::Error| wrong(error.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mut lock = segment::unlinked()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("lock"))
            .and_then(segment::regular)
            .map_err(|error| wrong(format!("its file \"lock\" cannot be opened as a regular file: {error}")))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| wrong("another publisher has it: each needs a folder of its own".to_owned()))?;
        let mut folder = Self {
            path: path.to_owned(),
            boot: boot.to_owned(),
            bound,
            segments: VecDeque::new(),
            next: FIRST,
            bytes: 0,
            unread: 0,
            torn: 0,
            errors: 0,
            rests_until: None,
            _lock: lock.try_clone().map_err(failed)?,
        };
        folder.find().map_err(failed)?;
        let mut owner = String::new();
        (&mut lock).take(1024).read_to_string(&mut owner).map_err(failed)?;
        if owner != sensor.as_str() {
            if !owner.is_empty() && folder.unread > 0 {
                return Err(wrong(format!("it holds messages of the sensor {owner:?}, which its next start sends")));
            }
            lock.set_len(0).map_err(failed)?;
            lock.rewind().and_then(|()| lock.write_all(sensor.as_str().as_bytes())).map_err(failed)?;
        }
        Ok(folder)
    }

    /// Messages that were not read.
    pub(crate) fn unread(&self) -> u64 {
        self.unread
    }

    /// Messages of earlier starts that are not whole, one for each file that ends so: how many were behind it, nobody can tell.
    pub(crate) fn torn(&self) -> u64 {
        self.torn
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How often the disk failed.
    pub(crate) fn errors(&self) -> u64 {
        self.errors
    }

    /// Whether a message of this length could be added without another leaving.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        !self.rests() && self.bytes + bytes as u64 + RECORD <= self.bound
    }

    /// Adds a message behind all others; says whether it could, and how many messages left for it.
    pub(crate) fn append(&mut self, text: &str) -> (bool, u64) {
        let bytes = record_bytes(text);
        if self.rests() || bytes > self.bound {
            return (false, 0);
        }
        let mut lost = 0;
        while self.bytes + bytes > self.bound {
            lost += self.drop_oldest();
        }
        let written = self.write(text, bytes);
        if let Err(error) = &written {
            self.fail(error);
        }
        (written.is_ok(), lost)
    }

    /// The oldest message that was not read, and the number of its file; or how many the disk has spoiled.
    pub(crate) fn read(&mut self) -> Option<std::result::Result<(Utf8Bytes, u64), u64>> {
        let at = self.segments.iter().position(|segment| segment.unread > 0)?;
        let segment = &mut self.segments[at];
        let number = segment.number;
        match segment.read() {
            Ok(text) => {
                self.unread -= 1;
                Some(Ok((text.into(), number)))
            }
            Err(error) => {
                let spoiled = std::mem::take(&mut segment.unread);
                segment.open -= spoiled;
                // What is added must not follow what cannot be read.
                segment.seal();
                self.unread -= spoiled;
                tracing::warn!(path = ?segment.path, %error, messages = spoiled, "a file of the spool is damaged");
                self.errors += 1;
                self.forget_if_done(at);
                Some(Err(spoiled))
            }
        }
    }

    /// A message of this file is dealt with.
    pub(crate) fn dealt(&mut self, number: u64) {
        // It is one of the first, as messages are dealt with in order.
        let Some(at) = self.segments.iter().position(|segment| segment.number == number) else { return };
        self.segments[at].open -= 1;
        self.forget_if_done(at);
    }

    /// The file of which only a part was read, if there is one.
    pub(crate) fn half_read(&self) -> Option<u64> {
        self.segments.iter().find(|segment| segment.unread > 0).map(|segment| segment.number)
    }

    /// Forgets the files that somebody else has deleted; gives how many messages of them were not read.
    pub(crate) fn forget_missing(&mut self) -> u64 {
        let Self { segments, bytes, .. } = self;
        segments.retain(|segment| {
            let is_there = segment.path.exists();
            *bytes -= if is_there { 0 } else { segment.bytes };
            is_there
        });
        let unread = self.segments.iter().map(|segment| segment.unread).sum();
        std::mem::replace(&mut self.unread, unread) - unread
    }

    /// Whether this file is there.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.segments.iter().any(|segment| segment.number == number)
    }

    /// Bytes for what [`put_first`](Self::put_first) puts.
    pub(crate) fn room_in_front(&self) -> u64 {
        let stays: u64 = self.segments.iter().filter(|one| one.unread > 0).map(|one| one.bytes).sum();
        self.bound.saturating_sub(stays)
    }

    /// The end: puts these messages before all that were not read, deletes the files that they came from, and lets the disk
    /// have everything.
    ///
    /// # Errors
    ///
    /// The disk's: nothing was put then, and nothing deleted.
    pub(crate) fn put_first<'a>(&mut self, mut texts: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let first = self.segments.front().map_or(self.next, |segment| segment.number) - 1;
        let mut front = Segment::create(first, self.path_of(first))?;
        let written = texts.try_for_each(|text| front.append(text)).and_then(|()| front.sync());
        if let Err(error) = written {
            segment::delete(&front.path);
            self.fail(&error);
            return Err(error);
        }
        let Self { segments, bytes, .. } = self;
        segments.retain(|segment| {
            if segment.unread == 0 {
                *bytes -= segment.bytes;
                segment::delete(&segment.path);
            }
            segment.unread > 0
        });
        if front.unread == 0 {
            segment::delete(&front.path);
        } else {
            self.bytes += front.bytes;
            self.unread += front.unread;
            self.segments.push_front(front);
        }
        if let Some(Err(error)) = self.segments.back_mut().map(Segment::sync) {
            self.fail(&error);
        }
        Ok(())
    }

    /// Finds the files of earlier starts. What is no regular file is left alone.
    fn find(&mut self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let number = name.strip_suffix(SUFFIX).and_then(|name| name.split('-').next()?.parse::<u64>().ok());
            if let Some(number) = number.filter(|&number| number > 0 && number < u64::MAX) {
                found.push((number, self.path.join(&*name)));
            }
        }
        found.sort();
        for (number, path) in found {
            let (segment, torn) = Segment::found(number, path)?;
            if torn {
                tracing::warn!(path = ?segment.path, messages = segment.unread, "a file of the spool ends within a message");
                self.torn += 1;
            }
            if segment.unread == 0 {
                segment::delete(&segment.path);
                continue;
            }
            if torn && let Err(error) = segment.cut() {
                tracing::warn!(path = ?segment.path, %error, "a torn message cannot be cut off: it will be counted again");
            }
            self.bytes += segment.bytes;
            self.unread += segment.unread;
            self.next = self.next.max(number + 1);
            self.segments.push_back(segment);
        }
        Ok(())
    }

    fn write(&mut self, text: &str, bytes: u64) -> io::Result<()> {
        let most = (self.bound / 8).min(SEGMENT_BYTES);
        let last = self.segments.back().filter(|last| last.is_writable() && last.bytes < most);
        if last.is_none() {
            let segment = Segment::create(self.next, self.path_of(self.next))?;
            self.next += 1;
            if let Some(last) = self.segments.back_mut() {
                last.seal();
            }
            self.segments.push_back(segment);
        }
        let last = self.segments.back_mut().ok_or(io::ErrorKind::NotFound)?;
        last.append(text)?;
        self.bytes += bytes;
        self.unread += 1;
        Ok(())
    }

    /// The oldest file leaves; gives how many messages of it were not read.
    fn drop_oldest(&mut self) -> u64 {
        let Some(oldest) = self.segments.pop_front() else { return 0 };
        self.bytes -= oldest.bytes;
        self.unread -= oldest.unread;
        segment::delete(&oldest.path);
        oldest.unread
    }

    fn forget_if_done(&mut self, at: usize) {
        let segment = &self.segments[at];
        if segment.open == 0 {
            self.bytes -= segment.bytes;
            segment::delete(&segment.path);
            self.segments.remove(at);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.errors += 1;
        self.rests_until = Some(Instant::now() + REST);
        if self.errors.is_power_of_two() {
            tracing::warn!(path = ?self.path, %error, times = self.errors, "the disk does not take messages: memory must");
        }
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| Instant::now() < until)
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:020}-{}{SUFFIX}", self.boot))
    }
}

/// The number of the first file of an empty folder: one more may have to go before all others, at every end.
const FIRST: u64 = 1 << 32;
const SUFFIX: &str = ".spool";
/// A file that is longer gets no more messages.
const SEGMENT_BYTES: u64 = 8 << 20;
/// More than a record has beside its text.
const RECORD: u64 = 32;
/// How long the disk is left alone when it failed.
const REST: Duration = Duration::from_secs(10);
