//! TCP: what the segments of a flow say of its connection; null for other protocols.

use super::{Cell, Column, ColumnKind, Group, Needs, element, number, text};
use crate::flow::Direction::{self, DstToSrc, SrcToDst};
use crate::flow::TcpAnalysis;
use crate::flow::tcp::TcpCounts;

/// One column; `$tell` reads it off the analysis.
macro_rules! column {
    ($name:expr, $kind:ident, $unit:literal, $doc:expr, $tell:expr) => {
        Column {
            name: $name,
            kind: ColumnKind::$kind,
            unit: $unit,
            nullable: true,
            group: Group::Tcp,
            needs: Some(Needs::TcpAnalysis),
            doc: $doc,
            ipfix: &[],
            own_element: None,
            get: |record| record.tcp_analysis().map_or(Cell::Null, $tell),
        }
    };
}

/// The four counts of the packets of `$of`, whose names begin with `$prefix`.
macro_rules! counts_of {
    ($prefix:literal, $of:expr, $first:literal) => {
        [
            column!(concat!($prefix, "retransmitted_pkts"), U64, "packets", RETRANSMITTED, |tcp| {
                Cell::Uint(counts(tcp, $of).retransmitted)
            })
            .own($first),
            column!(concat!($prefix, "out_of_order_pkts"), U64, "packets", OUT_OF_ORDER, |tcp| {
                Cell::Uint(counts(tcp, $of).out_of_order)
            })
            .own($first + 1),
            column!(concat!($prefix, "duplicate_ack_pkts"), U64, "packets", DUPLICATE_ACK, |tcp| {
                Cell::Uint(counts(tcp, $of).duplicate_ack)
            })
            .own($first + 2),
            column!(concat!($prefix, "zero_window_pkts"), U64, "packets", ZERO_WINDOW, |tcp| {
                Cell::Uint(counts(tcp, $of).zero_window)
            })
            .own($first + 3),
        ]
    };
}

/// What the sender of a direction says of itself.
macro_rules! offer_of {
    ($prefix:literal, $of:expr, $window:expr, $mss:literal, $scale:expr) => {
        [
            column!(concat!($prefix, "tcp_initial_window"), U16, "bytes", INITIAL_WINDOW, |tcp| {
                number(tcp.offer($of).map(|offer| offer.window))
            })
            .ipfix($window),
            column!(concat!($prefix, "tcp_mss"), U16, "bytes", MSS, |tcp| {
                number(tcp.offer($of).and_then(|offer| offer.mss))
            })
            .own($mss),
            column!(concat!($prefix, "tcp_window_scale"), U8, "bits", WINDOW_SCALE, |tcp| {
                number(tcp.offer($of).and_then(|offer| offer.window_scale))
            })
            .ipfix($scale),
        ]
    };
}

static BOTH: [Column; 4] = counts_of!("", None, 1200);
static THERE: [Column; 4] = counts_of!("src_to_dst_", Some(SrcToDst), 1204);
static BACK: [Column; 4] = counts_of!("dst_to_src_", Some(DstToSrc), 1208);
static OFFERED_THERE: [Column; 3] =
    offer_of!("src_to_dst_", SrcToDst, element::WINDOW_THERE, 1212, element::WINDOW_SCALE_THERE);
static OFFERED_BACK: [Column; 3] =
    offer_of!("dst_to_src_", DstToSrc, element::WINDOW_BACK, 1213, element::WINDOW_SCALE_BACK);
static CONNECTION: [Column; 2] = [
    column!("tcp_handshake_rtt", U64, "nanoseconds", HANDSHAKE_RTT, |tcp| number(tcp.handshake_rtt_ns())).own(1214),
    column!("tcp_end_state", Text, "", END_STATE, |tcp| text(Some(tcp.end_state().name()))).own(1215),
];

pub(super) fn columns() -> impl Iterator<Item = &'static Column> {
    let counts = BOTH.iter().chain(&THERE).chain(&BACK);
    counts.chain(&CONNECTION).chain(&OFFERED_THERE).chain(&OFFERED_BACK)
}

fn counts(tcp: &TcpAnalysis, of: Option<Direction>) -> TcpCounts {
    of.map_or_else(|| tcp.total(), |direction| tcp.counts(direction))
}

const RETRANSMITTED: &str = "TCP segments that were sent again, fast and spurious retransmissions included, keep-alives \
                             and window probes not; null for other protocols.";
const OUT_OF_ORDER: &str = "TCP segments that came late, less than a handshake's round trip, and were not sent again; null for other protocols.";
const DUPLICATE_ACK: &str = "TCP segments that only repeat the acknowledgement and the window of the one before, answers \
                             to keep-alives not; null for other protocols.";
const ZERO_WINDOW: &str =
    "TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols.";
const HANDSHAKE_RTT: &str = "From SYN to the ACK that ends the handshake; null when it was not seen.";
const END_STATE: &str = "How the connection ended: fin (from both), fin_src_to_dst or fin_dst_to_src (from one, half \
                         closed), rst_src_to_dst, rst_dst_to_src, or open; null for other protocols.";
const INITIAL_WINDOW: &str =
    "The window in SYN or SYN-ACK, which is not scaled (IPFIX 186); null when it was not seen.";
const MSS: &str = "The maximum segment size in SYN or SYN-ACK (RFC 9293); null without the option.";
const WINDOW_SCALE: &str = "The window scale in SYN or SYN-ACK (RFC 7323, IPFIX 238); null without the option.";
