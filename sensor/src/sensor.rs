//! A sensor: one reading of packets for all processors.

use std::fmt;
use std::time::Duration;

use flowgauge::Streamer;
use flowgauge::capture::StopFlag;
use flowgauge::meter::MeterConfig;
use flowgauge::pipeline::{DnsMeta, Flows, HttpMeta, PacketMeta, PacketStreamer, Pipeline, TlsMeta, TransportMeta};

use crate::error::{Error, Result};
use crate::needs::Fields;
use crate::outlet::Outlet;
use crate::processor::Processor;
use crate::running::Running;
use crate::shift::Shift;
use crate::status::Status;
use crate::worker::Worker;

/// What is to be sensed, and by whom.
pub struct Sensor {
    streamer: Streamer,
    source: String,
    metering: MeterConfig,
    interval: Duration,
    processors: Vec<Box<dyn Processor>>,
}

impl Sensor {
    /// Reads what this streamer reads, with its BPF filter; `source` is how it is called in `sensor.status`.
    ///
    /// How it meters is not looked at, but [`Sensor::metering`].
    pub fn new(streamer: Streamer, source: impl Into<String>) -> Self {
        Self {
            streamer,
            source: source.into(),
            metering: MeterConfig::new().capacity(CAPACITY),
            interval: Duration::from_secs(5),
            processors: Vec::new(),
        }
    }

    /// Adds a processor, behind those that are there.
    #[must_use]
    pub fn processor(mut self, processor: Box<dyn Processor>) -> Self {
        self.processors.push(processor);
        self
    }

    /// How flows are metered for processors that want them. Defaults to the defaults of the library, and 1,000,000 flows at
    /// once.
    #[must_use]
    pub fn metering(mut self, metering: MeterConfig) -> Self {
        self.metering = metering;
        self
    }

    /// Between two ends of intervals, a millisecond at least. Defaults to 5 s.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Opens the source and begins, in a thread of its own. `outlet` makes what messages go to; it gets the flag that is raised
    /// when the sensor is stopped.
    ///
    /// # Errors
    ///
    /// Those of [`PacketStreamer::new`] and of `outlet`; no processors; filters that are none.
    pub fn start(self, outlet: impl FnOnce(StopFlag) -> Result<Box<dyn Outlet>>) -> Result<Running> {
        if self.processors.is_empty() {
            let allowed = "one at least".to_owned();
            return Err(Error::Option { option: "processors", value: "none".to_owned(), allowed });
        }
        let mut workers = Vec::new();
        let (mut fields, mut packets, mut flows) = (Fields::default(), false, false);
        for processor in self.processors {
            let needs = processor.needs();
            flows |= needs.flows;
            if let Some(wanted) = &needs.packets {
                packets = true;
                // Who names nothing sees what may be there for nothing.
                let unnamed = Fields::DNS.with(Fields::TRANSPORT);
                fields = fields.with(if wanted.fields.is_empty() { unnamed } else { wanted.fields });
            }
            workers.push(Worker::new(processor, needs)?);
        }
        let source = PacketStreamer::new(self.streamer)?;
        let stop = source.stop_flag();
        let mut pipeline = Pipeline::new(source).link(PacketMeta::default());
        if packets {
            pipeline = pipeline.link(TransportMeta::default());
        }
        if fields.contains(Fields::DNS) {
            pipeline = pipeline.link(DnsMeta::default());
        }
        if fields.contains(Fields::HTTP) {
            pipeline = pipeline.link(HttpMeta::default());
        }
        if fields.contains(Fields::TLS) {
            pipeline = pipeline.link(TlsMeta::default());
        }
        let flows = flows.then(|| Flows::new(self.metering)).transpose()?;
        let outlet = outlet(stop.clone())?;
        let shift = Shift::new(workers, flows, outlet, Status::new(self.source), self.interval);
        let stopped = stop.clone();
        Running::spawn(stop, move || shift.work(pipeline, &stopped))
    }
}

impl fmt::Debug for Sensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processors: Vec<_> = self.processors.iter().map(|processor| processor.name()).collect();
        f.debug_struct("Sensor").field("source", &self.source).field("processors", &processors).finish_non_exhaustive()
    }
}

/// Flows that live at once, as of the command on an interface.
const CAPACITY: usize = 1_000_000;
