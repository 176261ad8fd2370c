//! Crafted captures of `../shared/conformance/quirks`, and what a record says, as one line to read.
//!
//! `quirk("key_vlan").gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 52/38/18/10 at 0ns..0ns | flush"])`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flowgauge::flow::schema::{Cell, column};
use flowgauge::flow::{Direction, FlowFlags, FlowRecord};
use flowgauge::packet::SkipReason;
use flowgauge::{Report, Streamer};

use super::run::run;
use super::scenario::EPOCH;

type Options = fn(Streamer) -> Streamer;

/// A crafted capture and how it is read: without nDPI, otherwise with the defaults.
pub(crate) struct Quirk {
    name: &'static str,
    options: Options,
    skips: Vec<(SkipReason, u64)>,
    fails: Option<&'static str>,
}

/// The crafted capture of this name.
pub(crate) fn quirk(name: &'static str) -> Quirk {
    Quirk { name, options: |streamer| streamer, skips: Vec::new(), fails: None }
}

/// Where the crafted capture of this name is; `None`, and a line that says so, where it is not.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance/quirks");
    let path = folder.join(name).with_extension("pcap");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {}", path.display());
    None
}

impl Quirk {
    /// Reads it with these options.
    pub(crate) fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// So many frames are skipped for this reason.
    pub(crate) fn skips(mut self, reason: SkipReason, frames: u64) -> Self {
        self.skips.push((reason, frames));
        self
    }

    /// The run ends with an error of which this is a part.
    pub(crate) fn fails(mut self, error: &'static str) -> Self {
        self.fails = Some(error);
        self
    }

    /// These are the records, as [`line`]s; for any number of workers. The report, for what else is to be said of the run.
    #[track_caller]
    pub(crate) fn gives(&self, expected: &[&str]) -> Report {
        let Some(path) = path(self.name) else { return Report::default() };
        let with = |workers| run((self.options)(Streamer::from_file(&path).n_dissections(0)).workers(workers));
        let outcome = with(0);
        let lines: Vec<_> = outcome.records.iter().map(line).collect();
        assert_eq!(lines, expected, "{}: {lines:#?}", self.name);
        assert_eq!(outcome.report.skipped, BTreeMap::from_iter(self.skips.iter().copied()), "{}", self.name);
        match (&outcome.error, self.fails) {
            (Some(error), Some(part)) => assert!(error.contains(part), "{}: {error}", self.name),
            (error, part) => assert!(error.is_none() && part.is_none(), "{}: {error:?}, not {part:?}", self.name),
        }
        for workers in [1, 3] {
            assert_eq!(with(workers), outcome, "{} with {workers} workers", self.name);
        }
        outcome.report
    }
}

/// A cell in the plainest words.
pub(crate) fn cell(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => "null".into(),
        Cell::Bool(is) => is.to_string(),
        Cell::List(numbers) => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Cell::Uint(number) | Cell::Duration(number) => number.to_string(),
        Cell::Text(text) => text.to_string(),
        Cell::Ip(address) => address.to_string(),
        other => format!("{other:?}"),
    }
}

/// A record, in one line: its name, and with `segment` the connection's, its key, what went there and back
/// (bytes on the wire, of IP, of transport, of payload; first and last stamp since [`EPOCH`]), why it left, and what is
/// special about it: MAC addresses other than usual, and what the captured bytes could not tell.
pub(crate) fn line(record: &FlowRecord) -> String {
    let mut line = format!("#{}", record.flow_id);
    if record.segment > 0 {
        write!(line, " (segment {} of #{})", record.segment, record.conn_id).unwrap();
    }
    let protocol = match record.key.ip_protocol() {
        1 => "icmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        other => other.to_string(),
    };
    write!(line, " {protocol} {} > {}", SocketAddr::from(record.src()), SocketAddr::from(record.dst())).unwrap();
    if record.key.vlan_id() != 0 {
        write!(line, " vlan {}", record.key.vlan_id()).unwrap();
    }
    if let Some(tunnel) = record.key.tunnel() {
        write!(line, " in {}", tunnel.name()).unwrap();
        if record.flags.contains(FlowFlags::TUNNEL_KEY) {
            write!(line, " {}", record.tunnel_key).unwrap();
        }
    }
    for (arrow, direction) in [('>', Direction::SrcToDst), ('<', Direction::DstToSrc)] {
        let counts = record.of(direction);
        if counts.pkts == 0 {
            continue;
        }
        let payload = match record.flags.contains(FlowFlags::payload_unknown(direction)) {
            true => "?".into(),
            false => counts.payload_bytes.to_string(),
        };
        let (pkts, bytes, ip, transport) = (counts.pkts, counts.bytes, counts.ip_bytes, counts.transport_bytes);
        let since = |stamp: flowgauge::Timestamp| Duration::from_nanos((stamp.as_nanos() - EPOCH) as u64);
        let (start, end) = (since(counts.start), since(counts.end));
        write!(line, " | {arrow} {pkts} pkts {bytes}/{ip}/{transport}/{payload} at {start:?}..{end:?}").unwrap();
    }
    write!(line, " | {}", record.export_reason.name()).unwrap();
    let tell = |name: &str| cell(&column(name).unwrap().get(record));
    let macs = format!("{} > {}", tell("src_mac"), tell("dst_mac"));
    match macs.as_str() {
        "02:00:00:00:00:01 > 02:00:00:00:00:02" => {}
        "null > null" => line.push_str(" | no macs"),
        _ => write!(line, " | {macs}").unwrap(),
    }
    let incomplete = tell("incomplete");
    if incomplete != "null" {
        write!(line, " | cannot tell {incomplete}").unwrap();
    }
    line
}
