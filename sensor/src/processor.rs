//! What sees packets, flows and intervals, and has something to say.

use std::sync::Arc;
use std::time::Duration;

use flowgauge::capture::StopFlag;
use flowgauge::pipeline::{Batch, Counts, Item, PacketItem, PacketView};
use flowgauge::{FlowRecord, Timestamp};

use crate::needs::Needs;
use crate::outbox::Outbox;
use crate::{ArpChanges, DnsLookups, FlowRecords, PacketCounts};

/// Sees what a sensor captures, and makes messages of it.
///
/// Calls come one after the other, in the order of the packets; a flow after the packet with which it ended, an interval after
/// everything that happened in it.
pub trait Processor: Send {
    /// How it is called in counts and logs.
    fn name(&self) -> &str;

    /// What it wants to see. Asked once.
    fn needs(&self) -> Needs;

    /// Sees some packets that it wants.
    fn packets(&mut self, packets: &Packets<'_>, out: &mut Outbox<'_>) {
        let _ = (packets, out);
    }

    /// Sees flows that ended.
    fn flows(&mut self, flows: &[Arc<FlowRecord>], out: &mut Outbox<'_>) {
        let _ = (flows, out);
    }

    /// An interval is over.
    fn interval(&mut self, interval: &Interval<'_>, out: &mut Outbox<'_>) {
        let _ = (interval, out);
    }
}

/// Packets that a processor wants, of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Packets<'a> {
    batch: &'a Batch,
    chosen: &'a [usize],
    stop: &'a StopFlag,
}

impl<'a> Packets<'a> {
    pub(crate) fn new(batch: &'a Batch, chosen: &'a [usize], stop: &'a StopFlag) -> Self {
        Self { batch, chosen, stop }
    }

    /// Whether the sensor is to end: who takes long for a packet leaves the rest.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_raised()
    }

    /// The batch in which they are, among others.
    pub fn batch(&self) -> &'a Batch {
        self.batch
    }

    /// How many they are; never none.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.chosen.len()
    }

    /// The packets.
    pub fn iter(&self) -> impl Iterator<Item = &'a PacketItem> {
        let batch = self.batch;
        self.chosen.iter().filter_map(move |index| match batch.items.get(*index) {
            Some(Item::Packet(packet)) => Some(packet),
            _ => None,
        })
    }

    /// The packets with their bytes.
    pub fn views(&self) -> impl Iterator<Item = PacketView<'a>> {
        let block = &self.batch.block;
        self.iter().map(move |packet| PacketView::new(packet, block))
    }
}

/// An interval that is over.
#[derive(Clone, Copy, Debug)]
pub struct Interval<'a> {
    /// Its end: of an interface by the clock, of captures by their packets.
    pub end: Timestamp,
    /// How long it was: the last one may be shorter, and on an interface one longer in which something took its time.
    pub length: Duration,
    /// What source and links counted since the sensor's start, perhaps some hundred packets ahead.
    pub counts: &'a Counts,
}

/// Names of the native processors, and what each says.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("flows", "flow.record: each flow that ended, its core columns"),
    ("dns", "dns.lookup: each question of a query; dns.summary: names of an interval and how often"),
    ("packets", "packets.count: packets and bytes of an interval, by protocol, and what was lost"),
    ("arp", "arp.change: addresses that are new, or moved to another hardware address"),
];

/// The native processor of this name.
pub fn built_in(name: &str) -> Option<Box<dyn Processor>> {
    Some(match name {
        "flows" => Box::new(FlowRecords::default()),
        "dns" => Box::new(DnsLookups::default()),
        "packets" => Box::new(PacketCounts::default()),
        "arp" => Box::new(ArpChanges::default()),
        _ => return None,
    })
}
