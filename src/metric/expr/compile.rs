//! Trees into a flat program: steps for each packet, folds of their values, and steps at the end of the flow.
//!
//! Whatever is said twice, in one expression or in two, is computed once.

use std::collections::HashMap;

use crate::flow::schema::Column;

use super::field::FieldId;
use super::fold::Fold;
use super::heavy::{Heavy, Unique};
use super::lower::literal_reg;
use super::machine::{Pure, Reg};
use super::operator::Binary;
use super::program::{Condition, EndStep, FoldKind, FoldStep, Load, Outcome, Output, Program, Step};
use super::types::{Invalid, Literal, Stage, Type};
use super::{Expr, Node, squares};

/// Compiles metrics, and what ends flows and keeps records.
pub(crate) fn compile(metrics: &[Expr], end_when: Option<&Expr>, keep: Option<&Expr>) -> Result<Program, Invalid> {
    let mut compiler = Compiler::default();
    // Constants come first in both sets of registers.
    for expr in metrics.iter().chain(end_when).chain(keep) {
        compiler.constants(expr);
    }
    // Then what is loaded, so that steps begin behind it.
    for expr in metrics.iter().chain(end_when).chain(keep) {
        compiler.loads(expr, false);
    }
    let mut outputs = Vec::with_capacity(metrics.len());
    for expr in metrics {
        expr.check_metric()?;
        outputs.push(compiler.output(expr)?);
    }
    let end_when = end_when.map(|expr| compiler.condition(expr)).transpose()?;
    let keep = keep.map(|expr| compiler.kept(expr)).transpose()?;
    let Compiler { constants, loads, steps, folds, bytes, words, heavy, ends, columns, texts, edges, .. } = compiler;
    let registers = constants.len() + loads.len() + steps.len();
    let sizes = [registers, constants.len() + ends.len(), words.len(), folds.len()];
    if sizes.into_iter().any(|size| size > usize::from(u16::MAX)) {
        let detail = "the metrics together are too large: fewer of them, or shorter lists, would do".to_owned();
        return Err(Invalid::value("the metrics".to_owned(), detail));
    }
    let at_once = !bytes.is_empty() || end_when.is_some();
    let loads = loads.into_iter().map(Noted::load).collect();
    Ok(Program {
        constants,
        loads,
        steps,
        folds,
        bytes,
        at_once,
        words,
        heavy,
        ends,
        columns,
        texts,
        edges,
        outputs,
        end_when,
        keep,
    })
}

/// What is to be read of each packet.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Noted {
    Field(FieldId),
    Byte { field: FieldId, at: u16 },
}

impl Noted {
    fn load(self) -> Load {
        match self {
            Self::Field(field) => field.reader().map_or(Load::Field(field), |reader| Load::Bytes(reader, 0)),
            Self::Byte { field, at } => Load::Bytes(field.byte_reader(), at),
        }
    }
}

/// By what a part of an expression is narrowed.
#[derive(Clone, Copy, Debug, Default)]
struct Scope {
    /// State is kept apart by direction.
    by_direction: bool,
    /// Folds look at one direction only: the register that says so.
    only: Option<u16>,
}

#[derive(Default)]
pub(super) struct Compiler {
    constants: Vec<Reg>,
    known_constants: HashMap<(u64, bool), u16>,
    loads: Vec<Noted>,
    steps: Vec<Step>,
    known_steps: HashMap<Step, u16>,
    known_diffs: HashMap<(u16, bool), u16>,
    folds: Vec<FoldStep>,
    bytes: Vec<(u16, u16, FieldId)>,
    known_folds: HashMap<(u16, FoldKind), u16>,
    known_edges: HashMap<Vec<super::fold::Number>, u16>,
    words: Vec<u64>,
    heavy: Vec<Heavy>,
    ends: Vec<EndStep>,
    columns: Vec<&'static Column>,
    texts: Vec<String>,
    edges: Vec<Vec<f64>>,
}

impl Compiler {
    fn constants(&mut self, expr: &Expr) {
        match expr.node() {
            Node::Literal(literal) => _ = self.constant(literal_reg(literal)),
            node => node.parts().for_each(|part| self.constants(part)),
        }
        // Those that filters by direction compare with.
        for number in [0, 1] {
            self.constant(Reg::int(number));
        }
    }

    fn constant(&mut self, reg: Reg) -> u16 {
        let next = self.constants.len() as u16;
        let place = *self.known_constants.entry((reg.bits, reg.valid)).or_insert(next);
        if place == next {
            self.constants.push(reg);
        }
        place
    }

    /// Notes what the packets' parts of an expression load; `by_direction` within what is by direction.
    fn loads(&mut self, expr: &Expr, by_direction: bool) {
        match expr.node() {
            Node::Packet(field @ (FieldId::Gap | FieldId::DirectionGap)) => {
                self.note(Noted::Field(FieldId::Time));
                if by_direction || *field == FieldId::DirectionGap {
                    self.note(Noted::Field(FieldId::Direction));
                }
            }
            Node::Packet(field) => self.note(Noted::Field(*field)),
            Node::Byte(part, at) => {
                self.note(Noted::Byte { field: bytes_of(part), at: *at });
                self.loads(part, by_direction);
            }
            Node::OverDirection(part) => {
                self.note(Noted::Field(FieldId::Direction));
                self.loads(part, true);
            }
            node => node.parts().for_each(|part| self.loads(part, by_direction)),
        }
    }

    fn note(&mut self, load: Noted) {
        if !self.loads.contains(&load) {
            self.loads.push(load);
        }
    }

    /// The register of what was noted.
    fn loaded(&self, load: Noted) -> u16 {
        let at = self.loads.iter().position(|noted| *noted == load).unwrap_or_default();
        (self.constants.len() + at) as u16
    }

    fn step(&mut self, step: Step) -> u16 {
        let next = (self.constants.len() + self.loads.len() + self.steps.len()) as u16;
        let place = *self.known_steps.entry(step).or_insert(next);
        if place == next {
            self.steps.push(step);
        }
        place
    }

    fn end(&mut self, step: EndStep) -> u16 {
        self.ends.push(step);
        (self.constants.len() + self.ends.len() - 1) as u16
    }

    /// Words that begin as these.
    fn room(&mut self, words: &[u64]) -> u16 {
        let place = self.words.len().min(usize::from(u16::MAX)) as u16;
        self.words.extend_from_slice(words);
        place
    }

    /// The register of a value of packets.
    fn packet(&mut self, expr: &Expr, scope: Scope) -> u16 {
        match expr.node() {
            Node::Literal(literal) => self.constant(literal_reg(literal)),
            Node::Packet(field @ (FieldId::Gap | FieldId::DirectionGap)) => {
                let time = self.loaded(Noted::Field(FieldId::Time));
                self.diff(time, scope.by_direction || *field == FieldId::DirectionGap, false)
            }
            Node::Packet(field) => self.loaded(Noted::Field(*field)),
            Node::Unary(operator, part) => {
                let (of, ty) = (self.packet(part, scope), part.ty());
                self.unary(*operator, of, ty, Self::pure_step)
            }
            Node::Binary(operator, one, other) => {
                let (left, right) = (self.packet(one, scope), self.packet(other, scope));
                self.binary(*operator, (left, one.ty()), (right, other.ty()), Self::pure_step)
            }
            Node::When(condition, then, otherwise) => {
                let condition = self.packet(condition, scope);
                let parts = [then, otherwise].map(|part| {
                    let of = self.packet(part, scope);
                    self.as_type(of, part.ty(), expr.ty(), Self::pure_step)
                });
                self.step(Step::Select { condition, then: parts[0], otherwise: parts[1] })
            }
            Node::Clip(part, low, high) => {
                let parts = [part, low, high].map(|part| (self.packet(part, scope), part.ty()));
                self.clip(parts, expr.ty(), Self::pure_step)
            }
            Node::Byte(part, at) => {
                let bytes = self.packet(part, scope);
                let byte = self.loaded(Noted::Byte { field: bytes_of(part), at: *at });
                let there = self.pure_step(Pure::IsNull, bytes, bytes);
                let there = self.pure_step(Pure::Not, there, there);
                self.pure_step(Pure::Filter, byte, there)
            }
            Node::Diff(part) => {
                let of = self.packet(part, scope);
                self.diff(of, scope.by_direction, part.ty() == Type::Float)
            }
            Node::Filter(part, condition) => {
                let (of, condition) = (self.packet(part, scope), self.packet(condition, scope));
                self.pure_step(Pure::Filter, of, condition)
            }
            Node::OverDirection(part) => self.packet(part, Scope { by_direction: true, ..scope }),
            // Stages were told apart when the expression was built.
            Node::Flow(_) | Node::Fold(..) => self.constant(Reg::NULL),
        }
    }

    /// The difference of a register from what it was in the flow's packet before it.
    fn diff(&mut self, of: u16, by_direction: bool, float: bool) -> u16 {
        let word = match self.known_diffs.get(&(of, by_direction)) {
            Some(word) => *word,
            None => {
                let word = self.room(if by_direction { &[0; 4] } else { &[0; 2] });
                self.known_diffs.insert((of, by_direction), word);
                word
            }
        };
        let by = if by_direction { self.loaded(Noted::Field(FieldId::Direction)) } else { self.constant(Reg::int(0)) };
        self.step(Step::Diff { of, word, by, float })
    }

    pub(super) fn pure_step(&mut self, pure: Pure, a: u16, b: u16) -> u16 {
        self.step(Step::Pure(pure, a, b))
    }

    fn pure_end(&mut self, pure: Pure, a: u16, b: u16) -> u16 {
        self.end(EndStep::Pure(pure, a, b))
    }

    /// The register of a value of the flow.
    fn flow(&mut self, expr: &Expr, scope: Scope) -> Result<u16, Invalid> {
        Ok(match expr.node() {
            Node::Literal(literal) => self.constant(literal_reg(literal)),
            Node::Flow(column) => {
                let column = self.column(column.0);
                self.end(EndStep::Column(column))
            }
            Node::Unary(operator, part) => {
                let of = self.flow(part, scope)?;
                self.unary(*operator, of, part.ty(), Self::pure_end)
            }
            Node::Binary(operator, one, other) if one.ty() == Type::Text => {
                let (column, text) = match (one.node(), other.node()) {
                    (Node::Flow(column), Node::Literal(Literal::Text(text)))
                    | (Node::Literal(Literal::Text(text)), Node::Flow(column)) => (column.0, text.clone()),
                    _ => return Err(Invalid::ty(expr.to_string(), "it compares no column with a text".to_owned())),
                };
                let column = self.column(column);
                self.texts.push(text);
                let text = (self.texts.len() - 1) as u16;
                self.end(EndStep::TextIs { column, text, negate: *operator == Binary::Ne })
            }
            Node::Binary(operator, one, other) => {
                let (left, right) = (self.flow(one, scope)?, self.flow(other, scope)?);
                self.binary(*operator, (left, one.ty()), (right, other.ty()), Self::pure_end)
            }
            Node::When(condition, then, otherwise) => {
                let condition = self.flow(condition, scope)?;
                let mut parts = [0; 2];
                for (place, part) in parts.iter_mut().zip([then, otherwise]) {
                    let of = self.flow(part, scope)?;
                    *place = self.as_type(of, part.ty(), expr.ty(), Self::pure_end);
                }
                self.end(EndStep::Select { condition, then: parts[0], otherwise: parts[1] })
            }
            Node::Clip(part, low, high) => {
                let mut parts = [(0, Type::Int); 3];
                for (place, part) in parts.iter_mut().zip([part, low, high]) {
                    *place = (self.flow(part, scope)?, part.ty());
                }
                self.clip(parts, expr.ty(), Self::pure_end)
            }
            Node::Fold(fold, part) => {
                let outcome = self.outcome(fold, part, scope, expr)?;
                self.end(EndStep::Result(outcome))
            }
            Node::OverDirection(_) | Node::Packet(_) | Node::Byte(..) | Node::Diff(_) | Node::Filter(..) => {
                let detail = "a list stands at the end of a metric only".to_owned();
                return Err(Invalid::ty(expr.to_string(), detail));
            }
        })
    }

    fn column(&mut self, column: &'static Column) -> u16 {
        let found = self.columns.iter().position(|known| known.name == column.name);
        let place = found.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        });
        place as u16
    }

    /// The folds that a fold is made of, and what is made of them.
    fn outcome(&mut self, fold: &Fold, part: &Expr, scope: Scope, whole: &Expr) -> Result<Outcome, Invalid> {
        let (of, ty) = (self.narrowed(part, scope), part.ty());
        let float = ty == Type::Float;
        Ok(match fold {
            Fold::Count => Outcome::Word(self.fold(of, FoldKind::Count)),
            Fold::Sum if ty == Type::Bool => Outcome::Word(self.fold(of, FoldKind::Trues)),
            Fold::Sum if float => Outcome::SumFloat(self.fold(of, FoldKind::SumFloat)),
            Fold::Sum => Outcome::SumInt(self.fold(of, FoldKind::SumInt)),
            Fold::Mean if float => {
                let (count, sum) = (self.fold(of, FoldKind::Count), self.fold(of, FoldKind::SumFloat));
                Outcome::MeanFloat { count, sum }
            }
            Fold::Mean => {
                Outcome::MeanInt { count: self.fold(of, FoldKind::Count), sum: self.fold(of, FoldKind::SumInt) }
            }
            Fold::Std | Fold::Var if float => {
                Outcome::SpreadFloat { place: self.fold(of, FoldKind::Spread), root: *fold == Fold::Std }
            }
            Fold::Std | Fold::Var => Outcome::SpreadInt {
                count: self.fold(of, FoldKind::Count),
                sum: self.fold(of, FoldKind::SumInt),
                squares: self.fold(of, FoldKind::SumSquares),
                root: *fold == Fold::Std,
            },
            Fold::Min => Outcome::Extreme(self.fold(of, if float { FoldKind::MinFloat } else { FoldKind::MinInt })),
            Fold::Max => Outcome::Extreme(self.fold(of, if float { FoldKind::MaxFloat } else { FoldKind::MaxInt })),
            Fold::Any => Outcome::Some(self.fold(of, FoldKind::Trues)),
            Fold::All => Outcome::None(self.fold(of, FoldKind::AnyFalse)),
            Fold::NUnique => Outcome::Unique(self.fold(of, FoldKind::Unique { float })),
            Fold::Quantile(share) => Outcome::Quantile(self.fold(of, FoldKind::Sketch { float }), share.0.to_bits()),
            Fold::Entropy if ty == Type::Bytes => Outcome::Entropy(self.fold_bytes(of, bytes_of(part))),
            Fold::Entropy => Outcome::Entropy(self.fold(of, FoldKind::Counts)),
            Fold::EwmMean(half_life) => {
                let of = self.as_type(of, ty, Type::Float, Self::pure_step);
                let left = (-1.0 / half_life.0).exp2();
                Outcome::Ewm(self.fold(of, FoldKind::Ewm(left.to_bits())))
            }
            Fold::First(_) | Fold::Last(_) | Fold::Histogram(_) => {
                let detail = "a list stands at the end of a metric only".to_owned();
                return Err(Invalid::ty(whole.to_string(), detail));
            }
        })
    }

    /// The register of what is folded, in one direction only if the scope says so.
    fn narrowed(&mut self, part: &Expr, scope: Scope) -> u16 {
        let of = self.packet(part, scope);
        match scope.only {
            Some(only) => self.pure_step(Pure::Filter, of, only),
            None => of,
        }
    }

    fn fold(&mut self, of: u16, kind: FoldKind) -> u16 {
        if let Some(place) = self.known_folds.get(&(of, kind)) {
            return *place;
        }
        let place = match kind {
            FoldKind::Count | FoldKind::Trues | FoldKind::AnyFalse => self.room(&[0]),
            FoldKind::SumInt
            | FoldKind::SumFloat
            | FoldKind::MinInt
            | FoldKind::MaxInt
            | FoldKind::MinFloat
            | FoldKind::MaxFloat => self.room(&[0; 2]),
            FoldKind::SumSquares => self.room(&[0; squares::WORDS]),
            FoldKind::Spread | FoldKind::Ewm(_) => self.room(&[0; 3]),
            FoldKind::First(count) | FoldKind::Last(count) => self.room(&vec![0; usize::from(count) + 1]),
            FoldKind::Histogram { edges, .. } => {
                let bins = self.edges[usize::from(edges)].len() + 1;
                self.room(&vec![0; bins])
            }
            FoldKind::Sketch { .. } => self.keep(Heavy::Sketch(Default::default())),
            FoldKind::Unique { .. } => self.keep(Heavy::Unique(Unique::default())),
            FoldKind::Counts => self.keep(Heavy::Counts(Some(Default::default()))),
        };
        self.folds.push(FoldStep { of, kind, place });
        self.known_folds.insert((of, kind), place);
        place
    }

    fn fold_bytes(&mut self, of: u16, field: FieldId) -> u16 {
        let known = self.bytes.iter().find(|(register, _, bytes)| (*register, *bytes) == (of, field));
        if let Some((_, place, _)) = known {
            return *place;
        }
        let place = self.keep(Heavy::Bytes(None));
        self.bytes.push((of, place, field));
        place
    }

    fn keep(&mut self, heavy: Heavy) -> u16 {
        self.heavy.push(heavy);
        (self.heavy.len() - 1) as u16
    }

    fn output(&mut self, expr: &Expr) -> Result<Output, Invalid> {
        let scope = Scope::default();
        Ok(match expr.node() {
            Node::Fold(Fold::First(count), part) => {
                let (of, count) = (self.packet(part, scope), *count as u16);
                Output::First { place: self.fold(of, FoldKind::First(count)), count, ty: part.ty() }
            }
            Node::Fold(Fold::Last(count), part) => {
                let (of, count) = (self.packet(part, scope), *count as u16);
                Output::Last { place: self.fold(of, FoldKind::Last(count)), count, ty: part.ty() }
            }
            Node::Fold(Fold::Histogram(edges), part) => {
                let (of, next) = (self.packet(part, scope), self.edges.len() as u16);
                let bins = (edges.len() + 1) as u16;
                let edges = *self.known_edges.entry(edges.clone()).or_insert_with(|| {
                    self.edges.push(edges.iter().map(|edge| edge.0).collect());
                    next
                });
                let float = part.ty() == Type::Float;
                Output::Histogram { place: self.fold(of, FoldKind::Histogram { edges, float }), bins }
            }
            Node::OverDirection(part) => {
                let direction = self.loaded(Noted::Field(FieldId::Direction));
                let mut both = [0; 2];
                for (nth, place) in both.iter_mut().enumerate() {
                    let number = self.constant(Reg::int(nth as i64));
                    let only = self.pure_step(Pure::EqInt, direction, number);
                    *place = self.flow(part, Scope { by_direction: true, only: Some(only) })?;
                }
                Output::Two(both[0], both[1], part.ty())
            }
            _ => Output::One(self.flow(expr, scope)?, expr.ty()),
        })
    }

    fn condition(&mut self, expr: &Expr) -> Result<Condition, Invalid> {
        is_truth("end_flow_when", expr)?;
        if names_column(expr) {
            let detail =
                "a column of the flow is known at its end only: end_flow_when is asked after each packet".to_owned();
            return Err(Invalid::ty(expr.to_string(), detail));
        }
        match expr.stage() {
            Stage::Flow => self.flow(expr, Scope::default()).map(Condition::Flow),
            Stage::Packet | Stage::Constant => Ok(Condition::Packet(self.packet(expr, Scope::default()))),
        }
    }

    fn kept(&mut self, expr: &Expr) -> Result<u16, Invalid> {
        is_truth("keep_flows", expr)?;
        if expr.stage() == Stage::Packet {
            let detail =
                "keep_flows is asked at the end of a flow: fold what each packet has, as with .any()".to_owned();
            return Err(Invalid::ty(expr.to_string(), detail));
        }
        self.flow(expr, Scope::default())
    }
}

/// Which bytes an expression of type bytes has.
fn bytes_of(expr: &Expr) -> FieldId {
    match expr.node() {
        Node::Packet(field) => *field,
        Node::Filter(part, _) | Node::OverDirection(part) => bytes_of(part),
        // No other expression has bytes.
        _ => FieldId::Payload,
    }
}

fn is_truth(option: &str, expr: &Expr) -> Result<(), Invalid> {
    if expr.ty() == Type::Bool {
        return Ok(());
    }
    Err(Invalid::ty(expr.to_string(), format!("{option} takes a bool, not {}", expr.ty())))
}

fn names_column(expr: &Expr) -> bool {
    matches!(expr.node(), Node::Flow(_)) || expr.node().parts().any(names_column)
}
