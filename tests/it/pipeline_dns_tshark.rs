//! DNS messages of packets, against what tshark reads out of the same frames: over UDP frame by frame, over TCP put together.

use std::collections::HashMap;
use std::path::Path;

use flowgauge::Streamer;
use flowgauge::dissect::dns::{Data, Record};
use flowgauge::pipeline::{Batch, Dns, DnsMeta, PacketStreamer, Pipeline, Pulled, Source};

use crate::dissect_names_tshark::unescaped;
use crate::support::captures::shared;
use crate::support::oracle;
use crate::support::run::own;

/// Captures of which tshark tells something else: in how many frames, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("mixed.pcapng", 6, "tshark gives a number to every block, also to one that is no packet"),
    (
        "avast_securedns.pcapng",
        77,
        "tshark takes a payload at port 443 for DNS by its looks; here ports say what is DNS",
    ),
];

const FIELDS: &[&str] = &[
    "frame.number",
    "frame.protocols",
    "dns.id",
    "dns.qry.name",
    "dns.qry.type",
    "dns.flags.rcode",
    "dns.count.answers",
    "dns.resp.name",
    "dns.resp.type",
    "dns.resp.ttl",
    "dns.a",
    "dns.aaaa",
    "dns.cname",
    "dns.srv.port",
    "dns.soa.mname",
];

const PREFERENCES: &[&str] = &["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"];

/// What is told of the messages of a frame: the values of each field, in their order.
type Row = Vec<Vec<String>>;

fn theirs(path: &Path, profile: &Path) -> HashMap<u64, Row> {
    let rows = oracle::tshark(path, profile, PREFERENCES, FIELDS).into_iter().filter(|row| {
        let layers: Vec<_> = row[1].first().map_or(Vec::new(), |layers| layers.split(':').collect());
        // Messages that errors of ICMP bring back were not sent.
        let has_dns = layers.iter().any(|layer| matches!(*layer, "dns" | "mdns" | "llmnr"));
        has_dns && !layers.iter().any(|layer| layer.starts_with("icmp"))
    });
    rows.map(|row| (row[0][0].parse().unwrap(), comparable(row[2..].to_vec()))).collect()
}

fn ours(messages: &[Dns]) -> Row {
    let name = |name: &str| if name == "." { "<Root>".to_owned() } else { unescaped(name) };
    let mut row = vec![Vec::new(); FIELDS.len() - 2];
    for Dns { message, .. } in messages {
        row[0].push(format!("0x{:04x}", message.id));
        for question in &message.questions {
            row[1].push(name(&question.name));
            row[2].push(question.kind.to_string());
        }
        if message.is_response {
            row[3].push(message.rcode.to_string());
        }
        row[4].push(message.record_counts[0].to_string());
        let records: Vec<&Record> =
            [&message.answers, &message.authority, &message.additional].into_iter().flatten().collect();
        for record in records {
            // tshark has names of SRV records elsewhere.
            if record.kind != SRV {
                row[5].push(name(&record.name));
            }
            row[6].push(record.kind.to_string());
            match &record.data {
                Data::Edns { .. } => {}
                _ => row[7].push(record.ttl.to_string()),
            }
            match &record.data {
                Data::V4(address) => row[8].push(address.to_string()),
                Data::V6(address) => row[9].push(address.to_string()),
                Data::Name(target) if record.kind == 5 => row[10].push(name(target)),
                Data::Server { port, .. } => row[11].push(port.to_string()),
                Data::Authority { server, .. } => row[12].push(name(server)),
                _ => {}
            }
        }
    }
    comparable(row)
}

/// A row without types where a record of NSEC is: tshark tells those that such a record lists among them.
fn comparable(mut row: Row) -> Row {
    if row[6].iter().any(|kind| kind == NSEC) {
        row[6].clear();
    }
    row
}

const SRV: u16 = 33;
const NSEC: &str = "47";

/// How many frames with messages were compared, and what is not the same.
fn compare(path: &Path, profile: &Path) -> (usize, Vec<String>) {
    let mut lines = theirs(path, profile);
    let (mut count, mut differences) = (0, Vec::new());
    let Ok(source) = PacketStreamer::new(Streamer::from_file(path)) else { return (0, differences) };
    let mut pipeline = Pipeline::new(source).link(DnsMeta::default());
    let mut batch = Batch::default();
    while let Ok(pulled) = pipeline.next_batch(&mut batch) {
        if pulled == Pulled::End {
            break;
        }
        for view in (0..batch.items.len()).filter_map(|index| batch.packet(index)) {
            let (messages, line) = (view.dns(), lines.remove(&view.item.number()));
            count += usize::from(line.is_some());
            let same = match &line {
                Some(line) => *line == ours(&messages),
                None => messages.is_empty(),
            };
            if !same {
                let ours = (!messages.is_empty()).then(|| ours(&messages));
                differences.push(format!("#{} {ours:?}\n   tshark has {line:?}", view.item.number()));
            }
        }
    }
    differences.extend(lines.into_iter().map(|(number, line)| format!("#{number} tshark alone has {line:?}")));
    (count, differences)
}

#[test]
fn tshark_reads_the_same_messages_out_of_every_frame() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    let corpus = shared("corpus");
    let captures = [own(), corpus.clone(), shared("peers/chains/captures")].concat();
    let compared = oracle::by_two(&captures, |path| compare(path, profile.path()));
    let mut unexplained = Vec::new();
    for (name, (_, differences)) in &compared {
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| file == name).map_or(0, |(_, count, _)| *count);
        if excepted != differences.len() {
            unexplained.push(format!("{name}: {} differences\n{}", differences.len(), differences.join("\n")));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let messages: usize = compared.iter().map(|(_, (count, _))| count).sum();
    assert!(messages > 1500 || corpus.is_empty(), "only {messages} frames with messages");
}
