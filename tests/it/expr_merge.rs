//! Expressions over pieces of a capture, merged, against the slow interpreter over the whole.

use std::ops::Range;
use std::time::Duration;

use flowgauge::expr::Expr;
use flowgauge::flow::{FlowRecord, merge};
use flowgauge::packet::Position;
use flowgauge::{Error, Streamer, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::expr_reference::{check_value, parse};
use crate::support::random_expr::metric;
use crate::support::scenario::{A, B, Scenario};
use crate::support::slow_expr::Tree;
use crate::support::slow_packet::{Frame, rows, source_of, traffic};

const INACTIVE: Duration = Duration::from_secs(60);

/// The records of a part of the frames, which begins at a position, and the position where it ends.
fn meter(
    frames: &[Frame],
    part: Range<usize>,
    from: Position,
    tell: impl Fn(Streamer) -> Streamer,
) -> (Vec<FlowRecord>, Position) {
    let streamer =
        Streamer::from_source(source_of(frames, part).batch_frames(16)).n_dissections(0).workers(0).resume(from);
    let mut flows = tell(streamer.inactive_timeout(INACTIVE).active_timeout(None)).start().unwrap();
    let records = flows.by_ref().map(Result::unwrap).collect();
    (records, flows.position().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn merged_expressions_are_what_a_slow_interpreter_makes_of_the_whole(
        frames in traffic(80),
        cuts in vec(any::<Index>(), 0..5),
        metrics in vec(metric(), 1..6),
    ) {
        let (mut whole, _) = meter(&frames, 0..frames.len(), Position::default(), |streamer| streamer.metric("rows", rows()));
        whole.sort_by_key(|record| record.flow_id);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).collect();
        cuts.extend([0, frames.len()]);
        cuts.sort_unstable();
        let (mut records, mut position) = (Vec::new(), Position::default());
        for cut in cuts.windows(2) {
            let (more, end) = meter(&frames, cut[0]..cut[1], position, |streamer| {
                let tell = |streamer: Streamer, (nth, tree): (usize, &Tree)| streamer.expression(nth.to_string(), parse(tree));
                metrics.iter().enumerate().fold(streamer.mergeable(true), tell)
            });
            records.extend(more);
            position = end;
        }
        let merged = merge(records.clone(), INACTIVE).unwrap();
        prop_assert_eq!(merged.len(), whole.len());
        for (merged, whole) in merged.iter().zip(&whole) {
            let alone = records.iter().any(|part| part.flow_id == whole.flow_id && part.counts == whole.counts);
            for (nth, tree) in metrics.iter().enumerate() {
                let got = merged.metrics.get(&nth.to_string()).unwrap();
                if alone || parse(tree).is_mergeable() {
                    check_value(got, whole, tree)?;
                } else {
                    prop_assert_eq!(got, &Value::Null, "{}", tree.text());
                }
            }
        }
    }
}

fn expression(text: &str) -> Expr {
    Expr::parse(text).unwrap()
}

#[test]
fn what_only_all_packets_together_can_tell_is_said_to_be_so() {
    for text in ["packet.size.sum()", "packet.gap.mean()", "packet.size.filter(packet.gap > 5).diff().max()"] {
        let holds = !text.contains("diff");
        assert_eq!(expression(text).is_mergeable(), holds, "{text}");
    }
    for text in
        ["(packet.index > 3).sum()", "packet.gap.diff().sum()", "packet.payload.filter(packet.gap > 5).entropy()"]
    {
        assert!(!expression(text).is_mergeable(), "{text}");
    }
    let entropy = "packet.payload.filter(packet.size > 5).entropy()";
    assert!(expression(entropy).is_mergeable());
}

/// Pieces of the same flow, each with this metric if there is one, merged.
fn two_pieces(metrics: [Option<&str>; 2], mergeable: bool) -> Option<Value> {
    let story = Scenario::new().at_s(0).udp(A, B).at_s(1).udp(B, A);
    let tell = |metric: Option<&str>| {
        let metric = metric.map(expression);
        move |streamer: Streamer| match metric.clone() {
            Some(metric) => streamer.mergeable(mergeable).expression("metric", metric),
            None => streamer,
        }
    };
    let (mut first, _) = story.stream(tell(metrics[0]));
    let next = tell(metrics[1]);
    let (second, _) = story.stream(|streamer| next(streamer).resume(Position::new(2, first[0].last_clock)));
    first[0].merge(&second[0]).unwrap();
    first[0].metrics.get("metric").cloned()
}

#[test]
fn records_of_other_expressions_or_without_what_they_folded_have_none_when_merged() {
    let (sum, count) = ("packet.size.sum()", "packet.size.count()");
    assert_eq!(two_pieces([Some(count), Some(count)], true), Some(Value::Int(4)));
    assert_eq!(two_pieces([Some(count), Some(sum)], true), Some(Value::Null));
    assert_eq!(two_pieces([Some(count), None], true), Some(Value::Null));
    assert_eq!(two_pieces([Some(count), Some(count)], false), Some(Value::Null));
}

#[test]
fn what_ends_or_keeps_flows_is_not_asked_of_parts_of_them() {
    let story = Scenario::new().at_s(0).udp(A, B);
    let condition = expression("packet.size.sum() > 3");
    for streamer in [
        Streamer::from_source(story.source()).end_flow_when(condition.clone()),
        Streamer::from_source(story.source()).keep_flows(condition.clone()),
    ] {
        let error = streamer.mergeable(true).start().err();
        assert!(matches!(error, Some(Error::Option { option: "mergeable", .. })), "{error:?}");
    }
}
