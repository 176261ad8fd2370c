//! Packets of a flow as rows of values, and traffic that has something in every field.

use std::collections::BTreeMap;
use std::ops::Range;

use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::{FlowState, Opaque};
use flowgauge::packet::{LinkType, Packet, PacketFlags};
use flowgauge::{Metric, Timestamp, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::frames::{IPV4, IPV6, Ipv4, Ipv6, VLAN, ethernet, icmp, tcp, udp, vlan};
use super::slow_expr::Val;

/// The values of one packet, by field.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) direction: usize,
    fields: BTreeMap<&'static str, Val>,
}

/// The rows of a flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    counted: [u64; 2],
}

impl From<Rows> for Value {
    fn from(rows: Rows) -> Self {
        Self::Opaque(Opaque(std::sync::Arc::new(rows.rows)))
    }
}

/// The metric that keeps all rows of a flow.
pub(crate) fn rows() -> Metric {
    Metric::fold(Rows::default, |rows, packet, flow| rows.push(packet, flow))
}

/// What [`rows`] kept.
pub(crate) fn rows_of(value: &Value) -> &[Row] {
    match value {
        Value::Opaque(rows) => rows.0.downcast_ref::<Vec<Row>>().unwrap(),
        other => panic!("{other:?} are no rows"),
    }
}

impl Row {
    pub(crate) fn field(&self, name: &str) -> Val {
        self.fields[name].clone()
    }
}

impl Rows {
    fn push(&mut self, packet: &Packet<'_>, flow: &FlowState) {
        // The direction is that whose count grew.
        let counted = [0, 1].map(|direction| flow.counts[direction].pkts);
        let direction = usize::from(counted[1] > self.counted[1]);
        self.counted = counted;
        let (info, flags, tcp) = (packet.info, packet.info.flags, packet.info.tcp_flags);
        let known = |known: bool, number: i64| if known { Val::Int(number) } else { Val::Null };
        let bytes = |bytes: &[u8]| if bytes.is_empty() { Val::Null } else { Val::Bytes(bytes.to_vec()) };
        let bit = |bit: u8| Val::Bool(tcp.0 >> bit & 1 == 1);
        let icmp = packet.icmp();
        let fields = [
            ("size", Val::Int(info.wire_len.into())),
            ("ip_size", Val::Int(info.ip_len.into())),
            ("transport_size", Val::Int(info.transport_len.into())),
            ("payload_size", packet.payload_size().map_or(Val::Null, |size| Val::Int(size.into()))),
            ("captured_size", Val::Int(packet.raw.data.len() as i64)),
            ("number", Val::Int(packet.raw.number as i64)),
            ("index", Val::Int(self.rows.len() as i64)),
            ("direction", Val::Int(direction as i64)),
            ("time", Val::Int(packet.raw.stamp.as_nanos())),
            ("src_port", Val::Int(info.src_port.into())),
            ("dst_port", Val::Int(info.dst_port.into())),
            ("ip_protocol", Val::Int(info.ip_protocol.into())),
            ("ip_version", Val::Int(info.ip_version.into())),
            ("vlan_id", known(info.vlan_id != 0, info.vlan_id.into())),
            ("ttl", Val::Int(info.ttl.into())),
            ("dscp", Val::Int(packet.dscp().into())),
            ("ecn", Val::Int((info.traffic_class % 4).into())),
            ("is_fragment", Val::Bool(flags.contains(PacketFlags::FRAGMENT))),
            ("is_tunnelled", Val::Bool(info.tunnel.is_some())),
            ("tunnel_key", known(flags.contains(PacketFlags::TUNNEL_KEY), info.tunnel_key.into())),
            ("icmp_type", icmp.map_or(Val::Null, |(kind, _)| Val::Int(kind.into()))),
            ("icmp_code", icmp.map_or(Val::Null, |(_, code)| Val::Int(code.into()))),
            ("tcp_flags", Val::Int(tcp.0.into())),
            ("tcp_fin", bit(0)),
            ("tcp_syn", bit(1)),
            ("tcp_rst", bit(2)),
            ("tcp_psh", bit(3)),
            ("tcp_ack", bit(4)),
            ("tcp_urg", bit(5)),
            ("tcp_ece", bit(6)),
            ("tcp_cwr", bit(7)),
            ("tcp_window", packet.tcp_window().map_or(Val::Null, |window| Val::Int(window.into()))),
            ("payload", bytes(packet.payload())),
            ("ip", bytes(packet.ip_bytes())),
        ];
        self.rows.push(Row { direction, fields: BTreeMap::from(fields) });
    }
}

/// One frame, and how much later than the one before it was captured.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    step: i64,
    bytes: Vec<u8>,
    /// So many bytes were captured.
    cut: Option<usize>,
}

/// A source of frames.
pub(crate) fn source(frames: &[Frame]) -> MemorySource {
    source_of(frames, 0..frames.len())
}

/// A source of these of the frames.
pub(crate) fn source_of(frames: &[Frame], part: Range<usize>) -> MemorySource {
    let (mut source, mut now) = (MemorySource::new(), 1_700_000_000_000_000_000);
    now += frames[..part.start].iter().map(|frame| frame.step).sum::<i64>();
    for frame in &frames[part] {
        now += frame.step;
        let captured = frame.cut.map_or(frame.bytes.len(), |cut| cut.min(frame.bytes.len()));
        let wire_len = frame.bytes.len() as u32;
        source.push_cut(Timestamp::from_nanos(now), LinkType::ETHERNET, &frame.bytes[..captured], wire_len);
    }
    source
}

/// Steps that go back, stand still, and leap over timeouts.
fn step() -> impl Strategy<Value = i64> {
    let near = select(vec![0, 1, 999, 1_000_000, 40_000_000, 123_456_789, -1, -77_000_000, -3_000_000_000]);
    prop_oneof![8 => near, 1 => select(vec![1_000_000_000, 7_000_000_000, 130_000_000_000])]
}

fn frame() -> impl Strategy<Value = Frame> {
    let ends = (0..2u8, any::<bool>(), any::<bool>());
    let what = select(vec![6u8, 6, 6, 17, 17, 1, 58, 89]);
    let payload = prop_oneof![3 => vec(any::<u8>(), 0..40), 1 => vec(select(b"ab".to_vec()), 0..300)];
    let header = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u8>());
    let around =
        (option::weighted(0.2, 0..4096u16), option::weighted(0.1, 0..99u16), option::weighted(0.2, 0..90usize));
    (step(), ends, what, payload, header, around).prop_map(
        |(step, (who, back, v6), what, payload, (ttl, tos, window, flags), (tag, wrapped, cut))| {
            let mut transport = match what {
                6 => tcp(if back { 80 } else { 1000 }, if back { 1000 } else { 80 }, flags & 0xfa, &payload),
                17 => udp(if back { 53 } else { 1000 }, if back { 1000 } else { 53 }, &payload),
                1 => icmp(if back { 0 } else { 8 }, &payload),
                58 => icmp(if back { 129 } else { 128 }, &payload),
                _ => payload,
            };
            if what == 6 {
                transport[14..16].copy_from_slice(&window.to_be_bytes());
            }
            let mut packet = if v6 || what == 58 {
                let ends = [format!("fd00::{who}"), "fd00::ff".to_owned()];
                Ipv6::new(&ends[usize::from(back)], &ends[usize::from(!back)]).carrying(what, &transport)
            } else {
                let ends = [format!("10.0.0.{who}"), "10.0.0.255".to_owned()];
                let header = Ipv4::new(&ends[usize::from(back)], &ends[usize::from(!back)]);
                let header = if tos == 77 { header.fragment(window, 0, true) } else { header };
                header.carrying(what, &transport)
            };
            let is_v6 = packet[0] >> 4 == 6;
            if is_v6 {
                (packet[0], packet[1], packet[7]) = (0x60 | tos >> 4, tos << 4, ttl);
            } else {
                (packet[1], packet[8]) = (tos, ttl);
            }
            let ether_type = if is_v6 { IPV6 } else { IPV4 };
            let mut bytes = match tag {
                Some(tag) if tag % 8 < 2 => ethernet(VLAN, &vlan(tag % 8, ether_type, &packet)),
                _ => ethernet(ether_type, &packet),
            };
            if let Some(key) = wrapped {
                let network = [&[8, 0, 0, 0, 0, 0, key as u8 % 2, 0][..], &bytes].concat();
                bytes = ethernet(IPV4, &Ipv4::new("10.9.9.1", "10.9.9.2").udp(5000, 4789, &network));
            }
            Frame { step, bytes, cut }
        },
    )
}

pub(crate) fn traffic(most: usize) -> impl Strategy<Value = Vec<Frame>> {
    vec(frame(), 0..most)
}
