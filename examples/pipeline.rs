//! Packets of the network's own names, a line each, and what they came to:
//! `cargo run --example pipeline -- tests/data/dns.pcap`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::sync::Arc;

use flowgauge::meter::MeterConfig;
use flowgauge::pipeline::{
    Branch, Counter, Flows, Item, PacketMeta, PacketStreamer, PacketSummary, Pipeline, ReverseDns, Tagger,
    TransportMeta, Way,
};
use flowgauge::{Result, Streamer};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "tests/data/dns.pcap".to_owned());
    let large = |bytes: u32| {
        move |packet: &flowgauge::pipeline::PacketView<'_>| (packet.item.wire_len() > bytes).then(|| Arc::from("large"))
    };
    // Two ways: a line a packet that has a tag, and flows, which are only counted here.
    let tagged = |item: &Item| matches!(item, Item::Packet(packet) if packet.tag_names().next().is_some());
    let mut branch = Branch::default()
        .way(Way::new("lines", PacketSummary::new("standard output", std::io::stdout())).only(tagged))
        .way(Way::new("flows", Counter::default()).link(Flows::new(MeterConfig::new())?));
    let counts = Pipeline::new(PacketStreamer::new(Streamer::from_file(path))?)
        .link(PacketMeta::default())
        .link(TransportMeta::default())
        .link(ReverseDns::default())
        .link(Tagger::default().tag_by(large(300)))
        .pull(&mut branch)?;
    println!("{} frames, {} flows, {} names learnt", counts.frames, counts.flows, counts.lookups.learnt);
    Ok(())
}
