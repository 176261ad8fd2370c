//! A processor at work: what it is shown, and what it did.

use std::sync::Arc;

use flowgauge::FlowRecord;
use flowgauge::capture::StopFlag;
use flowgauge::capture::filter::Filter;
use flowgauge::pipeline::{Batch, Item, PacketItem, PacketView};
use flowgauge_hub::Trigger;

use crate::error::{Error, Result};
use crate::needs::{Fields, Needs};
use crate::outbox::Outbox;
use crate::outlet::Outlet;
use crate::processor::{Interval, Packets, Processor};
use crate::tally::ProcessorCounts;

pub(crate) struct Worker {
    processor: Box<dyn Processor>,
    packets: Option<Choice>,
    flows: bool,
    counts: ProcessorCounts,
}

/// Which packets it is shown.
struct Choice {
    filter: Option<Filter>,
    fields: Fields,
    warned: bool,
    /// Those of the batch at hand.
    chosen: Vec<usize>,
}

impl Worker {
    pub(crate) fn new(processor: Box<dyn Processor>, needs: Needs) -> Result<Self> {
        let name = processor.name();
        let packets = match needs.packets {
            Some(wanted) => {
                let refused =
                    |error: flowgauge::Error| Error::Processor { name: name.into(), detail: error.to_string() };
                let filter = wanted.filter.as_deref().map(Filter::new).transpose().map_err(refused)?;
                Some(Choice { filter, fields: wanted.fields, warned: false, chosen: Vec::new() })
            }
            None => None,
        };
        Ok(Self { counts: ProcessorCounts::new(name), packets, flows: needs.flows, processor })
    }

    pub(crate) fn counts(&self) -> &ProcessorCounts {
        &self.counts
    }

    pub(crate) fn packets(&mut self, batch: &Batch, outlet: &mut dyn Outlet, stop: &StopFlag) {
        let Some(choice) = &mut self.packets else { return };
        choice.choose(batch);
        if !choice.chosen.is_empty() {
            self.counts.calls += choice.chosen.len() as u64;
            let mut out = Outbox { outlet, counts: &mut self.counts, trigger: Trigger::Packet };
            self.processor.packets(&Packets::new(batch, &choice.chosen, stop), &mut out);
        }
    }

    pub(crate) fn flows(&mut self, flows: &[Arc<FlowRecord>], outlet: &mut dyn Outlet) {
        if self.flows && !flows.is_empty() {
            self.counts.calls += flows.len() as u64;
            let mut out = Outbox { outlet, counts: &mut self.counts, trigger: Trigger::Flow };
            self.processor.flows(flows, &mut out);
        }
    }

    pub(crate) fn interval(&mut self, interval: &Interval<'_>, outlet: &mut dyn Outlet) {
        if let Some(warning) = self.packets.as_mut().and_then(Choice::warning) {
            self.counts.fail(warning);
        }
        self.counts.calls += 1;
        let mut out = Outbox { outlet, counts: &mut self.counts, trigger: Trigger::Interval };
        self.processor.interval(interval, &mut out);
    }
}

/// Whether it is a frame, and not what a connection left unfinished.
pub(crate) fn is_frame(packet: &PacketItem) -> bool {
    packet.wire_len() > 0 || packet.frame().captured_len > 0
}

impl Choice {
    /// What its filter cannot be applied to, once.
    fn warning(&mut self) -> Option<String> {
        let warning = self.filter.as_ref().filter(|_| !self.warned)?.warnings().into_iter().next()?;
        self.warned = true;
        Some(warning)
    }

    fn choose(&mut self, batch: &Batch) {
        self.chosen.clear();
        for (index, item) in batch.items.iter().enumerate() {
            let Item::Packet(packet) = item else { continue };
            let view = PacketView::new(packet, &batch.block);
            // What a connection left unfinished comes without a packet: no filter knows it, but who wants its field does.
            let is_frame = is_frame(packet);
            let passes = match &mut self.filter {
                Some(filter) => is_frame && filter.matches(packet.link_type(), packet.wire_len(), view.data()),
                None => is_frame || !self.fields.is_empty(),
            };
            if passes && self.fields.wants(packet, &view) {
                self.chosen.push(index);
            }
        }
    }
}
