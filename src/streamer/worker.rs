//! A meter on a thread, and what it sends: records in small batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};

use crate::capture::StopFlag;
use crate::error::{Error, Result};
use crate::flow::FlowRecord;
use crate::meter::Meter;
use crate::streamer::batch::{Batch, Message};
use crate::streamer::report::{Ledger, lock};
use crate::time::Timestamp;

/// A meter with its way out. Runs on a thread of its own, or inside the capture thread.
pub(super) struct Worker {
    meter: Meter,
    index: usize,
    way_out: WayOut,
    /// Records on their way out.
    outgoing: Vec<FlowRecord>,
    /// Blocks since records were sent.
    held: u32,
}

/// Where a worker's records and counts go, and who stops it.
#[derive(Clone)]
pub(super) struct WayOut {
    pub(super) ledger: Arc<Ledger>,
    pub(super) records: Sender<Vec<FlowRecord>>,
    /// Raised by whoever wants no more frames to be read.
    pub(super) stop: StopFlag,
    /// Raised when nobody takes records any more.
    pub(super) abandoned: StopFlag,
    #[cfg(test)]
    pub(super) lose: Option<super::Hop>,
}

impl WayOut {
    /// How a worker ends that cannot begin: nothing more is read.
    pub(super) fn fail(self, error: Error) -> Ended {
        self.stop.raise();
        Ended { result: Err(error), rest: None }
    }
}

/// How metering ended.
pub(super) struct Ended {
    pub(super) result: Result<()>,
    /// What is still to be freed, if none of it is the user's own.
    pub(super) rest: Option<Box<Meter>>,
}

impl Worker {
    pub(super) fn new(meter: Meter, index: usize, way_out: WayOut) -> Self {
        Self { meter, index, way_out, outgoing: Vec::new(), held: 0 }
    }

    /// Meters what comes until the capture thread hangs up, then ends every flow. The error is that of a user's metric, after
    /// all records.
    pub(super) fn run(mut self, packets: &Receiver<Message>, empties: &Sender<Batch>) -> Ended {
        for message in packets {
            match message {
                Message::Batches(batches) => {
                    for mut batch in batches {
                        self.batch(&batch);
                        self.flush_some();
                        batch.empty();
                        // Nobody waits for it: if there is no room for it, it is freed.
                        let _ = empties.try_send(batch);
                    }
                    // While more is waiting, records wait until enough are together.
                    if packets.is_empty() {
                        self.flush();
                    }
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
            [_, rest @ ..] if self.way_out.lose == Some(super::Hop::Queued) => rest,
            all => all,
        };
        // A few at a time, so that the ledger shows that there is life in a worker whose metrics are slow.
        for part in descriptors.chunks(PART) {
            self.way_out.ledger.metering[self.index].store(true, Ordering::Relaxed);
            self.meter.observe_all(&batch.block, part);
            self.way_out.ledger.metering[self.index].store(false, Ordering::Relaxed);
            lock(&self.way_out.ledger.workers[self.index]).metered += 1;
        }
        self.meter.advance(batch.clock);
        // Each packet makes at most one flow, so that those that are due never pile up.
        self.collect(LOOKS + 4 * descriptors.len());
    }

    pub(super) fn tick(&mut self, now: Timestamp) {
        self.meter.advance(now);
        self.collect(LOOKS_OF_A_TICK);
        self.flush();
    }

    pub(super) fn finish(mut self) -> Ended {
        if !self.way_out.abandoned.is_raised() {
            self.meter.finish();
            self.collect(usize::MAX);
        }
        self.flush();
        // Hangs up first: freeing many flows and nDPI's tables takes a while, and nobody need wait for it.
        drop(self.way_out.records);
        let result = self.meter.take_error().map_or(Ok(()), Err);
        let rest = (!self.meter.has_metrics()).then(|| Box::new(self.meter));
        Ended { result, rest }
    }

    /// Takes records that are ready, at most so many, and sends them whenever enough are together.
    fn collect(&mut self, most: usize) {
        let mut looks = most;
        for _ in 0..most {
            let Some(record) = self.meter.pop_within(&mut looks) else { break };
            #[cfg(test)]
            if self.way_out.lose == Some(super::Hop::Metered) {
                continue;
            }
            self.outgoing.push(record);
            if self.outgoing.len() == RECORDS {
                self.flush();
            }
        }
    }

    /// Sends the records that were collected, if they have waited for many blocks.
    pub(super) fn flush_some(&mut self) {
        self.held += 1;
        if self.held >= BLOCKS || self.meter.has_failed() {
            self.flush();
        }
    }

    /// Sends the records that were collected; what a slow consumer has no room for waits here, and with it the source.
    pub(super) fn flush(&mut self) {
        if self.meter.has_failed() {
            self.way_out.stop.raise();
        }
        // The living are published before their records leave, so that a report never counts a flow twice.
        self.publish();
        self.held = 0;
        if self.outgoing.is_empty() {
            return;
        }
        let room = self.outgoing.len().next_power_of_two();
        let records = std::mem::replace(&mut self.outgoing, Vec::with_capacity(room));
        if let Err(unsent) = self.way_out.records.send(records) {
            let mut taken = lock(&self.way_out.ledger.taken);
            unsent.into_inner().iter().for_each(|record| taken.leave(record));
        }
    }

    fn publish(&self) {
        let mut counts = lock(&self.way_out.ledger.workers[self.index]);
        counts.living = self.meter.living();
        counts.withheld = self.meter.withheld();
        counts.evicted = self.meter.evicted();
        drop(counts);
        let errors = self.meter.metric_errors();
        if !errors.is_empty() {
            lock(&self.way_out.ledger.metric_errors[self.index]).clone_from(errors);
        }
    }
}

/// Blocks of a busy source after which records are sent, however few.
const BLOCKS: u32 = 32;
/// Flows that are looked at after a batch of packets, beside four for each packet, to see whether they are due: half a
/// millisecond's worth, so that a million that are due at once hold nobody up.
const LOOKS: usize = 1024;
/// Those that are looked at on a wire that is silent for a tenth of a second.
const LOOKS_OF_A_TICK: usize = 1 << 13;
/// Packets metered between two signs of life.
const PART: usize = 256;
/// Records sent at a time, at most.
const RECORDS: usize = 256;
