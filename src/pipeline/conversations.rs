//! Connections in which a protocol is spoken: from packets, over reassembly, to what the protocol's own reader tells.
//!
//! Whether it is spoken is told by the first bytes of a connection, and where those were not seen, by any segment that begins
//! like it. A connection that speaks something else costs no more than its place in the table.

use std::fmt;
use std::net::IpAddr;

use crate::dissect::{Assembler, Piece, TcpSegment};
use crate::flow::{Direction, FlowKey};
use crate::packet::{Packet, PacketInfo};
use crate::pipeline::connections::{Bounds, Connections, Gone, Place};
use crate::time::Timestamp;

/// The reader of a protocol, for one connection.
pub(super) trait Speech {
    /// What it tells.
    type Told;

    /// Whether the first bytes of a connection may be its.
    fn may_begin(bytes: &[u8]) -> bool;

    /// Whether a segment in the midst of a connection begins like it, be that one whose beginning was not seen, or one that
    /// began otherwise.
    fn begins(bytes: &[u8], beginning_unseen: bool) -> bool;

    /// Takes the next piece of a direction.
    fn take(&mut self, way: usize, piece: Piece<'_>, stamp: Timestamp, tell: &mut dyn FnMut(Self::Told));

    /// No more comes in a direction: a FIN said so if it `is_whole`.
    fn close(&mut self, way: usize, is_whole: bool, tell: &mut dyn FnMut(Self::Told));

    /// Whether it is not spoken, or not any more.
    fn is_over(&self) -> bool;

    /// Bytes of memory that it takes, about.
    fn weight(&self) -> usize;
}

/// All connections.
pub(super) struct Conversations<S> {
    table: Connections<State<S>>,
    begin: Box<dyn Fn() -> S + Send>,
}

enum State<S> {
    /// No payload yet; where SYNs said that the directions begin.
    Opening([Option<u32>; 2]),
    Speaking(Box<Talk<S>>),
    /// Something else, which may turn into it.
    Watched {
        beginning_unseen: bool,
    },
    /// Nothing more to learn.
    Over,
}

/// A connection that speaks it.
pub(super) struct Talk<S> {
    assemblers: [Assembler; 2],
    pub(super) speech: S,
    /// Directions in which no more comes.
    pub(super) closed: [bool; 2],
    /// Stamp and number of the last packet.
    pub(super) last: (Timestamp, u64),
}

/// What one packet, or an end, came to: what was told, with its direction.
pub(super) type Tellings<T> = Vec<(usize, T)>;

/// A connection that left, and what it had still to tell.
pub(super) struct Left<S: Speech> {
    pub(super) talk: Box<Talk<S>>,
    pub(super) tellings: Tellings<S::Told>,
    pub(super) key: FlowKey,
    turned: bool,
}

impl<S: Speech> Left<S> {
    /// Address and port of the sender of a direction, and of its receiver.
    pub(super) fn ends(&self, way: usize) -> [(IpAddr, u16); 2] {
        let high = self.turned != (way == 1);
        [self.key.end(high), self.key.end(!high)]
    }

    /// A packet that goes a way as far as it can be told.
    pub(super) fn info(&self, way: usize) -> PacketInfo {
        let [(src, src_port), (dst, dst_port)] = self.ends(way);
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        PacketInfo {
            src: number(src),
            dst: number(dst),
            src_port,
            dst_port,
            clock: self.talk.last.0,
            ip_version: self.key.ip_version(),
            ip_protocol: self.key.ip_protocol(),
            vlan_id: self.key.vlan_id(),
            tunnel: self.key.tunnel(),
            ..PacketInfo::EMPTY
        }
    }
}

impl<S: Speech> Conversations<S> {
    pub(super) fn new(bounds: Bounds, begin: impl Fn() -> S + Send + 'static) -> Self {
        Self { table: Connections::new(bounds), begin: Box::new(begin) }
    }

    /// Looks at a packet; gives where it belongs and its direction if that speaks it. What is told lies in `tellings`.
    #[inline]
    pub(super) fn read(&mut self, packet: &Packet<'_>, tellings: &mut Tellings<S::Told>) -> Option<(Place, usize)> {
        let segment = TcpSegment::of(packet)?;
        let opens = segment.len > 0 || segment.flags.syn();
        let begin = || opens.then_some(State::Opening([None; 2]));
        let (place, direction) = self.table.of(packet.info, packet.info.clock, begin)?;
        let state = self.table.state(place)?;
        // Most packets are of connections that speak something else.
        match state {
            State::Over if !segment.flags.syn() => return None,
            State::Watched { beginning_unseen }
                if !segment.flags.syn() && !S::begins(segment.payload, *beginning_unseen) =>
            {
                return None;
            }
            _ => {}
        }
        self.listen(place, direction, &segment, packet, tellings)
    }

    #[inline(never)]
    fn listen(
        &mut self,
        place: Place,
        direction: Direction,
        segment: &TcpSegment<'_>,
        packet: &Packet<'_>,
        tellings: &mut Tellings<S::Told>,
    ) -> Option<(Place, usize)> {
        let way = direction as usize;
        let state = self.table.state(place)?;
        if segment.flags.syn() && !segment.flags.ack() {
            // The ports are used again: what was open is over.
            match state {
                State::Speaking(talk) if talk.assemblers[way].has_begun() => {
                    talk.finish(tellings);
                    *state = State::Opening([None; 2]);
                }
                State::Speaking(_) | State::Opening(_) => {}
                State::Watched { .. } | State::Over => *state = State::Opening([None; 2]),
            }
        }
        if let State::Opening(starts) = state {
            let seq = segment.seq.wrapping_add(u32::from(segment.flags.syn()));
            if segment.flags.syn() {
                starts[way] = Some(seq);
            }
            // A lone zero byte may be a keep-alive probe of a connection that was there before.
            if segment.len == 0 || segment.payload == [0] {
                return None;
            }
            *state = match starts[way] {
                Some(start) if start == seq && !S::may_begin(segment.payload) => {
                    State::Watched { beginning_unseen: false }
                }
                None if !S::begins(segment.payload, true) => State::Watched { beginning_unseen: true },
                _ => State::Speaking(Box::new(Talk::new((self.begin)(), *starts))),
            };
        }
        if let State::Watched { beginning_unseen } = state {
            if !S::begins(segment.payload, *beginning_unseen) {
                return None;
            }
            *state = State::Speaking(Box::new(Talk::new((self.begin)(), [None; 2])));
        }
        let State::Speaking(talk) = state else { return None };
        talk.last = (packet.raw.stamp, packet.raw.number);
        talk.read(way, segment, packet.raw.stamp, tellings);
        let weight = talk.weight();
        self.table.weigh(place, weight);
        Some((place, way))
    }

    /// The talk at a place, where one is.
    pub(super) fn talk(&mut self, place: Place) -> Option<&Talk<S>> {
        match self.table.state(place)? {
            State::Speaking(talk) => Some(talk),
            _ => None,
        }
    }

    /// Frees what a connection has that is over; to be called after its packet was looked at.
    pub(super) fn settle(&mut self, place: Place) {
        if let Some(state) = self.table.state(place)
            && let State::Speaking(talk) = state
            && (talk.speech.is_over() || talk.closed == [true; 2])
        {
            *state = State::Over;
            self.table.weigh(place, 0);
        }
    }

    /// The talk of the connection with this key, and which direction goes from `src`.
    pub(super) fn find(&self, key: &FlowKey, src: (IpAddr, u16)) -> Option<(&Talk<S>, usize)> {
        let (state, turned) = self.table.find(key)?;
        let State::Speaking(talk) = state else { return None };
        Some((talk, usize::from(key.end(turned) != src)))
    }

    /// Moves the clock forward, where no packet does.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.table.advance(now);
    }

    /// The next connection that must leave and spoke it; `all` when every one must.
    pub(super) fn leaving(&mut self, all: bool) -> Option<Left<S>> {
        loop {
            let Gone { key, turned, state } = if all { self.table.pop()? } else { self.table.expired()? };
            if let State::Speaking(mut talk) = state {
                let mut tellings = Vec::new();
                talk.finish(&mut tellings);
                return Some(Left { talk, tellings, key, turned });
            }
        }
    }
}

impl<S> fmt::Debug for Conversations<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversations").field("table", &self.table).finish_non_exhaustive()
    }
}

impl<S: Speech> Talk<S> {
    fn new(speech: S, starts: [Option<u32>; 2]) -> Self {
        let assemblers = starts.map(|start| match start {
            Some(start) => Assembler::default().starting_at(start),
            None => Assembler::default(),
        });
        Self { assemblers, speech, closed: [false; 2], last: (Timestamp::MIN, 0) }
    }

    fn read(&mut self, way: usize, segment: &TcpSegment<'_>, stamp: Timestamp, tellings: &mut Tellings<S::Told>) {
        let Self { assemblers, speech, closed, .. } = self;
        if segment.flags.ack() {
            let other = 1 - way;
            assemblers[other].acknowledge(segment.ack, &mut |piece| {
                speech.take(other, piece, stamp, &mut |told| tellings.push((other, told)));
            });
        }
        assemblers[way].feed(segment, &mut |piece| {
            speech.take(way, piece, stamp, &mut |told| tellings.push((way, told)));
        });
        if segment.flags.rst() {
            return self.finish(tellings);
        }
        for way in 0..2 {
            if assemblers[way].is_over() && !closed[way] {
                closed[way] = true;
                speech.close(way, true, &mut |told| tellings.push((way, told)));
            }
        }
    }

    /// Nothing more comes.
    fn finish(&mut self, tellings: &mut Tellings<S::Told>) {
        let Self { assemblers, speech, closed, last } = self;
        for way in 0..2 {
            if !std::mem::replace(&mut closed[way], true) {
                assemblers[way].finish(&mut |piece| {
                    speech.take(way, piece, last.0, &mut |told| tellings.push((way, told)));
                });
                speech.close(way, false, &mut |told| tellings.push((way, told)));
            }
        }
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.speech.weight() + self.assemblers.iter().map(Assembler::weight).sum::<usize>()
    }
}
