//! The other side of the hub's protocol: what a program needs to speak to a hub.
//!
//! A [`Publisher`] takes messages at any time, keeps them until the hub has acknowledged them, and comes back by itself when
//! the hub does. Everything it could not deliver is counted by reason. A [`Subscriber`] gets messages, comes back behind the last,
//! and tells where some are missing. Both are handles of a thread, and need no runtime of tokio's.

mod address;
mod backoff;
mod desk;
mod dial;
mod encode;
mod failure;
mod folder;
mod item;
mod kitchen;
mod listener;
mod mailbox;
mod publisher;
mod publisher_counters;
mod publisher_options;
mod segment;
mod sender;
mod spool;
mod status;
mod subscriber;
mod subscriber_options;
mod told;

pub use publisher::{PublishError, Publisher};
pub use publisher_counters::PublisherCounters;
pub use publisher_options::PublisherOptions;
pub use status::StatusReader;
pub use subscriber::{Event, Subscriber};
pub use subscriber_options::{SlowPolicy, SubscriberOptions};
