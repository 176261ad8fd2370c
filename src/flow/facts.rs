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
    pub risks: Vec<&'static str>,
}

impl Facts {
    /// Longest text that is kept, in bytes.
    pub const MAX_TEXT: usize = 512;
    /// Most answers and cipher suites that are kept.
    pub const MAX_ITEMS: usize = 256;

    /// Takes what `other` tells beyond these.
    pub(crate) fn complete(&mut self, other: Self) {
        fn fill<T>(mine: &mut Option<T>, other: Option<T>) {
            if mine.is_none() {
                *mine = other;
            }
        }
        fill(&mut self.requested_server_name, other.requested_server_name);
        fill(&mut self.ja3, other.ja3);
        fill(&mut self.ja3s, other.ja3s);
        fill(&mut self.ja4, other.ja4);
        fill(&mut self.hassh, other.hassh);
        fill(&mut self.hassh_server, other.hassh_server);
        fill(&mut self.tls_version, other.tls_version);
        if self.tls_ciphers.is_empty() {
            self.tls_ciphers = other.tls_ciphers;
        }
        fill(&mut self.tls_cipher, other.tls_cipher);
        fill(&mut self.tls_alpn, other.tls_alpn);
        fill(&mut self.tls_alpn_chosen, other.tls_alpn_chosen);
        fill(&mut self.tls_subject, other.tls_subject);
        fill(&mut self.tls_issuer, other.tls_issuer);
        fill(&mut self.tls_not_before, other.tls_not_before);
        fill(&mut self.tls_not_after, other.tls_not_after);
        fill(&mut self.dns_query, other.dns_query);
        fill(&mut self.dns_query_type, other.dns_query_type);
        fill(&mut self.dns_response_code, other.dns_response_code);
        if self.dns_answers.is_empty() {
            self.dns_answers = other.dns_answers;
        }
        fill(&mut self.dns_round_trip_ns, other.dns_round_trip_ns);
        fill(&mut self.http_method, other.http_method);
        fill(&mut self.http_host, other.http_host);
        fill(&mut self.http_path, other.http_path);
        fill(&mut self.http_status, other.http_status);
        fill(&mut self.user_agent, other.user_agent);
        fill(&mut self.content_type, other.content_type);
        fill(&mut self.dhcp_fingerprint, other.dhcp_fingerprint);
        fill(&mut self.host_name, other.host_name);
        fill(&mut self.ssh_client, other.ssh_client);
        fill(&mut self.ssh_server, other.ssh_server);
        if self.risks.is_empty() {
            self.risks = other.risks;
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
