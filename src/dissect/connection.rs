//! A TCP connection: two streams, and the protocol that their first bytes speak.

use crate::dissect::stream::Stream;
use crate::dissect::tls;
use crate::flow::{Direction, Facts};
use crate::packet::TcpFlags;

/// The two directions of a connection whose protocol is known, or may be.
#[derive(Debug)]
pub(super) struct Connection {
    streams: [Stream; 2],
    protocol: Protocol,
    segments: u8,
}

/// What is spoken.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    /// Nothing was said yet that is in order.
    Unknown,
    Tls([tls::Side; 2]),
    /// None that is known here, or nothing more to learn.
    Over,
}

impl Protocol {
    /// What the first bytes of a direction speak.
    fn of(bytes: &[u8]) -> Self {
        if tls::begins(bytes) {
            return Self::Tls(Default::default());
        }
        Self::Over
    }
}

/// Whether the first bytes of a direction speak a protocol that is known here.
pub(super) fn begins(bytes: &[u8]) -> bool {
    !matches!(Protocol::of(bytes), Protocol::Over)
}

impl Connection {
    /// A connection whose directions begin at `starts`, where SYNs told.
    pub(super) fn new(starts: [Option<u32>; 2]) -> Self {
        let stream = |start: Option<u32>| {
            let stream = Stream::new(Stream::DEFAULT_LIMIT);
            start.map_or_else(|| stream.clone(), |start| stream.clone().starting_at(start))
        };
        Self { streams: starts.map(stream), protocol: Protocol::Unknown, segments: 0 }
    }

    /// Takes a segment.
    pub(super) fn read(&mut self, way: Direction, seq: u32, flags: TcpFlags, payload: &[u8], facts: &mut Facts) {
        if !payload.is_empty() {
            self.segments += 1;
        }
        let stream = &mut self.streams[way as usize];
        let before = stream.ready().len();
        stream.feed(seq, flags, payload);
        let (bytes, over) = (stream.ready(), stream.is_over());
        if bytes.len() == before && !over {
            return;
        }
        if let Protocol::Unknown = self.protocol {
            self.protocol = Protocol::of(bytes);
        }
        match &mut self.protocol {
            Protocol::Unknown | Protocol::Over => {}
            Protocol::Tls(sides) => {
                let side = &mut sides[way as usize];
                side.read(bytes, over, facts);
                if side.is_done() {
                    // Its bytes are of no more use; a limit of none takes no others.
                    *stream = Stream::new(0);
                }
                if sides.iter().all(tls::Side::is_done) {
                    self.protocol = Protocol::Over;
                }
            }
        }
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.protocol, Protocol::Over) || self.segments >= MAX_SEGMENTS
    }
}

/// Most segments with payload that are looked at, of both directions together.
const MAX_SEGMENTS: u8 = 64;
