//! Counts and times: of both directions together, and of each.

use super::{Cell, Column, ColumnKind, Group, element};
use crate::flow::FlowRecord;
use crate::flow::{Counts, FlowFlags};
use crate::time::Timestamp;

macro_rules! count {
    ($name:expr, $unit:literal, $doc:expr, $of:expr, $field:ident) => {
        Column {
            name: $name,
            kind: ColumnKind::U64,
            unit: $unit,
            nullable: false,
            group: Group::Counts,
            needs: None,
            doc: $doc,
            ipfix: &[],
            own_element: None,
            get: |r| Cell::Uint(($of)(r).$field),
        }
    };
}

macro_rules! payload {
    ($name:expr, $of:expr, $unknown:expr) => {
        Column {
            name: $name,
            kind: ColumnKind::U64,
            unit: "bytes",
            nullable: true,
            group: Group::Counts,
            needs: None,
            doc: "Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell.",
            ipfix: &[],
            own_element: None,
            get: |r| if ($unknown)(r) { Cell::Null } else { Cell::Uint(($of)(r).payload_bytes) },
        }
    };
}

macro_rules! duration {
    ($name:expr, $of:expr) => {
        Column {
            name: $name,
            kind: ColumnKind::Duration,
            unit: "",
            nullable: true,
            group: Group::Counts,
            needs: None,
            doc: "From the smallest stamp to the largest (IPFIX 161); null without packets.",
            ipfix: &[],
            own_element: None,
            get: |r| {
                let counts = ($of)(r);
                if counts.pkts == 0 { Cell::Null } else { Cell::Duration(counts.end.nanos_since(counts.start)) }
            },
        }
    };
}

macro_rules! time {
    ($name:expr, $doc:expr, $of:expr, $field:ident) => {
        Column {
            name: $name,
            kind: ColumnKind::Time,
            unit: "",
            nullable: true,
            group: Group::Counts,
            needs: None,
            doc: $doc,
            ipfix: &[],
            own_element: None,
            get: |r| moment(($of)(r), ($of)(r).$field),
        }
    };
}

const IP_BYTES: &str = "Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header).";
const TRANSPORT_BYTES: &str = "Bytes after the IP header and its extension headers.";
const START: &str = "The smallest stamp of this direction (IPFIX 156); null without packets.";
const END: &str = "The largest stamp of this direction (IPFIX 157); null without packets.";

pub(super) static COLUMNS: &[Column] = &[
    count!("pkts", "packets", "Packets of both directions.", FlowRecord::both, pkts).own(1032),
    count!("bytes", "bytes", "Bytes on the wire of both directions, link headers included.", FlowRecord::both, bytes)
        .own(1033),
    count!("ip_bytes", "bytes", IP_BYTES, FlowRecord::both, ip_bytes).own(1034),
    count!("src_to_dst_ip_bytes", "bytes", IP_BYTES, FlowRecord::there, ip_bytes).ipfix(element::IP_BYTES_THERE),
    count!("dst_to_src_ip_bytes", "bytes", IP_BYTES, FlowRecord::back, ip_bytes).ipfix(element::IP_BYTES_BACK),
    count!("transport_bytes", "bytes", TRANSPORT_BYTES, FlowRecord::both, transport_bytes).own(1035),
    count!("src_to_dst_transport_bytes", "bytes", TRANSPORT_BYTES, FlowRecord::there, transport_bytes).own(1036),
    count!("dst_to_src_transport_bytes", "bytes", TRANSPORT_BYTES, FlowRecord::back, transport_bytes).own(1037),
    payload!("payload_bytes", FlowRecord::both, |r: &FlowRecord| r.flags.intersects(EITHER_PAYLOAD_UNKNOWN)).own(1038),
    payload!("src_to_dst_payload_bytes", FlowRecord::there, |r: &FlowRecord| {
        r.flags.contains(FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN)
    })
    .ipfix(element::PAYLOAD_THERE),
    payload!("dst_to_src_payload_bytes", FlowRecord::back, |r: &FlowRecord| {
        r.flags.contains(FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN)
    })
    .ipfix(element::PAYLOAD_BACK),
    time!("src_to_dst_start_time", START, FlowRecord::there, start).ipfix(element::START_THERE),
    time!("src_to_dst_end_time", END, FlowRecord::there, end).ipfix(element::END_THERE),
    time!("dst_to_src_start_time", START, FlowRecord::back, start).ipfix(element::START_BACK),
    time!("dst_to_src_end_time", END, FlowRecord::back, end).ipfix(element::END_BACK),
    duration!("duration", FlowRecord::both).own(1039),
    duration!("src_to_dst_duration", FlowRecord::there).own(1040),
    duration!("dst_to_src_duration", FlowRecord::back).own(1041),
];

const EITHER_PAYLOAD_UNKNOWN: FlowFlags =
    FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN.union(FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN);

impl FlowRecord {
    fn both(&self) -> Counts {
        self.flow.total()
    }

    fn there(&self) -> Counts {
        self.flow.counts[0]
    }

    fn back(&self) -> Counts {
        self.flow.counts[1]
    }
}

fn moment(counts: Counts, stamp: Timestamp) -> Cell<'static> {
    if counts.pkts == 0 { Cell::Null } else { Cell::Time(stamp) }
}
