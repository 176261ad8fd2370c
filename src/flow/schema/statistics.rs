//! Statistics: the spread of sizes and gaps, and TCP flags, of both directions together and of each.

use super::{Cell, Column, ColumnKind, Group, Needs, number};
use crate::flow::Direction::{self, DstToSrc, SrcToDst};
use crate::flow::{FlagCounts, Gaps, Sizes, Statistics};

/// One column; `$tell` reads it off what `$part` gives.
macro_rules! column {
    ($name:expr, $kind:ident, $unit:literal, $nullable:literal, $doc:expr, $tell:expr) => {
        Column {
            name: $name,
            kind: ColumnKind::$kind,
            unit: $unit,
            nullable: $nullable,
            group: Group::Statistics,
            needs: Some(Needs::Statistics),
            doc: $doc,
            ipfix: &[],
            get: |record| record.statistics().map_or(Cell::Null, $tell),
        }
    };
}

macro_rules! flag {
    ($prefix:literal, $of:expr, $flag:literal, $count:ident) => {
        column!(
            concat!($prefix, $flag, "_pkts"),
            U64,
            "packets",
            false,
            concat!("Packets with the TCP flag ", $flag, " set (RFC 9293, RFC 3168); 0 for other protocols."),
            |all| Cell::Uint(flags(all, $of).$count())
        )
    };
}

/// The sixteen columns of the packets of `$of`, whose names begin with `$prefix`.
macro_rules! columns_of {
    ($prefix:literal, $of:expr) => {
        [
            column!(concat!($prefix, "size_min"), U32, "bytes", true, SIZE_MIN, |all| number(sizes(all, $of).min())),
            column!(concat!($prefix, "size_mean"), F64, "bytes", true, SIZE_MEAN, |all| float(sizes(all, $of).mean())),
            column!(concat!($prefix, "size_stddev"), F64, "bytes", true, SIZE_STDDEV, |all| {
                float(sizes(all, $of).stddev())
            }),
            column!(concat!($prefix, "size_max"), U32, "bytes", true, SIZE_MAX, |all| number(sizes(all, $of).max())),
            column!(concat!($prefix, "gap_min"), I64, "nanoseconds", true, GAP_MIN, |all| int(gaps(all, $of).min())),
            column!(concat!($prefix, "gap_mean"), F64, "nanoseconds", true, GAP_MEAN, |all| {
                float(gaps(all, $of).mean())
            }),
            column!(concat!($prefix, "gap_stddev"), F64, "nanoseconds", true, GAP_STDDEV, |all| {
                float(gaps(all, $of).stddev())
            }),
            column!(concat!($prefix, "gap_max"), I64, "nanoseconds", true, GAP_MAX, |all| int(gaps(all, $of).max())),
            flag!($prefix, $of, "syn", syn),
            flag!($prefix, $of, "cwr", cwr),
            flag!($prefix, $of, "ece", ece),
            flag!($prefix, $of, "urg", urg),
            flag!($prefix, $of, "ack", ack),
            flag!($prefix, $of, "psh", psh),
            flag!($prefix, $of, "rst", rst),
            flag!($prefix, $of, "fin", fin),
        ]
    };
}

static BOTH: [Column; 16] = columns_of!("", None);
static THERE: [Column; 16] = columns_of!("src_to_dst_", Some(SrcToDst));
static BACK: [Column; 16] = columns_of!("dst_to_src_", Some(DstToSrc));

pub(super) fn columns() -> impl Iterator<Item = &'static Column> {
    BOTH.iter().chain(&THERE).chain(&BACK)
}

fn sizes(all: &Statistics, of: Option<Direction>) -> Sizes {
    all.sizes(of)
}

fn gaps(all: &Statistics, of: Option<Direction>) -> Gaps {
    all.gaps(of)
}

fn flags(all: &Statistics, of: Option<Direction>) -> FlagCounts {
    all.tcp_flags(of)
}

fn float(value: Option<f64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Float)
}

fn int(value: Option<i64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Int)
}

const SIZE_MIN: &str = "The smallest packet on the wire (IPFIX 25 is its IP length); null without packets.";
const SIZE_MEAN: &str = "Arithmetic mean of the packets' sizes on the wire; null without packets.";
const SIZE_STDDEV: &str = "Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets.";
const SIZE_MAX: &str = "The largest packet on the wire (IPFIX 26 is its IP length); null without packets.";
const GAP_MIN: &str = "The shortest time between consecutive packets, negative where stamps go back; null without two.";
const GAP_MEAN: &str = "Arithmetic mean of the times between consecutive packets; null without two.";
const GAP_STDDEV: &str = "Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large.";
const GAP_MAX: &str = "The longest time between consecutive packets; null without two.";
