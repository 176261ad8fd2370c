//! Stored records of one flow, merged: what cells tell of both together, and what they do not.
//!
//! Key, counts, times and marks lie in the state, and merge there as those of any records. Of sizes the sum is the bytes on
//! the wire, so their mean is known; a deviation, a gap across the cut and what TCP thinks of segments are not.

use std::sync::Arc;

use crate::flow::schema::{Cell, Column, Group, Needs};
use crate::flow::stored::{Stored, StoredCell};
use crate::flow::{Direction, FlowRecord};

/// How the cell of a merged record comes about.
enum Merging {
    /// Out of the state.
    State,
    /// It is the first that is known, with those of its kind.
    Label,
    Fact,
    Sum,
    Smallest,
    Largest,
    /// The mean of the sizes of one direction, or of both.
    MeanSize(Option<Direction>),
    /// It is not known.
    Unknown,
}

impl Column {
    /// Whether the cells of two records of one flow tell the cell of both together, so that
    /// [`FlowRecord::merge`] keeps it of records made [of cells](FlowRecord::of_cells).
    pub fn merges(&self) -> bool {
        !matches!(self.merging(), Merging::Unknown)
    }

    fn merging(&self) -> Merging {
        match self.group {
            Group::Core | Group::Counts | Group::Identity if !LABEL.contains(&self.name) => Merging::State,
            Group::Application if self.needs == Some(Needs::ApplicationFields) => Merging::Fact,
            Group::Core | Group::Counts | Group::Identity | Group::Application => Merging::Label,
            Group::Statistics => match self.name {
                "size_mean" => Merging::MeanSize(None),
                "src_to_dst_size_mean" => Merging::MeanSize(Some(Direction::SrcToDst)),
                "dst_to_src_size_mean" => Merging::MeanSize(Some(Direction::DstToSrc)),
                name if name.ends_with("size_min") => Merging::Smallest,
                name if name.ends_with("size_max") => Merging::Largest,
                name if name.ends_with("_pkts") => Merging::Sum,
                _ => Merging::Unknown,
            },
            Group::Sequence | Group::Tcp => Merging::Unknown,
        }
    }
}

impl FlowRecord {
    /// Merges the cells with those of `next`, after everything else; `turned` if its directions are to be turned around.
    pub(super) fn merge_stored(&mut self, next: &Self, turned: bool) {
        let Some(mine) = self.flow.details.as_mut().and_then(|details| details.stored.take()) else { return };
        // A record without cells has no more to tell of a whole than its state.
        let Some(others) = next.stored() else { return };
        let is_fact = |column: &&'static Column| matches!(column.merging(), Merging::Fact);
        let has_facts = mine.columns.columns().filter(is_fact).any(|column| mine.cell(column) != Cell::Null);
        let has_label = mine.text("application_name").is_some_and(|name| name != UNKNOWN);
        let cells = mine.columns.columns().map(|column| {
            let both = || [mine.cell(column), if turned { others.turned_cell(column) } else { others.cell(column) }];
            let first = |is_known| if is_known { mine.held(column) } else { others.held(column) };
            match column.merging() {
                Merging::State if column.name == "incomplete" => self.incomplete(column, &mine, others),
                Merging::State => StoredCell::of(column.metered(self)),
                Merging::Label => first(has_label),
                Merging::Fact => first(has_facts),
                Merging::Sum => of_two(both(), u64::saturating_add),
                Merging::Smallest => of_two(both(), u64::min),
                Merging::Largest => of_two(both(), u64::max),
                Merging::MeanSize(of) => self.mean_size(of),
                Merging::Unknown => StoredCell::Null,
            }
        });
        let cells = cells.collect();
        let stored = Stored { columns: Arc::clone(&mine.columns), cells };
        self.flow.details.get_or_insert_default().stored = Some(Arc::new(stored));
    }

    /// The marks, with the one that only statistics know.
    fn incomplete(&self, column: &Column, mine: &Stored, others: &Stored) -> StoredCell {
        let gaps =
            [mine, others].iter().any(|stored| stored.text(column.name).is_some_and(|words| words.ends_with(GAPS)));
        match (column.metered(self), gaps) {
            (Cell::Text(words), true) => StoredCell::Text(format!("{words}, {GAPS}")),
            (Cell::Null, true) => StoredCell::Text(GAPS.to_owned()),
            (cell, _) => StoredCell::of(cell),
        }
    }

    fn mean_size(&self, of: Option<Direction>) -> StoredCell {
        let counts = of.map_or_else(|| self.total(), |direction| self.counts[direction as usize]);
        if counts.pkts == 0 {
            return StoredCell::Null;
        }
        StoredCell::Float(counts.bytes as f64 / counts.pkts as f64)
    }
}

impl Stored {
    /// What stands in a column.
    fn held(&self, column: &Column) -> StoredCell {
        self.get(column.name).cloned().unwrap_or(StoredCell::Null)
    }

    /// The cell of the same column seen from the other end.
    fn turned_cell(&self, column: &Column) -> Cell<'_> {
        let name = column.name;
        let other = match (name.strip_prefix(THERE), name.strip_prefix(BACK)) {
            (Some(rest), _) => format!("{BACK}{rest}"),
            (_, Some(rest)) => format!("{THERE}{rest}"),
            _ => return self.cell(column),
        };
        self.uint(&other).map_or(Cell::Null, Cell::Uint)
    }
}

impl StoredCell {
    /// The same, kept.
    fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null | Cell::Metric(_) => Self::Null,
            Cell::Bool(truth) => Self::Bool(truth),
            Cell::Uint(number) => Self::Uint(number),
            Cell::Int(number) => Self::Int(number),
            Cell::Float(number) => Self::Float(number),
            Cell::Text(text) => Self::Text(text.into_owned()),
            Cell::Ip(address) => Self::Ip(address),
            Cell::Time(stamp) => Self::Time(stamp),
            Cell::Duration(nanos) => Self::Duration(nanos),
            Cell::List(numbers) => Self::List(numbers),
            Cell::Texts(texts) => Self::Texts(texts.into_iter().map(str::to_owned).collect()),
        }
    }
}

/// Of two numbers one; of one number that.
fn of_two(cells: [Cell<'_>; 2], join: impl Fn(u64, u64) -> u64) -> StoredCell {
    let numbers = cells.into_iter().filter_map(|cell| if let Cell::Uint(number) = cell { Some(number) } else { None });
    numbers.reduce(join).map_or(StoredCell::Null, StoredCell::Uint)
}

const LABEL: [&str; 2] = ["application_name", "category_name"];
const UNKNOWN: &str = "Unknown";
const GAPS: &str = "gaps";
const THERE: &str = "src_to_dst_";
const BACK: &str = "dst_to_src_";
