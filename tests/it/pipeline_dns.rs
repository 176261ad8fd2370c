//! DNS messages of packets: what items tell of them, which packets have them, and what lines show.

use flowgauge::capture::memory::MemorySource;
use flowgauge::dissect::dns::{Anomaly, Data, Fault};
use flowgauge::packet::LinkType;
use flowgauge::pipeline::{
    Batch, Branch, Counter, Counts, Dns, DnsCsv, DnsMeta, DnsSummary, Domain, Field, JsonSink, Label, PacketStreamer,
    Pipeline, Pulled, ReverseDns, Source, TransportMeta, Way,
};
use flowgauge::{Streamer, Timestamp};

use crate::support::frames::{Ipv4, Ipv6, ethernet, tcp};
use crate::support::paper::Paper;

/// A message: its flags, its questions, and the records of its three sections.
fn message(flags: u16, questions: &[&[u8]], sections: [&[&[u8]]; 3]) -> Vec<u8> {
    let counts = [questions.len(), sections[0].len(), sections[1].len(), sections[2].len()].map(|count| count as u16);
    let [q, a, b, c] = counts;
    let head = [0x1032, flags, q, a, b, c].map(u16::to_be_bytes).concat();
    [head, questions.concat(), sections.map(<[&[u8]]>::concat).concat()].concat()
}

/// A record of the class IN with 9 s to live for the name at byte 12.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    [&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 9], &length, data].concat()
}

const ASKED: &[u8] = b"\x03www\x07example\x03com\0\0\x01\0\x01";

fn asked() -> Vec<u8> {
    message(0x0100, &[ASKED], [&[], &[], &[]])
}

/// To port 53, or from it.
fn query(payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &Ipv4::new("10.0.0.1", "10.0.0.53").udp(40_000, 53, payload))
}

fn reply(payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &Ipv4::new("10.0.0.53", "10.0.0.1").udp(53, 40_000, payload))
}

/// These frames a second apart, from 2015-09-07 19:08:34 on.
fn source(frames: &[Vec<u8>]) -> PacketStreamer {
    let mut source = MemorySource::new().batch_frames(3);
    for (second, data) in frames.iter().enumerate() {
        source.push(Timestamp::from_nanos((1_441_652_914 + second as i64) * 1_000_000_000), LinkType::ETHERNET, data);
    }
    PacketStreamer::new(Streamer::from_source(source)).unwrap()
}

/// The messages of each frame, with their dictionaries.
fn messages(link: DnsMeta, frames: &[Vec<u8>]) -> (Vec<Vec<(Dns, Field)>>, Counts) {
    let mut pipeline = Pipeline::new(source(frames)).link(link);
    let (mut batch, mut told) = (Batch::default(), Vec::new());
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        for view in (0..batch.items.len()).filter_map(|index| batch.packet(index)) {
            told.push(view.dns().into_iter().map(|dns| (dns.clone(), dns.field())).collect());
        }
    }
    (told, pipeline.counts())
}

fn one(frame: Vec<u8>) -> (Dns, Field) {
    let (mut told, _) = messages(DnsMeta::default(), &[frame]);
    told.remove(0).remove(0)
}

fn text(field: &Field) -> String {
    match field {
        Field::Text(text) => text.to_string(),
        Field::List(fields) => fields.iter().map(text).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_message_is_told_with_what_chains_lacks() {
    let records = [
        record(5, b"\x01a\xc0\x10"),
        record(1, &[192, 0, 2, 1]),
        record(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        record(16, b"\x03a=1\x03b=2"),
        record(15, b"\0\x0a\x04mail\xc0\x10"),
        record(33, b"\0\x01\0\x02\0\x50\x03srv\xc0\x10"),
        record(65, b"\0\x01\0\0\x01\0\x06\x02h3\x02h2\0\x04\0\x04\xc0\0\x02\x02\0\x05\0\x01x"),
        record(6, b"\x01n\0\x01m\0\0\0\0\x07\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04"),
        record(257, b"\0\x05issueca.example"),
        record(99, b"\x01\xff"),
        record(1, &[1, 2, 3]),
    ];
    let answers: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let edns = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";
    let (dns, field) = one(reply(&message(0x8583, &[ASKED], [&answers, &[], &[edns]])));
    let flags = field.get("flags").unwrap();
    assert_eq!(flags.get("type"), Some(&"response".into()));
    assert_eq!(flags.get("return_code"), Some(&"DNS_RCODE_NXDOMAIN".into()));
    assert_eq!(flags.get("authoritative"), Some(&true.into()));
    assert_eq!(field.get("counts").and_then(|counts| counts.get("answers")), Some(&11_u64.into()));
    let answers = field.get("answers").and_then(|answers| answers.get("answers")).unwrap().list();
    let told: Vec<_> = answers.iter().map(|answer| text(answer.get("rdata").unwrap())).collect();
    assert_eq!(
        told,
        [
            "a.example.com",
            "192.0.2.1",
            "2001:db8::1",
            "a=1 b=2",
            "mail.example.com",
            "srv.example.com",
            "1 . alpn=h3,h2 ipv4hint=192.0.2.2 ech",
            "n m 7 1 2 3 4",
            "0 issue \"ca.example\"",
            "\\# 2 01ff",
            "\\# 3 010203",
        ]
    );
    assert_eq!((answers[4].get("preference"), answers[5].get("port")), (Some(&10_u64.into()), Some(&80_u64.into())));
    assert_eq!(
        (answers[6].get("type"), answers[6].get("type_name")),
        (Some(&"UNKNOWN".into()), Some(&"HTTPS".to_owned().into()))
    );
    assert_eq!(answers[10].get("malformed"), Some(&true.into()));
    let additional = field.get("answers").and_then(|answers| answers.get("additional")).unwrap().list();
    assert_eq!(additional[0].get("udp_size"), Some(&1232_u64.into()));
    let weird = field.get("weird").unwrap();
    assert_eq!((weird.get("answer_type"), weird.get("malformed")), (Some(&"DNS_TXT".into()), Some(&"broken".into())));
    assert!(matches!(dns.message.answers[9].data, Data::Other(_)));
}

#[test]
fn only_packets_of_dns_have_a_message() {
    let udp = |port: u16, payload: &[u8]| ethernet(0x86dd, &Ipv6::new("fd00::1", "fd00::2").udp(40_000, port, payload));
    let fragment = Ipv4::new("10.0.0.1", "10.0.0.53").fragment(7, 64, false).carrying(17, &asked());
    let frames = [
        query(&asked()),
        udp(5353, &asked()),
        udp(5355, &asked()),
        udp(54, &asked()),
        query(b"short"),
        query(b""),
        ethernet(0x0800, &fragment),
    ];
    let (told, counts) = messages(DnsMeta::default(), &frames);
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1, 0, 0, 0, 0]);
    assert_eq!((counts.dns_messages, counts.frames), (3, 7));
    let (told, _) = messages(DnsMeta::default().ports([54]), &frames);
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn over_tcp_a_packet_has_the_messages_that_it_completes() {
    let framed = |id: u8| {
        let mut message = asked();
        message[1] = id;
        [&(message.len() as u16).to_be_bytes()[..], &message].concat()
    };
    let all = [framed(1), framed(2), framed(3)].concat();
    let at = |seq: u32, flags: u8, payload: &[u8]| {
        let mut segment = tcp(40_000, 53, flags, payload);
        segment[4..8].copy_from_slice(&seq.to_be_bytes());
        ethernet(0x0800, &Ipv4::new("10.0.0.1", "10.0.0.53").carrying(6, &segment))
    };
    let third = framed(1).len() * 2 + 5;
    let frames = [
        at(99, 2, b""),
        at(100, 0x18, &all[..1]),
        // Too early, then what is missing, then the first again.
        at(100 + third as u32, 0x18, &all[third..]),
        at(101, 0x18, &all[1..third]),
        at(100, 0x18, &all[..third]),
    ];
    let (told, counts) = messages(DnsMeta::default(), &frames);
    let ids: Vec<Vec<_>> = told.iter().map(|told| told.iter().map(|(dns, _)| dns.message.id & 255).collect()).collect();
    assert_eq!(ids, [vec![], vec![], vec![], vec![1, 2, 3], vec![]]);
    assert!(told[3][0].0.circumstances.is_tcp);
    assert_eq!(counts.dns_messages, 3);
    let paper = Paper::default();
    let pipeline = Pipeline::new(source(&frames)).link(DnsMeta::default());
    pipeline.pull(&mut DnsSummary::new("paper", paper.clone())).unwrap();
    let line = "2015-09-07 19:08:37 - DNS/TCP query 10.0.0.1 --> 10.0.0.53 A www.example.com\n";
    assert_eq!(paper.text(), line.repeat(3));
}

#[test]
fn what_capturing_cut_off_is_no_fault_of_the_message() {
    let answer = record(1, &[192, 0, 2, 1]);
    let whole = reply(&message(0x8180, &[ASKED], [&[&answer], &[], &[]]));
    let mut source = MemorySource::new();
    source.push_cut(Timestamp::from_nanos(1), LinkType::ETHERNET, &whole[..whole.len() - 5], whole.len() as u32);
    let source = PacketStreamer::new(Streamer::from_source(source)).unwrap();
    let mut pipeline = Pipeline::new(source).link(DnsMeta::default());
    let mut batch = Batch::default();
    assert_eq!(pipeline.next_batch(&mut batch).unwrap(), Pulled::Items);
    let dns = batch.packet(0).unwrap().dns().remove(0);
    assert_eq!((dns.message.fault, dns.anomalies()), (Some(Fault::Short), vec![]));
    // The same as a whole datagram.
    let payload = message(0x8180, &[ASKED], [&[&answer[..answer.len() - 5]], &[], &[]]);
    assert_eq!(one(reply(&payload)).0.anomalies(), [Anomaly::Fault(Fault::Short)]);
}

#[test]
fn subdomains_are_measured_as_told() {
    let tunnel = message(0x0100, &[b"\x14abcdefghijklmnopqrst\x07example\x03com\0\0\x01\0\x01"], [&[], &[], &[]]);
    let weird = |link: DnsMeta| messages(link, &[query(&tunnel)]).0[0][0].0.anomalies();
    assert_eq!(weird(DnsMeta::default()), []);
    assert!(matches!(&weird(DnsMeta::default().subdomains(19, 4.0))[..], [Anomaly::Subdomain { length: 20, .. }]));
    assert_eq!(weird(DnsMeta::default().subdomains(20, 4.0)), []);
    assert_eq!(weird(DnsMeta::default().subdomains(19, 4.4)), []);
}

#[test]
fn a_line_a_message_shows_who_asks_for_what() {
    let answers = [record(5, b"\x01a\xc0\x10"), record(1, &[192, 0, 2, 1])];
    let mdns =
        message(0x8400, &[], [&[b"\x04host\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\xa8\x01\x09"], &[], &[]]);
    let frames = [
        query(&asked()),
        reply(&message(0x8180, &[ASKED], [&[&answers[0], &answers[1]], &[], &[]])),
        reply(&message(0x8183, &[ASKED], [&[], &[], &[]])),
        ethernet(0x0800, &Ipv4::new("192.168.1.9", "224.0.0.251").udp(5353, 5353, &mdns)),
        query(&message(0x0100, &[b"\x07version\x04bind\0\0\x10\0\x03"], [&[], &[], &[]])),
        reply(&message(0xa800, &[b"\x03com\0\0\x06\0\x01"], [&[], &[], &[]])),
        query(&message(0x0100, &[b"\x07\x1b[2J\xc2\x9b.\0\xff\xfe\0\x01"], [&[], &[], &[]])),
        query(b"no message at all"[..11].as_ref()),
    ];
    let written = |anomalies: bool| {
        let paper = Paper::default();
        let pipeline = Pipeline::new(source(&frames)).link(DnsMeta::default());
        pipeline.pull(&mut DnsSummary::new("paper", paper.clone()).anomalies(anomalies)).unwrap();
        paper.text()
    };
    let expected = r"2015-09-07 19:08:34 - DNS query 10.0.0.1 --> 10.0.0.53 A www.example.com
2015-09-07 19:08:35 - DNS answer 10.0.0.53 --> 10.0.0.1 A www.example.com NOERROR CNAME a.example.com (ttl 9), 192.0.2.1 (ttl 9)
2015-09-07 19:08:36 - DNS answer 10.0.0.53 --> 10.0.0.1 A www.example.com NXDOMAIN
2015-09-07 19:08:37 - mDNS answer 192.168.1.9 --> 224.0.0.251 NOERROR host.local A 192.168.1.9 (ttl 120)
2015-09-07 19:08:38 - DNS query 10.0.0.1 --> 10.0.0.53 CH TXT version.bind
2015-09-07 19:08:39 - DNS update answer 10.0.0.53 --> 10.0.0.1 SOA com NOERROR
2015-09-07 19:08:40 - DNS query 10.0.0.1 --> 10.0.0.53 TYPE65534 \027[2J\194\155\.
";
    assert_eq!(written(false), expected);
    let weird = r"2015-09-07 19:08:38 - DNS query 10.0.0.1 --> 10.0.0.53 CH TXT version.bind WEIRD: [query_type TXT, query_class CH]
2015-09-07 19:08:40 - DNS query 10.0.0.1 --> 10.0.0.53 TYPE65534 \027[2J\194\155\. WEIRD: [query_type TYPE65534]
";
    assert_eq!(written(true), weird);
}

#[test]
fn json_and_csv_have_the_message_too() {
    let text = record(16, b"\x02\x1b=");
    let frames = [reply(&message(0x8180, &[ASKED], [&[&text], &[], &[]])), query(b"x")];
    let paper = Paper::default();
    let pipeline = Pipeline::new(source(&frames)).link(TransportMeta::default()).link(DnsMeta::default());
    pipeline.pull(&mut JsonSink::new("paper", paper.clone())).unwrap();
    let json = paper.text();
    assert!(json.contains(r#", "dns": {"identification": 4146, "flags": {"type": "response", "#), "{json}");
    assert!(json.contains(r#""rdata": ["\u001b="]"#), "{json}");
    assert!(json.lines().nth(1).unwrap().contains(r#", "dns": null"#), "{json}");
    let paper = Paper::default();
    let pipeline = Pipeline::new(source(&frames)).link(DnsMeta::default());
    pipeline.pull(&mut DnsCsv::new("paper", paper.clone())).unwrap();
    let expected = "timestamp,packet_num,protocol,transport,src,sport,dst,dport,id,message,opcode,class,type,name,rcode,answers,ttl,weird\r\n\
        2015-09-07 19:08:34.000000,0,DNS,UDP,10.0.0.53,53,10.0.0.1,40000,4146,answer,0,IN,A,www.example.com,NOERROR,\"www.example.com TXT \"\"\x1b=\"\"\",9,answer_type TXT\r\n";
    assert_eq!(paper.text(), expected);
}

#[test]
fn branches_have_their_messages_each() {
    let paper = Paper::default();
    let branch = Branch::default()
        .way(Way::new("lines", DnsSummary::new("paper", paper.clone())))
        .way(Way::new("count", Counter::default()));
    let mut branch = branch;
    Pipeline::new(source(&[query(&asked())])).link(DnsMeta::default().subdomains(1, 0.5)).pull(&mut branch).unwrap();
    assert_eq!(paper.text().lines().count(), 1);
}

/// What 192.0.2.1 is as long as nobody tells more.
const RESERVED: Domain = Domain::Label(Label::Reserved);

/// The domains of a packet from `192.0.2.1` behind this message.
fn learnt(message: &[u8], port: u16) -> (Domain, u64) {
    let answer = ethernet(0x0800, &Ipv4::new("10.0.0.53", "10.0.0.1").udp(port, port, message));
    let packet = ethernet(0x0800, &Ipv4::new("192.0.2.1", "10.0.0.1").udp(1, 2, b""));
    let mut pipeline = Pipeline::new(source(&[answer, packet])).link(ReverseDns::default());
    let mut batch = Batch::default();
    assert_eq!(pipeline.next_batch(&mut batch).unwrap(), Pulled::Items);
    let domain = batch.packet(1).unwrap().item.domains()[0].clone();
    (domain, pipeline.counts().lookups.learnt)
}

#[test]
fn answers_of_mdns_tell_names_without_a_question() {
    let address = b"\x04host\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x01";
    let service = b"\x05_http\x04_tcp\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x03\x01s\0";
    for message in [message(0x8400, &[], [&[address], &[], &[]]), message(0x8400, &[], [&[service], &[], &[address]])] {
        assert_eq!(learnt(&message, 5353), (Domain::Name("host.local".into()), 1));
        // Elsewhere, whoever answers nothing tells nothing.
        assert_eq!(learnt(&message, 53), (RESERVED, 0));
    }
}

#[test]
fn a_text_that_reads_as_an_address_names_nobody() {
    let text = record(16, b"\x09192.0.2.1");
    let message = message(0x8180, &[ASKED], [&[&text], &[], &[]]);
    assert_eq!(learnt(&message, 53), (RESERVED, 0));
}
