//! Lines on their way out: gathered for a batch, written at once.

use std::io::Write;

use crate::error::{Error, Result};

/// What is written to, and the lines that are not yet.
#[derive(Debug)]
pub(super) struct Lines<W> {
    name: String,
    out: W,
    /// The lines.
    pub(super) bytes: Vec<u8>,
}

impl<W: Write> Lines<W> {
    /// Lines for `out`, which stands as `name` in errors.
    pub(super) fn new(name: impl Into<String>, out: W) -> Self {
        Self { name: name.into(), out, bytes: Vec::new() }
    }

    /// Adds a text.
    pub(super) fn say(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Writes the lines.
    pub(super) fn write(&mut self) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let written = self.out.write_all(&self.bytes);
        self.bytes.clear();
        written.map_err(|source| Error::Write { what: self.name.clone(), source })
    }

    /// Hands on what `out` holds back.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| Error::Write { what: self.name.clone(), source })
    }
}
