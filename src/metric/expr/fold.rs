//! Folds: what makes one value of a flow out of those of its packets.

use super::display::tight;
use super::types::{Invalid, Stage, Type};
use super::{Expr, Node};

/// What is folded.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Fold {
    Count,
    Sum,
    Mean,
    Std,
    Var,
    Min,
    Max,
    First(usize),
    Last(usize),
    Any,
    All,
    NUnique,
    Quantile(Number),
    /// The edges between bins, in order.
    Histogram(Vec<Number>),
    Entropy,
    EwmMean(Number),
}

/// A finite number, equal by its bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Fold {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Var => "var",
            Self::Min => "min",
            Self::Max => "max",
            Self::First(_) => "first",
            Self::Last(_) => "last",
            Self::Any => "any",
            Self::All => "all",
            Self::NUnique => "n_unique",
            Self::Quantile(_) => "quantile",
            Self::Histogram(_) => "histogram",
            Self::Entropy => "entropy",
            Self::EwmMean(_) => "ewm_mean",
        }
    }

    /// The type of the fold of values of type `of`; else what it takes.
    fn ty(&self, of: Type) -> Result<Type, &'static str> {
        match self {
            Self::Count if of != Type::Text => Ok(Type::Int),
            Self::Count => Err("values of packets"),
            Self::Any | Self::All if of == Type::Bool => Ok(Type::Bool),
            Self::Any | Self::All => Err("bools"),
            Self::Entropy if matches!(of, Type::Bool | Type::Int | Type::Bytes) => Ok(Type::Float),
            Self::Entropy => Err("bytes, ints or bools"),
            _ if !of.is_number() => Err("numbers"),
            Self::Sum if of == Type::Float => Ok(Type::Float),
            Self::Sum | Self::NUnique => Ok(Type::Int),
            Self::Mean | Self::Std | Self::Var | Self::Quantile(_) | Self::EwmMean(_) => Ok(Type::Float),
            Self::Min | Self::Max => Ok(of),
            Self::First(_) | Self::Last(_) => of.list().ok_or("numbers"),
            Self::Histogram(_) => Ok(Type::Ints),
        }
    }
}

impl Expr {
    /// A fold over the values of this.
    pub(super) fn fold(&self, fold: Fold) -> Result<Self, Invalid> {
        let name = fold.name();
        if self.stage() == Stage::Flow {
            let detail = format!("{name}() folds values of packets, and {self} is one of the flow already");
            return Err(Invalid::ty(format!("{}.{name}()", tight(self)), detail));
        }
        match fold.ty(self.ty()) {
            Ok(ty) => Self::of(Node::Fold(fold, self.clone()), ty, Stage::Flow).bounded(),
            Err(wanted) => {
                let detail = format!("{name}() takes {wanted}, and {self} is {}", self.ty());
                Err(Invalid::ty(format!("{}.{name}()", tight(self)), detail))
            }
        }
    }
}
