//! What was folded of one part of a flow, and of the part behind it, made one: as if it had been folded at once.

use super::accumulate::{add_float, set_wide, state, wide};
use super::heavy::Heavy;
use super::machine::Reg;
use super::program::{FoldKind, FoldStep, Program};
use super::squares;

/// The state of one part of a flow, apart from its slot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) words: Vec<u64>,
    pub(super) heavy: Vec<Heavy>,
}

impl State {
    /// That of no packets.
    pub(super) fn empty(program: &Program) -> Self {
        Self { words: program.words.clone(), heavy: program.heavy.clone() }
    }

    /// Nothing, if nothing was folded; what steps keep does not count.
    pub(super) fn unless_empty(mut self, program: &Program) -> Option<Self> {
        for at in program.kept_values() {
            self.words[at..at + 2].copy_from_slice(&program.words[at..at + 2]);
        }
        let is_empty = self.words == program.words && self.heavy == program.heavy;
        (!is_empty).then_some(self)
    }

    /// Takes in one packet whose registers are known; folds of bytes have had it when it came.
    pub(super) fn take_in(&mut self, program: &Program, registers: &[Reg]) {
        for fold in &program.folds {
            let (value, place) = (registers[usize::from(fold.of)], usize::from(fold.place));
            if !value.valid {
                continue;
            }
            if fold.kind.is_heavy() {
                fold.kind.take_in_heavy(value, &mut self.heavy[place]);
            } else {
                fold.kind.take_in(value, &mut self.words[place..], &program.edges);
            }
        }
    }

    /// Takes in what was folded behind it. What steps keep from packet to packet stays as it is.
    pub(super) fn take_in_state(&mut self, program: &Program, next: &Self) {
        for fold in &program.folds {
            if fold.kind.is_heavy() {
                self.heavy[usize::from(fold.place)].merge(&next.heavy[usize::from(fold.place)]);
            } else {
                combine(fold, &mut self.words, &next.words, &program.edges);
            }
        }
        for (_, place, _) in &program.bytes {
            self.heavy[usize::from(*place)].merge(&next.heavy[usize::from(*place)]);
        }
    }
}

/// Takes the words of a fold in `next` into those in `words`.
fn combine(fold: &FoldStep, words: &mut [u64], next: &[u64], edges: &[Vec<f64>]) {
    let at = usize::from(fold.place);
    match fold.kind {
        FoldKind::Count | FoldKind::Trues | FoldKind::AnyFalse => words[at] += next[at],
        FoldKind::SumInt => {
            let sum = wide(words, at).wrapping_add(wide(next, at));
            state(words, at).into_iter().for_each(|words| set_wide(words, sum));
        }
        FoldKind::SumSquares => squares::join(&mut words[at..at + squares::WORDS], &next[at..at + squares::WORDS]),
        FoldKind::SumFloat => {
            state(words, at).into_iter().for_each(|words| add_float(words, f64::from_bits(next[at])));
            words[at + 1] = (f64::from_bits(words[at + 1]) + f64::from_bits(next[at + 1])).to_bits();
        }
        FoldKind::Spread => join_spread(&mut words[at..at + 3], &next[at..at + 3]),
        FoldKind::MinInt | FoldKind::MaxInt | FoldKind::MinFloat | FoldKind::MaxFloat => {
            let value = Reg { bits: next[at], valid: next[at + 1] != 0 };
            if value.valid {
                fold.kind.take_in(value, &mut words[at..], edges);
            }
        }
        FoldKind::First(count) => {
            let (mine, count) = (words[at] as usize, usize::from(count));
            let more = (count - mine).min(next[at] as usize);
            words[at + 1 + mine..][..more].copy_from_slice(&next[at + 1..][..more]);
            words[at] = (mine + more) as u64;
        }
        FoldKind::Last(count) => {
            let (mine, theirs, count) = (words[at], next[at], u64::from(count));
            // Each value lies where its number, from the first on, modulo the count says.
            for number in theirs.saturating_sub(count)..theirs {
                words[at + 1 + ((mine + number) % count) as usize] = next[at + 1 + (number % count) as usize];
            }
            words[at] = mine + theirs;
        }
        FoldKind::Histogram { edges: which, .. } => {
            let bins = edges[usize::from(which)].len() + 1;
            words[at..at + bins].iter_mut().zip(&next[at..]).for_each(|(mine, theirs)| *mine += theirs);
        }
        FoldKind::Ewm(left) => {
            let left = f64::from_bits(left).powf(next[at + 2] as f64);
            for word in [at, at + 1] {
                words[word] = (f64::from_bits(words[word]) * left + f64::from_bits(next[word])).to_bits();
            }
            words[at + 2] += next[at + 2];
        }
        FoldKind::Sketch { .. } | FoldKind::Unique { .. } | FoldKind::Counts => {}
    }
}

/// Count, mean and squared distances of two parts together (Chan, Golub, LeVeque 1979).
fn join_spread(words: &mut [u64], next: &[u64]) {
    let (&mut [mine, mean, squares], &[theirs, other_mean, other_squares]) = (&mut *words, next) else { return };
    if theirs == 0 {
        return;
    }
    if mine == 0 {
        return words.copy_from_slice(next);
    }
    let (n, m) = (mine as f64, theirs as f64);
    let (mean, other_mean) = (f64::from_bits(mean), f64::from_bits(other_mean));
    let distance = other_mean - mean;
    let together = mean + distance * (m / (n + m));
    let squares = f64::from_bits(squares) + f64::from_bits(other_squares) + distance * distance * (n * m / (n + m));
    words.copy_from_slice(&[mine + theirs, together.to_bits(), squares.to_bits()]);
}
