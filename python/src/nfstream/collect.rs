//! Flows as columns: what a data frame is made of.

use std::sync::Arc;

use flowgauge::FlowRecord;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyList};

use super::column;
use super::columns::{Definition, Kind, columns_of};
use super::flow::NFlow;
use super::row::{Cell, Row, View};
use crate::value::Texts;

/// A column: its name, the type of its values, and they: the bytes of numbers, or a list.
pub(super) type Collected<'py> = (String, &'static str, Bound<'py, PyAny>);

/// The columns of a run that grow.
pub(super) struct Builder {
    view: Arc<View>,
    columns: Vec<(&'static Definition, Values)>,
    /// The values of plugins by name, in the order in which they came up; each is as long as there were flows then.
    user: Vec<(String, Vec<Py<PyAny>>)>,
    flows: usize,
}

/// The values of a column.
enum Values {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Objects { values: Vec<Py<PyAny>>, known: Texts },
}

impl Builder {
    pub(super) fn new(view: &Arc<View>) -> Self {
        let columns = columns_of(view).map(|column| (column, Values::new(column.kind))).collect();
        Self { view: Arc::clone(view), columns, user: Vec::new(), flows: 0 }
    }

    /// Adds a flow that no plugin saw.
    pub(super) fn push_record(&mut self, py: Python<'_>, record: &FlowRecord, id: u64) -> PyResult<()> {
        let row = Row { view: &self.view, id, flow: &record.flow, reason: Some(record.export_reason) };
        for (column, values) in &mut self.columns {
            values.push(py, column.get(&row))?;
        }
        self.flows += 1;
        Ok(())
    }

    /// Adds a flow with what plugins made of it.
    pub(super) fn push(&mut self, flow: &NFlow, py: Python<'_>) -> PyResult<()> {
        for (column, values) in &mut self.columns {
            match flow.set_value_of(py, column) {
                Some(value) => values.push_object(py, value)?,
                None => {
                    let cell = flow.with(|row| column.get(row).into_owned());
                    values.push(py, cell)?;
                }
            }
        }
        if let Some(values) = flow.user_values(py)? {
            for (name, value) in values.iter() {
                self.push_user(py, &name.str()?.to_string_lossy(), value);
            }
        }
        self.flows += 1;
        for (_, values) in &mut self.user {
            values.resize_with(self.flows, || py.None());
        }
        Ok(())
    }

    pub(super) fn finish(self, py: Python<'_>) -> PyResult<Vec<Collected<'_>>> {
        let mut all = Vec::with_capacity(self.columns.len() + self.user.len());
        for (column, values) in self.columns {
            let numbers = matches!(column.kind, Kind::Int | Kind::Float);
            let (kind, values) = match values {
                Values::Ints(numbers) => (column.kind.name(), bytes(py, numbers.into_iter().map(i64::to_ne_bytes))),
                Values::Floats(numbers) => (column.kind.name(), bytes(py, numbers.into_iter().map(f64::to_ne_bytes))),
                Values::Objects { values, .. } => {
                    (if numbers { ANY } else { column.kind.name() }, PyList::new(py, values)?.into_any())
                }
            };
            all.push((column.name.to_owned(), kind, values));
        }
        for (name, values) in self.user {
            all.push((format!("udps.{name}"), ANY, PyList::new(py, values)?.into_any()));
        }
        Ok(all)
    }

    fn push_user(&mut self, py: Python<'_>, name: &str, value: Bound<'_, PyAny>) {
        let place = self.user.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
            let before = std::iter::repeat_with(|| py.None()).take(self.flows).collect();
            self.user.push((name.to_owned(), before));
            self.user.len() - 1
        });
        self.user[place].1.push(value.unbind());
    }
}

impl Values {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Int => Self::Ints(Vec::new()),
            Kind::Float => Self::Floats(Vec::new()),
            Kind::Text | Kind::List => Self::Objects { values: Vec::new(), known: Texts::default() },
        }
    }

    fn push(&mut self, py: Python<'_>, cell: Cell<'_>) -> PyResult<()> {
        match (self, cell) {
            (Self::Ints(numbers), Cell::Int(number)) => numbers.push(number),
            (Self::Floats(numbers), Cell::Float(number)) => numbers.push(number),
            (Self::Objects { values, known }, Cell::Text(text)) => values.push(known.get(py, &text).into_any()),
            (Self::Objects { values, known }, Cell::Ip(address)) => {
                values.push(known.get(py, &address.to_string()).into_any());
            }
            (values, cell) => values.push_object(py, column::to_python(py, cell)?)?,
        }
        Ok(())
    }

    /// Adds what a plugin set, which may be anything: from then on all values of the column are objects.
    fn push_object(&mut self, py: Python<'_>, object: Bound<'_, PyAny>) -> PyResult<()> {
        let mut objects = match self {
            Self::Ints(numbers) => to_objects(py, numbers)?,
            Self::Floats(numbers) => to_objects(py, numbers)?,
            Self::Objects { values, .. } => std::mem::take(values),
        };
        objects.push(object.unbind());
        match self {
            Self::Objects { values, .. } => *values = objects,
            _ => *self = Self::Objects { values: objects, known: Texts::default() },
        }
        Ok(())
    }
}

fn to_objects<'py, T: IntoPyObjectExt<'py> + Copy>(py: Python<'py>, numbers: &[T]) -> PyResult<Vec<Py<PyAny>>> {
    numbers.iter().map(|number| number.into_py_any(py)).collect()
}

fn bytes(py: Python<'_>, numbers: impl Iterator<Item = [u8; 8]>) -> Bound<'_, PyAny> {
    PyByteArray::new(py, &numbers.flatten().collect::<Vec<u8>>()).into_any()
}

/// The type of values that may be any object.
const ANY: &str = "any";
