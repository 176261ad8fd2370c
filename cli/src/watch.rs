//! `flowgauge watch`: packets, for people to look at.

use std::io::Write;

use flowgauge::Result;
use flowgauge::pipeline::{CsvSink, JsonSink, PacketPrinter, PacketSummary, ReverseDns, Sink, Tagger, TransportMeta};

use crate::arguments::Watching;
use crate::meter::Ended;
use crate::pipes::{self, Standard};

/// Shows packets on standard output until there are no more, or somebody interrupts; says on standard error what they were.
///
/// # Errors
///
/// Whatever ended the source before its end, or the output.
pub(crate) fn run(arguments: &Watching, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<Ended> {
    let (pipeline, stop) = arguments.packets.open()?;
    let names = ReverseDns::default().resolver(pipes::resolver(arguments.resolve.as_deref())?);
    let pipeline = pipeline.link(TransportMeta::default()).link(names);
    let pipeline = if arguments.tags { pipeline.link(Tagger::default()) } else { pipeline };
    let sink = sink(arguments)?;
    pipes::run(&arguments.packets, (pipeline, stop), sink, err, interrupted, |_, _| Ok(()))
}

fn sink(arguments: &Watching) -> Result<Box<dyn Sink>> {
    let Standard { name, out, paint } = Standard::open()?;
    Ok(match arguments {
        Watching { json: true, .. } => Box::new(JsonSink::new(name, out)),
        Watching { csv: true, .. } => Box::new(CsvSink::new(name, out)),
        Watching { summary: true, .. } => Box::new(PacketSummary::new(name, out).paint(paint)),
        _ => Box::new(PacketPrinter::new(name, out).paint(paint)),
    })
}
