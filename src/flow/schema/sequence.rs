//! Sequence: the first packets of a flow, one by one, as lists of equal length.

use super::{Cell, Column, ColumnKind, Group, Needs};
use crate::flow::FlowRecord;
use crate::flow::SequenceItem;

const fn sequence(
    name: &'static str,
    kind: ColumnKind,
    unit: &'static str,
    doc: &'static str,
    get: fn(&FlowRecord) -> Cell<'_>,
) -> Column {
    Column {
        name,
        kind,
        unit,
        nullable: false,
        group: Group::Sequence,
        needs: Some(Needs::Splt),
        doc,
        ipfix: &[],
        own_element: None,
        get,
    }
}

pub(super) static COLUMNS: &[Column] = &[
    sequence(
        "splt_direction",
        ColumnKind::ListU8,
        "",
        "Which way each of the first packets went: 0 from source to destination, 1 back.",
        |r| list(r, |item| item.direction as i64),
    )
    .own(1192),
    sequence("splt_size", ColumnKind::ListU32, "bytes", "Their sizes on the wire.", |r| {
        list(r, |item| item.size.into())
    })
    .own(1193),
    sequence(
        "splt_gap",
        ColumnKind::ListI64,
        "nanoseconds",
        "The time since the packet before, of any direction, negative where stamps go back; 0 for the first.",
        |r| list(r, |item| item.gap_ns),
    )
    .own(1194),
];

fn list(record: &FlowRecord, number: fn(&SequenceItem) -> i64) -> Cell<'static> {
    record.sequence().map_or(Cell::Null, |sequence| Cell::List(sequence.items().iter().map(number).collect()))
}
