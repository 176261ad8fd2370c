//! How a capture is recognized, and what its two formats have in common.

use crate::capture::Frame;
use crate::capture::file::classic::Pcap;
use crate::capture::file::pcapng;
use crate::capture::file::pcapng::Pcapng;
use crate::time::Timestamp;

/// A reader of records: it is given all the bytes there are, again and again, and goes on where it stopped.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Why a reader of records stopped.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The next record needs this many bytes from where it begins; an end before its first byte is a clean one.
    Need(usize),
    /// The next bytes, this many, are of no interest; the record goes on after them.
    Skip(u64),
    /// The record, whose first byte is `back` bytes before, makes no sense.
    Damaged { back: u64, detail: String },
}

/// What the first bytes of a stream are.
#[derive(Debug)]
pub(super) enum Recognized {
    /// A capture; this many bytes are read.
    Format(Format, usize),
    /// Perhaps a capture: too short to tell, with this many bytes at least one knows more.
    Need(usize),
    /// Not a capture, or not one that is read here.
    Unknown(String),
}

impl Format {
    /// What `head`, the beginning of a stream, announces. `last` is the stamp of the frame before it.
    pub(super) fn recognize(head: &[u8], last: Timestamp) -> Recognized {
        let Some(magic) = head.first_chunk::<4>() else { return Recognized::Need(4) };
        if pcapng::is_section(*magic) {
            return Pcapng::open(head, last);
        }
        Pcap::open(*magic, head).unwrap_or_else(|| {
            let [a, b, c, d] = magic;
            Recognized::Unknown(format!("it begins with {a:02x} {b:02x} {c:02x} {d:02x}"))
        })
    }

    /// Appends the frames from position `at` of `bytes` on, and moves `at` behind the last record that is done with.
    #[inline]
    pub(super) fn parse(&mut self, bytes: &[u8], at: &mut usize, frames: &mut Vec<Frame>) -> Step {
        match self {
            Self::Pcap(pcap) => pcap.parse(bytes, at, frames),
            Self::Pcapng(pcapng) => pcapng.parse(bytes, at, frames),
        }
    }

    /// How many bytes of the record at hand were skipped, or are about to be; 0 between two records.
    pub(super) fn behind(&self) -> u64 {
        match self {
            Self::Pcap(_) => 0,
            Self::Pcapng(pcapng) => pcapng.behind(),
        }
    }
}

/// Four bytes of `bytes` at `at`, as a number in the given byte order.
#[inline(always)]
pub(super) fn u32_at<const BIG: bool>(bytes: &[u8], at: usize) -> u32 {
    let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    if BIG { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
}

/// Two bytes of `bytes` at `at`, as a number in the given byte order.
#[inline(always)]
pub(super) fn u16_at<const BIG: bool>(bytes: &[u8], at: usize) -> u16 {
    let two = [bytes[at], bytes[at + 1]];
    if BIG { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
}

/// The longest frame that is believed, for a snaplen the capture states (0: none).
///
/// A wrong length sends a reader astray for the rest of the file, so what is longer than 256 KiB, as libpcap has it, and
/// longer than the snaplen is damage; so is anything above 16 MiB.
pub(super) fn longest_frame(snaplen: u32) -> u32 {
    if snaplen == 0 { MAX_FRAME_BYTES } else { snaplen.clamp(MIN_SNAPLEN, MAX_FRAME_BYTES) }
}

/// The longest frame there can be.
pub(super) const MAX_FRAME_BYTES: u32 = 16 << 20;

/// A snaplen below this is not held against a frame: programs write frames longer than the snaplen they state.
const MIN_SNAPLEN: u32 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_frame_follows_the_snaplen_within_limits() {
        assert_eq!(longest_frame(0), MAX_FRAME_BYTES);
        assert_eq!(longest_frame(96), 256 << 10);
        assert_eq!(longest_frame(1 << 20), 1 << 20);
        assert_eq!(longest_frame(u32::MAX), MAX_FRAME_BYTES);
    }

    #[test]
    fn a_short_head_is_no_verdict() {
        assert!(matches!(Format::recognize(&[0xd4, 0xc3], Timestamp::default()), Recognized::Need(4)));
        assert!(matches!(Format::recognize(b"<xml", Timestamp::default()), Recognized::Unknown(_)));
    }
}
