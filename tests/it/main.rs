//! The library through its public face.

mod expiry;
mod house;
mod meter;
mod metric;
mod streamer;
mod support;
