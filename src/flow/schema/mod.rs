//! The columns of a flow record, written down once.
//!
//! A [`Column`] has a name, a type, a unit, a sentence that says what it is, and the way to read it off a record. JSON, CSV,
//! data frames, Python's attributes and the reference are all read off [`columns`]. A [`Schema`] is what one run offers:
//! the columns, then its metrics.

mod core;
mod counts;
mod identity;

use std::borrow::Cow;
use std::net::IpAddr;

use crate::flow::{FlowRecord, MetricNames, Value};
use crate::time::Timestamp;

/// One column of a flow record.
#[derive(Debug)]
pub struct Column {
    /// Its name: a field of JSON, a heading of CSV, an attribute in Python.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: ColumnKind,
    /// Whether cells may be null.
    pub nullable: bool,
    /// What part of the record it belongs to.
    pub group: Group,
    /// What it is, with the unit and the standard it follows.
    pub doc: &'static str,
    get: fn(&FlowRecord) -> Cell<'_>,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// An unsigned number of 8 bits.
    U8,
    /// An unsigned number of 16 bits.
    U16,
    /// An unsigned number of 32 bits.
    U32,
    /// An unsigned number of 64 bits.
    U64,
    /// Text.
    Text,
    /// A moment, told in nanoseconds or milliseconds since the Unix epoch.
    Time,
    /// A span of time, told in nanoseconds or milliseconds.
    Duration,
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
}

/// One value of a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell<'a> {
    /// There is nothing.
    Null,
    /// A number.
    Uint(u64),
    /// Text.
    Text(Cow<'a, str>),
    /// An address.
    Ip(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// A span of time, in nanoseconds.
    Duration(u64),
    /// What a metric yielded.
    Metric(&'a Value),
}

/// The columns of one run: those of every record, then the user's metrics.
#[derive(Clone, Debug)]
pub struct Schema {
    metrics: MetricNames,
}

impl Column {
    /// The value of this column in `record`.
    #[inline]
    pub fn get<'a>(&self, record: &'a FlowRecord) -> Cell<'a> {
        (self.get)(record)
    }
}

impl Schema {
    /// The columns of a run with these metrics.
    pub fn new(metrics: MetricNames) -> Self {
        Self { metrics }
    }

    /// The columns, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        columns()
    }

    /// The names of the metrics, in the order the user gave them.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }

    /// All names: the columns', then the metrics'.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        columns().map(|column| column.name).chain(self.metrics.iter().map(String::as_str))
    }

    /// All cells of `record`, in the order of [`Schema::names`].
    pub fn cells<'a>(&self, record: &'a FlowRecord) -> impl Iterator<Item = Cell<'a>> {
        let metrics = record.metrics.iter().map(|(_, value)| Cell::Metric(value));
        columns().map(|column| column.get(record)).chain(metrics)
    }
}

/// Every column of a record, in order: core, identity, counts.
pub fn columns() -> impl Iterator<Item = &'static Column> {
    core::COLUMNS.iter().chain(identity::COLUMNS).chain(counts::COLUMNS)
}

/// The column of this name.
pub fn column(name: &str) -> Option<&'static Column> {
    columns().find(|column| column.name == name)
}

fn text(value: Option<&str>) -> Cell<'_> {
    value.map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)))
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

    #[test]
    fn every_column_says_what_it_is() {
        assert!(columns().all(|column| column.doc.ends_with('.') && column.doc.len() > 10));
    }
}
