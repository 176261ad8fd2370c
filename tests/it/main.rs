//! The library through its public face.
//!
//! What takes long, and does not depend on features, is left to the build that has them all.

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
#[cfg(feature = "ndpi")]
mod classify_facts;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod classify_facts_ndpireader;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod corpus;
mod decode;
mod decode_corpus;
mod decode_fields;
mod decode_fragments;
mod decode_frame_tunnel;
mod decode_gre;
mod decode_link;
mod decode_nested;
mod decode_options;
mod decode_overlay;
mod decode_position;
mod decode_properties;
mod decode_radio;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod decode_tshark;
mod decode_tunnel;
mod dissect_assembler;
mod dissect_flow;
mod dissect_hostile;
mod dissect_http;
mod dissect_names;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod dissect_names_tshark;
mod dissect_published;
mod dissect_stream;
mod dissect_tls;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod dissect_tshark_certificate;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod dissect_tshark_tls;
mod expiry;
#[cfg(feature = "arrow")]
mod export_arrow;
mod export_digest;
mod export_ipfix;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod export_ipfix_collectors;
mod export_ipfix_hostile;
mod export_ipfix_own;
#[cfg(feature = "parquet")]
mod export_parquet;
mod export_rotate;
mod expr;
mod expr_edges;
mod expr_hostile;
mod expr_merge;
mod expr_reference;
mod golden;
mod house;
mod identity;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod identity_tshark;
mod merge;
mod meter;
mod metric;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod mutations;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod ndpireader;
mod pipeline;
mod pipeline_dns;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod pipeline_dns_tshark;
mod pipeline_http;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod pipeline_http_tshark;
mod pipeline_names;
mod properties;
mod quirks;
mod reference;
mod source_bytes;
mod statistics;
mod streamer;
mod support;
mod tcp_analysis;
mod tcp_end;
mod tcp_end_corpus;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod tcp_tshark;
#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
mod tshark;
mod tunnel_keys;
