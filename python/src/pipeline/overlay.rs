//! What Python code put on an item, or changed in it, beside the native item.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowgauge::pipeline::{Attachment, Place};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::pipeline::fields::Layer;

/// What lies over the fields of a native item.
#[derive(Default)]
pub(crate) struct Overlay(Mutex<Parts>);

#[derive(Default)]
pub(crate) struct Parts {
    /// Fields that were set.
    pub(crate) own: Option<Py<PyDict>>,
    /// Fields that were deleted.
    pub(crate) gone: BTreeSet<String>,
    /// Layers that were changed, as they are now; by the place of the layer.
    pub(crate) layers: [Option<Py<PyDict>>; 3],
    /// Which fields of those were set or deleted.
    pub(crate) changed: [BTreeSet<String>; 3],
}

impl Overlay {
    /// The parts. Nobody holds them while Python code runs.
    pub(crate) fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn branched(&self) -> PyResult<Self> {
        Python::attach(|py| {
            let deep = py.import("copy")?.getattr("deepcopy")?;
            let copy = |dict: &Option<Py<PyDict>>| -> PyResult<Option<Py<PyDict>>> {
                let Some(dict) = dict else { return Ok(None) };
                let copied = PyDict::new(py);
                for (key, value) in dict.bind(py).copy()?.iter() {
                    // What cannot be copied is shared.
                    copied.set_item(&key, deep.call1((&value,)).unwrap_or(value))?;
                }
                Ok(Some(copied.unbind()))
            };
            let (own, gone, changed, layers) = {
                let parts = self.parts();
                let layers = [0, 1, 2].map(|place| parts.layers[place].as_ref().map(|layer| layer.clone_ref(py)));
                let own = parts.own.as_ref().map(|own| own.clone_ref(py));
                (own, parts.gone.clone(), parts.changed.clone(), layers)
            };
            let [eth, packet, transport] = &layers;
            let layers = [copy(eth)?, copy(packet)?, copy(transport)?];
            Ok(Self(Mutex::new(Parts { own: copy(&own)?, gone, layers, changed })))
        })
    }

    /// Shows the garbage collector what it holds. One that is on its way with a native item too is held by more than the
    /// collector knows.
    pub(crate) fn traverse(self: &Arc<Self>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(parts) = self.0.try_lock() else { return Ok(()) };
        if Arc::strong_count(self) > 1 {
            return Ok(());
        }
        parts.own.iter().chain(parts.layers.iter().flatten()).try_for_each(|dict| visit.call(dict))
    }

    /// The same again, for a copy of its item.
    pub(crate) fn copied(&self, py: Python<'_>) -> PyResult<Self> {
        let parts = self.parts();
        let copy =
            |dict: &Option<Py<PyDict>>| dict.as_ref().map(|dict| dict.bind(py).copy().map(Bound::unbind)).transpose();
        let [eth, packet, transport] = &parts.layers;
        let layers = [copy(eth)?, copy(packet)?, copy(transport)?];
        let (gone, changed) = (parts.gone.clone(), parts.changed.clone());
        Ok(Self(Mutex::new(Parts { own: copy(&parts.own)?, gone, layers, changed })))
    }
}

/// An overlay on its way with its native item.
pub(crate) struct Attached(pub(crate) Arc<Overlay>);

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attached")
    }
}

impl Attached {
    /// The overlay that an attachment is.
    pub(crate) fn overlay(attachment: &Arc<dyn Attachment>) -> Option<Arc<Overlay>> {
        let any: &dyn Any = &**attachment;
        any.downcast_ref::<Self>().map(|attached| Arc::clone(&attached.0))
    }
}

impl Attachment for Attached {
    fn branched(&self) -> Arc<dyn Attachment> {
        let copy = self.0.branched().map_or_else(|_| Arc::clone(&self.0), Arc::new);
        Arc::new(Self(copy))
    }

    fn json_fields(&self, tell: &mut dyn FnMut(Place, &str, Option<&str>)) {
        Python::attach(|py| {
            let (own, gone, layers) = {
                let parts = self.0.parts();
                let layers = [0, 1, 2].map(|place| {
                    let layer = parts.layers[place].as_ref().map(|layer| layer.clone_ref(py));
                    layer.map(|layer| (layer, parts.changed[place].clone()))
                });
                (parts.own.as_ref().map(|own| own.clone_ref(py)), parts.gone.clone(), layers)
            };
            let is_own =
                |name: &str| own.as_ref().is_some_and(|own| own.bind(py).contains(name).is_ok_and(|there| there));
            gone.iter().filter(|name| !is_own(name)).for_each(|name| tell(Place::Top, name, None));
            if let Some(own) = &own {
                tell_dict(own.bind(py), Place::Top, tell);
            }
            for (layer, told) in Layer::ALL.into_iter().zip(&layers) {
                let Some((dict, changed)) = told else { continue };
                let place = layer.place();
                let Ok(now) = dict.bind(py).copy() else { continue };
                for name in changed {
                    if !now.contains(name).unwrap_or(false) {
                        tell(place, name, None);
                    }
                }
                for key in now.keys() {
                    let is_changed = match key.cast::<PyString>() {
                        Ok(name) => name.to_cow().is_ok_and(|name| changed.contains(&*name)),
                        // Native names are texts.
                        Err(_) => true,
                    };
                    if !is_changed {
                        let _ = now.del_item(key);
                    }
                }
                tell_dict(&now, place, tell);
            }
        });
    }
}

/// An object of the user's own on its way.
pub(crate) struct Own(pub(crate) Py<PyAny>);

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

impl Own {
    /// The object that an item of the user's own is.
    pub(crate) fn object(py: Python<'_>, own: &Arc<dyn Attachment>) -> Option<Py<PyAny>> {
        let any: &dyn Any = &**own;
        any.downcast_ref::<Self>().map(|own| own.0.clone_ref(py))
    }
}

impl Attachment for Own {
    fn branched(&self) -> Arc<dyn Attachment> {
        Python::attach(|py| {
            let copy = py.import("copy").and_then(|copy| copy.call_method1("deepcopy", (&self.0,)));
            Arc::new(Self(copy.map_or_else(|_| self.0.clone_ref(py), Bound::unbind)))
        })
    }

    fn json_fields(&self, tell: &mut dyn FnMut(Place, &str, Option<&str>)) {
        Python::attach(|py| {
            if let Ok(dict) = py.get_type::<PyDict>().call1((&self.0,))
                && let Ok(dict) = dict.cast::<PyDict>()
            {
                tell_dict(dict, Place::Top, tell);
            }
        });
    }
}

/// Tells every entry as JSON; what JSON does not know as its text.
fn tell_dict(dict: &Bound<'_, PyDict>, place: Place, tell: &mut dyn FnMut(Place, &str, Option<&str>)) {
    let py = dict.py();
    let Ok(write) = py.import("flowgauge.pipeline._json").and_then(|json| json.getattr("text")) else { return };
    for (key, value) in dict.iter() {
        let text = write.call1((value,)).and_then(|text| text.extract::<String>());
        if let (Ok(key), Ok(text)) = (key.str().and_then(|key| key.extract::<String>()), text) {
            tell(place, &key, Some(&text));
        }
    }
}
