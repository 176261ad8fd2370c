//! The core: what `print(flow)` shows, in this order.

use super::{Cell, Column, ColumnKind, Group, element, text};
use crate::flow::Direction::{DstToSrc, SrcToDst};
use crate::flow::FlowRecord;

const fn core(name: &'static str, kind: ColumnKind, doc: &'static str, get: fn(&FlowRecord) -> Cell<'_>) -> Column {
    Column {
        name,
        kind,
        unit: "",
        nullable: false,
        group: Group::Core,
        needs: None,
        doc,
        ipfix: &[],
        own_element: None,
        get,
    }
}

const fn count(name: &'static str, unit: &'static str, doc: &'static str, get: fn(&FlowRecord) -> Cell<'_>) -> Column {
    Column { unit, ..core(name, ColumnKind::U64, doc, get) }
}

pub(super) static COLUMNS: &[Column] = &[
    core("ip_src", ColumnKind::Text, "Address of the sender of the flow's first packet (IPFIX 8, 27).", |r| {
        Cell::Ip(r.src().0)
    })
    .ipfix(element::IP_SRC),
    core(
        "src_port",
        ColumnKind::U16,
        "Its port; 0 when the protocol has none or it was not captured (IPFIX 7).",
        |r| Cell::Uint(r.src().1.into()),
    )
    .ipfix(element::SRC_PORT),
    core("ip_dst", ColumnKind::Text, "Address of the receiver of the flow's first packet (IPFIX 12, 28).", |r| {
        Cell::Ip(r.dst().0)
    })
    .ipfix(element::IP_DST),
    core(
        "dst_port",
        ColumnKind::U16,
        "Its port; 0 when the protocol has none or it was not captured (IPFIX 11).",
        |r| Cell::Uint(r.dst().1.into()),
    )
    .ipfix(element::DST_PORT),
    core("ip_protocol", ColumnKind::U8, "IP protocol number, after extension headers (IPFIX 4, IANA numbers).", |r| {
        Cell::Uint(r.key.ip_protocol().into())
    })
    .ipfix(element::IP_PROTOCOL),
    count("src_to_dst_pkts", "packets", "Packets from source to destination (IPFIX 2).", |r| {
        Cell::Uint(r.of(SrcToDst).pkts)
    })
    .ipfix(element::PKTS_THERE),
    count("dst_to_src_pkts", "packets", "Packets from destination to source (IPFIX 2, reverse).", |r| {
        Cell::Uint(r.of(DstToSrc).pkts)
    })
    .ipfix(element::PKTS_BACK),
    count(
        "src_to_dst_bytes",
        "bytes",
        "Bytes on the wire from source to destination, link headers included (IPFIX 352).",
        |r| Cell::Uint(r.of(SrcToDst).bytes),
    )
    .ipfix(element::BYTES_THERE),
    count(
        "dst_to_src_bytes",
        "bytes",
        "Bytes on the wire from destination to source, link headers included (IPFIX 352, reverse).",
        |r| Cell::Uint(r.of(DstToSrc).bytes),
    )
    .ipfix(element::BYTES_BACK),
    Column {
        nullable: true,
        ..core("application_name", ColumnKind::Text, "The application as nDPI names it; null without nDPI.", |r| {
            text(r.application_name())
        })
        .ipfix(element::APPLICATION_NAME)
    },
    Column {
        nullable: true,
        ..core("category_name", ColumnKind::Text, "The application's category in nDPI; null without nDPI.", |r| {
            text(r.application.as_deref().map(|application| application.category.as_str()))
        })
        .ipfix(element::CATEGORY_NAME)
    },
    core("start_time", ColumnKind::Time, "The smallest stamp of its packets (IPFIX 156).", |r| {
        Cell::Time(r.total().start)
    })
    .ipfix(element::START),
    core("end_time", ColumnKind::Time, "The largest stamp of its packets (IPFIX 157).", |r| Cell::Time(r.total().end))
        .ipfix(element::END),
    core("export_reason", ColumnKind::U8, EXPORT_REASON, |r| Cell::Uint(r.export_reason.number().into()))
        .ipfix(element::EXPORT_REASON),
];

const EXPORT_REASON: &str = "Why the record left: 0 inactive, 1 active, 2 flush, 3 TCP end, 4 capacity, 16 to 255 the user's \
                             own (IPFIX 136).";
