//! HTTP messages and TLS records of whole captures, against what tshark reads out of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use flowgauge::Streamer;
use flowgauge::dissect::http::Start;
use flowgauge::pipeline::{Batch, HttpMeta, Item, PacketStreamer, Pipeline, Pulled, Source, TlsMeta};

use crate::support::captures::shared;
use crate::support::oracle;

/// Messages by what they are, and the number of TLS records.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    messages: BTreeMap<String, usize>,
    records: usize,
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
            seen.records += packet.tls().iter().map(|told| told.records.len()).sum::<usize>();
        }
    }
    seen
}

fn theirs(path: &Path) -> Seen {
    let mut command = Command::new("tshark");
    command.args(["-n", "-2", "-Y", "tcp", "-o", "tcp.reassemble_out_of_order:TRUE", "-r"]).arg(path);
    command.args(["-T", "fields", "-E", "separator=\x1e", "-E", "aggregator=\x1f"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    let mut seen = Seen::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let cells: Vec<Vec<&str>> =
            line.split('\x1e').map(|cell| cell.split('\x1f').filter(|value| !value.is_empty()).collect()).collect();
        let [methods, uris, codes, kinds, opaque] = &cells[..] else { continue };
        for (nth, method) in methods.iter().enumerate() {
            let uri = uris.get(nth).copied().unwrap_or_default();
            *seen.messages.entry(format!("{method} {uri}")).or_default() += 1;
        }
        codes.iter().for_each(|code| *seen.messages.entry((*code).to_owned()).or_default() += 1);
        seen.records += kinds.len() + opaque.len();
    }
    seen
}

#[test]
fn tshark_reads_the_same_messages_and_records() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let captures: Vec<_> = shared("corpus")
        .into_iter()
        .filter(|path| CAPTURES.iter().any(|(name, ..)| path.file_name().is_some_and(|file| file == *name)))
        .collect();
    let mut wrong = Vec::new();
    let mut known = 0;
    for (name, (ours, theirs)) in oracle::by_two(&captures, |path| (ours(path), theirs(path))) {
        let (_, messages, records, why) = CAPTURES.iter().find(|(known, ..)| *known == name).unwrap();
        let count = |seen: &Seen| seen.messages.values().sum::<usize>() as i64;
        let more = (count(&ours) - count(&theirs), ours.records as i64 - theirs.records as i64);
        let same = *messages != 0 || ours.messages == theirs.messages;
        if more != (*messages, *records) || !same {
            wrong.push(format!("{name} {more:?}: {ours:?}\n   {theirs:?}\n   ({why})"));
        }
        known += count(&ours) + ours.records as i64;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(captures.is_empty() || known > 100);
}

const FIELDS: [&str; 5] = [
    "http.request.method",
    "http.request.uri",
    "http.response.code",
    "tls.record.content_type",
    "tls.record.opaque_type",
];

/// Captures, how many messages and records more than tshark we see, and why.
const CAPTURES: &[(&str, i64, i64, &str)] = &[
    ("http-lines-split.pcap", 0, 0, "the same"),
    ("websocket.pcap", 0, 0, "the same"),
    ("http_auth.pcap", 0, 0, "the same"),
    ("WebattackSQLinj.pcap", 0, 0, "the same"),
    ("443-curl.pcap", 0, 0, "the same"),
    ("dropbox.pcap", 0, 0, "the same"),
    ("google_ssl.pcap", 0, 0, "the same"),
    ("selfsigned.pcap", 0, 0, "the same"),
    ("ja3_lots_of_cipher_suites.pcap", 0, 0, "the same"),
    ("ssl-cert-name-mismatch.pcap", 0, 0, "the same"),
    ("dns_dot.pcap", 0, 0, "the same"),
    ("tls-rdn-extract.pcap", 0, 0, "the same"),
    ("smtp-starttls.pcap", 0, 0, "the same"),
    ("snapchat.pcap", 0, 0, "the same"),
    ("upnp.pcap", 0, 0, "the same"),
    ("KakaoTalk_chat.pcap", 0, 0, "the same"),
    ("quickplay.pcap", 0, 0, "the same"),
    ("tls_certificate_too_long.pcap", 0, 0, "the same"),
    ("nest_log_sink.pcap", 0, 0, "the same"),
    ("viber.pcap", 0, 0, "the same"),
    ("telegram.pcap", 0, 0, "the same"),
    ("waze.pcap", 0, 0, "the same"),
    ("443-opvn.pcap", 0, -9, "tshark looks for records inside OpenVPN"),
    ("6in4tunnel.pcap", 0, -1, "tshark reads the segment that an ICMP error quotes"),
    ("weibo.pcap", 5, 0, "responses that the end of the capture cuts are told, as incomplete"),
    ("starcraft_battle.pcap", 5, 0, "likewise"),
    ("zoom.pcap", 0, -3, "nobody receives the alerts that come after a reset"),
];
