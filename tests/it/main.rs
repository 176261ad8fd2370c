//! The library through its public face.

mod classify;
mod corpus;
mod decode;
mod decode_corpus;
mod decode_fragments;
mod decode_link;
mod decode_properties;
mod decode_tunnel;
mod expiry;
mod golden;
mod house;
mod meter;
mod metric;
mod mutations;
mod ndpireader;
mod properties;
mod streamer;
mod support;
mod tshark;
