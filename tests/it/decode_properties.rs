//! What holds for every frame, made up or broken: no panic, no offset outside, the same sizes however much was cut off,
//! and the same packet that etherparse built.

use etherparse::{PacketBuilder, VlanId};
use flowgauge::Timestamp;
use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, NO_OFFSET, Packet, PacketFlags, Ports, RadioMacs, RawPacket, SkipReason,
    Tunnel, Tunnels,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::decode::{decode, raw, sizes};
use crate::support::frames::*;
use crate::support::tunnels::*;

const LINK_TYPES: [u32; 17] = [0, 1, 1, 1, 9, 12, 50, 101, 104, 105, 108, 113, 119, 127, 228, 229, 276];

fn link_type() -> impl Strategy<Value = LinkType> {
    prop::sample::select(LINK_TYPES.to_vec()).prop_map(LinkType)
}

fn options() -> impl Strategy<Value = DecodeOptions> {
    any::<[bool; 5]>().prop_map(|[tunnels, keys, fragments, ports, macs]| {
        DecodeOptions::new()
            .tunnel_keys(keys)
            .tunnels(if tunnels { Tunnels::ALL } else { Tunnels::NONE })
            .fragments(fragments)
            .ports(if ports { Ports::All } else { Ports::TcpAndUdp })
            .radio_macs(if macs { RadioMacs::SourceAndDestination } else { RadioMacs::SecondAndThird })
    })
}

/// What must be true of whatever decoding says.
fn hold_invariants(decoder: &mut Decoder, raw: &RawPacket<'_>) {
    let captured = raw.data.len() as u32;
    let clock = decoder.clock();
    match decoder.decode(raw) {
        Decoded::Packet(info) => {
            assert!(info.ip_offset <= captured && info.transport_offset <= captured);
            assert!(info.ip_offset <= info.transport_offset && info.transport_offset <= info.payload_offset);
            assert!(info.payload_offset <= captured);
            assert!(info.payload_len <= info.transport_len && info.transport_len <= info.ip_len);
            assert_eq!(info.wire_len, raw.wire_len);
            assert_eq!(info.clock, clock.max(raw.stamp));
            assert_eq!(decoder.clock(), info.clock);
            assert_eq!(info.flags.contains(PacketFlags::CUT), captured < raw.wire_len);
            assert!(matches!(info.ip_version, 4 | 6));
            if info.ip_version == 4 {
                assert!(info.src <= u128::from(u32::MAX) && info.dst <= u128::from(u32::MAX));
            }
            assert!(!info.flags.contains(PacketFlags::PAYLOAD_UNKNOWN) || info.payload_len == 0);
            let keyed = info.flags.contains(PacketFlags::TUNNEL_KEY);
            match info.tunnel {
                Some(Tunnel::GtpU | Tunnel::Vxlan | Tunnel::Geneve) => assert!(keyed),
                Some(Tunnel::Gre | Tunnel::Erspan) => {}
                _ => assert!(!keyed),
            }
            assert!(keyed || info.tunnel_key == 0);
            assert!(keyed || !info.flags.contains(PacketFlags::KEY_IN_FLOW));
            let packet = Packet::new(*raw, &info);
            assert!(packet.payload().len() <= info.payload_len as usize);
            assert!(packet.ip_bytes().len() <= info.ip_len as usize);
            let offsets = [info.src_mac_offset, info.dst_mac_offset];
            assert_eq!(packet.macs().is_some(), offsets.iter().all(|offset| *offset != NO_OFFSET));
            if !info.flags.contains(PacketFlags::LATER_FRAGMENT) {
                assert_eq!(packet.vlan_ids().last().unwrap_or(0), info.vlan_id);
            }
            let version = packet.ip_bytes()[0] >> 4;
            assert_eq!(packet.flow_label().is_some(), version == 6);
            assert_eq!(packet.icmp().is_some(), info.flags.contains(PacketFlags::ICMP));
            assert!(packet.icmp().is_none() || matches!(info.ip_protocol, 1 | 58));
        }
        Decoded::Skipped(skipped) => {
            assert!(skipped.payload_offset <= captured);
            assert!(skipped.mac_offsets.is_none_or(|(src, dst)| u32::from(src.max(dst)) + 6 <= captured));
            assert_eq!(decoder.clock(), clock);
            assert_eq!(skipped.reason == SkipReason::UnsupportedLinkType, raw.link == LinkType(119));
        }
    }
}

/// A well-formed IP packet: one layer around a transport header, or around another such packet.
fn ip_packet() -> impl Strategy<Value = Vec<u8>> {
    let payload = || vec(any::<u8>(), 0..40);
    let transport = prop_oneof![
        (any::<[u16; 2]>(), any::<u8>(), 5_u8..16, vec(any::<u8>(), 40..80))
            .prop_map(|(ports, flags, words, rest)| (6, tcp_with(ports[0], ports[1], flags, words, &rest))),
        (any::<[u16; 2]>(), payload()).prop_map(|(ports, data)| (17, udp(ports[0] | 1, ports[1] | 1, &data))),
        (any::<[u16; 2]>(), payload()).prop_map(|(ports, data)| (132, sctp(ports[0], ports[1], &data))),
        (any::<u8>(), payload()).prop_map(|(kind, data)| (1, icmp(kind, &data))),
        payload().prop_map(|data| (47, data)),
    ];
    let innermost = (transport, any::<bool>(), 0_usize..4, 0_u32..9, any::<bool>())
        .prop_map(|((protocol, bytes), six, more, id, whole)| around(six, more, id, whole, protocol, &bytes));
    innermost.prop_recursive(3, 4, 1, |inner| {
        (inner, any::<bool>(), 0_usize..4, 0_u8..20).prop_map(|(inner, six, more, tunnel)| {
            let ether_type = if inner[0] >> 4 == 4 { IPV4 } else { IPV6 };
            let radio = || Radio::qos(1, 0).carrying(ether_type, &inner);
            let tags = [&vec![0; more][..], &[60, 6, 1, 1, 1, 1, 1, 1, 1]].concat();
            let (key, frame) = (more as u16, ethernet(ether_type, &inner));
            let ppp = [&[0, if ether_type == IPV4 { 0x21 } else { 0x57 }][..], &inner].concat();
            let in_gre = |content: &[u8]| around(six, more, 0, true, GRE, content);
            let (port, payload) = match tunnel {
                0 | 1 => (2152, gtp_u(more as u32, &inner)),
                2 => (37008, tzsp(1, 0, 1, &tags, &ethernet(ether_type, &inner))),
                3 => (37008, tzsp(1, 0, 18, &tags, &radio())),
                4 => (5247, capwap(0, true, &vec![0; 4 * more], &radio())),
                5 => (5247, capwap(0, false, &vec![0; 4 * more], &ethernet(ether_type, &inner))),
                6 => (4789, vxlan(more as u32, &frame)),
                7 => (4790, vxlan_with(0x0c, if ether_type == IPV4 { 1 } else { 2 }, 7, &inner)),
                8 => (6081, geneve(BRIDGED, 7, more as u8, &frame)),
                9 => (6081, geneve(ether_type, 7, more as u8, &inner)),
                10 if ether_type == IPV6 => (3544, [&authentication(0, more as u8)[..], &ORIGIN, &inner].concat()),
                11 if ether_type == IPV6 => (3544, inner),
                12 => return in_gre(&gre(0x8000, ether_type, &[0; 4], &inner)),
                13 => return in_gre(&keyed_gre(7, BRIDGED, &frame)),
                14 => return in_gre(&gre(0, ERSPAN, &[], &frame)),
                15 => return in_gre(&erspan_ii(key, &frame)),
                16 => return in_gre(&erspan_iii(key, 0, more > 1, &frame)),
                17 => return in_gre(&pptp(key, &ppp)),
                _ => return around(six, more, 0, true, if ether_type == IPV4 { 4 } else { 41 }, &inner),
            };
            around(six, more, 0, true, 17, &udp(port, port, &payload))
        })
    })
}

fn around(six: bool, more: usize, id: u32, whole: bool, protocol: u8, bytes: &[u8]) -> Vec<u8> {
    if six {
        let ip = (0..more).fold(Ipv6::new("2001:db8::1", "2001:db8::2"), |ip, _| ip.extension(60, &extension(2)));
        return if whole { ip } else { ip.fragment(id, 0, true) }.carrying(protocol, bytes);
    }
    let ip = Ipv4::new("10.0.0.1", "10.0.0.2").options(more);
    if whole { ip } else { ip.fragment(id as u16, 0, true) }.carrying(protocol, bytes)
}

/// A frame of any link type around a well-formed packet.
fn frame() -> impl Strategy<Value = (LinkType, Vec<u8>)> {
    (ip_packet(), 0..14_u8).prop_map(|(ip, kind)| {
        let four = ip[0] >> 4 == 4;
        let ether_type = if four { IPV4 } else { IPV6 };
        match kind {
            0 => (LinkType::RAW, ip),
            1 => (LinkType::LINUX_SLL, cooked_v1(1, ether_type, &ip)),
            2 => (LinkType::LINUX_SLL2, cooked_v2(1, ether_type, &ip)),
            3 => (LinkType::NULL, [&[if four { 2 } else { 30 }, 0, 0, 0][..], &ip].concat()),
            4 => (LinkType::ETHERNET, ethernet(VLAN, &vlan(7, SERVICE_VLAN, &vlan(8, ether_type, &ip)))),
            5 => (LinkType::ETHERNET, ethernet(MPLS, &mpls(&[1, 2], &ip))),
            6 => (LinkType::ETHERNET, ethernet(PPPOE, &pppoe(&[0, if four { 0x21 } else { 0x57 }], &ip))),
            7 => (LinkType::ETHERNET, snap([0; 3], ether_type, &ip)),
            8 => (LinkType::PPP, [&[0, if four { 0x21 } else { 0x57 }][..], &ip].concat()),
            9 => (LinkType::PPP_HDLC, [&[0xff, 3, if four { 0x21 } else { 0x57 }][..], &ip].concat()),
            10 => (LinkType::C_HDLC, [&[0x0f, 0][..], &ether_type.to_be_bytes(), &ip].concat()),
            11 => (LinkType::IEEE802_11, Radio::qos(3, 0).carrying(ether_type, &ip)),
            12 => {
                let frame = Radio::qos(2, 0).padded().carrying(ether_type, &ip);
                (
                    LinkType::IEEE802_11_RADIOTAP,
                    radiotap(&[0x8000_0003, 4], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20], &frame),
                )
            }
            _ => (LinkType::ETHERNET, ethernet(ether_type, &ip)),
        }
    })
}

/// A datagram between two hosts on the way.
fn sniffed(port: u16, payload: Vec<u8>) -> Vec<u8> {
    ethernet(VLAN, &vlan(9, IPV6, &Ipv6::new("2001:db8::8", "2001:db8::9").udp(port, 9, &payload)))
}

/// The same of a packet of GRE.
fn mirrored(content: &[u8]) -> Vec<u8> {
    ethernet(VLAN, &vlan(9, IPV4, &Ipv4::new("10.0.0.8", "10.0.0.9").carrying(GRE, content)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_lead_astray(
        link in link_type(),
        data in vec(any::<u8>(), 0..200),
        wire_len in any::<u32>(),
        stamp in any::<i64>(),
        options in options(),
    ) {
        let mut decoder = Decoder::new(options);
        let raw = RawPacket { number: 1, stamp: Timestamp::from_nanos(stamp), wire_len, link, data: &data };
        hold_invariants(&mut decoder, &raw);
    }

    #[test]
    fn broken_frames_never_lead_astray(
        frames in vec((frame(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), any::<prop::sample::Index>()), 1..5),
        stamps in vec(any::<i32>(), 5),
    ) {
        let mut decoder = Decoder::new(DecodeOptions::new());
        for (((link, mut data), changes, kept), stamp) in frames.into_iter().zip(stamps) {
            let wire_len = data.len() as u32;
            for (at, byte) in changes {
                *at.get_mut(&mut data[..]) = byte;
            }
            let data = &data[..=kept.index(data.len())];
            hold_invariants(&mut decoder, &RawPacket {
                number: 1, stamp: Timestamp::from_nanos(i64::from(stamp)), wire_len, link, data,
            });
        }
    }

    #[test]
    fn a_cut_packet_counts_the_bytes_of_the_whole_one((link, data) in frame()) {
        let whole = match decode(raw(link, &data)) {
            Decoded::Packet(whole) => whole,
            Decoded::Skipped(skipped) => {
                prop_assert_eq!(skipped.reason, SkipReason::TooDeep);
                return Ok(());
            }
        };
        let mut accepted = false;
        for len in 0..data.len() {
            match Decoder::new(DecodeOptions::new()).decode(&RawPacket { data: &data[..len], ..raw(link, &data) }) {
                Decoded::Skipped(skipped) => {
                    prop_assert_eq!(skipped.reason, SkipReason::Truncated);
                    prop_assert!(!accepted, "more bytes were refused where fewer were not: {}", len);
                }
                Decoded::Packet(cut) => {
                    accepted = true;
                    prop_assert_eq!(cut.wire_len, whole.wire_len);
                    if cut.ip_offset != whole.ip_offset {
                        // The outer packet of a tunnel, and it says that there may be more to it.
                        let flags = PacketFlags::INNER_UNKNOWN.union(PacketFlags::PORTS_UNKNOWN);
                        prop_assert!(cut.flags.intersection(flags) != PacketFlags::default());
                        continue;
                    }
                    let (wire, ip, transport, payload) = sizes(&whole);
                    let unknown = cut.flags.contains(PacketFlags::PAYLOAD_UNKNOWN);
                    prop_assert_eq!(sizes(&cut), (wire, ip, transport, if unknown { 0 } else { payload }));
                    prop_assert_eq!((cut.src, cut.dst, cut.ip_protocol), (whole.src, whole.dst, whole.ip_protocol));
                    if !cut.flags.contains(PacketFlags::PORTS_UNKNOWN) {
                        prop_assert_eq!((cut.src_port, cut.dst_port), (whole.src_port, whole.dst_port));
                    }
                }
            }
        }
    }

    #[test]
    fn what_etherparse_builds_is_what_we_read(
        addresses in any::<[[u8; 16]; 2]>(),
        six in any::<bool>(),
        tags in vec(0_u16..4096, 0..3),
        ports in any::<[u16; 2]>(),
        tcp in any::<bool>(),
        payload in vec(any::<u8>(), 0..60),
        carrier in 0_u8..8,
    ) {
        let builder = PacketBuilder::ethernet2(SRC_MAC, DST_MAC);
        let tag = |nth: usize| VlanId::try_new(tags[nth]).unwrap();
        let [src, dst] = addresses;
        let first_four = |bytes: [u8; 16]| [bytes[0], bytes[1], bytes[2], bytes[3]];
        let builder = match (tags.len(), six) {
            (0, false) => builder.ipv4(first_four(src), first_four(dst), 64),
            (0, true) => builder.ipv6(src, dst, 64),
            (1, false) => builder.single_vlan(tag(0)).ipv4(first_four(src), first_four(dst), 64),
            (1, true) => builder.single_vlan(tag(0)).ipv6(src, dst, 64),
            (_, false) => builder.double_vlan(tag(0), tag(1)).ipv4(first_four(src), first_four(dst), 64),
            (_, true) => builder.double_vlan(tag(0), tag(1)).ipv6(src, dst, 64),
        };
        let mut frame = Vec::new();
        if tcp {
            builder.tcp(ports[0], ports[1], 1, 1024).syn().write(&mut frame, &payload).unwrap();
        } else {
            builder.udp(ports[0], ports[1]).write(&mut frame, &payload).unwrap();
        }
        let (frame, tunnel) = match carrier {
            0 => (sniffed(37008, tzsp(1, 0, 1, &[10, 1, 9, 1], &frame)), Some(Tunnel::Tzsp)),
            1 => (sniffed(5247, capwap(0, false, &[], &frame)), Some(Tunnel::Capwap)),
            2 => (sniffed(4789, vxlan(7, &frame)), Some(Tunnel::Vxlan)),
            3 => (sniffed(6081, geneve(BRIDGED, 7, 1, &frame)), Some(Tunnel::Geneve)),
            4 => (mirrored(&keyed_gre(7, BRIDGED, &frame)), Some(Tunnel::Gre)),
            5 => (mirrored(&erspan_ii(7, &frame)), Some(Tunnel::Erspan)),
            _ => (frame, None),
        };
        let raw = raw(LinkType::ETHERNET, &frame);
        let tunnels = tunnel.map_or(Tunnels::NONE, |tunnel| Tunnels::NONE.with(tunnel));
        let mut decoder = Decoder::new(DecodeOptions::new().tunnels(tunnels));
        let Decoded::Packet(info) = decoder.decode(&raw) else { panic!("refused") };
        prop_assert_eq!(info.tunnel, tunnel);
        let packet = Packet::new(raw, &info);
        let address = |bytes: [u8; 16]| if six { bytes.into() } else { std::net::IpAddr::from(first_four(bytes)) };
        prop_assert_eq!((packet.ip_src(), packet.ip_dst()), (address(src), address(dst)));
        prop_assert_eq!([info.src_port, info.dst_port], ports);
        prop_assert_eq!((info.ip_protocol, info.tcp_flags.syn()), if tcp { (6, true) } else { (17, false) });
        let ids = if tags.is_empty() && tunnel.is_some() { vec![9] } else { tags };
        prop_assert_eq!(info.vlan_id, ids.last().copied().unwrap_or(0));
        prop_assert_eq!(packet.vlan_ids().collect::<Vec<_>>(), ids);
        prop_assert_eq!((info.ttl, packet.flow_label().is_some()), (64, six));
        prop_assert_eq!(packet.payload(), &payload[..]);
        prop_assert_eq!(packet.macs(), Some((SRC_MAC, DST_MAC)));
    }
}
