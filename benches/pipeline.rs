//! Packets a second through a pipeline of native links, beside the meter alone.
//!
//! `cargo bench --bench pipeline`

mod traffic;

use std::io::sink;

use divan::Bencher;
use divan::counter::ItemsCount;
use flowgauge::Streamer;
use flowgauge::pipeline::{
    Counter, DnsMeta, PacketMeta, PacketPrinter, PacketStreamer, PacketSummary, Pipeline, ReverseDns, Sink, Tagger,
    TransportMeta,
};

const FRAMES: usize = 200_000;

fn main() {
    divan::main();
}

fn pipeline(streamer: Streamer) -> Pipeline {
    Pipeline::new(PacketStreamer::new(streamer).expect("frames from memory open"))
        .link(PacketMeta::default())
        .link(TransportMeta::default())
        .link(ReverseDns::default())
        .link(Tagger::default())
        .link(DnsMeta::default())
}

fn run<S: Sink>(bencher: Bencher<'_, '_>, flows: u32, to: impl Fn() -> S + Sync) {
    let frames = traffic::frames(FRAMES, flows);
    bencher
        .counter(ItemsCount::new(FRAMES))
        .with_inputs(|| pipeline(Streamer::from_source(traffic::source(&frames))))
        .bench_values(|pipeline| pipeline.pull(&mut to()).expect("memory is read and nothing written"));
}

#[divan::bench(args = [100, 100_000])]
fn five_links_counted(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, Counter::default);
}

#[divan::bench(args = [100, 100_000])]
fn a_line_a_packet(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, || PacketSummary::new("nothing", sink()));
}

#[divan::bench(args = [100])]
fn a_block_a_packet(bencher: Bencher<'_, '_>, flows: u32) {
    run(bencher, flows, || PacketPrinter::new("nothing", sink()));
}

#[divan::bench(args = [100, 100_000])]
fn metering_alone(bencher: Bencher<'_, '_>, flows: u32) {
    let frames = traffic::frames(FRAMES, flows);
    bencher
        .counter(ItemsCount::new(FRAMES))
        .with_inputs(|| Streamer::from_source(traffic::source(&frames)).n_dissections(0).workers(0))
        .bench_values(|streamer| streamer.start().expect("frames from memory open").count());
}
