//! `flowgauge convert`: files of flow records in another format.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use flowgauge::export::{Exporter, Rotation};
use flowgauge::flow::schema::{Cell, Column, ColumnKind, Schema};
use flowgauge::{Error, FlowRecord};

use crate::arguments::{Conversion, Writing};
use crate::fields::{self, Fields};
use crate::files::{Layout, Records};
use crate::flow_table::USED;
use crate::output::{Format, Output, Target};
use crate::series;
use crate::status;

/// Why records are not written.
pub(crate) enum Failed {
    /// An argument does not fit.
    Usage(String),
    /// A file is not what it should be.
    Input(String),
    Output(Error),
    Interrupted,
}

/// Converts, and gives the exit status.
pub(crate) fn run(conversion: &Conversion, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    status(convert(conversion, err, interrupted), err)
}

/// Says what went wrong, and gives the exit status; nobody is to be told if that cannot be written.
pub(crate) fn status(ended: Result<(), Failed>, err: &mut dyn Write) -> u8 {
    let (status, words) = match ended {
        Ok(()) => return status::DONE,
        // Whoever read along wants no more.
        Err(Failed::Output(Error::Write { source, .. })) if source.kind() == ErrorKind::BrokenPipe => {
            return status::DONE;
        }
        Err(Failed::Interrupted) => return status::INTERRUPTED,
        Err(Failed::Usage(words)) => (status::USAGE, words),
        Err(Failed::Input(words)) => (status::FAILED, words),
        Err(Failed::Output(error)) => (status::of(&error), error.to_string()),
    };
    let _ = writeln!(err, "flowgauge: {}", crate::text::harmless(&words));
    status
}

fn convert(conversion: &Conversion, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<(), Failed> {
    let output = output(&conversion.writing).map_err(Failed::Usage)?;
    let (first, others) = conversion.files.split_first().expect("clap asks for one");
    if !output.rotation.is_never()
        && let Some(file) =
            conversion.files.iter().find(|file| output.file().is_some_and(|name| series::is_of(name, file)))
    {
        let words = format!("{}: a file of the output may get this name: choose another -w", file.display());
        return Err(Failed::Usage(words));
    }
    let open = |path| Records::open(path, conversion.from_verbatim).map_err(Failed::Input);
    let mut records = open(first)?;
    let layout = records.layout().clone();
    let mut target = output.open().map_err(Failed::Output)?;
    let mut sink = Sink::new(&output, &conversion.writing, &layout, &mut target)?;
    let mut others = others.iter();
    loop {
        if interrupted() {
            return Err(Failed::Interrupted);
        }
        let some = records.next_records().map_err(Failed::Input)?;
        if !some.is_empty() {
            sink.write(&some)?;
            continue;
        }
        let Some(next) = others.next() else { break };
        records = open(next)?;
        records.go_on_behind(&layout).map_err(Failed::Input)?;
    }
    let lossy = sink.finish()?;
    target.complete(&output).map_err(Failed::Output)?;
    tell_loss(lossy, err);
    Ok(())
}

/// What the arguments say of the output.
///
/// # Errors
///
/// What to tell the user when that is nothing.
pub(crate) fn output(writing: &Writing) -> Result<Output, String> {
    let mut output = Output::new(writing.write.as_deref(), writing.format, writing.verbatim)?;
    if let Some(collector) = &output.collector {
        return Err(format!("-w {collector}: a collector gets flows as they are metered; write a file here"));
    }
    let ipfix = output.format == Format::Ipfix;
    if ipfix && output.room.is_some() {
        return Err("IPFIX is not for a terminal: -w NAME.ipfix".to_owned());
    }
    if ipfix && !writing.fields.is_empty() {
        return Err("-F is for tables: IPFIX has flows, with all elements that there are for them".to_owned());
    }
    if writing.uniflow && !ipfix {
        return Err("--uniflow is for IPFIX: it goes with -o ipfix or -w NAME.ipfix".to_owned());
    }
    let rotation = Rotation::default()
        .rows(writing.rotate_rows)
        .bytes(writing.rotate_bytes)
        .interval(writing.rotate_seconds.map(|seconds| Duration::from_secs(seconds.get())));
    if !rotation.is_never() && output.file().is_none() {
        return Err("--rotate-rows, --rotate-bytes and --rotate-seconds are for files: they go with -w NAME".to_owned());
    }
    output.rotation = rotation;
    output.nanoseconds = writing.nanoseconds;
    output.ipfix = output.ipfix.uniflow(writing.uniflow);
    Ok(output)
}

/// What takes records.
pub(crate) struct Sink<'a> {
    exporter: Box<dyn Exporter + 'a>,
    /// Columns of times that text tells in milliseconds.
    coarse: Vec<&'static Column>,
    /// How many records had more than that to tell.
    lossy: u64,
}

impl<'a> Sink<'a> {
    /// A writer of records with this layout; it writes to `target`, or to files of its own.
    pub(crate) fn new(
        output: &'a Output,
        writing: &Writing,
        layout: &Layout,
        target: &'a mut Target,
    ) -> Result<Self, Failed> {
        let schema = layout.schema();
        let fields = fields(writing, layout, output.format).map_err(Failed::Usage)?;
        let of_ipfix = ["ip_src", "ip_dst", "start_time", "end_time"];
        if output.format == Format::Ipfix
            && let Some(name) = of_ipfix.iter().find(|name| layout.columns().all(|column| column.name != **name))
        {
            return Err(Failed::Input(format!("a flow of IPFIX needs the column {name:?}, which is not there")));
        }
        let text = matches!(output.format, Format::Csv | Format::Json) && !output.nanoseconds;
        let coarse = coarse(&schema, fields.as_ref()).filter(|_| text).collect();
        let exporter = if output.rotation.is_never() {
            let exporter = output.format.exporter(output, output.name(), target, &schema, fields.as_ref());
            exporter.map_err(Failed::Output)?
        } else {
            Box::new(output.rotating(&schema, fields, None))
        };
        Ok(Self { exporter, coarse, lossy: 0 })
    }

    pub(crate) fn write(&mut self, records: &[FlowRecord]) -> Result<(), Failed> {
        let loses = |record: &FlowRecord| self.coarse.iter().any(|column| is_finer(&column.get(record)));
        self.lossy += records.iter().filter(|record| loses(record)).count() as u64;
        self.exporter.export_many(records).map_err(Failed::Output)
    }

    /// Writes what is left; tells of how many records times were cut.
    pub(crate) fn finish(mut self) -> Result<u64, Failed> {
        self.exporter.finish().map_err(Failed::Output)?;
        Ok(self.lossy)
    }
}

/// Says that text did not tell all; nobody is to be told if that cannot be written.
pub(crate) fn tell_loss(lossy: u64, err: &mut dyn Write) {
    if lossy > 0 {
        let records = if lossy == 1 { "1 record has".to_owned() } else { format!("{lossy} records have") };
        let _ = writeln!(
            err,
            "flowgauge: {records} times that are finer than the milliseconds written here: --nanoseconds keeps them"
        );
    }
}

/// The columns of times that are written.
fn coarse(schema: &Schema, fields: Option<&Fields>) -> impl Iterator<Item = &'static Column> {
    let columns: Vec<_> = match fields {
        Some(fields) => fields.columns(schema).columns().flatten().collect(),
        None => schema.columns().collect(),
    };
    columns.into_iter().filter(|column| matches!(column.kind, ColumnKind::Time | ColumnKind::Duration))
}

/// Whether a time is no whole number of milliseconds.
fn is_finer(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Time(stamp) => stamp.as_nanos() % 1_000_000 != 0,
        Cell::Duration(nanos) => nanos % 1_000_000 != 0,
        _ => false,
    }
}

/// The columns to write; `None` where the format has its own choice.
fn fields(writing: &Writing, layout: &Layout, format: Format) -> Result<Option<Fields>, String> {
    let all = || Fields::named(layout.names().iter().cloned());
    if writing.fields.is_empty() {
        let is_there = |name: &&str| layout.names().iter().any(|known| known == *name) || SUMMED.contains(name);
        let summed = ["src_to_dst_pkts", "dst_to_src_pkts", "src_to_dst_bytes", "dst_to_src_bytes", "end_time"];
        let usual = USED.iter().chain(&summed).all(is_there);
        return Ok(match format {
            Format::Ipfix => None,
            Format::Table if usual => None,
            _ => Some(all()),
        });
    }
    let mut names: Vec<String> = Vec::new();
    for word in writing.fields.iter().map(|word| word.trim()) {
        if layout.names().iter().any(|name| name == word) {
            names.push(word.to_owned());
            continue;
        }
        let group = fields::of_group(word, layout.columns(), layout.metrics()).filter(|group| !group.is_empty());
        let none = || format!("-F: there is no column {word:?} here: there are {}", layout.names().join(", "));
        names.extend(group.ok_or_else(none)?);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(Some(Fields::named(names)))
}

/// What the usual table adds up, where it is not there.
const SUMMED: [&str; 3] = ["duration", "pkts", "bytes"];
