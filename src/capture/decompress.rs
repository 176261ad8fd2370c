//! Compressed captures: gzip (RFC 1952, several members) and zstd (RFC 8878, several frames), known by their first bytes.
//!
//! Behind the last gzip member, zeros are padding, and anything else is left out with a remark, as gunzip does it.
//! Decompression streams: memory stays that of one window (32 KiB, and 128 MiB at most for zstd), however much comes out.
//! A source that has nothing to say for now ([`io::ErrorKind::WouldBlock`]) may be asked again later.

use std::io::Read;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::error::Result;

/// What a reader should know of streams that are read, shared with those who read them.
#[derive(Clone, Debug, Default)]
pub(super) struct Remarks(Arc<Mutex<Vec<String>>>);

impl Remarks {
    /// Those made since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(feature = "compress")]
    fn push(&self, remark: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(remark);
    }
}

/// A way a capture may be compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// What `head`, the first four bytes of a stream, announces.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A skippable frame (RFC 8878 §3.1.2): parallel compressors begin with one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The bytes that `stream`, which begins with the magic number, holds in compressed form; `remarks` gets what does no
    /// harm.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFeature`] without the cargo feature `compress`.
    #[cfg(feature = "compress")]
    pub(super) fn decompress(
        self,
        stream: Box<dyn Read + Send>,
        name: &str,
        remarks: &Remarks,
    ) -> Result<Box<dyn Read + Send>> {
        let read_error = |source| Error::Read { name: name.to_owned(), frame: 0, offset: 0, source };
        streams::open(self, stream, name, remarks).map_err(read_error)
    }

    /// A refusal: this build knows the format only by sight.
    #[cfg(not(feature = "compress"))]
    pub(super) fn decompress(self, _: Box<dyn Read + Send>, _: &str, _: &Remarks) -> Result<Box<dyn Read + Send>> {
        let what = match self {
            Self::Gzip => "reading a gzip capture",
            Self::Zstd => "reading a zstd capture",
        };
        Err(Error::MissingFeature { what, feature: "compress" })
    }
}

#[cfg(feature = "compress")]
mod streams {
    use std::io;
    use std::io::{BufRead, BufReader, Read};
    use std::mem;

    use flate2::bufread::GzDecoder;
    use zstd::stream::read::Decoder;

    use super::{Compression, Remarks};

    /// Compressed bytes, a few at a time: where a decoder finds a corruption, what it made of the bytes it was given
    /// together with it is lost.
    struct Source {
        reader: BufReader<Box<dyn Read + Send>>,
        /// A byte that comes before what the reader holds.
        returned: Option<[u8; 1]>,
        /// What the stream itself failed with, which is nothing that a decoder found; it gets the kind alone.
        failed: Option<io::Error>,
    }

    impl Source {
        /// Leaves its zeros out up to the next other byte; `None` at the end.
        fn next_but_zeros(&mut self) -> io::Result<Option<u8>> {
            loop {
                let bytes = self.fill_buf()?;
                let Some(last) = bytes.len().checked_sub(1) else { return Ok(None) };
                let zeros = bytes.iter().position(|byte| *byte != 0);
                let byte = bytes[zeros.unwrap_or(last)];
                self.consume(zeros.unwrap_or(last + 1));
                if zeros.is_some() {
                    return Ok(Some(byte));
                }
            }
        }

        /// What this failed with, or what the decoder made of its bytes.
        fn explain(&mut self, error: io::Error, format: &str) -> io::Error {
            if let Some(failed) = self.failed.take() {
                return failed;
            }
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => error,
                io::ErrorKind::UnexpectedEof => {
                    io::Error::new(error.kind(), format!("the {format} stream is cut short"))
                }
                kind => io::Error::new(kind, format!("the {format} stream is corrupt: {error}")),
            }
        }
    }

    impl Read for Source {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let bytes = self.fill_buf()?;
            let count = bytes.len().min(into.len());
            into[..count].copy_from_slice(&bytes[..count]);
            self.consume(count);
            Ok(count)
        }
    }

    impl BufRead for Source {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            if let Some(byte) = &self.returned {
                return Ok(byte);
            }
            match self.reader.fill_buf() {
                Ok(bytes) => Ok(&bytes[..bytes.len().min(PIECE_BYTES)]),
                Err(error) => {
                    let kind = error.kind();
                    if !matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
                        self.failed = Some(error);
                    }
                    Err(kind.into())
                }
            }
        }

        fn consume(&mut self, bytes: usize) {
            if bytes > 0 && self.returned.take().is_none() {
                self.reader.consume(bytes);
            }
        }
    }

    pub(super) fn open(
        kind: Compression,
        stream: Box<dyn Read + Send>,
        name: &str,
        remarks: &Remarks,
    ) -> io::Result<Box<dyn Read + Send>> {
        let reader = BufReader::with_capacity(INPUT_BYTES, stream);
        let source = Source { reader, returned: None, failed: None };
        Ok(match kind {
            Compression::Gzip => Box::new(Gzip {
                part: Part::Member(Box::new(GzDecoder::new(source))),
                name: name.to_owned(),
                remarks: remarks.clone(),
            }),
            Compression::Zstd => Box::new(Zstd { decoder: Decoder::with_buffer(source)?, more_inside: false }),
        })
    }

    struct Gzip {
        part: Part,
        name: String,
        remarks: Remarks,
    }

    /// Where a gzip stream is read.
    enum Part {
        Member(Box<GzDecoder<Source>>),
        /// Behind a member, perhaps after the first byte of another.
        Behind(Source, Option<u8>),
        Over,
    }

    impl Gzip {
        /// Goes on to the next member. What follows the last is padding if it is zeros, as tapes have it, and what else it
        /// is does no harm to what was read, so that gunzip leaves it out with a warning.
        fn go_on(&mut self) -> io::Result<()> {
            let Part::Behind(source, begun) = &mut self.part else { return Ok(()) };
            if begun.is_none() {
                *begun = source.next_but_zeros()?;
                source.consume(usize::from(begun.is_some()));
            }
            let is_member = match begun {
                Some(first) if *first == MAGIC[0] => {
                    let next = source.fill_buf()?.first().copied();
                    next.ok_or(io::ErrorKind::UnexpectedEof)? == MAGIC[1]
                }
                Some(_) => false,
                None => {
                    self.part = Part::Over;
                    return Ok(());
                }
            };
            let behind = mem::replace(&mut self.part, Part::Over);
            match behind {
                Part::Behind(mut source, _) if is_member => {
                    source.returned = Some([MAGIC[0]]);
                    self.part = Part::Member(Box::new(GzDecoder::new(source)));
                }
                _ => self.remarks.push(format!("what follows the gzip stream of {:?} is ignored", self.name)),
            }
            Ok(())
        }
    }

    impl Read for Gzip {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            loop {
                match &mut self.part {
                    Part::Over => return Ok(0),
                    Part::Member(decoder) => match decoder.read(into) {
                        Ok(0) if !into.is_empty() => {}
                        Ok(bytes) => return Ok(bytes),
                        Err(error) => return Err(decoder.get_mut().explain(error, "gzip")),
                    },
                    Part::Behind(..) => {
                        if let Err(error) = self.go_on() {
                            let Part::Behind(source, _) = &mut self.part else { return Err(error) };
                            return Err(source.explain(error, "gzip"));
                        }
                        continue;
                    }
                }
                if let Part::Member(decoder) = mem::replace(&mut self.part, Part::Over) {
                    self.part = Part::Behind(decoder.into_inner(), None);
                }
            }
        }
    }

    struct Zstd {
        decoder: Decoder<'static, Source>,
        more_inside: bool,
    }

    impl Read for Zstd {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            // The decoder is asked only when there is input, or output left over: libzstd takes 16 calls without progress
            // for an error, which a pipe that is silent for two seconds is not.
            if !self.more_inside {
                let source = self.decoder.get_mut();
                if let Err(error) = source.fill_buf() {
                    return Err(source.explain(error, "zstd"));
                }
            }
            self.more_inside = false;
            let bytes = match self.decoder.read(into) {
                Ok(bytes) => bytes,
                Err(error) => return Err(self.decoder.get_mut().explain(error, "zstd")),
            };
            self.more_inside = bytes == into.len();
            Ok(bytes)
        }
    }

    const INPUT_BYTES: usize = 64 << 10;
    const PIECE_BYTES: usize = 1 << 10;
    /// How a gzip member begins (RFC 1952 §2.3.1).
    const MAGIC: [u8; 2] = [0x1f, 0x8b];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        assert_eq!(Compression::of(&[0x1f, 0x8b, 8, 0]), Some(Compression::Gzip));
        assert_eq!(Compression::of(&[0x28, 0xb5, 0x2f, 0xfd]), Some(Compression::Zstd));
        assert_eq!(Compression::of(&[0x50, 0x2a, 0x4d, 0x18]), Some(Compression::Zstd));
        assert_eq!(Compression::of(&[0xd4, 0xc3, 0xb2, 0xa1]), None);
        assert_eq!(Compression::of(&[]), None);
    }
}
