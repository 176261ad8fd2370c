//! What nDPI reads beside the label, against what nDPI's own `ndpiReader` prints, flow by flow.
//!
//! Flows are told apart by protocol and ends, and where several have the same, what is printed is a set that counts.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use flowgauge::capture::file::Input;
use flowgauge::classify::{Classification, Classifier, ClassifierOptions, DissectionLimits};
use flowgauge::flow::Facts;
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, Packet};

use crate::ndpireader::{Ends, address, as_pcap, ends, reader_is_there};
use crate::support::captures::shared;
use crate::support::run::{own, read_frames};

/// Captures of which the reader prints something else: between how many ends, and why.
const EXCEPTIONS: &[(&str, usize, &str)] =
    &[("story.pcap", 1, "the reader tells flows apart by their VLANs, this test does not")];

/// What the reader adds of its own: its verdict on a cipher, and three risks that it looks for in a URL. The library's
/// function for the latter compiles its patterns on its first call, whichever thread that is in, so it is not called here.
const ADDED: [&str; 5] = [" (WEAK)", " (INSECURE)", "** XSS Attack **", "** SQL Injection **", "** RCE Injection **"];

/// What is printed in brackets, by name, and how many bytes of it the reader keeps.
const PRINTED: [(&str, usize); 8] = [
    ("Hostname/SNI", 79),
    ("User-Agent", 255),
    ("Content-Type", 63),
    ("JA3C", 32),
    ("JA3S", 32),
    ("ALPN", 255),
    ("DHCP Fingerprint", 47),
    ("Risk", 1000),
];

/// What is told of the flows between two ends, in order.
type Told = BTreeMap<Ends, Vec<String>>;

fn add(told: &mut Told, ends: Ends, row: String) {
    let rows = told.entry(ends).or_default();
    rows.push(row);
    rows.sort();
}

/// The ends that a line begins with, as in `TCP 192.0.2.1:80 <-> [2001:db8::1]:90 [proto: ...`.
fn ends_of(line: &str) -> Option<Ends> {
    let mut words = line.split_whitespace().skip(1);
    let protocol = match words.next()? {
        "TCP" => 6,
        "UDP" => 17,
        _ => return None,
    };
    let end = |word: &str| {
        let (address, port) = word.rsplit_once(':')?;
        Some((address.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
    };
    let src = end(words.next()?)?;
    words.next();
    Some(ends(protocol, src, end(words.next()?)?))
}

fn theirs(path: &Path) -> Told {
    let output = Command::new("ndpiReader").arg("-i").arg(path).args(["-v", "2", "-t"]).output().unwrap();
    let mut told = Told::new();
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains("[proto: ")) {
        let Some(ends) = ends_of(line) else { continue };
        let value = |name: &str| {
            let (_, rest) = line.split_once(&format!("[{name}: "))?;
            rest.split("][").next()
        };
        let own = |text: &str| ADDED.iter().fold(text.to_owned(), |text, added| text.replace(added, ""));
        let cells = PRINTED.map(|(name, _)| own(value(name).unwrap_or_default()));
        let version =
            line.split('[').find(|cell| ["TLSv", "DTLSv", "SSLv"].iter().any(|start| cell.starts_with(start)));
        let version = version.and_then(|cell| cell.strip_suffix(']')).unwrap_or_default();
        add(&mut told, ends, format!("{cells:?} {version:?}"));
    }
    told
}

fn row(facts: &Facts) -> String {
    let risks: String = facts.risks().map(|risk| format!("** {risk} **")).collect();
    let name = facts.requested_server_name().or(facts.host_name());
    let alpn = facts.tls_alpn().map(|alpn| alpn.replace(',', ";"));
    let texts = [
        name,
        facts.user_agent(),
        facts.content_type(),
        facts.ja3(),
        facts.ja3s(),
        alpn.as_deref(),
        facts.dhcp_fingerprint(),
        Some(&*risks),
    ];
    let mut nth = 0;
    let cells = texts.map(|text| {
        nth += 1;
        // Where the reader's text would seem to end.
        let text = text.and_then(|text| text.split("][").next()).unwrap_or_default();
        text.get(..PRINTED[nth - 1].1).unwrap_or(text).to_owned()
    });
    format!("{cells:?} {:?}", facts.tls_version().unwrap_or_default())
}

fn ours(path: &Path) -> Told {
    let options = ClassifierOptions { limits: DissectionLimits::NDPI_READER, facts: true, ..Default::default() };
    let mut classifier = Classifier::open(&options).unwrap();
    let mut decoder = Decoder::new(DecodeOptions::new());
    let mut flows: HashMap<Ends, (Classification, Option<Arc<Facts>>)> = HashMap::new();
    read_frames(Input::Path(path.into()), |batch, index| {
        let raw = batch.raw(index, 1);
        let Decoded::Packet(info) = decoder.decode(&raw) else { return };
        let packet = Packet::new(raw, &info);
        let (src, dst) = ((address(packet.ip_src()), info.src_port), (address(packet.ip_dst()), info.dst_port));
        let flow = flows.entry(ends(info.ip_protocol, src, dst));
        let (flow, facts) = flow.or_insert_with(|| (classifier.start(), None));
        classifier.observe(flow, &packet, facts);
    });
    let mut told = Told::new();
    for (ends, (mut flow, mut facts)) in flows {
        classifier.finish(&mut flow, &mut facts);
        add(&mut told, ends, row(&facts.unwrap_or_default()));
    }
    told
}

#[test]
fn ndpi_reader_prints_the_same_facts() {
    if !reader_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let corpus = shared("corpus");
    let (mut unexplained, mut both, mut told) = (Vec::new(), 0, 0);
    for path in own().iter().chain(&corpus) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["cut_in", "absurd", "mixed.pcapng", "cooked2"].iter().any(|unread| name.starts_with(unread)) {
            // As in the comparison of names.
            continue;
        }
        let path = as_pcap(path, folder.path());
        let (theirs, ours) = (theirs(&path), ours(&path));
        let mut differences = Vec::new();
        for (ends, rows) in &theirs {
            let Some(our_rows) = ours.get(ends) else { continue };
            both += rows.len();
            told += rows.iter().filter(|row| row.chars().any(char::is_alphanumeric)).count();
            if rows != our_rows {
                differences.push(format!("{ends:?}\n  theirs {rows:?}\n  ours   {our_rows:?}"));
            }
        }
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| *file == name).map_or(0, |(_, count, _)| *count);
        if excepted != differences.len() {
            unexplained.push(format!("{name}: {} differences\n{}", differences.len(), differences.join("\n")));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(both > 3000 && told >= 800 || corpus.is_empty(), "only {told} of {both} flows tell something");
}
