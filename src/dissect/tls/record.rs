//! TLS records (RFC 8446 §5.1): from the bytes of a stream to those of the handshake messages in them.

use std::borrow::Cow;

use crate::dissect::tls::reader::Reader;

/// The bytes of handshake messages at the beginning of a stream, before anything encrypted.
#[derive(Debug)]
pub(super) struct Handshake<'a> {
    /// They; the last record counts as far as it has come.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether more may follow them.
    pub(super) open: bool,
}

/// Whether `bytes` may be the beginning of a record with handshake messages; one byte is enough to ask.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let kind = bytes.first() == Some(&HANDSHAKE);
    let version = bytes.get(1).is_none_or(|major| *major == 3) && bytes.get(2).is_none_or(|minor| *minor <= 4);
    // The longest length that is to be accepted, and a message's type: requests, hellos and the like.
    let len = bytes.get(3).is_none_or(|high| usize::from(*high) <= MAX_LEN >> 8);
    kind && version && len && bytes.get(5).is_none_or(|message| *message <= 2)
}

/// Joins the handshake messages of the records at the beginning of `stream`.
pub(super) fn handshake(stream: &[u8]) -> Handshake<'_> {
    let mut rest = Reader(stream);
    let mut bytes = Cow::Borrowed(&[][..]);
    for _ in 0..MAX_RECORDS {
        let (Some(kind), Some(version)) = (rest.u8(), rest.u16()) else { return Handshake { bytes, open: true } };
        let Some(len) = rest.u16().map(usize::from) else { return Handshake { bytes, open: true } };
        if kind != HANDSHAKE || version >> 8 != 3 || len == 0 || len > MAX_LEN {
            return Handshake { bytes, open: false };
        }
        let fragment = rest.take(len.min(rest.0.len())).unwrap_or_default();
        if bytes.is_empty() {
            bytes = Cow::Borrowed(fragment);
        } else {
            bytes.to_mut().extend_from_slice(fragment);
        }
        if fragment.len() < len {
            return Handshake { bytes, open: true };
        }
    }
    Handshake { bytes, open: false }
}

const HANDSHAKE: u8 = 22;
/// Most bytes of a record that is not encrypted, with what old implementations add to it.
const MAX_LEN: usize = (1 << 14) + 2048;
/// Most records that are looked at.
const MAX_RECORDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &[u8]) -> Vec<u8> {
        [&[22, 3, 1][..], &(payload.len() as u16).to_be_bytes(), payload].concat()
    }

    #[test]
    fn a_message_spans_records() {
        let stream = [record(&[1, 0]), record(&[0, 2]), record(&[7, 8])].concat();
        let joined = handshake(&stream);
        assert_eq!((&*joined.bytes, joined.open), (&[1, 0, 0, 2, 7, 8][..], true));
        assert!(matches!(handshake(&record(&[1, 2])).bytes, Cow::Borrowed(_)));
    }

    #[test]
    fn handshakes_end_where_something_else_begins() {
        let stream = [record(&[2]), vec![20, 3, 3, 0, 1, 1], record(&[9])].concat();
        let joined = handshake(&stream);
        assert_eq!((&*joined.bytes, joined.open), (&[2][..], false));
    }

    #[test]
    fn endless_records_end() {
        let joined = handshake(&record(&[1]).repeat(2000)).bytes.len();
        assert_eq!(joined, MAX_RECORDS);
    }

    #[test]
    fn a_beginning_is_known_by_its_first_bytes() {
        assert!(begins(&[22]) && begins(&[22, 3, 1, 2, 0, 1]));
        assert!(
            !begins(&[]) && !begins(b"GET ") && !begins(&[23, 3, 3]) && !begins(&[22, 2]) && !begins(&[22, 3, 1, 255])
        );
    }
}
