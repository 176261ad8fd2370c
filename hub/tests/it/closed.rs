//! Closed by default: tokens, origins, TLS.

use std::fs;
use std::sync::Arc;

use flowgauge_hub::{Error, Hub, Options};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Error as WsError;

use crate::support::{Client, Running, get, message, options, with_compat, within};

const PUBLISH: &str = "publish-0123456789";
const READ: &str = "read-0123456789abc";

fn with_tokens(folder: &TempDir) -> Options {
    let path = folder.path().join("tokens");
    fs::write(&path, format!("lab publish {PUBLISH}\ndesk subscribe,status {READ}\n")).unwrap();
    Options { tokens: Some(path), ..with_compat() }
}

/// The status that a request for a WebSocket is refused with.
async fn refused(url: &str, headers: &[(&'static str, &str)]) -> u16 {
    match Client::open(url, headers).await {
        Err(WsError::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => 101,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_of_the_role_nothing_is_done() {
    let folder = TempDir::new().unwrap();
    let hub = Running::start(with_tokens(&folder)).await;
    let (publish, subscribe) = (format!("ws://{}/publish", hub.at.http), format!("ws://{}/subscribe", hub.at.http));
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(refused(&publish, &[("Authorization", &bearer(READ))]).await, 403);
    assert_eq!(refused(&subscribe, &[("Authorization", &bearer("wrong"))]).await, 403);
    for path in ["/status", "/metrics", "/events"] {
        assert_eq!(get(hub.at.http, path, &[]).await.0, 401, "{path}");
        assert_eq!(get(hub.at.http, path, &[("Authorization", &bearer(PUBLISH))]).await.0, 403, "{path}");
    }
    assert_eq!(get(hub.at.http, "/status", &[("Authorization", &bearer(READ))]).await.0, 200);
    assert_eq!(get(hub.at.http, "/healthz", &[]).await.0, 200);
    for token in [json!(null), json!("wrong"), json!(PUBLISH)] {
        let mut client = Client::open(&subscribe, &[]).await.unwrap();
        client.say(&json!({"kind": "hello", "version": 1, "token": token})).await;
        assert_eq!(client.farewell().await, (1008, "this token does not allow that".to_owned()), "{token}");
    }
    let mut desk = Client::open(&subscribe, &[]).await.unwrap();
    desk.say(&json!({"kind": "hello", "version": 1, "topics": ["a"], "token": READ})).await;
    assert_eq!(desk.value().await["kind"], "welcome");
    let mut lab = Client::open(&publish, &[("Authorization", &bearer(PUBLISH))]).await.unwrap();
    lab.say(&json!({"kind": "hello", "version": 1, "sensor": "lab"})).await;
    lab.send(message("lab", "a", 1)).await;
    assert_eq!(desk.value().await["message"]["payload"], 1);
    let snapshot = hub.stop().await;
    assert_eq!(snapshot.turned_away.of("token"), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_netdumplings_send_a_token_as_they_can() {
    let folder = TempDir::new().unwrap();
    let hub = Running::start(with_tokens(&folder)).await;
    let (kitchens, eaters) = (hub.at.compat_in.unwrap(), hub.at.compat_out.unwrap());
    // "lab:publish-0123456789", as it is sent for ws://lab:publish-0123456789@host.
    let basic = [("Authorization", "Basic bGFiOnB1Ymxpc2gtMDEyMzQ1Njc4OQ==")];
    assert_eq!(refused(&format!("ws://{kitchens}/"), &basic).await, 101);
    assert_eq!(refused(&format!("ws://{eaters}/"), &basic).await, 403);
    assert_eq!(refused(&format!("ws://{eaters}/?token={READ}"), &[]).await, 101);
    assert_eq!(refused(&format!("ws://{kitchens}/?token={READ}"), &[]).await, 403);
    assert_eq!(refused(&format!("ws://{kitchens}/"), &[]).await, 401);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_elsewhere_is_refused() {
    let hub = Running::start(Options { origins: vec!["https://monitor.example".to_owned()], ..with_compat() }).await;
    let own = format!("http://{}", hub.at.http);
    for (origin, status) in
        [("https://monitor.example", 101), (own.as_str(), 101), ("https://evil.example", 403), ("null", 403)]
    {
        assert_eq!(
            refused(&format!("ws://{}/subscribe", hub.at.http), &[("Origin", origin)]).await,
            status,
            "{origin}"
        );
    }
    assert_eq!(
        refused(&format!("ws://{}/", hub.at.compat_out.unwrap()), &[("Origin", "http://evil.example")]).await,
        403
    );
    assert_eq!(get(hub.at.http, "/status", &[("Origin", "http://evil.example")]).await.0, 403);
    // A page whose name points at us (DNS rebinding) sends no Origin with a GET.
    assert_eq!(get(hub.at.http, "/status", &[("Host", "evil.example")]).await.0, 403);
    assert_eq!(get(hub.at.http, "/status", &[("Host", "localhost:1")]).await.0, 200);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Options {
        listen: "0.0.0.0:0".parse().unwrap(),
        tls_certificate: Some(certificate.clone()),
        tls_key: Some(key.clone()),
        hello_timeout: std::time::Duration::from_millis(500),
        ..with_tokens(&folder)
    };
    let hub = Running::start(tls.clone()).await;
    let port = hub.at.http.port();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let request =
        format!("GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    // Plain HTTP, and nothing at all.
    for bytes in ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", ""] {
        let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        plain.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = within(plain.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP"));
    }
    let snapshot = hub.stop().await;
    assert_eq!(snapshot.turned_away.of("tls"), 2);

    let broken = Options { tls_certificate: Some(key), ..tls.clone() };
    assert!(matches!(Hub::bind(broken).await, Err(Error::Tls { .. })));
    let broken = Options { tls_key: Some(certificate), ..tls.clone() };
    assert!(matches!(Hub::bind(broken).await, Err(Error::Tls { .. })));
    let open = Options { tokens: None, ..tls };
    assert!(matches!(Hub::bind(open).await, Err(Error::Open { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named() {
    let hub = Running::start(options()).await;
    let error = Hub::bind(Options { listen: hub.at.http, ..options() }).await.unwrap_err().to_string();
    assert!(error.contains(&format!("cannot listen on {}", hub.at.http)), "{error}");
    hub.stop().await;
}
