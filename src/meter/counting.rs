//! A packet into its flow: what a flow learns of its first packet, and what of every one.

use crate::flow::{Details, Direction, FlowFlags, FlowKey, FlowState, Sequence, Spread, TcpAnalysis};
use crate::meter::cache::FlowCache;
use crate::meter::compact::{Counted, Hot, Identity};
use crate::meter::config::{MeterConfig, PacketSize};
use crate::packet::{Packet, PacketFlags, PacketInfo};
use crate::time::Timestamp;

/// When a packet came, as a meter takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Its own stamp: for times and statistics.
    pub(super) stamp: Timestamp,
    /// The clock of the capture: for timeouts.
    pub(super) clock: Timestamp,
}

impl Moment {
    #[inline]
    pub(super) fn of(config: &MeterConfig, packet: &Packet<'_>) -> Self {
        if config.whole_millis {
            let clock = Timestamp::from_millis(packet.info.clock.as_millis());
            return Self { stamp: clock, clock };
        }
        Self { stamp: packet.raw.stamp, clock: packet.info.clock }
    }
}

/// A flow that begins with `packet`, which is not counted yet.
#[inline(always)]
pub(super) fn begin(
    config: &MeterConfig,
    packet: &Packet<'_>,
    key: &FlowKey,
    turned: bool,
    clock: Timestamp,
) -> Identity {
    let info = packet.info;
    let mut flags = FlowFlags::default();
    let macs = packet.macs();
    if macs.is_some() {
        flags.insert(FlowFlags::MACS);
    }
    let has_tunnel_key = info.flags.contains(PacketFlags::TUNNEL_KEY);
    if has_tunnel_key {
        flags.insert(FlowFlags::TUNNEL_KEY);
    }
    let icmp = packet.icmp();
    if icmp.is_some() {
        flags.insert(FlowFlags::ICMP);
    }
    if config.tcp_analysis {
        flags.insert(FlowFlags::TCP_ANALYSIS);
    }
    if config.application_fields {
        flags.insert(FlowFlags::APPLICATION_FIELDS);
    }
    Identity {
        key: *key,
        src_is_high: turned,
        flags,
        clock,
        flow_id: packet.raw.number,
        conn_id: packet.raw.number,
        segment: 0,
        tunnel_key: if has_tunnel_key { info.tunnel_key } else { 0 },
        flow_label: packet.flow_label().unwrap_or_default(),
        macs: macs.map_or([[0; 6]; 2], |(src, dst)| [src, dst]),
        icmp: icmp.unwrap_or_default(),
        details: details(config, packet),
    }
}

/// What options and VLAN tags add to a flow that begins with `packet`.
#[inline]
fn details(config: &MeterConfig, packet: &Packet<'_>) -> Option<Box<Details>> {
    let vlan_ids = if packet.info.vlan_id == 0 { Vec::new() } else { packet.vlan_ids().collect() };
    if config.sequence == 0 && vlan_ids.len() <= 1 {
        return None;
    }
    Some(Box::new(Details {
        sequence: (config.sequence > 0).then(|| Sequence::new(config.sequence)),
        facts: None,
        vlan_ids: if vlan_ids.len() > 1 { vlan_ids.into() } else { Box::default() },
        tcp: None,
        stored: None,
    }))
}

/// What a flow that is cut goes on as: the same flow, with nothing counted, from `packet` on.
pub(super) fn next_segment(cut: &FlowState, packet: &Packet<'_>, clock: Timestamp) -> Identity {
    Identity {
        key: cut.key,
        src_is_high: cut.src_is_high,
        flags: cut.flags.of_first_packet(),
        clock,
        flow_id: packet.raw.number,
        conn_id: cut.conn_id,
        segment: cut.segment.saturating_add(1),
        tunnel_key: cut.tunnel_key,
        flow_label: cut.flow_label,
        macs: cut.macs,
        icmp: cut.icmp,
        details: cut.details.as_ref().map(|details| Box::new(details.emptied())),
    }
}

/// Counts a packet in its flow; which way it goes.
#[inline(always)]
pub(super) fn count(cache: &mut FlowCache, slot: u32, info: &PacketInfo, turned: bool, at: Moment) -> Direction {
    let hot = cache.hot_mut(slot);
    let direction = hot.direction(turned);
    hot.last_clock = at.clock;
    if leaves_marks(info) {
        hot.mark(marks(info.flags, direction));
    }
    let packet = counted(info, direction, at.stamp);
    if !hot.count(&packet) {
        cache.count_unusual(slot, &packet);
    }
    direction
}

/// Counts a packet in its flow, if nothing about it is unusual: then this is its direction, else nothing was done.
#[inline(always)]
pub(super) fn count_usual(hot: &mut Hot, info: &PacketInfo, turned: bool, at: Moment) -> Option<Direction> {
    let direction = hot.direction(turned);
    if leaves_marks(info) && !hot.flags().contains(marks(info.flags, direction)) {
        return None;
    }
    if !hot.count(&counted(info, direction, at.stamp)) {
        return None;
    }
    hot.last_clock = at.clock;
    Some(direction)
}

#[inline(always)]
fn leaves_marks(info: &PacketInfo) -> bool {
    info.flags.intersection(MARKS) != PacketFlags::default()
}

#[inline(always)]
const fn counted(info: &PacketInfo, direction: Direction, stamp: Timestamp) -> Counted {
    let added = [info.wire_len, info.ip_len, info.transport_len, info.payload_len];
    Counted { direction, stamp, added, ttl: info.ttl, dscp: info.traffic_class >> 2 }
}

/// Counts the size of a packet and the gap before it in what options ask for.
#[inline(always)]
pub(super) fn count_sizes(
    config: &MeterConfig,
    statistics: Option<&mut Spread>,
    sequence: Option<&mut Sequence>,
    packet: &Packet<'_>,
    direction: Direction,
    stamp: Timestamp,
) {
    let info = packet.info;
    let size = match config.packet_size {
        PacketSize::Wire => info.wire_len,
        PacketSize::Ip => info.ip_len,
        PacketSize::Transport => info.transport_len,
        PacketSize::Payload => info.payload_len,
    };
    if let Some(statistics) = statistics {
        statistics.observe(direction, stamp, size, info.tcp_flags.0);
    }
    if let Some(sequence) = sequence {
        sequence.observe(direction, stamp, size);
    }
}

/// Takes in the TCP segment that a packet is, where its header tells how long it is.
#[inline(always)]
pub(super) fn analyse(tcp: &mut TcpAnalysis, packet: &Packet<'_>, direction: Direction, stamp: Timestamp) {
    let info = packet.info;
    if info.flags.intersection(NO_SEGMENT) == PacketFlags::default()
        && let Some(header) = packet.raw.data.get(info.transport_offset as usize..)
    {
        tcp.observe_header(direction, header, info.payload_len, stamp);
    }
}

/// What a packet marks its flow with.
#[inline(never)]
fn marks(flags: PacketFlags, direction: Direction) -> FlowFlags {
    let marks = [
        (PacketFlags::PAYLOAD_UNKNOWN, FlowFlags::payload_unknown(direction)),
        (PacketFlags::PORTS_UNKNOWN, FlowFlags::PORTS_UNKNOWN),
        (PacketFlags::INNER_UNKNOWN, FlowFlags::INNER_UNKNOWN),
        (PacketFlags::FRAGMENT, FlowFlags::FRAGMENTED),
        (PacketFlags::CUT, FlowFlags::TRUNCATED),
    ];
    let left = marks.into_iter().filter(|(flag, _)| flags.contains(*flag));
    left.fold(FlowFlags::default(), |all, (_, mark)| all.union(mark))
}

/// What of a packet leaves a mark on its flow.
const MARKS: PacketFlags = PacketFlags::PAYLOAD_UNKNOWN
    .union(PacketFlags::PORTS_UNKNOWN)
    .union(PacketFlags::INNER_UNKNOWN)
    .union(PacketFlags::FRAGMENT)
    .union(PacketFlags::CUT);
/// What makes a packet one whose segment is not there as a whole.
const NO_SEGMENT: PacketFlags = PacketFlags::PAYLOAD_UNKNOWN.union(PacketFlags::FRAGMENT);
