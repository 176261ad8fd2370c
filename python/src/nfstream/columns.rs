//! The second table of columns: what an `NFlow` of nfstream 6.6.0 tells, in its order.
//!
//! Attributes, `keys()`, data frames, the stubs and the documentation are read off this table or checked against it. The
//! statistical columns, which are the same for three directions, are in `statistics.rs`.

use flowgauge::Timestamp;
use flowgauge::flow::{Counts, Direction};

use super::row::{Cell, Row, View, confidence_number, int};
use super::statistics;

/// One column of the view.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its name.
    pub(crate) name: &'static str,
    /// What its cells hold.
    pub(crate) kind: Kind,
    /// What of the view it belongs to.
    pub(crate) group: Group,
    /// What it is, with the unit.
    pub(crate) doc: &'static str,
    pub(super) get: for<'a> fn(&Row<'a>) -> Cell<'a>,
}

/// The type of a column's cells in Python.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Int,
    Float,
    Text,
    List,
}

/// What has to be asked for so that a column exists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Group {
    Core,
    /// `decode_tunnels`.
    Tunnel,
    /// `statistical_analysis`.
    Statistics,
    /// `splt_analysis`.
    Splt,
    /// `n_dissections`.
    Application,
}

impl Definition {
    /// Whether a run with this view has the column.
    #[inline]
    pub(crate) const fn is_in(&self, view: &View) -> bool {
        match self.group {
            Group::Core => true,
            Group::Tunnel => view.tunnels,
            Group::Statistics => view.statistics,
            Group::Splt => view.splt > 0,
            Group::Application => view.dissection,
        }
    }

    /// The value of this column.
    #[inline]
    pub(crate) fn get<'a>(&self, row: &Row<'a>) -> Cell<'a> {
        (self.get)(row)
    }
}

impl Kind {
    /// The name of the type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "str",
            Self::List => "list",
        }
    }
}

impl Group {
    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Tunnel => "tunnel",
            Self::Statistics => "statistics",
            Self::Splt => "splt",
            Self::Application => "application",
        }
    }
}

/// Every column, in nfstream's order.
pub(crate) fn columns() -> impl Iterator<Item = &'static Definition> {
    IDENTITY.iter().chain(COUNTS.iter().flatten()).chain(statistics::columns()).chain(SPLT).chain(APPLICATION)
}

/// The columns of a run with this view, in order.
pub(crate) fn columns_of(view: &View) -> impl Iterator<Item = &'static Definition> {
    columns().filter(|column| column.is_in(view))
}

macro_rules! column {
    ($name:expr, $kind:ident, $group:ident, $doc:expr, $get:expr) => {
        Definition { name: $name, kind: Kind::$kind, group: Group::$group, doc: $doc, get: $get }
    };
}
pub(super) use column;

macro_rules! counts {
    ($prefix:literal, $words:literal, $of:expr) => {
        [
            column!(
                concat!($prefix, "_first_seen_ms"),
                Int,
                Core,
                concat!("Stamp of the first packet ", $words, ", in milliseconds since the Unix epoch; 0 without one."),
                |row| seen(row, $of, |counts| counts.start)
            ),
            column!(
                concat!($prefix, "_last_seen_ms"),
                Int,
                Core,
                concat!("Stamp of the last packet ", $words, ", in milliseconds since the Unix epoch; 0 without one."),
                |row| seen(row, $of, |counts| counts.end)
            ),
            column!(
                concat!($prefix, "_duration_ms"),
                Int,
                Core,
                concat!("From the first packet ", $words, " to the last, in milliseconds."),
                |row| duration(row, $of)
            ),
            column!(concat!($prefix, "_packets"), Int, Core, concat!("Packets ", $words, "."), |row| {
                int(row.counts($of).pkts)
            }),
            column!(
                concat!($prefix, "_bytes"),
                Int,
                Core,
                concat!("Bytes ", $words, ", of the layer that accounting_mode says."),
                |row| row.bytes($of)
            ),
        ]
    };
}

static IDENTITY: &[Definition] = &[
    column!(
        "id",
        Int,
        Core,
        "Number of the flow among those handed out, from 0; in a plugin the number of the flow's first frame.",
        |row| int(row.id)
    ),
    column!(
        "expiration_id",
        Int,
        Core,
        "Why the flow ended: 0 idle or the end of the source, 1 active timeout, -1 a plugin asked for it.",
        |row| Cell::Int(row.expiration())
    ),
    column!("src_ip", Text, Core, "Address of the sender of the flow's first packet.", |row| Cell::Ip(
        row.flow.src().0
    )),
    column!("src_mac", Text, Core, "Its MAC address in the first packet; zeros when the link has none.", |row| {
        Cell::Text(row.mac(0).into())
    }),
    column!("src_oui", Text, Core, "The part of src_mac that names the maker.", |row| row.oui(0)),
    column!("src_port", Int, Core, "Port of the sender; 0 for anything but TCP and UDP.", |row| {
        int(row.flow.src().1.into())
    }),
    column!("dst_ip", Text, Core, "Address of the receiver of the flow's first packet.", |row| Cell::Ip(
        row.flow.dst().0
    )),
    column!("dst_mac", Text, Core, "Its MAC address in the first packet; zeros when the link has none.", |row| {
        Cell::Text(row.mac(1).into())
    }),
    column!("dst_oui", Text, Core, "The part of dst_mac that names the maker.", |row| row.oui(1)),
    column!("dst_port", Int, Core, "Port of the receiver; 0 for anything but TCP and UDP.", |row| {
        int(row.flow.dst().1.into())
    }),
    column!("protocol", Int, Core, "IP protocol number, after extension headers (IANA numbers).", |row| {
        int(row.flow.key.ip_protocol().into())
    }),
    column!("ip_version", Int, Core, "4 or 6, of the innermost IP header.", |row| int(row
        .flow
        .key
        .ip_version()
        .into())),
    column!("vlan_id", Int, Core, "The innermost VLAN id; 0 without a tag.", |row| int(row.flow.key.vlan_id().into())),
    column!("tunnel_id", Int, Tunnel, "Kind of tunnel: 0 none, 1 GTP-U, 2 CAPWAP, 3 TZSP.", |row| Cell::Int(
        row.tunnel()
    )),
];

static COUNTS: &[[Definition; 5]] = &[
    counts!("bidirectional", "of both directions", None),
    counts!("src2dst", "from source to destination", Some(Direction::SrcToDst)),
    counts!("dst2src", "from destination to source", Some(Direction::DstToSrc)),
];

static SPLT: &[Definition] = &[
    column!(
        "splt_direction",
        List,
        Splt,
        "Directions of the first packets: 0 from source to destination, 1 back; -1 where there is none.",
        |row| row.sequence(|item| item.direction as i64)
    ),
    column!(
        "splt_ps",
        List,
        Splt,
        "Sizes of the first packets in bytes, as accounting_mode says; -1 where there is none.",
        |row| {
            let sized = row.is_sized();
            row.sequence(|item| if sized { item.size.into() } else { 0 })
        }
    ),
    column!(
        "splt_piat_ms",
        List,
        Splt,
        "Milliseconds since the packet before, of any direction, for the first packets; -1 where there is none.",
        |row| row.sequence(|item| item.gap_ns / NANOS_PER_MILLI as i64)
    ),
];

static APPLICATION: &[Definition] = &[
    column!(
        "application_name",
        Text,
        Application,
        "The application as nDPI names it; Unknown where it does not.",
        |row| { row.label(|application| &application.name, "Unknown") }
    ),
    column!("application_category_name", Text, Application, "The application's category in nDPI.", |row| {
        row.label(|application| &application.category, "Unspecified")
    }),
    column!(
        "application_is_guessed",
        Int,
        Application,
        "1 when the label comes from ports or addresses alone, else 0.",
        |row| int(row.confidence().is_guessed().into())
    ),
    column!(
        "application_confidence",
        Int,
        Application,
        "What the label rests on: 0 unknown, 1 port, 3 dissection in part, 4 in part from the cache, 5 cache, 6 dissection, \
         7 address, 8 aggressive dissection, 9 custom rule.",
        |row| Cell::Int(confidence_number(row.confidence()))
    ),
    column!(
        "requested_server_name",
        Text,
        Application,
        "Name of the server that was asked for: TLS or QUIC server name, HTTP host, name in a DNS question.",
        |row| row.fact(|facts| facts.requested_server_name())
    ),
    column!(
        "client_fingerprint",
        Text,
        Application,
        "JA4 of a TLS or QUIC client, HASSH of an SSH client, the options that a DHCP client asks for.",
        |row| row.fact(|facts| facts.ja4().or(facts.hassh()).or(facts.dhcp_fingerprint()))
    ),
    column!("server_fingerprint", Text, Application, "JA3S of a TLS server, HASSH of an SSH server.", |row| {
        row.fact(|facts| facts.ja3s().or(facts.hassh_server()))
    }),
    column!("user_agent", Text, Application, "User agent of HTTP or QUIC.", |row| {
        row.fact(|facts| facts.user_agent())
    }),
    column!("content_type", Text, Application, "Content type of HTTP.", |row| {
        row.fact(|facts| facts.content_type())
    }),
];

fn seen<'a>(row: &Row<'a>, of: Option<Direction>, stamp: impl Fn(&Counts) -> Timestamp) -> Cell<'a> {
    let counts = row.counts(of);
    Cell::Int(if counts.pkts == 0 { 0 } else { stamp(&counts).as_millis() })
}

fn duration<'a>(row: &Row<'a>, of: Option<Direction>) -> Cell<'a> {
    let counts = row.counts(of);
    int(if counts.pkts == 0 { 0 } else { counts.end.nanos_since(counts.start) / NANOS_PER_MILLI })
}

const NANOS_PER_MILLI: u64 = 1_000_000;
