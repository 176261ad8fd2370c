//! What a record says of its packets' headers: Community ID against its published vectors, and the rest, frame by frame,
//! against tshark.

use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::schema::column;
use flowgauge::packet::LinkType;
use flowgauge::{FlowRecord, Streamer, Timestamp};

use crate::support::frames::{IPV4, IPV6, Ipv4, Ipv6, ethernet, sctp, tcp, udp};
use crate::support::quirk::{cell, path};
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
