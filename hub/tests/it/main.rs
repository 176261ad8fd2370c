//! The hub over real sockets on loopback: every test has a hub of its own, on ports that the system gives.

mod closed;
mod compat;
mod netdumplings;
mod publisher;
mod relayed;
mod slow;
mod stopped;
mod support;
