//! Mean and standard deviation of integers, out of their sums.

/// The arithmetic mean of `count` integers; `None` without any.
pub(super) fn mean(count: u64, sum: i128) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64)
}

/// The sample standard deviation of `count` integers; 0 of one, `None` without any.
pub(super) fn stddev(count: u64, sum: i128, sum_squares: u128) -> Option<f64> {
    (count > 0).then(|| variance(count, sum, sum_squares).sqrt())
}

/// The sample variance of `count` integers, with an error of a few roundings however close together they lie; 0 of less
/// than two.
///
/// With m the mean rounded down and r the rest of that division, the squared distances from m add up to
/// `sum_squares - m * (sum + r)`, and those from the true mean to that less `r * r / count`.
pub(crate) fn variance(count: u64, sum: i128, sum_squares: u128) -> f64 {
    if count < 2 {
        return 0.0;
    }
    let (floor, rest) = match u64::try_from(sum) {
        // Nearly always, and ten times as fast.
        Ok(sum) => (i128::from(sum / count), i128::from(sum % count)),
        Err(_) => (sum.div_euclid(count.into()), sum.rem_euclid(count.into())),
    };
    // The result fits 128 bits although its parts may not, so it is right modulo 2^128.
    let around_floor = sum_squares.wrapping_sub((floor as u128).wrapping_mul((sum + rest) as u128));
    let (n, rest) = (u128::from(count), rest as u128);
    let around_mean = match n.checked_mul(around_floor) {
        Some(product) => (product - rest * rest) as f64 / count as f64,
        // Against so large a number what is taken away is small.
        None => around_floor as f64 - (rest * rest) as f64 / count as f64,
    };
    around_mean / (count - 1) as f64
}
