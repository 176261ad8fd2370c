//! A whole HTTP/1 message: its head, as much of its body as is wanted, and what was odd about it.

use crate::time::Timestamp;

/// A request or a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// What its first line says.
    pub start: Start,
    /// `1.0` or `1.1`.
    pub version: &'static str,
    /// Its fields in their order, names in lower case; at most 256. What is not UTF-8 in a value is replaced.
    pub headers: Vec<(String, String)>,
    /// The beginning of its body, without the framing of chunks, and without the bytes that are missing.
    pub body: Vec<u8>,
    /// Bytes of the whole body, without the framing of chunks, those that are missing among them.
    pub body_len: u64,
    /// Bytes of the whole message as TCP or UDP carried them.
    pub payload_len: u64,
    /// Bytes of it that were not captured.
    pub missing: u64,
    /// Of a response: the target of the request that it answers, cut at 2 KiB; `None` where that was not seen.
    pub answers: Option<Box<str>>,
    /// When its first byte was captured.
    pub begin: Timestamp,
    /// When its last one was.
    pub end: Timestamp,
    /// Whether it came to its end.
    pub is_complete: bool,
    /// What is odd about it, in words: `UDP-HTTP`, `too_many_headers`, `content_length` (several that differ, or no number),
    /// `length_and_chunked` (RFC 9112 §6.1), `bad_chunk`.
    pub weird: Vec<&'static str>,
}

/// The first line of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Start {
    /// Of a request.
    Request {
        /// As in `GET`.
        method: String,
        /// What is asked for, as it was sent: mostly a path and its query; for a proxy a whole URI.
        target: String,
    },
    /// Of a response.
    Response {
        /// As in 404.
        status: u16,
        /// As in `Not Found`; often empty.
        reason: String,
    },
}

impl Message {
    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The value of the first field with this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Bytes of memory that it takes, about.
    pub fn weight(&self) -> usize {
        let fields: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        let start = match &self.start {
            Start::Request { method, target } => method.len() + target.len(),
            Start::Response { reason, .. } => reason.len(),
        };
        let answers = self.answers.as_ref().map_or(0, |target| target.len());
        size_of::<Self>() + self.body.capacity() + fields + start + answers
    }

    /// The values of all fields with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Notes once what is odd.
    pub(super) fn note(&mut self, word: &'static str) {
        if !self.weird.contains(&word) {
            self.weird.push(word);
        }
    }
}

/// A target as people read it: percent signs decoded (RFC 3986 §2.1), plus signs as blanks; what is not UTF-8 is replaced.
pub fn decoded_uri(target: &str) -> String {
    let bytes = target.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |at: usize| bytes.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_decoded_for_people() {
        assert_eq!(decoded_uri("/a%20b+c%3fd"), "/a b c?d");
        assert_eq!(decoded_uri("/%C3%A9%ff%"), "/\u{e9}\u{fffd}%");
        assert_eq!(decoded_uri("%2%zz%4"), "%2%zz%4");
    }
}
