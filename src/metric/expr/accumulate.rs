//! What values do to the state of their flows.

use super::heavy::Heavy;
use super::machine::Reg;
use super::program::FoldKind;
use super::squares;

impl FoldKind {
    /// Whether its state is no words.
    pub(super) fn is_heavy(self) -> bool {
        matches!(self, Self::Sketch { .. } | Self::Unique { .. } | Self::Counts)
    }

    /// Folds values that are there, each into the words that begin at its place.
    #[inline]
    pub(super) fn take_in_all(self, values: impl Iterator<Item = (usize, Reg)>, words: &mut [u64], edges: &[Vec<f64>]) {
        match self {
            Self::Count => values.for_each(|(at, _)| words[at] += 1),
            Self::Trues => values.for_each(|(at, value)| words[at] += value.bits),
            Self::AnyFalse => values.for_each(|(at, value)| words[at] += value.bits ^ 1),
            Self::SumInt => values.for_each(|(at, value)| {
                let sum = wide(words, at).wrapping_add(i128::from(value.as_int()).cast_unsigned());
                set_wide(words, at, sum);
            }),
            Self::SumSquares => {
                values.for_each(|(at, value)| squares::add(&mut words[at..at + squares::WORDS], value.as_int()));
            }
            Self::SumFloat => values.for_each(|(at, value)| add_float(words, at, value.as_float())),
            Self::Spread => values.for_each(|(at, value)| spread(words, at, value.as_float())),
            Self::MinInt => values.for_each(|(at, value)| {
                extreme(words, at, value, |new, old| new.as_int() < old.as_int());
            }),
            Self::MaxInt => values.for_each(|(at, value)| {
                extreme(words, at, value, |new, old| new.as_int() > old.as_int());
            }),
            Self::MinFloat => values.for_each(|(at, value)| {
                extreme(words, at, value, |new, old| new.as_float() < old.as_float());
            }),
            Self::MaxFloat => values.for_each(|(at, value)| {
                extreme(words, at, value, |new, old| new.as_float() > old.as_float());
            }),
            Self::First(count) => values.for_each(|(at, value)| {
                let seen = words[at];
                if seen < u64::from(count) {
                    words[at + 1 + seen as usize] = value.bits;
                    words[at] = seen + 1;
                }
            }),
            Self::Last(count) => values.for_each(|(at, value)| {
                let seen = words[at];
                words[at + 1 + (seen % u64::from(count)) as usize] = value.bits;
                words[at] = seen + 1;
            }),
            Self::Histogram { edges: which, float } => {
                let edges = &edges[usize::from(which)];
                values.for_each(|(at, value)| {
                    let number = if float { value.as_float() } else { value.as_int() as f64 };
                    words[at + edges.partition_point(|edge| *edge <= number)] += 1;
                });
            }
            Self::Ewm(left) => values.for_each(|(at, value)| {
                let left = f64::from_bits(left);
                let sum = f64::from_bits(words[at]) * left + value.as_float();
                let weight = f64::from_bits(words[at + 1]) * left + 1.0;
                (words[at], words[at + 1]) = (sum.to_bits(), weight.to_bits());
                words[at + 2] += 1;
            }),
            Self::Sketch { .. } | Self::Unique { .. } | Self::Counts => {}
        }
    }

    /// Folds a value that is there into what is no words.
    pub(super) fn take_in_heavy(self, value: Reg, heavy: &mut Heavy) {
        match (self, heavy) {
            (Self::Sketch { float }, Heavy::Sketch(sketch)) => {
                sketch.add(if float { value.as_float() } else { value.as_int() as f64 });
            }
            (Self::Unique { float }, Heavy::Unique(unique)) => {
                // The zeros of both signs are one number; adding 0 takes the sign off.
                unique.add(if float { (value.as_float() + 0.0).to_bits() } else { value.bits });
            }
            (Self::Counts, heavy) => heavy.count(value.bits, 1),
            _ => {}
        }
    }
}

#[inline(always)]
fn extreme(words: &mut [u64], at: usize, value: Reg, is_better: impl Fn(Reg, Reg) -> bool) {
    let old = Reg { bits: words[at], valid: true };
    if words[at + 1] == 0 || is_better(value, old) {
        (words[at], words[at + 1]) = (value.bits, 1);
    }
}

/// Adds with the error of the addition kept beside the sum (Neumaier 1974).
#[inline(always)]
pub(super) fn add_float(words: &mut [u64], at: usize, number: f64) {
    let (sum, error) = (f64::from_bits(words[at]), f64::from_bits(words[at + 1]));
    let after = sum + number;
    let lost = if sum.abs() >= number.abs() { sum - after + number } else { number - after + sum };
    (words[at], words[at + 1]) = (after.to_bits(), (error + lost).to_bits());
}

/// Count, mean, and squared distances from it (Welford 1962).
#[inline(always)]
fn spread(words: &mut [u64], at: usize, number: f64) {
    let count = words[at] + 1;
    let mean = f64::from_bits(words[at + 1]);
    let after = mean + (number - mean) / count as f64;
    let squares = f64::from_bits(words[at + 2]) + (number - mean) * (number - after);
    (words[at], words[at + 1], words[at + 2]) = (count, after.to_bits(), squares.to_bits());
}

/// A number of 128 bits in two words.
#[inline(always)]
pub(super) fn wide(words: &[u64], at: usize) -> u128 {
    u128::from(words[at]) | u128::from(words[at + 1]) << 64
}

#[inline(always)]
pub(super) fn set_wide(words: &mut [u64], at: usize, number: u128) {
    (words[at], words[at + 1]) = (number as u64, (number >> 64) as u64);
}
