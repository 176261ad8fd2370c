//! Connections: taken within their number, in TLS where it is asked for, with a deadline for every step before the first byte
//! of an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use futures_util::TryFutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::counters::Turned;
use crate::error::{Error, Result};
use crate::hub::Shared;
use crate::stalled::Stalled;

/// Takes connections until the end begins.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, shared: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.begun() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, as a rule: whoever waits is taken when others have left.
                tracing::warn!(%error, "cannot take a connection");
                sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() else {
            shared.turn_away(Turned::Full, address);
            continue;
        };
        tokio::spawn(connection(stream, address, place, tls.clone(), router.clone(), Arc::clone(&shared)));
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
    tls: Option<TlsAcceptor>,
    router: Router,
    shared: Arc<Shared>,
) {
    // Without it a message may wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let stream = Stalled::new(stream, shared.options.write_timeout, place);
    let Some(tls) = tls else {
        return requests(stream, address, router, &shared).await;
    };
    match timeout(shared.options.hello_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, address, router, &shared).await,
        _ => shared.turn_away(Turned::Tls, address),
    }
}

async fn requests<S>(stream: S, address: SocketAddr, router: Router, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        hyper::service::Service::call(&router, request).map_err(|never: Infallible| never)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.options.hello_timeout)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(serving);
    tokio::select! {
        // How a connection ends is its own affair; what it was sent is counted by who sent it.
        _ = &mut serving => return,
        () = shared.stop.begun() => serving.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = &mut serving => {}
        () = shared.stop.now() => {}
    }
}

/// Reads a certificate and its key.
///
/// # Errors
///
/// [`Error::Tls`] with the file; never with what is in it.
pub(crate) fn tls(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let refuse = |path: &Path, detail: String| Error::Tls { path: path.to_owned(), detail };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| refuse(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(refuse(certificate, "there is no certificate in the file".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| refuse(certificate, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
