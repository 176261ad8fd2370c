//! What writers write, compressed on the way: gzip (RFC 1952) or Zstandard (RFC 8878).

use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, as its name's end `.gz` says.
    Gzip,
    /// Zstandard, as its name's end `.zst` says.
    Zstd,
}

/// Compresses what is written to it into `W`. Only [`Compressed::finish`] makes it whole.
pub struct Compressed<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Plain(W),
    #[cfg(feature = "compress")]
    Gzip(flate2::write::GzEncoder<W>),
    #[cfg(feature = "compress")]
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl Compression {
    /// What the end of a file's name says, and the name without it.
    pub fn of_name(name: &Path) -> (Self, &Path) {
        let extension = name.extension().unwrap_or_default().to_ascii_lowercase();
        let compression = match extension.to_str() {
            Some("gz") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            _ => return (Self::None, name),
        };
        (compression, name.file_stem().map_or(name, Path::new))
    }
}

impl<W: Write> Compressed<W> {
    /// Compresses into `out`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFeature`] for compression without the cargo feature `compress`.
    pub fn new(out: W, compression: Compression) -> Result<Self> {
        match compression {
            Compression::None => Ok(Self(Inner::Plain(out))),
            #[cfg(feature = "compress")]
            Compression::Gzip => {
                Ok(Self(Inner::Gzip(flate2::write::GzEncoder::new(out, flate2::Compression::default()))))
            }
            #[cfg(feature = "compress")]
            Compression::Zstd => {
                let encoder = zstd::stream::write::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL);
                let source = |source| Error::Write { what: "a zstd stream".to_owned(), source };
                Ok(Self(Inner::Zstd(encoder.map_err(source)?)))
            }
            #[cfg(not(feature = "compress"))]
            Compression::Gzip | Compression::Zstd => {
                Err(Error::MissingFeature { what: "writing compressed files", feature: "compress" })
            }
        }
    }

    /// Writes what ends the stream, and gives back what it was written to.
    ///
    /// # Errors
    ///
    /// Those of the underlying writer.
    #[cfg_attr(
        not(feature = "compress"),
        expect(clippy::infallible_destructuring_match, reason = "with the feature there are more")
    )]
    pub fn finish(self) -> io::Result<W> {
        let mut out = match self.0 {
            Inner::Plain(out) => out,
            #[cfg(feature = "compress")]
            Inner::Gzip(encoder) => encoder.finish()?,
            #[cfg(feature = "compress")]
            Inner::Zstd(encoder) => encoder.finish()?,
        };
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write> Write for Compressed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(out) => out.write(bytes),
            #[cfg(feature = "compress")]
            Inner::Gzip(encoder) => encoder.write(bytes),
            #[cfg(feature = "compress")]
            Inner::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Plain(out) => out.flush(),
            #[cfg(feature = "compress")]
            Inner::Gzip(encoder) => encoder.flush(),
            #[cfg(feature = "compress")]
            Inner::Zstd(encoder) => encoder.flush(),
        }
    }
}

impl<W: Write> std::fmt::Debug for Compressed<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_how_it_is_compressed() {
        let of = |name: &'static str| {
            let (compression, rest) = Compression::of_name(Path::new(name));
            (compression, rest.to_str().unwrap())
        };
        assert_eq!(of("a/flows.csv.gz"), (Compression::Gzip, "flows.csv"));
        assert_eq!(of("flows.json.ZST"), (Compression::Zstd, "flows.json"));
        assert_eq!(of("flows.gzip"), (Compression::None, "flows.gzip"));
        assert_eq!(of(".gz"), (Compression::None, ".gz"));
    }

    #[cfg(feature = "compress")]
    #[test]
    fn what_was_compressed_comes_back() {
        use std::io::Read;

        let text = "flows ".repeat(10_000);
        let compressed = |compression| {
            let mut out = Compressed::new(Vec::new(), compression).unwrap();
            text.as_bytes().chunks(777).for_each(|chunk| out.write_all(chunk).unwrap());
            out.flush().unwrap();
            out.finish().unwrap()
        };
        let mut back = String::new();
        flate2::read::GzDecoder::new(&compressed(Compression::Gzip)[..]).read_to_string(&mut back).unwrap();
        assert_eq!(back, text);
        assert_eq!(zstd::decode_all(&compressed(Compression::Zstd)[..]).unwrap(), text.as_bytes());
        assert_eq!(compressed(Compression::None), text.as_bytes());
        assert!(compressed(Compression::Gzip).len() < text.len() / 10);
    }
}
