//! What records say of their packets' headers, against what tshark says of the same frames.
//!
//! A metric tells which frames a flow has, and which way each goes. What these frames say in tshark's words is then put
//! together here: of the first frame, of the first of each direction, or the least and the greatest of all.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flowgauge::flow::FlowFlags;
use flowgauge::flow::schema::column;
use flowgauge::{FlowRecord, Metric, Streamer, Value};

use crate::support::captures::shared;
use crate::support::oracle;
use crate::support::quirk::cell;
use crate::support::run::{own, run};
use crate::tshark::profile;

/// Captures of which tshark tells something else: how many cells differ, and by which rule.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("mixed.pcapng", 31, "tshark gives a number to every block, also to one that is no packet"),
    (
        "teredo.pcap",
        1,
        "tshark hashes the ports of a Teredo datagram with the inner addresses where IPv6 has nothing next",
    ),
];

/// What is printed of each frame, in this order, with every occurrence, outermost first.
const FIELDS: &[&str] = &[
    "frame.number",
    "frame.len",
    "frame.cap_len",
    "frame.protocols",
    "eth.src",
    "eth.dst",
    "wlan.sa",
    "wlan.da",
    "vlan.id",
    "ieee8021ad.id",
    "ip.ttl",
    "ip.dsfield.dscp",
    "ip.flags.mf",
    "ip.frag_offset",
    "ipv6.hlim",
    "ipv6.tclass.dscp",
    "ipv6.flow",
    "ipv6.fraghdr.more",
    "ipv6.fraghdr.offset",
    "communityid",
    "icmp.type",
    "icmp.code",
    "icmpv6.type",
    "icmpv6.code",
];

/// A frame as tshark prints it.
#[derive(Clone, Debug)]
struct Line(HashMap<&'static str, String>);

impl Line {
    fn all(&self, field: &str) -> Vec<&str> {
        self.0[field].split(',').filter(|value| !value.is_empty()).collect()
    }

    fn last(&self, field: &str) -> Option<&str> {
        self.all(field).pop()
    }

    fn first(&self, field: &str) -> Option<&str> {
        self.all(field).first().copied()
    }

    fn innermost_is_v6(&self) -> bool {
        let mut protocols = self.0["frame.protocols"].split(':');
        protocols.rfind(|protocol| matches!(*protocol, "ip" | "ipv6")) == Some("ipv6")
    }

    /// A field of the innermost IP header, under its name in either version.
    fn innermost(&self, v4: &str, v6: &str) -> Option<u64> {
        number(self.last(if self.innermost_is_v6() { v6 } else { v4 })?)
    }

    fn is_fragment(&self) -> bool {
        let set = |field: &str| self.all(field).iter().any(|value| number(value) != Some(0));
        ["ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.more", "ipv6.fraghdr.offset"].into_iter().any(set)
    }

    fn is_cut(&self) -> bool {
        self.0["frame.cap_len"] != self.0["frame.len"]
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok().or(match text {
            "True" => Some(1),
            "False" => Some(0),
            _ => None,
        }),
    }
}

/// What tshark tells of every frame of a capture, by number.
fn theirs(path: &Path, profile: &Path) -> HashMap<u64, Line> {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile).arg("-n").arg("-r").arg(path);
    for preference in ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.analyze_sequence_numbers:FALSE"] {
        command.args(["-o", preference]);
    }
    command.args(["--enable-protocol", "communityid"]);
    command.args(["-T", "fields", "-E", "separator=|"]).args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| Line(FIELDS.iter().copied().zip(line.split('|').map(str::to_owned)).collect());
    let by_number = lines.lines().map(line).map(|line| (number(&line.0["frame.number"]).unwrap(), line));
    by_number.collect()
}

/// The numbers of a flow's frames; those of frames back are negative.
fn numbers() -> Metric {
    Metric::fold(Vec::new, |numbers: &mut Vec<Value>, packet, flow| {
        let there = (packet.ip_src(), packet.info.src_port) == flow.src();
        let number = packet.raw.number as i64;
        numbers.push(Value::Int(if there { number } else { -number }));
    })
}

/// What the columns of a record should be by these frames, there and back.
fn expected(there: &[&Line], back: &[&Line], first: &Line) -> Vec<(String, String)> {
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".into());
    let told = |value: Option<u64>| or_null(value.map(|value| value.to_string()));
    let mut cells = Vec::new();
    for (prefix, frames) in
        [("", [there, back].concat()), ("src_to_dst_", there.to_vec()), ("dst_to_src_", back.to_vec())]
    {
        let ttls = || frames.iter().filter_map(|line| line.innermost("ip.ttl", "ipv6.hlim"));
        cells.push((format!("{prefix}ttl_min"), told(ttls().min())));
        cells.push((format!("{prefix}ttl_max"), told(ttls().max())));
        if !prefix.is_empty() {
            let dscp = frames.first().and_then(|line| line.innermost("ip.dsfield.dscp", "ipv6.tclass.dscp"));
            cells.push((format!("{prefix}dscp"), told(dscp)));
        }
    }
    let mut all = there.iter().chain(back);
    let is_v6 = first.innermost_is_v6();
    cells.push(("flow_label".into(), told(first.last("ipv6.flow").filter(|_| is_v6).and_then(number))));
    cells.push(("fragmented".into(), all.clone().any(|line| line.is_fragment()).to_string()));
    cells.push(("truncated".into(), all.any(|line| line.is_cut()).to_string()));
    let ids: Vec<_> = [first.all("ieee8021ad.id"), first.all("vlan.id")].concat();
    cells.push(("vlan_ids".into(), if ids.is_empty() { "null".into() } else { ids.join(", ") }));
    for (end, wired, radio) in [("src", "eth.src", "wlan.sa"), ("dst", "eth.dst", "wlan.da")] {
        let mac = first.last(wired).or(first.last(radio));
        cells.push((format!("{end}_mac"), or_null(mac.map(str::to_owned))));
        cells.push((format!("{end}_oui"), or_null(mac.map(|mac| mac[..8].to_owned()))));
    }
    cells
}

/// The cells of a capture's records that are not as tshark has it, and how many there are in all.
fn compare(path: &Path, profiles: &[PathBuf; 2]) -> (usize, Vec<String>) {
    let records =
        run(Streamer::from_file(path).n_dissections(0).active_timeout(None).workers(0).metric("n", numbers())).records;
    let is_icmp = |record: &FlowRecord| matches!(record.key.ip_protocol(), 1 | 58);
    let lines = theirs(path, &profiles[0]);
    let icmp_lines = if records.iter().any(is_icmp) { theirs(path, &profiles[1]) } else { HashMap::new() };
    let (mut cells, mut differences) = (0, Vec::new());
    for record in &records {
        let Some(Value::List(numbers)) = record.metrics.get("n") else { panic!("{:?}", record.metrics) };
        let numbers: Vec<_> =
            numbers.iter().map(|value| if let Value::Int(number) = value { *number } else { 0 }).collect();
        let of = |sign: i64| numbers.iter().filter(move |number| number.signum() == sign);
        let lines_of = |sign| of(sign).map(|number| &lines[&number.unsigned_abs()]).collect::<Vec<_>>();
        let first = record.flow_id;
        let mut expected = expected(&lines_of(1), &lines_of(-1), &lines[&first]);
        if is_icmp(record) {
            let version = if record.key.ip_version() == 6 { "icmpv6" } else { "icmp" };
            for column in ["icmp_type", "icmp_code"] {
                let field = column.replace("icmp_", &format!("{version}."));
                expected.push((column.into(), icmp_lines[&first].first(&field).unwrap_or("null").into()));
            }
            expected.push(("community_id".into(), icmp_lines[&first].first("communityid").unwrap_or("null").into()));
        } else {
            // Where tshark has no ports it leaves them out of the hash, as those of a protocol without.
            let id = lines[&first].first("communityid").filter(|_| !record.flags.contains(FlowFlags::PORTS_UNKNOWN));
            expected.push(("community_id".into(), id.unwrap_or("null").into()));
        }
        for (name, expected) in expected {
            let told = cell(&column(&name).unwrap_or_else(|| panic!("there is no column {name}")).get(record));
            if told != expected {
                differences
                    .push(format!("{name} of #{first} is {told}, tshark has {expected} ({:?})", lines[&first].0));
            }
            cells += 1;
        }
    }
    (cells, differences)
}

/// Two profiles for tshark: with the layers that are ours to read alone, and with ICMP, which may quote other packets.
fn profiles() -> [tempfile::TempDir; 2] {
    let [alone, icmp] = [profile(), tempfile::tempdir().unwrap()];
    let off = fs::read_to_string(alone.path().join("disabled_protos")).unwrap();
    let off: Vec<_> = off.lines().filter(|protocol| !matches!(*protocol, "icmp" | "icmpv6")).collect();
    fs::write(icmp.path().join("disabled_protos"), off.join("\n") + "\n").unwrap();
    [alone, icmp]
}

#[test]
fn tshark_reads_the_same_from_the_headers_of_every_flow() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let folders = profiles();
    let profiles = [0, 1].map(|nth| folders[nth].path().to_owned());
    let captures: Vec<PathBuf> = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let compared = oracle::by_two(&captures, |path| compare(path, &profiles));
    let mut unexplained = Vec::new();
    for (name, (_, differences)) in &compared {
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| file == name);
        if excepted.map_or(0, |(_, count, _)| *count) != differences.len() {
            unexplained.push(format!("{name}: {} differences {differences:#?}, {excepted:?}", differences.len()));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let cells: usize = compared.iter().map(|(_, (cells, _))| cells).sum();
    assert!(cells > 50_000 || captures.len() < 100, "only {cells} cells");
}
