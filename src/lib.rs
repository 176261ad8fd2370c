//! A flow meter: packets in, labelled bidirectional flow records out.
#![deny(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod capture;
pub mod classify;
mod error;
pub mod export;
pub mod flow;
pub mod meter;
pub mod metric;
pub mod packet;
pub mod streamer;
mod time;
mod tunnel;

pub use error::{BoxError, Error, Result};
pub use flow::{ExportReason, FlowRecord, FlowState, Value};
pub use metric::Metric;
pub use packet::Packet;
pub use streamer::{Flows, Report, ReportHandle, StopHandle, Streamer};
pub use time::Timestamp;
pub use tunnel::Tunnel;

/// The programs of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
