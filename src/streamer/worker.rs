//! A meter on a thread, and what it sends: records in small batches.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use crate::capture::StopFlag;
use crate::error::Result;
use crate::flow::FlowRecord;
use crate::meter::Meter;
use crate::streamer::batch::{Batch, Message};
use crate::streamer::report::{Ledger, lock};
use crate::time::Timestamp;

/// A meter with its way out. Runs on a thread of its own, or inside the capture thread.
pub(super) struct Worker {
    meter: Meter,
    index: usize,
    ledger: Arc<Ledger>,
    records: Sender<Vec<FlowRecord>>,
    /// Raised by whoever wants no more frames to be read.
    stop: StopFlag,
    /// Raised when nobody takes records any more.
    abandoned: StopFlag,
    #[cfg(test)]
    lose: Option<super::Hop>,
}

impl Worker {
    pub(super) fn new(
        meter: Meter,
        index: usize,
        ledger: Arc<Ledger>,
        records: Sender<Vec<FlowRecord>>,
        stop: StopFlag,
        abandoned: StopFlag,
    ) -> Self {
        Self {
            meter,
            index,
            ledger,
            records,
            stop,
            abandoned,
            #[cfg(test)]
            lose: None,
        }
    }

    #[cfg(test)]
    pub(super) fn loses(&mut self, hop: Option<super::Hop>) {
        self.lose = hop;
    }

    /// Meters what comes until the capture thread hangs up, then ends every flow.
    ///
    /// # Errors
    ///
    /// That of a user's metric, after all records.
    pub(super) fn run(mut self, packets: &Receiver<Message>, empties: &Sender<Batch>) -> Result<()> {
        for message in packets {
            match message {
                Message::Batch(mut batch) => {
                    self.batch(&batch);
                    batch.empty();
                    // Nobody waits for it: if there is no room for it, it is freed.
                    let _ = empties.try_send(batch);
                }
                Message::Tick(now) => self.tick(now),
            }
        }
        self.finish()
    }

    pub(super) fn batch(&mut self, batch: &Batch) {
        let descriptors = batch.descriptors();
        #[cfg(test)]
        let descriptors = match descriptors {
            [_, rest @ ..] if self.lose == Some(super::Hop::Queued) => rest,
            all => all,
        };
        // A few at a time, so that under slow metrics records come as they end and the ledger shows that there is life.
        for part in descriptors.chunks(PART) {
            self.meter.observe_all(&batch.block, part);
            self.send_records();
        }
        self.meter.advance(batch.clock);
        self.send_records();
    }

    pub(super) fn tick(&mut self, now: Timestamp) {
        self.meter.advance(now);
        self.send_records();
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if !self.abandoned.is_raised() {
            self.meter.finish();
            self.send_records();
        }
        self.publish();
        self.meter.take_error().map_or(Ok(()), Err)
    }

    fn send_records(&mut self) {
        loop {
            let mut records = Vec::new();
            while records.len() < RECORDS
                && let Some(record) = self.meter.pop()
            {
                if records.is_empty() {
                    records.reserve_exact(RECORDS);
                }
                #[cfg(test)]
                if self.lose == Some(super::Hop::Metered) {
                    continue;
                }
                records.push(record);
            }
            if self.meter.has_failed() {
                self.stop.raise();
            }
            // The living are published before their records leave, so that a report never counts a flow twice.
            self.publish();
            if records.is_empty() {
                return;
            }
            if let Err(unsent) = self.records.send(records) {
                let mut taken = lock(&self.ledger.taken);
                unsent.into_inner().iter().for_each(|record| taken.leave(record));
            }
        }
    }

    fn publish(&self) {
        let mut counts = lock(&self.ledger.workers[self.index]);
        counts.metered += 1;
        counts.living = self.meter.living();
        counts.evicted = self.meter.evicted();
    }
}

/// Packets metered between two looks at what has ended.
const PART: usize = 256;
/// Records sent at a time, at most.
pub(super) const RECORDS: usize = 256;
