//! Tunnels by option: what lies between an outer UDP header and an inner packet.
//!
//! A port alone proves nothing: what does not read as the tunnel's header with an IP packet behind it is left alone.

use crate::packet::bytes::{Depth, be16, captured, stated};
use crate::packet::ip::Place;
use crate::packet::link::{self, LinkLayer, Network, by_version};
use crate::packet::radio::{self, Framing};
use crate::packet::{DecodeOptions, RadioMacs, SkipReason, Tunnel, Tunnels};

/// An opened tunnel: where its inner IP header begins, and what is told on the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    pub(super) tunnel: Tunnel,
    /// The tunnel's own key.
    pub(super) key: Option<u32>,
    /// The link layer of the frame it carries; `None` when it carries IP without one.
    pub(super) layer: Option<LinkLayer>,
    pub(super) network: Network,
    pub(super) place: Place,
}

/// Which of these tunnels a UDP datagram may be, by its ports. TZSP comes last: its port is one that systems hand out to
/// whoever asks for any.
#[inline(always)]
pub(super) fn announced(tunnels: Tunnels, src_port: u16, dst_port: u16) -> Option<Tunnel> {
    let has = |port, tunnel| (src_port == port || dst_port == port) && tunnels.contains(tunnel);
    if has(GTP_U, Tunnel::GtpU) {
        return Some(Tunnel::GtpU);
    }
    if has(CAPWAP_DATA, Tunnel::Capwap) {
        return Some(Tunnel::Capwap);
    }
    has(TZSP, Tunnel::Tzsp).then_some(Tunnel::Tzsp)
}

/// Opens the tunnel that the UDP datagram at `datagram` may be.
///
/// # Errors
///
/// [`SkipReason::Truncated`] when the capture ends before it can be told whether there is a tunnel with an IP packet in
/// it, [`SkipReason::TooDeep`], and anything else when there is none.
pub(super) fn open(data: &[u8], datagram: Place, tunnel: Tunnel, options: DecodeOptions) -> Result<Inner, SkipReason> {
    let Place { at, stated_end, depth } = datagram;
    let header = stated::<8>(data, at, stated_end)?;
    let udp_len = usize::from(be16(header[4], header[5]));
    // Length 0 stands for a datagram too long to say (offload, jumbograms). A first fragment holds less than it says.
    let end = if udp_len == 0 { stated_end } else { at + udp_len };
    if tunnel == Tunnel::GtpU {
        return gtp_u(data, at + 8, end, stated_end, depth);
    }
    let (mut layer, mut depth) = (LinkLayer::UNREAD, depth.enter()?);
    let end = end.min(stated_end);
    // A frame's own headers are bounded by what was captured: here that is what lies in the datagram.
    let content = data.get(..end.min(data.len())).unwrap_or_default();
    let read = match tunnel {
        Tunnel::Capwap => capwap(content, at + 8, options.radio_macs, &mut layer, &mut depth),
        _ => tzsp(content, at + 8, options.radio_macs, &mut layer, &mut depth),
    };
    let (network, inner_at) = match read {
        // It is not the capture that ends there, but the datagram.
        Err(SkipReason::Truncated) if end <= data.len() => return Err(SkipReason::NotIp),
        read => read?,
    };
    let place = Place { at: inner_at, stated_end: end, depth };
    Ok(Inner { tunnel, key: None, layer: Some(layer), network, place })
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
    let key = Some(u32::from_be_bytes(*key));
    Ok(Inner { tunnel: Tunnel::GtpU, key, layer: None, network, place })
}

/// TaZmen Sniffer Protocol version 1: a frame received by a sensor, behind any list of tags.
fn tzsp(content: &[u8], at: usize, macs: RadioMacs, layer: &mut LinkLayer, depth: &mut Depth) -> link::Found {
    const VERSION: u8 = 1;
    const RECEIVED: u8 = 0;
    const PADDING: u8 = 0;
    const END: u8 = 1;
    const ETHERNET: u16 = 1;
    const IEEE802_11: u16 = 18;

    let &[version, kind, high, low] = captured::<4>(content, at)?;
    let protocol = be16(high, low);
    if version != VERSION || kind != RECEIVED || !matches!(protocol, ETHERNET | IEEE802_11) {
        return Err(SkipReason::NotIp);
    }
    let mut at = at + 4;
    loop {
        match captured::<1>(content, at)?[0] {
            PADDING => at += 1,
            END => break,
            _ => at += 2 + usize::from(captured::<2>(content, at)?[1]),
        }
    }
    if protocol == ETHERNET {
        return link::ethernet(content, at + 1, layer, depth);
    }
    radio::data_frame(content, at + 1, Framing::standard(macs), layer, depth)
}

/// CAPWAP data (RFC 5415 §4.3): a frame of a station, in its own form or as Ethernet.
///
/// The header counts its optional fields in its length. What DTLS protects cannot be read; of a frame that was cut into
/// several datagrams not even the first part is.
fn capwap(content: &[u8], at: usize, macs: RadioMacs, layer: &mut LinkLayer, depth: &mut Depth) -> link::Found {
    const VERSION_0_IN_CLEAR: u8 = 0x00;
    const FRAGMENT: u8 = 0x80;
    const LAST: u8 = 0x40;
    const KEEP_ALIVE: u8 = 0x08;
    const NATIVE: u8 = 0x01;
    const IEEE802_11: u8 = 1;

    let &[preamble, header_len, binding, flags, .., offset_high, offset_low] = captured::<8>(content, at)?;
    let header_len = usize::from(header_len >> 3) * 4;
    let fragment_offset = be16(offset_high, offset_low) >> 3;
    let in_parts = flags & FRAGMENT != 0 && (flags & LAST == 0 || fragment_offset != 0);
    if preamble != VERSION_0_IN_CLEAR || header_len < 8 || flags & KEEP_ALIVE != 0 || in_parts {
        return Err(SkipReason::NotIp);
    }
    let at = at + header_len;
    if binding & NATIVE == 0 {
        return link::ethernet(content, at, layer, depth);
    }
    if binding >> 1 & 0x1f != IEEE802_11 {
        return Err(SkipReason::NotIp);
    }
    // Many access points swap the bytes of the frame control field. Which one tells of a data frame shows it: between a
    // station and its controller the other, with the direction in it, never does.
    let &[first, _] = captured::<2>(content, at)?;
    let swapped = !radio::is_data(first);
    radio::data_frame(content, at, Framing { swapped, ..Framing::standard(macs) }, layer, depth)
}

const GTP_U: u16 = 2152;
const CAPWAP_DATA: u16 = 5247;
const TZSP: u16 = 37008;
