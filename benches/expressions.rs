//! What expressions cost a packet in a meter without nDPI, beside none and beside a closure that does the same.
//!
//! `cargo bench --bench expressions`. The packets are decoded before: what is timed is metering alone, in batches like
//! those of a streamer. Over 50,000 packets, one ms more is 20 ns a packet more.

mod traffic;

use divan::Bencher;
use divan::counter::ItemsCount;
use flowgauge::Metric;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::expr::Expr;
use flowgauge::flow::FlowHasher;
use flowgauge::meter::{Meter, MeterConfig};

/// One of each kind that people ask for.
const TEN: [&str; 10] = [
    "(packet.size > 666).sum()",
    "packet.size.mean()",
    "packet.size.std()",
    "packet.gap.max()",
    "packet.payload_size.filter(packet.direction == 1).mean()",
    "(packet.gap > 1000000000).sum() + 1",
    "(packet.tcp_syn & ~packet.tcp_ack).any()",
    "packet.size.min()",
    "packet.ttl.max()",
    "packet.payload_size.filter(packet.direction == 0).sum() / packet.payload_size.sum()",
];
const PACKETS: usize = 50_000;
/// A few flows with many packets each, and many with a few.
const FLOWS: [u32; 2] = [16, 10_000];

fn main() {
    divan::main();
}

fn run(bencher: Bencher<'_, '_>, flows: u32, options: fn(MeterConfig) -> MeterConfig) {
    let hasher = FlowHasher::fixed();
    let (block, packets) = traffic::decoded(&traffic::frames(PACKETS, flows), &hasher);
    let classifier = ClassifierOptions { limits: DissectionLimits::NONE, ..ClassifierOptions::default() };
    let config = options(MeterConfig::new().classifier(classifier));
    bencher
        .counter(ItemsCount::new(PACKETS))
        .with_inputs(|| Meter::with_hasher(config.clone(), hasher.clone()).expect("the expressions fit"))
        .bench_values(|mut meter| {
            packets.chunks(traffic::BATCH).for_each(|batch| meter.observe_all(&block, batch));
            meter.finish();
            std::iter::from_fn(|| meter.pop()).count()
        });
}

fn with_expressions(config: MeterConfig, expressions: &[&str]) -> MeterConfig {
    expressions.iter().fold(config, |config, text| config.expression(*text, Expr::parse(text).expect("it reads")))
}

#[divan::bench(args = FLOWS)]
fn a_no_metric(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |config| config);
}

#[divan::bench(args = FLOWS)]
fn b_one_expression(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |config| with_expressions(config, &TEN[..1]));
}

#[divan::bench(args = FLOWS)]
fn c_ten_expressions(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |config| with_expressions(config, &TEN));
}

#[divan::bench(args = FLOWS)]
fn d_one_closure(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |config| {
        let big = Metric::fold(|| 0u64, |count, packet, _flow| *count += u64::from(packet.info.wire_len > 666));
        config.metric("big", &big)
    });
}
