//! The living flow: its identity and its counts, as a metric may look at them while packets come.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::community_id::community_id;
use crate::flow::details::Details;
use crate::flow::{Application, Direction, FlowKey, Sequence, Statistics};
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

    /// The bits that belong to the flow's first packet, not to what was counted: what a next segment inherits.
    #[must_use]
    pub(crate) const fn of_first_packet(self) -> Self {
        Self(self.0 & (Self::MACS.0 | Self::TUNNEL_KEY.0 | Self::ICMP.0 | Self::TCP_ANALYSIS.0))
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

/// The smallest and the largest TTL (IPv4) or hop limit (IPv6) of some packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TtlRange {
    /// The smallest; 255 without packets.
    pub min: u8,
    /// The largest; 0 without packets.
    pub max: u8,
}

impl TtlRange {
    /// That of no packets.
    pub const EMPTY: Self = Self { min: u8::MAX, max: 0 };

    /// Counts one packet. It writes only what changes, which is hardly ever anything.
    #[inline]
    pub fn count(&mut self, ttl: u8) {
        if ttl < self.min || ttl > self.max {
            self.min = self.min.min(ttl);
            self.max = self.max.max(ttl);
        }
    }

    /// The range of these packets and `other`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// A flow between its first packet and its end: plain numbers, and what options add in one allocation.
///
/// In this order, what every packet touches lies side by side.
#[derive(Debug, PartialEq)]
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
    /// What could not be told, and what is special.
    pub flags: FlowFlags,
    /// Whether the source is the second end of the key.
    pub src_is_high: bool,
    /// TTL or hop limit, in the order of [`Direction`].
    pub ttl: [TtlRange; 2],
    /// With the option `statistics`.
    pub(crate) statistics: Option<Box<Statistics>>,
    /// What else options turn on, and what is rare.
    pub(crate) details: Option<Box<Details>>,
    /// The application; `None` when nobody was asked for it, or while there is no label yet.
    pub application: Option<Arc<Application>>,
    /// MAC addresses of source and destination in the first packet, with [`FlowFlags::MACS`].
    pub macs: [[u8; 6]; 2],
    /// The differentiated services code point (RFC 2474) of the first packet of each direction.
    pub dscp: [u8; 2],
    /// ICMP or ICMPv6 type and code of the first packet, with [`FlowFlags::ICMP`].
    pub icmp: (u8, u8),
    /// 0, and one more after every active cut.
    pub segment: u32,
    /// The tunnel's own key in the first packet, with [`FlowFlags::TUNNEL_KEY`].
    pub tunnel_key: u32,
    /// The IPv6 flow label (RFC 6437) of the first packet; 0 in IPv4.
    pub flow_label: u32,
    /// Number of the first frame of this segment: the name of its record.
    pub flow_id: u64,
    /// Number of the first frame of the flow's first segment.
    pub conn_id: u64,
}

impl FlowState {
    /// A flow of which no packet was counted yet.
    pub fn new(key: FlowKey, src_is_high: bool, flow_id: u64, clock: Timestamp) -> Self {
        Self {
            key,
            last_clock: clock,
            first_clock: clock,
            counts: [Counts::EMPTY; 2],
            flags: FlowFlags::default(),
            src_is_high,
            ttl: [TtlRange::EMPTY; 2],
            dscp: [0; 2],
            icmp: (0, 0),
            macs: [[0; 6]; 2],
            segment: 0,
            tunnel_key: 0,
            flow_label: 0,
            flow_id,
            conn_id: flow_id,
            application: None,
            statistics: None,
            details: None,
        }
    }

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

    /// Sizes, gaps and TCP flags; `None` without the option `statistics`.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_deref()
    }

    /// The first packets; `None` without the option `splt`.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.details.as_ref()?.sequence.as_ref()
    }

    pub(crate) fn sequence_mut(&mut self) -> Option<&mut Sequence> {
        self.details.as_mut()?.sequence.as_mut()
    }

    /// The VLAN ids of the first packet, the outermost first; none without a tag.
    pub fn vlan_ids(&self) -> Vec<u16> {
        match (self.details.as_ref().map_or(&[][..], |details| &details.vlan_ids), self.key.vlan_id()) {
            ([], 0) => Vec::new(),
            ([], id) => vec![id],
            (ids, _) => ids.to_vec(),
        }
    }

    /// The Community ID, version 1 (<https://github.com/corelight/community-id-spec>), with seed 0; `None` when ports, or
    /// the type of an ICMP message, were not captured.
    pub fn community_id(&self) -> Option<String> {
        if self.flags.contains(FlowFlags::PORTS_UNKNOWN) {
            return None;
        }
        let icmp = self.flags.contains(FlowFlags::ICMP).then_some(self.icmp);
        community_id(self.key.ip_protocol(), self.src(), self.dst(), icmp)
    }

    /// Which way a packet goes whose sender is (`turned`) the second end of the key.
    #[inline]
    pub(crate) fn direction(&self, turned: bool) -> Direction {
        if turned == self.src_is_high { Direction::SrcToDst } else { Direction::DstToSrc }
    }

    /// The flow as it is, for a record; it keeps its own numbers, but not what lies elsewhere in memory.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        Self {
            application: self.application.take(),
            statistics: self.statistics.take(),
            details: self.details.take(),
            ..*self
        }
    }
}

/// By hand, so that `clone_from` uses the memory that is there: a living flow is shown to Python once a packet.
impl Clone for FlowState {
    fn clone(&self) -> Self {
        Self {
            application: self.application.clone(),
            statistics: self.statistics.clone(),
            details: self.details.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { mut application, mut statistics, mut details, .. } = self.take();
        application.clone_from(&source.application);
        match (&mut statistics, &source.statistics) {
            (Some(mine), Some(others)) => **mine = **others,
            (mine, others) => (*mine).clone_from(others),
        }
        match (&mut details, &source.details) {
            (Some(mine), Some(others)) => (**mine).clone_from(others),
            (mine, others) => (*mine).clone_from(others),
        }
        *self = Self { application, statistics, details, ..*source };
    }
}
