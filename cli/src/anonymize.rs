//! `--anonymize METHOD:KEYFILE`: addresses replaced, with a key that a file holds and no list of processes shows.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use flowgauge::flow::Anonymizer;

/// What replaces addresses, and where its key is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Anonymize {
    method: Method,
    key: PathBuf,
}

/// How addresses are replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    CryptoPan,
    Blake2,
}

impl Anonymize {
    /// A method, a colon and the name of the file with the key.
    ///
    /// # Errors
    ///
    /// What to tell the user of anything else.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let method = match text.split_once(':') {
            Some((method, key)) if !key.is_empty() => (method, key),
            _ => return Err("crypto-pan:KEYFILE or blake2:KEYFILE is wanted".to_owned()),
        };
        let (method, key) = match method {
            ("crypto-pan", key) => (Method::CryptoPan, key),
            ("blake2", key) => (Method::Blake2, key),
            (other, _) => return Err(format!("there is no method {other:?}: crypto-pan and blake2 are known")),
        };
        Ok(Self { method, key: key.into() })
    }

    /// Reads the key.
    ///
    /// # Errors
    ///
    /// What to tell the user when it cannot be read, or is not as long as the method wants.
    pub(crate) fn anonymizer(&self) -> Result<Anonymizer, String> {
        let mut bytes = Vec::new();
        let read = File::open(&self.key).and_then(|file| file.take(LONGEST_FILE_BYTES).read_to_end(&mut bytes));
        read.map_err(|error| format!("--anonymize: cannot read the key in {:?}: {error}", self.key))?;
        let key = from_hex(&bytes).unwrap_or(bytes);
        let anonymizer = match self.method {
            Method::CryptoPan => Anonymizer::crypto_pan(&key),
            Method::Blake2 => Anonymizer::blake2(&key),
        };
        anonymizer.map_err(|error| format!("--anonymize: the key in {:?} does not fit: {error} bytes", self.key))
    }
}

/// The key in a text of hexadecimal digits and white space; `None` for anything else, which is the key itself.
fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits: Option<Vec<_>> = digits.map(|byte| char::from(*byte).to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

/// Longer than any key, with much white space.
const LONGEST_FILE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_file_are_wanted() {
        let key = Anonymize::parse("blake2:a:b/key").unwrap();
        assert_eq!((key.method, key.key), (Method::Blake2, "a:b/key".into()));
        assert_eq!(Anonymize::parse("crypto-pan:k").unwrap().method, Method::CryptoPan);
        for wrong in ["", "blake2", "crypto-pan:", "md5:key", "00112233:"] {
            assert!(Anonymize::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_bytes_or_hexadecimal_digits() {
        assert_eq!(from_hex(b"00fF\n10\r\n"), Some(vec![0, 255, 16]));
        assert_eq!(from_hex(b""), Some(vec![]));
        for bytes in [&b"abc"[..], b"0x00", b"key!", &[0; 32]] {
            assert_eq!(from_hex(bytes), None);
        }
    }
}
