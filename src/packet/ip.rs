//! IP headers: IPv4 with options (RFC 791), IPv6 with its extension headers (RFC 8200).
//!
//! A header must not reach beyond the length that a header around it states; that is [`SkipReason::BadIpHeader`], whether
//! the capture is cut or not. An IPv6 packet that was cut within its extension headers is [`SkipReason::Truncated`]: what
//! follows them, even whether another IP header does, is not known.

use crate::packet::SkipReason;
use crate::packet::bytes::{Depth, be16, chunk, stated};

/// Where decoding stands, before a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Where the header begins.
    pub(super) at: usize,
    /// Where the headers around it say that their content ends; `usize::MAX` when none does.
    pub(super) stated_end: usize,
    /// How many headers were entered so far.
    pub(super) depth: Depth,
}

/// An IP header and its extension headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpHeader {
    pub(super) src: u128,
    pub(super) dst: u128,
    /// Bytes of the packet, its header included, by its own word or, where it has none, by the lengths around it.
    pub(super) ip_len: u32,
    /// Bytes of the header and its extension headers.
    pub(super) header_len: u32,
    pub(super) version: u8,
    /// What follows, after the extension headers.
    pub(super) protocol: u8,
    /// Time to live, or hop limit.
    pub(super) ttl: u8,
    /// Type of service, or traffic class.
    pub(super) traffic_class: u8,
    pub(super) fragment: Fragment,
    /// What follows, and the end of the packet.
    pub(super) content: Place,
}

/// Which part of a fragmented packet this is, with the identification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fragment {
    /// The whole packet.
    No,
    /// The first part.
    First(u32),
    /// A later part.
    Later(u32),
}

/// Reads the IPv4 header at `place`.
///
/// `data` is all that was captured, `wire_len` the frame's length on the wire.
#[inline(always)]
pub(super) fn v4(data: &[u8], wire_len: u32, place: &Place) -> Result<IpHeader, SkipReason> {
    let at = place.at;
    let depth = place.depth.enter()?;
    let header = stated::<20>(data, place.at, place.stated_end)?;
    let header_len = u32::from(header[0] & 0x0f) * 4;
    let total_len = u32::from(be16(header[2], header[3]));
    let ip_len = if total_len == 0 { rest_of_wire(wire_len, place) } else { total_len };
    if header[0] >> 4 != 4 || header_len < 20 || (total_len != 0 && total_len < header_len) {
        return Err(SkipReason::BadIpHeader);
    }
    let (id, offset) = (u32::from(be16(header[4], header[5])), be16(header[6], header[7]));
    Ok(IpHeader {
        src: u128::from(u32::from_be_bytes([header[12], header[13], header[14], header[15]])),
        dst: u128::from(u32::from_be_bytes([header[16], header[17], header[18], header[19]])),
        ip_len,
        header_len,
        version: 4,
        protocol: header[9],
        ttl: header[8],
        traffic_class: header[1],
        fragment: match offset & (MORE_V4 | OFFSET_V4) {
            0 => Fragment::No,
            MORE_V4 => Fragment::First(id),
            _ => Fragment::Later(id),
        },
        content: Place { at: at + header_len as usize, stated_end: place.end_of(ip_len), depth },
    })
}

/// Reads the IPv6 header at `place` and its extension headers, as [`v4`] does.
#[inline(always)]
pub(super) fn v6(data: &[u8], wire_len: u32, place: &Place) -> Result<IpHeader, SkipReason> {
    let at = place.at;
    let depth = place.depth.enter()?;
    let header = stated::<40>(data, place.at, place.stated_end)?;
    if header[0] >> 4 != 6 {
        return Err(SkipReason::BadIpHeader);
    }
    let protocol = header[6];
    let ip_len = match u32::from(be16(header[4], header[5])) {
        0 if protocol == NO_NEXT_HEADER => 40,
        0 => jumbo_len(data, at + 40, protocol).unwrap_or_else(|| rest_of_wire(wire_len, place)),
        payload_len => payload_len + 40,
    };
    let (src, rest) = header[8..].split_first_chunk::<16>().ok_or(SkipReason::Truncated)?;
    let dst = rest.first_chunk::<16>().ok_or(SkipReason::Truncated)?;
    let content = Place { at: at + 40, stated_end: place.end_of(ip_len), depth };
    let after = extensions(data, Extensions { protocol, fragment: Fragment::No, content })?;
    Ok(IpHeader {
        src: u128::from_be_bytes(*src),
        dst: u128::from_be_bytes(*dst),
        ip_len,
        header_len: (after.content.at - at) as u32,
        version: 6,
        protocol: after.protocol,
        ttl: header[7],
        traffic_class: header[0] << 4 | header[1] >> 4,
        fragment: after.fragment,
        content: after.content,
    })
}

/// What is known of an IPv6 packet after some of its extension headers.
#[derive(Clone, Copy, Debug)]
struct Extensions {
    protocol: u8,
    fragment: Fragment,
    content: Place,
}

/// Walks the extension headers, to the first header that is none or to the data of a later fragment.
#[inline(always)]
fn extensions(data: &[u8], start: Extensions) -> Result<Extensions, SkipReason> {
    let Extensions { mut protocol, mut fragment, content: Place { mut at, stated_end, mut depth } } = start;
    while is_extension(protocol) {
        depth = depth.enter()?;
        let &[next, len] = stated::<2>(data, at, stated_end)?;
        at += match protocol {
            FRAGMENT => {
                let header = stated::<8>(data, at, stated_end)?;
                let offset = be16(header[2], header[3]);
                let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
                // Offset 0 and nothing more to come is an atomic fragment, which is none (RFC 6946).
                fragment = match (offset >> 3, offset & 1) {
                    (0, 0) => fragment,
                    (0, _) => Fragment::First(id),
                    _ => Fragment::Later(id),
                };
                8
            }
            AUTHENTICATION => (usize::from(len) + 2) * 4,
            _ => (usize::from(len) + 1) * 8,
        };
        protocol = next;
        if matches!(fragment, Fragment::Later(_)) {
            break;
        }
    }
    Ok(Extensions { protocol, fragment, content: Place { at, stated_end, depth } })
}

impl Place {
    /// The stated end of what lies in a packet of `ip_len` bytes that begins here.
    #[inline(always)]
    fn end_of(&self, ip_len: u32) -> usize {
        self.stated_end.min(self.at.saturating_add(ip_len as usize))
    }
}

/// Bytes from `place` to the end of what is around it: of the frame on the wire, or of the packet that holds this one.
fn rest_of_wire(wire_len: u32, place: &Place) -> u32 {
    (wire_len as usize).min(place.stated_end).saturating_sub(place.at) as u32
}

/// The length of an IPv6 packet with a jumbo payload option (RFC 2675), which stands in the hop-by-hop header at `at`.
fn jumbo_len(data: &[u8], at: usize, protocol: u8) -> Option<u32> {
    const JUMBO_PAYLOAD: u8 = 0xc2;
    if protocol != HOP_BY_HOP {
        return None;
    }
    let &[_, len] = chunk::<2>(data, at)?;
    let mut options = chunk_of(data, at + 2, usize::from(len) * 8 + 6)?;
    while let [kind, rest @ ..] = options {
        if *kind == 0 {
            options = rest;
            continue;
        }
        let (&len, rest) = rest.split_first()?;
        let body = rest.get(..usize::from(len))?;
        if *kind == JUMBO_PAYLOAD {
            let len = u32::from_be_bytes(*body.first_chunk::<4>()?);
            return (len > u32::from(u16::MAX)).then(|| len.saturating_add(40));
        }
        options = &rest[body.len()..];
    }
    None
}

/// As much of the `len` bytes at `at` as was captured; `None` when not even the first was.
fn chunk_of(data: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    Some(&rest[..rest.len().min(len)])
}

/// Whether an IPv6 next header value is that of an extension header whose length can be told (IANA registry; not ESP,
/// which hides what follows, nor the numbers 253 and 254, which are anybody's).
const fn is_extension(protocol: u8) -> bool {
    const ROUTING: u8 = 43;
    const DESTINATION: u8 = 60;
    const MOBILITY: u8 = 135;
    const HOST_IDENTITY: u8 = 139;
    const SHIM6: u8 = 140;
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY | HOST_IDENTITY | SHIM6
    )
}

const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const MORE_V4: u16 = 0x2000;
const OFFSET_V4: u16 = 0x1fff;
