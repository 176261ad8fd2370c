//! Expressions: what they read like, what is refused, and what they fold.

use std::path::PathBuf;

use flowgauge::expr::{Expr, InvalidKind, Stage, Type, methods, packet_fields};
use flowgauge::{FlowRecord, Streamer, Value};

use crate::support::run::own;

fn story() -> PathBuf {
    own().into_iter().find(|path| path.ends_with("story.pcap")).unwrap()
}

/// The records of a capture of ours with one metric, `x`.
fn metered(expression: &str) -> Vec<FlowRecord> {
    let expression = Expr::parse(expression).unwrap();
    let streamer = Streamer::from_file(story()).n_dissections(0).workers(0).expression("x", expression);
    streamer.start().unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_expression_reads_as_it_was_written() {
    for text in [
        "(packet.size > 666).sum()",
        "packet.payload_size.filter(packet.direction == 1).mean()",
        "packet.size.first(20)",
        "packet.gap.quantile(0.9) / 1000000.0",
        "(packet.gap > 1000000000).sum() + 1",
        "(packet.tcp_syn & ~packet.tcp_ack).any()",
        "packet.payload.entropy()",
        "packet.size.sum() / flow.src_to_dst_pkts",
        "when(packet.size > 100).then(1).otherwise(-1).sum()",
        "packet.size.diff().over(\"direction\").max()",
        "packet.size.sum().over(\"direction\")",
        "packet.size.histogram([-1.5, 0.0, 64.0])",
        "(packet.size - (packet.ttl - 1)).clip(0, 10).last(3)",
        "packet.size * (packet.ttl + 2) // 3 % 7 << 2 >> 1",
        "(1 - -packet.size).abs().log2().ewm_mean(2.5)",
        "flow.application_name == \"TLS \\\"x\\\\\"",
        "packet.payload.filter(packet.index < 3).byte(2).fill_null(-1).n_unique()",
    ] {
        let expr = Expr::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(expr.to_string(), text);
        assert_eq!(Expr::parse(&expr.to_string()).unwrap(), expr);
    }
    assert_eq!(Expr::parse(" ( ( packet.size ) ) ").unwrap().to_string(), "packet.size");
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (text, kind, words) in [
        ("packet.sise", InvalidKind::Unknown, "size"),
        ("packet.size.summ()", InvalidKind::Unknown, "sum"),
        ("flow.src_to_dst_packets > 1", InvalidKind::Unknown, "src_to_dst_pkts"),
        ("packet.size.sum().sum()", InvalidKind::Type, "one of the flow already"),
        ("packet.size + packet.size.sum()", InvalidKind::Type, "fold the first"),
        ("packet.size & packet.tcp_syn", InvalidKind::Type, "two bools or two ints"),
        ("packet.size > 1 & packet.ttl > 2", InvalidKind::Value, "one comparison"),
        ("packet.size.any()", InvalidKind::Type, "takes bools"),
        ("packet.payload.sum()", InvalidKind::Type, "takes numbers"),
        ("packet.size.first(0)", InvalidKind::Value, "1 to 1024"),
        ("packet.size.quantile(1.5)", InvalidKind::Value, "from 0 to 1"),
        ("packet.size.histogram([2, 1])", InvalidKind::Value, "rising"),
        ("packet.size.filter(packet.size)", InvalidKind::Type, "takes a bool"),
        ("packet.size.over(\"port\")", InvalidKind::Value, "direction"),
        ("__import__", InvalidKind::Value, "packet.FIELD"),
        ("1 +", InvalidKind::Value, "the end"),
        ("99999999999999999999", InvalidKind::Value, "64 bits"),
        ("\"open", InvalidKind::Value, "quote"),
    ] {
        let error = Expr::parse(text).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let deep = format!("{}packet.size{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(Expr::parse(&deep).is_err());
    assert!(Expr::parse(&"~".repeat(15_000)).is_err());
}

#[test]
fn doubling_a_tree_again_and_again_comes_to_an_end() {
    let mut expr = Expr::packet("size").unwrap();
    let grown = (0..100).try_for_each(|_| {
        expr = Expr::binary(flowgauge::expr::Binary::Add, &expr, &expr)?;
        Ok::<_, flowgauge::expr::Invalid>(())
    });
    assert!(grown.unwrap_err().to_string().contains("parts"));
}

#[test]
fn whatever_can_be_built_can_be_read() {
    let size = Expr::packet("size").unwrap();
    let add = |one: &Expr, other: &Expr| Expr::binary(flowgauge::expr::Binary::Add, one, other);
    let negated = |part: &Expr| Expr::unary(flowgauge::expr::Unary::Neg, part);
    let mut tallest = size.clone();
    while let Ok(taller) = add(&size, &tallest) {
        tallest = taller;
    }
    let mut signed = size.clone();
    while let Ok(taller) = negated(&signed).and_then(|signed| add(&size, &signed)) {
        signed = taller;
    }
    let mut widest = size.clone();
    while let Ok(wider) = add(&widest, &widest) {
        widest = wider;
    }
    for expr in [tallest, signed, widest] {
        assert_eq!(Expr::parse(&expr.to_string()).as_ref(), Ok(&expr));
    }
}

#[test]
fn a_metric_is_folded_like_the_counts() {
    for record in metered("packet.size.sum()") {
        assert_eq!(record.metrics.get("x"), Some(&Value::from(record.total().bytes)));
    }
    for record in metered("packet.size.count().over(\"direction\")") {
        let counts = record.counts.map(|counts| Value::from(counts.pkts)).to_vec();
        assert_eq!(record.metrics.get("x"), Some(&Value::List(counts)));
    }
    for record in metered("flow.src_to_dst_bytes + flow.dst_to_src_bytes == packet.size.sum()") {
        assert_eq!(record.metrics.get("x"), Some(&Value::Bool(true)));
    }
}

#[test]
fn flows_end_when_they_are_told_to_and_others_are_withheld() {
    let source = || Streamer::from_file(story()).n_dissections(0).workers(0);
    let end = Expr::parse("packet.index >= 1").unwrap();
    let mut flows = source().end_flow_when(end).start().unwrap();
    let records: Vec<_> = flows.by_ref().map(Result::unwrap).collect();
    assert!(records.iter().all(|record| record.total().pkts <= 2));
    assert!(records.iter().any(|record| record.export_reason.number() == 16));
    let so_far = Expr::parse("packet.size.sum() > 1000").unwrap();
    let records: Vec<_> = source().end_flow_when(so_far).start().unwrap().map(Result::unwrap).collect();
    let ended = records.iter().filter(|record| record.export_reason.number() == 16);
    assert!(ended.clone().count() > 0 && ended.clone().all(|record| record.total().bytes > 1000));
    let keep = Expr::parse("flow.src_to_dst_pkts > 3").unwrap();
    let mut flows = source().keep_flows(keep).start().unwrap();
    let kept = flows.by_ref().map(Result::unwrap).inspect(|record| assert!(record.counts[0].pkts > 3)).count();
    let report = flows.report();
    report.check().unwrap();
    let all = source().start().unwrap().count();
    assert!(kept > 0 && report.withheld > 0);
    assert_eq!(kept as u64 + report.withheld, all as u64);
}

#[test]
fn every_field_and_method_is_documented_and_known_to_the_parser() {
    for field in packet_fields() {
        let expr = Expr::parse(&format!("packet.{}", field.name)).unwrap();
        assert_eq!((expr.ty(), expr.stage()), (field.ty, Stage::Packet));
        assert!(field.doc.ends_with('.'), "{}", field.name);
    }
    for method in methods() {
        assert!(method.doc.ends_with('.'), "{}", method.name);
    }
    assert_eq!(Expr::parse("packet.size.mean()").unwrap().ty(), Type::Float);
}

#[test]
fn memory_is_told_also_where_records_merge() {
    let bytes = |text| {
        let expr = Expr::parse(text).unwrap();
        (expr.state_bytes().unwrap(), expr.mergeable_state_bytes().unwrap())
    };
    let (count, mergeable) = bytes("packet.size.count()");
    assert_eq!((count, mergeable - count), (8, size_of::<Vec<u8>>()));
    // For both directions.
    let (one, both) = bytes("packet.size.filter(packet.direction == 1).count()");
    assert_eq!((one, both), (8, 2 * mergeable));
    // Beside the first packet may lie what was folded before it.
    let (list, mergeable) = bytes("packet.gap.first(1000)");
    assert!((8000..8100).contains(&list) && (2 * list..2 * list + 1000).contains(&mergeable), "{list} {mergeable}");
    // Each direction has a first.
    let (list, mergeable) = bytes("packet.direction_gap.first(1000)");
    assert!((6 * list..6 * list + 3000).contains(&mergeable), "{list} {mergeable}");
    assert!(Expr::parse("packet.size").unwrap().mergeable_state_bytes().is_err());
}

#[test]
fn an_error_names_the_part_as_it_reads() {
    for (text, part) in [
        ("(packet.size / 2).entropy()", "(packet.size / 2).entropy(): "),
        ("(packet.size.sum() + 1).max().sum()", "(packet.size.sum() + 1).max(): "),
        ("(packet.size + 1).over(3)", "(packet.size + 1).over(...): "),
    ] {
        let told = Expr::parse(text).unwrap_err().to_string();
        assert!(told.starts_with(part), "{told}");
    }
}
