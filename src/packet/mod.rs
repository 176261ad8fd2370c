//! Packets: from the bytes of a frame to all that a meter needs to know of it.
//!
//! A [`RawPacket`] (lent bytes, as captured) enters the [`Decoder`]; a [`PacketInfo`] leaves, or a [`Skipped`] frame with
//! its reason. Decoding never reads past the captured bytes, never allocates and never fails.

mod block;
mod bytes;
mod decode;
mod fragment;
mod ip;
mod link;
mod link_type;
mod transport;
mod tunnel;

pub use block::{Block, SharedBytes};
pub use decode::Decoder;
pub use link_type::LinkType;

pub use crate::tunnel::Tunnel;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::time::Timestamp;

/// A frame as it was captured: lent bytes and what the capture says of them.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// Number of the frame in the whole capture; 1 is the first.
    pub number: u64,
    /// When it was captured.
    pub stamp: Timestamp,
    /// Bytes on the wire, of which `data` may hold fewer.
    pub wire_len: u32,
    /// What the first byte of `data` belongs to.
    pub link: LinkType,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// What decoding made of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoded {
    /// A packet of some flow.
    Packet(PacketInfo),
    /// A frame that no flow can count, with the reason.
    Skipped(Skipped),
}

/// A frame that decoding refused: why, and its link header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// Where the six bytes of the destination MAC address begin, those of the source following; `None` without MACs.
    pub mac_offset: Option<u32>,
    /// The innermost EtherType that was read.
    pub ether_type: Option<u16>,
    /// Where the payload of the link layer begins; the captured length when nothing of it was captured.
    pub payload_offset: u32,
}

/// Why a frame belongs to no flow.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SkipReason {
    /// A link type that is not decoded here (also named once in the report's warnings).
    UnsupportedLinkType,
    /// A complete link header, and something else than IP in it: ARP, LLDP, spanning tree ...
    NotIp,
    /// The capture ends within the headers down to the innermost IP addresses, or within IPv6 extension headers, behind
    /// which there may be more of them.
    Truncated,
    /// An IP header that contradicts itself or what announced it.
    BadIpHeader,
    /// A later fragment whose first fragment was not seen within the 30 seconds before.
    FragmentWithoutFirst,
    /// A later fragment, with the option `fragments` off.
    FragmentsOff,
    /// More than 16 layers of headers.
    TooDeep,
}

impl SkipReason {
    /// Every reason, in the order of the enumeration.
    pub const ALL: [Self; 7] = [
        Self::UnsupportedLinkType,
        Self::NotIp,
        Self::Truncated,
        Self::BadIpHeader,
        Self::FragmentWithoutFirst,
        Self::FragmentsOff,
        Self::TooDeep,
    ];

    /// The name used in reports: `not_ip`, `truncated` ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnsupportedLinkType => "unsupported_link_type",
            Self::NotIp => "not_ip",
            Self::Truncated => "truncated",
            Self::BadIpHeader => "bad_ip_header",
            Self::FragmentWithoutFirst => "fragment_without_first",
            Self::FragmentsOff => "fragments_off",
            Self::TooDeep => "too_deep",
        }
    }
}

/// What could not be told of a packet, or is special about it: a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PacketFlags(pub(crate) u8);

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
    /// The tunnel's own key was read ([`PacketInfo::tunnel_key`]).
    pub const TUNNEL_KEY: Self = Self(32);
    /// The capture ends before it can be told what a tunnel carries: this is the outer packet.
    pub const INNER_UNKNOWN: Self = Self(64);

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

/// All that decoding learnt of a packet; plain numbers, no borrow.
///
/// Addresses, protocol and ports are those of the innermost packet; offsets count from the first captured byte, and one
/// that would lie beyond the captured bytes equals their number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PacketInfo {
    /// Source address: 32 bits for IPv4, 128 for IPv6, as a number in network order.
    pub src: u128,
    /// Destination address, likewise.
    pub dst: u128,
    /// The clock of the capture: the largest stamp of the packets accepted so far, this one included.
    pub clock: Timestamp,
    /// Bytes on the wire, link header and padding included.
    pub wire_len: u32,
    /// Bytes of the innermost IP packet, its header included (IPFIX `ipTotalLength`).
    pub ip_len: u32,
    /// Bytes after the innermost IP header and its extension headers.
    pub transport_len: u32,
    /// Bytes after the transport header; 0 with [`PacketFlags::PAYLOAD_UNKNOWN`].
    pub payload_len: u32,
    /// Where the innermost IP header begins.
    pub ip_offset: u32,
    /// Where the transport header begins.
    pub transport_offset: u32,
    /// Where the transport payload begins.
    pub payload_offset: u32,
    /// Where the six bytes of the destination MAC address begin, those of the source following; `u32::MAX` without MACs.
    pub mac_offset: u32,
    /// The tunnel's own key, with [`PacketFlags::TUNNEL_KEY`]: for GTP-U the TEID.
    pub tunnel_key: u32,
    /// Source port; 0 when the protocol has none or it was not captured.
    pub src_port: u16,
    /// Destination port, likewise.
    pub dst_port: u16,
    /// The innermost VLAN id (IEEE 802.1Q); 0 without a tag.
    pub vlan_id: u16,
    /// 4 or 6.
    pub ip_version: u8,
    /// IP protocol number, after IPv6 extension headers (IANA protocol numbers).
    pub ip_protocol: u8,
    /// The TCP flags.
    pub tcp_flags: TcpFlags,
    /// What is special about the packet.
    pub flags: PacketFlags,
    /// The tunnel it came out of.
    pub tunnel: Option<Tunnel>,
}

impl PacketInfo {
    /// A packet of which nothing is known, to be filled by [`Decoder::decode_into`].
    pub const EMPTY: Self = Self {
        src: 0,
        dst: 0,
        clock: Timestamp::MIN,
        wire_len: 0,
        ip_len: 0,
        transport_len: 0,
        payload_len: 0,
        ip_offset: 0,
        transport_offset: 0,
        payload_offset: 0,
        mac_offset: NO_MAC,
        tunnel_key: 0,
        src_port: 0,
        dst_port: 0,
        vlan_id: 0,
        ip_version: 4,
        ip_protocol: 0,
        tcp_flags: TcpFlags(0),
        flags: PacketFlags(0),
        tunnel: None,
    };
}

/// [`PacketInfo::EMPTY`].
impl Default for PacketInfo {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// `mac_offset` of a packet whose link layer has no MAC addresses.
pub const NO_MAC: u32 = u32::MAX;

/// One packet on its way through a meter: the raw frame and what decoding learnt of it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The frame it came in.
    pub raw: RawPacket<'a>,
    /// What decoding learnt.
    pub info: &'a PacketInfo,
    /// The block that `raw.data` lies in, and where; `None` for bytes that lie elsewhere.
    block: Option<(&'a Arc<Block>, u32)>,
}

impl<'a> Packet<'a> {
    /// A packet whose bytes lie anywhere.
    pub const fn new(raw: RawPacket<'a>, info: &'a PacketInfo) -> Self {
        Self { raw, info, block: None }
    }

    /// A packet whose bytes lie in `block`, from `offset` on.
    #[inline]
    pub(crate) const fn in_block(raw: RawPacket<'a>, info: &'a PacketInfo, block: &'a Arc<Block>, offset: u32) -> Self {
        Self { raw, info, block: Some((block, offset)) }
    }

    /// Source address of the innermost IP header.
    pub fn ip_src(&self) -> IpAddr {
        ip_addr(self.info.ip_version, self.info.src)
    }

    /// Destination address of the innermost IP header.
    pub fn ip_dst(&self) -> IpAddr {
        ip_addr(self.info.ip_version, self.info.dst)
    }

    /// The TCP flags; none for other protocols.
    pub const fn tcp_flags(&self) -> TcpFlags {
        self.info.tcp_flags
    }

    /// Bytes on the wire.
    pub const fn size(&self) -> u32 {
        self.info.wire_len
    }

    /// Bytes of transport payload; `None` when the captured headers cannot tell.
    pub const fn payload_size(&self) -> Option<u32> {
        if self.info.flags.contains(PacketFlags::PAYLOAD_UNKNOWN) { None } else { Some(self.info.payload_len) }
    }

    /// The captured bytes of the innermost IP packet, header first, without link padding.
    pub fn ip_bytes(&self) -> &'a [u8] {
        span(self.raw.data, self.info.ip_offset, self.info.ip_len)
    }

    /// The same bytes as [`Packet::ip_bytes`], to keep: without a copy where the packet lies in a shared block.
    pub fn shared_ip_bytes(&self) -> SharedBytes {
        let bytes = self.ip_bytes();
        match self.block {
            Some((block, offset)) => {
                let start = offset as usize + (self.info.ip_offset as usize).min(self.raw.data.len());
                SharedBytes::new(Arc::clone(block), start..start + bytes.len())
            }
            None => SharedBytes::new(Arc::new(Block::new(bytes.to_vec())), 0..bytes.len()),
        }
    }

    /// The captured bytes of the transport payload.
    pub fn payload(&self) -> &'a [u8] {
        span(self.raw.data, self.info.payload_offset, self.info.payload_len)
    }

    /// Source and destination MAC address of the outer Ethernet header; `None` when the link has none.
    pub fn macs(&self) -> Option<([u8; 6], [u8; 6])> {
        if self.info.mac_offset == NO_MAC {
            return None;
        }
        let (dst, rest) = self.raw.data.get(self.info.mac_offset as usize..)?.split_first_chunk::<6>()?;
        Some((*rest.first_chunk::<6>()?, *dst))
    }
}

/// The address that `number` stands for in IP version `version`.
pub(crate) fn ip_addr(version: u8, number: u128) -> IpAddr {
    if version == 6 { IpAddr::V6(Ipv6Addr::from_bits(number)) } else { IpAddr::V4(Ipv4Addr::from_bits(number as u32)) }
}

fn span(data: &[u8], offset: u32, len: u32) -> &[u8] {
    let rest = data.get(offset as usize..).unwrap_or_default();
    &rest[..rest.len().min(len as usize)]
}
