//! HTTP and TLS in pipelines: on packets, and behind flows.

use flowgauge::Streamer;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::dissect::http::Start;
use flowgauge::meter::MeterConfig;
use flowgauge::pipeline::{
    Batch, Branch, Counter, Counts, Flows, HttpMeta, HttpTold, Item, JsonSink, PacketItem, PacketStreamer, Pipeline,
    Pulled, Role, Source, TlsMeta, Way,
};
use proptest::prelude::*;

use crate::support::captures::shared;
use crate::support::frames::{Ipv4, ethernet};
use crate::support::hello;
use crate::support::wire::{ACK, FIN, RST, SYN, Wire};

fn unlabelled() -> MeterConfig {
    MeterConfig::new().classifier(ClassifierOptions { limits: DissectionLimits::NONE, ..Default::default() })
}

fn source(streamer: Streamer) -> Pipeline {
    Pipeline::new(PacketStreamer::new(streamer).unwrap())
}

/// A message in a word.
fn word(told: &HttpTold) -> String {
    let message = &told.message;
    let end = if message.is_complete { "" } else { " cut" };
    let missing = if message.missing > 0 { format!(" -{}", message.missing) } else { String::new() };
    match &message.start {
        Start::Request { method, target } => {
            format!("{}> {method} {target} {}{missing}{end}", told.src.1, message.body_len)
        }
        Start::Response { status, .. } => format!("{}> {status} {}{missing}{end}", told.src.1, message.body_len),
    }
}

fn packet(item: &Item) -> Option<&PacketItem> {
    if let Item::Packet(item) = item { Some(item) } else { None }
}

/// What packets tell, with the index of the item (among all) that does.
fn on_packets(streamer: Streamer) -> Vec<(usize, String)> {
    let mut pipeline = source(streamer).link(HttpMeta::default());
    let (mut batch, mut told, mut count) = (Batch::default(), Vec::new(), 0);
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        for item in &batch.items {
            let Item::Packet(packet) = item else { panic!("{item:?}") };
            told.extend(packet.http().iter().map(|message| (count, word(message))));
            count += 1;
        }
    }
    told
}

/// What a flow tells: its messages, and of TLS who sent how many records.
type Told = (Vec<String>, Vec<(Role, usize)>);

fn on_flows(streamer: Streamer, halves: bool) -> Vec<Told> {
    let flows = Flows::new(unlabelled()).unwrap().halves(halves);
    let mut pipeline = source(streamer).link(flows).link(HttpMeta::default()).link(TlsMeta::default());
    let (mut batch, mut told) = (Batch::default(), Vec::new());
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        for item in &batch.items {
            let Item::Flow(flow) = item else { panic!("{item:?}") };
            let tls = flow.tls().map(|tls| (tls.role, tls.records.len()));
            told.push((flow.http().map(word).collect(), tls.collect()));
        }
    }
    told
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";

#[test]
fn the_packet_that_completes_a_message_tells_it() {
    let (c, s) = (u32::MAX - 5, 500);
    let wire = Wire::opened(c, s)
        .segment(true, c, s, ACK, &GET[..10])
        .segment(true, c.wrapping_add(10), s, ACK, &GET[10..])
        .segment(true, c.wrapping_add(10), s, ACK, &GET[10..])
        .segment(false, s, c, ACK, &[OK, b"ab"].concat())
        .segment(false, s + OK.len() as u32 + 2, c, ACK, b"cdHTTP/1.1 204 \r\n\r\nHTTP/1.1 404 Not Found\r\n\r\nuntil")
        .segment(false, s + OK.len() as u32 + 52, c, FIN, b" the end");
    let told = on_packets(wire.streamer());
    let expected = [(3, "40000> GET /a 0"), (6, "80> 200 4"), (6, "80> 204 0"), (7, "80> 404 13")];
    assert_eq!(told, expected.map(|(at, word)| (at, word.to_owned())));
    let flows = on_flows(wire.streamer(), false);
    assert_eq!(flows, [(expected.map(|(_, word)| word.to_owned()).to_vec(), Vec::new())]);
    let halves = on_flows(wire.streamer(), true);
    assert_eq!((halves[0].0.len(), halves[1].0.len()), (1, 3), "{halves:?}");
}

#[test]
fn what_is_cut_is_told_at_the_end() {
    let wire = Wire::opened(1, 1)
        .segment(true, 1, 1, ACK, GET)
        .segment(false, 1, 29, ACK, &[OK, b"a"].concat())
        .segment(false, 3 + OK.len() as u32, 29, ACK, b"c");
    let told = on_packets(wire.streamer());
    assert_eq!(told[1..], [(5, "80> 200 3 -1 cut".to_owned())]);
    assert_eq!(on_flows(wire.streamer(), false)[0].0[1], "80> 200 1 cut");
    // A reset tells it, too, and ports that are used again begin anew.
    let wire = wire.segment(true, 29, 1, RST, b"").segment(true, 900, 0, SYN, b"").segment(true, 901, 1, ACK, GET);
    let told = on_packets(wire.streamer());
    assert_eq!(told[1..], [(5, "80> 200 3 -1 cut".to_owned()), (7, "40000> GET /a 0".to_owned())]);
}

#[test]
fn a_connection_that_was_joined_in_its_midst_is_read_from_its_next_message_on() {
    let wire = Wire::default().segment(false, 700, 1, ACK, b"the end of something").segment(true, 1, 720, ACK, GET);
    let wire = wire.segment(false, 720, 29, ACK, &[OK, b"abcd"].concat());
    let told: Vec<_> = on_packets(wire.streamer()).into_iter().map(|(_, word)| word).collect();
    assert_eq!(told, ["40000> GET /a 0", "80> 200 4"]);
}

#[test]
fn http_in_a_datagram_is_odd() {
    let search = ethernet(
        0x0800,
        &Ipv4::new("10.0.0.1", "239.255.255.250").udp(9, 1900, b"M-SEARCH * HTTP/1.1\r\nST: a\r\n\r\n"),
    );
    let wire = Wire { frames: vec![search] };
    let mut pipeline = source(wire.streamer()).link(HttpMeta::default());
    let mut batch = Batch::default();
    pipeline.next_batch(&mut batch).unwrap();
    let message = &batch.packet(0).unwrap().item.http()[0].message;
    assert_eq!((message.weird.as_slice(), message.header("st")), (&["UDP-HTTP"][..], Some("a")));
}

#[test]
fn a_branch_behind_flows_is_asked_what_it_wants() {
    let wire = Wire::opened(1, 1).segment(true, 1, 1, ACK, GET);
    let counts = |branch: Branch| -> Counts {
        source(wire.streamer()).link(Flows::new(unlabelled()).unwrap()).pull(&mut { branch }).unwrap()
    };
    let with = Branch::default().way(Way::new("a", Counter::default()).link(HttpMeta::default()));
    assert_eq!(counts(with).http_messages, 1);
    assert_eq!(counts(Branch::default().way(Way::new("a", Counter::default()))).http_messages, 0);
}

#[test]
fn json_has_what_is_told() {
    let wire = Wire::opened(1, 1).segment(true, 1, 1, ACK, GET);
    let lines = |pipeline: Pipeline| {
        let file = tempfile::NamedTempFile::new().unwrap();
        pipeline.pull(&mut JsonSink::new("file", file.reopen().unwrap())).unwrap();
        std::fs::read_to_string(file.path()).unwrap()
    };
    let packets = lines(source(wire.streamer()).link(HttpMeta::default()).link(TlsMeta::default()));
    let nothing = "\"http\": null, \"http_messages\": [], \"tls\": null, \"tls_directions\": []}";
    assert!(packets.lines().next().unwrap().ends_with(nothing), "{packets}");
    let something = "\"http\": {\"type\": \"HTTP_REQUEST\", \"data\": {\"method\": \"GET\", \"uri\": \"/a\"";
    assert!(packets.lines().nth(2).unwrap().contains(something), "{packets}");
    let flows = lines(source(wire.streamer()).link(Flows::new(unlabelled()).unwrap()).link(HttpMeta::default()));
    assert!(flows.contains(something), "{flows}");
}

#[test]
fn captures_of_chains_tell_what_is_in_them() {
    for path in shared("peers/chains/captures") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let flows = on_flows(Streamer::from_file(&path), true);
        let http: Vec<_> = flows.iter().flat_map(|(http, _)| http.clone()).collect();
        let tls: Vec<_> = flows.iter().flat_map(|(_, tls)| tls.clone()).collect();
        let (expected_http, expected_tls): (&[&str], &[(Role, usize)]) = match name.as_str() {
            "http.pcap" => (&["GET /download.html 0", "200 18070", "GET /pagead/ads", "200 1272"], &[]),
            "https.pcap" => (&[], &[(Role::ClientToServer, 14), (Role::ServerToClient, 7)]),
            "sqli.pcap" => (&["GET /xampp", "200 ", "GET /xampp"], &[]),
            "dns.pcap" => (&[], &[]),
            _ => continue,
        };
        assert_eq!(tls, expected_tls, "{name}");
        assert_eq!(http.len(), expected_http.len(), "{name}: {http:?}");
        for part in expected_http {
            assert!(http.iter().any(|message| message.contains(part)), "{name}: {part}: {http:?}");
        }
        assert!(!http.iter().any(|message| message.contains("cut")), "{name}: {http:?}");
    }
}

#[test]
fn tls_behind_connect_is_read_from_its_hello_on() {
    let hello = hello::record(&hello::chrome("behind.example").client());
    let (head, tail) = hello.split_at(100);
    let answer = hello::record(&hello::Hello { version: 0x0303, ciphers: vec![0x1301], ..Default::default() }.server());
    let (connect, ok) = (b"CONNECT behind.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n");
    let data = [23, 3, 3, 0, 1, 7];
    let tunnel = |wire: Wire| {
        let (c, s) = (1 + connect.len() as u32, 1 + ok.len() as u32);
        wire.segment(true, 1, 1, ACK, connect)
            .segment(false, 1, c, ACK, ok)
            .segment(true, c, s, ACK, head)
            .segment(true, c + head.len() as u32, s, ACK, tail)
            .segment(false, s, c + hello.len() as u32, ACK, &[&answer[..], &data].concat())
            .segment(true, c + hello.len() as u32, s + answer.len() as u32 + 6, FIN, &data)
    };
    // With the beginning of the connection, and without.
    for (wire, first) in [(tunnel(Wire::opened(1, 1)), 2), (tunnel(Wire::default()), 0)] {
        let http = [(first, "40000> CONNECT behind.example:443 0".to_owned()), (first + 1, "80> 200 0".to_owned())];
        assert_eq!(on_packets(wire.streamer()), http);
        let mut pipeline = source(wire.streamer()).link(HttpMeta::default()).link(TlsMeta::default());
        let (mut batch, mut told) = (Batch::default(), Vec::new());
        while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
            for (index, tls) in
                batch.items.iter().filter_map(packet).flat_map(|item| item.tls().iter().map(|tls| (item.number(), tls)))
            {
                let name = tls.facts.as_ref().and_then(|facts| facts.requested_server_name()).map(str::to_owned);
                told.push((index, tls.role, tls.records.iter().map(|record| record.kind).collect::<Vec<_>>(), name));
            }
        }
        let name = Some("behind.example".to_owned());
        let first = first as u64 + 1;
        assert_eq!(
            told[..3],
            [
                (first + 3, Role::ClientToServer, vec![22], name.clone()),
                (first + 4, Role::ServerToClient, vec![22, 23], name.clone()),
                (first + 5, Role::ClientToServer, vec![23], name),
            ]
        );
        let tls = vec![(Role::ClientToServer, 2), (Role::ServerToClient, 2)];
        assert_eq!(on_flows(wire.streamer(), false), [(http.map(|(_, word)| word).to_vec(), tls)]);
    }
}

#[test]
fn a_flow_keeps_a_bounded_number_of_messages_and_records() {
    let (mut wire, mut seq) = (Wire::opened(1, 1), 1);
    for payload in std::iter::repeat_n(GET.repeat(10), 50).chain([b"CONNECT a:1 HTTP/1.1\r\n\r\n".to_vec()]) {
        wire = wire.segment(true, seq, 1, ACK, &payload);
        seq += payload.len() as u32;
    }
    let mut payload = hello::record(&hello::chrome("behind.example").client());
    for _ in 0..50 {
        wire = wire.segment(true, seq, 1, ACK, &payload);
        seq += payload.len() as u32;
        payload = [23, 3, 3, 0, 0].repeat(200);
    }
    let flows = Flows::new(unlabelled()).unwrap();
    let mut pipeline = source(wire.streamer()).link(flows).link(HttpMeta::default()).link(TlsMeta::default());
    let (mut batch, mut flows) = (Batch::default(), Vec::new());
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        flows.append(&mut batch.items);
    }
    let [Item::Flow(flow)] = &flows[..] else { panic!("{flows:?}") };
    let told = flow.told().unwrap();
    assert_eq!((told.http.len(), told.tls.len(), told.tls[0].records.len()), (256, 1, 4096));
    assert_eq!((told.left_out, told.tls[0].count), (501 - 256 + 9801 - 4096, 9801));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn hostile_connections_are_survived(
        segments in prop::collection::vec((any::<bool>(), 0u32..200, 0u32..400, any::<u8>(), 0usize..3, any::<u16>()), 0..60),
    ) {
        let hello = [&[22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3][..], &[7; 54], &[23, 3, 3, 0, 9], &[1; 9]].concat();
        let mut wire = Wire::opened(1, 1);
        for (to_server, seq, ack, flags, kind, edit) in segments {
            let mut payload = [GET, OK, &hello][kind].to_vec();
            let at = usize::from(edit) % payload.len();
            payload[at] ^= (edit >> 8) as u8;
            wire = wire.segment(to_server, seq, ack, flags, &payload);
        }
        on_packets(wire.streamer());
        on_flows(wire.streamer(), true);
    }
}
