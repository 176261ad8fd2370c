//! The end of a flow: what the steps of the end make of what was folded, and of the record.

use crate::flow::schema::Cell;
use crate::flow::{FlowRecord, Value};

use super::accumulate::wide;
use super::heavy::{Heavy, Unique};
use super::machine::Reg;
use super::program::{EndStep, Outcome, Output, Program};
use super::squares;
use super::types::Type;

/// Gives the metrics of a flow in their order; whether its record is kept.
pub(super) fn values(
    program: &Program,
    last: &mut [Reg],
    words: &[u64],
    heavy: &[Heavy],
    record: &FlowRecord,
    mut put: impl FnMut(usize, Value),
) -> bool {
    conclude(program, last, words, heavy, Some(record));
    for (nth, output) in program.outputs.iter().enumerate() {
        put(nth, value_of(*output, last, words));
    }
    program.keep.is_none_or(|place| last[usize::from(place)].is_true())
}

/// Runs the steps of the end.
pub(super) fn conclude(
    program: &Program,
    last: &mut [Reg],
    words: &[u64],
    heavy: &[Heavy],
    record: Option<&FlowRecord>,
) {
    let first = program.constants.len();
    for (nth, step) in program.ends.iter().enumerate() {
        let get = |place: u16| last[usize::from(place)];
        last[first + nth] = match *step {
            EndStep::Result(outcome) => result(outcome, words, heavy),
            EndStep::Column(column) => {
                record.map_or(Reg::NULL, |record| cell(&program.columns[usize::from(column)].get(record)))
            }
            EndStep::TextIs { column, text, negate } => {
                let text = &program.texts[usize::from(text)];
                match record.map(|record| program.columns[usize::from(column)].get(record)) {
                    Some(Cell::Text(other)) => Reg::bool((*other == **text) != negate),
                    _ => Reg::NULL,
                }
            }
            EndStep::Pure(pure, a, b) => pure.of(get(a), get(b)),
            EndStep::Select { condition, then, otherwise } => {
                if get(condition).is_true() {
                    get(then)
                } else {
                    get(otherwise)
                }
            }
        };
    }
}

fn result(outcome: Outcome, words: &[u64], heavy: &[Heavy]) -> Reg {
    let word = |place: u16| words[usize::from(place)];
    let float = |place: u16, offset: usize| f64::from_bits(words[usize::from(place) + offset]);
    let sum_int = |place: u16| wide(words, usize::from(place)).cast_signed();
    let sum_float = |place: u16| float(place, 0) + float(place, 1);
    match outcome {
        Outcome::Word(place) => Reg::int(i64::try_from(word(place)).unwrap_or(i64::MAX)),
        Outcome::None(place) => Reg::bool(word(place) == 0),
        Outcome::Some(place) => Reg::bool(word(place) > 0),
        Outcome::SumInt(place) => {
            let sum = sum_int(place).clamp(i64::MIN.into(), i64::MAX.into());
            Reg::int(sum as i64)
        }
        Outcome::SumFloat(place) => Reg::float(sum_float(place)),
        Outcome::MeanInt { count, sum } => Reg::float(sum_int(sum) as f64 / word(count) as f64),
        Outcome::MeanFloat { count, sum } => Reg::float(sum_float(sum) / word(count) as f64),
        Outcome::SpreadInt { count, sum, squares, root } => {
            let squares = &words[usize::from(squares)..][..squares::WORDS];
            let variance = squares::spread(word(count), sum_int(sum), squares);
            Reg::float(if root { variance.sqrt() } else { variance }).or_null(word(count) > 0)
        }
        Outcome::SpreadFloat { place, root } => {
            let variance = if word(place) == 1 { 0.0 } else { float(place, 2) / (word(place) as f64 - 1.0) };
            Reg::float(if root { variance.sqrt() } else { variance }).or_null(word(place) > 0)
        }
        Outcome::Extreme(place) => Reg { bits: word(place), valid: words[usize::from(place) + 1] != 0 },
        Outcome::Ewm(place) => Reg::float(float(place, 0) / float(place, 1)),
        Outcome::Unique(place) => match &heavy[usize::from(place)] {
            Heavy::Unique(unique) => Reg::int(Unique::count(unique) as i64),
            _ => Reg::NULL,
        },
        Outcome::Quantile(place, share) => match &heavy[usize::from(place)] {
            Heavy::Sketch(sketch) => sketch.quantile(f64::from_bits(share)).map_or(Reg::NULL, Reg::float),
            _ => Reg::NULL,
        },
        Outcome::Entropy(place) => heavy[usize::from(place)].entropy().map_or(Reg::NULL, Reg::float),
    }
}

fn cell(cell: &Cell<'_>) -> Reg {
    match cell {
        Cell::Bool(truth) => Reg::bool(*truth),
        Cell::Uint(number) | Cell::Duration(number) => Reg::int(i64::try_from(*number).unwrap_or(i64::MAX)),
        Cell::Int(number) => Reg::int(*number),
        Cell::Float(number) => Reg::float(*number),
        Cell::Time(stamp) => Reg::int(stamp.as_nanos()),
        _ => Reg::NULL,
    }
}

fn value_of(output: Output, last: &[Reg], words: &[u64]) -> Value {
    let register = |place: u16| last[usize::from(place)];
    let list = |places: &[u64], ty| {
        Value::List(places.iter().map(|bits| scalar(Reg { bits: *bits, valid: true }, ty)).collect())
    };
    match output {
        Output::One(place, ty) => scalar(register(place), ty),
        Output::Two(one, other, ty) => Value::List([one, other].map(|place| scalar(register(place), ty)).to_vec()),
        Output::First { place, count, ty } => {
            let (seen, place) = (words[usize::from(place)].min(count.into()) as usize, usize::from(place) + 1);
            list(&words[place..place + seen], ty)
        }
        Output::Last { place, count, ty } => {
            let (seen, count, place) = (words[usize::from(place)], usize::from(count), usize::from(place) + 1);
            let ring = &words[place..place + count];
            if seen < count as u64 {
                return list(&ring[..seen as usize], ty);
            }
            let oldest = (seen % count as u64) as usize;
            list(&[&ring[oldest..], &ring[..oldest]].concat(), ty)
        }
        Output::Histogram { place, bins } => list(&words[usize::from(place)..][..usize::from(bins)], Type::Int),
    }
}

fn scalar(reg: Reg, ty: Type) -> Value {
    if !reg.valid {
        return Value::Null;
    }
    match ty {
        Type::Bool => Value::Bool(reg.bits != 0),
        Type::Float => Value::Float(reg.as_float()),
        _ => Value::Int(reg.as_int()),
    }
}
