//! Values between Rust and Python.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;

use flowgauge::Value;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString};
use pyo3::{IntoPyObjectExt, PyTypeInfo};

/// A metric's value as Python sees it.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null | Value::Opaque(_) => Ok(py.None().into_bound(py)),
        Value::Bool(truth) => truth.into_bound_py_any(py),
        Value::Int(number) => number.into_bound_py_any(py),
        Value::Float(number) => number.into_bound_py_any(py),
        Value::Text(text) => text.into_bound_py_any(py),
        Value::Bytes(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
        Value::List(values) => {
            let values = values.iter().map(|value| to_python(py, value)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, values)?.into_any())
        }
    }
}

/// What a Python metric ended as: int of 64 bits, float, bool, str, bytes, None or a list of these.
pub(crate) fn from_python(object: &Bound<'_, PyAny>, metric: &str, flow_id: u64) -> PyResult<Value> {
    let Ok(list) = object.cast::<PyList>() else { return scalar(object, metric, flow_id, "") };
    list.iter().map(|item| scalar(&item, metric, flow_id, "a list with ")).collect::<PyResult<_>>().map(Value::List)
}

fn scalar(object: &Bound<'_, PyAny>, metric: &str, flow_id: u64, inside: &str) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    // Before int, of which it is a subclass.
    if let Ok(truth) = object.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if object.is_instance_of::<PyInt>() {
        return object.extract().map(Value::Int).map_err(|_| {
            let text = format!("metric {metric:?} of flow {flow_id} ended as {inside}an int of more than 64 bits");
            PyTypeError::new_err(text)
        });
    }
    if object.is_instance_of::<PyFloat>() {
        return object.extract().map(Value::Float);
    }
    if object.is_instance_of::<PyString>() {
        return object.extract().map(Value::Text).map_err(|_| {
            PyTypeError::new_err(format!(
                "metric {metric:?} of flow {flow_id} ended as {inside}a str that is not Unicode"
            ))
        });
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Value::Bytes(bytes.as_bytes().to_vec()));
    }
    Err(PyTypeError::new_err(format!(
        "metric {metric:?} of flow {flow_id} ended as {inside}{}: int, float, bool, str, bytes, None or a list of these \
         is wanted",
        type_name(object)
    )))
}

/// The name of an object's type, with its module unless that is `builtins`.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    let class = object.get_type();
    class.fully_qualified_name().map_or_else(|_| "an object".into(), |name| name.to_string())
}

/// An address as text.
pub(crate) fn address(py: Python<'_>, address: IpAddr) -> Bound<'_, PyString> {
    let mut text = ShortText { bytes: [0; 64], len: 0 };
    match address {
        IpAddr::V4(address) => address.octets().iter().enumerate().for_each(|(index, octet)| {
            if index > 0 {
                text.push(b'.');
            }
            text.push_number(*octet);
        }),
        // The longest one has 45 characters.
        IpAddr::V6(address) => drop(write!(text, "{address}")),
    }
    PyString::new(py, text.as_str())
}

/// The number 64-bit in `object`, which must be an `int` or act as one (`__index__`), and not a bool.
pub(crate) fn index<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyInt>> {
    if PyBool::is_type_of(object) {
        return None;
    }
    if let Ok(number) = object.cast::<PyInt>() {
        return Some(number.clone());
    }
    object.call_method0(pyo3::intern!(object.py(), "__index__")).ok()?.cast_into().ok()
}

/// Texts as objects: one that came before is the same object again, up to a bound.
#[derive(Default)]
pub(crate) struct Texts(HashMap<String, Py<PyString>>);

impl Texts {
    pub(crate) fn get(&mut self, py: Python<'_>, text: &str) -> Py<PyString> {
        if let Some(object) = self.0.get(text) {
            return object.clone_ref(py);
        }
        let object = PyString::new(py, text).unbind();
        if self.0.len() < KNOWN_TEXTS {
            self.0.insert(text.to_owned(), object.clone_ref(py));
        }
        object
    }
}

/// A few characters without an allocation.
struct ShortText {
    bytes: [u8; 64],
    len: usize,
}

impl ShortText {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn push_number(&mut self, number: u8) {
        if number >= 100 {
            self.push(b'0' + number / 100);
        }
        if number >= 10 {
            self.push(b'0' + number / 10 % 10);
        }
        self.push(b'0' + number % 10);
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for ShortText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

const KNOWN_TEXTS: usize = 1 << 16;
