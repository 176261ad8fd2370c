//! The place where a run stopped reading, as Python hands it to the next.

use flowgauge::{Timestamp, packet};
use pyo3::prelude::*;

use crate::options;

/// A place between two frames of a capture: where one run stopped reading, and the next piece goes on (`after`).
///
/// One that a run gives also knows the fragments that were waiting for more; one made by hand does not.
///
/// Args:
///     frame: Number of the last frame before this place; 0 is the beginning.
///     clock_ns: The largest stamp of the packets before it, in nanoseconds since the Unix epoch.
///
/// Raises:
///     TypeError: One of them is no int.
///     ValueError: One of them is out of its range.
#[pyclass(frozen, module = "flowgauge")]
#[derive(Clone)]
pub(crate) struct Position {
    position: packet::Position,
}

impl Position {
    pub(crate) fn new(position: packet::Position) -> Self {
        Self { position }
    }

    pub(crate) fn position(&self) -> packet::Position {
        self.position.clone()
    }
}

#[pymethods]
impl Position {
    #[new]
    fn by_hand(frame: &Bound<'_, PyAny>, clock_ns: &Bound<'_, PyAny>) -> PyResult<Self> {
        let frame = options::whole("frame", frame, "an int from 0 to 18446744073709551615")?;
        let clock = options::whole("clock_ns", clock_ns, "an int from -9223372036854775808 to 9223372036854775807")?;
        Ok(Self::new(packet::Position::new(frame, Timestamp::from_nanos(clock))))
    }

    /// Number of the last frame before this place; 0 is the beginning.
    #[getter]
    fn frame(&self) -> u64 {
        self.position.frame()
    }

    /// The largest stamp of the packets before it, in nanoseconds since the Unix epoch.
    #[getter]
    fn clock_ns(&self) -> i64 {
        self.position.clock().as_nanos()
    }

    fn __repr__(&self) -> String {
        format!("Position(frame={}, clock_ns={})", self.frame(), self.clock_ns())
    }
}
