//! Any exporter as a sink.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::export::Exporter;
use crate::flow::FlowRecord;
use crate::pipeline::{Batch, Counts, Item, Sink};

/// Hands the records of flows to an [`Exporter`]: CSV, lines of JSON, IPFIX, Parquet, Arrow, or one of your own.
///
/// Each record is written once and whole, also where its halves come as two items. Packets are an error: put
/// [`Flows`](crate::pipeline::Flows) before it. Items that only the user's own code knows are passed over.
#[derive(Debug)]
pub struct ExportSink<E> {
    exporter: E,
    only_whole: bool,
    failed: bool,
    last: Option<Arc<FlowRecord>>,
    records: u64,
}

impl<E: Exporter> ExportSink<E> {
    /// A sink into this exporter, which is finished at the end, also after an error of the source.
    pub fn new(exporter: E) -> Self {
        Self { exporter, only_whole: false, failed: false, last: None, records: 0 }
    }

    /// Whether the exporter is not finished after an error, so that a file of a
    /// [`FileExporter`](crate::export::FileExporter) never gets its name. Off by default.
    #[must_use]
    pub fn only_whole(mut self, on: bool) -> Self {
        self.only_whole = on;
        self
    }

    /// The exporter again.
    pub fn into_inner(self) -> E {
        self.exporter
    }
}

impl<E: Exporter + Send> Sink for ExportSink<E> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        for item in &batch.items {
            match item {
                Item::Flow(flow) => {
                    let record = flow.record();
                    if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, record)) {
                        continue;
                    }
                    self.exporter.export(record)?;
                    self.records += 1;
                    self.last = flow.half().map(|_| Arc::clone(record));
                }
                Item::Packet(_) => {
                    let source = "an exporter writes flows, and was given a packet: put Flows before it".into();
                    return Err(Error::Link { part: "ExportSink".to_owned(), source });
                }
                Item::Own(_) => {}
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.exporter.flush()
    }

    fn finish(&mut self) -> Result<()> {
        if self.failed && self.only_whole { Ok(()) } else { self.exporter.finish() }
    }

    fn fail(&mut self) {
        self.failed = true;
    }

    fn count(&self, counts: &mut Counts) {
        counts.taken += self.records;
    }
}
