//! What expressions are made of and what is wrong with those that are none.

use std::fmt;

use crate::flow::schema::{Column, ColumnKind};

/// What the values of an expression are; each may be null.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number of 64 bits with sign.
    Int,
    /// A number with a fraction (IEEE 754, 64 bits); never NaN or infinite.
    Float,
    /// Text.
    Text,
    /// Bytes of a packet.
    Bytes,
    /// A list of truth values.
    Bools,
    /// A list of whole numbers.
    Ints,
    /// A list of numbers with fractions.
    Floats,
}

/// When an expression has a value.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Always the same.
    Constant,
    /// One for each packet.
    Packet,
    /// One for the flow.
    Flow,
}

/// A value that stands in the expression itself.
#[derive(Clone, Debug)]
pub enum Literal {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
}

/// Why something is no expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invalid {
    /// What is wrong about it.
    pub kind: InvalidKind,
    /// The part that is wrong, as it reads.
    pub expression: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// What is wrong about an expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidKind {
    /// A part has a type, or a stage, that does not fit.
    Type,
    /// A number is out of its range, or a text cannot be read.
    Value,
    /// There is no such field, column, function or method.
    Unknown,
}

impl Type {
    /// Whether it counts as a number: truth values do, as 0 and 1.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Bool | Self::Int | Self::Float)
    }

    /// What arithmetic with these two gives.
    pub(super) fn joined(self, other: Self) -> Self {
        if self == Self::Float || other == Self::Float { Self::Float } else { Self::Int }
    }

    /// The list of values of this type.
    pub(super) fn list(self) -> Option<Self> {
        match self {
            Self::Bool => Some(Self::Bools),
            Self::Int => Some(Self::Ints),
            Self::Float => Some(Self::Floats),
            _ => None,
        }
    }

    /// That of a column's cells; `None` for lists.
    pub(super) fn of_column(column: &Column) -> Option<Self> {
        match column.kind {
            ColumnKind::Bool => Some(Self::Bool),
            ColumnKind::F64 => Some(Self::Float),
            ColumnKind::Text => Some(Self::Text),
            ColumnKind::U8
            | ColumnKind::U16
            | ColumnKind::U32
            | ColumnKind::U64
            | ColumnKind::I64
            | ColumnKind::Time
            | ColumnKind::Duration => Some(Self::Int),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "str",
            Self::Bytes => "bytes",
            Self::Bools => "list of bool",
            Self::Ints => "list of int",
            Self::Floats => "list of float",
        })
    }
}

impl Literal {
    pub(super) fn ty(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Text(_) => Type::Text,
        }
    }
}

/// Numbers are equal when they are written the same.
impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Float(one), Self::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Text(one), Self::Text(other)) => one == other,
            _ => false,
        }
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Literal {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Literal {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.expression, self.detail)
    }
}

impl std::error::Error for Invalid {}

impl Invalid {
    pub(super) fn ty(expression: String, detail: String) -> Self {
        Self { kind: InvalidKind::Type, expression, detail }
    }

    pub(super) fn value(expression: String, detail: String) -> Self {
        Self { kind: InvalidKind::Value, expression, detail }
    }

    /// There is no `what` of this name; tells those that are like it, or how they are called.
    pub(super) fn unknown<'a>(expression: String, what: &str, name: &str, all: impl Iterator<Item = &'a str>) -> Self {
        let all: Vec<_> = all.collect();
        let near: Vec<_> = all.iter().copied().filter(|other| is_near(name, other)).take(4).collect();
        let known = if near.is_empty() { all } else { near };
        let detail = format!("{name:?} is not {what}: there is {}", known.join(", "));
        Self { kind: InvalidKind::Unknown, expression, detail }
    }
}

/// Whether one of two names is part of the other, they share a beginning of three letters or more, or one letter differs.
fn is_near(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count();
    if one.len() == other.len() && differing <= 1 {
        return true;
    }
    let shared = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    shared >= 3 || (one.len() >= 3 && other.contains(one)) || (other.len() >= 3 && one.contains(other))
}
