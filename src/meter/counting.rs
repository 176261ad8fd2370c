//! A packet into its flow: what a flow learns of its first packet, and what of every one.

use crate::flow::{Details, Direction, FlowFlags, FlowKey, FlowState, Sequence, Spread, TcpAnalysis};
use crate::meter::cache::FlowCache;
use crate::meter::compact::{Added, Hot};
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

/// The state of a flow that begins with `packet`, which is not counted yet.
pub(super) fn begin(
    config: &MeterConfig,
    packet: &Packet<'_>,
    key: &FlowKey,
    turned: bool,
    clock: Timestamp,
) -> FlowState {
    let info = packet.info;
    let mut state = FlowState::new(*key, turned, packet.raw.number, clock);
    if let Some((src, dst)) = packet.macs() {
        state.flags.insert(FlowFlags::MACS);
        state.macs = [src, dst];
    }
    if info.flags.contains(PacketFlags::TUNNEL_KEY) {
        state.flags.insert(FlowFlags::TUNNEL_KEY);
        state.tunnel_key = info.tunnel_key;
    }
    if let Some(icmp) = packet.icmp() {
        state.flags.insert(FlowFlags::ICMP);
        state.icmp = icmp;
    }
    state.flow_label = packet.flow_label().unwrap_or_default();
    let vlan_ids = if info.vlan_id == 0 { Vec::new() } else { packet.vlan_ids().collect() };
    if config.tcp_analysis {
        state.flags.insert(FlowFlags::TCP_ANALYSIS);
    }
    if config.application_fields {
        state.flags.insert(FlowFlags::APPLICATION_FIELDS);
    }
    if config.sequence > 0 || vlan_ids.len() > 1 {
        state.details = Some(Box::new(Details {
            sequence: (config.sequence > 0).then(|| Sequence::new(config.sequence)),
            facts: None,
            vlan_ids: if vlan_ids.len() > 1 { vlan_ids.into() } else { Box::default() },
            tcp: None,
            stored: None,
        }));
    }
    state
}

/// What a flow that is cut goes on as: the same flow, with nothing counted, from `packet` on.
pub(super) fn next_segment(cut: &FlowState, packet: &Packet<'_>, clock: Timestamp) -> FlowState {
    let empty = FlowState::new(cut.key, cut.src_is_high, packet.raw.number, clock);
    FlowState {
        conn_id: cut.conn_id,
        segment: cut.segment.saturating_add(1),
        flags: cut.flags.of_first_packet(),
        macs: cut.macs,
        tunnel_key: cut.tunnel_key,
        icmp: cut.icmp,
        flow_label: cut.flow_label,
        details: cut.details.as_ref().map(|details| Box::new(details.emptied())),
        ..empty
    }
}

/// Counts a packet in its flow; which way it goes.
#[inline(always)]
pub(super) fn count(cache: &mut FlowCache, slot: u32, info: &PacketInfo, turned: bool, at: Moment) -> Direction {
    let hot = cache.hot_mut(slot);
    let direction = hot.direction(turned);
    hot.last_clock = at.clock;
    if leaves_marks(info) {
        mark(hot, info.flags, direction);
    }
    if !hot.count(direction, at.stamp, added(info), info.ttl) {
        cache.count_unusual(slot, direction, at.stamp, added(info), (info.ttl, info.traffic_class >> 2));
    }
    direction
}

/// Counts a packet in its flow, if nothing about it is unusual: then this is its direction, else nothing was done.
#[inline(always)]
pub(super) fn count_usual(hot: &mut Hot, info: &PacketInfo, turned: bool, at: Moment) -> Option<Direction> {
    let direction = hot.direction(turned);
    if leaves_marks(info) || !hot.count(direction, at.stamp, added(info), info.ttl) {
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
const fn added(info: &PacketInfo) -> Added {
    [info.wire_len, info.ip_len, info.transport_len, info.payload_len]
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

#[cold]
#[inline(never)]
fn mark(hot: &mut Hot, flags: PacketFlags, direction: Direction) {
    let marks = [
        (PacketFlags::PAYLOAD_UNKNOWN, FlowFlags::payload_unknown(direction)),
        (PacketFlags::PORTS_UNKNOWN, FlowFlags::PORTS_UNKNOWN),
        (PacketFlags::INNER_UNKNOWN, FlowFlags::INNER_UNKNOWN),
        (PacketFlags::FRAGMENT, FlowFlags::FRAGMENTED),
        (PacketFlags::CUT, FlowFlags::TRUNCATED),
    ];
    for (_, mark) in marks.into_iter().filter(|(flag, _)| flags.contains(*flag)) {
        hot.mark(mark);
    }
}

/// What of a packet leaves a mark on its flow.
const MARKS: PacketFlags = PacketFlags::PAYLOAD_UNKNOWN
    .union(PacketFlags::PORTS_UNKNOWN)
    .union(PacketFlags::INNER_UNKNOWN)
    .union(PacketFlags::FRAGMENT)
    .union(PacketFlags::CUT);
/// What makes a packet one whose segment is not there as a whole.
const NO_SEGMENT: PacketFlags = PacketFlags::PAYLOAD_UNKNOWN.union(PacketFlags::FRAGMENT);
