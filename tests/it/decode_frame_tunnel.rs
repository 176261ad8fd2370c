//! Decoding through tunnels that carry whole frames: TZSP and CAPWAP, and what only looks like them.

use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, Packet, PacketFlags, PacketInfo, RadioMacs, SkipReason, Tunnel, Tunnels,
};

use crate::decode::{A, A6, B, B6, cut, packet, raw, skipped};
use crate::support::frames::*;

/// Padding, a signal strength, a sensor's address, an unknown tag without content, the end.
const TAGS: &[u8] = &[0, 10, 1, 0xc8, 0, 60, 6, 2, 0, 0, 0, 0, 9, 99, 0, 1];

fn ipv4() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

/// An Ethernet frame whose addresses are not those of the frame around it.
fn inner_ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&Radio::address(7)[..], &Radio::address(8), &ether_type.to_be_bytes(), payload].concat()
}

fn on_port(port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new(A, B).udp(port, port, payload))
}

fn on_tzsp(protocol: u16, tags: &[u8], frame: &[u8]) -> Vec<u8> {
    on_port(37008, &tzsp(1, 0, protocol, tags, frame))
}

fn on_ethernet(frame: &[u8]) -> PacketInfo {
    packet(raw(LinkType::ETHERNET, frame))
}

/// The last bytes of source and destination MAC address.
fn macs(frame: &[u8], info: &PacketInfo) -> (u8, u8) {
    let (src, dst) = Packet::new(raw(LinkType::ETHERNET, frame), info).macs().unwrap();
    (src[5], dst[5])
}

#[track_caller]
fn opens(frame: &[u8], tunnel: Tunnel, ends: (u8, u8)) {
    let info = on_ethernet(frame);
    assert_eq!((info.tunnel, info.src_port, info.dst_port), (Some(tunnel), 40000, 443));
    assert_eq!((info.flags, info.tunnel_key, macs(frame, &info)), (PacketFlags::default(), 0, ends));
    assert_eq!((info.ip_len, info.wire_len), (45, frame.len() as u32));
    assert_eq!(Packet::new(raw(LinkType::ETHERNET, frame), &info).payload(), b"hello");
}

/// The frame must be no more than the UDP packet that it seems, without any flag.
#[track_caller]
fn stays_outer(frame: &[u8]) {
    let info = on_ethernet(frame);
    assert_eq!((info.tunnel, info.ip_protocol, info.ip_offset), (None, 17, 14));
    assert!(matches!(info.src_port, 5247 | 37008));
    assert_eq!((info.flags, macs(frame, &info)), (PacketFlags::default(), (1, 2)));
}

#[test]
fn tzsp_shows_the_ethernet_or_radio_frame_that_a_sensor_saw() {
    for tags in [TAGS, &[1], &[0, 0, 1]] {
        opens(&on_tzsp(1, tags, &inner_ethernet(IPV4, &ipv4())), Tunnel::Tzsp, (8, 7));
        opens(&on_tzsp(18, tags, &Radio::qos(2, 0).carrying(IPV4, &ipv4())), Tunnel::Tzsp, (3, 1));
    }
    let over6 = Ipv6::new(A6, B6).udp(9, 37008, &tzsp(1, 0, 1, TAGS, &inner_ethernet(IPV4, &ipv4())));
    opens(&ethernet(IPV6, &over6), Tunnel::Tzsp, (8, 7));
    let inner6 = inner_ethernet(IPV6, &Ipv6::new(A6, B6).udp(1, 2, b"hello"));
    assert_eq!(on_ethernet(&on_tzsp(1, TAGS, &inner6)).ip_version, 6);
    let labelled = inner_ethernet(MPLS, &mpls(&[16, 17], &ipv4()));
    opens(&on_tzsp(1, TAGS, &labelled), Tunnel::Tzsp, (8, 7));
}

#[test]
fn what_is_not_tzsp_with_an_ip_packet_stays_the_outer_packet() {
    let inner = inner_ethernet(IPV4, &ipv4());
    let radio = Radio::data(1).carrying(IPV4, &ipv4());
    stays_outer(&on_port(37008, b""));
    stays_outer(&on_port(37008, &[0; 100]));
    stays_outer(&on_port(37008, &tzsp(2, 0, 1, TAGS, &inner)));
    stays_outer(&on_port(37008, &tzsp(1, 1, 1, TAGS, &inner)));
    stays_outer(&on_port(37008, &tzsp(1, 4, 0, &[], &[])));
    stays_outer(&on_tzsp(119, TAGS, &inner));
    stays_outer(&on_tzsp(1, &[], &[0; 80]));
    stays_outer(&on_tzsp(1, &[5, 200], &inner));
    stays_outer(&on_tzsp(1, TAGS, &inner_ethernet(0x0806, &[0; 28])));
    stays_outer(&on_tzsp(1, TAGS, &inner[..13]));
    stays_outer(&on_tzsp(1, TAGS, &inner[..33]));
    stays_outer(&on_tzsp(18, TAGS, &inner));
    stays_outer(&on_tzsp(18, TAGS, &Radio::data(0x41).carrying(IPV4, &ipv4())));
    stays_outer(&on_tzsp(18, TAGS, &radio[..40]));
    let mut bad = inner;
    bad[14] = 0x44;
    stays_outer(&on_tzsp(1, TAGS, &bad));
}

#[test]
fn capwap_shows_the_frame_of_a_station_in_either_form() {
    let radio = |radio: Radio| radio.carrying(IPV4, &ipv4());
    let station_mac = [&[6][..], &[9; 6], &[0]].concat();
    let signal = [4, 1, 2, 3, 4, 0, 0, 0];
    let forms = [
        (0, vec![]),
        (0x10, station_mac.clone()),
        (0x20, signal.to_vec()),
        (0x30, [&station_mac[..], &signal].concat()),
    ];
    for (flags, optional) in forms {
        let on = |native, frame: &[u8]| on_port(5247, &capwap(flags, native, &optional, frame));
        opens(&on(false, &inner_ethernet(IPV4, &ipv4())), Tunnel::Capwap, (8, 7));
        opens(&on(true, &radio(Radio::data(1))), Tunnel::Capwap, (2, 3));
        opens(&on(true, &radio(Radio::data(2))), Tunnel::Capwap, (3, 1));
        opens(&on(true, &radio(Radio::data(1).swapped())), Tunnel::Capwap, (2, 3));
        opens(&on(true, &radio(Radio::data(2).swapped())), Tunnel::Capwap, (3, 1));
        opens(&on(true, &radio(Radio::qos(2, 0).swapped())), Tunnel::Capwap, (3, 1));
    }
    let over6 = Ipv6::new(A6, B6).udp(5247, 9, &capwap(0, true, &[], &radio(Radio::data(2).swapped())));
    opens(&ethernet(IPV6, &over6), Tunnel::Capwap, (3, 1));
    // All of it in one datagram after all.
    opens(&on_port(5247, &capwap(0xc0, true, &[], &radio(Radio::data(1)))), Tunnel::Capwap, (2, 3));
}

#[test]
fn what_is_not_capwap_with_an_ip_packet_stays_the_outer_packet() {
    let radio = Radio::data(1).carrying(IPV4, &ipv4());
    let changed = |at: usize, byte: u8| {
        let mut data = capwap(0, true, &[], &radio);
        data[at] = byte;
        on_port(5247, &data)
    };
    stays_outer(&on_port(5247, b""));
    stays_outer(&on_port(5247, &[0; 100]));
    stays_outer(&changed(0, 0x10));
    stays_outer(&changed(0, 0x01));
    stays_outer(&changed(1, 0x08));
    stays_outer(&changed(1, 0xf8));
    stays_outer(&changed(2, 0x47));
    stays_outer(&changed(2, 0x42));
    stays_outer(&changed(3, 0x08));
    stays_outer(&changed(3, 0x80));
    let mut last_part = capwap(0xc0, true, &[], &radio);
    last_part[7] = 8;
    stays_outer(&on_port(5247, &last_part));
    stays_outer(&on_port(5247, &capwap(0, true, &[], &Radio::data(0x41).swapped().carrying(IPV4, &ipv4()))));
    stays_outer(&on_port(5247, &capwap(0, true, &[], &Radio::data(1).kind(0x80).carrying(IPV4, &ipv4()))));
    stays_outer(&on_port(5247, &capwap(0, false, &[], &inner_ethernet(0x0806, &[0; 28]))));
    stays_outer(&on_port(5247, &capwap(0, true, &[], &radio[..30])));
}

#[test]
fn an_inner_frame_ends_with_its_datagram() {
    let ip = Ipv4::new("192.168.0.1", "192.168.0.2").total_len(100).carrying(17, b"");
    for payload in [tzsp(1, 0, 1, TAGS, &inner_ethernet(IPV4, &ip)), tzsp(1, 0, 1, &[0; 40], &[])] {
        let frame = [&on_port(37008, &payload)[..], &[1, 1, 1, 1], &inner_ethernet(IPV4, &ipv4())].concat();
        let info = on_ethernet(&frame);
        assert!(info.src_port != 0x0101 && info.src_port != 40000, "{info:?}");
        assert_eq!(info.flags.contains(PacketFlags::PORTS_UNKNOWN), info.tunnel.is_some());
    }
}

#[test]
fn a_frame_whose_inside_was_cut_leaves_the_outer_packet_with_a_flag() {
    let ip = Ipv6::new("fe80::1", "fe80::2").udp(1, 2, b"hello");
    let inners = [
        on_tzsp(1, TAGS, &inner_ethernet(IPV6, &ip)),
        on_tzsp(18, TAGS, &Radio::qos(1, 0).carrying(IPV6, &ip)),
        on_port(5247, &capwap(0, true, &[], &Radio::qos(1, 0).carrying(IPV6, &ip))),
        on_port(5247, &capwap(0x10, false, &[0; 8], &inner_ethernet(IPV6, &ip))),
    ];
    for frame in inners {
        let inner_transport = frame.len() - 13;
        for len in 42..inner_transport {
            let info = packet(cut(LinkType::ETHERNET, &frame, len));
            assert_eq!((info.tunnel, info.ip_version), (None, 4), "{len} bytes");
            assert_eq!(info.flags, PacketFlags::CUT.union(PacketFlags::INNER_UNKNOWN), "{len} bytes");
            assert_eq!((info.src_mac_offset, info.dst_mac_offset), (6, 0));
        }
        let info = packet(cut(LinkType::ETHERNET, &frame, inner_transport));
        assert_eq!((info.tunnel.is_some(), info.ip_version, info.ip_len), (true, 6, 53));
        assert!(!info.flags.contains(PacketFlags::INNER_UNKNOWN));
    }
    // Cut, but what was captured already shows that this is no tunnel.
    let other = on_port(37008, &[9; 100]);
    assert_eq!(packet(cut(LinkType::ETHERNET, &other, 50)).flags, PacketFlags::CUT);
}

#[test]
fn the_vlan_of_the_inner_frame_comes_before_that_of_the_outer() {
    let vlans = |frame: &[u8]| {
        let info = on_ethernet(frame);
        assert_eq!(info.dst_port, 443);
        let ids: Vec<_> = Packet::new(raw(LinkType::ETHERNET, frame), &info).vlan_ids().collect();
        (info.vlan_id, ids)
    };
    let tagged = |frame: Vec<u8>| ethernet(VLAN, &vlan(12, IPV4, &frame[14..]));
    let plain = on_tzsp(1, TAGS, &inner_ethernet(IPV4, &ipv4()));
    let inner = on_tzsp(1, TAGS, &inner_ethernet(SERVICE_VLAN, &vlan(30, VLAN, &vlan(31, IPV4, &ipv4()))));
    let priority = on_tzsp(1, TAGS, &inner_ethernet(VLAN, &vlan(0xe000, IPV4, &ipv4())));
    assert_eq!(vlans(&plain), (0, vec![]));
    assert_eq!(vlans(&inner), (31, vec![30, 31]));
    assert_eq!(vlans(&tagged(plain)), (12, vec![12]));
    assert_eq!(vlans(&tagged(inner)), (31, vec![30, 31]));
    assert_eq!(vlans(&tagged(priority)), (0, vec![0]));
}

#[test]
fn the_key_of_an_outer_tunnel_is_not_that_of_the_inner_one() {
    let sniffed =
        Ipv4::new("1.1.1.1", "2.2.2.2").udp(37008, 37008, &tzsp(1, 0, 1, TAGS, &inner_ethernet(IPV4, &ipv4())));
    opens(&on_port(2152, &gtp_u(9, &sniffed)), Tunnel::Tzsp, (8, 7));
    let mobile = Ipv4::new("1.1.1.1", "2.2.2.2").udp(2152, 2152, &gtp_u(9, &ipv4()));
    let frame = on_tzsp(1, TAGS, &inner_ethernet(IPV4, &mobile));
    let info = on_ethernet(&frame);
    assert_eq!((info.tunnel, info.tunnel_key, info.flags), (Some(Tunnel::GtpU), 9, PacketFlags::TUNNEL_KEY));
    assert_eq!(macs(&frame, &info), (8, 7));
}

#[test]
fn a_port_that_anybody_may_have_got_does_not_hide_another_tunnel() {
    let frame = ethernet(IPV4, &Ipv4::new(A, B).udp(37008, 2152, &gtp_u(3, &ipv4())));
    assert_eq!(on_ethernet(&frame).tunnel, Some(Tunnel::GtpU));
    let frame =
        ethernet(IPV4, &Ipv4::new(A, B).udp(37008, 5247, &capwap(0, false, &[], &inner_ethernet(IPV4, &ipv4()))));
    assert_eq!(on_ethernet(&frame).tunnel, Some(Tunnel::Capwap));
}

#[test]
fn only_the_tunnels_that_were_asked_for_are_opened() {
    let frames = [
        (Tunnel::GtpU, on_port(2152, &gtp_u(1, &ipv4()))),
        (Tunnel::Tzsp, on_tzsp(1, TAGS, &inner_ethernet(IPV4, &ipv4()))),
        (Tunnel::Capwap, on_port(5247, &capwap(0, false, &[], &inner_ethernet(IPV4, &ipv4())))),
    ];
    for asked in Tunnel::ALL {
        let options = DecodeOptions::new().tunnels(Tunnels::NONE.with(asked));
        for (tunnel, frame) in &frames {
            let Decoded::Packet(info) = Decoder::new(options).decode(&raw(LinkType::ETHERNET, frame)) else { panic!() };
            assert_eq!(info.tunnel, (asked == *tunnel).then_some(asked));
        }
    }
}

#[test]
fn nfstreams_addresses_of_a_radio_frame_hold_in_tunnels_too() {
    let frame = on_port(5247, &capwap(0, true, &[], &Radio::data(2).swapped().carrying(IPV4, &ipv4())));
    let raw = raw(LinkType::ETHERNET, &frame);
    for options in [DecodeOptions::nfstream(), DecodeOptions::new().radio_macs(RadioMacs::SecondAndThird)] {
        let Decoded::Packet(info) = Decoder::new(options).decode(&raw) else { panic!() };
        assert_eq!((info.tunnel, macs(&frame, &info)), (Some(Tunnel::Capwap), (2, 3)));
    }
}

#[test]
fn frames_in_frames_end_after_sixteen_headers() {
    let nested = |levels| {
        (0..levels).fold(ipv4(), |inner, _| {
            Ipv4::new("1.1.1.1", "2.2.2.2").udp(37008, 37008, &tzsp(1, 0, 1, TAGS, &inner_ethernet(IPV4, &inner)))
        })
    };
    assert_eq!(on_ethernet(&ethernet(IPV4, &nested(7))).dst_port, 443);
    assert_eq!(skipped(raw(LinkType::ETHERNET, &ethernet(IPV4, &nested(8)))).reason, SkipReason::TooDeep);
}

#[test]
fn fragments_of_a_tunnelled_frame_go_to_its_inner_flow() {
    let inner = Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, &[7; 1000]);
    let frame = inner_ethernet(VLAN, &vlan(6, IPV4, &inner));
    let datagram = udp(37008, 37008, &tzsp(1, 0, 1, TAGS, &frame));
    let half =
        |offset, more, data: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).fragment(3, offset, more).carrying(17, data));
    let mut decoder = Decoder::new(DecodeOptions::new());
    let mut info = |frame: &[u8]| match decoder.decode(&raw(LinkType::ETHERNET, frame)) {
        Decoded::Packet(info) => info,
        Decoded::Skipped(skipped) => panic!("{skipped:?}"),
    };
    let first = info(&half(0, true, &datagram[..800]));
    let later = info(&half(800, false, &datagram[800..]));
    let told = |info: &PacketInfo| (info.src, info.dst, info.dst_port, info.vlan_id, info.tunnel);
    assert_eq!((told(&first).2, told(&first).3, told(&first).4), (443, 6, Some(Tunnel::Tzsp)));
    assert_eq!(told(&later), told(&first));
    assert_eq!(later.flags, PacketFlags::FRAGMENT.union(PacketFlags::LATER_FRAGMENT));
}
