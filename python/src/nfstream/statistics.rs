//! The statistical columns: sizes, gaps and TCP flags, of both directions and of each.

use flowgauge::flow::{Direction, FlagCounts, Gaps, Sizes};

use super::columns::{Definition, Group, Kind, column};
use super::row::{Cell, Row, int};

/// The statistical columns, in nfstream's order.
pub(super) fn columns() -> impl Iterator<Item = &'static Definition> {
    SIZES.iter().flatten().chain(GAPS.iter().flatten()).chain(FLAGS.iter().flatten())
}

macro_rules! sizes {
    ($prefix:literal, $words:literal, $of:expr) => {
        [
            column!(
                concat!($prefix, "_min_ps"),
                Int,
                Statistics,
                concat!("The smallest packet ", $words, ", in bytes as accounting_mode says."),
                |row| size(row, $of, |sizes| int(sizes.min().unwrap_or(0).into()))
            ),
            column!(
                concat!($prefix, "_mean_ps"),
                Float,
                Statistics,
                concat!("The mean size of packets ", $words, ", in bytes."),
                |row| size(row, $of, |sizes| Cell::Float(sizes.mean().unwrap_or(0.0)))
            ),
            column!(
                concat!($prefix, "_stddev_ps"),
                Float,
                Statistics,
                concat!("The sample standard deviation of sizes of packets ", $words, ", in bytes."),
                |row| size(row, $of, |sizes| Cell::Float(sizes.stddev().unwrap_or(0.0)))
            ),
            column!(
                concat!($prefix, "_max_ps"),
                Int,
                Statistics,
                concat!("The largest packet ", $words, ", in bytes as accounting_mode says."),
                |row| size(row, $of, |sizes| int(sizes.max().unwrap_or(0).into()))
            ),
        ]
    };
}

macro_rules! gaps {
    ($prefix:literal, $words:literal, $of:expr) => {
        [
            column!(
                concat!($prefix, "_min_piat_ms"),
                Int,
                Statistics,
                concat!("The shortest time between two packets ", $words, ", in milliseconds."),
                |row| gap(row, $of, |gaps| Cell::Int(gaps.min().unwrap_or(0) / NANOS_PER_MILLI))
            ),
            column!(
                concat!($prefix, "_mean_piat_ms"),
                Float,
                Statistics,
                concat!("The mean time between two packets ", $words, ", in milliseconds."),
                |row| gap(row, $of, |gaps| Cell::Float(millis(gaps.mean())))
            ),
            column!(
                concat!($prefix, "_stddev_piat_ms"),
                Float,
                Statistics,
                concat!("The sample standard deviation of times between two packets ", $words, ", in milliseconds."),
                |row| gap(row, $of, |gaps| Cell::Float(millis(gaps.stddev())))
            ),
            column!(
                concat!($prefix, "_max_piat_ms"),
                Int,
                Statistics,
                concat!("The longest time between two packets ", $words, ", in milliseconds."),
                |row| gap(row, $of, |gaps| Cell::Int(gaps.max().unwrap_or(0) / NANOS_PER_MILLI))
            ),
        ]
    };
}

macro_rules! flag {
    ($prefix:literal, $words:literal, $of:expr, $name:literal, $method:ident) => {
        column!(
            concat!($prefix, "_", $name, "_packets"),
            Int,
            Statistics,
            concat!("Packets ", $words, " with the TCP flag ", $name, "."),
            |row| flags(row, $of, FlagCounts::$method)
        )
    };
}

macro_rules! flags {
    ($prefix:literal, $words:literal, $of:expr) => {
        [
            flag!($prefix, $words, $of, "syn", syn),
            flag!($prefix, $words, $of, "cwr", cwr),
            flag!($prefix, $words, $of, "ece", ece),
            flag!($prefix, $words, $of, "urg", urg),
            flag!($prefix, $words, $of, "ack", ack),
            flag!($prefix, $words, $of, "psh", psh),
            flag!($prefix, $words, $of, "rst", rst),
            flag!($prefix, $words, $of, "fin", fin),
        ]
    };
}

static SIZES: &[[Definition; 4]] = &[
    sizes!("bidirectional", "of both directions", None),
    sizes!("src2dst", "from source to destination", Some(Direction::SrcToDst)),
    sizes!("dst2src", "from destination to source", Some(Direction::DstToSrc)),
];

static GAPS: &[[Definition; 4]] = &[
    gaps!("bidirectional", "of any direction", None),
    gaps!("src2dst", "from source to destination", Some(Direction::SrcToDst)),
    gaps!("dst2src", "from destination to source", Some(Direction::DstToSrc)),
];

static FLAGS: &[[Definition; 8]] = &[
    flags!("bidirectional", "of both directions", None),
    flags!("src2dst", "from source to destination", Some(Direction::SrcToDst)),
    flags!("dst2src", "from destination to source", Some(Direction::DstToSrc)),
];

/// What `read` tells of the sizes; of packets that have none all are 0.
fn size<'a>(row: &Row<'a>, of: Option<Direction>, read: impl Fn(Sizes) -> Cell<'a>) -> Cell<'a> {
    let Some(statistics) = row.flow.statistics() else { return Cell::Int(0) };
    if row.is_sized() {
        return read(statistics.sizes(of));
    }
    match read(statistics.sizes(of)) {
        Cell::Float(_) => Cell::Float(0.0),
        _ => Cell::Int(0),
    }
}

fn gap<'a>(row: &Row<'a>, of: Option<Direction>, read: impl Fn(&Gaps) -> Cell<'a>) -> Cell<'a> {
    row.flow.statistics().map_or(Cell::Int(0), |statistics| read(&statistics.gaps(of)))
}

fn flags<'a>(row: &Row<'a>, of: Option<Direction>, read: impl Fn(&FlagCounts) -> u64) -> Cell<'a> {
    row.flow.statistics().map_or(Cell::Int(0), |statistics| int(read(&statistics.tcp_flags(of))))
}

/// Gaps are whole milliseconds, told in nanoseconds.
fn millis(nanos: Option<f64>) -> f64 {
    nanos.unwrap_or(0.0) / NANOS_PER_MILLI as f64
}

const NANOS_PER_MILLI: i64 = 1_000_000;
