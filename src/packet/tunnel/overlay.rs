//! VXLAN, its generic protocol extension, and Geneve: the networks of virtual machines on top of one of IP.

use crate::packet::bytes::be16;
use crate::packet::link::Network;
use crate::packet::tunnel::{Content, Inner};
use crate::packet::{SkipReason, Tunnel};

/// VXLAN (RFC 7348 §5): an Ethernet frame. The flag that there is a network identifier is the one bit that is always
/// the same; all others are to be ignored.
pub(super) fn vxlan(content: Content<'_>) -> Result<Inner, SkipReason> {
    let &[flags, _, _, _, ref vni @ .., _] = content.bytes::<8>(content.at)?;
    if flags & IDENTIFIED == 0 {
        return Err(SkipReason::NotIp);
    }
    content.ethernet(Tunnel::Vxlan, Some(be24(vni)), content.at + 8)
}

/// The generic protocol extension for VXLAN (draft-ietf-nvo3-vxlan-gpe): the header names what it carries.
pub(super) fn vxlan_gpe(content: Content<'_>) -> Result<Inner, SkipReason> {
    const VERSION: u8 = 0x30;
    const NAMED: u8 = 0x04;
    const ETHERNET: u8 = 3;

    let &[flags, _, _, protocol, ref vni @ .., _] = content.bytes::<8>(content.at)?;
    if flags & (IDENTIFIED | VERSION) != IDENTIFIED {
        return Err(SkipReason::NotIp);
    }
    let (key, at) = (Some(be24(vni)), content.at + 8);
    match if flags & NAMED == 0 { ETHERNET } else { protocol } {
        1 => Ok(content.packet(Tunnel::Vxlan, key, Network::Ipv4, at)),
        2 => Ok(content.packet(Tunnel::Vxlan, key, Network::Ipv6, at)),
        ETHERNET => content.ethernet(Tunnel::Vxlan, key, at),
        _ => Err(SkipReason::NotIp),
    }
}

/// Geneve version 0 (RFC 8926 §3.4): what an EtherType names, behind options that are stepped over.
pub(super) fn geneve(content: Content<'_>) -> Result<Inner, SkipReason> {
    let &[start, _, high, low, ref vni @ .., _] = content.bytes::<8>(content.at)?;
    if start >> 6 != 0 {
        return Err(SkipReason::NotIp);
    }
    let options_len = usize::from(start & 0x3f) * 4;
    content.by_ether_type(Tunnel::Geneve, Some(be24(vni)), be16(high, low), content.at + 8 + options_len)
}

/// Three bytes in network order.
fn be24(bytes: &[u8; 3]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

/// The flag of VXLAN that there is a network identifier.
const IDENTIFIED: u8 = 0x08;
