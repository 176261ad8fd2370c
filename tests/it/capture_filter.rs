//! BPF: our interpreter against libpcap's own, and the rules for several link types.

use std::path::Path;

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::filter::Filter;
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use flowgauge::packet::LinkType;

const EXPRESSIONS: [&str; 14] = [
    "tcp",
    "udp port 53 or tcp port 443",
    "ip6",
    "not ip and not ip6",
    "greater 200",
    "len > 60 and len < 1000",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "ip[2:2] - ((ip[0] & 0xf) << 2) > 100",
    "ip[8] / 7 = ip[9] % 5 or ip[1] * 3 + 2 > 90",
    "src net 192.168.0.0/16 and dst portrange 1-1024",
    "vlan or mpls or pppoes",
    "ip6 protochain 17",
    "icmp or icmp6 or arp",
    "ether[0] & 1 != 0",
];

/// Whether libpcap itself lets each frame of the file pass; `None` where it cannot read or compile.
fn libpcap(path: &Path, expression: &str) -> Option<Vec<bool>> {
    let mut frames = pcap::Capture::from_file(path).ok()?;
    let program = frames.compile(expression, true).ok()?;
    let mut passed = Vec::new();
    while let Ok(packet) = frames.next_packet() {
        if packet.header.caplen != packet.header.len {
            return None;
        }
        passed.push(program.filter(packet.data));
    }
    Some(passed)
}

fn ours(path: &Path, expression: &str) -> Vec<bool> {
    let mut filter = Filter::new(expression).unwrap();
    let mut source = FileSource::open(vec![Input::Path(path.to_owned())], StopFlag::default()).unwrap();
    let mut batch = FrameBatch::default();
    let mut passed = Vec::new();
    while source.next_batch(&mut batch).unwrap() == Captured::Frames {
        for index in 0..batch.frames.len() {
            let raw = batch.raw(index, 1);
            passed.push(filter.matches(raw.link, raw.wire_len, raw.data));
        }
    }
    passed
}

#[test]
fn our_interpreter_agrees_with_libpcap_on_uncut_captures() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let names = [
        "http_auth.pcap",
        "dhcp_big_endian.pcapng",
        "6in4tunnel.pcap",
        "ip_fragmented_garbage.pcap",
        "raw.pcap",
        "teredo.pcap",
        "malformed_icmp.pcap",
        "quic-33.pcapng",
        "gtp-u.pcap",
        "synscan.pcap",
    ];
    let mut compared = 0;
    for name in names {
        let path = corpus.join(name);
        if !path.exists() {
            eprintln!("skipped: {} is not there", path.display());
            continue;
        }
        for expression in EXPRESSIONS {
            let Some(expected) = libpcap(&path, expression) else { continue };
            assert_eq!(ours(&path, expression), expected, "{expression} on {name}");
            compared += expected.len();
        }
    }
    if corpus.exists() {
        assert!(compared > 10_000, "only {compared} frames compared");
    }
}

#[test]
fn len_is_the_wire_length_and_loads_stop_at_the_captured_bytes() {
    let frame = [0xff; 60];
    let passes = |expression: &str| Filter::new(expression).unwrap().matches(LinkType::ETHERNET, 1_500, &frame);
    assert!(passes("len = 1500") && passes("greater 1500") && !passes("less 1499"));
    assert!(passes("ether[59] = 255") && !passes("ether[60] = 255") && !passes("not ether[60] = 255"));
}

#[test]
fn a_chain_of_headers_is_followed() {
    let mut frame = vec![0; 12];
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 0, 64]);
    frame.extend([0; 32]);
    // Hop-by-hop options, destination options, UDP.
    frame.extend([60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 0]);
    let passes = |expression: &str| Filter::new(expression).unwrap().matches(LinkType::ETHERNET, 78, &frame);
    assert!(passes("ip6 protochain 17") && !passes("ip6 protochain 6"));
}
