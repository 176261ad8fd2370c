//! The ledger of a run as Python sees it.

use std::collections::BTreeMap;

use flowgauge::streamer::reason_name;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error;

/// What became of everything that a run has read so far; bytes are bytes on the wire.
///
/// `str(report)` is one line of JSON, without the source's bytes: it is the same from a file, compressed or not, and a pipe.
#[pyclass(frozen, eq, module = "flowgauge")]
#[derive(PartialEq)]
pub(crate) struct Report {
    report: flowgauge::Report,
}

impl Report {
    pub(crate) fn new(report: flowgauge::Report) -> Self {
        Self { report }
    }
}

#[pymethods]
impl Report {
    /// Frames read from the source.
    #[getter]
    fn frames_read(&self) -> u64 {
        self.report.frames_read
    }

    /// Their bytes.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.report.bytes_read
    }

    /// Bytes read from the source as they are stored, of all its files together; of a compressed capture, compressed bytes.
    /// Reading goes on a block at a time, ahead of the frames. None on an interface.
    #[getter]
    fn source_bytes_read(&self) -> Option<u64> {
        self.report.source_bytes_read
    }

    /// How many there are in all; None when that cannot be known before the end: an interface, standard input, a pipe, a
    /// file object.
    #[getter]
    fn source_bytes(&self) -> Option<u64> {
        self.report.source_bytes
    }

    /// Frames that the BPF filter left out.
    #[getter]
    fn filtered(&self) -> u64 {
        self.report.filtered
    }

    /// Their bytes.
    #[getter]
    fn filtered_bytes(&self) -> u64 {
        self.report.filtered_bytes
    }

    /// Frames that decoding refused, by reason; reasons that did not occur are left out.
    #[getter]
    fn skipped(&self) -> BTreeMap<&'static str, u64> {
        self.report.skipped.iter().map(|(reason, count)| (reason.name(), *count)).collect()
    }

    /// Their bytes.
    #[getter]
    fn skipped_bytes(&self) -> u64 {
        self.report.skipped_bytes
    }

    /// Packets: frames that decoding accepted.
    #[getter]
    fn packets(&self) -> u64 {
        self.report.packets
    }

    /// Their bytes.
    #[getter]
    fn packet_bytes(&self) -> u64 {
        self.report.packet_bytes
    }

    /// Flows that are in no record yet; after the end of a run, those that nobody took.
    #[getter]
    fn living(&self) -> u64 {
        self.report.living
    }

    /// Their packets.
    #[getter]
    fn living_packets(&self) -> u64 {
        self.report.living_packets
    }

    /// Their bytes.
    #[getter]
    fn living_bytes(&self) -> u64 {
        self.report.living_bytes
    }

    /// Records that the user's own condition kept back.
    #[getter]
    fn withheld(&self) -> u64 {
        self.report.withheld
    }

    /// Their packets.
    #[getter]
    fn withheld_packets(&self) -> u64 {
        self.report.withheld_packets
    }

    /// Their bytes.
    #[getter]
    fn withheld_bytes(&self) -> u64 {
        self.report.withheld_bytes
    }

    /// Records handed out, by reason (a number from 16 on for the user's own); reasons that did not occur are left out.
    #[getter]
    fn records(&self) -> BTreeMap<String, u64> {
        self.report.records.iter().map(|(reason, count)| (reason_name(*reason), *count)).collect()
    }

    /// Their packets.
    #[getter]
    fn record_packets(&self) -> u64 {
        self.report.record_packets
    }

    /// Their bytes.
    #[getter]
    fn record_bytes(&self) -> u64 {
        self.report.record_bytes
    }

    /// Flows that had to leave because the cache was full.
    #[getter]
    fn evicted(&self) -> u64 {
        self.report.evicted
    }

    /// Packets whose stamp lies before the clock.
    #[getter]
    fn out_of_order(&self) -> u64 {
        self.report.out_of_order
    }

    /// Frames whose stamp cannot be told in 64 bits of nanoseconds.
    #[getter]
    fn time_out_of_range(&self) -> u64 {
        self.report.time_out_of_range
    }

    /// Frames lost before they were read, by whom: `kernel` and `interface`.
    #[getter]
    fn dropped(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("kernel", self.report.dropped.kernel), ("interface", self.report.dropped.interface)])
    }

    /// Failures of metrics that were skipped (on_error="skip"), by the metric's name: in as many flows it is None on this
    /// account. Metrics that did not fail are left out; what the first failure of each says is among the warnings.
    #[getter]
    fn metric_errors(&self) -> &BTreeMap<String, u64> {
        &self.report.metric_errors
    }

    /// What the user should know, once each.
    #[getter]
    fn warnings(&self) -> &[String] {
        &self.report.warnings
    }

    /// What of this run would not be the same with another number of workers, and why; empty when all would.
    #[getter]
    fn notes(&self) -> &[String] {
        &self.report.notes
    }

    /// Whether the run is over: before, packets may be on their way between the threads.
    #[getter]
    fn complete(&self) -> bool {
        self.report.complete
    }

    /// Check that nothing that was read is lost or counted twice; LedgerError says what does not add up.
    ///
    /// While the run is not complete, less than went in may have come out, but never more.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.report.check().map_err(|error| error::raise(py, error))
    }

    /// All of it as a dict, by the names of the attributes.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        for name in NAMES {
            dict.set_item(name, slf.getattr(name)?)?;
        }
        Ok(dict)
    }

    fn __str__(&self) -> String {
        self.report.to_string()
    }

    fn __repr__(&self) -> String {
        let flowgauge::Report { frames_read, packets, living, complete, .. } = self.report;
        let records: u64 = self.report.records.values().sum();
        let state = if complete { "complete" } else { "not complete" };
        let errors = match self.report.metric_errors.values().sum::<u64>() {
            0 => String::new(),
            errors => format!(", {errors} metric errors"),
        };
        format!(
            "<flowgauge.Report {state}: {frames_read} frames read, {packets} packets, {records} records, {living} flows \
             living{errors}>"
        )
    }
}

/// The attributes, in order.
const NAMES: [&str; 27] = [
    "frames_read",
    "bytes_read",
    "source_bytes_read",
    "source_bytes",
    "filtered",
    "filtered_bytes",
    "skipped",
    "skipped_bytes",
    "packets",
    "packet_bytes",
    "living",
    "living_packets",
    "living_bytes",
    "withheld",
    "withheld_packets",
    "withheld_bytes",
    "records",
    "record_packets",
    "record_bytes",
    "evicted",
    "out_of_order",
    "time_out_of_range",
    "dropped",
    "metric_errors",
    "warnings",
    "notes",
    "complete",
];
