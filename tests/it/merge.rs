//! Pieces of a capture, metered one after the other and merged, against the whole.
//!
//! Each piece begins where the one before ended: with its position. A few dozen captures are cut a few times;
//! `FLOWGAUGE_EVERY_CAPTURE=1` cuts all of them many times.

use std::path::PathBuf;
use std::time::Duration;

use flowgauge::capture::file::Input;
use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::schema::{Column, Group};
use flowgauge::flow::{FlowRecord, merge};
use flowgauge::packet::LinkType;
use flowgauge::streamer::Position;
use flowgauge::{Streamer, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::properties::story;
use crate::support::captures::shared;
use crate::support::run::{own, read_frames};

/// A frame that nobody else holds.
#[derive(Clone, Debug)]
struct Frame {
    stamp: Timestamp,
    link: LinkType,
    data: Vec<u8>,
    wire_len: u32,
}

/// What a run of one piece leaves behind.
struct Piece {
    records: Vec<FlowRecord>,
    columns: Vec<&'static Column>,
    position: Position,
}

fn meter(frames: &[Frame], inactive: Option<Duration>, workers: usize, from: Option<Position>) -> Piece {
    let mut source = MemorySource::new();
    for frame in frames {
        source.push_cut(frame.stamp, frame.link, &frame.data, frame.wire_len);
    }
    let mut streamer = Streamer::from_source(source).inactive_timeout(inactive).active_timeout(None);
    if let Some(position) = from {
        streamer = streamer.resume(position);
    }
    let mut flows = streamer.n_dissections(0).statistics(true).splt(10).workers(workers).start().unwrap();
    let records = flows.by_ref().map(Result::unwrap).collect();
    flows.report().check().unwrap();
    let columns = flows.schema().columns().filter(|column| column.group != Group::Application).collect();
    Piece { records, columns, position: flows.position().expect("the source has ended") }
}

/// Meters the frames whole and in pieces that begin at `cuts`, and compares.
#[track_caller]
fn compare(what: &str, frames: &[Frame], cuts: &[usize], inactive: Option<Duration>, workers: usize) {
    let mut whole = meter(frames, inactive, 0, None);
    whole.records.sort_by_key(|record| record.flow_id);
    let mut bounds = [&[0], cuts, &[frames.len()]].concat();
    bounds.sort_unstable();
    let mut position = None;
    let mut records = Vec::new();
    for piece in bounds.windows(2) {
        let piece = meter(&frames[piece[0]..piece[1]], inactive, workers, position);
        position = Some(piece.position);
        records.extend(piece.records);
    }
    let merged = merge(records, inactive);
    assert_eq!(merged.len(), whole.records.len(), "{what} cut at {cuts:?} with {inactive:?}");
    for (merged, whole_record) in merged.iter().zip(&whole.records) {
        for column in &whole.columns {
            let (told, expected) = (column.get(merged), column.get(whole_record));
            let name = column.name;
            // Bit for bit: equality of floats would call two zeros equal.
            assert_eq!(
                format!("{told:?}"),
                format!("{expected:?}"),
                "{what} cut at {cuts:?} with {inactive:?}: {name} of {whole_record}"
            );
        }
        assert_eq!(merged.statistics(), whole_record.statistics(), "{what} cut at {cuts:?}: {whole_record}");
        assert_eq!(merged.sequence(), whole_record.sequence(), "{what} cut at {cuts:?}: {whole_record}");
    }
}

fn frames(path: PathBuf) -> Vec<Frame> {
    let mut frames = Vec::new();
    read_frames(Input::Path(path), |batch, index| {
        let raw = batch.raw(index, 0);
        frames.push(Frame { stamp: raw.stamp, link: raw.link, data: raw.data.to_vec(), wire_len: raw.wire_len });
    });
    frames
}

/// A generator of numbers that look random (xorshift): captures are cut in the same places in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

#[test]
fn captures_cut_anywhere_merge_into_the_whole() {
    let every = std::env::var_os("FLOWGAUGE_EVERY_CAPTURE").is_some_and(|value| value == "1");
    let paths = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut cut = 0;
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let frames = frames(path);
        let usual = dice.roll(3) == 0 && frames.len() < 5000;
        if frames.len() < 2 || !(every || usual) {
            continue;
        }
        for round in 0..if every { 6 } else { 2 } {
            let cuts: Vec<_> = (0..=dice.roll(4)).map(|_| dice.roll(frames.len() + 1)).collect();
            let inactive = [Some(60.0), Some(0.5), None, Some(0.0)][round % 4].map(Duration::from_secs_f64);
            compare(&name, &frames, &cuts, inactive, dice.roll(3));
        }
        cut += 1;
    }
    eprintln!("{cut} captures were cut");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn made_up_traffic_cut_anywhere_merges_into_the_whole(
        story in story(),
        cuts in vec(any::<Index>(), 1..5),
        inactive in option::weighted(0.8, select(vec![0u64, 1, 1_000_000_000, 10_000_000_000, 60_000_000_000])),
        workers in select(vec![0usize, 0, 2]),
    ) {
        let frame = |sent: &crate::support::scenario::Sent| {
            let data = sent.frame();
            Frame { stamp: sent.stamp, link: LinkType::ETHERNET, wire_len: data.len() as u32, data }
        };
        let frames: Vec<_> = story.sent().iter().map(frame).collect();
        let cuts: Vec<_> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).collect();
        compare("a story", &frames, &cuts, inactive.map(Duration::from_nanos), workers);
    }
}
