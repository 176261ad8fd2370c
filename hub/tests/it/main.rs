//! The hub over real sockets on loopback: every test has a hub of its own, on ports that the system gives.

#[cfg(feature = "nats")]
mod broker;
mod closed;
mod compat;
#[cfg(feature = "nats")]
mod nats;
mod netdumplings;
mod relayed;
mod slow;
mod stopped;
mod support;
