//! What several tests share.

pub(crate) mod capture_file;
pub(crate) mod captures;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
pub(crate) mod carriers;
pub(crate) mod frames;
pub(crate) mod hello;
pub(crate) mod ipfix;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
pub(crate) mod oracle;
pub(crate) mod paper;
pub(crate) mod quirk;
pub(crate) mod random_expr;
pub(crate) mod reading;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod slow_expr;
pub(crate) mod slow_fold;
pub(crate) mod slow_meter;
pub(crate) mod slow_operator;
pub(crate) mod slow_packet;
pub(crate) mod tunnels;
pub(crate) mod wire;
