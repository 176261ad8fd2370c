//! The one error of the crate: why a hub, or what speaks to one, cannot start, or had to end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong, each with the thing, the place and a way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address that others reach needs both TLS and tokens.
    #[error(
        "{address} can be reached from elsewhere, so it needs tls_certificate, tls_key and tokens \
         (or insecure, on a network that you trust)"
    )]
    Open {
        /// Where the hub was to listen.
        address: SocketAddr,
    },
    /// The ports of netdumplings cannot be encrypted: its clients speak plain WebSockets only.
    #[error("{address} can be reached from elsewhere, and netdumplings knows no TLS: use a tunnel, or insecure")]
    OpenCompat {
        /// Where its ports were to listen.
        address: SocketAddr,
    },
    /// What goes to a broker elsewhere has to be encrypted.
    #[error("{server} is another machine, so it needs tls:// (or insecure, on a network that you trust)")]
    OpenBroker {
        /// The server.
        server: String,
    },
    /// There is no code for a broker in this build.
    #[error("this build has no broker: it needs the cargo feature nats")]
    NoBroker,
    /// The broker is not there, does not let us in, or has no stream for us.
    #[error("no broker at {server}: {detail}")]
    Broker {
        /// The server, or several.
        server: String,
        /// What is wrong, and what would help. Never a secret.
        detail: String,
    },
    /// A value of the options is out of its range.
    #[error("{option} is {value}: {range}")]
    Option {
        /// Which one.
        option: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// The certificate has no key, or the key no certificate.
    #[error("tls_certificate and tls_key belong together: {missing} is missing")]
    HalfTls {
        /// The option that is not there.
        missing: &'static str,
    },
    /// A file of the options cannot be read.
    #[error("cannot read {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key is not PEM, or they do not fit.
    #[error("no TLS with {path:?}: {detail}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Never its content.
        detail: String,
    },
    /// A folder cannot keep messages.
    #[error("cannot keep messages in {path:?}: {detail}")]
    Spool {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A line of the file of tokens is not one.
    #[error("{path:?}, line {line}: {detail} (a line is: name, roles with commas between them, token or sha256:HEX)")]
    Tokens {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it. Never its content.
        detail: &'static str,
    },
    /// An address is taken, not ours, or not allowed to us.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A hub was not reached, or does not answer.
    #[error("{detail}")]
    Ask {
        /// Which hub, and what is wrong with it.
        detail: String,
    },
    /// The machine gives no threads or no random numbers.
    #[error("cannot start: {source}")]
    Start {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
