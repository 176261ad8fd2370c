//! The user's metrics, from Rust.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowgauge::flow::Value;
use flowgauge::meter::MeterConfig;
use flowgauge::metric::{Failures, MetricGroup, MetricState};
use flowgauge::{BoxError, Error, ExportReason, FlowRecord, FlowState, Metric, OnError, Packet, Streamer};

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
        let place = |error: &Error| match error {
            Error::Metric { metric, flow_id, frame, .. } => Some((metric.clone(), *flow_id, *frame)),
            _ => None,
        };
        assert_eq!(place(&error), Some(("picky".to_owned(), 1, Some(3))), "{error}");
        let ends = "10.0.0.1:1000 -> 10.0.0.2:80, protocol 17";
        let message = format!(r#"metric "picky" failed in flow 1 ({ends}), at frame 3: no third packet, please"#);
        assert_eq!(error.to_string(), message);
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

/// Counts its calls in a flow, and fails at this frame.
fn failing_at(frame: u64) -> Metric {
    Metric::try_fold(
        || 0u64,
        move |calls, packet, _| {
            *calls += 1;
            if packet.raw.number == frame { Err("out of luck".into()) } else { Ok(None) }
        },
    )
}

#[test]
fn a_failure_that_is_skipped_is_null_and_everything_else_goes_on() {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let failing = Metric::try_fold(
        || 0u64,
        move |n, packet, _| {
            count.fetch_add(1, Ordering::Relaxed);
            *n += 1;
            if packet.raw.number == 3 { Err("out of luck".into()) } else { Ok(None) }
        },
    );
    let story = Scenario::new().udp(A, B).udp(A, C).udp(A, B).udp(A, B).udp(A, C);
    for workers in [0, 1, 3] {
        calls.store(0, Ordering::Relaxed);
        let streamer = Streamer::from_source(story.source()).n_dissections(0).workers(workers);
        let streamer = streamer.metric("bad", failing.clone()).metric("good", failing_at(0)).on_error(OnError::Skip);
        let mut flows = streamer.start().unwrap();
        let mut records: Vec<_> = flows.by_ref().map(Result::unwrap).collect();
        records.sort_by_key(|record| record.flow_id);
        let values: Vec<_> =
            records.iter().map(|record| record.metrics.iter().map(|(_, value)| value.clone())).collect();
        let values: Vec<Vec<Value>> = values.into_iter().map(Iterator::collect).collect();
        assert_eq!(values, [[Value::Null, Value::Int(3)], [Value::Int(2), Value::Int(2)]]);
        assert_eq!(calls.load(Ordering::Relaxed), 4, "it is not called for the flow's fourth frame");
        let report = flows.report();
        report.check().unwrap();
        assert_eq!(report.metric_errors.into_iter().collect::<Vec<_>>(), [("bad".to_owned(), 1)]);
        let ends = "10.0.0.1:1000 -> 10.0.0.2:80, protocol 17";
        let warning = format!(r#"metric "bad" failed in flow 1 ({ends}), at frame 3: out of luck (skipped)"#);
        assert_eq!(report.warnings, [warning]);
    }
}

#[test]
fn the_first_failure_of_a_metric_is_told_and_all_are_counted() {
    let failing = Metric::try_fold(|| 0u64, |_, packet, _| Err(format!("not {}", packet.raw.number).into()));
    let story = Scenario::new().udp(A, B).udp(B, C).udp(A, C).udp(A, B).udp(B, C).udp(A, C);
    for workers in [0, 1, 3] {
        let streamer = Streamer::from_source(story.source()).n_dissections(0).workers(workers);
        let mut flows = streamer.metric("a \"b\"", failing.clone()).on_error(OnError::Skip).start().unwrap();
        assert!(flows.by_ref().all(|record| record.unwrap().metrics.get("a \"b\"") == Some(&Value::Null)));
        let report = flows.report();
        assert_eq!(report.metric_errors.get("a \"b\""), Some(&3));
        let [warning] = &report.warnings[..] else { panic!("one warning: {:?}", report.warnings) };
        assert!(warning.contains("at frame 1: not 1 (skipped, the first of 3)"), "{warning}");
        assert!(report.to_string().contains(r#""metric_errors": {"a \"b\"": 3}, "#), "{report}");
    }
}

#[test]
fn a_new_segment_calls_a_metric_that_failed_anew() {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(50).udp(A, B).at_s(120).udp(A, B).at_s(121).udp(A, B);
    let config = MeterConfig::new().inactive_timeout(None).metric("n", &failing_at(2)).on_error(OnError::Skip);
    let counts: Vec<_> = story.meter_with(config).iter().map(|record| record.metrics.get("n").cloned()).collect();
    assert_eq!(counts, [Some(Value::Null), Some(Value::Int(2))]);
}

/// Metrics `a`, `b` and `c`, of which one fails; each counts its calls.
struct Trio {
    /// Which of them fails; `None` is all of them together.
    bad: Option<usize>,
    when: When,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum When {
    Start,
    Packet,
    End,
    /// A failure that ends the run in any case.
    Leave,
}

struct TrioState {
    bad: Option<usize>,
    when: When,
    calls: [i64; 3],
    failed: [bool; 3],
}

impl MetricGroup for Trio {
    fn names(&self) -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    fn start(&self, _flow: &FlowState) -> Result<Box<dyn MetricState>, BoxError> {
        if self.when == When::Start {
            return Err("cannot start".into());
        }
        Ok(Box::new(TrioState { bad: self.bad, when: self.when, calls: [0; 3], failed: [false; 3] }))
    }
}

impl MetricState for TrioState {
    fn update(
        &mut self,
        _packet: &Packet<'_>,
        _flow: &FlowState,
        failures: &mut Failures,
    ) -> Result<Option<ExportReason>, BoxError> {
        for nth in 0..3 {
            if self.failed[nth] {
                continue;
            }
            self.calls[nth] += 1;
            let fails = self.bad == Some(nth);
            if self.when == When::Leave && fails {
                failures.fail_run(nth, "leave".into());
                return Ok(None);
            }
            if self.when == When::Packet && fails {
                self.failed[nth] = true;
                if !failures.fail(nth, "bad".into()) {
                    return Ok(None);
                }
            }
        }
        if self.when == When::Packet && self.bad.is_none() { Err("all".into()) } else { Ok(None) }
    }

    fn finish(
        self: Box<Self>,
        _record: &FlowRecord,
        values: &mut Vec<Value>,
        failures: &mut Failures,
    ) -> Result<(), BoxError> {
        for nth in 0..3 {
            let fails = self.when == When::End && self.bad == Some(nth);
            if fails && !failures.fail(nth, "bad".into()) {
                return Ok(());
            }
            values.push(if fails || self.failed[nth] { Value::Null } else { Value::Int(self.calls[nth]) });
        }
        if self.when == When::End && self.bad.is_none() { Err("all".into()) } else { Ok(()) }
    }
}

#[test]
fn of_several_metrics_in_a_group_the_one_that_failed_is_named() {
    let story = Scenario::new().udp(A, B).udp(A, B);
    let run = |bad, when, on_error| {
        let streamer = Streamer::from_source(story.source()).n_dissections(0).workers(0).on_error(on_error);
        let mut flows = streamer.metric_group(Arc::new(Trio { bad, when })).start().unwrap();
        let (mut values, mut error) = (Vec::new(), None);
        for record in flows.by_ref() {
            match record {
                Ok(record) => values.extend(record.metrics.iter().map(|(_, value)| value.clone())),
                Err(Error::Metric { metric, frame, .. }) => error = Some((metric, frame)),
                Err(other) => panic!("{other}"),
            }
        }
        let errors: Vec<_> = flows.report().metric_errors.into_iter().collect();
        (values, error, errors)
    };
    let (null, two) = (Value::Null, Value::Int(2));
    let one = [("b".to_owned(), 1)].to_vec();
    let all = ["a", "b", "c"].map(|name| (name.to_owned(), 1)).to_vec();
    for when in [When::Packet, When::End] {
        let skipped = run(Some(1), when, OnError::Skip);
        assert_eq!(skipped, (vec![two.clone(), null.clone(), two.clone()], None, one.clone()), "{when:?}");
        let frame = (when == When::Packet).then_some(1);
        let (_, error, errors) = run(Some(1), when, OnError::Raise);
        assert_eq!((error, errors), (Some(("b".to_owned(), frame)), Vec::new()), "{when:?}");
    }
    for (when, frame) in [(When::Start, Some(1)), (When::Packet, Some(1)), (When::End, None)] {
        assert_eq!(run(None, when, OnError::Skip), (vec![null.clone(); 3], None, all.clone()), "{when:?}");
        assert_eq!(run(None, when, OnError::Raise).1, Some(("a, b, c".to_owned(), frame)), "{when:?}");
    }
    for on_error in [OnError::Raise, OnError::Skip] {
        let (_, error, errors) = run(Some(2), When::Leave, on_error);
        assert_eq!((error, errors), (Some(("c".to_owned(), Some(1))), Vec::new()), "{on_error:?}");
    }
}
