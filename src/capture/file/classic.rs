//! The pcap format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and a frame each.
//!
//! Also the "modified" pcap of A. Kuznetzov's libpcap, whose records have 8 bytes more, and the two lengths that libpcap
//! swapped before version 2.4.

use crate::capture::Frame;
use crate::capture::file::format::Format;
use crate::capture::file::format::Recognized;
use crate::capture::file::format::Step;
use crate::capture::file::format::longest_frame;
use crate::capture::file::format::u16_at;
use crate::capture::file::format::u32_at;
use crate::packet::LinkType;
use crate::time::Timestamp;

/// What the header of a pcap file says of its records.
#[derive(Debug)]
pub(super) struct Pcap {
    big: bool,
    nanos_per_unit: i64,
    header_bytes: usize,
    lengths: Lengths,
    longest: u32,
    link: LinkType,
}

/// In which order a record states its captured and its wire length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3 was written both ways: the smaller one is the captured length.
    Either,
}

impl Pcap {
    /// Reads the file header; `None` when `magic` is not that of a pcap file.
    pub(super) fn open(magic: [u8; 4], head: &[u8]) -> Option<Recognized> {
        let little = u32::from_le_bytes(magic);
        let big = u32::from_be_bytes(magic);
        Some(match (little, big) {
            (MICROSECONDS | NANOSECONDS | MODIFIED, _) => Self::header::<false>(little, head),
            (_, MICROSECONDS | NANOSECONDS | MODIFIED) => Self::header::<true>(big, head),
            _ => return None,
        })
    }

    fn header<const BIG: bool>(magic: u32, head: &[u8]) -> Recognized {
        let Some(header) = head.first_chunk::<HEADER_BYTES>() else { return Recognized::Need(HEADER_BYTES) };
        let (major, minor) = (u16_at::<BIG>(header, 4), u16_at::<BIG>(header, 6));
        let lengths = match (major, minor) {
            // 543 is what one vendor's tcpdump wrote; libpcap reads it so.
            (543, _) | (2, 0..=2) => Lengths::WireFirst,
            (2, 3) => Lengths::Either,
            (2, _) => Lengths::CapturedFirst,
            _ => return Recognized::Unknown(format!("pcap version {major}.{minor} is not read, only 2")),
        };
        let pcap = Self {
            big: BIG,
            nanos_per_unit: if magic == NANOSECONDS { 1 } else { 1_000 },
            header_bytes: if magic == MODIFIED { MODIFIED_RECORD_BYTES } else { RECORD_BYTES },
            lengths,
            longest: longest_frame(u32_at::<BIG>(header, 16)),
            // The upper half tells whether frames end with a check sequence, and how long it is.
            link: LinkType(u32_at::<BIG>(header, 20) & 0xffff),
        };
        Recognized::Format(Format::Pcap(pcap), HEADER_BYTES)
    }

    /// See [`Format::parse`].
    #[inline]
    pub(super) fn parse(&self, bytes: &[u8], at: &mut usize, frames: &mut Vec<Frame>) -> Step {
        if self.big { self.records::<true>(bytes, at, frames) } else { self.records::<false>(bytes, at, frames) }
    }

    fn records<const BIG: bool>(&self, bytes: &[u8], at: &mut usize, frames: &mut Vec<Frame>) -> Step {
        let mut position = *at;
        let step = loop {
            let rest = bytes.get(position..).unwrap_or_default();
            let Some(header) = rest.first_chunk::<RECORD_BYTES>() else { break Step::Need(self.header_bytes) };
            let mut captured_len = u32_at::<BIG>(header, 8);
            let mut wire_len = u32_at::<BIG>(header, 12);
            if self.lengths != Lengths::CapturedFirst && (self.lengths == Lengths::WireFirst || captured_len > wire_len)
            {
                std::mem::swap(&mut captured_len, &mut wire_len);
            }
            if captured_len > self.longest {
                break Step::Damaged {
                    back: 0,
                    detail: format!("a frame of {captured_len} bytes, where at most {} make sense", self.longest),
                };
            }
            let record_bytes = self.header_bytes + captured_len as usize;
            if record_bytes > rest.len() {
                break Step::Need(record_bytes);
            }
            // At most 2^32 s and 2^32 units of a microsecond: 4.3e18, below the limit of a stamp (9.2e18).
            let stamp = i64::from(u32_at::<BIG>(header, 0)) * 1_000_000_000
                + i64::from(u32_at::<BIG>(header, 4)) * self.nanos_per_unit;
            frames.push(Frame {
                stamp: Timestamp::from_nanos(stamp),
                offset: (position + self.header_bytes) as u32,
                captured_len,
                wire_len,
                link: self.link,
                time_out_of_range: false,
            });
            position += record_bytes;
        };
        *at = position;
        step
    }
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;
const HEADER_BYTES: usize = 24;
const RECORD_BYTES: usize = 16;
/// Interface, protocol and packet type follow the lengths.
const MODIFIED_RECORD_BYTES: usize = 24;
