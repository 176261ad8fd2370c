//! Packets of an interval, counted.

use std::collections::BTreeMap;

use flowgauge_hub::Name;
use serde_json::json;

use crate::needs::{Needs, PacketNeeds};
use crate::outbox::Outbox;
use crate::processor::{Interval, Packets, Processor};
use crate::topic;

/// Says `packets.count` at the end of each interval: packets and bytes on the wire, also by protocol (`IP`, `ARP`, `TCP` ...;
/// `other` for a network layer without a name), frames that could not be decoded by reason, and what was lost before it
/// came here.
#[derive(Debug)]
pub struct PacketCounts {
    topic: Name,
    packets: u64,
    bytes: u64,
    by_protocol: BTreeMap<&'static str, u64>,
    skipped: BTreeMap<&'static str, u64>,
    total_packets: u64,
    total_bytes: u64,
    /// Frames that were lost before this interval.
    lost: u64,
}

impl Default for PacketCounts {
    fn default() -> Self {
        Self {
            topic: topic("packets.count"),
            packets: 0,
            bytes: 0,
            by_protocol: BTreeMap::new(),
            skipped: BTreeMap::new(),
            total_packets: 0,
            total_bytes: 0,
            lost: 0,
        }
    }
}

impl Processor for PacketCounts {
    fn name(&self) -> &str {
        "packets"
    }

    fn needs(&self) -> Needs {
        Needs { packets: Some(PacketNeeds::default()), flows: false }
    }

    fn packets(&mut self, packets: &Packets<'_>, _: &mut Outbox<'_>) {
        for view in packets.views() {
            self.packets += 1;
            self.bytes += u64::from(view.item.wire_len());
            if let Some(reason) = view.item.skipped() {
                *self.skipped.entry(reason.name()).or_default() += 1;
            }
            *self.by_protocol.entry(view.network().kind.unwrap_or("other")).or_default() += 1;
            if let Some(name) = view.transport().and_then(|transport| transport.name()) {
                *self.by_protocol.entry(name).or_default() += 1;
            }
        }
    }

    fn interval(&mut self, interval: &Interval<'_>, out: &mut Outbox<'_>) {
        self.total_packets += self.packets;
        self.total_bytes += self.bytes;
        let lost = interval.counts.dropped.kernel + interval.counts.dropped.interface;
        let payload = json!({
            "interval": interval.length.as_secs_f64(),
            "packets": self.packets,
            "bytes": self.bytes,
            "by_protocol": self.by_protocol,
            "skipped": self.skipped,
            "dropped": lost.saturating_sub(self.lost),
            "total_packets": self.total_packets,
            "total_bytes": self.total_bytes,
        });
        out.send(&self.topic, interval.end, &payload);
        (self.packets, self.bytes, self.lost) = (0, 0, lost);
        self.by_protocol.clear();
        self.skipped.clear();
    }
}
