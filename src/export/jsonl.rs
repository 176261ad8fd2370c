//! JSON lines: one line a record, as `Display` shows it or with columns of one's own choice.

use std::io::Write;

use crate::error::{Error, Result};
use crate::export::{Columns, Exporter};
use crate::flow::{FlowRecord, json};

/// Writes records as JSON lines.
#[derive(Debug)]
pub struct JsonLinesExporter<W> {
    name: String,
    out: W,
    columns: Option<Columns>,
    /// What stands before each cell of those: a separator, the name and a colon.
    keys: Vec<String>,
    line: String,
}

impl<W: Write> JsonLinesExporter<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { name: name.into(), out, columns: None, keys: Vec::new(), line: String::new() }
    }

    /// Writes these columns instead of the metrics and the core.
    #[must_use]
    pub fn columns(mut self, columns: impl Into<Columns>) -> Self {
        let columns = columns.into();
        let key = |(index, name): (usize, &str)| {
            let mut key = if index == 0 { "{" } else { ", " }.to_owned();
            json::write_text(&mut key, name).expect("a string takes everything");
            key + ": "
        };
        self.keys = columns.names().enumerate().map(key).collect();
        self.columns = Some(columns);
        self
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl<W: Write> Exporter for JsonLinesExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.line.clear();
        match &self.columns {
            Some(columns) => push_columns(&mut self.line, &self.keys, columns, record),
            None => json::write_record(&mut self.line, record).expect("a string takes everything"),
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes()).map_err(|source| self.error(source))
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| self.error(source))
    }

    fn finish(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| self.error(source))
    }
}

fn push_columns(line: &mut String, keys: &[String], columns: &Columns, record: &FlowRecord) {
    if keys.is_empty() {
        line.push('{');
    }
    columns.look(record, |place, cell| {
        line.push_str(&keys[place]);
        json::write_cell(line, cell).expect("a string takes everything");
    });
    line.push('}');
}
