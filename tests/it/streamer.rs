//! Threads: the same records for any number of them, and every one of them ends.

use std::time::{Duration, Instant};

use flowgauge::capture::{Captured, FrameBatch, PacketSource};
use flowgauge::flow::FlowRecord;
use flowgauge::streamer::Waited;
use flowgauge::{Error, Metric, Result, Streamer};

use crate::support::scenario::{A, B, C, Scenario};

fn many(packets: u32) -> Scenario {
    let mut story = Scenario::new();
    for n in 0..packets {
        let end = ([10, 0, (n % 7) as u8, (n % 201) as u8], (n % 13) as u16);
        story = story.at_ms(i64::from(n) * 37).tcp(A, end).len((n % 100) as usize);
    }
    story
}

fn lines(records: &[FlowRecord]) -> Vec<String> {
    records.iter().map(|record| format!("{} {record}", record.flow_id)).collect()
}

#[test]
fn records_are_the_same_for_any_number_of_workers() {
    let story = many(20_000);
    let (expected, _) = story.stream(|streamer| streamer);
    assert!(expected.len() > 1000);
    for workers in [1, 2, 4, 8] {
        let (records, report) = story.stream(|streamer| streamer.workers(workers));
        assert!(lines(&records) == lines(&expected), "other records with {workers} workers");
        assert_eq!(report.packets, 20_000);
    }
}

#[test]
fn records_are_the_same_for_any_size_of_batch() {
    let story = many(3_000);
    let (expected, _) = story.stream(|streamer| streamer);
    for frames in [1, 7, 1000] {
        for workers in [0, 2] {
            let source = story.source().batch_frames(frames);
            let flows = Streamer::from_source(source).n_dissections(0).workers(workers).start().unwrap();
            let mut records: Vec<_> = flows.map(Result::unwrap).collect();
            records.sort_by_key(|record| record.flow_id);
            assert!(lines(&records) == lines(&expected), "{frames} frames at a time, {workers} workers");
        }
    }
}

#[test]
fn every_worker_has_its_share() {
    let who =
        Metric::fold(String::new, |name, _, _| *name = std::thread::current().name().unwrap_or_default().to_owned());
    let (records, _) = many(2_000).stream(|streamer| streamer.workers(3).metric("who", who));
    let mut names: Vec<_> = records.iter().map(|record| format!("{:?}", record.metrics.get("who").unwrap())).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn capacity_is_shared_by_the_workers() {
    for workers in [0, 1, 2, 3] {
        let (_, report) = many(5_000).stream(|streamer| streamer.workers(workers).capacity(10).inactive_timeout(None));
        assert!(report.evicted > 0);
    }
}

#[test]
fn max_frames_are_read_and_not_one_more() {
    let (records, report) = many(1_000).stream(|streamer| streamer.max_frames(123));
    assert_eq!(report.frames_read, 123);
    assert_eq!(records.iter().map(|record| record.total().pkts).sum::<u64>(), 123);
}

#[test]
fn without_a_filter_every_frame_matches() {
    for workers in [0, 2] {
        let (_, report) = many(1_000).stream(|streamer| streamer.workers(workers).max_matching_frames(123));
        assert_eq!(report.frames_read, 123);
        let (_, report) = many(1_000).stream(|streamer| streamer.max_frames(50).max_matching_frames(123));
        assert_eq!(report.frames_read, 50);
    }
}

#[test]
fn the_ledger_adds_up_after_a_break() {
    for workers in [0, 1, 4] {
        let source = many(20_000).source().batch_frames(50);
        let mut flows = Streamer::from_source(source).n_dissections(0).workers(workers).start().unwrap();
        let taken: Vec<_> = flows.by_ref().take(5).collect();
        assert_eq!(taken.len(), 5);
        let since = Instant::now();
        let report = flows.close();
        assert!(since.elapsed() < Duration::from_secs(1));
        assert!(report.complete && report.living > 0 && report.packets > report.record_packets);
        report.check().unwrap();
    }
}

/// A wire on which nothing happens.
struct Quiet;

impl PacketSource for Quiet {
    fn next_batch(&mut self, _: &mut FrameBatch) -> Result<Captured> {
        std::thread::sleep(Duration::from_millis(20));
        Ok(Captured::Silence)
    }

    fn is_live(&self) -> bool {
        true
    }
}

#[test]
fn a_quiet_source_stops_when_asked_to() {
    for workers in [0, 2] {
        let mut flows = Streamer::from_source(Quiet).n_dissections(0).workers(workers).start().unwrap();
        let handle = flows.stop_handle();
        let since = Instant::now();
        std::thread::spawn(move || handle.stop());
        assert!(flows.next().is_none());
        assert!(since.elapsed() < Duration::from_secs(1));
    }
}

/// A source that gives some frames and then breaks.
struct Broken(flowgauge::capture::memory::MemorySource);

impl PacketSource for Broken {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        match self.0.next_batch(batch)? {
            Captured::Frames => Ok(Captured::Frames),
            _ => Err(Error::Damaged { name: "x".into(), frame: 3, offset: 99, detail: "cut".into() }),
        }
    }
}

#[test]
fn a_damaged_source_gives_its_flows_and_then_its_error_once() {
    for workers in [0, 1, 2] {
        let source = Broken(Scenario::new().udp(A, B).udp(B, A).udp(A, C).source());
        let mut flows = Streamer::from_source(source).n_dissections(0).workers(workers).start().unwrap();
        assert!(flows.next().unwrap().is_ok());
        assert!(flows.next().unwrap().is_ok());
        assert!(matches!(flows.next(), Some(Err(Error::Damaged { frame: 3, offset: 99, .. }))));
        assert!(flows.next().is_none());
        assert!(flows.next().is_none());
        let report = flows.report();
        assert!(report.complete);
        report.check().unwrap();
    }
}

/// A source that gives one packet and then never comes back.
struct Stuck(Option<flowgauge::capture::memory::MemorySource>);

impl PacketSource for Stuck {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        match self.0.take() {
            Some(mut source) => source.next_batch(batch),
            None => loop {
                std::thread::park();
            },
        }
    }
}

#[test]
fn a_thread_that_does_not_come_back_holds_nobody_up() {
    let start =
        || Streamer::from_source(Stuck(Some(Scenario::new().udp(A, B).source()))).n_dissections(0).start().unwrap();
    let mut flows = start();
    while flows.report().frames_read == 0 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(100));
    flows.stop_handle().stop();
    let since = Instant::now();
    let error = flows.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("reading its source has not returned"), "{error}");
    assert!(flows.next().is_none());
    let flows = start();
    drop(flows);
    assert!(since.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_slow_consumer_loses_nothing() {
    let mut flows = Streamer::from_source(many(30_000).source().batch_frames(100))
        .inactive_timeout(Duration::ZERO)
        .n_dissections(0)
        .workers(2)
        .start()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    flows.report().check().unwrap();
    assert!(flows.report().frames_read < 30_000, "a slow consumer slows the source down");
    assert_eq!(flows.by_ref().count(), 30_000);
    flows.report().check().unwrap();
}

#[test]
fn options_out_of_range_are_named() {
    let start = |streamer: Streamer| streamer.start().unwrap_err().to_string();
    let source = || Streamer::from_source(Scenario::new().source());
    assert_eq!(start(source().capacity(0)), "capacity must be at least 1, or none for no bound, not 0");
    assert_eq!(start(source().workers(5000)), "workers must be at most 1024, not 5000");
}

#[test]
fn what_is_at_hand_is_taken_without_waiting_and_the_report_outlives_the_iterator() {
    let mut flows = Streamer::from_source(many(3_000).source()).n_dissections(0).workers(2).start().unwrap();
    let report = flows.report_handle();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut taken = 0;
    while report.report().packets < 3_000 || taken == 0 {
        taken += u64::from(flows.try_next().is_some());
        assert!(Instant::now() < deadline, "no record came");
    }
    drop(flows);
    let report = report.report();
    report.check().unwrap();
    assert!(report.complete);
    assert_eq!(report.records.values().sum::<u64>(), taken);
}

#[test]
fn a_stopped_run_with_slow_metrics_still_gives_everything_that_was_read() {
    let slow = Metric::fold(
        || 0u64,
        |n, _, _| {
            std::thread::sleep(Duration::from_millis(1));
            *n += 1;
        },
    );
    let source = many(1_800).source();
    let streamer =
        Streamer::from_source(source).n_dissections(0).workers(1).inactive_timeout(None).active_timeout(None);
    let flows = streamer.metric("slow", slow).start().unwrap();
    let report = flows.report_handle();
    while report.report().packets == 0 {
        std::thread::yield_now();
    }
    flows.stop_handle().stop();
    let packets: u64 = flows.map(|record| record.unwrap().total().pkts).sum();
    assert_eq!(packets, 1_800);
    report.report().check().unwrap();
}

#[test]
fn a_report_never_counts_more_out_than_in() {
    for workers in [0, 1, 2, 4] {
        let source = many(20_000).source().batch_frames(500);
        let streamer = Streamer::from_source(source).inactive_timeout(Duration::ZERO).n_dissections(0).workers(workers);
        let mut flows = streamer.start().unwrap();
        while let Some(record) = flows.next() {
            record.unwrap();
            flows.report().check().unwrap();
        }
    }
}

#[test]
fn link_types_that_are_not_decoded_are_named_up_to_a_limit() {
    let mut source = flowgauge::capture::memory::MemorySource::new();
    for link in 0..1000 {
        source.push(flowgauge::Timestamp::from_millis(link), flowgauge::packet::LinkType(500 + link as u32), &[0; 60]);
    }
    let mut flows = Streamer::from_source(source).n_dissections(0).start().unwrap();
    assert!(flows.next().is_none());
    let warnings = flows.report().warnings;
    assert_eq!(warnings.len(), 17);
    assert!(warnings[0].contains("500") && warnings[16].contains("further"), "{warnings:?}");
}

#[test]
fn evictions_by_several_workers_are_told() {
    let told = |workers| {
        let (_, report) = many(2_000).stream(|streamer| streamer.workers(workers).capacity(10));
        report.notes.iter().any(|note| note.contains("evicted"))
    };
    assert!(!told(1) && told(2));
}

/// A source that gives much at once and then pauses.
struct Pausing(flowgauge::capture::memory::MemorySource);

impl PacketSource for Pausing {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        match self.0.next_batch(batch)? {
            Captured::End => Quiet.next_batch(batch),
            captured => Ok(captured),
        }
    }
}

#[test]
fn records_do_not_wait_for_a_source_that_pauses() {
    for workers in [0, 1] {
        let source = Pausing(many(1_500).source());
        let streamer = Streamer::from_source(source).inactive_timeout(Duration::ZERO).n_dissections(0).workers(workers);
        let mut flows = streamer.start().unwrap();
        let mut ready = 0;
        while let Ok(Waited::Record(_)) = flows.wait(Duration::from_secs(2)) {
            ready += 1;
        }
        assert_eq!(ready, 1_500, "{workers} workers");
    }
}
