//! Flows as Arrow columns: records in, [`RecordBatch`]es out.
//!
//! Types are those of the table of columns: `timestamp[ns, UTC]`, `duration[ns]`, unsigned ints of their own width, lists,
//! and dictionaries for names that repeat. Each field says its unit and what it is as metadata `unit` and `description`.
//! A batch is contiguous: what grew is handed out as it is, without a copy. This module is the one place where types of another
//! crate are part of the public face; the crates stand here in the version that fits.
//!
//! ```
//! use flowgauge::export::arrow::Columns;
//!
//! let capture = [&b"\xd4\xc3\xb2\xa1\x02\0\x04\0"[..], &[0; 8], &65_535u32.to_le_bytes(), &1u32.to_le_bytes()].concat();
//! let mut flows = flowgauge::Streamer::from_bytes(capture).start()?;
//! let mut columns = Columns::of(flows.schema(), ["ip_src", "src_to_dst_bytes"])?;
//! while let Some(records) = flows.next_many()? {
//!     columns.append(&records)?;
//! }
//! let batch = columns.finish()?;
//! assert_eq!((batch.num_rows(), batch.num_columns()), (0, 2));
//! # Ok::<(), flowgauge::Error>(())
//! ```

mod cells;
mod fields;
mod ipc;
mod metric;
mod pieces;
mod shape;
mod text;

use std::fmt;
use std::sync::Arc;

pub use arrow_array;
pub use arrow_schema;
pub use ipc::IpcExporter;
#[cfg(feature = "parquet")]
pub(super) use pieces::{Piece, Pieces};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema as ArrowSchema, SchemaRef};

use crate::error::{Error, Result};
use crate::flow::schema::{self, Schema};
use crate::flow::{FlowRecord, Value};

use cells::Cells;
use metric::MetricColumn;

/// Columns that grow with every record and are handed out as a batch.
///
/// What a user's own code yields has the type of its values in the first batch: truth values, whole numbers, numbers, text,
/// bytes, lists of these; JSON text where they are of several kinds, and null where all are.
pub struct Columns {
    columns: Vec<Growing>,
    rows: usize,
    /// Whether the dictionaries of a batch have the names of those before it too.
    keep_names: bool,
}

enum Growing {
    Column(&'static schema::Column, Cells),
    Metric(MetricColumn),
}

impl Columns {
    /// Every column of a run, then its metrics.
    pub fn new(schema: &Schema) -> Self {
        let columns = schema.columns().map(|column| Growing::Column(column, Cells::of_column(column)));
        let metrics = (0..schema.metrics().len()).map(|index| Growing::Metric(MetricColumn::new(schema, index)));
        Self { columns: columns.chain(metrics).collect(), rows: 0, keep_names: false }
    }

    /// The columns and metrics of these names, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] for a name that the run has not, or that comes twice.
    pub fn of<N: AsRef<str>>(schema: &Schema, names: impl IntoIterator<Item = N>) -> Result<Self> {
        let mut columns: Vec<Growing> = Vec::new();
        for name in names {
            let name = name.as_ref();
            let refused = |detail: String| Error::Column { column: name.to_owned(), detail };
            if columns.iter().any(|other| other.name() == name) {
                return Err(refused("is named twice".to_owned()));
            }
            if let Some(column) = schema.columns().find(|column| column.name == name) {
                columns.push(Growing::Column(column, Cells::of_column(column)));
            } else if let Some(index) = schema.metrics().iter().position(|metric| metric == name) {
                columns.push(Growing::Metric(MetricColumn::new(schema, index)));
            } else if let Some(needs) = schema::column(name).and_then(|column| column.needs) {
                return Err(refused(format!("needs the option {}", needs.option())));
            } else {
                let known = schema.names().collect::<Vec<_>>().join(", ");
                return Err(refused(format!("there is no such column: there are {known}")));
            }
        }
        Ok(Self { columns, rows: 0, keep_names: false })
    }

    /// Appends records of the run.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] for more than 2 GiB of text, or 2^31 items of lists, in one column: see [`Columns::is_full`].
    pub fn append(&mut self, records: &[FlowRecord]) -> Result<()> {
        // As many as stay in the processor's nearest cache while one column after the other is read off them.
        records.chunks(AT_ONCE).try_for_each(|records| self.append_few(records))
    }

    fn append_few(&mut self, records: &[FlowRecord]) -> Result<()> {
        self.rows += records.len();
        let are_metered = records.iter().all(|record| record.stored().is_none());
        for growing in &mut self.columns {
            let appended = match growing {
                Growing::Column(column, cells) if are_metered => {
                    cells.extend(column.nullable, records, |record| column.metered(record))
                }
                Growing::Column(column, cells) => cells.extend(column.nullable, records, |record| column.get(record)),
                Growing::Metric(metric) => metric.extend(records),
            };
            if appended.is_err() {
                let detail = "more than 2 GiB of text, or 2^31 items of lists, in one batch: take smaller ones";
                return Err(Error::Column { column: growing.name().to_owned(), detail: detail.to_owned() });
            }
        }
        Ok(())
    }

    /// Hands out the batch and begins the next, which has the same types.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] when a metric of the user's own code yields something else than in the first batch.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        self.hand_out(false)
    }

    /// As [`finish`](Columns::finish), when more batches may follow: a metric of the user's own code whose values were all
    /// null so far is text then, JSON, which whatever comes can be told as.
    ///
    /// # Errors
    ///
    /// As [`finish`](Columns::finish).
    pub fn finish_part(&mut self) -> Result<RecordBatch> {
        self.hand_out(true)
    }

    fn hand_out(&mut self, more: bool) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let keep_names = self.keep_names;
        let arrays = self.columns.iter_mut().map(|growing| growing.finish(keep_names, more));
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
        let schema = Arc::new(self.arrow_schema());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|error| {
            let name = self.columns.iter().map(Growing::name).collect::<Vec<_>>().join(", ");
            Error::Column { column: name, detail: error.to_string() }
        })
    }

    /// The values in the batch that was finished last of each metric that is told as JSON, by name.
    pub fn take_mixed(&mut self) -> Vec<(String, Vec<Value>)> {
        let mixed = self.columns.iter_mut().filter_map(|growing| match growing {
            Growing::Metric(metric) => metric.take_mixed().map(|values| (metric.name().to_owned(), values)),
            Growing::Column(..) => None,
        });
        mixed.collect()
    }

    /// How many records were appended since the last batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether a column holds 1 GiB of text or 2^30 items of lists, or there are as many rows: time to
    /// [`finish`](Self::finish) a batch, since none can hold twice as much.
    pub fn is_full(&self) -> bool {
        self.weight().max(self.rows) >= FULL
    }

    /// Bytes of text, or items of lists, in the column that has most of them.
    fn weight(&self) -> usize {
        self.columns.iter().map(Growing::weight).max().unwrap_or_default()
    }

    /// Names, types and metadata.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] naming a metric whose type is not known before the first batch.
    pub fn schema(&self) -> Result<SchemaRef> {
        for growing in &self.columns {
            if let Growing::Metric(metric) = growing
                && !metric.is_typed()
            {
                let detail = "the type of what the user's own code yields is known with the first flows only: \
                              make it an expression, or take a table of them";
                return Err(Error::Column { column: metric.name().to_owned(), detail: detail.to_owned() });
            }
        }
        Ok(Arc::new(self.arrow_schema()))
    }

    fn arrow_schema(&self) -> ArrowSchema {
        let fields = self.columns.iter().map(|growing| match growing {
            Growing::Column(column, _) => fields::of_column(column),
            Growing::Metric(metric) => fields::of_metric(metric.name(), metric.data_type()),
        });
        ArrowSchema::new(fields.collect::<Vec<_>>())
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.columns.iter().map(Growing::name).collect();
        f.debug_struct("Columns").field("columns", &names).field("rows", &self.rows).finish()
    }
}

impl Growing {
    fn finish(&mut self, keep_names: bool, more: bool) -> Result<ArrayRef> {
        match self {
            Self::Column(_, cells) => Ok(cells.finish(keep_names)),
            Self::Metric(metric) => metric.finish(more),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Column(column, _) => column.name,
            Self::Metric(metric) => metric.name(),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Column(_, cells) => cells.weight(),
            Self::Metric(metric) => metric.weight(),
        }
    }
}

/// A column has no room for more: offsets have 31 bits.
#[derive(Debug)]
struct Overflow;

/// Bytes of text or items of lists after which a batch is better finished.
const FULL: usize = 1 << 30;
/// Records whose columns are filled together.
const AT_ONCE: usize = 64;
/// The largest offset.
const LARGEST: usize = i32::MAX as usize;
