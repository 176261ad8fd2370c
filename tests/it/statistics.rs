//! Statistics and sequences, against sums written down plainly: lists of sizes and gaps, looked at twice.
//!
//! Traffic has flows of no, one, two and many packets in a direction, equal sizes, gaps of years, steps back in time and
//! stamps at both ends of time.

use std::collections::BTreeMap;
use std::time::Duration;

use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::schema::column;
use flowgauge::flow::{Direction, FlagCounts, FlowRecord, Gaps, Sizes};
use flowgauge::packet::{LinkType, TcpFlags};
use flowgauge::{Streamer, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::quirk;
use crate::support::run::{Outcome, run};
use crate::support::scenario::{A, B, C, End, Scenario};

/// Seconds in nanoseconds.
const S: i64 = 1_000_000_000;
const YEAR: i64 = 365 * 86_400 * S;

/// A packet of some traffic.
#[derive(Clone, Copy, Debug)]
struct Sent {
    stamp: i64,
    ends: (End, End),
    tcp: bool,
    flags: u8,
    wire_len: u32,
}

fn ends() -> impl Strategy<Value = (End, End)> {
    select(vec![(A, B), (A, B), (A, B), (B, A), (B, A), (A, C), (C, A), (B, C)])
}

/// Lengths on the wire: mostly the same few, so that spreads of 0 occur; the longest that a frame can claim.
fn wire_len() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(1514u32), 4 => 60u32..2000, 1 => select(vec![70_000, u32::MAX - 1, u32::MAX])]
}

fn sent(stamp: impl Strategy<Value = i64>) -> impl Strategy<Value = Sent> {
    (stamp, ends(), any::<bool>(), any::<u8>(), wire_len()).prop_map(|(stamp, ends, tcp, flags, wire_len)| Sent {
        stamp,
        ends,
        tcp,
        flags: if tcp { flags } else { 0 },
        wire_len,
    })
}

/// Packets one after the other, by steps of time that are equal, tiny, of years, or back.
fn usual() -> impl Strategy<Value = Vec<Sent>> {
    let step = prop_oneof![
        4 => Just(S),
        3 => 0i64..2000,
        3 => -S..S,
        1 => select(vec![0, 1, -1, YEAR, 30 * YEAR, -YEAR, 10 * S - 1, 10 * S]),
    ];
    vec(sent(step), 0..120).prop_map(|mut packets| {
        let mut now = 1_700_000_000 * S;
        for packet in &mut packets {
            now += packet.stamp;
            packet.stamp = now;
        }
        packets
    })
}

/// Packets of one size at equal distances, in one direction and at times in both.
fn regular() -> impl Strategy<Value = Vec<Sent>> {
    (0i64..3 * YEAR, wire_len(), 0usize..97, 1usize..5).prop_map(|(gap, wire_len, packets, turn)| {
        let ends = |nth: usize| if nth.is_multiple_of(turn) { (A, B) } else { (B, A) };
        let one = |nth: usize| Sent { stamp: gap * nth as i64, ends: ends(nth), tcp: false, flags: 0, wire_len };
        (0..packets).map(one).collect()
    })
}

/// Stamps at both ends of time.
fn at_the_ends() -> impl Strategy<Value = Vec<Sent>> {
    let stamp = select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, S, i64::MAX - S, i64::MAX - 1, i64::MAX]);
    vec(sent(stamp), 0..12)
}

fn traffic() -> impl Strategy<Value = Vec<Sent>> {
    prop_oneof![4 => usual(), 1 => regular(), 2 => at_the_ends()]
}

fn source(traffic: &[Sent]) -> MemorySource {
    let mut source = MemorySource::new();
    for sent in traffic {
        let (src, dst) = sent.ends;
        let story =
            if sent.tcp { Scenario::new().tcp(src, dst).flags(sent.flags) } else { Scenario::new().udp(src, dst) };
        let stamp = Timestamp::from_nanos(sent.stamp);
        source.push_cut(stamp, LinkType::ETHERNET, &story.sent()[0].frame(), sent.wire_len);
    }
    source
}

fn meter(traffic: &[Sent], active: Option<i64>, splt: u32, workers: usize) -> Outcome {
    let active = active.map(|nanos| Duration::from_nanos(nanos as u64));
    let streamer = Streamer::from_source(source(traffic)).inactive_timeout(None).active_timeout(active);
    run(streamer.n_dissections(0).statistics(true).splt(splt).workers(workers))
}

/// What is seen of one direction, or of both.
#[derive(Clone, Debug, Default)]
struct Slow {
    last: Option<i64>,
    sizes: Vec<i128>,
    gaps: Vec<i128>,
    flags: [u64; 8],
}

/// A record: of both directions, of each, and its packets in their order (gap, size, direction).
#[derive(Clone, Debug, Default)]
struct SlowRecord {
    parts: [Slow; 3],
    sequence: Vec<(i64, u32, Direction)>,
}

const PARTS: [Option<Direction>; 3] = [None, Some(Direction::SrcToDst), Some(Direction::DstToSrc)];
/// In the order in which records tell them.
const FLAGS: [u8; 8] = [
    TcpFlags::SYN,
    TcpFlags::CWR,
    TcpFlags::ECE,
    TcpFlags::URG,
    TcpFlags::ACK,
    TcpFlags::PSH,
    TcpFlags::RST,
    TcpFlags::FIN,
];

impl Slow {
    fn take(&mut self, sent: &Sent) {
        self.gaps.extend(self.last.replace(sent.stamp).map(|last| i128::from(sent.stamp) - i128::from(last)));
        self.sizes.push(sent.wire_len.into());
        for (count, flag) in self.flags.iter_mut().zip(FLAGS) {
            *count += u64::from(sent.flags & flag != 0);
        }
    }
}

/// The records by their names, of flows that nothing but the active timeout cuts.
fn slow_meter(traffic: &[Sent], active: Option<i64>) -> BTreeMap<u64, SlowRecord> {
    let mut living: Vec<(Sent, i64, u64)> = Vec::new();
    let mut records = BTreeMap::<u64, SlowRecord>::new();
    let mut clock = i64::MIN;
    for (number, sent) in (1u64..).zip(traffic) {
        clock = clock.max(sent.stamp);
        let (src, dst) = sent.ends;
        let same = |first: &Sent| first.tcp == sent.tcp && (first.ends == sent.ends || first.ends == (dst, src));
        let place = living.iter().position(|(first, ..)| same(first)).unwrap_or_else(|| {
            living.push((*sent, clock, number));
            living.len() - 1
        });
        let (first, since, record) = &mut living[place];
        if active.is_some_and(|active| i128::from(clock) - i128::from(*since) >= active.into()) {
            (*since, *record) = (clock, number);
        }
        let direction = if first.ends == sent.ends { Direction::SrcToDst } else { Direction::DstToSrc };
        let slow = records.entry(*record).or_default();
        slow.parts[0].take(sent);
        slow.parts[1 + direction as usize].take(sent);
        let gap = slow.parts[0].gaps.last().map_or(0, saturated);
        slow.sequence.push((gap, sent.wire_len, direction));
    }
    records
}

/// A gap of more than 292 years, as far as it can be told.
fn saturated(gap: &i128) -> i64 {
    i64::try_from(*gap).unwrap_or(if *gap < 0 { i64::MIN } else { i64::MAX })
}

fn mean(values: &[i128]) -> Option<f64> {
    let sum: i128 = values.iter().sum();
    (!values.is_empty()).then(|| sum as f64 / values.len() as f64)
}

/// The sample standard deviation, by the second look: every deviation, times the number of values, is a whole number.
fn stddev(values: &[i128]) -> Option<f64> {
    let count = values.len();
    let sum: i128 = values.iter().sum();
    let deviation = |value: &i128| (value * count as i128 - sum) as f64 / count as f64;
    let squares: f64 = values.iter().map(|value| deviation(value).powi(2)).sum();
    (count > 0).then(|| (squares / count.saturating_sub(1).max(1) as f64).sqrt())
}

/// Equal but for the last digits; nothing stays nothing, and 0 is exactly 0.
#[track_caller]
fn close(what: &str, told: Option<f64>, expected: Option<f64>) {
    let is = match (told, expected) {
        (Some(told), Some(expected)) => (told - expected).abs() <= 1e-12 * expected.abs(),
        (told, expected) => told == expected,
    };
    assert!(is, "{what}: {told:?}, expected {expected:?}");
}

#[track_caller]
fn compare_sizes(told: &Sizes, slow: &Slow) {
    let of = |value: Option<&i128>| value.map(|value| u32::try_from(*value).unwrap());
    assert_eq!((told.min(), told.max()), (of(slow.sizes.iter().min()), of(slow.sizes.iter().max())));
    close("mean size", told.mean(), mean(&slow.sizes));
    close("size deviation", told.stddev(), stddev(&slow.sizes));
}

impl Slow {
    /// Whether a gap does not fit 64 bits, or the sum of their squares 127.
    fn is_saturated(&self) -> bool {
        let square = |gap: &i128| gap.unsigned_abs().pow(2).min(1 << 127);
        let squares = self.gaps.iter().map(square).fold(0, u128::saturating_add);
        self.gaps.iter().any(|gap| i64::try_from(*gap).is_err()) || squares >= 1 << 127
    }
}

#[track_caller]
fn compare_gaps(told: &Gaps, slow: &Slow) {
    assert_eq!(told.count(), slow.gaps.len() as u64);
    assert_eq!(
        (told.min(), told.max()),
        (slow.gaps.iter().min().map(saturated), slow.gaps.iter().max().map(saturated))
    );
    close("mean gap", told.mean(), mean(&slow.gaps));
    close("gap deviation", told.stddev(), if slow.is_saturated() { None } else { stddev(&slow.gaps) });
}

fn counts(flags: &FlagCounts) -> [u64; 8] {
    [flags.syn(), flags.cwr(), flags.ece(), flags.urg(), flags.ack(), flags.psh(), flags.rst(), flags.fin()]
}

#[track_caller]
fn compare(record: &FlowRecord, slow: &SlowRecord, splt: u32) {
    let statistics = record.statistics().expect("statistics were asked for");
    for (part, slow) in PARTS.into_iter().zip(&slow.parts) {
        compare_sizes(&statistics.sizes(part), slow);
        compare_gaps(&statistics.gaps(part), slow);
        assert_eq!(counts(&statistics.tcp_flags(part)), slow.flags, "{part:?}");
    }
    assert_eq!(statistics.is_saturated(), slow.parts.iter().any(Slow::is_saturated));
    let items = record.sequence().map(|sequence| sequence.items()).unwrap_or_default();
    let told: Vec<_> = items.iter().map(|item| (item.gap_ns, item.size, item.direction)).collect();
    assert_eq!(told, slow.sequence[..slow.sequence.len().min(splt as usize)]);
    assert_eq!(record.sequence().is_some(), splt > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn statistics_are_what_plain_sums_say(
        traffic in traffic(),
        active in option::of(select(vec![0, 1, S, 10 * S, YEAR])),
        splt in select(vec![0u32, 1, 2, 10, 255, 1000]),
    ) {
        let expected = slow_meter(&traffic, active);
        let told = meter(&traffic, active, splt, 0).records;
        prop_assert_eq!(told.len(), expected.len());
        for (record, (flow_id, slow)) in told.iter().zip(&expected) {
            prop_assert_eq!(record.flow_id, *flow_id);
            compare(record, slow, splt);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_number_of_workers_gives_the_same_statistics(
        traffic in traffic(),
        active in option::of(select(vec![0, S, YEAR])),
        splt in select(vec![0u32, 3, 1000]),
    ) {
        let alone = meter(&traffic, active, splt, 0);
        for workers in [1, 2, 4] {
            prop_assert_eq!(&meter(&traffic, active, splt, workers), &alone, "{} workers", workers);
        }
    }
}

#[test]
fn an_active_cut_begins_with_empty_statistics_and_an_empty_sequence() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(3).udp(B, A).len(20).at_s(5).udp(B, A).at_s(6).udp(A, B);
    let options = |streamer: Streamer| streamer.active_timeout(Duration::from_secs(5)).statistics(true).splt(10);
    let (records, _) = story.stream(options);
    let [before, after] = &records[..] else { panic!("{records:?}") };
    assert_eq!((before.segment, after.segment), (0, 1));
    let gaps = |record: &FlowRecord, part| record.statistics().unwrap().gaps(part).mean();
    assert_eq!(gaps(before, None), Some(3e9));
    assert_eq!(gaps(after, None), Some(1e9), "not from the packet before the cut");
    assert_eq!(gaps(after, Some(Direction::DstToSrc)), None);
    let first = |record: &FlowRecord| record.sequence().unwrap().items()[0];
    assert_eq!((first(before).gap_ns, first(before).size, first(before).direction), (0, 52, Direction::SrcToDst));
    assert_eq!((first(after).gap_ns, first(after).size, first(after).direction), (0, 52, Direction::DstToSrc));
    assert_eq!(after.sequence().unwrap().items().len(), 2);
}

/// Gaps of 5, -4 and 5 s; forward of 5 and 1 s; none back.
#[test]
fn a_step_back_in_time_is_a_negative_gap() {
    let Some(path) = quirk::path("time_backwards") else { return };
    let records = run(Streamer::from_file(path).statistics(true).n_dissections(0)).records;
    let statistics = records[0].statistics().unwrap();
    let both = statistics.gaps(None);
    assert_eq!((both.min(), both.max(), both.mean()), (Some(-4 * S), Some(5 * S), Some(2e9)));
    close("deviation", both.stddev(), Some(27f64.sqrt() * 1e9));
    close("deviation forward", statistics.gaps(PARTS[1]).stddev(), Some(8f64.sqrt() * 1e9));
    assert_eq!(statistics.gaps(PARTS[2]).mean(), None);
    assert_eq!(statistics.gaps(PARTS[2]).stddev(), None);
}

#[test]
fn nobody_who_did_not_ask_gets_statistics() {
    let (records, _) = Scenario::new().udp(A, B).stream(|streamer| streamer);
    assert!(records[0].statistics().is_none() && records[0].sequence().is_none());
}

/// The columns exist for whoever asked; in them, what there is nothing of is null.
#[test]
fn columns_of_statistics_are_there_by_option_and_null_where_there_is_nothing() {
    let names = |statistics, splt| {
        let story = Scenario::new().udp(A, B).source();
        let streamer = Streamer::from_source(story).n_dissections(0).statistics(statistics).splt(splt);
        streamer.start().unwrap().schema().names().map(str::to_owned).collect::<Vec<_>>()
    };
    let more = |statistics, splt| names(statistics, splt).split_off(names(false, 0).len());
    let parts = ["", "src_to_dst_", "dst_to_src_"];
    let words = ["size_min", "size_mean", "size_stddev", "size_max", "gap_min", "gap_mean", "gap_stddev", "gap_max"];
    let flags = ["syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin"].map(|flag| format!("{flag}_pkts"));
    let words: Vec<_> = words.map(str::to_owned).into_iter().chain(flags).collect();
    let all: Vec<_> = parts.iter().flat_map(|part| words.iter().map(move |word| format!("{part}{word}"))).collect();
    assert_eq!(more(true, 0), all);
    assert_eq!(more(false, 3), ["splt_direction", "splt_size", "splt_gap"]);

    let (records, _) = Scenario::new().udp(A, B).stream(|streamer| streamer.statistics(true).splt(3));
    let told = |name: &str| format!("{:?}", column(name).unwrap().get(&records[0]));
    for (name, cell) in [
        ("size_min", "Uint(52)"),
        ("size_mean", "Float(52.0)"),
        ("size_stddev", "Float(0.0)"),
        ("gap_min", "Null"),
        ("gap_mean", "Null"),
        ("gap_stddev", "Null"),
        ("dst_to_src_size_min", "Null"),
        ("dst_to_src_size_stddev", "Null"),
        ("dst_to_src_syn_pkts", "Uint(0)"),
        ("splt_direction", "List([0])"),
        ("splt_size", "List([52])"),
        ("splt_gap", "List([0])"),
    ] {
        assert_eq!(told(name), cell, "{name}");
    }
}
