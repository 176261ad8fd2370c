//! What was folded of one record, so that the record of the packets before it can take it in.
//!
//! A gap, and any difference from the packet before, is not known of a record's first packet until the record before is
//! there. Such a packet is kept beside, with all its registers, between what was folded before it and what was behind it.

use super::combine::State;
use super::lanes::difference;
use super::machine::Reg;
use super::program::{Program, Step};

/// The folds of one record, or of several merged into one.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Packets that are not complete, in order.
    open: Vec<Open>,
    /// What was folded behind the last of them; what steps keep is that of the last packet.
    last: State,
}

/// A packet that lacks what only an earlier one knows.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// What was folded since the last open packet; `None` of nothing.
    pub(super) before: Option<State>,
    /// Those of the packet, null where something lacks.
    pub(super) registers: Vec<Reg>,
    /// The registers of the differences that lack.
    pub(super) lacking: Vec<u16>,
}

impl Piece {
    pub(super) fn new(open: Vec<Open>, last: State) -> Self {
        Self { open, last }
    }

    /// All that was folded, with what is still open as if there had been nothing before.
    pub(super) fn closed(&self, program: &Program) -> State {
        let mut all = State::empty(program);
        for open in &self.open {
            open.before.iter().for_each(|before| all.take_in_state(program, before));
            all.take_in(program, &open.registers);
        }
        all.take_in_state(program, &self.last);
        all
    }

    /// Takes in the piece that comes next.
    pub(super) fn merge(&mut self, next: &Self, program: &Program) {
        let before = self.last.words.clone();
        for open in &next.open {
            let mut open = open.clone();
            open.before.iter().for_each(|before| self.last.take_in_state(program, before));
            open.settle(program, &before);
            if open.lacking.is_empty() {
                self.last.take_in(program, &open.registers);
            } else {
                open.before = std::mem::replace(&mut self.last, State::empty(program)).unless_empty(program);
                self.open.push(open);
            }
        }
        self.last.take_in_state(program, &next.last);
        // What steps keep: the later packet's, or that of the packet before where the piece had none.
        for at in program.kept_values() {
            let from = if next.last.words[at + 1] == 0 { &before } else { &next.last.words };
            self.last.words[at..at + 2].copy_from_slice(&from[at..at + 2]);
        }
    }
}

impl Open {
    /// Computes anew what follows from the values `before`.
    fn settle(&mut self, program: &Program, before: &[u64]) {
        let Self { registers, lacking, .. } = self;
        let first = program.constants.len() + program.loads.len();
        for (made, step) in (first..).zip(&program.steps) {
            let get = |place: u16| registers[usize::from(place)];
            registers[made] = match *step {
                Step::Pure(pure, a, b) => pure.of(get(a), get(b)),
                Step::Select { condition, then, otherwise } => {
                    get(if get(condition).is_true() { then } else { otherwise })
                }
                Step::Diff { of, word, by, float } => {
                    let at = usize::from(word) + 2 * get(by).bits as usize;
                    let Some(place) = lacking.iter().position(|lacks| usize::from(*lacks) == made) else { continue };
                    if before[at + 1] == 0 {
                        continue;
                    }
                    lacking.remove(place);
                    difference(Reg { bits: before[at], valid: true }, get(of), float)
                }
            };
        }
    }
}
