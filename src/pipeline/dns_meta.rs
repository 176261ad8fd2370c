//! Which packets carry DNS messages.

use std::sync::Arc;

use crate::dissect::dns;
use crate::error::Result;
use crate::packet::{DecodeOptions, Packet, PacketFlags};
use crate::pipeline::dns_stream::DnsStreams;
use crate::pipeline::{Batch, Counts, Link, PacketMeta, Stages, batch};

/// Finds the DNS messages in packets from or to the ports of DNS, mDNS and LLMNR: [`PacketView::dns`].
///
/// What is found is only remembered; a message is read when somebody asks. Over TCP a packet has the messages that it
/// completes. Packets that nobody decoded yet are decoded first, as [`PacketMeta`] does.
///
/// [`PacketView::dns`]: crate::pipeline::PacketView::dns
#[derive(Debug)]
pub struct DnsMeta {
    meta: PacketMeta,
    ports: Vec<u16>,
    limits: DnsLimits,
    /// The same, to be shared by packets, where it is not what everybody has.
    shared: Option<Arc<DnsLimits>>,
    streams: DnsStreams,
    messages: u64,
}

/// From what on a subdomain is an anomaly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DnsLimits {
    pub(super) length: usize,
    pub(super) entropy: f64,
}

impl Default for DnsLimits {
    fn default() -> Self {
        let usual = dns::Circumstances::default();
        Self { length: usual.subdomain_length, entropy: usual.subdomain_entropy }
    }
}

impl DnsMeta {
    /// Decodes what is not decoded yet with these options.
    pub fn new(options: DecodeOptions) -> Self {
        let meta = PacketMeta::new(options);
        let (limits, streams) = (DnsLimits::default(), DnsStreams::default());
        Self { meta, ports: PORTS.to_vec(), limits, shared: None, streams, messages: 0 }
    }

    /// The ports where DNS is spoken, over UDP and TCP. Defaults to 53, 5353 (mDNS) and 5355 (LLMNR).
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports = ports.into_iter().collect();
        self.ports.sort_unstable();
        self.ports.dedup();
        self
    }

    /// Subdomains with more characters than this are looked at, and those with a higher entropy, in bits a character, are
    /// anomalies. Defaults to 35 and 3.5.
    #[must_use]
    pub fn subdomains(mut self, length: usize, entropy: f64) -> Self {
        self.limits = DnsLimits { length, entropy };
        self.shared = (self.limits != DnsLimits::default()).then(|| Arc::new(self.limits));
        self
    }

    #[inline]
    fn is_dns(&self, port: u16) -> bool {
        self.ports.binary_search(&port).is_ok()
    }

    #[cold]
    fn look(&mut self, packet: &Packet<'_>) -> Found {
        if packet.info.flags.contains(PacketFlags::LATER_FRAGMENT) {
            return Found::Nothing;
        }
        match packet.info.ip_protocol {
            UDP if dns::is_message(packet.payload()) => {
                self.messages += 1;
                Found::Datagram
            }
            TCP => {
                let messages = self.streams.messages(packet);
                self.messages += messages.len() as u64;
                if messages.is_empty() { Found::Nothing } else { Found::Messages(messages) }
            }
            _ => Found::Nothing,
        }
    }
}

/// What a packet has.
enum Found {
    Nothing,
    /// Its payload is a message.
    Datagram,
    /// It completes these.
    Messages(Vec<Arc<[u8]>>),
}

impl Default for DnsMeta {
    fn default() -> Self {
        Self::new(DecodeOptions::new())
    }
}

impl Link for DnsMeta {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let (block, packets) = batch.packets_mut();
        for item in packets {
            self.meta.decode(block, item);
            item.stages.insert(Stages::DNS);
            let found = match item.info() {
                Some(info) if self.is_dns(info.src_port) || self.is_dns(info.dst_port) => {
                    self.look(&batch::packet(block, item, info))
                }
                _ => continue,
            };
            match found {
                Found::Nothing => {}
                Found::Datagram => item.set_dns_payload(self.shared.as_ref()),
                Found::Messages(messages) => item.set_dns_messages(messages, self.shared.as_ref()),
            }
        }
        Ok(())
    }

    fn count(&self, counts: &mut Counts) {
        self.meta.count(counts);
        counts.dns_messages += self.messages;
    }
}

/// DNS, mDNS and LLMNR (RFC 1035, 6762, 4795), in their order.
const PORTS: [u16; 3] = [53, 5353, 5355];
const TCP: u8 = 6;
const UDP: u8 = 17;
