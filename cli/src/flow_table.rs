//! Flows as a table for people: who, with whom, when, how much and what, or the columns of their choice.

use std::io::{self, Write};
use std::net::IpAddr;

use flowgauge::export::{Columns, Exporter};
use flowgauge::flow::schema::{Cell, ColumnKind, Needs, Schema};
use flowgauge::{Error, FlowRecord, Result};

use crate::table::{Heading, Kind, Table};
use crate::text;

/// Writes records as a table.
pub(crate) struct FlowTable<W> {
    name: String,
    table: Table<W>,
    chosen: Option<Columns>,
    /// What the usual table has besides, at its end.
    more: Columns,
}

impl<W: Write> FlowTable<W> {
    /// Writes to `out`, which stands as `name` in errors, and is as wide as `room` if it is a terminal.
    pub(crate) fn new(name: String, out: W, room: Option<usize>, schema: &Schema, chosen: Option<Columns>) -> Self {
        let more = more(schema);
        let headings = match &chosen {
            Some(columns) => headings(columns),
            None => USUAL.iter().map(usual).chain(headings(&more)).collect(),
        };
        Self { name, table: Table::new(out, room, headings), chosen, more }
    }

    fn told(&self, written: io::Result<()>) -> Result<()> {
        written.map_err(|source| Error::Write { what: self.name.clone(), source })
    }
}

impl<W: Write> Exporter for FlowTable<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        let row = match &self.chosen {
            Some(columns) => columns.cells(record).map(|cell| text::plain(&cell)).collect(),
            None => {
                usual_cells(record).into_iter().chain(self.more.cells(record).map(|cell| text::plain(&cell))).collect()
            }
        };
        let written = self.table.push(row);
        self.told(written)
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.table.flush();
        self.told(written)
    }

    fn finish(&mut self) -> Result<()> {
        let written = self.table.finish();
        self.told(written)
    }
}

/// The usual table: heading, kind, when it may be spared, and what its cells take as a rule.
const USUAL: [(&str, Kind, Option<u8>, usize); 8] = [
    ("start_time", Kind::Name, Some(2), 23),
    ("duration", Kind::Number, Some(0), 8),
    ("protocol", Kind::Name, Some(1), 8),
    ("source", Kind::Name, None, 21),
    ("destination", Kind::Name, None, 21),
    ("pkts", Kind::Number, None, 6),
    ("bytes", Kind::Number, None, 9),
    ("application", Kind::Text, None, 11),
];

/// What the usual table has of a record.
pub(crate) fn usual_columns(schema: &Schema) -> Columns {
    let more = more(schema);
    Columns::choose(schema, USED.into_iter().chain(more.names())).expect("all of them are names of the schema")
}

/// The columns that the cells of the usual table are made of.
pub(crate) const USED: [&str; 10] = [
    "start_time",
    "duration",
    "ip_protocol",
    "ip_src",
    "src_port",
    "ip_dst",
    "dst_port",
    "pkts",
    "bytes",
    "application_name",
];

fn usual(&(name, kind, spare, width): &(&str, Kind, Option<u8>, usize)) -> Heading {
    let heading = Heading::new(name, kind).usual(width);
    spare.map_or(heading.clone(), |order| heading.spare(order))
}

fn usual_cells(record: &FlowRecord) -> [String; 8] {
    let total = record.total();
    let duration = total.end.nanos_since(total.start);
    [
        text::time(total.start),
        text::plain(&Cell::Duration(duration)),
        text::protocol(record.key.ip_protocol()).into_owned(),
        endpoint(record, record.src()),
        endpoint(record, record.dst()),
        total.pkts.to_string(),
        total.bytes.to_string(),
        record.application_name().map_or_else(|| "-".to_owned(), |name| text::harmless(name).into_owned()),
    ]
}

/// Address and port, as `10.0.0.1:53` or `[fe80::1]:53`; without the port where the protocol has none.
fn endpoint(record: &FlowRecord, (address, port): (IpAddr, u16)) -> String {
    if record.src().1 == 0 && record.dst().1 == 0 {
        return address.to_string();
    }
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

/// What the usual table has at its end: the server that was asked for, where that is known, and the user's metrics.
fn more(schema: &Schema) -> Columns {
    let server = schema.columns().filter(|column| column.needs == Some(Needs::ApplicationFields)).take(1);
    let names = server.map(|column| column.name).chain(schema.metrics().iter().map(String::as_str));
    Columns::choose(schema, names).expect("all of them are names of the schema")
}

fn headings(columns: &Columns) -> Vec<Heading> {
    let heading = |(name, column): (&str, Option<&flowgauge::flow::schema::Column>)| {
        let kind = match column.map(|column| column.kind) {
            // Numbers are aligned at their ends; a metric may be anything, and mostly is a number.
            None => Kind::Number,
            Some(ColumnKind::Text) if ADDRESSES.contains(&name) => Kind::Name,
            Some(ColumnKind::Text | ColumnKind::ListText) => Kind::Text,
            Some(ColumnKind::ListU8 | ColumnKind::ListU16 | ColumnKind::ListU32 | ColumnKind::ListI64) => Kind::Text,
            Some(ColumnKind::Time | ColumnKind::Bool) => Kind::Name,
            Some(_) => Kind::Number,
        };
        Heading::new(name, kind)
    };
    columns.names().zip(columns.columns()).map(heading).collect()
}

/// Texts that say nothing when they are cut.
const ADDRESSES: [&str; 5] = ["ip_src", "ip_dst", "src_mac", "dst_mac", "community_id"];
