//! The command `flowgauge`: flow records from captures and interfaces.
//!
//! A library, so that the program and the command that the Python package installs are the same.

mod arguments;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::time::Duration;

use clap::Parser;
use flowgauge::export::{CsvExporter, Exporter, JsonLinesExporter};
use flowgauge::streamer::Waited;
use flowgauge::{Error, FlowRecord, Flows, Result};

use arguments::{Arguments, Format};

/// Runs the command with these arguments, the program's name first; gives its exit status.
///
/// Records go to `out`, all else to `err`. As soon as `interrupted` says so, reading stops, and the flows so far are
/// written; the status is then 130. 0 is success, 1 an error, 2 a usage error.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    interrupted: &dyn Fn() -> bool,
) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            let (stream, code): (&mut dyn Write, u8) = if usage.use_stderr() { (err, 2) } else { (out, 0) };
            // There is nobody to tell if this cannot be written.
            let _ = write!(stream, "{usage}").and_then(|()| stream.flush());
            return code;
        }
    };
    match meter(&arguments, out, err, interrupted) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(err, "flowgauge: {error}");
            // An option out of range is as wrong as one that does not exist.
            if matches!(error, Error::Option { .. } | Error::Expression { .. }) { 2 } else { 1 }
        }
    }
}

fn meter(
    arguments: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
    interrupted: &dyn Fn() -> bool,
) -> Result<u8> {
    let mut flows = arguments.streamer().start()?;
    let mut exporter = exporter(arguments.format, out, &flows);
    // What was metered before a damage is written all the same.
    let written = match write_all(&mut flows, exporter.as_mut(), interrupted) {
        Err(error @ Error::Write { .. }) => Err(error),
        other => exporter.finish().and(other),
    };
    if matches!(&written, Err(Error::Write { source, .. }) if source.kind() == ErrorKind::BrokenPipe) {
        return Ok(0);
    }
    drop(exporter);
    let report = flows.report();
    for warning in &report.warnings {
        let _ = writeln!(err, "flowgauge: warning: {warning}");
    }
    if arguments.report {
        let _ = writeln!(err, "{report}");
    }
    let code = written?;
    report.check()?;
    Ok(code)
}

fn exporter<'a>(format: Format, out: &'a mut dyn Write, flows: &Flows) -> Box<dyn Exporter + 'a> {
    match format {
        Format::Json => Box::new(JsonLinesExporter::new("standard output", out)),
        Format::Csv => Box::new(CsvExporter::new("standard output", out, flows.schema().clone())),
        Format::None => Box::new(Discard),
    }
}

/// Throws records away, for whoever wants to know what the rest costs.
struct Discard;

impl Exporter for Discard {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        std::hint::black_box(record);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Writes every record; an interruption stops the source, and what was read is written still.
fn write_all(flows: &mut Flows, exporter: &mut dyn Exporter, interrupted: &dyn Fn() -> bool) -> Result<u8> {
    let mut stopped = false;
    loop {
        match flows.wait(LOOK)? {
            Waited::Record(record) => exporter.export(&record)?,
            // Whoever reads along sees the flows of a slow source as they come.
            Waited::Nothing => exporter.finish()?,
            Waited::End => return Ok(if stopped { INTERRUPTED } else { 0 }),
        }
        if !stopped && interrupted() {
            flows.stop_handle().stop();
            stopped = true;
        }
    }
}

/// How often a quiet source is looked after.
const LOOK: Duration = Duration::from_millis(100);
const INTERRUPTED: u8 = 130;
