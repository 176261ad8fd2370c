//! DNS messages and heads of HTTP messages, against what tshark reads out of the same frames.
//!
//! Each frame is taken for itself, here and there: putting segments together is not what is compared. Where tshark sees
//! DNS or HTTP, ours must say the same; where ours finds a head of HTTP, tshark must too.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use flowgauge::capture::file::Input;
use flowgauge::dissect::dns::{Message, tcp_message};
use flowgauge::dissect::http::{Parsed, Request, Response};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, Packet};

use crate::support::captures::shared;
use crate::support::oracle;
use crate::support::run::{own, read_frames};

/// Captures of which tshark tells something else: in how many frames, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("mixed.pcapng", 7, "tshark gives a number to every block, also to one that is no packet"),
    ("http-lines-split.pcap", 2, "a head is told when all its segments are there; tshark tells its lines one by one"),
    ("waze.pcap", 7, "a head is told when all its segments are there, as above"),
    ("http-manipulated.pcap", 1, "tshark tells no URI of a request that its expert calls too long; it is 40 bytes"),
];

/// What is printed of each frame, with every occurrence.
const FIELDS: &[&str] = &[
    "frame.number",
    "frame.protocols",
    "dns.id",
    "dns.flags.response",
    "dns.flags.opcode",
    "dns.flags.rcode",
    "dns.qry.name",
    "dns.qry.type",
    "dns.count.answers",
    "dns.resp.type",
    "dns.a",
    "dns.aaaa",
    "dns.ns",
    "dns.cname",
    "dns.ptr.domain_name",
    "dns.mx.mail_exchange",
    "dns.srv.target",
    "dns.txt",
    "http.request.method",
    "http.host",
    "http.request.uri",
    "http.user_agent",
    "http.response.code",
    "http.content_type",
];

/// Each frame as it is, and no guess at what else a payload could be.
const PREFERENCES: &[&str] = &[
    "-o",
    "ip.defragment:FALSE",
    "-o",
    "ipv6.defragment:FALSE",
    "-o",
    "tcp.desegment_tcp_streams:FALSE",
    "-o",
    "tcp.analyze_sequence_numbers:FALSE",
    "-o",
    "http.desegment_headers:FALSE",
    "-o",
    "http.desegment_body:FALSE",
    "-o",
    "dns.desegment_dns_messages:FALSE",
];

type Line = HashMap<&'static str, Vec<String>>;

fn theirs(path: &Path, profile: &Path) -> HashMap<u64, Line> {
    let rows = oracle::tshark(path, profile, PREFERENCES, FIELDS).into_iter();
    let lines = rows.map(|row| FIELDS.iter().copied().zip(row).collect::<Line>());
    lines.map(|line| (line["frame.number"][0].parse().unwrap(), line)).collect()
}

fn first(line: &Line, field: &str) -> Option<String> {
    line.get(field)?.first().cloned()
}

/// The cells of a row: what is told, by name.
type Row = BTreeMap<&'static str, String>;

fn dns_row(message: &Message) -> Row {
    let question = message.question();
    let kind = question.map(|question| question.kind.to_string());
    let name = question.map(|question| question.name.clone());
    Row::from([
        ("id", message.id.to_string()),
        ("response", message.is_response.to_string()),
        ("opcode", message.opcode.to_string()),
        // tshark shows it of answers only.
        ("rcode", if message.is_response { message.rcode.to_string() } else { String::new() }),
        ("name", unescaped(&name.unwrap_or_default())),
        ("kind", kind.unwrap_or_default()),
        ("answers", message.answer_texts().iter().map(|answer| unescaped(answer)).collect::<Vec<_>>().join(" ")),
    ])
}

/// A name as it was sent: tshark escapes nothing that is UTF-8, and no dot.
pub(crate) fn unescaped(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let number = after.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let (one, left) = match (byte, number) {
            (b'\\', Some(digits)) => (std::str::from_utf8(digits).unwrap().parse().unwrap(), &after[3..]),
            (b'\\', None) => (after[0], &after[1..]),
            _ => (byte, after),
        };
        bytes.push(one);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A name as we write it: tshark calls the root by its name.
fn named(name: &str) -> String {
    name.replace("<Root>", ".")
}

/// Whether `theirs` begins with the strings of the TXT record that we tell as `ours`; takes them. tshark ends each at a zero.
fn takes_strings(ours: &str, theirs: &[String], taken: &mut usize) -> bool {
    let (mut rest, before) = (ours, *taken);
    while let Some(after) = theirs.get(*taken).and_then(|string| rest.strip_prefix(string.as_str())) {
        *taken += 1;
        rest = if after.starts_with('\0') { "" } else { after.strip_prefix(' ').unwrap_or(after) };
        if rest.is_empty() {
            return true;
        }
    }
    *taken = before;
    false
}

fn their_dns_row(line: &Line, ours: Option<&Message>) -> Row {
    let number = |field: &str| {
        let text = first(line, field).unwrap_or_default();
        text.strip_prefix("0x").map_or(text.clone(), |hex| u32::from_str_radix(hex, 16).unwrap().to_string())
    };
    let count = first(line, "dns.count.answers").map_or(0, |count| count.parse().unwrap());
    let mut taken: HashMap<&str, usize> = HashMap::new();
    let mut answers = Vec::new();
    for kind in line["dns.resp.type"].iter().take(count) {
        let field = match kind.as_str() {
            "1" => "dns.a",
            "2" => "dns.ns",
            "5" => "dns.cname",
            "12" => "dns.ptr.domain_name",
            "15" => "dns.mx.mail_exchange",
            "16" => "dns.txt",
            "28" => "dns.aaaa",
            "33" => "dns.srv.target",
            _ => continue,
        };
        let nth = taken.entry(field).or_default();
        if kind == "16" {
            // An empty text is neither told by us nor printed by tshark.
            let told = ours.and_then(|message| message.answer_texts().into_iter().nth(answers.len()));
            answers.extend(told.filter(|told| takes_strings(told, &line[field], nth)));
            continue;
        }
        let Some(answer) = line[field].get(*nth) else { continue };
        *nth += 1;
        answers.push(named(answer));
    }
    Row::from([
        ("id", number("dns.id")),
        ("response", (number("dns.flags.response") == "1").to_string()),
        ("opcode", number("dns.flags.opcode")),
        ("rcode", number("dns.flags.rcode")),
        ("name", named(&first(line, "dns.qry.name").unwrap_or_default())),
        ("kind", number("dns.qry.type")),
        ("answers", answers.join(" ")),
    ])
}

fn http_row(payload: &[u8]) -> Option<Row> {
    if let Parsed::Complete(request) = Request::parse(payload) {
        return Some(Row::from([
            ("method", request.method),
            ("host", request.host.unwrap_or_default()),
            ("target", request.target),
            ("user_agent", request.user_agent.unwrap_or_default()),
        ]));
    }
    let Parsed::Complete(response) = Response::parse(payload) else { return None };
    let content_type = response.content_type.unwrap_or_default();
    Some(Row::from([("status", response.status.to_string()), ("content_type", content_type)]))
}

fn their_http_row(line: &Line) -> Option<Row> {
    let text = |field: &str| first(line, field).unwrap_or_default();
    if !line["http.request.method"].is_empty() {
        return Some(Row::from([
            ("method", text("http.request.method")),
            ("host", text("http.host")),
            ("target", text("http.request.uri")),
            ("user_agent", text("http.user_agent")),
        ]));
    }
    let status = first(line, "http.response.code")?;
    Some(Row::from([("status", status), ("content_type", text("http.content_type"))]))
}

/// How many messages of DNS and of HTTP were compared, and what is not the same.
fn compare(path: &Path, profile: &Path) -> (usize, usize, Vec<String>) {
    let lines = theirs(path, profile);
    let mut decoder = Decoder::new(DecodeOptions::new());
    let (mut number, mut dns, mut http, mut differences) = (0, 0, 0, Vec::new());
    read_frames(Input::Path(path.into()), |batch, index| {
        number += 1;
        let raw = batch.raw(index, number);
        let Decoded::Packet(info) = decoder.decode(&raw) else { return };
        let payload = Packet::new(raw, &info).payload();
        let Some(line) = lines.get(&number).filter(|_| matches!(info.ip_protocol, 6 | 17)) else { return };
        let layers: Vec<_> = line["frame.protocols"].first().map_or(Vec::new(), |layers| layers.split(':').collect());
        if layers.iter().any(|layer| matches!(*layer, "dns" | "mdns" | "llmnr")) {
            dns += 1;
            let message = if info.ip_protocol == 6 { tcp_message(payload) } else { Some(payload) };
            let message = message.and_then(Message::parse);
            let (ours, theirs) = (message.as_ref().map(dns_row), their_dns_row(line, message.as_ref()));
            if ours.as_ref() != Some(&theirs) {
                differences.push(format!("#{number} {ours:?}\n   tshark has {theirs:?}"));
            }
        }
        if info.ip_protocol == 6 {
            let (ours, theirs) = (http_row(payload), their_http_row(line));
            http += usize::from(theirs.is_some());
            if ours != theirs {
                differences.push(format!("#{number} {ours:?}\n   tshark has {theirs:?} ({layers:?})"));
            }
        }
    });
    (dns, http, differences)
}

#[test]
fn tshark_reads_the_same_names_out_of_every_frame() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    let corpus = shared("corpus");
    let captures = [own(), corpus.clone()].concat();
    let compared = oracle::by_two(&captures, |path| compare(path, profile.path()));
    let mut unexplained = Vec::new();
    for (name, (.., differences)) in &compared {
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| file == name).map_or(0, |(_, count, _)| *count);
        if excepted != differences.len() {
            unexplained.push(format!("{name}: {} differences\n{}", differences.len(), differences.join("\n")));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let sum = |of: fn(&(usize, usize, Vec<String>)) -> usize| compared.iter().map(|(_, told)| of(told)).sum::<usize>();
    let (dns, http) = (sum(|told| told.0), sum(|told| told.1));
    assert!(dns > 1500 && http > 300 || corpus.is_empty(), "only {dns} messages of DNS and {http} of HTTP");
}
