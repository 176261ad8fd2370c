//! TLS (RFC 8446, RFC 5246 and before): hellos and the server's certificate, as far as they are in the clear.
//!
//! The bytes of one direction enter, again whenever there are more of them; what they tell is written into the facts. Only
//! hellos and the first certificate are looked at, and nothing behind a change to encryption.

mod conversation;
pub(super) mod dtls;
mod fingerprint;
mod hello;
pub(super) mod reader;
mod record;

pub use conversation::{TlsConversation, TlsRecord};
pub(super) use fingerprint::Carrier;
pub(super) use hello::ClientHello;

use crate::dissect::certificate::Certificate;
use crate::dissect::tls::hello::ServerHello;
use crate::dissect::tls::reader::Reader;
use crate::flow::{Fact, Facts};

/// Whether `stream` may begin with a TLS handshake; one byte is enough to ask.
pub(super) fn begins(stream: &[u8]) -> bool {
    record::begins(stream)
}

/// How far one direction of a connection was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// Bytes of the stream that there must be for another look to tell more.
    needed: usize,
    /// The hello was read: only a certificate is missing.
    greeted: bool,
    done: bool,
}

impl Side {
    /// Looks at the bytes of the direction so far, of which no more come when it is `over`.
    pub(super) fn read(&mut self, stream: &[u8], over: bool, facts: &mut Facts) {
        if self.done || stream.len() < self.needed && !over {
            return;
        }
        let handshake = record::handshake(stream);
        let missing = self.messages(&handshake.bytes, facts);
        // At least as many bytes of the stream are missing as of the message.
        self.needed = stream.len() + missing.unwrap_or_default();
        self.done = missing.is_none() || over || !handshake.open;
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Reads the messages at the beginning of a direction: `None` when there is nothing more to learn, else how many bytes
    /// are missing at least.
    fn messages(&mut self, bytes: &[u8], facts: &mut Facts) -> Option<usize> {
        let mut rest = Reader(bytes);
        for _ in 0..MAX_MESSAGES {
            let (Some(kind), Some(len)) = (rest.u8(), rest.number::<3>()) else { return Some(1) };
            let len = len as usize;
            if kind == CERTIFICATE {
                return if self.greeted { first_certificate(rest, len, facts) } else { None };
            }
            if len > MAX_MESSAGE {
                return None;
            }
            let Some(body) = rest.take(len) else { return Some(len - rest.0.len()) };
            match kind {
                HELLO_REQUEST | CERTIFICATE_STATUS => {}
                CLIENT_HELLO => {
                    if let Some(hello) = ClientHello::parse(body, false) {
                        client(&hello, Carrier::Tcp, facts);
                    }
                    return None;
                }
                SERVER_HELLO if self.greeted => {}
                SERVER_HELLO => {
                    self.greeted = true;
                    // From version 1.3 on, what follows is encrypted.
                    if server(&ServerHello::parse(body)?, facts) > 0x0303 {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        None
    }
}

/// Writes down what a client offers.
pub(super) fn client(hello: &ClientHello<'_>, carrier: Carrier, facts: &mut Facts) {
    facts.reserve(TEXTS);
    let (ja3, ja4) = fingerprint::of_client(hello, carrier);
    facts.set_bytes(Fact::Ja3, &ja3);
    facts.set_bytes(Fact::Ja4, &ja4);
    facts.tls_ciphers = hello.ciphers().take(Facts::MAX_ITEMS).collect();
    if let Some(name) = hello.server_name() {
        facts.set_bytes(Fact::RequestedServerName, name);
    }
    let mut protocols = hello.protocols().take(Facts::MAX_ITEMS);
    if let Some(first) = protocols.next() {
        let mut list = Vec::with_capacity(64);
        list.extend_from_slice(first);
        for protocol in protocols {
            list.push(b',');
            list.extend_from_slice(protocol);
        }
        facts.set_bytes(Fact::TlsAlpn, &list);
    }
}

/// Writes down what a server chose; tells the version.
fn server(hello: &ServerHello<'_>, facts: &mut Facts) -> u16 {
    let version = hello.selected_version();
    facts.set_bytes(Fact::Ja3s, &fingerprint::of_server(hello));
    facts.tls_cipher = Some(hello.cipher);
    if let Some(protocol) = hello.protocol() {
        facts.set_bytes(Fact::TlsAlpnChosen, protocol);
    }
    if let Some(name) = version_name(version) {
        facts.set(Fact::TlsVersion, name);
    }
    version
}

/// Reads the first certificate of a message (RFC 5246 §7.4.2) whose body of `len` bytes may not be complete.
fn first_certificate(body: Reader<'_>, len: usize, facts: &mut Facts) -> Option<usize> {
    let mut body = Reader(&body.0[..body.0.len().min(len)]);
    let (Some(_), Some(first)) = (body.number::<3>(), body.number::<3>()) else {
        return if body.0.len() < len { Some(1) } else { None };
    };
    let first = first as usize;
    if first + 6 > len || first > MAX_MESSAGE {
        return None;
    }
    let Some(bytes) = body.take(first) else { return Some(first - body.0.len()) };
    let certificate = Certificate::parse(bytes)?;
    facts.set(Fact::TlsSubject, &certificate.subject);
    facts.set(Fact::TlsIssuer, &certificate.issuer);
    facts.tls_not_before = Some(certificate.not_before);
    facts.tls_not_after = Some(certificate.not_after);
    None
}

/// The name of a version of TLS or DTLS; drafts of 1.3 count as 1.3, Facebook's two as well.
fn version_name(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0300 => "SSLv3",
        0x0301 => "TLSv1",
        0x0302 => "TLSv1.1",
        0x0303 => "TLSv1.2",
        0x0304 | 0x7f00..=0x7fff | 0xfb17 | 0xfb1a => "TLSv1.3",
        0xfeff => "DTLSv1.0",
        0xfefd => "DTLSv1.2",
        0xfefc => "DTLSv1.3",
        _ => return None,
    })
}

// Handshake messages (IANA TLS HandshakeType).
const HELLO_REQUEST: u8 = 0;
pub(super) const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_STATUS: u8 = 22;

/// Longest message that is waited for: what the stream may hold.
const MAX_MESSAGE: usize = crate::dissect::stream::Stream::DEFAULT_LIMIT;
/// Most messages of a direction that are looked at.
const MAX_MESSAGES: usize = 8;
/// What the texts of most clients need, in bytes.
const TEXTS: usize = 250;
