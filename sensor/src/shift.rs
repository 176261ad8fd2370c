//! The work of a sensor: batch by batch, flow by flow, interval by interval.

use std::sync::Arc;
use std::time::Duration;

use flowgauge::capture::StopFlag;
use flowgauge::pipeline::{Batch, Counts, Flows, Item, Link, Pipeline, Pulled, Source};
use flowgauge::{FlowRecord, Timestamp};

use crate::clock::Clock;
use crate::error::Result;
use crate::outlet::Outlet;
use crate::processor::Interval;
use crate::status::Status;
use crate::tally::Summary;
use crate::worker::Worker;

/// A sensor at work.
pub(crate) struct Shift {
    workers: Vec<Worker>,
    flows: Option<Flows>,
    outlet: Box<dyn Outlet>,
    status: Status,
    clock: Clock,
    /// What source and links counted so far.
    seen: Counts,
    records: Vec<Arc<FlowRecord>>,
}

impl Shift {
    pub(crate) fn new(
        workers: Vec<Worker>,
        flows: Option<Flows>,
        outlet: Box<dyn Outlet>,
        status: Status,
        interval: Duration,
    ) -> Self {
        let (clock, seen) = (Clock::new(interval), Counts::default());
        Self { workers, flows, outlet, status, clock, seen, records: Vec::new() }
    }

    /// Works until the source ends or is stopped; then flows end, and so does the last interval.
    ///
    /// What came before an error of the source is shown to processors, and sent.
    pub(crate) fn work(mut self, mut pipeline: Pipeline, stop: &StopFlag) -> Result<Summary> {
        let mut batch = Batch::default();
        let ended = loop {
            match pipeline.next_batch(&mut batch) {
                Ok(Pulled::End) => break Ok(()),
                // A source that was left in its midst may call itself broken.
                Err(_) if stop.is_raised() => break Ok(()),
                Err(error) => break Err(error),
                Ok(pulled) => {
                    self.seen = pipeline.counts();
                    self.take(&mut batch)?;
                    if pulled == Pulled::Silence || batch.is_prompt() {
                        self.outlet.flush()?;
                    }
                }
            }
        };
        self.seen = pipeline.counts();
        self.end(&mut batch)?;
        ended?;
        let processors = self.workers.iter().map(|worker| worker.counts().clone()).collect();
        Ok(Summary { counts: self.counts(), processors, outlet: self.outlet.status() })
    }

    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        while let Some((index, end)) = self.clock.end_in(batch) {
            let rest = batch.items.split_off(index);
            self.show(batch)?;
            self.interval(end);
            batch.items = rest;
        }
        self.show(batch)
    }

    /// Shows packets, and the flows that end with them.
    fn show(&mut self, batch: &mut Batch) -> Result<()> {
        for worker in &mut self.workers {
            worker.packets(batch, &mut *self.outlet);
        }
        if let Some(flows) = &mut self.flows {
            flows.process(batch)?;
            self.tell_flows(batch);
        }
        Ok(())
    }

    fn tell_flows(&mut self, batch: &mut Batch) {
        self.records.extend(batch.items.drain(..).filter_map(|item| match item {
            Item::Flow(flow) => Some(Arc::clone(flow.record())),
            _ => None,
        }));
        for worker in &mut self.workers {
            worker.flows(&self.records, &mut *self.outlet);
        }
        self.records.clear();
    }

    fn interval(&mut self, end: Timestamp) {
        let counts = self.counts();
        let interval = Interval { end, length: self.clock.length(), counts: &counts };
        for worker in &mut self.workers {
            worker.interval(&interval, &mut *self.outlet);
        }
        let processors: Vec<_> = self.workers.iter().map(Worker::counts).collect();
        self.status.say(end, &counts, &processors, &mut *self.outlet);
    }

    fn end(&mut self, batch: &mut Batch) -> Result<()> {
        let last = self.clock.last(batch);
        while let Some(flows) = &mut self.flows {
            batch.clear();
            let more = flows.finish(batch)?;
            self.tell_flows(batch);
            if !more {
                break;
            }
        }
        self.interval(last);
        self.outlet.finish()
    }

    /// With what the meter counted.
    fn counts(&self) -> Counts {
        let mut counts = self.seen;
        if let Some(flows) = &self.flows {
            let mut metered = Counts::default();
            flows.count(&mut metered);
            counts.flows += metered.flows;
        }
        counts
    }
}
