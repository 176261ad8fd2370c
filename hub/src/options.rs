//! What a hub may be told: where it listens, who may come, how much of what.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Options of a hub: the keys of its TOML file.
///
/// The default listens on loopback, for everybody on this machine. Times are in seconds, as numbers. [`Hub::bind`] is the
/// one place that can refuse.
///
/// [`Hub::bind`]: crate::Hub::bind
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How the hub calls itself. Defaults to `flowgauge`.
    pub name: String,
    /// Where the page, `/publish`, `/subscribe`, `/events`, `/status`, `/metrics` and `/healthz` are. Defaults to
    /// 127.0.0.1:11346; port 0 takes any that is free. Any address but loopback needs TLS and tokens, or `insecure`.
    pub listen: SocketAddr,
    /// The certificate, with those that vouch for it behind it, in PEM. None, the default, means no TLS.
    pub tls_certificate: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    pub tls_key: Option<PathBuf>,
    /// A file of tokens, a line each: name, roles (publish, subscribe, status) with commas between them, token (or
    /// `sha256:` and its digest in hex). With it, nobody does anything without a token. None, the default, means none are asked.
    pub tokens: Option<PathBuf>,
    /// Listen where others can reach it without TLS and tokens. Defaults to false.
    pub insecure: bool,
    /// Origins of web pages that may connect, as in `https://monitor.example`. A program that is no browser sends none, and is
    /// not asked. Defaults to none.
    pub origins: Vec<String>,
    /// The longest message, in bytes. Defaults to 1,048,576; from 1,024 to 67,108,864.
    pub max_message_bytes: usize,
    /// Connections at one time, of all kinds and ports together. Defaults to 2,048; from 1 to 65,536.
    pub max_connections: usize,
    /// Publishers among them, of both protocols. Defaults to 256.
    pub max_publishers: usize,
    /// Messages a second that are read of one publisher; a faster one waits. Defaults to 10,000; from 1 to 1,000,000.
    pub max_messages_per_second: u32,
    /// How long TLS, the head of a request and a hello may take, each. Defaults to 10 s; from 0.1 to 3,600.
    #[serde(with = "seconds")]
    pub hello_timeout: Duration,
    /// How long nothing of what is sent may be taken before a connection is given up. Defaults to 20 s; from 0.1 to 3,600.
    #[serde(with = "seconds")]
    pub write_timeout: Duration,
    /// Between two pings of a WebSocket; one that says nothing for two of them is given up. Defaults to 20 s; from 0.1 to 3,600.
    #[serde(with = "seconds")]
    pub ping_interval: Duration,
    /// Messages that may wait for one subscriber. Defaults to 4,096; from 1 to 1,000,000.
    pub queue_messages: usize,
    /// Bytes of them. Messages are shared between all who wait for them. Defaults to 8,388,608; at least 65,536.
    pub queue_bytes: usize,
    /// The last messages, kept for those who come back. Defaults to 10,000; zero keeps none.
    pub history_messages: usize,
    /// Bytes of them. Defaults to 67,108,864.
    pub history_bytes: usize,
    /// Between two messages of the hub about itself. Defaults to 5 s; from 0.1 to 3,600.
    #[serde(with = "seconds")]
    pub status_interval: Duration,
    /// How long subscribers may take for what waits for them when the hub ends. Defaults to 5 s; from 0.1 to 3,600.
    #[serde(with = "seconds")]
    pub shutdown_grace: Duration,
    /// Whose protocol is spoken as well. Defaults to nobody's.
    pub compat: Option<Compat>,
    /// Where its two ports are. Defaults to 127.0.0.1. Its clients know no TLS, so any other needs `insecure`.
    pub compat_address: IpAddr,
    /// The port that its kitchens send to. Defaults to 11347.
    pub compat_in: u16,
    /// The port that its eaters read from. Defaults to 11348.
    pub compat_out: u16,
    /// Where NATS is, which then carries the messages between hubs: `nats://HOST:PORT` or `tls://HOST:PORT`, servers of one
    /// cluster with commas between them. Never with a user or password. `nats://` to another machine needs `insecure`. None, the
    /// default, means that this hub is alone. Needs the cargo feature `nats`.
    pub broker: Option<String>,
    /// A file with the token that NATS wants. Defaults to none.
    pub broker_token: Option<PathBuf>,
    /// A file of credentials (`.creds`: a JWT and its key), as NATS makes them. Defaults to none.
    pub broker_credentials: Option<PathBuf>,
    /// Certificates in PEM that vouch for NATS, instead of those of the system. Defaults to none.
    pub broker_ca: Option<PathBuf>,
    /// The stream of JetStream, and the first word of its subjects; made when it is not there. Defaults to `flowgauge`; 1 to 64
    /// letters, digits, `-`, `_`.
    pub broker_stream: String,
    /// Bytes that the stream keeps when it is made here; the oldest go. Defaults to 1,073,741,824; at least 1,048,576.
    pub broker_max_bytes: u64,
    /// How long the stream keeps a message when it is made here. Defaults to 86,400 s; from 1 to 315,360,000.
    #[serde(with = "seconds")]
    pub broker_max_age: Duration,
    /// On how many servers the stream is kept when it is made here. Defaults to 1; from 1 to 5.
    pub broker_replicas: usize,
    /// How long the broker may take to store a message before its publisher is sent away, to send it again. Defaults to 30 s;
    /// from 0.1 to 3,600.
    #[serde(with = "seconds")]
    pub broker_timeout: Duration,
}

/// A protocol beside our own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compat {
    /// That of netdumplings 0.5.1.
    Netdumplings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "flowgauge".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 11346)),
            tls_certificate: None,
            tls_key: None,
            tokens: None,
            insecure: false,
            origins: Vec::new(),
            max_message_bytes: 1 << 20,
            max_connections: 2048,
            max_publishers: 256,
            max_messages_per_second: 10_000,
            hello_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(20),
            ping_interval: Duration::from_secs(20),
            queue_messages: 4096,
            queue_bytes: 8 << 20,
            history_messages: 10_000,
            history_bytes: 64 << 20,
            status_interval: Duration::from_secs(5),
            shutdown_grace: Duration::from_secs(5),
            compat: None,
            compat_address: Ipv4Addr::LOCALHOST.into(),
            compat_in: 11347,
            compat_out: 11348,
            broker: None,
            broker_token: None,
            broker_credentials: None,
            broker_ca: None,
            broker_stream: "flowgauge".to_owned(),
            broker_max_bytes: 1 << 30,
            broker_max_age: Duration::from_secs(86_400),
            broker_replicas: 1,
            broker_timeout: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// Whether these can be kept. Files are not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::OpenCompat`], [`Error::OpenBroker`], [`Error::NoBroker`], [`Error::HalfTls`] and
    /// [`Error::Option`].
    pub fn check(&self) -> Result<()> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => return Err(Error::HalfTls { missing: "tls_key" }),
            (None, Some(_)) => return Err(Error::HalfTls { missing: "tls_certificate" }),
            (tls, _) => {
                let closed = tls.is_some() && self.tokens.is_some();
                if !self.listen.ip().is_loopback() && !closed && !self.insecure {
                    return Err(Error::Open { address: self.listen });
                }
            }
        }
        if self.compat.is_some() && !self.compat_address.is_loopback() && !self.insecure {
            return Err(Error::OpenCompat { address: (self.compat_address, self.compat_in).into() });
        }
        self.check_broker()?;
        self.check_ranges()
    }

    fn check_broker(&self) -> Result<()> {
        let Some(servers) = &self.broker else { return Ok(()) };
        if !cfg!(feature = "nats") {
            return Err(Error::NoBroker);
        }
        let refuse = |option, value: &str, range| Err(Error::Option { option, value: value.to_owned(), range });
        for server in servers.split(',') {
            // Neither an error nor a log may hold what was never to stand there.
            if server.contains('@') {
                return refuse("broker", "a URL with a user", "it belongs into broker_token or broker_credentials");
            }
            let Some((scheme, host)) = broker_host(server) else {
                return refuse("broker", &format!("{server:?}"), "nats:// or tls://, a host and perhaps a port");
            };
            if scheme == "nats" && !is_this_machine(host) && !self.insecure {
                return Err(Error::OpenBroker { server: server.to_owned() });
            }
        }
        if self.broker_token.is_some() && self.broker_credentials.is_some() {
            return refuse("broker_token", "there, and so is broker_credentials", "one of them");
        }
        let name = &self.broker_stream;
        if !(1..=64).contains(&name.len()) || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            return refuse("broker_stream", &format!("{name:?}"), "1 to 64 letters, digits, '-' or '_'");
        }
        if !(1 << 20..=i64::MAX as u64).contains(&self.broker_max_bytes) {
            return refuse("broker_max_bytes", &self.broker_max_bytes.to_string(), "at least 1048576");
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(315_360_000)).contains(&self.broker_max_age) {
            let value = format!("{} s", self.broker_max_age.as_secs_f64());
            return refuse("broker_max_age", &value, "from 1 to 315360000 seconds");
        }
        if !(1..=5).contains(&self.broker_replicas) {
            return refuse("broker_replicas", &self.broker_replicas.to_string(), "from 1 to 5");
        }
        Ok(())
    }

    fn check_ranges(&self) -> Result<()> {
        let refuse = |option, value: String, range| Err(Error::Option { option, value, range });
        if self.name.is_empty() || self.name.len() > 256 || self.name.chars().any(char::is_control) {
            return refuse("name", format!("{:?}", self.name), "1 to 256 bytes without control characters");
        }
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return refuse(
                "origins",
                format!("{origin:?}"),
                "http:// or https://, a host and perhaps a port, nothing else",
            );
        }
        let rate = self.max_messages_per_second as usize;
        for (option, value, (least, most), range) in [
            ("max_message_bytes", self.max_message_bytes, (1024, 64 << 20), "from 1024 to 67108864"),
            ("max_connections", self.max_connections, (1, 65_536), "from 1 to 65536"),
            ("max_publishers", self.max_publishers, (1, 65_536), "from 1 to 65536"),
            ("max_messages_per_second", rate, (1, 1_000_000), "from 1 to 1000000"),
            ("queue_messages", self.queue_messages, (1, 1_000_000), "from 1 to 1000000"),
            ("queue_bytes", self.queue_bytes, (65_536, usize::MAX), "at least 65536"),
            ("history_messages", self.history_messages, (0, 10_000_000), "from 0 to 10000000"),
        ] {
            if !(least..=most).contains(&value) {
                return refuse(option, value.to_string(), range);
            }
        }
        for (option, value) in [
            ("hello_timeout", self.hello_timeout),
            ("write_timeout", self.write_timeout),
            ("ping_interval", self.ping_interval),
            ("status_interval", self.status_interval),
            ("shutdown_grace", self.shutdown_grace),
            ("broker_timeout", self.broker_timeout),
        ] {
            if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&value) {
                return refuse(option, format!("{} s", value.as_secs_f64()), "from 0.1 to 3600 seconds");
            }
        }
        Ok(())
    }
}

fn is_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && !b"/?#@\\*".contains(&b)))
}

/// Scheme and host of a broker's address.
fn broker_host(server: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = server.split_once("://").filter(|(scheme, _)| ["nats", "tls"].contains(scheme))?;
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
    };
    let port_fits = port.is_empty() || port.strip_prefix(':')?.parse::<u16>().is_ok_and(|port| port > 0);
    let host_fits = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
    (port_fits && host_fits).then_some((scheme, host))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(|_| D::Error::custom("seconds are a number from 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Options)) -> String {
        let mut options = Options::default();
        change(&mut options);
        options.check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_kept() {
        Options::default().check().unwrap();
        let text = serde_json::to_string(&Options::default()).unwrap();
        assert_eq!(serde_json::from_str::<Options>(&text).unwrap(), Options::default());
        assert_eq!(serde_json::from_str::<Options>("{}").unwrap(), Options::default());
        assert!(serde_json::from_str::<Options>(r#"{"lisen": "127.0.0.1:1"}"#).is_err());
    }

    #[test]
    fn an_open_address_needs_tls_and_tokens() {
        let open: SocketAddr = "0.0.0.0:1".parse().unwrap();
        assert!(refusal(|options| options.listen = open).contains("needs tls_certificate"));
        let tls = |options: &mut Options| {
            options.listen = open;
            (options.tls_certificate, options.tls_key) = (Some("a".into()), Some("b".into()));
        };
        assert!(refusal(tls).contains("tokens"));
        let mut closed = Options { tokens: Some("t".into()), ..Options::default() };
        tls(&mut closed);
        closed.check().unwrap();
        Options { listen: open, insecure: true, ..Options::default() }.check().unwrap();
        closed.compat = Some(Compat::Netdumplings);
        closed.check().unwrap();
        closed.compat_address = open.ip();
        assert!(closed.check().unwrap_err().to_string().contains("no TLS"));
        assert!(refusal(|options| options.tls_key = Some("b".into())).contains("tls_certificate is missing"));
    }

    #[test]
    #[cfg(feature = "nats")]
    fn a_broker_is_an_address_without_secrets() {
        for good in ["nats://127.0.0.1", "nats://localhost:4222,nats://[::1]:4223", "tls://nats.example:4222"] {
            Options { broker: Some(good.to_owned()), ..Options::default() }.check().unwrap();
        }
        for bad in
            ["127.0.0.1:4222", "http://127.0.0.1", "nats://", "nats://a:0", "nats://a:b", "nats://a/b", "nats://[a"]
        {
            assert!(refusal(|options| options.broker = Some(bad.to_owned())).contains("nats:// or tls://"), "{bad}");
        }
        let told = refusal(|options| options.broker = Some("tls://lab:secret@nats.example".to_owned()));
        assert!(told.contains("broker_token") && !told.contains("secret"), "{told}");
        let plain = Some("nats://nats.example".to_owned());
        assert!(refusal(|options| options.broker = plain.clone()).contains("tls://"));
        Options { broker: plain, insecure: true, ..Options::default() }.check().unwrap();
        let with = |change: fn(&mut Options)| {
            refusal(|options| {
                options.broker = Some("nats://localhost".to_owned());
                change(options);
            })
        };
        assert!(with(|options| options.broker_stream = "a.b".to_owned()).contains("broker_stream"));
        assert!(with(|options| options.broker_replicas = 6).contains("from 1 to 5"));
        assert!(with(|options| options.broker_max_age = Duration::ZERO).contains("broker_max_age is 0 s"));
        assert!(with(|options| options.broker_max_bytes = 1).contains("broker_max_bytes is 1"));
        let both = |options: &mut Options| {
            (options.broker_token, options.broker_credentials) = (Some("a".into()), Some("b".into()));
        };
        assert!(with(both).contains("one of them"));
    }

    #[test]
    #[cfg(not(feature = "nats"))]
    fn a_broker_needs_its_feature() {
        assert!(refusal(|options| options.broker = Some("nats://localhost".to_owned())).contains("nats"));
    }

    #[test]
    fn ranges_are_kept() {
        assert!(refusal(|options| options.max_message_bytes = 1).contains("max_message_bytes is 1: from 1024"));
        assert!(refusal(|options| options.ping_interval = Duration::ZERO).contains("ping_interval is 0 s"));
        assert!(refusal(|options| options.origins = vec!["monitor.example".to_owned()]).contains("http://"));
        assert!(refusal(|options| options.origins = vec!["http://a/b".to_owned()]).contains("nothing else"));
        assert!(refusal(|options| options.name = "a\n".to_owned()).contains("control"));
    }
}
