//! Processors in Python: what a sensor calls, with the interpreter attached once for a batch.

use std::sync::Arc;

use flowgauge::pipeline::Item as Native;
use flowgauge::{FlowRecord, Timestamp};
use flowgauge_hub::{Name, is_reserved};
use flowgauge_sensor::{Fields, Interval, Needs, Outbox, PacketNeeds, Packets, Processor};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::value::RawValue;

use crate::pipeline::calls;
use crate::pipeline::item::Item;
use crate::record::Flow;

/// The processors at this place, as `flowgauge sensor --processor` names it; in words, why there are none.
pub(crate) fn load(place: &str) -> Result<Vec<Box<dyn Processor>>, String> {
    Python::attach(|py| {
        let loaded = py
            .import(intern!(py, "flowgauge._processors"))
            .and_then(|module| module.call_method1(intern!(py, "load"), (place,)))
            .and_then(|loaded| loaded.extract::<Vec<Described>>());
        let described = loaded.map_err(|error| words(py, &error))?;
        described.into_iter().map(|one| Called::new(py, one).map(|called| Box::new(called) as _)).collect()
    })
}

/// What the Python side tells of a processor.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Described {
    name: String,
    topic: String,
    filter: Option<String>,
    fields: Vec<String>,
    on_packet: Option<Py<PyAny>>,
    on_flow: Option<Py<PyAny>>,
    on_interval: Option<Py<PyAny>>,
}

/// A processor in Python.
struct Called {
    name: String,
    topic: Name,
    needs: Needs,
    on_packet: Option<Py<PyAny>>,
    on_flow: Option<Py<PyAny>>,
    on_interval: Option<Py<PyAny>>,
    /// `json.dumps`.
    dumps: Py<PyAny>,
    strict: Py<PyDict>,
}

impl Called {
    fn new(py: Python<'_>, told: Described) -> Result<Self, String> {
        let refuse = |detail: String| format!("{}: {detail}", told.name);
        let topic =
            Name::try_from(told.topic.clone()).map_err(|why| refuse(format!("topic {:?}: {why}", told.topic)))?;
        if is_reserved(topic.as_str()) {
            return Err(refuse(format!("topic {:?} belongs to the hub", told.topic)));
        }
        let mut fields = Fields::default();
        for name in &told.fields {
            let known = || Fields::NAMES.map(|(name, _)| name).join(", ");
            let field =
                Fields::of_name(name).ok_or_else(|| refuse(format!("fields has {name:?}; there are {}", known())))?;
            fields = fields.with(field);
        }
        let packets = told.on_packet.as_ref().map(|_| PacketNeeds { filter: told.filter.clone(), fields });
        let needs = Needs { packets, flows: told.on_flow.is_some() };
        let strict = PyDict::new(py);
        let dumps = strict
            .set_item("allow_nan", false)
            .and_then(|()| py.import("json")?.getattr("dumps"))
            .map_err(|error| words(py, &error))?;
        let Described { name, on_packet, on_flow, on_interval, .. } = told;
        let (dumps, strict) = (dumps.unbind(), strict.unbind());
        Ok(Self { name, topic, needs, on_packet, on_flow, on_interval, dumps, strict })
    }

    /// What a handler gave, or raised.
    fn said(
        &self,
        py: Python<'_>,
        handler: &str,
        given: PyResult<Bound<'_, PyAny>>,
        at: Timestamp,
        out: &mut Outbox<'_>,
    ) {
        let value = match given {
            Ok(value) if value.is_none() => return,
            Ok(value) => value,
            Err(error) => return out.fail(format_args!("{handler}: {}", words(py, &error))),
        };
        let text = self.dumps.bind(py).call((value,), Some(self.strict.bind(py))).and_then(|text| text.extract());
        let payload = text.map_err(|error| error.to_string());
        match payload.and_then(|text| RawValue::from_string(text).map_err(|error| error.to_string())) {
            Ok(payload) => out.send_raw(&self.topic, at, payload),
            Err(why) => out.fail(format_args!("{handler} gave what JSON cannot hold: {why}")),
        }
    }
}

impl Processor for Called {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn packets(&mut self, packets: &Packets<'_>, out: &mut Outbox<'_>) {
        let Some(handler) = &self.on_packet else { return };
        let batch = packets.batch();
        Python::attach(|py| {
            for packet in packets.iter() {
                let item = Item::new(Native::Packet(packet.clone()), Arc::clone(&batch.block)).of_wire(batch.is_live());
                let given = Bound::new(py, item).and_then(|item| {
                    let given = handler.bind(py).call1((&item,));
                    calls::release(item.as_any()).and(given)
                });
                self.said(py, "on_packet", given, packet.stamp(), out);
                if packets.is_stopped() {
                    break;
                }
            }
        });
    }

    fn flows(&mut self, flows: &[Arc<FlowRecord>], out: &mut Outbox<'_>) {
        let Some(handler) = &self.on_flow else { return };
        Python::attach(|py| {
            for flow in flows {
                let given = Bound::new(py, Flow::new(FlowRecord::clone(flow)));
                let given = given.and_then(|flow| handler.bind(py).call1((flow,)));
                self.said(py, "on_flow", given, flow.last_clock, out);
            }
        });
    }

    fn interval(&mut self, interval: &Interval<'_>, out: &mut Outbox<'_>) {
        let Some(handler) = &self.on_interval else { return };
        Python::attach(|py| self.said(py, "on_interval", handler.bind(py).call0(), interval.end, out));
    }
}

/// An error in words, and where in the user's code it was raised.
fn words(py: Python<'_>, error: &PyErr) -> String {
    match place(py, error) {
        Ok(Some((file, line))) => format!("{error} ({file}, line {line})"),
        _ => error.to_string(),
    }
}

fn place(py: Python<'_>, error: &PyErr) -> PyResult<Option<(String, u32)>> {
    let Some(mut step) = error.traceback(py).map(Bound::into_any) else { return Ok(None) };
    loop {
        let next = step.getattr(intern!(py, "tb_next"))?;
        if next.is_none() {
            break;
        }
        step = next;
    }
    let code = step.getattr(intern!(py, "tb_frame"))?.getattr(intern!(py, "f_code"))?;
    let file: String = code.getattr(intern!(py, "co_filename"))?.extract()?;
    Ok(Some((file, step.getattr(intern!(py, "tb_lineno"))?.extract()?)))
}
