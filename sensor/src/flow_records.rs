//! Flow records as messages.

use std::sync::Arc;

use flowgauge::FlowRecord;
use flowgauge_hub::Name;
use serde_json::value::RawValue;

use crate::needs::Needs;
use crate::outbox::Outbox;
use crate::processor::Processor;
use crate::topic;

/// Says `flow.record` of each flow that ended: the line of JSON that the command writes of it, its core columns.
#[derive(Debug)]
pub struct FlowRecords {
    topic: Name,
}

impl Default for FlowRecords {
    fn default() -> Self {
        Self { topic: topic("flow.record") }
    }
}

impl Processor for FlowRecords {
    fn name(&self) -> &str {
        "flows"
    }

    fn needs(&self) -> Needs {
        Needs { packets: None, flows: true }
    }

    fn flows(&mut self, flows: &[Arc<FlowRecord>], out: &mut Outbox<'_>) {
        for flow in flows {
            match RawValue::from_string(flow.to_string()) {
                Ok(payload) => out.send_raw(&self.topic, flow.last_clock, payload),
                Err(error) => out.fail(error),
            }
        }
    }
}
