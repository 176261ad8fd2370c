//! A block of lines a packet, for people.

use std::io::Write;

use crate::error::Result;
use crate::flow::json;
use crate::packet::SkipReason;
use crate::pipeline::dates::Dates;
use crate::pipeline::lines::Lines;
use crate::pipeline::{Batch, Domain, FlowItem, Item, Network, PacketView, Segment, Sink, Stages, Transport, text};

/// Writes a block of lines a packet: moment, link layer, network layer, transport layer, domains, tags, and an empty line.
#[derive(Debug)]
pub struct PacketPrinter<W> {
    lines: Lines<W>,
    dates: Dates,
    paint: bool,
}

impl<W: Write + Send> PacketPrinter<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { lines: Lines::new(name, out), dates: Dates::default(), paint: false }
    }

    /// Whether what lines are about has a colour, for a terminal. Off by default.
    #[must_use]
    pub fn paint(mut self, on: bool) -> Self {
        self.paint = on;
        self
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let item = view.item;
        self.title("Timestamp: ");
        self.dates.with_micros(item.stamp(), &mut self.lines.bytes);
        let link = view.link();
        self.title("\nEthernet Frame: ");
        text::mac(&mut self.lines.bytes, link.src);
        self.say(" --> ");
        text::mac(&mut self.lines.bytes, link.dst);
        match link.ether_type {
            Some(ether_type) => self.numbers(&[("  (type: ", ether_type.into())], ")"),
            None => self.say("  (type: -)"),
        }
        self.network(&view.network());
        if let Some(reason) = item.skipped()
            && reason != SkipReason::NotIp
        {
            self.say(&format!(" ({})", reason.name()));
        }
        self.say("\n");
        if item.stages().contains(Stages::TRANSPORT)
            && let Some(transport) = view.transport()
        {
            self.transport(&transport);
        }
        if item.stages().contains(Stages::DOMAINS) {
            self.domains(item.domains());
        }
        if item.stages().contains(Stages::TAGS) {
            self.title("Tags: [");
            for (index, tag) in item.tag_names().enumerate() {
                self.lines.bytes.extend_from_slice(if index > 0 { b", " } else { b"" });
                text::harmless(&mut self.lines.bytes, tag);
            }
            self.say("]\n");
        }
        self.say("\n");
    }

    fn network(&mut self, network: &Network<'_>) {
        self.title("\nPacket: ");
        self.say(network.kind.unwrap_or("?"));
        if let Some(ip) = &network.ip {
            self.say(" ");
            text::address(&mut self.lines.bytes, ip.src);
            self.say(" --> ");
            text::address(&mut self.lines.bytes, ip.dst);
            self.numbers(&[(" (len:", ip.len), (" ttl:", ip.ttl.into())], ")");
            if let Some(v4) = ip.v4 {
                let (df, mf) = (v4.df.into(), v4.mf.into());
                self.numbers(&[(" -- Frag(df:", df), (" mf:", mf), (" offset:", v4.offset.into())], ")");
            }
        } else if let Some(arp) = &network.arp {
            self.say(&format!(" {} --> {} (op:{})", arp.sender, arp.target, arp.operation));
        } else {
            self.say(&format!(" ({} bytes)", network.data.len()));
        }
    }

    fn transport(&mut self, transport: &Transport<'_>) {
        self.title("Transport: ");
        match transport.name() {
            Some(name) => self.say(name),
            None => text::number(&mut self.lines.bytes, transport.protocol),
        }
        if let Some((src, dst)) = transport.ports {
            self.numbers(&[(" sport:", src.into()), (" dport:", dst.into())], "");
        }
        match transport.segment {
            Segment::Tcp { seq, ack, window, checksum, urgent, .. } => {
                let words = [(" seq:", seq), (" ack:", ack), (" win:", window.into()), (" sum:", checksum.into())];
                self.numbers(&words, "");
                self.numbers(&[(" urp:", urgent.into())], " flags:[");
                self.say(transport.flag_word().unwrap_or_default());
                self.say("]");
            }
            Segment::Udp { len, checksum } => {
                self.numbers(&[(" ulen:", len.into()), (" sum:", checksum.into())], "");
            }
            Segment::Icmp { kind, code, checksum } => {
                self.say(&format!(" icmp_type:{kind} code:{code} sum:{checksum}"));
            }
            Segment::Other => {}
        }
        self.title("\nData: ");
        json::push_integer(&mut self.lines.bytes, transport.data.len());
        self.say(" bytes");
        if let Some(shown) =
            transport.data.get(..transport.data.len().min(SHOWN_BYTES)).filter(|shown| !shown.is_empty())
        {
            self.say(" (");
            escape(&mut self.lines.bytes, shown);
            self.say(if shown.len() < transport.data.len() { "...)" } else { ")" });
        }
        self.say("\n");
    }

    fn domains(&mut self, [src, dst]: &[Domain; 2]) {
        self.title("Domains: ");
        text::harmless(&mut self.lines.bytes, src.as_str().unwrap_or("-"));
        self.say(" --> ");
        text::harmless(&mut self.lines.bytes, dst.as_str().unwrap_or("-"));
        self.say("\n");
    }

    fn flow(&mut self, flow: &FlowItem) {
        self.title("Flow: ");
        let ((src, src_port), (dst, dst_port)) = (flow.src(), flow.dst());
        let protocol = flow.record().key.ip_protocol();
        match crate::pipeline::protocol_name(protocol) {
            Some(name) => self.say(name),
            None => text::number(&mut self.lines.bytes, protocol),
        }
        let counts = flow.counts();
        self.say(&format!(
            " {src} port {src_port} --> {dst} port {dst_port} (packets:{} bytes:{})\n",
            counts.pkts, counts.bytes
        ));
        self.title("Time: ");
        self.dates.with_micros(flow.start(), &mut self.lines.bytes);
        self.say(" --> ");
        self.dates.with_micros(flow.end(), &mut self.lines.bytes);
        self.say("\n");
        self.domains(flow.domains());
        self.say("\n");
    }

    fn title(&mut self, text: &str) {
        if !self.paint {
            return self.say(text);
        }
        let (line_end, words) = text.strip_prefix('\n').map_or(("", text), |words| ("\n", words));
        self.say(&format!("{line_end}\x1b[1m{words}\x1b[0m"));
    }

    fn say(&mut self, text: &str) {
        self.lines.bytes.extend_from_slice(text.as_bytes());
    }

    /// Numbers, each behind its word, and what comes then.
    fn numbers(&mut self, numbers: &[(&str, u32)], end: &str) {
        for (word, number) in numbers {
            self.say(word);
            json::push_integer(&mut self.lines.bytes, *number);
        }
        self.say(end);
    }
}

/// Bytes as Rust writes them in a literal.
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'\'' | b'"') {
            out.push(*byte);
        } else {
            out.extend(std::ascii::escape_default(*byte));
        }
    }
}

impl<W: Write + Send> Sink for PacketPrinter<W> {
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

/// Bytes of the payload that are shown.
const SHOWN_BYTES: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_escaped_as_in_a_literal() {
        let all: Vec<u8> = (0..=255).collect();
        let mut written = Vec::new();
        escape(&mut written, &all);
        assert_eq!(String::from_utf8(written).unwrap(), all.escape_ascii().to_string());
    }
}
