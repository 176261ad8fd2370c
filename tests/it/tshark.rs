//! Packets and bytes per innermost conversation, against those of tshark.
//!
//! tshark dissects with nothing enabled but the layers that are ours to read, so that no heuristic takes payload for a
//! protocol and no ICMP error shows the packet it quotes. It prints addresses, ports and lengths layer by layer; which of
//! them are the innermost, and what later fragments belong to, is worked out here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use flowgauge::Streamer;

use crate::support::captures::shared;
use crate::support::oracle;
use crate::support::run::{own, run};

/// IP protocol and the two ends in order.
type Conversation = (u8, (IpAddr, u16), (IpAddr, u16));
/// Packets and bytes on the wire.
type Sums = BTreeMap<Conversation, (u64, u64)>;

/// Captures of which tshark tells something else: in how many conversations, and by which rule of our decoding.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("story.pcap", 1, "more than 16 headers are too deep; one frame has twenty VLAN tags"),
    ("fuzz-2021-06-07-c6c72a0a56.pcap", 1, "a wire length is told as it stands; tshark's end at 2,147,483,647"),
];

/// Protocols that tshark may dissect; whatever else it knows is off.
const LAYERS: &[&str] = &[
    "frame",
    "eth",
    "ethertype",
    "vlan",
    "ieee8021ad",
    "mpls",
    "pppoes",
    "ppp",
    "chdlc",
    "radiotap",
    "wlan_radio",
    "wlan",
    "llc",
    "sll",
    "null",
    "raw",
    "ip",
    "ipv6",
    "ipv6.hopopts",
    "ipv6.dstopts",
    "ipv6.routing",
    "ipv6.fraghdr",
    "ah",
    "tcp",
    "udp",
    "udplite",
    "sctp",
    "dccp",
    "gtp",
    "vxlan",
    "geneve",
    "gre",
    "erspan",
    "teredo",
    "data",
];

/// What is printed of each frame, in this order.
const FIELDS: &[&str] = &[
    "frame.len",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.id",
    "ip.frag_offset",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.hopopts.nxt",
    "ipv6.dstopts.nxt",
    "ipv6.routing.nxt",
    "ipv6.fraghdr.nxt",
    "ah.next_header",
    "ipv6.fraghdr.ident",
    "ipv6.fraghdr.offset",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "sctp.srcport",
    "sctp.dstport",
    "dccp.srcport",
    "dccp.dstport",
];

/// One frame as tshark prints it.
struct Line<'a>(HashMap<&'static str, &'a str>);

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Self {
        Self(FIELDS.iter().copied().zip(line.split('|')).collect())
    }

    /// The last, that is innermost, value of a field.
    fn last(&self, field: &str) -> Option<&'a str> {
        self.0[field].rsplit(',').next().filter(|value| !value.is_empty())
    }

    fn number<N: std::str::FromStr>(&self, field: &str) -> Option<N> {
        self.last(field)?.parse().ok()
    }

    /// The innermost conversation, but for the ports of a later fragment: those of its first.
    fn conversation(&self, firsts: &mut HashMap<(IpAddr, IpAddr, String), Conversation>) -> Option<Conversation> {
        let layers: Vec<_> = self.0["frame.protocols"].split(':').collect();
        let at = layers.iter().rposition(|layer| matches!(*layer, "ip" | "ipv6"))?;
        let version = layers[at];
        let address = |end: &str| self.last(&format!("{version}.{end}"))?.parse::<IpAddr>().ok();
        let (src, dst) = (address("src")?, address("dst")?);
        let extension = layers[at..].iter().rev().find(|layer| layer.starts_with("ipv6.") || **layer == "ah");
        let protocol = self.number(match (extension, version) {
            (Some(&"ipv6.hopopts"), _) => "ipv6.hopopts.nxt",
            (Some(&"ipv6.dstopts"), _) => "ipv6.dstopts.nxt",
            (Some(&"ipv6.routing"), _) => "ipv6.routing.nxt",
            (Some(&"ipv6.fraghdr"), _) => "ipv6.fraghdr.nxt",
            (Some(&"ah"), "ipv6") => "ah.next_header",
            (_, "ipv6") => "ipv6.nxt",
            _ => "ip.proto",
        })?;
        let (id, offset) = match version {
            "ip" => (self.last("ip.id")?, self.number::<u32>("ip.frag_offset")?),
            _ if layers[at..].contains(&"ipv6.fraghdr") => {
                (self.last("ipv6.fraghdr.ident")?, self.number("ipv6.fraghdr.offset")?)
            }
            _ => ("", 0),
        };
        let fragment = (src, dst, format!("{version} {id} {}", if version == "ip" { protocol } else { 0 }));
        if offset > 0 {
            return firsts.get(&fragment).copied();
        }
        let transport =
            layers[at..].iter().find(|layer| matches!(**layer, "tcp" | "udp" | "sctp" | "dccp" | "udplite"));
        let transport = transport.map(|layer| if *layer == "udplite" { "udp" } else { layer });
        let port = |end: &str| transport.and_then(|layer| self.number(&format!("{layer}.{end}port"))).unwrap_or(0);
        let conversation = conversation(protocol, (src, port("src")), (dst, port("dst")));
        firsts.insert(fragment, conversation);
        Some(conversation)
    }
}

fn conversation(protocol: u8, one: (IpAddr, u16), other: (IpAddr, u16)) -> Conversation {
    if one <= other { (protocol, one, other) } else { (protocol, other, one) }
}

/// What tshark tells of a capture.
fn theirs(path: &Path, profile: &Path) -> Sums {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile).arg("-n").arg("-r").arg(path);
    for preference in [
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
    ] {
        command.args(["-o", preference]);
    }
    command.args(["-T", "fields", "-E", "separator=|"]).args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output().unwrap();
    let (mut sums, mut firsts) = (Sums::new(), HashMap::new());
    for line in String::from_utf8(output.stdout).unwrap().lines().map(Line::new) {
        if let Some(conversation) = line.conversation(&mut firsts) {
            let sum = sums.entry(conversation).or_default();
            sum.0 += 1;
            sum.1 += line.number::<u64>("frame.len").unwrap();
        }
    }
    sums
}

/// What we tell of it.
fn ours(path: &Path) -> Sums {
    let mut sums = Sums::new();
    for record in run(Streamer::from_file(path).n_dissections(0).workers(0)).records {
        let (total, protocol) = (record.total(), record.key.ip_protocol());
        let sum = sums.entry(conversation(protocol, record.src(), record.dst())).or_default();
        sum.0 += total.pkts;
        sum.1 += total.bytes;
    }
    sums
}

/// A profile for tshark in which everything but [`LAYERS`] is off.
pub(crate) fn profile() -> tempfile::TempDir {
    let protocols = Command::new("tshark").args(["-G", "protocols"]).output().unwrap().stdout;
    let protocols = String::from_utf8_lossy(&protocols).into_owned();
    let filters = protocols.lines().filter_map(|line| line.split('\t').nth(2));
    let off: Vec<_> = filters.filter(|filter| !LAYERS.contains(filter)).collect();
    assert!(off.len() > 1000, "tshark knows {} protocols", off.len());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("disabled_protos"), off.join("\n") + "\n").unwrap();
    folder
}

/// How many conversations there are, and every one of which the two tell different sums.
fn compare(path: &Path, profile: &Path) -> (usize, Vec<String>) {
    let (theirs, ours) = (theirs(path, profile), ours(path));
    let conversations: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let differing = conversations.iter().filter(|conversation| theirs.get(conversation) != ours.get(conversation));
    let told = |sums: &Sums, conversation| sums.get(conversation).copied().unwrap_or_default();
    let lines = differing.map(|it| format!("{it:?}: tshark {:?}, we {:?}", told(&theirs, it), told(&ours, it)));
    (conversations.len(), lines.collect())
}

#[test]
fn tshark_counts_the_same_packets_and_bytes_in_every_conversation() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let profile = profile();
    let captures: Vec<PathBuf> = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let compared = oracle::by_two(&captures, |path| compare(path, profile.path()));
    let mut unexplained = Vec::new();
    for (name, (_, differences)) in &compared {
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| file == name);
        if excepted.map_or(0, |(_, count, _)| *count) != differences.len() {
            unexplained.push(format!("{name}: {} differences {differences:#?}, {excepted:?}", differences.len()));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let conversations: usize = compared.iter().map(|(_, (count, _))| count).sum();
    assert!(conversations > 20 * captures.len() || captures.len() < 100, "only {conversations} conversations");
}
