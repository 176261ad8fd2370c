//! What DNS messages and HTTP heads tell, written into the facts: the first question and its answer, the first request and
//! the first response.

use crate::dissect::dns::Reading;
use crate::dissect::http::{Parsed, Request, Response};
use crate::flow::{Fact, Facts};
use crate::time::Timestamp;

/// A question and its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lookup {
    /// The id of the question, and when it was seen.
    asked: Option<(u16, Timestamp)>,
    answered: bool,
    /// What is asked for was written down.
    named: bool,
}

impl Lookup {
    /// Whether DNS is spoken on this port: DNS itself, mDNS and LLMNR (RFC 1035, 6762, 4795).
    pub(super) fn is_at(port: u16) -> bool {
        matches!(port, 53 | 5353 | 5355)
    }

    /// Looks at the next message of either direction.
    pub(super) fn read(&mut self, message: &[u8], stamp: Timestamp, facts: &mut Facts) {
        let Some(message) = Reading::begin(message) else { return };
        let mut text = String::with_capacity(64);
        if message.is_response {
            // An answer to a question that was not seen, if none was, tells what was asked too.
            if self.asked.is_some_and(|(id, _)| id != message.id) {
                return;
            }
            self.answered = true;
            facts.dns_response_code = Some(u16::from(message.rcode));
            facts.dns_round_trip_ns = self.asked.map(|(_, asked)| stamp.nanos_since(asked));
            facts.forget_dns_answers();
            message.answers(&mut text, |answer| facts.add_dns_answer(answer));
        } else if self.asked.is_none() {
            self.asked = Some((message.id, stamp));
        } else {
            return;
        }
        if !self.named
            && let Some(kind) = message.question(&mut text)
        {
            self.named = true;
            facts.set(Fact::DnsQuery, &text);
            facts.set_same(Fact::RequestedServerName, Fact::DnsQuery);
            facts.dns_query_type = Some(kind);
        }
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_done(self) -> bool {
        self.answered
    }
}

/// One direction of an HTTP connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    done: bool,
}

impl Head {
    /// Whether `stream` begins as an HTTP/1 request or response does; four bytes at least are needed to tell.
    pub(super) fn begins(stream: &[u8]) -> bool {
        METHODS.iter().any(|method| stream.starts_with(method))
    }

    /// Looks at the bytes of the direction so far, of which no more come when it is `over`.
    pub(super) fn read(&mut self, stream: &[u8], over: bool, facts: &mut Facts) {
        if self.done {
            return;
        }
        let partial = if stream.starts_with(b"HTTP/") {
            match Response::parse(stream) {
                Parsed::Complete(response) => {
                    facts.http_status = Some(response.status);
                    if let Some(content_type) = response.content_type {
                        facts.set(Fact::ContentType, &content_type);
                    }
                    false
                }
                other => other == Parsed::Partial,
            }
        } else {
            match Request::parse(stream) {
                Parsed::Complete(request) => {
                    facts.set(Fact::HttpMethod, &request.method);
                    facts.set(Fact::HttpPath, &request.target);
                    if let Some(agent) = request.user_agent {
                        facts.set(Fact::UserAgent, &agent);
                    }
                    if let Some(host) = request.host {
                        facts.set(Fact::HttpHost, &host);
                        facts.set(Fact::RequestedServerName, without_port(&host));
                    }
                    false
                }
                other => other == Parsed::Partial,
            }
        };
        self.done = over || !partial;
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }
}

/// A host (RFC 3986 §3.2.2) without the port behind it.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
            // The colons of an IPv6 address stand in brackets.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

/// How requests begin (IANA HTTP Method Registry, those in use), and responses.
const METHODS: [&[u8]; 24] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"HTTP/1.",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"REPORT ",
    b"SEARCH ",
    b"MERGE ",
    b"CHECKOUT ",
    b"MKACTIVITY ",
    b"NOTIFY ",
    b"SUBSCRIBE ",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_name_has_no_port() {
        let hosts = ["a.example", "a.example:8080", "[::1]:80", "[::1]", "fe80::1:2", "a.example:"];
        assert_eq!(hosts.map(without_port), ["a.example", "a.example", "[::1]", "[::1]", "fe80::1:2", "a.example"]);
    }
}
