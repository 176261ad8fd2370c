//! The project's own captures: every column of every record as it was when somebody last looked, and against what the
//! generator of the captures expects.
//!
//! `scripts/bless` writes `tests/golden` anew. A line of its diff is a change of meaning, or a bug.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use flowgauge::classify::{Classifier, ClassifierOptions};
use flowgauge::flow::json::{write_cell, write_text};
use flowgauge::flow::schema::{Cell, columns};
use flowgauge::flow::{Direction, FlowFlags};
use flowgauge::{FlowRecord, Streamer};

use crate::support::run::{Outcome, own, read_frames, run};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A record as one line of JSON: every column, times and durations in nanoseconds.
fn line(record: &FlowRecord) -> String {
    let mut line = String::new();
    for (nth, column) in columns().enumerate() {
        let separator = if nth == 0 { "{" } else { ", " };
        write!(line, "{separator}\"{}\": ", column.name).unwrap();
        match column.get(record) {
            Cell::Time(stamp) => write!(line, "{}", stamp.as_nanos()),
            Cell::Duration(nanos) => write!(line, "{nanos}"),
            cell => write_cell(&mut line, &cell),
        }
        .unwrap();
    }
    line + "}\n"
}

/// Records, then the ledger, then the error if there is one.
fn lines(outcome: &Outcome) -> String {
    let mut text: String = outcome.records.iter().map(line).collect();
    writeln!(text, "{}", outcome.report).unwrap();
    if let Some(error) = &outcome.error {
        text += "{\"error\": ";
        write_text(&mut text, &error.replace(env!("CARGO_MANIFEST_DIR"), ".")).unwrap();
        text += "}\n";
    }
    text
}

/// Names of applications belong to one version of nDPI, that of Debian 12 and 13.
fn names_apply() -> bool {
    let options = ClassifierOptions::default();
    Classifier::open(&options).is_ok_and(|opened| opened.ndpi_version().is_some_and(|it| it.starts_with("4.2")))
}

fn without_names(text: &str) -> String {
    // What nDPI names, and what it reads of the payload beside our own dissection.
    let spans = [("application_name", "start_time"), ("application_confidence", FIRST_STATISTIC)];
    let cut = |line: &str| {
        spans.iter().fold(line.to_owned(), |line, (from, to)| {
            let (Some(from), Some(to)) = (line.find(&format!("\"{from}\"")), line.find(&format!("\"{to}\""))) else {
                return line;
            };
            line[..from].to_owned() + &line[to..]
        })
    };
    text.lines().map(|line| cut(line) + "\n").collect()
}

/// The file that holds what a capture gives; a compressed one gives what the plain one does.
fn golden_of(path: &Path) -> PathBuf {
    let plain = file_name(path).trim_end_matches(".gz").trim_end_matches(".zst");
    folder("golden").join(format!("{plain}.jsonl"))
}

fn with_every_option(streamer: Streamer) -> Streamer {
    streamer.statistics(true).splt(5).tcp_analysis(true).application_fields(true)
}

#[track_caller]
fn compare(path: &Path) {
    let (mut told, golden) = (lines(&run(with_every_option(Streamer::from_file(path).workers(0)))), golden_of(path));
    told = told.replace(file_name(path), file_name(path).trim_end_matches(".gz").trim_end_matches(".zst"));
    if std::env::var_os("FLOWGAUGE_BLESS").is_some() {
        assert!(names_apply(), "golden files are made with nDPI 4.2");
        return fs::write(golden, told).unwrap();
    }
    let mut expected = fs::read_to_string(&golden).unwrap_or_default();
    if !names_apply() {
        (told, expected) = (without_names(&told), without_names(&expected));
    }
    for (nth, (told, expected)) in told.lines().zip(expected.lines()).enumerate() {
        assert_eq!(told, expected, "line {} of {} (scripts/bless writes it anew)", nth + 1, golden.display());
    }
    assert_eq!(told.lines().count(), expected.lines().count(), "{}", golden.display());
}

#[test]
fn every_column_of_our_own_captures_is_as_it_was() {
    own().iter().for_each(|path| compare(path));
}

#[cfg(feature = "compress")]
#[test]
fn compressed_captures_give_what_plain_ones_give() {
    let data = fs::read_dir(folder("data")).unwrap().map(|entry| entry.unwrap().path());
    let compressed: Vec<_> = data.filter(|path| path.extension().is_some_and(|it| it == "gz" || it == "zst")).collect();
    assert!(compressed.len() >= 3);
    compressed.iter().for_each(|path| compare(path));
}

#[test]
fn no_golden_file_is_left_without_its_capture() {
    let known: Vec<_> = own().iter().map(|path| golden_of(path)).collect();
    for entry in fs::read_dir(folder("golden")).unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "{}", path.display());
    }
}

/// What was metered, in the form and the words in which the generator writes what it expects.
fn as_expected(path: &Path, outcome: &Outcome) -> String {
    let report = &outcome.report;
    let mut captured = 0;
    read_frames(flowgauge::capture::file::Input::Path(path.into()), |batch, index| {
        captured += batch.raw(index, 0).data.len();
    });
    let mut text = format!("{{\n \"capture\": \"{}\",\n \"frames\": {},\n", file_name(path), report.frames_read);
    write!(text, " \"wire_bytes\": {},\n \"captured_bytes\": {captured},\n", report.bytes_read).unwrap();
    write!(text, " \"packets\": {},\n \"out_of_order\": {},\n", report.packets, report.out_of_order).unwrap();
    let mut skipped: Vec<_> = report.skipped.iter().map(|(reason, count)| (reason.name(), count)).collect();
    skipped.sort_unstable();
    let skipped: Vec<_> = skipped.iter().map(|(name, count)| format!("  \"{name}\": {count}")).collect();
    let skipped = if skipped.is_empty() { "{}".into() } else { format!("{{\n{}\n }}", skipped.join(",\n")) };
    let records: Vec<_> = outcome.records.iter().map(record_as_expected).collect();
    write!(text, " \"skipped\": {skipped},\n \"records\": [\n{}\n ]", records.join(",\n")).unwrap();
    if let Some(error) = &outcome.error {
        let number = |after: &str| error.split(after).nth(1).unwrap().split([',', ':']).next().unwrap().to_owned();
        let frame = number("after frame ").parse::<u64>().unwrap() + 1;
        write!(text, ",\n \"damage\": {{\n  \"frame\": {frame},\n  \"offset\": {}\n }}", number("at offset ")).unwrap();
    }
    text + "\n}\n"
}

fn record_as_expected(record: &FlowRecord) -> String {
    let total = record.total();
    let mut fields = vec![
        ("flow_id".to_owned(), record.flow_id.to_string()),
        ("conn_id".into(), record.conn_id.to_string()),
        ("segment".into(), record.segment.to_string()),
        ("export_reason".into(), record.export_reason.number().to_string()),
        ("ip_src".into(), format!("\"{}\"", record.ip_src())),
        ("src_port".into(), record.src().1.to_string()),
        ("ip_dst".into(), format!("\"{}\"", record.ip_dst())),
        ("dst_port".into(), record.dst().1.to_string()),
        ("ip_protocol".into(), record.key.ip_protocol().to_string()),
        ("ip_version".into(), record.key.ip_version().to_string()),
        ("vlan_id".into(), record.key.vlan_id().to_string()),
        ("tunnel".into(), record.key.tunnel().map_or("null".into(), |tunnel| format!("\"{}\"", tunnel.name()))),
        ("start_time_ns".into(), total.start.as_nanos().to_string()),
        ("end_time_ns".into(), total.end.as_nanos().to_string()),
    ];
    for (name, direction) in [("src_to_dst", Direction::SrcToDst), ("dst_to_src", Direction::DstToSrc)] {
        let counts = record.of(direction);
        let unknown = record.flags.contains(FlowFlags::payload_unknown(direction));
        let payload = if unknown { "null".to_owned() } else { counts.payload_bytes.to_string() };
        fields.push((format!("{name}_pkts"), counts.pkts.to_string()));
        fields.push((format!("{name}_bytes"), counts.bytes.to_string()));
        fields.push((format!("{name}_ip_bytes"), counts.ip_bytes.to_string()));
        fields.push((format!("{name}_transport_bytes"), counts.transport_bytes.to_string()));
        fields.push((format!("{name}_payload_bytes"), payload));
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("   \"{name}\": {value}")).collect();
    format!("  {{\n{}\n  }}", fields.join(",\n"))
}

#[test]
fn our_own_captures_give_what_their_generator_expects() {
    let mut compared = 0;
    for path in own() {
        let stem = file_name(&path).split('.').next().unwrap();
        let Ok(expected) = fs::read_to_string(path.with_file_name(format!("{stem}.expected.json"))) else { continue };
        let told = as_expected(&path, &run(Streamer::from_file(&path).n_dissections(0).workers(0)));
        let mut flow = "";
        for (nth, (told, expected)) in told.lines().zip(expected.lines()).enumerate() {
            flow = if expected.contains("flow_id") { expected } else { flow };
            assert_eq!(told, expected, "{}, line {} of what is expected,{flow}", path.display(), nth + 1);
        }
        assert_eq!(told.lines().count(), expected.lines().count(), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 13, "only {compared} captures have an expectation");
}

/// The column behind those that tell what the payload says.
const FIRST_STATISTIC: &str = "size_min";
