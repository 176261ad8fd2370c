//! An item as Python sees it: a mapping whose fields are made when they are asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowgauge::packet::Block;
use flowgauge::pipeline::{Attachment, Batch, Domain, Item as Native, Stages};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySet, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, PyTypeInfo};

use crate::pipeline::fields::{self, Layer};
use crate::pipeline::layer::PacketLayer;
use crate::pipeline::overlay::{Attached, Overlay};
use crate::pipeline::told;
use crate::record::Flow;

/// One packet or flow on its way through a pipeline: a mapping, as the documentation of each link lists its fields.
///
/// Fields are made when they are asked for. What is set stays with the item; equality is that of dicts, and a pickled item
/// comes back as a plain dict.
#[pyclass(frozen, mapping, module = "flowgauge.pipeline")]
pub(crate) struct Item {
    /// `None` once a pipeline took it out of an object that nobody else holds.
    native: Mutex<Option<(Native, Arc<Block>)>>,
    overlay: Mutex<Option<Arc<Overlay>>>,
    /// It came from a wire.
    live: bool,
}

impl Item {
    #[inline]
    pub(crate) fn new(mut native: Native, block: Arc<Block>) -> Self {
        let attachment = match &native {
            Native::Packet(packet) => packet.attachment(),
            Native::Flow(flow) => flow.attachment(),
            Native::Own(_) => None,
        };
        let overlay = attachment.and_then(Attached::overlay);
        if overlay.is_some() {
            // It lies here from now on: a copy of the native item must not copy what belongs to this object.
            match &mut native {
                Native::Packet(packet) => packet.set_attachment(None),
                Native::Flow(flow) => flow.set_attachment(None),
                Native::Own(_) => {}
            }
        }
        Self { native: Mutex::new(Some((native, block))), overlay: Mutex::new(overlay), live: false }
    }

    /// One that somebody may keep: it holds its own bytes only.
    pub(crate) fn kept(mut native: Native, mut block: Arc<Block>) -> Self {
        compact(&mut native, &mut block);
        Self::new(native, block)
    }

    /// The same, and whether it came from a wire.
    pub(crate) fn of_wire(self, live: bool) -> Self {
        Self { live, ..self }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    fn native(&self) -> MutexGuard<'_, Option<(Native, Arc<Block>)>> {
        self.native.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overlay(&self) -> Option<Arc<Overlay>> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn some_overlay(&self) -> Arc<Overlay> {
        Arc::clone(self.overlay.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
    }

    /// The dictionary of fields that were set, if any.
    fn own<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyDict>> {
        self.overlay()?.parts().own.as_ref().map(|own| own.bind(py).clone())
    }

    fn some_own<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        let overlay = self.some_overlay();
        let mut parts = overlay.parts();
        parts.own.get_or_insert_with(|| PyDict::new(py).unbind()).bind(py).clone()
    }

    /// The native item with what Python changed in it, for the links behind. `last` says that nobody else holds this object.
    pub(crate) fn take(&self, py: Python<'_>, last: bool) -> PyResult<Option<(Native, Arc<Block>)>> {
        let overlay = self.overlay();
        let taken = if last { self.native().take() } else { self.native().clone() };
        let Some((mut native, block)) = taken else { return Ok(None) };
        if let Some(overlay) = overlay {
            absorb(py, &overlay, &mut native)?;
            if !last && let Some((kept, _)) = &mut *self.native() {
                // Whoever keeps this object sees in it what was set.
                kept.clone_from(&native);
            }
            let attachment: Option<Arc<dyn Attachment>> = Some(Arc::new(Attached(overlay)));
            match &mut native {
                Native::Packet(packet) => packet.set_attachment(attachment),
                Native::Flow(flow) => flow.set_attachment(attachment),
                Native::Own(_) => {}
            }
        }
        Ok(Some((native, block)))
    }

    /// Somebody keeps this object: it is to hold no large block for it.
    pub(crate) fn keep(&self) {
        if let Some((native, block)) = &mut *self.native() {
            compact(native, block);
        }
    }

    /// A field of a layer; `None` for one that is not there.
    pub(crate) fn layer_field<'py>(&self, py: Python<'py>, layer: Layer, key: &str) -> fields::Field<'py> {
        match &*self.native() {
            Some((Native::Packet(packet), block)) => fields::field(py, layer, &fields::view(packet, block), key),
            _ => Ok(None),
        }
    }

    pub(crate) fn layer_keys(&self, layer: Layer) -> Option<Vec<String>> {
        match &*self.native() {
            Some((Native::Packet(packet), block)) => fields::keys(layer, &fields::view(packet, block)),
            _ => None,
        }
    }

    /// A layer that was changed, as it is now.
    pub(crate) fn changed_layer<'py>(&self, py: Python<'py>, layer: Layer) -> Option<Bound<'py, PyDict>> {
        self.overlay()?.parts().layers[layer as usize].as_ref().map(|dict| dict.bind(py).clone())
    }

    /// A layer to be changed.
    pub(crate) fn layer_to_change<'py>(&self, py: Python<'py>, layer: Layer) -> PyResult<Bound<'py, PyDict>> {
        if let Some(changed) = self.changed_layer(py, layer) {
            return Ok(changed);
        }
        let dict = PyDict::new(py);
        for key in self.layer_keys(layer).unwrap_or_default() {
            dict.set_item(&key, self.layer_field(py, layer, &key)?)?;
        }
        self.some_overlay().parts().layers[layer as usize] = Some(dict.clone().unbind());
        Ok(dict)
    }

    /// Remembers that a field of a layer was set or deleted.
    pub(crate) fn mark(&self, layer: Layer, name: &str) {
        self.some_overlay().parts().changed[layer as usize].insert(name.to_owned());
    }

    fn is_gone(&self, key: &str) -> bool {
        self.overlay().is_some_and(|overlay| overlay.parts().gone.contains(key))
    }

    /// A field of the native item; `None` for one that is not there.
    fn native_field<'py>(slf: &Bound<'py, Self>, key: &str) -> fields::Field<'py> {
        let py = slf.py();
        let this = slf.get();
        if let Some(layer) = Layer::of(key) {
            let is_there = match &*this.native() {
                Some((Native::Packet(packet), block)) if packet.stages().contains(Stages::META) => Some(match layer {
                    Layer::Transport => {
                        packet.stages().contains(Stages::TRANSPORT) && fields::view(packet, block).transport().is_some()
                    }
                    _ => true,
                }),
                _ => None,
            };
            return Ok(match is_there {
                None => None,
                Some(false) => Some(py.None().into_bound(py)),
                Some(true) => Some(Bound::new(py, PacketLayer::new(slf.clone().unbind(), layer))?.into_any()),
            });
        }
        let guard = this.native();
        let packet = match &*guard {
            Some((Native::Packet(packet), block)) => (packet, block),
            Some((Native::Flow(flow), _)) => return fields::flow(py, flow, key),
            _ => return Ok(None),
        };
        let (packet, block) = packet;
        let decoded = packet.stages().contains(Stages::META);
        Ok(match key {
            "timestamp" => Some(fields::timestamp(py, packet)?),
            "raw_buf" if !decoded => Some(PyBytes::new(py, fields::view(packet, block).data()).into_any()),
            "packet_num" if !decoded => Some(packet.number().saturating_sub(1).into_bound_py_any(py)?),
            "application" if decoded => Some(py.None().into_bound(py)),
            "dns" if packet.stages().contains(Stages::DNS) => match fields::view(packet, block).dns_field() {
                None => Some(py.None().into_bound(py)),
                Some(field) => {
                    drop(guard);
                    let dns = fields::told(py, &field)?;
                    // It may be changed, as tags.
                    this.some_own(py).set_item(key, &dns)?;
                    Some(dns)
                }
            },
            "tags" if packet.stages().contains(Stages::TAGS) => {
                let tags = PySet::new(py, packet.tag_names())?;
                drop(guard);
                // It may be changed: from now on this is what the item has.
                this.some_own(py).set_item(key, &tags)?;
                Some(tags.into_any())
            }
            _ => return told::of_packet(py, packet, key),
        })
    }

    fn field<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> fields::Field<'py> {
        if let Some(own) = slf.get().own(slf.py())
            && let Some(value) = own.get_item(key)?
        {
            return Ok(Some(value));
        }
        let Ok(name) = key.cast::<PyString>() else { return Ok(None) };
        let name = name.to_cow()?;
        if slf.get().is_gone(&name) {
            return Ok(None);
        }
        Self::native_field(slf, &name)
    }

    fn names<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let this = slf.get();
        let native: Vec<&str> = match &*this.native() {
            Some((Native::Packet(packet), _)) => fields::packet_keys(packet),
            Some((Native::Flow(flow), _)) => fields::flow_keys(flow),
            _ => Vec::new(),
        };
        let own = this.own(py);
        let names = PyList::empty(py);
        for name in native {
            if !this.is_gone(name) || own.as_ref().is_some_and(|own| own.contains(name).unwrap_or(false)) {
                names.append(name)?;
            }
        }
        for key in own.iter().flat_map(|own| own.keys()) {
            if !names.contains(&key)? {
                names.append(key)?;
            }
        }
        Ok(names)
    }

    /// The item as plain dicts.
    fn plain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        for key in Self::names(slf)?.iter() {
            let Some(value) = Self::field(slf, &key)? else { continue };
            match value.cast::<PacketLayer>() {
                Ok(layer) => dict.set_item(key, PacketLayer::plain(layer)?)?,
                Err(_) => dict.set_item(key, value)?,
            }
        }
        Ok(dict)
    }
}

#[pymethods]
impl Item {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Nobody may be waited for here; who holds the lock is alive.
        match self.overlay.try_lock().as_deref() {
            Ok(Some(overlay)) => overlay.traverse(&visit),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        if let Ok(mut overlay) = self.overlay.try_lock() {
            *overlay = None;
        }
    }

    /// The number of the packet in the whole capture, from 0; None for a flow.
    #[getter]
    fn packet_num(&self) -> Option<u64> {
        match &*self.native() {
            Some((Native::Packet(packet), _)) => Some(packet.number().saturating_sub(1)),
            _ => None,
        }
    }

    /// The captured bytes of the frame; None for a flow.
    #[getter]
    fn raw_buf<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match &*self.native() {
            Some((Native::Packet(packet), block)) => Some(PyBytes::new(py, fields::view(packet, block).data())),
            _ => None,
        }
    }

    /// When the packet was captured, or the flow began, in nanoseconds since the Unix epoch.
    #[getter]
    fn time_ns(&self) -> Option<i64> {
        match &*self.native() {
            Some((Native::Packet(packet), _)) => Some(packet.stamp().as_nanos()),
            Some((Native::Flow(flow), _)) => Some(flow.start().as_nanos()),
            _ => None,
        }
    }

    /// Why decoding refused the packet ("truncated", "not_ip" ...); None when it did not, and for a flow.
    #[getter]
    fn skipped(&self) -> Option<&'static str> {
        match &*self.native() {
            Some((Native::Packet(packet), _)) => packet.skipped().map(flowgauge::packet::SkipReason::name),
            _ => None,
        }
    }

    /// The packet as scapy dissects it, with its time in seconds and its length on the wire. Needs scapy, which takes a
    /// thousand times as long for a packet.
    ///
    /// Raises:
    ///     ImportError: scapy is not installed.
    ///     ValueError: It is a flow.
    fn scapy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let frame = match &*self.native() {
            Some((Native::Packet(packet), block)) => {
                let raw = PyBytes::new(py, fields::view(packet, block).data());
                (raw, packet.link_type().0, fields::seconds(packet.stamp()), packet.wire_len())
            }
            _ => return Err(PyValueError::new_err("a flow is no packet: scapy has nothing to dissect")),
        };
        py.import("flowgauge._scapy")?.call_method1("dissect", frame)
    }

    /// The whole record of a flow, as `Streamer` gives it; None for a packet.
    #[getter]
    fn record<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Flow>>> {
        let record = match &*self.native() {
            Some((Native::Flow(flow), _)) => Some(flowgauge::FlowRecord::clone(flow.record())),
            _ => None,
        };
        record.map(|record| Bound::new(py, Flow::new(record))).transpose()
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::field(slf, key)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: Bound<'_, PyAny>) -> PyResult<()> {
        self.some_own(key.py()).set_item(key, value)
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let is_own = match this.own(slf.py()) {
            Some(own) => {
                own.call_method1(intern!(slf.py(), "pop"), (key, slf.py().Ellipsis()))?.is(slf.py().Ellipsis())
            }
            None => true,
        };
        let native = match key.cast::<PyString>() {
            Ok(name) => {
                let name = name.to_cow()?.into_owned();
                let there = !this.is_gone(&name) && Self::native_field(slf, &name)?.is_some();
                if there {
                    // Asking for tags has made them a field that was set.
                    if let Some(own) = this.own(slf.py()).filter(|own| own.contains(key).unwrap_or(false)) {
                        own.del_item(key)?;
                    }
                    this.some_overlay().parts().gone.insert(name);
                }
                there
            }
            Err(_) => false,
        };
        if is_own && !native {
            return Err(PyKeyError::new_err(key.clone().unbind()));
        }
        Ok(())
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Self::field(slf, key).map(|field| field.is_some())
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Self::names(slf).map(|names| names.len())
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::names(slf)?.try_iter().map(Bound::into_any)
    }

    /// The names of the fields.
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        Self::names(slf)
    }

    /// The values of the fields.
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let values = PyList::empty(slf.py());
        for key in Self::names(slf)?.iter() {
            values.append(Self::__getitem__(slf, &key)?)?;
        }
        Ok(values)
    }

    /// Names and values.
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let items = PyList::empty(slf.py());
        for key in Self::names(slf)?.iter() {
            let value = Self::__getitem__(slf, &key)?;
            items.append((key, value))?;
        }
        Ok(items)
    }

    /// The value of a field, or `default` where there is none.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(Self::field(slf, key)?.or(default))
    }

    /// The value of a field, which is set to `default` where there is none.
    #[pyo3(signature = (key, default=None, /))]
    fn setdefault<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(value) = Self::field(slf, key)? {
            return Ok(value);
        }
        let value = default.into_bound_py_any(slf.py())?;
        slf.get().__setitem__(key, value.clone())?;
        Ok(value)
    }

    /// Take a field out and give its value; `default`, if given, where there is none.
    #[pyo3(signature = (key, *default))]
    fn pop<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match Self::field(slf, key)? {
            Some(value) => {
                Self::__delitem__(slf, key)?;
                Ok(value)
            }
            None => default.get_item(0).map_err(|_| PyKeyError::new_err(key.clone().unbind())),
        }
    }

    /// Set fields: those of a mapping or of pairs, then the keywords.
    #[pyo3(signature = (other=None, /, **kwargs))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        other: Option<Bound<'py, PyAny>>,
        kwargs: Option<Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        let own = self.some_own(py);
        own.call_method(
            intern!(py, "update"),
            (other.unwrap_or_else(|| PyDict::new(py).into_any()),),
            kwargs.as_ref(),
        )?;
        Ok(())
    }

    /// The item as plain dicts, all fields made.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        Self::plain(slf)
    }

    /// Another item with the same fields; what is set in one is not set in the other.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        let native = self.native().clone();
        let overlay = self.overlay().map(|overlay| overlay.copied(py).map(Arc::new)).transpose()?;
        Ok(Self { native: Mutex::new(native), overlay: Mutex::new(overlay), live: self.live })
    }

    fn __copy__(&self, py: Python<'_>) -> PyResult<Self> {
        self.copy(py)
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if slf.is(other) {
            return true.into_py_any(py);
        }
        let other = match other.cast::<Self>() {
            Ok(item) => Self::plain(item)?.into_any(),
            Err(_) if PyDict::is_type_of(other) => other.clone(),
            Err(_) => return Ok(py.NotImplemented()),
        };
        Self::plain(slf)?.eq(other)?.into_py_any(py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Self::plain(slf)?.repr()?.extract()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        (py.get_type::<PyDict>(), (Self::plain(slf)?,)).into_bound_py_any(py)
    }
}

/// Takes what Python said of tags and domains into the native item, where links look at them.
fn absorb(py: Python<'_>, overlay: &Overlay, native: &mut Native) -> PyResult<()> {
    let Native::Packet(packet) = native else { return Ok(()) };
    let (own, layer) = {
        let parts = overlay.parts();
        let clone = |dict: &Option<Py<PyDict>>| dict.as_ref().map(|dict| dict.bind(py).clone());
        (clone(&parts.own), clone(&parts.layers[Layer::Packet as usize]))
    };
    if let Some(own) = own
        && let Some(tags) = own.get_item(intern!(py, "tags"))?
        && let Ok(tags) = tags.cast::<PySet>()
        && let Ok(words) = tags.iter().map(|tag| tag.extract::<String>()).collect::<PyResult<Vec<_>>>()
    {
        packet.clear_tags();
        packet.add_tags(flowgauge::pipeline::Tags::default());
        words.iter().for_each(|word| packet.add_tag(word));
        own.del_item(intern!(py, "tags"))?;
    }
    if let Some(layer) = layer {
        for (end, name) in ["src", "dst"].into_iter().enumerate() {
            if let Some(domain) = layer.get_item(format!("{name}{}", packet.domain_postfix()))?
                && let Ok(domain) = domain.extract::<Option<String>>()
            {
                packet.set_domain(end, domain.map_or(Domain::UNKNOWN, |text| Domain::from_text(&text)));
            }
        }
    }
    Ok(())
}

fn compact(native: &mut Native, block: &mut Arc<Block>) {
    match native {
        Native::Packet(packet) => Batch::compact(block, packet),
        _ => *block = Arc::default(),
    }
}
