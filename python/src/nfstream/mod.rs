//! nfstream's view of our flows: its names, its order and its types over the same records.
//!
//! The one meter gives the records (set up by `MeterConfig::nfstream`); here is a second table of columns, the objects
//! that its users know, and the calls of their plugins. What is checked and what is written to files is Python's part,
//! in `flowgauge/nfstream`.

mod collect;
mod column;
mod columns;
mod ending;
mod flow;
mod flows;
mod packet;
mod plugins;
mod row;
mod statistics;

pub(crate) use column::{NFColumn, nfstream_columns};
pub(crate) use flow::NFlow;
pub(crate) use flows::NFFlows;
pub(crate) use packet::NFPacket;

use pyo3::prelude::*;

/// Makes every column an attribute of `NFlow`.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    column::install(py)
}
