//! A flow meter: packets in, labelled bidirectional flow records out.
//!
//! A [`Streamer`] takes a source (capture files, a stream, an interface, memory) and options; [`Streamer::start`] gives
//! [`Flows`], an iterator of [`FlowRecord`]s. What became of every frame is in the [`Report`].
//!
//! ```no_run
//! for record in flowgauge::Streamer::from_file("trace.pcap").start()? {
//!     println!("{}", record?);
//! }
//! # Ok::<(), flowgauge::Error>(())
//! ```
//!
//! Whoever needs a part alone finds it in its room: frames in [`capture`], decoding in [`packet`], one meter without threads
//! in [`meter`], the columns of a record in [`flow::schema`].
//!
#![doc = include_str!("../ARCHITECTURE.md")]
#![deny(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod capture;
pub mod classify;
pub mod dissect;
mod error;
pub mod export;
pub mod flow;
pub mod meter;
pub mod metric;
pub mod packet;
pub mod pipeline;
pub mod streamer;
mod time;
mod tunnel;

pub use error::{BoxError, Error, Result};
pub use flow::{ExportReason, FlowRecord, FlowState, Value};
pub use metric::{Metric, OnError, expr};
pub use packet::Packet;
pub use streamer::{Flows, Report, ReportHandle, StopHandle, Streamer};
pub use time::Timestamp;
pub use tunnel::Tunnel;

/// The programs of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
