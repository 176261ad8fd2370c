//! The state of expressions in the flows of one meter, and what packets make of it.

use std::ops::Range;
use std::sync::Arc;

use crate::flow::{Direction, FlowRecord, FlowState, Value};
use crate::packet::Packet;

use super::combine::State;
use super::conclude::{conclude, values};
use super::field::{Reader, Seen};
use super::heavy::Heavy;
use super::machine::Reg;
use super::piece::{Open, Piece};
use super::program::{Condition, Load, Program, Step};

/// Folds packets into the state of their flows, which lies here by slot.
///
/// Packets wait until there are some, or until a flow leaves, so that each step is taken for many of them at once.
pub(crate) struct Folder {
    program: Arc<Program>,
    /// How many packets wait.
    waiting: usize,
    seen: Box<[Seen; LANES]>,
    /// Loads from bytes: where they go, and what reads them.
    from_bytes: Vec<(usize, Reader, u16)>,
    /// The values of constants, loads and steps, one after the other, each of all packets that wait.
    columns: Vec<Reg>,
    /// Those of the end of a flow.
    last: Vec<Reg>,
    words: Vec<u64>,
    heavy: Vec<Heavy>,
    /// By slot, for records that can be merged: packets that lack what only the record before knows.
    open: Option<Vec<Vec<Open>>>,
    /// Those among the packets that wait, by lane, and the register that lacks.
    lacking: Vec<(usize, u16)>,
}

impl Folder {
    /// With `mergeable`, [`Folder::finish_piece`] ends flows, else [`Folder::finish`].
    pub(crate) fn new(program: Arc<Program>, mergeable: bool) -> Self {
        let (constants, steps) = (program.constants.len(), program.loads.len() + program.steps.len());
        let mut columns: Vec<_> = program.constants.iter().flat_map(|constant| [*constant; LANES]).collect();
        columns.resize((constants + steps) * LANES, Reg::NULL);
        let last = program.registers_of_the_end();
        let loads = program.loads.iter().enumerate().filter_map(|(nth, load)| match load {
            Load::Bytes(reader, at) => Some(((constants + nth) * LANES, *reader, *at)),
            Load::Field(_) => None,
        });
        let from_bytes = loads.collect();
        let seen = Box::new([Seen::NONE; LANES]);
        let (words, heavy, lacking) = (Vec::new(), Vec::new(), Vec::new());
        let open = mergeable.then(Vec::new);
        Self { program, waiting: 0, seen, from_bytes, columns, last, words, heavy, open, lacking }
    }

    /// Forgets what was folded in `slot`, in which a flow, or a segment of one, begins.
    pub(crate) fn start(&mut self, slot: u32) {
        let Self { program, words, heavy, open, .. } = self;
        if let Some(open) = open {
            open.resize_with(open.len().max(slot as usize + 1), Vec::new);
            open[slot as usize].clear();
        }
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

    /// Takes in a packet, counted in `flow` already; whether the flow ends with it.
    #[inline]
    pub(crate) fn update(&mut self, slot: u32, packet: &Packet<'_>, flow: &FlowState, direction: Direction) -> bool {
        let lane = self.waiting;
        self.seen[lane] = Seen {
            info: *packet.info,
            stamp: packet.raw.stamp,
            number: packet.raw.number,
            index: flow.counts[0].pkts + flow.counts[1].pkts - 1,
            captured: packet.raw.data.len() as u32,
            slot,
            direction,
        };
        self.waiting = lane + 1;
        for (column, read, at) in &self.from_bytes {
            self.columns[column + lane] = read(packet, *at);
        }
        if self.program.at_once {
            return self.fold_at_once(packet);
        }
        if self.waiting == LANES {
            self.fold();
        }
        false
    }

    /// Folds the only packet that waits, whose bytes are needed, or which may end its flow.
    #[inline(never)]
    fn fold_at_once(&mut self, packet: &Packet<'_>) -> bool {
        self.fold();
        let Self { program, columns, seen, last, words, heavy, .. } = self;
        let (size, kinds, slot) = (program.words.len(), program.heavy.len(), seen[0].slot as usize);
        let words = &words[slot * size..][..size];
        let heavy = &mut heavy[slot * kinds..][..kinds];
        for (of, place, field) in &program.bytes {
            if columns[usize::from(*of) * LANES].valid {
                heavy[usize::from(*place)].count_bytes(field.bytes(packet));
            }
        }
        match program.end_when {
            None => false,
            Some(Condition::Packet(place)) => columns[usize::from(place) * LANES].is_true(),
            Some(Condition::Flow(place)) => {
                conclude(program, last, words, heavy, None);
                last[usize::from(place)].is_true()
            }
        }
    }

    /// Takes all steps for the packets that wait.
    #[inline(never)]
    fn fold(&mut self) {
        let Self { program, columns, seen, words, open, lacking, .. } = self;
        let count = std::mem::take(&mut self.waiting);
        if count == 0 {
            return;
        }
        let (size, mergeable) = (program.words.len(), open.is_some());
        let seen = &seen[..count];
        let (constants, loads) = (program.constants.len(), program.loads.len());
        for (out, load) in columns[constants * LANES..].chunks_exact_mut(LANES).zip(&program.loads) {
            if let Load::Field(field) = load {
                field.read_all(seen, &mut out[..count]);
            }
        }
        for (made, step) in (constants + loads..).zip(&program.steps) {
            let (done, out) = columns.split_at_mut(made * LANES);
            let column = |place: u16| &done[usize::from(place) * LANES..][..count];
            let out = &mut out[..count];
            let state = seen.iter().map(|seen| seen.slot as usize * size);
            match *step {
                Step::Pure(pure, a, b) => pure.of_all(column(a), column(b), out),
                Step::Select { condition, then, otherwise } => {
                    let parts = column(condition).iter().zip(column(then).iter().zip(column(otherwise)));
                    out.iter_mut().zip(parts).for_each(|(out, (condition, (then, otherwise)))| {
                        *out = if condition.is_true() { *then } else { *otherwise };
                    });
                }
                Step::Diff { of, word, by, float } => {
                    let word = usize::from(word);
                    let parts = out.iter_mut().zip(state).zip(column(of)).zip(column(by)).enumerate();
                    for (lane, (((out, at), value), by)) in parts {
                        let (words, by) = (&mut words[at + word..], by.bits as usize);
                        if mergeable && value.valid && words[2 * by + 1] == 0 {
                            lacking.push((lane, made as u16));
                        }
                        *out = step_from(words, *value, by, float);
                    }
                }
            }
        }
        if self.lacking.is_empty() {
            return self.fold_lanes(0..count);
        }
        self.lacking.sort_unstable();
        let mut next = 0;
        while let Some(&(lane, _)) = self.lacking.first() {
            self.fold_lanes(next..lane);
            self.set_aside(lane);
            next = lane + 1;
        }
        self.fold_lanes(next..count);
    }

    /// Folds what the steps made for these of the packets that wait.
    #[inline]
    fn fold_lanes(&mut self, lanes: Range<usize>) {
        let Self { program, columns, seen, words, heavy, .. } = self;
        let (size, kinds) = (program.words.len(), program.heavy.len());
        let seen = &seen[lanes.clone()];
        for fold in &program.folds {
            let column = &columns[usize::from(fold.of) * LANES..][lanes.clone()];
            let values = seen.iter().zip(column).filter(|(_, value)| value.valid);
            let values = values.map(|(seen, value)| (seen.slot as usize, value));
            if fold.kind.is_heavy() {
                let place = usize::from(fold.place);
                values.for_each(|(slot, value)| fold.kind.take_in_heavy(*value, &mut heavy[slot * kinds + place]));
            } else {
                let values = values.map(|(slot, value)| (slot * size + usize::from(fold.place), *value));
                fold.kind.take_in_all(values, words, &program.edges);
            }
        }
    }

    /// Keeps the packet in `lane`, the first that lacks something, and what its flow folded before it.
    #[cold]
    fn set_aside(&mut self, lane: usize) {
        let slot = self.seen[lane].slot;
        let before = self.take_state(slot);
        let end = self.lacking.partition_point(|(other, _)| *other == lane);
        let lacking = self.lacking.drain(..end).map(|(_, register)| register).collect();
        let registers = self.columns.chunks_exact(LANES).map(|column| column[lane]).collect();
        if let Some(open) = &mut self.open {
            open[slot as usize].push(Open { before, registers, lacking });
        }
    }

    /// Takes out what was folded in `slot`; what steps keep stays there too.
    fn take_state(&mut self, slot: u32) -> State {
        let Self { program, words, heavy, .. } = self;
        let (size, kinds) = (program.words.len(), program.heavy.len());
        let words = &mut words[slot as usize * size..][..size];
        let heavy = &mut heavy[slot as usize * kinds..][..kinds];
        let state = State { words: words.to_vec(), heavy: heavy.to_vec() };
        words.copy_from_slice(&program.words);
        for at in program.kept_values() {
            words[at..at + 2].copy_from_slice(&state.words[at..at + 2]);
        }
        heavy.iter_mut().for_each(Heavy::clear);
        state
    }

    /// What was folded of the flow that leaves `slot`.
    pub(super) fn finish_piece(&mut self, slot: u32) -> Piece {
        self.fold();
        let last = self.take_state(slot);
        let open = self.open.as_mut().map_or_else(Vec::new, |open| std::mem::take(&mut open[slot as usize]));
        Piece::new(open, last)
    }

    /// Appends the metrics of the flow that leaves `slot` as `record`; whether the record is kept.
    pub(crate) fn finish(&mut self, slot: u32, record: &FlowRecord, put: impl FnMut(usize, Value)) -> bool {
        self.fold();
        let Self { program, last, words, heavy, .. } = self;
        let (size, kinds) = (program.words.len(), program.heavy.len());
        let words = &words[slot as usize * size..][..size];
        let heavy = &mut heavy[slot as usize * kinds..][..kinds];
        let kept = values(program, last, words, heavy, record, put);
        heavy.iter_mut().for_each(Heavy::clear);
        kept
    }
}

/// The step from the last value to this one, which becomes the last; null of null and of the first.
#[inline(always)]
fn step_from(words: &mut [u64], value: Reg, direction: usize, float: bool) -> Reg {
    let [last, there] = &mut words[2 * direction..2 * direction + 2] else { return Reg::NULL };
    let before = Reg { bits: *last, valid: *there != 0 && value.valid };
    if value.valid {
        (*last, *there) = (value.bits, 1);
    }
    difference(before, value, float)
}

/// Null if one of them is.
#[inline(always)]
pub(super) fn difference(before: Reg, value: Reg, float: bool) -> Reg {
    let step = if float {
        Reg::float(value.as_float() - before.as_float())
    } else {
        Reg::int(value.as_int().wrapping_sub(before.as_int()))
    };
    step.or_null(before.valid && value.valid)
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Packets that wait at most.
const LANES: usize = 64;
