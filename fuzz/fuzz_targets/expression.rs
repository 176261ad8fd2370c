//! Any text as an expression: what is read reads the same again, and folds the packets that the rest of the input makes.
#![no_main]

use flowgauge::capture::memory::MemorySource;
use flowgauge::expr::{Expr, Stage, Type};
use flowgauge::packet::LinkType;
use flowgauge::{Streamer, Timestamp, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The text ends with the first 0; packets follow.
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (text, packets) = input.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(expr) = Expr::parse(text) else { return };
    let written = expr.to_string();
    assert_eq!(Expr::parse(&written).as_ref(), Ok(&expr), "{written}");
    let streamer = || Streamer::from_source(source(packets)).n_dissections(0).workers(0);
    assert_eq!(expr.state_bytes().is_ok(), expr.check_metric().is_ok(), "{written}");
    if expr.check_metric().is_ok() {
        let mut flows = streamer().expression("x", expr.clone()).start().expect("it was checked");
        for record in flows.by_ref() {
            let record = record.expect("packets in memory are read");
            let value = record.metrics.get("x").expect("every record has it");
            assert!(fits(value, expr.ty()), "{written}: {value:?}");
        }
        flows.report().check().expect("it adds up");
    }
    if expr.ty() == Type::Bool && expr.stage() != Stage::Flow {
        let mut flows = streamer().end_flow_when(expr).start().expect("it has a truth value for each packet");
        assert!(flows.by_ref().all(|record| record.is_ok()));
        flows.report().check().expect("it adds up");
    }
});

/// Frames of two hosts, a few bytes each: a step of time, flags, the size of the payload, and who speaks.
fn source(bytes: &[u8]) -> MemorySource {
    let (mut source, mut now) = (MemorySource::new(), 0_i64);
    for &[step, flags, size, who] in bytes.as_chunks::<4>().0.iter().take(64) {
        now = now.saturating_add(i64::from(step.cast_signed()) << (who >> 3));
        let mut frame =
            vec![0x45, 0, 0, 40 + size / 2, 0, 0, 0, 0, who, 6, 0, 0, 10, 0, 0, who & 1, 10, 0, 0, !who & 1];
        frame.extend([0, 80, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, size, who, 0, 0, 0, 0]);
        frame.resize(frame.len() + usize::from(size / 2), step);
        let captured = if who & 2 == 0 { frame.len() } else { usize::from(flags).min(frame.len()) };
        source.push_cut(Timestamp::from_nanos(now), LinkType::RAW, &frame[..captured], frame.len() as u32);
    }
    source
}

/// Whether a value has this type, or is null.
fn fits(value: &Value, ty: Type) -> bool {
    let all = |ty| matches!(value, Value::List(values) if values.iter().all(|value| fits(value, ty)));
    match (value, ty) {
        (_, Type::Bools) => all(Type::Bool),
        (_, Type::Ints) => all(Type::Int),
        (_, Type::Floats) => all(Type::Float),
        (Value::Null, _) | (Value::Bool(_), Type::Bool) | (Value::Int(_), Type::Int) => true,
        (Value::Float(number), Type::Float) => number.is_finite(),
        _ => false,
    }
}
