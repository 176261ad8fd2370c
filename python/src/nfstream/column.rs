//! A column as Python sees it: an attribute of every `NFlow`, and what tells its type and its sentence.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::columns::{self, Definition};
use super::flow::NFlow;
use super::row::Cell;
use crate::value;

// The class itself has no docstring, so that `help(NFlow.src_ip)` shows the column's.
#[allow(missing_docs)]
#[pyclass(frozen, module = "flowgauge.nfstream")]
pub(crate) struct NFColumn {
    definition: &'static Definition,
}

#[pymethods]
impl NFColumn {
    /// The name of the column.
    #[getter]
    fn name(&self) -> &'static str {
        self.definition.name
    }

    /// The type of its values: int, float, str or list (of int).
    #[getter]
    fn r#type(&self) -> &'static str {
        self.definition.kind.name()
    }

    /// What has to be asked for: core (nothing), tunnel, statistics, splt or application.
    #[getter]
    fn group(&self) -> &'static str {
        self.definition.group.name()
    }

    /// What it is, with the unit.
    #[getter]
    fn doc(&self) -> &'static str {
        self.definition.doc
    }

    #[getter(__doc__)]
    fn doc_of_attribute(&self) -> &'static str {
        self.definition.doc
    }

    fn __get__<'py>(
        slf: Bound<'py, Self>,
        flow: Option<&Bound<'py, PyAny>>,
        _class: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let Some(object) = flow else { return Ok(slf.into_any()) };
        let Ok(flow) = object.cast::<NFlow>() else {
            return Err(PyTypeError::new_err(format!("{} is a column of NFlow", slf.get().name())));
        };
        flow.get().value(py, slf.get().definition)
    }

    fn __set__(&self, flow: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Ok(flow) = flow.cast::<NFlow>() else {
            return Err(PyTypeError::new_err(format!("{} is a column of NFlow", self.name())));
        };
        flow.get().set_value(self.definition, value)
    }

    fn __repr__(&self) -> String {
        format!("<flowgauge.nfstream.NFColumn {}: {}>", self.name(), self.r#type())
    }
}

/// The columns that a flow may have, in nfstream's order.
#[pyfunction]
pub(crate) fn nfstream_columns() -> Vec<NFColumn> {
    columns::columns().map(|definition| NFColumn { definition }).collect()
}

/// Makes every column an attribute of `NFlow`.
pub(super) fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<NFlow>();
    nfstream_columns().into_iter().try_for_each(|column| class.setattr(column.name(), column))
}

/// A cell as Python sees it.
#[inline]
pub(super) fn to_python<'py>(py: Python<'py>, cell: Cell<'_>) -> PyResult<Bound<'py, PyAny>> {
    match cell {
        Cell::Int(number) => number.into_bound_py_any(py),
        Cell::Float(number) => number.into_bound_py_any(py),
        Cell::Text(text) => Ok(PyString::new(py, &text).into_any()),
        Cell::Ip(address) => Ok(value::address(py, address).into_any()),
        Cell::List(numbers) => Ok(PyList::new(py, numbers)?.into_any()),
    }
}

/// What Python says of an attribute that is not there.
pub(super) fn missing(name: &str) -> PyErr {
    PyAttributeError::new_err(format!("'flowgauge.nfstream.NFlow' object has no attribute '{name}'"))
}
