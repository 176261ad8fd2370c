//! Naming applications: what nDPI is given, when it is let go, and what is said in the end.
#![cfg(feature = "ndpi")]

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use flowgauge::Packet;
use flowgauge::Timestamp;
use flowgauge::classify::Classification;
use flowgauge::classify::Classifier;
use flowgauge::classify::ClassifierOptions;
use flowgauge::classify::DissectionLimits;
use flowgauge::flow::Application;
use flowgauge::flow::Confidence;
use flowgauge::flow::Facts;
use flowgauge::packet::LinkType;
use flowgauge::packet::PacketFlags;
use flowgauge::packet::PacketInfo;
use flowgauge::packet::RawPacket;
use flowgauge::packet::TcpFlags;

use crate::classify_facts::so_far;

const TCP: u8 = 6;
const UDP: u8 = 17;
pub(crate) const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 49152);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

#[test]
fn a_dns_query_is_dns() {
    let label = label_of(&[udp(CLIENT, (SERVER, 53), &dns_query())]);
    assert_eq!((label.name.as_str(), label.category.as_str()), ("DNS", "Network"));
    assert_eq!((label.master_protocol, label.app_protocol), (0, 5));
    assert_eq!(label.confidence, Confidence::Dpi);
}

#[test]
fn an_http_request_is_http_of_the_host_it_names() {
    let request = b"GET / HTTP/1.1\r\nHost: www.instagram.com\r\nUser-Agent: test\r\n\r\n";
    let label = label_of(&[tcp(CLIENT, (SERVER, 80), request)]);
    assert_eq!((label.name.as_str(), label.category.as_str()), ("HTTP.Instagram", "SocialNetwork"));
    assert_eq!((label.master_protocol, label.app_protocol), (7, 211));
}

#[test]
fn a_tls_client_hello_is_tls_of_the_server_it_names() {
    let label = label_of(&[tcp(CLIENT, (SERVER, 443), &client_hello("i.instagram.com"))]);
    assert_eq!((label.name.as_str(), label.category.as_str()), ("TLS.Instagram", "SocialNetwork"));
    assert_eq!((label.master_protocol, label.app_protocol), (91, 211));
    assert_eq!(label.confidence, Confidence::Dpi);
}

#[test]
fn what_no_dissector_knows_is_guessed_by_its_port() {
    let syn = with_tcp_flags(tcp(CLIENT, (SERVER, 3306), b""), TcpFlags::SYN);
    let label = label_of(&[syn, tcp(CLIENT, (SERVER, 3306), &noise(40))]);
    assert_eq!((label.name.as_str(), label.category.as_str()), ("MySQL", "Database"));
    assert_eq!(label.confidence, Confidence::MatchByPort);
}

#[test]
fn what_cannot_even_be_guessed_is_unknown() {
    let label = label_of(&[udp(CLIENT, (SERVER, 49153), &noise(40))]);
    let unknown = Application {
        name: "Unknown".to_owned(),
        category: "Unspecified".to_owned(),
        master_protocol: 0,
        app_protocol: 0,
        confidence: Confidence::Unknown,
    };
    assert_eq!(*label, unknown);
}

#[test]
fn with_all_limits_zero_there_is_no_classifier() {
    let options = ClassifierOptions { limits: DissectionLimits::uniform(0), ..Default::default() };
    let mut classifier = Classifier::open(&options).unwrap();
    assert!(matches!(classifier, Classifier::Off));
    assert_eq!(classifier.ndpi_version(), None);
    let mut flow = classifier.start();
    udp(CLIENT, (SERVER, 53), &dns_query()).show(&mut classifier, &mut flow);
    assert!(matches!(flow, Classification::Off));
    assert_eq!(classifier.label(&flow), None);
    assert_eq!(classifier.finish(&mut flow, &mut None), None);
}

#[test]
fn a_protocol_with_limit_zero_has_no_label() {
    let mut classifier = open(DissectionLimits { udp: 0, ..DissectionLimits::uniform(20) });
    let mut flow = classifier.start();
    udp(CLIENT, (SERVER, 53), &dns_query()).show(&mut classifier, &mut flow);
    assert_eq!(classifier.finish(&mut flow, &mut None), None);
}

#[test]
fn memory_is_held_only_while_a_better_label_may_come() {
    let mut classifier = open(DissectionLimits::NDPI_READER);
    let mut flow = classifier.start();
    assert!(!flow.is_open(), "nothing is held before the first packet");
    udp(CLIENT, (SERVER, 53), &dns_query()).show(&mut classifier, &mut flow);
    assert!(flow.is_open(), "there is a label, but the answer may make it more exact");
    udp((SERVER, 53), CLIENT, &dns_answer()).show(&mut classifier, &mut flow);
    assert!(!flow.is_open(), "nothing more is wanted");
    assert!(matches!(&flow, Classification::Decided(label) if label.name == "DNS"));
}

#[test]
fn dissection_ends_with_the_limit_of_the_protocol() {
    let limits = DissectionLimits { tcp: 5, udp: 3, other: 0 };
    for (protocol, limit) in [(TCP, 5), (UDP, 3)] {
        let mut classifier = open(limits);
        let mut flow = classifier.start();
        for given in 1..=limit {
            // No payload counts as well as payload.
            let payload = if given == 1 { Vec::new() } else { http_pieces(given) };
            frame(protocol, CLIENT, (SERVER, 80), &payload).show(&mut classifier, &mut flow);
            assert_eq!(flow.is_open(), given < limit, "protocol {protocol}, packet {given}");
        }
        assert!(classifier.finish(&mut flow, &mut None).is_some());
    }
}

#[test]
fn looking_at_a_living_flow_changes_nothing() {
    let story = [
        with_tcp_flags(tcp(CLIENT, (SERVER, 443), b""), TcpFlags::SYN),
        with_tcp_flags(tcp((SERVER, 443), CLIENT, b""), TcpFlags::SYN | TcpFlags::ACK),
        tcp(CLIENT, (SERVER, 443), &client_hello("i.instagram.com")),
    ];
    let mut classifier = open(DissectionLimits::NDPI_READER);
    let mut flow = classifier.start();
    let mut seen = Vec::new();
    for packet in &story {
        for _ in 0..3 {
            seen.push(classifier.label(&flow).unwrap().name.clone());
        }
        packet.show(&mut classifier, &mut flow);
    }
    assert_eq!(seen, ["Unknown", "Unknown", "Unknown", "TLS", "TLS", "TLS", "TLS", "TLS", "TLS"]);
    assert_eq!(classifier.label(&flow).unwrap().name, "TLS.Instagram");
    assert_eq!(classifier.finish(&mut flow, &mut None), Some(label_of(&story)));
    assert!(matches!(flow, Classification::Off));
}

#[test]
fn later_fragments_and_cut_packets_are_neither_read_nor_counted() {
    let mut classifier = open(DissectionLimits { udp: 2, ..DissectionLimits::NDPI_READER });
    let mut flow = classifier.start();
    let mut fragment = udp(CLIENT, (SERVER, 49153), &noise(40));
    fragment.info.flags.insert(PacketFlags::LATER_FRAGMENT);
    let mut cut = udp(CLIENT, (SERVER, 49153), &noise(40));
    cut.data.truncate(40);
    let mut offloaded = udp(CLIENT, (SERVER, 49153), &noise(40));
    offloaded.data[2..4].fill(0);
    for unreadable in [&fragment, &cut, &offloaded] {
        for _ in 0..5 {
            unreadable.show(&mut classifier, &mut flow);
        }
    }
    assert!(!flow.is_open(), "nothing is held for packets that cannot be read");
    assert_eq!(classifier.label(&flow).unwrap().name, "Unknown");
    udp(CLIENT, (SERVER, 49153), &noise(40)).show(&mut classifier, &mut flow);
    assert!(flow.is_open(), "the first of two");
    udp(CLIENT, (SERVER, 49153), &noise(40)).show(&mut classifier, &mut flow);
    assert!(!flow.is_open(), "the second of two");
}

#[test]
fn flows_share_their_labels() {
    let mut classifier = open(DissectionLimits::uniform(20));
    let labels: Vec<_> = (0..2)
        .map(|host| {
            let mut flow = classifier.start();
            udp((Ipv4Addr::new(192, 0, 2, host), 4000), (SERVER, 53), &dns_query()).show(&mut classifier, &mut flow);
            classifier.finish(&mut flow, &mut None).unwrap()
        })
        .collect();
    assert!(Arc::ptr_eq(&labels[0], &labels[1]));
}

#[test]
fn stable_labels_use_nothing_learnt_from_other_flows() {
    let miner = br#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"worker":"w","agent":"miner/1.0"}}"#;
    for (stable_labels, expected) in [(false, "Mining"), (true, "Unknown")] {
        let mut classifier = Classifier::open(&ClassifierOptions {
            limits: DissectionLimits::NDPI_READER,
            stable_labels,
            ..Default::default()
        })
        .unwrap();
        let mut mining = classifier.start();
        with_tcp_flags(tcp(CLIENT, (SERVER, 49200), b""), TcpFlags::SYN).show(&mut classifier, &mut mining);
        tcp(CLIENT, (SERVER, 49200), miner).show(&mut classifier, &mut mining);
        assert_eq!(classifier.finish(&mut mining, &mut None).unwrap().name, "Mining");
        let mut other = classifier.start();
        udp((CLIENT.0, 49300), (SERVER, 49301), &noise(40)).show(&mut classifier, &mut other);
        let label = classifier.finish(&mut other, &mut None).unwrap();
        assert_eq!(label.name, expected);
        assert_eq!(label.confidence == Confidence::DpiCache, !stable_labels);
    }
}

#[test]
fn classifiers_open_side_by_side_and_move_between_threads() {
    let opened: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| open(DissectionLimits::uniform(20))))
        .map(|thread| thread.join().unwrap())
        .collect();
    let workers: Vec<_> = opened
        .into_iter()
        .map(|mut classifier| {
            thread::spawn(move || {
                let mut flow = classifier.start();
                udp(CLIENT, (SERVER, 53), &dns_query()).show(&mut classifier, &mut flow);
                classifier.finish(&mut flow, &mut None).unwrap().name.clone()
            })
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.join().unwrap(), "DNS");
    }
}

#[test]
fn a_flow_may_outlive_its_classifier() {
    let mut classifier = open(DissectionLimits::uniform(20));
    let mut flow = classifier.start();
    tcp(CLIENT, (SERVER, 443), &client_hello("i.instagram.com")).show(&mut classifier, &mut flow);
    assert!(flow.is_open());
    drop(classifier);
    drop(flow);
}

#[test]
fn mutated_packets_do_no_harm() {
    let mut seeds = vec![
        tcp(CLIENT, (SERVER, 443), &client_hello("i.instagram.com")),
        tcp(CLIENT, (SERVER, 80), b"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"),
        udp(CLIENT, (SERVER, 53), &dns_query()),
        udp((SERVER, 53), CLIENT, &dns_answer()),
        frame(1, CLIENT, (SERVER, 0), &noise(64)),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if corpus.is_dir() {
        for name in ["quic-29.pcap", "sip.pcap", "bittorrent_ip.pcap", "skype.pcap", "dns_exfiltration.pcap"] {
            seeds.extend(frames_of(&corpus.join(name)).into_iter().take(40));
        }
    } else {
        eprintln!("skipped: no corpus at {}; only frames built here are mutated", corpus.display());
    }
    let check = |facts: Option<&Facts>| {
        let names = facts.map(|facts| [facts.requested_server_name(), facts.user_agent(), facts.ssh_client()]);
        let names = names.into_iter().flatten().flatten();
        assert!(names.into_iter().all(|name| !name.is_empty() && name.len() <= Facts::MAX_TEXT));
    };
    let mut random = Random(0x5eed);
    let options = ClassifierOptions { limits: DissectionLimits::NDPI_READER, facts: true, ..Default::default() };
    let mut classifier = Classifier::open(&options).unwrap();
    let mut flows = HashMap::new();
    for _ in 0..1_000 {
        let mutated = random.mutate(&seeds);
        // A flow has one protocol; a few flows of each are alive at a time.
        let key = (mutated.info.ip_protocol, random.below(4));
        let flow = flows.entry(key).or_insert_with(|| classifier.start());
        mutated.show(&mut classifier, flow);
        if random.below(8) == 0 {
            assert!(classifier.label(flow).is_some());
            check(so_far(&classifier, flow).as_ref());
        }
        if random.below(32) == 0 {
            let mut facts = None;
            assert!(classifier.finish(flow, &mut facts).is_some());
            check(facts.as_deref());
            *flow = classifier.start();
        }
    }
}

#[test]
fn a_packet_of_another_protocol_is_passed_over() {
    let mut classifier = open(DissectionLimits::uniform(3));
    let mut flow = classifier.start();
    tcp(CLIENT, (SERVER, 443), &client_hello("i.instagram.com")[..60]).show(&mut classifier, &mut flow);
    for _ in 0..5 {
        let mut stray = udp(CLIENT, (SERVER, 443), &noise(1200));
        stray.info.ip_protocol = TCP;
        stray.show(&mut classifier, &mut flow);
    }
    assert!(flow.is_open(), "they do not count");
    tcp(CLIENT, (SERVER, 443), b"").show(&mut classifier, &mut flow);
    tcp(CLIENT, (SERVER, 443), b"").show(&mut classifier, &mut flow);
    assert!(!flow.is_open());
}

/// An IP packet of its own, without a link layer, and what a decoder would say of it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    data: Vec<u8>,
    info: PacketInfo,
}

impl Frame {
    /// The IP packet `data`; lengths as its header says.
    fn of(data: Vec<u8>) -> Self {
        let version = data[0] >> 4;
        let length = |at: usize| u32::from(u16::from_be_bytes([data[at], data[at + 1]]));
        let (ip_protocol, ip_len) = if version == 6 { (data[6], 40 + length(4)) } else { (data[9], length(2)) };
        let info = PacketInfo {
            clock: Timestamp::from_millis(1_555_969_081_636),
            wire_len: ip_len,
            ip_len,
            ip_version: version,
            ip_protocol,
            ..PacketInfo::EMPTY
        };
        Self { data, info }
    }

    pub(crate) fn show(&self, classifier: &mut Classifier, flow: &mut Classification) {
        self.show_and_tell(classifier, flow, &mut None);
    }

    pub(crate) fn show_and_tell(
        &self,
        classifier: &mut Classifier,
        flow: &mut Classification,
        facts: &mut Option<Arc<Facts>>,
    ) {
        let raw = RawPacket {
            number: 1,
            stamp: self.info.clock,
            wire_len: self.info.wire_len,
            link: LinkType(101),
            data: &self.data,
        };
        classifier.observe(flow, &Packet::new(raw, &self.info), facts);
    }
}

fn open(limits: DissectionLimits) -> Classifier {
    Classifier::open(&ClassifierOptions { limits, ..Default::default() }).unwrap()
}

/// The final label of a flow with these packets, alone in a fresh module.
fn label_of(packets: &[Frame]) -> Arc<Application> {
    let mut classifier = open(DissectionLimits::NDPI_READER);
    let mut flow = classifier.start();
    for packet in packets {
        packet.show(&mut classifier, &mut flow);
    }
    classifier.finish(&mut flow, &mut None).unwrap()
}

pub(crate) fn tcp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Frame {
    frame(TCP, src, dst, payload)
}

pub(crate) fn udp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Frame {
    frame(UDP, src, dst, payload)
}

fn with_tcp_flags(mut frame: Frame, flags: u8) -> Frame {
    frame.data[33] = flags;
    frame
}

/// IPv4 without checksums, which nDPI does not read.
fn frame(protocol: u8, src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Frame {
    let mut data = vec![0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, protocol, 0, 0];
    data.extend(src.0.octets());
    data.extend(dst.0.octets());
    data.extend(src.1.to_be_bytes());
    data.extend(dst.1.to_be_bytes());
    match protocol {
        TCP => data.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, TcpFlags::PSH | TcpFlags::ACK, 0xff, 0xff, 0, 0, 0, 0]),
        UDP => {
            data.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
            data.extend([0, 0]);
        }
        _ => {}
    }
    data.extend(payload);
    set_length(&mut data);
    Frame::of(data)
}

/// Makes the length field of an IPv4 header that of the data.
fn set_length(data: &mut [u8]) {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    data[2..4].copy_from_slice(&length);
}

/// Bytes that look like nothing.
fn noise(len: usize) -> Vec<u8> {
    let mut random = Random(7);
    (0..len).map(|_| random.next() as u8).collect()
}

/// An HTTP request that does not end, so that its flow stays undecided for as long as the limit lets it.
pub(crate) fn http_pieces(number: u32) -> Vec<u8> {
    if number == 2 { b"GET /".to_vec() } else { b"a".repeat(20) }
}

/// The question for the A record of example.test.
pub(crate) fn dns_query() -> Vec<u8> {
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(b"\x07example\x04test\x00\x00\x01\x00\x01");
    message
}

/// Its answer: 192.0.2.9.
pub(crate) fn dns_answer() -> Vec<u8> {
    let mut message = dns_query();
    message[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 9]);
    message
}

/// A TLS 1.2 ClientHello (RFC 5246 §7.4.1.2) with one extension, the server's name (RFC 6066 §3).
pub(crate) fn client_hello(server: &str) -> Vec<u8> {
    let u16_of = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let mut extension = vec![0, 0];
    extension.extend(u16_of(server.len() + 5));
    extension.extend(u16_of(server.len() + 3));
    extension.push(0);
    extension.extend(u16_of(server.len()));
    extension.extend(server.as_bytes());
    let mut body = vec![3, 3];
    body.extend(noise(32));
    body.extend([0, 0, 4, 0xc0, 0x2f, 0, 0x9c, 1, 0]);
    body.extend(u16_of(extension.len()));
    body.extend(extension);
    let mut record = vec![22, 3, 1];
    record.extend(u16_of(body.len() + 4));
    record.extend([1, 0]);
    record.extend(u16_of(body.len()));
    record.extend(body);
    record
}

/// The whole IP packets of a little-endian Ethernet or raw pcap file.
fn frames_of(path: &PathBuf) -> Vec<Frame> {
    let file = fs::read(path).unwrap();
    let u32_at = |at: usize| file.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().unwrap()) as usize);
    let skip = if u32_at(20) == Some(1) { 14 } else { 0 };
    let mut frames = Vec::new();
    let mut at = 24;
    while let Some(len) = u32_at(at + 8) {
        let Some(data) = file.get(at + 16..at + 16 + len) else { break };
        at += 16 + len;
        let Some(ip) = data.get(skip..).filter(|ip| ip.len() >= 40 && ip[0] >> 4 == 4) else { continue };
        let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        if (40..=ip.len()).contains(&length) {
            frames.push(Frame::of(ip[..length].to_vec()));
        }
    }
    frames
}

/// A small generator (xorshift64*), the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// One of `seeds` with some bytes changed, sometimes shorter, and a length that lets nDPI read it.
    fn mutate(&mut self, seeds: &[Frame]) -> Frame {
        let mut data = seeds[self.below(seeds.len())].data.clone();
        for _ in 0..self.below(8) {
            let at = self.below(data.len());
            data[at] = self.next() as u8;
        }
        if self.below(4) == 0 {
            data.truncate(20 + self.below(data.len() - 20 + 1));
        }
        data[0] = 0x45 + self.below(4) as u8;
        set_length(&mut data);
        Frame::of(data)
    }
}
