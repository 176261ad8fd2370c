//! How flows end: every row of the table of reasons, and the boundaries exactly at the timeouts.

use std::time::Duration;

use flowgauge::flow::{ExportReason, FlowRecord};
use flowgauge::meter::MeterConfig;

use crate::support::scenario::{A, B, C, Scenario};

const ACTIVE: ExportReason = ExportReason::ACTIVE;
const CAPACITY: ExportReason = ExportReason::CAPACITY;
const FLUSH: ExportReason = ExportReason::FLUSH;
const INACTIVE: ExportReason = ExportReason::INACTIVE;
const TCP_END: ExportReason = ExportReason::TCP_END;

fn config(inactive_s: u64, active_s: u64) -> MeterConfig {
    MeterConfig::new().inactive_timeout(Duration::from_secs(inactive_s)).active_timeout(Duration::from_secs(active_s))
}

/// (`flow_id`, `conn_id`, segment, packets, reason) of each.
fn outline(records: &[FlowRecord]) -> Vec<(u64, u64, u32, u64, ExportReason)> {
    records.iter().map(|r| (r.flow_id, r.conn_id, r.segment, r.total().pkts, r.export_reason)).collect()
}

#[test]
fn inactive_flow_ends_at_its_last_packet() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(1).udp(B, A).at_s(200).udp(A, C);
    let records = story.meter();
    assert_eq!(outline(&records), [(1, 1, 0, 2, INACTIVE), (3, 3, 0, 1, FLUSH)]);
    assert_eq!(records[0].total().end.nanos_since(records[0].total().start), 1_000_000_000);
}

#[test]
fn a_gap_of_exactly_the_inactive_timeout_opens_a_new_flow() {
    let story = Scenario::new().at_ns(0).udp(A, B).at_ns(60_000_000_000).udp(A, B);
    assert_eq!(outline(&story.meter()), [(1, 1, 0, 1, INACTIVE), (2, 2, 0, 1, FLUSH)]);
}

#[test]
fn a_gap_of_a_nanosecond_less_does_not() {
    let story = Scenario::new().at_ns(0).udp(A, B).at_ns(59_999_999_999).udp(A, B);
    assert_eq!(outline(&story.meter()), [(1, 1, 0, 2, FLUSH)]);
}

#[test]
fn at_the_end_of_the_source_silence_is_told_from_flush() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(1).udp(A, C).at_s(60).ping(A, C);
    assert_eq!(outline(&story.meter()), [(1, 1, 0, 1, INACTIVE), (2, 2, 0, 1, FLUSH), (3, 3, 0, 1, FLUSH)]);
}

#[test]
fn active_timeout_cuts_at_exactly_its_age_and_the_flow_goes_on() {
    let mut story = Scenario::new();
    for second in 0..10 {
        story = story.at_s(second).udp(A, B);
    }
    let records = story.meter_with(config(60, 5));
    assert_eq!(outline(&records), [(1, 1, 0, 5, ACTIVE), (6, 1, 1, 5, FLUSH)]);
}

#[test]
fn age_is_not_tested_at_the_end_of_the_source() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(50).udp(A, B).at_s(130).udp(A, C);
    let records = story.meter_with(MeterConfig::new().inactive_timeout(None));
    assert_eq!(outline(&records), [(1, 1, 0, 2, FLUSH), (3, 3, 0, 1, FLUSH)]);
}

#[test]
fn a_segment_keeps_direction_and_starts_empty() {
    let story = Scenario::new().at_s(0).udp(A, B).len(100).at_s(5).udp(B, A).len(1);
    let records = story.meter_with(config(60, 5));
    assert_eq!(outline(&records), [(1, 1, 0, 1, ACTIVE), (2, 1, 1, 1, FLUSH)]);
    assert_eq!(records[1].src().0, records[0].src().0);
    let [there, back] = records[1].counts;
    assert_eq!((there.pkts, back.pkts, back.payload_bytes), (0, 1, 1));
    assert_eq!(records[1].total().start, back.start);
}

#[test]
fn silence_is_tested_before_age() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(200).udp(A, B);
    assert_eq!(outline(&story.meter()), [(1, 1, 0, 1, INACTIVE), (2, 2, 0, 1, FLUSH)]);
}

#[test]
fn a_timeout_of_zero_makes_one_record_per_packet() {
    let story = Scenario::new().at_s(0).udp(A, B).udp(B, A).at_s(1).udp(A, B);
    let expected = [(1, 1, 0, 1, INACTIVE), (2, 2, 0, 1, INACTIVE), (3, 3, 0, 1, INACTIVE)];
    assert_eq!(outline(&story.meter_with(config(0, 120))), expected);
    let expected = [(1, 1, 0, 1, ACTIVE), (2, 1, 1, 1, ACTIVE), (3, 1, 2, 1, FLUSH)];
    assert_eq!(outline(&story.meter_with(config(60, 0))), expected);
}

#[test]
fn no_timeout_is_for_ever() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(1_000_000).udp(B, A);
    let records = story.meter_with(MeterConfig::new().inactive_timeout(None).active_timeout(None));
    assert_eq!(outline(&records), [(1, 1, 0, 2, FLUSH)]);
}

#[test]
fn late_packets_do_not_turn_the_clock_back() {
    // A at 0 and 10, B at 100, then a late packet of A stamped 12: the clock stands at 100, so A was silent for 90 s.
    let story = Scenario::new().at_s(0).udp(A, B).at_s(10).udp(A, B).at_s(100).udp(A, C).at_s(12).udp(A, B);
    let records = story.meter();
    assert_eq!(outline(&records), [(1, 1, 0, 2, INACTIVE), (3, 3, 0, 1, FLUSH), (4, 4, 0, 1, FLUSH)]);
    assert_eq!(records[2].total().start.nanos_since(records[0].total().start), 12_000_000_000);
}

#[test]
fn a_late_packet_within_the_timeout_belongs_to_its_flow() {
    let story = Scenario::new().at_s(5).udp(A, B).at_s(30).udp(A, C).at_s(1).udp(B, A);
    let records = story.meter();
    assert_eq!(outline(&records), [(1, 1, 0, 2, FLUSH), (2, 2, 0, 1, FLUSH)]);
    let total = records[0].total();
    assert_eq!(total.end.nanos_since(total.start), 4_000_000_000, "start and end are the smallest and largest stamp");
    let (_, report) = story.stream(|streamer| streamer);
    assert_eq!(report.out_of_order, 1);
}

fn connection(story: Scenario, from_s: i64) -> Scenario {
    let ms = from_s * 1000;
    story
        .at_ms(ms)
        .tcp(A, B)
        .syn()
        .at_ms(ms + 1)
        .tcp(B, A)
        .syn_ack()
        .at_ms(ms + 2)
        .tcp(A, B)
        .at_ms(ms + 3)
        .tcp(A, B)
        .fin()
        .at_ms(ms + 4)
        .tcp(B, A)
        .fin()
}

#[test]
fn without_tcp_end_a_connection_that_follows_at_once_is_the_same_flow() {
    let story = connection(connection(Scenario::new(), 0).at_ms(5).tcp(A, B), 1);
    assert_eq!(outline(&story.meter()), [(1, 1, 0, 11, FLUSH)]);
}

#[test]
fn tcp_end_takes_the_last_ack_and_opens_a_new_flow_with_the_next_syn() {
    let story = connection(connection(Scenario::new(), 0).at_ms(5).tcp(A, B), 1);
    let records = story.meter_with(MeterConfig::new().tcp_end(true));
    assert_eq!(outline(&records), [(1, 1, 0, 6, TCP_END), (7, 7, 0, 5, TCP_END)]);
}

#[test]
fn an_ended_flow_takes_packets_for_five_seconds() {
    let ended = connection(Scenario::new(), 0);
    let within = ended.clone().at_ms(5003).tcp(B, A);
    let tcp_end = MeterConfig::new().tcp_end(true);
    assert_eq!(outline(&within.meter_with(tcp_end.clone())), [(1, 1, 0, 6, TCP_END)]);
    let after = ended.at_ms(5004).tcp(B, A);
    assert_eq!(outline(&after.meter_with(tcp_end)), [(1, 1, 0, 5, TCP_END), (6, 6, 0, 1, FLUSH)]);
}

#[test]
fn a_reset_ends_a_flow_and_one_fin_does_not() {
    let tcp_end = MeterConfig::new().tcp_end(true);
    let reset = Scenario::new().at_s(0).tcp(A, B).at_s(1).tcp(B, A).rst().at_s(2).tcp(A, B).syn();
    assert_eq!(outline(&reset.meter_with(tcp_end.clone())), [(1, 1, 0, 2, TCP_END), (3, 3, 0, 1, FLUSH)]);
    let half = Scenario::new().at_s(0).tcp(A, B).fin().at_s(1).tcp(A, B).fin().at_s(2).tcp(A, B).syn();
    assert_eq!(outline(&half.meter_with(tcp_end)), [(1, 1, 0, 3, FLUSH)]);
}

#[test]
fn an_ended_flow_is_not_cut_by_age() {
    let story = Scenario::new().at_s(0).tcp(A, B).at_s(4).tcp(B, A).rst().at_s(6).tcp(B, A);
    assert_eq!(outline(&story.meter_with(config(60, 5).tcp_end(true))), [(1, 1, 0, 3, TCP_END)]);
}

#[test]
fn an_ended_flow_leaves_after_its_linger_without_a_packet_of_its_own() {
    let story = connection(Scenario::new(), 0).at_ms(5003).udp(A, C).at_ms(5004).udp(A, C).at_ms(5005).udp(A, C);
    let order = story.meter_in_order(MeterConfig::new().tcp_end(true));
    assert_eq!(outline(&order), [(1, 1, 0, 5, TCP_END), (6, 6, 0, 3, FLUSH)]);
}

#[test]
fn a_full_cache_exports_the_flow_nearest_its_end() {
    let other = |last: u8| ([10, 0, 1, last], 7);
    let story = Scenario::new()
        .at_s(0)
        .udp(A, other(1))
        .at_s(1)
        .udp(A, other(2))
        .at_s(2)
        .udp(A, other(1))
        .at_s(3)
        .udp(A, other(3))
        .at_s(4)
        .udp(A, other(2));
    let records = story.meter_with(MeterConfig::new().capacity(2));
    let expected = [(1, 1, 0, 2, CAPACITY), (2, 2, 0, 1, CAPACITY), (4, 4, 0, 1, FLUSH), (5, 5, 0, 1, FLUSH)];
    assert_eq!(outline(&records), expected);
}

#[test]
fn of_flows_due_at_the_same_time_the_smaller_id_leaves_first() {
    let other = |last: u8| ([10, 0, 1, last], 7);
    let story = Scenario::new().at_s(0).udp(A, other(1)).udp(A, other(2)).udp(A, other(1)).udp(A, other(3));
    let records = story.meter_with(MeterConfig::new().capacity(2));
    assert_eq!(outline(&records), [(1, 1, 0, 2, CAPACITY), (2, 2, 0, 1, FLUSH), (4, 4, 0, 1, FLUSH)]);
}

#[test]
fn a_full_cache_lets_leave_first_what_is_due_anyway() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(50).udp(B, C).at_s(60).udp(A, C);
    let records = story.meter_with(MeterConfig::new().capacity(2));
    assert_eq!(outline(&records), [(1, 1, 0, 1, INACTIVE), (2, 2, 0, 1, FLUSH), (3, 3, 0, 1, FLUSH)]);
}

#[test]
fn without_a_timeout_the_oldest_flow_makes_room() {
    let other = |last: u8| ([10, 0, 1, last], 7);
    let mut story = Scenario::new();
    for last in 0..5 {
        story = story.udp(A, other(last));
    }
    let records = story.udp(A, other(0)).meter_with(MeterConfig::new().inactive_timeout(None).capacity(3));
    let reasons: Vec<_> = records.iter().map(|r| (r.flow_id, r.export_reason)).collect();
    assert_eq!(reasons, [(1, CAPACITY), (2, CAPACITY), (3, CAPACITY), (4, FLUSH), (5, FLUSH), (6, FLUSH)]);
}

#[test]
fn one_busy_flow_does_not_hold_up_the_dead_ones() {
    let mut story = Scenario::new();
    for second in 0..300i64 {
        story = story.at_s(second).udp(A, B).udp(A, ([10, 0, 2, 0], 1000 + second as u16));
    }
    let order = story.meter_in_order(config(10, 1000));
    let busy = order.iter().position(|record| record.flow_id == 1).unwrap();
    assert!(busy >= 290, "the busy flow left as number {busy}");
}

#[test]
fn flows_leave_in_the_order_of_their_last_packets_at_the_end() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(1).udp(A, C).at_s(2).udp(B, C).at_s(3).udp(B, A);
    let order: Vec<_> = story.meter_in_order(MeterConfig::new()).iter().map(|record| record.flow_id).collect();
    assert_eq!(order, [2, 3, 1]);
}
