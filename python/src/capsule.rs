//! The Arrow PyCapsule interface: schemas and streams for whoever speaks it, without a copy.
//!
//! A capsule owns a struct of Arrow's C data interface; when nobody took it over, dropping the capsule releases it.

use flowgauge::export::arrow::arrow_array::RecordBatchReader;
use flowgauge::export::arrow::arrow_array::ffi::FFI_ArrowSchema;
use flowgauge::export::arrow::arrow_array::ffi_stream::FFI_ArrowArrayStream;
use flowgauge::export::arrow::arrow_schema::Schema;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// What `__arrow_c_schema__` gives.
pub(crate) fn schema<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(|error| PyValueError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// What `__arrow_c_stream__` gives.
pub(crate) fn stream(
    py: Python<'_>,
    reader: impl RecordBatchReader + Send + 'static,
) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
}
