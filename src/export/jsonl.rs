//! JSON lines: one line a record, as `Display` shows it.

use std::io::Write;

use crate::error::{Error, Result};
use crate::export::Exporter;
use crate::flow::FlowRecord;

/// Writes records as JSON lines.
#[derive(Debug)]
pub struct JsonLinesExporter<W> {
    name: String,
    out: W,
}

impl<W: Write> JsonLinesExporter<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { name: name.into(), out }
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl<W: Write> Exporter for JsonLinesExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        writeln!(self.out, "{record}").map_err(|source| self.error(source))
    }

    fn finish(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| self.error(source))
    }
}
