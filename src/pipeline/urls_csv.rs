//! HTTP messages and TLS connections as lines of CSV.

use std::net::IpAddr;

use crate::dissect::http::Start;
use crate::pipeline::dates::Dates;
use crate::pipeline::urls::{TlsPart, oddities};
use crate::pipeline::{HttpTold, Role, TlsTold, text, told_json};
use crate::time::Timestamp;

/// Writes a message.
pub(super) fn http(out: &mut Vec<u8>, dates: &mut Dates, told: &HttpTold) {
    let message = &*told.message;
    let kind = if message.is_request() { "HTTP_REQUEST" } else { "HTTP_RESPONSE" };
    begin(out, dates, message.begin, told.src, told.dst, kind);
    let (method, uri, status) = match &message.start {
        Start::Request { method, target } => (Some(method.as_str()), Some(target.as_str()), None),
        Start::Response { status, .. } => (None, message.answers.as_deref(), Some(status.to_string())),
    };
    let weird = oddities(message).join(" ");
    let (payload, body) = (message.payload_len.to_string(), message.body_len.to_string());
    for cell in [
        method,
        message.header("host"),
        uri,
        status.as_deref(),
        message.header("content-type"),
        message.header("referer"),
        message.header("user-agent"),
        Some(&payload),
        Some(&body),
        None,
        Some(&weird).filter(|weird| !weird.is_empty()).map(String::as_str),
    ] {
        text::csv_text(out, cell);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the beginning of a direction of TLS, or its end.
pub(super) fn tls(out: &mut Vec<u8>, dates: &mut Dates, stamp: Timestamp, told: &TlsTold, part: TlsPart) {
    let kind = match (part, told.role) {
        (TlsPart::End, _) => "TLS_RECORDS",
        (TlsPart::Begin, Role::ClientToServer) => "TLS_CTS",
        (TlsPart::Begin, Role::ServerToClient) => "TLS_STC",
    };
    begin(out, dates, stamp, told.src, told.dst, kind);
    text::csv_text(out, None);
    let words = told_json::words(told.facts.as_deref());
    text::csv_text(out, words.into_iter().find(|(name, _)| *name == "sni").and_then(|(_, sni)| sni));
    (0..7).for_each(|_| text::csv_text(out, None));
    let count = told.count.to_string();
    text::csv_text(out, (part == TlsPart::End).then_some(count.as_str()));
    text::csv_text(out, told.incomplete.filter(|_| part == TlsPart::End).map(|_| "incomplete"));
    out.extend_from_slice(b"\r\n");
}

fn begin(out: &mut Vec<u8>, dates: &mut Dates, stamp: Timestamp, src: (IpAddr, u16), dst: (IpAddr, u16), kind: &str) {
    dates.with_micros(stamp, out);
    for (address, port) in [src, dst] {
        out.push(b',');
        text::address(out, address);
        text::csv_number(out, Some(port.into()));
    }
    text::csv_text(out, Some(kind));
}

/// The line of names.
pub(super) const NAMES: &str = "timestamp,src,sport,dst,dport,type,method,host,uri,status,content_type,referer,\
                                user_agent,payload_len,body_len,tls_records,weird\r\n";
