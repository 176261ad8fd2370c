//! Records in pieces that fit into memory: what files of columns are made of.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::error::Result;
use crate::flow::FlowRecord;

use super::Columns;

/// Rows that are written together.
pub(in crate::export) type Piece = RecordBatch;

/// Columns that are handed out when there are enough rows.
#[derive(Debug)]
pub(in crate::export) struct Pieces {
    columns: Columns,
    /// How many rows are enough.
    rows: usize,
}

impl Pieces {
    pub(in crate::export) fn new(columns: Columns) -> Self {
        Self { columns, rows: ROWS }
    }

    /// Hands out so many rows from now on, at least one.
    pub(in crate::export) fn set_rows(&mut self, rows: usize) {
        self.rows = rows.max(1);
    }

    /// Names stay in their dictionaries from piece to piece, so that the last one has them all.
    pub(super) fn keep_names(&mut self) {
        self.columns.keep_names = true;
    }

    /// Appends records, up to the one with which a piece is full: that is handed out, and `records` is what is left then.
    /// `None` when all are taken and there is room for more.
    pub(in crate::export) fn next(&mut self, records: &mut &[FlowRecord]) -> Result<Option<Piece>> {
        while !records.is_empty() {
            *records = self.fill(records)?;
            if self.is_ready() {
                return self.take(false).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether nothing is held back.
    pub(in crate::export) fn is_empty(&self) -> bool {
        self.columns.rows() == 0
    }

    /// Hands out what there is, also no rows; after the `last` nothing follows.
    pub(in crate::export) fn take(&mut self, last: bool) -> Result<Piece> {
        let batch = if last { self.columns.finish() } else { self.columns.finish_part() };
        // Nobody asks for the values behind the JSON.
        drop(self.columns.take_mixed());
        batch
    }

    /// Appends as many of these as fit, at least one, and gives back the others.
    fn fill<'a>(&mut self, records: &'a [FlowRecord]) -> Result<&'a [FlowRecord]> {
        let rows = self.columns.rows();
        let room = self.rows.saturating_sub(rows).clamp(1, STEP - rows % STEP);
        let (now, later) = records.split_at(room.min(records.len()));
        self.columns.append(now)?;
        Ok(later)
    }

    fn is_ready(&self) -> bool {
        // Whether it is heavy is asked now and then: every column has to answer.
        let rows = self.columns.rows();
        rows >= self.rows || (rows.is_multiple_of(STEP) && self.columns.weight() >= HEAVY)
    }

    /// Names, types and metadata; `None` where a metric's type is known with the first piece only.
    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.columns.schema().ok()
    }
}

/// Rows of a piece, unless told otherwise.
const ROWS: usize = 65_536;
/// Rows after which it is asked how heavy they are.
const STEP: usize = 64;
/// Bytes of text, or items of lists, in one column that are enough whatever the number of rows.
const HEAVY: usize = 64 << 20;
