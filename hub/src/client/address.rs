//! Where a hub is, and what is spoken there.

use axum::http::Uri;

use crate::error::{Error, Result};

/// A hub's address, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    pub(crate) dialect: Dialect,
    pub(crate) tls: bool,
    /// Without the brackets of an address of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `/` when there is none.
    pub(crate) path: String,
}

/// What is spoken there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    Own,
    Netdumplings,
}

impl Address {
    /// Reads `ws://`, `wss://`, `http://`, `https://` (80 and 443 are their ports) or `netdumplings://` (11347).
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for anything else. It repeats no address that holds a password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let shown = if url.contains(['@', '?']) { "an address with ********".to_owned() } else { format!("{url:?}") };
        let refuse = |range| Error::Option { option: "hub", value: shown.clone(), range };
        let wrong = "ws, wss, http, https or netdumplings, then ://, a host and perhaps a port and a path";
        let uri: Uri = url.parse().map_err(|_| refuse(wrong))?;
        let (dialect, tls, port) = match uri.scheme_str() {
            Some("ws" | "http") => (Dialect::Own, false, 80),
            Some("wss" | "https") => (Dialect::Own, true, 443),
            Some("netdumplings") => (Dialect::Netdumplings, false, 11347),
            _ => return Err(refuse(wrong)),
        };
        let authority = uri.authority().ok_or_else(|| refuse(wrong))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a token is given as token, not within the address"));
        }
        if uri.query().is_some() {
            return Err(refuse("an address of a hub has no query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        // "host:" and "host:99999" have a colon and no port.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => port,
            _ => authority.port_u16().filter(|&port| port != 0).ok_or_else(|| refuse("a port is from 1 to 65535"))?,
        };
        if host.is_empty() {
            return Err(refuse(wrong));
        }
        let path = uri.path();
        Ok(Self { dialect, tls, host: host.to_owned(), port, path: path.to_owned() })
    }

    /// The same with this path, if the address has none of its own.
    #[must_use]
    pub(crate) fn or_path(mut self, path: &str) -> Self {
        if self.path == "/" {
            self.path = path.to_owned();
        }
        self
    }

    /// Host and port, as they stand in a URL and in the header `Host`.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read() {
        for (url, tls, authority, path) in [
            ("ws://127.0.0.1:11346", false, "127.0.0.1:11346", "/publish"),
            ("ws://127.0.0.1:11346/", false, "127.0.0.1:11346", "/publish"),
            ("http://hub.example", false, "hub.example:80", "/publish"),
            ("wss://hub.example/site/hub", true, "hub.example:443", "/site/hub"),
            ("https://[::1]:8443/a", true, "[::1]:8443", "/a"),
            ("netdumplings://localhost", false, "localhost:11347", "/publish"),
        ] {
            let address = Address::parse(url).unwrap().or_path("/publish");
            assert_eq!((address.tls, address.authority().as_str(), address.path.as_str()), (tls, authority, path));
        }
        assert!(
            Address::parse("ws://[::1]:1").unwrap().is_here() && Address::parse("ws://127.0.0.9:1").unwrap().is_here()
        );
        assert!(!Address::parse("ws://hub.example").unwrap().is_here());
    }

    #[test]
    fn what_is_none_is_refused_without_its_secrets() {
        for url in [
            "",
            "hub",
            "127.0.0.1:11346",
            "ftp://hub",
            "ws://",
            "ws:///publish",
            "ws://hub:0",
            "ws://hub:99999",
            "ws://hub:",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
        let told = Address::parse("ws://lab:secret@hub").unwrap_err().to_string();
        assert!(told.contains("token") && !told.contains("secret"), "{told}");
    }
}
