//! Heads of HTTP/1 messages (RFC 9112): what is asked of whom, by whom, and with what the server answers.
//!
//! What one side of a connection sent goes in from its beginning; a [`Request`] or [`Response`] comes out once its head is
//! there. What browsers and servers put up with is put up with here: this is a witness, not a party. A [`Conversation`] reads
//! all messages of a connection, with their bodies.

mod conversation;
mod framing;
mod message;

pub use conversation::Conversation;
pub use message::{Message, Start, decoded_uri};

use httparse::EMPTY_HEADER;
use httparse::Error;
use httparse::Header;
use httparse::ParserConfig;
use httparse::Status;

use crate::flow::Facts;

/// What was made of bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parsed<T> {
    /// The head is all there.
    Complete(T),
    /// Nothing contradicts HTTP so far, but the head has not come to its end; true of no bytes at all.
    Partial,
    /// Something else, and more bytes will not change that.
    NotHttp,
}

/// The head of a request. Texts are as [`Facts::text`] makes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// As in `GET`.
    pub method: String,
    /// What is asked for, as it was sent: mostly a path and its query; for a proxy a whole URI.
    pub target: String,
    /// Whom it is asked of, with the port if one was sent: the first `Host` field, or what the target names.
    pub host: Option<String>,
    /// The first `User-Agent` field.
    pub user_agent: Option<String>,
}

/// The head of a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// As in 404.
    pub status: u16,
    /// The first `Content-Type` field.
    pub content_type: Option<String>,
}

impl Request {
    /// Reads the first request in what a client sent.
    pub fn parse(bytes: &[u8]) -> Parsed<Self> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match config().parse_request(&mut request, bytes) {
            // The first of too many headers are there, and say enough.
            Ok(Status::Complete(_)) | Err(Error::TooManyHeaders) => {}
            Ok(Status::Partial) => return Parsed::Partial,
            Err(_) => return Parsed::NotHttp,
        }
        let (Some(method), Some(target)) = (request.method, request.path) else { return Parsed::NotHttp };
        let host = field(request.headers, "host").or_else(|| named_host(method, target));
        Parsed::Complete(Self {
            method: Facts::text(method.as_bytes()),
            target: Facts::text(target.as_bytes()),
            host: host.map(Facts::text),
            user_agent: field(request.headers, "user-agent").map(Facts::text),
        })
    }
}

impl Response {
    /// Reads the first response in what a server sent that is not interim (`100 Continue` and its like, RFC 9110 §15.2).
    pub fn parse(bytes: &[u8]) -> Parsed<Self> {
        let mut rest = bytes;
        loop {
            let mut headers = [EMPTY_HEADER; MAX_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            let head = match config().parse_response(&mut response, rest) {
                Ok(Status::Complete(head)) => Some(head),
                Err(Error::TooManyHeaders) => None,
                Ok(Status::Partial) => return Parsed::Partial,
                Err(_) => return Parsed::NotHttp,
            };
            let Some(status) = response.code else { return Parsed::NotHttp };
            let content_type = field(response.headers, "content-type").map(Facts::text);
            match head.and_then(|head| rest.get(head..)) {
                Some(next) if matches!(status, 100 | 102..=199) => rest = next,
                _ => return Parsed::Complete(Self { status, content_type }),
            }
        }
    }
}

/// A whole head: what its first line says, its minor version, its fields, and how many bytes it has.
struct WholeHead {
    start: Start,
    minor_version: u8,
    headers: Vec<(String, String)>,
    len: usize,
    /// It has more fields than are kept.
    more: bool,
}

/// Reads the head at the beginning of `bytes`.
fn whole_head(bytes: &[u8]) -> Parsed<WholeHead> {
    if bytes.len() < RESPONSE.len() && RESPONSE.starts_with(bytes) {
        return Parsed::Partial;
    }
    let mut fields = [EMPTY_HEADER; MAX_KEPT];
    let (parsed, start, version, fields) = if bytes.starts_with(RESPONSE) {
        let mut response = httparse::Response::new(&mut fields);
        let parsed = config().parse_response(&mut response, bytes);
        let reason = response.reason.unwrap_or_default().to_owned();
        let start = response.code.map(|status| Start::Response { status, reason });
        (parsed, start, response.version, kept(response.headers))
    } else {
        let mut request = httparse::Request::new(&mut fields);
        let parsed = config().parse_request(&mut request, bytes);
        let start = request.method.zip(request.path).map(|(method, target)| {
            let (method, target) = (method.to_owned(), target.to_owned());
            Start::Request { method, target }
        });
        (parsed, start, request.version, kept(request.headers))
    };
    let (len, more) = match parsed {
        Ok(Status::Complete(len)) => (len, false),
        Ok(Status::Partial) => return Parsed::Partial,
        Err(Error::TooManyHeaders) => match end_of_head(bytes, 0) {
            Some(len) => (len, true),
            None => return Parsed::Partial,
        },
        Err(_) => return Parsed::NotHttp,
    };
    match (start, version) {
        (Some(start), Some(minor_version)) => {
            Parsed::Complete(WholeHead { start, minor_version, headers: fields, len, more })
        }
        _ => Parsed::NotHttp,
    }
}

/// Where the first empty line at or behind `from` ends.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(at, _)| match rest.get(at + 1..) {
        Some([b'\n', ..]) => Some(from + at + 2),
        Some([b'\r', b'\n', ..]) => Some(from + at + 3),
        _ => None,
    })
}

/// Fields with their names in lower case; what is not UTF-8 in a value is replaced.
fn kept(headers: &[Header<'_>]) -> Vec<(String, String)> {
    let named = headers.iter().filter(|header| !header.name.is_empty());
    named
        .map(|header| {
            (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value.trim_ascii()).into_owned())
        })
        .collect()
}

fn config() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_requests(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

fn field<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.trim_ascii())
}

/// The host in a target that has one: `http://user@host:port/path`, or `host:port` for `CONNECT` (RFC 9112 §3.2).
fn named_host<'a>(method: &str, target: &'a str) -> Option<&'a [u8]> {
    let authority = match target.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next()?,
        None if method == "CONNECT" => target,
        None => return None,
    };
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then_some(host.as_bytes())
}

/// How many headers of a message are looked at.
const MAX_HEADERS: usize = 100;
/// How many are kept of a message that is kept whole.
const MAX_KEPT: usize = 256;
/// What responses begin with.
const RESPONSE: &[u8] = b"HTTP/1.";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(bytes: &[u8]) -> Request {
        match Request::parse(bytes) {
            Parsed::Complete(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn response(bytes: &[u8]) -> Response {
        match Response::parse(bytes) {
            Parsed::Complete(response) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_is_read_when_its_last_byte_is_there() {
        let bytes = b"GET /a?b HTTP/1.1\r\nhost: example.com:8080 \r\nUser-Agent: curl/8\r\nUser-Agent: x\r\n\r\nbody";
        let head = bytes.len() - 4;
        let read = request(&bytes[..head]);
        assert_eq!(read, request(bytes));
        assert_eq!((&*read.method, &*read.target), ("GET", "/a?b"));
        assert_eq!((read.host.as_deref(), read.user_agent.as_deref()), (Some("example.com:8080"), Some("curl/8")));
        for end in 0..head {
            assert_eq!(Request::parse(&bytes[..end]), Parsed::Partial, "{end} bytes");
        }
    }

    #[test]
    fn the_target_names_the_host_where_no_field_does() {
        let host = |line: &str| request(format!("{line} HTTP/1.1\r\n\r\n").as_bytes()).host;
        assert_eq!(host("GET http://u@example.com:81/x@y?z").as_deref(), Some("example.com:81"));
        assert_eq!(host("GET http://example.com").as_deref(), Some("example.com"));
        assert_eq!(host("CONNECT example.com:443").as_deref(), Some("example.com:443"));
        assert_eq!(host("GET /x"), None);
        assert_eq!(host("GET http:///x"), None);
        assert_eq!(request(b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n").host.as_deref(), Some("b"));
    }

    #[test]
    fn a_response_is_the_first_that_is_not_interim() {
        let (interim, last) = ("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.0 404 Not Found\r\nContent-Type: a/b\r\n\r\n");
        let expected = Response { status: 404, content_type: Some("a/b".into()) };
        assert_eq!(response(last.as_bytes()), expected);
        assert_eq!(response([interim, interim, last].concat().as_bytes()), expected);
        assert_eq!(Response::parse(interim.as_bytes()), Parsed::Partial);
        assert_eq!(response(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81").status, 101);
    }

    #[test]
    fn other_protocols_are_not_taken_for_http() {
        for bytes in [&b"\x16\x03\x01\x02\0"[..], b"INVITE sip:a SIP/2.0\r\n", b"SSH-2.0-x\r\n", b"GET /\x01 HTTP/1.1"]
        {
            assert_eq!(Request::parse(bytes), Parsed::NotHttp, "{bytes:?}");
            assert_eq!(Response::parse(bytes), Parsed::NotHttp, "{bytes:?}");
        }
        assert_eq!(Response::parse(b"GET / HTTP/1.1\r\n\r\n"), Parsed::NotHttp);
        assert_eq!(Request::parse(b"HTTP/1.1 200 OK\r\n\r\n"), Parsed::NotHttp);
    }

    #[test]
    fn a_head_with_too_many_or_odd_fields_says_what_it_says() {
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
        assert_eq!(request(many.as_bytes()).host.as_deref(), Some("a"));
        let many = format!("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n{}\r\n", "X: y\r\n".repeat(200));
        assert_eq!(response(many.as_bytes()).content_type.as_deref(), Some("a/b"));
        assert_eq!(request(b"GET  /  HTTP/1.1\r\nbad field\r\nHost: a\r\n\r\n").host.as_deref(), Some("a"));
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9000));
        assert_eq!(request(long.as_bytes()).target.len(), Facts::MAX_TEXT);
    }
}
