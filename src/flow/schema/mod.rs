//! The columns of a flow record, written down once.
//!
//! A [`Column`] has a name, a type, a unit, a sentence that says what it is, the option that turns it on, and the way to
//! read it off a record. JSON, CSV, data frames, Python's attributes and the reference are all read off [`columns`]. A
//! [`Schema`] is what one run offers: the columns that its options turn on, then its metrics.
#![doc = include_str!("../../../docs/columns.md")]

mod application;
mod cell_text;
mod core;
mod counts;
mod element;
mod identity;
mod repeats;
mod sequence;
mod statistics;
mod tcp;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

pub use cell_text::CellText;
pub use element::{Element, ElementKind, Side};

use crate::flow::{FlowFlags, FlowRecord, MetricNames, Value};
use crate::time::Timestamp;

/// One column of a flow record.
#[derive(Debug)]
pub struct Column {
    /// Its name: a field of JSON, a heading of CSV, an attribute in Python.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: ColumnKind,
    /// What its numbers count: `bytes`, `packets`, `nanoseconds`; empty for what has no unit.
    pub unit: &'static str,
    /// Whether cells may be null.
    pub nullable: bool,
    /// What part of the record it belongs to.
    pub group: Group,
    /// The option without which there is no such column.
    pub needs: Option<Needs>,
    /// What it is, with the standard it follows.
    pub doc: &'static str,
    /// The information elements of IPFIX that mean the same; none where there is no such element.
    pub ipfix: &'static [Element],
    /// Where there is none, its number among the elements of an enterprise of the user's choice, 1,000 to 1,999. It stays with
    /// the column: numbers do not depend on places in a table, and none is used again for something else.
    pub own_element: Option<u16>,
    get: fn(&FlowRecord) -> Cell<'_>,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// True or false.
    Bool,
    /// An unsigned number of 8 bits.
    U8,
    /// An unsigned number of 16 bits.
    U16,
    /// An unsigned number of 32 bits.
    U32,
    /// An unsigned number of 64 bits.
    U64,
    /// A signed number of 64 bits.
    I64,
    /// A floating-point number of 64 bits.
    F64,
    /// Text.
    Text,
    /// A moment, told in nanoseconds or milliseconds since the Unix epoch.
    Time,
    /// A span of time, told in nanoseconds or milliseconds.
    Duration,
    /// Several unsigned numbers of 8 bits.
    ListU8,
    /// Several unsigned numbers of 16 bits.
    ListU16,
    /// Several unsigned numbers of 32 bits.
    ListU32,
    /// Several signed numbers of 64 bits.
    ListI64,
    /// Several texts.
    ListText,
    /// Several truth values; only metrics have such.
    ListBool,
    /// Several floating-point numbers of 64 bits; only metrics have such.
    ListF64,
}

/// The parts of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Group {
    /// What `print` shows.
    Core,
    /// Which flow it is.
    Identity,
    /// Counts and times by direction.
    Counts,
    /// How sure the label is, and what the payload says.
    Application,
    /// Spread of sizes and gaps, TCP flags.
    Statistics,
    /// The first packets one by one.
    Sequence,
    /// What TCP segments say of their connection.
    Tcp,
}

/// An option that turns columns on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Needs {
    /// `statistics`.
    Statistics,
    /// `splt`.
    Splt,
    /// `application_fields`.
    ApplicationFields,
    /// `tcp_analysis`.
    TcpAnalysis,
}

/// One value of a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell<'a> {
    /// There is nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Uint(u64),
    /// A number that may be negative.
    Int(i64),
    /// A number with a fraction; never NaN.
    Float(f64),
    /// Text.
    Text(CellText<'a>),
    /// An address.
    Ip(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// A span of time, in nanoseconds.
    Duration(u64),
    /// Several numbers.
    List(Vec<i64>),
    /// Several texts.
    Texts(Vec<&'a str>),
    /// What a metric yielded.
    Metric(&'a Value),
}

/// The columns of one run: those that its options turn on, then the user's metrics.
#[derive(Clone, Debug)]
pub struct Schema {
    columns: Arc<[&'static Column]>,
    metrics: MetricNames,
    /// What each metric's values are, as far as that is known.
    kinds: Arc<[Option<ColumnKind>]>,
}

impl Column {
    /// The same column, with its elements of IPFIX.
    const fn ipfix(self, elements: &'static [Element]) -> Self {
        Self { ipfix: elements, ..self }
    }

    /// The same column, with its number under an enterprise of the user's choice.
    const fn own(self, number: u16) -> Self {
        Self { own_element: Some(number), ..self }
    }

    /// The value of this column in `record`.
    #[inline]
    pub fn get<'a>(&self, record: &'a FlowRecord) -> Cell<'a> {
        match record.stored() {
            None => (self.get)(record),
            Some(stored) => stored.cell(self),
        }
    }

    /// The value that the state of `record` gives, also where it was made of cells.
    #[inline]
    pub(crate) fn metered<'a>(&self, record: &'a FlowRecord) -> Cell<'a> {
        (self.get)(record)
    }

    /// Whether the run that `record` comes from had this column.
    #[inline]
    pub fn is_in(&self, record: &FlowRecord) -> bool {
        if let Some(stored) = record.stored() {
            return stored.has(self);
        }
        match self.needs {
            None => true,
            Some(Needs::Statistics) => record.statistics().is_some(),
            Some(Needs::Splt) => record.sequence().is_some(),
            Some(Needs::ApplicationFields) => record.flags.contains(FlowFlags::APPLICATION_FIELDS),
            Some(Needs::TcpAnalysis) => record.flags.contains(FlowFlags::TCP_ANALYSIS),
        }
    }
}

impl Group {
    /// The word for it: `core`, `identity` ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Identity => "identity",
            Self::Counts => "counts",
            Self::Application => "application",
            Self::Statistics => "statistics",
            Self::Sequence => "sequence",
            Self::Tcp => "tcp",
        }
    }
}

impl Needs {
    /// The name of the option.
    pub const fn option(self) -> &'static str {
        match self {
            Self::Statistics => "statistics",
            Self::Splt => "splt",
            Self::ApplicationFields => "application_fields",
            Self::TcpAnalysis => "tcp_analysis",
        }
    }
}

impl ColumnKind {
    /// The word for it, as data frames have it: `uint8`, `float64`, `list[uint16]` ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F64 => "float64",
            Self::Text => "text",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::ListU8 => "list[uint8]",
            Self::ListU16 => "list[uint16]",
            Self::ListU32 => "list[uint32]",
            Self::ListI64 => "list[int64]",
            Self::ListText => "list[text]",
            Self::ListBool => "list[bool]",
            Self::ListF64 => "list[float64]",
        }
    }
}

impl Schema {
    /// The columns of a run with these options and metrics.
    pub fn new(options: &[Needs], metrics: MetricNames) -> Self {
        let on = |column: &&Column| column.needs.is_none_or(|needs| options.contains(&needs));
        let kinds = vec![None; metrics.len()].into();
        Self { columns: columns().filter(on).collect(), metrics, kinds }
    }

    /// These columns, in this order, whatever options they need: those of records that were written down.
    pub fn of(columns: impl IntoIterator<Item = &'static Column>, metrics: MetricNames) -> Self {
        let kinds = vec![None; metrics.len()].into();
        Self { columns: columns.into_iter().collect(), metrics, kinds }
    }

    /// Says what each metric's values are, in the order of [`Schema::metrics`]: expressions know it, the user's own code is
    /// `None` and may yield anything. Without this all are `None`.
    #[must_use]
    pub fn with_metric_kinds(mut self, kinds: impl IntoIterator<Item = Option<ColumnKind>>) -> Self {
        let kinds = kinds.into_iter().chain(std::iter::repeat(None));
        self.kinds = kinds.take(self.metrics.len()).collect();
        self
    }

    /// The columns, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().copied()
    }

    /// The names of the metrics, in the order the user gave them.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }

    /// What each metric's values are, in the order of [`Schema::metrics`]; `None` is anything.
    pub fn metric_kinds(&self) -> &[Option<ColumnKind>] {
        &self.kinds
    }

    /// All names: the columns', then the metrics'.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns().map(|column| column.name).chain(self.metrics.iter().map(String::as_str))
    }

    /// All cells of `record`, in the order of [`Schema::names`].
    pub fn cells<'a>(&self, record: &'a FlowRecord) -> impl Iterator<Item = Cell<'a>> {
        let metrics = record.metrics.iter().map(|(_, value)| Cell::Metric(value));
        self.columns().map(|column| column.get(record)).chain(metrics)
    }
}

/// Every column that a record may have, in order: core, identity, counts, application, statistics, sequence, TCP.
pub fn columns() -> impl Iterator<Item = &'static Column> {
    let always = core::COLUMNS.iter().chain(identity::COLUMNS).chain(counts::COLUMNS).chain(application::COLUMNS);
    always.chain(statistics::columns()).chain(sequence::COLUMNS).chain(tcp::columns())
}

/// The column of this name.
pub fn column(name: &str) -> Option<&'static Column> {
    columns().find(|column| column.name == name)
}

/// Writes the reference of all columns as a Markdown table, as the documentation has it.
pub fn write_reference(f: &mut impl fmt::Write) -> fmt::Result {
    writeln!(f, "| column | type | option | what it is |")?;
    writeln!(f, "| --- | --- | --- | --- |")?;
    for column in columns() {
        let null = if column.nullable { " or null" } else { "" };
        let unit = if column.unit.is_empty() { String::new() } else { format!(", {}", column.unit) };
        let option = column.needs.map_or_else(String::new, |needs| format!("`{}`", needs.option()));
        writeln!(f, "| `{}` | `{}`{null}{unit} | {option} | {} |", column.name, column.kind.name(), column.doc)?;
    }
    Ok(())
}

fn number<T: Into<u64>>(value: Option<T>) -> Cell<'static> {
    value.map_or(Cell::Null, |number| Cell::Uint(number.into()))
}

fn text(value: Option<&str>) -> Cell<'_> {
    value.map_or(Cell::Null, |text| Cell::Text(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = columns().map(|column| column.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn the_core_comes_first_and_in_the_order_that_users_know() {
        let core: Vec<_> = columns().filter(|column| column.group == Group::Core).map(|column| column.name).collect();
        let expected = "ip_src src_port ip_dst dst_port ip_protocol src_to_dst_pkts dst_to_src_pkts src_to_dst_bytes \
                        dst_to_src_bytes application_name category_name start_time end_time export_reason";
        assert_eq!(core.join(" "), expected);
        assert!(columns().zip(&core).all(|(column, name)| column.name == *name));
    }

    /// In records of both directions, and in those of one, so that no element stands in a template twice.
    #[test]
    fn an_element_stands_for_one_column_of_a_side() {
        let mut elements: Vec<_> =
            columns().flat_map(|column| column.ipfix).map(|one| (one.number, one.side as u8)).collect();
        elements.sort_unstable();
        assert!(elements.windows(2).all(|pair| pair[0] != pair[1]), "{elements:?}");
    }

    #[test]
    fn a_column_has_elements_of_the_registry_or_a_number_of_its_own() {
        assert!(columns().all(|column| column.ipfix.is_empty() == column.own_element.is_some()));
        let mut numbers: Vec<_> = columns().filter_map(|column| column.own_element).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{numbers:?}");
        assert!(numbers.iter().all(|number| (1000..2000).contains(number)), "{numbers:?}");
    }

    #[test]
    fn every_column_says_what_it_is() {
        assert!(columns().all(|column| column.doc.ends_with('.') && column.doc.len() > 10));
    }
}
