//! Random expressions over random traffic, against a slow interpreter.

use flowgauge::expr::Expr;
use flowgauge::{FlowRecord, Streamer, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::random_expr::{flow_condition, metric, packet_condition};
use crate::support::run::{Outcome, run};
use crate::support::slow_expr::{Tree, Val};
use crate::support::slow_fold::Folded;
use crate::support::slow_packet::{Frame, Row, rows, rows_of, source, traffic};

pub(crate) fn parse(tree: &Tree) -> Expr {
    let text = tree.text();
    Expr::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A run with these metrics under their numbers, and with the rows of every flow.
fn streamer(frames: &[Frame], metrics: &[Tree], workers: usize) -> Streamer {
    let active = std::time::Duration::from_secs(5);
    let streamer = Streamer::from_source(source(frames).batch_frames(16)).n_dissections(0).active_timeout(active);
    let streamer = streamer.workers(workers).metric("rows", rows());
    metrics.iter().enumerate().fold(streamer, |streamer, (nth, tree)| streamer.expression(nth.to_string(), parse(tree)))
}

/// The records without their rows, which are objects of their run.
fn comparable(outcome: Outcome) -> Vec<(FlowRecord, Vec<Value>)> {
    assert_eq!(outcome.error, None);
    let told = |record: FlowRecord| {
        let values = record.metrics.iter().filter(|(name, _)| *name != "rows").map(|(_, value)| value.clone());
        let values = values.collect();
        (FlowRecord { metrics: Default::default(), ..record }, values)
    };
    outcome.records.into_iter().map(told).collect()
}

fn is_near(got: &Value, wanted: &Val) -> bool {
    match (got, wanted) {
        (_, Val::Unsure) => true,
        (Value::Float(got), Val::Float(wanted, off)) => (got - wanted).abs() <= 1e-12 * wanted.abs() + off,
        (Value::Int(got), Val::Int(wanted)) => got == wanted,
        (Value::Bool(got), Val::Bool(wanted)) => got == wanted,
        (Value::Null, Val::Null) => true,
        _ => false,
    }
}

fn check(record: &FlowRecord, name: &str, tree: &Tree) -> Result<(), TestCaseError> {
    check_value(record.metrics.get(name).unwrap(), record, tree)
}

/// Compares with what the interpreter makes of the rows of `record`.
pub(crate) fn check_value(got: &Value, record: &FlowRecord, tree: &Tree) -> Result<(), TestCaseError> {
    let wanted = tree.metric(rows_of(record.metrics.get("rows").unwrap()), record);
    let right = match (got, &wanted) {
        (Value::List(got), Folded::List(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| is_near(got, wanted))
        }
        (got, Folded::One(wanted)) => is_near(got, wanted),
        _ => false,
    };
    prop_assert!(right, "{}\n  is {:?}\n  not {:?}", tree.text(), got, wanted);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn an_expression_is_what_a_slow_interpreter_makes_of_it(frames in traffic(60), metrics in vec(metric(), 1..6)) {
        let outcome = run(streamer(&frames, &metrics, 0));
        prop_assert_eq!(outcome.error, None);
        for record in outcome.records {
            for (nth, tree) in metrics.iter().enumerate() {
                check(&record, &nth.to_string(), tree)?;
            }
        }
    }

    #[test]
    fn an_expression_is_read_back_as_it_is_written(tree in metric()) {
        let expr = parse(&tree);
        let text = expr.to_string();
        let again = Expr::parse(&text);
        prop_assert_eq!(again.as_ref(), Ok(&expr), "{}", &text);
        prop_assert_eq!(again.unwrap().to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn any_number_of_workers_folds_the_same(frames in traffic(120), metrics in vec(metric(), 1..6)) {
        let alone = comparable(run(streamer(&frames, &metrics, 0)));
        for workers in [1, 2, 4] {
            prop_assert_eq!(&comparable(run(streamer(&frames, &metrics, workers))), &alone);
        }
    }

    #[test]
    fn metrics_are_the_same_alone_and_together(frames in traffic(60), metrics in vec(metric(), 2..12)) {
        let together = comparable(run(streamer(&frames, &metrics, 0)));
        for (nth, tree) in metrics.iter().enumerate() {
            let alone = comparable(run(streamer(&frames, std::slice::from_ref(tree), 0)));
            prop_assert_eq!(alone.len(), together.len());
            for ((_, one), (_, all)) in alone.iter().zip(&together) {
                prop_assert_eq!(&one[0], &all[nth], "{}", tree.text());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_flow_ends_with_the_first_packet_for_which_it_is_told_to(
        frames in traffic(60),
        condition in packet_condition(),
        metric in metric(),
    ) {
        let streamer = streamer(&frames, std::slice::from_ref(&metric), 0).end_flow_when(parse(&condition));
        for record in run(streamer).records {
            let rows = rows_of(record.metrics.get("rows").unwrap());
            let ends = condition.column(rows, false);
            let first = ends.iter().position(|end| *end == Val::Bool(true));
            prop_assert_eq!(first, (record.export_reason.number() == 16).then_some(rows.len() - 1), "{}", condition.text());
            check(&record, "0", &metric)?;
        }
    }

    #[test]
    fn a_flow_ends_when_a_fold_of_its_packets_so_far_is_true(frames in traffic(60), condition in flow_condition()) {
        // What needs the record is refused.
        if condition.text().contains("flow.") {
            return Ok(());
        }
        let records = run(streamer(&frames, &[], 0).end_flow_when(parse(&condition))).records;
        for record in records {
            let rows: &[Row] = rows_of(record.metrics.get("rows").unwrap());
            for so_far in 1..=rows.len() {
                let ended = so_far == rows.len() && record.export_reason.number() == 16;
                match condition.value(&rows[..so_far], &record, false, None) {
                    Val::Unsure => {}
                    told => prop_assert_eq!(told == Val::Bool(true), ended, "{}", condition.text()),
                }
            }
        }
    }

    #[test]
    fn flows_that_are_thrown_out_leave_nothing_to_the_next(
        frames in traffic(60),
        metrics in vec(metric(), 1..4),
        capacity in 1usize..3,
    ) {
        for record in run(streamer(&frames, &metrics, 0).capacity(capacity)).records {
            for (nth, tree) in metrics.iter().enumerate() {
                check(&record, &nth.to_string(), tree)?;
            }
        }
    }

    #[test]
    fn a_record_is_kept_when_its_flow_is_told_to_be(frames in traffic(60), condition in flow_condition()) {
        let all = run(streamer(&frames, &[], 0)).records;
        let outcome = run(streamer(&frames, &[], 0).keep_flows(parse(&condition)));
        let kept: Vec<_> = outcome.records.iter().map(|record| record.flow_id).collect();
        prop_assert_eq!(kept.len() as u64 + outcome.report.withheld, all.len() as u64);
        for record in all {
            let rows = rows_of(record.metrics.get("rows").unwrap());
            match condition.value(rows, &record, false, None) {
                Val::Unsure => {}
                told => prop_assert_eq!(told == Val::Bool(true), kept.contains(&record.flow_id), "{}", condition.text()),
            }
        }
    }
}
