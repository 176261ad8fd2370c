//! Names of applications, against those of nDPI's own `ndpiReader`, flow by flow.
//!
//! The reader is the oracle for names alone: it drops what it cannot read whole, tells flows apart by their VLANs without
//! printing them, prints the two ends in any order, and opens no IP-in-IP. So flows are compared by protocol and ends, and
//! where several have the same, their names as a set that counts.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use flowgauge::Streamer;
use flowgauge::classify::{Classifier, ClassifierOptions, DissectionLimits};

use crate::support::captures::shared;
use crate::support::oracle;
use crate::support::run::{own, run};

/// IP protocol and the two ends in order.
pub(crate) type Ends = (u8, (String, u16), (String, u16));
/// The names of the flows between two ends, in order.
type Names = BTreeMap<Ends, Vec<String>>;

/// Flows that the reader names otherwise, at most twenty: capture, its name, ours, cause.
const EXCEPTIONS: &[(&str, &str, &str, &str)] =
    &[("story.pcap", "DNS+DNS+DNS", "DNS+DNS+DNS+DNS", "the reader passes over a VLAN tag behind a VLAN tag")];

pub(crate) fn ends(protocol: u8, one: (String, u16), other: (String, u16)) -> Ends {
    if one <= other { (protocol, one, other) } else { (protocol, other, one) }
}

/// An address as the reader writes it: in the IPv6 form of the C library, the first `:0:` of which it shortens.
pub(crate) fn address(address: IpAddr) -> String {
    let text = address.to_string();
    if text.contains("::") { text } else { text.replacen(":0:", "::", 1) }
}

fn add(names: &mut Names, ends: Ends, name: &str) {
    let flows = names.entry(ends).or_default();
    flows.push(name.to_owned());
    flows.sort();
}

fn theirs(path: &Path, folder: &Path) -> Names {
    let csv = folder.join("flows.csv");
    let reader = Command::new("ndpiReader").arg("-i").arg(path).args(["-v", "2", "-t", "-C"]).arg(&csv).output();
    assert!(reader.unwrap().status.success(), "ndpiReader fails at {}", path.display());
    let mut names = Names::new();
    let text = String::from_utf8_lossy(&fs::read(&csv).unwrap()).into_owned();
    fs::remove_file(&csv).unwrap();
    let mut lines = text.lines();
    let heading: Vec<_> = lines.next().unwrap_or_default().trim_start_matches('#').split(',').collect();
    let column = |name: &str| heading.iter().position(|other| *other == name).unwrap();
    let columns = ["protocol", "src_ip", "src_port", "dst_ip", "dst_port", "ndpi_proto"].map(column);
    for line in lines {
        let cells: Vec<_> = line.split(',').collect();
        let [protocol, src, src_port, dst, dst_port, name] = columns.map(|column| cells[column]);
        let end = |address: &str, port: &str| (address.to_owned(), port.parse().unwrap());
        add(&mut names, ends(protocol.parse().unwrap(), end(src, src_port), end(dst, dst_port)), name);
    }
    names
}

fn ours(path: &Path) -> Names {
    let streamer = Streamer::from_file(path)
        .inactive_timeout(None)
        .active_timeout(None)
        .dissection_limits(DissectionLimits::NDPI_READER)
        .workers(1);
    let mut names = Names::new();
    for record in run(streamer).records {
        let end = |(ip, port)| (address(ip), port);
        let ends = ends(record.key.ip_protocol(), end(record.src()), end(record.dst()));
        add(&mut names, ends, record.application_name().unwrap());
    }
    names
}

/// The capture itself, or a copy as pcap: the reader's libpcap reads few kinds of pcapng.
pub(crate) fn as_pcap(path: &Path, folder: &Path) -> std::path::PathBuf {
    if fs::read(path).unwrap().get(..4) != Some(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        return path.to_owned();
    }
    let copy = folder.join("copy.pcap");
    let editcap = Command::new("editcap").args(["-F", "pcap"]).args([path, &copy]).status().unwrap();
    assert!(editcap.success(), "editcap fails at {}", path.display());
    copy
}

/// Whether the reader is there, and of the version of the nDPI that is linked here.
pub(crate) fn reader_is_there() -> bool {
    if !oracle::there("ndpiReader", &["-h"]) || !oracle::there("editcap", &["-h"]) {
        return false;
    }
    let help = Command::new("ndpiReader").arg("-h").output().unwrap();
    let help = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).into_owned();
    let version = Classifier::open(&ClassifierOptions::default()).unwrap().ndpi_version().unwrap().to_owned();
    let same = help.contains(&format!("nDPI {version}"));
    if !same {
        eprintln!("skipped: ndpiReader is of another nDPI than {version}");
    }
    same
}

#[test]
fn ndpi_reader_names_the_same_applications() {
    if !reader_is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut differences, mut both) = (Vec::new(), 0);
    let corpus = shared("corpus");
    for path in own().iter().chain(&corpus) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["cut_in", "absurd", "mixed.pcapng", "cooked2"].iter().any(|unread| name.starts_with(unread)) {
            // libpcap or editcap refuses them; what they show is not the naming of applications.
            continue;
        }
        let path = as_pcap(path, folder.path());
        let (theirs, ours) = (theirs(&path, folder.path()), ours(&path));
        for (ends, named) in &theirs {
            let Some(our_names) = ours.get(ends) else { continue };
            both += named.len();
            if named != our_names {
                differences.push((name.to_owned(), named.join("+"), our_names.join("+"), format!("{ends:?}")));
            }
        }
    }
    let excepted = |(file, named, our_names, _): &(String, String, String, String)| {
        EXCEPTIONS.iter().any(|(a, b, c, _)| (a, b, c) == (&file.as_str(), &named.as_str(), &our_names.as_str()))
    };
    let unexplained: Vec<_> = differences.iter().filter(|difference| !excepted(difference)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}\n{} differences", unexplained.len());
    assert!(differences.len() <= 20, "too many exceptions: {}", differences.len());
    assert!(both > 3000 || corpus.is_empty(), "only {both} flows are in both");
}
