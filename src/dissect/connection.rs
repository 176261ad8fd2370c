//! A TCP connection: two streams, and the protocol that their first bytes speak.

use std::sync::Arc;

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

    /// Takes a segment.
    pub(super) fn read(&mut self, segment: &Segment<'_>, facts: &mut Option<Arc<Facts>>) {
        if !segment.payload.is_empty() {
            self.segments += 1;
        }
        let stream = &mut self.streams[segment.direction as usize];
        // Most of what is read lies in the first segment of its direction, where nobody need put it together.
        let alone = stream.begins_with(segment.seq, segment.flags, segment.payload);
        if alone && self.look(segment, segment.payload, false, facts) {
            return;
        }
        let stream = &mut self.streams[segment.direction as usize];
        let before = stream.ready().len();
        stream.feed(segment.seq, segment.flags, segment.payload);
        if alone || stream.ready().len() == before && !stream.is_over() {
            return;
        }
        let stream = std::mem::replace(stream, Stream::new(0));
        if !self.look(segment, stream.ready(), stream.is_over(), facts) {
            self.streams[segment.direction as usize] = stream;
        }
    }

    /// Looks at the `bytes` of a direction so far, of which no more come when it is `over`; whether all was read of it, and
    /// it was closed.
    fn look(&mut self, segment: &Segment<'_>, bytes: &[u8], over: bool, facts: &mut Option<Arc<Facts>>) -> bool {
        let way = segment.direction as usize;
        if let Protocol::Unknown = self.protocol {
            self.protocol = Protocol::of(bytes, self.to_dns);
        }
        let (this_done, all_done) = match &mut self.protocol {
            Protocol::Unknown | Protocol::Over => return false,
            Protocol::Tls(sides) => {
                sides[way].read(bytes, over, Facts::open(facts));
                (sides[way].is_done(), sides.iter().all(tls::Side::is_done))
            }
            Protocol::Http(sides) => {
                sides[way].read(bytes, over, Facts::open(facts));
                (sides[way].is_done(), sides.iter().all(Head::is_done))
            }
            Protocol::Dns(lookup) => {
                let message = dns::tcp_message(bytes);
                if let Some(message) = message {
                    lookup.read(message, segment.stamp, Facts::open(facts));
                }
                (message.is_some() || over, lookup.is_done())
            }
        };
        if all_done {
            self.protocol = Protocol::Over;
        } else if this_done {
            // Its bytes are of no more use; a limit of none takes no others.
            self.streams[way] = Stream::new(0);
        }
        all_done || this_done
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.protocol, Protocol::Over) || self.segments >= MAX_SEGMENTS
    }
}

/// Most segments with payload that are looked at, of both directions together.
const MAX_SEGMENTS: u8 = 64;
