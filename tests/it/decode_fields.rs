//! Decoding of what a packet says beside its ends: hops, traffic class, flow label, ICMP, VLAN tags, MAC addresses.

use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, NO_OFFSET, Packet, PacketFlags, PacketInfo};

use crate::decode::{A, A6, B, B6, cut, packet, raw};
use crate::support::frames::*;

/// An IPv4 packet with this type of service and time to live.
fn marked4(tos: u8, ttl: u8, packet: Vec<u8>) -> Vec<u8> {
    let mut packet = packet;
    (packet[1], packet[8]) = (tos, ttl);
    packet
}

/// An IPv6 packet with this traffic class, flow label and hop limit.
fn marked6(class: u8, label: u32, hops: u8, packet: Vec<u8>) -> Vec<u8> {
    let mut packet = packet;
    packet[..4].copy_from_slice(&(6 << 28 | u32::from(class) << 20 | label).to_be_bytes());
    packet[7] = hops;
    packet
}

/// What `tell` makes of the packet in a frame of which `len` bytes were captured.
fn seen<T>(link: LinkType, frame: &[u8], len: usize, tell: impl Fn(&Packet<'_>) -> T) -> T {
    let raw = cut(link, frame, len);
    tell(&Packet::new(raw, &packet(raw)))
}

fn on_ethernet<T>(frame: &[u8], tell: impl Fn(&Packet<'_>) -> T) -> T {
    seen(LinkType::ETHERNET, frame, frame.len(), tell)
}

fn marks(packet: &Packet<'_>) -> (u8, u8, u8, Option<u32>) {
    (packet.info.ttl, packet.info.traffic_class, packet.dscp(), packet.flow_label())
}

#[test]
fn hops_and_traffic_class_come_from_the_ip_header() {
    let four = ethernet(IPV4, &marked4(0xb9, 57, Ipv4::new(A, B).udp(1, 2, b"x")));
    assert_eq!(on_ethernet(&four, marks), (57, 0xb9, 46, None));
    let six = ethernet(IPV6, &marked6(0xb9, 0xabcde, 58, Ipv6::new(A6, B6).udp(1, 2, b"x")));
    assert_eq!(on_ethernet(&six, marks), (58, 0xb9, 46, Some(0xabcde)));
    let unlabelled = ethernet(IPV6, &marked6(0, 0, 1, Ipv6::new(A6, B6).udp(1, 2, b"x")));
    assert_eq!(on_ethernet(&unlabelled, marks), (1, 0, 0, Some(0)));
}

#[test]
fn they_are_those_of_the_innermost_header() {
    let inner4 = marked4(0x20, 3, Ipv4::new(A, B).udp(1, 2, b"x"));
    let four_in_six = ethernet(IPV6, &marked6(0xff, 7, 200, Ipv6::new(A6, B6).carrying(4, &inner4)));
    assert_eq!(on_ethernet(&four_in_six, marks), (3, 0x20, 8, None));
    let inner6 = marked6(0x40, 9, 4, Ipv6::new(A6, B6).udp(1, 2, b"x"));
    let tunnelled = marked4(0xff, 200, Ipv4::new(A, B).udp(2152, 2152, &gtp_u(1, &inner6)));
    assert_eq!(on_ethernet(&ethernet(IPV4, &tunnelled), marks), (4, 0x40, 16, Some(9)));
}

fn message(packet: &Packet<'_>) -> Option<(u8, u8)> {
    packet.icmp()
}

#[test]
fn icmp_messages_tell_type_and_code() {
    let mut unreachable = icmp(3, &[0; 28]);
    unreachable[1] = 13;
    let four = ethernet(IPV4, &Ipv4::new(A, B).carrying(1, &unreachable));
    assert_eq!(on_ethernet(&four, message), Some((3, 13)));
    let six = ethernet(IPV6, &Ipv6::new(A6, B6).carrying(58, &unreachable));
    assert_eq!(on_ethernet(&six, message), Some((3, 13)));
    let told = |packet: &Packet<'_>| (packet.info.icmp_type, packet.info.icmp_code, packet.info.flags);
    assert_eq!(on_ethernet(&four, told), (3, 13, PacketFlags::ICMP));
    for (len, expected) in [(36, Some((3, 13))), (35, None), (34, None)] {
        assert_eq!(seen(LinkType::ETHERNET, &four, len, message), expected, "{len} bytes");
    }
    let udp = ethernet(IPV4, &Ipv4::new(A, B).udp(0x0308, 2, b"x"));
    assert_eq!(on_ethernet(&udp, told), (0, 0, PacketFlags::default()));
    // The number of ICMPv6 in IPv4 and of ICMP in IPv6 is what it is: the number decides, not the version around it.
    let odd = ethernet(IPV6, &Ipv6::new(A6, B6).carrying(1, &unreachable));
    assert_eq!(on_ethernet(&odd, message), Some((3, 13)));
}

#[test]
fn a_message_in_the_padding_is_none() {
    let mut frame = ethernet(IPV4, &Ipv4::new(A, B).carrying(1, &[8]));
    frame.extend([0; 25]);
    assert_eq!(on_ethernet(&frame, message), None);
}

#[test]
fn of_a_fragmented_message_only_the_first_part_tells() {
    let part = |offset, more| {
        ethernet(IPV4, &marked4(8, 60, Ipv4::new(A, B).fragment(1, offset, more).carrying(1, &icmp(8, &[8; 32]))))
    };
    let mut decoder = Decoder::new(DecodeOptions::new());
    let mut info = |frame: &[u8]| match decoder.decode(&raw(LinkType::ETHERNET, frame)) {
        Decoded::Packet(info) => info,
        Decoded::Skipped(skipped) => panic!("{skipped:?}"),
    };
    let told =
        |info: PacketInfo| (info.flags.contains(PacketFlags::ICMP), info.icmp_type, info.ttl, info.traffic_class);
    assert_eq!(told(info(&part(0, true))), (true, 8, 60, 8));
    assert_eq!(told(info(&part(40, false))), (false, 0, 60, 8));
}

fn ids(packet: &Packet<'_>) -> Vec<u16> {
    packet.vlan_ids().collect()
}

#[test]
fn vlan_tags_are_listed_from_the_outside_in() {
    let ip = Ipv4::new(A, B).udp(1, 2, b"x");
    assert_eq!(on_ethernet(&ethernet(IPV4, &ip), ids), []);
    assert_eq!(on_ethernet(&ethernet(VLAN, &vlan(0xe005, IPV4, &ip)), ids), [5]);
    let stack = vlan(10, 0x9100, &vlan(20, VLAN, &vlan(30, IPV4, &ip)));
    assert_eq!(on_ethernet(&ethernet(SERVICE_VLAN, &stack), ids), [10, 20, 30]);
    let behind_snap = snap([0; 3], VLAN, &vlan(9, SERVICE_VLAN, &vlan(8, IPV4, &ip)));
    assert_eq!(on_ethernet(&behind_snap, ids), [9, 8]);
    let header = [&[0xaa, 0xaa, 3, 0, 0, 0][..], &VLAN.to_be_bytes()].concat();
    let around_snap = vlan(7, 100, &[&header[..], &vlan(6, IPV4, &ip)].concat());
    assert_eq!(on_ethernet(&ethernet(VLAN, &around_snap), ids), [7, 6]);
    let cooked = cooked_v1(1, VLAN, &vlan(4, IPV4, &ip));
    assert_eq!(seen(LinkType::LINUX_SLL, &cooked, cooked.len(), ids), [4]);
    let fifteen = (1..15).fold(vlan(15, IPV4, &ip), |inner, nth| vlan(15 - nth, VLAN, &inner));
    assert_eq!(on_ethernet(&ethernet(VLAN, &fifteen), ids), (1..16).collect::<Vec<_>>());
}

#[test]
fn tags_are_bounded_whatever_the_bytes_are() {
    let endless = vlan(1, VLAN, &[]).repeat(100);
    let info = PacketInfo { vlan_offset: 0, ..PacketInfo::EMPTY };
    assert_eq!(Packet::new(raw(LinkType::ETHERNET, &endless), &info).vlan_ids().count(), 16);
    assert_eq!(Packet::new(raw(LinkType::ETHERNET, &endless[..6]), &info).vlan_ids().count(), 2);
    let outside = PacketInfo { vlan_offset: 500, ..PacketInfo::EMPTY };
    assert_eq!(Packet::new(raw(LinkType::ETHERNET, &endless), &outside).vlan_ids().count(), 0);
}

#[test]
fn macs_are_read_where_the_offsets_say_and_both_or_none() {
    let data: Vec<u8> = (0..20).collect();
    let macs = |src_mac_offset, dst_mac_offset| {
        let info = PacketInfo { src_mac_offset, dst_mac_offset, ..PacketInfo::EMPTY };
        Packet::new(raw(LinkType::ETHERNET, &data), &info).macs()
    };
    assert_eq!(macs(14, 2), Some(([14, 15, 16, 17, 18, 19], [2, 3, 4, 5, 6, 7])));
    assert_eq!(macs(15, 2), None);
    assert_eq!(macs(0, NO_OFFSET), None);
    assert_eq!(macs(NO_OFFSET, 0), None);
}
