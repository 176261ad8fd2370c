//! How an expression reads: as it was written, with no more parentheses than it needs.

use std::fmt;

use super::fold::Fold;
use super::operator::Binary;
use super::types::Literal;
use super::{Expr, Node};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node() {
            Node::Literal(literal) => literal.fmt(f),
            Node::Packet(id) => write!(f, "packet.{}", id.field().name),
            Node::Flow(column) => write!(f, "flow.{}", column.0.name),
            Node::Unary(operator, part) if operator.is_prefix() => {
                write!(f, "{}{}", operator.text(), Part(part, part.binding() < PREFIX))
            }
            Node::Unary(operator, part) => write!(f, "{}.{}()", tight(part), operator.text()),
            Node::Binary(operator, one, other) if operator.binding() == 0 => {
                write!(f, "{}.{}({other})", tight(one), operator.text())
            }
            Node::Binary(operator, one, other) => {
                write!(f, "{} {} {}", one.inside(*operator, false), operator.text(), other.inside(*operator, true))
            }
            Node::When(condition, then, otherwise) => {
                write!(f, "when({condition}).then({then}).otherwise({otherwise})")
            }
            Node::Clip(part, low, high) => write!(f, "{}.clip({low}, {high})", tight(part)),
            Node::Byte(part, at) => write!(f, "{}.byte({at})", tight(part)),
            Node::Diff(part) => write!(f, "{}.diff()", tight(part)),
            Node::Filter(part, condition) => write!(f, "{}.filter({condition})", tight(part)),
            Node::OverDirection(part) => write!(f, "{}.over(\"direction\")", tight(part)),
            Node::Fold(fold, part) => write!(f, "{}.{fold}", tight(part)),
        }
    }
}

impl Expr {
    /// This as a part of an operator, its right one if `right`.
    pub(super) fn inside(&self, operator: Binary, right: bool) -> impl fmt::Display + '_ {
        let binding = self.binding();
        // Comparisons do not stand beside each other without parentheses.
        let strict = right || operator.is_comparison();
        let least = operator.binding();
        Part(self, if strict { binding <= least } else { binding < least })
    }

    /// How tightly it holds together.
    fn binding(&self) -> u8 {
        match self.node() {
            Node::Binary(operator, ..) if operator.binding() > 0 => operator.binding(),
            Node::Unary(operator, _) if operator.is_prefix() => PREFIX,
            Node::Literal(Literal::Int(number)) if *number < 0 => PREFIX,
            Node::Literal(Literal::Float(number)) if number.is_sign_negative() => PREFIX,
            _ => ATOM,
        }
    }
}

/// What a method is called on.
pub(super) fn tight(part: &Expr) -> impl fmt::Display + '_ {
    // A dot behind a number would belong to it.
    Part(part, part.binding() < ATOM || matches!(part.node(), Node::Literal(_)))
}

/// An expression in parentheses, if it needs them.
struct Part<'a>(&'a Expr, bool);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 { write!(f, "({})", self.0) } else { self.0.fmt(f) }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => write!(f, "{number}"),
            // With a point or an exponent, so that it is read as it is.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => {
                f.write_str("\"")?;
                for character in text.chars() {
                    match character {
                        '"' | '\\' => write!(f, "\\{character}")?,
                        '\n' => f.write_str("\\n")?,
                        _ => write!(f, "{character}")?,
                    }
                }
                f.write_str("\"")
            }
        }
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::First(count) | Self::Last(count) => write!(f, "{name}({count})"),
            Self::Quantile(share) => write!(f, "{name}({:?})", share.0),
            Self::EwmMean(half_life) => write!(f, "{name}({:?})", half_life.0),
            Self::Histogram(edges) => {
                let edges: Vec<_> = edges.iter().map(|edge| format!("{:?}", edge.0)).collect();
                write!(f, "{name}([{}])", edges.join(", "))
            }
            _ => write!(f, "{name}()"),
        }
    }
}

const PREFIX: u8 = 8;
const ATOM: u8 = 9;
