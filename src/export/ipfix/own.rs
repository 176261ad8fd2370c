//! Elements of an enterprise: what columns and metrics are that IANA's registry has no element for.
//!
//! A column has its number in the table of columns, for ever. Metrics have numbers by their order in a run, and are known by
//! the names that type information tells (RFC 5610). The items of a list are an element too (RFC 6313): the list's number,
//! and a constant on top. All lie above the registry's numbers, since there are collectors that do not look at the enterprise,
//! and below 16,384, since there are enterprises that say by that bit that an element is reverse.

use std::collections::HashSet;

use crate::export::Columns;
use crate::export::columns::One;
use crate::export::ipfix::encode::Kind;
use crate::flow::schema::{Column, ColumnKind, ElementKind, Group};

/// An element that has a value in flow records.
#[derive(Clone, Debug)]
pub(super) struct OwnElement {
    pub(super) number: u16,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) doc: &'static str,
    /// RFC 5610 section 3.5, of the numbers.
    pub(super) semantics: u8,
    /// RFC 5610 section 3.6: what they count.
    pub(super) units: u8,
    pub(super) value: OwnValue,
}

/// Where its value comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum OwnValue {
    Column(&'static Column),
    /// Which of a record's metrics it is.
    Metric(usize),
}

/// The elements of those of these columns that the registry has none for.
///
/// # Errors
///
/// The name of the first metric that is one too many.
pub(super) fn own_elements(columns: &Columns) -> Result<Vec<OwnElement>, String> {
    let mut elements = Vec::new();
    // A column that was chosen twice is still one element.
    let mut seen = HashSet::new();
    for one in columns.parts() {
        let element = match one {
            One::Column(column) => of_column(column),
            One::Metric { index, name, kind } => Some(of_metric(*index, name, *kind).ok_or_else(|| name.clone())?),
        };
        elements.extend(element.filter(|element| seen.insert(element.number)));
    }
    Ok(elements)
}

/// The element of a column; none where there is one of the registry.
pub(super) fn of_column(column: &'static Column) -> Option<OwnElement> {
    let number = column.own_element?;
    let kind = kind_of(column.kind, number + ITEM_OF_COLUMN);
    let counts = column.unit == "packets" || column.unit == "bytes" && column.group == Group::Counts;
    let semantics = match (kind, column.unit, column.kind) {
        (Kind::List { .. }, ..) => LIST,
        _ if counts => DELTA_COUNTER,
        (_, "", kind) if kind != ColumnKind::Duration => DEFAULT,
        _ => QUANTITY,
    };
    let (name, doc, value) = (column.name.to_owned(), column.doc, OwnValue::Column(column));
    Some(OwnElement { number, kind, name, doc, semantics, units: units(column), value })
}

fn of_metric(index: usize, name: &str, kind: Option<ColumnKind>) -> Option<OwnElement> {
    let number = u16::try_from(index).ok().filter(|index| *index < MOST_METRICS)? + FIRST_METRIC;
    // The user's own code may yield anything: text has room for it.
    let kind = kind_of(kind.unwrap_or(ColumnKind::Text), number + ITEM_OF_METRIC);
    let semantics = if matches!(kind, Kind::List { .. }) { LIST } else { DEFAULT };
    let (name, doc, value) = (name.to_owned(), "A metric of this run.", OwnValue::Metric(index));
    Some(OwnElement { number, kind, name, doc, semantics, units: 0, value })
}

/// How what a column holds is encoded; `item` is the number of the items of a list.
const fn kind_of(kind: ColumnKind, item: u16) -> Kind {
    let one = match kind {
        ColumnKind::Bool | ColumnKind::ListBool => ElementKind::Bool,
        ColumnKind::U8 | ColumnKind::ListU8 => ElementKind::U8,
        ColumnKind::U16 | ColumnKind::ListU16 => ElementKind::U16,
        ColumnKind::U32 | ColumnKind::ListU32 => ElementKind::U32,
        ColumnKind::U64 | ColumnKind::Duration => ElementKind::U64,
        ColumnKind::I64 | ColumnKind::ListI64 => ElementKind::I64,
        ColumnKind::F64 | ColumnKind::ListF64 => ElementKind::F64,
        ColumnKind::Text | ColumnKind::ListText => ElementKind::Text,
        // A certificate may be valid for longer than NTP can count.
        ColumnKind::Time => ElementKind::Milliseconds,
    };
    match kind {
        ColumnKind::ListU8
        | ColumnKind::ListU16
        | ColumnKind::ListU32
        | ColumnKind::ListI64
        | ColumnKind::ListText
        | ColumnKind::ListBool
        | ColumnKind::ListF64 => Kind::List { items: one, number: item },
        _ => Kind::One(one),
    }
}

fn units(column: &Column) -> u8 {
    match column.unit {
        "bits" => 1,
        "bytes" => 2,
        "packets" => 3,
        "nanoseconds" => NANOSECONDS,
        _ if column.kind == ColumnKind::Duration => NANOSECONDS,
        _ => 0,
    }
}

/// Items of the list of a column: its number, and this on top.
pub(super) const ITEM_OF_COLUMN: u16 = 2048;
/// The number of a run's first metric.
pub(super) const FIRST_METRIC: u16 = 4096;
/// Items of the list of a metric: its number, and this on top.
pub(super) const ITEM_OF_METRIC: u16 = 4096;
const MOST_METRICS: u16 = 4096;
/// Why frames were skipped: the scope of how many were.
pub(super) const SKIP_REASON: u16 = 2047;

const DEFAULT: u8 = 0;
const QUANTITY: u8 = 1;
const DELTA_COUNTER: u8 = 3;
const LIST: u8 = 6;
const NANOSECONDS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::schema::{Needs, Schema, columns};

    #[test]
    fn every_column_has_elements_of_the_registry_or_one_of_its_own() {
        let numbers: Vec<_> = columns().filter_map(of_column).map(|element| element.number).collect();
        assert_eq!(columns().filter(|column| column.ipfix.is_empty()).count(), numbers.len());
        assert!(!numbers.contains(&SKIP_REASON));
    }

    #[test]
    fn numbers_of_columns_metrics_and_items_do_not_meet() {
        let all = [Needs::Statistics, Needs::Splt, Needs::ApplicationFields, Needs::TcpAnalysis];
        let names: Vec<_> = (0..MOST_METRICS).map(|nth| nth.to_string()).collect();
        let kinds = [Some(ColumnKind::ListF64)].into_iter().cycle().take(names.len());
        let schema = Schema::new(&all, names.into()).with_metric_kinds(kinds);
        let elements = own_elements(&schema.into()).unwrap();
        let mut seen = HashSet::new();
        for element in &elements {
            assert!(seen.insert(element.number) && (1000..16_384).contains(&element.number));
            if let Kind::List { number, .. } = element.kind {
                assert!(seen.insert(number) && (1000..16_384).contains(&number), "{number}");
            }
        }
        assert!(seen.len() > 8192);
        let names: Vec<_> = (0..=MOST_METRICS).map(|nth| nth.to_string()).collect();
        assert_eq!(own_elements(&Schema::new(&[], names.into()).into()).unwrap_err(), "4096");
    }

    #[test]
    fn a_number_says_what_it_counts() {
        let told = |name: &str| {
            let element = columns().filter_map(of_column).find(|element| element.name == name).unwrap();
            (element.semantics, element.units)
        };
        assert_eq!(told("transport_bytes"), (DELTA_COUNTER, 2));
        assert_eq!(told("src_to_dst_syn_pkts"), (DELTA_COUNTER, 3));
        assert_eq!(told("size_mean"), (QUANTITY, 2));
        assert_eq!(told("duration"), (QUANTITY, NANOSECONDS));
        assert_eq!(told("splt_gap"), (LIST, NANOSECONDS));
        assert_eq!(told("ja3"), (DEFAULT, 0));
        assert_eq!(told("flow_id"), (DEFAULT, 0));
    }
}
