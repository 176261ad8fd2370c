//! A connection to a hub: TCP, TLS where the address asks for it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tungstenite::Error as WsError;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocketConfig;

use crate::client::address::{Address, Dialect};
use crate::client::failure::Failure;
use crate::error::{Error, Result};

/// A connection, plain or within TLS.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A WebSocket over one.
pub(crate) type WebSocket = WebSocketStream<Box<dyn Wire>>;

/// How a hub is reached. No `Debug`: it holds a token.
pub(crate) struct Dialer {
    pub(crate) address: Address,
    tls: Option<TlsConnector>,
    /// The token, in the header that carries it.
    authorization: Option<HeaderValue>,
}

impl Dialer {
    /// Reads the certificates that are trusted: those of `tls_ca`, else those that this machine trusts.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and [`Error::Tls`] of that file, and [`Error::Option`] for a token that no header can carry.
    pub(crate) fn new(address: Address, token: Option<&str>, tls_ca: Option<&Path>) -> Result<Self> {
        let tls = if address.tls { Some(connector(tls_ca)?) } else { None };
        let authorization = token.map(|token| authorization(address.dialect, token)).transpose()?;
        if authorization.is_some() && !address.tls && !address.is_here() {
            tracing::warn!(hub = address.authority(), "the token can be read on its way: wss:// would encrypt it");
        }
        Ok(Self { address, tls, authorization })
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> std::result::Result<Box<dyn Wire>, Failure> {
        let Address { host, port, .. } = &self.address;
        let reached = async {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            let Some(tls) = &self.tls else { return io::Result::Ok(Box::new(stream) as Box<dyn Wire>) };
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            Ok(Box::new(tls.connect(name, stream).await?) as Box<dyn Wire>)
        };
        let wrong = |why: String| Failure::new(format!("cannot reach {}: {why}", self.address.authority()));
        match timeout(CONNECT_WITHIN, reached).await {
            Ok(Ok(wire)) => Ok(wire),
            Ok(Err(error)) => Err(wrong(error.to_string())),
            Err(_) => Err(wrong(format!("nothing came of it in {} s", CONNECT_WITHIN.as_secs()))),
        }
    }

    /// Connects, and makes it a WebSocket that takes messages up to this length.
    pub(crate) async fn websocket(&self, max_message_bytes: usize) -> std::result::Result<WebSocket, Failure> {
        let wire = self.connect().await?;
        let url = format!("ws://{}{}", self.address.authority(), self.address.path);
        let mut request = url.into_client_request().map_err(|error| Failure::turned_away(error.to_string()))?;
        if let Some((name, value)) = self.authorization() {
            request.headers_mut().insert(name, value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_message_bytes))
            .max_frame_size(Some(max_message_bytes))
            .read_buffer_size(16 * 1024);
        match timeout(CONNECT_WITHIN, client_async_with_config(request, wire, Some(config))).await {
            Ok(Ok((ws, _))) => Ok(ws),
            Ok(Err(error)) => Err(self.refusal(error)),
            Err(_) => Err(Failure::new(format!("{} does not answer", self.address.authority()))),
        }
    }

    /// The header that carries the token.
    pub(crate) fn authorization(&self) -> Option<(HeaderName, HeaderValue)> {
        self.authorization.clone().map(|value| (header::AUTHORIZATION, value))
    }

    fn refusal(&self, error: WsError) -> Failure {
        match error {
            WsError::Http(answer) => self.refused(answer.status().as_u16()),
            error => Failure::new(format!("{} speaks no WebSocket: {error}", self.address.authority())),
        }
    }

    /// What an answer with this status means.
    pub(crate) fn refused(&self, code: u16) -> Failure {
        let why = match code {
            401 => "it wants a token",
            403 => "this token, or the name it was asked for by, does not allow that",
            404 => "there is no hub at this path",
            503 => "it is full",
            _ => "see its log",
        };
        Failure::turned_away(format!("{} answers {code}: {why}", self.address.authority()))
    }
}

/// The system's certificates are the default, and no list within the program: whom a machine trusts is up to who runs it, and
/// a program that is never updated would trust those who are long gone.
fn connector(tls_ca: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match tls_ca {
        Some(path) => {
            let wrong = |detail: String| Error::Tls { path: path.to_owned(), detail };
            let pem = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                let detail = "this machine trusts nobody (install ca-certificates, or say tls_ca)".to_owned();
                return Err(Error::Tls { path: "/etc/ssl/certs".into(), detail });
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has what the versions need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn authorization(dialect: Dialect, token: &str) -> Result<HeaderValue> {
    let text = match dialect {
        Dialect::Own => format!("Bearer {token}"),
        // The only way that its clients have.
        Dialect::Netdumplings => format!("Basic {}", STANDARD.encode(format!("flowgauge:{token}"))),
    };
    let range = "letters, digits and signs of ASCII, without space";
    let refuse = || Error::Option { option: "token", value: "********".to_owned(), range };
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refuse());
    }
    let mut value = HeaderValue::from_str(&text).map_err(|_| refuse())?;
    value.set_sensitive(true);
    Ok(value)
}

/// How long a connection, and the hub's answer to it, may take, each.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
