//! Collectors of IPFIX, as -w names them: `udp://HOST:PORT` or `tcp://HOST:PORT`.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use flowgauge::export::{Columns, Exporter, Ignored, IpfixExporter, IpfixOptions};
use flowgauge::{Error, FlowRecord, Result};

/// Who takes records over the network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Collector {
    over: Transport,
    /// Host and port.
    address: String,
}

/// How records get there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Transport {
    Udp,
    Tcp,
}

/// Goes on without the datagrams that could not be sent: who is not there may come back.
struct GoesOn<E> {
    exporter: E,
    told: bool,
}

impl Collector {
    /// The collector that this is the name of; `None` when it is that of a file.
    ///
    /// # Errors
    ///
    /// What to tell the user of a name that is neither.
    pub(crate) fn named(name: &Path) -> std::result::Result<Option<Self>, String> {
        let Some((scheme, rest)) = name.to_str().and_then(|name| name.split_once("://")) else { return Ok(None) };
        let over = match scheme {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            word if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err(format!("-w {scheme}://: collectors are reached over udp:// or tcp://"));
            }
            _ => return Ok(None),
        };
        let address = with_port(rest).ok_or_else(|| {
            format!(
                "-w {scheme}://{rest}: HOST:PORT is wanted, as in {scheme}://collector:4739 or {scheme}://[::1]:4739"
            )
        })?;
        Ok(Some(Self { over, address }))
    }

    /// Whether what cannot be taken in is lost.
    pub(crate) fn loses(&self) -> bool {
        self.over == Transport::Udp
    }

    /// What sends records there; over UDP it goes on, `live`, when nobody is there.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when there is nobody of that name, or over TCP nobody who listens.
    pub(crate) fn exporter(
        &self,
        columns: Columns,
        options: &IpfixOptions,
        live: bool,
    ) -> Result<Box<dyn Exporter + 'static>> {
        let address = self.address.as_str();
        Ok(match self.over {
            Transport::Tcp => Box::new(IpfixExporter::tcp(address, columns, options)?),
            Transport::Udp => {
                let exporter = IpfixExporter::udp(address, columns, options)?;
                if live { Box::new(GoesOn { exporter, told: false }) } else { Box::new(exporter) }
            }
        })
    }
}

/// As errors have it.
impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.over == Transport::Udp { "udp" } else { "tcp" };
        write!(f, "{scheme}://{}", self.address)
    }
}

impl<E> GoesOn<E> {
    fn told(&mut self, sent: Result<()>) -> Result<()> {
        match sent {
            Err(error @ Error::Write { .. }) => {
                if !self.told {
                    // There is nobody to tell if this cannot be written.
                    let _ = writeln!(io::stderr(), "flowgauge: warning: {error}; sending goes on");
                }
                self.told = true;
                Ok(())
            }
            sent => sent,
        }
    }
}

impl<E: Exporter> Exporter for GoesOn<E> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        let sent = self.exporter.export(record);
        self.told(sent)
    }

    fn flush(&mut self) -> Result<()> {
        let sent = self.exporter.flush();
        self.told(sent)
    }

    fn ignored(&mut self, ignored: &Ignored) {
        self.exporter.ignored(ignored);
    }

    fn finish(&mut self) -> Result<()> {
        let sent = self.exporter.finish();
        self.told(sent)
    }
}

/// Host and port, the usual one if none is said; `None` for what is neither.
fn with_port(address: &str) -> Option<String> {
    let address = address.strip_suffix('/').unwrap_or(address);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok().filter(|port| *port > 0)?),
        _ => (address, IPFIX_PORT),
    };
    let bare = host.strip_prefix('[').map_or(Some(host), |host| host.strip_suffix(']'))?;
    let is_host = !bare.is_empty() && !bare.contains(['/', '[', ']', '@']) && bare.contains(':') == (bare != host);
    is_host.then(|| format!("{host}:{port}"))
}

/// What IANA has for IPFIX.
const IPFIX_PORT: u16 = 4739;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_way_a_host_and_a_port() {
        let named = |name: &str| Collector::named(Path::new(name)).map(|found| found.map(|it| it.to_string()));
        for (name, means) in [
            ("udp://127.0.0.1:9995", "udp://127.0.0.1:9995"),
            ("tcp://collector.example:4740/", "tcp://collector.example:4740"),
            ("udp://collector", "udp://collector:4739"),
            ("tcp://[::1]", "tcp://[::1]:4739"),
            ("tcp://[fe80::1]:1", "tcp://[fe80::1]:1"),
        ] {
            assert_eq!(named(name), Ok(Some(means.to_owned())), "{name}");
        }
        for file in ["flows.csv", "udp", "./udp://a", "a/b://c", "udp:/a"] {
            assert_eq!(named(file), Ok(None), "{file}");
        }
        for wrong in
            ["udp://", "udp://:1", "udp://::1", "udp://a:0", "udp://a:65536", "tcp://a:", "tcp://a/b", "tcp://[a:1"]
        {
            assert!(named(wrong).unwrap_err().contains("HOST:PORT is wanted"), "{wrong}");
        }
        assert!(named("sctp://a:1").unwrap_err().contains("udp:// or tcp://"));
    }
}
