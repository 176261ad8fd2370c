//! A table of flows.

use std::sync::Arc;

use flowgauge::Value;
use flowgauge::export::arrow::arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchOptions};
use flowgauge::export::arrow::arrow_schema::{ArrowError, DataType, Field, SchemaRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::capsule;
use crate::collect::{self, Filled};

/// Flows as columns, in Arrow's format: what `Streamer.collect` gives.
///
/// Whoever speaks the Arrow PyCapsule interface takes it without a copy: `pyarrow.table(table)`, `polars.DataFrame(table)`,
/// `duckdb.sql("select * from table")`. Nothing can be changed in it.
#[pyclass(frozen, module = "flowgauge", weakref)]
pub(crate) struct FlowTable {
    schema: SchemaRef,
    /// At least one, and one as a rule.
    batches: Vec<Part>,
}

/// A batch, and the values in it of each metric that is told as JSON.
struct Part {
    batch: RecordBatch,
    mixed: Arc<[(String, Vec<Value>)]>,
}

/// The cells of one column in one batch: an array and, if that is JSON, the values.
pub(crate) type Cells<'a> = (&'a ArrayRef, Option<&'a [Value]>);

#[pymethods]
impl FlowTable {
    /// The stream of Arrow's PyCapsule interface; a schema that is asked for is not heeded.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let batches: Vec<_> = self.batches.iter().map(|part| Ok(part.batch.clone())).collect();
        capsule::stream(py, RecordBatchIterator::new(batches, SchemaRef::clone(&self.schema)))
    }

    /// The schema of Arrow's PyCapsule interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule::schema(py, &self.schema)
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(|part| part.batch.num_rows()).sum()
    }

    /// Names of the columns, then of the metrics.
    #[getter]
    fn columns(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// What each column holds by its name, in the words of `Column.type`; metrics may also be bytes, null, or json.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let words = PyDict::new(py);
        for field in self.schema.fields() {
            let json = self.is_mixed(field.name());
            words.set_item(field.name(), if json { "json".to_owned() } else { word(field.data_type()) })?;
        }
        Ok(words)
    }

    /// The columns of these names, in this order, as a table that shares their memory.
    #[pyo3(name = "select")]
    fn py_select(&self, columns: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.select(&collect::names(Some(columns))?.unwrap_or_default())
    }

    /// A pyarrow.Table that shares the memory.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        frames(slf.py(), "to_arrow")?.call1((slf,))
    }

    /// A pandas.DataFrame, with a copy of what it holds.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    ///     dtype_backend: "numpy", with pandas' nullable types where a value may be absent, or "pyarrow", which needs
    ///         pyarrow and shares the memory.
    #[pyo3(signature = (columns=None, dtype_backend="numpy"))]
    fn to_pandas<'py>(
        slf: &Bound<'py, Self>,
        columns: Option<Bound<'py, PyAny>>,
        dtype_backend: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = slf.get().chosen(columns.as_ref())?;
        frames(slf.py(), "to_pandas")?.call1((table, dtype_backend))
    }

    /// A polars.DataFrame.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        frames(slf.py(), "to_polars")?.call1((slf,))
    }

    /// Columns as numpy arrays by name; numbers without nulls share the memory and cannot be changed.
    ///
    /// Ints and bools that may be absent are masked arrays, floats NaN, times and durations NaT; text and lists are
    /// objects.
    ///
    /// Args:
    ///     columns: Names of the columns and metrics wanted, in order; None is all of them.
    #[pyo3(signature = (columns=None))]
    fn to_numpy<'py>(slf: &Bound<'py, Self>, columns: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let table = slf.get().chosen(columns.as_ref())?;
        frames(slf.py(), "to_numpy")?.call1((table,))
    }

    fn __repr__(&self) -> String {
        format!("<flowgauge.FlowTable of {} flows, {} columns>", self.__len__(), self.schema.fields().len())
    }

    /// The same for a notebook: HTML in which every text is escaped.
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("flowgauge._html")?.call_method1("table", (slf,))
    }
}

impl FlowTable {
    /// A table of these batches, at least one.
    pub(crate) fn new(schema: SchemaRef, batches: Vec<Filled>) -> Self {
        let batches = batches.into_iter().map(|(batch, mixed)| Part { batch, mixed: mixed.into() });
        Self { schema, batches: batches.collect() }
    }

    /// The field of this name, and its cells batch by batch.
    pub(crate) fn column(&self, name: &str) -> Option<(&Field, Vec<Cells<'_>>)> {
        let (index, field) = self.schema.column_with_name(name)?;
        let parts = self.batches.iter().map(|part| {
            let mixed = part.mixed.iter().find(|(mixed, _)| mixed == name).map(|(_, values)| values.as_slice());
            (part.batch.column(index), mixed)
        });
        Some((field, parts.collect()))
    }

    fn chosen(&self, columns: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let names = collect::names(columns)?;
        self.select(&names.unwrap_or_else(|| self.columns().into_iter().map(str::to_owned).collect()))
    }

    fn select(&self, names: &[String]) -> PyResult<Self> {
        collect::check(&self.columns(), names)?;
        let refused = |error: ArrowError| PyValueError::new_err(error.to_string());
        let places =
            names.iter().map(|name| self.schema.index_of(name)).collect::<Result<Vec<_>, _>>().map_err(refused)?;
        let schema = Arc::new(self.schema.project(&places).map_err(refused)?);
        let batches = self.batches.iter().map(|part| {
            let arrays = places.iter().map(|place| Arc::clone(part.batch.column(*place))).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(part.batch.num_rows()));
            let batch =
                RecordBatch::try_new_with_options(SchemaRef::clone(&schema), arrays, &options).map_err(refused)?;
            Ok(Part { batch, mixed: Arc::clone(&part.mixed) })
        });
        let batches = batches.collect::<PyResult<_>>()?;
        Ok(Self { schema, batches })
    }

    fn is_mixed(&self, name: &str) -> bool {
        self.batches.iter().any(|part| part.mixed.iter().any(|(mixed, _)| mixed == name))
    }
}

/// A function of `flowgauge.frames`.
pub(crate) fn frames<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("flowgauge.frames")?.getattr(name)
}

/// A type in the words of the table of columns.
pub(crate) fn word(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Utf8 | DataType::Dictionary(..) => "text".to_owned(),
        DataType::Timestamp(..) => "time".to_owned(),
        DataType::Duration(_) => "duration".to_owned(),
        DataType::Binary => "bytes".to_owned(),
        DataType::List(item) => format!("list[{}]", word(item.data_type())),
        other => other.to_string().to_lowercase(),
    }
}
