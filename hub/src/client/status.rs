//! The status of a hub, asked for.

use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tungstenite::Bytes;

use crate::client::address::{Address, Dialect};
use crate::client::dial::Dialer;
use crate::client::failure::Failure;
use crate::error::{Error, Result};

/// Asks a hub for its status, as often as one likes. No `Debug`: it may hold a token.
pub struct StatusReader {
    dialer: Dialer,
    runtime: Runtime,
}

impl StatusReader {
    /// A reader of the status of this hub: `ws`, `wss`, `http` or `https`, as publishers and subscribers write it, and a path
    /// other than `/status` if it has one. `tls_ca` is a file of certificates in PEM, of whom the hub's must come; None trusts
    /// whom this machine trusts.
    ///
    /// # Errors
    ///
    /// An address or token that is none ([`Error::Option`]), a file of certificates that is none ([`Error::Read`],
    /// [`Error::Tls`]), and a machine that gives no random numbers ([`Error::Start`]).
    pub fn new(hub: &str, token: Option<&str>, tls_ca: Option<&Path>) -> Result<Self> {
        let address = Address::parse(hub)?.or_path("/status");
        if address.dialect != Dialect::Own {
            let range = "a hub of flowgauge: ws, wss, http or https";
            return Err(Error::Option { option: "hub", value: format!("{hub:?}"), range });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Error::Start { source })?;
        Ok(Self { dialer: Dialer::new(address, token, tls_ca)?, runtime })
    }

    /// The status as the hub writes it, in JSON. Waits for 10 s at most.
    ///
    /// # Errors
    ///
    /// [`Error::Ask`]: there is no hub, it does not answer, or it does not let us.
    pub fn read(&self) -> Result<String> {
        self.runtime.block_on(self.asked()).map_err(|failure| Error::Ask { detail: failure.words })
    }

    async fn asked(&self) -> std::result::Result<String, Failure> {
        let wire = self.dialer.connect().await?;
        let hub = self.dialer.address.authority();
        let broken = |error: &dyn std::fmt::Display| Failure::new(format!("{hub} does not answer: {error}"));
        let answered = async {
            let (mut sender, connection) = handshake(TokioIo::new(wire)).await.map_err(|error| broken(&error))?;
            let connection = tokio::spawn(connection);
            let mut request = Request::get(self.dialer.address.path.as_str())
                .header(header::HOST, &hub)
                .header(header::CONNECTION, HeaderValue::from_static("close"));
            if let Some((name, value)) = self.dialer.authorization() {
                request = request.header(name, value);
            }
            let request = request.body(Empty::<Bytes>::new()).map_err(|error| broken(&error))?;
            let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
            let code = answer.status().as_u16();
            if code != 200 {
                return Err(self.dialer.refused(code));
            }
            let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(|error| broken(&error))?;
            connection.abort();
            String::from_utf8(body.to_bytes().into()).map_err(|error| broken(&error))
        };
        timeout(ANSWER_WITHIN, answered).await.unwrap_or_else(|_| Err(broken(&"nothing came in time")))
    }
}

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest status: some 100,000 peers.
const LONGEST: usize = 32 << 20;
