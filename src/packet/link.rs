//! From the first byte of a frame to its IP header: link headers, and what lies between them and IP.
//!
//! The EtherType (or what a link type has in its place) decides; bytes of the payload never do, but behind an MPLS label
//! stack and on raw IP, where the IP version is all there is. One function per link type: [`read`] is the list of them.

use crate::packet::bytes::{Depth, be16, captured, chunk};
use crate::packet::info::offset16;
use crate::packet::ppp;
use crate::packet::radio::{self, Framing};
use crate::packet::{LinkType, NO_OFFSET, RadioMacs, RawPacket, SkipReason, Skipped};

/// The network layer that a lower layer announces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Network {
    Ipv4,
    Ipv6,
}

/// What was read of a link layer, right as far as reading came.
///
/// Its offsets are as wide as what they travel with: narrow fields, written one by one and copied together, stall.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkLayer {
    /// Where the source MAC address begins; [`NOWHERE`] without.
    pub(super) src_mac_offset: usize,
    /// Where the destination MAC address begins, likewise.
    pub(super) dst_mac_offset: usize,
    /// The innermost EtherType.
    pub(super) ether_type: Option<u16>,
    /// Where that which the EtherType names begins; beyond the captured bytes as long as nothing was read.
    pub(super) payload_offset: usize,
    /// The innermost VLAN id; 0 without.
    pub(super) vlan_id: u16,
    /// Where the control information of the first VLAN tag begins; [`NOWHERE`] without.
    pub(super) vlan_offset: usize,
    /// Where it says that its payload ends; [`NOWHERE`] when it does not.
    pub(super) end: usize,
}

impl LinkLayer {
    /// Nothing read yet.
    pub(super) const UNREAD: Self = Self {
        src_mac_offset: NOWHERE,
        dst_mac_offset: NOWHERE,
        ether_type: None,
        payload_offset: usize::MAX,
        vlan_id: 0,
        vlan_offset: NOWHERE,
        end: NOWHERE,
    };

    /// That of an Ethernet frame with IPv4 right behind its header.
    pub(super) const PLAIN_IPV4: Self =
        Self { src_mac_offset: 6, dst_mac_offset: 0, ether_type: Some(IPV4), payload_offset: 14, ..Self::UNREAD };

    /// That of an Ethernet frame with IPv6 right behind its header.
    pub(super) const PLAIN_IPV6: Self = Self { ether_type: Some(IPV6), ..Self::PLAIN_IPV4 };

    /// The frame that holds `data`, refused with what was read of its link layer.
    #[cold]
    pub(super) fn skipped(&self, reason: SkipReason, data: &[u8]) -> Skipped {
        let (src, dst) = (offset16(self.src_mac_offset), offset16(self.dst_mac_offset));
        Skipped {
            reason,
            mac_offsets: (src != NO_OFFSET && dst != NO_OFFSET).then_some((src, dst)),
            ether_type: self.ether_type,
            payload_offset: self.payload_offset.min(data.len()) as u32,
        }
    }
}

/// Where an IP header begins, and of which version it was announced.
pub(super) type Found = Result<(Network, usize), SkipReason>;

/// What an Ethernet frame has right behind its header, if that is IP: then its link layer is known without reading more.
#[inline(always)]
pub(super) fn plain(data: &[u8]) -> Option<Network> {
    let header = chunk::<14>(data, 0)?;
    match be16(header[12], header[13]) {
        IPV4 => Some(Network::Ipv4),
        IPV6 => Some(Network::Ipv6),
        _ => None,
    }
}

/// Reads the link layer of a frame, down to its IP header.
///
/// `data` is what was captured of `raw`.
pub(super) fn read(
    raw: &RawPacket<'_>,
    data: &[u8],
    macs: RadioMacs,
    layer: &mut LinkLayer,
    depth: &mut Depth,
) -> Found {
    match raw.link {
        LinkType::ETHERNET => ethernet(data, 0, layer, depth),
        LinkType::RAW | LinkType::DLT_RAW => {
            layer.payload_offset = 0;
            Ok((by_version(data, 0, SkipReason::BadIpHeader)?, 0))
        }
        LinkType::IPV4 => {
            layer.payload_offset = 0;
            Ok((Network::Ipv4, 0))
        }
        LinkType::IPV6 => {
            layer.payload_offset = 0;
            Ok((Network::Ipv6, 0))
        }
        LinkType::LINUX_SLL => cooked_v1(data, layer, depth),
        LinkType::LINUX_SLL2 => cooked_v2(data, layer, depth),
        LinkType::NULL | LinkType::LOOP => loopback(data, layer),
        LinkType::PPP | LinkType::PPP_HDLC => ppp::frame(data, layer, depth),
        LinkType::C_HDLC => ppp::cisco_hdlc(data, layer, depth),
        LinkType::IEEE802_11 => radio::data_frame(data, 0, Framing::standard(macs), layer, depth),
        LinkType::IEEE802_11_RADIOTAP => radio::radiotap(data, raw.wire_len, macs, layer, depth),
        _ => Err(SkipReason::UnsupportedLinkType),
    }
}

/// Ethernet II and IEEE 802.3 at `at`: of a frame, or of what a tunnel carries.
pub(super) fn ethernet(data: &[u8], at: usize, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    let header = captured::<14>(data, at)?;
    layer.dst_mac_offset = at;
    layer.src_mac_offset = at + 6;
    by_ether_type(data, be16(header[12], header[13]), at + 14, layer, depth)
}

/// Linux cooked capture v1 (LINKTYPE_LINUX_SLL). It tells the sender's address only, so there are no MACs.
fn cooked_v1(data: &[u8], layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    let header = captured::<16>(data, 0)?;
    cooked(data, be16(header[2], header[3]), be16(header[14], header[15]), 16, layer, depth)
}

/// Linux cooked capture v2 (LINKTYPE_LINUX_SLL2).
fn cooked_v2(data: &[u8], layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    let header = captured::<20>(data, 0)?;
    cooked(data, be16(header[8], header[9]), be16(header[0], header[1]), 20, layer, depth)
}

/// What the protocol field of a cooked header names, given the kind of device (Linux `ARPHRD_` numbers).
fn cooked(data: &[u8], device: u16, protocol: u16, at: usize, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    const FRAME_RELAY: u16 = 770;
    const RADIOTAP: u16 = 803;
    const NETLINK: u16 = 824;
    const LLC: u16 = 4;
    layer.payload_offset = at;
    // On these devices the field is no EtherType; elsewhere small numbers are Linux's own (`ETH_P_802_2`, `ETH_P_CAN`).
    if matches!(device, FRAME_RELAY | RADIOTAP | NETLINK) {
        return Err(SkipReason::NotIp);
    }
    if protocol == LLC {
        return llc(data, at, layer, depth);
    }
    by_true_ether_type(data, protocol, at, layer, depth)
}

/// BSD loopback: an address family in the byte order of the capturing machine (NULL) or in network order (LOOP).
///
/// No family in use reads as another one backwards, so both orders are taken from both.
fn loopback(data: &[u8], layer: &mut LinkLayer) -> Found {
    let family = *captured::<4>(data, 0)?;
    layer.payload_offset = 4;
    let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
    match family {
        2 => Ok((Network::Ipv4, 4)),
        // Linux; Windows; NetBSD and OpenBSD; FreeBSD; Darwin.
        10 | 23 | 24 | 28 | 30 => Ok((Network::Ipv6, 4)),
        _ => Err(SkipReason::NotIp),
    }
}

/// What lies at `at`, as an EtherType names it that cannot be a length.
pub(super) fn by_true_ether_type(
    data: &[u8],
    ether_type: u16,
    at: usize,
    layer: &mut LinkLayer,
    depth: &mut Depth,
) -> Found {
    layer.payload_offset = at;
    if ether_type < ETHER_TYPE_MIN {
        return Err(SkipReason::NotIp);
    }
    by_ether_type(data, ether_type, at, layer, depth)
}

/// LLC (IEEE 802.2) at `at`.
pub(super) fn llc(data: &[u8], at: usize, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    const ANY_LENGTH: u16 = 0;
    by_ether_type(data, ANY_LENGTH, at, layer, depth)
}

/// Follows EtherTypes through tags, labels and the like to an IP header.
fn by_ether_type(data: &[u8], first: u16, first_at: usize, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    let (mut ether_type, mut at) = (first, first_at);
    loop {
        layer.ether_type = (ether_type >= ETHER_TYPE_MIN).then_some(ether_type);
        layer.payload_offset = at;
        match ether_type {
            IPV4 => return Ok((Network::Ipv4, at)),
            IPV6 => return Ok((Network::Ipv6, at)),
            VLAN | SERVICE_VLAN | QINQ_9100 | QINQ_9200 => {
                *depth = depth.enter()?;
                let tag = captured::<4>(data, at)?;
                if layer.vlan_offset == NOWHERE {
                    layer.vlan_offset = at;
                }
                layer.vlan_id = be16(tag[0], tag[1]) & 0x0fff;
                ether_type = be16(tag[2], tag[3]);
                at += 4;
            }
            MPLS | MPLS_MULTICAST => return mpls(data, at, depth),
            PPPOE_SESSION => return ppp::pppoe(data, at, depth),
            // A length (IEEE 802.3), and behind it LLC.
            ..ETHER_TYPE_MIN => {
                *depth = depth.enter()?;
                let llc = captured::<3>(data, at)?;
                match llc {
                    [0xaa, 0xaa, 0x03] => {
                        let snap = captured::<5>(data, at + 3)?;
                        ether_type = be16(snap[3], snap[4]);
                        at += 8;
                        // Another organisation's number is no EtherType; an EtherType here is never a length.
                        if snap[..3] != [0, 0, 0] || ether_type < ETHER_TYPE_MIN {
                            return Err(SkipReason::NotIp);
                        }
                    }
                    [0x06, 0x06, 0x03] => return Ok((Network::Ipv4, at + 3)),
                    _ => return Err(SkipReason::NotIp),
                }
            }
            _ => return Err(SkipReason::NotIp),
        }
    }
}

/// Where the tag control information behind that at `at` begins, if one follows in the same link layer: at once, or behind
/// LLC and SNAP.
pub(super) fn next_tag(data: &[u8], at: usize) -> Option<usize> {
    let &[high, low] = chunk::<2>(data, at + 2)?;
    let (mut ether_type, mut next) = (be16(high, low), at + 4);
    if ether_type < ETHER_TYPE_MIN {
        let &[0xaa, 0xaa, 0x03, 0, 0, 0, high, low] = chunk::<8>(data, next)? else { return None };
        (ether_type, next) = (be16(high, low), next + 8);
    }
    matches!(ether_type, VLAN | SERVICE_VLAN | QINQ_9100 | QINQ_9200).then_some(next)
}

/// An MPLS label stack (RFC 3032). Nothing in it names what it carries: the IP version behind its bottom does, and what
/// is not IP by that (a pseudowire's control word, Ethernet) is not guessed.
pub(super) fn mpls(data: &[u8], at: usize, depth: &mut Depth) -> Found {
    let mut at = at;
    loop {
        *depth = depth.enter()?;
        let label = captured::<4>(data, at)?;
        at += 4;
        if label[2] & 1 == 1 {
            return Ok((by_version(data, at, SkipReason::NotIp)?, at));
        }
    }
}

/// The network layer by the version in the first half byte at `at`; `otherwise` when it is neither 4 nor 6.
pub(super) fn by_version(data: &[u8], at: usize, otherwise: SkipReason) -> Result<Network, SkipReason> {
    match captured::<1>(data, at)?[0] >> 4 {
        4 => Ok(Network::Ipv4),
        6 => Ok(Network::Ipv6),
        _ => Err(otherwise),
    }
}

/// An offset in a link layer of what it does not have.
pub(super) const NOWHERE: usize = usize::MAX;

// EtherTypes (IEEE 802 numbers); below the least one the field is a length.
const ETHER_TYPE_MIN: u16 = 0x0600;
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const QINQ_9100: u16 = 0x9100;
const QINQ_9200: u16 = 0x9200;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
