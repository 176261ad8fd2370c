//! PPP and Cisco HDLC: as a link of their own, and the PPP behind a PPPoE session header or in a tunnel.

use crate::packet::SkipReason;
use crate::packet::bytes::{Depth, be16, captured};
use crate::packet::link::{self, Found, LinkLayer, Network};

/// PPP (RFC 1661), plain or in HDLC-like framing (RFC 1662), or Cisco HDLC: they share their link types, and the first byte
/// tells which it is. No PPP protocol begins with `ff`, `0f` or `8f`.
pub(super) fn frame(data: &[u8], layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    match captured::<1>(data, 0)?[0] {
        0xff => {
            let at = if captured::<2>(data, 0)?[1] == 0x03 { 2 } else { return Err(SkipReason::NotIp) };
            protocol(data, at, layer, depth)
        }
        0x0f | 0x8f => cisco_hdlc(data, layer, depth),
        _ => protocol(data, 0, layer, depth),
    }
}

/// Cisco HDLC (RFC 1547 §4.3.1): an address, a control byte and an EtherType.
pub(super) fn cisco_hdlc(data: &[u8], layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    let &[_, _, high, low] = captured::<4>(data, 0)?;
    link::by_true_ether_type(data, be16(high, low), 4, layer, depth)
}

/// A PPPoE session header (RFC 2516) and the PPP protocol behind it.
pub(super) fn pppoe(data: &[u8], at: usize, depth: &mut Depth) -> Found {
    *depth = depth.enter()?;
    let header = captured::<6>(data, at)?;
    if header[..2] != [0x11, 0x00] {
        return Err(SkipReason::NotIp);
    }
    let (protocol, at) = protocol_field(data, at + 6)?;
    by_protocol(data, protocol, at, depth)
}

/// The PPP frame at `at` of what a tunnel carries, whose address and control bytes may be compressed away (RFC 1661 §6.6).
pub(super) fn carried(data: &[u8], at: usize, depth: &mut Depth) -> Found {
    let at = if *captured::<1>(data, at)? == [0xff] && *captured::<2>(data, at)? == [0xff, 0x03] { at + 2 } else { at };
    let (protocol, at) = protocol_field(data, at)?;
    by_protocol(data, protocol, at, depth)
}

/// The protocol field at `at` of a link, and what it names.
fn protocol(data: &[u8], at: usize, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    let (protocol, at) = protocol_field(data, at)?;
    layer.payload_offset = at;
    by_protocol(data, protocol, at, depth)
}

/// A PPP protocol field, also compressed to one byte (RFC 1661 §6.5), at `at`; and where it ends.
fn protocol_field(data: &[u8], at: usize) -> Result<(u16, usize), SkipReason> {
    let &[first] = captured::<1>(data, at)?;
    if first & 1 == 1 {
        return Ok((u16::from(first), at + 1));
    }
    let &[high, low] = captured::<2>(data, at)?;
    Ok((be16(high, low), at + 2))
}

fn by_protocol(data: &[u8], protocol: u16, at: usize, depth: &mut Depth) -> Found {
    match protocol {
        0x0021 => Ok((Network::Ipv4, at)),
        0x0057 => Ok((Network::Ipv6, at)),
        0x0281 | 0x0283 => link::mpls(data, at, depth),
        _ => Err(SkipReason::NotIp),
    }
}
