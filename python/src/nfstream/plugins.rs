//! The user's plugins as one group of metrics: their calls in the life of a flow.
//!
//! Plugins are the caller's own objects, so what they keep is there after the run. One `NFlow` lives through all calls of
//! a flow, and travels with the record to whoever iterates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flowgauge::flow::Opaque;
use flowgauge::metric::{Failures, MetricGroup, MetricState};
use flowgauge::{BoxError, ExportReason, FlowRecord, FlowState, Packet, Value};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::flow::NFlow;
use super::packet::NFPacket;
use super::row::View;
use crate::error;
use crate::metric::{Abandoned, GONE, attached, keeping_interpreter_state};
use crate::value;

/// The plugins of one run.
pub(super) struct Plugins {
    plugins: Vec<Plugin>,
    /// Whether any plugin wants to see packets after the first.
    see_packets: bool,
    view: Arc<View>,
    abandoned: Abandoned,
    cleaned: AtomicBool,
}

/// A plugin's methods, those that it does not inherit as they are.
struct Plugin {
    name: String,
    on_init: Option<Py<PyAny>>,
    on_update: Option<Py<PyAny>>,
    on_expire: Option<Py<PyAny>>,
    cleanup: Option<Py<PyAny>>,
}

/// One flow of one run.
struct State {
    plugins: Arc<Plugins>,
    /// Made with the first packet.
    flow: Option<Py<NFlow>>,
    last_ms: i64,
}

/// The group that the library is given.
pub(super) struct Group(pub(super) Arc<Plugins>);

impl Plugins {
    /// The plugins in the order given; `base` is the class whose methods do nothing.
    pub(super) fn new(
        plugins: &Bound<'_, PyTuple>,
        base: &Bound<'_, PyAny>,
        view: Arc<View>,
        abandoned: Abandoned,
    ) -> PyResult<Arc<Self>> {
        let plugins = plugins.iter().map(|plugin| Plugin::new(&plugin, base)).collect::<PyResult<Vec<_>>>()?;
        let see_packets = plugins.iter().any(|plugin| plugin.on_update.is_some());
        Ok(Arc::new(Self { plugins, see_packets, view, abandoned, cleaned: AtomicBool::new(false) }))
    }

    /// Calls every plugin's `cleanup`, once in a run; gives the first exception.
    pub(super) fn clean_up(&self, py: Python<'_>) -> PyResult<()> {
        if self.cleaned.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut result = Ok(());
        for plugin in &self.plugins {
            let Some(cleanup) = &plugin.cleanup else { continue };
            let called = cleanup.bind(py).call0().map(drop);
            result = result.and(called.map_err(|error| error::note(py, error, &plugin.place("cleanup"))));
        }
        result
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for plugin in &self.plugins {
            for method in [&plugin.on_init, &plugin.on_update, &plugin.on_expire, &plugin.cleanup] {
                visit.call(method)?;
            }
        }
        Ok(())
    }
}

impl Plugin {
    fn new(plugin: &Bound<'_, PyAny>, base: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = plugin.py();
        Ok(Self {
            name: value::type_name(plugin),
            on_init: own_method(plugin, base, intern!(py, "on_init"))?,
            on_update: own_method(plugin, base, intern!(py, "on_update"))?,
            on_expire: own_method(plugin, base, intern!(py, "on_expire"))?,
            cleanup: own_method(plugin, base, intern!(py, "cleanup"))?,
        })
    }

    fn place(&self, method: &str) -> String {
        format!("{method} of the plugin {}", self.name)
    }
}

/// The method of this name, unless it is the one of the base class, which does nothing.
fn own_method(
    plugin: &Bound<'_, PyAny>,
    base: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
) -> PyResult<Option<Py<PyAny>>> {
    let method = plugin.getattr(name)?;
    let function = method.getattr_opt(intern!(plugin.py(), "__func__"))?;
    let inherited = base.getattr(name)?;
    Ok(function.is_none_or(|function| !function.is(&inherited)).then(|| method.unbind()))
}

impl MetricGroup for Group {
    fn names(&self) -> Vec<String> {
        vec![NAME.to_owned()]
    }

    fn start(&self, _flow: &FlowState) -> Result<Box<dyn MetricState>, BoxError> {
        Ok(Box::new(State { plugins: Arc::clone(&self.0), flow: None, last_ms: 0 }))
    }

    fn around_batch(&self, body: &mut dyn FnMut()) {
        attached(body);
    }

    fn around(&self, body: &mut (dyn FnMut() + Send)) {
        keeping_interpreter_state(&self.0.abandoned, body);
    }
}

impl MetricState for State {
    #[inline]
    fn update(
        &mut self,
        packet: &Packet<'_>,
        flow: &FlowState,
        _failures: &mut Failures,
    ) -> Result<Option<ExportReason>, BoxError> {
        if self.plugins.abandoned.is_set() || (self.flow.is_some() && !self.plugins.see_packets) {
            return Ok(None);
        }
        // What a plugin left half done is not handed to it again, nor to anybody else: an error drops the state.
        Python::try_attach(|py| self.call(py, packet, flow)).unwrap_or_else(|| Err(GONE.into()))
    }

    fn finish(
        self: Box<Self>,
        record: &FlowRecord,
        values: &mut Vec<Value>,
        _failures: &mut Failures,
    ) -> Result<(), BoxError> {
        if self.plugins.abandoned.is_set() {
            return Ok(());
        }
        // It is dropped while attached, so that its objects go at once.
        Python::try_attach(move |py| (*self).expire(py, record, values)).unwrap_or_else(|| Err(GONE.into()))
    }
}

impl State {
    fn call(
        &mut self,
        py: Python<'_>,
        packet: &Packet<'_>,
        flow: &FlowState,
    ) -> Result<Option<ExportReason>, BoxError> {
        let now = packet.info.clock.as_millis();
        let delta = if self.flow.is_some() { now.saturating_sub(self.last_ms) } else { 0 };
        self.last_ms = now;
        let (view, first) = match &self.flow {
            Some(view) => {
                let view = view.bind(py).clone();
                view.get().update(flow, None);
                (view, false)
            }
            None => (self.open(py, flow, None)?, true),
        };
        let information = Bound::new(py, NFPacket::new(packet, flow, delta));
        let information = information.map_err(error::failure)?;
        let called = self.call_each(&information, &view, first);
        NFPacket::release(&information);
        called?;
        Ok(if view.get().is_to_end(py) { ExportReason::user(ASKED_FOR) } else { None })
    }

    #[inline]
    fn call_each(
        &self,
        information: &Bound<'_, NFPacket>,
        view: &Bound<'_, NFlow>,
        first: bool,
    ) -> Result<(), BoxError> {
        let py = view.py();
        for plugin in &self.plugins.plugins {
            let method = if first { &plugin.on_init } else { &plugin.on_update };
            let Some(method) = method else { continue };
            method
                .bind(py)
                .call1((information, view))
                .map_err(|error| error::failure_in(plugin.place(if first { "on_init" } else { "on_update" }), error))?;
        }
        Ok(())
    }

    fn expire(mut self, py: Python<'_>, record: &FlowRecord, values: &mut Vec<Value>) -> Result<(), BoxError> {
        let view = match &self.flow {
            Some(view) => {
                let view = view.bind(py).clone();
                view.get().update(&record.flow, Some(record.export_reason));
                view
            }
            None => self.open(py, &record.flow, Some(record.export_reason))?,
        };
        let mut result = Ok(());
        for plugin in &self.plugins.plugins {
            let Some(method) = &plugin.on_expire else { continue };
            let called = method.bind(py).call1((&view,)).map(drop);
            result = result.and(called.map_err(|error| error::failure_in(plugin.place("on_expire"), error)));
        }
        if result.is_ok() {
            values.push(Value::Opaque(Opaque(Arc::new(view.unbind()))));
        }
        result
    }

    fn open<'py>(
        &mut self,
        py: Python<'py>,
        flow: &FlowState,
        reason: Option<ExportReason>,
    ) -> Result<Bound<'py, NFlow>, BoxError> {
        let view = Bound::new(py, NFlow::growing(&self.plugins.view, flow, reason));
        let view = view.map_err(error::failure)?;
        self.flow = Some(view.clone().unbind());
        Ok(view)
    }
}

/// The flow that the plugins of a run saw, if they did.
pub(super) fn seen<'py>(py: Python<'py>, record: &FlowRecord) -> Option<Bound<'py, NFlow>> {
    match record.metrics.get(NAME)? {
        Value::Opaque(Opaque(object)) => Some(object.downcast_ref::<Py<NFlow>>()?.bind(py).clone()),
        _ => None,
    }
}

/// What the group is called in errors.
const NAME: &str = "plugins";
/// The reason of a record that a plugin asked for.
const ASKED_FOR: u8 = 16;
