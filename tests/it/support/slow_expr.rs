//! Slow expressions: what they mean once more, over columns of values of a flow's packets, without the library.

use flowgauge::FlowRecord;

use super::slow_fold::{Fold, Folded};
use super::slow_packet::Row;

/// A tree of its own.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Int(i64),
    Float(f64),
    Bool(bool),
    Field(&'static str, Kind),
    Column(&'static str),
    Unary(&'static str, Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    When(Box<Self>, Box<Self>, Box<Self>),
    Clip(Box<Self>, Box<Self>, Box<Self>),
    Byte(Box<Self>, u16),
    Diff(Box<Self>),
    Filter(Box<Self>, Box<Self>),
    Over(Box<Self>),
    Fold(Fold, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
    Bytes,
}

/// A value, and how far a number may be off.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Val {
    Null,
    Bool(bool),
    Int(i64),
    /// With the most by which the library's may differ; of the values of packets it is none.
    Float(f64, f64),
    Bytes(Vec<u8>),
    /// It hangs on a number that is not known exactly.
    Unsure,
}

use Val::{Float, Null, Unsure};

impl Tree {
    pub(crate) fn kind(&self) -> Kind {
        let joined = |parts: &[&Self]| parts.iter().map(|part| part.kind()).fold(Kind::Bool, Kind::joined);
        match self {
            Self::Int(_) | Self::Byte(..) | Self::Column(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Bool(_) => Kind::Bool,
            Self::Field(_, kind) => *kind,
            Self::Unary("is_null", _) => Kind::Bool,
            Self::Unary("log" | "log2" | "log10", _) => Kind::Float,
            Self::Unary("~", part) => part.kind(),
            Self::Unary(_, part) | Self::Diff(part) => part.kind().joined(Kind::Int),
            Self::Binary("==" | "!=" | "<" | "<=" | ">" | ">=", ..) => Kind::Bool,
            Self::Binary("/", ..) => Kind::Float,
            Self::Binary("&" | "|" | "^" | "min" | "max" | "fill_null", a, b) => joined(&[a, b]),
            Self::Binary(_, a, b) => joined(&[a, b]).joined(Kind::Int),
            Self::When(_, a, b) => joined(&[a, b]),
            Self::Clip(a, b, c) => joined(&[a, b, c]),
            Self::Filter(part, _) | Self::Over(part) => part.kind(),
            Self::Fold(fold, part) => fold.kind(part.kind()),
        }
    }

    /// How it is written, in parentheses wherever they might matter.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Int(number) => format!("({number})"),
            Self::Float(number) => format!("({number:?})"),
            Self::Bool(truth) => (if *truth { "True" } else { "False" }).to_owned(),
            Self::Field(name, _) => format!("packet.{name}"),
            Self::Column(name) => format!("flow.{name}"),
            Self::Unary(sign @ ("-" | "~"), part) => format!("({sign}{})", part.text()),
            Self::Unary(name, part) => format!("{}.{name}()", part.text()),
            Self::Binary(name @ ("min" | "max" | "fill_null"), a, b) => format!("{}.{name}({})", a.text(), b.text()),
            Self::Binary(sign, a, b) => format!("({} {sign} {})", a.text(), b.text()),
            Self::When(a, b, c) => format!("when({}).then({}).otherwise({})", a.text(), b.text(), c.text()),
            Self::Clip(a, b, c) => format!("{}.clip({}, {})", a.text(), b.text(), c.text()),
            Self::Byte(part, at) => format!("{}.byte({at})", part.text()),
            Self::Diff(part) => format!("{}.diff()", part.text()),
            Self::Filter(a, b) => format!("{}.filter({})", a.text(), b.text()),
            Self::Over(part) => format!("{}.over(\"direction\")", part.text()),
            Self::Fold(fold, part) => format!("{}.{}", part.text(), fold.text()),
        }
    }

    /// One value for each packet.
    pub(crate) fn column(&self, rows: &[Row], apart: bool) -> Vec<Val> {
        let of = |part: &Self| part.column(rows, apart);
        match self {
            Self::Field("gap", _) => steps(&times(rows), rows, apart),
            Self::Field("direction_gap", _) => steps(&times(rows), rows, true),
            Self::Field(name, _) => rows.iter().map(|row| row.field(name)).collect(),
            Self::Diff(part) => steps(&of(part), rows, apart),
            Self::Over(part) => part.column(rows, true),
            Self::Byte(part, at) => {
                let byte = |bytes: Val| match bytes {
                    Val::Bytes(bytes) => bytes.get(usize::from(*at)).map_or(Null, |byte| Val::Int((*byte).into())),
                    _ => Null,
                };
                of(part).into_iter().map(byte).collect()
            }
            Self::Filter(part, condition) => {
                let kept = |(value, kept)| if kept == Val::Bool(true) { value } else { Null };
                of(part).into_iter().zip(of(condition)).map(kept).collect()
            }
            _ => {
                let parts: Vec<_> = self.operands().into_iter().map(of).collect();
                (0..rows.len())
                    .map(|at| self.apply(&parts.iter().map(|part| part[at].clone()).collect::<Vec<_>>()))
                    .collect()
            }
        }
    }

    /// The value of the flow, of the packets of one direction if `only` says so.
    pub(crate) fn value(&self, rows: &[Row], record: &FlowRecord, apart: bool, only: Option<usize>) -> Val {
        match self {
            Self::Column(name) => Val::Int(match *name {
                "src_to_dst_pkts" => record.counts[0].pkts,
                "dst_to_src_pkts" => record.counts[1].pkts,
                _ => record.counts[0].bytes,
            } as i64),
            Self::Fold(fold, part) => fold.scalar(&folded(part, rows, apart, only), part.kind()),
            _ => {
                let parts = self.operands().into_iter().map(|part| part.value(rows, record, apart, only));
                self.apply(&parts.collect::<Vec<_>>())
            }
        }
    }

    /// What the metric is: one value, or a list.
    pub(crate) fn metric(&self, rows: &[Row], record: &FlowRecord) -> Folded {
        match self {
            Self::Over(part) => {
                Folded::List([0, 1].map(|direction| part.value(rows, record, true, Some(direction))).to_vec())
            }
            Self::Fold(fold, part) if fold.is_list() => Folded::List(fold.list(&folded(part, rows, false, None))),
            _ => Folded::One(self.value(rows, record, false, None)),
        }
    }

    fn operands(&self) -> Vec<&Self> {
        match self {
            Self::Unary(_, a) => vec![a],
            Self::Binary(_, a, b) => vec![a, b],
            Self::When(a, b, c) | Self::Clip(a, b, c) => vec![a, b, c],
            _ => Vec::new(),
        }
    }

    /// What it makes of the values of its parts.
    fn apply(&self, parts: &[Val]) -> Val {
        let made = match (self, parts) {
            (Self::Int(number), _) => Val::Int(*number),
            (Self::Float(number), _) => Float(*number, 0.0),
            (Self::Bool(truth), _) => Val::Bool(*truth),
            (Self::Unary(name, _), [part]) => super::slow_operator::unary(name, part),
            (Self::Binary(name, a, b), [left, right]) => {
                let kind = if *name == "/" { Kind::Float } else { a.kind().joined(b.kind()) };
                super::slow_operator::binary(name, &left.as_kind(kind), &right.as_kind(kind))
            }
            (Self::When(..), [Unsure, ..]) => Unsure,
            (Self::When(..), [condition, then, otherwise]) => {
                (if *condition == Val::Bool(true) { then } else { otherwise }).clone()
            }
            (Self::Clip(..), [value, low, high]) => {
                let [value, low, high] = [value, low, high].map(|part| part.as_kind(self.kind()));
                super::slow_operator::binary("min", &super::slow_operator::binary("max", &value, &low), &high)
            }
            _ => unreachable!("{self:?} of {parts:?}"),
        };
        made.as_kind(self.kind())
    }
}

impl Val {
    /// The same as a whole number or one with a fraction.
    pub(crate) fn as_kind(&self, kind: Kind) -> Self {
        match (self, kind) {
            (Self::Bool(truth), Kind::Int) => Self::Int(i64::from(*truth)),
            (Self::Bool(truth), Kind::Float) => Float(f64::from(u8::from(*truth)), 0.0),
            (Self::Int(number), Kind::Float) => Float(*number as f64, 0.0),
            _ => self.clone(),
        }
    }
}

impl Kind {
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Float, _) | (_, Self::Float) => Self::Float,
            (Self::Bool, Self::Bool) => Self::Bool,
            _ => Self::Int,
        }
    }
}

fn folded(part: &Tree, rows: &[Row], apart: bool, only: Option<usize>) -> Vec<Val> {
    let column = part.column(rows, apart).into_iter().zip(rows);
    column.filter(|(_, row)| only.is_none_or(|only| only == row.direction)).map(|(value, _)| value).collect()
}

fn times(rows: &[Row]) -> Vec<Val> {
    rows.iter().map(|row| row.field("time")).collect()
}

/// Each value less the last one before it that there was, in the same direction if they are looked at apart.
fn steps(column: &[Val], rows: &[Row], apart: bool) -> Vec<Val> {
    let step = |at: usize| {
        let before = (0..at).rev().filter(|other| !apart || rows[*other].direction == rows[at].direction);
        let last = before.map(|other| &column[other]).find(|value| **value != Null).unwrap_or(&Null);
        let as_number =
            |value: &Val| if let Val::Bool(truth) = value { Val::Int(i64::from(*truth)) } else { value.clone() };
        super::slow_operator::binary("-", &as_number(&column[at]), &as_number(last))
    };
    (0..column.len()).map(step).collect()
}
