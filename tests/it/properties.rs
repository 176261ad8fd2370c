//! The promises on made-up traffic: nothing is lost, and the same packets give the same records, however they are served.

use std::time::Duration;

use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::ExportReason;
use flowgauge::meter::MeterConfig;
use flowgauge::packet::{LinkType, TcpFlags};
use flowgauge::streamer::Waited;
use flowgauge::{Metric, Streamer, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::run::run;
use crate::support::scenario::{A, B, C, End, Scenario};
use crate::support::slow_meter::{Rules, Told, USER, slow_meter};

/// Seconds in nanoseconds.
const S: i64 = 1_000_000_000;

/// Who speaks: few enough that flows meet again, with ends that differ in the port alone and one that is on both sides.
fn ends() -> impl Strategy<Value = (End, End)> {
    let here = (A.0, B.1);
    select(vec![(A, B), (B, A), (A, B), (B, A), (A, C), (C, A), (B, C), (here, B), (B, here), (A, A)])
}

/// Steps of time that meet the timeouts below exactly, miss them by a nanosecond, leap far, or run backwards.
fn step() -> impl Strategy<Value = i64> {
    let small = select(vec![0, 0, 0, 1, 1000, S / 10, S / 2, S - 1, S, S + 1, 2 * S]);
    let odd = select(vec![5 * S - 1, 5 * S, 7 * S, 10 * S - 1, 10 * S, 10 * S + 1, 100 * S, 86_400 * S]);
    let back = select(vec![-1, -S, -3 * S, -5 * S, -12 * S]);
    prop_oneof![12 => small, 2 => odd, 2 => back]
}

fn flags() -> impl Strategy<Value = u8> {
    use TcpFlags as F;
    select(vec![F::ACK, F::ACK, F::ACK, F::SYN, F::SYN | F::ACK, F::FIN | F::ACK, F::FIN | F::ACK, F::RST, F::FIN, 0])
}

pub(crate) fn story() -> impl Strategy<Value = Scenario> {
    let protocol = select(vec![6, 6, 6, 17, 17, 1, 255]);
    let vlan = prop_oneof![6 => Just(None), 1 => Just(Some(7))];
    let payload = select(vec![0usize, 1, 10, 13, 100]);
    vec((step(), ends(), protocol, flags(), payload, vlan), 0..150).prop_map(|frames| {
        let mut story = Scenario::new();
        let mut now = 0;
        for (step, (src, dst), protocol, flags, payload, vlan) in frames {
            now += step;
            story = story.at_ns(now);
            story = match protocol {
                6 => story.tcp(src, dst).flags(flags).len(payload),
                17 => story.udp(src, dst).len(payload),
                1 => story.ping(src, dst).len(payload),
                // A clock that minds frames that are not packets would leap.
                _ => story.at_ns(now + 1_000_000 * S).junk(src, dst),
            };
            if let Some(id) = vlan {
                story = story.vlan(id);
            }
        }
        story
    })
}

fn timeout() -> impl Strategy<Value = Option<u64>> {
    option::weighted(0.8, select(vec![0u64, 1, 1_000_000_000, 2_000_000_000, 10_000_000_000, 60_000_000_000, u64::MAX]))
}

fn rules() -> impl Strategy<Value = Rules> {
    (timeout(), timeout(), option::of(1usize..6), any::<bool>(), option::weighted(0.3, Just(13))).prop_map(
        |(inactive, active, capacity, tcp_end, last_words)| Rules { inactive, active, capacity, tcp_end, last_words },
    )
}

/// A metric that ends flows at their last words, and tells apart any two orders of packets.
fn watcher(last_words: Option<usize>) -> Metric {
    Metric::try_fold(
        || 0i64,
        move |sum, packet, _flow| {
            *sum = sum.wrapping_mul(31).wrapping_add(packet.raw.number as i64);
            let over = packet.payload_size().map(|size| size as usize) == last_words && last_words.is_some();
            Ok(over.then(|| ExportReason::user(USER).unwrap()))
        },
    )
}

fn config(rules: &Rules) -> MeterConfig {
    MeterConfig::new()
        .inactive_timeout(rules.inactive.map(Duration::from_nanos))
        .active_timeout(rules.active.map(Duration::from_nanos))
        .capacity(rules.capacity)
        .tcp_end(rules.tcp_end)
        .metric("watcher", &watcher(rules.last_words))
}

fn streamer(story: &Scenario, rules: &Rules, workers: usize, batch_frames: usize) -> Streamer {
    Streamer::from_source(story.source().batch_frames(batch_frames))
        .inactive_timeout(rules.inactive.map(Duration::from_nanos))
        .active_timeout(rules.active.map(Duration::from_nanos))
        .capacity(rules.capacity)
        .tcp_end(rules.tcp_end)
        .metric("watcher", watcher(rules.last_words))
        .n_dissections(0)
        .workers(workers)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn the_meter_tells_what_plain_lists_tell(story in story(), rules in rules()) {
        let expected = slow_meter(story.sent(), &rules);
        let told: Vec<_> = story.meter_with(config(&rules)).iter().map(Told::from).collect();
        prop_assert_eq!(&told, &expected);
    }

    #[test]
    fn a_streamer_with_one_meter_tells_it_too_even_when_it_is_full(
        story in story(),
        rules in rules(),
        batch_frames in select(vec![1usize, 7, 64, 1000]),
    ) {
        let expected = slow_meter(story.sent(), &rules);
        let outcome = run(streamer(&story, &rules, 0, batch_frames));
        let told: Vec<_> = outcome.records.iter().map(Told::from).collect();
        prop_assert_eq!(&told, &expected);
        let packets = story.sent().iter().filter(|sent| sent.protocol != 255).count() as u64;
        prop_assert_eq!(outcome.report.packets, packets);
        prop_assert_eq!(outcome.report.frames_read, story.sent().len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_number_of_workers_and_any_batch_give_the_same_records(story in story(), rules in rules()) {
        let rules = Rules { capacity: None, ..rules };
        let alone = run(streamer(&story, &rules, 0, usize::MAX));
        for workers in [0, 1, 2, 4, 8] {
            for batch_frames in [1, 7, usize::MAX] {
                let outcome = run(streamer(&story, &rules, workers, batch_frames));
                prop_assert_eq!(&outcome, &alone, "{} workers, {} frames a batch", workers, batch_frames);
            }
        }
    }

    #[test]
    fn with_evictions_two_runs_of_one_number_of_workers_are_still_equal(
        story in story(),
        rules in rules(),
        capacity in 1usize..8,
        workers in select(vec![1usize, 2, 4]),
    ) {
        let rules = Rules { capacity: Some(capacity), ..rules };
        let first = run(streamer(&story, &rules, workers, usize::MAX));
        for batch_frames in [1, 7] {
            prop_assert_eq!(&run(streamer(&story, &rules, workers, batch_frames)), &first);
        }
    }

    #[test]
    fn the_ledger_adds_up_after_any_number_of_records(
        story in story(),
        rules in rules(),
        workers in select(vec![0usize, 1, 3]),
        taken in 0usize..20,
    ) {
        let mut flows = streamer(&story, &rules, workers, 5).start().unwrap();
        let got = flows.by_ref().take(taken).map(Result::unwrap).count() as u64;
        flows.report().check().unwrap();
        let report = flows.close();
        report.check().unwrap();
        prop_assert!(report.complete);
        prop_assert_eq!(report.records.values().sum::<u64>(), got);
    }
}

/// A source of UDP datagrams, each of a flow of its own.
fn datagrams(stamps: &[i64], batch_frames: usize) -> MemorySource {
    let mut source = MemorySource::new().batch_frames(batch_frames);
    for (port, stamp) in (1u16..).zip(stamps) {
        let frame = Scenario::new().udp((A.0, port), B).sent()[0].frame();
        source.push(Timestamp::from_nanos(*stamp), LinkType::ETHERNET, &frame);
    }
    source
}

#[test]
fn a_leap_to_the_end_of_time_takes_no_time() {
    let stamps = [0, 86_400 * S, i64::MAX];
    let streamer = Streamer::from_source(datagrams(&stamps, 3)).inactive_timeout(Duration::ZERO).n_dissections(0);
    let mut flows = streamer.workers(0).start().unwrap();
    for _ in stamps {
        let record = flows.wait(Duration::from_secs(10)).unwrap();
        assert!(matches!(record, Waited::Record(_)), "{record:?}");
    }
    assert!(matches!(flows.wait(Duration::from_secs(10)), Ok(Waited::End)));
}

/// Stamps at both ends of what a timestamp can tell: sums of times must saturate, not wrap, and no order may change it.
#[test]
fn records_at_the_ends_of_time_do_not_depend_on_batches_either() {
    let (first, last) = (Timestamp::MIN.as_nanos(), Timestamp::MAX.as_nanos());
    let stamps = [first, first + 1, -1, 0, last - 60 * S, last - 60 * S + 1, last - 1, last, last, 0, first, last];
    let source = |batch_frames| {
        let mut source = MemorySource::new().batch_frames(batch_frames);
        for (nth, stamp) in stamps.iter().enumerate() {
            for ends in [(A, B), (A, C), (B, A)].iter().take(1 + nth % 3) {
                let frame = Scenario::new().udp(ends.0, ends.1).sent()[0].frame();
                source.push(Timestamp::from_nanos(*stamp), LinkType::ETHERNET, &frame);
            }
        }
        source
    };
    for inactive in [None, Some(0), Some(1), Some(60 * S as u64), Some(u64::MAX)] {
        let streamer = |workers, batch_frames| {
            Streamer::from_source(source(batch_frames))
                .inactive_timeout(inactive.map(Duration::from_nanos))
                .active_timeout(inactive.map(Duration::from_nanos))
                .n_dissections(0)
                .workers(workers)
        };
        let alone = run(streamer(0, 1000));
        for (workers, batch_frames) in [(0, 1), (0, 7), (1, 1), (2, 7), (4, 1)] {
            assert_eq!(run(streamer(workers, batch_frames)), alone, "{inactive:?}");
        }
    }
}
