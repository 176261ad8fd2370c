//! The other side of the hub's protocol: what a program needs to speak to a hub.
//!
//! A [`Publisher`] takes messages at any time, keeps them until the hub has acknowledged them, and comes back by itself when
//! the hub does. Everything it could not deliver is counted by reason.

mod address;
mod backoff;
mod desk;
mod dial;
mod encode;
mod folder;
mod kitchen;
mod publisher;
mod publisher_counters;
mod publisher_options;
mod segment;
mod sender;
mod spool;

pub use publisher::{PublishError, Publisher};
pub use publisher_counters::PublisherCounters;
pub use publisher_options::PublisherOptions;
