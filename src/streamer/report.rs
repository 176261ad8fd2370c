//! The ledger of a run: every frame is in exactly one record, or under exactly one named reason.
//!
//! Each counter is counted where the thing happens and never from another, so that [`Report::check`] can fail.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::capture::{Dropped, Frame, SourceBytes};
use crate::error::{Error, Result};
use crate::export::Ignored;
use crate::flow::{ExportReason, FlowRecord};
use crate::meter::{Living, MetricErrors, Withheld};
use crate::packet::{Position, SkipReason};
use crate::time::Timestamp;

/// What became of everything that a run has read so far; bytes are bytes on the wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Frames read from the source.
    pub frames_read: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// Bytes read from the source as they are stored, of all its files together; of a compressed capture, compressed
    /// bytes. Reading goes on a block at a time, ahead of the frames. `None` on an interface, and of a source of one's own
    /// that does not say.
    pub source_bytes_read: Option<u64>,
    /// How many there are in all; `None` when that cannot be known before the end: an interface, standard input, a pipe,
    /// a reader.
    pub source_bytes: Option<u64>,
    /// Frames that the BPF filter left out.
    pub filtered: u64,
    /// Their bytes.
    pub filtered_bytes: u64,
    /// Frames that decoding refused, by reason; reasons that did not occur are left out.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Their bytes.
    pub skipped_bytes: u64,
    /// Packets: frames that decoding accepted.
    pub packets: u64,
    /// Their bytes.
    pub packet_bytes: u64,
    /// Flows that are in no record yet; after the end of a run, those that nobody took.
    pub living: u64,
    /// Their packets.
    pub living_packets: u64,
    /// Their bytes.
    pub living_bytes: u64,
    /// Records that the user's own condition kept back.
    pub withheld: u64,
    /// Their packets.
    pub withheld_packets: u64,
    /// Their bytes.
    pub withheld_bytes: u64,
    /// Records handed out, by reason; reasons that did not occur are left out.
    pub records: BTreeMap<ExportReason, u64>,
    /// Their packets.
    pub record_packets: u64,
    /// Their bytes.
    pub record_bytes: u64,
    /// Flows that had to leave because the cache was full.
    pub evicted: u64,
    /// Packets whose stamp lies before the clock.
    pub out_of_order: u64,
    /// Frames whose stamp was saturated.
    pub time_out_of_range: u64,
    /// Frames lost before they were read.
    pub dropped: Dropped,
    /// Failures of the user's metrics that were skipped ([`OnError::Skip`](crate::OnError::Skip)), by the metric's name:
    /// in as many flows it is null on this account. Metrics that did not fail are left out; what the first failure of
    /// each says is among the `warnings`.
    pub metric_errors: BTreeMap<String, u64>,
    /// What the user should know, once each.
    pub warnings: Vec<String>,
    /// What of this run would not be the same with another number of workers, and why; empty when all would.
    pub notes: Vec<String>,
    /// Whether the run is over: before, packets may be on their way between the threads.
    pub complete: bool,
}

impl Report {
    /// Checks the law of conservation: nothing that was read is lost or counted twice.
    ///
    /// # Errors
    ///
    /// [`Error::Ledger`] with both sides of the equation that does not hold. While the run is not
    /// [`complete`](Report::complete), less than went in may have come out, but never more.
    pub fn check(&self) -> Result<()> {
        let skipped: u64 = self.skipped.values().sum();
        let laws = [
            (
                "frames_read",
                self.frames_read,
                "filtered + skipped + packets",
                self.filtered + skipped + self.packets,
                true,
            ),
            (
                "bytes_read",
                self.bytes_read,
                "filtered_bytes + skipped_bytes + packet_bytes",
                self.filtered_bytes + self.skipped_bytes + self.packet_bytes,
                true,
            ),
            (
                "packets",
                self.packets,
                "record_packets + withheld_packets + living_packets",
                self.record_packets + self.withheld_packets + self.living_packets,
                self.complete,
            ),
            (
                "packet_bytes",
                self.packet_bytes,
                "record_bytes + withheld_bytes + living_bytes",
                self.record_bytes + self.withheld_bytes + self.living_bytes,
                self.complete,
            ),
        ];
        for (left_name, left, right_name, right, exact) in laws {
            if left < right || (exact && left != right) {
                return Err(Error::Ledger { detail: format!("{left_name} is {left}, but {right_name} is {right}") });
            }
        }
        Ok(())
    }
}

/// What formats tell of it that have room for what is in no record: what decoding skipped, and what was dropped.
impl From<&Report> for Ignored {
    fn from(report: &Report) -> Self {
        let reasons: Vec<_> = report.skipped.iter().map(|(reason, packets)| (reason.name(), *packets)).collect();
        Self {
            packets: report.skipped.values().sum(),
            bytes: report.skipped_bytes,
            dropped: report.dropped.kernel.saturating_add(report.dropped.interface),
            reasons,
        }
    }
}

/// What was read of one input of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InputSpan {
    /// Frames, also those that the filter left out.
    pub frames: u64,
    /// Their smallest and their largest stamp; `None` without any.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// One line of JSON: what became of the frames. How many bytes they were stored in is left out, so that a capture gives
/// the same line from a file, compressed or not, and from a pipe.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"frames_read\": {}, \"bytes_read\": {}", self.frames_read, self.bytes_read)?;
        write!(f, ", \"filtered\": {}, \"skipped\": {{", self.filtered)?;
        write_counts(f, self.skipped.iter().map(|(reason, count)| (reason.name(), *count)))?;
        write!(f, "}}, \"packets\": {}, \"living\": {}, \"withheld\": {}", self.packets, self.living, self.withheld)?;
        f.write_str(", \"records\": {")?;
        write_counts(f, self.records.iter().map(|(reason, count)| (reason_name(*reason), *count)))?;
        write!(f, "}}, \"evicted\": {}, \"out_of_order\": {}", self.evicted, self.out_of_order)?;
        write!(f, ", \"time_out_of_range\": {}", self.time_out_of_range)?;
        let Dropped { kernel, interface } = self.dropped;
        write!(f, ", \"dropped\": {{\"kernel\": {kernel}, \"interface\": {interface}}}, \"metric_errors\": {{")?;
        write_counts(f, self.metric_errors.iter().map(|(name, count)| (name, *count)))?;
        f.write_str("}, \"warnings\": [")?;
        write_texts(f, &self.warnings)?;
        f.write_str("], \"notes\": [")?;
        write_texts(f, &self.notes)?;
        f.write_str("]}")
    }
}

/// The name under which a report counts records of this reason: `inactive` ... and the number for a user's own.
pub fn reason_name(reason: ExportReason) -> String {
    if reason.number() < 16 { reason.name().to_owned() } else { reason.number().to_string() }
}

fn write_counts<N: AsRef<str>>(f: &mut fmt::Formatter<'_>, counts: impl Iterator<Item = (N, u64)>) -> fmt::Result {
    for (index, (name, count)) in counts.enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        crate::flow::json::write_text(f, name.as_ref())?;
        write!(f, ": {count}")?;
    }
    Ok(())
}

fn write_texts(f: &mut fmt::Formatter<'_>, texts: &[String]) -> fmt::Result {
    for (index, text) in texts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        crate::flow::json::write_text(f, text)?;
    }
    Ok(())
}

/// The counters of a run, one part for each thread that counts; a part is locked once per batch.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) capture: Mutex<CaptureCounts>,
    pub(super) workers: Vec<Mutex<WorkerCounts>>,
    /// Failures of metrics that each worker skipped.
    pub(super) metric_errors: Vec<Mutex<BTreeMap<String, MetricErrors>>>,
    /// Whether the capture thread is inside its source, which may be the user's own code.
    pub(super) reading: AtomicBool,
    /// Whether a worker is inside its meter, and so perhaps inside a metric of the user's.
    pub(super) metering: Vec<AtomicBool>,
    pub(super) warnings: Mutex<Vec<String>>,
    pub(super) filter_warnings: Mutex<Vec<String>>,
    /// What of the run, as it was set up, depends on the number of workers.
    pub(super) notes: Vec<String>,
    pub(super) taken: Mutex<TakenCounts>,
    /// What was read of each input.
    spans: Mutex<BTreeMap<usize, InputSpan>>,
    /// Where reading stopped.
    pub(super) position: Mutex<Option<Position>>,
}

/// Counted by the capture thread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CaptureCounts {
    pub(super) frames_read: u64,
    pub(super) bytes_read: u64,
    pub(super) filtered: u64,
    pub(super) filtered_bytes: u64,
    pub(super) skipped: [u64; SkipReason::ALL.len()],
    pub(super) skipped_bytes: u64,
    pub(super) packets: u64,
    pub(super) packet_bytes: u64,
    pub(super) out_of_order: u64,
    pub(super) time_out_of_range: u64,
    pub(super) dropped: Dropped,
    pub(super) source: SourceBytes,
}

/// Counted by one worker.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkerCounts {
    /// Counts up while the worker meters: a sign of life.
    pub(super) metered: u64,
    pub(super) living: Living,
    pub(super) withheld: Withheld,
    pub(super) evicted: u64,
}

/// Counted where records are handed out.
#[derive(Clone, Debug)]
pub(super) struct TakenCounts {
    /// Records by the number of their reason.
    records: [u64; 256],
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Records that came too late for anybody to take.
    pub(super) untaken: Living,
    pub(super) complete: bool,
}

impl Default for TakenCounts {
    fn default() -> Self {
        Self { records: [0; 256], packets: 0, bytes: 0, untaken: Living::default(), complete: false }
    }
}

impl TakenCounts {
    fn by_reason(&self) -> BTreeMap<ExportReason, u64> {
        let counts = self.records.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.filter_map(|(number, count)| Some((ExportReason::of(u8::try_from(number).ok()?)?, *count))).collect()
    }

    pub(super) fn take(&mut self, record: &FlowRecord) {
        let total = record.total();
        self.records[usize::from(record.export_reason.number())] += 1;
        self.packets += total.pkts;
        self.bytes += total.bytes;
    }

    pub(super) fn leave(&mut self, record: &FlowRecord) {
        let total = record.total();
        self.untaken.flows += 1;
        self.untaken.packets += total.pkts;
        self.untaken.bytes += total.bytes;
    }
}

impl Ledger {
    pub(super) fn new(workers: usize, notes: Vec<String>) -> Self {
        Self {
            workers: (0..workers).map(|_| Mutex::default()).collect(),
            metric_errors: (0..workers).map(|_| Mutex::default()).collect(),
            metering: (0..workers).map(|_| AtomicBool::default()).collect(),
            notes,
            ..Self::default()
        }
    }

    /// Notes that these frames of an input were read.
    pub(super) fn see(&self, input: usize, frames: &[Frame]) {
        let stamps = frames.iter().map(|frame| frame.stamp);
        let times = stamps.clone().min().zip(stamps.max());
        let mut spans = lock(&self.spans);
        let span = spans.entry(input).or_default();
        span.frames += frames.len() as u64;
        span.times = match (span.times, times) {
            (Some((first, last)), Some((start, end))) => Some((first.min(start), last.max(end))),
            (before, now) => before.or(now),
        };
    }

    /// What was read of each input so far.
    pub(super) fn spans(&self) -> BTreeMap<usize, InputSpan> {
        lock(&self.spans).clone()
    }

    /// Whether some thread is where the user's own code may hold it up.
    pub(super) fn may_be_stuck(&self) -> bool {
        self.reading.load(Ordering::Relaxed) || self.metering.iter().any(|one| one.load(Ordering::Relaxed))
    }

    /// A number that changes whenever a worker has metered some packets.
    pub(super) fn metered(&self) -> u64 {
        self.workers.iter().map(|worker| lock(worker).metered).sum()
    }

    /// Failures of metrics that were skipped, by the metric's name.
    fn skipped_errors(&self) -> BTreeMap<String, MetricErrors> {
        let mut all = BTreeMap::<String, MetricErrors>::new();
        for worker in &self.metric_errors {
            for (name, errors) in lock(worker).iter() {
                let merged = all.entry(name.clone());
                merged.and_modify(|all| all.merge(errors)).or_insert_with(|| errors.clone());
            }
        }
        all
    }

    /// The report as of now. Downstream is read first, so that what moves meanwhile is missing rather than double.
    pub(super) fn report(&self) -> Report {
        let taken = lock(&self.taken).clone();
        let mut living = taken.untaken;
        let (mut withheld, mut evicted) = (Withheld::default(), 0);
        for worker in &self.workers {
            let worker = *lock(worker);
            living.flows += worker.living.flows;
            living.packets += worker.living.packets;
            living.bytes += worker.living.bytes;
            withheld.records += worker.withheld.records;
            withheld.packets += worker.withheld.packets;
            withheld.bytes += worker.withheld.bytes;
            evicted += worker.evicted;
        }
        let capture = *lock(&self.capture);
        let errors = self.skipped_errors();
        let skipped_errors = errors.values().map(|errors| match errors.count {
            1 => format!("{} (skipped)", errors.first),
            count => format!("{} (skipped, the first of {count})", errors.first),
        });
        let warnings = [lock(&self.warnings).clone(), lock(&self.filter_warnings).clone(), skipped_errors.collect()];
        let mut notes = self.notes.clone();
        if evicted > 0 && self.workers.len() > 1 {
            notes.push("flows were evicted: which ones depends on the number of workers".to_owned());
        }
        let skipped = SkipReason::ALL.into_iter().zip(capture.skipped).filter(|(_, count)| *count > 0).collect();
        Report {
            frames_read: capture.frames_read,
            bytes_read: capture.bytes_read,
            source_bytes_read: capture.source.read,
            source_bytes: capture.source.all,
            filtered: capture.filtered,
            filtered_bytes: capture.filtered_bytes,
            skipped,
            skipped_bytes: capture.skipped_bytes,
            packets: capture.packets,
            packet_bytes: capture.packet_bytes,
            living: living.flows,
            living_packets: living.packets,
            living_bytes: living.bytes,
            withheld: withheld.records,
            withheld_packets: withheld.packets,
            withheld_bytes: withheld.bytes,
            records: taken.by_reason(),
            record_packets: taken.packets,
            record_bytes: taken.bytes,
            evicted,
            out_of_order: capture.out_of_order,
            time_out_of_range: capture.time_out_of_range,
            dropped: capture.dropped,
            metric_errors: errors.into_iter().map(|(name, errors)| (name, errors.count)).collect(),
            warnings: warnings.concat(),
            notes,
            complete: taken.complete,
        }
    }
}

/// Locks a part of the ledger, also after a panic of its thread: numbers cannot be half written.
pub(super) fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::LinkType;

    #[test]
    fn the_span_of_an_input_grows_to_both_sides() {
        let frames = |stamps: &[i64]| -> Vec<Frame> {
            let frame = |nanos: &i64| Frame {
                stamp: Timestamp::from_nanos(*nanos),
                offset: 0,
                captured_len: 0,
                wire_len: 0,
                link: LinkType::ETHERNET,
                time_out_of_range: false,
            };
            stamps.iter().map(frame).collect()
        };
        let ledger = Ledger::new(1, Vec::new());
        for (input, stamps) in [(0, &[5, 9, 7][..]), (2, &[4]), (0, &[]), (0, &[-1, 6]), (2, &[8])] {
            ledger.see(input, &frames(stamps));
        }
        let span = |frames, first, last| InputSpan {
            frames,
            times: Some((Timestamp::from_nanos(first), Timestamp::from_nanos(last))),
        };
        assert_eq!(ledger.spans(), BTreeMap::from([(0, span(5, -1, 9)), (2, span(2, 4, 8))]));
    }
}
