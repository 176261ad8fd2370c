//! No connection leaves an appendix flow after its end.

use std::time::Duration;

use flowgauge::flow::{ExportReason, FlowRecord};
use flowgauge::meter::MeterConfig;

use crate::support::scenario::{A, B, C, Scenario};

const FLUSH: ExportReason = ExportReason::FLUSH;
const TCP_END: ExportReason = ExportReason::TCP_END;

fn config() -> MeterConfig {
    MeterConfig::new().tcp_end(true)
}

/// Packets and reason of each record.
fn outline(records: &[FlowRecord]) -> Vec<(u64, ExportReason)> {
    records.iter().map(|record| (record.total().pkts, record.export_reason)).collect()
}

fn closed() -> Scenario {
    Scenario::new().at_s(0).tcp(A, B).at_s(1).tcp(A, B).fin().at_ms(1010).tcp(B, A).fin()
}

#[test]
fn the_last_ack_and_what_is_sent_again_stay_in_the_flow() {
    let story = closed().at_ms(1020).tcp(A, B).len(0).at_s(2).tcp(B, A).fin().at_s(4).tcp(A, B).len(0);
    assert_eq!(outline(&story.meter_with(config())), [(6, TCP_END)]);
}

#[test]
fn resets_after_a_reset_stay_in_the_flow() {
    let story = Scenario::new().at_s(0).tcp(A, B).at_s(1).tcp(B, A).rst();
    let story = story.tcp(B, A).rst().at_s(2).tcp(A, B).at_s(2).tcp(B, A).rst().at_ms(5999).tcp(B, A).rst();
    assert_eq!(outline(&story.meter_with(config())), [(6, TCP_END)]);
}

#[test]
fn both_sides_may_close_at_once() {
    let story = Scenario::new().at_s(0).tcp(A, B).fin().tcp(B, A).fin().tcp(A, B).len(0).tcp(B, A).len(0);
    assert_eq!(outline(&story.meter_with(config())), [(4, TCP_END)]);
}

#[test]
fn a_half_closed_connection_goes_on() {
    let mut story = Scenario::new().at_s(0).tcp(A, B).fin();
    for second in 1..40 {
        story = story.at_s(second).tcp(B, A);
    }
    assert_eq!(outline(&story.meter_with(config())), [(40, FLUSH)]);
    assert_eq!(outline(&story.tcp(B, A).fin().tcp(A, B).len(0).meter_with(config())), [(42, TCP_END)]);
}

#[test]
fn only_a_syn_without_ack_opens_the_next_connection() {
    let story = closed().at_ms(1100).tcp(B, A).syn_ack().at_ms(1200).tcp(A, B).syn().at_ms(1300).tcp(B, A).syn_ack();
    assert_eq!(outline(&story.meter_with(config())), [(4, TCP_END), (2, FLUSH)]);
}

#[test]
fn the_linger_is_an_option() {
    let story = closed().at_s(9).tcp(B, A).rst().at_ms(11_009).tcp(B, A).rst();
    let linger = |seconds| config().tcp_linger(Duration::from_secs(seconds));
    assert_eq!(outline(&story.meter_with(linger(10))), [(5, TCP_END)]);
    assert_eq!(outline(&story.meter_with(linger(5))), [(3, TCP_END), (2, TCP_END)]);
    assert_eq!(outline(&closed().tcp(A, B).meter_with(linger(0))), [(3, TCP_END), (1, FLUSH)]);
    let (records, _) = story.stream(|streamer| streamer.tcp_end(true).tcp_linger(Duration::from_secs(10)));
    assert_eq!(outline(&records), [(5, TCP_END)]);
}

#[test]
fn a_long_linger_outlives_neither_silence_nor_age() {
    let linger = config().tcp_linger(Duration::MAX).active_timeout(Duration::from_secs(3));
    let story = closed().at_s(5).tcp(B, A).at_s(30).tcp(B, A).at_s(90).tcp(B, A).at_s(91).udp(A, C);
    assert_eq!(outline(&story.meter_with(linger)), [(5, TCP_END), (1, FLUSH), (1, FLUSH)]);
}
