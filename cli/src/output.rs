//! Where records go and in which form.
//!
//! A format is a variant of [`Format`], its line in [`Format::suffixes`] and its arm in [`Format::exporter`]; nothing else
//! knows what formats there are.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use console::Term;
use flowgauge::export::arrow::{self, IpcExporter};
use flowgauge::export::parquet::ParquetExporter;
use flowgauge::export::{
    Columns, Compressed, Compression, CsvExporter, Exporter, IpfixExporter, IpfixOptions, JsonLinesExporter, PartFile,
    RotatingExporter, Rotation,
};
use flowgauge::flow::schema::{Group, Schema};
use flowgauge::{Error, FlowRecord, Result};

use crate::arguments::Metering;
use crate::collector::Collector;
use crate::fields::Fields;
use crate::flow_table::{FlowTable, usual_columns};
use crate::manifest::{SharedWitness, Watched, is_special};
use crate::text::Harmless;

/// How records are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// A line of names, then a line a record with every column (RFC 4180).
    Csv,
    /// A line of JSON a record: your metrics, the core, and the columns of the options that are on.
    Json,
    /// Messages of IPFIX (RFC 7011), to a collector, or one after the other in a file (RFC 5655).
    Ipfix,
    /// Columns in row groups, compressed: Apache Parquet.
    Parquet,
    /// Columns as Arrow has them in memory, compressed: Arrow's file, which is also Feather.
    Arrow,
    /// The same as a stream, which can be read while it is written.
    ArrowStream,
    /// Nothing: records are built and thrown away.
    None,
}

/// Where to write, and how: what the arguments come to.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// The file of -w; `None` is standard output.
    path: Option<PathBuf>,
    compression: Compression,
    /// Who takes records over the network, if -w names somebody.
    pub(crate) collector: Option<Collector>,
    pub(crate) ipfix: IpfixOptions,
    /// When a file has enough, and there is a next one.
    pub(crate) rotation: Rotation,
    /// Whether there is no end of the source, so that whoever is not there may come back.
    pub(crate) live: bool,
    /// Width of the terminal, if that is where records are shown.
    pub(crate) room: Option<usize>,
    pub(crate) verbatim: bool,
    /// Whether CSV and JSON tell times in nanoseconds.
    pub(crate) nanoseconds: bool,
}

/// The bytes' way out.
pub(crate) enum Target {
    Screen(Harmless<BufWriter<File>>),
    Stdout(BufWriter<File>),
    File(Box<Compressed<BufWriter<PartFile>>>),
    /// Bytes go elsewhere.
    Nowhere,
}

impl Format {
    /// The ends of names that ask for it.
    const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Table => &["txt"],
            Self::Csv => &["csv"],
            Self::Json => &["jsonl", "json", "ndjson"],
            Self::Ipfix => &["ipfix"],
            Self::Parquet => &["parquet", "pq"],
            Self::Arrow => &["arrow", "feather", "ipc"],
            Self::ArrowStream => &["arrows"],
            Self::None => &[],
        }
    }

    /// The word for it after -o.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it is bytes, which no terminal shows, and compressed inside.
    pub(crate) const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow | Self::ArrowStream)
    }

    /// The columns that a record has in this form: those of -F, or its usual ones; of a table, those it is made of.
    pub(crate) fn columns(self, schema: &Schema, fields: Option<&Fields>) -> Columns {
        match (fields, self) {
            (Some(fields), _) => fields.columns(schema),
            (None, Self::Table) => usual_columns(schema),
            (None, Self::Json) => line_of_json(schema),
            (None, _) => schema.clone().into(),
        }
    }

    /// What writes records in this form to `target`, which stands as `name` in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when nobody is there to take them.
    pub(crate) fn exporter<'a>(
        self,
        output: &Output,
        name: String,
        target: impl Write + 'a,
        schema: &Schema,
        fields: Option<&Fields>,
    ) -> Result<Box<dyn Exporter + 'a>> {
        let columns = self.columns(schema, fields);
        let units = |columns: Columns| if output.nanoseconds { columns.in_nanoseconds() } else { columns };
        Ok(match self {
            Self::Table => {
                let chosen = fields.map(|_| columns);
                Box::new(FlowTable::new(name, target, output.room, schema, chosen))
            }
            Self::Csv => Box::new(CsvExporter::new(name, target, units(columns)).verbatim(output.verbatim)),
            Self::Json => Box::new(JsonLinesExporter::new(name, target).columns(units(columns))),
            Self::Ipfix => output.ipfix(name, target, columns).map_err(in_words_of_the_command)?,
            Self::Parquet => Box::new(ParquetExporter::new(name, target, growing(schema, &columns))),
            Self::Arrow => Box::new(IpcExporter::file(name, target, growing(schema, &columns))),
            Self::ArrowStream => Box::new(IpcExporter::stream(name, target, growing(schema, &columns))),
            Self::None => Box::new(Discard),
        })
    }

    /// What the end of a file's name asks for.
    ///
    /// # Errors
    ///
    /// What to tell the user when it asks for nothing that is known.
    pub(crate) fn of_name(name: &Path) -> std::result::Result<Self, String> {
        let end = name.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let all = Self::value_variants();
        if let Some(format) = all.iter().find(|format| format.suffixes().contains(&end.as_str())) {
            return Ok(*format);
        }
        let ends: Vec<_> = all.iter().flat_map(|format| format.suffixes()).map(|end| format!(".{end}")).collect();
        let wanted = format!("end its name in {} (and .gz or .zst after that), or say -o FORMAT", ends.join(", "));
        Err(match end.as_str() {
            "pcap" | "pcapng" | "cap" | "dmp" => format!("flow records are written, not packets: {wanted}"),
            "" => format!("how it is to be written is not known: {wanted}"),
            "gz" | "zst" | "zstd" => format!("what is to be compressed is not known: {wanted}"),
            _ => format!("files that end in .{end:?} are not written: {wanted}").replace('"', ""),
        })
    }
}

impl Output {
    /// What the arguments come to.
    ///
    /// # Errors
    ///
    /// What to tell the user when that is nothing.
    pub(crate) fn of(arguments: &Metering) -> std::result::Result<Self, String> {
        let mut output = Self::new(arguments.write.as_deref(), arguments.format, arguments.verbatim)?;
        let udp = output.collector.as_ref().is_some_and(Collector::loses);
        if output.format == Format::Ipfix && output.room.is_some() {
            return Err("IPFIX is not for a terminal: -w NAME.ipfix or -w udp://HOST:PORT".to_owned());
        }
        let for_ipfix = [
            ("--uniflow", arguments.uniflow),
            ("--ipfix-pen", arguments.ipfix_pen.is_some()),
            ("--ipfix-options", arguments.ipfix_options),
        ];
        if let Some((option, _)) = for_ipfix.iter().find(|(_, given)| *given && output.format != Format::Ipfix) {
            return Err(format!("{option} is for IPFIX: it goes with -o ipfix, -w NAME.ipfix or -w udp://HOST:PORT"));
        }
        if arguments.udp_rate.is_some() && !udp {
            return Err("--udp-rate is for a collector: it goes with -w udp://HOST:PORT".to_owned());
        }
        output.nanoseconds = arguments.nanoseconds;
        output.rotation = Rotation::default()
            .rows(arguments.rotate_rows)
            .bytes(arguments.rotate_bytes)
            .interval(arguments.rotate_seconds.map(|seconds| Duration::from_secs(seconds.get())));
        if !output.rotation.is_never() && output.path.as_deref().is_none_or(is_special) {
            return Err(
                "--rotate-rows, --rotate-bytes and --rotate-seconds are for files: they go with -w NAME".to_owned()
            );
        }
        if !output.rotation.is_never() && !arguments.summarize.is_empty() {
            return Err(
                "-s comes out once, at the end: leave out --rotate-rows, --rotate-bytes, --rotate-seconds".to_owned()
            );
        }
        output.live = arguments.interface.is_some();
        let usual = if output.live { 0 } else { UDP_BYTES_PER_SECOND };
        let rate = NonZeroU64::new(arguments.udp_rate.unwrap_or(usual));
        output.ipfix = output.ipfix.uniflow(arguments.uniflow).udp_bytes_per_second(rate);
        output.ipfix = output.ipfix.enterprise_number(arguments.ipfix_pen);
        if arguments.ipfix_options {
            output.ipfix = output.ipfix.application_table(true).process_statistics(true);
        }
        Ok(output)
    }

    /// What -w and -o come to.
    ///
    /// # Errors
    ///
    /// What to tell the user when that is nothing.
    pub(crate) fn new(
        write: Option<&Path>,
        format: Option<Format>,
        verbatim: bool,
    ) -> std::result::Result<Self, String> {
        let output = Self::of_arguments(write, format, verbatim)?;
        if output.format.is_binary() {
            output.refuse_binary()?;
        }
        Ok(output)
    }

    fn of_arguments(write: Option<&Path>, format: Option<Format>, verbatim: bool) -> std::result::Result<Self, String> {
        if let Some(collector) = write.map_or(Ok(None), Collector::named)? {
            if format.is_some_and(|format| format != Format::Ipfix) {
                return Err(format!("-w {collector}: a collector gets IPFIX and nothing else: leave -o out"));
            }
            return Ok(Self {
                collector: Some(collector),
                room: None,
                ..Self::standard(Some(Format::Ipfix), verbatim)
            });
        }
        match write {
            None => Ok(Self::standard(format, verbatim)),
            Some(path) if path.as_os_str() == "-" => Ok(Self::standard(format, verbatim)),
            Some(path) => {
                let (compression, plain) = Compression::of_name(path);
                let format = match format {
                    Some(format) => format,
                    None if is_special(path) => Format::of_name(plain).unwrap_or(Format::Json),
                    None => Format::of_name(plain).map_err(|words| format!("-w {}: {words}", path.display()))?,
                };
                let path = Some(path.to_owned());
                Ok(Self { path, compression, room: None, ..Self::standard(Some(format), verbatim) })
            }
        }
    }

    /// What writes records into one file after the other, each with a manifest if there is a witness.
    pub(crate) fn rotating<'a>(
        &'a self,
        schema: &Schema,
        fields: Option<Fields>,
        witness: Option<&SharedWitness>,
    ) -> RotatingExporter<'a> {
        let (schema, seen) = (schema.clone(), witness.cloned());
        let path = self.path.clone().unwrap_or_default();
        let exporter = RotatingExporter::new(path, self.rotation, move |name, file| {
            let exporter = self.format.exporter(self, name, file, &schema, fields.as_ref())?;
            Ok(match &seen {
                Some(witness) => Box::new(Watched::new(exporter, SharedWitness::clone(witness))),
                None => exporter,
            })
        });
        match witness.cloned() {
            Some(witness) => exporter.on_complete(move |file| witness.borrow_mut().next_file(file)),
            None => exporter,
        }
    }

    /// What writes IPFIX, to a collector or to `target`.
    fn ipfix<'a>(&self, name: String, target: impl Write + 'a, columns: Columns) -> Result<Box<dyn Exporter + 'a>> {
        match &self.collector {
            Some(collector) => Ok(collector.exporter(columns, &self.ipfix, self.live)?),
            None => Ok(Box::new(IpfixExporter::new(name, target, columns, &self.ipfix)?)),
        }
    }

    /// Where bytes cannot go.
    fn refuse_binary(&self) -> std::result::Result<(), String> {
        let name = self.format.name();
        // A pipe is not opened to look at it: that waits until somebody reads.
        let is_device = |path: &&PathBuf| path.metadata().is_ok_and(|metadata| metadata.file_type().is_char_device());
        let is_terminal = |path: &PathBuf| File::options().write(true).open(path).is_ok_and(|file| file.is_terminal());
        if self.room.is_some() || self.path.as_ref().filter(is_device).is_some_and(is_terminal) {
            return Err(format!("{name} is not for a terminal: say -w FILE, or lead it into a pipe"));
        }
        match &self.path {
            Some(path) if self.compression != Compression::None => {
                let path = path.display();
                Err(format!("-w {path}: {name} is compressed inside: leave the last end of the name off"))
            }
            _ => Ok(()),
        }
    }

    /// Opens the way out.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when that cannot be.
    pub(crate) fn open(&self) -> Result<Target> {
        if self.collector.is_some() || !self.rotation.is_never() {
            return Ok(Target::Nowhere);
        }
        if let Some(path) = &self.path {
            let file = BufWriter::with_capacity(BUFFER_BYTES, PartFile::create(path)?);
            return Ok(Target::File(Box::new(Compressed::new(file, self.compression)?)));
        }
        // The file itself, not what looks at every line: records come many at a time.
        let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(|source| self.error(source))?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, File::from(stdout));
        Ok(if self.room.is_some() { Target::Screen(Harmless(out)) } else { Target::Stdout(out) })
    }

    /// The file of -w, or what the names of several are made of; none where it stands for a device or a pipe.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| !is_special(path))
    }

    /// As errors name it.
    pub(crate) fn name(&self) -> String {
        match (&self.collector, &self.path) {
            (Some(collector), _) => collector.to_string(),
            (None, Some(path)) => path.display().to_string(),
            (None, None) => "standard output".to_owned(),
        }
    }

    pub(crate) fn error(&self, source: io::Error) -> Error {
        Error::Write { what: self.name(), source }
    }

    /// Standard output, in this form or the usual one.
    pub(crate) fn standard(format: Option<Format>, verbatim: bool) -> Self {
        let room = io::stdout().is_terminal().then(screen_width);
        let usual = if room.is_some() { Format::Table } else { Format::Json };
        Self {
            format: format.unwrap_or(usual),
            path: None,
            compression: Compression::None,
            collector: None,
            ipfix: IpfixOptions::default(),
            rotation: Rotation::default(),
            live: false,
            room,
            verbatim,
            nanoseconds: false,
        }
    }
}

impl Target {
    /// Everything was written and is to stay.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub(crate) fn complete(self, output: &Output) -> Result<()> {
        self.ended(output)?.map_or(Ok(()), PartFile::complete)
    }

    /// Something went wrong, but not with writing: what is there stays in a file of another name, which is told.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub(crate) fn keep(self, output: &Output) -> Result<Option<PathBuf>> {
        Ok(self.ended(output)?.and_then(PartFile::keep))
    }

    fn ended(self, output: &Output) -> Result<Option<PartFile>> {
        let error = |source| output.error(source);
        match self {
            Self::Screen(mut out) => out.flush().map_err(error).map(|()| None),
            Self::Stdout(mut out) => out.flush().map_err(error).map(|()| None),
            Self::Nowhere => Ok(None),
            Self::File(file) => {
                let file = file.finish().map_err(error)?;
                file.into_inner().map(Some).map_err(|failed| error(failed.into_error()))
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Screen(out) => out.write(bytes),
            Self::Stdout(out) => out.write(bytes),
            Self::File(out) => out.write(bytes),
            Self::Nowhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Screen(out) => out.flush(),
            Self::Stdout(out) => out.flush(),
            Self::File(out) => out.flush(),
            Self::Nowhere => Ok(()),
        }
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

/// What a line of JSON has: the metrics, the core, and what options add.
fn line_of_json(schema: &Schema) -> Columns {
    let columns = schema.columns().filter(|column| column.group == Group::Core || column.needs.is_some());
    let names = schema.metrics().iter().map(String::as_str).chain(columns.map(|column| column.name));
    Columns::choose(schema, names).expect("all of them are names of the schema")
}

/// An error of the library that names an option by its name here.
fn in_words_of_the_command(error: Error) -> Error {
    match error {
        Error::Option { option: "enterprise_number", value, allowed } => {
            Error::Option { option: "--ipfix-pen", value, allowed }
        }
        other => other,
    }
}

/// Columns as they grow in memory.
fn growing(schema: &Schema, columns: &Columns) -> arrow::Columns {
    arrow::Columns::of(schema, columns.names()).expect("they are the schema's, each once")
}

pub(crate) fn screen_width() -> usize {
    Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns)).max(1)
}

/// What collectors are sent of a capture file: little enough for one with the usual socket, also if it is not always awake.
const UDP_BYTES_PER_SECOND: u64 = 4_000_000;
const BUFFER_BYTES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_how_a_file_is_written() {
        let of = |name: &str| Output::new(Some(Path::new(name)), None, false).map(|it| (it.format, it.compression));
        assert_eq!(of("a.csv"), Ok((Format::Csv, Compression::None)));
        assert_eq!(of("a/b.JSONL.gz"), Ok((Format::Json, Compression::Gzip)));
        assert_eq!(of("a.ndjson.zst"), Ok((Format::Json, Compression::Zstd)));
        assert_eq!(of("a.txt"), Ok((Format::Table, Compression::None)));
        assert_eq!(of("a.parquet"), Ok((Format::Parquet, Compression::None)));
        assert_eq!(of("a.Feather"), Ok((Format::Arrow, Compression::None)));
        assert_eq!(of("a.arrows"), Ok((Format::ArrowStream, Compression::None)));
        assert_eq!(of("/dev/null"), Ok((Format::Json, Compression::None)));
        for (name, words) in [
            ("a.xlsx", "-w a.xlsx: files that end in .xlsx are not written: end its name in .txt, .csv, "),
            ("a.parquet.gz", "-w a.parquet.gz: parquet is compressed inside: leave the last end of the name off"),
            ("a.arrows.zst", "-w a.arrows.zst: arrow-stream is compressed inside"),
            ("a", "-w a: how it is to be written is not known"),
            ("a.gz", "-w a.gz: how it is to be written is not known"),
            ("out.pcap", "flow records are written, not packets"),
            ("a.csv.bz2", "files that end in .bz2 are not written"),
            ("a.gz.zst", "what is to be compressed is not known"),
        ] {
            let told = of(name).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
        let told = Output::new(Some(Path::new("a.parquet")), Some(Format::Csv), false).unwrap();
        assert_eq!(told.format, Format::Csv);
    }

    #[test]
    fn no_two_formats_share_the_end_of_a_name() {
        let mut ends: Vec<_> = Format::value_variants().iter().flat_map(|format| format.suffixes()).collect();
        let all = ends.len();
        ends.sort_unstable();
        ends.dedup();
        assert_eq!(ends.len(), all);
    }
}
