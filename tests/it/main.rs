//! The library through its public face.

mod capture;
mod capture_compressed;
mod capture_damage;
#[cfg(feature = "pcap")]
mod capture_filter;
mod capture_hostile;
mod capture_inputs;
#[cfg(feature = "pcap")]
mod capture_live;
mod capture_pcapng;
mod capture_tshark;
mod classify;
mod decode;
mod decode_corpus;
mod decode_fragments;
mod decode_link;
mod decode_properties;
mod decode_tunnel;
mod expiry;
mod house;
mod meter;
mod metric;
mod streamer;
mod support;
