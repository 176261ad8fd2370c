//! A block of lines a packet, for people.

use std::io::Write;

use crate::error::{Error, Result};
use crate::packet::SkipReason;
use crate::pipeline::dates::Dates;
use crate::pipeline::{Batch, Domain, FlowItem, Item, Network, PacketView, Segment, Sink, Stages, Transport, text};

/// Writes a block of lines a packet: moment, link layer, network layer, transport layer, domains, tags, and an empty line.
#[derive(Debug)]
pub struct PacketPrinter<W> {
    name: String,
    out: W,
    lines: Vec<u8>,
    dates: Dates,
    paint: bool,
}

impl<W: Write + Send> PacketPrinter<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { name: name.into(), out, lines: Vec::new(), dates: Dates::default(), paint: false }
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
        self.dates.with_micros(item.stamp(), &mut self.lines);
        let link = view.link();
        self.title("\nEthernet Frame: ");
        text::mac(&mut self.lines, link.src);
        self.say(" --> ");
        text::mac(&mut self.lines, link.dst);
        match link.ether_type {
            Some(ether_type) => self.say(&format!("  (type: {ether_type})")),
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
                self.lines.extend_from_slice(if index > 0 { b", " } else { b"" });
                text::harmless(&mut self.lines, tag);
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
            text::address(&mut self.lines, ip.src);
            self.say(" --> ");
            text::address(&mut self.lines, ip.dst);
            self.say(&format!(" (len:{} ttl:{})", ip.len, ip.ttl));
            if let Some(v4) = ip.v4 {
                let (df, mf) = (u8::from(v4.df), u8::from(v4.mf));
                self.say(&format!(" -- Frag(df:{df} mf:{mf} offset:{})", v4.offset));
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
            None => text::number(&mut self.lines, transport.protocol),
        }
        if let Some((src, dst)) = transport.ports {
            self.say(&format!(" sport:{src} dport:{dst}"));
        }
        match transport.segment {
            Segment::Tcp { seq, ack, window, checksum, urgent, .. } => {
                let flags = transport.flag_word().unwrap_or_default();
                self.say(&format!(" seq:{seq} ack:{ack} win:{window} sum:{checksum} urp:{urgent} flags:[{flags}]"));
            }
            Segment::Udp { len, checksum } => self.say(&format!(" ulen:{len} sum:{checksum}")),
            Segment::Icmp { kind, code, checksum } => {
                self.say(&format!(" icmp_type:{kind} code:{code} sum:{checksum}"));
            }
            Segment::Other => {}
        }
        self.title("\nData: ");
        self.say(&format!("{} bytes", transport.data.len()));
        if let Some(shown) =
            transport.data.get(..transport.data.len().min(SHOWN_BYTES)).filter(|shown| !shown.is_empty())
        {
            self.say(" (");
            self.lines.extend(shown.escape_ascii());
            self.say(if shown.len() < transport.data.len() { "...)" } else { ")" });
        }
        self.say("\n");
    }

    fn domains(&mut self, [src, dst]: &[Domain; 2]) {
        self.title("Domains: ");
        text::harmless(&mut self.lines, src.as_str().unwrap_or("-"));
        self.say(" --> ");
        text::harmless(&mut self.lines, dst.as_str().unwrap_or("-"));
        self.say("\n");
    }

    fn flow(&mut self, flow: &FlowItem) {
        self.title("Flow: ");
        let ((src, src_port), (dst, dst_port)) = (flow.src(), flow.dst());
        let protocol = flow.record().key.ip_protocol();
        match crate::pipeline::protocol_name(protocol) {
            Some(name) => self.say(name),
            None => text::number(&mut self.lines, protocol),
        }
        let counts = flow.counts();
        self.say(&format!(
            " {src} port {src_port} --> {dst} port {dst_port} (packets:{} bytes:{})\n",
            counts.pkts, counts.bytes
        ));
        self.title("Time: ");
        self.dates.with_micros(flow.start(), &mut self.lines);
        self.say(" --> ");
        self.dates.with_micros(flow.end(), &mut self.lines);
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
        self.lines.extend_from_slice(text.as_bytes());
    }
}

impl<W: Write + Send> Sink for PacketPrinter<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        self.lines.clear();
        for index in 0..batch.items.len() {
            match &batch.items[index] {
                Item::Packet(item) => self.packet(&PacketView::new(item, &batch.block)),
                Item::Flow(flow) => self.flow(flow),
                Item::Own(_) => {}
            }
        }
        self.out.write_all(&self.lines).map_err(|source| Error::Write { what: self.name.clone(), source })
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| Error::Write { what: self.name.clone(), source })
    }
}

/// Bytes of the payload that are shown.
const SHOWN_BYTES: usize = 30;
