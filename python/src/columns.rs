//! The columns of a record as attributes of Python's flows, read off the library's one table.

use std::borrow::Cow;

use flowgauge::FlowRecord;
use flowgauge::flow::schema::{self, Cell, ColumnKind};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::live::LiveFlow;
use crate::record::Flow;
use crate::value;

// The class itself has no docstring, so that `help(Flow.ip_src)` shows the column's.
#[allow(missing_docs)]
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct Column {
    column: &'static schema::Column,
    unit: Unit,
}

/// What times and durations are told in; nothing to anything else.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Millis,
    Nanos,
}

#[pymethods]
impl Column {
    /// The name of the column.
    #[getter]
    fn name(&self) -> Cow<'static, str> {
        match self.unit {
            Unit::Millis => self.column.name.into(),
            Unit::Nanos => format!("{}_ns", self.column.name).into(),
        }
    }

    /// What its cells hold: bool, uint8, uint16, uint32, uint64, int64, float64, text, time, duration, or a list as
    /// list[uint8].
    #[getter]
    fn r#type(&self) -> &'static str {
        self.column.kind.name()
    }

    /// What its numbers count: bytes, packets or nanoseconds; empty for what has no unit.
    #[getter]
    fn unit(&self) -> &'static str {
        self.column.unit
    }

    /// The option of `Streamer` without which flows do not have it; None for what they always have.
    #[getter]
    fn option(&self) -> Option<&'static str> {
        self.column.needs.map(schema::Needs::option)
    }

    /// Whether cells may be None.
    #[getter]
    fn nullable(&self) -> bool {
        self.column.nullable
    }

    /// The part of the record: core, identity, counts, application, statistics, sequence or tcp.
    #[getter]
    fn group(&self) -> &'static str {
        self.column.group.name()
    }

    /// What it is, with the unit and the standard it follows.
    #[getter]
    fn doc(&self) -> String {
        self.text()
    }

    #[getter(__doc__)]
    fn doc_of_attribute(&self) -> String {
        self.text()
    }

    fn __get__<'py>(
        slf: Bound<'py, Self>,
        flow: Option<&Bound<'py, PyAny>>,
        _class: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let Some(object) = flow else { return Ok(slf.into_any()) };
        let this = slf.get();
        if let Ok(flow) = object.cast::<Flow>() {
            return this.read(py, flow.get().record());
        }
        let Ok(flow) = object.cast::<LiveFlow>() else {
            return Err(PyTypeError::new_err(format!("{} is a column of flows", this.name())));
        };
        flow.get().with(|record| this.read(py, record))?
    }

    fn __set__(&self, flow: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        let class = value::type_name(flow);
        Err(PyAttributeError::new_err(format!("attribute {:?} of {class:?} objects cannot be set", self.name())))
    }

    fn __repr__(&self) -> String {
        let Self { column, .. } = self;
        let null = if column.nullable { " or None" } else { "" };
        format!("<flowgauge.Column {}: {}{null}>", self.name(), self.r#type())
    }
}

impl Column {
    #[inline]
    fn read<'py>(&self, py: Python<'py>, record: &FlowRecord) -> PyResult<Bound<'py, PyAny>> {
        if !self.column.is_in(record) {
            return Err(self.absent());
        }
        match self.unit {
            Unit::Millis => cell(py, &self.column.get(record)),
            Unit::Nanos => cell_ns(py, &self.column.get(record)),
        }
    }

    #[cold]
    fn absent(&self) -> PyErr {
        let option = self.column.needs.map_or("", schema::Needs::option);
        PyAttributeError::new_err(format!(
            "this flow was metered without {:?}: it needs the option {option:?}",
            self.name()
        ))
    }

    fn text(&self) -> String {
        let Self { column, unit } = self;
        let option = column.needs.map(|needs| format!(" Needs the option {}.", needs.option()));
        let doc = format!("{}{}", column.doc, option.unwrap_or_default());
        match (column.kind, unit) {
            (ColumnKind::Time, Unit::Millis) => format!("{doc} Milliseconds since the Unix epoch."),
            (ColumnKind::Time, Unit::Nanos) => format!("{doc} Nanoseconds since the Unix epoch."),
            (ColumnKind::Duration, Unit::Millis) => format!("{doc} Milliseconds, rounded down."),
            (ColumnKind::Duration, Unit::Nanos) => format!("{doc} Nanoseconds."),
            _ => doc,
        }
    }
}

/// Every column that a flow may have, in order: what `Flow` has attributes for, besides those in nanoseconds.
#[pyfunction]
pub(crate) fn columns() -> Vec<Column> {
    schema::columns().map(|column| Column { column, unit: Unit::Millis }).collect()
}

/// Makes every column an attribute of the two classes of flows.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    for class in [py.get_type::<Flow>(), py.get_type::<LiveFlow>()] {
        let live = class.is(py.get_type::<LiveFlow>());
        for column in schema::columns() {
            // A living flow has none yet, but it may be given one: that attribute is its own.
            if !(live && column.name == "export_reason") {
                class.setattr(column.name, Column { column, unit: Unit::Millis })?;
            }
            if matches!(column.kind, ColumnKind::Time | ColumnKind::Duration) {
                class.setattr(format!("{}_ns", column.name), Column { column, unit: Unit::Nanos })?;
            }
        }
    }
    Ok(())
}

/// A cell as Python sees it; times and durations in milliseconds.
#[inline]
pub(crate) fn cell<'py>(py: Python<'py>, cell: &Cell<'_>) -> PyResult<Bound<'py, PyAny>> {
    match cell {
        Cell::Bool(truth) => truth.into_bound_py_any(py),
        Cell::Uint(number) => number.into_bound_py_any(py),
        Cell::Int(number) => number.into_bound_py_any(py),
        Cell::Float(number) => number.into_bound_py_any(py),
        Cell::Texts(texts) => Ok(PyList::new(py, texts)?.into_any()),
        Cell::List(numbers) => Ok(PyList::new(py, numbers)?.into_any()),
        Cell::Text(text) => Ok(PyString::new(py, text).into_any()),
        Cell::Ip(address) => Ok(value::address(py, *address).into_any()),
        Cell::Time(stamp) => stamp.as_millis().into_bound_py_any(py),
        Cell::Duration(nanos) => (nanos / 1_000_000).into_bound_py_any(py),
        Cell::Metric(value) => value::to_python(py, value),
        _ => Ok(py.None().into_bound(py)),
    }
}

fn cell_ns<'py>(py: Python<'py>, cell: &Cell<'_>) -> PyResult<Bound<'py, PyAny>> {
    match cell {
        Cell::Time(stamp) => stamp.as_nanos().into_bound_py_any(py),
        Cell::Duration(nanos) => nanos.into_bound_py_any(py),
        _ => Ok(py.None().into_bound(py)),
    }
}
