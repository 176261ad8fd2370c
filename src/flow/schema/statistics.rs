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
            own_element: None,
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
    ($prefix:literal, $of:expr, $first:literal) => {
        [
            column!(concat!($prefix, "size_min"), U32, "bytes", true, SIZE_MIN, |all| number(sizes(all, $of).min()))
                .own($first),
            column!(concat!($prefix, "size_mean"), F64, "bytes", true, SIZE_MEAN, |all| float(sizes(all, $of).mean()))
                .own($first + 1),
            column!(concat!($prefix, "size_stddev"), F64, "bytes", true, SIZE_STDDEV, |all| {
                float(sizes(all, $of).stddev())
            })
            .own($first + 2),
            column!(concat!($prefix, "size_max"), U32, "bytes", true, SIZE_MAX, |all| number(sizes(all, $of).max()))
                .own($first + 3),
            column!(concat!($prefix, "gap_min"), I64, "nanoseconds", true, GAP_MIN, |all| int(gaps(all, $of).min()))
                .own($first + 4),
            column!(concat!($prefix, "gap_mean"), F64, "nanoseconds", true, GAP_MEAN, |all| {
                float(gaps(all, $of).mean())
            })
            .own($first + 5),
            column!(concat!($prefix, "gap_stddev"), F64, "nanoseconds", true, GAP_STDDEV, |all| {
                float(gaps(all, $of).stddev())
            })
            .own($first + 6),
            column!(concat!($prefix, "gap_max"), I64, "nanoseconds", true, GAP_MAX, |all| int(gaps(all, $of).max()))
                .own($first + 7),
            flag!($prefix, $of, "syn", syn).own($first + 8),
            flag!($prefix, $of, "cwr", cwr).own($first + 9),
            flag!($prefix, $of, "ece", ece).own($first + 10),
            flag!($prefix, $of, "urg", urg).own($first + 11),
            flag!($prefix, $of, "ack", ack).own($first + 12),
            flag!($prefix, $of, "psh", psh).own($first + 13),
            flag!($prefix, $of, "rst", rst).own($first + 14),
            flag!($prefix, $of, "fin", fin).own($first + 15),
        ]
    };
}

static BOTH: [Column; 16] = columns_of!("", None, 1128);
static THERE: [Column; 16] = columns_of!("src_to_dst_", Some(SrcToDst), 1144);
static BACK: [Column; 16] = columns_of!("dst_to_src_", Some(DstToSrc), 1160);

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
