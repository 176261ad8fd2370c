//! The iterator of a view: opens the source at the first flow, numbers the flows, and ends as nfstream's users expect.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flowgauge::FlowRecord;
use flowgauge::meter::{MeterConfig, PacketSize};
use flowgauge::metric::MetricGroup;
use flowgauge::packet::{DecodeOptions, Tunnels};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::OnceLockExt;
use pyo3::types::PyTuple;

use super::collect::{self, Collected};
use super::ending::{ended_early, late};
use super::flow::NFlow;
use super::plugins::{self, Group, Plugins};
use super::row::{Accounting, View};
use crate::flows::{Failure, MANY, Run};
use crate::metric::Abandoned;
use crate::options;
use crate::report::Report;
use crate::source::Source;

/// The flows of one iteration of an `NFStreamer`, as they end.
///
/// The source is opened when the first flow is asked for. Leaving it, by `break`, `close()` or garbage collection, stops
/// the run and its threads.
#[pyclass(frozen, module = "flowgauge.nfstream", weakref)]
pub(crate) struct NFFlows {
    source: Py<PyAny>,
    options: Options,
    view: Arc<View>,
    plugins: Option<Arc<Plugins>>,
    abandoned: Abandoned,
    /// Begun with the first flow that is asked for, once, whoever asks; `None` if it could not begin.
    run: OnceLock<Option<Arc<Run>>>,
    /// How many flows were handed out.
    handed_out: AtomicU64,
    ended: AtomicBool,
    interrupted: AtomicBool,
}

/// What the streamer was told, checked by it.
struct Options {
    live: bool,
    bpf_filter: Option<String>,
    promiscuous_mode: bool,
    snapshot_length: u32,
    socket_buffer_size: u32,
    idle_timeout: u64,
    active_timeout: u64,
    n_dissections: u32,
    workers: Option<u64>,
    max_nflows: u64,
}

#[pymethods]
impl NFFlows {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    #[pyo3(signature = (
        source, *, live, decode_tunnels, bpf_filter, promiscuous_mode, snapshot_length, socket_buffer_size, idle_timeout,
        active_timeout, accounting_mode, plugins, plugin_base, n_dissections, statistical_analysis, splt_analysis, workers,
        max_nflows
    ))]
    fn new(
        source: Py<PyAny>,
        live: bool,
        decode_tunnels: bool,
        bpf_filter: Option<String>,
        promiscuous_mode: bool,
        snapshot_length: u64,
        socket_buffer_size: u32,
        idle_timeout: u64,
        active_timeout: u64,
        accounting_mode: u8,
        plugins: &Bound<'_, PyTuple>,
        plugin_base: &Bound<'_, PyAny>,
        n_dissections: u32,
        statistical_analysis: bool,
        splt_analysis: usize,
        workers: Option<u64>,
        max_nflows: u64,
    ) -> PyResult<Self> {
        let view = Arc::new(View {
            tunnels: decode_tunnels,
            statistics: statistical_analysis,
            splt: splt_analysis,
            dissection: n_dissections > 0,
            accounting: Accounting::of(accounting_mode),
            plugins: !plugins.is_empty(),
        });
        let abandoned = Abandoned::default();
        let plugins = view
            .plugins
            .then(|| Plugins::new(plugins, plugin_base, Arc::clone(&view), abandoned.clone()))
            .transpose()?;
        let options = Options {
            live,
            bpf_filter,
            promiscuous_mode,
            snapshot_length: options::saturated::<u32>(snapshot_length).min(MAX_SNAPLEN),
            socket_buffer_size,
            idle_timeout,
            active_timeout,
            n_dissections,
            workers,
            max_nflows,
        };
        Ok(Self {
            source,
            options,
            view,
            plugins,
            abandoned,
            run: OnceLock::new(),
            handed_out: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, NFlow>>> {
        loop {
            let Some(record) = self.take(py, |run| run.try_next(py))? else { return Ok(None) };
            if let Some(flow) = self.hand_out(py, record)? {
                return Ok(Some(flow));
            }
        }
    }

    /// Iterate to the end and give the columns: of each its name, its type (`int`, `float`, `str`, `list`, or `any` for a
    /// plugin's values), and its values: the bytes of numbers of 64 bits in the machine's order, or a list.
    fn collect<'py>(&self, py: Python<'py>) -> PyResult<Vec<Collected<'py>>> {
        let mut columns = collect::Builder::new(&self.view);
        loop {
            let most = match self.options.max_nflows {
                0 => MANY,
                most => usize::try_from(most - self.handed_out.load(Ordering::Relaxed)).unwrap_or(MANY).min(MANY),
            };
            let records = self.take(py, |run| {
                let records = run.try_next_many(py, most)?;
                Ok((!records.is_empty()).then_some(records))
            })?;
            let Some(records) = records else { break };
            for record in records {
                if self.view.plugins {
                    if let Some(flow) = self.hand_out(py, record)? {
                        columns.push(flow.get(), py)?;
                    }
                } else {
                    let id = self.count(py);
                    columns.push_record(py, &record, id)?;
                }
            }
        }
        columns.finish(py)
    }

    /// The names of the columns that every flow has, in order.
    #[getter]
    fn columns(&self) -> Vec<&'static str> {
        super::columns::columns_of(&self.view).map(|column| column.name).collect()
    }

    /// Whether a flow was asked for, and with it the capture began.
    #[getter(begun)]
    fn has_begun(&self) -> bool {
        self.begun().is_some()
    }

    /// Whether there will be no more flows.
    #[getter]
    fn over(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What became of everything read so far: a `Report`.
    #[getter]
    fn report(&self) -> PyResult<Report> {
        self.begun().map_or_else(|| Ok(Report::new(flowgauge::Report::default())), |run| run.report().report())
    }

    /// Stop the run, wait for its threads, and call the plugins' `cleanup`; flows not taken are lost.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py);
        self.clean_up(py)
    }

    fn __repr__(&self) -> String {
        let state = match (self.begun(), self.ended.load(Ordering::Acquire)) {
            (_, true) => "over",
            (None, false) => "not begun",
            (Some(_), false) => "running",
        };
        format!("<flowgauge.nfstream.NFFlows {state}>")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.source)?;
        self.plugins.as_ref().map_or(Ok(()), |plugins| plugins.traverse(&visit))
    }
}

impl NFFlows {
    /// What `next` gives, or the end in all its forms.
    fn take<T>(&self, py: Python<'_>, next: impl Fn(&Run) -> Result<Option<T>, Failure>) -> PyResult<Option<T>> {
        if self.ended.load(Ordering::Acquire) {
            return self.clean_up(py).map(|()| None);
        }
        let Some(run) = self.run(py)? else { return Ok(None) };
        loop {
            let ended = match next(run) {
                Ok(Some(taken)) => return Ok(Some(taken)),
                Ok(None) => Ok(()),
                Err(Failure::Raised(error)) if self.is_first_interrupt(py, &error) => {
                    run.stop();
                    continue;
                }
                // An interrupt or another signal: whoever asks again goes on.
                Err(Failure::Raised(error)) => return Err(error),
                Err(Failure::Library(error)) => ended_early(py, error),
            };
            self.ended.store(true, Ordering::Release);
            let cleaned = self.clean_up(py);
            return ended.and(cleaned).map(|()| None);
        }
    }

    /// On an interface, where nothing else ends the capture, the first Ctrl-C ends it: the flows so far still come.
    fn is_first_interrupt(&self, py: Python<'_>, error: &PyErr) -> bool {
        self.options.live
            && error.is_instance_of::<PyKeyboardInterrupt>(py)
            && !self.interrupted.swap(true, Ordering::Relaxed)
    }

    fn run(&self, py: Python<'_>) -> PyResult<Option<&Arc<Run>>> {
        let mut failed = None;
        let run = self.run.get_or_init_py_attached(py, || match self.start(py) {
            Ok(run) => Some(run),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        if let Some(error) = failed {
            self.ended.store(true, Ordering::Release);
            return Err(error);
        }
        Ok(run.as_ref())
    }

    /// The run, if it began.
    fn begun(&self) -> Option<&Arc<Run>> {
        self.run.get()?.as_ref()
    }

    fn start(&self, py: Python<'_>) -> PyResult<Arc<Run>> {
        let Options { promiscuous_mode, snapshot_length, socket_buffer_size, n_dissections, .. } = self.options;
        let source = self.source.bind(py);
        let size = match self.view.accounting {
            Accounting::Raw => PacketSize::Wire,
            Accounting::Ip => PacketSize::Ip,
            Accounting::Transport => PacketSize::Transport,
            Accounting::Payload => PacketSize::Payload,
        };
        let meter = MeterConfig::nfstream()
            .inactive_timeout(Duration::from_secs(self.options.idle_timeout))
            .active_timeout(Duration::from_secs(self.options.active_timeout))
            .statistics(self.view.statistics)
            .sequence(u32::try_from(self.view.splt).unwrap_or(u32::MAX))
            .packet_size(size)
            .application_fields(self.view.dissection);
        let decode = DecodeOptions::nfstream();
        let decode = if self.view.tunnels { decode } else { decode.tunnels(Tunnels::NONE) };
        let mut streamer = Source::new(source)?
            .streamer(source, &self.abandoned)?
            .meter_config(meter)
            .decode_options(decode)
            .n_dissections(n_dissections)
            .workers(options::workers(py, self.options.workers, self.plugins.is_some())?)
            .promiscuous(promiscuous_mode)
            .snaplen_bytes(snapshot_length)
            .buffer_bytes((socket_buffer_size > 0).then_some(socket_buffer_size));
        if let Some(expression) = &self.options.bpf_filter {
            streamer = streamer.bpf_filter(expression);
        }
        if let Some(plugins) = &self.plugins {
            let group: Arc<dyn MetricGroup> = Arc::new(Group(Arc::clone(plugins)));
            streamer = streamer.metric_group(group);
        }
        Run::start(py, streamer, self.abandoned.clone()).map_err(|error| late(py, error))
    }

    /// The flow of a record, with its number; `None` for one that a plugin failed in, or that none saw after that: the
    /// exception is on its way.
    fn hand_out<'py>(&self, py: Python<'py>, record: FlowRecord) -> PyResult<Option<Bound<'py, NFlow>>> {
        if self.plugins.is_none() {
            return Bound::new(py, NFlow::done(&self.view, self.count(py), record)).map(Some);
        }
        let Some(flow) = plugins::seen(py, &record) else { return Ok(None) };
        flow.get().number(self.count(py));
        Ok(Some(flow))
    }

    /// Counts a flow that is handed out; the last one that is wanted ends the run.
    fn count(&self, py: Python<'_>) -> u64 {
        let id = self.handed_out.fetch_add(1, Ordering::Relaxed);
        if self.options.max_nflows > 0 && id + 1 >= self.options.max_nflows {
            self.end(py);
        }
        id
    }

    /// Stops the run and its threads.
    fn end(&self, py: Python<'_>) {
        self.ended.store(true, Ordering::Release);
        if let Some(run) = self.begun() {
            run.close(py);
        }
    }

    /// After a run, the plugins are told, once.
    fn clean_up(&self, py: Python<'_>) -> PyResult<()> {
        match &self.plugins {
            Some(plugins) if self.begun().is_some() => plugins.clean_up(py),
            _ => Ok(()),
        }
    }
}

impl Drop for NFFlows {
    fn drop(&mut self) {
        if self.begun().is_none() {
            return;
        }
        Python::try_attach(|py| {
            // This may happen while an exception is on its way, which is none of our business.
            let on_its_way = PyErr::take(py);
            if let Err(error) = self.close(py) {
                error.write_unraisable(py, None);
            }
            if let Some(error) = on_its_way {
                error.restore(py);
            }
        });
    }
}

/// What libpcap takes at most (`MAXIMUM_SNAPLEN`).
const MAX_SNAPLEN: u32 = 262_144;
