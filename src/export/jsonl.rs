//! JSON lines: one line a record, as `Display` shows it or with columns of one's own choice.

use std::fmt::{self, Write as _};
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
    line: String,
}

impl<W: Write> JsonLinesExporter<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { name: name.into(), out, columns: None, line: String::new() }
    }

    /// Writes these columns instead of the metrics and the core.
    #[must_use]
    pub fn columns(mut self, columns: impl Into<Columns>) -> Self {
        self.columns = Some(columns.into());
        self
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl<W: Write> Exporter for JsonLinesExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.line.clear();
        let written = match &self.columns {
            Some(columns) => write_columns(&mut self.line, columns, record),
            None => write!(self.line, "{record}"),
        };
        written.expect("a string takes everything");
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

fn write_columns(line: &mut String, columns: &Columns, record: &FlowRecord) -> fmt::Result {
    line.push('{');
    for (index, (name, cell)) in columns.names().zip(columns.cells(record)).enumerate() {
        line.push_str(if index == 0 { "" } else { ", " });
        json::write_text(line, name)?;
        line.push_str(": ");
        json::write_cell(line, &cell)?;
    }
    line.push('}');
    Ok(())
}
