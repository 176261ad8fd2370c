//! Sets of bits: what is special about a packet, and the flags of its TCP header.

/// What could not be told of a packet, or is special about it: a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PacketFlags(pub(crate) u16);

impl PacketFlags {
    /// Ports exist in this protocol but were not captured: they are 0.
    pub const PORTS_UNKNOWN: Self = Self(1);
    /// The length of the payload cannot be told from the captured headers.
    pub const PAYLOAD_UNKNOWN: Self = Self(2);
    /// Fewer bytes were captured than were on the wire.
    pub const CUT: Self = Self(4);
    /// A fragment of an IP packet, the first one included.
    pub const FRAGMENT: Self = Self(8);
    /// A fragment after the first: its ends, protocol, IP version and tunnel are those of the flow that its first was
    /// given, its sizes and offsets are its own, and all of its data counts as payload.
    pub const LATER_FRAGMENT: Self = Self(16);
    /// The tunnel's own key was read ([`PacketInfo::tunnel_key`](crate::packet::PacketInfo::tunnel_key)).
    pub const TUNNEL_KEY: Self = Self(32);
    /// The capture ends before it can be told what a tunnel carries: this is the outer packet.
    pub const INNER_UNKNOWN: Self = Self(64);
    /// Type and code of an ICMP or ICMPv6 message were read
    /// ([`PacketInfo::icmp_type`](crate::packet::PacketInfo::icmp_type) and the code behind it).
    pub const ICMP: Self = Self(128);
    /// The tunnel's own key tells flows apart, with the option
    /// [`tunnel_keys`](crate::packet::DecodeOptions::tunnel_keys); never without [`PacketFlags::TUNNEL_KEY`].
    pub const KEY_IN_FLOW: Self = Self(256);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    #[inline]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    #[inline]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Adds the bits of `other`.
    #[inline]
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes the bits of `other` away.
    #[inline]
    pub fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

/// The flags of a TCP header (RFC 9293 §3.1); all unset for other protocols.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number is valid.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer is valid.
    pub const URG: u8 = 0x20;
    /// ECN echo (RFC 3168).
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced (RFC 3168).
    pub const CWR: u8 = 0x80;

    /// Whether FIN is set.
    #[inline]
    pub const fn fin(self) -> bool {
        self.0 & Self::FIN != 0
    }
    /// Whether SYN is set.
    #[inline]
    pub const fn syn(self) -> bool {
        self.0 & Self::SYN != 0
    }
    /// Whether RST is set.
    #[inline]
    pub const fn rst(self) -> bool {
        self.0 & Self::RST != 0
    }
    /// Whether PSH is set.
    #[inline]
    pub const fn psh(self) -> bool {
        self.0 & Self::PSH != 0
    }
    /// Whether ACK is set.
    #[inline]
    pub const fn ack(self) -> bool {
        self.0 & Self::ACK != 0
    }
    /// Whether URG is set.
    #[inline]
    pub const fn urg(self) -> bool {
        self.0 & Self::URG != 0
    }
    /// Whether ECE is set.
    #[inline]
    pub const fn ece(self) -> bool {
        self.0 & Self::ECE != 0
    }
    /// Whether CWR is set.
    #[inline]
    pub const fn cwr(self) -> bool {
        self.0 & Self::CWR != 0
    }
}
