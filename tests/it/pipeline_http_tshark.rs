//! HTTP messages and TLS records of whole captures, against what tshark reads out of them.

use std::collections::BTreeMap;
use std::path::Path;

use flowgauge::Streamer;
use flowgauge::dissect::http::Start;
use flowgauge::pipeline::{Batch, HttpMeta, Item, PacketStreamer, Pipeline, Pulled, Source, TlsMeta};

use crate::support::captures::shared;
use crate::support::oracle;

/// Messages by what they are, and how many TLS records each frame completes.
#[derive(Clone, Default)]
struct Seen {
    messages: BTreeMap<String, usize>,
    records: BTreeMap<u64, i64>,
}

fn ours(path: &Path) -> Seen {
    let source = PacketStreamer::new(Streamer::from_file(path)).unwrap();
    let mut pipeline = Pipeline::new(source).link(HttpMeta::new(0)).link(TlsMeta::default());
    let (mut batch, mut seen) = (Batch::default(), Seen::default());
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        for item in &batch.items {
            let Item::Packet(packet) = item else { continue };
            // tshark knows HTTP in UDP by its ports, and we by its bytes.
            let tcp = packet.http().iter().filter(|told| !told.message.weird.contains(&"UDP-HTTP"));
            for told in tcp {
                let word = match &told.message.start {
                    Start::Request { method, target } => format!("{method} {target}"),
                    Start::Response { status, .. } => status.to_string(),
                };
                *seen.messages.entry(word).or_default() += 1;
            }
            let records = packet.tls().iter().map(|told| told.records.len() as i64).sum::<i64>();
            *seen.records.entry(packet.number()).or_default() += records;
        }
    }
    seen
}

fn theirs(path: &Path, profile: &Path) -> Seen {
    let mut seen = Seen::default();
    for row in oracle::tshark(path, profile, ARGUMENTS, FIELDS) {
        let [frame, methods, uris, codes, kinds, opaque] = &row[..] else { continue };
        for (nth, method) in methods.iter().enumerate() {
            let uri = uris.get(nth).map_or("", String::as_str);
            *seen.messages.entry(format!("{method} {uri}")).or_default() += 1;
        }
        codes.iter().for_each(|code| *seen.messages.entry(code.clone()).or_default() += 1);
        seen.records.insert(frame[0].parse().unwrap(), (kinds.len() + opaque.len()) as i64);
    }
    seen
}

#[test]
fn tshark_reads_the_same_messages_and_records() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    let captures: Vec<_> = shared("corpus")
        .into_iter()
        .filter(|path| CAPTURES.iter().any(|(name, ..)| path.file_name().is_some_and(|file| file == *name)))
        .collect();
    let mut wrong = Vec::new();
    let mut known = 0;
    for (name, (ours, theirs)) in oracle::by_two(&captures, |path| (ours(path), theirs(path, profile.path()))) {
        let (_, messages, frames, why) = CAPTURES.iter().find(|(known, ..)| *known == name).unwrap();
        let count = |seen: &Seen| seen.messages.values().sum::<usize>() as i64;
        let more = count(&ours) - count(&theirs);
        if more != *messages || *messages == 0 && ours.messages != theirs.messages {
            wrong.push(format!("{name} {more}: {:?}\n   {:?}\n   ({why})", ours.messages, theirs.messages));
        }
        let mut records = ours.records.clone();
        theirs.records.iter().for_each(|(frame, count)| *records.entry(*frame).or_default() -= count);
        let each = |(frame, more): (&u64, &i64)| vec![*frame as i64 * more.signum(); more.unsigned_abs() as usize];
        let records: Vec<i64> = records.iter().flat_map(each).collect();
        if records != *frames {
            wrong.push(format!("{name}: frames with other TLS records: {records:?} ({why})"));
        }
        known += count(&ours) + ours.records.values().sum::<i64>();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(captures.is_empty() || known > 100);
}

/// In two passes, so that segments that come out of order are put together.
const ARGUMENTS: &[&str] = &["-2", "-Y", "tcp", "-o", "tcp.reassemble_out_of_order:TRUE"];

const FIELDS: &[&str] = &[
    "frame.number",
    "http.request.method",
    "http.request.uri",
    "http.response.code",
    "tls.record.content_type",
    "tls.record.opaque_type",
];

/// Captures; how many messages more than tshark we see; frames that complete a TLS record more, negative ones those that
/// complete one more there; and why.
const CAPTURES: &[(&str, i64, &[i64], &str)] = &[
    ("http-lines-split.pcap", 0, &[], "the same"),
    ("websocket.pcap", 0, &[], "the same"),
    ("http_auth.pcap", 0, &[], "the same"),
    ("WebattackSQLinj.pcap", 0, &[], "the same"),
    ("443-curl.pcap", 0, &[], "the same"),
    ("dropbox.pcap", 0, &[], "the same"),
    ("selfsigned.pcap", 0, &[], "the same"),
    ("ja3_lots_of_cipher_suites.pcap", 0, &[], "the same"),
    ("ssl-cert-name-mismatch.pcap", 0, &[], "the same"),
    ("dns_dot.pcap", 0, &[], "the same"),
    ("tls-rdn-extract.pcap", 0, &[], "the same"),
    ("smtp-starttls.pcap", 0, &[], "the same"),
    ("snapchat.pcap", 0, &[], "the same"),
    ("upnp.pcap", 0, &[], "the same"),
    ("KakaoTalk_chat.pcap", 0, &[], "the same"),
    ("quickplay.pcap", 0, &[], "the same"),
    ("tls_certificate_too_long.pcap", 0, &[], "the same"),
    ("nest_log_sink.pcap", 0, &[], "the same"),
    ("viber.pcap", 0, &[], "the same"),
    ("telegram.pcap", 0, &[], "the same"),
    ("waze.pcap", 0, &[], "the same"),
    (
        "skype.pcap",
        0,
        &[1667, 2181, 2430],
        "Skype begins with a record without bytes; where others follow it, tshark finds it, too, but not alone at a port that \
         it does not know: with -d tcp.port==12350,tls it has it in these frames",
    ),
    (
        "google_ssl.pcap",
        0,
        &[-10, -10, 15, 15],
        "the hello of frame 4 is of SSL 2, so TLS begins with frame 8 here, and frame 6, which comes before it and has the \
         end of what begins there, counts when it is sent again, in frame 15",
    ),
    ("443-opvn.pcap", 0, &[-10, -12, -23, -23, -25, -26, -30, -34, -36], "tshark looks for records inside OpenVPN"),
    ("6in4tunnel.pcap", 0, &[-3], "tshark reads the segment that an ICMP error quotes"),
    (
        "anyconnect-vpn.pcap",
        0,
        &[5, 6, 90, 91, 123, 124, 153, 154, 217, 218, 281, 282, 378, 874, 875, 1307, 1308, 2386, 2387, 2577, 2578],
        "tshark goes by ports where the handshake was not captured: 8009 is AJP13 to it, and 5223 (frame 378) nothing; with \
         -d tcp.port==8009,tls -d tcp.port==5223,tls it has the same records in the same frames",
    ),
    (
        "instagram.pcap",
        4,
        &[316, 335, 339],
        "four responses are not whole: of two bytes were not captured, which is told, and two the end of the capture cuts; \
         981 bytes before frame 313 and 725 before frame 333 were not captured either: tshark waits for them to the end, and \
         without tcp.reassemble_out_of_order has the records, the first in frame 313; here the ACK of frame 316 tells that \
         they came",
    ),
    ("weibo.pcap", 5, &[], "responses that the end of the capture cuts are told, as incomplete"),
    ("starcraft_battle.pcap", 5, &[], "likewise"),
    ("zoom.pcap", 0, &[-266, -272, -275], "nobody receives the alerts that come after a reset"),
    ("alexa-app.pcapng", 0, &[-2785], "likewise: the client resets the connection in frame 2784"),
];
