//! The promises on real and on crafted captures, where they are there, and on the project's own.

use std::path::{Path, PathBuf};

use flowgauge::capture::file::Input;
use flowgauge::capture::memory::MemorySource;
use flowgauge::{Metric, Streamer, Timestamp};

use crate::support::captures::shared;
use crate::support::run::{own, read_frames, run};

fn captures() -> Vec<PathBuf> {
    [own(), shared("corpus"), shared("conformance/quirks")].concat()
}

/// The frames of a capture in memory, `batch_frames` at a time.
fn in_memory(path: &Path, batch_frames: usize) -> MemorySource {
    let mut source = MemorySource::new().batch_frames(batch_frames);
    read_frames(Input::Path(path.into()), |batch, index| {
        let raw = batch.raw(index, 0);
        source.push_cut(raw.stamp, raw.link, raw.data, raw.wire_len);
    });
    source
}

/// What a metric sees of a flow's packets, down to the last byte and in their order, as one number (FNV-1a).
fn seen() -> Metric {
    Metric::fold(
        || 0xcbf2_9ce4_8422_2325u64 as i64,
        |hash, packet, flow| {
            let mut add = |byte: u8| *hash = (*hash ^ i64::from(byte)).wrapping_mul(0x100_0000_01b3);
            packet.ip_bytes().iter().copied().for_each(&mut add);
            flow.total().bytes.to_be_bytes().into_iter().for_each(&mut add);
        },
    )
}

#[test]
fn every_capture_gives_the_same_records_with_any_number_of_workers_and_any_batch() {
    for path in captures() {
        let with = |streamer: Streamer, workers| run(streamer.n_dissections(0).workers(workers).metric("seen", seen()));
        let alone = with(Streamer::from_file(&path), 0);
        for workers in [1, 2, 4, 8] {
            let outcome = with(Streamer::from_file(&path), workers);
            assert!(outcome == alone, "{} with {workers} workers", path.display());
        }
        for (workers, batch_frames) in [(0, 1), (0, 7), (2, 7), (0, usize::MAX)] {
            let outcome = with(Streamer::from_source(in_memory(&path, batch_frames)), workers);
            let place = format!("{} with {workers} workers, {batch_frames} frames a batch", path.display());
            assert!(outcome.records == alone.records, "{place}");
            assert_eq!(outcome.report.skipped, alone.report.skipped, "{place}");
            assert_eq!(outcome.report.out_of_order, alone.report.out_of_order, "{place}");
        }
    }
}

#[test]
fn the_ledger_of_every_capture_adds_up_after_a_break() {
    for path in captures() {
        for (workers, taken) in [(0, 0), (0, 1), (3, 2), (1, 5)] {
            let streamer = Streamer::from_file(&path).n_dissections(0).workers(workers);
            let Ok(mut flows) = streamer.start() else { continue };
            let got = flows.by_ref().take(taken).filter(Result::is_ok).count() as u64;
            let report = flows.close();
            report.check().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(report.records.values().sum::<u64>(), got, "{}", path.display());
        }
    }
}

/// All captures one after the other, each moved so that it begins after the one before: opening nDPI costs more than most
/// of them do.
#[test]
fn stable_labels_do_not_depend_on_the_number_of_workers() {
    const PAUSE: i64 = 1_000_000_000_000;
    let captures = captures();
    let source = || {
        let mut source = MemorySource::new();
        let mut last = 0;
        for path in &captures {
            let (mut first, begin) = (None, last + PAUSE);
            read_frames(Input::Path(path.clone()), |batch, index| {
                let raw = batch.raw(index, 0);
                let stamp = raw.stamp.as_nanos();
                let moved = begin.saturating_add(stamp.saturating_sub(*first.get_or_insert(stamp)));
                last = last.max(moved);
                source.push_cut(Timestamp::from_nanos(moved), raw.link, raw.data, raw.wire_len);
            });
        }
        source.batch_frames(500)
    };
    let with = |workers| run(Streamer::from_source(source()).stable_labels(true).workers(workers));
    let alone = with(0);
    let named = alone.records.iter().filter(|record| record.application_name() != Some("Unknown")).count();
    assert!(named * 2 > alone.records.len(), "{named} of {} flows have a name", alone.records.len());
    for workers in [1, 2, 4, 8] {
        let outcome = with(workers);
        for (one, other) in outcome.records.iter().zip(&alone.records) {
            assert_eq!(one, other, "{workers} workers");
        }
        assert_eq!(outcome.report, alone.report, "{workers} workers");
    }
}
