//! TZSP and CAPWAP: frames out of the air, or off a wire, on their way from who received them.

use crate::packet::bytes::{Depth, be16, captured};
use crate::packet::link::{self, LinkLayer};
use crate::packet::radio::{self, Framing};
use crate::packet::{RadioMacs, SkipReason};

/// TaZmen Sniffer Protocol version 1: a frame received by a sensor, behind any list of tags.
pub(super) fn tzsp(
    content: &[u8],
    at: usize,
    macs: RadioMacs,
    layer: &mut LinkLayer,
    depth: &mut Depth,
) -> link::Found {
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
pub(super) fn capwap(
    content: &[u8],
    at: usize,
    macs: RadioMacs,
    layer: &mut LinkLayer,
    depth: &mut Depth,
) -> link::Found {
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
