//! Compressed captures: gzip (RFC 1952, several members) and zstd (RFC 8878, several frames), known by their first bytes.
//!
//! Decompression streams: memory stays that of one window (32 KiB, and 128 MiB at most for zstd), however much comes out.
//! A source that has nothing to say for now ([`io::ErrorKind::WouldBlock`]) may be asked again later.

use std::io::Read;

use crate::error::Error;
use crate::error::Result;

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

    /// The bytes that `stream`, which begins with the magic number, holds in compressed form.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFeature`] without the cargo feature `compress`.
    #[cfg(feature = "compress")]
    pub(super) fn decompress(self, stream: Box<dyn Read + Send>, name: &str) -> Result<Box<dyn Read + Send>> {
        streams::open(self, stream).map_err(|source| Error::Read { name: name.to_owned(), frame: 0, offset: 0, source })
    }

    /// A refusal: this build knows the format only by sight.
    #[cfg(not(feature = "compress"))]
    pub(super) fn decompress(self, _: Box<dyn Read + Send>, _: &str) -> Result<Box<dyn Read + Send>> {
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

    use flate2::bufread::MultiGzDecoder;
    use zstd::stream::read::Decoder;

    use super::Compression;

    /// Compressed bytes, a few at a time: where a decoder finds a corruption, what it made of the bytes it was given
    /// together with it is lost.
    struct Source(BufReader<Box<dyn Read + Send>>);

    impl Read for Source {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl BufRead for Source {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            let bytes = self.0.fill_buf()?;
            Ok(&bytes[..bytes.len().min(PIECE_BYTES)])
        }

        fn consume(&mut self, bytes: usize) {
            self.0.consume(bytes);
        }
    }

    pub(super) fn open(kind: Compression, stream: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let source = Source(BufReader::with_capacity(INPUT_BYTES, stream));
        Ok(match kind {
            Compression::Gzip => Box::new(Gzip(MultiGzDecoder::new(source))),
            Compression::Zstd => Box::new(Zstd { decoder: Decoder::with_buffer(source)?, more_inside: false }),
        })
    }

    struct Gzip(MultiGzDecoder<Source>);

    impl Read for Gzip {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into).map_err(|error| explain(error, "gzip"))
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
                self.decoder.get_mut().fill_buf()?;
            }
            self.more_inside = false;
            let bytes = self.decoder.read(into).map_err(|error| explain(error, "zstd"))?;
            self.more_inside = bytes == into.len();
            Ok(bytes)
        }
    }

    /// Names the format in what the decoder found wrong; what the source said is left as it is.
    fn explain(error: io::Error, format: &str) -> io::Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => error,
            _ if error.raw_os_error().is_some() => error,
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), format!("the {format} stream is cut short")),
            kind => io::Error::new(kind, format!("the {format} stream is corrupt: {error}")),
        }
    }

    const INPUT_BYTES: usize = 64 << 10;
    const PIECE_BYTES: usize = 1 << 10;
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
