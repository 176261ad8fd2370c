//! `flowgauge dns`: DNS messages, for people to look at.

use std::io::Write;

use flowgauge::Result;
use flowgauge::pipeline::{Batch, DnsCsv, DnsMeta, DnsSummary, Item, JsonSink, PacketView, Sink, TransportMeta};

use crate::arguments::Asking;
use crate::meter::Ended;
use crate::pipes::{self, Standard};

/// Shows DNS messages on standard output until there are no more packets, or somebody interrupts; says on standard error how
/// many there were.
///
/// # Errors
///
/// Whatever ended the source before its end, or the output.
pub(crate) fn run(arguments: &Asking, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<Ended> {
    let (pipeline, stop) = arguments.packets.open()?;
    let anomalies = arguments.anomalies;
    // The other sinks look by themselves, so that messages are parsed once.
    let looks = anomalies && arguments.json;
    let pipeline = pipeline.link(TransportMeta::default()).link(DnsMeta::default());
    let pipeline = pipeline.link(move |batch: &mut Batch| {
        let Batch { block, items, .. } = batch;
        items.retain(|item| match item {
            // The others of its messages are told, too.
            Item::Packet(item) if looks => {
                PacketView::new(item, block).dns().iter().any(|dns| !dns.anomalies().is_empty())
            }
            Item::Packet(item) => item.has_dns(),
            _ => false,
        });
        Ok(())
    });
    let Standard { name, out, paint } = Standard::open()?;
    let sink: Box<dyn Sink> = match arguments {
        Asking { json: true, .. } => Box::new(JsonSink::new(name, out)),
        Asking { csv: true, .. } => Box::new(DnsCsv::new(name, out).anomalies(anomalies)),
        _ => Box::new(DnsSummary::new(name, out).paint(paint).anomalies(anomalies)),
    };
    pipes::run(&arguments.packets, (pipeline, stop), sink, err, interrupted, |err, counts| {
        writeln!(err, "flowgauge: {} DNS messages", counts.dns_messages)
    })
}
