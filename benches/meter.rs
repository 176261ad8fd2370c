//! What a packet costs in a meter alone: the key of its flow and its hash, a flow that begins, one that lives among many,
//! flows that end, what nDPI adds, and keys that somebody chose to collide.
//!
//! `cargo bench --bench meter`. The packets are decoded before and come in batches like those of a streamer. The flood has
//! no locality: every packet is of another flow, in an order of its own in every round.

mod traffic;

use std::sync::Arc;
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::flow::{FlowHasher, FlowKey};
use flowgauge::meter::{Descriptor, Meter, MeterConfig};
use flowgauge::packet::Block;

/// Living flows: what fits a cache of the processor, what does not quite, and what does not at all.
const LIVING: [u32; 3] = [10_000, 100_000, 1_250_000];
const COLLIDING: usize = 20_000;
/// The lowest bits of a hash, where a table looks first, that are all zero in a set that was built to collide.
const CHOSEN_BITS: u64 = (1 << 10) - 1;

fn main() {
    divan::main();
}

fn config() -> MeterConfig {
    MeterConfig::new().classifier(ClassifierOptions { limits: DissectionLimits::NONE, ..ClassifierOptions::default() })
}

fn meter(hasher: &FlowHasher) -> Meter {
    Meter::with_hasher(config(), hasher.clone()).expect("nothing here can be refused")
}

fn observe(meter: &mut Meter, block: &Arc<Block>, packets: &[Descriptor]) {
    packets.chunks(traffic::BATCH).for_each(|batch| meter.observe_all(block, batch));
}

/// One packet of each flow, in an order that `round` picks.
fn round(flows: u32, round: u32, hasher: &FlowHasher) -> (Arc<Block>, Vec<Descriptor>) {
    let mut order: Vec<u32> = (0..flows).collect();
    order.sort_unstable_by_key(|flow| traffic::random::mix(u64::from(*flow) | u64::from(round) << 32));
    traffic::decoded(&traffic::round_of_flood(order.into_iter(), round), hasher)
}

#[divan::bench]
fn a_key_and_its_hash(bencher: Bencher<'_, '_>) {
    let hasher = FlowHasher::random();
    let (_, packets) = round(10_000, 0, &hasher);
    bencher.counter(ItemsCount::new(packets.len())).bench_local(|| {
        for packet in &packets {
            let info = black_box(packet.info());
            let (src, dst) = ((info.src, info.src_port), (info.dst, info.dst_port));
            let (key, _) = FlowKey::new(info.ip_version, info.ip_protocol, src, dst, info.vlan_id);
            black_box(hasher.hash(&key));
        }
    });
}

#[divan::bench(args = LIVING, sample_count = 5, sample_size = 1)]
fn b_flows_that_begin(bencher: Bencher<'_, '_>, flows: u32) {
    let hasher = FlowHasher::random();
    let (block, packets) = round(flows, 0, &hasher);
    bencher.counter(ItemsCount::new(packets.len())).with_inputs(|| meter(&hasher)).bench_local_values(|mut meter| {
        observe(&mut meter, &block, &packets);
        meter
    });
}

#[divan::bench(args = LIVING, sample_count = 5, sample_size = 1)]
fn c_flows_that_live(bencher: Bencher<'_, '_>, flows: u32) {
    let hasher = FlowHasher::random();
    let mut meter = meter(&hasher);
    let (block, packets) = round(flows, 0, &hasher);
    observe(&mut meter, &block, &packets);
    let (block, packets) = round(flows, 1, &hasher);
    bencher.counter(ItemsCount::new(packets.len())).bench_local(|| observe(&mut meter, &block, &packets));
    assert_eq!(meter.living().flows, u64::from(flows));
}

#[divan::bench(args = LIVING, sample_count = 5, sample_size = 1)]
fn d_flows_that_are_due(bencher: Bencher<'_, '_>, flows: u32) {
    let hasher = FlowHasher::random();
    let (block, packets) = round(flows, 0, &hasher);
    bencher
        .counter(ItemsCount::new(packets.len()))
        .with_inputs(|| {
            let mut meter = meter(&hasher);
            observe(&mut meter, &block, &packets);
            meter.advance(traffic::stamp(Duration::from_secs(3600).as_nanos() as u64));
            meter
        })
        .bench_local_values(|mut meter| {
            let ended = std::iter::from_fn(|| meter.pop()).count();
            assert_eq!(ended, packets.len());
            meter
        });
}

/// Everyday sessions, with and without nDPI on the first 20 packets of a flow.
#[divan::bench(args = [0, 20], sample_count = 5, sample_size = 1)]
fn e_everyday_traffic_by_dissected_packets(bencher: Bencher<'_, '_>, dissected: u32) {
    let hasher = FlowHasher::random();
    let frames = traffic::of(|sink| traffic::session::mix_of(3000, sink));
    let (block, packets) = traffic::decoded(&frames, &hasher);
    let limits = if dissected == 0 { DissectionLimits::NONE } else { DissectionLimits::default() };
    let config = MeterConfig::new().classifier(ClassifierOptions { limits, ..ClassifierOptions::default() });
    bencher
        .counter(ItemsCount::new(packets.len()))
        .with_inputs(|| Meter::with_hasher(config.clone(), hasher.clone()).expect("nDPI opens"))
        .bench_local_values(|mut meter| {
            observe(&mut meter, &block, &packets);
            meter.finish();
            std::iter::from_fn(|| meter.pop()).count()
        });
}

/// Who knows the hash finds keys whose places are all the same; the hash of a meter is keyed, so that they are not.
#[divan::bench(args = ["any keys", "chosen keys", "chosen keys and no secret"], sample_count = 5, sample_size = 1)]
fn f_keys_chosen_to_collide(bencher: Bencher<'_, '_>, case: &str) {
    let known = FlowHasher::fixed();
    let hasher = if case.ends_with("no secret") { known.clone() } else { FlowHasher::random() };
    let mut keys: Vec<u32> = (0..COLLIDING as u32).collect();
    if case != "any keys" {
        keys = colliding(&known);
    }
    let (block, packets) = traffic::decoded(&traffic::round_of_flood(keys.into_iter(), 0), &hasher);
    bencher.counter(ItemsCount::new(packets.len())).with_inputs(|| meter(&hasher)).bench_local_values(|mut meter| {
        observe(&mut meter, &block, &packets);
        meter
    });
}

/// Flows of the flood that fall into the same few places of a table with this hash.
fn colliding(known: &FlowHasher) -> Vec<u32> {
    let mut found = Vec::new();
    for start in (0..).step_by(1 << 16) {
        let flows = start..start + (1 << 16);
        let (_, packets) = traffic::decoded(&traffic::round_of_flood(flows.clone(), 0), known);
        let collide = flows.zip(packets).filter(|(_, packet)| packet.hash() & CHOSEN_BITS == 0);
        found.extend(collide.map(|(flow, _)| flow));
        if found.len() >= COLLIDING {
            break;
        }
    }
    found.truncate(COLLIDING);
    found
}
