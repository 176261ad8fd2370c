//! Marks of a flow, as a set of bits.

use crate::flow::Direction;

/// What could not be told of a flow's packets, or is special about them: a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FlowFlags(u16);

impl FlowFlags {
    /// Some packet's ports were not captured, so that the flow's are 0.
    pub const PORTS_UNKNOWN: Self = Self(1);
    /// The payload of some packet from source to destination could not be told.
    pub const SRC_TO_DST_PAYLOAD_UNKNOWN: Self = Self(2);
    /// The payload of some packet from destination to source could not be told.
    pub const DST_TO_SRC_PAYLOAD_UNKNOWN: Self = Self(4);
    /// The flow has MAC addresses.
    pub const MACS: Self = Self(8);
    /// The flow has a tunnel key.
    pub const TUNNEL_KEY: Self = Self(16);
    /// The captured bytes end within what a tunnel carries in some packet, which is therefore counted as the tunnel's own.
    pub const INNER_UNKNOWN: Self = Self(32);
    /// Some packet is a fragment.
    pub const FRAGMENTED: Self = Self(64);
    /// Of some packet fewer bytes were captured than were on the wire.
    pub const TRUNCATED: Self = Self(128);
    /// The flow has an ICMP type and code.
    pub const ICMP: Self = Self(256);
    /// The run analyses TCP, also where the flow is none.
    pub(crate) const TCP_ANALYSIS: Self = Self(512);
    /// The run reads payload, also where the flow has none.
    pub(crate) const APPLICATION_FIELDS: Self = Self(1024);
    /// What options mark every flow with.
    const OPTIONS: Self = Self::TCP_ANALYSIS.union(Self::APPLICATION_FIELDS);

    /// The set as a number.
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    /// The set that [`FlowFlags::bits`] told.
    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any bit of `other` is set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds the bits of `other`.
    #[inline]
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes the bits of `other` away.
    pub(super) fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// The bits that belong to the flow's first packet, not to what was counted: what a next segment inherits.
    #[must_use]
    pub(crate) const fn of_first_packet(self) -> Self {
        Self(self.0 & (Self::MACS.0 | Self::TUNNEL_KEY.0 | Self::ICMP.0 | Self::OPTIONS.0))
    }

    /// The bits of what was counted.
    #[must_use]
    pub(super) const fn of_counted(self) -> Self {
        Self(self.0 & !self.of_first_packet().0)
    }

    /// The same seen from the other end.
    #[must_use]
    pub(super) const fn turned(self) -> Self {
        let (there, back) = (Self::SRC_TO_DST_PAYLOAD_UNKNOWN.0, Self::DST_TO_SRC_PAYLOAD_UNKNOWN.0);
        let rest = self.0 & !(there | back);
        Self(rest | if self.0 & there != 0 { back } else { 0 } | if self.0 & back != 0 { there } else { 0 })
    }

    /// The bit that says that a payload of this direction could not be told.
    #[inline]
    pub const fn payload_unknown(direction: Direction) -> Self {
        match direction {
            Direction::SrcToDst => Self::SRC_TO_DST_PAYLOAD_UNKNOWN,
            Direction::DstToSrc => Self::DST_TO_SRC_PAYLOAD_UNKNOWN,
        }
    }
}
