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

    /// Has the cell say why the record left, after that has changed.
    pub(super) fn store_export_reason(&mut self) {
        let reason = StoredCell::Uint(self.export_reason.number().into());
        let Some(stored) = self.flow.details.as_mut().and_then(|details| details.stored.as_mut()) else { return };
        if let Some(place) = stored.columns.place_of("export_reason") {
            Arc::make_mut(stored).cells[place] = reason;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::schema::{self, column};
    use crate::flow::{Metrics, StoredColumns};
    use crate::time::Timestamp;

    /// A record with every column, of which these are not what all others are: null, or nothing.
    fn record(cells: &[(&str, StoredCell)]) -> FlowRecord {
        let columns = StoredColumns::new(schema::columns().filter(|column| column.needs != Some(Needs::Splt))).unwrap();
        let nothing = |column: &Column| match column.kind {
            _ if column.nullable => StoredCell::Null,
            schema::ColumnKind::Bool => StoredCell::Bool(false),
            schema::ColumnKind::Text => StoredCell::Text("10.0.0.1".into()),
            schema::ColumnKind::Time => StoredCell::Time(Timestamp::from_nanos(0)),
            _ => StoredCell::Uint(0),
        };
        let cell = |column: &'static Column| {
            let told = cells.iter().find(|(name, _)| *name == column.name);
            told.map_or_else(|| nothing(column), |(_, cell)| cell.clone())
        };
        let cells = columns.columns().map(cell).collect();
        FlowRecord::of_cells(&columns, cells, Metrics::default()).unwrap()
    }

    fn numbers(of: &[(&'static str, u64)]) -> Vec<(&'static str, StoredCell)> {
        of.iter().map(|(name, number)| (*name, StoredCell::Uint(*number))).collect()
    }

    #[test]
    fn what_columns_tell_of_both_parts_is_told_and_nothing_else() {
        let mut first = numbers(&[
            ("flow_id", 1),
            ("src_port", 5),
            ("dst_port", 6),
            ("src_to_dst_pkts", 2),
            ("src_to_dst_bytes", 200),
            ("src_to_dst_payload_bytes", 90),
            ("dst_to_src_payload_bytes", 0),
            ("src_to_dst_syn_pkts", 1),
            ("src_to_dst_size_min", 80),
        ]);
        first.extend([
            ("src_to_dst_size_mean", StoredCell::Float(100.0)),
            ("src_to_dst_size_stddev", StoredCell::Float(3.0)),
            ("application_name", StoredCell::Text("Unknown".into())),
        ]);
        // The other end is who sent the first packet of the next piece.
        let mut next = numbers(&[
            ("flow_id", 9),
            ("src_port", 6),
            ("dst_port", 5),
            ("dst_to_src_pkts", 1),
            ("dst_to_src_bytes", 50),
            ("src_to_dst_pkts", 4),
            ("src_to_dst_bytes", 1000),
            ("src_to_dst_payload_bytes", 800),
            ("dst_to_src_payload_bytes", 10),
            ("dst_to_src_syn_pkts", 1),
            ("dst_to_src_size_min", 50),
            ("src_to_dst_size_max", 700),
        ]);
        next.extend([
            ("application_name", StoredCell::Text("DNS".into())),
            ("dns_query", StoredCell::Text("a.example".into())),
            ("incomplete", StoredCell::Text("gaps".into())),
        ]);
        let (mut whole, next) = (record(&first), record(&next));
        whole.merge(&next).unwrap();
        let told = |name: &str| column(name).unwrap().get(&whole);
        for (name, number) in [
            ("flow_id", 1),
            ("src_port", 5),
            ("src_to_dst_pkts", 3),
            ("dst_to_src_bytes", 1000),
            ("dst_to_src_payload_bytes", 800),
            ("pkts", 7),
            ("src_to_dst_syn_pkts", 2),
            ("dst_to_src_syn_pkts", 0),
            ("src_to_dst_size_min", 50),
            ("dst_to_src_size_max", 700),
        ] {
            assert_eq!(told(name), Cell::Uint(number), "{name}");
        }
        assert_eq!(told("src_to_dst_size_mean"), Cell::Float(250.0 / 3.0));
        assert_eq!(told("size_mean"), Cell::Float(1250.0 / 7.0));
        assert_eq!(told("src_to_dst_size_stddev"), Cell::Null);
        assert_eq!(told("application_name"), Cell::Text("DNS".into()));
        assert_eq!(told("dns_query"), Cell::Text("a.example".into()));
        assert_eq!(told("incomplete"), Cell::Text("gaps".into()));
    }

    #[test]
    fn a_flow_that_was_silent_until_the_end_of_the_whole_is_told_to_be_inactive() {
        let of = |id: u64, port: u64, second: i64| {
            let time = StoredCell::Time(Timestamp::from_millis(1000 * second));
            let mut cells = numbers(&[("flow_id", id), ("src_port", port), ("export_reason", 2)]);
            cells.extend([("start_time", time.clone()), ("end_time", time)]);
            record(&cells)
        };
        let timeout = std::time::Duration::from_secs(60);
        let whole = crate::flow::merge([of(1, 5, 0), of(2, 6, 60)], timeout).unwrap();
        let reasons: Vec<_> = whole.iter().map(|record| column("export_reason").unwrap().get(record)).collect();
        assert_eq!(reasons, [Cell::Uint(0), Cell::Uint(2)]);
    }

    #[test]
    fn no_column_is_kept_whose_value_is_not_known() {
        let kept = |name: &str| column(name).unwrap().merges();
        for name in ["bytes", "duration", "ttl_min", "size_mean", "dst_to_src_fin_pkts", "application_name", "ja4"] {
            assert!(kept(name), "{name}");
        }
        for name in
            ["size_stddev", "gap_min", "src_to_dst_gap_mean", "splt_gap", "retransmitted_pkts", "src_to_dst_tcp_mss"]
        {
            assert!(!kept(name), "{name}");
        }
    }
}
