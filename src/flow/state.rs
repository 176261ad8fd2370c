//! The living flow: its identity and its counts, as a metric may look at them while packets come.

use std::net::IpAddr;

use crate::flow::{Direction, FlowKey};
use crate::time::Timestamp;

/// What is counted of the packets of one direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counts {
    /// Packets (IPFIX `packetDeltaCount`).
    pub pkts: u64,
    /// Bytes on the wire, link headers, tunnel headers and padding included.
    pub bytes: u64,
    /// Bytes of the innermost IP packets, headers included (IPFIX `octetDeltaCount`, under the innermost header).
    pub ip_bytes: u64,
    /// Bytes after the IP header and its extension headers.
    pub transport_bytes: u64,
    /// Bytes after the transport header, of the packets that could tell (IPFIX `transportOctetDeltaCount`).
    pub payload_bytes: u64,
    /// The smallest stamp; [`Timestamp::MAX`] without packets.
    pub start: Timestamp,
    /// The largest stamp; [`Timestamp::MIN`] without packets.
    pub end: Timestamp,
}

impl Counts {
    /// Nothing counted.
    pub const EMPTY: Self = Self {
        pkts: 0,
        bytes: 0,
        ip_bytes: 0,
        transport_bytes: 0,
        payload_bytes: 0,
        start: Timestamp::MAX,
        end: Timestamp::MIN,
    };

    /// Counts one packet.
    #[inline]
    pub fn count(&mut self, stamp: Timestamp, wire_len: u32, ip_len: u32, transport_len: u32, payload_len: u32) {
        self.pkts += 1;
        self.bytes += u64::from(wire_len);
        self.ip_bytes += u64::from(ip_len);
        self.transport_bytes += u64::from(transport_len);
        self.payload_bytes += u64::from(payload_len);
        self.start = self.start.min(stamp);
        self.end = self.end.max(stamp);
    }

    /// These and `other` together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            pkts: self.pkts + other.pkts,
            bytes: self.bytes + other.bytes,
            ip_bytes: self.ip_bytes + other.ip_bytes,
            transport_bytes: self.transport_bytes + other.transport_bytes,
            payload_bytes: self.payload_bytes + other.payload_bytes,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// What could not be told of a flow's packets: a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FlowFlags(u8);

impl FlowFlags {
    /// Some packet's ports were not captured, so that the flow's are 0.
    pub const PORTS_UNKNOWN: Self = Self(1);
    /// The payload of some packet from source to destination could not be told.
    pub const SRC_TO_DST_PAYLOAD_UNKNOWN: Self = Self(2);
    /// The payload of some packet from destination to source could not be told.
    pub const DST_TO_SRC_PAYLOAD_UNKNOWN: Self = Self(4);
    /// The flow has MAC addresses.
    pub const MACS: Self = Self(8);
    /// The captured bytes end within what a tunnel carries in some packet, which is therefore counted as the tunnel's own.
    pub const INNER_UNKNOWN: Self = Self(32);
    /// The flow has a tunnel key.
    pub const TUNNEL_KEY: Self = Self(16);

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

    /// What the next segment of a flow inherits: what belongs to the flow's first packet, not to what was counted.
    #[must_use]
    pub(crate) const fn kept_by_next_segment(self) -> Self {
        Self(self.0 & (Self::MACS.0 | Self::TUNNEL_KEY.0))
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

/// A flow between its first packet and its end: plain numbers, no allocation.
///
/// In this order, what every packet touches lies side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct FlowState {
    /// What its packets have in common.
    pub key: FlowKey,
    /// The clock at the last packet.
    pub last_clock: Timestamp,
    /// The clock at the first packet of this segment.
    pub first_clock: Timestamp,
    /// Counts from source to destination and back, in the order of [`Direction`].
    pub counts: [Counts; 2],
    /// Whether the source is the second end of the key.
    pub src_is_high: bool,
    /// What could not be told.
    pub flags: FlowFlags,
    /// MAC addresses of source and destination in the first packet, with [`FlowFlags::MACS`].
    pub macs: [[u8; 6]; 2],
    /// 0, and one more after every active cut.
    pub segment: u32,
    /// The tunnel's own key in the first packet, with [`FlowFlags::TUNNEL_KEY`].
    pub tunnel_key: u32,
    /// Number of the first frame of this segment: the name of its record.
    pub flow_id: u64,
    /// Number of the first frame of the flow's first segment.
    pub conn_id: u64,
}

impl FlowState {
    /// Address and port of the sender of the flow's first packet.
    pub fn src(&self) -> (IpAddr, u16) {
        self.key.end(self.src_is_high)
    }

    /// Address and port of the receiver of the flow's first packet.
    pub fn dst(&self) -> (IpAddr, u16) {
        self.key.end(!self.src_is_high)
    }

    /// Counts of one direction.
    pub fn of(&self, direction: Direction) -> &Counts {
        &self.counts[direction as usize]
    }

    /// Counts of both directions together.
    pub fn total(&self) -> Counts {
        self.counts[0].plus(&self.counts[1])
    }
}
