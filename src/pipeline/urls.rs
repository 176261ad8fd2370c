//! What is asked for on the web, for people: HTTP messages and TLS connections.

use std::io::Write;
use std::net::IpAddr;

use crate::dissect::http::{Message, Start, decoded_uri};
use crate::error::Result;
use crate::pipeline::dates::Dates;
use crate::pipeline::lines::Lines;
use crate::pipeline::{
    Batch, Domain, HttpTold, Item, PacketItem, PacketView, Role, Sink, TlsTold, text, told_json, urls_csv,
};
use crate::time::Timestamp;

/// Writes what [`HttpMeta`](crate::pipeline::HttpMeta) and [`TlsMeta`](crate::pipeline::TlsMeta) told packets, as it comes.
///
/// Every HTTP message once, when it is complete; of every direction of a TLS connection its beginning, with what the hello
/// tells, and its end, with the number of its records. Packets that tell nothing, flows and others are passed over.
#[derive(Debug)]
pub struct UrlPrinter<W> {
    lines: Lines<W>,
    form: UrlForm,
    dates: Dates,
    paint: bool,
    begun: bool,
}

/// How it is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UrlForm {
    /// Blocks of lines.
    #[default]
    Text,
    /// A line of JSON each.
    Json,
    /// A line of CSV (RFC 4180) each, under a line of names.
    Csv,
}

/// What there is to write of TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TlsPart {
    Begin,
    End,
}

impl<W: Write + Send> UrlPrinter<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W, form: UrlForm) -> Self {
        Self { lines: Lines::new(name, out), form, dates: Dates::default(), paint: false, begun: false }
    }

    /// Whether titles have a colour, for a terminal; only blocks have it. Off by default.
    #[must_use]
    pub fn paint(mut self, on: bool) -> Self {
        self.paint = on;
        self
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let item = view.item;
        for told in item.http() {
            let stamp = told.message.begin;
            match self.form {
                UrlForm::Text => self.http(item, told),
                UrlForm::Json => self.json(stamp, told.src, told.dst, "", |out| told_json::http(out, told)),
                UrlForm::Csv => urls_csv::http(&mut self.lines.bytes, &mut self.dates, told),
            }
        }
        for told in item.tls() {
            let begins = told.count == told.records.len() as u64 && told.count > 0;
            for part in [begins.then_some(TlsPart::Begin), told.is_end.then_some(TlsPart::End)].into_iter().flatten() {
                let word = if part == TlsPart::Begin { "begin" } else { "end" };
                match self.form {
                    UrlForm::Text => self.tls(item, told, part),
                    UrlForm::Json => {
                        self.json(item.stamp(), told.src, told.dst, word, |out| told_json::tls(out, told));
                    }
                    UrlForm::Csv => urls_csv::tls(&mut self.lines.bytes, &mut self.dates, item.stamp(), told, part),
                }
            }
        }
    }

    fn http(&mut self, item: &PacketItem, told: &HttpTold) {
        let message = &*told.message;
        let header = |name| message.header(name).filter(|value| !value.is_empty()).unwrap_or("-");
        match &message.start {
            Start::Request { target, .. } => {
                self.title("HTTP_REQUEST");
                self.field("Payload Size: ", &message.payload_len.to_string());
                self.ends(item, told.src.0, Err(header("host")));
                self.field("URI: ", &decoded_uri(target));
                self.field("Referer: ", header("referer"));
                self.field("Agent: ", header("user-agent"));
            }
            Start::Response { status, reason } => {
                self.title("HTTP_RESPONSE");
                self.field("Payload Size: ", &message.payload_len.to_string());
                self.ends(item, told.src.0, Ok(told.dst.0));
                let uri = message.answers.as_deref().map(decoded_uri);
                self.field("URI: ", uri.as_deref().unwrap_or("-"));
                self.field("Status: ", format!("{status} {reason}").trim_end());
                self.field("Type: ", header("content-type"));
                self.field("Headers:", "");
                for (name, value) in &message.headers {
                    self.field("\t", &format!("{name}: {value}"));
                }
            }
        }
        let weird = oddities(message);
        if !weird.is_empty() {
            self.field("Weird: ", &weird.join(", "));
        }
        self.lines.bytes.push(b'\n');
    }

    fn tls(&mut self, item: &PacketItem, told: &TlsTold, part: TlsPart) {
        let client = told.role == Role::ClientToServer;
        let facts = told.facts.as_deref();
        let server = facts.and_then(|facts| facts.requested_server_name()).filter(|_| client);
        self.title(match (part, client) {
            (TlsPart::End, _) => "TLS_RECORDS",
            (TlsPart::Begin, true) => "TLS_CTS",
            (TlsPart::Begin, false) => "TLS_STC",
        });
        self.ends(item, told.src.0, server.map_or(Ok(told.dst.0), Err));
        if part == TlsPart::End {
            // It stands behind the ends, as one line.
            self.lines.bytes.pop();
            self.lines.say(&format!(" tls_records({})\n", told.count));
            if let Some(cut) = told.incomplete {
                self.field("Incomplete: ", &format!("{} of {} bytes are missing in the last", cut.missing, cut.len));
            }
        } else {
            let words = told_json::words(facts);
            let own: &[&str] = if client { &["alpn", "ja3", "ja4"] } else { &["version", "alpn_chosen", "ja3s"] };
            for (name, value) in words.into_iter().filter(|(name, _)| own.contains(name)) {
                if let Some(value) = value {
                    self.field(&format!("{name}: "), value);
                }
            }
        }
        self.lines.bytes.push(b'\n');
    }

    /// A line of JSON: who, when, and what.
    fn json(
        &mut self,
        stamp: Timestamp,
        src: (IpAddr, u16),
        dst: (IpAddr, u16),
        part: &str,
        what: impl Fn(&mut Vec<u8>),
    ) {
        self.lines.say("{\"timestamp\": \"");
        let at = self.lines.bytes.len();
        self.dates.with_micros(stamp, &mut self.lines.bytes);
        self.lines.bytes[at + 10] = b'T';
        let ends =
            format!("\"src\": \"{}\", \"sport\": {}, \"dst\": \"{}\", \"dport\": {}", src.0, src.1, dst.0, dst.1);
        self.lines.say(&format!("Z\", {ends}, "));
        if !part.is_empty() {
            self.lines.say(&format!("\"part\": \"{part}\", "));
        }
        let mut written = Vec::new();
        what(&mut written);
        self.lines.bytes.extend_from_slice(written.strip_prefix(b"{").unwrap_or(&written));
        self.lines.bytes.push(b'\n');
    }

    /// Who speaks to whom: an address, or what the sender calls the other.
    fn ends(&mut self, item: &PacketItem, src: IpAddr, dst: std::result::Result<IpAddr, &str>) {
        self.lines.bytes.push(b'\t');
        self.end(item, src);
        self.lines.say(" --> ");
        match dst {
            Ok(dst) => self.end(item, dst),
            Err(host) => {
                self.lines.say("Host: ");
                text::harmless(&mut self.lines.bytes, host);
            }
        }
        self.lines.bytes.push(b'\n');
    }

    /// An address, and its name where the packet knows one.
    fn end(&mut self, item: &PacketItem, address: IpAddr) {
        text::address(&mut self.lines.bytes, address);
        let number = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let Some(info) = item.info() else { return };
        let [src, dst] = item.domains();
        let domain = [(info.src, src), (info.dst, dst)].into_iter().find(|(known, _)| *known == number);
        if let Some((_, Domain::Name(name))) = domain {
            self.lines.say(" (");
            text::harmless(&mut self.lines.bytes, name);
            self.lines.bytes.push(b')');
        }
    }

    fn title(&mut self, title: &str) {
        let (on, off) = if self.paint { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
        self.lines.say(&format!("{on}{title}{off}\n"));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.lines.bytes.push(b'\t');
        self.lines.say(name);
        text::harmless(&mut self.lines.bytes, value);
        self.lines.bytes.push(b'\n');
    }
}

/// What is odd about a message, and what of it is missing.
pub(super) fn oddities(message: &Message) -> Vec<String> {
    let mut words: Vec<_> = message.weird.iter().map(|word| (*word).to_owned()).collect();
    words.extend((message.missing > 0).then(|| format!("missing {} bytes", message.missing)));
    words.extend((!message.is_complete).then(|| "incomplete".to_owned()));
    words
}

impl<W: Write + Send> Sink for UrlPrinter<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        if self.form == UrlForm::Csv && !std::mem::replace(&mut self.begun, true) {
            self.lines.say(urls_csv::NAMES);
        }
        for item in &batch.items {
            if let Item::Packet(item) = item {
                self.packet(&PacketView::new(item, &batch.block));
            }
        }
        self.lines.write()
    }

    fn flush(&mut self) -> Result<()> {
        self.lines.flush()
    }
}
