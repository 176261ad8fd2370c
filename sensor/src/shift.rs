//! The work of a sensor: batch by batch, flow by flow, interval by interval.

use std::sync::Arc;
use std::time::Duration;

use flowgauge::FlowRecord;
use flowgauge::capture::StopFlag;
use flowgauge::pipeline::{Batch, Counts, Flows, Item, Link, Pipeline, Pulled, Source};

use crate::clock::{Clock, Over};
use crate::error::Result;
use crate::outlet::Outlet;
use crate::processor::Interval;
use crate::status::Status;
use crate::tally::Summary;
use crate::worker::{Worker, is_frame};

/// A sensor at work.
pub(crate) struct Shift {
    workers: Vec<Worker>,
    flows: Option<Flows>,
    outlet: Box<dyn Outlet>,
    status: Status,
    clock: Clock,
    /// What source and links counted so far.
    seen: Counts,
    /// Packets that were shown.
    packets: u64,
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
        Self { workers, flows, outlet, status, clock, seen, packets: 0, records: Vec::new() }
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
                    self.take(&mut batch, stop)?;
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

    fn take(&mut self, batch: &mut Batch, stop: &StopFlag) -> Result<()> {
        while !stop.is_raised()
            && let Some(over) = self.clock.end_in(batch)
        {
            let rest = batch.items.split_off(over.index);
            self.show(batch, stop)?;
            self.interval(over);
            batch.items = rest;
        }
        self.show(batch, stop)
    }

    /// Shows packets, and the flows that end with them.
    fn show(&mut self, batch: &mut Batch, stop: &StopFlag) -> Result<()> {
        self.packets +=
            batch.items.iter().filter(|item| matches!(item, Item::Packet(packet) if is_frame(packet))).count() as u64;
        for worker in &mut self.workers {
            worker.packets(batch, &mut *self.outlet, stop);
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

    fn interval(&mut self, Over { end, length, .. }: Over) {
        let counts = self.counts();
        let interval = Interval { end, length, counts: &counts };
        for worker in &mut self.workers {
            worker.interval(&interval, &mut *self.outlet);
        }
        let processors: Vec<_> = self.workers.iter().map(Worker::counts).collect();
        self.status.say(end, self.packets, &counts, &processors, &mut *self.outlet);
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
