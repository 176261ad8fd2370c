//! A sketch of quantiles: DDSketch (Masson, Rim, Lee 2019), whose bins are counts of logarithms.
//!
//! Numbers whose logarithms to base (1 + a) / (1 - a) round up to the same whole number share a bin, and the middle of the
//! bin is within a = 1 % of each of them. Bins add up, so sketches merge exactly. There are at most 7,000, since what lies
//! within 1e-9 of 0 counts as 0, and what lies beyond 1e21 as that.

/// Counts of numbers by their logarithm.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sketch {
    /// Bins in order, those of negative numbers by the logarithm of what they are without sign, turned.
    bins: Vec<(i16, u64)>,
    count: u64,
}

impl Sketch {
    /// Most bytes that it takes: room for bins grows by doubling.
    pub(super) const MAX_BYTES: usize = (2 * LAST_BIN as usize + 1).next_power_of_two() * size_of::<(i16, u64)>();

    /// Counts a finite number.
    pub(super) fn add(&mut self, number: f64) {
        let bin = bin_of(number);
        self.count += 1;
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(at) => self.bins[at].1 += 1,
            Err(at) => self.bins.insert(at, (bin, 1)),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        for (bin, count) in &other.bins {
            match self.bins.binary_search_by_key(bin, |(bin, _)| *bin) {
                Ok(at) => self.bins[at].1 += count,
                Err(at) => self.bins.insert(at, (*bin, *count)),
            }
        }
    }

    /// The number of rank `share * (count - 1)`, rounded down, counted from 0; `None` of nothing.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share * self.count.checked_sub(1)? as f64) as u64;
        let mut below = 0;
        for (bin, count) in &self.bins {
            below += count;
            if below > rank {
                return Some(middle_of(*bin));
            }
        }
        None
    }
}

/// Bins of positive numbers are 1 and more, those of negative ones -1 and less, and 0 is that of 0.
fn bin_of(number: f64) -> i16 {
    let size = number.abs();
    if size < SMALLEST {
        return 0;
    }
    let bin = ((size / SMALLEST).ln() * PER_LOG).ceil().clamp(1.0, f64::from(LAST_BIN)) as i16;
    if number < 0.0 { -bin } else { bin }
}

fn middle_of(bin: i16) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let top = SMALLEST * (f64::from(bin.unsigned_abs()) / PER_LOG).exp();
    (top * 2.0 / (1.0 + RATIO)).copysign(f64::from(bin))
}

const SMALLEST: f64 = 1e-9;
/// (1 + a) / (1 - a) for a = 0.01.
const RATIO: f64 = 1.01 / 0.99;
/// 1 / ln(RATIO): how many bins the numbers from 1 to e have.
const PER_LOG: f64 = 49.998_333_288_885_15;
/// That of 1e21.
const LAST_BIN: i16 = 3454;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_within_one_percent_of_the_middle_of_its_bin() {
        assert!((1.0 / RATIO.ln() - PER_LOG).abs() < 1e-9);
        let mut number = 1e-9;
        while number < 1e21 {
            for signed in [number, -number] {
                let middle = middle_of(bin_of(signed));
                assert!((middle - signed).abs() <= 0.010_000_001 * number, "{signed}: {middle}");
            }
            number *= 1.000_3;
        }
        assert_eq!((bin_of(1e300), bin_of(-1e300), bin_of(1e21)), (LAST_BIN, -LAST_BIN, LAST_BIN));
        assert_eq!(middle_of(bin_of(1e-10)), 0.0);
    }

    #[test]
    fn pieces_merge_to_the_whole() {
        let [mut whole, mut one, mut other] = [Sketch::default(), Sketch::default(), Sketch::default()];
        for nth in 0..5000 {
            let number = f64::from(nth * nth % 977 - 300);
            whole.add(number);
            if nth % 3 == 0 { one.add(number) } else { other.add(number) }
        }
        one.merge(&other);
        assert_eq!(one, whole);
        assert_eq!(Sketch::default().quantile(0.5), None);
    }
}
