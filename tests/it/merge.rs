//! Pieces of a capture, metered one after the other and merged, against the whole.
//!
//! Each piece begins where the one before ended: with its position. Every capture is cut four times in up to four places;
//! with `FLOWGAUGE_EVERY_CAPTURE=1` a hundred times.

use std::path::PathBuf;
use std::time::Duration;

use flowgauge::capture::file::Input;
use flowgauge::capture::memory::MemorySource;
use flowgauge::expr::Expr;
use flowgauge::flow::schema::Column;
use flowgauge::flow::{Direction, FlowRecord, merge};
use flowgauge::packet::{LinkType, Position};
use flowgauge::{Error, Streamer, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::properties::story;
use crate::support::captures::shared;
use crate::support::run::{own, read_frames};
use crate::support::scenario::{A, B, C, EPOCH, Scenario, Sent};

/// Of whole numbers and sketches, which merge bit for bit.
const EXPRESSIONS: &[&str] = &[
    "packet.gap.sum().over(\"direction\")",
    "packet.direction_gap.filter(packet.size > 60).last(3)",
    "packet.payload_size.std()",
    "packet.gap.quantile(0.9)",
    "packet.payload.entropy()",
    "packet.tcp_window.n_unique() - flow.pkts",
];

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
    for text in EXPRESSIONS {
        streamer = streamer.expression(*text, Expr::parse(text).unwrap());
    }
    let streamer = streamer.n_dissections(0).statistics(true).splt(10).mergeable(true);
    let mut flows = streamer.workers(workers).start().unwrap();
    let records = flows.by_ref().map(Result::unwrap).collect();
    flows.report().check().unwrap();
    let columns = flows.schema().columns().collect();
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
    let merged = merge(records, inactive).unwrap();
    assert_eq!(merged.len(), whole.records.len(), "{what} cut at {cuts:?} with {inactive:?}");
    for (merged, expected) in merged.iter().zip(&whole.records) {
        // Equality covers what no column shows, as the sums behind the statistics.
        let differs = |column: &&&Column| column.get(merged) != column.get(expected);
        let columns: Vec<_> = whole.columns.iter().filter(differs).map(|column| column.name).collect();
        assert!(
            merged == expected && columns.is_empty(),
            "{what} cut at {cuts:?} with {inactive:?}: {columns:?} of {expected} is in {merged}"
        );
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
    let thorough = std::env::var_os("FLOWGAUGE_EVERY_CAPTURE").is_some_and(|value| value == "1");
    let rounds = if thorough { 100 } else { 4 };
    let paths = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let frames = frames(path);
        for round in 0..rounds {
            let cuts: Vec<_> = (0..=dice.roll(4)).map(|_| dice.roll(frames.len() + 1)).collect();
            let inactive = [Some(60.0), Some(0.5), None, Some(0.0)][round % 4].map(Duration::from_secs_f64);
            compare(&name, &frames, &cuts, inactive, dice.roll(3));
        }
    }
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
        let frame = |sent: &Sent| {
            let data = sent.frame();
            Frame { stamp: sent.stamp, link: LinkType::ETHERNET, wire_len: data.len() as u32, data }
        };
        let frames: Vec<_> = story.sent().iter().map(frame).collect();
        let cuts: Vec<_> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).collect();
        compare("a story", &frames, &cuts, inactive.map(Duration::from_nanos), workers);
    }
}

/// Two flows and a second piece in which one of them goes on, from the other end.
#[test]
fn a_record_merges_with_the_one_that_goes_on_with_its_flow_and_no_other() {
    let first = Scenario::new().at_s(0).udp(A, B).udp(A, C).stream(|streamer| streamer);
    let [mut flow, other] = <[FlowRecord; 2]>::try_from(first.0).unwrap();
    let next = |streamer: Streamer| streamer.resume(Position::new(2, Timestamp::from_nanos(EPOCH)));
    let (records, _) = Scenario::new().at_s(1).udp(B, A).len(0).stream(next);
    assert_eq!(records[0].flow_id, 3);

    assert!(matches!(flow.merge(&other), Err(Error::Merge { flow_id: 1, next: 2 })), "another key");
    assert!(
        matches!(records[0].clone().merge(&flow), Err(Error::Merge { flow_id: 3, next: 1 })),
        "the wrong way round"
    );
    let before = flow.clone();
    assert!(flow.clone().merge(&before).is_err(), "itself");
    assert_eq!(flow, before);
    flow.merge(&records[0]).unwrap();
    assert_eq!((flow.flow_id, flow.of(Direction::SrcToDst).bytes, flow.of(Direction::DstToSrc).bytes), (1, 52, 42));
}

/// A run that stops early tells where, whatever stopped it.
#[test]
fn a_run_that_reads_no_more_than_it_was_told_to_tells_its_place() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(5).junk(A, B).udp(B, A).at_s(3).udp(A, B);
    let run = |source: MemorySource, frames: Option<u64>, from: Position| {
        let streamer = Streamer::from_source(source).n_dissections(0).workers(0).active_timeout(None);
        let mut flows = streamer.max_frames(frames).resume(from).start().unwrap();
        let records: Vec<_> = flows.by_ref().map(Result::unwrap).collect();
        (records, flows.position().unwrap())
    };
    let (mut records, position) = run(story.source(), Some(3), Position::default());
    assert_eq!((position.frame(), position.clock()), (3, Timestamp::from_nanos(EPOCH + 5_000_000_000)));
    let last = story.sent()[3].frame();
    let mut rest = MemorySource::new();
    rest.push(story.sent()[3].stamp, LinkType::ETHERNET, &last);
    let (more, end) = run(rest, None, position);
    assert_eq!((end.frame(), end.clock()), (4, Timestamp::from_nanos(EPOCH + 5_000_000_000)));
    records.extend(more);
    assert_eq!(merge(records, Duration::from_secs(60)).unwrap(), run(story.source(), None, Position::default()).0);
}

#[test]
fn a_record_that_comes_twice_is_an_error() {
    let (records, _) = Scenario::new().at_s(0).udp(A, B).stream(|streamer| streamer);
    let twice = records.iter().chain(&records).cloned();
    assert!(matches!(merge(twice, Duration::from_secs(60)), Err(Error::Merge { flow_id: 1, next: 1 })));
}
