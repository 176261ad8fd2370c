//! Flows as columns: what a data frame is made of.

use flowgauge::FlowRecord;
use flowgauge::expr::Type;
use flowgauge::flow::schema::{self, Cell, ColumnKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyList, PyString};

use crate::streamer::Streamer;
use crate::value::{self, Texts};

/// A column: its name, what it holds (as `Column.type`, or "metric", with the type of an expression as "metric[int]"), its values, and for numbers whether each is absent.
///
/// Values are the bytes of numbers in the machine's order, of as many bits as the type says, for times and durations 64
/// (nanoseconds), for bool 8; for text, lists and metrics a list.
type Collected<'py> = (String, &'static str, Bound<'py, PyAny>, Option<Bound<'py, PyByteArray>>);

/// Iterate a streamer to its end and give the columns of these names, by default all.
#[pyfunction]
pub(crate) fn collect<'py>(
    py: Python<'py>,
    streamer: &Bound<'py, Streamer>,
    names: Option<Vec<String>>,
) -> PyResult<Vec<Collected<'py>>> {
    let metrics = streamer.get().metric_columns();
    let options = streamer.get().options();
    let on = |column: &&schema::Column| column.needs.is_none_or(|needs| options.contains(&needs));
    let known =
        || schema::columns().filter(on).map(|column| column.name).chain(metrics.iter().map(|(name, _)| name.as_str()));
    let names = names.unwrap_or_else(|| known().map(str::to_owned).collect());
    let mut columns = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(PyValueError::new_err(format!("columns must differ from each other, not name {name:?} twice")));
        }
        if !known().any(|known| known == name) {
            if let Some(needs) = schema::column(name).and_then(|column| column.needs) {
                return Err(PyValueError::new_err(format!("the column {name:?} needs the option {}", setting(needs))));
            }
            let known = known().collect::<Vec<_>>().join(", ");
            return Err(PyValueError::new_err(format!("columns must be among {known}, not {name:?}")));
        }
        let ty = metrics.iter().find(|(metric, _)| metric == name).and_then(|(_, ty)| *ty);
        columns.push(Builder::new(name, ty));
    }
    let run = streamer.get().start(py)?;
    loop {
        let records = run.next_many(py)?;
        if records.is_empty() {
            break;
        }
        for column in &mut columns {
            column.extend(py, &records)?;
        }
    }
    names.into_iter().zip(columns).map(|(name, column)| column.finish(py, name)).collect()
}

/// How the option is turned on.
fn setting(needs: schema::Needs) -> String {
    let value = if needs == schema::Needs::Splt { "N" } else { "True" };
    format!("{}={value}", needs.option())
}

/// A column that grows.
enum Builder {
    Numbers { column: &'static schema::Column, width: usize, bytes: Vec<u8>, nulls: Vec<u8> },
    Texts { column: &'static schema::Column, known: Texts, values: Vec<Option<Py<PyString>>> },
    Lists { column: &'static schema::Column, values: Vec<Option<Py<PyList>>> },
    Metrics { name: String, kind: &'static str, values: Vec<Py<PyAny>> },
}

impl Builder {
    fn new(name: &str, metric: Option<Type>) -> Self {
        let Some(column) = schema::column(name) else {
            return Self::Metrics { name: name.to_owned(), kind: kind_of(metric), values: Vec::new() };
        };
        let width = match column.kind {
            ColumnKind::Bool | ColumnKind::U8 => 1,
            ColumnKind::U16 => 2,
            ColumnKind::U32 => 4,
            ColumnKind::U64 | ColumnKind::I64 | ColumnKind::F64 | ColumnKind::Time | ColumnKind::Duration => 8,
            ColumnKind::ListU8
            | ColumnKind::ListU16
            | ColumnKind::ListU32
            | ColumnKind::ListI64
            | ColumnKind::ListText => {
                return Self::Lists { column, values: Vec::new() };
            }
            _ => return Self::Texts { column, known: Texts::default(), values: Vec::new() },
        };
        Self::Numbers { column, width, bytes: Vec::new(), nulls: Vec::new() }
    }

    fn extend(&mut self, py: Python<'_>, records: &[FlowRecord]) -> PyResult<()> {
        match self {
            Self::Numbers { column, width, bytes, nulls } => {
                for record in records {
                    let number = number(&column.get(record));
                    nulls.push(number.is_none().into());
                    push(bytes, number.unwrap_or_default(), *width);
                }
            }
            Self::Texts { column, known, values } => {
                for record in records {
                    values.push(text(py, &column.get(record), known));
                }
            }
            Self::Lists { column, values } => {
                for record in records {
                    values.push(match column.get(record) {
                        Cell::List(numbers) => Some(PyList::new(py, numbers)?.unbind()),
                        Cell::Texts(texts) => Some(PyList::new(py, texts)?.unbind()),
                        _ => None,
                    });
                }
            }
            Self::Metrics { name, values, .. } => {
                for record in records {
                    let value = record.metrics.get(name).map(|value| value::to_python(py, value)).transpose()?;
                    values.push(value.map_or_else(|| py.None(), Bound::unbind));
                }
            }
        }
        Ok(())
    }

    fn finish(self, py: Python<'_>, name: String) -> PyResult<Collected<'_>> {
        match self {
            Self::Numbers { column, bytes, nulls, .. } => {
                let nulls = column.nullable.then(|| PyByteArray::new(py, &nulls));
                Ok((name, column.kind.name(), PyByteArray::new(py, &bytes).into_any(), nulls))
            }
            Self::Texts { column, values, .. } => {
                Ok((name, column.kind.name(), PyList::new(py, values)?.into_any(), None))
            }
            Self::Lists { column, values } => Ok((name, column.kind.name(), PyList::new(py, values)?.into_any(), None)),
            Self::Metrics { kind, values, .. } => Ok((name, kind, PyList::new(py, values)?.into_any(), None)),
        }
    }
}

/// What a column of a metric holds: expressions have one type, also where there are no flows.
fn kind_of(metric: Option<Type>) -> &'static str {
    match metric {
        Some(Type::Bool) => "metric[bool]",
        Some(Type::Int) => "metric[int]",
        Some(Type::Float) => "metric[float]",
        Some(_) => "metric[list]",
        None => "metric",
    }
}

/// A cell as the bits of a number of its column's type; durations beyond what pandas can tell are the longest it can.
fn number(cell: &Cell<'_>) -> Option<u64> {
    match cell {
        Cell::Bool(truth) => Some((*truth).into()),
        Cell::Uint(number) => Some(*number),
        Cell::Int(number) => Some(*number as u64),
        Cell::Float(number) => Some(number.to_bits()),
        Cell::Time(stamp) => Some(stamp.as_nanos() as u64),
        Cell::Duration(nanos) => Some((*nanos).min(i64::MAX as u64)),
        _ => None,
    }
}

fn push(bytes: &mut Vec<u8>, number: u64, width: usize) {
    match width {
        1 => bytes.push(number as u8),
        2 => bytes.extend((number as u16).to_ne_bytes()),
        4 => bytes.extend((number as u32).to_ne_bytes()),
        _ => bytes.extend(number.to_ne_bytes()),
    }
}

/// A cell as text.
fn text(py: Python<'_>, cell: &Cell<'_>, known: &mut Texts) -> Option<Py<PyString>> {
    match cell {
        Cell::Text(text) => Some(known.get(py, text)),
        Cell::Ip(address) => Some(known.get(py, &address.to_string())),
        _ => None,
    }
}
