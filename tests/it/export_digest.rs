//! The digest of records: the same for the same records in any order and by any number of workers, another for any other.

use std::path::PathBuf;

use flowgauge::export::{Columns, FileDigest, Manifest, RecordDigest, schema_digest};
use flowgauge::expr::Expr;
use flowgauge::flow::schema::{Cell, Schema};
use flowgauge::{FlowRecord, Streamer, Value};

fn data(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).join(name)
}

/// Everything that records may have, of a capture of the project's.
fn records(name: &str, workers: usize) -> (Schema, Vec<FlowRecord>) {
    let streamer = Streamer::from_file(data(name)).workers(workers).stable_labels(true);
    let streamer = streamer.statistics(true).splt(5).application_fields(true).tcp_analysis(true);
    let mean = Expr::parse("packet.size.mean()").unwrap();
    let mut flows = streamer.expression("mean", mean).start().unwrap();
    let records = flows.by_ref().map(Result::unwrap).collect();
    (flows.schema().clone(), records)
}

fn digest<'a>(schema: &Schema, records: impl IntoIterator<Item = &'a FlowRecord>) -> RecordDigest {
    let columns = Columns::from(schema.clone());
    let (mut digest, mut of_cells) = (RecordDigest::new(), RecordDigest::new());
    for record in records {
        digest.add_record(&columns, record);
        of_cells.add(columns.cells(record));
    }
    assert_eq!(digest, of_cells);
    digest
}

#[test]
fn any_number_of_workers_gives_the_same() {
    for name in ["story.pcap", "web.pcap", "timeouts.pcap", "tls.pcap"] {
        let (schema, inline) = records(name, 0);
        let expected = digest(&schema, &inline);
        assert_eq!((expected.records(), inline.is_empty()), (inline.len() as u64, false));
        for workers in [1, 2, 4] {
            let (schema, records) = records(name, workers);
            assert_eq!(digest(&schema, &records), expected, "{name} with {workers} workers");
        }
    }
}

#[test]
fn order_and_parts_do_not_matter_but_every_record_does() {
    let (schema, records) = records("story.pcap", 0);
    let whole = digest(&schema, &records);
    assert_eq!(digest(&schema, records.iter().rev()), whole);
    let (left, right) = records.split_at(records.len() / 3);
    let mut parts = digest(&schema, right);
    parts.merge(&digest(&schema, left));
    assert_eq!(parts, whole);
    assert_eq!(parts.to_string(), whole.to_string());
    for missing in 0..records.len() {
        let rest = records.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, record)| record);
        assert_ne!(digest(&schema, rest).to_string(), whole.to_string());
    }
    // Two that are the same do not cancel out.
    let twice = digest(&schema, records.iter().chain(&records[..1]).chain(&records[..1]));
    assert_ne!(twice.to_string(), whole.to_string());
}

#[test]
fn another_cell_is_another_digest() {
    let (schema, records) = records("web.pcap", 0);
    let columns = Columns::from(schema.clone());
    let whole = digest(&schema, &records).to_string();
    let mut kinds = std::collections::HashSet::new();
    for (changed, column) in (0..records.len()).flat_map(|record| (0..columns.len()).map(move |at| (record, at))) {
        let mut digest = RecordDigest::new();
        for (index, record) in records.iter().enumerate() {
            let mut cells: Vec<_> = columns.cells(record).collect();
            if index == changed {
                cells[column] = other(&cells[column]);
                kinds.insert(std::mem::discriminant(&cells[column]));
            }
            digest.add(cells);
        }
        assert_ne!(digest.to_string(), whole, "{:?} of record {changed}", columns.names().nth(column));
    }
    assert!(kinds.len() > 8, "{kinds:?}");
}

/// A cell that differs as little as it can.
fn other<'a>(cell: &Cell<'a>) -> Cell<'a> {
    match cell {
        Cell::Null => Cell::Text("".into()),
        Cell::Bool(truth) => Cell::Bool(!truth),
        Cell::Uint(number) => Cell::Uint(number ^ 1),
        Cell::Int(number) => Cell::Int(-number - 1),
        Cell::Float(number) => Cell::Float(f64::from_bits(number.to_bits() ^ 1)),
        Cell::Text(text) => Cell::Text(format!("{text} ").into()),
        Cell::Ip(_) => Cell::Ip([192, 0, 2, 99].into()),
        Cell::Time(stamp) => Cell::Time(flowgauge::Timestamp::from_nanos(stamp.as_nanos() ^ 1)),
        Cell::Duration(nanos) => Cell::Duration(nanos ^ 1),
        Cell::List(numbers) => Cell::List(numbers.iter().copied().chain([0]).collect()),
        Cell::Texts(texts) => Cell::Texts(texts.iter().copied().chain([""]).collect()),
        _ => Cell::Null,
    }
}

#[test]
fn what_looks_alike_in_text_is_told_apart() {
    let of = |cells: Vec<Cell<'_>>| {
        let mut digest = RecordDigest::new();
        digest.add(cells);
        digest.to_string()
    };
    let (null, empty, seven) = (Value::Null, Value::List(Vec::new()), Value::Int(7));
    for (left, right) in [
        (vec![Cell::Null], vec![Cell::Text("".into())]),
        (vec![Cell::Null], vec![Cell::Texts(vec![])]),
        (vec![Cell::Null], vec![]),
        (vec![Cell::Uint(7)], vec![Cell::Text("7".into())]),
        (vec![Cell::Uint(1)], vec![Cell::Float(1.0)]),
        (vec![Cell::Float(0.0)], vec![Cell::Float(-0.0)]),
        (vec![Cell::Uint(u64::MAX)], vec![Cell::Int(-1)]),
        (vec![Cell::Text("ab".into()), Cell::Text("c".into())], vec![Cell::Text("a".into()), Cell::Text("bc".into())]),
        (vec![Cell::Texts(vec!["a", "b"])], vec![Cell::Texts(vec!["a"]), Cell::Text("b".into())]),
        (vec![Cell::Uint(1), Cell::Uint(2)], vec![Cell::Uint(2), Cell::Uint(1)]),
        (vec![Cell::Metric(&null)], vec![Cell::Metric(&empty)]),
    ] {
        assert_ne!(of(left.clone()), of(right.clone()), "{left:?} {right:?}");
    }
    // A number is the number, whatever the width of its column.
    assert_eq!(of(vec![Cell::Uint(7)]), of(vec![Cell::Int(7)]));
    assert_eq!(of(vec![Cell::Uint(7)]), of(vec![Cell::Metric(&seven)]));
}

#[test]
fn what_was_read_of_each_input_is_told() {
    let spans = |streamer: Streamer| {
        let mut flows = streamer.n_dissections(0).start().unwrap();
        assert!(flows.by_ref().all(|record| record.is_ok()));
        let spans = flows.input_spans().into_iter();
        spans.map(|(input, span)| (input, span.frames, span.times.unwrap())).collect::<Vec<_>>()
    };
    let files = || Streamer::from_files([data("story.pcap"), data("web.pcap")]);
    let alone = |name| spans(Streamer::from_file(data(name)))[0];
    let (story, web) = (alone("story.pcap"), alone("web.pcap"));
    assert!(story.2.0 < story.2.1 && story.2.1 < web.2.0, "{story:?} {web:?}");
    assert_eq!(spans(files()), [story, (1, web.1, web.2)]);
    // What the filter leaves out was read all the same, and what lies behind the last frame that is wanted was not.
    #[cfg(feature = "pcap")]
    assert_eq!(spans(files().bpf_filter("udp")), [story, (1, web.1, web.2)]);
    let first = (story.2.0, story.2.0);
    assert_eq!(spans(files().max_frames(1)), [(0, 1, first)]);
    assert_eq!(spans(files().max_frames(story.1 + 1))[1].1, 1);
}

#[test]
fn files_and_the_schema_have_digests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abc");
    std::fs::write(&path, "abc").unwrap();
    let digest = FileDigest::of_file(&path, &|| true).unwrap().unwrap();
    // FIPS 180-2, appendix B.1.
    assert_eq!(digest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(digest.bytes, 3);
    assert_eq!(FileDigest::of_file(&path, &|| false).unwrap(), None);
    assert!(FileDigest::of_file(folder.path(), &|| true).is_err());
    assert_eq!(schema_digest().len(), 64);
    assert!(Manifest::default().to_string().contains("\"records\": 0"));
}
