//! Teredo: IPv6 for who has only IPv4, and an address translator before that.

use crate::packet::bytes::be16;
use crate::packet::link::Network;
use crate::packet::tunnel::{Content, Inner};
use crate::packet::{SkipReason, Tunnel};

/// Teredo (RFC 4380 §5.1.1): an IPv6 packet, behind what a server or a relay says of it, if anything.
///
/// Where it says nothing there is no header at all, so the packet is to be one: IPv6 that ends within its datagram.
pub(super) fn open(content: Content<'_>) -> Result<Inner, SkipReason> {
    const ORIGIN: [u8; 2] = [0, 0];
    const AUTHENTICATION: [u8; 2] = [0, 1];

    let mut at = content.at;
    if *content.bytes::<2>(at)? == AUTHENTICATION {
        let &[_, _, id_len, value_len] = content.bytes::<4>(at)?;
        // Behind identifier and value stand a nonce and the confirmation byte.
        at += 4 + usize::from(id_len) + usize::from(value_len) + 9;
    }
    if *content.bytes::<2>(at)? == ORIGIN {
        at += 8;
    }
    let &[version, _, _, _, len_high, len_low] = content.bytes::<6>(at)?;
    // Trailers (RFC 6081) may follow it.
    if version >> 4 != 6 || at + 40 + usize::from(be16(len_high, len_low)) > content.own_end {
        return Err(SkipReason::NotIp);
    }
    Ok(content.packet(Tunnel::Teredo, None, Network::Ipv6, at))
}
