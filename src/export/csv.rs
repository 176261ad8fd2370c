//! CSV (RFC 4180): a line of names, then a line a record with every column.
//!
//! Times are whole milliseconds since the Unix epoch, as in JSON; null is an empty field, and an empty text two quotes; a
//! metric's list is its JSON. A metric's text that reads like a number or a truth value stands in quotes, and those two
//! never do: so a reader that looks at quotes gets back what was written.
//!
//! A spreadsheet takes a field that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula, and texts come from
//! the network. So a text that begins with one of them, or with the apostrophe itself, gets an apostrophe in front, as
//! spreadsheets mark a text, and so does a metric's text that begins with `[`, as lists do; taking one leading apostrophe away gives the text back. [`CsvExporter::verbatim`] leaves
//! texts as they are. Numbers are not texts: -1 stays -1.

use std::io::Write;

use crate::error::{Error, Result};
use crate::export::{Columns, Exporter};
use crate::flow::schema::Cell;
use crate::flow::{FlowRecord, Value, json};

/// Writes records as CSV.
#[derive(Debug)]
pub struct CsvExporter<W> {
    name: String,
    out: W,
    columns: Columns,
    verbatim: bool,
    headed: bool,
    line: String,
}

impl<W: Write> CsvExporter<W> {
    /// Writes these columns, such as all of a [`Schema`](crate::flow::schema::Schema), to `out`, which stands as `name`
    /// in errors.
    pub fn new(name: impl Into<String>, out: W, columns: impl Into<Columns>) -> Self {
        let (name, columns) = (name.into(), columns.into());
        Self { name, out, columns, verbatim: false, headed: false, line: String::new() }
    }

    /// Whether texts are written as they are, also where a spreadsheet would take one for a formula. Off by default.
    #[must_use]
    pub fn verbatim(mut self, on: bool) -> Self {
        self.verbatim = on;
        self
    }

    fn head(&mut self) -> Result<()> {
        if self.headed {
            return Ok(());
        }
        self.headed = true;
        self.line.clear();
        for (index, name) in self.columns.names().enumerate() {
            self.line.push_str(if index == 0 { "" } else { "," });
            push_foreign(&mut self.line, name, self.verbatim);
        }
        self.write_line()
    }

    fn write_line(&mut self) -> Result<()> {
        self.line.push_str("\r\n");
        let written = self.out.write_all(self.line.as_bytes());
        written.map_err(|source| Error::Write { what: self.name.clone(), source })
    }
}

impl<W: Write> Exporter for CsvExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.head()?;
        self.line.clear();
        let (line, verbatim) = (&mut self.line, self.verbatim);
        self.columns.look(record, |place, cell| {
            if place > 0 {
                line.push(',');
            }
            push_cell(line, cell, verbatim);
        });
        self.write_line()
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| Error::Write { what: self.name.clone(), source })
    }

    fn finish(&mut self) -> Result<()> {
        self.head()?;
        self.flush()
    }
}

/// Appends a field of CSV; `verbatim` as [`CsvExporter::verbatim`] says.
pub fn push_cell(line: &mut String, cell: &Cell<'_>, verbatim: bool) {
    match cell {
        Cell::Null | Cell::Metric(Value::Null) => {}
        Cell::Text(text) => push_foreign(line, text, verbatim),
        Cell::Metric(Value::Text(text)) => push_metric_text(line, text, verbatim),
        Cell::Ip(address) => json::write_address(line, *address).expect("a string takes everything"),
        // Nothing of these needs quotes.
        Cell::Bool(_)
        | Cell::Uint(_)
        | Cell::Int(_)
        | Cell::Float(_)
        | Cell::Time(_)
        | Cell::Duration(_)
        | Cell::Metric(Value::Bool(_) | Value::Int(_)) => {
            json::write_cell(line, cell).expect("a string takes everything");
        }
        other => {
            let mut text = String::new();
            json::write_cell(&mut text, other).expect("a string takes everything");
            // A number that is none, or what has no text: as nothing.
            if text == "null" {
                return;
            }
            // The quotes of a JSON string are not part of a field.
            match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(inner) if reads_as_more(inner) => push_quoted(line, inner),
                inner => push_text(line, inner.unwrap_or(&text)),
            }
        }
    }
}

/// What a text begins with that gets an apostrophe in front, unless it is written as [`CsvExporter::verbatim`] says.
pub const GUARDED_CSV: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '\''];

/// A text that others have chosen.
fn push_foreign(line: &mut String, text: &str, verbatim: bool) {
    if verbatim || !text.starts_with(GUARDED_CSV) {
        return push_text(line, text);
    }
    push_text(line, &format!("'{text}"));
}

/// A text of a metric, whose column says nothing of what it holds.
fn push_metric_text(line: &mut String, text: &str, verbatim: bool) {
    if !verbatim && text.starts_with('[') {
        return push_text(line, &format!("'{text}"));
    }
    if reads_as_more(text) && (verbatim || !text.starts_with('-')) {
        return push_quoted(line, text);
    }
    push_foreign(line, text, verbatim);
}

/// Whether a text looks like a number or a truth value.
fn reads_as_more(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    matches!(text, "true" | "false")
        || (digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok())
}

/// A field in quotes where RFC 4180 wants them, and where it would be taken for null.
fn push_text(line: &mut String, text: &str) {
    if !text.is_empty() && !text.bytes().any(|byte| matches!(byte, b'"' | b',' | b'\r' | b'\n')) {
        return line.push_str(text);
    }
    push_quoted(line, text);
}

fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_quotes_or_line_ends_are_quoted() {
        let mut line = String::new();
        for text in ["plain", "a,b", "say \"hi\"", "two\nlines", ""] {
            push_text(&mut line, text);
            line.push('|');
        }
        assert_eq!(line, "plain|\"a,b\"|\"say \"\"hi\"\"\"|\"two\nlines\"|\"\"|");
    }

    #[test]
    fn null_and_an_empty_text_differ_and_so_do_numbers_and_their_texts() {
        let mut line = String::new();
        for value in
            ["".into(), "7".into(), 7.into(), "1e5".into(), "true".into(), true.into(), "7a".into(), "[1]".into()]
        {
            push_cell(&mut line, &Cell::Metric(&value), false);
            line.push('|');
        }
        push_cell(&mut line, &Cell::Metric(&Value::Bytes(vec![0x12])), false);
        assert_eq!(line, r#"""|"7"|7|"1e5"|"true"|true|7a|'[1]|"12""#);
        line.clear();
        push_cell(&mut line, &Cell::Text("".into()), true);
        push_cell(&mut line, &Cell::Metric(&"-1".into()), true);
        push_cell(&mut line, &Cell::Metric(&"-1".into()), false);
        assert_eq!(line, r#""""-1"'-1"#);
    }

    #[test]
    fn metrics_become_plain_fields() {
        let mut line = String::new();
        let list = Value::List(vec![1.into(), 2.into()]);
        for value in [Value::Null, 7.into(), "x,y".into(), vec![1u8, 2].into(), list, "".into(), vec![0u8; 0].into()] {
            push_cell(&mut line, &Cell::Metric(&value), false);
            line.push('|');
        }
        assert_eq!(line, "|7|\"x,y\"|\"0102\"|\"[1, 2]\"|\"\"|\"\"|");
    }

    #[test]
    fn a_number_that_is_none_is_nothing_and_the_text_null_is_a_text() {
        let mut line = String::new();
        for value in [f64::NAN.into(), f64::INFINITY.into(), 0.5.into(), "null".into()] {
            push_cell(&mut line, &Cell::Metric(&value), false);
            line.push('|');
        }
        assert_eq!(line, "||0.5|null|");
    }

    #[test]
    fn a_text_is_never_a_formula() {
        let line = |cell: &Cell<'_>, verbatim| {
            let mut line = String::new();
            push_cell(&mut line, cell, verbatim);
            line
        };
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "=a,\"b\"", "\tx", "\rx", "\nx"] {
            let (safe, exact) = (line(&Cell::Text(text.into()), false), line(&Cell::Text(text.into()), true));
            assert!(safe.trim_start_matches('"').starts_with('\''), "{safe}");
            assert_eq!(safe.replacen('\'', "", 1), exact);
            assert_eq!(line(&Cell::Metric(&text.into()), false), safe);
        }
        for plain in ["a=b", "x-y"] {
            assert_eq!(line(&Cell::Text(plain.into()), false), plain);
        }
        assert_eq!(
            (line(&Cell::Int(-1), false), line(&Cell::Metric(&Value::Float(-0.5)), false)),
            ("-1".into(), "-0.5".into())
        );
    }
}
