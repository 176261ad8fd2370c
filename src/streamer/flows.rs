//! The way out: records as an iterator, and the handle that stops a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::vec;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::capture::StopFlag;
use crate::error::{Error, Result};
use crate::flow::FlowRecord;
use crate::flow::schema::Schema;
use crate::packet::Position;
use crate::streamer::report::{InputSpan, Ledger, Report, lock};

/// The flow records of a run: an iterator that ends when the source has ended and every flow has left.
///
/// An error comes once, after the last record; then the iterator is over. Dropping it stops the run.
#[derive(Debug)]
pub struct Flows {
    pub(super) records: Receiver<Vec<FlowRecord>>,
    pub(super) chunk: vec::IntoIter<FlowRecord>,
    pub(super) threads: Vec<Thread>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) schema: Schema,
    pub(super) stop: StopFlag,
    pub(super) abandoned: StopFlag,
    /// Since when the run has been stopped without a sign of life, and what was metered until then.
    pub(super) stopped: Option<(Instant, u64)>,
    #[cfg(test)]
    pub(super) lose: Option<super::Hop>,
}

/// A thread of a run.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) name: String,
    /// How it ended. It may then still have flows and tables to free, which nobody need wait for.
    pub(super) ended: Receiver<Result<()>>,
    pub(super) handle: JoinHandle<()>,
}

/// Stops a run from anywhere: what was read is still metered, and every flow leaves.
#[derive(Clone, Debug)]
pub struct StopHandle(StopFlag);

/// Looks at the report of a run from anywhere, also after its iterator is gone.
#[derive(Clone, Debug)]
pub struct ReportHandle(Arc<Ledger>);

/// What waiting for a record, or for several, came to.
#[derive(Debug)]
pub enum Waited<T = FlowRecord> {
    /// A record; of [`Flows::wait_many`] several.
    Record(T),
    /// Nothing yet.
    Nothing,
    /// There will be no more.
    End,
}

impl StopHandle {
    /// Reads no more frames; the iterator gives the flows so far and ends.
    pub fn stop(&self) {
        self.0.raise();
    }
}

impl ReportHandle {
    /// What became of everything read so far.
    pub fn report(&self) -> Report {
        self.0.report()
    }

    /// What was read so far of each input, as [`Flows::input_spans`] tells it.
    pub fn input_spans(&self) -> BTreeMap<usize, InputSpan> {
        self.0.spans()
    }

    /// Where reading stopped, for [`Streamer::resume`](crate::Streamer::resume); `None` while it goes on.
    pub fn position(&self) -> Option<Position> {
        lock(&self.0.position).clone()
    }
}

impl Flows {
    /// The next record if one is at hand; never waits.
    ///
    /// `None` says nothing of the end: ask [`Flows::wait`].
    pub fn try_next(&mut self) -> Option<FlowRecord> {
        loop {
            if let Some(record) = self.chunk.next() {
                #[cfg(test)]
                if self.lose.take() == Some(super::Hop::Record) {
                    continue;
                }
                lock(&self.ledger.taken).take(&record);
                return Some(record);
            }
            self.chunk = self.records.try_recv().ok()?.into_iter();
            self.stopped = None;
        }
    }

    /// The records that are at hand together, at least one and a few hundred at most; never waits.
    ///
    /// `None` says nothing of the end: ask [`Flows::wait_many`].
    pub fn try_many(&mut self) -> Option<Vec<FlowRecord>> {
        let mut records: Vec<_> = std::mem::take(&mut self.chunk).collect();
        if records.is_empty() {
            records = self.records.try_recv().ok().filter(|records| !records.is_empty())?;
            self.stopped = None;
        }
        #[cfg(test)]
        if self.lose.take() == Some(super::Hop::Record) {
            records.pop();
        }
        let mut taken = lock(&self.ledger.taken);
        records.iter().for_each(|record| taken.take(record));
        drop(taken);
        Some(records)
    }

    /// The next record, or word that none came within `timeout`.
    ///
    /// # Errors
    ///
    /// What ended the run before its end, once, after the last record.
    pub fn wait(&mut self, timeout: Duration) -> Result<Waited> {
        self.wait_for(timeout, Self::try_next)
    }

    /// As [`Flows::wait`], for all records that are at hand together.
    ///
    /// # Errors
    ///
    /// As [`Flows::wait`].
    pub fn wait_many(&mut self, timeout: Duration) -> Result<Waited<Vec<FlowRecord>>> {
        self.wait_for(timeout, Self::try_many)
    }

    /// The next records, at least one and a few hundred at most; `None` at the end. Cheaper than one by one.
    ///
    /// # Errors
    ///
    /// As [`Flows::wait`].
    pub fn next_many(&mut self) -> Result<Option<Vec<FlowRecord>>> {
        loop {
            match self.wait_many(Duration::from_secs(3600))? {
                Waited::Record(records) => return Ok(Some(records)),
                Waited::Nothing => {}
                Waited::End => return Ok(None),
            }
        }
    }

    fn wait_for<T>(&mut self, timeout: Duration, take: impl Fn(&mut Self) -> Option<T>) -> Result<Waited<T>> {
        let mut deadline = None;
        loop {
            if let Some(record) = take(self) {
                return Ok(Waited::Record(record));
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeout);
            let look = deadline.min(Instant::now() + LOOK);
            match self.records.recv_deadline(look) {
                Ok(chunk) => {
                    self.chunk = chunk.into_iter();
                    self.stopped = None;
                }
                Err(RecvTimeoutError::Disconnected) => return self.join().map(|()| Waited::End),
                Err(RecvTimeoutError::Timeout) => {
                    self.held_up()?;
                    if Instant::now() >= deadline {
                        return Ok(Waited::Nothing);
                    }
                }
            }
        }
    }

    /// Where reading stopped, for [`Streamer::resume`](crate::Streamer::resume); `None` while it goes on.
    pub fn position(&self) -> Option<Position> {
        lock(&self.ledger.position).clone()
    }

    /// What became of everything read so far.
    pub fn report(&self) -> Report {
        self.ledger.report()
    }

    /// What was read so far of each input, by its place among them; those without a frame are left out.
    pub fn input_spans(&self) -> BTreeMap<usize, InputSpan> {
        self.ledger.spans()
    }

    /// Stops the run, leaves what was not taken, and gives the final report.
    pub fn close(mut self) -> Report {
        self.wind_up();
        self.report()
    }

    /// The columns of the records.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A handle that looks at the report of this run from anywhere.
    pub fn report_handle(&self) -> ReportHandle {
        ReportHandle(Arc::clone(&self.ledger))
    }

    /// A handle that stops this run from anywhere.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(self.stop.clone())
    }

    /// After a stop everything ends at once, unless a thread is inside the user's own code and does not come back.
    fn held_up(&mut self) -> Result<()> {
        if !self.stop.is_raised() {
            return Ok(());
        }
        if !self.ledger.may_be_stuck() {
            self.stopped = None;
            return Ok(());
        }
        let metered = self.ledger.metered();
        match self.stopped {
            Some((since, before)) if before == metered => {
                if since.elapsed() < PATIENCE {
                    return Ok(());
                }
            }
            _ => {
                self.stopped = Some((Instant::now(), metered));
                return Ok(());
            }
        }
        let (_, nobody) = crossbeam_channel::bounded(0);
        self.records = nobody;
        self.threads.clear();
        let metrics = self.schema.metrics();
        let detail = match metrics {
            [] => "was stopped, but reading its source has not returned for a second".to_owned(),
            _ => format!("was stopped, but the metric {} has not returned for a second", metrics.join(", ")),
        };
        Err(Error::Thread { name: "fg-capture".into(), detail })
    }

    /// Ends the run without taking its records.
    fn wind_up(&mut self) {
        if self.threads.is_empty() {
            return;
        }
        self.abandoned.raise();
        self.stop.raise();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut taken = lock(&self.ledger.taken);
            self.chunk.by_ref().for_each(|record| taken.leave(&record));
            drop(taken);
            match self.records.recv_deadline(deadline) {
                Ok(chunk) => self.chunk = chunk.into_iter(),
                Err(RecvTimeoutError::Disconnected) => break,
                // A thread is held up in the user's own code: it ends as soon as that lets it.
                Err(RecvTimeoutError::Timeout) => return,
            }
        }
        // They have counted all they will and nobody is left to hear of an error; freeing many flows may take them longer.
        self.threads.clear();
        lock(&self.ledger.taken).complete = true;
    }

    /// Waits for the threads, all of which have hung up, and gives the first error.
    fn join(&mut self) -> Result<()> {
        if self.threads.is_empty() {
            return Ok(());
        }
        // If a worker died early, the capture thread is still to be told.
        self.stop.raise();
        let mut result = Ok(());
        for Thread { name, ended, handle } in self.threads.drain(..) {
            let ended = ended.recv().unwrap_or_else(|_| handle.join().map_err(|panic| died(name, panic.as_ref())));
            result = result.and(ended);
        }
        lock(&self.ledger.taken).complete = true;
        result
    }
}

impl Iterator for Flows {
    type Item = Result<FlowRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.wait(Duration::from_secs(3600)) {
                Ok(Waited::Record(record)) => return Some(Ok(record)),
                Ok(Waited::Nothing) => {}
                Ok(Waited::End) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Drop for Flows {
    fn drop(&mut self) {
        self.wind_up();
    }
}

fn died(name: String, panic: &(dyn std::any::Any + Send)) -> Error {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Thread { name, detail: format!("panicked: {}", message.as_deref().unwrap_or("no message")) }
}

/// How often a waiting iterator looks whether the run was stopped.
const LOOK: Duration = Duration::from_millis(200);
/// How long a run that was stopped may take to end.
const PATIENCE: Duration = Duration::from_secs(1);
