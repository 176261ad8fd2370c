//! The hub of flowgauge: messages of many sensors in, to many subscribers out.
//!
//! Publishers send JSON [messages](Message) over WebSockets; the hub encodes each once, keeps the last in a bounded history,
//! and puts it into the bounded ring of each subscriber that wants its topic and sensor. A peer that is slow, silent or
//! hostile loses its own messages, counted by reason, and nobody else's. With [`Compat::Netdumplings`] it speaks that
//! project's protocol too, and what either side sends, the other gets.
//!
//! With the cargo feature `nats` and a [broker](Options::broker), messages go through NATS, and any number of hubs is one.
//!
//! [`run`] is a hub on threads of its own; [`Hub`] one within tokio's runtime. [`client`] has what speaks to one.
//! docs/hub.md has the protocol.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod broker;
pub mod client;
mod compat;
mod counters;
mod entry;
mod error;
mod events;
mod gate;
mod hub;
mod intake;
mod listen;
mod message;
mod options;
mod pace;
mod page;
mod pattern;
mod peers;
mod publish;
mod queue;
mod relay;
mod socket;
mod stalled;
mod status;
mod stop;
mod subscribe;
mod taken;
mod tokens;

pub use counters::{Reasons, Snapshot};
pub use entry::is_reserved;
pub use error::{Error, Result};
pub use hub::{Addresses, Hub, run};
pub use message::{Message, MessageId, Name, Time, Trigger, VERSION, Version, new_boot};
pub use options::{Compat, Options};
pub use tokens::{Role, Tokens};
