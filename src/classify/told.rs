//! What nDPI read in a flow beside its label, as facts.

use std::borrow::Cow;
use std::sync::Arc;

use super::ndpi::Flow;
use super::ndpi::Said;
use super::ndpi::risk_name;
use crate::flow::Fact;
use crate::flow::Facts;
use crate::flow::Risks;

impl Flow {
    /// Adds to `facts` what is not known there yet.
    pub(super) fn complete(&self, facts: &mut Option<Arc<Facts>>) {
        let Some(said) = self.said() else { return };
        let known = facts.is_some();
        let told = Facts::open(facts);
        fill(told, &said);
        // A protocol alone is no fact.
        if !known && told.is_empty() {
            *facts = None;
        }
    }
}

fn fill(facts: &mut Facts, said: &Said<'_>) {
    for (text, fact) in TEXTS {
        if let Some(bytes) = said.text(text) {
            facts.fill(fact, bytes);
        }
    }
    if let Some(name) = said.text(ndpi_sys::FG_NDPI_SERVER_NAME) {
        if said.is_dhcp != 0 {
            facts.fill(Fact::HostName, name);
        } else {
            facts.fill(Fact::RequestedServerName, name);
        }
        if said.is_dns != 0 {
            facts.fill(Fact::DnsQuery, name);
        }
    }
    if said.is_dns != 0 && facts.dns_query_type.is_none() {
        facts.dns_query_type = Some(said.dns_query_type).filter(|number| *number > 0);
    }
    if said.is_dns != 0 && said.is_dns_answered != 0 {
        facts.dns_response_code.get_or_insert(said.dns_response_code.into());
    }
    for (text, fact) in HASSHES {
        if let Some(bytes) = said.text(text) {
            // In lower case, as they are published.
            facts.fill(fact, &bytes.to_ascii_lowercase());
        }
    }
    if said.tls_version != 0 {
        facts.fill(Fact::TlsVersion, tls_version(said.tls_version).as_bytes());
    }
    facts.fill_risks(Risks { bits: said.risks, name: risk_name });
}

/// Texts that are facts as they stand.
const TEXTS: [(u32, Fact); 8] = [
    (ndpi_sys::FG_NDPI_USER_AGENT, Fact::UserAgent),
    (ndpi_sys::FG_NDPI_CONTENT_TYPE, Fact::ContentType),
    (ndpi_sys::FG_NDPI_JA3, Fact::Ja3),
    (ndpi_sys::FG_NDPI_JA3S, Fact::Ja3s),
    (ndpi_sys::FG_NDPI_TLS_ALPN, Fact::TlsAlpn),
    (ndpi_sys::FG_NDPI_SSH_CLIENT, Fact::SshClient),
    (ndpi_sys::FG_NDPI_SSH_SERVER, Fact::SshServer),
    (ndpi_sys::FG_NDPI_DHCP_FINGERPRINT, Fact::DhcpFingerprint),
];
const HASSHES: [(u32, Fact); 2] =
    [(ndpi_sys::FG_NDPI_HASSH, Fact::Hassh), (ndpi_sys::FG_NDPI_HASSH_SERVER, Fact::HasshServer)];

/// A version of TLS or DTLS in words, as `ndpi_ssl_version2str` has them (RFC 8446 §4.2.1, RFC 9147 §5.3).
fn tls_version(number: u16) -> Cow<'static, str> {
    let known = match number {
        0x0300 => "SSLv3",
        0x0301 => "TLSv1",
        0x0302 => "TLSv1.1",
        0x0303 => "TLSv1.2",
        0x0304 => "TLSv1.3",
        0x7f00..=0x7fff => "TLSv1.3 (draft)",
        0xfb1a => "TLSv1.3 (Fizz)",
        0xfeff => "DTLSv1.0",
        0xfefd => "DTLSv1.2",
        0xfefc => "DTLSv1.3",
        _ => return format!("0x{number:04x}").into(),
    };
    known.into()
}
