//! What a capture can be read from, and how each kind is opened without ever blocking for good.

use std::fmt;
use std::fs;
use std::fs::File;
use std::io;
use std::io::{Cursor, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::capture::StopFlag;
use crate::error::Error;
use crate::error::Result;

/// Something that holds a capture, or a part of one.
pub enum Input {
    /// A file, or a FIFO: a pipe with a name, whose writer may come late and be slow.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A capture in memory.
    Bytes(Vec<u8>),
    /// Anything that can be read. It is asked for the next bytes only when a frame is wanted, and may say
    /// [`io::ErrorKind::WouldBlock`] when it has none for now.
    Reader {
        /// What errors call it.
        name: String,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl Input {
    /// What errors call it: the path, `standard input`, `bytes`, or the reader's own name.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Bytes(_) => "bytes".to_owned(),
            Self::Reader { name, .. } => name.clone(),
        }
    }

    /// Whether it could be opened now; reads nothing, and does not touch a pipe, whose writer would notice.
    pub(super) fn check(&self) -> Result<()> {
        let Self::Path(path) = self else { return Ok(()) };
        let metadata = fs::metadata(path).map_err(|source| refused(path, source))?;
        if metadata.is_dir() {
            return Err(refused(path, io::ErrorKind::IsADirectory.into()));
        }
        if metadata.is_file() {
            File::open(path).map_err(|source| refused(path, source))?;
        }
        Ok(())
    }

    /// How many bytes it holds; `None` for what says so only by ending.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Path(path) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len()),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stdin | Self::Reader { .. } => None,
        }
    }

    /// Opens it; nothing is read yet. What will be read is added to `read`.
    pub(super) fn open(self, stop: &StopFlag, read: &Arc<AtomicU64>) -> Result<Opened> {
        let name = self.name();
        let (source, waits) = match self {
            Self::Path(path) => {
                let file = open_path(&path).map_err(|source| refused(&path, source))?;
                let metadata = file.metadata().map_err(|source| refused(&path, source))?;
                if metadata.is_dir() {
                    return Err(refused(&path, io::ErrorKind::IsADirectory.into()));
                }
                Source::file(file, metadata.is_file())
            }
            Self::Stdin => {
                let file = own_stdin().map_err(|source| refused(Path::new("-"), source))?;
                let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
                Source::file(file, regular)
            }
            Self::Bytes(bytes) => (Source::Bytes(Cursor::new(bytes)), false),
            Self::Reader { reader, .. } => (Source::Reader(reader), true),
        };
        let stream = Stream { source, ended: false, stop: stop.clone(), read: Arc::clone(read) };
        Ok(Opened { name, stream: Box::new(stream), waits })
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            other => write!(f, "Input({:?})", other.name()),
        }
    }
}

/// An input that is open for reading.
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) stream: Box<dyn Read + Send>,
    /// Whether a read may have to wait for its bytes, so that what came must not wait for more.
    pub(super) waits: bool,
}

/// The bytes of an input. A read that would wait longer than 100 ms, or that comes after the stop flag was raised, says
/// [`io::ErrorKind::WouldBlock`].
struct Stream {
    source: Source,
    /// An end is final: a decompressor asks again, and a terminal or a FIFO with a new writer would have more to say.
    ended: bool,
    stop: StopFlag,
    /// Bytes read, here and of the inputs before: beneath any decompressor, which does not tell how far it is.
    read: Arc<AtomicU64>,
}

enum Source {
    File(File),
    /// A pipe, a terminal, a device: it may have nothing to say for a long time.
    Pipe(File),
    Bytes(Cursor<Vec<u8>>),
    Reader(Box<dyn Read + Send>),
}

impl Source {
    fn file(file: File, regular: bool) -> (Self, bool) {
        if regular { (Self::File(file), false) } else { (Self::Pipe(file), true) }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.stop.is_raised() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let bytes = self.source.read(into)?;
        self.ended = bytes == 0 && !into.is_empty();
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Bytes(bytes) => bytes.read(into),
            Self::Pipe(file) => {
                // Before its first writer came, reading a FIFO would report an end; polling it waits.
                let mut waiting = [PollFd::new(file, PollFlags::IN)];
                match poll(&mut waiting, Some(&POLL_STEP)) {
                    Ok(0) | Err(Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
                    Ok(_) => file.read(into),
                    Err(error) => Err(error.into()),
                }
            }
            Self::Reader(reader) => {
                let bytes = reader.read(into)?;
                if bytes > into.len() {
                    return Err(io::Error::other("the reader claims to have read more than it was asked for"));
                }
                Ok(bytes)
            }
        }
    }
}

/// Opens without waiting for the writer of a FIFO; for a regular file the flag means nothing.
fn open_path(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?;
    Ok(File::from(fd))
}

/// A descriptor of our own for standard input. It is polled but not set to non-blocking: that would change it for everyone
/// who shares it.
fn own_stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn refused(path: &Path, source: io::Error) -> Error {
    Error::OpenFile { path: path.to_owned(), source }
}

const POLL_STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
