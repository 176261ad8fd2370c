//! The sensor of flowgauge: packets in, through processors, messages to a hub out.
//!
//! A [`Sensor`] reads captures or an interface, decodes and meters once, and shows packets, flows and the end of each interval
//! to its [`Processor`]s. What they say becomes [messages](flowgauge_hub::Message), which go to a hub, or are written as lines.
//! [`built_in`] has the native ones: flow records, DNS lookups, packet counts, ARP changes.
//!
//! A processor's mistake is counted and named, and ends nothing.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod arp_changes;
mod clock;
mod dns_lookups;
mod error;
mod flow_records;
mod moment;
mod needs;
mod outbox;
mod outlet;
mod packet_counts;
mod processor;
mod running;
mod sensor;
mod shift;
mod status;
mod tally;
mod to_hub;
mod worker;

pub use arp_changes::ArpChanges;
pub use dns_lookups::DnsLookups;
pub use error::{Error, Result};
pub use flow_records::FlowRecords;
pub use needs::{Fields, Needs, PacketNeeds};
pub use outbox::Outbox;
pub use outlet::{Lines, Outlet};
pub use packet_counts::PacketCounts;
pub use processor::{BUILT_IN, Interval, Packets, Processor, built_in};
pub use running::Running;
pub use sensor::Sensor;
pub use tally::{ProcessorCounts, Summary};
pub use to_hub::ToHub;

/// A topic of our own.
fn topic(name: &str) -> flowgauge_hub::Name {
    flowgauge_hub::Name::try_from(name.to_owned()).expect("a short word")
}
