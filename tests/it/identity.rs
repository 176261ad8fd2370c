//! Community ID against its published vectors, and which packets the other words of identity are taken from.

use std::time::Duration;

use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::schema::column;
use flowgauge::packet::LinkType;
use flowgauge::{FlowRecord, Streamer, Timestamp};

use crate::support::frames::{IPV4, IPV6, Ipv4, Ipv6, SERVICE_VLAN, VLAN, ethernet, sctp, tcp, udp, vlan};
use crate::support::quirk::cell;
use crate::support::run::run;

/// A frame from `src` to `dst`; the two numbers are ports, or type and code of an ICMP message.
fn frame(protocol: u8, src: &str, dst: &str, (first, second): (u16, u16)) -> Vec<u8> {
    let content = match protocol {
        6 => tcp(first, second, 0x10, b""),
        17 => udp(first, second, b""),
        132 => sctp(first, second, b""),
        1 | 58 => vec![first as u8, second as u8, 0, 0, 0, 1, 0, 1],
        _ => vec![0; 8],
    };
    match src.contains(':') {
        true => ethernet(IPV6, &Ipv6::new(src, dst).carrying(protocol, &content)),
        false => ethernet(IPV4, &Ipv4::new(src, dst).carrying(protocol, &content)),
    }
}

fn meter(frames: &[Vec<u8>]) -> Vec<FlowRecord> {
    let mut source = MemorySource::new();
    for (nth, frame) in (0..).zip(frames) {
        source.push(Timestamp::from_millis(nth), LinkType::ETHERNET, frame);
    }
    run(Streamer::from_source(source).n_dissections(0).workers(0)).records
}

#[track_caller]
fn tell(record: &FlowRecord, name: &str) -> String {
    cell(&column(name).unwrap_or_else(|| panic!("there is no column {name}")).get(record))
}

/// The baseline of the specification (corelight/community-id-spec), for seed 0.
#[rustfmt::skip]
const COMMUNITY_IDS: &[(u8, &str, &str, (u16, u16), &str)] = &[
    (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", (135, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    (58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", (136, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    (58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", (135, 0), "1:zavyT/cezQr1fmImYCwYnMXbgck="),
    (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", (136, 0), "1:zavyT/cezQr1fmImYCwYnMXbgck="),
    (58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", (3, 0), "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
    (58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", (1, 4), "1:hLZd0XGWojozrvxqE0dWB1iM6R0="),
    (58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", (128, 0), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
    (58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", (129, 0), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
    (58, "fe80::200:86ff:fe05:80da", "ff02::2", (133, 0), "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
    (58, "fe80::260:97ff:fe07:69ea", "ff02::1", (134, 0), "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
    (1, "192.168.0.89", "192.168.0.1", (8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (1, "192.168.0.1", "192.168.0.89", (0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (1, "10.0.0.1", "10.0.0.2", (11, 0), "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
    (6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", (63943, 25), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
    (6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", (25, 63943), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
    (132, "192.168.170.8", "192.168.170.56", (7, 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    (132, "192.168.170.56", "192.168.170.8", (7, 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    (6, "128.232.110.120", "66.35.250.204", (34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (6, "66.35.250.204", "128.232.110.120", (80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (17, "192.168.1.52", "8.8.8.8", (54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (17, "8.8.8.8", "192.168.1.52", (53, 54585), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (46, "10.1.12.1", "10.1.12.2", (0, 0), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    (46, "10.1.12.2", "10.1.12.1", (0, 0), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    (6, "1.2.3.4", "5.6.7.8", (1122, 3344), "1:wCb3OG7yAFWelaUydu0D+125CLM="),
    (17, "5.6.7.8", "1.2.3.4", (3344, 1122), "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="),
    (132, "1.2.3.4", "5.6.7.8", (1122, 3344), "1:EKt4MsxuyaE6mL+hmrEkQ9csDD8="),
    (1, "1.2.3.4", "5.6.7.8", (8, 0), "1:crodRHL2FEsHjbv3UkRrfbs4bZ0="),
    (1, "5.6.7.8", "1.2.3.4", (0, 0), "1:crodRHL2FEsHjbv3UkRrfbs4bZ0="),
    (1, "1.2.3.4", "5.6.7.8", (11, 0), "1:f/YiSyWqczrTgfUCZlBUnvHRcPk="),
    (46, "5.6.7.8", "1.2.3.4", (0, 0), "1:ikv3kmf89luf73WPz1jOs49S768="),
    (58, "fe80:1:203:405:607:809:a0b:c0d", "fe80:1011:1213:1415:1617:1819:1a1b:1c1d", (128, 0), "1:0bf7hyMJUwt3fMED7z8LIfRpBeo="),
];

#[test]
fn community_ids_are_the_published_ones() {
    for (protocol, src, dst, numbers, expected) in COMMUNITY_IDS {
        let records = meter(&[frame(*protocol, src, dst, *numbers)]);
        assert_eq!(tell(&records[0], "community_id"), *expected, "{protocol} {src} > {dst} {numbers:?}");
    }
}

/// A datagram of which the IP header says this: hops left, and the six bits of DSCP above the two of ECN.
fn datagram(there: bool, ttl: u8, traffic_class: u8) -> Vec<u8> {
    let mut frame = match there {
        true => ethernet(IPV4, &Ipv4::new("10.0.0.1", "10.0.0.2").udp(1, 2, b"there")),
        false => ethernet(IPV4, &Ipv4::new("10.0.0.2", "10.0.0.1").udp(2, 1, b"back")),
    };
    frame[15] = traffic_class;
    frame[22] = ttl;
    frame
}

#[test]
fn hops_are_told_by_their_extremes_and_dscp_of_the_first_packet_of_a_direction() {
    let records = meter(&[
        datagram(true, 60, 0xb9),
        datagram(true, 64, 0),
        datagram(false, 0, 0x2b),
        datagram(false, 255, 0),
        datagram(true, 61, 4),
    ]);
    for (name, expected) in [
        ("ttl_min", "0"),
        ("ttl_max", "255"),
        ("src_to_dst_ttl_min", "60"),
        ("src_to_dst_ttl_max", "64"),
        ("dst_to_src_ttl_min", "0"),
        ("dst_to_src_ttl_max", "255"),
        ("src_to_dst_dscp", "46"),
        ("dst_to_src_dscp", "10"),
        ("flow_label", "null"),
        ("icmp_type", "null"),
        ("vlan_ids", "null"),
        ("src_oui", "02:00:00"),
        ("dst_oui", "02:00:00"),
        ("fragmented", "false"),
        ("truncated", "false"),
    ] {
        assert_eq!(tell(&records[0], name), expected, "{name}");
    }
    let one_way = meter(&[datagram(true, 60, 0xb9)]);
    assert_eq!(tell(&one_way[0], "dst_to_src_ttl_min"), "null");
    assert_eq!(tell(&one_way[0], "dst_to_src_dscp"), "null");
}

#[test]
fn the_flow_label_is_that_of_the_first_packet() {
    let labelled = |label: u32| {
        let mut frame = frame(17, "fe80::1", "fe80::2", (1, 2));
        frame[14..18].copy_from_slice(&(0x6b80_0000 | label).to_be_bytes());
        frame
    };
    let records = meter(&[labelled(0xf_ffff), labelled(0), labelled(7)]);
    assert_eq!(tell(&records[0], "flow_label"), "1048575");
    assert_eq!(tell(&records[0], "src_to_dst_dscp"), "46");
}

#[test]
fn type_and_code_are_those_of_the_first_message() {
    let (a, b) = ("10.0.0.1", "10.0.0.2");
    let records = meter(&[frame(1, a, b, (3, 1)), frame(1, b, a, (8, 0))]);
    assert_eq!((tell(&records[0], "icmp_type"), tell(&records[0], "icmp_code")), ("3".into(), "1".into()));
    let records = meter(&[frame(58, "fe80::1", "fe80::2", (136, 7))]);
    assert_eq!((tell(&records[0], "icmp_type"), tell(&records[0], "icmp_code")), ("136".into(), "7".into()));
}

#[test]
fn all_tags_are_told_the_outermost_first() {
    let packet = Ipv4::new("10.0.0.1", "10.0.0.2").udp(1, 2, b"");
    let tagged = ethernet(SERVICE_VLAN, &vlan(0x2064, VLAN, &vlan(0xe0c8, VLAN, &vlan(300, IPV4, &packet))));
    let records = meter(&[tagged]);
    assert_eq!(tell(&records[0], "vlan_ids"), "100, 200, 300");
    assert_eq!(tell(&records[0], "vlan_id"), "300");
}

#[test]
fn one_fragment_and_one_cut_packet_mark_the_flow() {
    let ip = Ipv4::new("10.0.0.1", "10.0.0.2");
    let whole = ethernet(IPV4, &ip.udp(1, 2, b"whole"));
    let first = ethernet(IPV4, &ip.clone().fragment(7, 0, true).udp(1, 2, &[0; 16]));
    let later = ethernet(IPV4, &ip.clone().fragment(7, 24, false).carrying(17, &[0; 8]));
    let records = meter(&[whole.clone(), first, later]);
    assert_eq!(records.len(), 1);
    assert_eq!(tell(&records[0], "fragmented"), "true");
    assert_eq!(tell(&records[0], "truncated"), "false");

    let mut source = MemorySource::new();
    source.push(Timestamp::from_millis(0), LinkType::ETHERNET, &whole);
    source.push_cut(Timestamp::from_millis(1), LinkType::ETHERNET, &whole, whole.len() as u32 + 1);
    let records = run(Streamer::from_source(source).n_dissections(0).workers(0)).records;
    assert_eq!(tell(&records[0], "truncated"), "true");
    assert_eq!(tell(&records[0], "fragmented"), "false");
}

/// What the segment before the cut saw is not told again; which flow it is, is.
#[test]
fn a_segment_tells_the_hops_of_its_own_packets_and_the_identity_of_the_flow() {
    let mut source = MemorySource::new();
    for (second, frame) in
        [(0, datagram(true, 10, 0xb8)), (9, datagram(false, 20, 0x28)), (10, datagram(false, 30, 0x20))]
    {
        source.push(Timestamp::from_millis(second * 1000), LinkType::ETHERNET, &frame);
    }
    let streamer = Streamer::from_source(source).active_timeout(Duration::from_secs(10));
    let records = run(streamer.n_dissections(0).workers(0)).records;
    let tell = |name: &str| [tell(&records[0], name), tell(&records[1], name)];
    assert_eq!(tell("segment"), ["0", "1"]);
    assert_eq!(tell("ttl_min"), ["10", "30"]);
    assert_eq!(tell("src_to_dst_ttl_max"), ["10", "null"]);
    assert_eq!(tell("dst_to_src_dscp"), ["10", "8"]);
    assert_eq!(tell("community_id")[0], tell("community_id")[1]);
    assert_eq!(tell("src_mac")[0], tell("src_mac")[1]);
}
