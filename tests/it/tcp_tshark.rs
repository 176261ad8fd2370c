//! What is said of every TCP segment, against tshark's `tcp.analysis` of the same frames.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use flowgauge::flow::FlowState;
use flowgauge::{Metric, Streamer};

use crate::support::captures::shared;
use crate::support::oracle;
use crate::support::run::{own, run};
use crate::tshark::profile;

/// Captures of which tshark says something else: of which frames, and why.
const EXCEPTIONS: &[(&str, &[u64], &str)] = &[(
    "tcp_reuse.pcap",
    &[8, 9],
    "after FIN a SYN begins another connection, with the same initial sequence number too; in tshark 4.0 it is sent again, \
     later ones agree with us",
)];

/// What tshark says, and in which of our words: the bits of a verdict, from the lowest.
const FIELDS: [(&str, usize); 6] = [
    ("tcp.analysis.retransmission", 0),
    ("tcp.analysis.fast_retransmission", 0),
    ("tcp.analysis.spurious_retransmission", 0),
    ("tcp.analysis.out_of_order", 1),
    ("tcp.analysis.duplicate_ack", 2),
    ("tcp.analysis.zero_window", 3),
];
const WORDS: [&str; 4] = ["retransmitted", "out of order", "duplicate ACK", "zero window"];

/// Verdicts by frame, for frames that have one.
type Verdicts = BTreeMap<u64, u8>;

fn theirs(path: &Path, profile: &Path) -> Verdicts {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile).arg("-n").arg("-r").arg(path).args(["-Y", "tcp.analysis.flags"]);
    for preference in ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE"] {
        command.args(["-o", preference]);
    }
    command.args(["-T", "fields", "-E", "separator=|", "-e", "frame.number"]);
    command.args(FIELDS.iter().flat_map(|(field, _)| ["-e", field]));
    let lines = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let mut verdicts = Verdicts::new();
    for line in lines.lines() {
        let mut cells = line.split('|');
        let number = cells.next().unwrap().parse().unwrap();
        let bits = FIELDS.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()).map(|((_, bit), _)| 1 << bit);
        verdicts.insert(number, bits.fold(0, |all, bit| all | bit));
    }
    verdicts.retain(|_, bits| *bits != 0);
    verdicts
}

/// The four counts of a flow so far, 16 bits of each.
fn counts(flow: &FlowState) -> u64 {
    let Some(tcp) = flow.tcp_analysis() else { return 0 };
    let total = tcp.total();
    let all = [total.retransmitted, total.out_of_order, total.duplicate_ack, total.zero_window];
    all.iter().rev().fold(0, |packed, count| packed << 16 | count & 0xffff)
}

/// By how much each count grows with every packet is what was said of it. `None` without TCP.
fn ours(path: &Path) -> Option<Verdicts> {
    let verdicts = Arc::new(Mutex::new(Verdicts::new()));
    let told = Arc::clone(&verdicts);
    let metric = Metric::fold(
        || 0u64,
        move |before, packet, flow| {
            let now = counts(flow);
            let grew = |bit: &u8| (now >> (16 * bit)) & 0xffff != (*before >> (16 * bit)) & 0xffff;
            let bits = (0..4u8).filter(grew).fold(0, |all, bit| all | 1 << bit);
            if bits != 0 {
                told.lock().unwrap().insert(packet.raw.number, bits);
            }
            *before = now;
        },
    );
    let streamer = Streamer::from_file(path).n_dissections(0).workers(0).tcp_analysis(true);
    let records = run(streamer.inactive_timeout(None).active_timeout(None).metric("verdicts", metric)).records;
    let has_tcp = records.iter().any(|record| record.tcp_analysis().is_some());
    has_tcp.then(|| std::mem::take(&mut *verdicts.lock().unwrap()))
}

/// How many segments either flags, and of which frames the two differ.
fn compare(path: &Path, profile: &Path) -> (usize, Vec<(u64, String)>) {
    let Some(ours) = ours(path) else { return (0, Vec::new()) };
    let theirs = theirs(path, profile);
    let mut frames: Vec<_> = theirs.keys().chain(ours.keys()).copied().collect();
    frames.sort_unstable();
    frames.dedup();
    let of = |verdicts: &Verdicts, frame| {
        let bits = verdicts.get(&frame).copied().unwrap_or_default();
        let words: Vec<_> = (0..4).filter(|bit| bits & 1 << bit != 0).map(|bit| WORDS[bit]).collect();
        words.join(" and ")
    };
    let differing = frames.iter().filter(|frame| theirs.get(frame) != ours.get(frame));
    let lines = differing.map(|it| (*it, format!("tshark {:?}, we {:?}", of(&theirs, *it), of(&ours, *it))));
    (frames.len(), lines.collect())
}

#[test]
fn tshark_says_the_same_of_every_segment() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let profile = profile();
    let captures: Vec<PathBuf> = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let compared = oracle::by_two(&captures, |path| compare(path, profile.path()));
    let mut unexplained = Vec::new();
    for (name, (_, differences)) in &compared {
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| file == name);
        let frames: Vec<_> = differences.iter().map(|(frame, _)| *frame).collect();
        if excepted.map_or(&[][..], |(_, frames, _)| frames) != frames {
            unexplained.push(format!("{name}: {differences:#?}, {excepted:?}"));
        }
    }
    let flagged: usize = compared.iter().map(|(_, (count, _))| count).sum();
    let differing: usize = compared.iter().map(|(_, (_, differences))| differences.len()).sum();
    assert!(unexplained.is_empty(), "{differing} of {flagged}:\n{}", unexplained.join("\n"));
    assert!(differing * 100 <= flagged, "{differing} of {flagged} differ");
    assert!(flagged > 1000 || captures.len() < 100, "only {flagged} segments");
}
