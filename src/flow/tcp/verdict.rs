//! What is said of one segment, and how often it was said.

/// What is to be said of a segment: a set of bits, as [the rules](crate::flow::tcp) have it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpVerdict(u8);

/// How many segments got which verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpCounts {
    /// Segments that were sent again: Wireshark's retransmissions, fast and spurious ones included.
    pub retransmitted: u64,
    /// Segments that came late because something on the way put them out of order.
    pub out_of_order: u64,
    /// Acknowledgements that repeat the one before.
    pub duplicate_ack: u64,
    /// Segments that say that their sender takes no more data for now.
    pub zero_window: u64,
}

impl TcpVerdict {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// Sent again.
    pub const RETRANSMITTED: Self = Self(1);
    /// Late.
    pub const OUT_OF_ORDER: Self = Self(2);
    /// An acknowledgement again.
    pub const DUPLICATE_ACK: Self = Self(4);
    /// The sender's window is shut.
    pub const ZERO_WINDOW: Self = Self(8);
    /// Asks whether the other end is still there.
    pub const KEEP_ALIVE: Self = Self(16);
    /// Asks whether the other end's window is still shut.
    pub const ZERO_WINDOW_PROBE: Self = Self(32);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds the bits of `other`.
    #[inline]
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl TcpCounts {
    /// Counts one segment.
    #[inline]
    pub fn count(&mut self, verdict: TcpVerdict) {
        if verdict == TcpVerdict::NONE {
            return;
        }
        self.retransmitted += u64::from(verdict.contains(TcpVerdict::RETRANSMITTED));
        self.out_of_order += u64::from(verdict.contains(TcpVerdict::OUT_OF_ORDER));
        self.duplicate_ack += u64::from(verdict.contains(TcpVerdict::DUPLICATE_ACK));
        self.zero_window += u64::from(verdict.contains(TcpVerdict::ZERO_WINDOW));
    }

    /// These and `other` together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            retransmitted: self.retransmitted + other.retransmitted,
            out_of_order: self.out_of_order + other.out_of_order,
            duplicate_ack: self.duplicate_ack + other.duplicate_ack,
            zero_window: self.zero_window + other.zero_window,
        }
    }
}
