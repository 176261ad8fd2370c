//! Decoding through tunnels: GTP-U in all its forms, and what only looks like it.

use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, PacketFlags, PacketInfo, SkipReason, Tunnel, Tunnels,
};

use crate::decode::{A, A6, B, B6, cut, packet, raw, skipped};
use crate::support::frames::*;

const KEYED: PacketFlags = PacketFlags::TUNNEL_KEY;

fn inner4() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

fn inner6() -> Vec<u8> {
    Ipv6::new("fe80::1", "fe80::2").udp(1, 2, b"hello")
}

fn on_port_2152(payload: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new(A, B).udp(2152, 2152, payload))
}

fn on_ethernet(frame: &[u8]) -> PacketInfo {
    packet(raw(LinkType::ETHERNET, frame))
}

/// The frame must be no more than the UDP packet that it seems, without any flag.
#[track_caller]
fn stays_outer(frame: &[u8]) {
    let info = on_ethernet(frame);
    assert_eq!((info.tunnel, info.ip_protocol, info.src_port, info.ip_offset), (None, 17, 2152, 14));
    assert_eq!((info.flags, info.tunnel_key), (PacketFlags::default(), 0));
}

#[test]
fn gtp_u_is_opened_over_both_ip_versions_and_for_both() {
    let inners = [(inner4(), (4, 45, 443)), (inner6(), (6, 53, 2))];
    for (inner, told) in inners {
        let over4 = ethernet(IPV4, &Ipv4::new(A, B).udp(2152, 2152, &gtp_u(0xdead_beef, &inner)));
        let over6 = ethernet(IPV6, &Ipv6::new(A6, B6).udp(2152, 2152, &gtp_u(0xdead_beef, &inner)));
        for (frame, ip_offset) in [(over4, 50), (over6, 70)] {
            let info = on_ethernet(&frame);
            assert_eq!((info.ip_version, info.ip_len, info.dst_port), told);
            assert_eq!((info.tunnel, info.tunnel_key, info.flags), (Some(Tunnel::GtpU), 0xdead_beef, KEYED));
            assert_eq!((info.ip_offset, info.wire_len), (ip_offset, frame.len() as u32));
        }
    }
}

#[test]
fn either_port_announces_gtp_u() {
    for (src_port, dst_port) in [(2152, 9), (9, 2152)] {
        let frame = ethernet(IPV4, &Ipv4::new(A, B).udp(src_port, dst_port, &gtp_u(1, &inner4())));
        assert_eq!(on_ethernet(&frame).tunnel, Some(Tunnel::GtpU));
    }
    let frame = ethernet(IPV4, &Ipv4::new(A, B).udp(2151, 2153, &gtp_u(1, &inner4())));
    assert_eq!(on_ethernet(&frame).tunnel, None);
    let frame = ethernet(IPV4, &Ipv4::new(A, B).tcp(2152, 2152, 0x10, &gtp_u(1, &inner4())));
    assert_eq!(on_ethernet(&frame).tunnel, None);
}

#[test]
fn tunnels_stay_closed_without_the_option() {
    let frame = on_port_2152(&gtp_u(1, &inner4()));
    let decoded = Decoder::new(DecodeOptions::new().tunnels(Tunnels::NONE)).decode(&raw(LinkType::ETHERNET, &frame));
    let Decoded::Packet(info) = decoded else { panic!("{decoded:?}") };
    assert_eq!((info.tunnel, info.src_port, info.ip_protocol), (None, 2152, 17));
}

#[test]
fn optional_fields_and_extension_headers_are_stepped_over() {
    let optional = |flags, fields: &[u8]| {
        let info = on_ethernet(&on_port_2152(&gtp_u_with(flags, 0xff, 7, &[fields, &inner4()].concat())));
        (info.tunnel, info.tunnel_key, info.dst_port)
    };
    let opened = (Some(Tunnel::GtpU), 7, 443);
    assert_eq!(optional(0x32, &[0, 1, 0, 0]), opened, "sequence number");
    assert_eq!(optional(0x31, &[0, 0, 9, 0]), opened, "N-PDU number");
    assert_eq!(optional(0x32, &[0, 1, 0, 0x85]), opened, "type without the flag that gives it a meaning");
    assert_eq!(optional(0x34, &[0, 0, 0, 0]), opened, "no extension header after all");
    assert_eq!(optional(0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0]), opened, "one extension header");
    assert_eq!(optional(0x37, &[0, 1, 2, 0x85, 1, 0, 9, 0x40, 2, 0, 0, 0, 0, 0, 0, 0]), opened, "two of them");
}

#[test]
fn what_is_not_gtp_u_with_an_ip_packet_stays_the_outer_packet() {
    let inner = inner4();
    stays_outer(&on_port_2152(b""));
    stays_outer(&on_port_2152(&[0; 100]));
    stays_outer(&on_port_2152(&gtp_u_with(0x50, 0xff, 1, &inner)));
    stays_outer(&on_port_2152(&gtp_u_with(0x20, 0xff, 1, &inner)));
    stays_outer(&on_port_2152(&gtp_u_with(0x30, 0x01, 1, &inner)));
    stays_outer(&on_port_2152(&gtp_u(1, b"")));
    stays_outer(&on_port_2152(&gtp_u(1, &[0; 60])));
    stays_outer(&on_port_2152(&gtp_u_with(0x34, 0xff, 1, &[&[0, 0, 0, 0x85, 0, 0, 0, 0][..], &inner].concat())));
    stays_outer(&on_port_2152(&gtp_u_with(0x34, 0xff, 1, &[&[0, 0, 0, 0x85, 200, 0, 0, 0][..], &inner].concat())));
    let mut too_long = gtp_u(1, &inner);
    too_long[3] += 1;
    stays_outer(&on_port_2152(&too_long));
}

#[test]
fn a_bad_inner_header_leaves_the_outer_packet() {
    let mut bad = inner4();
    bad[0] = 0x44;
    stays_outer(&on_port_2152(&gtp_u(1, &bad)));
    stays_outer(&on_port_2152(&gtp_u(1, &inner4()[..19])));
    let within = Ipv4::new("1.1.1.1", "2.2.2.2").carrying(4, &bad);
    stays_outer(&on_port_2152(&gtp_u(1, &within)));
}

#[test]
fn a_tunnel_in_the_padding_is_none() {
    let mut frame = ethernet(IPV4, &Ipv4::new(A, B).total_len(28).udp(2152, 2152, &gtp_u(1, &inner4())));
    stays_outer(&frame);
    frame.truncate(46);
    stays_outer(&frame);
}

#[test]
fn an_inner_packet_ends_with_its_tunnel() {
    let inner = Ipv4::new("192.168.0.1", "192.168.0.2").total_len(100).carrying(17, b"");
    let frame = on_port_2152(&[&gtp_u(1, &inner)[..], &[0xee; 80]].concat());
    let info = on_ethernet(&frame);
    assert_eq!((info.tunnel, info.src_port, info.dst_port), (Some(Tunnel::GtpU), 0, 0));
    assert_eq!(info.flags, KEYED.union(PacketFlags::PORTS_UNKNOWN));
}

#[test]
fn a_tunnel_whose_inside_was_cut_leaves_the_outer_packet_with_a_flag() {
    let frame = ethernet(
        IPV4,
        &Ipv4::new(A, B).udp(2152, 2152, &gtp_u_with(0x32, 0xff, 1, &[&[0; 4][..], &inner6()].concat())),
    );
    let cut_at = |len| packet(cut(LinkType::ETHERNET, &frame, len));
    for len in 42..94 {
        let info = cut_at(len);
        assert_eq!((info.tunnel, info.src_port, info.tunnel_key), (None, 2152, 0), "{len} bytes");
        assert_eq!(info.flags, PacketFlags::CUT.union(PacketFlags::INNER_UNKNOWN), "{len} bytes");
        assert_eq!(info.payload_len, 65, "{len} bytes");
    }
    let info = cut_at(94);
    assert_eq!((info.tunnel, info.ip_version), (Some(Tunnel::GtpU), 6));
    assert!(info.flags.contains(PacketFlags::PORTS_UNKNOWN) && !info.flags.contains(PacketFlags::INNER_UNKNOWN));
    // Cut, but what was captured already shows that this is no tunnel.
    let other = ethernet(IPV4, &Ipv4::new(A, B).udp(2152, 2152, &[0; 100]));
    assert_eq!(packet(cut(LinkType::ETHERNET, &other, 50)).flags, PacketFlags::CUT);
}

#[test]
fn the_innermost_tunnel_of_several_is_told() {
    let within = Ipv4::new("1.1.1.1", "2.2.2.2").udp(2152, 2152, &gtp_u(2, &inner4()));
    let info = on_ethernet(&on_port_2152(&gtp_u(1, &within)));
    assert_eq!((info.tunnel_key, info.dst_port), (2, 443));
    let ip_in_ip = Ipv4::new("1.1.1.1", "2.2.2.2").carrying(4, &inner4());
    let info = on_ethernet(&on_port_2152(&gtp_u(9, &ip_in_ip)));
    assert_eq!((info.tunnel_key, info.dst_port, info.tunnel), (9, 443, Some(Tunnel::GtpU)));
}

#[test]
fn tunnels_in_tunnels_end_after_sixteen_headers() {
    let nested = |levels| {
        (0..levels).fold(inner4(), |inner, _| Ipv4::new("1.1.1.1", "2.2.2.2").udp(2152, 2152, &gtp_u(1, &inner)))
    };
    assert_eq!(on_ethernet(&ethernet(IPV4, &nested(7))).dst_port, 443);
    assert_eq!(skipped(raw(LinkType::ETHERNET, &ethernet(IPV4, &nested(8)))).reason, SkipReason::TooDeep);
}

#[test]
fn the_vlan_around_a_tunnel_is_that_of_the_inner_packet_too() {
    let outer = Ipv4::new(A, B).udp(2152, 2152, &gtp_u(1, &inner4()));
    let info = on_ethernet(&ethernet(VLAN, &vlan(12, IPV4, &outer)));
    assert_eq!((info.vlan_id, info.dst_port, info.dst_mac_offset), (12, 443, 0));
}

#[test]
fn a_datagram_without_a_length_of_its_own_ends_with_its_packet() {
    let mut datagram = udp(2152, 2152, &gtp_u(1, &inner4()));
    datagram[4..6].fill(0);
    assert_eq!(on_ethernet(&ethernet(IPV4, &Ipv4::new(A, B).carrying(17, &datagram))).dst_port, 443);
}
