//! Identity: which flow a record belongs to.

use super::{Cell, Column, ColumnKind, Group, text};
use crate::flow::FlowRecord;
use crate::flow::state::FlowFlags;

const fn identity(
    name: &'static str,
    kind: ColumnKind,
    nullable: bool,
    doc: &'static str,
    get: fn(&FlowRecord) -> Cell<'_>,
) -> Column {
    Column { name, kind, nullable, group: Group::Identity, doc, get }
}

pub(super) static COLUMNS: &[Column] = &[
    identity("flow_id", ColumnKind::U64, false, "Number of the record's first frame: unique in a capture.", |r| {
        Cell::Uint(r.flow_id)
    }),
    identity("conn_id", ColumnKind::U64, false, "The flow_id of the flow's first segment.", |r| Cell::Uint(r.conn_id)),
    identity("segment", ColumnKind::U32, false, "0, and one more after every cut by the active timeout.", |r| {
        Cell::Uint(r.segment.into())
    }),
    identity("ip_version", ColumnKind::U8, false, "4 or 6, of the innermost IP header (IPFIX 60).", |r| {
        Cell::Uint(r.key.ip_version().into())
    }),
    identity(
        "vlan_id",
        ColumnKind::U16,
        true,
        "The innermost VLAN id; null without one (IPFIX 58, IEEE 802.1Q).",
        |r| match r.key.vlan_id() {
            0 => Cell::Null,
            id => Cell::Uint(id.into()),
        },
    ),
    identity(
        "tunnel",
        ColumnKind::Text,
        true,
        "Kind of the tunnel its packets came out of, as gtp-u; null without one.",
        |r| text(r.key.tunnel().map(|tunnel| tunnel.name())),
    ),
    identity(
        "tunnel_key",
        ColumnKind::U32,
        true,
        "The tunnel's own key in the first packet: for GTP-U its TEID; null without one.",
        |r| if r.flags.contains(FlowFlags::TUNNEL_KEY) { Cell::Uint(r.tunnel_key.into()) } else { Cell::Null },
    ),
    identity(
        "src_mac",
        ColumnKind::Text,
        true,
        "MAC address of the source in the first packet; null without (IPFIX 56).",
        |r| mac(r, 0),
    ),
    identity(
        "dst_mac",
        ColumnKind::Text,
        true,
        "MAC address of the destination in the first packet; null without (IPFIX 80).",
        |r| mac(r, 1),
    ),
    identity(
        "incomplete",
        ColumnKind::Text,
        true,
        "What the captured bytes of some packet could not tell: ports, payload, inner (of a tunnel); null when all was told.",
        incomplete,
    ),
];

fn mac(record: &FlowRecord, end: usize) -> Cell<'_> {
    if !record.flags.contains(FlowFlags::MACS) {
        return Cell::Null;
    }
    let [a, b, c, d, e, f] = record.macs[end];
    Cell::Text(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}").into())
}

fn incomplete(record: &FlowRecord) -> Cell<'_> {
    let payload = FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN.union(FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN);
    let marks = [(FlowFlags::PORTS_UNKNOWN, "ports"), (payload, "payload"), (FlowFlags::INNER_UNKNOWN, "inner")];
    let words: Vec<_> =
        marks.into_iter().filter(|(flag, _)| record.flags.intersects(*flag)).map(|(_, word)| word).collect();
    if words.is_empty() { Cell::Null } else { Cell::Text(words.join(", ").into()) }
}
