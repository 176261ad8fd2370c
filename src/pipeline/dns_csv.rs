//! A line of CSV (RFC 4180) a DNS message, under a line of names.

use std::io::Write;

use crate::error::Result;
use crate::pipeline::dates::Dates;
use crate::pipeline::dns::{anomaly_text, full_class_name, full_rcode_name, full_type_name};
use crate::pipeline::dns_summary::protocol;
use crate::pipeline::lines::Lines;
use crate::pipeline::{Batch, Dns, Item, PacketView, Sink, text};

/// Writes CSV: a line a DNS message, with its first question, and its answers in one cell.
///
/// Texts that a spreadsheet would take for a formula get an apostrophe in front, as in
/// [`CsvExporter`](crate::export::CsvExporter).
#[derive(Debug)]
pub struct DnsCsv<W> {
    lines: Lines<W>,
    dates: Dates,
    anomalies: bool,
    begun: bool,
}

impl<W: Write + Send> DnsCsv<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { lines: Lines::new(name, out), dates: Dates::default(), anomalies: false, begun: false }
    }

    /// Whether only messages with something unusual have a line. Off by default; what is unusual is told anyway.
    #[must_use]
    pub fn anomalies(mut self, on: bool) -> Self {
        self.anomalies = on;
        self
    }

    fn message(&mut self, view: &PacketView<'_>, dns: &Dns) {
        let anomalies = dns.anomalies();
        if self.anomalies && anomalies.is_empty() {
            return;
        }
        self.dates.with_micros(view.item.stamp(), &mut self.lines.bytes);
        self.number(Some(view.item.number().saturating_sub(1)));
        self.text(Some(protocol(view)));
        self.text(Some(if dns.circumstances.is_tcp { "TCP" } else { "UDP" }));
        let ends = view.network().ip.map(|ip| [ip.src, ip.dst]);
        let ports = view.item.info().map(|info| [info.src_port, info.dst_port]);
        for end in [0, 1] {
            self.lines.bytes.push(b',');
            if let Some(ends) = ends {
                text::address(&mut self.lines.bytes, ends[end]);
            }
            self.number(ports.map(|ports| ports[end].into()));
        }
        let message = &dns.message;
        self.number(Some(message.id.into()));
        self.text(Some(if message.is_response { "answer" } else { "query" }));
        self.number(Some(message.opcode.into()));
        let question = message.question();
        self.text(question.map(|question| full_class_name(dns.class(question.class).0)).as_deref());
        self.text(question.map(|question| full_type_name(question.kind)).as_deref());
        self.text(question.map(|question| question.name.as_str()));
        self.text(message.is_response.then(|| full_rcode_name(message.rcode)).as_deref());
        let answers = message.answers.iter().map(|record| {
            let kind = full_type_name(record.kind);
            format!("{} {kind} {}", record.name, record.data.whole_text())
        });
        let answers: Vec<_> = answers.collect();
        self.text((!answers.is_empty()).then(|| answers.join("; ")).as_deref());
        self.number(message.answers.iter().map(|record| record.ttl.into()).min());
        let words: Vec<_> = anomalies.iter().map(anomaly_text).collect();
        self.text((!words.is_empty()).then(|| words.join("; ")).as_deref());
        self.lines.say("\r\n");
    }

    fn number(&mut self, number: Option<u64>) {
        text::csv_number(&mut self.lines.bytes, number);
    }

    fn text(&mut self, text: Option<&str>) {
        text::csv_text(&mut self.lines.bytes, text);
    }
}

impl<W: Write + Send> Sink for DnsCsv<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.lines.say(NAMES);
        }
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

const NAMES: &str = "timestamp,packet_num,protocol,transport,src,sport,dst,dport,id,message,opcode,class,type,name,rcode,\
                     answers,ttl,weird\r\n";
