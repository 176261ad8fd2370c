//! The streamer: a source and its options in, an iterator of flow records out.
//!
//! A capture thread reads and decodes; meters run on worker threads, or inside the capture thread; every channel between
//! them is bounded, so that a slow consumer slows a file down and nothing grows.

mod batch;
mod capture_loop;
mod effective;
mod flows;
mod options;
mod packets;
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
use std::thread;

use crossbeam_channel::bounded;

use crate::capture::file::Input;
#[cfg(feature = "pcap")]
use crate::capture::live::LiveOptions;
use crate::capture::{PacketSource, StopFlag};
use crate::classify::{ClassifierOptions, DissectionLimits};
use crate::error::{Error, Result};
use crate::flow::FlowHasher;
use crate::flow::schema::Schema;
use crate::meter::{Descriptor, Meter, MeterConfig};
use crate::metric::MetricGroup;
use crate::packet::{DecodeOptions, Decoder, Position};

use batch::Batch;
use capture_loop::{CaptureLoop, Dispatcher, Outlet, TOGETHER};
use flows::Thread;
pub(crate) use packets::OpenFrames;
use report::{CaptureCounts, Ledger, lock};
use source::Source;
use worker::{Ended, WayOut, Worker};

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

    /// The columns that records will have.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for names of metrics that clash.
    pub fn schema(&self) -> Result<Schema> {
        self.meter.schema()
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
        // How large the source is, whoever looks at the report should know from the beginning on.
        let counts = CaptureCounts { source: opened.source.bytes(), ..CaptureCounts::default() };
        *lock(&ledger.capture) = counts;
        let (send_records, records) = bounded(RECORD_CHUNKS);
        // What is wrong with the options shows here. Other workers' meters are of the same options, and each is made by its
        // worker, for nDPI takes a while to read its tables.
        let first = Meter::with_hasher(config.clone(), hasher.clone())?;
        let way_out = WayOut {
            ledger: Arc::clone(&ledger),
            records: send_records,
            stop: stop.clone(),
            abandoned: abandoned.clone(),
            #[cfg(test)]
            lose: self.lose,
        };

        let capture = CaptureLoop {
            source: opened.source,
            #[cfg(feature = "pcap")]
            filter: opened.filter,
            decoder: Decoder::resume(self.decode, &self.position),
            frames_before: self.position.frame(),
            hasher: hasher.clone(),
            max_frames: self.max_frames,
            max_matching_frames: self.max_matching_frames,
            ledger: Arc::clone(&ledger),
            stop: stop.clone(),
            counts,
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
            Outlet::Inline(Box::new(Worker::new(first, 0, way_out)), Batch::default())
        } else {
            let (send_empties, empties) = bounded(shards * (QUEUED + 2) * TOGETHER);
            let mut senders = Vec::with_capacity(shards);
            let mut first = Some(first);
            for index in 0..shards {
                let (send, receive) = bounded(QUEUED);
                senders.push(send);
                let (send_empties, way_out) = (send_empties.clone(), way_out.clone());
                let (first, config, hasher) = (first.take(), config.clone(), hasher.clone());
                let run = move || match first.map_or_else(|| Meter::with_hasher(config, hasher), Ok) {
                    Ok(meter) => Worker::new(meter, index, way_out).run(&receive, &send_empties),
                    Err(error) => way_out.fail(error),
                };
                flows.threads.push(spawn(format!("fg-meter-{index}"), around.clone(), run)?);
            }
            drop(way_out);
            let hasher = if live { FlowHasher::random() } else { FlowHasher::fixed() };
            let pending = (0..shards).map(|_| Batch::default()).collect();
            Outlet::Workers(Box::new(Dispatcher {
                workers: senders,
                empties,
                hasher,
                pending,
                waiting: (0..shards).map(|_| Vec::new()).collect(),
                blocks: 0,
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
    body: impl FnOnce() -> Ended + Send + 'static,
) -> Result<Thread> {
    let (tell, ended) = bounded(1);
    let run = move || {
        let mut body = Some(body);
        let mut ended = Ended { result: Ok(()), rest: None };
        within(&groups, &mut || {
            if let Some(body) = body.take() {
                ended = body();
            }
        });
        // Nobody hears it who has dropped the iterator.
        let _ = tell.send(ended.result);
        drop(ended.rest);
    };
    match thread::Builder::new().name(name.clone()).spawn(run) {
        Ok(handle) => Ok(Thread { name, ended, handle }),
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
/// Messages that may wait for one worker: from a file, packets of four blocks each.
const QUEUED: usize = 8;
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
