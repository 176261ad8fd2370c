//! What packets and flows tell of HTTP and TLS, made when it is asked for.

use flowgauge::dissect::TlsRecord as Native;
use flowgauge::dissect::http::{Start, decoded_uri};
use flowgauge::pipeline::{FlowItem, HttpTold, PacketItem, Role, Stages, TlsTold};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::pipeline::fields::{Field, datetime};

/// The header of a TLS record.
#[pyclass(frozen, eq, hash, module = "flowgauge.pipeline")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct TlsRecord(u8, u16, u16, u16);

#[pymethods]
impl TlsRecord {
    /// 20 change of cipher, 21 alert, 22 handshake, 23 data.
    #[getter]
    fn r#type(&self) -> u8 {
        self.0
    }

    /// As it stands there: 769 is TLS 1.0, and newer ones say 771.
    #[getter]
    fn version(&self) -> u16 {
        self.1
    }

    /// Bytes behind the header.
    #[getter]
    fn length(&self) -> u16 {
        self.2
    }

    /// Bytes of those that were not captured.
    #[getter]
    fn missing(&self) -> u16 {
        self.3
    }

    fn __repr__(&self) -> String {
        format!("TLSRecord(type={}, version={}, length={})", self.0, self.1, self.2)
    }
}

impl From<&Native> for TlsRecord {
    fn from(record: &Native) -> Self {
        Self(record.kind, record.version, record.len, record.missing)
    }
}

/// The names of the fields that links told.
pub(crate) fn keys(stages: Stages) -> impl Iterator<Item = &'static str> {
    let http = stages.contains(Stages::HTTP).then_some(["http", "http_messages"]);
    let tls = stages.contains(Stages::TLS).then_some(["tls", "tls_directions"]);
    http.into_iter().chain(tls).flatten()
}

/// A field of a packet.
pub(crate) fn of_packet<'py>(py: Python<'py>, packet: &PacketItem, key: &str) -> Field<'py> {
    field(py, packet.stages(), key, packet.http().iter(), packet.tls().iter())
}

/// A field of a flow.
pub(crate) fn of_flow<'py>(py: Python<'py>, flow: &FlowItem, key: &str) -> Field<'py> {
    field(py, flow.stages(), key, flow.http(), flow.tls())
}

fn field<'py, 'a>(
    py: Python<'py>,
    stages: Stages,
    key: &str,
    mut messages: impl Iterator<Item = &'a HttpTold>,
    mut directions: impl Iterator<Item = &'a TlsTold>,
) -> Field<'py> {
    if !keys(stages).any(|known| known == key) {
        return Ok(None);
    }
    Ok(Some(match key {
        "http" => messages.next().map(|told| http(py, told)).transpose()?.into_bound_py_any(py)?,
        "http_messages" => {
            PyList::new(py, messages.map(|told| http(py, told)).collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
        "tls" => directions.next().map(|told| tls(py, told)).transpose()?.into_bound_py_any(py)?,
        _ => PyList::new(py, directions.map(|told| tls(py, told)).collect::<PyResult<Vec<_>>>()?)?.into_any(),
    }))
}

fn http<'py>(py: Python<'py>, told: &HttpTold) -> PyResult<Bound<'py, PyDict>> {
    let message = &*told.message;
    let data = PyDict::new(py);
    let kind = match &message.start {
        Start::Request { method, target } => {
            data.set_item("method", method)?;
            data.set_item("uri", decoded_uri(target))?;
            data.set_item("target", target)?;
            "HTTP_REQUEST"
        }
        Start::Response { status, reason } => {
            data.set_item("status", status.to_string())?;
            data.set_item("reason", reason)?;
            data.set_item("answers", message.answers.as_deref())?;
            "HTTP_RESPONSE"
        }
    };
    data.set_item("version", message.version)?;
    let headers = PyDict::new(py);
    for (name, value) in &message.headers {
        match headers.get_item(name)? {
            None => headers.set_item(name, value)?,
            Some(before) => match before.cast::<PyList>() {
                Ok(list) => list.append(value)?,
                Err(_) => headers.set_item(name, PyList::new(py, [before, value.into_bound_py_any(py)?])?)?,
            },
        }
    }
    data.set_item("headers", headers)?;
    data.set_item("body", PyBytes::new(py, &message.body))?;
    data.set_item("data", PyBytes::new(py, b""))?;
    data.set_item("body_len", message.body_len)?;
    data.set_item("payload_len", message.payload_len)?;
    data.set_item("missing", message.missing)?;
    data.set_item("complete", message.is_complete)?;
    data.set_item("weird", PyList::new(py, &message.weird)?)?;
    data.set_item("timestamp", datetime(py, message.begin)?)?;
    typed(py, kind, data)
}

fn tls<'py>(py: Python<'py>, told: &TlsTold) -> PyResult<Bound<'py, PyDict>> {
    let data = PyDict::new(py);
    data.set_item("tls_records", PyList::new(py, told.records.iter().map(TlsRecord::from))?)?;
    data.set_item("incomplete", told.incomplete.as_ref().map(TlsRecord::from))?;
    data.set_item("count", told.count)?;
    data.set_item("end", told.is_end)?;
    let facts = told.facts.as_deref();
    data.set_item("sni", facts.and_then(|facts| facts.requested_server_name()))?;
    data.set_item("version", facts.and_then(|facts| facts.tls_version()))?;
    data.set_item("alpn", facts.and_then(|facts| facts.tls_alpn()).map(|list| list.split(',').collect::<Vec<_>>()))?;
    data.set_item("alpn_chosen", facts.and_then(|facts| facts.tls_alpn_chosen()))?;
    data.set_item("ja3", facts.and_then(|facts| facts.ja3()))?;
    data.set_item("ja3s", facts.and_then(|facts| facts.ja3s()))?;
    data.set_item("ja4", facts.and_then(|facts| facts.ja4()))?;
    data.set_item("cipher", facts.and_then(|facts| facts.tls_cipher))?;
    // As chains has them: always None.
    data.set_item("uri", py.None())?;
    data.set_item("headers", py.None())?;
    typed(py, if told.role == Role::ClientToServer { "TLS_CTS" } else { "TLS_STC" }, data)
}

fn typed<'py>(py: Python<'py>, kind: &str, data: Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let typed = PyDict::new(py);
    typed.set_item("type", kind)?;
    typed.set_item("data", data)?;
    Ok(typed)
}
