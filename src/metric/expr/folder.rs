//! The state of expressions in the flows of one meter, and what packets make of it.

use std::sync::Arc;

use crate::flow::schema::Cell;
use crate::flow::{Direction, FlowRecord, FlowState, Value};
use crate::packet::Packet;

use super::accumulate::{Places, wide};
use super::field::See;
use super::heavy::{Heavy, Unique};
use super::lanes::{LANES, Lanes};
use super::machine::Reg;
use super::program::{Condition, EndStep, Outcome, Output, Program};
use super::squares;
use super::types::Type;

/// Folds packets into the state of their flows, which lies here by slot.
///
/// Packets wait until there are some, or until a flow leaves, so that each step is taken for many of them at once.
pub(crate) struct Folder {
    program: Arc<Program>,
    lanes: Box<Lanes>,
    /// Whether packets need only be noted: nothing more is read of them, and none is to be folded at once.
    is_plain: bool,
    /// The values of constants and steps of the end of a flow.
    last: Vec<Reg>,
    words: Vec<u64>,
    heavy: Vec<Heavy>,
}

impl Folder {
    /// Packets that may be loaded at once.
    pub(crate) const MOST: usize = LANES;

    pub(crate) fn new(program: Arc<Program>) -> Self {
        let mut last = program.constants.clone();
        last.resize(last.len() + program.ends.len(), Reg::NULL);
        let lanes = Box::new(Lanes::new(&program));
        let is_plain = lanes.is_all_loaded() && !program.at_once;
        Self { program, lanes, is_plain, last, words: Vec::new(), heavy: Vec::new() }
    }

    /// Forgets what was folded in `slot`, in which a flow, or a segment of one, begins.
    pub(crate) fn start(&mut self, slot: u32) {
        let Self { program, words, heavy, .. } = self;
        let (size, kinds) = (program.words.len(), program.heavy.len());
        let at = slot as usize * size;
        match words.get_mut(at..at + size) {
            Some(words) => words.copy_from_slice(&program.words),
            None => (words.len()..at + size).step_by(size.max(1)).for_each(|_| words.extend_from_slice(&program.words)),
        }
        let at = slot as usize * kinds;
        match heavy.get_mut(at..at + kinds) {
            Some(heavy) => heavy.iter_mut().for_each(Heavy::clear),
            None => {
                (heavy.len()..at + kinds).step_by(kinds.max(1)).for_each(|_| heavy.extend_from_slice(&program.heavy))
            }
        }
    }

    /// Reads packets that will be taken in next, in their order; no more than [`Folder::MOST`]. Whatever was loaded before
    /// and not taken in is forgotten.
    #[inline]
    pub(crate) fn load<P: See>(&mut self, packets: &[P]) {
        if !self.lanes.has_room(packets.len()) {
            self.fold();
            self.lanes.rewind();
        }
        self.lanes.load(packets);
    }

    /// Takes in a packet that was loaded, counted in `flow` already; whether the flow ends with it.
    #[inline(always)]
    pub(crate) fn update<'a>(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        flow: impl FnOnce() -> &'a FlowState,
        direction: Direction,
    ) -> bool {
        self.lanes.note(slot, direction);
        !self.is_plain && self.update_late(slot, packet, flow())
    }

    #[inline(never)]
    fn update_late(&mut self, slot: u32, packet: &Packet<'_>, flow: &FlowState) -> bool {
        self.lanes.note_late(packet, flow);
        self.program.at_once && self.fold_at_once(slot, packet)
    }

    /// Folds the only packet that waits, whose bytes are needed, or which may end its flow.
    fn fold_at_once(&mut self, slot: u32, packet: &Packet<'_>) -> bool {
        self.fold();
        let Self { program, lanes, last, words, heavy, .. } = self;
        let (size, kinds, slot) = (program.words.len(), program.heavy.len(), slot as usize);
        let words = &words[slot * size..][..size];
        let heavy = &mut heavy[slot * kinds..][..kinds];
        for (of, place, field) in &program.bytes {
            if lanes.last(*of).valid {
                heavy[usize::from(*place)].count_bytes(field.bytes(packet));
            }
        }
        match program.end_when {
            None => false,
            Some(Condition::Packet(place)) => lanes.last(place).is_true(),
            Some(Condition::Flow(place)) => {
                conclude(program, last, words, heavy, None);
                last[usize::from(place)].is_true()
            }
        }
    }

    /// Takes all steps for the packets that wait.
    #[inline(never)]
    fn fold(&mut self) {
        let Self { program, lanes, words, heavy, .. } = self;
        if lanes.slots().is_empty() {
            return;
        }
        // Compiling made sure that it is not more.
        let (size, kinds) = (program.words.len() as u16, program.heavy.len());
        lanes.take_steps(program, size, words);
        for fold in &program.folds {
            let (values, slots) = (lanes.values(fold.of), lanes.slots());
            if fold.kind.is_heavy() {
                let place = usize::from(fold.place);
                let values = slots.iter().zip(values.regs()).filter(|(_, value)| value.valid);
                values.for_each(|(slot, value)| {
                    fold.kind.take_in_heavy(value, &mut heavy[*slot as usize * kinds + place]);
                });
            } else {
                let words = &mut words[usize::from(fold.place)..];
                fold.kind.take_in_all(values, Places { slots, size }, words, &program.edges);
            }
        }
        lanes.done();
    }

    /// Appends the metrics of the flow that leaves `slot` as `record`; whether the record is kept.
    pub(crate) fn finish(&mut self, slot: u32, record: &FlowRecord, mut put: impl FnMut(usize, Value)) -> bool {
        self.fold();
        let Self { program, last, words, heavy, .. } = self;
        let (size, kinds) = (program.words.len(), program.heavy.len());
        let words = &words[slot as usize * size..][..size];
        let heavy = &mut heavy[slot as usize * kinds..][..kinds];
        conclude(program, last, words, heavy, Some(record));
        for (nth, output) in program.outputs.iter().enumerate() {
            put(nth, value_of(*output, last, words));
        }
        let kept = program.keep.is_none_or(|place| last[usize::from(place)].is_true());
        heavy.iter_mut().for_each(Heavy::clear);
        kept
    }
}

/// Runs the steps of the end.
fn conclude(program: &Program, last: &mut [Reg], words: &[u64], heavy: &[Heavy], record: Option<&FlowRecord>) {
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

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("program", &self.program).finish_non_exhaustive()
    }
}
