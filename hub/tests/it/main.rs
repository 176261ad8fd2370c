//! The hub over real sockets on loopback: every test has a hub of its own, on ports that the system gives.

#[cfg(feature = "nats")]
mod broker;
mod closed;
mod compat;
mod killed;
#[cfg(feature = "nats")]
mod nats;
mod netdumplings;
mod newcomers;
mod page;
mod publisher;
mod publishing;
mod relayed;
mod slow;
mod spooled;
mod stopped;
mod subscribers;
mod support;
