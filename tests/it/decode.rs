//! Decoding, from the IP header inwards: lengths, ports, flags, extension headers, packets in packets.

use flowgauge::Timestamp;
use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, Packet, PacketFlags, PacketInfo, RawPacket, SkipReason, Skipped, Tunnels,
};

use crate::support::frames::*;

pub(crate) const A: &str = "10.0.0.1";
pub(crate) const B: &str = "10.0.0.2";
pub(crate) const A6: &str = "2001:db8::1";
pub(crate) const B6: &str = "2001:db8::2";

pub(crate) fn raw(link: LinkType, data: &[u8]) -> RawPacket<'_> {
    RawPacket { number: 1, stamp: Timestamp::from_millis(1000), wire_len: data.len() as u32, link, data }
}

/// `data`, of which the first `len` bytes were captured.
pub(crate) fn cut(link: LinkType, data: &[u8], len: usize) -> RawPacket<'_> {
    RawPacket { data: &data[..len], ..raw(link, data) }
}

pub(crate) fn decode(raw: RawPacket<'_>) -> Decoded {
    Decoder::new(DecodeOptions::new()).decode(&raw)
}

#[track_caller]
pub(crate) fn packet(raw: RawPacket<'_>) -> PacketInfo {
    match decode(raw) {
        Decoded::Packet(info) => info,
        Decoded::Skipped(skipped) => panic!("{skipped:?}"),
    }
}

#[track_caller]
pub(crate) fn skipped(raw: RawPacket<'_>) -> Skipped {
    match decode(raw) {
        Decoded::Packet(info) => panic!("{info:?}"),
        Decoded::Skipped(skipped) => skipped,
    }
}

/// The four sizes: wire, IP, transport, payload.
pub(crate) fn sizes(info: &PacketInfo) -> (u32, u32, u32, u32) {
    (info.wire_len, info.ip_len, info.transport_len, info.payload_len)
}

fn eth4(packet: &[u8]) -> Vec<u8> {
    ethernet(IPV4, packet)
}

fn eth6(packet: &[u8]) -> Vec<u8> {
    ethernet(IPV6, packet)
}

fn on_ethernet(frame: &[u8]) -> PacketInfo {
    packet(raw(LinkType::ETHERNET, frame))
}

fn reason(frame: &[u8]) -> SkipReason {
    skipped(raw(LinkType::ETHERNET, frame)).reason
}

#[test]
fn a_tcp_packet_is_told_in_full() {
    let frame = eth4(&Ipv4::new(A, B).tcp(1000, 80, 0x12, b"hello"));
    let raw = raw(LinkType::ETHERNET, &frame);
    let info = packet(raw);
    let packet = Packet::new(raw, &info);
    assert_eq!((packet.ip_src().to_string(), info.src_port), (A.to_owned(), 1000));
    assert_eq!((packet.ip_dst().to_string(), info.dst_port), (B.to_owned(), 80));
    assert_eq!((info.ip_version, info.ip_protocol, info.vlan_id, info.tunnel), (4, 6, 0, None));
    assert_eq!(sizes(&info), (59, 45, 25, 5));
    assert_eq!((info.ip_offset, info.transport_offset, info.payload_offset), (14, 34, 54));
    assert_eq!(packet.macs(), Some((SRC_MAC, DST_MAC)));
    assert_eq!(packet.payload(), b"hello");
    assert_eq!(packet.ip_bytes(), &frame[14..]);
    assert!(info.tcp_flags.syn() && info.tcp_flags.ack() && !info.tcp_flags.fin());
    assert_eq!(info.flags, PacketFlags::default());
    assert_eq!(info.clock, raw.stamp);
}

#[test]
fn an_ipv6_packet_is_told_in_full() {
    let frame = eth6(&Ipv6::new(A6, B6).udp(1, 2, &[7; 20]));
    let raw = raw(LinkType::ETHERNET, &frame);
    let info = packet(raw);
    let packet = Packet::new(raw, &info);
    assert_eq!((packet.ip_src().to_string(), packet.ip_dst().to_string()), (A6.to_owned(), B6.to_owned()));
    assert_eq!((info.ip_version, info.ip_protocol, info.src_port, info.dst_port), (6, 17, 1, 2));
    assert_eq!(sizes(&info), (82, 68, 28, 20));
    assert_eq!(packet.payload(), [7; 20]);
}

#[test]
fn the_transport_header_of_each_protocol_is_taken_off() {
    let four = |protocol, transport: &[u8]| on_ethernet(&eth4(&Ipv4::new(A, B).carrying(protocol, transport)));
    let told = |info: PacketInfo| (info.src_port, info.dst_port, info.transport_len, info.payload_len);
    assert_eq!(told(four(1, &icmp(8, &[0; 32]))), (0, 0, 40, 32));
    assert_eq!(told(four(17, &udp(5, 6, &[0; 9]))), (5, 6, 17, 9));
    assert_eq!(told(four(136, &udp(5, 6, &[0; 9]))), (5, 6, 17, 9));
    assert_eq!(told(four(132, &sctp(5, 6, &[0; 16]))), (5, 6, 28, 16));
    assert_eq!(told(four(33, &[0, 5, 0, 6, 4, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3])), (5, 6, 18, 2));
    assert_eq!(told(four(50, &[9; 40])), (0, 0, 40, 40));
    assert_eq!(told(four(47, &[9; 40])), (0, 0, 40, 40));
    assert_eq!(told(four(6, &tcp_with(5, 6, 0, 8, &[1; 15]))), (5, 6, 35, 3));
    assert_eq!(told(on_ethernet(&eth6(&Ipv6::new(A6, B6).carrying(58, &icmp(128, &[0; 32]))))), (0, 0, 40, 32));
}

#[test]
fn ipv4_options_are_stepped_over() {
    let info =
        on_ethernet(&eth4(&Ipv4::new(A, B).options(2).carrying(6, &tcp_with(1, 2, 0x18, 8, b"............abcd"))));
    assert_eq!(sizes(&info), (78, 64, 36, 4));
    assert_eq!((info.src_port, info.dst_port, info.transport_offset), (1, 2, 42));
}

#[test]
fn link_padding_belongs_to_the_wire_only() {
    let mut frame = eth4(&Ipv4::new(A, B).tcp(1, 2, 2, b""));
    frame.extend([0; 6]);
    assert_eq!(sizes(&on_ethernet(&frame)), (60, 40, 20, 0));
}

#[test]
fn link_padding_never_becomes_ports_or_flags() {
    for len in 0..4 {
        let mut frame = eth4(&Ipv4::new(A, B).carrying(6, &[1, 2, 3][..len.min(3)]));
        frame.extend([0xee; 26]);
        let info = on_ethernet(&frame);
        assert_eq!((info.src_port, info.dst_port, info.tcp_flags.0, info.payload_len), (0, 0, 0, 0));
        assert!(info.flags.contains(PacketFlags::PORTS_UNKNOWN));
        assert!(!info.flags.contains(PacketFlags::PAYLOAD_UNKNOWN));
    }
}

#[test]
fn total_length_zero_takes_its_length_from_the_wire() {
    let frame = eth4(&Ipv4::new(A, B).total_len(0).tcp(1, 2, 0x10, &[b'z'; 1000]));
    assert_eq!(sizes(&on_ethernet(&frame)), (1054, 1040, 1020, 1000));
    assert_eq!(sizes(&packet(cut(LinkType::ETHERNET, &frame, 60))), (1054, 1040, 1020, 1000));
    let frame = eth6(&Ipv6::new(A6, B6).payload_len(0).tcp(1, 2, 0x10, &[b'z'; 1000]));
    assert_eq!(sizes(&on_ethernet(&frame)), (1074, 1060, 1020, 1000));
}

#[test]
fn total_length_zero_inside_another_packet_takes_its_length_from_that() {
    let inner = Ipv4::new("1.1.1.1", "2.2.2.2").total_len(0).udp(1, 2, &[0; 100]);
    let mut frame = eth4(&Ipv4::new(A, B).carrying(4, &inner));
    frame.extend([0; 10]);
    assert_eq!(sizes(&on_ethernet(&frame)), (172, 128, 108, 100));
}

#[test]
fn a_length_beyond_the_wire_is_kept_as_the_header_says() {
    let frame = eth4(&Ipv4::new(A, B).total_len(500).udp(1, 2, &[0; 20]));
    assert_eq!(sizes(&on_ethernet(&frame)), (62, 500, 480, 472));
}

#[test]
fn a_wire_length_above_65535_is_kept() {
    let frame = eth4(&Ipv4::new(A, B).udp(1, 2, &[0; 1400]));
    let info = packet(RawPacket { wire_len: 70_000, ..raw(LinkType::ETHERNET, &frame) });
    assert_eq!(sizes(&info), (70_000, 1428, 1408, 1400));
    assert!(info.flags.contains(PacketFlags::CUT));
}

#[test]
fn a_wrong_data_offset_is_taken_as_it_stands() {
    let with = |words| on_ethernet(&eth4(&Ipv4::new(A, B).carrying(6, &tcp_with(1, 2, 0x10, words, b"abc"))));
    assert_eq!(sizes(&with(15)), (57, 43, 23, 0));
    assert_eq!(sizes(&with(0)), (57, 43, 23, 23));
    assert_eq!(with(15).payload_offset, 57);
}

#[test]
fn a_jumbogram_tells_its_length_in_its_option() {
    let jumbo = |len: u32, options: &[u8]| {
        let header = [&[0, 0][..], options, &[0xc2, 4], &len.to_be_bytes()].concat();
        let header = [&header[..1], &[(header.len() / 8 - 1) as u8], &header[2..]].concat();
        let frame = eth6(&Ipv6::new(A6, B6).payload_len(0).extension(0, &header).udp(1, 2, &[0; 100]));
        let info = packet(RawPacket { wire_len: 100_100, ..raw(LinkType::ETHERNET, &frame) });
        (info.ip_len, info.transport_len)
    };
    assert_eq!(jumbo(100_000, &[]), (100_040, 99_992));
    assert_eq!(jumbo(100_000, &[1, 4, 0, 0, 0, 0, 0, 0]), (100_040, 99_984));
    // Too small to be one: then the length is that of the wire.
    assert_eq!(jumbo(65_535, &[]), (100_086, 100_038));
    assert_eq!(jumbo(u32::MAX, &[]), (u32::MAX, u32::MAX - 48));
}

#[test]
fn an_ipv6_packet_without_next_header_has_no_payload() {
    let mut frame = eth6(&Ipv6::new(A6, B6).carrying(59, b""));
    frame.extend([0; 6]);
    let info = on_ethernet(&frame);
    assert_eq!((info.ip_protocol, sizes(&info)), (59, (60, 40, 0, 0)));
}

#[test]
fn every_ipv6_extension_header_is_walked() {
    for number in [0, 43, 60, 135, 139, 140] {
        let frame = eth6(&Ipv6::new(A6, B6).extension(number, &extension(3)).udp(1, 2, b"data"));
        let info = on_ethernet(&frame);
        assert_eq!((info.ip_protocol, info.src_port, info.dst_port), (17, 1, 2), "header {number}");
        assert_eq!(sizes(&info), (90, 76, 12, 4), "header {number}");
    }
    let authentication = [&[0, 4][..], &[0; 22]].concat();
    let frame = eth6(&Ipv6::new(A6, B6).extension(51, &authentication).udp(1, 2, b"data"));
    assert_eq!((on_ethernet(&frame).dst_port, on_ethernet(&frame).transport_len), (2, 12));
    let chain = Ipv6::new(A6, B6).extension(0, &extension(1)).extension(60, &extension(1)).udp(1, 2, &[b'q'; 20]);
    let info = on_ethernet(&eth6(&chain));
    // nfstream's transport size of this packet counts the same 28 bytes.
    assert_eq!(sizes(&info), (98, 84, 28, 20));
}

#[test]
fn numbers_that_cannot_be_walked_are_protocols() {
    for number in [50, 59, 253, 254] {
        let info = on_ethernet(&eth6(&Ipv6::new(A6, B6).extension(60, &extension(1)).carrying(number, &[9; 24])));
        assert_eq!((info.ip_protocol, info.transport_len, info.payload_len), (number, 24, 24));
    }
}

#[test]
fn an_atomic_fragment_is_no_fragment() {
    let info = on_ethernet(&eth6(&Ipv6::new(A6, B6).fragment(7, 0, false).udp(1, 2, b"x")));
    assert_eq!((info.src_port, info.dst_port, info.payload_len), (1, 2, 1));
    assert!(!info.flags.contains(PacketFlags::FRAGMENT));
}

#[test]
fn packets_in_packets_are_unwrapped_without_a_word() {
    let inner4 = Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello");
    let inner6 = Ipv6::new("fe80::1", "fe80::2").udp(1, 2, &[b'q'; 20]);
    let frames = [
        (eth4(&Ipv4::new(A, B).carrying(4, &inner4)), (4, 45, 34)),
        (eth4(&Ipv4::new(A, B).carrying(41, &inner6)), (6, 68, 34)),
        (eth6(&Ipv6::new(A6, B6).carrying(4, &inner4)), (4, 45, 54)),
        (eth6(&Ipv6::new(A6, B6).extension(60, &extension(1)).carrying(41, &inner6)), (6, 68, 62)),
    ];
    for (frame, told) in frames {
        for tunnels in [Tunnels::ALL, Tunnels::NONE] {
            let decoded = Decoder::new(DecodeOptions::new().tunnels(tunnels)).decode(&raw(LinkType::ETHERNET, &frame));
            let Decoded::Packet(info) = decoded else { panic!("{decoded:?}") };
            assert_eq!((info.ip_version, info.ip_len, info.ip_offset), told);
            assert_eq!((info.tunnel, info.tunnel_key, info.wire_len), (None, 0, frame.len() as u32));
            assert_eq!(info.dst_port, if told.0 == 4 { 443 } else { 2 });
        }
    }
}

#[test]
fn what_is_announced_as_ip_and_is_not_is_a_bad_header() {
    let with = |first_byte| eth4(&Ipv4::new(A, B).first_byte(first_byte).udp(1, 2, b"x"));
    assert_eq!(reason(&with(0x65)), SkipReason::BadIpHeader, "version 6");
    assert_eq!(reason(&with(0x44)), SkipReason::BadIpHeader, "header of 16 bytes");
    assert_eq!(reason(&eth4(&Ipv4::new(A, B).total_len(19).udp(1, 2, b"x"))), SkipReason::BadIpHeader);
    assert_eq!(reason(&eth6(&Ipv4::new(A, B).udp(1, 2, &[0; 40]))), SkipReason::BadIpHeader);
    assert_eq!(reason(&eth4(&Ipv4::new(A, B).carrying(4, &[0x65; 40]))), SkipReason::BadIpHeader);
    assert_eq!(reason(&eth4(&Ipv4::new(A, B).carrying(41, &[0x45; 40]))), SkipReason::BadIpHeader);
}

#[test]
fn a_header_beyond_the_length_around_it_is_a_bad_header() {
    let inner = Ipv4::new("1.1.1.1", "2.2.2.2").udp(1, 2, b"x");
    let mut inner_cut_off = Ipv4::new(A, B).carrying(4, &inner[..19]);
    inner_cut_off.extend(&inner[19..]);
    assert_eq!(reason(&eth4(&inner_cut_off)), SkipReason::BadIpHeader);
    let extension_cut_off = Ipv6::new(A6, B6).payload_len(1).extension(60, &extension(1)).udp(1, 2, b"x");
    assert_eq!(reason(&eth6(&extension_cut_off)), SkipReason::BadIpHeader);
}

#[test]
fn an_inner_packet_that_claims_more_than_is_around_it_gets_no_ports_from_there() {
    let inner = Ipv4::new("1.1.1.1", "2.2.2.2").total_len(100).carrying(6, b"");
    let mut frame = eth4(&Ipv4::new(A, B).carrying(4, &inner));
    frame.extend([0xee; 80]);
    let info = on_ethernet(&frame);
    assert_eq!((info.ip_len, info.src_port, info.dst_port, info.tcp_flags.0), (100, 0, 0, 0));
    assert_eq!(info.flags, PacketFlags::PORTS_UNKNOWN.union(PacketFlags::PAYLOAD_UNKNOWN));
}

#[test]
fn an_ipv4_packet_is_accepted_once_its_addresses_were_captured() {
    let frame = eth4(&Ipv4::new(A, B).options(1).tcp(1111, 2222, 0x18, &[b'd'; 1000]));
    for len in 14..34 {
        assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, len)).reason, SkipReason::Truncated);
    }
    for len in 34..frame.len() {
        let info = packet(cut(LinkType::ETHERNET, &frame, len));
        let ports = if len < 42 { (0, 0) } else { (1111, 2222) };
        assert_eq!((info.src_port, info.dst_port), ports, "{len} bytes");
        assert_eq!(info.flags.contains(PacketFlags::PORTS_UNKNOWN), len < 42, "{len} bytes");
        assert_eq!(info.flags.contains(PacketFlags::PAYLOAD_UNKNOWN), len < 51, "{len} bytes");
        assert_eq!(info.payload_len, if len < 51 { 0 } else { 1000 }, "{len} bytes");
        assert_eq!(info.tcp_flags.0, if len < 52 { 0 } else { 0x18 }, "{len} bytes");
        assert_eq!((info.wire_len, info.ip_len, info.transport_len), (1058, 1044, 1020));
        assert!(info.flags.contains(PacketFlags::CUT));
    }
}

#[test]
fn the_payload_of_a_cut_udp_packet_is_known_from_its_lengths() {
    let frame = eth4(&Ipv4::new(A, B).options(3).udp(1, 2, &[0; 100]));
    let info = packet(cut(LinkType::ETHERNET, &frame, 40));
    assert_eq!(info.payload_len, 100);
    assert!(info.flags.contains(PacketFlags::PORTS_UNKNOWN));
    assert!(!info.flags.contains(PacketFlags::PAYLOAD_UNKNOWN));
    assert_eq!((info.transport_offset, info.payload_offset), (40, 40));
}

#[test]
fn a_packet_cut_before_its_innermost_addresses_is_truncated() {
    let inner = Ipv4::new("1.1.1.1", "2.2.2.2").udp(1, 2, b"x");
    let frame = eth4(&Ipv4::new(A, B).carrying(4, &inner));
    assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, 53)).reason, SkipReason::Truncated);
    assert_eq!(packet(cut(LinkType::ETHERNET, &frame, 54)).ip_len, 29);
    let frame = eth6(&Ipv6::new(A6, B6).udp(1, 2, b"x"));
    assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, 53)).reason, SkipReason::Truncated);
    assert_eq!(packet(cut(LinkType::ETHERNET, &frame, 54)).ip_protocol, 17);
}

#[test]
fn a_packet_cut_within_its_extension_headers_is_truncated() {
    let frame = eth6(&Ipv6::new(A6, B6).extension(0, &extension(2)).extension(60, &extension(2)).udp(1, 2, b"x"));
    // Two bytes of the last extension header tell what follows it.
    assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, 71)).reason, SkipReason::Truncated);
    let info = packet(cut(LinkType::ETHERNET, &frame, 72));
    assert_eq!((info.ip_protocol, info.transport_len, info.payload_len), (17, 9, 1));
    assert!(info.flags.contains(PacketFlags::PORTS_UNKNOWN));
    assert_eq!(info.transport_offset, 72);
}

#[test]
fn sixteen_headers_are_read_and_no_more() {
    let nested = |levels: usize| {
        (1..levels).fold(Ipv4::new(A, B).udp(1, 2, b"x"), |inner, _| Ipv4::new(A, B).carrying(4, &inner))
    };
    assert_eq!(on_ethernet(&eth4(&nested(16))).dst_port, 2);
    assert_eq!(reason(&eth4(&nested(17))), SkipReason::TooDeep);
    let chain = |headers| (0..headers).fold(Ipv6::new(A6, B6), |ip, _| ip.extension(60, &extension(1))).udp(1, 2, b"x");
    assert_eq!(on_ethernet(&eth6(&chain(15))).dst_port, 2);
    assert_eq!(reason(&eth6(&chain(16))), SkipReason::TooDeep);
    let tagged = |tags| (1..tags).fold(vlan(1, IPV4, &nested(1)), |inner, _| vlan(1, VLAN, &inner));
    assert_eq!(on_ethernet(&ethernet(VLAN, &tagged(15))).dst_port, 2);
    assert_eq!(reason(&ethernet(VLAN, &tagged(16))), SkipReason::TooDeep);
    assert_eq!(reason(&ethernet(MPLS, &mpls(&[16; 17], &nested(1)))), SkipReason::TooDeep);
}

#[test]
fn the_clock_is_the_largest_stamp_of_accepted_packets() {
    let frame = eth4(&Ipv4::new(A, B).udp(1, 2, b"x"));
    let arp = ethernet(0x0806, &[0; 28]);
    let mut decoder = Decoder::new(DecodeOptions::new());
    assert_eq!(decoder.clock(), Timestamp::MIN);
    let mut clock_after = |ms, data: &[u8]| {
        let decoded = decoder.decode(&RawPacket { stamp: Timestamp::from_millis(ms), ..raw(LinkType::ETHERNET, data) });
        if let Decoded::Packet(info) = decoded {
            assert_eq!(info.clock, decoder.clock());
        }
        decoder.clock().as_millis()
    };
    assert_eq!(clock_after(-5, &frame), -5);
    assert_eq!(clock_after(100, &frame), 100);
    assert_eq!(clock_after(12, &frame), 100);
    assert_eq!(clock_after(500, &arp), 100);
    assert_eq!(clock_after(101, &frame), 101);
    decoder.advance(Timestamp::from_millis(50));
    assert_eq!(decoder.clock(), Timestamp::from_millis(101));
    decoder.advance(Timestamp::from_millis(200));
    assert_eq!(decoder.clock(), Timestamp::from_millis(200));
}
