//! What is counted, and of whom.

use flowgauge::ExportReason;
use flowgauge::meter::MeterConfig;

use crate::support::scenario::{A, B, C, EPOCH, Scenario};

#[test]
fn both_directions_make_one_flow_from_its_first_sender() {
    let story = Scenario::new().at_ms(0).tcp(B, A).len(7).at_ms(5).tcp(A, B).len(100).at_ms(9).tcp(B, A).len(3);
    let records = story.meter();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.src(), (B.0.into(), B.1));
    assert_eq!(record.dst(), (A.0.into(), A.1));
    let [there, back] = record.counts;
    assert_eq!((there.pkts, back.pkts), (2, 1));
    assert_eq!((there.payload_bytes, back.payload_bytes), (10, 100));
    assert_eq!((there.transport_bytes, back.transport_bytes), (10 + 2 * 20, 100 + 20));
    assert_eq!((there.ip_bytes, back.ip_bytes), (10 + 2 * 40, 100 + 40));
    assert_eq!((there.bytes, back.bytes), (10 + 2 * 54, 100 + 54));
    assert_eq!(there.start.as_nanos(), EPOCH);
    assert_eq!(there.end.as_nanos(), EPOCH + 9_000_000);
    assert_eq!(back.start, back.end);
}

#[test]
fn protocol_ports_and_vlan_tell_flows_apart() {
    let story = Scenario::new()
        .tcp(A, B)
        .udp(A, B)
        .udp(A, C)
        .udp((A.0, 1001), B)
        .udp(A, B)
        .vlan(10)
        .udp(A, B)
        .vlan(20)
        .udp(B, A)
        .vlan(10);
    let records = story.meter();
    let pkts: Vec<_> = records.iter().map(|record| (record.flow_id, record.total().pkts)).collect();
    assert_eq!(pkts, [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 1)]);
}

#[test]
fn icmp_between_two_hosts_is_one_flow_without_ports() {
    let records = Scenario::new().ping(A, B).ping(B, A).ping(A, B).meter();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].src().1, records[0].dst().1), (0, 0));
    assert_eq!((records[0].counts[0].pkts, records[0].counts[1].pkts), (2, 1));
}

#[test]
fn equal_ends_always_go_from_source_to_destination() {
    let records = Scenario::new().udp(A, A).udp(A, A).meter();
    assert_eq!((records[0].counts[0].pkts, records[0].counts[1].pkts), (2, 0));
}

#[test]
fn macs_are_those_of_the_first_packet() {
    let records = Scenario::new().udp(A, B).meter();
    assert_eq!(records[0].macs, [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]]);
}

#[test]
fn a_record_prints_as_one_line_of_json() {
    let record = &Scenario::new().at_ms(7).tcp(A, B).syn().at_ms(9).tcp(B, A).meter()[0];
    let expected = r#"{"ip_src": "10.0.0.1", "src_port": 1000, "ip_dst": "10.0.0.2", "dst_port": 80, "ip_protocol": 6, "src_to_dst_pkts": 1, "dst_to_src_pkts": 1, "src_to_dst_bytes": 54, "dst_to_src_bytes": 64, "application_name": null, "category_name": null, "start_time": 1700000000007, "end_time": 1700000000009, "export_reason": 2}"#;
    assert_eq!(record.to_string(), expected);
}

#[test]
fn nothing_is_metered_after_the_end() {
    let records = Scenario::new().udp(A, B).meter_with(MeterConfig::new());
    assert_eq!(records[0].export_reason, ExportReason::FLUSH);
}
