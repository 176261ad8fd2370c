//! What values do to the state of their flows.

use super::heavy::Heavy;
use super::machine::{Reg, Values};
use super::program::FoldKind;
use super::squares;

impl FoldKind {
    /// Whether its state is no words.
    pub(super) fn is_heavy(self) -> bool {
        matches!(self, Self::Sketch { .. } | Self::Unique { .. } | Self::Counts)
    }

    /// Folds values, each into the first words of its flow; `words` begin with those of the first flow that belong to this
    /// fold. Nulls are passed over.
    // Apart, so that its loops have the registers for themselves.
    #[inline(never)]
    pub(super) fn take_in_all(self, values: Values<'_>, at: Places<'_>, words: &mut [u64], edges: &[Vec<f64>]) {
        match self {
            Self::Count => each(values, at, words, |[count], _, mask| *count += mask & 1),
            Self::Trues => each(values, at, words, |[count], bits, mask| *count += bits & mask),
            Self::AnyFalse => each(values, at, words, |[count], bits, mask| *count += (bits ^ 1) & mask),
            Self::SumInt => each(values, at, words, |sum, bits, mask| {
                let number = i128::from((bits & mask).cast_signed());
                set_wide(sum, wide(sum, 0).wrapping_add(number.cast_unsigned()));
            }),
            Self::SumSquares => each(values, at, words, |sum: &mut [u64; squares::WORDS], bits, mask| {
                squares::add(sum, (bits & mask).cast_signed());
            }),
            Self::SumFloat => each_valid(values, at, words, |sum, value| add_float(sum, value.as_float())),
            Self::Spread => each_valid(values, at, words, |state, value| spread(state, value.as_float())),
            Self::MinInt => each_valid(values, at, words, |state, value| {
                extreme(state, value, |new, old| new.as_int() < old.as_int());
            }),
            Self::MaxInt => each_valid(values, at, words, |state, value| {
                extreme(state, value, |new, old| new.as_int() > old.as_int());
            }),
            Self::MinFloat => each_valid(values, at, words, |state, value| {
                extreme(state, value, |new, old| new.as_float() < old.as_float());
            }),
            Self::MaxFloat => each_valid(values, at, words, |state, value| {
                extreme(state, value, |new, old| new.as_float() > old.as_float());
            }),
            Self::First(count) => valid(values, at).for_each(|(at, value)| {
                let seen = words[at];
                if seen < u64::from(count) {
                    words[at + 1 + seen as usize] = value.bits;
                    words[at] = seen + 1;
                }
            }),
            Self::Last(count) => valid(values, at).for_each(|(at, value)| {
                let seen = words[at];
                words[at + 1 + (seen % u64::from(count)) as usize] = value.bits;
                words[at] = seen + 1;
            }),
            Self::Histogram { edges: which, float } => {
                let edges = &edges[usize::from(which)];
                valid(values, at).for_each(|(at, value)| {
                    let number = if float { value.as_float() } else { value.as_int() as f64 };
                    words[at + edges.partition_point(|edge| *edge <= number)] += 1;
                });
            }
            Self::Ewm(left) => each_valid(values, at, words, |[sum, weight, count], value| {
                let left = f64::from_bits(left);
                let next = f64::from_bits(*sum) * left + value.as_float();
                (*sum, *weight) = (next.to_bits(), (f64::from_bits(*weight) * left + 1.0).to_bits());
                *count += 1;
            }),
            Self::Sketch { .. } | Self::Unique { .. } | Self::Counts => {}
        }
    }

    /// Folds one value that is there into the first of `words`.
    pub(super) fn take_in(self, value: Reg, words: &mut [u64], edges: &[Vec<f64>]) {
        let values = Values { bits: &[value.bits], valid: &[true], nullable: false };
        self.take_in_all(values, Places { slots: &[0], size: 0 }, words, edges);
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

/// Where the words of the flows of some packets lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    pub(super) slots: &'a [u32],
    /// Words of a flow.
    pub(super) size: u16,
}

impl<'a> Places<'a> {
    /// Computed anew each time, of numbers so small that no sum of theirs overflows: one comparison tells that all words
    /// of a state are there.
    #[inline(always)]
    pub(super) fn all(self) -> impl Iterator<Item = usize> + use<'a> {
        let size = usize::from(self.size);
        self.slots.iter().map(move |slot| *slot as usize * size)
    }
}

/// Hands over the state of every value, with its bits and a mask that has no bit of a null: no branch to be guessed.
#[inline(always)]
fn each<const N: usize>(
    values: Values<'_>,
    at: Places<'_>,
    words: &mut [u64],
    mut fold: impl FnMut(&mut [u64; N], u64, u64),
) {
    let all = at.all().zip(values.bits);
    if values.nullable {
        for ((at, bits), valid) in all.zip(values.valid) {
            if let Some(state) = state(words, at) {
                fold(state, *bits, u64::from(*valid).wrapping_neg());
            }
        }
    } else {
        for (at, bits) in all {
            if let Some(state) = state(words, at) {
                fold(state, *bits, u64::MAX);
            }
        }
    }
}

/// Hands over the state of every value that is there.
#[inline(always)]
fn each_valid<const N: usize>(
    values: Values<'_>,
    at: Places<'_>,
    words: &mut [u64],
    mut fold: impl FnMut(&mut [u64; N], Reg),
) {
    let mut fold = |(at, value)| {
        if let Some(state) = state(words, at) {
            fold(state, value);
        }
    };
    if values.nullable {
        valid(values, at).for_each(fold);
    } else {
        at.all().zip(values.bits).for_each(|(at, bits)| fold((at, Reg::some(*bits))));
    }
}

/// The values that are there.
#[inline(always)]
fn valid(values: Values<'_>, at: Places<'_>) -> impl Iterator<Item = (usize, Reg)> {
    at.all().zip(values.regs()).filter(|(_, value)| value.valid)
}

/// The words that begin at `at`; there always are as many.
#[inline(always)]
pub(super) fn state<const N: usize>(words: &mut [u64], at: usize) -> Option<&mut [u64; N]> {
    words.get_mut(at..at + N)?.try_into().ok()
}

#[inline(always)]
fn extreme([bits, there]: &mut [u64; 2], value: Reg, is_better: impl Fn(Reg, Reg) -> bool) {
    let old = Reg { bits: *bits, valid: true };
    if *there == 0 || is_better(value, old) {
        (*bits, *there) = (value.bits, 1);
    }
}

/// Adds with the error of the addition kept beside the sum (Neumaier 1974).
#[inline(always)]
pub(super) fn add_float(words: &mut [u64; 2], number: f64) {
    let (sum, error) = (f64::from_bits(words[0]), f64::from_bits(words[1]));
    let after = sum + number;
    let lost = if sum.abs() >= number.abs() { sum - after + number } else { number - after + sum };
    *words = [after.to_bits(), (error + lost).to_bits()];
}

/// Count, mean, and squared distances from it (Welford 1962).
#[inline(always)]
fn spread(words: &mut [u64; 3], number: f64) {
    let count = words[0] + 1;
    let mean = f64::from_bits(words[1]);
    let after = mean + (number - mean) / count as f64;
    let squares = f64::from_bits(words[2]) + (number - mean) * (number - after);
    *words = [count, after.to_bits(), squares.to_bits()];
}

/// A number of 128 bits in two words.
#[inline(always)]
pub(super) fn wide(words: &[u64], at: usize) -> u128 {
    u128::from(words[at]) | u128::from(words[at + 1]) << 64
}

#[inline(always)]
pub(super) fn set_wide(words: &mut [u64; 2], number: u128) {
    *words = [number as u64, (number >> 64) as u64];
}
