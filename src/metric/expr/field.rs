//! The fields of packets that expressions may name: one table, with how each is read. Gaps are differences of times, made
//! by a step of their own.

use crate::flow::{Direction, FlowState};
use crate::packet::{Packet, PacketFlags};

use super::machine::Reg;
use super::types::Type;

/// A field of a packet.
#[derive(Debug)]
pub struct PacketField {
    /// Its name behind `packet.`.
    pub name: &'static str,
    /// What its values are.
    pub ty: Type,
    /// What its numbers count; empty for what has no unit.
    pub unit: &'static str,
    /// Whether some packets do not have it.
    pub nullable: bool,
    /// What it is.
    pub doc: &'static str,
    pub(super) id: FieldId,
    pub(super) read: Reader,
}

/// Reads a field, or the byte of bytes that the number says.
pub(super) type Reader = fn(&Seen<'_>, u16) -> Reg;

/// A packet as a flow sees it.
pub(super) struct Seen<'a> {
    pub(super) packet: &'a Packet<'a>,
    /// With the packet counted.
    pub(super) flow: &'a FlowState,
    pub(super) direction: Direction,
}

impl Seen<'_> {
    fn is(&self, flag: PacketFlags) -> bool {
        self.packet.info.flags.contains(flag)
    }
}

fn int(number: impl Into<i64>) -> Reg {
    Reg::int(number.into())
}

/// Writes the table of fields and the numbers that stand for them.
macro_rules! fields {
    ($($id:ident $name:literal $ty:ident $unit:literal $nullable:literal $doc:literal $read:expr;)+) => {
        /// Which field.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub(super) enum FieldId {
            $($id,)+
        }

        static FIELDS: &[PacketField] = &[$(PacketField {
            name: $name,
            ty: Type::$ty,
            unit: $unit,
            nullable: $nullable,
            doc: $doc,
            id: FieldId::$id,
            read: $read,
        },)+];
    };
}

fields! {
    Size "size" Int "bytes" false "Bytes on the wire."
        |seen, _| int(seen.packet.info.wire_len);
    IpSize "ip_size" Int "bytes" false "Bytes of the innermost IP packet, its header included (IPFIX ipTotalLength)."
        |seen, _| int(seen.packet.info.ip_len);
    TransportSize "transport_size" Int "bytes" false "Bytes after the innermost IP header and its extension headers."
        |seen, _| int(seen.packet.info.transport_len);
    PayloadSize "payload_size" Int "bytes" true "Bytes after the transport header; null where the captured headers cannot tell."
        |seen, _| int(seen.packet.info.payload_len).or_null(!seen.is(PacketFlags::PAYLOAD_UNKNOWN));
    CapturedSize "captured_size" Int "bytes" false "Bytes of the frame that were captured."
        |seen, _| Reg::int(seen.packet.raw.data.len() as i64);
    Number "number" Int "" false "Number of the frame in the capture, from 1."
        |seen, _| Reg::int(seen.packet.raw.number as i64);
    Index "index" Int "packets" false "Packets of the flow's record before this one: 0 for the first."
        |seen, _| Reg::int((seen.flow.counts[0].pkts + seen.flow.counts[1].pkts) as i64 - 1);
    Direction "direction" Int "" false "0 from the flow's source to its destination, 1 back."
        |seen, _| Reg::int(seen.direction as i64);
    Time "time" Int "nanoseconds" false "When it was captured, since 1970 UTC."
        |seen, _| Reg::int(seen.packet.raw.stamp.as_nanos());
    Gap "gap" Int "nanoseconds" true "Time since the flow's packet before it, negative where stamps go back; null for the first."
        |_, _| Reg::NULL;
    DirectionGap "direction_gap" Int "nanoseconds" true "The same within its direction."
        |_, _| Reg::NULL;
    SrcPort "src_port" Int "" false "Port of the sender; 0 where there is none."
        |seen, _| int(seen.packet.info.src_port);
    DstPort "dst_port" Int "" false "Port of the receiver; 0 where there is none."
        |seen, _| int(seen.packet.info.dst_port);
    IpProtocol "ip_protocol" Int "" false "IP protocol number (IANA)."
        |seen, _| int(seen.packet.info.ip_protocol);
    IpVersion "ip_version" Int "" false "4 or 6."
        |seen, _| int(seen.packet.info.ip_version);
    VlanId "vlan_id" Int "" true "The innermost VLAN id (IEEE 802.1Q); null without a tag."
        |seen, _| int(seen.packet.info.vlan_id).or_null(seen.packet.info.vlan_id != 0);
    Ttl "ttl" Int "" false "Time to live (RFC 791) or hop limit (RFC 8200)."
        |seen, _| int(seen.packet.info.ttl);
    Dscp "dscp" Int "" false "Differentiated services code point (RFC 2474)."
        |seen, _| int(seen.packet.info.traffic_class >> 2);
    Ecn "ecn" Int "" false "Explicit congestion notification (RFC 3168)."
        |seen, _| int(seen.packet.info.traffic_class & 3);
    Fragment "is_fragment" Bool "" false "Whether it is a fragment."
        |seen, _| Reg::bool(seen.is(PacketFlags::FRAGMENT));
    Tunnelled "is_tunnelled" Bool "" false "Whether it came out of a tunnel."
        |seen, _| Reg::bool(seen.packet.info.tunnel.is_some());
    TunnelKey "tunnel_key" Int "" true "The tunnel's own key (TEID, VNI, GRE key, ERSPAN session); null without one."
        |seen, _| int(seen.packet.info.tunnel_key).or_null(seen.is(PacketFlags::TUNNEL_KEY));
    IcmpType "icmp_type" Int "" true "Type of an ICMP message; null for others."
        |seen, _| int(seen.packet.info.icmp_type).or_null(seen.is(PacketFlags::ICMP));
    IcmpCode "icmp_code" Int "" true "Code of an ICMP message; null for others."
        |seen, _| int(seen.packet.info.icmp_code).or_null(seen.is(PacketFlags::ICMP));
    TcpFlags "tcp_flags" Int "" false "The TCP flags as a number (RFC 9293); 0 for others."
        |seen, _| int(seen.packet.info.tcp_flags.0);
    TcpFin "tcp_fin" Bool "" false "Whether FIN is set; false for what is no TCP."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.fin());
    TcpSyn "tcp_syn" Bool "" false "Whether SYN is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.syn());
    TcpRst "tcp_rst" Bool "" false "Whether RST is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.rst());
    TcpPsh "tcp_psh" Bool "" false "Whether PSH is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.psh());
    TcpAck "tcp_ack" Bool "" false "Whether ACK is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.ack());
    TcpUrg "tcp_urg" Bool "" false "Whether URG is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.urg());
    TcpEce "tcp_ece" Bool "" false "Whether ECE is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.ece());
    TcpCwr "tcp_cwr" Bool "" false "Whether CWR is set."
        |seen, _| Reg::bool(seen.packet.info.tcp_flags.cwr());
    TcpWindow "tcp_window" Int "" true "The window field of TCP, not scaled; null for others."
        |seen, _| seen.packet.tcp_window().map_or(Reg::NULL, int);
    Payload "payload" Bytes "" true "The captured bytes of the payload; null where there are none."
        |seen, _| Reg::bool(true).or_null(!seen.packet.payload().is_empty());
    Ip "ip" Bytes "" true "The captured bytes of the innermost IP packet, header first."
        |seen, _| Reg::bool(true).or_null(!seen.packet.ip_bytes().is_empty());
}

/// All fields, in the order of the reference.
pub fn packet_fields() -> &'static [PacketField] {
    FIELDS
}

impl FieldId {
    /// Reads one byte of this field; null where there are fewer.
    pub(super) fn byte_reader(self) -> Reader {
        fn byte(bytes: &[u8], at: u16) -> Reg {
            bytes.get(usize::from(at)).map_or(Reg::NULL, |byte| Reg::int((*byte).into()))
        }
        match self {
            Self::Ip => |seen, at| byte(seen.packet.ip_bytes(), at),
            _ => |seen, at| byte(seen.packet.payload(), at),
        }
    }

    /// The captured bytes of a packet that this field is.
    pub(super) fn bytes<'a>(self, packet: &Packet<'a>) -> &'a [u8] {
        if self == Self::Ip { packet.ip_bytes() } else { packet.payload() }
    }

    pub(super) fn field(self) -> &'static PacketField {
        &FIELDS[self as usize]
    }
}
