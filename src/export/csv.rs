//! CSV (RFC 4180): a line of names, then a line a record with every column.
//!
//! Times are whole milliseconds since the Unix epoch, as in JSON; null is an empty field; a metric's list is its JSON.

use std::fmt::Write as _;
use std::io::Write;

use crate::error::{Error, Result};
use crate::export::Exporter;
use crate::flow::schema::{Cell, Schema};
use crate::flow::{FlowRecord, Value, json};

/// Writes records as CSV.
#[derive(Debug)]
pub struct CsvExporter<W> {
    name: String,
    out: W,
    schema: Schema,
    headed: bool,
    line: String,
}

impl<W: Write> CsvExporter<W> {
    /// Writes the columns of `schema` to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W, schema: Schema) -> Self {
        Self { name: name.into(), out, schema, headed: false, line: String::new() }
    }

    fn head(&mut self) -> Result<()> {
        if self.headed {
            return Ok(());
        }
        self.headed = true;
        self.line.clear();
        for (index, name) in self.schema.names().enumerate() {
            self.line.push_str(if index == 0 { "" } else { "," });
            push_text(&mut self.line, name);
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
        for (index, cell) in self.schema.cells(record).enumerate() {
            self.line.push_str(if index == 0 { "" } else { "," });
            push_cell(&mut self.line, &cell);
        }
        self.write_line()
    }

    fn finish(&mut self) -> Result<()> {
        self.head()?;
        self.out.flush().map_err(|source| Error::Write { what: self.name.clone(), source })
    }
}

fn push_cell(line: &mut String, cell: &Cell<'_>) {
    match cell {
        Cell::Null | Cell::Metric(Value::Null) => {}
        Cell::Text(text) => push_text(line, text),
        Cell::Metric(Value::Text(text)) => push_text(line, text),
        Cell::Ip(address) => write!(line, "{address}").expect("a string takes everything"),
        other => {
            let mut text = String::new();
            json::write_cell(&mut text, other).expect("a string takes everything");
            // The quotes of a JSON string are not part of a field.
            push_text(line, text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text));
        }
    }
}

/// A field in quotes where RFC 4180 wants them.
fn push_text(line: &mut String, text: &str) {
    if !text.contains(['"', ',', '\r', '\n']) {
        return line.push_str(text);
    }
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
        for text in ["plain", "a,b", "say \"hi\"", "two\nlines"] {
            push_text(&mut line, text);
            line.push('|');
        }
        assert_eq!(line, "plain|\"a,b\"|\"say \"\"hi\"\"\"|\"two\nlines\"|");
    }

    #[test]
    fn metrics_become_plain_fields() {
        let mut line = String::new();
        for value in [Value::Null, 7.into(), "x,y".into(), vec![1u8, 2].into(), Value::List(vec![1.into(), 2.into()])] {
            push_cell(&mut line, &Cell::Metric(&value));
            line.push('|');
        }
        assert_eq!(line, "|7|\"x,y\"|0102|\"[1, 2]\"|");
    }
}
