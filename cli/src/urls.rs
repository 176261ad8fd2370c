//! `flowgauge urls`: what is asked for on the web.

use std::io::Write;

use flowgauge::Result;
use flowgauge::pipeline::{HttpMeta, ReverseDns, TlsMeta, UrlForm, UrlPrinter};

use crate::arguments::Urls;
use crate::meter::Ended;
use crate::pipes::{self, Standard};

/// Shows HTTP messages and TLS connections on standard output until there are no more packets, or somebody interrupts.
///
/// # Errors
///
/// Whatever ended the source before its end, or the output.
pub(crate) fn run(arguments: &Urls, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<Ended> {
    let (pipeline, stop) = arguments.packets.open()?;
    let names = ReverseDns::default().resolver(pipes::resolver(arguments.resolve.as_deref())?);
    // Bodies are counted, and nobody looks at them.
    let pipeline = pipeline.link(names).link(HttpMeta::new(0)).link(TlsMeta::default());
    let Standard { name, out, paint } = Standard::open()?;
    let form = match arguments {
        Urls { json: true, .. } => UrlForm::Json,
        Urls { csv: true, .. } => UrlForm::Csv,
        _ => UrlForm::Text,
    };
    let sink = Box::new(UrlPrinter::new(name, out, form).paint(paint));
    pipes::run(&arguments.packets, (pipeline, stop), sink, err, interrupted, |err, counts| {
        writeln!(err, "flowgauge: {} HTTP messages, {} TLS records", counts.http_messages, counts.tls_records)
    })
}
