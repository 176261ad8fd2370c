//! Expressions at the edges: of 64 bits, of nothing, of segments and slots, and of what a program can hold.

use std::time::Duration;

use flowgauge::expr::{Expr, InvalidKind, Type};
use flowgauge::{FlowRecord, Streamer, Value};

use crate::support::scenario::{A, B, C, Scenario};

use Value::{Bool, Float, Int, List, Null};

fn expr(text: &str) -> Expr {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn records(story: &Scenario, texts: &[&str], options: impl FnOnce(Streamer) -> Streamer) -> Vec<FlowRecord> {
    let add = |streamer: Streamer, text: &&str| streamer.expression(*text, expr(text));
    story.stream(|streamer| options(texts.iter().fold(streamer, add))).0
}

fn ints(numbers: &[i64]) -> Value {
    List(numbers.iter().map(|number| Int(*number)).collect())
}

/// The values of a flow of the story, which has one.
#[track_caller]
fn check(story: &Scenario, wanted: &[(&str, Value)]) {
    let texts: Vec<_> = wanted.iter().map(|(text, _)| *text).collect();
    let records = records(story, &texts, |streamer| streamer);
    assert_eq!(records.len(), 1);
    for (text, value) in wanted {
        assert_eq!(records[0].metrics.get(text), Some(value), "{text}");
    }
}

/// Datagrams of one flow with these payloads, a second apart.
fn payloads(sizes: &[usize]) -> Scenario {
    let story = Scenario::new();
    (0..).zip(sizes).fold(story, |story, (second, size)| story.at_s(second).udp(A, B).len(*size))
}

#[test]
fn operators_bind_as_in_python() {
    for (text, same) in [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("10 - 4 - 3", "(10 - 4) - 3"),
        ("7 // 2 * 3 % 4", "((7 // 2) * 3) % 4"),
        ("1 + 2 << 3 - 1", "(1 + 2) << (3 - 1)"),
        ("6 & 3 << 1", "6 & (3 << 1)"),
        ("1 | 6 ^ 3 & 2", "1 | (6 ^ (3 & 2))"),
        ("1 | 2 == 3", "(1 | 2) == 3"),
        ("1 < 2 + 3", "1 < (2 + 3)"),
        ("-2 + 3", "(-2) + 3"),
        ("~1 & 3", "(~1) & 3"),
        ("-packet.size.abs()", "-(packet.size.abs())"),
        ("- -1", "1"),
        ("+1", "1"),
    ] {
        assert_eq!(expr(text), expr(same), "{text}");
    }
    assert_ne!(expr("(1 + 2) * 3"), expr("1 + 2 * 3"));
}

#[test]
fn whole_numbers_wrap_around_and_sums_end_at_the_last_number() {
    let (least, most) = (i64::MIN, i64::MAX);
    check(
        &payloads(&[0, 1, 2]),
        &[
            ("1 + 1", Int(2)),
            ("9223372036854775807 + 1", Int(least)),
            ("-9223372036854775808 - 1", Int(most)),
            ("9223372036854775807 * 2", Int(-2)),
            ("-9223372036854775808 // -1", Int(least)),
            ("-9223372036854775808 % -1", Int(0)),
            ("(-9223372036854775808).abs()", Int(least)),
            ("-9223372036854775808.5", Float(least as f64)),
            ("- 9223372036854775808", Int(least)),
            ("-9223372036854775808e1", Float(least as f64 * 10.0)),
            ("7 // 0", Null),
            ("1 / 0", Null),
            ("True & False", Bool(false)),
            ("True + True", Int(2)),
            ("1e308 * 10", Null),
            ("(packet.index + 9223372036854775807).max()", Int(most)),
            ("(packet.index + 9223372036854775807).min()", Int(least)),
            ("(packet.index * 0 + 9223372036854775807).sum()", Int(most)),
            ("(packet.index * 0 - 9223372036854775807).sum()", Int(least)),
            // Beyond the last number on its way, and back at its end.
            ("when(packet.index < 2).then(9223372036854775807).otherwise(-9223372036854775808).sum()", Int(most - 1)),
            (
                "when(packet.index < 2).then(9223372036854775807).otherwise(-9223372036854775807).mean()",
                Float(most as f64 / 3.0),
            ),
            ("(1).sum()", Int(3)),
        ],
    );
    for text in ["9223372036854775808", "-9223372036854775809", "-(9223372036854775808)"] {
        assert_eq!(Expr::parse(text).unwrap_err().kind, InvalidKind::Value, "{text}");
    }
}

#[test]
fn a_fold_of_nothing_is_null_or_what_the_reference_says() {
    let of = |fold: &str| format!("packet.size.filter(packet.size < 0).{fold}");
    let story = payloads(&[5]);
    for (fold, wanted) in [
        ("count()", Int(0)),
        ("sum()", Int(0)),
        ("n_unique()", Int(0)),
        ("mean()", Null),
        ("std()", Null),
        ("var()", Null),
        ("min()", Null),
        ("max()", Null),
        ("entropy()", Null),
        ("quantile(0.5)", Null),
        ("ewm_mean(2)", Null),
        ("first(3)", ints(&[])),
        ("last(3)", ints(&[])),
        ("histogram([1, 2])", ints(&[0, 0, 0])),
    ] {
        check(&story, &[(&of(fold), wanted)]);
    }
    check(
        &story,
        &[
            ("packet.tcp_window.is_null().any()", Bool(true)),
            ("(packet.tcp_window > 1).any()", Bool(false)),
            ("(packet.tcp_window > 1).all()", Bool(true)),
            ("(packet.tcp_window / 1).sum()", Float(0.0)),
            ("(packet.tcp_window / 1).var()", Null),
            ("packet.payload.filter(packet.size < 0).entropy()", Null),
            ("packet.size.std()", Float(0.0)),
            ("(packet.size / 1).var()", Float(0.0)),
        ],
    );
}

#[test]
fn first_and_last_and_the_bins_of_histograms() {
    for count in 1..10 {
        let sizes: Vec<_> = (1..=count).collect();
        let numbers: Vec<_> = sizes.iter().map(|size| *size as i64).collect();
        let (first, last) = (&numbers[..count.min(3)], &numbers[count.saturating_sub(3)..]);
        let wanted = [
            ("packet.payload_size.first(3)", ints(first)),
            ("packet.payload_size.last(3)", ints(last)),
            ("packet.payload_size.last(1)", ints(&numbers[count - 1..])),
        ];
        check(&payloads(&sizes), &wanted);
    }
    check(
        &payloads(&[0, 1, 1, 2, 3, 4, 4]),
        &[
            ("packet.payload_size.histogram([1, 2, 4])", ints(&[1, 2, 2, 2])),
            ("(packet.payload_size / 2).histogram([0.5, 2.0])", ints(&[1, 4, 2])),
            ("packet.payload_size.histogram([-1.0, -0.5])", ints(&[0, 0, 7])),
            ("(packet.payload_size > 1).first(4)", List([false, false, false, true].map(Bool).to_vec())),
            ("(packet.payload_size > 1).mean() * 7", Float(4.0)),
            ("(packet.payload_size > 9).max()", Bool(false)),
            ("(packet.payload_size > 1).min()", Bool(false)),
            ("(packet.payload_size >= 0).min()", Bool(true)),
            ("(packet.payload_size == 2).var() * 7", Float(1.0)),
            ("(packet.payload_size > 1).entropy() < 1", Bool(true)),
        ],
    );
}

#[test]
fn gaps_run_backwards_with_the_stamps_and_know_their_direction() {
    let story = Scenario::new().at_ms(10).udp(A, B).at_ms(4).udp(B, A).at_ms(5).udp(A, B).at_ms(5).udp(B, A);
    check(
        &story,
        &[
            ("packet.gap.first(9)", ints(&[-6_000_000, 1_000_000, 0])),
            ("packet.direction_gap.first(9)", ints(&[-5_000_000, 1_000_000])),
            ("packet.gap.over(\"direction\").first(9)", ints(&[-5_000_000, 1_000_000])),
            ("packet.gap.min().over(\"direction\")", ints(&[-5_000_000, 1_000_000])),
            ("packet.time.diff().min()", Int(-6_000_000)),
            ("packet.gap.quantile(0) < -5940000", Bool(true)),
        ],
    );
}

#[test]
fn stamps_have_a_spread_however_many_there_are() {
    let story = (0..1000).fold(Scenario::new(), |story, nth| story.at_ms(nth).udp(A, B));
    let variance = 1e12 * 1000.0 * 1001.0 / 12.0;
    check(&story, &[("packet.time.var()", Float(variance)), ("packet.time.std()", Float(variance.sqrt()))]);
}

#[test]
fn zeros_of_both_signs_are_one_number() {
    check(
        &payloads(&[1, 2]),
        &[
            ("when(packet.index == 0).then(0.0).otherwise(-0.0).n_unique()", Int(1)),
            ("(0.0 == -0.0)", Bool(true)),
            ("when(packet.index == 0).then(0.0).otherwise(-0.0).quantile(1.0)", Float(0.0)),
        ],
    );
}

const STATE: [&str; 9] = [
    "packet.index.max()",
    "packet.gap.count()",
    "packet.payload_size.diff().count()",
    "packet.payload_size.first(9)",
    "packet.payload_size.last(2)",
    "packet.payload_size.n_unique()",
    "packet.payload_size.quantile(1) // 1",
    "packet.payload_size.entropy()",
    "packet.payload.entropy()",
];

/// What [`STATE`] is of payloads that differ from each other, all of zeros.
fn fresh(sizes: &[i64]) -> Vec<Value> {
    let count = sizes.len() as i64;
    let entropy = if count == 1 { 0.0 } else { (count as f64).log2() };
    let tail = ints(&sizes[sizes.len().saturating_sub(2)..]);
    let top = *sizes.iter().max().unwrap() as f64;
    // The middle of the bin is at most 1 % above.
    [
        Int(count - 1),
        Int(count - 1),
        Int(count - 1),
        ints(sizes),
        tail,
        Int(count),
        Float(top),
        Float(entropy),
        Float(0.0),
    ]
    .to_vec()
}

#[track_caller]
fn check_fresh(records: &[FlowRecord], wanted: &[&[i64]]) {
    let reasons: Vec<_> = records.iter().map(|record| record.export_reason).collect();
    assert_eq!(records.len(), wanted.len(), "{reasons:?}");
    for (record, sizes) in records.iter().zip(wanted) {
        for (text, wanted) in STATE.iter().zip(fresh(sizes)) {
            let got = record.metrics.get(text).unwrap();
            let near = matches!((got, &wanted), (Float(got), Float(wanted)) if (got - wanted).abs() <= 1.0 && text.contains("quantile"));
            assert!(near || *got == wanted, "{text} of {sizes:?}: {got:?}");
        }
    }
}

#[test]
fn a_segment_begins_anew() {
    let story = payloads(&[1, 2, 3, 4, 5]);
    let cut = |streamer: Streamer| streamer.active_timeout(Duration::from_secs(2));
    check_fresh(&records(&story, &STATE, cut), &[&[1, 2], &[3, 4], &[5]]);
}

#[test]
fn the_packet_after_the_one_that_ends_a_flow_begins_one() {
    let story = payloads(&[1, 2, 3, 4, 5]);
    let records_of = |condition: &str| records(&story, &STATE, |streamer| streamer.end_flow_when(expr(condition)));
    check_fresh(&records_of("packet.index >= 1"), &[&[1, 2], &[3, 4], &[5]]);
    check_fresh(&records_of("packet.payload_size.sum() > 5"), &[&[1, 2, 3], &[4, 5]]);
    check_fresh(&records_of("True"), &[&[1], &[2], &[3], &[4], &[5]]);
    check_fresh(&records_of("packet.tcp_window > 0"), &[&[1, 2, 3, 4, 5]]);
    check_fresh(&records_of("packet.gap.count() == 2"), &[&[1, 2, 3], &[4, 5]]);
}

#[test]
fn a_slot_that_is_used_again_remembers_nothing() {
    let mut story = Scenario::new();
    for (nth, end) in [A, C, A, C].into_iter().enumerate() {
        story = story.at_ms(nth as i64 * 10).udp(end, B).len(nth + 1).udp(end, B).len(nth + 10);
    }
    let evicted = records(&story, &STATE, |streamer| streamer.capacity(1));
    check_fresh(&evicted, &[&[1, 10], &[2, 11], &[3, 12], &[4, 13]]);
    let expired = payloads(&[1]).at_s(500).udp(A, B).len(2).at_s(1000).udp(C, B).len(3);
    check_fresh(&records(&expired, &STATE, |streamer| streamer), &[&[1], &[2], &[3]]);
}

#[test]
fn five_hundred_metrics_are_each_their_own() {
    let texts: Vec<_> =
        (0..500).map(|nth| format!("(packet.payload_size + {nth}).sum() - {nth} * packet.size.count()")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let records = records(&payloads(&[1, 2, 3]), &texts, |streamer| streamer);
    assert_eq!(records[0].metrics.iter().count(), 500);
    assert!(records[0].metrics.iter().all(|(_, value)| *value == Int(6)));
}

/// Whether these are taken together; what is refused must say why.
fn fits(texts: impl Iterator<Item = String>) -> bool {
    let streamer = texts.fold(Streamer::from_source(payloads(&[1]).source()), |streamer, text| {
        let expression = expr(&text);
        streamer.expression(text, expression)
    });
    match streamer.n_dissections(0).workers(0).start() {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().contains("too large"), "{error}");
            false
        }
    }
}

#[test]
fn what_is_too_large_together_is_refused() {
    let long = |count: usize, last: usize| {
        let lists = (0..count).map(|nth| format!("(packet.size + {nth}).first(1024)"));
        lists.chain([format!("packet.payload_size.first({last})")])
    };
    // 63 lists of 1025 words and one of 960 are 65,535.
    assert!(fits(long(63, 959)));
    assert!(!fits(long(63, 960)));
    assert!(!fits(long(70, 1)) && !fits(long(130, 1)));
    let texts: Vec<_> = long(63, 959).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let records = records(&payloads(&[3, 1, 4]), &texts, |streamer| streamer);
    assert_eq!(records[0].metrics.get(texts[63]), Some(&ints(&[3, 1, 4])));
    assert_eq!(records[0].metrics.get(texts[62]), Some(&ints(&[45 + 62, 43 + 62, 46 + 62])));
    let steps = |metrics: usize| {
        (0..metrics).map(|nth| {
            let steps = (0..20).fold(format!("(packet.size + {nth})"), |text, _| format!("({text} * 3)"));
            format!("{steps}.sum()")
        })
    };
    assert!(fits(steps(2_500)) && !fits(steps(3_500)) && !fits(steps(6_500)));
    let ends = |metrics: usize| {
        (0..metrics).map(|nth| (0..50).fold(format!("{nth}"), |text, _| format!("({text} + packet.size.sum())")))
    };
    assert!(fits(ends(600)) && !fits(ends(1_400)) && !fits(ends(2_800)));
}

#[test]
fn what_is_the_same_for_every_packet_is_still_to_be_folded() {
    for text in ["(1).over(\"direction\")", "(1).filter(True)", "(1).diff()"] {
        let metric = expr(text);
        assert_eq!(metric.ty(), Type::Int, "{text}");
        assert!(metric.check_metric().unwrap_err().to_string().contains("fold it"), "{text}");
        let folded = expr(&format!("{text}.count()"));
        assert_eq!((folded.ty(), folded.check_metric()), (Type::Int, Ok(())));
    }
    for text in ["(1).filter(flow.src_to_dst_pkts > 1)", "(1).filter(packet.tcp_syn.any())"] {
        let error = Expr::parse(text).unwrap_err();
        assert_eq!(error.kind, InvalidKind::Type);
        assert!(error.to_string().contains("for each packet"), "{error}");
    }
}
