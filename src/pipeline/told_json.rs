//! HTTP messages and TLS records as JSON; of bytes it says how many there are.

use crate::dissect::TlsRecord;
use crate::dissect::http::{Start, decoded_uri};
use crate::flow::Facts;
use crate::pipeline::{HttpTold, Role, TlsTold, text};

/// Writes a list of what `write` writes; with `only`, the one that there is, or null.
pub(super) fn list<'a, T: 'a>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = &'a T>,
    only: bool,
    write: impl Fn(&mut Vec<u8>, &T),
) {
    let mut count = 0;
    out.extend_from_slice(if only { b"" } else { b"[" });
    for item in items {
        out.extend_from_slice(if count > 0 { b", " } else { b"" });
        write(out, item);
        count += 1;
    }
    out.extend_from_slice(match (only, count) {
        (true, 0) => b"null",
        (true, _) => b"",
        (false, _) => b"]",
    });
}

/// Writes a message as `{"type": "HTTP_REQUEST", "data": {...}}`.
pub(super) fn http(out: &mut Vec<u8>, told: &HttpTold) {
    let message = &*told.message;
    match &message.start {
        Start::Request { method, target } => {
            say(out, "{\"type\": \"HTTP_REQUEST\", \"data\": {\"method\": ");
            text::json_text(out, method);
            say(out, ", \"uri\": ");
            text::json_text(out, &decoded_uri(target));
            say(out, ", \"target\": ");
            text::json_text(out, target);
        }
        Start::Response { status, reason } => {
            say(out, &format!("{{\"type\": \"HTTP_RESPONSE\", \"data\": {{\"status\": \"{status}\", \"reason\": "));
            text::json_text(out, reason);
            say(out, ", \"answers\": ");
            word(out, message.answers.as_deref());
        }
    }
    say(out, &format!(", \"version\": \"{}\", \"headers\": {{", message.version));
    for (index, (name, value)) in message.headers.iter().enumerate() {
        if message.headers[..index].iter().any(|(before, _)| before == name) {
            continue;
        }
        say(out, if index > 0 { ", " } else { "" });
        text::json_text(out, name);
        say(out, ": ");
        let same = || message.headers[index + 1..].iter().filter(|(other, _)| other == name);
        if same().next().is_none() {
            text::json_text(out, value);
            continue;
        }
        say(out, "[");
        text::json_text(out, value);
        for (_, value) in same() {
            say(out, ", ");
            text::json_text(out, value);
        }
        say(out, "]");
    }
    let (body, kept) = (message.body_len, message.body.len());
    let (payload, missing, complete) = (message.payload_len, message.missing, message.is_complete);
    say(out, &format!("}}, \"body_len\": {body}, \"kept_len\": {kept}, \"payload_len\": {payload}"));
    say(out, &format!(", \"missing\": {missing}, \"complete\": {complete}, \"weird\": ["));
    for (index, weird) in message.weird.iter().enumerate() {
        say(out, if index > 0 { ", " } else { "" });
        text::json_text(out, weird);
    }
    say(out, "]}}");
}

/// Writes records as `{"type": "TLS_CTS", "data": {"tls_records": [...], ...}}`.
pub(super) fn tls(out: &mut Vec<u8>, told: &TlsTold) {
    let kind = if told.role == Role::ClientToServer { "TLS_CTS" } else { "TLS_STC" };
    say(out, &format!("{{\"type\": \"{kind}\", \"data\": {{\"tls_records\": "));
    list(out, told.records.iter(), false, record);
    say(out, ", \"incomplete\": ");
    list(out, told.incomplete.iter(), true, record);
    say(out, &format!(", \"count\": {}, \"end\": {}", told.count, told.is_end));
    for (name, value) in words(told.facts.as_deref()) {
        say(out, &format!(", \"{name}\": "));
        word(out, value);
    }
    say(out, "}}");
}

/// What hellos tell, by the names that it has in items.
pub(super) fn words(facts: Option<&Facts>) -> [(&'static str, Option<&str>); 7] {
    [
        ("sni", facts.and_then(Facts::requested_server_name)),
        ("version", facts.and_then(Facts::tls_version)),
        ("alpn", facts.and_then(Facts::tls_alpn)),
        ("alpn_chosen", facts.and_then(Facts::tls_alpn_chosen)),
        ("ja3", facts.and_then(Facts::ja3)),
        ("ja3s", facts.and_then(Facts::ja3s)),
        ("ja4", facts.and_then(Facts::ja4)),
    ]
}

fn record(out: &mut Vec<u8>, record: &TlsRecord) {
    let TlsRecord { kind, version, len, missing } = record;
    say(out, &format!("{{\"type\": {kind}, \"version\": {version}, \"length\": {len}, \"missing\": {missing}}}"));
}

fn word(out: &mut Vec<u8>, word: Option<&str>) {
    match word {
        Some(word) => text::json_text(out, word),
        None => say(out, "null"),
    }
}

fn say(out: &mut Vec<u8>, words: &str) {
    out.extend_from_slice(words.as_bytes());
}
