//! A packet as a meter or a metric sees it: the frame, what decoding learnt of it, and what is read out of the captured
//! bytes only when somebody asks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::packet::bytes::{Depth, be16, chunk};
use crate::packet::link::next_tag;
use crate::packet::{Block, NO_OFFSET, PacketFlags, PacketInfo, RawPacket, SharedBytes, TcpFlags};

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

    /// The window field of TCP, not scaled; `None` for other protocols, and where it was not captured.
    pub fn tcp_window(&self) -> Option<u16> {
        if self.info.ip_protocol != TCP || self.info.flags.contains(PacketFlags::LATER_FRAGMENT) {
            return None;
        }
        chunk::<2>(self.raw.data, self.info.transport_offset as usize + TCP_WINDOW).map(|&[high, low]| be16(high, low))
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

    /// Source and destination MAC address of the innermost link layer; `None` when it has none.
    pub fn macs(&self) -> Option<([u8; 6], [u8; 6])> {
        Some((self.mac_at(self.info.src_mac_offset)?, self.mac_at(self.info.dst_mac_offset)?))
    }

    /// The ids of the VLAN tags of the innermost link layer that has any, outermost first; at most 16.
    ///
    /// The last one is [`PacketInfo::vlan_id`], but for a later fragment: that id is its flow's, these are the frame's own.
    pub fn vlan_ids(&self) -> impl Iterator<Item = u16> + use<'a> {
        let data = self.raw.data;
        let first = (self.info.vlan_offset != NO_OFFSET).then_some(usize::from(self.info.vlan_offset));
        let tags = std::iter::successors(first, move |at| next_tag(data, *at)).take(Depth::MAX);
        tags.map_while(move |at| chunk::<2>(data, at)).map(|&[high, low]| be16(high, low) & 0x0fff)
    }

    /// The differentiated services code point of the innermost IP header (RFC 2474), 0 to 63.
    pub const fn dscp(&self) -> u8 {
        self.info.traffic_class >> 2
    }

    /// The flow label of the innermost IP header (RFC 6437), 20 bits; `None` when that is not IPv6.
    pub fn flow_label(&self) -> Option<u32> {
        let start = u32::from_be_bytes(*chunk::<4>(self.raw.data, self.info.ip_offset as usize)?);
        (start >> 28 == 6).then_some(start & 0x000f_ffff)
    }

    /// Type and code of the ICMP or ICMPv6 message; `None` for other protocols, for later fragments, and where they were
    /// not captured.
    pub const fn icmp(&self) -> Option<(u8, u8)> {
        if self.info.flags.contains(PacketFlags::ICMP) {
            return Some((self.info.icmp_type, self.info.icmp_code));
        }
        None
    }

    fn mac_at(&self, offset: u16) -> Option<[u8; 6]> {
        if offset == NO_OFFSET { None } else { chunk::<6>(self.raw.data, usize::from(offset)).copied() }
    }
}

/// The address that `number` stands for in IP version `version`.
fn ip_addr(version: u8, number: u128) -> IpAddr {
    if version == 6 { IpAddr::V6(Ipv6Addr::from_bits(number)) } else { IpAddr::V4(Ipv4Addr::from_bits(number as u32)) }
}

fn span(data: &[u8], offset: u32, len: u32) -> &[u8] {
    let rest = data.get(offset as usize..).unwrap_or_default();
    &rest[..rest.len().min(len as usize)]
}

const TCP: u8 = 6;
/// Where the window field lies in a TCP header (RFC 9293 §3.1).
const TCP_WINDOW: usize = 14;
