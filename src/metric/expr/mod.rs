//! Expressions: the user's metrics as small typed trees that are folded over a flow's packets without any call back.
//!
//! An [`Expr`] is made by [parsing](Expr::parse) (`"(packet.size > 666).sum()"`), or by [`Expr::packet`], [`Expr::flow`],
//! [`Expr::binary`] and [`Expr::call`]. It has a [`Type`] and a [`Stage`]: a value of each packet, which a fold such as
//! `sum` turns into one of the flow. Whatever does not fit is an [`Invalid`] at once, naming the part that is wrong and
//! what would be right.
//!
#![doc = include_str!("../../../docs/expressions.md")]

mod accumulate;
mod combine;
mod compile;
mod conclude;
mod display;
mod field;
mod fold;
mod folder;
mod folds;
mod heavy;
mod kept;
mod lanes;
mod lower;
mod machine;
mod method;
mod operator;
mod parse;
mod piece;
mod program;
mod reference;
mod sketch;
mod squares;
mod types;

pub use field::{PacketField, packet_fields};
pub use method::{Argument, Method, methods};
pub use operator::{Binary, Unary};
pub use reference::write_reference;
pub use types::{Invalid, InvalidKind, Literal, Stage, Type};

pub(crate) use compile::compile;
pub(crate) use field::{See, Seen};
pub(crate) use folds::Folds;
pub(crate) use program::Program;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::flow::schema::{self, Column};

use field::FieldId;
use fold::Fold;

/// A typed expression over the packets of a flow.
///
/// Cheap to clone. Two are equal when they read the same. `Display` writes what [`Expr::parse`] reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(Arc<Inner>);

#[derive(Debug, PartialEq)]
struct Inner {
    node: Node,
    ty: Type,
    stage: Stage,
    depth: usize,
    /// How many parts it has, each as often as it reads.
    parts: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Literal(Literal),
    Packet(FieldId),
    Flow(ColumnRef),
    Unary(Unary, Expr),
    Binary(Binary, Expr, Expr),
    When(Expr, Expr, Expr),
    Clip(Expr, Expr, Expr),
    /// One byte of bytes.
    Byte(Expr, u16),
    /// The difference from the last packet that has a value.
    Diff(Expr),
    /// The first where the second is true, else null.
    Filter(Expr, Expr),
    /// By direction: state apart for each, and folds as a list of two.
    OverDirection(Expr),
    Fold(Fold, Expr),
}

/// A column of the records; equal by name.
#[derive(Clone, Copy, Debug)]
struct ColumnRef(&'static Column);

impl PartialEq for ColumnRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Expr {
    /// A number, a truth value or a text.
    pub fn literal(value: impl Into<Literal>) -> Self {
        let value = value.into();
        let ty = value.ty();
        Self::of(Node::Literal(value), ty, Stage::Constant)
    }

    /// A field of each packet; [`packet_fields`] has their names.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for a name that is none.
    pub fn packet(name: &str) -> Result<Self, Invalid> {
        let Some(field) = packet_fields().iter().find(|field| field.name == name) else {
            let all = packet_fields().iter().map(|field| field.name);
            return Err(Invalid::unknown(format!("packet.{name}"), "a field of packets", name, all));
        };
        Ok(Self::of(Node::Packet(field.id), field.ty, Stage::Packet))
    }

    /// A column of the record at the end of the flow; [`schema::columns`] has their names.
    ///
    /// Null where the option that turns it on is off.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for a name that is none, and for a column of lists.
    pub fn flow(name: &str) -> Result<Self, Invalid> {
        let Some(column) = schema::column(name) else {
            let all = schema::columns().map(|column| column.name);
            return Err(Invalid::unknown(format!("flow.{name}"), "a column of flows", name, all));
        };
        let Some(ty) = Type::of_column(column) else {
            return Err(Invalid::ty(format!("flow.{name}"), "a column of lists cannot be computed with".to_owned()));
        };
        Ok(Self::of(Node::Flow(ColumnRef(column)), ty, Stage::Flow))
    }

    /// What its values are.
    pub fn ty(&self) -> Type {
        self.0.ty
    }

    /// Whether it has a value for each packet or one for the flow.
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// Bytes that it takes of every living flow, at most.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for what is no value of a flow.
    pub fn state_bytes(&self) -> Result<usize, Invalid> {
        Ok(compile(std::slice::from_ref(self), None, None)?.state_bytes())
    }

    /// Bytes that it takes of every living flow, at most, where records can be merged
    /// ([`Streamer::mergeable`](crate::Streamer::mergeable)); a record keeps as much. Alone: beside others, each packet that
    /// lacks the one before keeps what all of them folded until then.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for what is no value of a flow.
    pub fn mergeable_state_bytes(&self) -> Result<usize, Invalid> {
        Ok(compile(std::slice::from_ref(self), None, None)?.mergeable_state_bytes())
    }

    /// Whether it can be told of a whole flow from the records of its parts, as [`FlowRecord::merge`](crate::FlowRecord::merge)
    /// does.
    ///
    /// Not what counts packets from the first on (`packet.index`), nor differences of differences, nor bytes chosen by a
    /// difference: only all packets together can tell those.
    pub fn is_mergeable(&self) -> bool {
        let holds = match self.node() {
            Node::Packet(field) => *field != FieldId::Index,
            Node::Diff(part) => !part.has_difference(),
            Node::Fold(_, part) if part.ty() == Type::Bytes => !part.has_difference(),
            _ => true,
        };
        holds && self.node().parts().all(Self::is_mergeable)
    }

    /// Whether the packet before has a say in it.
    fn has_difference(&self) -> bool {
        match self.node() {
            Node::Diff(_) | Node::Packet(FieldId::Gap | FieldId::DirectionGap) => true,
            node => node.parts().any(Self::has_difference),
        }
    }

    /// Calls `look` with every column that it looks at, as often as it does.
    pub(crate) fn each_column(&self, look: &mut impl FnMut(&'static Column)) {
        if let Node::Flow(column) = self.node() {
            look(column.0);
        }
        self.node().parts().for_each(|part| part.each_column(look));
    }

    /// Checks that it is one value of the flow, so that it can be a metric.
    ///
    /// # Errors
    ///
    /// [`Invalid`] naming what is missing.
    pub fn check_metric(&self) -> Result<(), Invalid> {
        if self.stage() == Stage::Packet {
            let detail = "it has a value for every packet: fold it, as with .sum(), .mean() or .first(n)".to_owned();
            return Err(Invalid::ty(self.to_string(), detail));
        }
        if matches!(self.ty(), Type::Text | Type::Bytes) {
            return Err(Invalid::ty(
                self.to_string(),
                format!("a metric is a number or a list of them, not {}", self.ty()),
            ));
        }
        Ok(())
    }

    fn of(node: Node, ty: Type, stage: Stage) -> Self {
        let depth = 1 + node.parts().map(|part| part.0.depth).max().unwrap_or_default();
        let parts = node.parts().fold(1, |sum: usize, part| sum.saturating_add(part.0.parts));
        Self(Arc::new(Inner { node, ty, stage, depth, parts }))
    }

    fn node(&self) -> &Node {
        &self.0.node
    }
}

impl Hash for Expr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl Eq for Expr {}

impl Node {
    fn parts(&self) -> impl Iterator<Item = &Expr> {
        let parts: [Option<&Expr>; 3] = match self {
            Self::Literal(_) | Self::Packet(_) | Self::Flow(_) => [None; 3],
            Self::Unary(_, a) | Self::Byte(a, _) | Self::Diff(a) | Self::OverDirection(a) | Self::Fold(_, a) => {
                [Some(a), None, None]
            }
            Self::Binary(_, a, b) | Self::Filter(a, b) => [Some(a), Some(b), None],
            Self::When(a, b, c) | Self::Clip(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        parts.into_iter().flatten()
    }
}

/// Deepest tree that is taken: deeper ones are no expressions that people write.
const MAX_DEPTH: usize = 100;
/// Most parts that are taken.
const MAX_PARTS: usize = 10_000;
