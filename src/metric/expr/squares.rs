//! Sums of squares of whole numbers, in 192 bits: exact for any numbers, so that their variance is.
//!
//! The square of a stamp in nanoseconds has 121 bits: 128 would do for a hundred packets.

use crate::flow::variance;

/// Words that such a sum takes.
pub(super) const WORDS: usize = 3;

/// Adds the square of a number.
#[inline(always)]
pub(super) fn add(words: &mut [u64], number: i64) {
    let [low, high, top] = words else { return };
    let size = u128::from(number.unsigned_abs());
    let (sum, carried) = (u128::from(*low) | u128::from(*high) << 64).overflowing_add(size * size);
    (*low, *high) = (sum as u64, (sum >> 64) as u64);
    *top = top.wrapping_add(u64::from(carried));
}

/// Adds one such sum to another.
pub(super) fn join(words: &mut [u64], next: &[u64]) {
    let mut carried = false;
    for (mine, theirs) in words.iter_mut().zip(next) {
        let (sum, one) = mine.overflowing_add(*theirs);
        let (sum, other) = sum.overflowing_add(u64::from(carried));
        (*mine, carried) = (sum, one || other);
    }
}

/// The sample variance of `count` numbers with this sum and this sum of squares; 0 of less than two.
pub(super) fn spread(count: u64, sum: i128, words: &[u64]) -> f64 {
    let &[low, high, top] = words else { return 0.0 };
    if count < 2 {
        return 0.0;
    }
    // The squared distances from m, the mean rounded down, add up to `squares - m * (sum + r)` with r the rest.
    let (floor, rest) = (sum.div_euclid(count.into()), sum.rem_euclid(count.into()));
    let other = sum + rest;
    // m has 64 bits, and so has each half of the other: whole parts of 2^64 and what is left of them.
    let product = floor * i128::from(other as u64);
    let whole = floor * (other >> 64) + (product >> 64);
    let (left, borrowed) = low.overflowing_sub(product as u64);
    let whole = (u128::from(high) | u128::from(top) << 64).cast_signed() - whole - i128::from(borrowed);
    match u64::try_from(whole) {
        // It is right modulo 2^128, and fits.
        Ok(_) => variance(count, sum, u128::from(low) | u128::from(high) << 64),
        // Against so large a number the distance of m from the mean is nothing.
        Err(_) => (whole as f64 * 2.0_f64.powi(64) + left as f64) / (count - 1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl Iterator<Item = i64>) -> f64 {
        let (mut words, mut sum, mut count) = ([0; WORDS], 0, 0);
        for number in numbers {
            add(&mut words, number);
            sum += i128::from(number);
            count += 1;
        }
        spread(count, sum, &words)
    }

    #[test]
    fn numbers_of_any_size_have_an_exact_variance() {
        let now = 1_700_000_000_000_000_000;
        assert_eq!(of([].into_iter()), 0.0);
        assert_eq!(of([7].into_iter()), 0.0);
        assert_eq!(of((0..1000).map(|nth| now + nth)), 1000.0 * 1001.0 / 12.0);
        assert_eq!(of((0..1000).map(|nth| -now - nth)), 1000.0 * 1001.0 / 12.0);
        assert_eq!(of(std::iter::repeat_n(i64::MIN, 1000)), 0.0);
        assert_eq!(of(std::iter::repeat_n(i64::MAX, 1000)), 0.0);
        // Half of them 2^63 from the middle, on either side.
        let far = of((0..1000).map(|nth| if nth % 2 == 0 { i64::MIN } else { i64::MAX }));
        let right = 2.0_f64.powi(126) * 1000.0 / 999.0;
        assert!((far / right - 1.0).abs() < 1e-15, "{far} {right}");
        let once = of((0..1000).map(|nth| if nth == 0 { i64::MIN } else { i64::MAX }));
        let right = 2.0_f64.powi(128) / 1000.0;
        assert!((once / right - 1.0).abs() < 1e-15, "{once} {right}");
    }
}
