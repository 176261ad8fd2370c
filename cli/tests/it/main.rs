//! The command as a program: what it takes, what it writes, how it ends.

mod anonymize;
mod bad_input;
mod columns;
mod command;
mod convert;
mod dns;
mod documentation;
mod files;
#[cfg(feature = "hub")]
mod hub;
mod inputs;
mod interrupt;
mod ipfix;
mod lists;
mod merge;
mod refused;
mod rotate;
#[cfg(feature = "hub")]
mod sensor;
mod series;
mod support;
#[cfg(feature = "hub")]
mod tail;
mod terminal;
mod top;
mod urls;
mod verify;
mod watch;
