//! The packets that wait to be folded, by columns: one value of each, a register of the program a column.
//!
//! What decoding learnt is read for many packets at once, before it is known which flows they belong to. As they are
//! counted in their flows, one after the other, each is noted with its flow; those are the ones that steps are taken for.

use std::ops::Range;

use crate::flow::Direction;
use crate::packet::Packet;

use super::accumulate::{Places, state};
use super::field::{FieldId, Reader, See};
use super::machine::{Reg, Values};
use super::program::{Load, Program, Step};

/// The columns, and how far they are filled.
pub(super) struct Lanes {
    columns: Box<[Column]>,
    /// The column of each field that is read before packets are noted, and of what is read when they are.
    fields: Vec<(usize, FieldId)>,
    late: Vec<(usize, Late)>,
    /// Packets up to here are folded.
    folded: usize,
    /// Packets up to here are noted.
    noted: usize,
    /// Those of the packets' flows.
    slots: [u32; LANES],
    directions: [Direction; LANES],
    /// The column that directions go to.
    direction: Option<usize>,
}

/// The values of one register.
#[derive(Clone)]
struct Column {
    bits: [u64; LANES],
    valid: [bool; LANES],
    /// Whether some may be null; else `valid` stays as it is.
    nullable: bool,
}

/// What is not known before a packet is counted, or lies in its bytes.
#[derive(Clone, Copy)]
enum Late {
    Index,
    Bytes(Reader, u16),
}

impl Lanes {
    pub(super) fn new(program: &Program) -> Self {
        let full = |reg: Reg, nullable| Column { bits: [reg.bits; LANES], valid: [reg.valid; LANES], nullable };
        let mut columns: Vec<_> = program.constants.iter().map(|constant| full(*constant, !constant.valid)).collect();
        let (mut fields, mut late, mut direction) = (Vec::new(), Vec::new(), None);
        for load in &program.loads {
            let place = columns.len();
            match load {
                Load::Field(FieldId::Index) => late.push((place, Late::Index)),
                Load::Field(FieldId::Direction) => direction = Some(place),
                Load::Field(field) => fields.push((place, *field)),
                Load::Bytes(reader, at) => late.push((place, Late::Bytes(*reader, *at))),
            }
            let nullable = match load {
                Load::Field(field) => field.field().nullable,
                Load::Bytes(..) => true,
            };
            columns.push(full(Reg::int(0), nullable));
        }
        for step in &program.steps {
            let nullable = |place: u16| columns[usize::from(place)].nullable;
            let nullable = match *step {
                Step::Pure(pure, a, b) => pure.may_be_null(nullable(a), nullable(b)),
                Step::Select { then, otherwise, .. } => nullable(then) || nullable(otherwise),
                Step::Diff { .. } => true,
            };
            columns.push(full(Reg::int(0), nullable));
        }
        let columns = columns.into_boxed_slice();
        let directions = [Direction::SrcToDst; LANES];
        Self { columns, fields, late, folded: 0, noted: 0, slots: [0; LANES], directions, direction }
    }

    /// Whether there is room for so many packets more behind those that are noted.
    pub(super) fn has_room(&self, packets: usize) -> bool {
        self.noted + packets <= LANES
    }

    /// Begins again at the first lane, when all that was noted is folded.
    pub(super) fn rewind(&mut self) {
        (self.folded, self.noted) = (0, 0);
    }

    /// Reads packets that will be noted next, in their order; there is room for them.
    pub(super) fn load<P: See>(&mut self, packets: &[P]) {
        for (place, field) in &self.fields {
            let Column { bits, valid, .. } = &mut self.columns[*place];
            field.read_all(packets, &mut bits[self.noted..], &mut valid[self.noted..]);
        }
    }

    /// Whether [`Lanes::note`] is all that is to be done for a packet.
    pub(super) fn is_all_loaded(&self) -> bool {
        self.late.is_empty()
    }

    /// Notes in which slot the flow of the next packet is, and its direction.
    #[inline(always)]
    pub(super) fn note(&mut self, slot: u32, direction: Direction) {
        // It is never that large; the compiler knows now.
        let lane = self.noted % LANES;
        self.slots[lane] = slot;
        self.directions[lane] = direction;
        self.noted = lane + 1;
    }

    /// Reads what could not be loaded of the packet that was noted last, the last of its flow's `pkts`.
    pub(super) fn note_late(&mut self, packet: &Packet<'_>, pkts: u64) {
        let lane = self.noted.saturating_sub(1);
        for (place, late) in &self.late {
            let Column { bits, valid, .. } = &mut self.columns[*place];
            let value = match late {
                Late::Index => Reg::int(pkts as i64 - 1),
                Late::Bytes(read, at) => read(packet, *at),
            };
            (bits[lane], valid[lane]) = (value.bits, value.valid);
        }
    }

    /// The slots of the packets that are noted and not folded.
    #[inline(always)]
    pub(super) fn slots(&self) -> &[u32] {
        &self.slots[self.folded..self.noted]
    }

    /// The values of some of them.
    #[inline(always)]
    pub(super) fn values(&self, place: u16, lanes: Range<usize>) -> Values<'_> {
        self.columns[usize::from(place)].values(self.folded + lanes.start, self.folded + lanes.end)
    }

    /// All registers of one of them.
    pub(super) fn registers(&self, lane: usize) -> Vec<Reg> {
        let at = self.folded + lane;
        self.columns.iter().map(|column| Reg { bits: column.bits[at], valid: column.valid[at] }).collect()
    }

    /// The value of the packet that was noted last.
    pub(super) fn last(&self, place: u16) -> Reg {
        let (column, lane) = (&self.columns[usize::from(place)], self.noted.saturating_sub(1));
        Reg { bits: column.bits[lane], valid: column.valid[lane] }
    }

    /// Takes all steps for them; each flow has `size` words. `lacks` is told lane and register of every difference from a
    /// packet before the flow's first that has a value.
    pub(super) fn take_steps(
        &mut self,
        program: &Program,
        size: u16,
        words: &mut [u64],
        mut lacks: Option<impl FnMut(usize, u16)>,
    ) {
        let (from, to) = (self.folded, self.noted);
        let slots = &self.slots[from..to];
        if let Some(place) = self.direction {
            let directions = self.directions[from..to].iter();
            self.columns[place].bits[from..to].iter_mut().zip(directions).for_each(|(bits, way)| *bits = *way as u64);
        }
        let first = program.constants.len() + program.loads.len();
        for (made, step) in (first..).zip(&program.steps) {
            let (done, out) = self.columns.split_at_mut(made);
            let values = |place: u16| done[usize::from(place)].values(from, to);
            let Some(Column { bits, valid, .. }) = out.first_mut() else { return };
            let (bits, valid) = (&mut bits[from..to], &mut valid[from..to]);
            match *step {
                Step::Pure(pure, a, b) => pure.of_all(values(a), values(b), bits, valid),
                Step::Select { condition, then, otherwise } => {
                    let (condition, then, otherwise) = (values(condition), values(then), values(otherwise));
                    let parts = condition.regs().zip(then.regs().zip(otherwise.regs()));
                    write(
                        bits,
                        valid,
                        parts.map(|(condition, (then, otherwise))| if condition.is_true() { then } else { otherwise }),
                    );
                }
                Step::Diff { of, word, by, float } => {
                    let words = &mut words[usize::from(word)..];
                    let parts = Places { slots, size }.all().zip(values(of).regs().zip(values(by).bits)).enumerate();
                    write(
                        bits,
                        valid,
                        parts.map(|(lane, (at, (value, by)))| {
                            let at = at + if *by == 0 { 0 } else { 2 };
                            let Some(last) = state(words, at) else { return Reg::NULL };
                            if let Some(lacks) = &mut lacks
                                && value.valid
                                && last[1] == 0
                            {
                                lacks(lane, made as u16);
                            }
                            step_from(last, value, float)
                        }),
                    );
                }
            }
        }
    }

    /// All that is noted is folded.
    pub(super) fn done(&mut self) {
        self.folded = self.noted;
    }
}

impl Column {
    #[inline(always)]
    fn values(&self, from: usize, to: usize) -> Values<'_> {
        Values { bits: &self.bits[from..to], valid: &self.valid[from..to], nullable: self.nullable }
    }
}

#[inline(always)]
fn write(bits: &mut [u64], valid: &mut [bool], values: impl Iterator<Item = Reg>) {
    bits.iter_mut().zip(valid).zip(values).for_each(|((bits, valid), value)| {
        (*bits, *valid) = (value.bits, value.valid);
    });
}

/// The step from the last value to this one, which becomes the last; null of null and of the first.
#[inline(always)]
fn step_from([last, there]: &mut [u64; 2], value: Reg, float: bool) -> Reg {
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

/// Packets that wait at most.
pub(super) const LANES: usize = 128;
