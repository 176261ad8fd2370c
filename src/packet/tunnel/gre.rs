//! GRE, with all that goes by its IP protocol number: NVGRE, ERSPAN, and the PPP of PPTP.

use crate::packet::bytes::be16;
use crate::packet::ip::Place;
use crate::packet::ppp;
use crate::packet::tunnel::{Content, Inner, erspan, is_carried};
use crate::packet::{SkipReason, Tunnel, Tunnels};

/// Opens the tunnel that the content of an IP packet of protocol 47 may be.
///
/// # Errors
///
/// As [`open`](crate::packet::tunnel::open).
pub(in crate::packet) fn open(data: &[u8], packet: Place, tunnels: Tunnels) -> Result<Inner, SkipReason> {
    if !tunnels.contains(Tunnel::Gre) && !tunnels.contains(Tunnel::Erspan) {
        return Err(SkipReason::NotIp);
    }
    let Place { at, stated_end, depth } = packet;
    let content = Content { data, at, own_end: stated_end, end: stated_end, depth: depth.enter()? };
    let &[flags_high, flags_low, high, low] = content.bytes::<4>(at)?;
    let (flags, protocol) = (be16(flags_high, flags_low), be16(high, low));
    let (tunnel, refused) = match (flags & VERSION, protocol) {
        (0, ERSPAN | ERSPAN_III) => (Tunnel::Erspan, NO_PLAIN_HEADER),
        (0, _) if is_carried(protocol) => (Tunnel::Gre, NO_PLAIN_HEADER),
        (1, PPP) if flags & KEY != 0 => (Tunnel::Gre, NO_ENHANCED_HEADER),
        _ => return Err(SkipReason::NotIp),
    };
    if flags & refused != 0 || !tunnels.contains(tunnel) {
        return Err(SkipReason::NotIp);
    }
    let key_at = at + if flags & CHECKSUM == 0 { 4 } else { 8 };
    let key = if flags & KEY == 0 { None } else { Some(u32::from_be_bytes(*content.bytes::<4>(key_at)?)) };
    // In the plain header the bit of the acknowledgement means nothing.
    let fields = [KEY, SEQUENCE, if protocol == PPP { ACKNOWLEDGEMENT } else { 0 }];
    let inner_at = key_at + 4 * fields.iter().filter(|field| flags & **field != 0).count();
    match (protocol, key) {
        (PPP, Some(key)) => pptp(content, key, inner_at),
        (ERSPAN | ERSPAN_III, _) => {
            let content = Content { at: inner_at, depth: content.depth.enter()?, ..content };
            erspan::open(content, protocol == ERSPAN && flags & SEQUENCE == 0, key)
        }
        _ => content.by_ether_type(tunnel, key, protocol, inner_at),
    }
}

/// Enhanced GRE (RFC 2637 §4.1): a PPP frame. Its key is a length and the call.
fn pptp(content: Content<'_>, key: u32, at: usize) -> Result<Inner, SkipReason> {
    let (len, call) = ((key >> 16) as usize, key & 0xffff);
    if len == 0 {
        return Err(SkipReason::NotIp);
    }
    let content = Content { end: content.end.min(at + len), ..content };
    content.headers(Tunnel::Gre, Some(call), |data, depth| ppp::carried(data, at, depth))
}

// Flags (RFC 2784 §2.1, RFC 2890 §2, RFC 2637 §4.1).
const CHECKSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;
/// With any of these a packet is to be discarded by who does not know RFC 1701, which had a list of routes there.
const NO_PLAIN_HEADER: u16 = 0x4c00;
/// In the enhanced header there is no checksum either.
const NO_ENHANCED_HEADER: u16 = CHECKSUM | NO_PLAIN_HEADER;

// Protocol types that name no network layer.
const PPP: u16 = 0x880b;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
