//! Capture files and streams: pcap and pcapng, plain or inside gzip or zstd, one or many as a single capture.
//!
//! Bytes are read in blocks of 256 KiB and frames are lent out of them: no copy, no allocation and no system call per
//! frame. Every frame before a damage is delivered, then one error names file, frame and offset, then there is nothing
//! more. Whatever the bytes are, reading them neither panics nor takes more memory than a few blocks and one frame.
//!
//! - **pcap**: µs and ns, both byte orders, "modified" pcap, versions 2.0 to 2.4. The bits above the link type that tell
//!   of frame check sequences are ignored.
//! - **pcapng**: any number of sections, interfaces and byte orders, `if_tsresol`, `if_tsoffset`; enhanced, simple and
//!   obsolete packet blocks. A simple packet block has no stamp: its frame has that of the frame before it in the whole
//!   capture, or 0. Other blocks are skipped.
//! - **gzip**: zeros behind a member are padding; other bytes that begin no member are left out with a
//!   [warning](PacketSource::warnings), as gunzip does it.
//! - Lengths: a frame above 256 KiB that is also longer than the snaplen stated (or above 16 MiB) is taken for damage. A
//!   captured length above the wire length is accepted and both are handed on as they stand, as Wireshark does.

mod classic;
mod format;
mod input;
mod interface;
mod pcapng;
mod window;

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use crate::capture::file::input::Input;

use crate::capture::Block;
use crate::capture::Captured;
use crate::capture::FrameBatch;
use crate::capture::PacketSource;
use crate::capture::SourceBytes;
use crate::capture::StopFlag;
use crate::capture::decompress::{Compression, Remarks};
use crate::capture::file::format::Format;
use crate::capture::file::format::Recognized;
use crate::capture::file::format::Step;
use crate::capture::file::window::Filled;
use crate::capture::file::window::Window;
use crate::error::Error;
use crate::error::Result;
use crate::time::Timestamp;

/// Frames from files, pipes, memory or readers, as one continuous capture.
///
/// Each input may have another format; frames are numbered through. Where bytes may be late (a pipe, a reader), complete
/// frames are handed out as they come, and [`Captured::Silence`] says every 100 ms that none came; the same once the stop
/// flag is raised.
///
/// # Examples
///
/// ```
/// use flowgauge::capture::file::{FileSource, Input};
/// use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
///
/// let mut pcap = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
/// pcap.extend([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, 0xaa, 0xbb, 0xcc]);
/// let mut source = FileSource::open(vec![Input::Bytes(pcap)], StopFlag::default())?;
/// let mut batch = FrameBatch::default();
/// assert_eq!(source.next_batch(&mut batch)?, Captured::Frames);
/// let frame = batch.raw(0, 1);
/// assert_eq!((frame.stamp.as_nanos(), frame.wire_len, frame.data), (1_000_002_000, 60, &[0xaa, 0xbb, 0xcc][..]));
/// assert_eq!(source.next_batch(&mut batch)?, Captured::End);
/// # Ok::<(), flowgauge::Error>(())
/// ```
#[derive(Debug)]
pub struct FileSource {
    inputs: VecDeque<Input>,
    current: Option<Current>,
    /// How many inputs were opened.
    opened: usize,
    window: Window,
    stop: StopFlag,
    /// What a batch holds between two turns, so that its block can be used again.
    nothing: Arc<Block>,
    frames: u64,
    last: Timestamp,
    remarks: Remarks,
    /// Bytes read of all inputs, as they are stored.
    bytes_read: Arc<AtomicU64>,
    /// Bytes of all inputs when they were opened.
    bytes: Option<u64>,
}

/// The input that is being read.
struct Current {
    name: String,
    stream: Box<dyn Read + Send>,
    waits: bool,
    /// Whether the stream is known not to be compressed (any more).
    plain: bool,
    format: Option<Format>,
    /// Bytes of the record at hand that are still to be skipped.
    skip: u64,
}

impl FileSource {
    /// Opens the first of `inputs` and reads its header, unless that might have to wait (a pipe, a reader); sees that every
    /// other file is there. No inputs are an empty capture.
    ///
    /// # Errors
    ///
    /// [`Error::OpenFile`] for a path that is missing, a directory or not ours to read; of the first input also
    /// [`Error::NotACapture`], [`Error::Damaged`] if it ends within its header, [`Error::Read`], and
    /// [`Error::MissingFeature`] for a compressed capture in a build without `compress`.
    pub fn open(inputs: Vec<Input>, stop: StopFlag) -> Result<Self> {
        for input in inputs.iter().skip(1) {
            input.check()?;
        }
        let bytes = inputs.iter().try_fold(0, |sum: u64, input| Some(sum.saturating_add(input.bytes()?)));
        let mut source = Self {
            inputs: inputs.into(),
            current: None,
            opened: 0,
            window: Window::new(),
            stop,
            nothing: Arc::default(),
            frames: 0,
            last: Timestamp::default(),
            remarks: Remarks::default(),
            bytes_read: Arc::default(),
            bytes,
        };
        source.open_next()?;
        while source.current.as_ref().is_some_and(|current| !current.waits && current.format.is_none()) {
            if let Turn::Silence = source.recognize()? {
                break;
            }
        }
        Ok(source)
    }

    /// Opens the next input; whether there was one.
    fn open_next(&mut self) -> Result<bool> {
        let Some(input) = self.inputs.pop_front() else { return Ok(false) };
        let opened = input.open(&self.stop, &self.bytes_read)?;
        self.window.restart();
        self.opened += 1;
        self.current = Some(Current {
            name: opened.name,
            stream: opened.stream,
            waits: opened.waits,
            plain: false,
            format: None,
            skip: 0,
        });
        Ok(true)
    }

    /// One step towards the next frames.
    fn turn(&mut self, batch: &mut FrameBatch) -> Result<Turn> {
        let Some(current) = &mut self.current else {
            return Ok(if self.open_next()? { Turn::Onward } else { Turn::End });
        };
        let Some(format) = &mut current.format else { return self.recognize() };
        current.skip -= self.window.skip(current.skip);
        if current.skip > 0 {
            return self.fill(0);
        }
        let mut at = self.window.start();
        let step = format.parse(self.window.bytes(), &mut at, &mut batch.frames);
        self.window.read_to(at);
        if let Step::Skip(bytes) = step {
            current.skip = bytes - self.window.skip(bytes);
        }
        if let Some(last) = batch.frames.last() {
            // Whatever else the step says, it will say again.
            self.last = last.stamp;
            self.frames += batch.frames.len() as u64;
            self.window.hand_over(batch);
            return Ok(Turn::Frames);
        }
        match step {
            Step::Need(bytes) => self.fill(bytes),
            Step::Skip(_) => Ok(Turn::Onward),
            Step::Damaged { back, detail } => Err(self.damaged(back, detail)),
        }
    }

    /// Finds out what the stream is: compressed or not, pcap or pcapng.
    fn recognize(&mut self) -> Result<Turn> {
        let Some(current) = &mut self.current else { return Ok(Turn::Onward) };
        let head = &self.window.bytes()[self.window.start()..];
        if !current.plain {
            if head.len() < MAGIC_BYTES {
                let turn = self.fill(MAGIC_BYTES)?;
                return Ok(turn);
            }
            current.plain = true;
            if let Some(compression) = Compression::of(head) {
                let head = io::Cursor::new(self.window.take_back());
                let stream = std::mem::replace(&mut current.stream, Box::new(io::empty()));
                current.stream = compression.decompress(Box::new(head.chain(stream)), &current.name, &self.remarks)?;
            }
            return Ok(Turn::Onward);
        }
        match Format::recognize(head, self.last) {
            Recognized::Need(bytes) => self.fill(bytes),
            Recognized::Format(format, bytes) => {
                current.format = Some(format);
                self.window.skip(bytes as u64);
                Ok(Turn::Onward)
            }
            Recognized::Unknown(detail) => Err(self.not_a_capture(detail)),
        }
    }

    /// Reads on, because the next record needs `wanted` bytes.
    fn fill(&mut self, wanted: usize) -> Result<Turn> {
        let Some(current) = &mut self.current else { return Ok(Turn::Onward) };
        match self.window.fill(&mut *current.stream, current.waits, wanted) {
            Ok(Filled::Bytes) => Ok(Turn::Onward),
            Ok(Filled::Silence) => Ok(Turn::Silence),
            Ok(Filled::End) => self.end_of_input(wanted),
            Err(source) => Err(Error::Read {
                name: current.name.clone(),
                frame: self.frames,
                offset: self.window.offset() + self.window.unread() as u64,
                source,
            }),
        }
    }

    /// The current input has no more bytes: that is well between two records only.
    fn end_of_input(&mut self, wanted: usize) -> Result<Turn> {
        let Some(current) = &mut self.current else { return Ok(Turn::Onward) };
        let unread = self.window.unread();
        let Some(format) = &current.format else {
            let head = &self.window.bytes()[self.window.start()..];
            if unread == 0 {
                return Err(self.not_a_capture("it is empty".to_owned()));
            }
            return Err(match Format::recognize(head, self.last) {
                Recognized::Need(_) if unread < MAGIC_BYTES => self.not_a_capture(format!("it has {unread} bytes")),
                _ => self.damaged(0, format!("it ends within its header, after {unread} of {wanted} bytes")),
            });
        };
        let behind = format.behind() - current.skip;
        if unread == 0 && format.behind() == 0 {
            self.current = None;
            return Ok(Turn::Onward);
        }
        let detail = match format.behind() {
            0 => format!("it ends within a record, after {unread} of at least {wanted} bytes"),
            body => format!("it ends within a block, after {} of {} bytes", behind + unread as u64, body + 4),
        };
        Err(self.damaged(behind, detail))
    }

    fn damaged(&self, back: u64, detail: String) -> Error {
        let name = self.current.as_ref().map(|current| current.name.clone()).unwrap_or_default();
        Error::Damaged { name, frame: self.frames, offset: self.window.offset().saturating_sub(back), detail }
    }

    fn not_a_capture(&self, detail: String) -> Error {
        let name = self.current.as_ref().map(|current| current.name.clone()).unwrap_or_default();
        Error::NotACapture { name, detail }
    }
}

impl PacketSource for FileSource {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        batch.frames.clear();
        batch.block = Arc::clone(&self.nothing);
        loop {
            match self.turn(batch) {
                Ok(Turn::Onward) if self.stop.is_raised() => return Ok(Captured::Silence),
                Ok(Turn::Onward) => {}
                Ok(Turn::Frames) => return Ok(Captured::Frames),
                Ok(Turn::Silence) => return Ok(Captured::Silence),
                Ok(Turn::End) => return Ok(Captured::End),
                Err(error) => {
                    self.current = None;
                    self.inputs.clear();
                    return Err(error);
                }
            }
        }
    }

    fn input(&self) -> usize {
        self.opened.saturating_sub(1)
    }

    fn bytes(&self) -> SourceBytes {
        let read = self.bytes_read.load(Ordering::Relaxed);
        // A file may have grown since.
        SourceBytes { read: Some(read), all: self.bytes.map(|all| all.max(read)) }
    }

    fn warnings(&mut self) -> Vec<String> {
        self.remarks.take()
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").field("name", &self.name).field("format", &self.format).finish_non_exhaustive()
    }
}

/// What a step brought.
enum Turn {
    Frames,
    /// Go on.
    Onward,
    Silence,
    End,
}

/// What it takes to tell compressed from plain, and pcap from pcapng.
const MAGIC_BYTES: usize = 4;
