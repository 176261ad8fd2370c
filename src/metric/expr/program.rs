//! What expressions are compiled to: a flat program for all of them.

use crate::flow::schema::Column;

use super::field::{FieldId, Reader};
use super::heavy::Heavy;
use super::machine::{Pure, Reg};
use super::piece::Open;
use super::types::Type;

/// Expressions, ready to be folded.
#[derive(Debug)]
pub(crate) struct Program {
    /// What the registers hold before the first step; those behind them hold what is loaded, then what the steps make.
    pub(super) constants: Vec<Reg>,
    pub(super) loads: Vec<Load>,
    pub(super) steps: Vec<Step>,
    pub(super) folds: Vec<FoldStep>,
    /// The words of a flow without packets.
    pub(super) words: Vec<u64>,
    /// The rest of the state of a flow without packets.
    pub(super) heavy: Vec<Heavy>,
    /// Folds of bytes: the register that says whether, the heavy state, and which bytes.
    pub(super) bytes: Vec<(u16, u16, FieldId)>,
    /// Whether packets cannot wait: bytes are folded, or a flow may end with any.
    pub(super) at_once: bool,
    pub(super) ends: Vec<EndStep>,
    pub(super) columns: Vec<&'static Column>,
    pub(super) texts: Vec<String>,
    pub(super) edges: Vec<Vec<f64>>,
    /// The metrics, in order.
    pub(super) outputs: Vec<Output>,
    /// What ends the flow when it is true.
    pub(super) end_when: Option<Condition>,
    /// What keeps the record when it is true.
    pub(super) keep: Option<u16>,
}

/// Where a condition is looked up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    /// In a register of the packet.
    Packet(u16),
    /// In one of the end of the flow, computed after each packet.
    Flow(u16),
}

/// What is read of each packet; it goes to the next register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    Field(FieldId),
    /// Of the bytes of a packet, as long as they are there.
    Bytes(Reader, u16),
}

/// A step for each packet; what it makes goes to the next register.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Step {
    /// The difference from the value before; that is in a word, and whether there was one in the next; of each direction,
    /// if `by` is that and not 0.
    Diff {
        of: u16,
        word: u16,
        by: u16,
        float: bool,
    },
    Pure(Pure, u16, u16),
    Select {
        condition: u16,
        then: u16,
        otherwise: u16,
    },
}

/// What is done with the value of a register after each packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldStep {
    pub(super) of: u16,
    pub(super) kind: FoldKind,
    /// The first of its words, or which of the heavy states it has.
    pub(super) place: u16,
}

/// The simple folds that others are made of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum FoldKind {
    Count,
    /// Of truth values.
    Trues,
    SumInt,
    SumSquares,
    /// With its error beside it (Neumaier 1974).
    SumFloat,
    /// Count, mean, and squared distances from it (Welford 1962).
    Spread,
    MinInt,
    MaxInt,
    MinFloat,
    MaxFloat,
    AnyFalse,
    First(u16),
    Last(u16),
    Histogram {
        edges: u16,
        float: bool,
    },
    /// Weighted sum, sum of weights, and count; the weight that is left after each value, as bits.
    Ewm(u64),
    Sketch {
        float: bool,
    },
    Unique {
        float: bool,
    },
    Counts,
}

/// A step at the end of the flow.
#[derive(Clone, Copy, Debug)]
pub(super) enum EndStep {
    Result(Outcome),
    Column(u16),
    TextIs { column: u16, text: u16, negate: bool },
    Pure(Pure, u16, u16),
    Select { condition: u16, then: u16, otherwise: u16 },
}

/// What is made of folds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Word(u16),
    /// A word that counts what must not be.
    None(u16),
    /// A word that counts what must be.
    Some(u16),
    SumInt(u16),
    SumFloat(u16),
    MeanInt {
        count: u16,
        sum: u16,
    },
    MeanFloat {
        count: u16,
        sum: u16,
    },
    SpreadInt {
        count: u16,
        sum: u16,
        squares: u16,
        root: bool,
    },
    SpreadFloat {
        place: u16,
        root: bool,
    },
    /// A word, and in the next whether there is one.
    Extreme(u16),
    Ewm(u16),
    Unique(u16),
    Quantile(u16, u64),
    Entropy(u16),
}

/// Where a metric is found at the end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    One(u16, Type),
    Two(u16, u16, Type),
    First { place: u16, count: u16, ty: Type },
    Last { place: u16, count: u16, ty: Type },
    Histogram { place: u16, bins: u16 },
}

impl Program {
    /// Where steps keep a value from packet to packet: it, and in the next word whether there is one.
    pub(super) fn kept_values(&self) -> impl Iterator<Item = usize> {
        self.steps
            .iter()
            .flat_map(|step| match *step {
                Step::Diff { word, by, .. } => {
                    let by_direction = self.loads.get(usize::from(by).wrapping_sub(self.constants.len())).is_some();
                    [Some(word), by_direction.then_some(word + 2)]
                }
                _ => [None; 2],
            })
            .flatten()
            .map(usize::from)
    }

    /// Whether it makes a difference which end of a flow is its source.
    pub(super) fn knows_direction(&self) -> bool {
        self.loads.iter().any(|load| matches!(load, Load::Field(FieldId::Direction)))
    }

    /// The registers of the end of a flow, before its steps.
    pub(super) fn registers_of_the_end(&self) -> Vec<Reg> {
        let mut last = self.constants.clone();
        last.resize(self.constants.len() + self.ends.len(), Reg::NULL);
        last
    }

    /// Bytes that a living flow takes, at most.
    pub(crate) fn state_bytes(&self) -> usize {
        self.words.len() * size_of::<u64>() + self.heavy.iter().map(Heavy::max_bytes).sum::<usize>()
    }

    /// The same where records can be merged: with the packets that lack the one before, and for both directions.
    pub(crate) fn mergeable_state_bytes(&self) -> usize {
        // Only the first value that each step keeps has none before it.
        let most = self.kept_values().count();
        let registers = self.constants.len() + self.loads.len() + self.steps.len();
        let list = size_of::<Vec<Open>>() + most.next_power_of_two().max(4) * size_of::<Open>();
        let each = self.state_bytes() + registers * size_of::<Reg>() + size_of::<u16>();
        let one = self.state_bytes() + if most == 0 { size_of::<Vec<Open>>() } else { list + most * each };
        if self.knows_direction() { 2 * one } else { one }
    }
}
