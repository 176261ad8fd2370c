//! The fields of packets that expressions may name: one table, with how each is read. Gaps are differences of times, made
//! by a step of their own.

use crate::packet::{Packet, PacketFlags, PacketInfo, RawPacket};
use crate::time::Timestamp;

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
}

/// What is read of a packet without its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) info: &'a PacketInfo,
    pub(crate) stamp: Timestamp,
    pub(crate) number: u64,
    pub(crate) captured_len: u32,
}

impl Seen<'_> {
    #[inline(always)]
    fn is(&self, flag: PacketFlags) -> bool {
        self.info.flags.contains(flag)
    }
}

/// A packet in whatever form it is handed on.
pub(crate) trait See {
    fn see(&self) -> Seen<'_>;
}

impl See for Packet<'_> {
    fn see(&self) -> Seen<'_> {
        let RawPacket { number, stamp, data, .. } = self.raw;
        Seen { info: self.info, stamp, number, captured_len: data.len() as u32 }
    }
}

/// Reads what lies in the bytes of a packet, while they are there; the number says which of them.
pub(super) type Reader = fn(&Packet<'_>, u16) -> Reg;

#[inline(always)]
fn int(number: impl Into<i64>) -> Reg {
    Reg::int(number.into())
}

/// Says of a closure that it reads a field.
#[inline(always)]
fn reading<F: Fn(Seen<'_>) -> Reg>(read: F) -> F {
    read
}

/// Writes the table of fields and the numbers that stand for them.
macro_rules! fields {
    ($($id:ident $name:literal $ty:ident $unit:literal $nullable:literal $doc:literal $read:expr;)+) => {
        /// Which field.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub(super) enum FieldId {
            $($id,)+
        }

        impl FieldId {
            /// Reads this field of packets, into as many places; what lies in their bytes or is known of their flow only
            /// is read elsewhere. Fields that every packet has write no `valid`.
            pub(super) fn read_all<P: See>(self, packets: &[P], bits: &mut [u64], valid: &mut [bool]) {
                let out = bits.iter_mut().zip(packets);
                match self {
                    $(Self::$id => {
                        let read = reading($read);
                        if $nullable {
                            out.zip(valid).for_each(|((bits, packet), valid)| {
                                let value = read(packet.see());
                                (*bits, *valid) = (value.bits, value.valid);
                            });
                        } else {
                            out.for_each(|(bits, packet)| *bits = read(packet.see()).bits);
                        }
                    })+
                }
            }
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
    Size "size" Int "bytes" false "Bytes on the wire."
        |seen| int(seen.info.wire_len);
    IpSize "ip_size" Int "bytes" false "Bytes of the innermost IP packet, its header included (IPFIX ipTotalLength)."
        |seen| int(seen.info.ip_len);
    TransportSize "transport_size" Int "bytes" false "Bytes after the innermost IP header and its extension headers."
        |seen| int(seen.info.transport_len);
    PayloadSize "payload_size" Int "bytes" true "Bytes after the transport header; null where the captured headers cannot tell."
        |seen| int(seen.info.payload_len).or_null(!seen.is(PacketFlags::PAYLOAD_UNKNOWN));
    CapturedSize "captured_size" Int "bytes" false "Bytes of the frame that were captured."
        |seen| Reg::int(i64::from(seen.captured_len));
    Number "number" Int "" false "Number of the frame in the capture, from 1."
        |seen| Reg::int(seen.number as i64);
    Index "index" Int "packets" false "Packets of the flow's record before this one: 0 for the first."
        |_| Reg::NULL;
    Direction "direction" Int "" false "0 from the flow's source to its destination, 1 back."
        |_| Reg::NULL;
    Time "time" Int "nanoseconds" false "When it was captured, since 1970 UTC."
        |seen| Reg::int(seen.stamp.as_nanos());
    Gap "gap" Int "nanoseconds" true "Time since the flow's packet before it, negative where stamps go back; null for the first."
        |_| Reg::NULL;
    DirectionGap "direction_gap" Int "nanoseconds" true "The same within its direction."
        |_| Reg::NULL;
    SrcPort "src_port" Int "" false "Port of the sender; 0 where there is none."
        |seen| int(seen.info.src_port);
    DstPort "dst_port" Int "" false "Port of the receiver; 0 where there is none."
        |seen| int(seen.info.dst_port);
    IpProtocol "ip_protocol" Int "" false "IP protocol number (IANA)."
        |seen| int(seen.info.ip_protocol);
    IpVersion "ip_version" Int "" false "4 or 6."
        |seen| int(seen.info.ip_version);
    VlanId "vlan_id" Int "" true "The innermost VLAN id (IEEE 802.1Q); null without a tag."
        |seen| int(seen.info.vlan_id).or_null(seen.info.vlan_id != 0);
    Ttl "ttl" Int "" false "Time to live (RFC 791) or hop limit (RFC 8200)."
        |seen| int(seen.info.ttl);
    Dscp "dscp" Int "" false "Differentiated services code point (RFC 2474)."
        |seen| int(seen.info.traffic_class >> 2);
    Ecn "ecn" Int "" false "Explicit congestion notification (RFC 3168)."
        |seen| int(seen.info.traffic_class & 3);
    Fragment "is_fragment" Bool "" false "Whether it is a fragment."
        |seen| Reg::bool(seen.is(PacketFlags::FRAGMENT));
    Tunnelled "is_tunnelled" Bool "" false "Whether it came out of a tunnel."
        |seen| Reg::bool(seen.info.tunnel.is_some());
    TunnelKey "tunnel_key" Int "" true "The tunnel's own key (TEID, VNI, GRE key, ERSPAN session); null without one."
        |seen| int(seen.info.tunnel_key).or_null(seen.is(PacketFlags::TUNNEL_KEY));
    IcmpType "icmp_type" Int "" true "Type of an ICMP message; null for others."
        |seen| int(seen.info.icmp_type).or_null(seen.is(PacketFlags::ICMP));
    IcmpCode "icmp_code" Int "" true "Code of an ICMP message; null for others."
        |seen| int(seen.info.icmp_code).or_null(seen.is(PacketFlags::ICMP));
    TcpFlags "tcp_flags" Int "" false "The TCP flags as a number (RFC 9293); 0 for others."
        |seen| int(seen.info.tcp_flags.0);
    TcpFin "tcp_fin" Bool "" false "Whether FIN is set; false for what is no TCP."
        |seen| Reg::bool(seen.info.tcp_flags.fin());
    TcpSyn "tcp_syn" Bool "" false "Whether SYN is set."
        |seen| Reg::bool(seen.info.tcp_flags.syn());
    TcpRst "tcp_rst" Bool "" false "Whether RST is set."
        |seen| Reg::bool(seen.info.tcp_flags.rst());
    TcpPsh "tcp_psh" Bool "" false "Whether PSH is set."
        |seen| Reg::bool(seen.info.tcp_flags.psh());
    TcpAck "tcp_ack" Bool "" false "Whether ACK is set."
        |seen| Reg::bool(seen.info.tcp_flags.ack());
    TcpUrg "tcp_urg" Bool "" false "Whether URG is set."
        |seen| Reg::bool(seen.info.tcp_flags.urg());
    TcpEce "tcp_ece" Bool "" false "Whether ECE is set."
        |seen| Reg::bool(seen.info.tcp_flags.ece());
    TcpCwr "tcp_cwr" Bool "" false "Whether CWR is set."
        |seen| Reg::bool(seen.info.tcp_flags.cwr());
    TcpWindow "tcp_window" Int "" true "The window field of TCP, not scaled; null for others."
        |_| Reg::NULL;
    Payload "payload" Bytes "" true "The captured bytes of the payload; null where there are none."
        |_| Reg::NULL;
    Ip "ip" Bytes "" true "The captured bytes of the innermost IP packet, header first."
        |_| Reg::NULL;
}

/// All fields, in the order of the reference.
pub fn packet_fields() -> &'static [PacketField] {
    FIELDS
}

impl FieldId {
    /// What reads this field of the bytes of a packet, if that is where it lies.
    pub(super) fn reader(self) -> Option<Reader> {
        match self {
            Self::TcpWindow => Some(|packet, _| packet.tcp_window().map_or(Reg::NULL, int)),
            Self::Payload => Some(|packet, _| Reg::bool(true).or_null(!packet.payload().is_empty())),
            Self::Ip => Some(|packet, _| Reg::bool(true).or_null(!packet.ip_bytes().is_empty())),
            _ => None,
        }
    }

    /// Reads one byte of this field; null where there are fewer.
    pub(super) fn byte_reader(self) -> Reader {
        fn byte(bytes: &[u8], at: u16) -> Reg {
            bytes.get(usize::from(at)).map_or(Reg::NULL, |byte| Reg::int((*byte).into()))
        }
        match self {
            Self::Ip => |packet, at| byte(packet.ip_bytes(), at),
            _ => |packet, at| byte(packet.payload(), at),
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
