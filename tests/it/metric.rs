//! The user's metrics, from Rust.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowgauge::flow::Value;
use flowgauge::meter::MeterConfig;
use flowgauge::{Error, ExportReason, Metric, Streamer};

use crate::support::scenario::{A, B, C, Scenario};

fn syns() -> Metric {
    Metric::fold(|| 0u64, |n, packet, _flow| *n += u64::from(packet.tcp_flags().syn()))
}

#[test]
fn a_fold_sees_every_packet_of_its_flow() {
    let story = Scenario::new().tcp(A, B).syn().tcp(B, A).syn_ack().tcp(A, B).udp(A, C);
    let records = story.meter_with(MeterConfig::new().metric("syns", &syns()));
    let values: Vec<_> = records.iter().map(|record| record.metrics.get("syns").cloned()).collect();
    assert_eq!(values, [Some(Value::Int(2)), Some(Value::Int(0))]);
    assert!(records[0].to_string().starts_with(r#"{"syns": 2, "ip_src": "#));
}

#[test]
fn a_metric_is_called_after_the_core_counters() {
    let metric = Metric::fold(Vec::new, |seen: &mut Vec<Value>, _packet, flow| seen.push(flow.total().pkts.into()));
    let records = Scenario::new().udp(A, B).udp(B, A).meter_with(MeterConfig::new().metric("seen", &metric));
    assert_eq!(records[0].metrics.get("seen"), Some(&Value::List(vec![1.into(), 2.into()])));
}

#[test]
fn a_new_segment_starts_the_metrics_anew() {
    let metric = Metric::fold(|| 0u64, |n, _packet, _flow| *n += 1);
    let story = Scenario::new().at_s(0).udp(A, B).at_s(50).udp(A, B).at_s(120).udp(A, B);
    let config = MeterConfig::new().inactive_timeout(None).metric("n", &metric);
    let counts: Vec<_> = story.meter_with(config).iter().map(|record| record.metrics.get("n").cloned()).collect();
    assert_eq!(counts, [Some(Value::Int(2)), Some(Value::Int(1))]);
}

#[test]
fn a_metric_may_end_the_flow_with_this_packet() {
    let third = Metric::try_fold(
        || 0u64,
        |n, _packet, _flow| {
            *n += 1;
            Ok((*n == 3).then(|| ExportReason::user(16).unwrap()))
        },
    );
    let mut story = Scenario::new();
    for _ in 0..7 {
        story = story.udp(A, B);
    }
    let records = story.meter_with(MeterConfig::new().metric("n", &third));
    let outline: Vec<_> =
        records.iter().map(|r| (r.flow_id, r.conn_id, r.total().pkts, r.export_reason.number())).collect();
    assert_eq!(outline, [(1, 1, 3, 16), (4, 4, 3, 16), (7, 7, 1, 2)]);
}

#[test]
fn names_must_differ_from_each_other_and_from_columns() {
    for names in [["n", "n"], ["n", "ip_src"], ["", "n"]] {
        let streamer = names
            .iter()
            .fold(Streamer::from_source(Scenario::new().source()), |streamer, name| streamer.metric(*name, syns()));
        assert!(matches!(streamer.start(), Err(Error::Option { option: "user_metrics", .. })), "{names:?}");
    }
}

#[test]
fn an_error_in_a_metric_comes_after_the_flows_and_only_once() {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let failing = Metric::try_fold(
        || 0u64,
        move |_, packet, _| {
            count.fetch_add(1, Ordering::Relaxed);
            if packet.raw.number == 3 { Err("no third packet, please".into()) } else { Ok(None) }
        },
    );
    let story = Scenario::new().at_s(0).udp(A, B).at_s(1).udp(A, C).udp(A, B).udp(B, C).at_s(2).udp(A, B);
    for workers in [0, 1, 3] {
        let streamer = Streamer::from_source(story.source()).n_dissections(0).workers(workers);
        let mut flows = streamer.metric("picky", failing.clone()).start().unwrap();
        let mut records = Vec::new();
        let error = loop {
            match flows.next().expect("the error comes before the end") {
                Ok(record) => records.push(record),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, Error::Metric { metric, flow_id: 1, .. } if metric == "picky"), "{error}");
        assert_eq!(error.to_string(), r#"metric "picky" failed in flow 1: no third packet, please"#);
        assert_eq!(records.len(), 3, "the flows so far are not lost");
        assert!(flows.next().is_none());
        flows.report().check().unwrap();
    }
}

#[test]
fn a_metric_that_panics_is_told_and_ends_the_run() {
    let panicking = Metric::fold(|| 0u64, |_, _, _| panic!("out of luck"));
    for workers in [0, 2] {
        let streamer = Streamer::from_source(Scenario::new().udp(A, B).source()).n_dissections(0).workers(workers);
        let errors: Vec<_> = streamer.metric("luck", panicking.clone()).start().unwrap().collect();
        assert_eq!(errors.len(), 1);
        let error = errors.into_iter().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("out of luck"), "{error}");
    }
}
