//! DNS messages over TCP: several a connection, each in as many segments as it likes (RFC 7766).

use std::fmt;
use std::sync::Arc;

use crate::dissect::{Assembler, Piece, TcpSegment, dns};
use crate::flow::Direction;
use crate::packet::Packet;
use crate::pipeline::connections::{Bounds, Connections};

/// The connections over which DNS is spoken.
pub(super) struct DnsStreams {
    connections: Connections<[Side; 2]>,
}

/// What one end of a connection sends.
struct Side {
    assembler: Assembler,
    /// Sequence number of the first byte, where a SYN told it.
    start: Option<u32>,
    /// The beginning of a message of which more must come.
    rest: Vec<u8>,
    /// Nobody knows where a message begins: the connection was there before, or bytes are missing.
    lost: bool,
}

impl DnsStreams {
    /// The messages that this segment completes.
    pub(super) fn messages(&mut self, packet: &Packet<'_>) -> Vec<Arc<[u8]>> {
        let mut found = Vec::new();
        let Some(segment) = TcpSegment::of(packet) else { return found };
        let worth = segment.flags.syn() || segment.len > 0;
        let begin = || worth.then(|| [Side::new(), Side::new()]);
        let Some((place, direction)) = self.connections.of(packet.info, packet.raw.stamp, begin) else { return found };
        if let Some(sides) = self.connections.state(place) {
            let first = segment.seq.wrapping_add(1);
            if segment.flags.syn() && sides[direction as usize].is_other(first) {
                // The same ends, once more.
                *sides = [Side::new(), Side::new()];
            }
            let [one, other] = sides;
            let (from, to) = if direction == Direction::SrcToDst { (one, other) } else { (other, one) };
            if segment.flags.syn() {
                (from.start, from.lost) = (Some(first), false);
            }
            let Side { assembler, rest, lost, .. } = from;
            assembler.feed(&segment, &mut |piece| take(piece, rest, lost, &mut found));
            if segment.flags.ack() {
                // Whatever completes a message there is told of this packet, which is the first that shows it.
                let Side { assembler, rest, lost, .. } = to;
                assembler.acknowledge(segment.ack, &mut |piece| take(piece, rest, lost, &mut found));
            }
            let over = segment.flags.rst() || (from.assembler.is_over() && to.assembler.is_over());
            let weight = from.weight() + to.weight();
            if over {
                self.connections.take(place);
            } else {
                self.connections.weigh(place, weight);
            }
        }
        while self.connections.expired().is_some() {}
        found
    }
}

impl Default for DnsStreams {
    fn default() -> Self {
        Self { connections: Connections::new(Bounds { bytes: MAX_BYTES, ..Bounds::default() }) }
    }
}

impl fmt::Debug for DnsStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsStreams").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}

impl Side {
    fn new() -> Self {
        Self { assembler: Assembler::new(MAX_WAITING, MAX_PIECES), start: None, rest: Vec::new(), lost: true }
    }

    /// Whether a SYN begins another connection than the one that is known.
    fn is_other(&self, first: u32) -> bool {
        self.start.is_some_and(|start| start != first)
    }

    fn weight(&self) -> usize {
        self.assembler.weight() + self.rest.capacity()
    }
}

/// Takes the next bytes of a direction, and the messages that are whole with them.
fn take(piece: Piece<'_>, rest: &mut Vec<u8>, lost: &mut bool, found: &mut Vec<Arc<[u8]>>) {
    let bytes = match piece {
        Piece::Bytes(bytes) => bytes,
        Piece::Gap(_) => {
            (*rest, *lost) = (Vec::new(), true);
            return;
        }
    };
    if *lost && !begins(bytes) {
        return;
    }
    *lost = false;
    if rest.is_empty() {
        let left = split(bytes, lost, found);
        rest.extend_from_slice(left);
        return;
    }
    rest.extend_from_slice(bytes);
    let left = split(rest, lost, found).len();
    rest.drain(..rest.len() - left);
    if rest.is_empty() {
        *rest = Vec::new();
    }
}

/// Takes whole messages from the beginning; gives what is behind them.
fn split<'a>(mut bytes: &'a [u8], lost: &mut bool, found: &mut Vec<Arc<[u8]>>) -> &'a [u8] {
    while let Some(message) = dns::tcp_message(bytes) {
        if !dns::is_message(message) {
            *lost = true;
            return &[];
        }
        found.push(message.into());
        bytes = &bytes[2 + message.len()..];
    }
    bytes
}

/// Whether a message seems to begin here: one question, which can be read.
fn begins(bytes: &[u8]) -> bool {
    let message = bytes.get(2..).unwrap_or_default();
    let announced = usize::from(bytes.first_chunk().map_or(0, |length| u16::from_be_bytes(*length)));
    announced >= HEADER
        && message.get(4..6) == Some(&[0, 1])
        && dns::is_message(&message[..message.len().min(announced)])
}

/// Bytes of all connections together.
const MAX_BYTES: usize = 64 << 20;
/// Bytes of a direction that wait for what is missing before them, and in how many pieces.
const MAX_WAITING: usize = 128 << 10;
const MAX_PIECES: usize = 64;
/// Bytes of a header.
const HEADER: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with the question `a.` and this identification, with its length before it.
    fn message(id: u8) -> Vec<u8> {
        [&[0, 19, 0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01a\0\0\x01\0\x01"].concat()
    }

    /// The identifications of the messages in these pieces, of a connection that is known from its beginning or not.
    fn told(known: bool, pieces: &[Piece<'_>]) -> Vec<u8> {
        let (mut rest, mut lost, mut found) = (Vec::new(), !known, Vec::new());
        pieces.iter().for_each(|piece| take(*piece, &mut rest, &mut lost, &mut found));
        assert!(rest.len() <= 1 << 16);
        found.iter().map(|message| message[1]).collect()
    }

    #[test]
    fn messages_are_split_wherever_segments_begin() {
        let all = [message(1), message(2), message(3)].concat();
        for at in 1..all.len() {
            let pieces = [Piece::Bytes(&all[..at]), Piece::Bytes(&all[at..])];
            assert_eq!(told(true, &pieces), [1, 2, 3], "{at}");
        }
        let each: Vec<_> = all.chunks(1).map(Piece::Bytes).collect();
        assert_eq!(told(true, &each), [1, 2, 3]);
        assert_eq!(told(true, &[Piece::Bytes(&all[..all.len() - 1])]), [1, 2]);
    }

    #[test]
    fn after_a_gap_it_goes_on_where_a_message_begins() {
        let (one, two) = (message(1), message(2));
        let pieces = [Piece::Bytes(&one[..9]), Piece::Gap(5), Piece::Bytes(&one[14..]), Piece::Bytes(&two)];
        assert_eq!(told(true, &pieces), [2]);
        // The same of a connection that was there before: as soon as a question can be read.
        let long = [&[0, 30], &two[2..], &[0; 11]].concat();
        let split =
            |at: usize| told(false, &[Piece::Bytes(&one[5..]), Piece::Bytes(&long[..at]), Piece::Bytes(&long[at..])]);
        assert_eq!((split(20), split(21), split(31)), (vec![], vec![2], vec![2]));
        // What is no DNS at all is passed over.
        assert_eq!(told(true, &[Piece::Bytes(b"\0\x0dGET / HTTP/1.1"), Piece::Bytes(&two)]), [2]);
    }
}
