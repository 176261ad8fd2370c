//! The place where a run stopped reading, as Python hands it to the next.

use flowgauge::{Timestamp, packet};
use pyo3::prelude::*;

/// A place between two frames of a capture: where one run stopped reading, and the next piece goes on (`after`).
///
/// One that a run gives also knows the fragments that were waiting for more; one made by hand does not.
///
/// Args:
///     frame: Number of the last frame before this place; 0 is the beginning.
///     clock_ns: The largest stamp of the packets before it, in nanoseconds since the Unix epoch.
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
    fn by_hand(frame: u64, clock_ns: i64) -> Self {
        Self::new(packet::Position::new(frame, Timestamp::from_nanos(clock_ns)))
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
