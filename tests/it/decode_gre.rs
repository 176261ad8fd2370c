//! Decoding through GRE and all that goes by its number: NVGRE, ERSPAN, PPTP; and what only looks like them.

use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, Packet, PacketFlags, PacketInfo, SkipReason, Tunnel, Tunnels,
};

use crate::decode::{A, A6, B, B6, cut, packet, raw, skipped};
use crate::support::frames::*;
use crate::support::tunnels::*;

fn ipv4() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

fn ipv6() -> Vec<u8> {
    Ipv6::new("fe80::1", "fe80::2").tcp(40000, 443, 0x18, b"hello")
}

fn on_gre(content: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new(A, B).carrying(GRE, content))
}

fn on_ethernet(frame: &[u8]) -> PacketInfo {
    packet(raw(LinkType::ETHERNET, frame))
}

/// The last bytes of source and destination MAC address.
fn macs(frame: &[u8], info: &PacketInfo) -> (u8, u8) {
    let (src, dst) = Packet::new(raw(LinkType::ETHERNET, frame), info).macs().unwrap();
    (src[5], dst[5])
}

/// The packet must be a tunnel with the packet behind it, over both IP versions.
#[track_caller]
fn opens(content: &[u8], tunnel: Tunnel, key: Option<u32>, ends: (u8, u8)) {
    let over6 = Ipv6::new(A6, B6).extension(60, &extension(1)).carrying(GRE, content);
    for frame in [on_gre(content), ethernet(IPV6, &over6)] {
        let info = on_ethernet(&frame);
        assert_eq!((info.tunnel, info.src_port, info.dst_port), (Some(tunnel), 40000, 443));
        let flags = if key.is_some() { PacketFlags::TUNNEL_KEY } else { PacketFlags::default() };
        assert_eq!((info.tunnel_key, info.flags, macs(&frame, &info)), (key.unwrap_or(0), flags, ends));
        assert_eq!(info.wire_len, frame.len() as u32);
        assert_eq!(info.ip_len, if info.ip_version == 4 { 45 } else { 65 });
        assert_eq!(Packet::new(raw(LinkType::ETHERNET, &frame), &info).payload(), b"hello");
    }
}

/// The packet must be no more than one of protocol 47, without any flag.
#[track_caller]
fn stays_outer(content: &[u8]) {
    let frame = on_gre(content);
    let info = on_ethernet(&frame);
    assert_eq!((info.tunnel, info.ip_protocol, info.dst_port, info.ip_offset), (None, 47, 0, 14));
    assert_eq!((info.flags, info.tunnel_key, macs(&frame, &info)), (PacketFlags::default(), 0, (1, 2)));
    assert_eq!((info.transport_len, info.payload_len), (content.len() as u32, content.len() as u32));
}

#[test]
fn gre_is_opened_behind_any_of_its_fields() {
    let (sum, key, number) = ([0xab, 0xcd, 0, 0], [0xde, 0xad, 0xbe, 0xef], [0, 0, 0, 9]);
    let forms = [
        (0x0000, vec![], None),
        (0x8000, sum.to_vec(), None),
        (0x1000, number.to_vec(), None),
        (0x9000, [sum, number].concat(), None),
        (0x2000, key.to_vec(), Some(0xdead_beef)),
        (0xa000, [sum, key].concat(), Some(0xdead_beef)),
        (0x3000, [key, number].concat(), Some(0xdead_beef)),
        (0xb000, [sum, key, number].concat(), Some(0xdead_beef)),
        // Reserved and to be ignored.
        (0x23f8, key.to_vec(), Some(0xdead_beef)),
    ];
    for (flags, fields, key) in forms {
        opens(&gre(flags, IPV4, &fields, &ipv4()), Tunnel::Gre, key, (1, 2));
        opens(&gre(flags, IPV6, &fields, &ipv6()), Tunnel::Gre, key, (1, 2));
        opens(&gre(flags, BRIDGED, &fields, &inner_ethernet(IPV6, &ipv6())), Tunnel::Gre, key, (8, 7));
        opens(&gre(flags, MPLS, &fields, &mpls(&[16, 17], &ipv4())), Tunnel::Gre, key, (1, 2));
    }
}

#[test]
fn the_key_of_nvgre_is_the_whole_field() {
    let (subnet, flow) = (0x00ab_cdef, 0x12);
    let frame = inner_ethernet(VLAN, &vlan(9, IPV4, &ipv4()));
    opens(&keyed_gre(subnet << 8 | flow, BRIDGED, &frame), Tunnel::Gre, Some(0xabcd_ef12), (8, 7));
}

#[test]
fn what_is_not_gre_with_an_ip_packet_stays_the_outer_packet() {
    stays_outer(b"");
    stays_outer(&[0; 100]);
    stays_outer(&gre(0, 0x0806, &[], &ipv4()));
    stays_outer(&gre(0, IPV4, &[], &ipv6()));
    stays_outer(&gre(0, IPV6, &[], &ipv4()));
    stays_outer(&gre(0, IPV4, &[], &ipv4()[..19]));
    stays_outer(&gre(0, BRIDGED, &[], &ipv4()));
    stays_outer(&gre(0, BRIDGED, &[], &inner_ethernet(0x0806, &[0; 28])));
    stays_outer(&gre(0x4000, IPV4, &[0; 4], &ipv4()));
    stays_outer(&gre(0x0800, IPV4, &[], &ipv4()));
    stays_outer(&gre(0x0400, IPV4, &[], &ipv4()));
    stays_outer(&gre(0x0002, IPV4, &[], &ipv4()));
    stays_outer(&gre(0x0001, IPV4, &[], &ipv4()));
    stays_outer(&gre(0xb000, IPV4, &[0; 10], &[]));
    stays_outer(&keyed_gre(1, IPV4, &[]));
}

#[test]
fn pptp_shows_the_packets_of_its_ppp_session() {
    for protocol in [&[0, 0x21][..], &[0x21], &[0xff, 3, 0, 0x21], &[0xff, 3, 0x21]] {
        opens(&pptp(7, &[protocol, &ipv4()].concat()), Tunnel::Gre, Some(7), (1, 2));
    }
    opens(&pptp(0xffff, &[&[0, 0x57][..], &ipv6()].concat()), Tunnel::Gre, Some(0xffff), (1, 2));
    // Without an acknowledgement.
    let fields = [0, 47, 0, 7, 0, 0, 0, 1];
    let ppp = [&[0, 0x21][..], &ipv4()].concat();
    opens(&gre(0x3001, 0x880b, &fields, &ppp), Tunnel::Gre, Some(7), (1, 2));

    stays_outer(&gre(0xb001, 0x880b, &[0; 12], &ppp));
    stays_outer(&gre(0x1001, 0x880b, &[0; 4], &ppp));
    stays_outer(&gre(0x3002, 0x880b, &fields, &ppp));
    stays_outer(&pptp(7, &[&[0, 0xfd][..], &ipv4()].concat()));
    stays_outer(&pptp(7, &[0xff, 3]));
    // Nothing but an acknowledgement, and one with a packet behind its end.
    stays_outer(&gre(0x2081, 0x880b, &[0, 0, 0, 7, 0, 0, 0, 9], &[]));
    stays_outer(&gre(0x3081, 0x880b, &[0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 9], &ppp));
}

#[test]
fn erspan_shows_the_frame_that_a_switch_saw() {
    for (ether_type, ip) in [(IPV4, ipv4()), (IPV6, ipv6())] {
        let frame = inner_ethernet(ether_type, &ip);
        opens(&gre(0, ERSPAN, &[], &frame), Tunnel::Erspan, None, (8, 7));
        opens(&keyed_gre(77, ERSPAN, &frame), Tunnel::Erspan, Some(77), (8, 7));
        opens(&erspan_ii(0x3ff, &frame), Tunnel::Erspan, Some(0x3ff), (8, 7));
        opens(&erspan_iii(0x155, 0, false, &frame), Tunnel::Erspan, Some(0x155), (8, 7));
        opens(&erspan_iii(0x155, 0, true, &frame), Tunnel::Erspan, Some(0x155), (8, 7));
        opens(&erspan_iii(0, 2, false, &ip), Tunnel::Erspan, Some(0), (1, 2));
    }
    // The session, not the key of the GRE header, which some send too.
    let ii = &erspan_ii(5, &inner_ethernet(IPV4, &ipv4()))[8..];
    opens(&gre(0x3000, ERSPAN, &[0, 0, 0, 9, 0, 0, 0, 1], ii), Tunnel::Erspan, Some(5), (8, 7));
}

#[test]
fn what_is_not_erspan_with_an_ip_packet_stays_the_outer_packet() {
    let frame = inner_ethernet(IPV4, &ipv4());
    stays_outer(&gre(0, ERSPAN, &[], &ipv4()));
    stays_outer(&gre(0, ERSPAN, &[], &frame[..13]));
    stays_outer(&gre(0x1000, ERSPAN, &[0; 4], &frame));
    stays_outer(&gre(0x1000, ERSPAN, &[0; 4], &[0x30; 80]));
    stays_outer(&gre(0x4000, ERSPAN, &[0; 4], &frame));
    stays_outer(&erspan_ii(5, &inner_ethernet(0x0806, &[0; 28])));
    stays_outer(&erspan_ii(5, &[]));
    stays_outer(&erspan_iii(5, 1, false, &frame));
    stays_outer(&erspan_iii(5, 2, false, &frame));
    stays_outer(&erspan_iii(5, 0, true, &[]));
    stays_outer(&erspan_iii(5, 2, false, &[]));
    stays_outer(&gre(0x1000, ERSPAN_III, &[0; 4], &[0x20, 0, 0, 0, 0, 0, 0, 0]));
}

#[test]
fn the_vlan_is_that_of_the_frame_and_not_what_the_switch_says() {
    let vlan_id = |content: &[u8]| on_ethernet(&on_gre(content)).vlan_id;
    assert_eq!(vlan_id(&erspan_ii(5, &inner_ethernet(IPV4, &ipv4()))), 0);
    assert_eq!(vlan_id(&erspan_ii(5, &inner_ethernet(VLAN, &vlan(31, IPV4, &ipv4())))), 31);
}

#[test]
fn gre_whose_inside_was_cut_leaves_the_outer_packet_with_a_flag() {
    let frame = inner_ethernet(IPV6, &ipv6());
    let tunnels = [
        gre(0xb000, IPV6, &[0; 12], &ipv6()),
        keyed_gre(1, BRIDGED, &frame),
        gre(0, MPLS, &[], &mpls(&[16, 17], &ipv6())),
        gre(0, ERSPAN, &[], &frame),
        erspan_ii(5, &frame),
        erspan_iii(5, 0, true, &inner_ethernet(VLAN, &vlan(5, IPV6, &ipv6()))),
        erspan_iii(5, 2, false, &ipv6()),
        pptp(7, &[&[0xff, 3, 0, 0x57][..], &ipv6()].concat()),
    ];
    for content in tunnels {
        let frame = on_gre(&content);
        let inner_transport = frame.len() - 25;
        for len in 34..inner_transport {
            let info = packet(cut(LinkType::ETHERNET, &frame, len));
            assert_eq!((info.tunnel, info.ip_protocol, info.tunnel_key), (None, 47, 0), "{len} bytes");
            assert_eq!(info.flags, PacketFlags::CUT.union(PacketFlags::INNER_UNKNOWN), "{len} bytes");
            assert_eq!(info.payload_len as usize, content.len(), "{len} bytes");
        }
        let info = packet(cut(LinkType::ETHERNET, &frame, inner_transport));
        assert_eq!((info.tunnel.is_some(), info.ip_version, info.ip_len), (true, 6, 65));
        assert!(!info.flags.contains(PacketFlags::INNER_UNKNOWN));
    }
    // Cut, but what was captured already shows that these are no tunnels.
    for content in [gre(0x2000, 0x883e, &[0; 4], &[0; 60]), gre(0x2001, IPV4, &[0; 4], &[0; 60]), vec![0; 60]] {
        for len in 38..60 {
            assert_eq!(packet(cut(LinkType::ETHERNET, &on_gre(&content), len)).flags, PacketFlags::CUT);
        }
    }
}

#[test]
fn gre_that_nobody_asked_for_stays_closed_without_a_word() {
    let frame = on_gre(&keyed_gre(1, IPV4, &ipv4()));
    let mirrored = on_gre(&erspan_ii(5, &inner_ethernet(IPV4, &ipv4())));
    for frame in [&frame, &mirrored] {
        for options in [DecodeOptions::nfstream(), DecodeOptions::new().tunnels(Tunnels::NONE)] {
            for len in 34..frame.len() {
                let cut = cut(LinkType::ETHERNET, frame, len);
                let Decoded::Packet(info) = Decoder::new(options).decode(&cut) else { panic!() };
                assert_eq!((info.tunnel, info.ip_protocol, info.flags), (None, 47, PacketFlags::CUT));
            }
        }
    }
    for asked in [Tunnel::Gre, Tunnel::Erspan] {
        let options = DecodeOptions::new().tunnels(Tunnels::NONE.with(asked));
        for (frame, tunnel) in [(&frame, Tunnel::Gre), (&mirrored, Tunnel::Erspan)] {
            let raw = raw(LinkType::ETHERNET, frame);
            let Decoded::Packet(info) = Decoder::new(options).decode(&raw) else { panic!() };
            assert_eq!(info.tunnel, (asked == tunnel).then_some(asked));
        }
    }
}

#[test]
fn gre_in_gre_ends_after_sixteen_headers() {
    let nested = |levels| {
        (0..levels)
            .fold(ipv4(), |inner, level| Ipv4::new("1.1.1.1", "2.2.2.2").carrying(GRE, &keyed_gre(level, IPV4, &inner)))
    };
    let info = on_ethernet(&ethernet(IPV4, &nested(7)));
    assert_eq!((info.dst_port, info.tunnel_key), (443, 0));
    assert_eq!(skipped(raw(LinkType::ETHERNET, &ethernet(IPV4, &nested(8)))).reason, SkipReason::TooDeep);
}
