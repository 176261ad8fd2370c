//! An interface of a pcapng section: its link type, and what its timestamps count.

use crate::capture::file::format::longest_frame;
use crate::capture::file::format::u16_at;
use crate::capture::file::format::u32_at;
use crate::packet::LinkType;
use crate::time::Timestamp;

/// What an interface description block says.
#[derive(Debug)]
pub(super) struct Interface {
    link: LinkType,
    /// 0: unlimited.
    snaplen: u32,
    longest: u32,
    unit: Unit,
    /// Added to every stamp, in nanoseconds.
    offset: i128,
}

/// How ticks become nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    /// A tick is this many nanoseconds.
    Multiply(u64),
    /// A nanosecond is this many ticks.
    Divide(u128),
    /// A second is 2 to the power of this many ticks.
    Shift(u32),
}

impl Interface {
    /// Reads a block of at least 16 bytes, given without its closing length.
    ///
    /// # Errors
    ///
    /// What is wrong with its options.
    pub(super) fn read<const BIG: bool>(block: &[u8]) -> Result<Self, String> {
        let snaplen = u32_at::<BIG>(block, 12);
        let mut interface = Self {
            link: LinkType(u32::from(u16_at::<BIG>(block, 8))),
            snaplen,
            longest: longest_frame(snaplen),
            unit: Unit::Multiply(1_000),
            offset: 0,
        };
        let mut options = &block[16..];
        while options.len() >= 4 {
            let (code, len) = (u16_at::<BIG>(options, 0), usize::from(u16_at::<BIG>(options, 2)));
            if code == END_OF_OPTIONS {
                break;
            }
            let Some(value) = options.get(4..4 + len) else {
                return Err(format!("option {code} of an interface runs past its block"));
            };
            interface.option::<BIG>(code, value)?;
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(interface)
    }

    fn option<const BIG: bool>(&mut self, code: u16, value: &[u8]) -> Result<(), String> {
        match (code, value) {
            (TIME_RESOLUTION, [resolution]) => self.unit = Unit::of_resolution(*resolution),
            (TIME_OFFSET, value) if value.len() == 8 => {
                let halves = (u32_at::<BIG>(value, 0), u32_at::<BIG>(value, 4));
                let (high, low) = if BIG { halves } else { (halves.1, halves.0) };
                let seconds = (u64::from(high) << 32 | u64::from(low)) as i64;
                self.offset = i128::from(seconds) * 1_000_000_000;
            }
            (TIME_RESOLUTION | TIME_OFFSET, value) => {
                return Err(format!("option {code} of an interface has {} bytes", value.len()));
            }
            _ => {}
        }
        Ok(())
    }

    /// What the first byte of its frames belongs to.
    #[inline]
    pub(super) fn link(&self) -> LinkType {
        self.link
    }

    /// The stamp that `ticks` stands for, and whether it lies outside what a stamp can tell, and is saturated.
    #[inline]
    pub(super) fn stamp(&self, ticks: u64) -> (Timestamp, bool) {
        if let Unit::Multiply(nanos) = self.unit
            && self.offset == 0
            && let Some(stamp) = ticks.checked_mul(nanos)
            && let Ok(stamp) = i64::try_from(stamp)
        {
            return (Timestamp::from_nanos(stamp), false);
        }
        self.exact_stamp(ticks)
    }

    fn exact_stamp(&self, ticks: u64) -> (Timestamp, bool) {
        let ticks = u128::from(ticks);
        let nanos = match self.unit {
            Unit::Multiply(nanos) => ticks * u128::from(nanos),
            Unit::Divide(ticks_per_nano) => ticks / ticks_per_nano,
            Unit::Shift(bits) => (ticks * 1_000_000_000) >> bits,
        };
        // 2^64 ticks of a second are 2^94 ns, and the offset is below 2^93.
        let nanos = nanos as i128 + self.offset;
        match i64::try_from(nanos) {
            Ok(nanos) => (Timestamp::from_nanos(nanos), false),
            Err(_) if nanos < 0 => (Timestamp::MIN, true),
            Err(_) => (Timestamp::MAX, true),
        }
    }

    /// How much of a frame of `wire_len` bytes the interface captures.
    pub(super) fn cut_to_snaplen(&self, wire_len: u32) -> u32 {
        if self.snaplen == 0 { wire_len } else { wire_len.min(self.snaplen) }
    }

    /// Whether a frame of `captured_len` bytes makes sense in a block with `room` bytes for it.
    #[inline]
    pub(super) fn check_length(&self, captured_len: u32, room: usize) -> Result<(), String> {
        if captured_len > self.longest {
            return Err(format!("a frame of {captured_len} bytes, where at most {} make sense", self.longest));
        }
        if captured_len as usize > room {
            return Err(format!("a frame of {captured_len} bytes in a block with room for {room}"));
        }
        Ok(())
    }
}

impl Unit {
    /// The unit of an `if_tsresol` option: a negative power of 10, or of 2 if the highest bit is set.
    fn of_resolution(resolution: u8) -> Self {
        let power = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            return Self::Shift(power);
        }
        match power {
            0..=9 => Self::Multiply(10u64.pow(9 - power)),
            // So fine that 2^64 ticks are less than a nanosecond, and every stamp is the offset alone.
            _ => Self::Divide(10u128.checked_pow(power - 9).unwrap_or(u128::MAX)),
        }
    }
}

const END_OF_OPTIONS: u16 = 0;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(resolution: u8, offset_s: i64) -> Interface {
        Interface {
            link: LinkType::ETHERNET,
            snaplen: 0,
            longest: longest_frame(0),
            unit: Unit::of_resolution(resolution),
            offset: i128::from(offset_s) * 1_000_000_000,
        }
    }

    #[test]
    fn decimal_and_binary_resolutions_give_nanoseconds() {
        let nanos = |resolution, ticks| interface(resolution, 0).stamp(ticks).0.as_nanos();
        assert_eq!(nanos(0, 3), 3_000_000_000);
        assert_eq!(nanos(6, 1_555_969_081_636_001), 1_555_969_081_636_001_000);
        assert_eq!(nanos(9, 7), 7);
        assert_eq!(nanos(12, 7_999), 7);
        assert_eq!(nanos(127, u64::MAX), 0);
        assert_eq!(nanos(0x80 | 1, 3), 1_500_000_000);
        assert_eq!(nanos(0x80 | 30, 1 << 31), 2_000_000_000);
        assert_eq!(nanos(0xff, u64::MAX), 0);
    }

    #[test]
    fn an_offset_shifts_stamps_in_both_directions() {
        assert_eq!(interface(6, 10).stamp(5).0.as_nanos(), 10_000_005_000);
        assert_eq!(interface(6, -10).stamp(5).0.as_nanos(), -9_999_995_000);
    }

    #[test]
    fn stamps_beyond_the_range_saturate_and_say_so() {
        assert_eq!(interface(0, 0).stamp(u64::MAX), (Timestamp::MAX, true));
        assert_eq!(interface(6, i64::MAX).stamp(0), (Timestamp::MAX, true));
        assert_eq!(interface(6, i64::MIN).stamp(u64::MAX), (Timestamp::MIN, true));
        let last = i64::MAX as u64;
        assert_eq!(interface(9, 0).stamp(last), (Timestamp::MAX, false));
        assert_eq!(interface(9, 0).stamp(last + 1), (Timestamp::MAX, true));
    }
}
