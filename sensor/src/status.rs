//! What a sensor says of itself.

use std::time::Instant;

use flowgauge::Timestamp;
use flowgauge::pipeline::Counts;
use flowgauge_hub::{Name, Trigger};
use serde_json::json;

use crate::outbox::Outbox;
use crate::outlet::Outlet;
use crate::tally::ProcessorCounts;
use crate::topic;

/// Says `sensor.status` at the end of each interval: what the processors did, and what became of the messages.
#[derive(Debug)]
pub(crate) struct Status {
    topic: Name,
    source: String,
    began: Instant,
    counts: ProcessorCounts,
}

impl Status {
    pub(crate) fn new(source: String) -> Self {
        Self { topic: topic("sensor.status"), source, began: Instant::now(), counts: ProcessorCounts::default() }
    }

    pub(crate) fn say(
        &mut self,
        end: Timestamp,
        packets: u64,
        counts: &Counts,
        processors: &[&ProcessorCounts],
        outlet: &mut dyn Outlet,
    ) {
        let mut payload = json!({
            "source": self.source,
            "uptime": (self.began.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            "packets": packets,
            "flows": counts.flows,
            "dropped": counts.dropped.kernel + counts.dropped.interface,
            "processors": processors,
        });
        if let (Some(payload), serde_json::Value::Object(status)) = (payload.as_object_mut(), outlet.status()) {
            payload.extend(status);
        }
        let mut out = Outbox { outlet, counts: &mut self.counts, trigger: Trigger::Interval };
        out.send(&self.topic, end, &payload);
    }
}
