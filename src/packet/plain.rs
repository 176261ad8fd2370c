//! The frame that most of a capture consists of, read at one go: Ethernet, IPv4 without options, TCP or UDP, no fragment and
//! no tunnel.
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
        return false;
    }
    let (src_port, dst_port) = (be16(head[34], head[35]), be16(head[36], head[37]));
    let (header_len, tcp_flags) = if protocol == TCP {
        let Some(head) = data.first_chunk::<TCP_END>() else { return false };
        (u32::from(head[46] >> 4) * 4, TcpFlags(head[47]))
    } else if announced(src_port, dst_port) {
        return false;
    } else {
        (8, TcpFlags::default())
    };
    let transport_len = u32::from(total_len) - 20;
    let captured_len = data.len() as u32;
    *info = PacketInfo {
        src: u128::from(u32::from_be_bytes([head[26], head[27], head[28], head[29]])),
        dst: u128::from(u32::from_be_bytes([head[30], head[31], head[32], head[33]])),
        clock,
        wire_len: raw.wire_len,
        ip_len: u32::from(total_len),
        transport_len,
        payload_len: transport_len.saturating_sub(header_len),
        ip_offset: IP_AT as u32,
        transport_offset: TRANSPORT_AT,
        payload_offset: captured_len.min(TRANSPORT_AT + header_len),
        tunnel_key: 0,
        src_port,
        dst_port,
        src_mac_offset: 6,
        dst_mac_offset: 0,
        vlan_id: 0,
        vlan_offset: NO_OFFSET,
        ip_version: 4,
        ip_protocol: protocol,
        ttl: head[22],
        traffic_class: head[15],
        icmp_type: 0,
        icmp_code: 0,
        tcp_flags,
        flags: if captured_len < raw.wire_len { PacketFlags::CUT } else { PacketFlags::default() },
        tunnel: None,
    };
    true
}

/// The EtherType of IPv4, and the first byte of a header without options.
const IPV4_OF_20_BYTES: u32 = 0x0800_4500;
const IP_AT: usize = 14;
const TRANSPORT_AT: u32 = 34;
/// Where a UDP header ends.
const UDP_END: usize = 42;
/// Where a TCP header without options ends.
const TCP_END: usize = 54;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{DecodeOptions, Decoder, Ports};

    /// Frames that are plain or nearly so.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
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
}
