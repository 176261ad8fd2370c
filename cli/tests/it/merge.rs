//! `flowgauge merge`: pieces of a capture metered apart come to what the whole comes to, or it is said why not.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Run, data, flowgauge, pcap};

fn at(folder: &Path, arguments: &str) -> Run {
    Run::of(&flowgauge().args(arguments.split_whitespace()).current_dir(folder).output().unwrap())
}

/// A pcap file in little-endian order, cut behind its packets of these numbers; `None` for another file.
fn cut(whole: &[u8], places: [usize; 2]) -> Option<[Vec<u8>; 3]> {
    let (header, mut rest) = whole.split_at_checked(24)?;
    if !matches!(header[..4], [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) {
        return None;
    }
    let mut pieces = [header.to_vec(), header.to_vec(), header.to_vec()];
    let mut number = 0;
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (packet, behind) = rest.split_at_checked(16 + length)?;
        pieces[places.iter().filter(|place| number >= **place).count()].extend(packet);
        rest = behind;
        number += 1;
    }
    Some(pieces)
}

fn packets(whole: &[u8]) -> usize {
    cut(whole, [usize::MAX; 2]).map_or(0, |[first, ..]| {
        let (mut at, mut number) = (24, 0);
        while let Some(length) = first.get(at + 8..at + 12) {
            at += 16 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
            number += 1;
        }
        number
    })
}

/// Writes the pieces and meters each from where the one before ended.
fn meter(folder: &Path, pieces: &[Vec<u8>], end: &str, options: &str) {
    let mut after = String::new();
    for (n, piece) in pieces.iter().enumerate() {
        fs::write(folder.join(format!("{n}.pcap")), piece).unwrap();
        let run = at(folder, &format!("-r {n}.pcap -w {n}.{end} -q --position-out {n}.pos {options}{after}"));
        assert_eq!(run.code, 0, "{}", run.err);
        after = format!(" --after {n}.pos");
    }
}

const OPTIONS: &str =
    "--active never --dissect 0 --statistics --splt 3 --tcp-analysis --metric big=(packet.size>100).sum()";

fn captures() -> Vec<PathBuf> {
    let mut captures = vec![data("story.pcap"), data("web.pcap"), data("timeouts.pcap")];
    let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    match fs::read_dir(&corpus) {
        Ok(entries) => {
            let mut more: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
            more.sort_unstable();
            captures.extend(more.into_iter().step_by(5));
        }
        Err(_) => eprintln!("skipped: pieces of the corpus (there is no {})", corpus.display()),
    }
    captures
}

#[test]
fn what_cannot_be_told_to_be_a_whole_piece_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let story = data("story.pcap");
    fs::write(folder.join("key"), [7; 32]).unwrap();
    for (more, words) in [
        ("-w a.parquet --anonymize blake2:key", "its addresses are replaced, and nothing tells by which key"),
        ("-w a.parquet --rotate-rows 1000", "it is one of several files of a run"),
    ] {
        at(folder, &format!("-r {} -q --active never --dissect 0 {more}", story.display())).silent();
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let file = files.filter(|file| file.extension().is_some_and(|end| end == "parquet")).max().unwrap();
        let run = at(folder, &format!("merge {} -w whole.csv", file.display()));
        assert!(run.code == 1 && run.err.contains(words), "{}", run.err);
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn three_pieces_metered_apart_come_to_the_whole() {
    let mut merged_captures = 0;
    let mut merged_flows = 0;
    for capture in captures() {
        let whole = fs::read(&capture).unwrap();
        let number = packets(&whole);
        let Some(pieces) = cut(&whole, [number / 3, number * 2 / 3]).filter(|_| number > 3) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        meter(
            folder,
            &pieces,
            if merged_captures % 2 == 0 { "parquet" } else { "csv" },
            &format!("{OPTIONS} --nanoseconds"),
        );
        let end = if merged_captures % 2 == 0 { "parquet" } else { "csv" };
        let run = at(folder, &format!("merge 0.{end} 1.{end} 2.{end} -w merged.csv --nanoseconds"));
        if run.err.contains("packets came out of order") {
            continue;
        }
        assert_eq!(run.code, 0, "{}: {}", capture.display(), run.err);
        let left_out =
            run.err.strip_prefix("flowgauge: left out, since columns do not tell it of the whole: ").unwrap();
        assert!(left_out.contains("size_stddev, gap_min") && left_out.trim_end().ends_with("big"), "{left_out}");
        let merged = fs::read_to_string(folder.join("merged.csv")).unwrap();
        let (names, merged) = merged.split_once("\r\n").unwrap();
        for name in ["size_mean", "syn_pkts", "dst_to_src_end_time_ns", "community_id", "duration_ns", "export_reason"]
        {
            assert!(names.split(',').any(|known| known == name), "{names}");
        }
        fs::write(folder.join("whole.pcap"), &whole).unwrap();
        let run = at(folder, &format!("-r whole.pcap -w whole.parquet -q --no-manifest -j 0 {OPTIONS}"));
        assert_eq!(run.code, 0, "{}", run.err);
        let fields = names.replace("_ns,", ",").trim_end_matches("_ns").to_owned();
        let expected = at(folder, &format!("convert whole.parquet -o csv --nanoseconds -F {fields}")).silent().out;
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        let (_, expected) = expected.split_once("\r\n").unwrap();
        assert_eq!(sorted(merged), sorted(expected), "{}", capture.display());
        let rows = |n| at(folder, &format!("convert {n}.{end} -o csv -F flow_id")).out.lines().count() - 1;
        merged_flows += (0..3).map(rows).sum::<usize>() - expected.lines().count();
        merged_captures += 1;
    }
    assert!(merged_captures >= 3 && merged_flows > 0, "{merged_captures} {merged_flows}");
}

#[test]
fn fragments_that_wait_at_the_end_of_a_piece_are_in_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.pcap"), pcap([1, 2, 3])).unwrap();
    at(folder, "-r a.pcap -o none -q --position-out a.pos").silent();
    assert_eq!(fs::read_to_string(folder.join("a.pos")).unwrap(), "flowgauge position 1\nframe 3\nclock_ns 2000\n");
    let second = at(folder, "-r a.pcap -q -F flow_id --after a.pos").silent().records();
    assert_eq!(second.iter().map(|flow| flow["flow_id"].as_u64().unwrap()).min(), Some(4));
    fs::write(folder.join("wrong.pos"), "flowgauge position 1\nframe x\n").unwrap();
    let run = at(folder, "-r a.pcap --after wrong.pos");
    assert!(
        run.code == 2 && run.err.contains("--after wrong.pos: position must be what a run wrote down"),
        "{}",
        run.err
    );
    let run = at(folder, "-r a.pcap --after nowhere.pos");
    assert!(run.code == 2 && run.err.contains("cannot read it"), "{}", run.err);
}

/// As after Ctrl-C, or `-c`: what was read of a piece is what its position says.
#[test]
fn a_piece_may_end_amid_its_capture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = pcap([1, 2, 1, 2, 3, 1]);
    let [_, rest, _] = cut(&whole, [2, usize::MAX]).unwrap();
    fs::write(folder.join("whole.pcap"), &whole).unwrap();
    fs::write(folder.join("rest.pcap"), rest).unwrap();
    at(folder, "-r whole.pcap -w whole.parquet -q --active never --dissect 0").silent();
    at(folder, "-r whole.pcap -c 2 -w 0.parquet -q --position-out 0.pos --active never --dissect 0").silent();
    at(folder, "-r rest.pcap --after 0.pos -w 1.parquet -q --active never --dissect 0").silent();
    // An interruption is told as max_frames.
    let manifest = folder.join("0.parquet.manifest.json");
    let told = fs::read_to_string(&manifest).unwrap();
    let interrupted = told.replace("\"max_frames\": null", "\"max_frames\": 2");
    assert_ne!(told, interrupted);
    fs::write(&manifest, interrupted).unwrap();
    let merged = at(folder, "merge 0.parquet 1.parquet -o json").records();
    assert_eq!(merged.len(), 3);
    let sum = |records: &[serde_json::Value], name: &str| {
        records.iter().map(|record| record[name].as_u64().unwrap()).sum::<u64>()
    };
    let once = at(folder, "convert whole.parquet -o json").records();
    for name in ["pkts", "bytes", "flow_id", "start_time", "end_time"] {
        assert_eq!(sum(&merged, name), sum(&once, name), "{name}");
    }
}

#[test]
fn what_cannot_be_merged_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pieces = cut(&pcap([1, 2, 1, 2, 3, 1]), [2, 4]).unwrap();
    let refused = |end: &str, options: &str, files: &str| {
        meter(folder, &pieces, end, options);
        at(folder, &format!("merge {files} -w whole.csv")).message()
    };
    for (end, options, files, words) in [
        ("parquet", "", "0.parquet 1.parquet", "0.parquet: its flows were cut by age: meter it with --active never"),
        ("parquet", "--active never --tcp-end", "0.parquet", "meter it without --tcp-end"),
        ("parquet", "--active never --capacity 9", "0.parquet", "meter it without --capacity"),
        ("parquet", "--active never --no-manifest", "x.parquet", "cannot read x.parquet.manifest.json"),
        (
            "csv",
            "--active never",
            "0.csv 1.csv",
            "0.csv: its times are cut to milliseconds: meter it with --nanoseconds",
        ),
        (
            "json",
            "--active never",
            "0.json",
            "it has no column \"flow_id\", and all of core, identity and counts are needed",
        ),
        (
            "parquet",
            "--active never",
            "0.parquet 2.parquet",
            "2.parquet: it begins after frame 4, and 0.parquet ends with frame 2",
        ),
        (
            "parquet",
            "--active never",
            "1.parquet 0.parquet",
            "0.parquet: it begins after frame 0, and 1.parquet ends with frame 4",
        ),
    ] {
        let message = refused(end, options, files);
        assert!(message.contains(words), "{message}");
    }
    at(folder, "-r 1.pcap -w 1.parquet -q --after 0.pos --active never --inactive 7").silent();
    let message = at(folder, "merge 0.parquet 1.parquet -w whole.csv").message();
    assert_eq!(message, "1.parquet: it was metered with another inactive_timeout than 0.parquet");
    meter(folder, &pieces, "parquet", "--active never");
    let manifest = folder.join("1.parquet.manifest.json");
    let more = fs::read_to_string(&manifest).unwrap().replace("\"options\": {", "\"options\": {\"unheard_of\": true,");
    fs::write(manifest, more).unwrap();
    let message = at(folder, "merge 0.parquet 1.parquet -w whole.csv").message();
    assert_eq!(message, "1.parquet: it was metered with another unheard_of than 0.parquet");
    fs::copy(folder.join("2.parquet"), folder.join("0.parquet")).unwrap();
    let message = at(folder, "merge 0.parquet -w whole.csv").message();
    assert_eq!(message, "0.parquet: it is not the file that its manifest is of");
    assert!(!folder.join("whole.csv").exists());
}
