//! Folds of slow expressions: over all values at once, exactly where that can be.

use std::collections::{BTreeMap, BTreeSet};

use super::slow_expr::{Kind, Val};

use Val::{Bool, Float, Int, Null};

#[derive(Clone, Debug)]
pub(crate) enum Fold {
    /// Those without arguments, by name.
    Plain(&'static str),
    First(usize),
    Last(usize),
    Quantile(f64),
    Histogram(Vec<f64>),
    Ewm(f64),
}

/// What a metric is.
#[derive(Clone, Debug)]
pub(crate) enum Folded {
    One(Val),
    List(Vec<Val>),
}

impl Fold {
    pub(crate) fn kind(&self, of: Kind) -> Kind {
        match self {
            Self::Plain("any" | "all") => Kind::Bool,
            Self::Plain("count" | "n_unique") => Kind::Int,
            Self::Plain("sum") if of == Kind::Float => Kind::Float,
            Self::Plain("sum") => Kind::Int,
            Self::Plain("min" | "max") => of,
            _ => Kind::Float,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Plain(name) => format!("{name}()"),
            Self::First(count) => format!("first({count})"),
            Self::Last(count) => format!("last({count})"),
            Self::Quantile(share) => format!("quantile({share:?})"),
            Self::Histogram(edges) => format!("histogram({edges:?})"),
            Self::Ewm(half_life) => format!("ewm_mean({half_life:?})"),
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::First(_) | Self::Last(_) | Self::Histogram(_))
    }

    pub(crate) fn list(&self, column: &[Val]) -> Vec<Val> {
        let there = there(column);
        match self {
            Self::First(count) => there.into_iter().take(*count).collect(),
            Self::Last(count) => there[there.len().saturating_sub(*count)..].to_vec(),
            Self::Histogram(edges) => {
                let numbers = floats(&there);
                let lows = std::iter::once(f64::NEG_INFINITY).chain(edges.iter().copied());
                let highs = edges.iter().copied().chain([f64::INFINITY]);
                let bins = lows.zip(highs);
                bins.map(|(low, high)| Int(numbers.iter().filter(|x| low <= **x && **x < high).count() as i64))
                    .collect()
            }
            _ => unreachable!("{self:?} is one value"),
        }
    }

    pub(crate) fn scalar(&self, column: &[Val], kind: Kind) -> Val {
        let there = there(column);
        let count = there.len();
        let fraction = kind == Kind::Float;
        match self {
            Self::Plain("count") => Int(count as i64),
            Self::Plain("any") => Bool(there.contains(&Bool(true))),
            Self::Plain("all") => Bool(!there.contains(&Bool(false))),
            Self::Plain("n_unique") if fraction => {
                let mut numbers = floats(&there);
                numbers.sort_by(f64::total_cmp);
                // Zeros of both signs lie beside each other.
                numbers.dedup();
                Int(numbers.len() as i64)
            }
            Self::Plain("n_unique") => Int(ints(&there).into_iter().collect::<BTreeSet<_>>().len() as i64),
            Self::Plain("sum") if !fraction => {
                let sum: i128 = ints(&there).iter().sum();
                Int(sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
            }
            Self::Plain("sum") if count == 0 => Float(0.0, 0.0),
            _ if count == 0 => Null,
            Self::Plain("sum") => sum(&floats(&there), 1.0),
            Self::Plain("mean") if fraction => sum(&floats(&there), count as f64),
            Self::Plain("mean") => {
                let mean = ints(&there).iter().sum::<i128>() as f64 / count as f64;
                Float(mean, f64::EPSILON * mean.abs())
            }
            Self::Plain("var") => variance(&there, fraction),
            Self::Plain("std") => match variance(&there, fraction) {
                Float(variance, off) => {
                    let (low, high) = ((variance - off).max(0.0).sqrt(), (variance + off).sqrt());
                    Float(variance.sqrt(), high - low + f64::EPSILON * high)
                }
                other => other,
            },
            Self::Plain("min") => there.into_iter().reduce(|a, b| if is_less(&b, &a) { b } else { a }).unwrap_or(Null),
            Self::Plain("max") => there.into_iter().reduce(|a, b| if is_less(&a, &b) { b } else { a }).unwrap_or(Null),
            Self::Plain("entropy") => entropy(&there),
            Self::Quantile(share) => {
                let mut numbers = floats(&there);
                numbers.sort_by(f64::total_cmp);
                let exact = numbers[(share * (count - 1) as f64) as usize].clamp(-1e21, 1e21);
                Float(exact, 0.010_000_001 * exact.abs() + 1e-9)
            }
            Self::Ewm(half_life) => {
                let numbers = floats(&there);
                let weight = |age: usize| 0.5_f64.powf(age as f64 / half_life);
                let weighted = numbers.iter().rev().enumerate().map(|(age, number)| weight(age) * number).sum::<f64>();
                let largest = numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
                Float(weighted / (0..count).map(weight).sum::<f64>(), 1e-12 * largest)
            }
            _ => unreachable!("{self:?} is a list"),
        }
    }
}

fn there(column: &[Val]) -> Vec<Val> {
    column.iter().filter(|value| **value != Null).cloned().collect()
}

fn ints(values: &[Val]) -> Vec<i128> {
    let int = |value: &Val| match value {
        Bool(truth) => i128::from(*truth),
        Int(number) => i128::from(*number),
        other => unreachable!("{other:?} is no whole number"),
    };
    values.iter().map(int).collect()
}

fn floats(values: &[Val]) -> Vec<f64> {
    let float = |value: &Val| match value.as_kind(Kind::Float) {
        Float(number, _) => number,
        other => unreachable!("{other:?} is no number"),
    };
    values.iter().map(float).collect()
}

fn is_less(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Float(a, _), Float(b, _)) => a < b,
        _ => ints(std::slice::from_ref(a)) < ints(std::slice::from_ref(b)),
    }
}

/// The sum without any error but that of the last rounding, through parts that do not overlap (Shewchuk 1997).
fn exact_sum(numbers: &[f64]) -> f64 {
    let mut parts: Vec<f64> = Vec::new();
    for number in numbers {
        let mut carried = *number;
        let mut kept = Vec::new();
        for part in parts {
            let (large, small) = if carried.abs() < part.abs() { (part, carried) } else { (carried, part) };
            let sum = large + small;
            let lost = small - (sum - large);
            if lost != 0.0 {
                kept.push(lost);
            }
            carried = sum;
        }
        kept.push(carried);
        parts = kept;
    }
    parts.iter().rev().sum()
}

fn sum(numbers: &[f64], share: f64) -> Val {
    let (sum, count) = (exact_sum(numbers), numbers.len() as f64);
    let size: f64 = numbers.iter().map(|number| number.abs()).sum();
    if !size.is_finite() {
        return Val::Unsure;
    }
    let off = 4.0 * f64::EPSILON * sum.abs() + (count * f64::EPSILON).powi(2) * size;
    Float(sum / share, off / share)
}

/// Of the distances from the mean, which is told exactly for whole numbers.
fn variance(values: &[Val], fraction: bool) -> Val {
    let count = values.len();
    if count == 1 {
        return Float(0.0, 0.0);
    }
    let (n, degrees) = (count as f64, (count - 1) as f64);
    if fraction {
        let numbers = floats(values);
        let mean = exact_sum(&numbers) / n;
        let squares: Vec<_> = numbers.iter().map(|number| (number - mean).powi(2)).collect();
        let (squares, size) = (exact_sum(&squares), numbers.iter().map(|number| number * number).sum::<f64>());
        if !size.is_finite() {
            return Val::Unsure;
        }
        // Of the algorithm that looks at each number once (Chan, Golub, LeVeque 1983).
        let lost = n * f64::EPSILON;
        let off = 8.0 * lost * (size * squares).sqrt() + 16.0 * lost * lost * size;
        return Float(squares / degrees, off / degrees);
    }
    let numbers = ints(values);
    let sum: i128 = numbers.iter().sum();
    let squares = numbers.iter().map(|number| ((number * count as i128 - sum) as f64 / n).powi(2));
    let variance = exact_sum(&squares.collect::<Vec<_>>()) / degrees;
    Float(variance, 8.0 * f64::EPSILON * variance)
}

fn entropy(values: &[Val]) -> Val {
    let mut counts: BTreeMap<i128, f64> = BTreeMap::new();
    for value in values {
        let numbers = match value {
            Val::Bytes(bytes) => bytes.iter().map(|byte| i128::from(*byte)).collect(),
            other => ints(std::slice::from_ref(other)),
        };
        numbers.into_iter().for_each(|number| *counts.entry(number).or_default() += 1.0);
    }
    let total: f64 = counts.values().sum();
    let weighted: f64 = counts.values().map(|count| count * count.log2()).sum();
    Float(total.log2() - weighted / total, 1e-12)
}
