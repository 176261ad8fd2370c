//! Packets a second through a whole streamer, without nDPI: with and without workers, with and without a metric.
//!
//! `cargo bench --bench streamer`

mod traffic;

use divan::Bencher;
use divan::counter::ItemsCount;
use flowgauge::{Metric, Streamer};

const FRAMES: usize = 200_000;

fn main() {
    divan::main();
}

fn run(bencher: Bencher<'_, '_>, flows: u32, options: fn(Streamer) -> Streamer) {
    let frames = traffic::frames(FRAMES, flows);
    bencher
        .counter(ItemsCount::new(FRAMES))
        .with_inputs(|| options(Streamer::from_source(traffic::source(&frames)).n_dissections(0)))
        .bench_values(|streamer| streamer.start().expect("frames from memory open").count());
}

#[divan::bench(args = [100, 100_000])]
fn in_the_capture_thread(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |streamer| streamer.workers(0));
}

#[divan::bench(args = [100, 100_000])]
fn on_one_worker(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |streamer| streamer.workers(1));
}

#[divan::bench(args = [100, 100_000])]
fn with_a_metric(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, |streamer| {
        let syns = Metric::fold(|| 0u64, |n, packet, _flow| *n += u64::from(packet.tcp_flags().syn()));
        streamer.workers(0).metric("syns", syns)
    });
}
