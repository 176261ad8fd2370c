//! One direction of a TCP connection as the bytes that its receiver reads.
//!
//! Segments enter in any order, again and overlapping; the contiguous bytes from the beginning leave. What was seen first
//! stays. A [`Stream`] holds at most its limit of bytes in order and as many out of order, in a bounded number of pieces, and
//! nothing at all before the first payload.

use crate::packet::TcpFlags;

/// Puts the segments of one direction together.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Sequence number of the first byte; `None` until a SYN or a payload was seen.
    start: Option<u32>,
    /// The contiguous bytes from the beginning.
    ready: Vec<u8>,
    /// What came too early: pieces that neither overlap nor lie within `ready`, in order.
    held: Vec<Piece>,
    /// Most bytes that `ready` may have, and most that `held` may have.
    limit: usize,
    /// Most pieces that `held` may have.
    max_held: usize,
    /// Segments that began beyond the limit while something was missing.
    strays: usize,
    /// How many bytes there are in all, when a FIN told.
    len: Option<usize>,
    given_up: bool,
}

/// Bytes and how far from the beginning of the direction they lie.
#[derive(Clone, Debug)]
struct Piece {
    at: usize,
    bytes: Vec<u8>,
}

impl Piece {
    fn end(&self) -> usize {
        self.at + self.bytes.len()
    }
}

impl Stream {
    /// Bytes that are put together unless said otherwise.
    pub const DEFAULT_LIMIT: usize = 16 * 1024;
    /// Pieces that may wait for what is missing before them, unless said otherwise.
    pub const DEFAULT_HELD: usize = 16;

    /// A direction of which at most `limit_bytes` (at most 2^30) are of interest.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            start: None,
            ready: Vec::new(),
            held: Vec::new(),
            limit: limit_bytes.min(1 << 30),
            max_held: Self::DEFAULT_HELD,
            strays: 0,
            len: None,
            given_up: false,
        }
    }

    /// The same, where up to `pieces` may wait for what is missing before them.
    #[must_use]
    pub fn holding(mut self, pieces: usize) -> Self {
        self.max_held = pieces;
        self
    }

    /// The same, where the first byte has sequence number `start`.
    #[must_use]
    pub fn starting_at(mut self, start: u32) -> Self {
        self.start = Some(start);
        self
    }

    /// Takes the segment with sequence number `seq`, of which `payload` was captured.
    ///
    /// The first SYN gives the beginning of the direction; without one the first payload does. Whatever lies before it or
    /// beyond the limit is left out.
    pub fn feed(&mut self, seq: u32, flags: TcpFlags, payload: &[u8]) {
        if self.is_over() {
            return;
        }
        let seq = if flags.syn() { seq.wrapping_add(1) } else { seq };
        if flags.syn() && self.ready.is_empty() && self.held.is_empty() {
            // A later SYN opens another connection, as long as this one said nothing.
            self.start = Some(seq);
        }
        // One zero byte is what a keep-alive probe carries, one before what comes next: no beginning.
        if payload.is_empty() && !flags.fin() || self.start.is_none() && payload == [0] {
            return;
        }
        let start = *self.start.get_or_insert(seq);
        // A segment lies less than 2 GiB before or after the beginning, which makes the sign.
        let offset = seq.wrapping_sub(start).cast_signed();
        if offset < 0 {
            let before = offset.unsigned_abs() as usize;
            if before < payload.len() {
                self.take(0, &payload[before..]);
            }
            return;
        }
        let offset = offset.unsigned_abs() as usize;
        if flags.fin() && self.len.is_none() {
            self.len = Some(offset + payload.len());
        }
        self.take(offset, payload);
    }

    /// Whether `payload` is what [`Stream::ready`] would be after this segment, and more may follow.
    pub(super) fn begins_with(&self, seq: u32, flags: TcpFlags, payload: &[u8]) -> bool {
        let fresh = self.ready.is_empty() && self.held.is_empty() && self.len.is_none() && !self.given_up;
        let plain = !flags.syn() && !flags.fin() && !payload.is_empty() && payload != [0];
        fresh && plain && self.start.is_none_or(|start| start == seq) && payload.len() < self.limit
    }

    /// The contiguous bytes from the beginning of the direction.
    pub fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// Whether no more bytes will come: the limit is reached, everything up to a FIN is there, or it was given up because
    /// too much waits for something missing.
    pub fn is_over(&self) -> bool {
        self.given_up || self.ready.len() >= self.limit || self.len.is_some_and(|len| self.ready.len() >= len)
    }

    /// Takes `bytes`, the first of which lies `at` bytes from the beginning.
    fn take(&mut self, at: usize, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.limit.saturating_sub(at))];
        if at > self.ready.len() {
            if at >= self.limit {
                self.strays += 1;
                self.given_up |= self.strays > self.max_held;
                return;
            }
            self.hold(at, bytes);
            return;
        }
        let Some(new) = bytes.get(self.ready.len() - at..).filter(|new| !new.is_empty()) else { return };
        if self.held.is_empty() {
            self.ready.extend_from_slice(new);
            return;
        }
        // What waits was seen before: it stays, and the new bytes fill what lies between.
        let from = self.ready.len();
        self.hold(from, new);
        let contiguous = self.held.iter().scan(from, |end, piece| {
            let joins = piece.at == *end;
            *end = piece.end();
            joins.then_some(())
        });
        let count = contiguous.count();
        for piece in self.held.drain(..count) {
            self.ready.extend_from_slice(&piece.bytes);
        }
    }

    /// Keeps what of `bytes` no held piece has yet.
    fn hold(&mut self, mut at: usize, mut bytes: &[u8]) {
        let mut index = 0;
        while !bytes.is_empty() {
            let next = self.held.get(index);
            if let Some(piece) = next
                && piece.at <= at
            {
                let known = piece.end().saturating_sub(at).min(bytes.len());
                (at, bytes) = (at + known, &bytes[known..]);
                index += 1;
                continue;
            }
            let (new, rest) = bytes.split_at(next.map_or(bytes.len(), |piece| bytes.len().min(piece.at - at)));
            self.insert(index, at, new);
            (at, bytes) = (at + new.len(), rest);
            // The piece that it may have joined is looked at again, and skipped.
        }
        // Held pieces do not overlap and lie before the limit, which bounds their bytes; this bounds their number.
        let first = self.held.first().map_or(0, |piece| piece.at);
        self.given_up |= first > self.ready.len() && self.held.len() > self.max_held;
    }

    /// Puts a piece before the one at `index`, or at the end of the piece before that where it joins on.
    fn insert(&mut self, index: usize, at: usize, bytes: &[u8]) {
        if let Some(before) = index.checked_sub(1).and_then(|index| self.held.get_mut(index))
            && before.end() == at
        {
            before.bytes.extend_from_slice(bytes);
            return;
        }
        self.held.insert(index, Piece { at, bytes: bytes.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: TcpFlags = TcpFlags(0);
    const SYN: TcpFlags = TcpFlags(TcpFlags::SYN);
    const FIN: TcpFlags = TcpFlags(TcpFlags::FIN);

    #[test]
    fn nothing_is_allocated_before_the_first_payload() {
        let mut stream = Stream::new(100);
        stream.feed(7, SYN, b"");
        stream.feed(8, TcpFlags(TcpFlags::ACK), b"");
        assert_eq!((stream.ready.capacity(), stream.held.capacity()), (0, 0));
    }

    #[test]
    fn segments_that_meet_in_the_waiting_room_are_one_piece() {
        let mut stream = Stream::new(100).holding(1);
        stream.feed(0, SYN, b"");
        for (seq, payload) in [(4, b"d"), (5, b"e"), (6, b"f")] {
            stream.feed(seq, NONE, payload);
        }
        assert_eq!((stream.held.len(), stream.is_over()), (1, false));
        stream.feed(8, NONE, b"h");
        assert!(stream.is_over());
    }

    #[test]
    fn a_fin_that_came_early_waits_for_what_is_missing() {
        let mut stream = Stream::new(100);
        stream.feed(u32::MAX, SYN, b"");
        stream.feed(2, FIN, b"c");
        assert!(!stream.is_over());
        stream.feed(0, NONE, b"ab");
        assert_eq!((stream.ready(), stream.is_over()), (&b"abc"[..], true));
    }
}
