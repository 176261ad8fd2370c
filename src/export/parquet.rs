//! Apache Parquet: a file of columns, compressed, that says of each part what lies in it.
//!
//! Columns have the types of [`arrow::Columns`](super::arrow::Columns), which the file says in Arrow's words too (the key
//! `ARROW:schema`): pyarrow, polars and pandas give back dictionaries, durations and times in UTC, with unit and description
//! of every column. Who does not read that key sees durations as whole nanoseconds.

use std::io::{self, Write};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Result};
use crate::export::Exporter;
use crate::flow::FlowRecord;

use super::arrow::{Columns, Piece, Pieces};

/// Writes records as Parquet, compressed with Zstandard.
///
/// A row group has 65,536 rows, fewer where texts or lists are very long, and the last one has the rest. No more than one is
/// held in memory. A metric of the user's own code that yields another type than in the first row group is an
/// [`Error::Column`] naming it.
pub struct ParquetExporter<W> {
    name: String,
    out: W,
    pieces: Pieces,
    /// What is there as soon as something was written. It writes to memory, which is handed on row group by row group: so
    /// an error of `out` is told as it is.
    writer: Option<ArrowWriter<Vec<u8>>>,
    finished: bool,
}

impl<W: Write> ParquetExporter<W> {
    /// Writes these columns to `out`, which stands as `name` in errors. It need not be seekable.
    pub fn new(name: impl Into<String>, out: W, columns: Columns) -> Self {
        Self { name: name.into(), out, pieces: Pieces::new(columns), writer: None, finished: false }
    }

    /// How many rows a row group has, at least 1. 65,536 by default.
    #[must_use]
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.pieces.set_rows(rows);
        self
    }

    /// Writes a row group; the columns are known from then on.
    fn write_piece(&mut self, batch: &Piece) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => Ok(writer),
            none => ArrowWriter::try_new(Vec::new(), batch.schema(), properties()).map(|writer| none.insert(writer)),
        };
        let written = writer.and_then(|writer| writer.write(batch).and_then(|()| writer.flush()));
        written.map_err(|error| self.failed(told(error)))?;
        self.hand_on()
    }

    /// Writes what the writer has written.
    fn hand_on(&mut self) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let bytes = writer.inner_mut();
        let written = self.out.write_all(bytes);
        bytes.clear();
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl<W: Write> Exporter for ParquetExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.export_many(std::slice::from_ref(record))
    }

    fn export_many(&mut self, mut records: &[FlowRecord]) -> Result<()> {
        if self.finished {
            return Err(self.failed(io::Error::other("it has its end already")));
        }
        while let Some(batch) = self.pieces.next(&mut records)? {
            self.write_piece(&batch)?;
        }
        Ok(())
    }

    /// Hands on the row groups that are full; the file can be read after [`finish`](Exporter::finish) only.
    fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| self.failed(source))
    }

    fn finish(&mut self) -> Result<()> {
        if self.finished {
            return Ok(());
        }
        self.finished = true;
        if self.writer.is_none() || !self.pieces.is_empty() {
            let batch = self.pieces.take(true)?;
            self.write_piece(&batch)?;
        }
        if let Some(writer) = &mut self.writer {
            writer.finish().map_err(|error| self.failed(told(error)))?;
        }
        self.hand_on()?;
        self.flush()
    }
}

impl<W> std::fmt::Debug for ParquetExporter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetExporter").field("name", &self.name).finish_non_exhaustive()
    }
}

fn properties() -> Option<WriterProperties> {
    // Level 1: half of what there is to save, for little time.
    let level = ZstdLevel::default();
    // A row group ends when it is told to.
    Some(
        WriterProperties::builder().set_compression(Compression::ZSTD(level)).set_max_row_group_row_count(None).build(),
    )
}

fn told(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
