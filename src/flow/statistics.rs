//! Statistics of a flow's packets: sizes, gaps and TCP flags, by direction and together.
//!
//! Only integers are kept (count, sum, sum of squares, smallest, largest), so two parts of a flow merge into exactly what
//! the whole would have given; they are divided on the way out.

use crate::flow::Direction;
use crate::time::Timestamp;

/// What is told of the sizes, gaps and TCP flags of one flow, or of one segment of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    sizes: [Sizes; 2],
    flags: [FlagCounts; 2],
    /// From source to destination, back, and between any two packets.
    gaps: [Gaps; 3],
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

/// The times between consecutive packets in the order of capture, in nanoseconds; negative where stamps go back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gaps {
    pkts: u64,
    first: Timestamp,
    last: Timestamp,
    min: i64,
    max: i64,
    sum_squares: u128,
    saturated: bool,
}

/// How many packets had each TCP flag (RFC 9293 §3.1, RFC 3168).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FlagCounts([u64; 8]);

impl Statistics {
    /// Counts one packet; `tcp_flags` is 0 for other protocols.
    #[inline]
    pub fn observe(&mut self, direction: Direction, stamp: Timestamp, size: u32, tcp_flags: u8) {
        let index = direction as usize;
        self.sizes[index].observe(size);
        self.gaps[index].observe(stamp);
        self.gaps[BOTH].observe(stamp);
        self.flags[index].observe(tcp_flags);
    }

    /// Takes in what `next` told of the packets that came after these.
    pub fn merge(&mut self, next: &Self) {
        for (mine, others) in self.sizes.iter_mut().zip(&next.sizes) {
            *mine = mine.plus(others);
        }
        for (mine, others) in self.flags.iter_mut().zip(&next.flags) {
            *mine = mine.plus(others);
        }
        for (mine, others) in self.gaps.iter_mut().zip(&next.gaps) {
            mine.merge(others);
        }
    }

    /// The same seen from the other end.
    #[must_use]
    pub const fn turned(self) -> Self {
        let Self { sizes: [sizes_there, sizes_back], flags: [there, back], gaps: [gaps_there, gaps_back, any] } = self;
        Self { sizes: [sizes_back, sizes_there], flags: [back, there], gaps: [gaps_back, gaps_there, any] }
    }

    /// The sizes in one direction, or in both.
    pub fn sizes(&self, of: Option<Direction>) -> Sizes {
        of.map_or_else(|| self.sizes[0].plus(&self.sizes[1]), |direction| self.sizes[direction as usize])
    }

    /// The gaps between packets of one direction, or between any.
    pub fn gaps(&self, of: Option<Direction>) -> &Gaps {
        &self.gaps[of.map_or(BOTH, |direction| direction as usize)]
    }

    /// The TCP flags of one direction, or of both.
    pub fn tcp_flags(&self, of: Option<Direction>) -> FlagCounts {
        of.map_or_else(|| self.flags[0].plus(&self.flags[1]), |direction| self.flags[direction as usize])
    }

    /// Whether some gap, or the sum of their squares, was too large to be told.
    pub fn is_saturated(&self) -> bool {
        self.gaps.iter().any(|gaps| gaps.saturated)
    }
}

impl Sizes {
    #[inline]
    fn observe(&mut self, size: u32) {
        self.count += 1;
        self.sum += u64::from(size);
        self.sum_squares += u128::from(u64::from(size) * u64::from(size));
        self.min = self.min.min(size);
        self.max = self.max.max(size);
    }

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

impl Default for Sizes {
    fn default() -> Self {
        Self { count: 0, sum: 0, sum_squares: 0, min: u32::MAX, max: 0 }
    }
}

impl Gaps {
    #[inline]
    fn observe(&mut self, stamp: Timestamp) {
        if self.pkts == 0 {
            self.first = stamp;
            self.min = i64::MAX;
            self.max = i64::MIN;
        } else {
            self.add(stamp);
        }
        self.last = stamp;
        self.pkts += 1;
    }

    /// Counts the gap between the last packet and one at `stamp`.
    #[inline]
    fn add(&mut self, stamp: Timestamp) {
        let gap = stamp.nanos_after(self.last).unwrap_or_else(|| {
            self.saturated = true;
            if stamp > self.last { i64::MAX } else { i64::MIN }
        });
        self.min = self.min.min(gap);
        self.max = self.max.max(gap);
        let square = u128::from(gap.unsigned_abs()) * u128::from(gap.unsigned_abs());
        self.add_squares(square);
    }

    #[inline]
    fn add_squares(&mut self, squares: u128) {
        // Both are below 2^127, or this was found saturated before.
        self.sum_squares = self.sum_squares.saturating_add(squares);
        if self.sum_squares > MOST_SQUARES {
            self.sum_squares = MOST_SQUARES;
            self.saturated = true;
        }
    }

    fn merge(&mut self, next: &Self) {
        if next.pkts == 0 {
            return;
        }
        if self.pkts == 0 {
            *self = *next;
            return;
        }
        self.add(next.first);
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.add_squares(next.sum_squares);
        self.saturated |= next.saturated;
        self.last = next.last;
        self.pkts += next.pkts;
    }

    /// How many there are: one less than packets.
    pub const fn count(&self) -> u64 {
        self.pkts.saturating_sub(1)
    }

    /// The shortest in nanoseconds; `None` without any.
    pub fn min(&self) -> Option<i64> {
        (self.count() > 0).then_some(self.min)
    }

    /// The longest in nanoseconds; `None` without any.
    pub fn max(&self) -> Option<i64> {
        (self.count() > 0).then_some(self.max)
    }

    /// The arithmetic mean in nanoseconds; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        mean(self.count(), self.sum())
    }

    /// The sample standard deviation (with n - 1) in nanoseconds; 0 of one gap, `None` without any or when the sum of
    /// squares was too large to be told.
    pub fn stddev(&self) -> Option<f64> {
        if self.saturated { None } else { stddev(self.count(), self.sum(), self.sum_squares) }
    }

    /// All gaps together lie between the first packet and the last.
    fn sum(&self) -> i128 {
        i128::from(self.last.as_nanos()) - i128::from(self.first.as_nanos())
    }
}

macro_rules! flag {
    ($name:ident, $bit:literal) => {
        #[doc = concat!("Packets with ", stringify!($name), " set.")]
        pub const fn $name(&self) -> u64 {
            self.0[$bit]
        }
    };
}

impl FlagCounts {
    #[inline]
    fn observe(&mut self, tcp_flags: u8) {
        for (bit, count) in self.0.iter_mut().enumerate() {
            *count += u64::from(tcp_flags >> bit & 1);
        }
    }

    fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        sum.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
        sum
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

fn mean(count: u64, sum: i128) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64)
}

/// The sample standard deviation of `count` integers, with an error of a few roundings however close together they lie.
///
/// With m the mean rounded down and r the rest of that division, the squared distances from m add up to
/// `sum_squares - m * (sum + r)`, and those from the true mean to that less `r * r / count`.
fn stddev(count: u64, sum: i128, sum_squares: u128) -> Option<f64> {
    if count < 2 {
        return (count == 1).then_some(0.0);
    }
    let n = i128::from(count);
    let (floor, rest) = (sum.div_euclid(n), sum.rem_euclid(n));
    // The result fits 128 bits although its parts may not, so it is right modulo 2^128.
    let around_floor = sum_squares.wrapping_sub((floor as u128).wrapping_mul((sum + rest) as u128));
    let (n, rest) = (u128::from(count), rest as u128);
    let around_mean = match n.checked_mul(around_floor) {
        Some(product) => (product - rest * rest) as f64 / count as f64,
        // Against so large a number what is taken away is small.
        None => around_floor as f64 - (rest * rest) as f64 / count as f64,
    };
    Some((around_mean / (count - 1) as f64).sqrt())
}

/// Place of the gaps between any two packets, behind those of the two directions.
const BOTH: usize = 2;
/// So much, and no more, is told of the sum of squared gaps.
const MOST_SQUARES: u128 = u128::MAX >> 1;

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{DstToSrc, SrcToDst};

    fn observed(packets: &[(Direction, i64, u32)]) -> Statistics {
        let mut statistics = Statistics::default();
        for (direction, nanos, size) in packets {
            statistics.observe(*direction, Timestamp::from_nanos(*nanos), *size, 0x12);
        }
        statistics
    }

    #[test]
    fn there_is_nothing_without_packets_and_no_gap_with_one() {
        let none = Statistics::default();
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
        let mut gaps = Gaps::default();
        gaps.observe(Timestamp::from_nanos(0));
        for nth in 0..1_000_000 {
            stamp += if nth == 500 { 7 } else { 8 };
            gaps.observe(Timestamp::from_nanos(stamp));
        }
        let expected = (1.0f64 / 1_000_000.0).sqrt();
        let got = gaps.stddev().unwrap();
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
