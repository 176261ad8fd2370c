//! A line of JSON an item.

use std::io::Write;
use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::flow::json;
use crate::pipeline::dates::Dates;
use crate::pipeline::{Attachment, Batch, FlowItem, Item, Network, PacketView, Segment, Sink, Stages, Transport, text};

/// Writes a line of JSON an item, with the names of its dictionary; of bytes it writes how many there are.
///
/// Flows are their record, as [`JsonLinesExporter`](crate::export::JsonLinesExporter) writes it, with their ends' domains and
/// role; a half has its own counts.
#[derive(Debug)]
pub struct JsonSink<W> {
    name: String,
    out: W,
    lines: Vec<u8>,
    dates: Dates,
}

impl<W: Write + Send> JsonSink<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { name: name.into(), out, lines: Vec::new(), dates: Dates::default() }
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let item = view.item;
        self.say("{\"timestamp\": \"");
        let at = self.lines.len();
        self.dates.with_micros(item.stamp(), &mut self.lines);
        self.lines[at + 10] = b'T';
        self.say("Z\", \"packet_num\": ");
        text::number(&mut self.lines, item.number().saturating_sub(1));
        if item.stages().contains(Stages::META) {
            let link = view.link();
            self.say(", \"eth\": {\"src\": ");
            self.mac(link.src);
            self.say(", \"dst\": ");
            self.mac(link.dst);
            self.say(", \"type\": ");
            match link.ether_type {
                Some(ether_type) => text::number(&mut self.lines, ether_type),
                None => self.say("null"),
            }
            self.say(&format!(", \"len\": {}}}, \"packet\": {{", link.len));
            self.network(view, &view.network());
            self.say("}, \"transport\": ");
            match view.transport().filter(|_| item.stages().contains(Stages::TRANSPORT)) {
                Some(transport) => self.transport(&transport),
                None => self.say("null"),
            }
        }
        if item.stages().contains(Stages::TAGS) {
            self.say(", \"tags\": [");
            for (index, tag) in item.tag_names().enumerate() {
                self.lines.extend_from_slice(if index > 0 { b", " } else { b"" });
                text::json_text(&mut self.lines, tag);
            }
            self.say("]");
        }
        if let Some(attachment) = item.attachment() {
            self.fields(&**attachment);
        }
        self.say("}\n");
    }

    fn network(&mut self, view: &PacketView<'_>, network: &Network<'_>) {
        self.say("\"type\": ");
        self.word(network.kind);
        let ends = match (&network.ip, &network.arp) {
            (Some(ip), _) => Some((ip.src, ip.dst)),
            (None, Some(arp)) => Some((arp.sender.into(), arp.target.into())),
            (None, None) => None,
        };
        if let Some((src, dst)) = ends {
            self.say(", \"src\": ");
            self.address(src);
            self.say(", \"dst\": ");
            self.address(dst);
        }
        if view.item.stages().contains(Stages::DOMAINS) {
            let postfix = view.item.domain_postfix();
            for (end, domain) in ["src", "dst"].into_iter().zip(view.item.domains()) {
                self.say(", ");
                text::json_text(&mut self.lines, &format!("{end}{postfix}"));
                self.say(": ");
                self.word(domain.as_str());
            }
        }
        if let Some(ip) = &network.ip {
            self.say(&format!(", \"p\": {}, \"len\": {}, \"ttl\": {}", ip.protocol, ip.len, ip.ttl));
            if let Some(v4) = ip.v4 {
                let (df, mf) = (v4.df, v4.mf);
                let (offset, checksum) = (v4.offset, v4.checksum);
                self.say(&format!(", \"df\": {df}, \"mf\": {mf}, \"offset\": {offset}, \"checksum\": {checksum}"));
            }
        }
        if let Some(arp) = &network.arp {
            self.say(&format!(", \"op\": {}", arp.operation));
        }
        if let Some(reason) = view.item.skipped() {
            self.say(", \"skipped\": ");
            self.word(Some(reason.name()));
        }
        self.say(&format!(", \"data_len\": {}", network.data.len()));
    }

    fn transport(&mut self, transport: &Transport<'_>) {
        self.say("{\"type\": ");
        match transport.name() {
            Some(name) => self.word(Some(name)),
            None => self.word(Some(&transport.protocol.to_string())),
        }
        if let Some((src, dst)) = transport.ports {
            self.say(&format!(", \"sport\": {src}, \"dport\": {dst}"));
        }
        match transport.segment {
            Segment::Tcp { seq, ack, window, checksum, urgent, .. } => {
                self.say(&format!(", \"seq\": {seq}, \"ack\": {ack}, \"flags\": ["));
                if let Some(word) = transport.flag_word() {
                    self.word(Some(word));
                }
                self.say(&format!("], \"win\": {window}, \"sum\": {checksum}, \"urp\": {urgent}"));
            }
            Segment::Udp { len, checksum } => self.say(&format!(", \"ulen\": {len}, \"sum\": {checksum}")),
            Segment::Icmp { kind, code, checksum } => {
                self.say(&format!(", \"icmp_type\": {kind}, \"code\": {code}, \"sum\": {checksum}"));
            }
            Segment::Other => {}
        }
        self.say(&format!(", \"data_len\": {}}}", transport.data.len()));
    }

    fn flow(&mut self, flow: &FlowItem) {
        let mut line = String::new();
        // A string takes everything.
        let _ = json::write_record(&mut line, flow.record());
        self.say(line.strip_suffix('}').unwrap_or(&line));
        self.say(", \"src_domain\": ");
        self.word(flow.domains()[0].as_str());
        self.say(", \"dst_domain\": ");
        self.word(flow.domains()[1].as_str());
        self.say(&format!(", \"direction\": \"{}\", \"state\": \"{}\"", flow.role().name(), flow.state().name()));
        if flow.half().is_some() {
            let ((src, sport), (dst, dport), counts) = (flow.src(), flow.dst(), flow.counts());
            self.say(&format!(", \"src\": \"{src}\", \"sport\": {sport}, \"dst\": \"{dst}\", \"dport\": {dport}"));
            self.say(&format!(", \"pkts\": {}, \"bytes\": {}", counts.pkts, counts.bytes));
        }
        if let Some(attachment) = flow.attachment() {
            self.fields(&**attachment);
        }
        self.say("}\n");
    }

    fn fields(&mut self, attachment: &dyn Attachment) {
        let lines = &mut self.lines;
        attachment.json_fields(&mut |name, value| {
            lines.extend_from_slice(b", ");
            text::json_text(lines, name);
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value.as_bytes());
        });
    }

    /// An item of the user's own is the fields that it tells.
    fn own(&mut self, own: &dyn Attachment) {
        let begin = self.lines.len();
        self.fields(own);
        if self.lines.len() > begin {
            self.lines.splice(begin..begin + 2, *b"{");
            self.say("}\n");
        }
    }

    fn address(&mut self, address: IpAddr) {
        self.say("\"");
        text::address(&mut self.lines, address);
        self.say("\"");
    }

    fn mac(&mut self, mac: Option<[u8; 6]>) {
        if mac.is_none() {
            return self.say("null");
        }
        self.say("\"");
        text::mac(&mut self.lines, mac);
        self.say("\"");
    }

    fn word(&mut self, text: Option<&str>) {
        match text {
            Some(text) => text::json_text(&mut self.lines, text),
            None => self.say("null"),
        }
    }

    fn say(&mut self, text: &str) {
        self.lines.extend_from_slice(text.as_bytes());
    }
}

impl<W: Write + Send> Sink for JsonSink<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        self.lines.clear();
        for item in &batch.items {
            match item {
                Item::Packet(item) => self.packet(&PacketView::new(item, &batch.block)),
                Item::Flow(flow) => self.flow(flow),
                Item::Own(own) => self.own(&**own),
            }
        }
        self.out.write_all(&self.lines).map_err(|source| Error::Write { what: self.name.clone(), source })
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| Error::Write { what: self.name.clone(), source })
    }
}
