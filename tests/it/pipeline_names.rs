//! Names of addresses: which are asked for, how often, and that nobody is made to wait.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flowgauge::capture::memory::MemorySource;
use flowgauge::packet::LinkType;
use flowgauge::pipeline::{
    Batch, Counts, Item, PacketMeta, PacketStreamer, Pipeline, Pulled, Resolver, ReverseDns, Source, Tagger,
};
use flowgauge::{Streamer, Timestamp};

use crate::support::frames::{Ipv4, ethernet};

/// What a stub resolver does with a question.
#[derive(Clone, Copy)]
enum Habit {
    /// Answers with `host-A.example`, where A is the last number of the address.
    Answers,
    /// Answers so after a while.
    Late(Duration),
    /// Says that there is no such name.
    Denies,
    /// Answers another question, then with another id, then nonsense, and never right.
    Lies,
    /// Says nothing.
    Silent,
}

/// A resolver on loopback; how many questions it got.
fn stub(habit: Habit) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            counted.fetch_add(1, Ordering::SeqCst);
            let question = buffer[..len].to_vec();
            let reply = |message: Vec<u8>| drop(socket.send_to(&message, from));
            match habit {
                Habit::Answers => reply(answer(&question)),
                Habit::Late(after) => {
                    let (socket, message) = (socket.try_clone().unwrap(), answer(&question));
                    thread::spawn(move || {
                        thread::sleep(after);
                        drop(socket.send_to(&message, from));
                    });
                }
                Habit::Denies => {
                    let mut message = question.clone();
                    (message[2], message[3]) = (0x81, 0x83);
                    reply(message);
                }
                Habit::Lies => {
                    let mut other = answer(&question);
                    other[13] = b'9';
                    reply(other);
                    let mut forged = answer(&question);
                    forged[0] ^= 1;
                    reply(forged);
                    reply(b"nonsense".to_vec());
                }
                Habit::Silent => {}
            }
        }
    });
    (address, asked)
}

fn answer(question: &[u8]) -> Vec<u8> {
    let len = usize::from(question[12]);
    let name = [b"host-".as_slice(), &question[13..13 + len]].concat();
    let mut message = question.to_vec();
    (message[2], message[3], message[7]) = (0x81, 0x80, 1);
    let data_len = (name.len() + 1 + 8 + 1) as u8;
    message.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 9, 0, data_len, name.len() as u8]);
    message.extend(&name);
    message.extend(b"\x07example\0");
    message
}

/// A packet from 10.0.0.1 to each of these addresses, at these seconds.
fn packets(to: impl IntoIterator<Item = (i64, Ipv4Addr)>) -> MemorySource {
    let mut source = MemorySource::new().batch_frames(256);
    for (second, address) in to {
        let frame = ethernet(0x0800, &Ipv4::new("10.0.0.1", &address.to_string()).udp(1, 2, b""));
        source.push(Timestamp::from_nanos(second * 1_000_000_000), LinkType::ETHERNET, &frame);
    }
    source
}

/// The destination's domain of every packet, the tags, and the counts.
fn domains(source: MemorySource, names: ReverseDns) -> (Vec<String>, Vec<String>, Counts) {
    let mut pipeline = Pipeline::new(PacketStreamer::new(Streamer::from_source(source)).unwrap())
        .link(PacketMeta::default())
        .link(names)
        .link(Tagger::default());
    let (mut batch, mut domains, mut tags) = (Batch::default(), Vec::new(), Vec::new());
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        for item in &batch.items {
            let Item::Packet(packet) = item else { panic!("{item:?}") };
            domains.push(packet.domains()[1].to_string());
            tags.push(packet.tag_names().collect::<Vec<_>>().join(" "));
        }
    }
    (domains, tags, pipeline.counts())
}

fn names(server: SocketAddr) -> ReverseDns {
    ReverseDns::default().resolver(Resolver::Server(server)).wait(Duration::from_secs(20)).threads(8)
}

const GOOGLE: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);

#[test]
fn a_name_is_looked_up_once_and_special_addresses_never() {
    let (server, asked) = stub(Habit::Answers);
    let special = ["10.9.9.9", "127.0.0.1", "169.254.1.1", "224.0.0.251", "224.0.0.1", "255.255.255.255", "172.20.0.1"];
    let to = special.iter().map(|text| text.parse().unwrap()).chain([GOOGLE; 3]).map(|address| (1, address));
    let (domains, tags, counts) = domains(packets(to), names(server));
    let words = ["internal", "loopback", "link_local", "multicast_dns", "multicast", "broadcast", "internal"];
    assert_eq!(domains[..7], words);
    assert_eq!(domains[7..], ["host-8.example"; 3]);
    assert!(tags[..7].iter().all(|tags| tags == "internal") && tags[7] == "outgoing", "{tags:?}");
    assert_eq!((asked.load(Ordering::SeqCst), counts.lookups.asked, counts.lookups.names), (1, 1, 1));
}

#[test]
fn an_address_without_a_name_is_tagged() {
    let (server, _) = stub(Habit::Denies);
    let (domains, tags, counts) = domains(packets([(1, GOOGLE)]), names(server));
    assert_eq!((domains[0].as_str(), tags[0].as_str()), ("nxdomain", "nxdomain outgoing"));
    assert_eq!(counts.lookups.nxdomain, 1);
}

#[test]
fn a_thousand_addresses_three_times_are_a_thousand_lookups() {
    let (server, _) = stub(Habit::Answers);
    let address = |number: u32| Ipv4Addr::from(0x0808_0000 + number);
    let rounds = |addresses: u32| (0..3).flat_map(move |_| (0..addresses).map(move |number| (1, address(number))));
    let (domains, _, counts) = domains(packets(rounds(1_000)), names(server).max_names(1_000));
    assert_eq!(counts.lookups.asked, 1_000);
    assert!(domains.iter().all(|domain| domain.ends_with(".example")));
    // Beyond that, some are asked for again, and not all.
    let (_, _, counts) = self::domains(packets(rounds(1_100)), names(server).max_names(1_000));
    assert!((1_100..2_500).contains(&counts.lookups.asked), "{:?}", counts.lookups);
}

#[test]
fn a_name_is_asked_for_again_after_its_time_although_packets_go_on() {
    let (server, asked) = stub(Habit::Answers);
    let source = packets((0..=1_300).map(|second| (second, GOOGLE)));
    let (domains, _, _) = domains(source, names(server).ttl(Duration::from_secs(600)));
    assert!(domains.iter().all(|domain| domain == "host-8.example"));
    // At 0, 600 and 1,200 s.
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn nobody_waits_for_a_resolver_that_is_late() {
    let (server, _) = stub(Habit::Late(Duration::from_secs(1)));
    let since = Instant::now();
    let (domains, tags, counts) = domains(packets([(1, GOOGLE)]), names(server).wait(Duration::ZERO));
    assert!(since.elapsed() < Duration::from_millis(700), "{:?}", since.elapsed());
    assert_eq!((domains[0].as_str(), tags[0].as_str()), ("unknown", "outgoing"));
    assert_eq!((counts.lookups.asked, counts.lookups.names), (1, 0));
    // Who says so waits, and gets the name.
    let (domains, _, _) = self::domains(packets([(1, GOOGLE)]), names(server));
    assert_eq!(domains, ["host-8.example"]);
}

#[test]
fn a_resolver_that_never_answers_costs_its_bounded_time_once() {
    for habit in [Habit::Silent, Habit::Lies] {
        let (server, _) = stub(habit);
        let to = (0..2_000).map(|number| (1, Ipv4Addr::from(0x0808_0000 + number)));
        let since = Instant::now();
        let (domains, _, counts) = domains(packets(to), names(server).wait(Duration::from_millis(200)));
        assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
        assert!(domains.iter().all(|domain| domain == "unknown"));
        assert_eq!(counts.lookups.names, 0);
        assert!(counts.lookups.put_off > 0);
    }
}

#[test]
fn names_that_the_capture_tells_come_first() {
    let (server, _) = stub(Habit::Answers);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dns.pcap");
    let mut pipeline = Pipeline::new(PacketStreamer::new(Streamer::from_file(path)).unwrap()).link(names(server));
    let mut batch = Batch::default();
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {}
    assert!(pipeline.counts().lookups.learnt > 0);
}

#[test]
fn off_is_off() {
    let (domains, _, counts) = domains(packets([(1, GOOGLE)]), ReverseDns::default());
    assert_eq!((domains[0].as_str(), counts.lookups.asked), ("unknown", 0));
}
