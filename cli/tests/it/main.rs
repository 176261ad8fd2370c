//! The command as a program: what it takes, what it writes, how it ends.

mod bad_input;
mod command;
mod interrupt;
mod support;
