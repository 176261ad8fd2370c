//! Flows of pieces of one capture, merged into those of the whole.

use flowgauge::flow;
use pyo3::prelude::*;

use crate::error;
use crate::options::{self, Given, Seconds};
use crate::record::Flow;

/// Merge the flows of pieces of one capture into those of the whole, in the order of their flow_id.
///
/// The pieces must lie one behind the other, each metered from the position where the one before ended (`after`), without
/// active timeout, capacity and tcp_end. Then packets, bytes, times, statistics and sequences are those of the whole, bit
/// for bit. Labels are not merged, the first that is known stays. Metrics that are expressions are those of the whole if the
/// pieces were metered with `mergeable` and they are (`Expression.is_mergeable`): whole numbers bit for bit, floats within a
/// relative 1e-12. All others become None.
///
/// Args:
///     flows: The flows of all pieces, in any order.
///     inactive_timeout: The one that the pieces were metered with, in seconds; None is never.
///
/// Raises:
///     TypeError: Something among the flows that is none.
///     ValueError: Two records of one flow with the same flow_id.
#[pyfunction]
#[pyo3(signature = (flows, *, inactive_timeout=Given::Default), text_signature = "(flows, *, inactive_timeout=60)")]
pub(crate) fn merge(flows: &Bound<'_, PyAny>, inactive_timeout: Given<'_>) -> PyResult<Vec<Flow>> {
    let py = flows.py();
    let timeout = options::seconds("inactive_timeout", inactive_timeout, 60)?.map(Seconds::duration);
    let mut records = Vec::new();
    for flow in flows.try_iter()? {
        records.push(flow?.cast_into::<Flow>()?.get().record().clone());
    }
    let whole = flow::merge(records, timeout).map_err(|error| error::raise(py, error))?;
    Ok(whole.into_iter().map(Flow::new).collect())
}
