//! What the packets of a flow say of themselves: names, versions and fingerprints, read out of handshakes and headers.

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::time::Timestamp;

/// What was read out of the payload of one flow; `None`, or empty, where nothing was there to read.
///
/// Texts are as they were sent, with what is not UTF-8 replaced, and cut at [`Facts::MAX_TEXT`] bytes. All of them lie in one
/// piece of memory of at most 64 KiB, since many flows have some.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// All texts, one after the other.
    text: String,
    spans: [Option<Span>; Fact::COUNT],
    answers: Vec<Span>,
    /// The cipher suites that the client offers, in its order (IANA TLS parameters).
    pub tls_ciphers: Vec<u16>,
    /// The cipher suite that the server chose.
    pub tls_cipher: Option<u16>,
    /// Since when the server's certificate is valid.
    pub tls_not_before: Option<Timestamp>,
    /// Until when it is valid.
    pub tls_not_after: Option<Timestamp>,
    /// The type that was asked for (IANA DNS parameters).
    pub dns_query_type: Option<u16>,
    /// The response code of the answer.
    pub dns_response_code: Option<u16>,
    /// Nanoseconds from the question to its answer.
    pub dns_round_trip_ns: Option<u64>,
    /// Status of the first HTTP response.
    pub http_status: Option<u16>,
    risks: Risks,
}

/// The risks that nDPI sees, by its numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Risks {
    /// Bit n: the risk that `name` names for n.
    pub(crate) bits: u64,
    pub(crate) name: fn(u32) -> Option<&'static str>,
}

/// Where a text lies.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: u16,
    /// One more than the bytes, so that an [`Option`] of it is no larger.
    len: NonZeroU16,
}

/// Names a text, and the method that tells it.
macro_rules! texts {
    ($($(#[$doc:meta])+ $method:ident: $fact:ident,)+) => {
        /// One of the texts.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Fact {
            $($fact,)+
        }

        impl Fact {
            const ALL: &[Self] = &[$(Self::$fact,)+];
            const COUNT: usize = Self::ALL.len();
        }

        impl Facts {
            $(
                $(#[$doc])+
                pub fn $method(&self) -> Option<&str> {
                    self.get(Fact::$fact)
                }
            )+
        }
    };
}

texts! {
    /// The server that the client asks for: TLS or QUIC server name (RFC 6066), HTTP host, name in a DNS question.
    requested_server_name: RequestedServerName,
    /// JA3 of the TLS client: MD5 in hexadecimal (github.com/salesforce/ja3).
    ja3: Ja3,
    /// JA3S of the TLS server, likewise.
    ja3s: Ja3s,
    /// JA4 of the TLS or QUIC client (github.com/FoxIO-LLC/ja4; the client's is BSD-3-Clause).
    ja4: Ja4,
    /// HASSH of the SSH client (github.com/salesforce/hassh).
    hassh: Hassh,
    /// HASSH of the SSH server.
    hassh_server: HasshServer,
    /// The version that TLS settled on, as `TLSv1.3`.
    tls_version: TlsVersion,
    /// The protocols that the client offers (ALPN, RFC 7301), in its order, with commas between.
    tls_alpn: TlsAlpn,
    /// The protocol that the server chose, where that is in the clear.
    tls_alpn_chosen: TlsAlpnChosen,
    /// Subject of the server's certificate (RFC 4514), where it is in the clear.
    tls_subject: TlsSubject,
    /// Its issuer.
    tls_issuer: TlsIssuer,
    /// The first name asked for (RFC 1035).
    dns_query: DnsQuery,
    /// Method of the first HTTP request.
    http_method: HttpMethod,
    /// Its host.
    http_host: HttpHost,
    /// Its target.
    http_path: HttpPath,
    /// User agent of an HTTP or QUIC client.
    user_agent: UserAgent,
    /// Type of the content of the first HTTP response.
    content_type: ContentType,
    /// What a DHCP client asks for: the numbers of its option 55 with commas between.
    dhcp_fingerprint: DhcpFingerprint,
    /// The host's name in DHCP (option 12).
    host_name: HostName,
    /// Version of the SSH client (RFC 4253 §4.2).
    ssh_client: SshClient,
    /// Version of the SSH server.
    ssh_server: SshServer,
}

impl Facts {
    /// Longest text that is kept, in bytes.
    pub const MAX_TEXT: usize = 512;
    /// Most answers and cipher suites that are kept.
    pub const MAX_ITEMS: usize = 256;

    /// The answers of DNS: addresses, and names of other records.
    pub fn dns_answers(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.answers.iter().map(|span| self.at(*span))
    }

    /// Names of the risks that nDPI sees.
    pub fn risks(&self) -> impl Iterator<Item = &'static str> + Clone {
        let Risks { bits, name } = self.risks;
        (0..u64::BITS).filter(move |bit| bits >> bit & 1 == 1).filter_map(name)
    }

    /// `bytes` as a text to keep.
    pub fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        push(&mut text, bytes);
        text
    }

    /// Those of a flow, to write into: a copy, if somebody keeps those that are there.
    pub(crate) fn open(facts: &mut Option<Arc<Self>>) -> &mut Self {
        Arc::make_mut(facts.get_or_insert_default())
    }

    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.risks.bits == 0 && self.spans.iter().all(Option::is_none) && *self == Self::default()
    }

    /// Makes room for so many bytes of texts, of flows that are known to tell much.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.text.reserve(bytes);
    }

    /// Writes a text down, in place of one that is there.
    pub(crate) fn set(&mut self, fact: Fact, text: &str) {
        self.spans[fact as usize] = self.keep(|all| push_str(all, text)).or(self.spans[fact as usize]);
    }

    /// The same of bytes that may be no UTF-8.
    pub(crate) fn set_bytes(&mut self, fact: Fact, bytes: &[u8]) {
        self.spans[fact as usize] = self.keep(|all| push(all, bytes)).or(self.spans[fact as usize]);
    }

    /// The same, unless there is a text already.
    #[cfg(any(feature = "ndpi", test))]
    pub(crate) fn fill(&mut self, fact: Fact, bytes: &[u8]) {
        if self.spans[fact as usize].is_none() {
            self.set_bytes(fact, bytes);
        }
    }

    /// Makes `fact` tell the same as `other`.
    pub(crate) fn set_same(&mut self, fact: Fact, other: Fact) {
        self.spans[fact as usize] = self.spans[other as usize];
    }

    /// Writes down what nDPI sees, unless it did.
    #[cfg(feature = "ndpi")]
    pub(crate) fn fill_risks(&mut self, risks: Risks) {
        if self.risks.bits == 0 {
            self.risks = risks;
        }
    }

    /// Makes room for other answers of DNS.
    pub(crate) fn forget_dns_answers(&mut self) {
        self.answers.clear();
    }

    /// Adds an answer of DNS, up to [`Facts::MAX_ITEMS`] of them.
    pub(crate) fn add_dns_answer(&mut self, answer: &str) {
        if self.answers.len() < Self::MAX_ITEMS {
            let kept = self.keep(|all| push_str(all, answer));
            self.answers.extend(kept);
        }
    }

    /// The same with texts replaced; `None` if none is.
    pub(super) fn with_texts(&self, replace: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let texts: Vec<_> = Fact::ALL.iter().map(|fact| self.get(*fact).and_then(&replace)).collect();
        let answers: Vec<_> = self.dns_answers().map(&replace).collect();
        if texts.iter().chain(&answers).all(Option::is_none) {
            return None;
        }
        let mut new = self.clone();
        (new.text, new.answers) = (String::new(), Vec::new());
        for (fact, text) in Fact::ALL.iter().zip(&texts) {
            new.spans[*fact as usize] = None;
            if let Some(text) = text.as_deref().or_else(|| self.get(*fact)) {
                new.set(*fact, text);
            }
        }
        for (answer, text) in self.dns_answers().zip(&answers) {
            new.add_dns_answer(text.as_deref().unwrap_or(answer));
        }
        Some(new)
    }

    fn get(&self, fact: Fact) -> Option<&str> {
        self.spans[fact as usize].map(|span| self.at(span))
    }

    fn at(&self, span: Span) -> &str {
        let (at, len) = (usize::from(span.at), usize::from(span.len.get()) - 1);
        self.text.get(at..at + len).unwrap_or_default()
    }

    /// Keeps what `push` appends; `None` when there is no room for it, which only a hundred long answers bring about.
    fn keep(&mut self, push: impl FnOnce(&mut String)) -> Option<Span> {
        let at = u16::try_from(self.text.len()).ok().filter(|at| usize::from(*at) < MAX_BYTES - Self::MAX_TEXT)?;
        if self.text.capacity() == 0 {
            self.text.reserve(FIRST_BYTES);
        }
        push(&mut self.text);
        let len = self.text.len() - usize::from(at);
        Some(Span { at, len: NonZeroU16::MIN.saturating_add(len as u16) })
    }
}

impl Default for Risks {
    fn default() -> Self {
        Self { bits: 0, name: |_| None }
    }
}

/// What is told, wherever it lies.
impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |facts: &Self| {
            (
                (facts.tls_cipher, facts.tls_not_before, facts.tls_not_after),
                (facts.dns_query_type, facts.dns_response_code, facts.dns_round_trip_ns),
                facts.http_status,
            )
        };
        numbers(self) == numbers(other)
            && Fact::ALL.iter().all(|fact| self.get(*fact) == other.get(*fact))
            && self.dns_answers().eq(other.dns_answers())
            && self.risks().eq(other.risks())
            && self.tls_ciphers == other.tls_ciphers
    }
}

/// Appends at most [`Facts::MAX_TEXT`] bytes.
fn push(text: &mut String, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(Facts::MAX_TEXT)];
    match str::from_utf8(bytes) {
        Ok(valid) => text.push_str(valid),
        Err(_) => push_str(text, &String::from_utf8_lossy(bytes)),
    }
}

/// The same of text: what ends amid a character ends before it.
fn push_str(text: &mut String, more: &str) {
    let end = (0..=more.len().min(Facts::MAX_TEXT)).rev().find(|end| more.is_char_boundary(*end));
    text.push_str(&more[..end.unwrap_or_default()]);
}

/// All texts of a flow, at most.
const MAX_BYTES: usize = 1 << 16;
/// What most flows need for their texts.
const FIRST_BYTES: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_utf_8_and_no_longer_than_said() {
        assert_eq!(Facts::text(b"a\xffb"), "a\u{fffd}b");
        assert!(Facts::text(&[0xff; 4000]).len() <= Facts::MAX_TEXT);
        assert_eq!(Facts::text(&[b'x'; 4000]).len(), Facts::MAX_TEXT);
    }

    #[test]
    fn a_text_that_is_known_stays_unless_it_is_replaced() {
        let mut facts = Facts::default();
        facts.fill(Fact::Ja3, b"first");
        facts.fill(Fact::Ja3, b"second");
        assert_eq!(facts.ja3(), Some("first"));
        facts.set(Fact::Ja3, "");
        facts.fill(Fact::Ja3, b"third");
        assert_eq!((facts.ja3(), facts.ja4()), (Some(""), None));
    }

    #[test]
    fn facts_are_equal_when_they_tell_the_same() {
        let [mut one, mut other] = [Facts::default(), Facts::default()];
        one.set(Fact::Ja3, "a");
        one.set(Fact::Ja4, "b");
        other.set(Fact::Ja4, "b");
        assert_ne!(one, other);
        other.set(Fact::Ja3, "a");
        assert_eq!(one, other);
        other.add_dns_answer("192.0.2.1");
        assert_ne!(one, other);
        one.add_dns_answer("192.0.2.2");
        assert_ne!(one, other);
        one.forget_dns_answers();
        one.add_dns_answer("192.0.2.1");
        assert_eq!(one, other);
    }

    #[test]
    fn texts_come_to_an_end() {
        let mut facts = Facts::default();
        facts.set(Fact::DnsQuery, &"y".repeat(600));
        for _ in 0..1000 {
            facts.add_dns_answer(&"x".repeat(600));
            facts.set(Fact::Ja3, "z");
        }
        assert!(facts.text.len() <= MAX_BYTES && facts.dns_answers().all(|answer| answer.len() <= Facts::MAX_TEXT));
        assert_eq!(facts.dns_query().map(str::len), Some(Facts::MAX_TEXT));
    }

    #[test]
    fn facts_are_small() {
        assert!(size_of::<Facts>() <= 256, "{} bytes", size_of::<Facts>());
    }
}
