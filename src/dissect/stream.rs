//! The first bytes of one direction of a TCP connection, as its receiver reads them.
//!
//! Segments enter in any order, again and overlapping; the contiguous bytes from the beginning leave, as an [`Assembler`] puts
//! them together. A [`Stream`] holds at most its limit of bytes in order and as many out of order, in a bounded number of
//! pieces, and nothing at all before the first payload.

use crate::dissect::{Assembler, Piece, TcpSegment};
use crate::packet::TcpFlags;

/// The beginning of one direction.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Sequence number of the first byte; `None` until a SYN or a payload was seen.
    start: Option<u32>,
    assembler: Assembler,
    /// The contiguous bytes from the beginning.
    ready: Vec<u8>,
    /// Most bytes that `ready` may have.
    limit: usize,
    max_held: usize,
    /// Segments that began beyond the limit while something was missing.
    strays: usize,
    /// How many bytes there are in all, when a FIN told.
    len: Option<usize>,
    given_up: bool,
}

impl Stream {
    /// Bytes that are put together unless said otherwise.
    pub const DEFAULT_LIMIT: usize = 16 * 1024;
    /// Segments that may wait for what is missing before them, unless said otherwise.
    pub const DEFAULT_HELD: usize = 64;

    /// A direction of which at most `limit_bytes` (at most 2^30) are of interest.
    pub fn new(limit_bytes: usize) -> Self {
        let limit = limit_bytes.min(1 << 30);
        Self {
            start: None,
            assembler: Assembler::new(limit, Self::DEFAULT_HELD),
            ready: Vec::new(),
            limit,
            max_held: Self::DEFAULT_HELD,
            strays: 0,
            len: None,
            given_up: false,
        }
    }

    /// The same, where up to `segments` may wait for what is missing before them.
    #[must_use]
    pub fn holding(mut self, segments: usize) -> Self {
        self.max_held = segments;
        self.assembler = Assembler::new(self.limit, segments);
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
        if flags.syn() && self.ready.is_empty() && !self.assembler.is_waiting() {
            // A later SYN opens another connection, as long as this one said nothing.
            self.start = Some(seq);
            self.assembler = Assembler::new(self.limit, self.max_held);
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
                self.take(start, 0, &payload[before..]);
            }
            return;
        }
        let offset = offset.unsigned_abs() as usize;
        if flags.fin() && self.len.is_none() {
            self.len = Some(offset + payload.len());
        }
        self.take(start, offset, payload);
    }

    /// Whether `payload` is what [`Stream::ready`] would be after this segment, and more may follow.
    pub(super) fn begins_with(&self, seq: u32, flags: TcpFlags, payload: &[u8]) -> bool {
        let fresh = self.ready.is_empty() && !self.assembler.is_waiting() && self.len.is_none() && !self.given_up;
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

    /// Takes `bytes`, the first of which lies `at` bytes behind the byte `start`.
    fn take(&mut self, start: u32, at: usize, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.limit.saturating_sub(at))];
        if at >= self.limit && at > self.ready.len() {
            self.strays += 1;
            self.given_up |= self.strays > MAX_STRAYS;
            return;
        }
        if self.assembler.next().is_none() {
            self.assembler = self.assembler.clone().starting_at(start);
        }
        let (ready, given_up) = (&mut self.ready, &mut self.given_up);
        // No further than the limit, which 32 bits can tell.
        let seq = start.wrapping_add(at as u32);
        let segment = TcpSegment { seq, payload: bytes, ..TcpSegment::default() };
        self.assembler.feed(&segment, &mut |piece| match piece {
            Piece::Bytes(bytes) if !*given_up => ready.extend_from_slice(bytes),
            Piece::Bytes(_) => {}
            Piece::Gap(_) => *given_up = true,
        });
    }
}

/// Segments beyond the limit after which what is missing before it is not waited for.
const MAX_STRAYS: usize = 16;

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
        assert_eq!((stream.ready.capacity(), stream.assembler.weight()), (0, 0));
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
