//! One connection: where each direction stands, and what a segment is in the light of that.

use crate::flow::Direction;
use crate::flow::tcp::{TcpEndState, TcpSegment, TcpVerdict};
use crate::time::Timestamp;

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Connection {
    tracks: [Track; 2],
    /// The last SYN without ACK: when, and from where.
    syn: Option<(Timestamp, Direction)>,
    round_trip_ns: Option<u64>,
    end: TcpEndState,
    /// FIN with ACK, or RST, was seen: the next SYN begins another connection.
    over: bool,
}

/// Where one direction stands.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Track {
    /// When the segment with the highest sequence number came.
    next_stamp: Timestamp,
    /// When the last segment came.
    last_stamp: Timestamp,
    /// The initial sequence number; where SYN was not seen, one before the first.
    first: Option<u32>,
    /// The sequence number after the highest one.
    next: Option<u32>,
    /// The last acknowledgement number.
    ack: Option<u32>,
    /// The window of the last segment.
    window: Option<u16>,
    /// How often the last acknowledgement was repeated.
    repeats: u16,
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
        let [mut mine, theirs] = self.seen_from(direction);
        let verdict = self.judge(&mine, &theirs, segment);
        mine.take_in(segment, verdict);
        self.tracks[direction as usize] = mine;
        if let Some(ack) = segment.is_ack().then_some(segment.ack) {
            self.tracks[direction.turned() as usize].first.get_or_insert(ack.wrapping_sub(1));
        }
        if self.round_trip_ns.is_none() {
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

    /// From the last SYN to the ACK that ended the handshake, in nanoseconds.
    #[inline]
    pub(super) fn round_trip_ns(&self) -> Option<u64> {
        self.round_trip_ns
    }

    pub(super) fn end_state(&self) -> TcpEndState {
        self.end
    }

    /// A SYN: of another connection, whatever was before is forgotten; else it was sent again.
    #[cold]
    fn begin(&mut self, direction: Direction, syn: &TcpSegment) {
        let first = self.tracks[direction as usize].first;
        if first.is_some_and(|first| self.over || first != syn.seq) {
            *self = Self::default();
        }
        self.syn = Some((syn.stamp, direction));
    }

    #[inline]
    fn judge(&self, mine: &Track, theirs: &Track, segment: &TcpSegment) -> TcpVerdict {
        let mut verdict = TcpVerdict::NONE;
        let in_sequence = mine.next == Some(segment.seq);
        if segment.len == 1 && in_sequence && theirs.window == Some(0) {
            verdict.insert(TcpVerdict::ZERO_WINDOW_PROBE);
        } else if segment.is_amid() {
            if segment.window == 0 {
                verdict.insert(TcpVerdict::ZERO_WINDOW);
            }
            let one_before = mine.next == Some(segment.seq.wrapping_add(1));
            if segment.len <= 1 && one_before {
                verdict.insert(TcpVerdict::KEEP_ALIVE);
            }
            let answers_keep_alive = theirs.verdict.contains(TcpVerdict::KEEP_ALIVE);
            if segment.len == 0 && in_sequence && mine.repeated_by(segment) && !answers_keep_alive {
                verdict.insert(TcpVerdict::DUPLICATE_ACK);
            }
        }
        if segment.has_content() && !verdict.contains(TcpVerdict::KEEP_ALIVE) {
            verdict.insert(self.judge_content(mine, theirs, segment));
        }
        verdict
    }

    /// Whether data, SYN or FIN is new, sent again or late.
    #[inline]
    fn judge_content(&self, mine: &Track, theirs: &Track, segment: &TcpSegment) -> TcpVerdict {
        let data_end = segment.seq.wrapping_add(segment.len);
        if segment.len > 0 && theirs.ack.is_some_and(|ack| !precedes(ack, data_end)) {
            return TcpVerdict::RETRANSMITTED;
        }
        let Some(next) = mine.next.filter(|next| precedes(segment.seq, *next)) else { return TcpVerdict::NONE };
        if segment.len > 1 && segment.seq == next.wrapping_sub(1) {
            return TcpVerdict::NONE;
        }
        let asked_for = theirs.repeats >= 2 && theirs.ack == Some(segment.seq);
        if asked_for && within(theirs.last_stamp, segment.stamp, FAST_NS) {
            return TcpVerdict::RETRANSMITTED;
        }
        let threshold = self.round_trip_ns.filter(|round_trip| *round_trip > 0).unwrap_or(DISORDER_NS);
        if within(mine.next_stamp, segment.stamp, threshold) && (segment.end() != next || mine.next_is_bare) {
            return TcpVerdict::OUT_OF_ORDER;
        }
        TcpVerdict::RETRANSMITTED
    }

    #[inline]
    fn end_handshake(&mut self, direction: Direction, segment: &TcpSegment) {
        if let Some((stamp, from)) = self.syn
            && from == direction
            && segment.is_ack()
            && !segment.is_syn()
            && !segment.is_rst()
        {
            self.round_trip_ns = segment.stamp.nanos_after(stamp).and_then(|ns| u64::try_from(ns).ok());
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

    /// The tracks of this direction and of the other.
    #[inline]
    fn seen_from(&self, direction: Direction) -> [Track; 2] {
        [self.tracks[direction as usize], self.tracks[direction.turned() as usize]]
    }
}

impl Track {
    /// Whether a segment says nothing that the last one of its sender did not say.
    #[inline]
    fn repeated_by(&self, segment: &TcpSegment) -> bool {
        segment.is_ack() && segment.window != 0 && self.window == Some(segment.window) && self.ack == Some(segment.ack)
    }

    #[inline]
    fn take_in(&mut self, segment: &TcpSegment, verdict: TcpVerdict) {
        let end = segment.end();
        if segment.is_ack() {
            if self.ack != Some(segment.ack) {
                self.repeats = 0;
            } else if verdict.contains(TcpVerdict::DUPLICATE_ACK) {
                self.repeats = self.repeats.saturating_add(1);
            }
            self.ack = Some(segment.ack);
        }
        self.first.get_or_insert(if segment.is_syn() { segment.seq } else { segment.seq.wrapping_sub(1) });
        let advances = self.next.is_none_or(|next| precedes(next, end));
        if advances && !verdict.contains(TcpVerdict::ZERO_WINDOW_PROBE) {
            self.next_is_bare = !segment.has_content();
            self.next = Some(end);
            self.next_stamp = segment.stamp;
        }
        self.window = Some(segment.window);
        self.last_stamp = segment.stamp;
        self.verdict = verdict;
    }
}

impl Default for Track {
    fn default() -> Self {
        Self {
            next_stamp: Timestamp::MIN,
            last_stamp: Timestamp::MIN,
            first: None,
            next: None,
            ack: None,
            window: None,
            repeats: 0,
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
