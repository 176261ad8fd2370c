//! Tunnels by option: what lies between an outer UDP header and an inner packet.
//!
//! A port alone proves nothing: what does not read as the tunnel's header with an IP packet behind it is left alone.

use crate::packet::bytes::{Depth, be16, stated};
use crate::packet::ip::Place;
use crate::packet::link::{Network, by_version};
use crate::packet::{SkipReason, Tunnel, Tunnels};

/// An opened tunnel: where its inner IP header begins, and its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    pub(super) tunnel: Tunnel,
    pub(super) key: u32,
    pub(super) network: Network,
    pub(super) place: Place,
}

/// Whether either port of a UDP datagram announces one of these tunnels.
#[inline(always)]
pub(super) fn announced(tunnels: Tunnels, src_port: u16, dst_port: u16) -> bool {
    (src_port == GTP_U || dst_port == GTP_U) && tunnels.contains(Tunnel::GtpU)
}

/// Opens the tunnel in a UDP datagram.
///
/// # Errors
///
/// [`SkipReason::Truncated`] when the capture ends before it can be told whether there is a tunnel with an IP packet in
/// it, [`SkipReason::TooDeep`], and anything else when there is none.
pub(super) fn open(data: &[u8], datagram: Place) -> Result<Inner, SkipReason> {
    let Place { at, stated_end, depth } = datagram;
    let header = stated::<8>(data, at, stated_end)?;
    let udp_len = usize::from(be16(header[4], header[5]));
    // Length 0 stands for a datagram too long to say (offload, jumbograms). A first fragment holds less than it says.
    let end = if udp_len == 0 { stated_end } else { at + udp_len };
    gtp_u(data, at + 8, end, stated_end, depth)
}

/// GTP-U version 1 (3GPP TS 29.281 §5): a G-PDU with an IP packet, behind any chain of extension headers.
fn gtp_u(data: &[u8], at: usize, udp_end: usize, stated_end: usize, depth: Depth) -> Result<Inner, SkipReason> {
    const VERSION_AND_TYPE: u8 = 0xf0;
    const VERSION_1_GTP: u8 = 0x30;
    const EXTENSION: u8 = 0x04;
    const ANY_OPTION: u8 = 0x07;
    const G_PDU: u8 = 0xff;

    let mut depth = depth.enter()?;
    let &[flags, message, len_high, len_low, ref key @ ..] = stated::<8>(data, at, stated_end)?;
    let end = at + 8 + usize::from(be16(len_high, len_low));
    if flags & VERSION_AND_TYPE != VERSION_1_GTP || message != G_PDU || end > udp_end {
        return Err(SkipReason::NotIp);
    }
    let mut inner_at = at + 8;
    if flags & ANY_OPTION != 0 {
        let mut next = stated::<4>(data, inner_at, end)?[3];
        inner_at += 4;
        while flags & EXTENSION != 0 && next != 0 {
            depth = depth.enter()?;
            let len = usize::from(stated::<1>(data, inner_at, end)?[0]) * 4;
            if len == 0 {
                return Err(SkipReason::NotIp);
            }
            next = stated::<1>(data, inner_at + len - 1, end)?[0];
            inner_at += len;
        }
    }
    if inner_at >= end {
        return Err(SkipReason::NotIp);
    }
    let network = by_version(data, inner_at, SkipReason::NotIp)?;
    let place = Place { at: inner_at, stated_end: stated_end.min(end), depth };
    Ok(Inner { tunnel: Tunnel::GtpU, key: u32::from_be_bytes(*key), network, place })
}

const GTP_U: u16 = 2152;
