//! Operators and what they take: how they are written, how tightly they bind, and the type they give.

use super::types::{Invalid, Literal, Stage, Type};
use super::{Expr, MAX_DEPTH, MAX_PARTS, Node};

/// An operator of one part.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Unary {
    /// `-x`.
    Neg,
    /// `~x`: not, of truth values; every bit turned, of whole numbers.
    Not,
    /// `x.abs()`.
    Abs,
    /// `x.log()`: natural; null up to 0.
    Log,
    /// `x.log2()`.
    Log2,
    /// `x.log10()`.
    Log10,
    /// `x.is_null()`.
    IsNull,
}

/// An operator of two parts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Binary {
    /// `|`.
    Or,
    /// `^`.
    Xor,
    /// `&`.
    And,
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `<<`: bits that leave are lost.
    Shl,
    /// `>>`: keeps the sign.
    Shr,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// `//`.
    FloorDiv,
    /// `%`.
    Mod,
    /// `x.min(y)`.
    Min,
    /// `x.max(y)`.
    Max,
    /// `x.fill_null(y)`.
    FillNull,
}

impl Unary {
    /// How it is written: before its part, or behind it as a method.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Neg => "-",
            Self::Not => "~",
            Self::Abs => "abs",
            Self::Log => "log",
            Self::Log2 => "log2",
            Self::Log10 => "log10",
            Self::IsNull => "is_null",
        }
    }

    pub(super) fn is_prefix(self) -> bool {
        matches!(self, Self::Neg | Self::Not)
    }
}

impl Binary {
    /// Those that are written between their parts.
    pub(super) const INFIX: [Self; 17] = [
        Self::FloorDiv,
        Self::Shl,
        Self::Shr,
        Self::Eq,
        Self::Ne,
        Self::Le,
        Self::Ge,
        Self::Lt,
        Self::Gt,
        Self::Or,
        Self::Xor,
        Self::And,
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Mod,
    ];

    /// How it is written between its parts, or as a method.
    pub fn text(self) -> &'static str {
        match self {
            Self::Or => "|",
            Self::Xor => "^",
            Self::And => "&",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Shl => "<<",
            Self::Shr => ">>",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Min => "min",
            Self::Max => "max",
            Self::FillNull => "fill_null",
        }
    }

    /// How tightly it binds, as in Python; 0 for those that are methods.
    pub(super) fn binding(self) -> u8 {
        match self {
            Self::Eq | Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => 1,
            Self::Or => 2,
            Self::Xor => 3,
            Self::And => 4,
            Self::Shl | Self::Shr => 5,
            Self::Add | Self::Sub => 6,
            Self::Mul | Self::Div | Self::FloorDiv | Self::Mod => 7,
            Self::Min | Self::Max | Self::FillNull => 0,
        }
    }

    pub(super) fn is_comparison(self) -> bool {
        self.binding() == 1
    }
}

impl Expr {
    /// An operator before `part`, or a method without arguments.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when the type of `part` does not fit.
    pub fn unary(operator: Unary, part: &Self) -> Result<Self, Invalid> {
        let ty = match (operator, part.ty()) {
            (Unary::IsNull, Type::Bool | Type::Int | Type::Float | Type::Bytes) => Type::Bool,
            (Unary::Not, Type::Bool) => Type::Bool,
            (Unary::Not, Type::Int) => Type::Int,
            (Unary::Neg | Unary::Abs, Type::Bool | Type::Int) => Type::Int,
            (Unary::Neg | Unary::Abs, Type::Float) => Type::Float,
            (Unary::Log | Unary::Log2 | Unary::Log10, ty) if ty.is_number() => Type::Float,
            (_, ty) => {
                let wanted = if operator == Unary::Not { "a bool or an int" } else { "a number" };
                let text = format!("{} takes {wanted}, and {part} is {ty}", operator.text());
                return Err(Invalid::ty(part.to_string(), text));
            }
        };
        // A number that is negated is a number.
        match (operator, part.node()) {
            (Unary::Neg, Node::Literal(Literal::Int(number))) => return Ok(Self::literal(number.wrapping_neg())),
            (Unary::Neg, Node::Literal(Literal::Float(number))) => return Ok(Self::literal(-number)),
            _ => {}
        }
        Self::of(Node::Unary(operator, part.clone()), ty, part.stage()).bounded()
    }

    /// An operator between two parts, or a method with one argument.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when types do not fit, or when one is a value of each packet and the other of the flow.
    pub fn binary(operator: Binary, one: &Self, other: &Self) -> Result<Self, Invalid> {
        let written =
            || format!("{} {} {}", one.inside(operator, false), operator.text(), other.inside(operator, true));
        let (left, right) = (one.ty(), other.ty());
        let numbers = left.is_number() && right.is_number();
        let ty = match operator {
            Binary::And | Binary::Or | Binary::Xor if left == right && matches!(left, Type::Bool | Type::Int) => left,
            Binary::Shl | Binary::Shr if left == Type::Int && right == Type::Int => Type::Int,
            Binary::Eq | Binary::Ne if left == Type::Text && right == Type::Text => Type::Bool,
            Binary::Div if numbers => Type::Float,
            Binary::FillNull | Binary::Min | Binary::Max if left == right && numbers => left,
            Binary::FillNull | Binary::Min | Binary::Max if numbers => left.joined(right),
            Binary::Add | Binary::Sub | Binary::Mul | Binary::FloorDiv | Binary::Mod if numbers => left.joined(right),
            operator if operator.is_comparison() && numbers => Type::Bool,
            _ => {
                let wanted = match operator {
                    Binary::And | Binary::Or | Binary::Xor => "two bools or two ints (put comparisons in parentheses)",
                    Binary::Shl | Binary::Shr => "two ints",
                    Binary::Eq | Binary::Ne => "two numbers or two texts",
                    _ => "two numbers",
                };
                let text = format!("{} takes {wanted}, not {left} and {right}", operator.text());
                return Err(Invalid::ty(written(), text));
            }
        };
        let stage = together(&[one, other]).map_err(|detail| Invalid::ty(written(), detail))?;
        if left == Type::Text {
            let literal = |part: &Self| matches!(part.node(), Node::Literal(_));
            if literal(one) == literal(other) {
                let detail = "a text is compared with one that stands in the expression".to_owned();
                return Err(Invalid::ty(written(), detail));
            }
        }
        Self::of(Node::Binary(operator, one.clone(), other.clone()), ty, stage).bounded()
    }

    /// `then` where `condition` is true, else `otherwise`; `otherwise` too where it is null.
    ///
    /// # Errors
    ///
    /// As for [`Expr::binary`].
    pub fn when(condition: &Self, then: &Self, otherwise: &Self) -> Result<Self, Invalid> {
        let written = || format!("when({condition}).then({then}).otherwise({otherwise})");
        if condition.ty() != Type::Bool {
            let detail = format!("when takes a bool, and {condition} is {}", condition.ty());
            return Err(Invalid::ty(condition.to_string(), detail));
        }
        let ty = match (then.ty(), otherwise.ty()) {
            (one, other) if one == other && one.is_number() => one,
            (one, other) if one.is_number() && other.is_number() => one.joined(other),
            (one, other) => {
                return Err(Invalid::ty(written(), format!("both choices must be numbers, not {one} and {other}")));
            }
        };
        let stage = together(&[condition, then, otherwise]).map_err(|detail| Invalid::ty(written(), detail))?;
        Self::of(Node::When(condition.clone(), then.clone(), otherwise.clone()), ty, stage).bounded()
    }

    /// No deeper and no larger than people write.
    pub(super) fn bounded(self) -> Result<Self, Invalid> {
        if self.0.depth > MAX_DEPTH || self.0.parts > MAX_PARTS {
            let detail = format!("it is nested more than {MAX_DEPTH} deep, or has more than {MAX_PARTS} parts");
            return Err(Invalid::value("the expression".to_owned(), detail));
        }
        Ok(self)
    }
}

/// The stage of what is computed of several parts.
fn together(parts: &[&Expr]) -> Result<Stage, String> {
    let of = |stage| parts.iter().find(|part| part.stage() == stage);
    match (of(Stage::Packet), of(Stage::Flow)) {
        (Some(packet), Some(flow)) => Err(format!(
            "{packet} has a value for every packet, and {flow} one for the flow: fold the first, as with .sum() or .mean()"
        )),
        (Some(_), None) => Ok(Stage::Packet),
        (None, Some(_)) => Ok(Stage::Flow),
        (None, None) => Ok(Stage::Constant),
    }
}
