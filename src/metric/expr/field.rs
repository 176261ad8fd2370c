//! The fields of packets that expressions may name: one table.

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
}

/// Writes the table of fields and the numbers that stand for them.
macro_rules! fields {
    ($($id:ident $name:literal $ty:ident $unit:literal $nullable:literal $doc:literal;)+) => {
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
        },)+];
    };
}

fields! {
    Size "size" Int "bytes" false "Bytes on the wire.";
    IpSize "ip_size" Int "bytes" false "Bytes of the innermost IP packet, its header included (IPFIX ipTotalLength).";
    TransportSize "transport_size" Int "bytes" false "Bytes after the innermost IP header and its extension headers.";
    PayloadSize "payload_size" Int "bytes" true "Bytes after the transport header; null where the captured headers cannot tell.";
    CapturedSize "captured_size" Int "bytes" false "Bytes of the frame that were captured.";
    Number "number" Int "" false "Number of the frame in the capture, from 1.";
    Index "index" Int "packets" false "Packets of the flow's record before this one: 0 for the first.";
    Direction "direction" Int "" false "0 from the flow's source to its destination, 1 back.";
    Time "time" Int "nanoseconds" false "When it was captured, since 1970 UTC.";
    Gap "gap" Int "nanoseconds" true "Time since the flow's packet before it, negative where stamps go back; null for the first.";
    DirectionGap "direction_gap" Int "nanoseconds" true "The same within its direction.";
    SrcPort "src_port" Int "" false "Port of the sender; 0 where there is none.";
    DstPort "dst_port" Int "" false "Port of the receiver; 0 where there is none.";
    IpProtocol "ip_protocol" Int "" false "IP protocol number (IANA).";
    IpVersion "ip_version" Int "" false "4 or 6.";
    VlanId "vlan_id" Int "" true "The innermost VLAN id (IEEE 802.1Q); null without a tag.";
    Ttl "ttl" Int "" false "Time to live (RFC 791) or hop limit (RFC 8200).";
    Dscp "dscp" Int "" false "Differentiated services code point (RFC 2474).";
    Ecn "ecn" Int "" false "Explicit congestion notification (RFC 3168).";
    Fragment "is_fragment" Bool "" false "Whether it is a fragment.";
    Tunnelled "is_tunnelled" Bool "" false "Whether it came out of a tunnel.";
    TunnelKey "tunnel_key" Int "" true "The tunnel's own key (TEID, VNI, GRE key, ERSPAN session); null without one.";
    IcmpType "icmp_type" Int "" true "Type of an ICMP message; null for others.";
    IcmpCode "icmp_code" Int "" true "Code of an ICMP message; null for others.";
    TcpFlags "tcp_flags" Int "" false "The TCP flags as a number (RFC 9293); 0 for others.";
    TcpFin "tcp_fin" Bool "" false "Whether FIN is set; false for what is no TCP.";
    TcpSyn "tcp_syn" Bool "" false "Whether SYN is set.";
    TcpRst "tcp_rst" Bool "" false "Whether RST is set.";
    TcpPsh "tcp_psh" Bool "" false "Whether PSH is set.";
    TcpAck "tcp_ack" Bool "" false "Whether ACK is set.";
    TcpUrg "tcp_urg" Bool "" false "Whether URG is set.";
    TcpEce "tcp_ece" Bool "" false "Whether ECE is set.";
    TcpCwr "tcp_cwr" Bool "" false "Whether CWR is set.";
    TcpWindow "tcp_window" Int "" true "The window field of TCP, not scaled; null for others.";
    Payload "payload" Bytes "" true "The captured bytes of the payload; null where there are none.";
    Ip "ip" Bytes "" true "The captured bytes of the innermost IP packet, header first.";
}

/// All fields, in the order of the reference.
pub fn packet_fields() -> &'static [PacketField] {
    FIELDS
}

impl FieldId {
    pub(super) fn field(self) -> &'static PacketField {
        &FIELDS[self as usize]
    }
}
