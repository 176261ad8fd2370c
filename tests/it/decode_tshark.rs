//! Frames of links and tunnels that carry frames, made here, beside what tshark reads out of them.

use std::process::Command;

use flowgauge::packet::{Decoded, LinkType, Packet};

use crate::decode::{decode, raw};
use crate::support::{carriers, oracle};

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
    std::fs::write(&path, carriers::pcap(link, frames)).unwrap();
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

fn there() -> bool {
    oracle::there("tshark", &["--version"])
}

#[test]
fn tshark_reads_the_same_packets_out_of_radio_frames() {
    if !there() {
        return;
    }
    compare(LinkType::IEEE802_11, &["wlan.defragment:FALSE"], &carriers::radio());
    compare(LinkType::IEEE802_11_RADIOTAP, &["wlan.defragment:FALSE"], &carriers::tapped());
}

#[test]
fn tshark_reads_the_same_packets_out_of_serial_links() {
    if !there() {
        return;
    }
    let (plain, framed) = (carriers::ppp(&[]), carriers::ppp(&[0xff, 3]));
    let cisco = [carriers::cisco_hdlc(0x0f), carriers::cisco_hdlc(0x8f)].concat();
    compare(LinkType::PPP, &[], &[plain, framed.clone(), cisco.clone()].concat());
    compare(LinkType::PPP_HDLC, &[], &[framed, cisco.clone()].concat());
    compare(LinkType::C_HDLC, &[], &cisco);
}

#[test]
fn tshark_reads_the_same_packets_out_of_tunnelled_frames() {
    if !there() {
        return;
    }
    compare(LinkType::ETHERNET, &["wlan.defragment:FALSE"], &carriers::sniffed());
    compare(LinkType::ETHERNET, &[], &[carriers::controlled(true), carriers::bridged()].concat());
    compare(LinkType::ETHERNET, &["capwap.swap_fc:FALSE"], &carriers::controlled(false));
}

#[test]
fn tshark_reads_the_same_packets_out_of_overlays() {
    if !there() {
        return;
    }
    compare(LinkType::ETHERNET, &[], &carriers::overlays());
}

#[test]
fn tshark_reads_the_same_packets_out_of_gre() {
    if !there() {
        return;
    }
    compare(LinkType::ETHERNET, &[], &carriers::routed());
}
