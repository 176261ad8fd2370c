//! Flows: what one is, what is counted of it, and the record that leaves the house.
//!
//! A flow is all packets with one [`FlowKey`], in both directions, seen within the timeouts. A living one is a
//! [`FlowState`]; what leaves is a [`FlowRecord`] with its [`ExportReason`]. The columns of a record are written down once,
//! in [`schema`].

mod anonymize;
mod application;
mod community_id;
mod counts;
mod details;
mod export_reason;
mod facts;
mod flags;
pub mod json;
mod key;
mod merge;
mod record;
pub mod schema;
mod sequence;
mod state;
mod statistics;
mod stored;
mod stored_merge;
pub mod tcp;
mod value;

pub use anonymize::Anonymizer;
pub use application::{Application, Confidence};
pub use counts::{Counts, TtlRange};
pub(crate) use details::Details;
pub use export_reason::ExportReason;
pub(crate) use facts::Fact;
pub use facts::Facts;
#[cfg(feature = "ndpi")]
pub(crate) use facts::Risks;
pub use flags::FlowFlags;
pub use key::{Direction, FlowHasher, FlowKey};
pub use merge::merge;
pub(crate) use record::MetricParts;
pub use record::{FlowRecord, MetricNames, Metrics};
pub use sequence::{Sequence, SequenceItem};
pub use state::FlowState;
pub use statistics::{FlagCounts, Gaps, Sizes, Statistics};
pub(crate) use statistics::{Spread, variance};
pub use stored::{StoredCell, StoredColumns};
pub use tcp::TcpAnalysis;
pub use value::{Opaque, Value};
