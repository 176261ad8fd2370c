//! The streamer: a source and its options in, an iterator of flow records out.
//!
//! A capture thread reads and decodes; meters run on worker threads, or inside the capture thread; every channel between
//! them is bounded, so that a slow consumer slows a file down and nothing grows.

mod batch;
mod capture_loop;
mod effective;
mod flows;
mod report;
mod source;
mod worker;

pub use effective::versions;
pub use flows::{Flows, ReportHandle, StopHandle, Waited};
pub use report::{InputSpan, Report, reason_name};

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::capture::file::Input;
#[cfg(feature = "pcap")]
use crate::capture::live::LiveOptions;
use crate::capture::{PacketSource, StopFlag};
use crate::classify::{ClassifierOptions, DissectionLimits};
use crate::error::{Error, Result};
use crate::flow::{Anonymizer, FlowHasher};
use crate::meter::{Descriptor, Meter, MeterConfig};
use crate::metric::expr::Expr;
use crate::metric::{Metric, MetricGroup, OnError};
use crate::packet::{DecodeOptions, Decoder, Position, Tunnels};

use batch::Batch;
use capture_loop::{CaptureLoop, Dispatcher, Outlet};
use report::{CaptureCounts, Ledger};
use source::Source;
use worker::Worker;

/// A source and everything that is wanted of it; [`Streamer::start`] opens it and sets the threads to work.
///
/// ```no_run
/// use std::time::Duration;
/// use flowgauge::{Metric, Streamer};
///
/// let flows = Streamer::from_file("trace.pcap")
///     .inactive_timeout(Duration::from_secs(60))
///     .metric("syns", Metric::fold(|| 0u64, |n, packet, _flow| *n += u64::from(packet.tcp_flags().syn())))
///     .start()?;
/// for record in flows {
///     println!("{}", record?);
/// }
/// # Ok::<(), flowgauge::Error>(())
/// ```
#[must_use = "a streamer does nothing before `start`"]
pub struct Streamer {
    source: Source,
    meter: MeterConfig,
    dissections: DissectionLimits,
    stable_labels: bool,
    capacity: Option<usize>,
    workers: Option<usize>,
    decode: DecodeOptions,
    filter: Option<String>,
    max_frames: Option<u64>,
    max_matching_frames: Option<u64>,
    position: Position,
    #[cfg(feature = "pcap")]
    live: LiveOptions,
    #[cfg(test)]
    lose: Option<Hop>,
}

/// The places where a test can take a packet away, to see that the ledger notices.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hop {
    /// A frame that was read reaches neither filter nor decoder.
    Read,
    /// A packet is not handed over.
    Decoded,
    /// A batch loses a packet on its way to the meter.
    Queued,
    /// A record leaves the meter and is not sent.
    Metered,
    /// A record is received and not handed out.
    Record,
}

impl Streamer {
    /// Reads a capture file; `-` is standard input.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self::from_files([path])
    }

    /// Reads several capture files as one continuous capture: flows and time go on across the seam.
    pub fn from_files<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::new(Source::Inputs(paths.into_iter().map(|path| source::input(path.into())).collect()))
    }

    /// Reads a capture that is in memory already.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::Inputs(vec![Input::Bytes(bytes.into())]))
    }

    /// Reads a capture from anything that can be read; `name` stands for it in errors.
    pub fn from_reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self::new(Source::Inputs(vec![Input::Reader { name: name.into(), reader: Box::new(reader) }]))
    }

    /// Captures on an interface.
    pub fn from_interface(name: impl Into<String>) -> Self {
        Self::new(Source::Interface(name.into()))
    }

    /// Reads the file of this name if there is one (`-` is standard input), else captures on the interface of this name.
    pub fn from_name(name: impl Into<String>) -> Self {
        Self::new(Source::Named(name.into()))
    }

    /// Takes frames from a source of your own.
    pub fn from_source(source: impl PacketSource + 'static) -> Self {
        Self::new(Source::Own(Box::new(source)))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            meter: MeterConfig::new(),
            dissections: if cfg!(feature = "ndpi") {
                DissectionLimits::uniform(20)
            } else {
                DissectionLimits::uniform(0)
            },
            stable_labels: false,
            capacity: None,
            workers: None,
            decode: DecodeOptions::new(),
            filter: None,
            max_frames: None,
            max_matching_frames: None,
            position: Position::default(),
            #[cfg(feature = "pcap")]
            live: LiveOptions::default(),
            #[cfg(test)]
            lose: None,
        }
    }

    /// How long a flow may stay silent before it ends with [`ExportReason::INACTIVE`](crate::ExportReason::INACTIVE).
    ///
    /// Measured in packet time. Defaults to 60 s; zero means one record per packet (IPFIX `flowIdleTimeout`), `None` never.
    #[doc(alias = "idle_timeout")]
    pub fn inactive_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.meter = self.meter.inactive_timeout(timeout);
        self
    }

    /// The age at which a living flow is cut and reported with [`ExportReason::ACTIVE`](crate::ExportReason::ACTIVE).
    ///
    /// Measured in packet time. Defaults to 120 s; zero cuts at every packet (IPFIX `flowActiveTimeout`), `None` never.
    pub fn active_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.meter = self.meter.active_timeout(timeout);
        self
    }

    /// How many flows may live at once, over all workers; at the bound the flow nearest its end leaves, exported.
    ///
    /// `None`, the default, is without bound for files and 1,000,000 on an interface; zero is refused by
    /// [`Streamer::start`].
    pub fn capacity(mut self, flows: impl Into<Option<usize>>) -> Self {
        self.capacity = flows.into();
        self
    }

    /// Whether the end of a TCP connection (FIN in both directions, or RST) ends its flow. Off by default.
    ///
    /// The flow still takes packets for the [linger](Self::tcp_linger), or until a SYN without ACK opens the next one. Whatever brings it out after
    /// its end (that linger, the inactive timeout, the end of the source), its reason is
    /// [`ExportReason::TCP_END`](crate::ExportReason::TCP_END).
    pub fn tcp_end(mut self, on: bool) -> Self {
        self.meter = self.meter.tcp_end(on);
        self
    }

    /// How long, with [`Streamer::tcp_end`], a flow still takes packets after its connection ended. Defaults to 5 s; zero
    /// takes none.
    pub fn tcp_linger(mut self, linger: Duration) -> Self {
        self.meter = self.meter.tcp_linger(linger);
        self
    }

    /// Whether TCP segments are analysed: retransmissions, disorder, duplicate ACKs, shut windows, the handshake and the
    /// end of a connection ([`TcpAnalysis`](crate::flow::TcpAnalysis)). Off by default.
    pub fn tcp_analysis(mut self, on: bool) -> Self {
        self.meter = self.meter.tcp_analysis(on);
        self
    }

    /// Whether records have statistics of sizes, gaps and TCP flags. Off by default.
    pub fn statistics(mut self, on: bool) -> Self {
        self.meter = self.meter.statistics(on);
        self
    }

    /// How many of a flow's first packets a record has one by one: direction, size and gap. Defaults to 0, none.
    #[doc(alias = "sequence")]
    pub fn splt(mut self, packets: u32) -> Self {
        self.meter = self.meter.sequence(packets);
        self
    }

    /// Whether the payload of a flow's first packets is read for server names, versions, fingerprints and the like. Off by
    /// default.
    pub fn application_fields(mut self, on: bool) -> Self {
        self.meter = self.meter.application_fields(on);
        self
    }

    /// Replaces what was said of the meter: timeouts, TCP end, statistics, sequence and metrics. Capacity and dissections
    /// stay those of the streamer.
    pub fn meter_config(mut self, config: MeterConfig) -> Self {
        self.meter = config;
        self
    }

    /// Adds a metric of the user's own. Metrics come in the order in which they are added.
    pub fn metric(mut self, name: impl Into<String>, metric: Metric) -> Self {
        self.meter = self.meter.metric(name, &metric);
        self
    }

    /// Adds an expression as a metric under a name; see [`expr`](crate::expr).
    pub fn expression(mut self, name: impl Into<String>, expression: Expr) -> Self {
        self.meter = self.meter.expression(name, expression);
        self
    }

    /// Ends a flow with the packet after which `condition` is true, with [`ExportReason::user`](crate::ExportReason::user)
    /// 16. It is an expression of truth values, of the packet or of the flow's packets so far. Defaults to `None`.
    pub fn end_flow_when(mut self, condition: impl Into<Option<Expr>>) -> Self {
        self.meter = self.meter.end_flow_when(condition);
        self
    }

    /// Keeps the records for which `condition`, one truth value of the flow, is true; the others are counted in
    /// [`Report::withheld`]. Defaults to `None`, which keeps all.
    pub fn keep_flows(mut self, condition: impl Into<Option<Expr>>) -> Self {
        self.meter = self.meter.keep_flows(condition);
        self
    }

    /// Whether records keep what their expressions folded, so that [`merge`](crate::flow::merge) can tell the expressions of
    /// the whole; see [`MeterConfig::mergeable`]. Defaults to `false`.
    pub fn mergeable(mut self, on: bool) -> Self {
        self.meter = self.meter.mergeable(on);
        self
    }

    /// Replaces the addresses in records as they leave; the user's metrics see those of the packets. Defaults to `None`.
    pub fn anonymize(mut self, anonymizer: impl Into<Option<Anonymizer>>) -> Self {
        self.meter = self.meter.anonymize(anonymizer);
        self
    }

    /// Adds metrics that share code and state.
    pub fn metric_group(mut self, group: Arc<dyn MetricGroup>) -> Self {
        self.meter = self.meter.metric_group(group);
        self
    }

    /// What a failure of a metric does to the run. By default it ends with the error; with [`OnError::Skip`] failures are
    /// counted in [`Report::metric_errors`].
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.meter = self.meter.on_error(on_error);
        self
    }

    /// A BPF expression (`man pcap-filter`) that frames must match; the others are counted as filtered.
    pub fn bpf_filter(mut self, expression: impl Into<String>) -> Self {
        self.filter = Some(expression.into());
        self
    }

    /// How many packets of a flow nDPI sees. Defaults to 20; 0 turns it off.
    pub fn n_dissections(self, packets: u32) -> Self {
        self.dissection_limits(DissectionLimits::uniform(packets))
    }

    /// How many packets of a flow nDPI sees, by protocol.
    pub fn dissection_limits(mut self, limits: DissectionLimits) -> Self {
        self.dissections = limits;
        self
    }

    /// Whether labels are to be independent of the number of workers. Off by default: it costs time, and nDPI then learns
    /// nothing from one flow for another.
    pub fn stable_labels(mut self, on: bool) -> Self {
        self.stable_labels = on;
        self
    }

    /// How many threads meter; 0 does it inside the capture thread.
    ///
    /// `None`, the default, is one less than the processors of this process, at least 1.
    pub fn workers(mut self, workers: impl Into<Option<usize>>) -> Self {
        self.workers = workers.into();
        self
    }

    /// Whether packets inside tunnels make flows of their own. On by default, for every kind of [`Tunnel`](crate::Tunnel).
    pub fn decode_tunnels(mut self, on: bool) -> Self {
        self.decode = self.decode.tunnels(if on { Tunnels::ALL } else { Tunnels::NONE });
        self
    }

    /// Whether tunnels with different keys (VNI, TEID ...) keep flows apart, as [`DecodeOptions::tunnel_keys`] says. Off by
    /// default.
    pub fn tunnel_keys(mut self, on: bool) -> Self {
        self.decode = self.decode.tunnel_keys(on);
        self
    }

    /// Whether later fragments are counted in the flow of their first. On by default.
    pub fn fragments(mut self, on: bool) -> Self {
        self.decode = self.decode.fragments(on);
        self
    }

    /// Replaces everything that was said of decoding: tunnels, fragments, and what else there is.
    pub fn decode_options(mut self, options: DecodeOptions) -> Self {
        self.decode = options;
        self
    }

    /// Goes on where another run stopped ([`Flows::position`]), with the next piece of the same capture: frames are
    /// numbered from there on, the clock begins there, and later fragments find their first. Then the records of the
    /// pieces can be merged ([`flow::merge`](crate::flow::merge)).
    pub fn resume(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// Reads at most this many frames.
    pub fn max_frames(mut self, frames: impl Into<Option<u64>>) -> Self {
        self.max_frames = frames.into();
        self
    }

    /// Reads until this many frames have passed the BPF filter, as `tcpdump -c` does; without a filter the same as
    /// [`Streamer::max_frames`].
    pub fn max_matching_frames(mut self, frames: impl Into<Option<u64>>) -> Self {
        self.max_matching_frames = frames.into();
        self
    }

    /// Whether an interface also captures frames for other stations. On by default.
    #[cfg(feature = "pcap")]
    pub fn promiscuous(mut self, on: bool) -> Self {
        self.live = self.live.promiscuous(on);
        self
    }

    /// How many bytes of each frame an interface captures. Defaults to 65,535.
    #[cfg(feature = "pcap")]
    pub fn snaplen_bytes(mut self, bytes: u32) -> Self {
        self.live = self.live.snaplen_bytes(bytes);
        self
    }

    /// Size of the kernel's buffer for an interface in bytes; `None`, the default, is libpcap's choice.
    #[cfg(feature = "pcap")]
    pub fn buffer_bytes(mut self, bytes: impl Into<Option<u32>>) -> Self {
        self.live = self.live.buffer_bytes(bytes.into());
        self
    }

    /// Opens the source and sets the threads to work.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSource`], [`Error::NoSuchInterface`], [`Error::OpenFile`], [`Error::NotACapture`],
    /// [`Error::CaptureDenied`] and their kin when the source cannot be opened, [`Error::Filter`] for a bad expression,
    /// [`Error::Option`] for a value out of range, [`Error::Classifier`] when nDPI cannot be set up.
    pub fn start(self) -> Result<Flows> {
        if self.capacity == Some(0) {
            let allowed = "at least 1, or none for no bound";
            return Err(Error::Option { option: "capacity", value: "0".into(), allowed });
        }
        let workers = self.workers.unwrap_or_else(default_workers);
        if workers > MAX_WORKERS {
            return Err(Error::Option { option: "workers", value: workers.to_string(), allowed: "at most 1024" });
        }
        let shards = workers.max(1);
        let classifier =
            ClassifierOptions { limits: self.dissections, stable_labels: self.stable_labels, facts: false };
        let schema = self.meter.schema()?;
        let stop = StopFlag::default();
        let abandoned = StopFlag::default();
        #[cfg(feature = "pcap")]
        let opened = self.source.open(self.filter, &stop, self.live)?;
        #[cfg(not(feature = "pcap"))]
        let opened = self.source.open(self.filter, &stop)?;
        let live = opened.source.is_live();
        let capacity = self.capacity.or(live.then_some(LIVE_CAPACITY)).map(|flows| flows.div_ceil(shards));
        let config = self.meter.classifier(classifier).capacity(capacity);

        let hasher = FlowHasher::random();
        let mut notes = Vec::new();
        if shards > 1 && !self.stable_labels && self.dissections != DissectionLimits::NONE {
            notes.push("labels may depend on the number of workers, unless they are asked to be stable".to_owned());
        }
        let ledger = Arc::new(Ledger::new(shards, notes));
        let (send_records, records) = bounded(RECORD_CHUNKS);
        let mut meters = Vec::with_capacity(shards);
        for index in 0..shards {
            let meter = Meter::with_hasher(config.clone(), hasher.clone())?;
            let ledger = Arc::clone(&ledger);
            let records = send_records.clone();
            #[cfg_attr(not(test), expect(unused_mut, reason = "only a test changes it"))]
            let mut worker = Worker::new(meter, index, ledger, records, stop.clone(), abandoned.clone());
            #[cfg(test)]
            worker.loses(self.lose);
            meters.push(worker);
        }
        drop(send_records);

        let capture = CaptureLoop {
            source: opened.source,
            #[cfg(feature = "pcap")]
            filter: opened.filter,
            decoder: Decoder::resume(self.decode, &self.position),
            frames_before: self.position.frame(),
            hasher,
            max_frames: self.max_frames,
            max_matching_frames: self.max_matching_frames,
            ledger: Arc::clone(&ledger),
            stop: stop.clone(),
            counts: CaptureCounts::default(),
            unread_links: HashSet::new(),
            #[cfg(test)]
            lose: self.lose,
        };
        let around: Vec<_> = config.groups().cloned().collect();
        let mut flows = Flows {
            records,
            chunk: Vec::new().into_iter(),
            threads: Vec::new(),
            ledger,
            schema,
            stop,
            abandoned,
            stopped: None,
            #[cfg(test)]
            lose: self.lose,
        };
        let outlet = if workers == 0 {
            // One meter was made for one shard.
            let worker = meters.pop().expect("there is at least one shard");
            Outlet::Inline(Box::new(worker), Batch::default())
        } else {
            let (send_empties, empties) = bounded(shards * (QUEUED_BATCHES + 1));
            let mut senders = Vec::with_capacity(shards);
            for (index, worker) in meters.into_iter().enumerate() {
                let (send, receive) = bounded(QUEUED_BATCHES);
                let send_empties = send_empties.clone();
                senders.push(send);
                let run = move || worker.run(&receive, &send_empties);
                flows.threads.push(spawn(format!("fg-meter-{index}"), around.clone(), run)?);
            }
            let hasher = if live { FlowHasher::random() } else { FlowHasher::fixed() };
            let pending = (0..shards).map(|_| Batch::default()).collect();
            Outlet::Workers(Box::new(Dispatcher {
                workers: senders,
                empties,
                hasher,
                pending,
                next: Descriptor::EMPTY,
            }))
        };
        let around = if workers == 0 { around } else { Vec::new() };
        // First in the list, so that an error of the source is told before one of a metric.
        flows.threads.insert(0, spawn("fg-capture".into(), around, move || capture.run(outlet))?);
        Ok(flows)
    }
}

impl fmt::Debug for Streamer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamer").field("meter", &self.meter).field("workers", &self.workers).finish_non_exhaustive()
    }
}

/// Starts a thread whose body runs inside every group of metrics' own surroundings.
fn spawn(
    name: String,
    groups: Vec<Arc<dyn MetricGroup>>,
    body: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<(String, JoinHandle<Result<()>>)> {
    let run = move || {
        let mut body = Some(body);
        let mut result = Ok(());
        within(&groups, &mut || {
            if let Some(body) = body.take() {
                result = body();
            }
        });
        result
    };
    match thread::Builder::new().name(name.clone()).spawn(run) {
        Ok(handle) => Ok((name, handle)),
        Err(error) => Err(Error::Thread { name, detail: format!("cannot be started: {error}") }),
    }
}

fn within(groups: &[Arc<dyn MetricGroup>], body: &mut (dyn FnMut() + Send)) {
    match groups.split_first() {
        None => body(),
        Some((group, rest)) => group.around(&mut || within(rest, body)),
    }
}

fn default_workers() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get() - 1).max(1)
}

/// Living flows on an interface, unless told otherwise.
const LIVE_CAPACITY: usize = 1_000_000;
const MAX_WORKERS: usize = 1024;
/// Blocks that may wait for one worker.
const QUEUED_BATCHES: usize = 4;
/// Chunks of records that may wait for the consumer.
const RECORD_CHUNKS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::memory::MemorySource;
    use crate::packet::LinkType;
    use crate::time::Timestamp;

    /// Two UDP packets of one flow and one frame that is not IP.
    fn source() -> MemorySource {
        let mut frame = [0u8; 42];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        frame[17] = 28;
        frame[23] = 17;
        let mut source = MemorySource::new();
        source.push(Timestamp::from_nanos(1), LinkType::ETHERNET, &frame);
        source.push(Timestamp::from_nanos(2), LinkType::ETHERNET, &frame);
        source.push(Timestamp::from_nanos(3), LinkType::ETHERNET, &[0xff; 60]);
        source
    }

    fn ledger(lose: Option<Hop>, workers: usize) -> Result<()> {
        let mut streamer = Streamer::from_source(source()).n_dissections(0).workers(workers);
        streamer.lose = lose;
        let mut flows = streamer.start()?;
        assert_eq!(flows.by_ref().count(), usize::from(!matches!(lose, Some(Hop::Metered | Hop::Record))));
        flows.report().check()
    }

    #[test]
    fn the_ledger_adds_up_and_notices_a_packet_lost_at_any_hop() {
        for workers in [0, 2] {
            ledger(None, workers).unwrap();
            for hop in [Hop::Read, Hop::Decoded, Hop::Queued, Hop::Metered, Hop::Record] {
                let error = ledger(Some(hop), workers).unwrap_err();
                assert!(matches!(error, Error::Ledger { .. }), "{hop:?} with {workers} workers: {error}");
            }
        }
    }
}
