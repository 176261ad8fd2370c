//! One connection: where each direction stands, and what a segment is in the light of that.

use crate::flow::Direction;
use crate::flow::tcp::{TcpEndState, TcpSegment, TcpVerdict};
use crate::time::Timestamp;

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub(super) struct Connection {
    tracks: [Track; 2],
    /// The last SYN without ACK: when, and from where.
    syn: Option<(Timestamp, Direction)>,
    /// From the last SYN to the ACK that ended the handshake; 0 where that was not seen.
    round_trip_ns: u64,
    end: TcpEndState,
    /// FIN with ACK, or RST, was seen: the next SYN begins another connection.
    over: bool,
}

/// Where one direction stands.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Track {
    /// When the segment with the highest sequence number came.
    next_stamp: Timestamp,
    /// When the last segment came.
    last_stamp: Timestamp,
    /// With `known`, the initial sequence number; where SYN was not seen, one before the first.
    first: u32,
    /// With `seen`, the sequence number after the highest one.
    next: u32,
    /// With `acknowledges`, the last acknowledgement number.
    ack: u32,
    /// With `seen`, the window of the last segment.
    window: u16,
    /// How often the last acknowledgement was repeated.
    repeats: u16,
    /// Whether the other direction, at least, told where this one began.
    known: bool,
    /// Whether there was a segment.
    seen: bool,
    /// Whether there was one with ACK.
    acknowledges: bool,
    /// Whether the segment with the highest sequence number had neither data nor SYN nor FIN.
    next_is_bare: bool,
    /// What was said of the last segment.
    verdict: TcpVerdict,
}

impl Connection {
    /// Takes in a segment; what is to be said of it.
    #[inline]
    pub(super) fn observe(&mut self, direction: Direction, segment: &TcpSegment) -> TcpVerdict {
        if segment.is_syn() && !segment.is_ack() {
            self.begin(direction, segment);
        }
        let [there, back] = &mut self.tracks;
        let (mine, theirs) = if direction == Direction::SrcToDst { (there, back) } else { (back, there) };
        let verdict = mine.judge(theirs, segment, self.round_trip_ns);
        mine.take_in(segment, verdict);
        if !theirs.known && segment.is_ack() {
            theirs.begins_at(segment.ack.wrapping_sub(1));
        }
        if self.syn.is_some() {
            self.end_handshake(direction, segment);
        }
        if segment.is_fin() || segment.is_rst() {
            self.approach_end(direction, segment);
        }
        verdict
    }

    /// Takes over how `next`, which went on without knowing of this one, ended.
    pub(super) fn merge(&mut self, next: &Self, turned: bool) {
        let end = if turned { next.end.turned() } else { next.end };
        self.end = match (self.end, end) {
            (before @ (TcpEndState::Fin | TcpEndState::RstOf(_)), _) | (before, TcpEndState::Open) => before,
            (TcpEndState::FinOf(one), TcpEndState::FinOf(other)) if one != other => TcpEndState::Fin,
            (_, end) => end,
        };
    }

    /// From the last SYN to the ACK that ended the handshake, in nanoseconds; 0 where that was not seen.
    #[inline]
    pub(super) fn round_trip_ns(&self) -> u64 {
        self.round_trip_ns
    }

    pub(super) fn end_state(&self) -> TcpEndState {
        self.end
    }

    /// A SYN: of another connection, whatever was before is forgotten; else it was sent again.
    #[cold]
    fn begin(&mut self, direction: Direction, syn: &TcpSegment) {
        let Track { known, first, .. } = self.tracks[direction as usize];
        if known && (self.over || first != syn.seq) {
            *self = Self::default();
        }
        if self.round_trip_ns == 0 {
            self.syn = Some((syn.stamp, direction));
        }
    }

    #[cold]
    fn end_handshake(&mut self, direction: Direction, segment: &TcpSegment) {
        if let Some((stamp, from)) = self.syn
            && from == direction
            && segment.is_ack()
            && !segment.is_syn()
            && !segment.is_rst()
        {
            self.round_trip_ns = segment.stamp.nanos_after(stamp).and_then(|ns| u64::try_from(ns).ok()).unwrap_or(0);
            self.syn = None;
        }
    }

    #[cold]
    fn approach_end(&mut self, direction: Direction, segment: &TcpSegment) {
        self.over |= segment.is_rst() || segment.is_ack();
        let other = direction.turned();
        self.end = match self.end {
            TcpEndState::Fin | TcpEndState::RstOf(_) => return,
            _ if segment.is_rst() => TcpEndState::RstOf(direction),
            TcpEndState::FinOf(from) if from == other => TcpEndState::Fin,
            TcpEndState::Open | TcpEndState::FinOf(_) => TcpEndState::FinOf(direction),
        };
    }
}

impl Track {
    #[inline]
    fn judge(&self, theirs: &Self, segment: &TcpSegment, round_trip_ns: u64) -> TcpVerdict {
        let mut verdict = TcpVerdict::NONE;
        let in_sequence = self.seen && self.next == segment.seq;
        if segment.len == 1 && in_sequence && theirs.seen && theirs.window == 0 {
            verdict.insert(TcpVerdict::ZERO_WINDOW_PROBE);
        } else if segment.is_amid() {
            if segment.window == 0 {
                verdict.insert(TcpVerdict::ZERO_WINDOW);
            }
            if segment.len <= 1 && self.seen && self.next == segment.seq.wrapping_add(1) {
                verdict.insert(TcpVerdict::KEEP_ALIVE);
            }
            let answers_keep_alive = theirs.verdict.contains(TcpVerdict::KEEP_ALIVE);
            if segment.len == 0 && in_sequence && self.repeated_by(segment) && !answers_keep_alive {
                verdict.insert(TcpVerdict::DUPLICATE_ACK);
            }
        }
        if segment.has_content() && !verdict.contains(TcpVerdict::KEEP_ALIVE) {
            verdict.insert(self.judge_content(theirs, segment, round_trip_ns));
        }
        verdict
    }

    /// Whether data, SYN or FIN is new, sent again or late.
    #[inline]
    fn judge_content(&self, theirs: &Self, segment: &TcpSegment, round_trip_ns: u64) -> TcpVerdict {
        let data_end = segment.seq.wrapping_add(segment.len);
        if segment.len > 0 && theirs.acknowledges && !precedes(theirs.ack, data_end) {
            return TcpVerdict::RETRANSMITTED;
        }
        if !self.seen || !precedes(segment.seq, self.next) {
            return TcpVerdict::NONE;
        }
        if segment.len > 1 && segment.seq == self.next.wrapping_sub(1) {
            return TcpVerdict::NONE;
        }
        let asked_for = theirs.repeats >= 2 && theirs.ack == segment.seq;
        if asked_for && within(theirs.last_stamp, segment.stamp, FAST_NS) {
            return TcpVerdict::RETRANSMITTED;
        }
        let threshold = if round_trip_ns == 0 { DISORDER_NS } else { round_trip_ns };
        if within(self.next_stamp, segment.stamp, threshold) && (segment.end() != self.next || self.next_is_bare) {
            return TcpVerdict::OUT_OF_ORDER;
        }
        TcpVerdict::RETRANSMITTED
    }

    /// Whether a segment says nothing that the last one of its sender did not say.
    #[inline]
    fn repeated_by(&self, segment: &TcpSegment) -> bool {
        let acknowledges = segment.is_ack() && self.acknowledges && self.ack == segment.ack;
        acknowledges && segment.window != 0 && self.window == segment.window
    }

    #[inline]
    fn take_in(&mut self, segment: &TcpSegment, verdict: TcpVerdict) {
        if !self.known {
            self.begins_at(if segment.is_syn() { segment.seq } else { segment.seq.wrapping_sub(1) });
        }
        if segment.is_ack() {
            if !self.acknowledges || self.ack != segment.ack {
                self.repeats = 0;
            } else if verdict.contains(TcpVerdict::DUPLICATE_ACK) {
                self.repeats = self.repeats.saturating_add(1);
            }
            self.ack = segment.ack;
            self.acknowledges = true;
        }
        let end = segment.end();
        let advances = !self.seen || precedes(self.next, end);
        if advances && !verdict.contains(TcpVerdict::ZERO_WINDOW_PROBE) {
            self.next_is_bare = !segment.has_content();
            self.next = end;
            self.next_stamp = segment.stamp;
        }
        self.seen = true;
        self.window = segment.window;
        self.last_stamp = segment.stamp;
        self.verdict = verdict;
    }

    #[cold]
    fn begins_at(&mut self, first: u32) {
        self.known = true;
        self.first = first;
    }
}

impl Default for Track {
    fn default() -> Self {
        Self {
            next_stamp: Timestamp::MIN,
            last_stamp: Timestamp::MIN,
            first: 0,
            next: 0,
            ack: 0,
            window: 0,
            repeats: 0,
            known: false,
            seen: false,
            acknowledges: false,
            next_is_bare: false,
            verdict: TcpVerdict::NONE,
        }
    }
}

impl TcpEndState {
    /// The same seen from the other end.
    fn turned(self) -> Self {
        match self {
            Self::FinOf(direction) => Self::FinOf(direction.turned()),
            Self::RstOf(direction) => Self::RstOf(direction.turned()),
            Self::Open | Self::Fin => self,
        }
    }
}

/// Whether `one` lies before `other` in sequence, modulo 2^32.
#[inline]
const fn precedes(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

/// Whether `stamp` lies less than `ns` after `earlier`, and not before it.
#[inline]
fn within(earlier: Timestamp, stamp: Timestamp, ns: u64) -> bool {
    stamp.nanos_after(earlier).and_then(|gap| u64::try_from(gap).ok()).is_some_and(|gap| gap < ns)
}

/// How soon after the last duplicate ACK a segment was sent because of it.
const FAST_NS: u64 = 20_000_000;
/// How late a segment may come and still be only out of order, where no handshake tells the round trip.
const DISORDER_NS: u64 = 3_000_000;
