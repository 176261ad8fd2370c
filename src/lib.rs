//! A flow meter: packets in, labelled bidirectional flow records out.
#![deny(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod capture;
pub mod classify;
mod error;
pub mod flow;
pub mod metric;
pub mod packet;
mod time;

pub use error::{BoxError, Error, Result};
pub use flow::{ExportReason, FlowRecord, FlowState, Value};
pub use metric::Metric;
pub use packet::Packet;
pub use time::Timestamp;
