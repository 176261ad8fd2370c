//! IEEE 802.11 data frames, and the radiotap header that captures put before them.
//!
//! Section and table numbers are those of IEEE 802.11-2020. A frame without data, of another kind, encrypted, aggregated, or
//! a later fragment holds no IP packet that could be read.

use crate::packet::bytes::{Depth, captured, stated};
use crate::packet::link::{self, Found, LinkLayer};
use crate::packet::{RadioMacs, SkipReason};

/// What the bytes around an 802.11 frame say of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    pub(super) macs: RadioMacs,
    /// The payload begins at a multiple of four bytes from the beginning of the frame.
    pub(super) padded: bool,
    /// The two bytes of the frame control field are swapped.
    pub(super) swapped: bool,
}

impl Framing {
    /// As the standard has it.
    pub(super) const fn standard(macs: RadioMacs) -> Self {
        Self { macs, padded: false, swapped: false }
    }
}

/// A radiotap header (<https://www.radiotap.org>) and the frame behind it.
pub(super) fn radiotap(data: &[u8], wire_len: u32, macs: RadioMacs, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    const FCS: u8 = 0x10;
    const DATA_PAD: u8 = 0x20;
    const BAD_FCS: u8 = 0x40;

    let &[version, _, len_low, len_high, ..] = captured::<8>(data, 0)?;
    let len = usize::from(u16::from_le_bytes([len_low, len_high]));
    if version != 0 || len < 8 {
        return Err(SkipReason::NotIp);
    }
    let flags = match radiotap_flags(data, len) {
        // The fields lie beyond the header that should hold them.
        Err(SkipReason::BadIpHeader) => return Err(SkipReason::NotIp),
        flags => flags?,
    };
    // Its receiver found it damaged: none of its bytes can be trusted, and it is sent again.
    if flags & BAD_FCS != 0 {
        return Err(SkipReason::NotIp);
    }
    if flags & FCS != 0 {
        layer.end = (wire_len as usize).saturating_sub(4);
    }
    data_frame(data, len, Framing { macs, padded: flags & DATA_PAD != 0, swapped: false }, layer, depth)
}

/// The field "flags" of a radiotap header of `len` bytes; none set when it is absent.
fn radiotap_flags(data: &[u8], len: usize) -> Result<u8, SkipReason> {
    const TIME: u32 = 1 << 0;
    const FLAGS: u32 = 1 << 1;
    const ONE_MORE_WORD: u32 = 1 << 31;

    let present = u32::from_le_bytes(*stated::<4>(data, 4, len)?);
    if present & FLAGS == 0 {
        return Ok(0);
    }
    let (mut word, mut at) = (present, 8);
    while word & ONE_MORE_WORD != 0 {
        word = u32::from_le_bytes(*stated::<4>(data, at, len)?);
        at += 4;
    }
    // The time is eight bytes, at a multiple of eight.
    if present & TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    Ok(stated::<1>(data, at, len)?[0])
}

/// Whether the first byte of a frame control field is that of a data frame (§9.2.4.1).
pub(super) fn is_data(kind: u8) -> bool {
    const VERSION_AND_TYPE: u8 = 0x0f;
    const DATA: u8 = 0x08;
    kind & VERSION_AND_TYPE == DATA
}

/// The data frame at `at` (§9.3.2.1) and LLC behind it.
pub(super) fn data_frame(data: &[u8], at: usize, framing: Framing, layer: &mut LinkLayer, depth: &mut Depth) -> Found {
    const NO_DATA: u8 = 0x40;
    const QOS: u8 = 0x80;
    const TO_DS: u8 = 0x01;
    const FROM_DS: u8 = 0x02;
    const PROTECTED: u8 = 0x40;
    const HT_CONTROL: u8 = 0x80;

    let &[first, second] = captured::<2>(data, at)?;
    let (kind, flags) = if framing.swapped { (second, first) } else { (first, second) };
    if !is_data(kind) {
        return Err(SkipReason::NotIp);
    }
    let header = captured::<24>(data, at)?;
    let both = flags & TO_DS != 0 && flags & FROM_DS != 0;
    let [address_1, address_2, address_3, address_4] = [at + 4, at + 10, at + 16, at + 24];
    let mut end = at + 24;
    if both {
        captured::<6>(data, end)?;
        end += 6;
    }
    // Table 9-30.
    let (src, dst) = match (framing.macs, flags & TO_DS != 0, flags & FROM_DS != 0) {
        (RadioMacs::SecondAndThird, ..) => (address_2, address_3),
        (_, false, false) => (address_2, address_1),
        (_, false, true) => (address_3, address_1),
        (_, true, false) => (address_2, address_3),
        (_, true, true) => (address_4, address_3),
    };
    (layer.src_mac_offset, layer.dst_mac_offset) = (src, dst);
    layer.payload_offset = end;
    let fragment_number = header[22] & 0x0f;
    if kind & NO_DATA != 0 || flags & PROTECTED != 0 || fragment_number != 0 {
        return Err(SkipReason::NotIp);
    }
    if kind & QOS != 0 {
        const AGGREGATE: u8 = 0x80;
        let &[control, _] = captured::<2>(data, end)?;
        end += if flags & HT_CONTROL != 0 { 6 } else { 2 };
        layer.payload_offset = end;
        if control & AGGREGATE != 0 {
            return Err(SkipReason::NotIp);
        }
    }
    if framing.padded {
        end = at + (end - at).next_multiple_of(4);
    }
    link::llc(data, end, layer, depth)
}
