//! Frames of links and tunnels that carry frames, made here, beside what tshark reads out of them.

use std::process::Command;

use flowgauge::packet::{Decoded, LinkType, Packet};

use crate::decode::{decode, raw};
use crate::support::capture_file::PcapFile;
use crate::support::frames::*;
use crate::support::oracle;

/// Protocols, the last of which in a frame tells its MAC addresses; then their fields.
const FIELDS: [&str; 10] = [
    "frame.protocols",
    "eth.src",
    "eth.dst",
    "wlan.sa",
    "wlan.da",
    "vlan.id",
    "ip.src",
    "ip.ttl",
    "ipv6.src",
    "tcp.dstport",
];

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

/// Both MAC addresses, the VLAN id, the source, its hops and the port of the inner packet; empty without one.
fn ours(link: LinkType, frame: &[u8]) -> String {
    let raw = raw(link, frame);
    let Decoded::Packet(info) = decode(raw) else { return String::new() };
    let packet = Packet::new(raw, &info);
    if info.ip_protocol != 6 {
        return String::new();
    }
    let (src, dst) = packet.macs().map(|(src, dst)| (mac(src), mac(dst))).unwrap_or_default();
    let vlan = packet.vlan_ids().last().map(|id| id.to_string()).unwrap_or_default();
    let ttl = if info.ip_version == 4 { info.ttl.to_string() } else { String::new() };
    format!("{src} {dst} {vlan} {} {ttl} {}", packet.ip_src(), info.dst_port)
}

/// The same of one line that tshark printed.
fn theirs(line: &str) -> String {
    let fields: Vec<Vec<&str>> = line.split('|').map(|field| field.split(',').collect()).collect();
    let layers: Vec<_> = fields[0][0].split(':').collect();
    if layers.iter().all(|layer| *layer != "tcp") {
        return String::new();
    }
    let last = |nth: usize| *fields[nth].last().unwrap();
    let macs = if layers.iter().rfind(|layer| matches!(**layer, "eth" | "wlan")) == Some(&"wlan") { 3 } else { 1 };
    let six = layers.iter().rfind(|layer| matches!(**layer, "ip" | "ipv6")) == Some(&"ipv6");
    let (src, ttl) = if six { (last(8), "") } else { (last(6), last(7)) };
    format!("{} {} {} {src} {ttl} {}", last(macs), last(macs + 1), last(5), last(9))
}

#[track_caller]
fn compare(link: LinkType, preferences: &[&str], frames: &[Vec<u8>]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.pcap");
    let file = frames.iter().fold(PcapFile::new().link(link.0), |file, frame| file.frame(1, 0, frame));
    std::fs::write(&path, file.bytes()).unwrap();
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", folder.path()).arg("-n").arg("-r").arg(&path);
    command.args(preferences.iter().flat_map(|preference| ["-o", preference]));
    command.args(["-T", "fields", "-E", "separator=|"]).args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let told: Vec<_> = output.lines().map(theirs).collect();
    let ours: Vec<_> = frames.iter().map(|frame| ours(link, frame)).collect();
    assert_eq!(ours, told, "{link}, ours and theirs");
    assert!(ours.iter().any(|told| !told.is_empty()));
}

fn ipv4() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

fn ipv6() -> Vec<u8> {
    Ipv6::new("2001:db8::7", "2001:db8::8").tcp(40000, 443, 0x18, b"hello")
}

/// 802.11 frames of all forms that hold one packet, or none that can be read.
fn radio_frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for ds in 0..4 {
        for radio in [Radio::data(ds), Radio::qos(ds, 0), Radio::qos(ds | 0x80, 0), Radio::data(ds | 8).kind(0x28)] {
            frames.push(radio.carrying(IPV4, &ipv4()));
            frames.push(radio.carrying(IPV6, &ipv6()));
            frames.push(radio.carrying(VLAN, &vlan(7, IPV4, &ipv4())));
        }
    }
    frames.push(Radio::data(0x41).carrying(IPV4, &ipv4()));
    frames.push(Radio::qos(0x41, 0).carrying(IPV4, &ipv4()));
    frames.push(Radio::data(1).kind(0x48).header());
    frames.push(Radio::data(1).fragment(3).carrying(IPV4, &ipv4()));
    frames.push(Radio::data(1).carrying(0x0806, &[0; 28]));
    frames
}

fn there() -> bool {
    oracle::there("tshark", &["--version"])
}

#[test]
fn tshark_reads_the_same_packets_out_of_radio_frames() {
    if !there() {
        return;
    }
    let frames = radio_frames();
    compare(LinkType::IEEE802_11, &["wlan.defragment:FALSE"], &frames);
    let forms: [(&[u32], &[u8]); 4] = [
        (&[0], &[]),
        (&[0x0000_0003], &[0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0]),
        (&[0x8000_0003, 0x0000_0000], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00]),
        (&[0xa000_0002, 0x0000_0020], &[0x00, 0xc4]),
    ];
    for (present, fields) in forms {
        let check_sequence = if fields.contains(&0x10) { &[1, 2, 3, 4][..] } else { &[] };
        let frames: Vec<_> =
            frames.iter().map(|frame| radiotap(present, fields, &[frame, check_sequence].concat())).collect();
        compare(LinkType::IEEE802_11_RADIOTAP, &["wlan.defragment:FALSE"], &frames);
    }
    let padded = [Radio::qos(1, 0), Radio::qos(3, 0), Radio::data(2)];
    let padded = padded.map(|radio| radiotap(&[2], &[0x20, 0, 0, 0], &radio.padded().carrying(IPV4, &ipv4())));
    compare(LinkType::IEEE802_11_RADIOTAP, &[], &padded);
}

#[test]
fn tshark_reads_the_same_packets_out_of_serial_links() {
    if !there() {
        return;
    }
    let ppp = |framing: &[u8]| {
        let on = |protocol: &[u8], ip: &[u8]| [framing, protocol, ip].concat();
        vec![
            on(&[0, 0x21], &ipv4()),
            on(&[0, 0x57], &ipv6()),
            on(&[0x21], &ipv4()),
            on(&[0x57], &ipv6()),
            on(&[2, 0x81], &mpls(&[16, 17], &ipv4())),
            on(&[0xc0, 0x21], &[1, 1, 0, 4]),
        ]
    };
    let cisco = |address: u8| {
        let on = |ether_type: u16, ip: &[u8]| [&[address, 0][..], &ether_type.to_be_bytes(), ip].concat();
        vec![on(IPV4, &ipv4()), on(IPV6, &ipv6()), on(MPLS, &mpls(&[16], &ipv6())), on(0x8035, &[0; 14])]
    };
    compare(LinkType::PPP, &[], &[ppp(&[]), ppp(&[0xff, 3]), cisco(0x0f), cisco(0x8f)].concat());
    compare(LinkType::PPP_HDLC, &[], &[ppp(&[0xff, 3]), cisco(0x0f), cisco(0x8f)].concat());
    compare(LinkType::C_HDLC, &[], &[cisco(0x0f), cisco(0x8f)].concat());
}

fn on_port(port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new("10.0.0.1", "10.0.0.2").udp(port, port, payload))
}

#[test]
fn tshark_reads_the_same_packets_out_of_tunnelled_frames() {
    if !there() {
        return;
    }
    let inner = |ether_type, ip: &[u8]| [&Radio::address(7)[..], &Radio::address(8), &[ether_type, 0], ip].concat();
    let ethernets = [
        inner(8, &ipv4()),
        [&Radio::address(7)[..], &Radio::address(8), &VLAN.to_be_bytes(), &vlan(31, IPV6, &ipv6())].concat(),
        snap([0; 3], IPV4, &ipv4()),
    ];
    let tags = [0, 10, 1, 0xc8, 0, 60, 6, 2, 0, 0, 0, 0, 9, 1];
    let mut frames: Vec<_> = ethernets.iter().map(|frame| on_port(37008, &tzsp(1, 0, 1, &tags, frame))).collect();
    frames.extend(radio_frames().iter().map(|frame| on_port(37008, &tzsp(1, 0, 18, &tags, frame))));
    compare(LinkType::ETHERNET, &["wlan.defragment:FALSE"], &frames);

    let optional = [&[6][..], &[9; 6], &[0], &[4, 1, 2, 3, 4, 0, 0, 0]].concat();
    let controlled = |swapped: bool| {
        let radios = [Radio::data(1), Radio::data(2), Radio::qos(2, 0), Radio::data(3), Radio::data(0x42)];
        let radios = radios.map(|radio| if swapped { radio.swapped() } else { radio });
        let on = |radio: &Radio| on_port(5247, &capwap(0x30, true, &optional, &radio.carrying(IPV4, &ipv4())));
        radios.iter().map(on).collect::<Vec<_>>()
    };
    compare(LinkType::ETHERNET, &[], &controlled(true));
    compare(LinkType::ETHERNET, &["capwap.swap_fc:FALSE"], &controlled(false));
    let mut frames: Vec<_> = ethernets.iter().map(|frame| on_port(5247, &capwap(0, false, &[], frame))).collect();
    frames.push(on_port(5247, &capwap(0x08, false, &[], &[0, 35, 0, 16])));
    compare(LinkType::ETHERNET, &[], &frames);
}
