//! The hub over real sockets on loopback: every test has a hub of its own, on ports that the system gives.

mod closed;
mod compat;
mod killed;
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
