//! A hub for a test, and what connects to it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use flowgauge_hub::{Addresses, Compat, Hub, Options, Snapshot};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A hub that runs.
pub(crate) struct Running {
    pub(crate) at: Addresses,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Snapshot>,
}

/// Options with ports that the system gives, and no message of the hub after its first.
pub(crate) fn options() -> Options {
    Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        status_interval: Duration::from_secs(3600),
        compat_in: 0,
        compat_out: 0,
        ..Options::default()
    }
}

/// The same, with the ports of netdumplings.
pub(crate) fn with_compat() -> Options {
    Options { compat: Some(Compat::Netdumplings), ..options() }
}

impl Running {
    pub(crate) async fn start(options: Options) -> Self {
        let own = 1 + u64::from(options.compat.is_some());
        let open = options.tokens.is_none();
        let hub = Hub::bind(options).await.unwrap();
        let at = hub.addresses();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(hub.serve(async {
            let _ = stopped.await;
        }));
        let hub = Self { at, stop, ended };
        // What the hub tells of itself as it begins is over, so that tests need not count with it.
        if open {
            until(async || hub.status().await["messages"]["accepted"].as_u64() >= Some(own)).await;
        }
        hub
    }

    /// Ends the hub; its numbers obey both laws, and nothing waits any more.
    pub(crate) async fn stop(self) -> Snapshot {
        self.stop.send(()).unwrap();
        let snapshot = within(self.ended).await.unwrap();
        snapshot.check().unwrap();
        assert_eq!(snapshot.queued, 0);
        snapshot
    }

    pub(crate) async fn publisher(&self, sensor: &str) -> Client {
        let mut client = Client::open(&format!("ws://{}/publish", self.at.http), &[]).await.unwrap();
        client.say(&json!({"kind": "hello", "version": 1, "sensor": sensor})).await;
        assert_eq!(client.value().await["kind"], "welcome");
        client
    }

    /// A subscriber with these keys in its hello, and how it was welcomed.
    pub(crate) async fn subscriber(&self, wish: Value) -> (Client, Value) {
        let mut client = Client::open(&format!("ws://{}/subscribe", self.at.http), &[]).await.unwrap();
        let mut hello = json!({"kind": "hello", "version": 1});
        hello.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        client.say(&hello).await;
        let welcome = client.value().await;
        assert_eq!(welcome["kind"], "welcome");
        (client, welcome)
    }

    pub(crate) async fn kitchen(&self, name: &str) -> Client {
        let mut client = Client::open(&format!("ws://{}/", self.at.compat_in.unwrap()), &[]).await.unwrap();
        client.say(&json!({"kitchen_name": name, "chefs": []})).await;
        client
    }

    pub(crate) async fn eater(&self, name: &str) -> Client {
        let mut client = Client::open(&format!("ws://{}/", self.at.compat_out.unwrap()), &[]).await.unwrap();
        client.say(&json!({"eater_name": name})).await;
        // Nothing says that an eater is there but the status.
        until(async || self.status().await["peers"].to_string().contains(&format!("\"name\":\"{name}\""))).await;
        client
    }

    pub(crate) async fn status(&self) -> Value {
        let (status, body) = get(self.at.http, "/status", &[]).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// A WebSocket to a hub.
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        within(connect_async(request)).await.map(|(socket, _)| Self(socket))
    }

    pub(crate) async fn say(&mut self, value: &Value) {
        self.send(value.to_string()).await;
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        within(self.0.send(Message::text(text.into()))).await.unwrap();
    }

    /// The next text or binary message.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match within(self.0.next()).await.unwrap().unwrap() {
                message @ (Message::Text(_) | Message::Binary(_)) => return message,
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        self.next().await.into_text().unwrap().to_string()
    }

    pub(crate) async fn value(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Code and reason of the hub's farewell, whatever comes before it.
    pub(crate) async fn farewell(&mut self) -> (u16, String) {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(Message::Close(None))) | None => return (1005, String::new()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return (1006, error.to_string()),
            }
        }
    }
}

/// A message of a sensor.
pub(crate) fn message(sensor: &str, topic: &str, number: u64) -> String {
    format!(
        r#"{{"version":1,"id":"{sensor}-boot:{number}","time":1795187491.5,"sensor":"{sensor}","topic":"{topic}","trigger":"packet","payload":{number}}}"#
    )
}

/// A request without a body: status and body of the answer.
pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = ask(address, "GET", path, headers).await;
    (answer.status, answer.body)
}

/// What a request was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines of the head behind the first.
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header that is there once; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.head.lines().filter_map(|line| line.split_once(": ")).filter(|(one, _)| *one == name);
        let value = found.next().map_or("", |(_, value)| value);
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }
}

/// A request without a body, of any method.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let host = format!("Host: {address}\r\n");
    let host = if headers.iter().any(|(name, _)| *name == "Host") { "" } else { &host };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (first, head) = head.split_once("\r\n").unwrap();
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Waits for what must come, but not for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("nothing came in 20 s")
}

/// Waits until something is so.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    within(async {
        while !so().await {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
