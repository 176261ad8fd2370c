//! A TCP connection: two streams, and the protocol that their first bytes speak.

use crate::dissect::dns;
use crate::dissect::names::{Head, Lookup};
use crate::dissect::stream::Stream;
use crate::dissect::tls;
use crate::flow::{Direction, Facts};
use crate::packet::TcpFlags;
use crate::time::Timestamp;

/// The two directions of a connection whose protocol is known, or may be.
#[derive(Debug)]
pub(super) struct Connection {
    streams: [Stream; 2],
    protocol: Protocol,
    /// Whether one of the ports is that of DNS.
    to_dns: bool,
    segments: u8,
}

/// A TCP segment of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) direction: Direction,
    pub(super) stamp: Timestamp,
    pub(super) seq: u32,
    pub(super) flags: TcpFlags,
    pub(super) payload: &'a [u8],
}

/// What is spoken, and how far each direction was read.
#[derive(Debug)]
enum Protocol {
    /// Nothing was said yet that is in order.
    Unknown,
    Tls([tls::Side; 2]),
    Http([Head; 2]),
    Dns(Lookup),
    /// None that is known here, or nothing more to learn.
    Over,
}

impl Protocol {
    /// What the first bytes of a direction speak, on a connection that is `to_dns` by its ports.
    fn of(bytes: &[u8], to_dns: bool) -> Self {
        if tls::begins(bytes) {
            Self::Tls(Default::default())
        } else if Head::begins(bytes) {
            Self::Http(Default::default())
        } else if to_dns {
            Self::Dns(Lookup::default())
        } else {
            Self::Over
        }
    }
}

/// Whether the first bytes of a direction speak a protocol that is known here.
pub(super) fn begins(bytes: &[u8], to_dns: bool) -> bool {
    !matches!(Protocol::of(bytes, to_dns), Protocol::Over)
}

impl Connection {
    /// A connection whose directions begin at `starts`, where SYNs told.
    pub(super) fn new(starts: [Option<u32>; 2], to_dns: bool) -> Self {
        let stream = |start: Option<u32>| {
            let stream = Stream::new(Stream::DEFAULT_LIMIT);
            if let Some(start) = start { stream.starting_at(start) } else { stream }
        };
        Self { streams: starts.map(stream), protocol: Protocol::Unknown, to_dns, segments: 0 }
    }

    /// Takes a segment that came at `stamp`.
    pub(super) fn read(&mut self, segment: &Segment<'_>, facts: &mut Facts) {
        if !segment.payload.is_empty() {
            self.segments += 1;
        }
        let way = segment.direction as usize;
        let stream = &mut self.streams[way];
        let before = stream.ready().len();
        stream.feed(segment.seq, segment.flags, segment.payload);
        let (bytes, over) = (stream.ready(), stream.is_over());
        if bytes.len() == before && !over {
            return;
        }
        if let Protocol::Unknown = self.protocol {
            self.protocol = Protocol::of(bytes, self.to_dns);
        }
        let (this_done, all_done) = match &mut self.protocol {
            Protocol::Unknown | Protocol::Over => return,
            Protocol::Tls(sides) => {
                sides[way].read(bytes, over, facts);
                (sides[way].is_done(), sides.iter().all(tls::Side::is_done))
            }
            Protocol::Http(sides) => {
                sides[way].read(bytes, over, facts);
                (sides[way].is_done(), sides.iter().all(Head::is_done))
            }
            Protocol::Dns(lookup) => {
                let message = dns::tcp_message(bytes);
                if let Some(message) = message {
                    lookup.read(message, segment.stamp, facts);
                }
                (message.is_some() || over, lookup.is_done())
            }
        };
        if all_done {
            self.protocol = Protocol::Over;
        } else if this_done {
            // Its bytes are of no more use; a limit of none takes no others.
            *stream = Stream::new(0);
        }
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.protocol, Protocol::Over) || self.segments >= MAX_SEGMENTS
    }
}

/// Most segments with payload that are looked at, of both directions together.
const MAX_SEGMENTS: u8 = 64;
