//! Identity: which flow a record belongs to.

use super::{Cell, CellText, Column, ColumnKind, Group, element, text};
use crate::flow::FlowFlags;
use crate::flow::{FlowRecord, Statistics};

const fn identity(
    name: &'static str,
    kind: ColumnKind,
    nullable: bool,
    doc: &'static str,
    get: fn(&FlowRecord) -> Cell<'_>,
) -> Column {
    Column {
        name,
        kind,
        unit: "",
        nullable,
        group: Group::Identity,
        needs: None,
        doc,
        ipfix: &[],
        own_element: None,
        get,
    }
}

pub(super) static COLUMNS: &[Column] = &[
    identity("flow_id", ColumnKind::U64, false, "Number of the record's first frame: unique in a capture.", |r| {
        Cell::Uint(r.flow_id)
    }).own(1001),
    identity("conn_id", ColumnKind::U64, false, "The flow_id of the flow's first segment.", |r| Cell::Uint(r.conn_id))
        .ipfix(element::CONN_ID),
    identity("segment", ColumnKind::U32, false, "0, and one more after every cut by the active timeout.", |r| {
        Cell::Uint(r.segment.into())
    }).own(1002),
    identity("ip_version", ColumnKind::U8, false, "4 or 6, of the innermost IP header (IPFIX 60).", |r| {
        Cell::Uint(r.key.ip_version().into())
    })
    .ipfix(element::IP_VERSION),
    identity(
        "vlan_id",
        ColumnKind::U16,
        true,
        "The innermost VLAN id; null without one (IPFIX 58, IEEE 802.1Q).",
        |r| match r.key.vlan_id() {
            0 => Cell::Null,
            id => Cell::Uint(id.into()),
        },
    )
    .ipfix(element::VLAN_ID),
    identity(
        "tunnel",
        ColumnKind::Text,
        true,
        "Kind of the innermost tunnel: gtp-u, tzsp, capwap, vxlan, geneve, gre, erspan, teredo; null without one.",
        |r| text(r.key.tunnel().map(|tunnel| tunnel.name())),
    ).own(1003),
    identity(
        "tunnel_key",
        ColumnKind::U32,
        true,
        "The innermost tunnel's key in the first packet: TEID, VNI, GRE key, ERSPAN session; null without one.",
        |r| if r.flags.contains(FlowFlags::TUNNEL_KEY) { Cell::Uint(r.tunnel_key.into()) } else { Cell::Null },
    ).own(1004),
    identity(
        "src_mac",
        ColumnKind::Text,
        true,
        "MAC address of the source in the first packet; null without (IPFIX 56).",
        |r| mac(r, 0),
    )
    .ipfix(element::SRC_MAC),
    identity(
        "dst_mac",
        ColumnKind::Text,
        true,
        "MAC address of the destination in the first packet; null without (IPFIX 80).",
        |r| mac(r, 1),
    )
    .ipfix(element::DST_MAC),
    identity(
        "community_id",
        ColumnKind::Text,
        true,
        "Community ID, version 1, seed 0 (github.com/corelight/community-id-spec); null when ports or ICMP type are unknown.",
        |r| r.community_id_text().map_or(Cell::Null, Cell::Text),
    ).own(1005),
    identity(
        "src_oui",
        ColumnKind::Text,
        true,
        "The first three bytes of src_mac: its maker's OUI (IEEE MA-L); null without.",
        |r| oui(r, 0),
    ).own(1006),
    identity(
        "dst_oui",
        ColumnKind::Text,
        true,
        "The first three bytes of dst_mac: its maker's OUI (IEEE MA-L); null without.",
        |r| oui(r, 1),
    ).own(1007),
    identity(
        "vlan_ids",
        ColumnKind::ListU16,
        true,
        "All VLAN ids of the first packet, the outermost first (IEEE 802.1Q, 802.1ad); null without a tag.",
        |r| {
            let ids = r.vlan_ids();
            if ids.is_empty() { Cell::Null } else { Cell::List(ids.into_iter().map(i64::from).collect()) }
        },
    ).own(1008),
    identity("ttl_min", ColumnKind::U8, false, "The smallest TTL or hop limit (IPFIX 52).", |r| {
        of_headers(r.ttl[0].plus(r.ttl[1]).min, 1)
    }).own(1009),
    identity("ttl_max", ColumnKind::U8, false, "The largest TTL or hop limit (IPFIX 53).", |r| {
        of_headers(r.ttl[0].plus(r.ttl[1]).max, 1)
    }).own(1010),
    identity(
        "src_to_dst_ttl_min",
        ColumnKind::U8,
        true,
        "The smallest TTL or hop limit of this direction (IPFIX 52); null without packets.",
        |r| of_headers(r.ttl[0].min, r.counts[0].pkts),
    )
    .ipfix(element::TTL_MIN_THERE),
    identity(
        "src_to_dst_ttl_max",
        ColumnKind::U8,
        true,
        "The largest TTL or hop limit of this direction (IPFIX 53); null without packets.",
        |r| of_headers(r.ttl[0].max, r.counts[0].pkts),
    )
    .ipfix(element::TTL_MAX_THERE),
    identity(
        "dst_to_src_ttl_min",
        ColumnKind::U8,
        true,
        "The smallest TTL or hop limit of this direction (IPFIX 52); null without packets.",
        |r| of_headers(r.ttl[1].min, r.counts[1].pkts),
    )
    .ipfix(element::TTL_MIN_BACK),
    identity(
        "dst_to_src_ttl_max",
        ColumnKind::U8,
        true,
        "The largest TTL or hop limit of this direction (IPFIX 53); null without packets.",
        |r| of_headers(r.ttl[1].max, r.counts[1].pkts),
    )
    .ipfix(element::TTL_MAX_BACK),
    identity(
        "src_to_dst_dscp",
        ColumnKind::U8,
        true,
        "DSCP of the first packet of this direction (RFC 2474, IPFIX 195); null without packets.",
        |r| of_headers(r.dscp[0], r.counts[0].pkts),
    )
    .ipfix(element::DSCP_THERE),
    identity(
        "dst_to_src_dscp",
        ColumnKind::U8,
        true,
        "DSCP of the first packet of this direction (RFC 2474, IPFIX 195); null without packets.",
        |r| of_headers(r.dscp[1], r.counts[1].pkts),
    )
    .ipfix(element::DSCP_BACK),
    identity(
        "flow_label",
        ColumnKind::U32,
        true,
        "IPv6 flow label of the first packet (RFC 6437, IPFIX 31); null in IPv4.",
        |r| if r.key.ip_version() == 6 { Cell::Uint(r.flow_label.into()) } else { Cell::Null },
    )
    .ipfix(element::FLOW_LABEL),
    identity(
        "icmp_type",
        ColumnKind::U8,
        true,
        "ICMP or ICMPv6 type of the first packet (IPFIX 176, 178); null for other protocols.",
        |r| icmp(r, r.icmp.0),
    )
    .ipfix(element::ICMP_TYPE),
    identity(
        "icmp_code",
        ColumnKind::U8,
        true,
        "ICMP or ICMPv6 code of the first packet (IPFIX 177, 179); null for other protocols.",
        |r| icmp(r, r.icmp.1),
    )
    .ipfix(element::ICMP_CODE),
    identity("fragmented", ColumnKind::Bool, false, "Whether some packet is an IP fragment.", |r| {
        Cell::Bool(r.flags.contains(FlowFlags::FRAGMENTED))
    }).own(1011),
    identity(
        "truncated",
        ColumnKind::Bool,
        false,
        "Whether of some packet fewer bytes were captured than were on the wire (snaplen).",
        |r| Cell::Bool(r.flags.contains(FlowFlags::TRUNCATED)),
    ).own(1012),
    identity(
        "incomplete",
        ColumnKind::Text,
        true,
        "What could not be told of some packet: ports, payload, inner (of a tunnel), gaps (too large); null when all was.",
        incomplete,
    ).own(1013),
];

fn mac(record: &FlowRecord, end: usize) -> Cell<'_> {
    octets(record, &record.macs[end])
}

fn oui(record: &FlowRecord, end: usize) -> Cell<'_> {
    octets(record, &record.macs[end][..3])
}

fn octets<'a>(record: &FlowRecord, octets: &[u8]) -> Cell<'a> {
    if !record.flags.contains(FlowFlags::MACS) {
        return Cell::Null;
    }
    let mut text = [b':'; 17];
    for (digits, octet) in text.chunks_mut(3).zip(octets) {
        digits[0] = HEXADECIMAL[usize::from(octet >> 4)];
        digits[1] = HEXADECIMAL[usize::from(octet & 15)];
    }
    let len = (3 * octets.len()).saturating_sub(1).min(text.len());
    Cell::Text(CellText::short(&text[..len]))
}

/// A number of the IP headers of `pkts` packets.
fn of_headers(number: u8, pkts: u64) -> Cell<'static> {
    if pkts == 0 { Cell::Null } else { Cell::Uint(number.into()) }
}

fn icmp(record: &FlowRecord, number: u8) -> Cell<'_> {
    if record.flags.contains(FlowFlags::ICMP) { Cell::Uint(number.into()) } else { Cell::Null }
}

fn incomplete(record: &FlowRecord) -> Cell<'_> {
    let payload = FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN.union(FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN);
    let marks = [(FlowFlags::PORTS_UNKNOWN, "ports"), (payload, "payload"), (FlowFlags::INNER_UNKNOWN, "inner")];
    let marks = marks.into_iter().map(|(flag, word)| (record.flags.intersects(flag), word));
    let gaps = record.statistics().is_some_and(Statistics::is_saturated);
    let words: Vec<_> = marks.chain([(gaps, "gaps")]).filter(|(is, _)| *is).map(|(_, word)| word).collect();
    if words.is_empty() { Cell::Null } else { Cell::Text(words.join(", ").into()) }
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
