//! The native parts, as Python makes them.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flowgauge::Error;
use flowgauge::export::FileExporter;
use flowgauge::meter::MeterConfig;
use flowgauge::packet::{DecodeOptions, Tunnels};
use flowgauge::pipeline::{
    AddressKind, Branch, CsvSink, DnsMeta, DnsSummary, ExportSink, Flows, HttpMeta, JsonSink, Link, PacketMeta,
    PacketPrinter, PacketStreamer, PacketSummary, Resolver, ReverseDns, Sink, Source, Tagger, TlsMeta, TransportMeta,
    Wants, Way,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::collect;
use crate::error::{self, failure};
use crate::files::{Form, Wanted};
use crate::metric::Abandoned;
use crate::pipeline::calls::{Called, Guard, Held, Taken};
use crate::pipeline::output;
use crate::source::Source as Named;

/// A native part of a pipeline, made anew for every run.
#[pyclass(frozen, module = "flowgauge.pipeline")]
pub(crate) struct PipelinePart {
    name: &'static str,
    /// What it is made of that belongs to Python.
    objects: Vec<Py<PyAny>>,
    make: Box<Make>,
    /// What it wants to be told by parts before it, be they in another run.
    wants: Wants,
}

type Make = dyn Fn(Python<'_>, &[Py<PyAny>]) -> PyResult<Made> + Send + Sync;

/// A part for one run.
pub(crate) enum Made {
    Source(Box<dyn Source>),
    Link(Box<dyn Link>),
    Sink(Box<dyn Sink>),
}

impl PipelinePart {
    fn new(name: &'static str, make: impl Fn(Python<'_>) -> PyResult<Made> + Send + Sync + 'static) -> Self {
        Self { name, objects: Vec::new(), make: Box::new(move |py, _| make(py)), wants: Wants::default() }
    }

    /// A part that is made of these objects.
    fn of(
        name: &'static str,
        objects: Vec<Py<PyAny>>,
        make: impl Fn(Python<'_>, &[Py<PyAny>]) -> PyResult<Made> + Send + Sync + 'static,
    ) -> Self {
        Self { name, objects, make: Box::new(make), wants: Wants::default() }
    }

    fn wanting(mut self, wants: Wants) -> Self {
        self.wants = wants;
        self
    }

    pub(crate) fn make(&self, py: Python<'_>) -> PyResult<Made> {
        (self.make)(py, &self.objects)
    }
}

#[pymethods]
impl PipelinePart {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.objects.iter().try_for_each(|object| visit.call(object))
    }

    /// Frames of whatever a `Streamer` reads.
    #[staticmethod]
    #[pyo3(signature = (source, bpf, max_packets))]
    fn packet_streamer(source: Bound<'_, PyAny>, bpf: Option<String>, max_packets: Option<u64>) -> PyResult<Self> {
        let named = Named::new(&source)?;
        Ok(Self::of("PacketStreamer", vec![source.unbind()], move |py, objects| {
            let mut streamer =
                named.streamer(objects[0].bind(py), &Abandoned::default())?.max_matching_frames(max_packets);
            if let Some(bpf) = &bpf {
                streamer = streamer.bpf_filter(bpf.clone());
            }
            let streamer = py.detach(|| PacketStreamer::new(streamer)).map_err(|error| error::raise(py, error))?;
            Ok(Made::Source(Box::new(streamer)))
        }))
    }

    /// Decoding.
    #[staticmethod]
    fn packet_meta(decode_tunnels: bool) -> Self {
        Self::new("PacketMeta", move |_| Ok(Made::Link(Box::new(PacketMeta::new(options(decode_tunnels))))))
    }

    /// The transport layer.
    #[staticmethod]
    fn transport_meta() -> Self {
        Self::new("TransportMeta", |_| Ok(Made::Link(Box::new(TransportMeta::default()))))
    }

    /// Names of addresses.
    #[staticmethod]
    fn reverse_dns(
        domain_postfix: String,
        resolver: Option<String>,
        max_names: usize,
        ttl: f64,
        negative_ttl: f64,
        wait: Option<f64>,
        threads: usize,
    ) -> PyResult<Self> {
        let resolver = match resolver.as_deref() {
            None => Resolver::Off,
            Some("system") => Resolver::System,
            Some(server) => Resolver::Server(address(server)?),
        };
        let (ttl, negative_ttl) = (seconds("ttl", ttl)?, seconds("negative_ttl", negative_ttl)?);
        let wait = wait.map(|wait| seconds("wait", wait)).transpose()?;
        Ok(Self::new("ReverseDNS", move |_| {
            let names = ReverseDns::default().resolver(resolver).max_names(max_names).ttl(ttl);
            let names = names.negative_ttl(negative_ttl).wait(wait).threads(threads).domain_postfix(&domain_postfix);
            // Ctrl-C is heard while packets wait, too.
            let names = names.while_waiting(|| {
                let raised = Python::attach(|py| py.check_signals());
                raised.map_err(|error| Error::Link { part: "ReverseDNS".to_owned(), source: failure(error) })
            });
            Ok(Made::Link(Box::new(names)))
        }))
    }

    /// DNS messages.
    #[staticmethod]
    fn dns_meta(ports: Vec<u16>, subdomain_length: usize, subdomain_entropy: f64) -> Self {
        Self::new("DNSMeta", move |_| {
            let dns = DnsMeta::default().ports(ports.iter().copied()).subdomains(subdomain_length, subdomain_entropy);
            Ok(Made::Link(Box::new(dns)))
        })
    }

    /// Native tags.
    #[staticmethod]
    fn tagger() -> Self {
        Self::new("Tagger", |_| Ok(Made::Link(Box::new(Tagger::default()))))
    }

    /// The flow meter.
    #[staticmethod]
    fn flows(
        inactive_timeout: Option<f64>,
        active_timeout: Option<f64>,
        tcp_end: bool,
        capacity: Option<usize>,
        halves: bool,
        statistics: bool,
    ) -> PyResult<Self> {
        if capacity == Some(0) {
            return Err(PyValueError::new_err("capacity must be 1 or more flows, or None, not 0"));
        }
        let inactive = inactive_timeout.map(|wait| seconds("inactive_timeout", wait)).transpose()?;
        let active = active_timeout.map(|wait| seconds("active_timeout", wait)).transpose()?;
        Ok(Self::new("Flows", move |py| {
            let config = MeterConfig::new().inactive_timeout(inactive).active_timeout(active);
            let config = config.tcp_end(tcp_end).capacity(capacity).statistics(statistics);
            let flows = Flows::new(config).map_err(|error| error::raise(py, error))?;
            Ok(Made::Link(Box::new(flows.halves(halves))))
        }))
    }

    /// HTTP messages.
    #[staticmethod]
    fn http_meta(body_limit: usize) -> Self {
        let part = Self::new("HTTPMeta", move |_| Ok(Made::Link(Box::new(HttpMeta::new(body_limit)))));
        part.wanting(Wants { http: Some(body_limit), ..Wants::default() })
    }

    /// TLS records.
    #[staticmethod]
    fn tls_meta() -> Self {
        let part = Self::new("TLSMeta", |_| Ok(Made::Link(Box::new(TlsMeta::default()))));
        part.wanting(Wants { tls: true, ..Wants::default() })
    }

    /// Blocks of lines.
    #[staticmethod]
    #[pyo3(signature = (file, color_output))]
    fn packet_printer(file: Option<Py<PyAny>>, color_output: bool) -> Self {
        Self::of("PacketPrinter", Vec::from_iter(file), move |py, file| {
            let output = output::open(py, file.first())?;
            let paint = color_output && output.is_terminal;
            Ok(Made::Sink(Box::new(PacketPrinter::new(output.name, output.out).paint(paint))))
        })
    }

    /// Lines.
    #[staticmethod]
    #[pyo3(signature = (file, color_output))]
    fn packet_summary(file: Option<Py<PyAny>>, color_output: bool) -> Self {
        Self::of("PacketSummary", Vec::from_iter(file), move |py, file| {
            let output = output::open(py, file.first())?;
            let paint = color_output && output.is_terminal;
            Ok(Made::Sink(Box::new(PacketSummary::new(output.name, output.out).paint(paint))))
        })
    }

    /// Lines of DNS messages.
    #[staticmethod]
    #[pyo3(signature = (file, color_output, anomalies))]
    fn dns_summary(file: Option<Py<PyAny>>, color_output: bool, anomalies: bool) -> Self {
        Self::of("DNSSummary", Vec::from_iter(file), move |py, file| {
            let output = output::open(py, file.first())?;
            let paint = color_output && output.is_terminal;
            let summary = DnsSummary::new(output.name, output.out).paint(paint).anomalies(anomalies);
            Ok(Made::Sink(Box::new(summary)))
        })
    }

    /// Lines of JSON.
    #[staticmethod]
    #[pyo3(signature = (file))]
    fn json_sink(file: Option<Py<PyAny>>) -> Self {
        Self::of("JsonSink", Vec::from_iter(file), move |py, file| {
            let output = output::open(py, file.first())?;
            Ok(Made::Sink(Box::new(JsonSink::new(output.name, output.out))))
        })
    }

    /// Lines of CSV.
    #[staticmethod]
    #[pyo3(signature = (file))]
    fn csv_sink(file: Option<Py<PyAny>>) -> Self {
        Self::of("CsvSink", Vec::from_iter(file), move |py, file| {
            let output = output::open(py, file.first())?;
            Ok(Made::Sink(Box::new(CsvSink::new(output.name, output.out))))
        })
    }

    /// Records of flows into a file.
    #[staticmethod]
    #[pyo3(signature = (path, columns, statistics))]
    fn export_sink(py: Python<'_>, path: PathBuf, columns: Option<Vec<String>>, statistics: bool) -> PyResult<Self> {
        let wanted = Wanted { form: Form::of_name(&path)?, names: columns, manifest: false };
        wanted.check_path(&path)?;
        wanted.check_columns()?;
        let flows = Flows::new(MeterConfig::new().statistics(statistics)).map_err(|error| error::raise(py, error))?;
        let schema = flows.schema().clone();
        wanted.names.as_deref().map_or(Ok(()), |names| collect::check_of(&schema, names))?;
        Ok(Self::new("ExportSink", move |py| {
            let make = |name, file| wanted.exporter(name, file, &schema);
            let exporter = py.detach(|| FileExporter::create(&path, make)).map_err(|error| error::raise(py, error))?;
            Ok(Made::Sink(Box::new(ExportSink::new(exporter).only_whole(true))))
        }))
    }

    /// Several ways: names, and the links and the sink of each.
    #[staticmethod]
    fn branch(py: Python<'_>, ways: Vec<(String, Py<PyList>)>) -> Self {
        let wants = ways.iter().map(|(_, parts)| wanted(parts.bind(py))).collect();
        let (names, lists): (Vec<_>, Vec<_>) = ways.into_iter().map(|(name, parts)| (name, parts.into_any())).unzip();
        let part = Self::of("branch", lists, move |py, lists| {
            let mut branch = Branch::default();
            for (name, parts) in names.iter().zip(lists) {
                let (links, sink) = way(parts.bind(py).cast()?)?;
                let mut way = Way::new(name.clone(), sink);
                for link in links {
                    way = way.link(link);
                }
                branch = branch.way(way);
            }
            Ok(Made::Sink(Box::new(branch)))
        });
        part.wanting(wants)
    }

    fn __repr__(&self) -> String {
        format!("<flowgauge.pipeline {}>", self.name)
    }
}

/// What the native ones of these parts want.
pub(crate) fn wanted(parts: &Bound<'_, PyList>) -> Wants {
    parts.iter().filter_map(|part| part.cast::<PipelinePart>().ok().map(|part| part.get().wants)).collect()
}

/// A part of a chain: a native one, or a name and a callable, which is one that is held.
pub(crate) fn link(part: &Bound<'_, PyAny>, links: &mut Vec<Box<dyn Link>>, held: &mut Vec<Held>) -> PyResult<()> {
    let py = part.py();
    if let Ok(native) = part.cast::<PipelinePart>() {
        let native = native.get();
        return match native.make(py)? {
            Made::Link(link) => {
                links.push(Box::new(Guard(native.name)));
                links.push(link);
                Ok(())
            }
            _ => Err(PyRuntimeError::new_err(format!("{} is no link", native.name))),
        };
    }
    let (name, function): (String, Py<PyAny>) = part.extract()?;
    let function = Arc::new(function);
    held.push(Arc::clone(&function));
    links.push(Box::new(Called::new(name, function)));
    Ok(())
}

/// A sink: a native one, before which a guard may stand, or a name and a callable.
pub(crate) fn sink(part: &Bound<'_, PyAny>, links: &mut Vec<Box<dyn Link>>) -> PyResult<Box<dyn Sink>> {
    if let Ok(native) = part.cast::<PipelinePart>() {
        let native = native.get();
        // JSON can be written of anything, and a branch looks at nothing.
        if !matches!(native.name, "JsonSink" | "branch") {
            links.push(Box::new(Guard(native.name)));
        }
        return match native.make(part.py())? {
            Made::Sink(sink) => Ok(sink),
            _ => Err(PyRuntimeError::new_err(format!("{} is no sink", native.name))),
        };
    }
    let (name, function): (String, Py<PyAny>) = part.extract()?;
    Ok(Box::new(Taken::new(name, function)))
}

/// The word for an internal or special address; None for one that may have a name.
#[pyfunction]
pub(crate) fn address_label(address: &str) -> PyResult<Option<&'static str>> {
    let parsed = address.parse();
    let kind = parsed.map(AddressKind::of);
    let kind = kind.map_err(|_| PyValueError::new_err(format!("not an IP address: {address:?}")))?;
    Ok(kind.name())
}

type WayParts = (Vec<Box<dyn Link>>, Box<dyn Sink>);

fn way(parts: &Bound<'_, PyList>) -> PyResult<WayParts> {
    let mut links = Vec::new();
    let Some(last) = parts.len().checked_sub(1) else {
        return Err(PyValueError::new_err("a way of a branch is empty"));
    };
    for part in parts.iter().take(last) {
        link(&part, &mut links, &mut Vec::new())?;
    }
    let sink = sink(&parts.get_item(last)?, &mut links)?;
    Ok((links, sink))
}

fn options(decode_tunnels: bool) -> DecodeOptions {
    DecodeOptions::new().tunnels(if decode_tunnels { Tunnels::ALL } else { Tunnels::NONE })
}

fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{name} must be a number of seconds from 0 on, not {seconds}")))
}

/// The address of a DNS server: with a port, or 53.
fn address(server: &str) -> PyResult<SocketAddr> {
    if let Ok(address) = server.parse() {
        return Ok(address);
    }
    if let Ok(address) = server.parse() {
        return Ok(SocketAddr::new(address, 53));
    }
    (server, 53).to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(|| {
        PyValueError::new_err(format!(
            "resolver must be \"system\", None, or an address like \"127.0.0.1:5353\", not {server:?}"
        ))
    })
}
