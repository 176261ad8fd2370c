//! GTP-U: the IP packets of mobile phones between the stations of their network.

use crate::packet::bytes::be16;
use crate::packet::link::by_version;
use crate::packet::tunnel::{Content, Inner};
use crate::packet::{SkipReason, Tunnel};

/// GTP-U version 1 (3GPP TS 29.281 §5): a G-PDU with an IP packet, behind any chain of extension headers.
#[inline(always)]
pub(super) fn open(mut content: Content<'_>) -> Result<Inner, SkipReason> {
    const VERSION_AND_TYPE: u8 = 0xf0;
    const VERSION_1_GTP: u8 = 0x30;
    const EXTENSION: u8 = 0x04;
    const ANY_OPTION: u8 = 0x07;
    const G_PDU: u8 = 0xff;

    let &[flags, message, len_high, len_low, ref key @ ..] = content.bytes::<8>(content.at)?;
    let end = content.at + 8 + usize::from(be16(len_high, len_low));
    // It may end beyond the first fragment of its datagram, but not beyond the datagram.
    if flags & VERSION_AND_TYPE != VERSION_1_GTP || message != G_PDU || end > content.own_end {
        return Err(SkipReason::NotIp);
    }
    content.end = content.end.min(end);
    let mut at = content.at + 8;
    if flags & ANY_OPTION != 0 {
        let mut next = content.bytes::<4>(at)?[3];
        at += 4;
        while flags & EXTENSION != 0 && next != 0 {
            content.depth = content.depth.enter()?;
            let len = usize::from(content.bytes::<1>(at)?[0]) * 4;
            if len == 0 {
                return Err(SkipReason::NotIp);
            }
            next = content.bytes::<1>(at + len - 1)?[0];
            at += len;
        }
    }
    if at >= content.end {
        return Err(SkipReason::NotIp);
    }
    let network = by_version(content.data, at, SkipReason::NotIp)?;
    Ok(content.packet(Tunnel::GtpU, Some(u32::from_be_bytes(*key)), network, at))
}
