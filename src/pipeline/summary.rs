//! A line a packet, for people.

use std::io::Write;

use crate::error::Result;
use crate::packet::SkipReason;
use crate::pipeline::dates::Dates;
use crate::pipeline::lines::Lines;
use crate::pipeline::{Batch, Domain, FlowItem, Item, PacketView, Sink, Stages, text};

/// Writes a line a packet: `2015-09-07 19:08:34 - UDP IP 192.168.1.9(internal)--> 224.0.0.251(multicast_dns)`.
///
/// The moment in UTC, the transport layer, the network layer, and both ends, with their domains if somebody looked at them;
/// where tags were given, ` TAGS: [internal]` behind. What decoding refused says why. Flows are a line, too.
#[derive(Debug)]
pub struct PacketSummary<W> {
    lines: Lines<W>,
    dates: Dates,
    tags: bool,
    paint: bool,
}

impl<W: Write + Send> PacketSummary<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { lines: Lines::new(name, out), dates: Dates::default(), tags: true, paint: false }
    }

    /// Whether tags are written. On by default, which changes nothing for packets that nobody tagged.
    #[must_use]
    pub fn tags(mut self, on: bool) -> Self {
        self.tags = on;
        self
    }

    /// Whether domains and tags have a colour, for a terminal. Off by default.
    #[must_use]
    pub fn paint(mut self, on: bool) -> Self {
        self.paint = on;
        self
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let item = view.item;
        self.lines.bytes.extend_from_slice(self.dates.text(item.stamp()));
        self.lines.bytes.extend_from_slice(b" - ");
        if item.stages().contains(Stages::TRANSPORT)
            && let Some(info) = item.info()
            && item.has_transport()
        {
            match crate::pipeline::protocol_name(info.ip_protocol) {
                Some(name) => self.lines.bytes.extend_from_slice(name.as_bytes()),
                None => text::number(&mut self.lines.bytes, info.ip_protocol),
            }
            self.lines.bytes.push(b' ');
        }
        let network = view.network();
        self.lines.bytes.extend_from_slice(network.kind.unwrap_or("?").as_bytes());
        let ends = match (network.ip, network.arp) {
            (Some(ip), _) => Some((ip.src, ip.dst)),
            (None, Some(arp)) => Some((arp.sender.into(), arp.target.into())),
            (None, None) => None,
        };
        if let Some((src, dst)) = ends {
            let shown = item.stages().contains(Stages::DOMAINS) && network.ip.is_some();
            let [src_domain, dst_domain] = if shown { item.domains() } else { &[Domain::UNKNOWN; 2] };
            self.lines.bytes.push(b' ');
            text::address(&mut self.lines.bytes, src);
            let named = self.domain(src_domain);
            self.lines.bytes.extend_from_slice(if named { b"--> " } else { b" --> " });
            text::address(&mut self.lines.bytes, dst);
            self.domain(dst_domain);
        }
        if let Some(reason) = item.skipped()
            && reason != SkipReason::NotIp
        {
            self.lines.bytes.push(b' ');
            self.lines.bytes.push(b'(');
            self.lines.bytes.extend_from_slice(reason.name().as_bytes());
            self.lines.bytes.push(b')');
        }
        if self.tags && item.stages().contains(Stages::TAGS) {
            self.tag_list(item.tag_names());
        }
        self.lines.bytes.push(b'\n');
    }

    fn flow(&mut self, flow: &FlowItem) {
        self.lines.bytes.extend_from_slice(self.dates.text(flow.start()));
        self.lines.bytes.extend_from_slice(b" - ");
        let protocol = flow.record().key.ip_protocol();
        match crate::pipeline::protocol_name(protocol) {
            Some(name) => self.lines.bytes.extend_from_slice(name.as_bytes()),
            None => text::number(&mut self.lines.bytes, protocol),
        }
        let ((src, src_port), (dst, dst_port)) = (flow.src(), flow.dst());
        self.lines.bytes.extend_from_slice(b" FLOW ");
        text::address(&mut self.lines.bytes, src);
        let named = self.domain(&flow.domains()[0]);
        let arrow = if named { "--> " } else { " --> " };
        self.lines.bytes.extend_from_slice(arrow.as_bytes());
        text::address(&mut self.lines.bytes, dst);
        self.domain(&flow.domains()[1]);
        let counts = flow.counts();
        let rest = format!(" ports {src_port} --> {dst_port}, {} packets, {} bytes\n", counts.pkts, counts.bytes);
        self.lines.bytes.extend_from_slice(rest.as_bytes());
    }

    /// Writes a domain in brackets, if there is something to write.
    fn domain(&mut self, domain: &Domain) -> bool {
        let Some(text) = domain.as_str() else { return false };
        self.colour(b"\x1b[36m");
        self.lines.bytes.push(b'(');
        text::harmless(&mut self.lines.bytes, text);
        self.lines.bytes.push(b')');
        self.colour(PLAIN);
        true
    }

    fn tag_list<'a>(&mut self, tags: impl Iterator<Item = &'a str>) {
        self.lines.bytes.extend_from_slice(b" TAGS: [");
        self.colour(b"\x1b[33m");
        for (index, tag) in tags.enumerate() {
            if index > 0 {
                self.lines.bytes.extend_from_slice(b", ");
            }
            text::harmless(&mut self.lines.bytes, tag);
        }
        self.colour(PLAIN);
        self.lines.bytes.push(b']');
    }

    #[inline]
    fn colour(&mut self, code: &[u8]) {
        if self.paint {
            self.lines.bytes.extend_from_slice(code);
        }
    }
}

impl<W: Write + Send> Sink for PacketSummary<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        for index in 0..batch.items.len() {
            match &batch.items[index] {
                Item::Packet(item) => self.packet(&PacketView::new(item, &batch.block)),
                Item::Flow(flow) => self.flow(flow),
                Item::Own(_) => {}
            }
        }
        self.lines.write()
    }

    fn flush(&mut self) -> Result<()> {
        self.lines.flush()
    }
}

const PLAIN: &[u8] = b"\x1b[0m";
