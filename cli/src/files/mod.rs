//! Files of flow records, read back: records come out that every writer takes.
//!
//! What a file is, its first bytes say, not its name: JSON lines, CSV, Parquet, Arrow's file and stream; the first two also
//! in gzip or zstd. Columns are those of the table of columns, with its types; all others are metrics. A file is read in
//! small pieces, so memory stays that of its largest row group.

mod cells;
mod columnar;
mod csv;
mod json;
mod messages;
mod quiet;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use flowgauge::export::Compression;
use flowgauge::flow::schema::{self, Column, ColumnKind, Schema};
use flowgauge::flow::{MetricNames, Metrics, StoredCell, StoredColumns};
use flowgauge::{FlowRecord, Value};

use crate::output::Format;

/// A file that is being read.
pub(crate) struct Records {
    /// As errors name it.
    name: String,
    layout: Layout,
    rows: Box<dyn Rows>,
}

/// The columns of a file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    columns: Arc<StoredColumns>,
    /// In the order of the file.
    metrics: MetricNames,
    /// In the order of the records, and where each of the file's goes there.
    told: MetricNames,
    order: Vec<usize>,
    kinds: Vec<Option<ColumnKind>>,
    /// What each column of the file is, in its order.
    places: Vec<Place>,
    names: Vec<String>,
    /// The same as the file has them.
    keys: Vec<String>,
    /// Whether it is text, where times have a unit.
    text: bool,
}

/// What a column of a file is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A column of the table, whose times have this unit.
    Column(&'static Column, Unit),
    Metric,
}

/// What times are told in, where text tells them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Millis,
    Nanos,
}

/// One value of a row.
enum Cell {
    Column(StoredCell),
    Metric(Value),
}

/// What reads one format.
trait Rows {
    /// The next rows, each with a value for every column of the file; none at its end.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    fn next_rows(&mut self, layout: &Layout) -> Result<Vec<Vec<Cell>>, String>;
}

/// A format's layout and what reads on.
type Opened = (Layout, Box<dyn Rows>);

impl Records {
    /// Opens a file; `-` is standard input. `verbatim` says that texts in CSV were written without the apostrophe that keeps
    /// spreadsheets from taking them for formulas.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    pub(crate) fn open(path: &Path, verbatim: bool) -> Result<Self, String> {
        let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        let told = |words: String| format!("{name}: {words}");
        let (layout, rows) = open(path, verbatim).map_err(told)?;
        Ok(Self { name, layout, rows })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Goes on behind records of another layout.
    ///
    /// # Errors
    ///
    /// What to tell the user where that has other columns.
    pub(crate) fn go_on_behind(&mut self, first: &Layout) -> Result<(), String> {
        if let Some(words) = first.differs(&self.layout) {
            return Err(format!("{}: {words}", self.name));
        }
        self.layout.arrange(first);
        Ok(())
    }

    /// The next records; none at the end.
    ///
    /// # Errors
    ///
    /// What to tell the user.
    pub(crate) fn next_records(&mut self) -> Result<Vec<FlowRecord>, String> {
        let told = |words: String| format!("{}: {words}", self.name);
        let rows = self.rows.next_rows(&self.layout).map_err(told)?;
        rows.into_iter().map(|row| self.layout.record(row).map_err(|error| format!("{}: {error}", self.name))).collect()
    }
}

impl Layout {
    /// That of columns with these names; `text` says that it is a format of text, where times have a unit.
    ///
    /// # Errors
    ///
    /// What to tell the user when a name comes twice, or there is none.
    fn new(names: Vec<String>, text: bool) -> Result<Self, String> {
        let place = |name: &String| {
            if let Some(column) = schema::column(name) {
                return Place::Column(column, Unit::Millis);
            }
            let timely = name.strip_suffix("_ns").filter(|_| text).and_then(schema::column);
            timely
                .filter(|column| matches!(column.kind, ColumnKind::Time | ColumnKind::Duration))
                .map_or(Place::Metric, |column| Place::Column(column, Unit::Nanos))
        };
        let places: Vec<_> = names.iter().map(place).collect();
        let columns =
            places.iter().filter_map(|place| if let Place::Column(column, _) = place { Some(*column) } else { None });
        let columns = StoredColumns::new(columns).ok_or("a column comes twice")?;
        let name = |(name, place): (&String, &Place)| matches!(place, Place::Metric).then(|| name.clone());
        let metrics: Vec<_> = names.iter().zip(&places).filter_map(name).collect();
        let mut seen = HashSet::new();
        if !metrics.iter().all(|name| seen.insert(name)) {
            return Err("a column comes twice".to_owned());
        }
        if columns.columns().next().is_none() {
            return Err(
                "this is no file of flow records: it has none of their columns (`flowgauge schema` lists them)"
                    .to_owned(),
            );
        }
        let kinds = vec![None; metrics.len()];
        // From here on a column has its own name, whatever its unit.
        let own = |(name, place): (String, &Place)| match place {
            Place::Column(column, _) => column.name.to_owned(),
            Place::Metric => name,
        };
        let keys = names.clone();
        let names = names.into_iter().zip(&places).map(own).collect();
        let (metrics, order) = (MetricNames::from(metrics), (0..kinds.len()).collect());
        let told = Arc::clone(&metrics);
        Ok(Self { columns, metrics, told, order, kinds, places, names, keys, text })
    }

    /// All names, in the order of the file.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns of the table that it has.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.columns()
    }

    pub(crate) fn metrics(&self) -> &[String] {
        &self.metrics
    }

    /// Whether times are told to the nanosecond.
    pub(crate) fn is_exact(&self) -> bool {
        let coarse = |place: &Place| match place {
            Place::Column(column, unit) => {
                *unit == Unit::Millis && matches!(column.kind, ColumnKind::Time | ColumnKind::Duration)
            }
            Place::Metric => false,
        };
        !self.text || !self.places.iter().any(coarse)
    }

    pub(crate) fn schema(&self) -> Schema {
        Schema::of(self.columns(), Arc::clone(&self.metrics)).with_metric_kinds(self.kinds.iter().copied())
    }

    /// That of merged records, and the names of what columns do not tell of a whole.
    pub(crate) fn merged(&self) -> (Self, Vec<String>) {
        let merges = |place: &Place| matches!(place, Place::Column(column, _) if column.merges());
        let (kept, left_out): (Vec<_>, Vec<_>) =
            self.names.iter().zip(&self.places).partition(|(_, place)| merges(place));
        let names: Vec<String> = kept.iter().map(|(name, _)| (*name).clone()).collect();
        let places: Vec<Place> = kept.into_iter().map(|(_, place)| *place).collect();
        let columns = self.columns().filter(|column| column.merges());
        let columns = StoredColumns::new(columns).unwrap_or_else(|| Arc::clone(&self.columns));
        let (metrics, kinds, keys) = (MetricNames::from(Vec::new()), Vec::new(), names.clone());
        let (told, order) = (Arc::clone(&metrics), Vec::new());
        let left_out = left_out.into_iter().map(|(name, _)| name.clone()).collect();
        (Self { columns, metrics, told, order, kinds, places, names, keys, text: self.text }, left_out)
    }

    /// Has records tell metrics in the order of `first`, which has the same.
    fn arrange(&mut self, first: &Self) {
        let places: HashMap<_, _> = first.told.iter().zip(0..).collect();
        self.order = self.metrics.iter().map(|name| places.get(name).copied().unwrap_or(usize::MAX)).collect();
        self.told = Arc::clone(&first.told);
    }

    /// Why records of the other file cannot be written behind those of this one, if so.
    fn differs(&self, other: &Self) -> Option<String> {
        let missing = |one: &Self, two: &Self| {
            let there: HashSet<_> = two.names.iter().collect();
            one.names.iter().find(|name| !there.contains(name)).cloned()
        };
        if let Some(name) = missing(self, other) {
            return Some(format!("it has no column {name:?}, which the first file has"));
        }
        if let Some(name) = missing(other, self) {
            return Some(format!("it has the column {name:?}, which the first file has not"));
        }
        let kinds: HashMap<_, _> = other.metrics.iter().zip(&other.kinds).collect();
        let is_other = |(name, kind): &(&String, &Option<ColumnKind>)| match (kind, kinds.get(name)) {
            (Some(one), Some(Some(two))) => one != two,
            _ => false,
        };
        let mut metrics = self.metrics.iter().zip(&self.kinds);
        let (name, _) = metrics.find(is_other)?;
        Some(format!("the values of {name:?} are of another type than in the first file"))
    }

    fn record(&self, row: Vec<Cell>) -> Result<FlowRecord, String> {
        let mut cells = Vec::with_capacity(row.len());
        let mut values = vec![Value::Null; self.told.len()];
        let mut order = self.order.iter();
        for value in row {
            match value {
                Cell::Column(cell) => cells.push(cell),
                Cell::Metric(value) => {
                    if let Some(place) = order.next().and_then(|place| values.get_mut(*place)) {
                        *place = value;
                    }
                }
            }
        }
        let metrics = Metrics::new(Arc::clone(&self.told), values);
        FlowRecord::of_cells(&self.columns, cells, metrics).map_err(|error| error.to_string())
    }
}

fn open(path: &Path, verbatim: bool) -> Result<Opened, String> {
    let told = |error: io::Error| format!("cannot read it: {error}");
    let stdin = path.as_os_str() == "-";
    let mut stream: Box<dyn Read> =
        if stdin { Box::new(io::stdin().lock()) } else { Box::new(File::open(path).map_err(told)?) };
    let mut first = head(&mut stream).map_err(told)?;
    let packed = matches!(first[..], [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..]);
    let whole: Box<dyn Read> = Box::new(Cursor::new(first.clone()).chain(stream));
    let mut stream: Box<dyn Read> = match first[..] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::stream::read::Decoder::new(whole).map_err(told)?),
        _ => whole,
    };
    if packed {
        first = head(&mut stream).map_err(told)?;
        stream = Box::new(Cursor::new(first.clone()).chain(stream));
    }
    let stream = BufReader::with_capacity(BUFFER_BYTES, stream);
    match &first[..] {
        [b'P', b'A', b'R', b'1', ..] | [b'A', b'R', b'R', b'O', b'W', b'1', ..] if stdin || packed => {
            Err("this format is read from its end: give it as a file that is not compressed again".to_owned())
        }
        [b'P', b'A', b'R', b'1', ..] => columnar::parquet(File::open(path).map_err(told)?),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => columnar::file(File::open(path).map_err(told)?),
        [0xff, 0xff, 0xff, 0xff, ..] => columnar::stream(stream),
        [0, 10, ..] => Err("IPFIX is written, and not read back: it has not all of a record's columns".to_owned()),
        [a, b, c, d, ..] if CAPTURES.contains(&[*a, *b, *c, *d]) => {
            Err("this is a capture, and no file of flow records: flowgauge -r makes records of it".to_owned())
        }
        [] => match wanting(path, packed) {
            Some(words) => Err(words),
            None => json::open(Box::new(stream)),
        },
        [b'{', ..] => json::open(Box::new(stream)),
        _ => csv::open(Box::new(stream), verbatim),
    }
}

/// What is wrong with a file that holds nothing, if its name says so: lines of JSON without a record are none.
fn wanting(path: &Path, packed: bool) -> Option<String> {
    let (compression, plain) = Compression::of_name(path);
    if compression != Compression::None && !packed {
        return Some("it is empty, not even compressed: writing it was cut short".to_owned());
    }
    match Format::of_name(plain).ok()? {
        Format::Json => None,
        format => Some(format!("it is empty, which a file of {} never is: writing it was cut short", format.name())),
    }
}

/// The first bytes of a stream.
fn head(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// Reads a line, its end included, to `line`; false at the end of the file.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, String> {
    let room = LONGEST_LINE.saturating_sub(line.len()) as u64;
    let read = input.take(room).read_until(b'\n', line).map_err(|error| format!("cannot read it: {error}"))?;
    if read as u64 == room && line.last() != Some(&b'\n') {
        return Err(format!("a line is longer than {} MiB", LONGEST_LINE >> 20));
    }
    Ok(read > 0)
}

/// How captures begin: pcap in microseconds, in nanoseconds and as it was once modified, each in both orders of bytes, and
/// pcapng.
const CAPTURES: [[u8; 4]; 7] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xcd, 0x34],
    [0x34, 0xcd, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
];
/// What tells formats apart.
const HEAD_BYTES: u64 = 8;
const BUFFER_BYTES: usize = 1 << 16;
/// How many rows are read at once.
const ROWS: usize = 256;
/// Bytes of lines after which no more of them are read at once.
const HEAVY: usize = 16 << 20;
/// No row of ours comes near.
const LONGEST_LINE: usize = 64 << 20;
