//! The tests of the public face, in one binary.

mod support;

mod decode;
mod decode_corpus;
mod decode_fragments;
mod decode_link;
mod decode_properties;
mod decode_tunnel;
