//! Packets of an interval, counted.

use std::collections::BTreeMap;

use flowgauge::packet::SkipReason;
use flowgauge::pipeline::Counts;
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
    total_packets: u64,
    total_bytes: u64,
    before: Counts,
}

impl Default for PacketCounts {
    fn default() -> Self {
        Self {
            topic: topic("packets.count"),
            packets: 0,
            bytes: 0,
            by_protocol: BTreeMap::new(),
            total_packets: 0,
            total_bytes: 0,
            before: Counts::default(),
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
            *self.by_protocol.entry(view.network().kind.unwrap_or("other")).or_default() += 1;
            if let Some(name) = view.transport().and_then(|transport| transport.name()) {
                *self.by_protocol.entry(name).or_default() += 1;
            }
        }
    }

    fn interval(&mut self, interval: &Interval<'_>, out: &mut Outbox<'_>) {
        let (now, before) = (interval.counts, &self.before);
        self.total_packets += self.packets;
        self.total_bytes += self.bytes;
        let skipped: serde_json::Map<_, _> = SkipReason::ALL
            .into_iter()
            .map(|reason| (reason.name().to_owned(), now.skipped(reason) - before.skipped(reason)))
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name, count.into()))
            .collect();
        let lost = |counts: &Counts| counts.dropped.kernel + counts.dropped.interface;
        let payload = json!({
            "interval": interval.length.as_secs_f64(),
            "packets": self.packets,
            "bytes": self.bytes,
            "by_protocol": self.by_protocol,
            "skipped": skipped,
            "dropped": lost(now).saturating_sub(lost(before)),
            "total_packets": self.total_packets,
            "total_bytes": self.total_bytes,
        });
        out.send(&self.topic, interval.end, &payload);
        (self.packets, self.bytes, self.before) = (0, 0, *now);
        self.by_protocol.clear();
    }
}
