//! Decoding, from the first byte to the IP header: every link type and everything between link and IP.

use flowgauge::packet::{LinkType, NO_OFFSET, SkipReason, Skipped};

use crate::decode::{A, A6, B, B6, cut, packet, raw, skipped};
use crate::support::frames::*;

fn ipv4() -> Vec<u8> {
    Ipv4::new(A, B).tcp(40000, 443, 0x18, b"hello")
}

fn ipv6() -> Vec<u8> {
    Ipv6::new(A6, B6).udp(1, 2, b"hello")
}

/// The version and offset of the IP packet in a frame.
#[track_caller]
fn ip_at(link: LinkType, frame: &[u8]) -> (u8, u32) {
    let info = packet(raw(link, frame));
    assert_eq!(info.dst_port, if info.ip_version == 4 { 443 } else { 2 });
    let macs = if link == LinkType::ETHERNET { (6, 0) } else { (NO_OFFSET, NO_OFFSET) };
    assert_eq!((info.src_mac_offset, info.dst_mac_offset), macs);
    (info.ip_version, info.ip_offset)
}

#[track_caller]
fn not_ip(frame: &[u8], ether_type: Option<u16>, payload_offset: u32) {
    let expected = Skipped { reason: SkipReason::NotIp, mac_offsets: Some((6, 0)), ether_type, payload_offset };
    assert_eq!(skipped(raw(LinkType::ETHERNET, frame)), expected);
}

#[test]
fn raw_ip_is_told_apart_by_its_version() {
    for link in [LinkType::RAW, LinkType::DLT_RAW] {
        assert_eq!(ip_at(link, &ipv4()), (4, 0));
        assert_eq!(ip_at(link, &ipv6()), (6, 0));
        let refused = |data: &[u8]| skipped(raw(link, data)).reason;
        assert_eq!(refused(&[0x50; 60]), SkipReason::BadIpHeader);
        assert_eq!(refused(&[]), SkipReason::Truncated);
    }
    assert_eq!(ip_at(LinkType::IPV4, &ipv4()), (4, 0));
    assert_eq!(ip_at(LinkType::IPV6, &ipv6()), (6, 0));
    assert_eq!(skipped(raw(LinkType::IPV4, &ipv6())).reason, SkipReason::BadIpHeader);
    assert_eq!(skipped(raw(LinkType::IPV6, &ipv4())).reason, SkipReason::BadIpHeader);
}

#[test]
fn cooked_captures_of_both_versions_are_read() {
    assert_eq!(ip_at(LinkType::LINUX_SLL, &cooked_v1(1, IPV4, &ipv4())), (4, 16));
    assert_eq!(ip_at(LinkType::LINUX_SLL, &cooked_v1(1, IPV6, &ipv6())), (6, 16));
    assert_eq!(ip_at(LinkType::LINUX_SLL2, &cooked_v2(1, IPV4, &ipv4())), (4, 20));
    assert_eq!(ip_at(LinkType::LINUX_SLL2, &cooked_v2(1, IPV6, &ipv6())), (6, 20));
    let tagged = cooked_v1(1, VLAN, &vlan(7, IPV4, &ipv4()));
    assert_eq!(packet(raw(LinkType::LINUX_SLL, &tagged)).vlan_id, 7);
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ipv4()].concat();
    assert_eq!(ip_at(LinkType::LINUX_SLL2, &cooked_v2(1, 4, &snap)), (4, 28));
}

#[test]
fn cooked_frames_whose_protocol_is_no_ether_type_are_not_ip() {
    for device in [770, 803, 824] {
        let refused = skipped(raw(LinkType::LINUX_SLL, &cooked_v1(device, IPV4, &ipv4())));
        assert_eq!((refused.reason, refused.ether_type, refused.payload_offset), (SkipReason::NotIp, None, 16));
    }
    let can = skipped(raw(LinkType::LINUX_SLL2, &cooked_v2(280, 0x000c, &ipv4())));
    assert_eq!((can.reason, can.ether_type, can.payload_offset), (SkipReason::NotIp, None, 20));
    let arp = skipped(raw(LinkType::LINUX_SLL2, &cooked_v2(1, 0x0806, &[0; 28])));
    assert_eq!((arp.reason, arp.ether_type, arp.mac_offsets), (SkipReason::NotIp, Some(0x0806), None));
    let frame = cooked_v2(1, IPV4, &ipv4());
    assert_eq!(skipped(cut(LinkType::LINUX_SLL2, &frame, 19)).reason, SkipReason::Truncated);
}

#[test]
fn loopback_families_are_read_in_both_byte_orders() {
    for link in [LinkType::NULL, LinkType::LOOP] {
        for family in [2_u32, 10, 23, 24, 28, 30] {
            let ip = if family == 2 { ipv4() } else { ipv6() };
            let version = if family == 2 { 4 } else { 6 };
            assert_eq!(ip_at(link, &[&family.to_le_bytes()[..], &ip].concat()), (version, 4));
            assert_eq!(ip_at(link, &[&family.to_be_bytes()[..], &ip].concat()), (version, 4));
        }
        assert_eq!(skipped(raw(link, &[&[0, 0, 0, 7][..], &ipv4()].concat())).reason, SkipReason::NotIp);
        assert_eq!(skipped(raw(link, &[&[0, 0, 0, 2][..], &ipv6()].concat())).reason, SkipReason::BadIpHeader);
        assert_eq!(skipped(raw(link, &[0, 0, 0])).reason, SkipReason::Truncated);
    }
}

#[test]
fn an_unsupported_link_type_is_named() {
    let prism = LinkType(119);
    let refused = skipped(raw(prism, &ipv4()));
    assert_eq!(refused.reason, SkipReason::UnsupportedLinkType);
    assert_eq!((refused.mac_offsets, refused.ether_type, refused.payload_offset), (None, None, 45));
    assert_eq!(prism.to_string(), "IEEE802_11_PRISM (119)");
    assert_eq!(LinkType(65_000).to_string(), "UNKNOWN (65000)");
    assert_eq!(LinkType::ETHERNET.name(), "ETHERNET");
}

#[test]
fn the_innermost_vlan_tag_wins() {
    let untagged = packet(raw(LinkType::ETHERNET, &ethernet(IPV4, &ipv4())));
    assert_eq!(untagged.vlan_id, 0);
    for outer in [VLAN, SERVICE_VLAN, 0x9100, 0x9200] {
        let one = packet(raw(LinkType::ETHERNET, &ethernet(outer, &vlan(0x2005, IPV4, &ipv4()))));
        assert_eq!((one.vlan_id, one.ip_offset, one.dst_port), (5, 18, 443));
        let two = vlan(10, VLAN, &vlan(20, IPV6, &ipv6()));
        let two = packet(raw(LinkType::ETHERNET, &ethernet(outer, &two)));
        assert_eq!((two.vlan_id, two.ip_offset, two.dst_port), (20, 22, 2));
    }
}

#[test]
fn mpls_stacks_end_at_the_ip_version() {
    for ether_type in [MPLS, 0x8848] {
        for labels in [&[16][..], &[17, 16], &[1, 2, 3, 4]] {
            let at = 14 + 4 * labels.len() as u32;
            assert_eq!(ip_at(LinkType::ETHERNET, &ethernet(ether_type, &mpls(labels, &ipv4()))), (4, at));
            assert_eq!(ip_at(LinkType::ETHERNET, &ethernet(ether_type, &mpls(labels, &ipv6()))), (6, at));
        }
    }
    let pseudowire = mpls(&[16], &[&[0, 0, 0, 0][..], &ethernet(IPV4, &ipv4())].concat());
    not_ip(&ethernet(MPLS, &pseudowire), Some(MPLS), 14);
    assert_eq!(skipped(raw(LinkType::ETHERNET, &ethernet(MPLS, &mpls(&[16], b"")))).reason, SkipReason::Truncated);
    let frame = ethernet(MPLS, &mpls(&[16, 17], &ipv4()));
    assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, 21)).reason, SkipReason::Truncated);
}

#[test]
fn pppoe_sessions_carry_ip_behind_a_whole_or_compressed_protocol() {
    let on = |protocol: &[u8], ip: &[u8]| ethernet(PPPOE, &pppoe(protocol, ip));
    assert_eq!(ip_at(LinkType::ETHERNET, &on(&[0, 0x21], &ipv4())), (4, 22));
    assert_eq!(ip_at(LinkType::ETHERNET, &on(&[0, 0x57], &ipv6())), (6, 22));
    assert_eq!(ip_at(LinkType::ETHERNET, &on(&[0x21], &ipv4())), (4, 21));
    assert_eq!(ip_at(LinkType::ETHERNET, &on(&[0x57], &ipv6())), (6, 21));
    assert_eq!(ip_at(LinkType::ETHERNET, &on(&[0x02, 0x81], &mpls(&[16], &ipv6()))), (6, 26));
    not_ip(&on(&[0xc0, 0x21], &[1, 1, 0, 4]), Some(PPPOE), 14);
    let mut discovery = on(&[0, 0x21], &ipv4());
    discovery[15] = 0x09;
    not_ip(&discovery, Some(PPPOE), 14);
    let frame = on(&[0, 0x21], &ipv4());
    for len in 14..22 {
        assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, len)).reason, SkipReason::Truncated);
    }
}

#[test]
fn ppp_links_carry_ip_with_and_without_framing() {
    for link in [LinkType::PPP, LinkType::PPP_HDLC] {
        for (framing, at) in [(&[][..], 0), (&[0xff, 3], 2)] {
            let on = |protocol: &[u8], ip: &[u8]| [framing, protocol, ip].concat();
            assert_eq!(ip_at(link, &on(&[0, 0x21], &ipv4())), (4, at + 2));
            assert_eq!(ip_at(link, &on(&[0, 0x57], &ipv6())), (6, at + 2));
            assert_eq!(ip_at(link, &on(&[0x21], &ipv4())), (4, at + 1));
            assert_eq!(ip_at(link, &on(&[0x57], &ipv6())), (6, at + 1));
            assert_eq!(ip_at(link, &on(&[2, 0x81], &mpls(&[16], &ipv4()))), (4, at + 6));
            let lcp = skipped(raw(link, &on(&[0xc0, 0x21], &[1, 1, 0, 4])));
            let told = (lcp.reason, lcp.mac_offsets, lcp.ether_type, lcp.payload_offset);
            assert_eq!(told, (SkipReason::NotIp, None, None, at + 2));
            let frame = on(&[0, 0x21], &ipv4());
            for len in 0..at as usize + 22 {
                assert_eq!(skipped(cut(link, &frame, len)).reason, SkipReason::Truncated, "{len} bytes");
            }
        }
        assert_eq!(ip_at(link, &[&[0x0f, 0, 8, 0][..], &ipv4()].concat()), (4, 4));
        assert_eq!(skipped(raw(link, &[&[0xff, 4, 0, 0x21][..], &ipv4()].concat())).reason, SkipReason::NotIp);
        assert_eq!(skipped(raw(link, &[&[0, 0x21][..], &ipv6()].concat())).reason, SkipReason::BadIpHeader);
    }
}

#[test]
fn cisco_hdlc_names_its_payload_by_ether_type() {
    let on = |address: u8, ether_type: u16, ip: &[u8]| [&[address, 0][..], &ether_type.to_be_bytes(), ip].concat();
    let link = LinkType::C_HDLC;
    assert_eq!(ip_at(link, &on(0x0f, IPV4, &ipv4())), (4, 4));
    assert_eq!(ip_at(link, &on(0x8f, IPV6, &ipv6())), (6, 4));
    assert_eq!(ip_at(link, &on(0x0f, MPLS, &mpls(&[1, 2], &ipv4()))), (4, 12));
    let keepalive = skipped(raw(link, &on(0x8f, 0x8035, &[0; 18])));
    assert_eq!(
        (keepalive.reason, keepalive.ether_type, keepalive.payload_offset),
        (SkipReason::NotIp, Some(0x8035), 4)
    );
    // Here a small number is no length, and there is no LLC behind it.
    let small = skipped(raw(link, &on(0x0f, 8, &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ipv4()].concat())));
    assert_eq!((small.reason, small.ether_type, small.payload_offset), (SkipReason::NotIp, None, 4));
    for len in 0..4 {
        assert_eq!(skipped(cut(link, &on(0x0f, IPV4, &ipv4()), len)).reason, SkipReason::Truncated);
    }
}

#[test]
fn llc_and_snap_lead_to_ip() {
    assert_eq!(ip_at(LinkType::ETHERNET, &snap([0, 0, 0], IPV4, &ipv4())), (4, 22));
    assert_eq!(ip_at(LinkType::ETHERNET, &snap([0, 0, 0], IPV6, &ipv6())), (6, 22));
    assert_eq!(ip_at(LinkType::ETHERNET, &llc(&[6, 6, 3], &ipv4())), (4, 17));
    let tagged = packet(raw(LinkType::ETHERNET, &snap([0, 0, 0], VLAN, &vlan(9, IPV4, &ipv4()))));
    assert_eq!((tagged.vlan_id, tagged.ip_offset), (9, 26));
    not_ip(&llc(&[0x42, 0x42, 3], &[0; 35]), None, 14);
    not_ip(&snap([0, 0, 0x0c], 0x2000, &ipv4()), None, 14);
    not_ip(&snap([0, 0, 0], 0x0100, &ipv4()), None, 14);
    let frame = snap([0, 0, 0], IPV4, &ipv4());
    for len in [14, 16, 17, 21] {
        assert_eq!(skipped(cut(LinkType::ETHERNET, &frame, len)).reason, SkipReason::Truncated);
    }
}

#[test]
fn the_ether_type_decides_and_payload_bytes_never_do() {
    for ether_type in [0x0806, 0x8903, 0x88b5, 0x88cc, 0x0600] {
        not_ip(&ethernet(ether_type, &ipv4()), Some(ether_type), 14);
        not_ip(&ethernet(VLAN, &vlan(3, ether_type, &ipv6())), Some(ether_type), 18);
    }
}

#[test]
fn a_skipped_frame_keeps_its_link_header() {
    let bad = skipped(raw(LinkType::ETHERNET, &ethernet(VLAN, &vlan(3, IPV4, &[0x65; 40]))));
    let link = (Some((6, 0)), Some(IPV4), 18);
    assert_eq!((bad.reason, (bad.mac_offsets, bad.ether_type, bad.payload_offset)), (SkipReason::BadIpHeader, link));
    let frame = ethernet(IPV4, &ipv4());
    let short = skipped(cut(LinkType::ETHERNET, &frame, 14));
    assert_eq!((short.reason, short.mac_offsets, short.payload_offset), (SkipReason::Truncated, Some((6, 0)), 14));
    let shorter = skipped(cut(LinkType::ETHERNET, &frame, 13));
    assert_eq!((shorter.reason, shorter.mac_offsets, shorter.payload_offset), (SkipReason::Truncated, None, 13));
}
