//! Sensors through their public face, on captures.

mod built_in;
mod processors;
mod support;
