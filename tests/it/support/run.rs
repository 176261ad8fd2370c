//! A whole run of a streamer: what came out of it, in an order of its own.

use std::path::{Path, PathBuf};

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use flowgauge::{FlowRecord, Report, Streamer};

/// All that a run gave; two runs of the same traffic are equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// By `flow_id`.
    pub(crate) records: Vec<FlowRecord>,
    /// What ended the run before its end.
    pub(crate) error: Option<String>,
    pub(crate) report: Report,
}

/// Runs to the end; whatever happens there, the ledger must add up.
#[track_caller]
pub(crate) fn run(streamer: Streamer) -> Outcome {
    let mut flows = match streamer.start() {
        Ok(flows) => flows,
        Err(error) => {
            return Outcome { records: Vec::new(), error: Some(error.to_string()), report: Report::default() };
        }
    };
    let (mut records, mut error) = (Vec::new(), None);
    for record in &mut flows {
        assert_eq!(error, None, "an error is the last that comes");
        match record {
            Ok(record) => records.push(record),
            Err(last) => error = Some(last.to_string()),
        }
    }
    records.sort_by_key(|record| record.flow_id);
    assert!(records.windows(2).all(|pair| pair[0].flow_id < pair[1].flow_id), "a flow_id names one record");
    let report = flows.report();
    report.check().unwrap();
    Outcome { records, error, report }
}

/// The frames of a capture, up to its end or its damage.
pub(crate) fn read_frames(input: Input, mut each: impl FnMut(&FrameBatch, usize)) {
    let Ok(mut source) = FileSource::open(vec![input], StopFlag::default()) else { return };
    let mut batch = FrameBatch::default();
    while let Ok(Captured::Frames) = source.next_batch(&mut batch) {
        (0..batch.frames.len()).for_each(|index| each(&batch, index));
    }
}

/// The project's own captures, in order.
pub(crate) fn own() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng"));
    paths.sort();
    paths
}
