//! A line of JSON an item.

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::Result;
use crate::flow::json;
use crate::pipeline::dates::Dates;
use crate::pipeline::lines::Lines;
use crate::pipeline::{
    Attachment, Batch, FlowItem, HttpTold, Item, Network, PacketView, Place, Segment, Sink, Stages, TlsTold, Transport,
    text, told_json,
};

/// Writes a line of JSON an item, with the names of its dictionary; of bytes it writes how many there are.
///
/// Flows are their record, as [`JsonLinesExporter`](crate::export::JsonLinesExporter) writes it, with their ends' domains and
/// role; a half has its own counts.
#[derive(Debug)]
pub struct JsonSink<W> {
    lines: Lines<W>,
    dates: Dates,
    /// Of the item that is being written: what the user's own code says that is not yet.
    changes: Vec<Change>,
}

/// What the user's own code set, or took away.
#[derive(Debug)]
struct Change {
    place: Place,
    name: String,
    /// As JSON; `None` is gone.
    value: Option<String>,
}

impl<W: Write + Send> JsonSink<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { lines: Lines::new(name, out), dates: Dates::default(), changes: Vec::new() }
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let item = view.item;
        self.changes = changes(item.attachment());
        self.say("{");
        if self.key(Place::Top, "timestamp") {
            self.say("\"");
            let at = self.lines.bytes.len();
            self.dates.with_micros(item.stamp(), &mut self.lines.bytes);
            self.lines.bytes[at + 10] = b'T';
            self.say("Z\"");
        }
        self.value(Place::Top, "packet_num", item.number().saturating_sub(1));
        if item.stages().contains(Stages::META) {
            if self.key(Place::Top, "eth") {
                self.link(view);
            }
            if self.key(Place::Top, "packet") {
                self.network(view, &view.network());
            }
            if self.key(Place::Top, "transport") {
                match view.transport().filter(|_| item.stages().contains(Stages::TRANSPORT)) {
                    Some(transport) => self.transport(&transport),
                    None => self.say("null"),
                }
            }
        }
        if item.stages().contains(Stages::DNS) && self.key(Place::Top, "dns") {
            match view.dns_field() {
                Some(field) => field.write_json(&mut self.lines.bytes),
                None => self.say("null"),
            }
        }
        if item.stages().contains(Stages::TAGS) && self.key(Place::Top, "tags") {
            self.say("[");
            for (index, tag) in item.tag_names().enumerate() {
                self.lines.bytes.extend_from_slice(if index > 0 { b", " } else { b"" });
                text::json_text(&mut self.lines.bytes, tag);
            }
            self.say("]");
        }
        self.told(item.stages(), item.http().iter(), item.tls().iter());
        self.rest(Place::Top);
        self.say("}\n");
    }

    /// What packets told, where links were there to ask them.
    fn told<'a>(
        &mut self,
        stages: Stages,
        http: impl Iterator<Item = &'a HttpTold> + Clone,
        tls: impl Iterator<Item = &'a TlsTold> + Clone,
    ) {
        if stages.contains(Stages::HTTP) {
            if self.key(Place::Top, "http") {
                told_json::list(&mut self.lines.bytes, http.clone().take(1), true, told_json::http);
            }
            if self.key(Place::Top, "http_messages") {
                told_json::list(&mut self.lines.bytes, http, false, told_json::http);
            }
        }
        if stages.contains(Stages::TLS) {
            if self.key(Place::Top, "tls") {
                told_json::list(&mut self.lines.bytes, tls.clone().take(1), true, told_json::tls);
            }
            if self.key(Place::Top, "tls_directions") {
                told_json::list(&mut self.lines.bytes, tls, false, told_json::tls);
            }
        }
    }

    fn link(&mut self, view: &PacketView<'_>) {
        let link = view.link();
        self.say("{");
        for (name, mac) in [("src", link.src), ("dst", link.dst)] {
            if self.key(Place::Eth, name) {
                self.mac(mac);
            }
        }
        if self.key(Place::Eth, "type") {
            match link.ether_type {
                Some(ether_type) => text::number(&mut self.lines.bytes, ether_type),
                None => self.say("null"),
            }
        }
        self.value(Place::Eth, "len", link.len);
        self.rest(Place::Eth);
        self.say("}");
    }

    fn network(&mut self, view: &PacketView<'_>, network: &Network<'_>) {
        self.say("{");
        self.text(Place::Packet, "type", network.kind);
        let ends = match (&network.ip, &network.arp) {
            (Some(ip), _) => Some([ip.src, ip.dst]),
            (None, Some(arp)) => Some([arp.sender.into(), arp.target.into()]),
            (None, None) => None,
        };
        for (name, address) in ["src", "dst"].into_iter().zip(ends.into_iter().flatten()) {
            if self.key(Place::Packet, name) {
                self.address(address);
            }
        }
        if view.item.stages().contains(Stages::DOMAINS) {
            let postfix = view.item.domain_postfix();
            for (end, domain) in ["src", "dst"].into_iter().zip(view.item.domains()) {
                self.text(Place::Packet, &format!("{end}{postfix}"), domain.as_str());
            }
        }
        if let Some(ip) = &network.ip {
            self.value(Place::Packet, "p", ip.protocol);
            self.value(Place::Packet, "len", ip.len);
            self.value(Place::Packet, "ttl", ip.ttl);
            if let Some(v4) = ip.v4 {
                self.value(Place::Packet, "df", v4.df);
                self.value(Place::Packet, "mf", v4.mf);
                self.value(Place::Packet, "offset", v4.offset);
                self.value(Place::Packet, "checksum", v4.checksum);
            }
        }
        if let Some(arp) = &network.arp {
            self.value(Place::Packet, "op", arp.operation);
        }
        if let Some(reason) = view.item.skipped() {
            self.text(Place::Packet, "skipped", Some(reason.name()));
        }
        self.value(Place::Packet, "data_len", network.data.len());
        self.rest(Place::Packet);
        self.say("}");
    }

    fn transport(&mut self, transport: &Transport<'_>) {
        self.say("{");
        let number = transport.protocol.to_string();
        self.text(Place::Transport, "type", Some(transport.name().unwrap_or(&number)));
        if let Some((src, dst)) = transport.ports {
            self.value(Place::Transport, "sport", src);
            self.value(Place::Transport, "dport", dst);
        }
        match transport.segment {
            Segment::Tcp { seq, ack, window, checksum, urgent, .. } => {
                self.value(Place::Transport, "seq", seq);
                self.value(Place::Transport, "ack", ack);
                if self.key(Place::Transport, "flags") {
                    self.say("[");
                    if let Some(word) = transport.flag_word() {
                        self.word(Some(word));
                    }
                    self.say("]");
                }
                self.value(Place::Transport, "win", window);
                self.value(Place::Transport, "sum", checksum);
                self.value(Place::Transport, "urp", urgent);
            }
            Segment::Udp { len, checksum } => {
                self.value(Place::Transport, "ulen", len);
                self.value(Place::Transport, "sum", checksum);
            }
            Segment::Icmp { kind, code, checksum } => {
                self.value(Place::Transport, "icmp_type", kind);
                self.value(Place::Transport, "code", code);
                self.value(Place::Transport, "sum", checksum);
            }
            Segment::Other => {}
        }
        self.value(Place::Transport, "data_len", transport.data.len());
        self.rest(Place::Transport);
        self.say("}");
    }

    fn flow(&mut self, flow: &FlowItem) {
        self.changes = changes(flow.attachment());
        let mut line = String::new();
        // A string takes everything.
        let _ = json::write_record(&mut line, flow.record());
        self.say(line.strip_suffix('}').unwrap_or(&line));
        self.text(Place::Top, "src_domain", flow.domains()[0].as_str());
        self.text(Place::Top, "dst_domain", flow.domains()[1].as_str());
        self.text(Place::Top, "direction", Some(flow.role().name()));
        self.text(Place::Top, "state", Some(flow.state().name()));
        if flow.half().is_some() {
            let ((src, sport), (dst, dport), counts) = (flow.src(), flow.dst(), flow.counts());
            self.text(Place::Top, "src", Some(&src.to_string()));
            self.value(Place::Top, "sport", sport);
            self.text(Place::Top, "dst", Some(&dst.to_string()));
            self.value(Place::Top, "dport", dport);
            self.value(Place::Top, "pkts", counts.pkts);
            self.value(Place::Top, "bytes", counts.bytes);
        }
        self.told(
            flow.stages(),
            flow.http().collect::<Vec<_>>().into_iter(),
            flow.tls().collect::<Vec<_>>().into_iter(),
        );
        self.rest(Place::Top);
        self.say("}\n");
    }

    /// Writes a name, and what the user's own code put in its place; whether the native value is to follow.
    fn key(&mut self, place: Place, name: &str) -> bool {
        let found = self.changes.iter().position(|change| change.place == place && change.name == name);
        match found.map(|index| self.changes.remove(index).value) {
            Some(None) => false,
            Some(Some(value)) => {
                self.name(name);
                self.say(&value);
                false
            }
            None => {
                self.name(name);
                true
            }
        }
    }

    fn name(&mut self, name: &str) {
        if self.lines.bytes.last() != Some(&b'{') {
            self.say(", ");
        }
        text::json_text(&mut self.lines.bytes, name);
        self.say(": ");
    }

    fn value(&mut self, place: Place, name: &str, value: impl Display) {
        if self.key(place, name) {
            text::number(&mut self.lines.bytes, value);
        }
    }

    fn text(&mut self, place: Place, name: &str, text: Option<&str>) {
        if self.key(place, name) {
            self.word(text);
        }
    }

    /// What the user's own code put there besides, in its order.
    fn rest(&mut self, place: Place) {
        for index in 0..self.changes.len() {
            if self.changes[index].place == place
                && let Some(value) = self.changes[index].value.take()
            {
                let name = std::mem::take(&mut self.changes[index].name);
                self.name(&name);
                self.say(&value);
            }
        }
    }

    /// An item of the user's own is the fields that it tells.
    fn own(&mut self, own: &Arc<dyn Attachment>) {
        self.changes = changes(Some(own));
        if self.changes.iter().any(|change| change.value.is_some()) {
            self.say("{");
            self.rest(Place::Top);
            self.say("}\n");
        }
    }

    fn address(&mut self, address: IpAddr) {
        self.say("\"");
        text::address(&mut self.lines.bytes, address);
        self.say("\"");
    }

    fn mac(&mut self, mac: Option<[u8; 6]>) {
        if mac.is_none() {
            return self.say("null");
        }
        self.say("\"");
        text::mac(&mut self.lines.bytes, mac);
        self.say("\"");
    }

    fn word(&mut self, text: Option<&str>) {
        match text {
            Some(text) => text::json_text(&mut self.lines.bytes, text),
            None => self.say("null"),
        }
    }

    fn say(&mut self, text: &str) {
        self.lines.bytes.extend_from_slice(text.as_bytes());
    }
}

fn changes(attachment: Option<&Arc<dyn Attachment>>) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(attachment) = attachment {
        attachment.json_fields(&mut |place, name, value| {
            changes.push(Change { place, name: name.to_owned(), value: value.map(str::to_owned) });
        });
    }
    changes
}

impl<W: Write + Send> Sink for JsonSink<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        for item in &batch.items {
            match item {
                Item::Packet(item) => self.packet(&PacketView::new(item, &batch.block)),
                Item::Flow(flow) => self.flow(flow),
                Item::Own(own) => self.own(own),
            }
        }
        self.lines.write()
    }

    fn flush(&mut self) -> Result<()> {
        self.lines.flush()
    }
}
