//! Where one direction of a connection stands, and what its next segment is in the light of that.

use crate::flow::tcp::{TcpSegment, TcpVerdict};
use crate::time::Timestamp;

/// Where one direction stands: half a line of memory.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(super) struct Track {
    /// When the segment with the highest sequence number came.
    next_stamp: Timestamp,
    /// When the last segment came.
    last_stamp: Timestamp,
    /// With [`KNOWN`], the initial sequence number; where SYN was not seen, one before the first.
    first: u32,
    /// With [`SEEN`], the sequence number after the highest one.
    next: u32,
    /// With [`ACKNOWLEDGES`], the last acknowledgement number.
    ack: u32,
    /// With [`SEEN`], the window of the last segment.
    window: u16,
    /// How often the last acknowledgement was repeated; no rule tells more than two apart.
    repeats: u8,
    /// What is known: a set of bits.
    marks: u8,
}

impl Track {
    /// Takes in a segment that goes on where its sender stands, in a connection that is under way, if there is nothing to
    /// be said of it; whether it is one. It does what [`Track::judge`] and [`Track::take_in`] do, with one look at each
    /// number.
    #[inline(always)]
    pub(super) fn take_in_usual(&mut self, theirs: &Self, segment: &TcpSegment) -> bool {
        let under_way = self.marks & (UNDER_WAY | AWAITS_ANSWER) == UNDER_WAY && theirs.marks & UNDER_WAY == UNDER_WAY;
        let windows_are_open = segment.window != 0 && theirs.window != 0;
        if !under_way || !windows_are_open || !segment.is_plain_ack() || segment.seq != self.next {
            return false;
        }
        if segment.len > 0 {
            let end = segment.seq.wrapping_add(segment.len);
            if !precedes(theirs.ack, end) || !precedes(segment.seq, end) {
                return false;
            }
            self.next = end;
            self.next_stamp = segment.stamp;
            self.marks &= !(NEXT_IS_BARE | KEEPS_ALIVE);
        } else if self.ack == segment.ack && self.window == segment.window {
            return false;
        } else {
            self.marks &= !KEEPS_ALIVE;
        }
        if self.ack != segment.ack {
            self.ack = segment.ack;
            self.repeats = 0;
        }
        self.window = segment.window;
        self.last_stamp = segment.stamp;
        true
    }

    /// What is to be said of a segment, before it is taken in.
    pub(super) fn judge(&self, theirs: &Self, segment: &TcpSegment, round_trip_ns: u64) -> TcpVerdict {
        let mut verdict = TcpVerdict::NONE;
        let in_sequence = self.is(SEEN) && self.next == segment.seq;
        if segment.len == 1 && in_sequence && theirs.is(SEEN) && theirs.window == 0 {
            verdict.insert(TcpVerdict::ZERO_WINDOW_PROBE);
        } else if segment.is_amid() {
            if segment.window == 0 {
                verdict.insert(TcpVerdict::ZERO_WINDOW);
            }
            if segment.len <= 1 && self.is(SEEN) && self.next == segment.seq.wrapping_add(1) {
                verdict.insert(TcpVerdict::KEEP_ALIVE);
            }
            let answers_keep_alive = theirs.is(KEEPS_ALIVE);
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
    fn judge_content(&self, theirs: &Self, segment: &TcpSegment, round_trip_ns: u64) -> TcpVerdict {
        let data_end = segment.seq.wrapping_add(segment.len);
        if segment.len > 0 && theirs.is(ACKNOWLEDGES) && !precedes(theirs.ack, data_end) {
            return TcpVerdict::RETRANSMITTED;
        }
        if !self.is(SEEN) || !precedes(segment.seq, self.next) {
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
        if within(self.next_stamp, segment.stamp, threshold) && (segment.end() != self.next || self.is(NEXT_IS_BARE)) {
            return TcpVerdict::OUT_OF_ORDER;
        }
        TcpVerdict::RETRANSMITTED
    }

    /// Whether a segment says nothing that the last one of its sender did not say.
    fn repeated_by(&self, segment: &TcpSegment) -> bool {
        let acknowledges = segment.is_ack() && self.is(ACKNOWLEDGES) && self.ack == segment.ack;
        acknowledges && segment.window != 0 && self.window == segment.window
    }

    /// Takes in a segment of which this is said.
    pub(super) fn take_in(&mut self, segment: &TcpSegment, verdict: TcpVerdict) {
        self.begins_at(if segment.is_syn() { segment.seq } else { segment.seq.wrapping_sub(1) });
        if segment.is_ack() {
            if !self.is(ACKNOWLEDGES) || self.ack != segment.ack {
                self.repeats = 0;
            } else if verdict.contains(TcpVerdict::DUPLICATE_ACK) {
                self.repeats = self.repeats.saturating_add(1);
            }
            self.ack = segment.ack;
            self.mark(ACKNOWLEDGES, true);
        }
        let end = segment.end();
        let advances = !self.is(SEEN) || precedes(self.next, end);
        if advances && !verdict.contains(TcpVerdict::ZERO_WINDOW_PROBE) {
            self.mark(NEXT_IS_BARE, !segment.has_content());
            self.next = end;
            self.next_stamp = segment.stamp;
        }
        self.mark(SEEN, true);
        self.mark(KEEPS_ALIVE, verdict.contains(TcpVerdict::KEEP_ALIVE));
        self.window = segment.window;
        self.last_stamp = segment.stamp;
    }

    /// The initial sequence number, unless it is known.
    pub(super) fn begins_at(&mut self, first: u32) {
        if !self.is(KNOWN) {
            self.mark(KNOWN, true);
            self.first = first;
        }
    }

    /// The initial sequence number, if it is known.
    pub(super) fn first(&self) -> Option<u32> {
        self.is(KNOWN).then_some(self.first)
    }

    /// Whether this side sent the last SYN without ACK, and not yet the ACK that ends the handshake.
    pub(super) fn awaits_answer(&self) -> bool {
        self.is(AWAITS_ANSWER)
    }

    pub(super) fn await_answer(&mut self, on: bool) {
        self.mark(AWAITS_ANSWER, on);
    }

    fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    fn mark(&mut self, mark: u8, on: bool) {
        self.marks = if on { self.marks | mark } else { self.marks & !mark };
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
            marks: 0,
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
/// The other direction, at least, told where this one began.
const KNOWN: u8 = 1;
/// There was a segment.
const SEEN: u8 = 2;
/// There was one with ACK.
const ACKNOWLEDGES: u8 = 4;
/// The segment with the highest sequence number had neither data nor SYN nor FIN.
const NEXT_IS_BARE: u8 = 8;
/// The last segment was a keep-alive.
const KEEPS_ALIVE: u8 = 16;
/// The last SYN without ACK came from here, and the ACK that ends the handshake did not come yet.
const AWAITS_ANSWER: u8 = 32;
const UNDER_WAY: u8 = KNOWN | SEEN | ACKNOWLEDGES;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACK: u8 = 0x10;

    /// Numbers close together, so that what is rare comes often.
    fn segments() -> impl Strategy<Value = Vec<(bool, TcpSegment)>> {
        let flags = prop_oneof![8 => Just(ACK), 1 => Just(0x02), 1 => Just(0x12), 1 => Just(0x11), 1 => any::<u8>()];
        let near = || prop_oneof![6 => 0u32..6, 1 => Just(u32::MAX), 1 => any::<u32>()];
        let window = prop_oneof![4 => Just(9), 1 => 0u16..3];
        let numbers = (near(), near(), prop_oneof![6 => 0u32..3, 1 => any::<u32>()], window, flags, 0i64..9_000_000);
        let segment = (any::<bool>(), numbers).prop_map(|(turned, (seq, ack, len, window, flags, stamp))| {
            let stamp = Timestamp::from_nanos(stamp);
            (turned, TcpSegment { stamp, seq, ack, len, window, flags, mss: None, window_scale: None })
        });
        prop::collection::vec(segment, 0..60)
    }

    proptest! {
        /// The short way does what the long one does, from wherever a connection stands.
        #[test]
        fn a_usual_segment_is_taken_in_as_any_other(segments in segments()) {
            let mut tracks = [Track::default(); 2];
            for (turned, mut segment) in segments {
                let theirs = tracks[usize::from(!turned)];
                let mine = &mut tracks[usize::from(turned)];
                // Most begin where their sender stands.
                segment.seq = if segment.seq < 5 { mine.next } else { segment.seq };
                let mut short = *mine;
                let usual = short.take_in_usual(&theirs, &segment);
                let verdict = mine.judge(&theirs, &segment, 0);
                let known_before = theirs.is(KNOWN);
                let before = *mine;
                mine.take_in(&segment, verdict);
                if usual {
                    prop_assert_eq!(verdict, TcpVerdict::NONE);
                    prop_assert_eq!(short, *mine);
                    prop_assert!(known_before && segment.is_plain_ack());
                } else {
                    prop_assert_eq!(short, before);
                }
                if segment.is_ack() {
                    tracks[usize::from(!turned)].begins_at(segment.ack.wrapping_sub(1));
                }
            }
        }
    }

    #[test]
    fn data_in_sequence_is_usual() {
        let mine = Track { next: 5, ack: 3, window: 9, marks: UNDER_WAY, ..Track::default() };
        let stamp = Timestamp::from_nanos(0);
        let data = TcpSegment { stamp, seq: 5, ack: 3, len: 1, window: 9, flags: ACK, mss: None, window_scale: None };
        let usual = |segment| Track::take_in_usual(&mut { mine }, &Track { ack: 5, ..mine }, &segment);
        assert!(usual(data) && usual(TcpSegment { len: 0, ack: 4, ..data }));
        assert!(!usual(TcpSegment { len: 0, ..data }), "a duplicate");
        assert!(!usual(TcpSegment { seq: 4, ..data }), "sent again");
        assert!(!usual(TcpSegment { window: 0, ..data }), "the window is shut");
    }

    #[test]
    fn both_directions_fit_in_a_line_of_memory() {
        assert_eq!(size_of::<[Track; 2]>(), 64);
    }
}
