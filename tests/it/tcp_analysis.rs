//! The analysis of TCP segments: each verdict, the handshake and the end of a connection, as a story.

use std::time::Duration;

use flowgauge::flow::schema::{Cell, column};
use flowgauge::flow::tcp::{TcpCounts, TcpOffer};
use flowgauge::flow::{Direction, FlowRecord, TcpAnalysis, Value, merge};
use flowgauge::meter::MeterConfig;
use flowgauge::metric::Metric;

use crate::support::scenario::{A, B, C, Scenario};

fn config() -> MeterConfig {
    MeterConfig::new().tcp_analysis(true)
}

fn analysis(record: &FlowRecord) -> &TcpAnalysis {
    record.tcp_analysis().expect("it is TCP")
}

/// What is counted of source and destination: retransmitted, out of order, duplicate ACK, zero window.
fn counted(record: &FlowRecord) -> [[u64; 4]; 2] {
    [Direction::SrcToDst, Direction::DstToSrc].map(|direction| {
        let TcpCounts { retransmitted, out_of_order, duplicate_ack, zero_window } = analysis(record).counts(direction);
        [retransmitted, out_of_order, duplicate_ack, zero_window]
    })
}

/// What is counted of the only flow of a story.
#[track_caller]
fn of(story: &Scenario) -> [[u64; 4]; 2] {
    let records = story.meter_with(config());
    assert_eq!(records.len(), 1);
    counted(&records[0])
}

const NONE: [u64; 4] = [0; 4];
const RETRANSMITTED: [u64; 4] = [1, 0, 0, 0];
const OUT_OF_ORDER: [u64; 4] = [0, 1, 0, 0];

/// A handshake that begins at `seq`, with a round trip of 20 ms, at time 0.
fn handshake(seq: u32) -> Scenario {
    let next = seq.wrapping_add(1);
    let story =
        Scenario::new().at_ms(0).tcp(A, B).syn().at(seq, 0).at_ms(15).tcp(B, A).syn_ack().at(500, next).window(2000);
    story.at_ms(20).tcp(A, B).len(0).at(next, 501)
}

#[test]
fn data_that_comes_again_is_retransmitted() {
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501).at_ms(330).tcp(A, B).at(100, 501);
    assert_eq!(of(&story), [RETRANSMITTED, NONE]);
}

#[test]
fn data_that_was_acknowledged_is_retransmitted_however_soon_it_comes() {
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501).at_ms(31).tcp(B, A).len(0).at(501, 110);
    assert_eq!(of(&story.at_ms(32).tcp(A, B).at(100, 501)), [RETRANSMITTED, NONE]);
}

#[test]
fn data_that_was_overtaken_is_out_of_order_within_a_round_trip() {
    let story = |late| handshake(99).at_ms(30).tcp(A, B).at(110, 501).at_ms(late).tcp(A, B).at(100, 501);
    assert_eq!(of(&story(49)), [OUT_OF_ORDER, NONE]);
    assert_eq!(of(&story(50)), [RETRANSMITTED, NONE]);
}

#[test]
fn what_ends_where_the_highest_data_ended_is_retransmitted_however_soon() {
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501);
    assert_eq!(of(&story.at_ms(31).tcp(A, B).len(5).at(105, 501)), [RETRANSMITTED, NONE]);
    let overtaken = handshake(99).at_ms(30).tcp(A, B).len(0).at(110, 501).at_ms(31).tcp(A, B).at(100, 501);
    assert_eq!(of(&overtaken), [OUT_OF_ORDER, NONE], "an ACK without data went before it");
}

#[test]
fn data_that_begins_with_the_byte_of_a_probe_is_new() {
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501).at_s(3).tcp(A, B).len(5).at(109, 501);
    assert_eq!(of(&story), [NONE, NONE]);
    assert_eq!(of(&story.at_s(9).tcp(A, B).len(5).at(108, 501)), [RETRANSMITTED, NONE]);
}

#[test]
fn options_of_an_acknowledgement_make_no_difference() {
    // ADD_ADDR (RFC 8684 §3.4.1).
    let add = |story: Scenario| story.tcp(B, A).len(0).at(501, 100).options(&[30, 8, 0x34, 3, 192, 0, 2, 3]);
    let story = add(handshake(99).tcp(B, A).len(0).at(501, 100));
    assert_eq!(of(&story), [NONE, [0, 0, 1, 0]]);
    assert_eq!(of(&add(story)), [NONE, [0, 0, 2, 0]]);
}

#[test]
fn without_a_handshake_a_round_trip_is_three_milliseconds() {
    let story = |late| Scenario::new().at_ms(30).tcp(A, B).at(110, 501).at_ms(late).tcp(A, B).at(100, 501);
    assert_eq!(of(&story(32)), [OUT_OF_ORDER, NONE]);
    assert_eq!(of(&story(33)), [RETRANSMITTED, NONE]);
}

#[test]
fn what_was_asked_for_three_times_is_retransmitted_at_once() {
    let mut story = handshake(99).at_ms(30).tcp(A, B).at(110, 501).tcp(B, A).len(0).at(501, 100);
    assert_eq!(of(&story.clone().at_ms(31).tcp(A, B).at(100, 501)), [OUT_OF_ORDER, NONE]);
    for _ in 0..2 {
        story = story.tcp(B, A).len(0).at(501, 100);
    }
    assert_eq!(of(&story.at_ms(31).tcp(A, B).at(100, 501)), [RETRANSMITTED, [0, 0, 2, 0]]);
}

#[test]
fn an_acknowledgement_with_another_window_is_no_duplicate() {
    let story = handshake(99).tcp(B, A).len(0).at(501, 100).tcp(B, A).len(0).at(501, 100).window(999);
    assert_eq!(of(&story), [NONE, NONE]);
    assert_eq!(of(&story.tcp(B, A).len(0).at(501, 100).window(999)), [NONE, [0, 0, 1, 0]]);
}

#[test]
fn a_shut_window_is_counted_and_its_probes_are_not() {
    let shut = handshake(99).at_ms(30).tcp(A, B).at(100, 501).tcp(B, A).len(0).at(501, 110).window(0);
    let probed = shut.at_ms(300).tcp(A, B).len(1).at(110, 501).at_ms(600).tcp(A, B).len(1).at(110, 501);
    let opened = probed.tcp(B, A).len(0).at(501, 110).at_ms(700).tcp(A, B).len(20).at(110, 501);
    assert_eq!(of(&opened), [NONE, [0, 0, 0, 1]]);
    assert_eq!(of(&handshake(99).tcp(B, A).rst().window(0)), [NONE, NONE], "RST has no window");
}

#[test]
fn a_keep_alive_and_its_answer_are_nothing() {
    let idle = handshake(99).at_ms(30).tcp(A, B).at(100, 501).tcp(B, A).len(0).at(501, 110);
    let asked = idle.at_s(30).tcp(A, B).len(1).at(109, 501).tcp(B, A).len(0).at(501, 110);
    assert_eq!(of(&asked), [NONE, NONE]);
}

#[test]
fn sequence_numbers_wrap() {
    let first = 0xffff_fff0u32;
    let mut story = handshake(first.wrapping_sub(1));
    for nth in 0..4u32 {
        story = story.at_ms(30 + i64::from(nth)).tcp(A, B).at(first.wrapping_add(10 * nth), 501);
    }
    assert_eq!(of(&story), [NONE, NONE]);
    assert_eq!(of(&story.at_s(1).tcp(A, B).at(first.wrapping_add(10), 501)), [RETRANSMITTED, NONE]);
}

#[test]
fn a_syn_with_another_number_begins_anew() {
    let story = handshake(1_000_000).tcp(A, B).at(1_000_001, 501);
    let again = story.at_s(1).tcp(A, B).syn().at(99, 0).at_ms(1001).tcp(B, A).syn_ack().at(7, 100);
    let records = again.at_ms(1002).tcp(A, B).at(100, 8).meter_with(config());
    assert_eq!(counted(&records[0]), [NONE, NONE]);
    assert_eq!(analysis(&records[0]).handshake_rtt_ns(), Some(20_000_000), "of the first");
    let same = Scenario::new().at_s(0).tcp(A, B).syn().at(99, 0).at_s(1).tcp(A, B).syn().at(99, 0);
    assert_eq!(of(&same), [RETRANSMITTED, NONE]);
    let refused = Scenario::new().tcp(A, B).syn().at(99, 0).tcp(B, A).rst().at_s(1).tcp(A, B).syn().at(99, 0);
    assert_eq!(of(&refused), [NONE, NONE], "it is tried again");
}

#[test]
fn the_handshake_tells_round_trip_windows_and_options() {
    let story = Scenario::new()
        .at_ms(0)
        .tcp(A, B)
        .syn()
        .at_ms(1000)
        .tcp(A, B)
        .syn()
        .window(64_240)
        .options(&[2, 4, 5, 180, 1, 3, 3, 7])
        .at_ms(1012)
        .tcp(B, A)
        .syn_ack()
        .at(500, 1)
        .window(8190)
        .at_ms(1015)
        .tcp(A, B)
        .len(0)
        .at(1, 501)
        .at_ms(1030)
        .tcp(A, B)
        .len(0)
        .at(1, 501);
    let records = story.meter_with(config());
    let tcp = analysis(&records[0]);
    assert_eq!(tcp.handshake_rtt_ns(), Some(15_000_000), "from the last SYN");
    let plain = |window| Some(TcpOffer { window, mss: None, window_scale: None });
    assert_eq!(tcp.offer(Direction::SrcToDst), plain(1000), "the first SYN's");
    assert_eq!(tcp.offer(Direction::DstToSrc), plain(8190));
    let story = Scenario::new().tcp(B, A).syn_ack().options(&[2, 4, 5, 180, 1, 3, 3, 7]);
    let records = story.meter_with(config());
    let offer = TcpOffer { window: 1000, mss: Some(1460), window_scale: Some(7) };
    assert_eq!(analysis(&records[0]).offer(Direction::SrcToDst), Some(offer));
    assert_eq!(analysis(&records[0]).handshake_rtt_ns(), None);
}

#[test]
fn the_end_of_a_connection_has_a_word() {
    let ends: [(&str, Scenario); 6] = [
        ("open", handshake(9)),
        ("fin_src_to_dst", handshake(9).tcp(A, B).fin().tcp(A, B).fin()),
        ("fin_dst_to_src", handshake(9).tcp(B, A).fin()),
        ("fin", handshake(9).tcp(B, A).fin().tcp(A, B).fin().tcp(A, B).rst()),
        ("rst_src_to_dst", handshake(9).tcp(B, A).fin().tcp(A, B).rst().tcp(B, A).rst()),
        ("rst_dst_to_src", Scenario::new().tcp(A, B).syn().tcp(B, A).rst()),
    ];
    for (word, story) in ends {
        let records = story.meter_with(config());
        assert_eq!(column("tcp_end_state").unwrap().get(&records[0]), Cell::Text(word.into()));
    }
}

#[test]
fn a_segment_of_a_flow_counts_anew_and_knows_where_the_connection_stands() {
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501).at_ms(300).tcp(A, B).at(100, 501);
    let story = story.at_s(5).tcp(A, B).at(100, 501).at_ms(5300).tcp(A, B).at(110, 501);
    let records = story.meter_with(config().active_timeout(Duration::from_secs(5)));
    assert_eq!(records.iter().map(counted).collect::<Vec<_>>(), [[RETRANSMITTED, NONE], [RETRANSMITTED, NONE]]);
    assert_eq!(analysis(&records[1]).handshake_rtt_ns(), Some(20_000_000));
}

#[test]
fn a_metric_sees_the_analysis_of_a_living_flow() {
    let metric = Metric::fold(Vec::new, |seen: &mut Vec<Value>, _packet, flow| {
        seen.push(flow.tcp_analysis().map_or(Value::Null, |tcp| tcp.total().retransmitted.into()));
    });
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501).at_ms(330).tcp(A, B).at(100, 501).udp(A, C);
    let records = story.meter_with(config().metric("seen", &metric));
    let seen = |record: &FlowRecord| record.metrics.get("seen").cloned();
    assert_eq!(seen(&records[0]), Some(Value::List([0u64, 0, 0, 0, 1].map(Value::from).to_vec())));
    assert_eq!(seen(&records[1]), Some(Value::List(vec![Value::Null])));
}

#[test]
fn a_flow_in_the_place_of_another_knows_nothing_of_it() {
    let story = handshake(99).at_ms(30).tcp(A, B).at(100, 501).at_ms(330).tcp(A, B).at(100, 501);
    let records = story.at_s(100).tcp(A, B).at(100, 501).meter_with(config());
    assert_eq!(records.iter().map(counted).collect::<Vec<_>>(), [[RETRANSMITTED, NONE], [NONE, NONE]]);
    assert_eq!(analysis(&records[1]).handshake_rtt_ns(), None);
}

#[test]
fn other_protocols_have_columns_without_values() {
    let records = Scenario::new().udp(A, C).meter_with(config());
    let column = column("retransmitted_pkts").unwrap();
    assert!(column.is_in(&records[0]) && column.get(&records[0]) == Cell::Null);
    let records = handshake(9).meter();
    assert!(!column.is_in(&records[0]) && column.get(&records[0]) == Cell::Null);
    let (records, _) = handshake(9).stream(|streamer| streamer.tcp_analysis(true));
    assert_eq!(column.get(&records[0]), Cell::Uint(0));
}

#[test]
fn merged_pieces_add_up() {
    let early = handshake(99).tcp(A, B).fin().meter_with(config());
    let late = Scenario::new().at_s(1).tcp(B, A).at(1, 1).at_s(2).tcp(B, A).at(1, 1).tcp(B, A).fin().at(11, 1);
    let mut late = late.meter_with(config());
    late[0].flow.flow_id = 100;
    let merged = merge(early.into_iter().chain(late), Duration::from_secs(60)).unwrap();
    assert_eq!(merged.len(), 1);
    assert_eq!(counted(&merged[0])[1][0], 1, "the pieces see the flow from different ends");
    assert_eq!(analysis(&merged[0]).end_state().name(), "fin");
    assert_eq!(analysis(&merged[0]).handshake_rtt_ns(), Some(20_000_000));
}
