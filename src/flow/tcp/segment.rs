//! A TCP segment as the analysis takes it: the numbers of its header.

use crate::flow::tcp::TcpOffer;
use crate::time::Timestamp;

/// The numbers of one TCP segment (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpSegment {
    /// When it was captured.
    pub stamp: Timestamp,
    /// Sequence number of its first byte.
    pub seq: u32,
    /// Acknowledgement number; it means something only with the flag ACK.
    pub ack: u32,
    /// Bytes of data.
    pub len: u32,
    /// The window field as it stands, not scaled.
    pub window: u16,
    /// The flags CWR, ECE, URG, ACK, PSH, RST, SYN, FIN, from the highest bit to the lowest.
    pub flags: u8,
    /// The maximum segment size, of a SYN that has the option.
    pub mss: Option<u16>,
    /// The window scale, of a SYN that has the option.
    pub window_scale: Option<u8>,
}

impl TcpSegment {
    /// Reads the header that `bytes` begin with; `None` when its first 20 bytes are not all there.
    ///
    /// Options are read in a SYN only, as far as they are there.
    pub fn read(bytes: &[u8], len: u32, stamp: Timestamp) -> Option<Self> {
        let mut segment = Self::read_numbers(bytes, len, stamp)?;
        if segment.is_syn() {
            let end = usize::from(*bytes.get(12)? >> 4) * 4;
            segment.read_options(bytes.get(HEADER..end.min(bytes.len())).unwrap_or_default());
        }
        Some(segment)
    }

    /// The same without options.
    #[inline(always)]
    pub(super) fn read_numbers(bytes: &[u8], len: u32, stamp: Timestamp) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        Some(Self {
            stamp,
            seq: word(4),
            ack: word(8),
            len,
            window: u16::from_be_bytes([header[14], header[15]]),
            flags: header[13],
            mss: None,
            window_scale: None,
        })
    }

    #[cold]
    fn read_options(&mut self, mut options: &[u8]) {
        loop {
            options = match options {
                [NO_OPERATION, rest @ ..] => rest,
                [] | [END_OF_LIST, ..] => return,
                [kind, len, rest @ ..] => {
                    let Some((value, rest)) =
                        usize::from(*len).checked_sub(2).and_then(|len| rest.split_at_checked(len))
                    else {
                        return;
                    };
                    match (*kind, value) {
                        (MAXIMUM_SEGMENT_SIZE, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
                        (WINDOW_SCALE, [shift]) => self.window_scale = Some(*shift),
                        _ => {}
                    }
                    rest
                }
                [_] => return,
            };
        }
    }

    pub(super) fn offer(&self) -> TcpOffer {
        TcpOffer { window: self.window, mss: self.mss, window_scale: self.window_scale }
    }

    #[inline]
    pub(super) const fn is_syn(&self) -> bool {
        self.flags & SYN != 0
    }

    #[inline]
    pub(super) const fn is_ack(&self) -> bool {
        self.flags & ACK != 0
    }

    #[inline]
    pub(super) const fn is_fin(&self) -> bool {
        self.flags & FIN != 0
    }

    #[inline]
    pub(super) const fn is_rst(&self) -> bool {
        self.flags & RST != 0
    }

    /// Whether it belongs neither to the beginning nor to the end of a connection.
    #[inline]
    pub(super) const fn is_amid(&self) -> bool {
        self.flags & (SYN | FIN | RST) == 0
    }

    /// Whether it has the flag ACK and is [amid](Self::is_amid) a connection.
    #[inline]
    pub(super) const fn is_plain_ack(&self) -> bool {
        self.flags & (SYN | FIN | RST | ACK) == ACK
    }

    /// Whether it uses up sequence numbers.
    #[inline]
    pub(super) const fn has_content(&self) -> bool {
        self.len > 0 || self.flags & (SYN | FIN) != 0
    }

    /// The sequence number after it; SYN and FIN count as one byte, both together too.
    #[inline]
    pub(super) const fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len).wrapping_add((self.flags & (SYN | FIN) != 0) as u32)
    }
}

const HEADER: usize = 20;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const END_OF_LIST: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn syn(options: &[u8]) -> Vec<u8> {
        let words = (HEADER + options.len()).div_ceil(4) as u8;
        let mut bytes = vec![0, 80, 0, 81, 1, 2, 3, 4, 5, 6, 7, 8, words << 4, SYN, 0xfa, 0xf0, 0, 0, 0, 0];
        bytes.extend(options);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<TcpSegment> {
        TcpSegment::read(bytes, 7, Timestamp::from_nanos(5))
    }

    #[test]
    fn the_numbers_of_a_header_are_read() {
        let segment = read(&syn(&[NO_OPERATION, 3, 3, 9, 2, 4, 5, 180])).unwrap();
        assert_eq!((segment.seq, segment.ack, segment.window), (0x0102_0304, 0x0506_0708, 64_240));
        assert_eq!((segment.mss, segment.window_scale), (Some(1460), Some(9)));
        assert_eq!((segment.len, segment.end()), (7, 0x0102_0304 + 8));
    }

    #[test]
    fn a_header_that_is_cut_is_none() {
        assert_eq!(read(&syn(&[])[..19]), None);
        assert!(read(&syn(&[])).is_some());
    }

    #[test]
    fn options_that_lie_are_left_out() {
        for options in [&[2u8][..], &[2, 0], &[2, 1, 9], &[2, 4, 5], &[2, 3, 5], &[3, 200, 7], &[0, 3, 3, 9], &[3, 2]] {
            let segment = read(&syn(options)).unwrap();
            assert_eq!((segment.mss, segment.window_scale), (None, None), "{options:?}");
        }
        let mut beyond = syn(&[3, 3, 9, 0]);
        beyond[12] = 5 << 4;
        assert_eq!(read(&beyond).unwrap().window_scale, None, "behind the header there is data");
        beyond[12] = 0;
        assert_eq!(read(&beyond).unwrap().window_scale, None);
        beyond[12] = 15 << 4;
        assert_eq!(read(&beyond).unwrap().window_scale, Some(9), "as far as they were captured");
    }
}
