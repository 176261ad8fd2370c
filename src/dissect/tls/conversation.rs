//! All TLS records of a connection, as its bytes come, and what its hellos tell.
//!
//! Nothing of a record is kept but its header; only before encryption the first 16 KiB of a direction are, for hellos that do
//! not come in one piece. Bytes that are missing inside a record are skipped; where it is not known any more where the next
//! one begins, reading goes on with the next segment that begins like a record.

use std::sync::Arc;

use crate::dissect::tls::Side as Hello;
use crate::dissect::{Piece, Stream};
use crate::flow::Facts;

/// The header of a record (RFC 8446 §5.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TlsRecord {
    /// 20 change of cipher, 21 alert, 22 handshake, 23 data (IANA TLS ContentType).
    pub kind: u8,
    /// As it stands there: 0x0301 is TLS 1.0, and newer ones say 0x0303.
    pub version: u16,
    /// Bytes behind the header.
    pub len: u16,
    /// Bytes of those that were not captured.
    pub missing: u16,
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct TlsConversation {
    sides: [Side; 2],
    facts: Option<Arc<Facts>>,
    /// Which direction is the client's.
    client: Option<usize>,
    records: u64,
    over: bool,
}

/// One direction.
#[derive(Clone, Debug, Default)]
struct Side {
    reading: Reading,
    hello: Hello,
    /// The beginning of the direction, as long as the hello needs it.
    first: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    /// In a header, of which so many bytes are there.
    Header([u8; 5], usize),
    /// In a record, of which so many bytes are to come.
    Body(TlsRecord, u16),
    /// It is not known where the next record begins.
    Lost,
}

impl Default for Reading {
    fn default() -> Self {
        Self::Header([0; 5], 0)
    }
}

impl TlsRecord {
    /// The record whose header these bytes are; `None` for what is none.
    fn parse(header: [u8; 5]) -> Option<Self> {
        let [kind, major, minor, high, low] = header;
        let len = u16::from_be_bytes([high, low]);
        let version = u16::from_be_bytes([major, minor]);
        let good = matches!(kind, 20..=24) && major == 3 && minor <= 4 && len <= MAX_LEN;
        good.then_some(Self { kind, version, len, missing: 0 })
    }
}

impl TlsConversation {
    /// Whether the first bytes of a direction may be those of a handshake.
    pub fn may_begin(bytes: &[u8]) -> bool {
        super::begins(bytes)
    }

    /// Whether bytes, of which it is not known what comes before them, are very likely the beginning of a record: the next
    /// one, where there is one, must look like it too.
    pub fn begins(bytes: &[u8]) -> bool {
        let header = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk::<5>).copied();
        let Some(record) = header(0).and_then(TlsRecord::parse) else { return false };
        let next = 5 + usize::from(record.len);
        let rest = bytes.get(next..).unwrap_or_default();
        let follows = rest.is_empty() || rest.len() < 5 || header(next).and_then(TlsRecord::parse).is_some();
        record.len > 0 && record.kind != 24 && matches!(record.version, 0x0301..=0x0303) && follows
    }

    /// Takes the next piece of a direction (0 or 1); tells the records that end in it.
    pub fn take(&mut self, way: usize, piece: Piece<'_>, tell: &mut impl FnMut(TlsRecord)) {
        let Some(side) = self.sides.get_mut(way).filter(|_| !self.over) else { return };
        match piece {
            Piece::Bytes(bytes) => {
                let lost = matches!(side.reading, Reading::Lost);
                if lost && !Self::begins(bytes) {
                    return;
                }
                if lost {
                    side.reading = Reading::default();
                }
                side.greet(bytes, &mut self.facts);
                let (records, client) = (&mut self.records, &mut self.client);
                let is_tls = side.bytes(
                    bytes,
                    &mut |record, first| {
                        *records += 1;
                        // Who greets first is told by the message itself.
                        if record.kind == HANDSHAKE && client.is_none() && matches!(first, Some(1 | 2)) {
                            *client = Some(if first == Some(1) { way } else { 1 - way });
                        }
                    },
                    tell,
                );
                self.over = !is_tls && self.records == 0;
            }
            Piece::Gap(missing) => {
                side.end_greeting(&mut self.facts);
                side.gap(missing, tell);
            }
        }
        if self.over {
            self.sides = Default::default();
        }
    }

    /// No more comes in this direction: tells the record that is not complete, if there is one, with what is missing.
    pub fn close(&mut self, way: usize) -> Option<TlsRecord> {
        let side = self.sides.get_mut(way)?;
        side.end_greeting(&mut self.facts);
        match std::mem::replace(&mut side.reading, Reading::Lost) {
            Reading::Body(record, left) => Some(TlsRecord { missing: record.missing.saturating_add(left), ..record }),
            _ => None,
        }
    }

    /// What the hellos told so far.
    pub fn facts(&self) -> Option<&Arc<Facts>> {
        self.facts.as_ref().filter(|facts| !facts.is_empty())
    }

    /// Which direction (0 or 1) is the client's, if a hello told.
    pub fn client(&self) -> Option<usize> {
        self.client
    }

    /// Whether it is no TLS.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes of memory that it takes, about.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.sides.iter().map(|side| side.first.capacity()).sum::<usize>()
    }
}

impl Side {
    /// Looks for a hello in the beginning of the direction.
    fn greet(&mut self, bytes: &[u8], facts: &mut Option<Arc<Facts>>) {
        if self.hello.is_done() {
            return;
        }
        // Mostly it comes in one piece, which need not be kept.
        if self.first.is_empty() {
            self.hello.read(bytes, false, Facts::open(facts));
            if self.hello.is_done() {
                return;
            }
        }
        let room = Stream::DEFAULT_LIMIT.saturating_sub(self.first.len());
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.hello.read(&self.first, self.first.len() >= Stream::DEFAULT_LIMIT, Facts::open(facts));
        if self.hello.is_done() {
            self.first = Vec::new();
        }
    }

    /// The beginning ends here.
    fn end_greeting(&mut self, facts: &mut Option<Arc<Facts>>) {
        if !self.hello.is_done() {
            self.hello.read(&self.first, true, Facts::open(facts));
        }
        self.first = Vec::new();
    }

    /// Reads records; whether it may be TLS. `open` is told each record whose header is complete, with its first byte.
    fn bytes(
        &mut self,
        mut bytes: &[u8],
        open: &mut impl FnMut(TlsRecord, Option<u8>),
        tell: &mut impl FnMut(TlsRecord),
    ) -> bool {
        while let Some(byte) = bytes.first().copied() {
            match &mut self.reading {
                Reading::Lost => return true,
                Reading::Header(header, have) => {
                    header[*have] = byte;
                    *have += 1;
                    bytes = &bytes[1..];
                    if *have < header.len() {
                        continue;
                    }
                    let Some(record) = TlsRecord::parse(*header) else {
                        self.reading = Reading::Lost;
                        return false;
                    };
                    open(record, bytes.first().copied());
                    self.reading = Reading::Body(record, record.len);
                    self.end(tell);
                }
                Reading::Body(_, left) => {
                    let taken = bytes.len().min(usize::from(*left));
                    *left -= taken as u16;
                    bytes = &bytes[taken..];
                    self.end(tell);
                }
            }
        }
        true
    }

    fn gap(&mut self, missing: u32, tell: &mut impl FnMut(TlsRecord)) {
        match (&mut self.reading, u16::try_from(missing)) {
            (Reading::Body(record, left), Ok(missing)) if missing <= *left => {
                *left -= missing;
                record.missing += missing;
                self.end(tell);
            }
            (Reading::Body(record, left), _) => {
                let record = TlsRecord { missing: record.missing + *left, ..*record };
                self.reading = Reading::Lost;
                tell(record);
            }
            _ => self.reading = Reading::Lost,
        }
    }

    /// Tells the record when nothing of it is to come.
    fn end(&mut self, tell: &mut impl FnMut(TlsRecord)) {
        if let Reading::Body(record, 0) = self.reading {
            self.reading = Reading::default();
            tell(record);
        }
    }
}

const HANDSHAKE: u8 = 22;
/// Most bytes behind a header, with what old implementations add to it.
const MAX_LEN: u16 = (1 << 14) + 2048;
