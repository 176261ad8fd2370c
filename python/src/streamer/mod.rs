//! The streamer as Python sees it: a source and options, iterated for flows.

mod start;

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use flowgauge::OnError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::anonymizer::Anonymizer;
use crate::capsule;
use crate::collect::{self, Feed};
use crate::files::{self, Form, Wanted};
use crate::flows::{Flows, RunReport};
use crate::options::{self, Given, Seconds, saturated};
use crate::position::Position;
use crate::report::Report;
use crate::source::Source;
use crate::stream::{Batches, ROWS, Reader};
use crate::table::{FlowTable, frames};
use crate::user_metrics::UserMetrics;

/// A source of packets and what is wanted of it; iterating it gives flows.
///
/// Making one checks the options and opens nothing; every iteration opens the source and starts anew (a file object goes
/// on where it stands).
///
/// Args:
///     source: A capture file (pcap or pcapng, plain, gzip or zstd), "-" for standard input, or the name of an interface;
///         a list of files that are one capture; a capture as bytes; or a binary file object.
///     inactive_timeout: Seconds of silence, in packet time, that end a flow; 0 is a record a packet, None never.
///     active_timeout: Age in seconds at which a living flow is cut and reported; 0 cuts at every packet, None never.
///     capacity: How many flows may live at once; at the bound the one nearest its end leaves, exported. None is without
///         bound for files and 1,000,000 on an interface.
///     user_metrics: Metrics by name: an Expression such as (packet.size > 666).sum(), which runs without Python; a
///         callable, called as f(packet_information, flow) for every packet; or a class (or functools.partial of one), of
///         which an object is made, without arguments, for every flow and segment of one: its on_start(flow), if it has
///         one, is called with the first packet, on_packet(packet_information, flow) for every packet, the first too,
///         and what on_end(flow) returns is the metric.
///     on_error: What becomes of an exception in a metric: "raise" ends the run with it, after the flows metered so far;
///         "skip" makes the metric None in that flow, for which it is not called any more, and counts that in
///         report.metric_errors.
///     bpf_filter: A BPF expression (man pcap-filter) that frames must match.
///     n_dissections: How many packets of a flow nDPI sees; 0 is without nDPI.
///     stable_labels: Whether labels are to be independent of the number of workers, which costs time.
///     workers: How many threads meter; 0 meters inside the capture thread. None is one less than the processors, at
///         least 1; with a callable in user_metrics 1, unless Python runs without its lock.
///     decode_tunnels: Whether packets inside tunnels make flows of their own.
///     tunnel_keys: Whether flows in tunnels with different keys (TEID, VNI, GRE key, ERSPAN session) are kept apart; each
///         end of GTP-U chooses its own TEID, so the two directions are then two flows.
///     fragments: Whether later fragments are counted in the flow of their first.
///     promiscuous: On an interface, whether frames for other stations are captured too.
///     snaplen: On an interface, bytes kept of each frame.
///     buffer_size: On an interface, bytes of the kernel's buffer; None is libpcap's choice.
///     tcp_end: Whether FIN in both directions, or RST, ends a flow.
///     tcp_linger: Seconds for which a flow still takes packets after its TCP connection ended; None is until silence, or
///         until a SYN opens the next.
///     tcp_analysis: Whether TCP segments are analysed: retransmissions, disorder, duplicate ACKs, shut windows, the
///         handshake and the end of the connection.
///     statistics: Whether flows have statistics of sizes, gaps and TCP flags.
///     splt: How many of a flow's first packets it has one by one, as lists of direction, size and gap.
///     application_fields: Whether the payload of a flow's first packets is read for names, versions and fingerprints.
///     end_flow_when: An Expression of truth values, or a str that is one: a flow ends with the packet after which it is
///         true, with export_reason 16. None ends none.
///     keep_flows: An Expression of one truth value of the flow, or a str that is one: flows of which it is not true are
///         left out and counted in report.withheld. None keeps all.
///     mergeable: Whether flows keep what their expressions folded, so that `merge` can tell them of the whole.
///     anonymize: An Anonymizer that replaces the addresses of flows as they leave; None leaves them.
///     after: The position where the previous piece of the capture ended; None is the beginning.
///     progress: Whether a run shows how far it is, on a terminal or in a notebook: bytes read of all, packets a second,
///         flows, and the time left. With tqdm it is its bar, else a line on standard error.
///
/// Raises:
///     TypeError: An option of the wrong type, or an expression that does not fit where it stands.
///     ValueError: An option out of its range, or a text that is no expression.
#[pyclass(frozen, weakref, module = "flowgauge")]
pub(crate) struct Streamer {
    object: Py<PyAny>,
    source: Source,
    /// Seconds of silence that end a flow; None is never.
    #[pyo3(get)]
    inactive_timeout: Option<Seconds>,
    /// Age in seconds at which a living flow is cut and reported; None is never.
    #[pyo3(get)]
    active_timeout: Option<Seconds>,
    /// How many flows may live at once; None is without bound for files and 1,000,000 on an interface.
    #[pyo3(get)]
    capacity: Option<u64>,
    user_metrics: Option<Py<PyAny>>,
    end_flow_when: Option<Py<PyAny>>,
    keep_flows: Option<Py<PyAny>>,
    /// Whether flows keep what their expressions folded, to be merged.
    #[pyo3(get)]
    mergeable: bool,
    /// What replaces the addresses of flows; None leaves them.
    #[pyo3(get)]
    anonymize: Option<Anonymizer>,
    on_error: OnError,
    metrics: UserMetrics,
    bpf_filter: Option<String>,
    /// How many packets of a flow nDPI sees; 0 is without nDPI.
    #[pyo3(get)]
    n_dissections: u64,
    /// Whether labels are independent of the number of workers.
    #[pyo3(get)]
    stable_labels: bool,
    /// How many threads meter; None leaves the choice to the streamer.
    #[pyo3(get)]
    workers: Option<u64>,
    /// Whether packets inside tunnels make flows of their own.
    #[pyo3(get)]
    decode_tunnels: bool,
    /// Whether flows in tunnels with different keys are kept apart.
    #[pyo3(get)]
    tunnel_keys: bool,
    /// Whether later fragments are counted in the flow of their first.
    #[pyo3(get)]
    fragments: bool,
    /// On an interface, whether frames for other stations are captured too.
    #[pyo3(get)]
    promiscuous: bool,
    /// On an interface, bytes kept of each frame.
    #[pyo3(get)]
    snaplen: u64,
    /// On an interface, bytes of the kernel's buffer; None is libpcap's choice.
    #[pyo3(get)]
    buffer_size: Option<u64>,
    /// Whether the end of a TCP connection ends its flow.
    #[pyo3(get)]
    tcp_end: bool,
    /// Seconds for which a flow still takes packets after its TCP connection ended; None is until silence.
    #[pyo3(get)]
    tcp_linger: Option<Seconds>,
    /// Whether TCP segments are analysed.
    #[pyo3(get)]
    tcp_analysis: bool,
    /// Whether flows have statistics of sizes, gaps and TCP flags.
    #[pyo3(get)]
    statistics: bool,
    /// How many of a flow's first packets it has one by one.
    #[pyo3(get)]
    splt: u64,
    /// Whether the payload of a flow's first packets is read for names, versions and fingerprints.
    #[pyo3(get)]
    application_fields: bool,
    /// The position where the previous piece of the capture ended; None is the beginning.
    #[pyo3(get)]
    after: Option<Position>,
    /// Whether a run shows how far it is.
    #[pyo3(get)]
    progress: bool,
    latest: Mutex<Option<RunReport>>,
}

#[pymethods]
impl Streamer {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    #[pyo3(
        signature = (
            source, *, inactive_timeout=Given::Default, active_timeout=Given::Default, capacity=Given::Default,
            user_metrics=None, on_error=Given::Default, bpf_filter=Given::Default, n_dissections=Given::Default, stable_labels=Given::Default,
            workers=Given::Default, decode_tunnels=Given::Default, tunnel_keys=Given::Default, fragments=Given::Default,
            promiscuous=Given::Default, snaplen=Given::Default, buffer_size=Given::Default, tcp_end=Given::Default,
            tcp_linger=Given::Default, tcp_analysis=Given::Default, statistics=Given::Default, splt=Given::Default,
            application_fields=Given::Default, end_flow_when=None, keep_flows=None,
            mergeable=Given::Default, anonymize=Given::Default, after=Given::Default,
            progress=Given::Default
        ),
        text_signature = "(source, *, inactive_timeout=60, active_timeout=120, capacity=None, user_metrics=None, \
                          on_error='raise', bpf_filter=None, n_dissections=20, stable_labels=False, workers=None, decode_tunnels=True, \
                          tunnel_keys=False, fragments=True, promiscuous=True, snaplen=65535, buffer_size=None, tcp_end=False, \
                          tcp_linger=5, tcp_analysis=False, statistics=False, splt=0, application_fields=False, \
                          end_flow_when=None, keep_flows=None, mergeable=False, anonymize=None, after=None, progress=False)"
    )]
    fn new<'py>(
        py: Python<'py>,
        source: Bound<'py, PyAny>,
        inactive_timeout: Given<'py>,
        active_timeout: Given<'py>,
        capacity: Given<'py>,
        user_metrics: Option<Bound<'py, PyAny>>,
        on_error: Given<'py>,
        bpf_filter: Given<'py>,
        n_dissections: Given<'py>,
        stable_labels: Given<'py>,
        workers: Given<'py>,
        decode_tunnels: Given<'py>,
        tunnel_keys: Given<'py>,
        fragments: Given<'py>,
        promiscuous: Given<'py>,
        snaplen: Given<'py>,
        buffer_size: Given<'py>,
        tcp_end: Given<'py>,
        tcp_linger: Given<'py>,
        tcp_analysis: Given<'py>,
        statistics: Given<'py>,
        splt: Given<'py>,
        application_fields: Given<'py>,
        end_flow_when: Option<Bound<'py, PyAny>>,
        keep_flows: Option<Bound<'py, PyAny>>,
        mergeable: Given<'py>,
        anonymize: Given<'py>,
        after: Given<'py>,
        progress: Given<'py>,
    ) -> PyResult<Self> {
        let mergeable = options::flag("mergeable", mergeable, false)?;
        Ok(Self {
            source: Source::new(&source)?,
            object: source.unbind(),
            inactive_timeout: options::seconds("inactive_timeout", inactive_timeout, 60)?,
            active_timeout: options::seconds("active_timeout", active_timeout, 120)?,
            capacity: options::number_or_none("capacity", capacity, 1, u64::MAX)?,
            metrics: UserMetrics::new(
                py,
                user_metrics.as_ref(),
                end_flow_when.as_ref(),
                keep_flows.as_ref(),
                mergeable,
            )?,
            user_metrics: user_metrics.map(Bound::unbind),
            end_flow_when: end_flow_when.map(Bound::unbind),
            keep_flows: keep_flows.map(Bound::unbind),
            mergeable,
            on_error: options::on_error(on_error)?,
            bpf_filter: options::text_or_none("bpf_filter", bpf_filter)?,
            n_dissections: options::number("n_dissections", n_dissections, 20, 0, u32::MAX.into())?,
            stable_labels: options::flag("stable_labels", stable_labels, false)?,
            workers: options::number_or_none("workers", workers, 0, 1024)?,
            decode_tunnels: options::flag("decode_tunnels", decode_tunnels, true)?,
            tunnel_keys: options::flag("tunnel_keys", tunnel_keys, false)?,
            fragments: options::flag("fragments", fragments, true)?,
            promiscuous: options::flag("promiscuous", promiscuous, true)?,
            snaplen: options::number("snaplen", snaplen, 65_535, 1, MAX_SNAPLEN)?,
            buffer_size: options::number_or_none("buffer_size", buffer_size, 1, MAX_BUFFER)?,
            tcp_end: options::flag("tcp_end", tcp_end, false)?,
            tcp_linger: options::seconds("tcp_linger", tcp_linger, 5)?,
            tcp_analysis: options::flag("tcp_analysis", tcp_analysis, false)?,
            statistics: options::flag("statistics", statistics, false)?,
            splt: options::number("splt", splt, 0, 0, MAX_SPLT)?,
            application_fields: options::flag("application_fields", application_fields, false)?,
            anonymize: options::object_or_none("anonymize", anonymize, "an Anonymizer, or None")?,
            after: options::object_or_none("after", after, "a Position, or None")?,
            progress: options::flag("progress", progress, false)?,
            latest: Mutex::new(None),
        })
    }

    /// Open the source and give an iterator of its flows: a `Flows`.
    fn __iter__(&self, py: Python<'_>) -> PyResult<Flows> {
        self.start(py).map(Flows::new)
    }

    /// Every flow as a row of a `FlowTable`, whose columns have a type also when there are no flows.
    ///
    /// Only what is asked for is metered: options that no wanted column needs are turned off, nDPI included, unless a
    /// callable in `user_metrics` may look at them.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    #[pyo3(signature = (columns=None))]
    fn collect(&self, py: Python<'_>, columns: Option<Bound<'_, PyAny>>) -> PyResult<FlowTable> {
        let names = collect::names(columns.as_ref())?;
        let mut feed = Feed::start(py, self, names.as_deref())?;
        let batches = feed.all(py);
        if batches.is_err() {
            feed.close(py);
        }
        let batches = batches?;
        Ok(FlowTable::new(feed.schema(py)?, batches))
    }

    /// Open the source and give an iterator of tables of at most so many flows each: memory stays bounded.
    ///
    /// A table has fewer flows at the end, and when none came for a second.
    ///
    /// A callable in `user_metrics` must yield the same type in every table as in the first.
    ///
    /// Args:
    ///     rows: How many flows are in a table, at least 1.
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    #[pyo3(signature = (rows=Given::Default, columns=None), text_signature = "($self, rows=65536, columns=None)")]
    fn batches<'py>(&self, py: Python<'py>, rows: Given<'py>, columns: Option<Bound<'py, PyAny>>) -> PyResult<Batches> {
        let rows = options::number("rows", rows, ROWS as u64, 1, u64::MAX)?;
        let names = collect::names(columns.as_ref())?;
        Ok(Batches::new(Feed::start(py, self, names.as_deref())?, saturated(rows)))
    }

    /// Every flow as a row of a pyarrow.Table.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    #[pyo3(signature = (columns=None))]
    fn to_arrow<'py>(&self, py: Python<'py>, columns: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        frames(py, "arrow_libraries")?.call0()?;
        frames(py, "to_arrow")?.call1((self.collect(py, columns)?,))
    }

    /// Every flow as a row of a pandas.DataFrame, whose columns have a type also when there are no flows.
    ///
    /// Numbers are numpy's unsigned ints (pandas' nullable ones where a value may be absent), times are
    /// datetime64[ns, UTC], durations timedelta64[ns]; metrics get the type that fits their values.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     dtype_backend: "numpy" for these types, or "pyarrow" for Arrow's own, which needs pyarrow.
    #[pyo3(signature = (columns=None, dtype_backend="numpy"))]
    fn to_pandas<'py>(
        &self,
        py: Python<'py>,
        columns: Option<Bound<'py, PyAny>>,
        dtype_backend: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        frames(py, "pandas_libraries")?.call1((dtype_backend,))?;
        frames(py, "to_pandas")?.call1((self.collect(py, columns)?, dtype_backend, true))
    }

    /// Every flow as a row of a polars.DataFrame.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    #[pyo3(signature = (columns=None))]
    fn to_polars<'py>(&self, py: Python<'py>, columns: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        frames(py, "polars_library")?.call0()?;
        frames(py, "to_polars")?.call1((self.collect(py, columns)?,))
    }

    /// Columns of all flows as numpy arrays by name.
    ///
    /// Ints and bools that may be absent are masked arrays, floats NaN, times and durations NaT; text and lists are
    /// objects.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    #[pyo3(signature = (columns=None))]
    fn to_numpy<'py>(&self, py: Python<'py>, columns: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        frames(py, "numpy_library")?.call0()?;
        frames(py, "to_numpy")?.call1((self.collect(py, columns)?, true))
    }

    /// The stream of Arrow's PyCapsule interface: opens the source, and flows come in batches as they end; a schema that
    /// is asked for is not heeded.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        capsule::stream(py, Reader::new(py, Feed::start(py, self, None)?)?)
    }

    /// The schema of Arrow's PyCapsule interface; opens nothing.
    ///
    /// Raises:
    ///     ValueError: A callable is in `user_metrics`, whose type is known with the first flows only.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule::schema(py, &*collect::schema(py, self)?)
    }

    /// Write every flow to a CSV file (RFC 4180) with a heading; tell how many there were.
    ///
    /// Times are whole milliseconds since the Unix epoch. A text that a spreadsheet would take for a formula gets an
    /// apostrophe in front.
    ///
    /// Args:
    ///     path: Where; compressed if its name ends in `.gz` or `.zst`. The file appears under its name when it is complete. If
    ///         the capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`,
    ///         and the exception has a note of it.
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
    ///         `flowgauge verify`.
    ///
    /// Raises:
    ///     TypeError: `path` is no str, bytes or os.PathLike.
    ///     ValueError: It is empty or a capture of the source, or a name in `columns` is none.
    ///     OSError: It is a directory, or cannot be written.
    #[pyo3(signature = (path, columns=None, *, manifest=false))]
    fn to_csv(&self, py: Python<'_>, path: Bound<'_, PyAny>, columns: Names<'_>, manifest: bool) -> PyResult<u64> {
        let wanted = Wanted { form: Form::Csv, names: collect::names(columns.as_ref())?, manifest };
        files::write(py, self, path, &wanted)
    }

    /// Write every flow as a line of JSON; tell how many there were.
    ///
    /// Each line is an object (RFC 8259) of all columns by name, as `Flow.to_dict` has them: times are whole milliseconds
    /// since the Unix epoch. Read it with `pandas.read_json(path, lines=True)` or `polars.read_ndjson`.
    ///
    /// Args:
    ///     path: Where; compressed if its name ends in `.gz` or `.zst`. The file appears under its name when it is complete. If
    ///         the capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`,
    ///         and the exception has a note of it.
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
    ///         `flowgauge verify`.
    ///
    /// Raises:
    ///     TypeError: `path` is no str, bytes or os.PathLike.
    ///     ValueError: It is empty or a capture of the source, or a name in `columns` is none.
    ///     OSError: It is a directory, or cannot be written.
    #[pyo3(signature = (path, columns=None, *, manifest=false))]
    fn to_json(&self, py: Python<'_>, path: Bound<'_, PyAny>, columns: Names<'_>, manifest: bool) -> PyResult<u64> {
        let wanted = Wanted { form: Form::Json, names: collect::names(columns.as_ref())?, manifest };
        files::write(py, self, path, &wanted)
    }

    /// Write every flow to a file of IPFIX (RFC 5655), for nfdump, SiLK and other collectors; tell how many there were.
    ///
    /// A flow is a record of both directions with reverse elements (RFC 5103). The file has the names of applications and, at
    /// its end, what was sent and ignored. What has no element of IANA's is left out without an `enterprise_number`.
    ///
    /// Args:
    ///     path: Where; compressed if its name ends in `.gz` or `.zst`. The file appears under its name when it is complete. If
    ///         the capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`,
    ///         and the exception has a note of it.
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     uniflow: Whether each direction that has packets is a record of its own, for readers that look at forward elements
    ///         only.
    ///     enterprise_number: The number that IANA assigned you, for columns and metrics that have no element of the registry;
    ///         None leaves them out.
    ///     manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
    ///         `flowgauge verify`.
    ///
    /// Raises:
    ///     TypeError: `path` is no str, bytes or os.PathLike.
    ///     ValueError: It is empty or a capture of the source, a name in `columns` is none or has no element, or an option
    ///         is out of its range.
    ///     OSError: It is a directory, or cannot be written.
    #[pyo3(
        signature = (path, columns=None, *, uniflow=false, enterprise_number=Given::Default, manifest=false),
        text_signature = "($self, path, columns=None, *, uniflow=False, enterprise_number=None, manifest=False)"
    )]
    fn to_ipfix(
        &self,
        py: Python<'_>,
        path: Bound<'_, PyAny>,
        columns: Names<'_>,
        uniflow: bool,
        enterprise_number: Given<'_>,
        manifest: bool,
    ) -> PyResult<u64> {
        let number = options::number_or_none("enterprise_number", enterprise_number, 1, u32::MAX.into())?;
        let number = number.map(saturated).and_then(NonZeroU32::new);
        let form = Form::Ipfix { uniflow, enterprise_number: number };
        files::write(py, self, path, &Wanted { form, names: collect::names(columns.as_ref())?, manifest })
    }

    /// Write every flow as a row of a Parquet file; tell how many there were.
    ///
    /// Compressed with Zstandard, a row group for 65,536 flows: memory stays bounded. Types are those of `to_arrow`, with unit
    /// and description of every column; readers that do not look for Arrow's types see durations as nanoseconds.
    ///
    /// Args:
    ///     path: Where; the file appears under its name when it is complete. If the capture turns out to be damaged, the
    ///         flows before the damage stay in the file of that name with `.part`, and the exception has a note of it.
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
    ///         `flowgauge verify`.
    ///
    /// Raises:
    ///     TypeError: `path` is no str, bytes or os.PathLike.
    ///     ValueError: It is empty, a capture of the source or called as something compressed (as the file is inside), a name
    ///         in `columns` is none, or a callable in `user_metrics` yields another type than in the first 65,536 flows.
    ///     OSError: It is a directory, or cannot be written.
    #[pyo3(signature = (path, columns=None, *, manifest=false))]
    fn to_parquet(&self, py: Python<'_>, path: Bound<'_, PyAny>, columns: Names<'_>, manifest: bool) -> PyResult<u64> {
        let wanted = Wanted { form: Form::Parquet, names: collect::names(columns.as_ref())?, manifest };
        files::write(py, self, path, &wanted)
    }

    /// Write every flow as a row of a Feather file, which is Arrow's own format; tell how many there were.
    ///
    /// Compressed with Zstandard, a batch for 65,536 flows: memory stays bounded. Types are those of `to_arrow`, with unit and
    /// description of every column. Read it with `pandas.read_feather`, `polars.read_ipc` or `pyarrow.feather`.
    ///
    /// Args:
    ///     path: Where; the file appears under its name when it is complete. If the capture turns out to be damaged, the
    ///         flows before the damage stay in the file of that name with `.part`, and the exception has a note of it.
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
    ///         `flowgauge verify`.
    ///
    /// Raises:
    ///     TypeError: `path` is no str, bytes or os.PathLike.
    ///     ValueError: It is empty, a capture of the source or called as something compressed (as the file is inside), a name
    ///         in `columns` is none, or a callable in `user_metrics` yields another type than in the first 65,536 flows.
    ///     OSError: It is a directory, or cannot be written.
    #[pyo3(signature = (path, columns=None, *, manifest=false))]
    fn to_feather(&self, py: Python<'_>, path: Bound<'_, PyAny>, columns: Names<'_>, manifest: bool) -> PyResult<u64> {
        let wanted = Wanted { form: Form::Feather, names: collect::names(columns.as_ref())?, manifest };
        files::write(py, self, path, &wanted)
    }

    /// The report of the latest iteration, also while it goes on; all zero before any.
    #[getter]
    fn report(&self) -> PyResult<Report> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        latest.map_or_else(|| Ok(Report::new(flowgauge::Report::default())), |run| run.report())
    }

    /// Where the latest iteration stopped reading: a `Position` for `after` of a streamer of the next piece; None while it
    /// goes on, and before any.
    #[getter]
    fn position(&self) -> PyResult<Option<Position>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        latest.map_or(Ok(None), |run| run.position())
    }

    /// The source as it was given.
    #[getter]
    pub(crate) fn source(&self, py: Python<'_>) -> Py<PyAny> {
        self.object.clone_ref(py)
    }

    /// The metrics as they were given; later changes of that dict have no effect.
    #[getter]
    fn user_metrics(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.user_metrics.as_ref().map(|metrics| metrics.clone_ref(py))
    }

    /// What becomes of an exception in a metric: "raise" or "skip".
    #[getter]
    fn on_error(&self) -> &'static str {
        match self.on_error {
            OnError::Raise => "raise",
            OnError::Skip => "skip",
        }
    }

    /// The BPF expression that frames must match.
    #[getter]
    fn bpf_filter(&self) -> Option<&str> {
        self.bpf_filter.as_deref()
    }

    /// What ends a flow with the packet after which it is true, as it was given.
    #[getter]
    fn end_flow_when(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.end_flow_when.as_ref().map(|condition| condition.clone_ref(py))
    }

    /// What is true of the flows that are kept, as it was given.
    #[getter]
    fn keep_flows(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.keep_flows.as_ref().map(|condition| condition.clone_ref(py))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        let source = match this.source {
            Source::Bytes => "bytes".to_owned(),
            _ => this.object.bind(slf.py()).repr()?.to_string(),
        };
        let mut text = format!("Streamer({source}");
        for name in SHOWN {
            let value = slf.getattr(name)?.repr()?;
            text.push_str(&format!(", {name}={value}"));
        }
        text.push(')');
        Ok(text)
    }

    /// The same for a notebook: HTML in which every text is escaped.
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("flowgauge._html")?.call_method1("streamer", (slf,))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)?;
        for given in [&self.user_metrics, &self.end_flow_when, &self.keep_flows] {
            visit.call(given)?;
        }
        self.metrics.traverse(visit)
    }
}

/// Names of columns, as they were given.
type Names<'py> = Option<Bound<'py, PyAny>>;

/// The options that `repr` shows.
const SHOWN: [&str; 4] = ["inactive_timeout", "active_timeout", "capacity", "user_metrics"];
/// What libpcap takes at most (`MAXIMUM_SNAPLEN`).
const MAX_SNAPLEN: u64 = 262_144;
const MAX_BUFFER: u64 = i32::MAX as u64;
/// As many as nfstream takes.
const MAX_SPLT: u64 = 65_535;
