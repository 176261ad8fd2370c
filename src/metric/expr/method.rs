//! The methods of expressions: one table that the parser, Python and the reference read.

use super::display::tight;
use super::fold::{Fold, Number};
use super::operator::{Binary, Unary};
use super::types::{Invalid, Literal, Stage, Type};
use super::{Expr, Node};

/// A method of expressions.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What is written in its parentheses, as it reads in documentation.
    pub arguments: &'static str,
    /// Whether it makes one value of the flow out of those of packets.
    pub is_fold: bool,
    /// What it is.
    pub doc: &'static str,
    build: fn(&Call<'_>) -> Result<Expr, Invalid>,
}

/// What stands in the parentheses of a method.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// An expression; numbers and texts are some.
    One(Expr),
    /// Several numbers in brackets.
    Several(Vec<f64>),
}

struct Call<'a> {
    name: &'static str,
    part: &'a Expr,
    arguments: &'a [Argument],
}

impl Expr {
    /// Calls a method; [`methods`] has their names.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for a name that is none, for arguments that do not fit, and for a fold inside a fold.
    pub fn call(&self, name: &str, arguments: &[Argument]) -> Result<Self, Invalid> {
        let Some(method) = METHODS.iter().find(|method| method.name == name) else {
            let all = METHODS.iter().map(|method| method.name);
            return Err(Invalid::unknown(format!("({self}).{name}"), "a method of expressions", name, all));
        };
        (method.build)(&Call { name: method.name, part: self, arguments })
    }
}

/// All methods, in the order of the reference.
pub fn methods() -> &'static [Method] {
    METHODS
}

const fn fold(
    name: &'static str,
    arguments: &'static str,
    doc: &'static str,
    build: fn(&Call<'_>) -> Result<Expr, Invalid>,
) -> Method {
    Method { name, arguments, is_fold: true, doc, build }
}

const fn value(
    name: &'static str,
    arguments: &'static str,
    doc: &'static str,
    build: fn(&Call<'_>) -> Result<Expr, Invalid>,
) -> Method {
    Method { name, arguments, is_fold: false, doc, build }
}

static METHODS: &[Method] = &[
    fold("count", "", "How many packets have a value.", |call| call.plain(Fold::Count)),
    fold("sum", "", "Their sum; 0 of none.", |call| call.plain(Fold::Sum)),
    fold("mean", "", "Their arithmetic mean.", |call| call.plain(Fold::Mean)),
    fold("std", "", "Their sample standard deviation (with n - 1); 0 of one.", |call| call.plain(Fold::Std)),
    fold("var", "", "Their sample variance (with n - 1); 0 of one.", |call| call.plain(Fold::Var)),
    fold("min", "", "The least of them. With another number, the lesser of the two, packet by packet.", |call| {
        if call.arguments.is_empty() { call.plain(Fold::Min) } else { call.binary(Binary::Min) }
    }),
    fold("max", "", "The greatest of them. With another number, the greater of the two.", |call| {
        if call.arguments.is_empty() { call.plain(Fold::Max) } else { call.binary(Binary::Max) }
    }),
    fold("first", "n", "The first n as a list, n up to 1,024.", |call| call.listed(Fold::First)),
    fold("last", "n", "The last n as a list, n up to 1,024.", |call| call.listed(Fold::Last)),
    fold("any", "", "Whether one is true.", |call| call.plain(Fold::Any)),
    fold("all", "", "Whether none is false.", |call| call.plain(Fold::All)),
    fold(
        "n_unique",
        "",
        "How many different ones there are: exact up to 256, then estimated (HyperLogLog with 4,096 registers, Flajolet et al. 2007; standard error 1.6 %).",
        |call| call.plain(Fold::NUnique),
    ),
    fold(
        "quantile",
        "q",
        "The value that a share q (0 to 1) of them does not exceed, within 1 % of itself (DDSketch, Masson et al. 2019); what lies within 1e-9 of 0 is 0, and what lies beyond 1e21 is that.",
        |call| {
            let share = call.number("a number from 0 to 1", |share| (0.0..=1.0).contains(&share))?;
            call.part.fold(Fold::Quantile(Number(share)))
        },
    ),
    fold(
        "histogram",
        "[e1, e2, ...]",
        "How many lie below e1, from e1 to below e2, ..., and at or above the last edge: one count more than edges; up to 255 edges in rising order.",
        |call| match call.arguments {
            [Argument::Several(edges)] if is_rising(edges) && (1..=255).contains(&edges.len()) => {
                call.part.fold(Fold::Histogram(edges.iter().copied().map(Number).collect()))
            }
            _ => Err(call.wrong("a list of 1 to 255 numbers in rising order")),
        },
    ),
    fold(
        "entropy",
        "",
        "Shannon entropy in bits: of the bytes, or of how often each whole number comes; null beyond 1,024 different numbers.",
        |call| call.plain(Fold::Entropy),
    ),
    fold(
        "ewm_mean",
        "half_life",
        "Their exponentially weighted mean: each counts half of the one half_life values after it.",
        |call| {
            let half_life = call.number("a number above 0", |half_life| half_life > 0.0)?;
            call.part.fold(Fold::EwmMean(Number(half_life)))
        },
    ),
    value("filter", "condition", "The value where the condition is true; null elsewhere.", |call| {
        let condition = call.one("a bool for each packet")?;
        if condition.ty() != Type::Bool {
            let detail = format!("filter takes a bool, and {condition} is {}", condition.ty());
            return Err(Invalid::ty(condition.to_string(), detail));
        }
        call.packets()?;
        if condition.stage() == Stage::Flow {
            let detail = format!("filter takes a bool for each packet, and {condition} is one of the flow");
            return Err(Invalid::ty(condition.to_string(), detail));
        }
        Expr::of(Node::Filter(call.part.clone(), condition.clone()), call.part.ty(), Stage::Packet).bounded()
    }),
    value("diff", "", "The difference from the packet before it that has a value; null for the first.", |call| {
        call.packets()?;
        if !call.arguments.is_empty() {
            return Err(call.wrong("no argument"));
        }
        if !call.part.ty().is_number() {
            return Err(call.wrong_type("numbers"));
        }
        let ty = if call.part.ty() == Type::Float { Type::Float } else { Type::Int };
        Expr::of(Node::Diff(call.part.clone()), ty, Stage::Packet).bounded()
    }),
    value(
        "over",
        "\"direction\"",
        "By direction: diff() and gap look at packets of their own direction only, and a value of the flow becomes a list of two, from source to destination and back.",
        |call| match call.arguments {
            [Argument::One(by)] if matches!(by.node(), Node::Literal(Literal::Text(text)) if text == "direction") => {
                let (ty, stage) = match call.part.stage() {
                    Stage::Flow => {
                        let list = call.part.ty().list();
                        (list.ok_or_else(|| call.wrong_type("one number or bool of the flow"))?, Stage::Flow)
                    }
                    // One value for each packet, as that of filter() and diff(), even where it is always the same.
                    _ => (call.part.ty(), Stage::Packet),
                };
                Expr::of(Node::OverDirection(call.part.clone()), ty, stage).bounded()
            }
            _ => Err(call.wrong("\"direction\"")),
        },
    ),
    value("abs", "", "Without its sign.", |call| call.unary(Unary::Abs)),
    value("log", "", "The natural logarithm; null of 0 and below.", |call| call.unary(Unary::Log)),
    value("log2", "", "The logarithm to base 2.", |call| call.unary(Unary::Log2)),
    value("log10", "", "The logarithm to base 10.", |call| call.unary(Unary::Log10)),
    value("clip", "low, high", "No less than low and no more than high.", |call| match call.arguments {
        [Argument::One(low), Argument::One(high)] => {
            let raised = Expr::binary(Binary::Max, call.part, low)?;
            let clipped = Expr::binary(Binary::Min, &raised, high)?;
            let node = Node::Clip(call.part.clone(), low.clone(), high.clone());
            Expr::of(node, clipped.ty(), clipped.stage()).bounded()
        }
        _ => Err(call.wrong("two numbers, low and high")),
    }),
    value("is_null", "", "Whether there is no value.", |call| call.unary(Unary::IsNull)),
    value("fill_null", "value", "The value, or the other one where there is none.", |call| {
        call.binary(Binary::FillNull)
    }),
    value("byte", "n", "The byte n places from the beginning (0 is the first); null where there are fewer.", |call| {
        if call.part.ty() != Type::Bytes {
            return Err(call.wrong_type("bytes, such as packet.payload"));
        }
        let at = call.whole("a whole number from 0 to 65535", |at| u16::try_from(at).ok())?;
        Expr::of(Node::Byte(call.part.clone(), at), Type::Int, call.part.stage()).bounded()
    }),
];

impl Call<'_> {
    fn plain(&self, fold: Fold) -> Result<Expr, Invalid> {
        if self.arguments.is_empty() { self.part.fold(fold) } else { Err(self.wrong("no argument")) }
    }

    fn listed(&self, fold: fn(usize) -> Fold) -> Result<Expr, Invalid> {
        let count = self.whole("a whole number from 1 to 1024", |count| {
            usize::try_from(count).ok().filter(|count| (1..=1024).contains(count))
        })?;
        self.part.fold(fold(count))
    }

    fn unary(&self, operator: Unary) -> Result<Expr, Invalid> {
        if self.arguments.is_empty() { Expr::unary(operator, self.part) } else { Err(self.wrong("no argument")) }
    }

    fn binary(&self, operator: Binary) -> Result<Expr, Invalid> {
        Expr::binary(operator, self.part, self.one("one number")?)
    }

    fn one(&self, wanted: &str) -> Result<&Expr, Invalid> {
        match self.arguments {
            [Argument::One(one)] => Ok(one),
            _ => Err(self.wrong(wanted)),
        }
    }

    fn number(&self, wanted: &str, is_right: impl Fn(f64) -> bool) -> Result<f64, Invalid> {
        let number = match self.one(wanted)?.node() {
            Node::Literal(Literal::Int(number)) => *number as f64,
            Node::Literal(Literal::Float(number)) => *number,
            _ => return Err(self.wrong(wanted)),
        };
        if is_right(number) && number.is_finite() { Ok(number) } else { Err(self.wrong(wanted)) }
    }

    fn whole<T>(&self, wanted: &str, read: impl Fn(i64) -> Option<T>) -> Result<T, Invalid> {
        match self.one(wanted)?.node() {
            Node::Literal(Literal::Int(number)) => read(*number).ok_or_else(|| self.wrong(wanted)),
            _ => Err(self.wrong(wanted)),
        }
    }

    /// Refuses what is a value of the flow.
    fn packets(&self) -> Result<(), Invalid> {
        if self.part.stage() == Stage::Flow {
            let detail = format!("{} takes values of packets, and {} is one of the flow", self.name, self.part);
            return Err(Invalid::ty(self.written(), detail));
        }
        Ok(())
    }

    fn wrong(&self, wanted: &str) -> Invalid {
        let given: Vec<_> = self.arguments.iter().map(Argument::to_string).collect();
        let given = if given.is_empty() { "nothing".to_owned() } else { given.join(", ") };
        Invalid::value(self.written(), format!("{} takes {wanted}, not {given}", self.name))
    }

    fn wrong_type(&self, wanted: &str) -> Invalid {
        Invalid::ty(self.written(), format!("{} takes {wanted}, and {} is {}", self.name, self.part, self.part.ty()))
    }

    fn written(&self) -> String {
        format!("{}.{}(...)", tight(self.part), self.name)
    }
}

impl std::fmt::Display for Argument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(one) => one.fmt(f),
            Self::Several(several) => write!(f, "{several:?}"),
        }
    }
}

fn is_rising(edges: &[f64]) -> bool {
    edges.iter().all(|edge| edge.is_finite()) && edges.windows(2).all(|pair| pair[0] < pair[1])
}
