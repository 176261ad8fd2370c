//! Sums over flows by the value of a column, the largest first: what `nfdump -s` gives.
//!
//! Nothing is thrown away on the way, so the sums are exact, and a row is kept for every distinct value.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

use flowgauge::export::{Columns, push_csv_cell};
use flowgauge::flow::json;
use flowgauge::flow::schema::{Cell, Schema};
use flowgauge::{FlowRecord, Value};

use crate::output::{Format, Output};
use crate::table::{Heading, Kind, Table};
use crate::text;

/// What is summed up, and by what it is ordered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ranking {
    pub(crate) column: String,
    by: By,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    Flows,
    Pkts,
    Bytes,
}

/// The sums of one column.
#[derive(Debug)]
pub(crate) struct Top {
    ranking: Ranking,
    columns: Columns,
    /// By the value as JSON has it.
    rows: HashMap<String, Row>,
    all: Sums,
    key: String,
}

#[derive(Debug)]
struct Row {
    /// The value as it will be written.
    shown: String,
    sums: Sums,
}

/// Flows, packets and bytes of both directions.
#[derive(Clone, Copy, Debug, Default)]
struct Sums([u64; 3]);

impl Ranking {
    /// Reads `COLUMN/BY` or `COLUMN`, which is by flows.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a column is wanted, as in -s ip_src/bytes (tcpdump's -s is --snaplen here)".to_owned());
        }
        let (column, by) = text.split_once('/').unwrap_or((text, "flows"));
        let by = match by {
            "flows" => By::Flows,
            "pkts" | "packets" => By::Pkts,
            "bytes" => By::Bytes,
            _ => return Err(format!("flows, pkts or bytes are wanted after the /, not {by:?}")),
        };
        Ok(Self { column: column.trim().to_owned(), by })
    }
}

impl Top {
    /// Sums for this ranking, whose column is one of the schema.
    pub(crate) fn new(ranking: &Ranking, schema: &Schema) -> Self {
        let columns = Columns::choose(schema, [ranking.column.as_str()]).expect("names are checked before a run");
        Self { ranking: ranking.clone(), columns, rows: HashMap::new(), all: Sums::default(), key: String::new() }
    }

    /// Counts a flow.
    pub(crate) fn count(&mut self, record: &FlowRecord, output: &Output) {
        let Some(cell) = self.columns.cells(record).next() else { return };
        self.key.clear();
        json::write_cell(&mut self.key, &cell).expect("a string takes everything");
        let total = record.total();
        let one = Sums([1, total.pkts, total.bytes]);
        self.all.add(one);
        match self.rows.get_mut(&self.key) {
            Some(row) => row.sums.add(one),
            None => {
                let row = Row { shown: shown(&self.ranking.column, &cell, output), sums: one };
                self.rows.insert(self.key.clone(), row);
            }
        }
    }

    /// Writes the first `most` rows, or all of them when it is 0.
    pub(crate) fn write(&self, out: &mut impl Write, output: &Output, most: usize) -> io::Result<()> {
        let most = if most == 0 { usize::MAX } else { most };
        let mut rows: Vec<_> = self.rows.iter().collect();
        // What is equal comes in the order of its text, so that every run gives the same.
        rows.sort_unstable_by_key(|(key, row)| (Reverse(row.sums.0[self.ranking.by as usize]), key.len(), *key));
        rows.truncate(most);
        match output.format {
            Format::Table => self.write_table(out, output.room, &rows),
            Format::Csv => self.write_csv(out, &rows),
            Format::Json => self.write_json(out, &rows),
            // Sums are not written in these, as the arguments make sure of.
            Format::None | Format::Ipfix | Format::Parquet | Format::Arrow | Format::ArrowStream => Ok(()),
        }
    }

    fn write_table(&self, out: &mut impl Write, room: Option<usize>, rows: &[(&String, &Row)]) -> io::Result<()> {
        let (shown, all) = (rows.len(), self.rows.len());
        let by = NAMES[self.ranking.by as usize];
        writeln!(out, "{shown} of {all} {} by {by}, of {} flows", self.ranking.column, self.all.0[0])?;
        let mut headings = vec![Heading::new(&self.ranking.column, Kind::Text)];
        for name in NAMES {
            headings.extend([Heading::new(name, Kind::Number), Heading::new("%", Kind::Number)]);
        }
        let mut table = Table::new(out, room, headings);
        for (_, row) in rows {
            let mut cells = vec![row.shown.clone()];
            for (index, sum) in row.sums.0.iter().enumerate() {
                cells.extend([sum.to_string(), format!("{:.1}", row.sums.percent(self.all, index))]);
            }
            table.push(cells)?;
        }
        table.finish()
    }

    fn write_csv(&self, out: &mut impl Write, rows: &[(&String, &Row)]) -> io::Result<()> {
        let mut line = String::new();
        push_csv_cell(&mut line, &Cell::Text(self.ranking.column.as_str().into()), true);
        for name in NAMES {
            line.push_str(&format!(",{name},{name}_percent"));
        }
        write!(out, "{line}\r\n")?;
        for (_, row) in rows {
            line.clone_from(&row.shown);
            for (index, sum) in row.sums.0.iter().enumerate() {
                line.push_str(&format!(",{sum},{:.3}", row.sums.percent(self.all, index)));
            }
            write!(out, "{line}\r\n")?;
        }
        Ok(())
    }

    fn write_json(&self, out: &mut impl Write, rows: &[(&String, &Row)]) -> io::Result<()> {
        for (key, row) in rows {
            let mut line = String::from("{");
            json::write_text(&mut line, &self.ranking.column).expect("a string takes everything");
            line.push_str(&format!(": {key}"));
            for (index, (name, sum)) in NAMES.iter().zip(row.sums.0).enumerate() {
                let percent = row.sums.percent(self.all, index);
                line.push_str(&format!(", \"{name}\": {sum}, \"{name}_percent\": {percent:.3}"));
            }
            writeln!(out, "{line}}}")?;
        }
        Ok(())
    }
}

impl Sums {
    fn add(&mut self, other: Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// What part of all this is.
    fn percent(self, all: Self, index: usize) -> f64 {
        if all.0[index] == 0 { 0.0 } else { 100.0 * self.0[index] as f64 / all.0[index] as f64 }
    }
}

fn shown(column: &str, cell: &Cell<'_>, output: &Output) -> String {
    match (output.format, cell) {
        (Format::Csv, cell) => {
            let mut text = String::new();
            push_csv_cell(&mut text, cell, output.verbatim);
            text
        }
        (Format::Table, Cell::Uint(number)) if column == "ip_protocol" => {
            u8::try_from(*number).map_or_else(|_| number.to_string(), |number| text::protocol(number).into_owned())
        }
        // A text that is empty would be taken for a row without a value.
        (Format::Table, Cell::Text(text)) if text.is_empty() => "\"\"".to_owned(),
        (Format::Table, Cell::Metric(Value::Text(text))) if text.is_empty() => "\"\"".to_owned(),
        (Format::Table, cell) => text::plain(cell),
        _ => String::new(),
    }
}

/// The names of the sums, in their order.
const NAMES: [&str; 3] = ["flows", "pkts", "bytes"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_is_a_column_and_an_order() {
        let read = |text: &str| Ranking::parse(text).map(|ranking| (ranking.column, ranking.by));
        assert_eq!(read("ip_src"), Ok(("ip_src".into(), By::Flows)));
        assert_eq!(read("ip_src/bytes"), Ok(("ip_src".into(), By::Bytes)));
        assert_eq!((read("a/pkts"), read("a/packets")), (Ok(("a".into(), By::Pkts)), Ok(("a".into(), By::Pkts))));
        assert!(read("0").unwrap_err().contains("--snaplen") && read("65535").unwrap_err().contains("--snaplen"));
        assert!(read("ip_src/size").unwrap_err().contains("\"size\""));
    }

    #[test]
    fn parts_of_nothing_are_nothing() {
        let all = Sums([4, 0, u64::MAX]);
        let mut some = Sums([1, 0, u64::MAX]);
        some.add(Sums([0, 0, 1]));
        assert_eq!([0, 1, 2].map(|index| some.percent(all, index)), [25.0, 0.0, 100.0]);
    }
}
