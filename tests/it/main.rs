//! The tests of the public face, in one binary.

mod support;

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
