//! The state of expressions in the flows of one meter, and what packets make of it.

use std::ops::Range;
use std::sync::Arc;

use crate::flow::{Direction, FlowRecord, Value};
use crate::packet::Packet;

use super::accumulate::Places;
use super::combine::State;
use super::conclude::{conclude, values};
use super::field::See;
use super::heavy::Heavy;
use super::lanes::{LANES, Lanes};
use super::machine::Reg;
use super::piece::{Open, Piece};
use super::program::{Condition, Program};

/// Folds packets into the state of their flows, which lies here by slot.
///
/// Packets wait until there are some, or until a flow leaves, so that each step is taken for many of them at once.
pub(super) struct Folder {
    program: Arc<Program>,
    lanes: Box<Lanes>,
    /// Whether packets need only be noted: nothing more is read of them, and none is to be folded at once.
    is_plain: bool,
    /// The values of constants and steps of the end of a flow.
    last: Vec<Reg>,
    words: Vec<u64>,
    heavy: Vec<Heavy>,
    /// By slot, for records that can be merged: packets that lack what only the record before knows.
    open: Option<Vec<Vec<Open>>>,
    /// Those among the packets that wait, by lane, and the register that lacks.
    lacking: Vec<(usize, u16)>,
}

impl Folder {
    /// Packets that may be loaded at once.
    pub(super) const MOST: usize = LANES;

    /// With `mergeable`, [`Folder::finish_piece`] ends flows, else [`Folder::finish`].
    pub(super) fn new(program: Arc<Program>, mergeable: bool) -> Self {
        let last = program.registers_of_the_end();
        let lanes = Box::new(Lanes::new(&program));
        let is_plain = lanes.is_all_loaded() && !program.at_once;
        let (words, heavy, lacking) = (Vec::new(), Vec::new(), Vec::new());
        let open = mergeable.then(Vec::new);
        Self { program, lanes, is_plain, last, words, heavy, open, lacking }
    }

    /// Forgets what was folded in `slot`, in which a flow, or a segment of one, begins.
    pub(super) fn start(&mut self, slot: u32) {
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
        // What is there is clear: whatever left the slot took it along.
        let end = (slot as usize + 1) * kinds;
        (heavy.len()..end).step_by(kinds.max(1)).for_each(|_| heavy.extend_from_slice(&program.heavy));
    }

    /// Reads packets that will be taken in next, in their order; no more than [`Folder::MOST`]. Whatever was loaded before
    /// and not taken in is forgotten.
    #[inline]
    pub(super) fn load<P: See>(&mut self, packets: &[P]) {
        if !self.lanes.has_room(packets.len()) {
            self.fold();
            self.lanes.rewind();
        }
        self.lanes.load(packets);
    }

    /// Takes in a packet that was loaded, the last of its flow's `pkts`; whether the flow ends with it.
    #[inline(always)]
    pub(super) fn update(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        pkts: impl FnOnce() -> u64,
        direction: Direction,
    ) -> bool {
        self.lanes.note(slot, direction);
        !self.is_plain && self.update_late(slot, packet, pkts())
    }

    #[inline(never)]
    fn update_late(&mut self, slot: u32, packet: &Packet<'_>, pkts: u64) -> bool {
        self.lanes.note_late(packet, pkts);
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
        let Self { program, lanes, words, open, lacking, .. } = self;
        let count = lanes.slots().len();
        if count == 0 {
            return;
        }
        let lacks = open.is_some().then_some(|lane, register| lacking.push((lane, register)));
        // Compiling made sure that it is not more.
        lanes.take_steps(program, program.words.len() as u16, words, lacks);
        if self.lacking.is_empty() {
            self.fold_lanes(0..count);
        } else {
            self.fold_around_lacking(count);
        }
        self.lanes.done();
    }

    /// Folds what the steps made for some of the packets that wait.
    #[inline(always)]
    fn fold_lanes(&mut self, those: Range<usize>) {
        let Self { program, lanes, words, heavy, .. } = self;
        let (size, kinds) = (program.words.len() as u16, program.heavy.len());
        let slots = &lanes.slots()[those.clone()];
        for fold in &program.folds {
            let values = lanes.values(fold.of, those.clone());
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
    }

    /// Folds the packets that wait but for those that lack something: they are kept, with what was folded before them.
    #[inline(never)]
    fn fold_around_lacking(&mut self, count: usize) {
        self.lacking.sort_unstable();
        let mut next = 0;
        while let Some(&(lane, _)) = self.lacking.first() {
            self.fold_lanes(next..lane);
            self.set_aside(lane);
            next = lane + 1;
        }
        self.fold_lanes(next..count);
    }

    fn set_aside(&mut self, lane: usize) {
        let slot = self.lanes.slots()[lane];
        let before = self.take_state(slot);
        let before = before.unless_empty(&self.program);
        let end = self.lacking.partition_point(|(other, _)| *other == lane);
        let lacking = self.lacking.drain(..end).map(|(_, register)| register).collect();
        let registers = self.lanes.registers(lane);
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
    pub(super) fn finish(&mut self, slot: u32, record: &FlowRecord, put: impl FnMut(usize, Value)) -> bool {
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

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("program", &self.program).finish_non_exhaustive()
    }
}
