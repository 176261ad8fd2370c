//! Decoding through VXLAN, Geneve and Teredo, and what only looks like them.

use flowgauge::packet::{LinkType, Packet, PacketFlags, PacketInfo, Tunnel};

use crate::decode::{A, A6, B, B6, cut, packet, raw};
use crate::support::frames::*;
use crate::support::tunnels::*;

const KEYED: PacketFlags = PacketFlags::TUNNEL_KEY;

fn ipv4() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

fn ipv6() -> Vec<u8> {
    Ipv6::new("fe80::1", "fe80::2").tcp(40000, 443, 0x18, b"hello")
}

fn on_port(port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new(A, B).udp(40001, port, payload))
}

fn on_ethernet(frame: &[u8]) -> PacketInfo {
    packet(raw(LinkType::ETHERNET, frame))
}

/// The last bytes of source and destination MAC address.
fn macs(frame: &[u8], info: &PacketInfo) -> (u8, u8) {
    let (src, dst) = Packet::new(raw(LinkType::ETHERNET, frame), info).macs().unwrap();
    (src[5], dst[5])
}

/// The payload must be a tunnel with the packet behind it, over both IP versions and on either port.
#[track_caller]
fn opens(port: u16, payload: &[u8], tunnel: Tunnel, key: Option<u32>, ends: (u8, u8)) {
    let (over4, over6) = (Ipv4::new(A, B), Ipv6::new(A6, B6));
    let frames = [
        ethernet(IPV4, &over4.udp(40001, port, payload)),
        ethernet(IPV4, &over4.udp(port, port, payload)),
        ethernet(IPV6, &over6.udp(port, 40001, payload)),
    ];
    for frame in frames {
        let info = on_ethernet(&frame);
        assert_eq!((info.tunnel, info.src_port, info.dst_port), (Some(tunnel), 40000, 443));
        let flags = if key.is_some() { KEYED } else { PacketFlags::default() };
        assert_eq!((info.tunnel_key, info.flags, macs(&frame, &info)), (key.unwrap_or(0), flags, ends));
        assert_eq!(info.wire_len, frame.len() as u32);
        assert_eq!(info.ip_len, if info.ip_version == 4 { 45 } else { 65 });
        assert_eq!(Packet::new(raw(LinkType::ETHERNET, &frame), &info).payload(), b"hello");
    }
}

/// The payload must be no more than that of the UDP packet that it seems, without any flag.
#[track_caller]
fn stays_outer(port: u16, payload: &[u8]) {
    let frame = on_port(port, payload);
    let info = on_ethernet(&frame);
    assert_eq!((info.tunnel, info.ip_protocol, info.dst_port, info.ip_offset), (None, 17, port, 14));
    assert_eq!((info.flags, info.tunnel_key, macs(&frame, &info)), (PacketFlags::default(), 0, (1, 2)));
}

#[test]
fn vxlan_shows_the_frame_of_a_virtual_machine() {
    for (ether_type, ip) in [(IPV4, ipv4()), (IPV6, ipv6())] {
        let frame = inner_ethernet(ether_type, &ip);
        opens(4789, &vxlan(0x00ab_cdef, &frame), Tunnel::Vxlan, Some(0x00ab_cdef), (8, 7));
        // All bits but one are reserved and to be ignored; group policies use some of them.
        opens(4789, &vxlan_with(0xff, 9, 7, &frame), Tunnel::Vxlan, Some(7), (8, 7));
    }
    let labelled = inner_ethernet(MPLS, &mpls(&[16, 17], &ipv4()));
    opens(4789, &vxlan(0, &labelled), Tunnel::Vxlan, Some(0), (8, 7));
}

#[test]
fn what_is_not_vxlan_with_an_ip_packet_stays_the_outer_packet() {
    let frame = inner_ethernet(IPV4, &ipv4());
    stays_outer(4789, b"");
    stays_outer(4789, &[0; 100]);
    stays_outer(4789, &vxlan_with(0xf7, 0, 7, &frame));
    stays_outer(4789, &vxlan(7, &inner_ethernet(0x0806, &[0; 28])));
    stays_outer(4789, &vxlan(7, &ipv4()));
    stays_outer(4789, &vxlan(7, &frame)[..7]);
    stays_outer(4789, &vxlan(7, &frame[..13]));
    stays_outer(4789, &vxlan(7, &frame[..33]));
    stays_outer(4788, &vxlan(7, &frame));
}

#[test]
fn the_generic_extension_of_vxlan_names_what_it_carries() {
    let frame = inner_ethernet(IPV4, &ipv4());
    opens(4790, &vxlan_with(0x0c, 1, 7, &ipv4()), Tunnel::Vxlan, Some(7), (1, 2));
    opens(4790, &vxlan_with(0x0c, 2, 7, &ipv6()), Tunnel::Vxlan, Some(7), (1, 2));
    opens(4790, &vxlan_with(0x0c, 3, 7, &frame), Tunnel::Vxlan, Some(7), (8, 7));
    opens(4790, &vxlan_with(0x08, 1, 7, &frame), Tunnel::Vxlan, Some(7), (8, 7));
    stays_outer(4790, &vxlan_with(0x0c, 4, 7, &frame));
    stays_outer(4790, &vxlan_with(0x0c, 2, 7, &ipv4()));
    stays_outer(4790, &vxlan_with(0x1c, 1, 7, &ipv4()));
    stays_outer(4790, &vxlan_with(0x04, 1, 7, &ipv4()));
    stays_outer(4789, &vxlan_with(0x0c, 1, 7, &ipv4()));
}

#[test]
fn geneve_shows_what_stands_behind_its_options() {
    let frame = inner_ethernet(IPV4, &ipv4());
    for words in [0, 1, 63] {
        opens(6081, &geneve(BRIDGED, 0x00ff_ffff, words, &frame), Tunnel::Geneve, Some(0x00ff_ffff), (8, 7));
        opens(6081, &geneve(IPV4, 9, words, &ipv4()), Tunnel::Geneve, Some(9), (1, 2));
        opens(6081, &geneve(IPV6, 9, words, &ipv6()), Tunnel::Geneve, Some(9), (1, 2));
        opens(6081, &geneve(MPLS, 9, words, &mpls(&[16], &ipv6())), Tunnel::Geneve, Some(9), (1, 2));
    }
}

#[test]
fn what_is_not_geneve_with_an_ip_packet_stays_the_outer_packet() {
    let frame = inner_ethernet(IPV4, &ipv4());
    stays_outer(6081, b"");
    stays_outer(6081, &[0; 100]);
    stays_outer(6081, &geneve(0x0806, 9, 0, &ipv4()));
    stays_outer(6081, &geneve(IPV4, 9, 0, &ipv6()));
    stays_outer(6081, &geneve(BRIDGED, 9, 0, &ipv4()));
    stays_outer(6081, &geneve(BRIDGED, 9, 2, &frame)[..20]);
    let mut version_1 = geneve(BRIDGED, 9, 0, &frame);
    version_1[0] = 0x40;
    stays_outer(6081, &version_1);
    let mut options_to_the_end = geneve(BRIDGED, 9, 0, &frame);
    options_to_the_end[0] = 0x3f;
    stays_outer(6081, &options_to_the_end);
}

#[test]
fn teredo_shows_ipv6_with_or_without_what_a_server_says_of_it() {
    let direct = ipv6();
    let indications = [
        vec![],
        ORIGIN.to_vec(),
        authentication(0, 0),
        authentication(3, 20),
        [authentication(0, 0), ORIGIN.to_vec()].concat(),
    ];
    for indication in indications {
        opens(3544, &[&indication[..], &direct].concat(), Tunnel::Teredo, None, (1, 2));
        opens(3544, &[&indication[..], &direct, &[1, 4, 0, 0, 0, 0]].concat(), Tunnel::Teredo, None, (1, 2));
    }
}

#[test]
fn what_is_not_teredo_with_an_ipv6_packet_stays_the_outer_packet() {
    stays_outer(3544, b"");
    stays_outer(3544, &[0; 100]);
    stays_outer(3544, &ipv4());
    stays_outer(3544, &ORIGIN);
    stays_outer(3544, &[0, 1, 255, 255]);
    stays_outer(3544, &authentication(2, 2));
    stays_outer(3544, &[&ORIGIN[..], &authentication(0, 0), &ipv6()].concat());
    // Without a header of the tunnel's own the packet itself is to be right.
    let ipv6 = ipv6();
    stays_outer(3544, &ipv6[..ipv6.len() - 1]);
    stays_outer(3544, &[0x60; 60]);
}

#[test]
fn an_overlay_whose_inside_was_cut_leaves_the_outer_packet_with_a_flag() {
    let (frame, tagged) = (inner_ethernet(IPV6, &ipv6()), inner_ethernet(VLAN, &vlan(5, IPV6, &ipv6())));
    let tunnels = [
        on_port(4789, &vxlan(7, &frame)),
        on_port(4789, &vxlan(7, &tagged)),
        on_port(4790, &vxlan_with(0x0c, 2, 7, &ipv6())),
        on_port(6081, &geneve(BRIDGED, 7, 9, &tagged)),
        on_port(6081, &geneve(IPV6, 7, 1, &ipv6())),
        on_port(3544, &ipv6()),
        on_port(3544, &[&authentication(4, 4)[..], &ORIGIN, &ipv6()].concat()),
    ];
    for frame in tunnels {
        let inner_transport = frame.len() - 25;
        for len in 42..inner_transport {
            let info = packet(cut(LinkType::ETHERNET, &frame, len));
            assert_eq!((info.tunnel, info.ip_version, info.tunnel_key), (None, 4, 0), "{len} bytes");
            assert_eq!(info.flags, PacketFlags::CUT.union(PacketFlags::INNER_UNKNOWN), "{len} bytes");
            assert_eq!(info.payload_len as usize, frame.len() - 42, "{len} bytes");
        }
        let info = packet(cut(LinkType::ETHERNET, &frame, inner_transport));
        assert_eq!((info.tunnel.is_some(), info.ip_version, info.ip_len), (true, 6, 65));
        assert!(!info.flags.contains(PacketFlags::INNER_UNKNOWN));
    }
    // Cut, but what was captured already shows that these are no tunnels.
    for port in [4789, 4790, 6081, 3544] {
        assert_eq!(packet(cut(LinkType::ETHERNET, &on_port(port, &[0x40; 100]), 60)).flags, PacketFlags::CUT);
    }
}

#[test]
fn an_overlay_ends_with_its_datagram() {
    let ip = Ipv4::new("192.168.0.1", "192.168.0.2").total_len(100).carrying(17, b"");
    let behind = [&[1, 1, 1, 1][..], &inner_ethernet(IPV4, &ipv4())].concat();
    for (port, payload) in [
        (4789, vxlan(7, &inner_ethernet(IPV4, &ip))),
        (6081, geneve(IPV4, 7, 3, &ip)),
        (4790, vxlan_with(0x0c, 1, 7, &ip)),
        (4789, vxlan(7, &inner_ethernet(IPV4, &[])[..10])),
        (6081, geneve(BRIDGED, 7, 3, &[])),
    ] {
        let datagram = udp(port, port, &payload);
        let in_the_packet = ethernet(IPV4, &Ipv4::new(A, B).carrying(17, &[&datagram[..], &behind].concat()));
        let in_the_frame = [ethernet(IPV4, &Ipv4::new(A, B).carrying(17, &datagram)), behind.clone()].concat();
        for frame in [in_the_packet, in_the_frame] {
            let info = on_ethernet(&frame);
            assert!(info.src_port != 0x0101 && info.src_port != 40000, "{info:?}");
            assert_eq!(info.flags.contains(PacketFlags::PORTS_UNKNOWN), info.tunnel.is_some());
        }
    }
}

#[test]
fn a_port_of_one_tunnel_does_not_hide_another() {
    let vxlan = vxlan(3, &inner_ethernet(IPV4, &ipv4()));
    let gtp = gtp_u(5, &ipv4());
    for (src_port, dst_port) in [(4789, 2152), (2152, 4789)] {
        let tunnel = |payload: &[u8]| on_ethernet(&ethernet(IPV4, &Ipv4::new(A, B).udp(src_port, dst_port, payload)));
        assert_eq!((tunnel(&vxlan).tunnel, tunnel(&vxlan).tunnel_key), (Some(Tunnel::Vxlan), 3));
        assert_eq!((tunnel(&gtp).tunnel, tunnel(&gtp).tunnel_key), (Some(Tunnel::GtpU), 5));
    }
}
