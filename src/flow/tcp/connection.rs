//! One connection: where each direction stands, and what a segment is in the light of that.

use crate::flow::Direction;
use crate::flow::tcp::track::Track;
use crate::flow::tcp::{TcpEndState, TcpSegment, TcpVerdict};
use crate::time::Timestamp;

/// The state of a connection: first what every segment touches, which is a line of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub(super) struct Connection {
    tracks: [Track; 2],
    /// When the last SYN without ACK came, if the track of its sender says that its answer is awaited.
    syn_stamp: Timestamp,
    /// From the last SYN to the ACK that ended the handshake; 0 where that was not seen.
    round_trip_ns: u64,
    end: TcpEndState,
    /// FIN with ACK, or RST, was seen: the next SYN begins another connection.
    over: bool,
}

impl Connection {
    /// Takes in a segment of which there is nothing to be said and which changes nothing but numbers, as most are; whether
    /// this is one. Of any other it takes in nothing.
    #[inline(always)]
    pub(super) fn observe_usual(&mut self, direction: Direction, segment: &TcpSegment) -> bool {
        let (mine, theirs) = self.sides(direction);
        mine.take_in_usual(theirs, segment)
    }

    /// Takes in a segment; what is to be said of it.
    pub(super) fn observe(&mut self, direction: Direction, segment: &TcpSegment) -> TcpVerdict {
        if segment.is_syn() && !segment.is_ack() {
            self.begin(direction, segment);
        }
        let round_trip_ns = self.round_trip_ns;
        let (mine, theirs) = self.sides(direction);
        let verdict = mine.judge(theirs, segment, round_trip_ns);
        mine.take_in(segment, verdict);
        if segment.is_ack() {
            theirs.begins_at(segment.ack.wrapping_sub(1));
        }
        self.end_handshake(direction, segment);
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
    pub(super) fn round_trip_ns(&self) -> u64 {
        self.round_trip_ns
    }

    pub(super) fn end_state(&self) -> TcpEndState {
        self.end
    }

    /// What every segment touches.
    pub(super) fn tracks(&self) -> &[Track; 2] {
        &self.tracks
    }

    /// The sender's track and the receiver's.
    #[inline(always)]
    fn sides(&mut self, direction: Direction) -> (&mut Track, &mut Track) {
        let [there, back] = &mut self.tracks;
        if direction == Direction::SrcToDst { (there, back) } else { (back, there) }
    }

    /// A SYN: of another connection, whatever was before is forgotten; else it was sent again.
    #[cold]
    fn begin(&mut self, direction: Direction, syn: &TcpSegment) {
        if self.tracks[direction as usize].first().is_some_and(|first| self.over || first != syn.seq) {
            *self = Self::default();
        }
        if self.round_trip_ns == 0 {
            self.syn_stamp = syn.stamp;
            let (mine, theirs) = self.sides(direction);
            mine.await_answer(true);
            theirs.await_answer(false);
        }
    }

    fn end_handshake(&mut self, direction: Direction, segment: &TcpSegment) {
        let mine = &mut self.tracks[direction as usize];
        if mine.awaits_answer() && segment.is_ack() && !segment.is_syn() && !segment.is_rst() {
            mine.await_answer(false);
            let gap = segment.stamp.nanos_after(self.syn_stamp);
            self.round_trip_ns = gap.and_then(|ns| u64::try_from(ns).ok()).unwrap_or(0);
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
