//! The state of expressions in the flows of one meter, and what packets make of it.

use std::sync::Arc;

use crate::flow::schema::Cell;
use crate::flow::{Direction, FlowRecord, FlowState, Value};
use crate::packet::{Packet, PacketFlags};

use super::field::FieldId;
use super::heavy::{Heavy, Unique};
use super::machine::Reg;
use super::program::{Condition, EndStep, FoldKind, FoldStep, Outcome, Output, Program, Step};
use super::squares;
use super::types::Type;

/// Folds packets into the state of their flows, which lies here by slot.
pub(crate) struct Folder {
    program: Arc<Program>,
    /// Those of the packet at hand.
    registers: Vec<Reg>,
    /// Those of the end of a flow.
    last: Vec<Reg>,
    words: Vec<u64>,
    heavy: Vec<Heavy>,
}

impl Folder {
    pub(crate) fn new(program: Arc<Program>) -> Self {
        let of = |steps: usize| {
            let mut registers = program.constants.clone();
            registers.resize(program.constants.len() + steps, Reg::NULL);
            registers
        };
        let (registers, last) = (of(program.steps.len()), of(program.ends.len()));
        Self { program, registers, last, words: Vec::new(), heavy: Vec::new() }
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

    /// Takes in a packet, counted in `flow` already; whether the flow ends with it.
    #[inline]
    pub(crate) fn update(&mut self, slot: u32, packet: &Packet<'_>, flow: &FlowState, direction: Direction) -> bool {
        let Self { program, registers, last, words, heavy } = self;
        let (size, kinds) = (program.words.len(), program.heavy.len());
        let words = &mut words[slot as usize * size..][..size];
        let heavy = &mut heavy[slot as usize * kinds..][..kinds];
        let (before, made) = registers.split_at_mut(program.constants.len());
        for (nth, step) in program.steps.iter().enumerate() {
            let (done, rest) = made.split_at_mut(nth);
            let get = |place: u16| {
                let place = usize::from(place);
                if place < before.len() { before[place] } else { done[place - before.len()] }
            };
            rest[0] = match *step {
                Step::Load(field) => load(field, packet, flow, direction),
                Step::Pure(pure, a, b) => pure.of(get(a), get(b)),
                Step::Select { condition, then, otherwise } => {
                    if get(condition).is_true() {
                        get(then)
                    } else {
                        get(otherwise)
                    }
                }
                Step::Gap { word, by_direction } => {
                    let stamp = Reg::int(packet.raw.stamp.as_nanos());
                    step_from(&mut words[usize::from(word)..], stamp, way(by_direction, direction), false)
                }
                Step::Diff { of, word, by_direction, float } => {
                    step_from(&mut words[usize::from(word)..], get(of), way(by_direction, direction), float)
                }
                Step::Byte { field, at } => match bytes(field, packet).get(usize::from(at)) {
                    Some(byte) => Reg::int(i64::from(*byte)),
                    None => Reg::NULL,
                },
            };
        }
        for fold in &program.folds {
            let value = registers[usize::from(fold.of)];
            if value.valid {
                take_in(fold, value, words, heavy, packet, &program.edges);
            }
        }
        match program.end_when {
            None => false,
            Some(Condition::Packet(place)) => registers[usize::from(place)].is_true(),
            Some(Condition::Flow(place)) => {
                conclude(program, last, words, heavy, None);
                last[usize::from(place)].is_true()
            }
        }
    }

    /// Appends the metrics of the flow that leaves `slot` as `record`; whether the record is kept.
    pub(crate) fn finish(&mut self, slot: u32, record: &FlowRecord, mut put: impl FnMut(usize, Value)) -> bool {
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

/// Which of the words of state that may be by direction.
#[inline(always)]
fn way(by_direction: bool, direction: Direction) -> usize {
    if by_direction { 2 * direction as usize } else { 0 }
}

/// The step from the last value to this one, which becomes the last; null of null and of the first.
#[inline(always)]
fn step_from(words: &mut [u64], value: Reg, at: usize, float: bool) -> Reg {
    let [last, there] = &mut words[at..at + 2] else { return Reg::NULL };
    let before = Reg { bits: *last, valid: *there != 0 && value.valid };
    if value.valid {
        (*last, *there) = (value.bits, 1);
    }
    let step = if float {
        Reg::float(value.as_float() - before.as_float())
    } else {
        Reg::int(value.as_int().wrapping_sub(before.as_int()))
    };
    step.or_null(before.valid)
}

#[inline(always)]
fn load(field: FieldId, packet: &Packet<'_>, flow: &FlowState, direction: Direction) -> Reg {
    let info = packet.info;
    let int = |number: i64| Reg::int(number);
    let flag = |set: bool| Reg::bool(set);
    let flags = info.tcp_flags;
    match field {
        FieldId::Size => int(info.wire_len.into()),
        FieldId::IpSize => int(info.ip_len.into()),
        FieldId::TransportSize => int(info.transport_len.into()),
        FieldId::PayloadSize => {
            int(info.payload_len.into()).or_null(!info.flags.contains(PacketFlags::PAYLOAD_UNKNOWN))
        }
        FieldId::CapturedSize => int(packet.raw.data.len() as i64),
        FieldId::Number => int(packet.raw.number as i64),
        FieldId::Index => int((flow.counts[0].pkts + flow.counts[1].pkts) as i64 - 1),
        FieldId::Direction => int(direction as i64),
        FieldId::Time => int(packet.raw.stamp.as_nanos()),
        FieldId::SrcPort => int(info.src_port.into()),
        FieldId::DstPort => int(info.dst_port.into()),
        FieldId::IpProtocol => int(info.ip_protocol.into()),
        FieldId::IpVersion => int(info.ip_version.into()),
        FieldId::VlanId => int(info.vlan_id.into()).or_null(info.vlan_id != 0),
        FieldId::Ttl => int(info.ttl.into()),
        FieldId::Dscp => int((info.traffic_class >> 2).into()),
        FieldId::Ecn => int((info.traffic_class & 3).into()),
        FieldId::Fragment => flag(info.flags.contains(PacketFlags::FRAGMENT)),
        FieldId::Tunnelled => flag(info.tunnel.is_some()),
        FieldId::TunnelKey => int(info.tunnel_key.into()).or_null(info.flags.contains(PacketFlags::TUNNEL_KEY)),
        FieldId::IcmpType => int(info.icmp_type.into()).or_null(info.flags.contains(PacketFlags::ICMP)),
        FieldId::IcmpCode => int(info.icmp_code.into()).or_null(info.flags.contains(PacketFlags::ICMP)),
        FieldId::TcpFlags => int(flags.0.into()),
        FieldId::TcpFin => flag(flags.fin()),
        FieldId::TcpSyn => flag(flags.syn()),
        FieldId::TcpRst => flag(flags.rst()),
        FieldId::TcpPsh => flag(flags.psh()),
        FieldId::TcpAck => flag(flags.ack()),
        FieldId::TcpUrg => flag(flags.urg()),
        FieldId::TcpEce => flag(flags.ece()),
        FieldId::TcpCwr => flag(flags.cwr()),
        FieldId::TcpWindow => packet.tcp_window().map_or(Reg::NULL, |window| int(window.into())),
        FieldId::Payload | FieldId::Ip => Reg { bits: 0, valid: !bytes(field, packet).is_empty() },
        // Steps of their own.
        FieldId::Gap | FieldId::DirectionGap => Reg::NULL,
    }
}

fn bytes<'a>(field: FieldId, packet: &Packet<'a>) -> &'a [u8] {
    if field == FieldId::Ip { packet.ip_bytes() } else { packet.payload() }
}

/// Folds a value that is there.
#[inline(always)]
fn take_in(
    fold: &FoldStep,
    value: Reg,
    words: &mut [u64],
    heavy: &mut [Heavy],
    packet: &Packet<'_>,
    edges: &[Vec<f64>],
) {
    let place = usize::from(fold.place);
    match fold.kind {
        FoldKind::Count => words[place] += 1,
        FoldKind::Trues => words[place] += value.bits,
        FoldKind::AnyFalse => words[place] += value.bits ^ 1,
        FoldKind::SumInt => {
            let sum = wide(words, place).wrapping_add(i128::from(value.as_int()).cast_unsigned());
            set_wide(words, place, sum);
        }
        FoldKind::SumSquares => squares::add(&mut words[place..place + squares::WORDS], value.as_int()),
        FoldKind::SumFloat => add_float(words, place, value.as_float()),
        FoldKind::Spread => {
            let number = value.as_float();
            let count = words[place] + 1;
            let mean = f64::from_bits(words[place + 1]);
            let after = mean + (number - mean) / count as f64;
            let squares = f64::from_bits(words[place + 2]) + (number - mean) * (number - after);
            (words[place], words[place + 1], words[place + 2]) = (count, after.to_bits(), squares.to_bits());
        }
        FoldKind::MinInt => extreme(words, place, value, |new, old| new.as_int() < old.as_int()),
        FoldKind::MaxInt => extreme(words, place, value, |new, old| new.as_int() > old.as_int()),
        FoldKind::MinFloat => extreme(words, place, value, |new, old| new.as_float() < old.as_float()),
        FoldKind::MaxFloat => extreme(words, place, value, |new, old| new.as_float() > old.as_float()),
        FoldKind::First(count) => {
            let seen = words[place];
            if seen < u64::from(count) {
                words[place + 1 + seen as usize] = value.bits;
                words[place] = seen + 1;
            }
        }
        FoldKind::Last(count) => {
            let seen = words[place];
            words[place + 1 + (seen % u64::from(count)) as usize] = value.bits;
            words[place] = seen + 1;
        }
        FoldKind::Histogram { edges: which, float } => {
            let number = if float { value.as_float() } else { value.as_int() as f64 };
            let bin = edges[usize::from(which)].partition_point(|edge| *edge <= number);
            words[place + bin] += 1;
        }
        FoldKind::Ewm(left) => {
            let left = f64::from_bits(left);
            let sum = f64::from_bits(words[place]) * left + value.as_float();
            let weight = f64::from_bits(words[place + 1]) * left + 1.0;
            (words[place], words[place + 1]) = (sum.to_bits(), weight.to_bits());
        }
        FoldKind::Sketch { float } => {
            if let Heavy::Sketch(sketch) = &mut heavy[place] {
                sketch.add(if float { value.as_float() } else { value.as_int() as f64 });
            }
        }
        FoldKind::Unique { float } => {
            if let Heavy::Unique(unique) = &mut heavy[place] {
                // The zeros of both signs are one number; adding 0 takes the sign off.
                unique.add(if float { (value.as_float() + 0.0).to_bits() } else { value.bits });
            }
        }
        FoldKind::Bytes(field) => heavy[place].count_bytes(bytes(field, packet)),
        FoldKind::Counts => heavy[place].count(value.bits),
    }
}

#[inline(always)]
fn extreme(words: &mut [u64], place: usize, value: Reg, is_better: impl Fn(Reg, Reg) -> bool) {
    let old = Reg { bits: words[place], valid: true };
    if words[place + 1] == 0 || is_better(value, old) {
        (words[place], words[place + 1]) = (value.bits, 1);
    }
}

/// Adds with the error of the addition kept beside the sum (Neumaier 1974).
#[inline(always)]
fn add_float(words: &mut [u64], place: usize, number: f64) {
    let (sum, error) = (f64::from_bits(words[place]), f64::from_bits(words[place + 1]));
    let after = sum + number;
    let lost = if sum.abs() >= number.abs() { sum - after + number } else { number - after + sum };
    (words[place], words[place + 1]) = (after.to_bits(), (error + lost).to_bits());
}

#[inline(always)]
fn wide(words: &[u64], place: usize) -> u128 {
    u128::from(words[place]) | u128::from(words[place + 1]) << 64
}

#[inline(always)]
fn set_wide(words: &mut [u64], place: usize, number: u128) {
    (words[place], words[place + 1]) = (number as u64, (number >> 64) as u64);
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
