//! What the TCP segments of a flow say of its connection: repeats, disorder, shut windows, the handshake and the end.
//!
//! Segments go in one by one, in the order of the capture, as plain numbers ([`TcpSegment`]); each gets a [`TcpVerdict`],
//! and verdicts are counted by direction. The words are those of Wireshark 4.0's sequence analysis (`tcp.analysis`), so
//! that the two can be compared; the rules, written down here, need the highest sequence number and the last
//! acknowledgement of each direction, and no list of segments. A segment is *old* when it has data, SYN or FIN and begins
//! before the highest sequence number that its sender has used so far. In this order:
//!
//! | verdict | when |
//! | --- | --- |
//! | zero window probe | one byte, next in sequence, while the receiver's window is shut; it uses up no sequence number |
//! | zero window | the window is 0, and none of SYN, FIN, RST is set |
//! | keep-alive | at most one byte, one before the next in sequence, none of SYN, FIN, RST; it is never a repeat |
//! | duplicate ACK | no data, next in sequence, acknowledgement and window (not 0) as in its sender's last segment, none of SYN, FIN, RST; not where it answers a keep-alive |
//! | retransmitted | all of its data was acknowledged before (*spurious*) |
//! | retransmitted | old, and begins where its receiver asked twice or more by duplicate ACKs, the last within 20 ms (*fast*) |
//! | out of order | old, and less than a handshake's round trip (3 ms where none was seen) after the segment with the highest sequence number, unless it ends exactly there and that one had data, SYN or FIN |
//! | retransmitted | any other old one, but for two bytes or more that begin where a probe was |
//!
//! A SYN with another initial sequence number, or after FIN or RST, begins another connection: everything before it is
//! forgotten, as Wireshark begins another stream. Fragments, and segments whose header was not captured, are passed over.
//! Sequence numbers are compared modulo 2^32 (RFC 9293 §3.4).
//! Options are read in a SYN only, so an acknowledgement that is repeated to carry one of Multipath TCP's is a duplicate as
//! well; of a connection that began as one of those, Wireshark leaves out the duplicate that follows it.

mod connection;
mod segment;
mod track;
mod verdict;

pub use segment::TcpSegment;
pub use verdict::{TcpCounts, TcpVerdict};

use crate::flow::Direction;
use crate::time::Timestamp;

use connection::Connection;

/// The analysis of the TCP segments of one flow: counts of this record, and the connection as it is so far.
///
/// In this order, what every segment touches lies side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct TcpAnalysis {
    connection: Connection,
    /// Of the first handshake; 0 where none was seen.
    handshake_rtt_ns: u64,
    counts: [TcpCounts; 2],
    offers: [Option<TcpOffer>; 2],
}

/// What one end says of itself in its SYN or SYN-ACK.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpOffer {
    /// The window field, which is never scaled there (IPFIX `tcpWindowSize`), in bytes.
    pub window: u16,
    /// The maximum segment size it takes (RFC 9293 §3.7.1), in bytes; `None` without the option.
    pub mss: Option<u16>,
    /// By how many bits its later windows are to be shifted (RFC 7323, IPFIX `tcpWindowScale`); `None` without the option.
    pub window_scale: Option<u8>,
}

/// How far a connection is on its way to its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TcpEndState {
    /// Neither FIN nor RST.
    #[default]
    Open,
    /// FIN from this side only: half closed.
    FinOf(Direction),
    /// FIN from both sides.
    Fin,
    /// RST from this side, before both had sent FIN.
    RstOf(Direction),
}

impl TcpAnalysis {
    /// The analysis of no segments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next segment of the capture; what is to be said of it.
    pub fn observe(&mut self, direction: Direction, segment: &TcpSegment) -> TcpVerdict {
        if self.connection.observe_usual(direction, segment) {
            return TcpVerdict::NONE;
        }
        let verdict = self.connection.observe(direction, segment);
        self.counts[direction as usize].count(verdict);
        if segment.is_syn() {
            self.offers[direction as usize].get_or_insert(segment.offer());
        }
        if self.handshake_rtt_ns == 0 {
            self.handshake_rtt_ns = self.connection.round_trip_ns();
        }
        verdict
    }

    /// Takes in the next segment of the capture, `len` bytes of data behind the header that `bytes` begin with; nothing
    /// where that is cut.
    #[inline(always)]
    pub(crate) fn observe_header(&mut self, direction: Direction, bytes: &[u8], len: u32, stamp: Timestamp) {
        let usual = TcpSegment::read_numbers(bytes, len, stamp)
            .is_some_and(|segment| self.connection.observe_usual(direction, &segment));
        if !usual {
            self.observe_unusual(direction, bytes, len, stamp);
        }
    }

    /// Apart, and read anew, so that the usual segment never leaves the registers.
    #[inline(never)]
    fn observe_unusual(&mut self, direction: Direction, bytes: &[u8], len: u32, stamp: Timestamp) {
        if let Some(segment) = TcpSegment::read(bytes, len, stamp) {
            self.observe(direction, &segment);
        }
    }

    /// Takes in the analysis of the flow's next piece; `turned` if its directions are to be turned around.
    ///
    /// Counts add up, the handshake is the first that is known, and so is the end. It is not bit for bit what the
    /// whole would have given: the first segments of a piece are judged without what came before.
    pub fn merge(&mut self, next: &Self, turned: bool) {
        for direction in 0..2 {
            let other = if turned { 1 - direction } else { direction };
            self.counts[direction] = self.counts[direction].plus(next.counts[other]);
            self.offers[direction] = self.offers[direction].or(next.offers[other]);
        }
        if self.handshake_rtt_ns == 0 {
            self.handshake_rtt_ns = next.handshake_rtt_ns;
        }
        self.connection.merge(&next.connection, turned);
    }

    /// What is counted of one direction in this record.
    pub fn counts(&self, direction: Direction) -> TcpCounts {
        self.counts[direction as usize]
    }

    /// What is counted of both directions in this record.
    pub fn total(&self) -> TcpCounts {
        self.counts[0].plus(self.counts[1])
    }

    /// Nanoseconds from the last SYN to the first ACK of the same sender that is neither SYN nor RST: the whole handshake
    /// of three segments (Wireshark's `tcp.analysis.initial_rtt`). Of the flow's first handshake; `None` without one, and
    /// where stamps stand still or go back.
    pub fn handshake_rtt_ns(&self) -> Option<u64> {
        Some(self.handshake_rtt_ns).filter(|ns| *ns > 0)
    }

    /// What the sender of this direction said of itself in its first SYN or SYN-ACK; `None` when none was seen.
    pub fn offer(&self, direction: Direction) -> Option<TcpOffer> {
        self.offers[direction as usize]
    }

    /// How the flow's last connection ended, or how far it is.
    pub fn end_state(&self) -> TcpEndState {
        self.connection.end_state()
    }

    /// The part that every segment touches.
    #[inline]
    pub(crate) fn wanted(&self) -> &impl Sized {
        self.connection.tracks()
    }

    /// The same with nothing counted: what the next segment of a flow that is cut begins with.
    pub(crate) fn emptied(&self) -> Self {
        Self { counts: [TcpCounts::default(); 2], ..*self }
    }
}

impl TcpEndState {
    /// The word for it: `open`, `fin_src_to_dst`, `fin_dst_to_src`, `fin`, `rst_src_to_dst` or `rst_dst_to_src`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::FinOf(Direction::SrcToDst) => "fin_src_to_dst",
            Self::FinOf(Direction::DstToSrc) => "fin_dst_to_src",
            Self::Fin => "fin",
            Self::RstOf(Direction::SrcToDst) => "rst_src_to_dst",
            Self::RstOf(Direction::DstToSrc) => "rst_dst_to_src",
        }
    }
}
