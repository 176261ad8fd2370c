//! What decoding learnt of a packet, as plain numbers.

use crate::packet::{PacketFlags, TcpFlags, Tunnel};
use crate::time::Timestamp;

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
    /// The tunnel's own key, with [`PacketFlags::TUNNEL_KEY`]: which number that is, each kind of [`Tunnel`] says.
    pub tunnel_key: u32,
    /// Source port; 0 when the protocol has none or it was not captured.
    pub src_port: u16,
    /// Destination port, likewise.
    pub dst_port: u16,
    /// Where the six bytes of the source MAC address of the innermost link layer begin; [`NO_OFFSET`] without MACs.
    pub src_mac_offset: u16,
    /// Where those of the destination MAC address begin, likewise.
    pub dst_mac_offset: u16,
    /// The innermost VLAN id (IEEE 802.1Q); 0 without a tag.
    pub vlan_id: u16,
    /// Where the first tag control information of the innermost tagged link layer begins; [`NO_OFFSET`] without a tag.
    pub vlan_offset: u16,
    /// 4 or 6.
    pub ip_version: u8,
    /// IP protocol number, after IPv6 extension headers (IANA protocol numbers).
    pub ip_protocol: u8,
    /// Hops that the innermost IP header leaves to the packet: time to live (RFC 791) or hop limit (RFC 8200).
    pub ttl: u8,
    /// The type of service of the innermost IPv4 header or the traffic class of its IPv6 header: DSCP in the upper six
    /// bits (RFC 2474), ECN in the lower two (RFC 3168).
    pub traffic_class: u8,
    /// The type of an ICMP or ICMPv6 message, with [`PacketFlags::ICMP`]; else 0.
    pub icmp_type: u8,
    /// Its code, likewise.
    pub icmp_code: u8,
    /// The TCP flags.
    pub tcp_flags: TcpFlags,
    /// What is special about the packet.
    pub flags: PacketFlags,
    /// The tunnel it came out of.
    pub tunnel: Option<Tunnel>,
}

impl PacketInfo {
    /// A packet of which nothing is known, to be filled by
    /// [`Decoder::decode_into`](crate::packet::Decoder::decode_into).
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
        tunnel_key: 0,
        src_port: 0,
        dst_port: 0,
        src_mac_offset: NO_OFFSET,
        dst_mac_offset: NO_OFFSET,
        vlan_id: 0,
        vlan_offset: NO_OFFSET,
        ip_version: 4,
        ip_protocol: 0,
        ttl: 0,
        traffic_class: 0,
        icmp_type: 0,
        icmp_code: 0,
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

/// A 16-bit offset of what a packet does not have, or what lies so far into a frame that 16 bits cannot tell.
pub const NO_OFFSET: u16 = u16::MAX;

/// `at` as 16 bits; [`NO_OFFSET`] where they do not suffice.
#[inline(always)]
pub(super) const fn offset16(at: usize) -> u16 {
    if at < NO_OFFSET as usize { at as u16 } else { NO_OFFSET }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_fits_in_96_bytes() {
        // It is written for every frame and travels to the meters: one and a half cache lines, and no more.
        assert!(size_of::<PacketInfo>() <= 96, "{} bytes", size_of::<PacketInfo>());
    }

    #[test]
    fn an_offset_beyond_sixteen_bits_is_none() {
        assert_eq!([0, 65_534, 65_535, 65_536, 1 << 20].map(offset16), [0, 65_534, NO_OFFSET, NO_OFFSET, NO_OFFSET]);
    }
}
