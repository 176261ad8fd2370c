//! A flow record as Python sees it.

use std::hash::{DefaultHasher, Hash, Hasher};

use flowgauge::FlowRecord;
use flowgauge::flow::schema;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMappingProxy};

use crate::columns;
use crate::value;

/// A flow record: what was metered of one flow, or of one segment of it.
///
/// Every column is an attribute (see `flowgauge.columns()`): times and durations are whole milliseconds, and under the
/// name with `_ns` nanoseconds; what is absent is None, and a column whose option is off an AttributeError. `str(flow)` is one line of JSON: the metrics, then the core.
#[pyclass(frozen, module = "flowgauge", weakref)]
pub(crate) struct Flow {
    record: FlowRecord,
    metrics: PyOnceLock<Py<PyMappingProxy>>,
}

impl Flow {
    pub(crate) fn new(record: FlowRecord) -> Self {
        Self { record, metrics: PyOnceLock::new() }
    }

    #[inline]
    pub(crate) fn record(&self) -> &FlowRecord {
        &self.record
    }
}

#[pymethods]
impl Flow {
    /// The values of the user's metrics by name, in the order of `user_metrics`; read only.
    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        let make = || -> PyResult<_> {
            let metrics = PyDict::new(py);
            self.put_metrics(&metrics)?;
            Ok(PyMappingProxy::new(py, metrics.as_mapping()).unbind())
        };
        Ok(self.metrics.get_or_try_init(py, make)?.bind(py).clone())
    }

    /// The metrics by name, then every column that the flow has, in one dict; times and durations in milliseconds.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        self.put_metrics(&all)?;
        for column in schema::columns().filter(|column| column.is_in(&self.record)) {
            all.set_item(column.name, columns::cell(py, &column.get(&self.record))?)?;
        }
        Ok(all)
    }

    fn __str__(&self) -> String {
        self.record.to_string()
    }

    fn __repr__(&self) -> String {
        let (src, dst) = (self.record.src(), self.record.dst());
        format!(
            "<flowgauge.Flow {}: {} port {} to {} port {}, protocol {}, {} packets>",
            self.record.flow_id,
            src.0,
            src.1,
            dst.0,
            dst.1,
            self.record.key.ip_protocol(),
            self.record.total().pkts
        )
    }

    /// The same for a notebook: HTML in which every text is escaped.
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("flowgauge._html")?.call_method1("flow", (slf,))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.record == other.record
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.record.flow_id, self.record.key).hash(&mut hasher);
        hasher.finish()
    }
}

impl Flow {
    fn put_metrics(&self, dict: &Bound<'_, PyDict>) -> PyResult<()> {
        for (name, value) in self.record.metrics.iter() {
            dict.set_item(name, value::to_python(dict.py(), value)?)?;
        }
        Ok(())
    }
}
