//! All messages of an HTTP/1 connection, as its bytes come.
//!
//! What an [`Assembler`](crate::dissect::Assembler) tells of the two directions goes in, in any order of the two; every request
//! and response comes out as soon as it is complete. Heads are waited for up to 64 KiB, bodies kept up to a bound and counted
//! beyond it. What is missing inside a body of known length is skipped; where it is not known any more what the next byte is,
//! reading goes on with the next segment that begins like a message.

use std::collections::VecDeque;

use crate::dissect::Piece;
use crate::dissect::http::framing::{Asked, Framing, Step};
use crate::dissect::http::message::{Message, Start};
use crate::dissect::http::{Parsed, RESPONSE, WholeHead, end_of_head, whole_head};
use crate::time::Timestamp;

/// One connection.
#[derive(Clone, Debug)]
pub struct Conversation {
    sides: [Side; 2],
    shared: Shared,
}

/// What both directions know of each other.
#[derive(Clone, Debug)]
struct Shared {
    /// Requests without a response yet.
    asked: VecDeque<(Asked, Box<str>)>,
    asked_bytes: usize,
    body_limit: usize,
    /// Messages so far.
    messages: u64,
    /// Something else is spoken from here on.
    over: bool,
}

/// One direction.
#[derive(Clone, Debug, Default)]
enum Side {
    /// Between messages.
    #[default]
    Between,
    /// It is not known where the next message begins.
    Lost,
    /// In a head, of which this has come.
    Head {
        bytes: Vec<u8>,
        begin: Timestamp,
    },
    Body {
        message: Box<Message>,
        framing: Framing,
    },
}

impl Conversation {
    /// A connection of whose bodies up to `body_limit` bytes are kept.
    pub fn new(body_limit: usize) -> Self {
        let shared = Shared { asked: VecDeque::new(), asked_bytes: 0, body_limit, messages: 0, over: false };
        Self { sides: Default::default(), shared }
    }

    /// Whether the first bytes of a direction may be those of a message.
    pub fn may_begin(bytes: &[u8]) -> bool {
        if bytes.len() < RESPONSE.len() && RESPONSE.starts_with(bytes) || bytes.starts_with(RESPONSE) {
            return true;
        }
        let word = bytes.iter().take_while(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')).count();
        (1..=MAX_METHOD).contains(&word) && matches!(bytes.get(word), None | Some(b' '))
    }

    /// Whether bytes, of which it is not known what comes before them, are very likely the beginning of a message.
    pub fn begins(bytes: &[u8]) -> bool {
        if bytes.starts_with(RESPONSE) {
            return matches!(bytes.get(7..12), Some([b'0' | b'1', b' ', digits @ ..])
                if digits.iter().all(u8::is_ascii_digit));
        }
        if !Self::may_begin(bytes) {
            return false;
        }
        let line = bytes.iter().position(|byte| *byte == b'\n').map(|end| bytes[..end].trim_ascii_end());
        match line {
            Some(line) => {
                line.strip_suffix(b"0").or(line.strip_suffix(b"1")).is_some_and(|line| line.ends_with(RESPONSE))
            }
            None => METHODS.iter().any(|method| bytes.starts_with(method)),
        }
    }

    /// The message that a UDP datagram of `len` bytes is, as SSDP sends them; `None` for something else.
    pub fn datagram(payload: &[u8], len: u32, body_limit: usize, stamp: Timestamp) -> Option<Message> {
        if !Self::begins(payload) {
            return None;
        }
        let (mut only, mut messages) = (Self::new(body_limit), Vec::new());
        only.take(0, Piece::Bytes(payload), stamp, &mut |told| messages.push(told));
        let missing = len.saturating_sub(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        if missing > 0 {
            only.take(0, Piece::Gap(missing), stamp, &mut |told| messages.push(told));
        }
        only.close(0, missing == 0, &mut |told| messages.push(told));
        let mut message = messages.into_iter().next()?;
        message.note("UDP-HTTP");
        Some(message)
    }

    /// Takes the next piece of a direction (0 or 1), told by a packet that was captured at `stamp`.
    pub fn take(&mut self, way: usize, piece: Piece<'_>, stamp: Timestamp, tell: &mut impl FnMut(Message)) {
        let Some(side) = self.sides.get_mut(way).filter(|_| !self.shared.over) else { return };
        match piece {
            Piece::Bytes(bytes) => side.bytes(bytes, stamp, &mut self.shared, tell),
            Piece::Gap(missing) => side.gap(u64::from(missing), stamp, tell),
        }
        if self.shared.over {
            self.sides = Default::default();
        }
    }

    /// No more comes in this direction: a FIN said so if it `is_whole`, else the rest was not captured.
    pub fn close(&mut self, way: usize, is_whole: bool, tell: &mut impl FnMut(Message)) {
        let Some(side) = self.sides.get_mut(way) else { return };
        if let Side::Body { mut message, framing } = std::mem::replace(side, Side::Lost) {
            message.is_complete = is_whole && framing == Framing::Close;
            tell(*message);
        }
    }

    /// The message of a direction that has not come to its end.
    pub fn unfinished(&self, way: usize) -> Option<&Message> {
        match self.sides.get(way)? {
            Side::Body { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Whether nothing more is to be read here: it is no HTTP, or something else is spoken after it.
    pub fn is_over(&self) -> bool {
        self.shared.over
    }

    /// Bytes of memory that it takes, about.
    pub fn weight(&self) -> usize {
        let side = |side: &Side| match side {
            Side::Between | Side::Lost => 0,
            Side::Head { bytes, .. } => bytes.capacity(),
            Side::Body { message, .. } => message.weight(),
        };
        let asked = self.shared.asked.capacity() * size_of::<(Asked, Box<str>)>() + self.shared.asked_bytes;
        size_of::<Self>() + asked + self.sides.iter().map(side).sum::<usize>()
    }
}

impl Side {
    fn bytes(&mut self, piece: &[u8], stamp: Timestamp, shared: &mut Shared, tell: &mut impl FnMut(Message)) {
        let mut bytes = piece;
        while !bytes.is_empty() && !shared.over {
            match self {
                Self::Lost if bytes.len() == piece.len() && Conversation::begins(bytes) => *self = Self::Between,
                Self::Lost => return,
                Self::Between => {
                    // Empty lines between messages are put up with (RFC 9112 §2.2).
                    let line = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                    bytes = &bytes[line..];
                    if !bytes.is_empty() {
                        bytes = self.begin(bytes, stamp, shared, tell);
                    }
                }
                Self::Head { .. } => bytes = self.head(bytes, stamp, shared, tell),
                Self::Body { message, framing } => {
                    message.end = stamp;
                    let (taken, ends) = match framing.step(bytes) {
                        Step::Body(taken) => (taken, false),
                        Step::Framing(taken) => {
                            message.payload_len += taken as u64;
                            bytes = &bytes[taken..];
                            continue;
                        }
                        Step::End(taken) => (taken, true),
                        Step::Broken => {
                            message.note("bad_chunk");
                            self.lose(tell);
                            return;
                        }
                    };
                    let is_body = !matches!(framing, Framing::Chunked(_)) || !ends;
                    message.payload_len += taken as u64;
                    if is_body {
                        message.body_len += taken as u64;
                        let room = shared.body_limit.saturating_sub(message.body.len());
                        message.body.extend_from_slice(&bytes[..taken.min(room)]);
                    }
                    bytes = &bytes[taken..];
                    if ends {
                        self.end(tell);
                    }
                }
            }
        }
    }

    /// Reads a head that begins here; gives what is behind it.
    fn begin<'a>(
        &mut self,
        bytes: &'a [u8],
        stamp: Timestamp,
        shared: &mut Shared,
        tell: &mut impl FnMut(Message),
    ) -> &'a [u8] {
        let parsed = if Conversation::may_begin(bytes) { whole_head(bytes) } else { Parsed::NotHttp };
        match parsed {
            Parsed::Complete(head) => {
                let rest = bytes.get(head.len..).unwrap_or_default();
                self.open(head, stamp, stamp, shared, tell);
                return rest;
            }
            Parsed::Partial if bytes.len() < MAX_HEAD => {
                *self = Self::Head { bytes: bytes.to_vec(), begin: stamp };
            }
            Parsed::Partial | Parsed::NotHttp => self.stray(shared),
        }
        &[]
    }

    /// Goes on with a head; gives what is behind it.
    fn head<'a>(
        &mut self,
        more: &'a [u8],
        stamp: Timestamp,
        shared: &mut Shared,
        tell: &mut impl FnMut(Message),
    ) -> &'a [u8] {
        let Self::Head { bytes, begin } = self else { return &[] };
        let (before, begin) = (bytes.len(), *begin);
        bytes.extend_from_slice(&more[..more.len().min(MAX_HEAD.saturating_sub(before))]);
        let Some(end) = end_of_head(bytes, before.saturating_sub(3)) else {
            let hopeless = bytes.len() >= MAX_HEAD || !Conversation::may_begin(bytes);
            if hopeless {
                self.stray(shared);
            }
            return &[];
        };
        match whole_head(&bytes[..end]) {
            Parsed::Complete(head) => {
                self.open(head, begin, stamp, shared, tell);
                more.get(end.saturating_sub(before)..).unwrap_or_default()
            }
            _ => {
                self.stray(shared);
                &[]
            }
        }
    }

    /// A head is complete.
    fn open(
        &mut self,
        head: WholeHead,
        begin: Timestamp,
        end: Timestamp,
        shared: &mut Shared,
        tell: &mut impl FnMut(Message),
    ) {
        shared.messages += 1;
        let WholeHead { start, minor_version, headers, len, more } = head;
        let mut message = Box::new(Message {
            start,
            version: if minor_version == 0 { "1.0" } else { "1.1" },
            headers,
            body: Vec::new(),
            body_len: 0,
            payload_len: len as u64,
            missing: 0,
            answers: None,
            begin,
            end,
            is_complete: false,
            weird: Vec::new(),
        });
        if more {
            message.note("too_many_headers");
        }
        let (asked, target) = shared.asked_for(&message.start);
        message.answers = target;
        let framing = Framing::of(&mut message, asked);
        if let Start::Response { status, .. } = message.start {
            // What follows is no HTTP any more (RFC 9110 §9.3.6, §15.2.2).
            shared.over |= status == 101 || asked == Asked::Connect && (200..300).contains(&status);
        }
        let framing = if shared.over { Framing::Length(0) } else { framing };
        let is_over = framing.is_over();
        *self = Self::Body { message, framing };
        if is_over {
            self.end(tell);
        }
    }

    fn gap(&mut self, missing: u64, stamp: Timestamp, tell: &mut impl FnMut(Message)) {
        let Self::Body { message, framing } = self else {
            *self = Self::Lost;
            return;
        };
        message.end = stamp;
        // Of a body of known length it is known where it ended, though not what came then.
        let within = if let Framing::Length(left) = framing { missing.min(*left) } else { missing };
        if !framing.skip(within) {
            return self.lose(tell);
        }
        message.missing += within;
        message.body_len += within;
        message.payload_len += within;
        if framing.is_over() {
            self.end(tell);
            if within < missing {
                *self = Self::Lost;
            }
        }
    }

    /// The message came to its end.
    fn end(&mut self, tell: &mut impl FnMut(Message)) {
        if let Self::Body { mut message, .. } = std::mem::take(self) {
            message.is_complete = true;
            tell(*message);
        }
    }

    /// The message will not come to its end.
    fn lose(&mut self, tell: &mut impl FnMut(Message)) {
        if let Self::Body { message, .. } = std::mem::replace(self, Self::Lost) {
            tell(*message);
        }
    }

    /// What comes here is no message. Where there never was one, there will be none.
    fn stray(&mut self, shared: &mut Shared) {
        *self = Self::Lost;
        shared.over |= shared.messages == 0;
    }
}

impl Shared {
    /// Remembers what a request asks; tells what a response answers.
    fn asked_for(&mut self, start: &Start) -> (Asked, Option<Box<str>>) {
        match start {
            Start::Request { method, target } => {
                if self.asked.len() >= MAX_ASKED {
                    self.forget();
                }
                let asked = match method.as_str() {
                    "HEAD" => Asked::Head,
                    "CONNECT" => Asked::Connect,
                    _ => Asked::Other,
                };
                let end = (0..=target.len().min(MAX_TARGET)).rev().find(|end| target.is_char_boundary(*end));
                let target: Box<str> = target[..end.unwrap_or_default()].into();
                self.asked_bytes += target.len();
                self.asked.push_back((asked, target));
                (Asked::Other, None)
            }
            // The response itself is still to come (RFC 9110 §15.2).
            Start::Response { status: 100 | 102..=199, .. } => {
                (Asked::Other, self.asked.front().map(|(_, target)| target.clone()))
            }
            Start::Response { .. } => {
                self.forget().map_or((Asked::Other, None), |(asked, target)| (asked, Some(target)))
            }
        }
    }

    fn forget(&mut self) -> Option<(Asked, Box<str>)> {
        let (asked, target) = self.asked.pop_front()?;
        self.asked_bytes -= target.len();
        Some((asked, target))
    }
}

/// Methods that most requests have, each with what is behind it.
const METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"PROPFIND "];
/// Longest method that is read.
const MAX_METHOD: usize = 24;
/// Longest head that is waited for, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Requests without a response that are remembered.
const MAX_ASKED: usize = 1024;
/// Bytes of each target that are remembered for its response.
const MAX_TARGET: usize = 2048;
