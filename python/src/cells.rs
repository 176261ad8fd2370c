//! Columns of a table for numpy: numbers as the memory they lie in, everything else as objects.

use flowgauge::Value;
use flowgauge::export::arrow::arrow_array::cast::AsArray;
use flowgauge::export::arrow::arrow_array::types::{
    ArrowPrimitiveType, DurationNanosecondType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use flowgauge::export::arrow::arrow_array::{Array, ArrayRef};
use flowgauge::export::arrow::arrow_schema::DataType;
use flowgauge::flow::schema;
use pyo3::exceptions::{PyIndexError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::table::{FlowTable, word};
use crate::value;

/// Numbers in memory, for numpy.asarray.
#[pyclass(frozen, module = "flowgauge._native")]
pub(crate) struct Memory {
    /// What keeps the memory, or is it.
    held: Held,
    typestr: &'static str,
    writable: bool,
}

enum Held {
    /// The values of an array: where they begin, and how many there are.
    Array { address: usize, len: usize, _array: ArrayRef },
    /// Bytes of our own.
    Bytes(Vec<u8>),
}

#[pymethods]
impl Memory {
    /// Where it lies and what it holds, as numpy wants to know.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (address, len) = match &self.held {
            Held::Array { address, len, .. } => (*address, *len),
            Held::Bytes(bytes) => (bytes.as_ptr() as usize, bytes.len()),
        };
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (len,))?;
        interface.set_item("typestr", self.typestr)?;
        interface.set_item("data", (address, !self.writable))?;
        Ok(interface)
    }
}

/// The cells of one column: what they are, and the parts they lie in, one as a rule.
///
/// Numbers are their memory and, if one may be absent, that of a mask, true where it is; names are the memory of numbers
/// into a list, -1 where there is none; everything else is a list. `owned` says that nobody else has the table, so that
/// its memory may be written to.
#[pyfunction]
pub(crate) fn cells<'py>(
    py: Python<'py>,
    table: &Bound<'py, FlowTable>,
    name: &str,
    owned: bool,
) -> PyResult<(String, Vec<Bound<'py, PyAny>>)> {
    let Some((field, parts)) = table.get().column(name) else { return Err(PyKeyError::new_err(name.to_owned())) };
    let nulls = parts.iter().any(|(array, _)| array.null_count() > 0);
    // Metrics may all be absent: they have a mask if one is.
    let masked = nulls || (field.is_nullable() && schema::column(name).is_some());
    let kind = match field.data_type() {
        DataType::List(_) | DataType::Binary | DataType::Null => "object".to_owned(),
        DataType::Dictionary(..) => "names".to_owned(),
        _ if parts.iter().any(|(_, mixed)| mixed.is_some()) => "object".to_owned(),
        data_type => word(data_type),
    };
    let parts = parts.into_iter().map(|(array, mixed)| match mixed {
        Some(values) => Ok(PyList::new(py, objects(py, values)?)?.into_any()),
        None => part(py, array, masked, owned),
    });
    Ok((kind, parts.collect::<PyResult<_>>()?))
}

/// The cells of one column in these rows, as Python has them; times and durations in nanoseconds.
#[pyfunction]
pub(crate) fn rows<'py>(
    py: Python<'py>,
    table: &Bound<'py, FlowTable>,
    name: &str,
    rows: Vec<usize>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let Some((_, parts)) = table.get().column(name) else { return Err(PyKeyError::new_err(name.to_owned())) };
    let cell = |mut row: usize| {
        for (array, mixed) in &parts {
            if row < array.len() {
                let value = mixed.and_then(|values| values.get(row));
                return value.map_or_else(|| object(py, array, row), |value| value::to_python(py, value));
            }
            row -= array.len();
        }
        Err(PyIndexError::new_err("there is no such row"))
    };
    rows.into_iter().map(cell).collect()
}

fn part<'py>(py: Python<'py>, array: &ArrayRef, masked: bool, owned: bool) -> PyResult<Bound<'py, PyAny>> {
    let values = match array.data_type() {
        DataType::Boolean => {
            let bytes = array.as_boolean().values().iter().map(u8::from).collect();
            Memory { held: Held::Bytes(bytes), typestr: "|b1", writable: true }
        }
        DataType::UInt8 => numbers::<UInt8Type>(array, "|u1", owned),
        DataType::UInt16 => numbers::<UInt16Type>(array, "=u2", owned),
        DataType::UInt32 => numbers::<UInt32Type>(array, "=u4", owned),
        DataType::UInt64 => numbers::<UInt64Type>(array, "=u8", owned),
        DataType::Int64 => numbers::<Int64Type>(array, "=i8", owned),
        DataType::Float64 => numbers::<Float64Type>(array, "=f8", owned),
        DataType::Timestamp(..) => numbers::<TimestampNanosecondType>(array, "=i8", owned),
        DataType::Duration(_) => numbers::<DurationNanosecondType>(array, "=i8", owned),
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().iter().map(|text| text.map(|text| PyString::new(py, text)));
            return Ok(PyList::new(py, texts.collect::<Vec<_>>())?.into_any());
        }
        DataType::Dictionary(..) => return names(py, array),
        _ => {
            let objects = (0..array.len()).map(|row| object(py, array, row)).collect::<PyResult<Vec<_>>>()?;
            return Ok(PyList::new(py, objects)?.into_any());
        }
    };
    let mask = masked.then(|| {
        let bytes = match array.nulls() {
            Some(nulls) => nulls.iter().map(|valid| u8::from(!valid)).collect(),
            None => vec![0; array.len()],
        };
        Memory { held: Held::Bytes(bytes), typestr: "|b1", writable: true }
    });
    Ok((values, mask).into_pyobject(py)?.into_any())
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, typestr: &'static str, writable: bool) -> Memory {
    let values = array.as_primitive::<T>().values();
    let (address, len) = (values.as_ptr() as usize, values.len());
    Memory { held: Held::Array { address, len, _array: ArrayRef::clone(array) }, typestr, writable }
}

/// Numbers into a list of names.
fn names<'py>(py: Python<'py>, array: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    let array = array.as_dictionary::<Int32Type>();
    let keys = array.keys();
    let keys: Vec<u8> = match keys.nulls() {
        None => keys.values().iter().flat_map(|key| key.to_ne_bytes()).collect(),
        Some(_) => keys.iter().flat_map(|key| key.unwrap_or(-1).to_ne_bytes()).collect(),
    };
    let names = array.values().as_string::<i32>().iter().flatten();
    let names = PyList::new(py, names.collect::<Vec<_>>())?;
    Ok((PyBytes::new(py, &keys), names).into_pyobject(py)?.into_any())
}

/// One value as Python has it.
fn object<'py>(py: Python<'py>, array: &dyn Array, row: usize) -> PyResult<Bound<'py, PyAny>> {
    if array.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    match array.data_type() {
        DataType::Boolean => Ok(array.as_boolean().value(row).into_pyobject(py)?.to_owned().into_any()),
        DataType::UInt8 => Ok(array.as_primitive::<UInt8Type>().value(row).into_pyobject(py)?.into_any()),
        DataType::UInt16 => Ok(array.as_primitive::<UInt16Type>().value(row).into_pyobject(py)?.into_any()),
        DataType::UInt32 => Ok(array.as_primitive::<UInt32Type>().value(row).into_pyobject(py)?.into_any()),
        DataType::UInt64 => Ok(array.as_primitive::<UInt64Type>().value(row).into_pyobject(py)?.into_any()),
        DataType::Int64 => Ok(array.as_primitive::<Int64Type>().value(row).into_pyobject(py)?.into_any()),
        DataType::Timestamp(..) => {
            Ok(array.as_primitive::<TimestampNanosecondType>().value(row).into_pyobject(py)?.into_any())
        }
        DataType::Duration(_) => {
            Ok(array.as_primitive::<DurationNanosecondType>().value(row).into_pyobject(py)?.into_any())
        }
        DataType::Dictionary(..) => {
            let names = array.as_dictionary::<Int32Type>();
            names.key(row).map_or_else(|| Ok(py.None().into_bound(py)), |key| object(py, names.values(), key))
        }
        DataType::Float64 => Ok(array.as_primitive::<Float64Type>().value(row).into_pyobject(py)?.into_any()),
        DataType::Utf8 => Ok(PyString::new(py, array.as_string::<i32>().value(row)).into_any()),
        DataType::Binary => Ok(PyBytes::new(py, array.as_binary::<i32>().value(row)).into_any()),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items = (0..items.len()).map(|row| object(py, &items, row)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        // Null: no column has another type.
        _ => Ok(py.None().into_bound(py)),
    }
}

fn objects<'py>(py: Python<'py>, values: &[Value]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    values.iter().map(|value| value::to_python(py, value)).collect()
}
