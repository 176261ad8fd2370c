//! The broker: NATS JetStream between hubs, so that any number of them is one.
//!
//! What publishers send goes into a stream, under a subject of its [sensor and topic](subject), and is acknowledged when the
//! stream has it. Every hub reads the stream from where it is, and offers what it reads to its own subscribers. Numbers and
//! boot are those of the stream, so a subscriber goes on at any hub, from [the stream](replay) itself where the hub's history
//! does not reach. Without the cargo feature `nats` there is no broker, and no code of this but the shape of it.

#[cfg(feature = "nats")]
mod connect;
#[cfg(feature = "nats")]
mod follow;
#[cfg(not(feature = "nats"))]
mod none;
#[cfg(feature = "nats")]
mod outbox;
#[cfg(feature = "nats")]
mod parcel;
#[cfg(feature = "nats")]
mod reading;
#[cfg(feature = "nats")]
mod replay;
mod state;
#[cfg(feature = "nats")]
mod subject;

#[cfg(feature = "nats")]
pub(crate) use connect::{Broker, Login};
#[cfg(feature = "nats")]
pub(crate) use follow::follow;
#[cfg(not(feature = "nats"))]
pub(crate) use none::{Broker, Login, Outbox, follow};
#[cfg(feature = "nats")]
pub(crate) use outbox::Outbox;
pub(crate) use state::State;
