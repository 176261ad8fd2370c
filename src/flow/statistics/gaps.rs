//! The times between consecutive packets, as sums that merge.

use super::spread::{mean, stddev};
use super::wide::Wide;
use crate::time::Timestamp;

/// The times between consecutive packets in the order of capture, in nanoseconds; negative where stamps go back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaps {
    pub(super) count: u64,
    pub(super) sums: GapSums,
}

/// What is kept of gaps; how many packets they lie between is known elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GapSums {
    first: Timestamp,
    last: Timestamp,
    min: i64,
    max: i64,
    /// At most [`TOO_LARGE`], which says that it, or some gap, was too large to be told.
    sum_squares: Wide,
}

impl Gaps {
    /// How many there are: one less than packets.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The shortest in nanoseconds; `None` without any.
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.sums.min)
    }

    /// The longest in nanoseconds; `None` without any.
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.sums.max)
    }

    /// The arithmetic mean in nanoseconds; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        mean(self.count, self.sum())
    }

    /// The sample standard deviation (with n - 1) in nanoseconds; 0 of one gap, `None` without any or when the sum of
    /// squares was too large to be told.
    pub fn stddev(&self) -> Option<f64> {
        if self.is_saturated() { None } else { stddev(self.count, self.sum(), self.sums.sum_squares.get()) }
    }

    pub(super) fn is_saturated(&self) -> bool {
        self.sums.sum_squares.get() == TOO_LARGE
    }

    /// All gaps together lie between the first packet and the last.
    fn sum(&self) -> i128 {
        i128::from(self.sums.last.as_nanos()) - i128::from(self.sums.first.as_nanos())
    }
}

impl GapSums {
    /// Of no packets. One packet's first and last are the same.
    pub(super) const EMPTY: Self = Self {
        first: Timestamp::from_nanos(0),
        last: Timestamp::from_nanos(1),
        min: i64::MAX,
        max: i64::MIN,
        sum_squares: Wide::ZERO,
    };

    #[inline]
    fn is_empty(&self) -> bool {
        (self.min > self.max) & (self.first != self.last)
    }

    #[inline]
    pub(super) fn observe(&mut self, stamp: Timestamp) {
        if self.is_empty() {
            self.first = stamp;
        } else {
            self.add(stamp);
        }
        self.last = stamp;
    }

    /// Counts the gap between the last packet and one at `stamp`.
    #[inline]
    fn add(&mut self, stamp: Timestamp) {
        let Some(gap) = stamp.nanos_after(self.last) else { return self.add_endless(stamp) };
        self.min = self.min.min(gap);
        self.max = self.max.max(gap);
        self.add_squares(u128::from(gap.unsigned_abs()) * u128::from(gap.unsigned_abs()));
    }

    /// Counts a gap that 64 bits cannot tell.
    #[cold]
    fn add_endless(&mut self, stamp: Timestamp) {
        if stamp > self.last {
            self.max = i64::MAX;
        } else {
            self.min = i64::MIN;
        }
        self.sum_squares = Wide::of(TOO_LARGE);
    }

    #[inline]
    fn add_squares(&mut self, squares: u128) {
        // Neither is more than 2^127 - 1, so this does not overflow.
        self.sum_squares = Wide::of((self.sum_squares.get() + squares).min(TOO_LARGE));
    }

    /// These and then `next`.
    pub(super) fn followed_by(mut self, next: &Self) -> Self {
        if self.is_empty() || next.is_empty() {
            return if self.is_empty() { *next } else { self };
        }
        self.add(next.first);
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.add_squares(next.sum_squares.get());
        self.last = next.last;
        self
    }
}

/// So large, or larger, a sum of squared gaps is not told.
const TOO_LARGE: u128 = u128::MAX >> 1;
