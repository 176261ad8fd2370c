//! Application: how sure its name is, and what the payload of the first packets says.

use super::{Cell, Column, ColumnKind, Group, Needs, element, text};
use crate::flow::FlowRecord;

/// A column that is there whenever a classifier is.
const fn label(name: &'static str, kind: ColumnKind, doc: &'static str, get: fn(&FlowRecord) -> Cell<'_>) -> Column {
    Column {
        name,
        kind,
        unit: "",
        nullable: true,
        group: Group::Application,
        needs: None,
        doc,
        ipfix: &[],
        own_element: None,
        get,
    }
}

/// A column of the option `application_fields`; null where there was nothing to read.
macro_rules! fact {
    ($name:literal, $kind:ident, $unit:literal, $doc:literal, $tell:expr) => {
        Column {
            name: $name,
            kind: ColumnKind::$kind,
            unit: $unit,
            nullable: true,
            group: Group::Application,
            needs: Some(Needs::ApplicationFields),
            doc: $doc,
            ipfix: &[],
            own_element: None,
            get: |record| record.facts().map_or(Cell::Null, $tell),
        }
    };
    ($name:literal, $doc:literal, $field:ident) => {
        fact!($name, Text, "", $doc, |facts| text(facts.$field()))
    };
}

pub(super) static COLUMNS: &[Column] = &[
    label(
        "application_confidence",
        ColumnKind::Text,
        "What the label rests on, in nDPI's words: dpi, dpi_cache, match_by_port, match_by_ip ...; null without nDPI.",
        |r| text(r.application.as_deref().map(|application| application.confidence.name())),
    )
    .own(1064),
    label(
        "application_guessed",
        ColumnKind::Bool,
        "Whether the label is a guess by port or address; null without nDPI.",
        |r| r.application.as_deref().map_or(Cell::Null, |application| Cell::Bool(application.confidence.is_guessed())),
    )
    .own(1065),
    fact!(
        "requested_server_name",
        "The server that the client asks for: TLS or QUIC server name (RFC 6066), HTTP host, name in a DNS question.",
        requested_server_name
    )
    .own(1066),
    fact!("ja3", "JA3 of the TLS client (github.com/salesforce/ja3).", ja3).own(1067),
    fact!("ja3s", "JA3S of the TLS server (github.com/salesforce/ja3).", ja3s).own(1068),
    fact!("ja4", "JA4 of the TLS or QUIC client (github.com/FoxIO-LLC/ja4).", ja4).own(1069),
    fact!("hassh", "HASSH of the SSH client (github.com/salesforce/hassh).", hassh).own(1070),
    fact!("hassh_server", "HASSH of the SSH server (github.com/salesforce/hassh).", hassh_server).own(1071),
    fact!("tls_version", "The version that TLS settled on, as TLSv1.3.", tls_version).own(1072),
    fact!(
        "tls_ciphers",
        ListU16,
        "",
        "The cipher suites that the TLS client offers, in its order (IANA TLS parameters).",
        |facts| numbers(&facts.tls_ciphers)
    )
    .own(1073),
    fact!("tls_cipher", U16, "", "The cipher suite that the TLS server chose (IANA TLS parameters).", |facts| {
        number(facts.tls_cipher)
    })
    .own(1074),
    fact!("tls_alpn", "The protocols that the TLS client offers, with commas between (ALPN, RFC 7301).", tls_alpn)
        .own(1075),
    fact!("tls_alpn_chosen", "The protocol that the TLS server chose, where that is in the clear.", tls_alpn_chosen)
        .own(1076),
    fact!("tls_subject", "Subject of the server's certificate (RFC 4514), where it is in the clear.", tls_subject)
        .own(1077),
    fact!("tls_issuer", "Issuer of the server's certificate (RFC 4514), where it is in the clear.", tls_issuer)
        .own(1078),
    fact!("tls_not_before", Time, "", "Since when the server's certificate is valid.", |facts| {
        facts.tls_not_before.map_or(Cell::Null, Cell::Time)
    })
    .own(1079),
    fact!("tls_not_after", Time, "", "Until when the server's certificate is valid.", |facts| {
        facts.tls_not_after.map_or(Cell::Null, Cell::Time)
    })
    .own(1080),
    fact!("dns_query", "The first name asked for in DNS (RFC 1035).", dns_query).own(1081),
    fact!("dns_query_type", U16, "", "The type that was asked for (IANA DNS parameters).", |facts| {
        number(facts.dns_query_type)
    })
    .own(1082),
    fact!("dns_response_code", U16, "", "The response code of the first answer (IANA DNS parameters).", |facts| {
        number(facts.dns_response_code)
    })
    .own(1083),
    fact!("dns_answers", ListText, "", "The answers of DNS: addresses, and names of other records.", |facts| {
        texts(facts.dns_answers())
    })
    .own(1084),
    fact!("dns_round_trip", Duration, "", "From the first question in DNS to its answer.", |facts| {
        facts.dns_round_trip_ns.map_or(Cell::Null, Cell::Duration)
    })
    .own(1085),
    fact!("http_method", "Method of the first HTTP request (RFC 9110).", http_method).ipfix(element::HTTP_METHOD),
    fact!("http_host", "Host of the first HTTP request (RFC 9110).", http_host).ipfix(element::HTTP_HOST),
    fact!("http_path", "Target of the first HTTP request (RFC 9110).", http_path).ipfix(element::HTTP_PATH),
    fact!("http_status", U16, "", "Status of the first HTTP response (RFC 9110).", |facts| number(facts.http_status))
        .ipfix(element::HTTP_STATUS),
    fact!("user_agent", "User agent of the HTTP or QUIC client.", user_agent).ipfix(element::USER_AGENT),
    fact!("content_type", "Type of the content of the first HTTP response.", content_type).ipfix(element::CONTENT_TYPE),
    fact!(
        "dhcp_fingerprint",
        "What a DHCP client asks for: the numbers in its option 55, with commas between.",
        dhcp_fingerprint
    )
    .own(1086),
    fact!("host_name", "The client's name in DHCP (option 12).", host_name).own(1087),
    fact!("ssh_client", "Version of the SSH client (RFC 4253 section 4.2).", ssh_client).own(1088),
    fact!("ssh_server", "Version of the SSH server (RFC 4253 section 4.2).", ssh_server).own(1089),
    fact!("risks", ListText, "", "Names of the risks that nDPI sees in the flow.", |facts| texts(facts.risks()))
        .own(1090),
];

fn number(value: Option<u16>) -> Cell<'static> {
    value.map_or(Cell::Null, |number| Cell::Uint(number.into()))
}

fn numbers(values: &[u16]) -> Cell<'static> {
    if values.is_empty() { Cell::Null } else { Cell::List(values.iter().copied().map(i64::from).collect()) }
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Cell<'a> {
    let texts: Vec<_> = values.collect();
    if texts.is_empty() { Cell::Null } else { Cell::Texts(texts) }
}
