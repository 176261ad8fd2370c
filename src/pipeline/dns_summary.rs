//! A line a DNS message, for people.

use std::io::Write;

use crate::error::Result;
use crate::pipeline::dates::Dates;
use crate::pipeline::dns::{anomaly_text, full_class_name, full_rcode_name, full_type_name, opcode_prefix};
use crate::pipeline::lines::Lines;
use crate::pipeline::{Batch, Dns, Item, PacketView, Sink, text};

/// Writes a line a DNS message:
/// `2005-03-30 08:47:46 - DNS answer 192.168.170.20 --> 192.168.170.8 A www.netbsd.org NOERROR 204.152.190.12 (ttl 82159)`.
///
/// The moment in UTC, what it is, who asks or answers whom, type and name of the question; of an answer how it went and what
/// it says. Packets without a message, and those that no [`DnsMeta`](crate::pipeline::DnsMeta) has seen, have no line.
#[derive(Debug)]
pub struct DnsSummary<W> {
    lines: Lines<W>,
    dates: Dates,
    anomalies: bool,
    paint: bool,
}

impl<W: Write + Send> DnsSummary<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { lines: Lines::new(name, out), dates: Dates::default(), anomalies: false, paint: false }
    }

    /// Whether only messages with something unusual have a line, with what that is behind:
    /// ` WEIRD: [query_type TXT]`. Off by default.
    #[must_use]
    pub fn anomalies(mut self, on: bool) -> Self {
        self.anomalies = on;
        self
    }

    /// Whether names, errors and anomalies have a colour, for a terminal. Off by default.
    #[must_use]
    pub fn paint(mut self, on: bool) -> Self {
        self.paint = on;
        self
    }

    fn message(&mut self, view: &PacketView<'_>, dns: &Dns) {
        let anomalies = if self.anomalies { dns.anomalies() } else { Vec::new() };
        if self.anomalies && anomalies.is_empty() {
            return;
        }
        self.lines.bytes.extend_from_slice(self.dates.text(view.item.stamp()));
        self.lines.say(" - ");
        self.lines.say(protocol(view));
        let message = &dns.message;
        self.lines.say(if dns.circumstances.is_tcp { "/TCP " } else { " " });
        self.lines.say(&opcode_prefix(message.opcode));
        self.lines.say(if message.is_response { "answer " } else { "query " });
        if let Some(ip) = view.network().ip {
            text::address(&mut self.lines.bytes, ip.src);
            self.lines.say(" --> ");
            text::address(&mut self.lines.bytes, ip.dst);
        }
        for (index, question) in message.questions.iter().enumerate() {
            self.lines.say(if index > 0 { ", " } else { " " });
            let (class, _) = dns.class(question.class);
            if class != INTERNET {
                self.lines.say(&full_class_name(class));
                self.lines.say(" ");
            }
            self.lines.say(&full_type_name(question.kind));
            self.lines.say(" ");
            self.painted(b"\x1b[36m", &question.name);
        }
        if message.is_response {
            self.lines.say(" ");
            let colour: &[u8] = if message.rcode == 0 { b"" } else { b"\x1b[31m" };
            self.painted(colour, &full_rcode_name(message.rcode));
        }
        self.answers(dns);
        if !anomalies.is_empty() {
            self.lines.say(" WEIRD: [");
            let words: Vec<_> = anomalies.iter().map(anomaly_text).collect();
            self.painted(b"\x1b[33m", &words.join(", "));
            self.lines.say("]");
        }
        self.lines.say("\n");
    }

    /// What the answers say; of whom, where there is no question; and their type, where that is not what was asked for.
    fn answers(&mut self, dns: &Dns) {
        let question = dns.message.question();
        for (index, record) in dns.message.answers.iter().enumerate() {
            self.lines.say(if index > 0 { ", " } else { " " });
            if question.is_none() {
                self.painted(b"\x1b[36m", &record.name);
                self.lines.say(" ");
            }
            if question.is_none_or(|question| question.kind != record.kind) {
                self.lines.say(&full_type_name(record.kind));
                self.lines.say(" ");
            }
            text::harmless(&mut self.lines.bytes, &record.data.whole_text());
            self.lines.say(&format!(" (ttl {})", record.ttl));
        }
    }

    fn painted(&mut self, colour: &[u8], words: &str) {
        let paint = self.paint && !colour.is_empty();
        if paint {
            self.lines.bytes.extend_from_slice(colour);
        }
        text::harmless(&mut self.lines.bytes, words);
        if paint {
            self.lines.say("\x1b[0m");
        }
    }
}

/// What is spoken, by port.
pub(super) fn protocol(view: &PacketView<'_>) -> &'static str {
    let ports = view.item.info().map_or([0; 2], |info| [info.src_port, info.dst_port]);
    match () {
        () if ports.contains(&5353) => "mDNS",
        () if ports.contains(&5355) => "LLMNR",
        () => "DNS",
    }
}

impl<W: Write + Send> Sink for DnsSummary<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        for item in &batch.items {
            if let Item::Packet(item) = item
                && item.has_dns()
            {
                let view = PacketView::new(item, &batch.block);
                view.dns().iter().for_each(|dns| self.message(&view, dns));
            }
        }
        self.lines.write()
    }

    fn flush(&mut self) -> Result<()> {
        self.lines.flush()
    }
}

const INTERNET: u16 = 1;
