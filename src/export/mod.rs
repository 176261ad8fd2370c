//! Records -> bytes.

#[cfg(feature = "arrow")]
pub mod arrow;
mod columns;
mod compress;
mod csv;
mod digest;
mod file;
mod file_exporter;
mod ignored;
pub mod ipfix;
mod jsonl;
mod manifest;
#[cfg(feature = "parquet")]
pub mod parquet;
mod rotate;

pub use columns::Columns;
pub use compress::{Compressed, Compression};
pub use csv::{CsvExporter, GUARDED_CSV, push_cell as push_csv_cell};
pub use digest::{FileDigest, RecordDigest, schema_digest};
pub use file::PartFile;
pub use file_exporter::{FileExporter, SharedFile};
pub use ignored::Ignored;
pub use ipfix::{IpfixExporter, IpfixOptions};
pub use jsonl::JsonLinesExporter;
pub use manifest::{InputFile, Manifest, SeriesPlace};
pub use rotate::{CompleteFile, RotatingExporter, Rotation, begin_of_names};

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

    /// Writes records, which some formats do faster together.
    ///
    /// # Errors
    ///
    /// Those of [`export`](Self::export).
    fn export_many(&mut self, records: &[FlowRecord]) -> Result<()> {
        records.iter().try_for_each(|record| self.export(record))
    }

    /// Hands on what is held back so far, for whoever reads along. Does nothing where a format cannot, the default.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Learns what the meter left out, so far or in the end; the last word counts. Does nothing where a format cannot tell it, the
    /// default.
    fn ignored(&mut self, ignored: &Ignored) {
        let _ = ignored;
    }

    /// Writes what is still held back, when there are no more records.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    fn finish(&mut self) -> Result<()>;
}

impl<E: Exporter + ?Sized> Exporter for Box<E> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        (**self).export(record)
    }

    fn export_many(&mut self, records: &[FlowRecord]) -> Result<()> {
        (**self).export_many(records)
    }

    fn flush(&mut self) -> Result<()> {
        (**self).flush()
    }

    fn ignored(&mut self, ignored: &Ignored) {
        (**self).ignored(ignored);
    }

    fn finish(&mut self) -> Result<()> {
        (**self).finish()
    }
}
