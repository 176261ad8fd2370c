//! Records -> bytes.

#[cfg(feature = "arrow")]
pub mod arrow;
mod csv;
mod jsonl;

pub use csv::CsvExporter;
pub use jsonl::JsonLinesExporter;

use crate::error::Result;
use crate::flow::FlowRecord;

/// Writes records somewhere.
pub trait Exporter {
    /// Writes one record.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    fn export(&mut self, record: &FlowRecord) -> Result<()>;

    /// Writes what is still held back, when there are no more records.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    fn finish(&mut self) -> Result<()>;
}
