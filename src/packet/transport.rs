//! Transport headers: ports, TCP flags and where the payload begins.

use crate::packet::bytes::be16;
use crate::packet::{PacketFlags, PacketInfo, TcpFlags};

/// What a transport header tells, as far as it was captured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transport {
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
    /// Ports exist in this protocol but were not captured.
    pub(super) ports_unknown: bool,
    /// Bytes of the header as it states them, which may be more than there are; `None` when that was not captured.
    pub(super) header_len: Option<u32>,
    pub(super) tcp_flags: TcpFlags,
    /// Type and code of an ICMP message; `None` when they were not captured.
    pub(super) icmp: Option<[u8; 2]>,
}

/// Reads the header of `protocol`, of whose packet `len` bytes were on the wire and `bytes` were captured.
#[inline(always)]
pub(super) fn read(protocol: u8, bytes: &[u8], len: u32) -> Transport {
    if protocol == TCP
        && let Some(header) = bytes.first_chunk::<14>()
    {
        return Transport {
            src_port: be16(header[0], header[1]),
            dst_port: be16(header[2], header[3]),
            ports_unknown: false,
            header_len: Some(u32::from(header[12] >> 4) * 4),
            tcp_flags: TcpFlags(header[13]),
            icmp: None,
        };
    }
    let (has_ports, header_len) = match protocol {
        TCP => (true, data_offset(bytes, len, 12, |byte| u32::from(byte >> 4) * 4)),
        UDP | UDP_LITE => (true, Some(8)),
        SCTP => (true, Some(12)),
        DCCP => (true, data_offset(bytes, len, 4, |byte| u32::from(byte) * 4)),
        ICMP | ICMPV6 => (false, Some(8)),
        _ => (false, Some(0)),
    };
    let ports = if has_ports { bytes.first_chunk::<4>() } else { None };
    let [src_high, src_low, dst_high, dst_low] = *ports.unwrap_or(&[0; 4]);
    Transport {
        src_port: be16(src_high, src_low),
        dst_port: be16(dst_high, dst_low),
        ports_unknown: has_ports && ports.is_none(),
        header_len,
        tcp_flags: TcpFlags::default(),
        icmp: if matches!(protocol, ICMP | ICMPV6) { bytes.first_chunk().copied() } else { None },
    }
}

/// Takes the ports that [`Ports::TcpAndUdp`](crate::packet::Ports::TcpAndUdp) does not know from a packet, and from one
/// that has no room for its TCP or UDP header all else that stands behind the IP header.
#[cold]
pub(super) fn without_other_ports(info: &mut PacketInfo) {
    let least_len = match info.ip_protocol {
        TCP => 20,
        UDP => 8,
        _ => u32::MAX,
    };
    if info.transport_len >= least_len {
        return;
    }
    (info.src_port, info.dst_port) = (0, 0);
    info.flags.remove(PacketFlags::PORTS_UNKNOWN);
    if matches!(info.ip_protocol, TCP | UDP) {
        (info.transport_len, info.payload_len) = (0, 0);
        info.tcp_flags = TcpFlags::default();
        info.flags.remove(PacketFlags::PAYLOAD_UNKNOWN);
    }
}

/// The header length that the byte at `at` states; a packet too short to hold that byte is all header.
fn data_offset(bytes: &[u8], len: u32, at: usize, to_len: impl Fn(u8) -> u32) -> Option<u32> {
    if len as usize <= at { Some(len) } else { bytes.get(at).map(|byte| to_len(*byte)) }
}

pub(super) const UDP: u8 = 17;
const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
const DCCP: u8 = 33;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDP_LITE: u8 = 136;
