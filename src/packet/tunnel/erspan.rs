//! ERSPAN: the frames that a switch saw, inside GRE (draft-foschiano-erspan).

use crate::packet::bytes::be16;
use crate::packet::link::by_version;
use crate::packet::tunnel::{Content, Inner};
use crate::packet::{SkipReason, Tunnel};

/// What lies behind a GRE header that names ERSPAN.
///
/// `bare` is type I: the frame stands there, without a header, and nothing but `gre_key` tells sessions apart. Types II
/// and III have a header with the session, which is their key.
pub(super) fn open(content: Content<'_>, bare: bool, gre_key: Option<u32>) -> Result<Inner, SkipReason> {
    const TYPE_II: u8 = 1;
    const TYPE_III: u8 = 2;

    if bare {
        return content.ethernet(Tunnel::Erspan, gre_key, content.at);
    }
    let &[version, _, high, low, ..] = content.bytes::<8>(content.at)?;
    let session = Some(u32::from(be16(high, low) & 0x03ff));
    match version >> 4 {
        TYPE_II => content.ethernet(Tunnel::Erspan, session, content.at + 8),
        TYPE_III => type_iii(content, session),
        _ => Err(SkipReason::NotIp),
    }
}

fn type_iii(content: Content<'_>, session: Option<u32>) -> Result<Inner, SkipReason> {
    const ETHERNET: u8 = 0;
    const IP: u8 = 2;
    const SUBHEADER: u8 = 0x01;

    let &[.., frame_type, flags] = content.bytes::<12>(content.at)?;
    let at = content.at + if flags & SUBHEADER == 0 { 12 } else { 20 };
    match frame_type >> 2 & 0x1f {
        ETHERNET => content.ethernet(Tunnel::Erspan, session, at),
        IP => {
            let &[_] = content.bytes::<1>(at)?;
            Ok(content.packet(Tunnel::Erspan, session, by_version(content.data, at, SkipReason::NotIp)?, at))
        }
        _ => Err(SkipReason::NotIp),
    }
}
