//! What the packets of a flow say of themselves: names, versions and fingerprints, read out of handshakes and headers.

use crate::time::Timestamp;

/// What was read out of the payload of one flow; `None`, or empty, where nothing was there to read.
///
/// Texts are as they were sent, with what is not UTF-8 replaced, and cut at [`Facts::MAX_TEXT`] bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The server that the client asks for: TLS or QUIC server name (RFC 6066), HTTP host, name in a DNS question.
    pub requested_server_name: Option<String>,
    /// JA3 of the TLS client: MD5 in hexadecimal (github.com/salesforce/ja3).
    pub ja3: Option<String>,
    /// JA3S of the TLS server, likewise.
    pub ja3s: Option<String>,
    /// JA4 of the TLS or QUIC client (github.com/FoxIO-LLC/ja4; the client's is BSD-3-Clause).
    pub ja4: Option<String>,
    /// HASSH of the SSH client (github.com/salesforce/hassh).
    pub hassh: Option<String>,
    /// HASSH of the SSH server.
    pub hassh_server: Option<String>,
    /// The version that TLS settled on, as `TLSv1.3`.
    pub tls_version: Option<String>,
    /// The cipher suites that the client offers, in its order (IANA TLS parameters).
    pub tls_ciphers: Vec<u16>,
    /// The cipher suite that the server chose.
    pub tls_cipher: Option<u16>,
    /// The protocols that the client offers (ALPN, RFC 7301), in its order, with commas between.
    pub tls_alpn: Option<String>,
    /// The protocol that the server chose, where that is in the clear.
    pub tls_alpn_chosen: Option<String>,
    /// Subject of the server's certificate (RFC 4514), where it is in the clear.
    pub tls_subject: Option<String>,
    /// Its issuer.
    pub tls_issuer: Option<String>,
    /// Since when it is valid.
    pub tls_not_before: Option<Timestamp>,
    /// Until when it is valid.
    pub tls_not_after: Option<Timestamp>,
    /// The first name asked for (RFC 1035).
    pub dns_query: Option<String>,
    /// The type that was asked for (IANA DNS parameters).
    pub dns_query_type: Option<u16>,
    /// The response code of the answer.
    pub dns_response_code: Option<u16>,
    /// The answers: addresses, and names of other records.
    pub dns_answers: Vec<String>,
    /// Nanoseconds from the question to its answer.
    pub dns_round_trip_ns: Option<u64>,
    /// Method of the first HTTP request.
    pub http_method: Option<String>,
    /// Its host.
    pub http_host: Option<String>,
    /// Its target.
    pub http_path: Option<String>,
    /// Status of the first HTTP response.
    pub http_status: Option<u16>,
    /// User agent of an HTTP or QUIC client.
    pub user_agent: Option<String>,
    /// Type of the content of the first HTTP response.
    pub content_type: Option<String>,
    /// What a DHCP client asks for: the numbers of its option 55 with commas between.
    pub dhcp_fingerprint: Option<String>,
    /// The host's name in DHCP (option 12).
    pub host_name: Option<String>,
    /// Version of the SSH client (RFC 4253 §4.2).
    pub ssh_client: Option<String>,
    /// Version of the SSH server.
    pub ssh_server: Option<String>,
    /// Names of the risks that nDPI sees.
    pub risks: Vec<String>,
}

impl Facts {
    /// Longest text that is kept, in bytes.
    pub const MAX_TEXT: usize = 512;
    /// Most answers and cipher suites that are kept.
    pub const MAX_ITEMS: usize = 256;

    /// What these tell, and what `other` tells beyond that.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requested_server_name: self.requested_server_name.or(other.requested_server_name),
            ja3: self.ja3.or(other.ja3),
            ja3s: self.ja3s.or(other.ja3s),
            ja4: self.ja4.or(other.ja4),
            hassh: self.hassh.or(other.hassh),
            hassh_server: self.hassh_server.or(other.hassh_server),
            tls_version: self.tls_version.or(other.tls_version),
            tls_ciphers: if self.tls_ciphers.is_empty() { other.tls_ciphers } else { self.tls_ciphers },
            tls_cipher: self.tls_cipher.or(other.tls_cipher),
            tls_alpn: self.tls_alpn.or(other.tls_alpn),
            tls_alpn_chosen: self.tls_alpn_chosen.or(other.tls_alpn_chosen),
            tls_subject: self.tls_subject.or(other.tls_subject),
            tls_issuer: self.tls_issuer.or(other.tls_issuer),
            tls_not_before: self.tls_not_before.or(other.tls_not_before),
            tls_not_after: self.tls_not_after.or(other.tls_not_after),
            dns_query: self.dns_query.or(other.dns_query),
            dns_query_type: self.dns_query_type.or(other.dns_query_type),
            dns_response_code: self.dns_response_code.or(other.dns_response_code),
            dns_answers: if self.dns_answers.is_empty() { other.dns_answers } else { self.dns_answers },
            dns_round_trip_ns: self.dns_round_trip_ns.or(other.dns_round_trip_ns),
            http_method: self.http_method.or(other.http_method),
            http_host: self.http_host.or(other.http_host),
            http_path: self.http_path.or(other.http_path),
            http_status: self.http_status.or(other.http_status),
            user_agent: self.user_agent.or(other.user_agent),
            content_type: self.content_type.or(other.content_type),
            dhcp_fingerprint: self.dhcp_fingerprint.or(other.dhcp_fingerprint),
            host_name: self.host_name.or(other.host_name),
            ssh_client: self.ssh_client.or(other.ssh_client),
            ssh_server: self.ssh_server.or(other.ssh_server),
            risks: if self.risks.is_empty() { other.risks } else { self.risks },
        }
    }

    /// `bytes` as a text to keep.
    pub fn text(bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(Self::MAX_TEXT)]).into_owned();
        while text.len() > Self::MAX_TEXT {
            text.pop();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_utf_8_and_no_longer_than_said() {
        assert_eq!(Facts::text(b"a\xffb"), "a\u{fffd}b");
        assert!(Facts::text(&[0xff; 4000]).len() <= Facts::MAX_TEXT);
    }
}
