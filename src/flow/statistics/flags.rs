//! How many packets had each TCP flag, in little room.

/// How many packets had each TCP flag (RFC 9293 §3.1, RFC 3168).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FlagCounts([u64; 8]);

/// The same in less room: 39 bits each, enough for 549,000 million packets, after which they saturate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PackedCounts {
    /// The lower part of each count. It has a bit more than it needs, which tells when there is something to carry over.
    low: [u32; 8],
    high: [u8; 8],
}

macro_rules! flag {
    ($name:ident, $bit:literal) => {
        #[doc = concat!("Packets with ", stringify!($name), " set.")]
        pub const fn $name(&self) -> u64 {
            self.0[$bit]
        }
    };
}

impl PackedCounts {
    pub(super) const EMPTY: Self = Self { low: [0; 8], high: [0; 8] };
    /// The bits of the lower part.
    const LOW: u32 = u32::MAX >> 1;

    #[inline]
    pub(super) fn observe(&mut self, tcp_flags: u8) {
        // Eight comparisons at once, where the processor can.
        for (count, flag) in self.low.iter_mut().zip([1, 2, 4, 8, 16, 32, 64, 128u32]) {
            *count = count.wrapping_add(u32::from(u32::from(tcp_flags) & flag != 0));
        }
        if self.low.iter().fold(0, |bits, count| bits | count) > Self::LOW {
            self.carry();
        }
    }

    #[cold]
    #[inline(never)]
    fn carry(&mut self) {
        *self = Self::of(self.told());
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self::of(self.told().plus(&other.told()))
    }

    #[inline(always)]
    pub(super) fn told(&self) -> FlagCounts {
        let mut counts = [0; 8];
        for (count, (low, high)) in counts.iter_mut().zip(self.low.iter().zip(&self.high)) {
            *count = u64::from(*low) + u64::from(*high) * (u64::from(Self::LOW) + 1);
        }
        FlagCounts(counts)
    }

    fn of(FlagCounts(counts): FlagCounts) -> Self {
        let mut packed = Self::EMPTY;
        for (bit, count) in counts.into_iter().enumerate() {
            packed.low[bit] = count as u32 & Self::LOW;
            packed.high[bit] = u8::try_from(count / (u64::from(Self::LOW) + 1)).unwrap_or(u8::MAX);
        }
        packed
    }
}

impl FlagCounts {
    #[inline(always)]
    pub(super) fn plus(self, other: &Self) -> Self {
        let mut sum = self.0;
        sum.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
        Self(sum)
    }

    flag!(fin, 0);
    flag!(syn, 1);
    flag!(rst, 2);
    flag!(psh, 3);
    flag!(ack, 4);
    flag!(urg, 5);
    flag!(ece, 6);
    flag!(cwr, 7);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_flags_goes_on_beyond_what_its_lower_part_holds() {
        let mut counts = PackedCounts::of(FlagCounts([(1 << 31) - 1, 1 << 38, 0, 7, u64::from(u32::MAX), 0, 0, 1]));
        counts.observe(0x91);
        assert_eq!(counts.told().0, [1 << 31, 1 << 38, 0, 7, 1 << 32, 0, 0, 2]);
        assert_eq!((counts.low[0], counts.high[0], counts.low[4], counts.high[4]), (0, 1, 0, 2));
        assert_eq!(PackedCounts::of(FlagCounts([u64::MAX; 8])).told().0, [(1 << 39) - 1; 8]);
    }
}
