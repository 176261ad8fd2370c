//! The frame that most of a capture consists of, read at one go: Ethernet, IPv4 without options or IPv6 without extension
//! headers, TCP or UDP, no fragment and no tunnel.
//!
//! What is read here is what the ordinary way, header by header, would read too; it only takes a third of its time. Whatever
//! is the least bit unusual goes that way.

use crate::packet::bytes::be16;
use crate::packet::transport::{TCP, UDP};
use crate::packet::tunnel::announced;
use crate::packet::{LinkType, NO_OFFSET, PacketFlags, PacketInfo, RawPacket, TcpFlags};
use crate::time::Timestamp;

/// Fills `info` with the packet in `raw`, whose captured bytes are `data`, at this `clock`; `false` when that is for others
/// to do.
#[inline(always)]
pub(super) fn decode(raw: &RawPacket<'_>, data: &[u8], clock: Timestamp, info: &mut PacketInfo) -> bool {
    let Some(head) = data.first_chunk::<UDP_END>() else { return false };
    let total_len = be16(head[16], head[17]);
    let (protocol, least) = (head[23], if head[23] == TCP { TCP_END - IP_AT } else { UDP_END - IP_AT });
    let is_plain = (raw.link == LinkType::ETHERNET)
        & (u32::from_be_bytes([head[12], head[13], head[14], 0]) == IPV4_OF_20_BYTES)
        // Neither an offset nor more to come.
        & (be16(head[20], head[21]) & 0x3fff == 0)
        & (usize::from(total_len) >= least)
        & ((protocol == TCP) | (protocol == UDP));
    if !is_plain {
        return decode_v6(raw, data, clock, info);
    }
    let Some(transport) = Transport::read(protocol, &data[UDP_END - 8..]) else { return false };
    let ip = Ip {
        src: u128::from(u32::from_be_bytes([head[26], head[27], head[28], head[29]])),
        dst: u128::from(u32::from_be_bytes([head[30], head[31], head[32], head[33]])),
        version: 4,
        protocol,
        header_len: IPV4_LEN,
        content_len: u32::from(total_len) - IPV4_LEN,
        ttl: head[22],
        traffic_class: head[15],
    };
    fill(raw, data, clock, &ip, &transport, info);
    true
}

/// The same for IPv6.
#[inline(never)]
fn decode_v6(raw: &RawPacket<'_>, data: &[u8], clock: Timestamp, info: &mut PacketInfo) -> bool {
    let Some(head) = data.first_chunk::<UDP6_END>() else { return false };
    let content_len = u32::from(be16(head[18], head[19]));
    let (protocol, least) = (head[20], if head[20] == TCP { 20 } else { 8 });
    let is_plain = (raw.link == LinkType::ETHERNET)
        & (be16(head[12], head[13]) == ETHERTYPE_IPV6)
        & (head[14] >> 4 == 6)
        & (content_len >= least)
        & ((protocol == TCP) | (protocol == UDP));
    if !is_plain {
        return false;
    }
    let Some(transport) = Transport::read(protocol, &data[UDP6_END - 8..]) else { return false };
    let (Some(src), Some(dst)) = (head[22..].first_chunk(), head[38..].first_chunk()) else { return false };
    let ip = Ip {
        src: u128::from_be_bytes(*src),
        dst: u128::from_be_bytes(*dst),
        version: 6,
        protocol,
        header_len: IPV6_LEN,
        content_len,
        ttl: head[21],
        traffic_class: head[14] << 4 | head[15] >> 4,
    };
    fill(raw, data, clock, &ip, &transport, info);
    true
}

/// What an IP header says.
struct Ip {
    src: u128,
    dst: u128,
    version: u8,
    protocol: u8,
    header_len: u32,
    /// Bytes behind the header.
    content_len: u32,
    ttl: u8,
    traffic_class: u8,
}

/// What a transport header says.
struct Transport {
    src_port: u16,
    dst_port: u16,
    header_len: u32,
    tcp_flags: TcpFlags,
}

impl Transport {
    /// Reads the header at the beginning of `bytes`, of which there are 8 at least; `None` for a tunnel, and for a TCP header
    /// that is cut.
    #[inline(always)]
    fn read(protocol: u8, bytes: &[u8]) -> Option<Self> {
        let ports = bytes.first_chunk::<4>()?;
        let (src_port, dst_port) = (be16(ports[0], ports[1]), be16(ports[2], ports[3]));
        if protocol == TCP {
            let head = bytes.first_chunk::<20>()?;
            let header_len = u32::from(head[12] >> 4) * 4;
            return Some(Self { src_port, dst_port, header_len, tcp_flags: TcpFlags(head[13]) });
        }
        (!announced(src_port, dst_port)).then_some(Self {
            src_port,
            dst_port,
            header_len: 8,
            tcp_flags: TcpFlags::default(),
        })
    }
}

#[inline(always)]
fn fill(raw: &RawPacket<'_>, data: &[u8], clock: Timestamp, ip: &Ip, transport: &Transport, info: &mut PacketInfo) {
    let captured_len = data.len() as u32;
    let transport_offset = IP_AT as u32 + ip.header_len;
    *info = PacketInfo {
        src: ip.src,
        dst: ip.dst,
        clock,
        wire_len: raw.wire_len,
        ip_len: ip.header_len + ip.content_len,
        transport_len: ip.content_len,
        payload_len: ip.content_len.saturating_sub(transport.header_len),
        ip_offset: IP_AT as u32,
        transport_offset,
        payload_offset: captured_len.min(transport_offset + transport.header_len),
        tunnel_key: 0,
        src_port: transport.src_port,
        dst_port: transport.dst_port,
        src_mac_offset: 6,
        dst_mac_offset: 0,
        vlan_id: 0,
        vlan_offset: NO_OFFSET,
        ip_version: ip.version,
        ip_protocol: ip.protocol,
        ttl: ip.ttl,
        traffic_class: ip.traffic_class,
        icmp_type: 0,
        icmp_code: 0,
        tcp_flags: transport.tcp_flags,
        flags: if captured_len < raw.wire_len { PacketFlags::CUT } else { PacketFlags::default() },
        tunnel: None,
    };
}

/// The EtherType of IPv4, and the first byte of a header without options.
const IPV4_OF_20_BYTES: u32 = 0x0800_4500;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const IP_AT: usize = 14;
const IPV4_LEN: u32 = 20;
const IPV6_LEN: u32 = 40;
/// Where a UDP header ends.
const UDP_END: usize = 42;
/// The same behind IPv6.
const UDP6_END: usize = 62;
/// Where a TCP header without options ends.
const TCP_END: usize = 54;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{DecodeOptions, Decoder, Ports};

    /// Frames that are plain or nearly so.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![frames_v4(), frames_v6()]
    }

    fn frames_v6() -> impl Strategy<Value = Vec<u8>> {
        let ports = prop_oneof![any::<u16>(), Just(2152), Just(4789), Just(53)];
        let headers = (prop::sample::select(vec![6u8, 17, 0, 44, 58, 41]), 0u16..1600, ports.clone(), ports);
        let changes = prop::collection::vec((12usize..80, any::<u8>()), 0..3);
        (headers, changes, 0usize..100, prop::array::uniform32(any::<u8>())).prop_map(
            |((protocol, content_len, src, dst), changes, len, noise)| {
                let mut frame = noise.repeat(3);
                frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x6b]);
                frame[18..20].copy_from_slice(&content_len.to_be_bytes());
                frame[20] = protocol;
                frame[54..56].copy_from_slice(&src.to_be_bytes());
                frame[56..58].copy_from_slice(&dst.to_be_bytes());
                changes.into_iter().for_each(|(at, byte)| frame[at] = byte);
                frame.resize(len, 7);
                frame
            },
        )
    }

    fn frames_v4() -> impl Strategy<Value = Vec<u8>> {
        let ports = prop_oneof![any::<u16>(), Just(2152), Just(4789), Just(53)];
        let headers = (prop::sample::select(vec![6u8, 17, 1, 4, 47, 132]), 0u16..1600, ports.clone(), ports);
        let changes = prop::collection::vec((12usize..60, any::<u8>()), 0..3);
        (headers, changes, 0usize..80, any::<[u8; 60]>()).prop_map(
            |((protocol, total_len, src, dst), changes, len, noise)| {
                let mut frame = noise.to_vec();
                frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
                frame[16..18].copy_from_slice(&total_len.to_be_bytes());
                frame[18..24].copy_from_slice(&[1, 2, 0x40, 0, 64, protocol]);
                frame[34..36].copy_from_slice(&src.to_be_bytes());
                frame[36..38].copy_from_slice(&dst.to_be_bytes());
                changes.into_iter().for_each(|(at, byte)| frame[at] = byte);
                frame.resize(len, 7);
                frame
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn a_plain_frame_is_what_the_ordinary_way_makes_of_it(data in frames(), wire_len in 0u32..1700, all: bool) {
            let link = LinkType::ETHERNET;
            let raw = RawPacket { number: 3, stamp: Timestamp::from_nanos(5), wire_len, link, data: &data };
            let mut quick = PacketInfo::EMPTY;
            if decode(&raw, &data, raw.stamp, &mut quick) {
                let ports = if all { Ports::All } else { Ports::TcpAndUdp };
                let mut decoder = Decoder::new(DecodeOptions::new().ports(ports));
                let mut ordinary = PacketInfo::EMPTY;
                prop_assert!(decoder.decode_in_order(&raw, &mut ordinary).is_ok());
                prop_assert_eq!(quick, ordinary);
            }
        }
    }

    #[test]
    fn plain_frames_are_known_as_such() {
        fn is_plain(protocol: u8) -> bool {
            let mut data = [0; 60];
            data[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, protocol]);
            let (stamp, link) = (Timestamp::from_nanos(0), LinkType::ETHERNET);
            let raw = RawPacket { number: 1, stamp, wire_len: 60, link, data: &data };
            decode(&raw, &data, stamp, &mut PacketInfo::default())
        }
        assert_eq!([6, 17, 1].map(is_plain), [true, true, false]);
    }

    #[test]
    fn plain_frames_of_ipv6_are_known_as_such() {
        fn is_plain(next: u8) -> bool {
            let mut data = [0; 80];
            data[12..22].copy_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 26, next, 64]);
            let (stamp, link) = (Timestamp::from_nanos(0), LinkType::ETHERNET);
            let raw = RawPacket { number: 1, stamp, wire_len: 80, link, data: &data };
            decode(&raw, &data, stamp, &mut PacketInfo::default())
        }
        assert_eq!([6, 17, 58].map(is_plain), [true, true, false]);
    }
}
