//! Publishers before hubs that do not want them, do not answer, or are not ours.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use flowgauge_hub::client::Publisher;
use flowgauge_hub::{Error, Options};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::publishing::{LONG, fast, finish, named, publish, to};
use crate::support::{Running, until, within};

const TOKEN: &str = "publish-0123456789";

fn with_tokens(folder: &TempDir) -> Options {
    let path = folder.path().join("tokens");
    fs::write(&path, format!("lab publish,status {TOKEN}\n")).unwrap();
    Options { tokens: Some(path), ..fast(None) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_sent_and_a_wrong_one_is_told_of_and_not_shown() {
    let folder = TempDir::new().unwrap();
    let hub = Running::start(with_tokens(&folder)).await;
    let mut options = to(&hub);
    options.token = Some("wrong-0123456789".to_owned());
    let publisher = Publisher::start(options.clone()).unwrap();
    publish(&publisher, 1..=3);
    until(async || publisher.counters().last_error.is_some()).await;
    let counters = finish(publisher, Duration::ZERO).await;
    assert_eq!((counters.connections, counters.lost.of("closing")), (0, 3));
    let told = counters.last_error.unwrap();
    assert!(told.contains("answers 403") && !told.contains("wrong-0123456789"), "{told}");

    options.token = None;
    let publisher = Publisher::start(options.clone()).unwrap();
    until(async || publisher.counters().last_error.is_some()).await;
    let told = finish(publisher, Duration::ZERO).await.last_error.unwrap();
    assert!(told.contains("1008") && told.contains("token"), "{told}");

    options.token = Some(TOKEN.to_owned());
    let publisher = Publisher::start(options).unwrap();
    publish(&publisher, 1..=3);
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.acknowledged, counters.last_error), (3, None));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_hub_is_only_trusted_with_its_certificate() {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls =
        Options { tls_certificate: Some(certificate.clone()), tls_key: Some(key.clone()), ..with_tokens(&folder) };
    let hub = Running::start(tls).await;
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let stranger = folder.path().join("stranger.pem");
    fs::write(&stranger, other.cert.pem()).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let mut options = named(&format!("wss://{host}:{}", hub.at.http.port()));
        options.token = Some(TOKEN.to_owned());
        options.tls_ca = Some(stranger.clone());
        let publisher = Publisher::start(options.clone()).unwrap();
        publish(&publisher, 1..=3);
        until(async || publisher.counters().last_error.is_some()).await;
        let counters = finish(publisher, Duration::ZERO).await;
        assert!(counters.last_error.unwrap().contains("certificate"), "{host}");
        options.tls_ca = Some(certificate.clone());
        let publisher = Publisher::start(options.clone()).unwrap();
        publish(&publisher, 1..=3);
        assert_eq!(finish(publisher, LONG).await.acknowledged, 3);
        options.tls_ca = Some(key.clone());
        assert!(matches!(Publisher::start(options.clone()), Err(Error::Tls { .. })));
        options.tls_ca = Some(folder.path().join("nothing"));
        assert!(matches!(Publisher::start(options), Err(Error::Read { .. })));
    }
    hub.stop().await;
}

/// A hub of a test's own: what it was told first, and the connection.
pub(crate) async fn fake(welcome: Option<Value>) -> (TcpListener, SocketAddr, Option<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at, welcome)
}

pub(crate) async fn session(fake: &(TcpListener, SocketAddr, Option<Value>)) -> (WebSocketStream<TcpStream>, Value) {
    let (stream, _) = within(fake.0.accept()).await.unwrap();
    let mut socket = accept_async(stream).await.unwrap();
    let hello = within(socket.next()).await.unwrap().unwrap();
    if let Some(welcome) = &fake.2 {
        socket.send(Message::text(welcome.to_string())).await.unwrap();
    }
    (socket, serde_json::from_str(hello.to_text().unwrap()).unwrap())
}

fn welcome() -> Option<Value> {
    Some(json!({"kind": "welcome", "version": 1, "hub": "fake", "boot": "b", "max_message_bytes": 1 << 20, "more": 1}))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hub_never_acknowledges_is_unconfirmed_and_what_is_in_flight_bounded() {
    let fake = fake(welcome()).await;
    let publisher = Publisher::start(named(&format!("http://{}", fake.1))).unwrap();
    let (mut socket, hello) = session(&fake).await;
    assert_eq!(hello, json!({"kind": "hello", "version": 1, "sensor": "lab"}));
    publish(&publisher, 1..=5000);
    for number in 1..=4096 {
        let text = within(socket.next()).await.unwrap().unwrap();
        let message: Value = serde_json::from_str(text.to_text().unwrap()).unwrap();
        assert_eq!(message["payload"], number);
    }
    assert!(tokio::time::timeout(Duration::from_millis(200), socket.next()).await.is_err());
    let counters = finish(publisher, Duration::ZERO).await;
    assert_eq!((counters.unconfirmed, counters.lost.of("closing")), (4096, 904));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hub_refuses_is_counted_by_reason_and_what_it_makes_up_ends_the_connection() {
    let fake = fake(welcome()).await;
    let publisher = Publisher::start(named(&format!("ws://{}/elsewhere", fake.1))).unwrap();
    let (mut socket, _) = session(&fake).await;
    publish(&publisher, 1..=4);
    for _ in 0..4 {
        within(socket.next()).await.unwrap().unwrap();
    }
    for said in [
        json!({"kind": "refused", "number": 2, "reason": "malformed"}),
        json!({"kind": "refused", "number": 3, "reason": "\u{1b}[2J"}),
        json!({"kind": "refused", "number": 99, "reason": "sensor"}),
        json!({"kind": "weather", "is": "fine"}),
        json!({"kind": "ack", "taken": 3}),
    ] {
        socket.send(Message::text(said.to_string())).await.unwrap();
    }
    until(async || publisher.counters().acknowledged == 1).await;
    let counters = publisher.counters();
    assert_eq!((counters.refused.of("malformed"), counters.refused.of("other"), counters.waiting()), (1, 1, 1));
    // "closing" is no word on the message, which the next connection brings again.
    socket.send(Message::text(json!({"kind": "refused", "number": 4, "reason": "closing"}).to_string())).await.unwrap();
    let (mut socket, _) = session(&fake).await;
    let again = within(socket.next()).await.unwrap().unwrap();
    assert!(again.to_text().unwrap().contains("\"payload\":4"));
    socket.send(Message::text(r#"{"kind":"ack","taken":2}"#)).await.unwrap();
    until(async || publisher.counters().last_error.unwrap_or_default().contains("what was not sent")).await;
    // The longest that flies is what was too long, and there is no third time.
    let (mut socket, _) = session(&fake).await;
    let close = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 1009.into(), reason: "too long".into() };
    within(socket.next()).await.unwrap().unwrap();
    socket.send(Message::Close(Some(close))).await.unwrap();
    until(async || publisher.counters().lost.of("too_long_for_hub") == 1).await;
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.made, counters.acknowledged, counters.refused.total()), (4, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_says_nothing_is_given_up() {
    let fake = fake(welcome()).await;
    let publisher = Publisher::start(named(&format!("ws://{}", fake.1))).unwrap();
    let (silent, _) = session(&fake).await;
    publish(&publisher, 1..=2);
    let began = Instant::now();
    let (mut socket, _) = session(&fake).await;
    assert!((9..=12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!(publisher.counters().last_error.unwrap().contains("said nothing for 10 s"));
    drop(silent);
    // A hub that answers pings lives, whatever it does not say.
    let answering = tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(publisher.counters().connections, 2);
    let counters = finish(publisher, Duration::ZERO).await;
    assert_eq!(counters.unconfirmed, 2);
    answering.await.unwrap();
}
