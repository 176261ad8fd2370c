//! Statistics of a flow's packets: sizes, gaps and TCP flags, by direction and together.
//!
//! Only integers are kept (count, sum, sum of squares, smallest, largest), so two parts of a flow merge into exactly what
//! the whole would have given; they are divided on the way out.

mod flags;
mod gaps;
mod spread;
mod wide;

pub use flags::FlagCounts;
pub use gaps::Gaps;

use crate::flow::Direction;
use crate::time::Timestamp;

use flags::PackedCounts;
use gaps::GapSums;
pub(crate) use spread::variance;
use spread::{mean, stddev};
use wide::Wide;

/// What is told of the sizes, gaps and TCP flags of one flow, or of one segment of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    spread: Spread,
    /// Packets by direction.
    pkts: [u64; 2],
}

/// All of it but how many packets they are, which whoever counts a flow's packets knows.
///
/// Small, since a packet of a flow that was not seen for a while has to wait for it: 120 bytes a direction, 48 for both.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Spread {
    sides: [Side; 2],
    /// Between any two packets.
    gaps: GapSums,
}

/// The packets of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Side {
    gaps: GapSums,
    size_squares: Wide,
    size_sum: u64,
    size_min: u32,
    size_max: u32,
    flags: PackedCounts,
}

/// The sizes of some packets, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    count: u64,
    sum: u64,
    sum_squares: u128,
    min: u32,
    max: u32,
}

impl Statistics {
    /// Those of no packets.
    pub const EMPTY: Self = Self { spread: Spread::EMPTY, pkts: [0; 2] };

    /// What is known of packets, of which there are so many by direction.
    #[inline]
    pub(crate) const fn of(spread: Spread, pkts: [u64; 2]) -> Self {
        Self { spread, pkts }
    }

    /// Counts one packet; `tcp_flags` is 0 for other protocols.
    #[inline]
    pub fn observe(&mut self, direction: Direction, stamp: Timestamp, size: u32, tcp_flags: u8) {
        self.pkts[direction as usize] += 1;
        self.spread.observe(direction, stamp, size, tcp_flags);
    }

    /// Takes in what `next` told of the packets that came after these.
    pub fn merge(&mut self, next: &Self) {
        self.spread.gaps = self.spread.gaps.followed_by(&next.spread.gaps);
        for (mine, others) in self.spread.sides.iter_mut().zip(&next.spread.sides) {
            *mine = mine.followed_by(others);
        }
        self.pkts.iter_mut().zip(next.pkts).for_each(|(pkts, more)| *pkts += more);
    }

    /// The same seen from the other end.
    #[must_use]
    pub const fn turned(self) -> Self {
        let Self { spread: Spread { sides: [there, back], gaps }, pkts: [pkts_there, pkts_back] } = self;
        Self { spread: Spread { sides: [back, there], gaps }, pkts: [pkts_back, pkts_there] }
    }

    /// The sizes in one direction, or in both.
    #[inline]
    pub fn sizes(&self, of: Option<Direction>) -> Sizes {
        let side = |of: usize| self.spread.sides[of].sizes(self.pkts[of]);
        of.map_or_else(|| side(0).plus(&side(1)), |direction| side(direction as usize))
    }

    /// The gaps between packets of one direction, or between any.
    pub fn gaps(&self, of: Option<Direction>) -> Gaps {
        let (pkts, sums) = match of {
            Some(direction) => (self.pkts[direction as usize], self.spread.sides[direction as usize].gaps),
            None => (self.pkts[0] + self.pkts[1], self.spread.gaps),
        };
        Gaps { count: pkts.saturating_sub(1), sums }
    }

    /// The TCP flags of one direction, or of both.
    // So that one count can be read without the others.
    #[inline(always)]
    pub fn tcp_flags(&self, of: Option<Direction>) -> FlagCounts {
        let [there, back] = self.spread.sides.each_ref().map(|side| &side.flags);
        of.map_or_else(
            || there.told().plus(&back.told()),
            |direction| self.spread.sides[direction as usize].flags.told(),
        )
    }

    /// Whether some gap, or the sum of their squares, was too large to be told.
    pub fn is_saturated(&self) -> bool {
        [None, Some(Direction::SrcToDst), Some(Direction::DstToSrc)].iter().any(|of| self.gaps(*of).is_saturated())
    }
}

impl Spread {
    pub(crate) const EMPTY: Self = Self { sides: [Side::EMPTY; 2], gaps: GapSums::EMPTY };

    /// Takes in one packet; `tcp_flags` is 0 for other protocols.
    #[inline]
    pub(crate) fn observe(&mut self, direction: Direction, stamp: Timestamp, size: u32, tcp_flags: u8) {
        self.gaps.observe(stamp);
        self.sides[direction as usize].observe(stamp, size, tcp_flags);
    }
}

impl Side {
    const EMPTY: Self = Self {
        gaps: GapSums::EMPTY,
        size_squares: Wide::ZERO,
        size_sum: 0,
        size_min: u32::MAX,
        size_max: 0,
        flags: PackedCounts::EMPTY,
    };

    #[inline]
    fn observe(&mut self, stamp: Timestamp, size: u32, tcp_flags: u8) {
        self.gaps.observe(stamp);
        self.size_sum += u64::from(size);
        self.size_squares = Wide::of(self.size_squares.get() + u128::from(u64::from(size) * u64::from(size)));
        self.size_min = self.size_min.min(size);
        self.size_max = self.size_max.max(size);
        if tcp_flags != 0 {
            self.flags.observe(tcp_flags);
        }
    }

    fn followed_by(&self, next: &Self) -> Self {
        Self {
            gaps: self.gaps.followed_by(&next.gaps),
            size_squares: Wide::of(self.size_squares.get() + next.size_squares.get()),
            size_sum: self.size_sum + next.size_sum,
            size_min: self.size_min.min(next.size_min),
            size_max: self.size_max.max(next.size_max),
            flags: self.flags.plus(&next.flags),
        }
    }

    fn sizes(&self, pkts: u64) -> Sizes {
        Sizes {
            count: pkts,
            sum: self.size_sum,
            sum_squares: self.size_squares.get(),
            min: self.size_min,
            max: self.size_max,
        }
    }
}

impl Sizes {
    fn plus(&self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            sum_squares: self.sum_squares + other.sum_squares,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The smallest; `None` without packets.
    pub fn min(&self) -> Option<u32> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest; `None` without packets.
    pub fn max(&self) -> Option<u32> {
        (self.count > 0).then_some(self.max)
    }

    /// The arithmetic mean; `None` without packets.
    pub fn mean(&self) -> Option<f64> {
        mean(self.count, self.sum.into())
    }

    /// The sample standard deviation (with n - 1); 0 of one packet, `None` without any.
    pub fn stddev(&self) -> Option<f64> {
        stddev(self.count, self.sum.into(), self.sum_squares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{DstToSrc, SrcToDst};

    fn observed(packets: &[(Direction, i64, u32)]) -> Statistics {
        let mut statistics = Statistics::EMPTY;
        for (direction, nanos, size) in packets {
            statistics.observe(*direction, Timestamp::from_nanos(*nanos), *size, 0x12);
        }
        statistics
    }

    #[test]
    fn there_is_nothing_without_packets_and_no_gap_with_one() {
        let none = Statistics::EMPTY;
        assert_eq!((none.sizes(None).min(), none.sizes(None).mean(), none.sizes(None).stddev()), (None, None, None));
        let one = observed(&[(SrcToDst, 5, 60)]);
        assert_eq!(one.sizes(None).stddev(), Some(0.0));
        assert_eq!(one.sizes(Some(DstToSrc)).max(), None);
        assert_eq!((one.gaps(None).count(), one.gaps(None).mean(), one.gaps(None).stddev()), (0, None, None));
    }

    #[test]
    fn equal_values_have_a_spread_of_exactly_zero() {
        let equal: Vec<_> = (0..1000).map(|nth| (SrcToDst, nth * 1_000_000_007, 1500)).collect();
        let statistics = observed(&equal);
        assert_eq!(statistics.sizes(None).stddev(), Some(0.0));
        assert_eq!(statistics.gaps(None).stddev(), Some(0.0));
        assert_eq!(statistics.gaps(None).mean(), Some(1_000_000_007.0));
    }

    #[test]
    fn gaps_are_signed_and_those_of_a_direction_its_own() {
        let statistics = observed(&[(SrcToDst, 100, 1), (DstToSrc, 400, 2), (SrcToDst, 50, 3), (DstToSrc, 60, 4)]);
        assert_eq!((statistics.gaps(None).min(), statistics.gaps(None).max()), (Some(-350), Some(300)));
        assert_eq!(statistics.gaps(Some(SrcToDst)).mean(), Some(-50.0));
        assert_eq!(statistics.gaps(Some(DstToSrc)).mean(), Some(-340.0));
    }

    #[test]
    fn a_mean_just_below_a_whole_number_costs_no_precision() {
        // 999,999 gaps of 8 ns and one of 7: the variance is n - 1 parts in n * n of one.
        let mut stamp = 0;
        let mut statistics = observed(&[(SrcToDst, 0, 1)]);
        for nth in 0..1_000_000 {
            stamp += if nth == 500 { 7 } else { 8 };
            statistics.observe(SrcToDst, Timestamp::from_nanos(stamp), 1, 0);
        }
        let expected = (1.0f64 / 1_000_000.0).sqrt();
        let got = statistics.gaps(None).stddev().unwrap();
        assert!((got / expected - 1.0).abs() < 1e-15, "{got}");
    }

    #[test]
    fn what_is_too_large_saturates_and_says_so() {
        let statistics = observed(&[(SrcToDst, i64::MIN, 1), (SrcToDst, i64::MAX, 1), (SrcToDst, i64::MAX, 1)]);
        assert!(statistics.is_saturated());
        assert_eq!(statistics.gaps(None).max(), Some(i64::MAX));
        assert_eq!(statistics.gaps(None).stddev(), None);
        let swinging: Vec<_> = (0..9).map(|nth| (SrcToDst, i64::MAX * (nth % 2), 1)).collect();
        assert!(observed(&swinging).is_saturated());
        assert!(!observed(&swinging[..2]).is_saturated());
    }

    #[test]
    fn flags_are_counted_by_name() {
        let flags = observed(&[(SrcToDst, 0, 1), (DstToSrc, 0, 1), (DstToSrc, 0, 1)]).tcp_flags(None);
        assert_eq!((flags.syn(), flags.ack(), flags.fin(), flags.cwr()), (3, 3, 0, 0));
    }

    #[test]
    fn statistics_stay_as_small_as_they_say() {
        assert_eq!((size_of::<Side>(), size_of::<Spread>()), (120, 288));
    }

    proptest::proptest! {
        #[test]
        fn parts_merge_into_the_whole(
            packets in proptest::collection::vec((proptest::bool::ANY, proptest::num::i64::ANY, proptest::num::u32::ANY), 0..20),
            cut in 0usize..20,
        ) {
            let direction = |back| if back { DstToSrc } else { SrcToDst };
            let packets: Vec<_> = packets.into_iter().map(|(back, nanos, size)| (direction(back), nanos / 3, size)).collect();
            let (early, late) = packets.split_at(cut.min(packets.len()));
            let mut merged = observed(early);
            merged.merge(&observed(late));
            proptest::prop_assert_eq!(merged, observed(&packets));
            proptest::prop_assert_eq!(merged.turned().turned(), merged);
        }
    }
}
