//! A layer of a packet as Python sees it: a mapping inside a mapping.

use pyo3::IntoPyObjectExt;
use pyo3::PyTypeInfo;
use pyo3::exceptions::PyKeyError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::pipeline::fields::{Field, Layer};
use crate::pipeline::item::Item;

/// A layer of a packet: a mapping whose fields are read out of the packet's bytes when they are asked for.
#[pyclass(frozen, mapping, module = "flowgauge.pipeline")]
pub(crate) struct PacketLayer {
    item: Py<Item>,
    layer: Layer,
}

impl PacketLayer {
    pub(crate) fn new(item: Py<Item>, layer: Layer) -> Self {
        Self { item, layer }
    }

    fn field<'py>(&self, key: &Bound<'py, PyAny>) -> Field<'py> {
        let py = key.py();
        let item = self.item.get();
        if let Some(changed) = item.changed_layer(py, self.layer) {
            return changed.get_item(key);
        }
        let Ok(name) = key.cast::<PyString>() else { return Ok(None) };
        item.layer_field(py, self.layer, &name.to_cow()?)
    }

    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let item = self.item.get();
        match item.changed_layer(py, self.layer) {
            Some(changed) => Ok(changed.keys()),
            None => PyList::new(py, item.layer_keys(self.layer).unwrap_or_default()),
        }
    }

    /// The layer as a plain dict.
    pub(crate) fn plain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        for key in slf.get().names(slf.py())?.iter() {
            let value = slf.get().field(&key)?;
            dict.set_item(key, value)?;
        }
        Ok(dict)
    }

    /// Remembers that a field was set or deleted.
    fn mark(&self, key: &Bound<'_, PyAny>) {
        if let Ok(name) = key.cast::<PyString>()
            && let Ok(name) = name.to_cow()
        {
            self.item.get().mark(self.layer, &name);
        }
    }

    fn to_change<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.item.get().layer_to_change(py, self.layer)
    }
}

#[pymethods]
impl PacketLayer {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.item)
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.field(key)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: Bound<'_, PyAny>) -> PyResult<()> {
        self.to_change(key.py())?.set_item(key, value)?;
        self.mark(key);
        Ok(())
    }

    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        self.to_change(key.py())?.del_item(key)?;
        self.mark(key);
        Ok(())
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.field(key).map(|field| field.is_some())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.names(py).map(|names| names.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.names(py)?.try_iter().map(Bound::into_any)
    }

    /// The names of the fields.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.names(py)
    }

    /// The values of the fields.
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        Self::plain(slf).map(|dict| dict.values())
    }

    /// Names and values.
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        Self::plain(slf).map(|dict| dict.items())
    }

    /// The value of a field, or `default` where there is none.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.field(key)?.or(default))
    }

    /// The value of a field, which is set to `default` where there is none.
    #[pyo3(signature = (key, default=None, /))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(value) = self.field(key)? {
            return Ok(value);
        }
        let value = default.into_bound_py_any(key.py())?;
        self.__setitem__(key, value.clone())?;
        Ok(value)
    }

    /// Take a field out and give its value; `default`, if given, where there is none.
    #[pyo3(signature = (key, *default))]
    fn pop<'py>(&self, key: &Bound<'py, PyAny>, default: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        match self.field(key)? {
            Some(value) => {
                self.__delitem__(key)?;
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
        let more = PyDict::new(py);
        let other = other.unwrap_or_else(|| PyDict::new(py).into_any());
        more.call_method(pyo3::intern!(py, "update"), (other,), kwargs.as_ref())?;
        more.iter().try_for_each(|(key, value)| self.__setitem__(&key, value))
    }

    /// A plain dict with the same fields.
    fn copy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        Self::plain(slf)
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let other = match other.cast::<Self>() {
            Ok(layer) => Self::plain(layer)?.into_any(),
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
