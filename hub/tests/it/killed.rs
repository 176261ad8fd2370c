//! A hub that is killed under load, again and again: what its sensors sent is what a subscriber got, and what it was told
//! may be lost.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use flowgauge_hub::Options;
use flowgauge_hub::client::{Publisher, PublisherOptions};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::publishing::{self, finish};
use crate::support::{Client, get, options, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_delivered_or_counted_as_lost_though_the_hub_is_killed_twenty_times() {
    let at = free_address();
    let mut hub = start(at).await;
    let (stop, stopped) = watch::channel(false);
    let sensors = ["lab", "desk", "roof"];
    let publishers = sensors.map(|sensor| tokio::spawn(publish(at, sensor, stopped.clone())));
    let (tell_sent, sent) = watch::channel(None);
    let steady = tokio::spawn(subscribe(at, Duration::MAX, sent.clone()));
    // This one is away for a third of its time, when hubs are killed, too.
    let restless = tokio::spawn(subscribe(at, Duration::from_millis(200), sent));

    back(at, &sensors).await;
    for life in 0..KILLED {
        sleep(Duration::from_millis(250 + life * 37 % 200)).await;
        hub.kill().await.unwrap();
        let killed = Instant::now();
        hub = start(at).await;
        back(at, &sensors).await;
        assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    }
    stop.send_replace(true);
    let mut all = HashMap::new();
    for (sensor, publisher) in sensors.into_iter().zip(publishers) {
        let sent = timeout(PATIENCE, publisher).await.expect("all is taken in the end").unwrap();
        all.insert(sensor.to_owned(), sent);
    }
    let sent: u64 = all.values().sum();
    tell_sent.send_replace(Some(all));
    let [steady, restless] = [steady, restless].map(|task| timeout(PATIENCE, task));
    let (steady, restless) =
        (steady.await.expect("it gets all").unwrap(), restless.await.expect("it gets all").unwrap());
    let told = format!("sent {sent}; steady {}; restless {}", steady.told(), restless.told());
    assert_eq!(sent, steady.got.len() as u64 + steady.lost, "{told}");
    assert_eq!(sent, restless.got.len() as u64 + restless.lost, "{told}");
    // Without these nothing was put to the test.
    assert!(steady.again > 0 && restless.lost > 0 && restless.whole > 0 && restless.gaps > 1, "{told}");
    assert!(steady.got.len() as u64 > sent / 2, "{told}");

    drop(hub.stdin.take());
    assert!(hub.wait().await.unwrap().success(), "the last hub's numbers add up");
}

/// The hub of the test above, in a process of its own, which is this program once more.
#[test]
#[ignore = "is run by the test of the killed hub"]
fn hub_of_its_own() {
    let Ok(at) = std::env::var(ADDRESS) else { return };
    let (ended, end) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        drop(ended);
    });
    let options = Options { listen: at.parse().unwrap(), ..options() };
    let stopped = || end.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected);
    flowgauge_hub::run(options, |_| {}, &stopped).unwrap().check().unwrap();
}

async fn start(at: SocketAddr) -> Child {
    let hub = Command::new(std::env::current_exe().unwrap())
        .args(["killed::hub_of_its_own", "--exact", "--ignored"])
        .env(ADDRESS, at.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(async || tokio::net::TcpStream::connect(at).await.is_ok()).await;
    hub
}

/// A port that the system gives to no connection meanwhile: those begin at 32768.
fn free_address() -> SocketAddr {
    let first = u16::try_from(std::process::id() % 10_000).unwrap() + 20_000;
    (first..32_768)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|&at| TcpListener::bind(at).is_ok())
        .expect("there is a free port")
}

/// Waits until all of these sensors publish.
async fn back(at: SocketAddr, sensors: &[&str]) {
    until(async || {
        let (_, status) = get(at, "/status", &[]).await;
        sensors.iter().all(|sensor| status.contains(&format!("\"name\":\"{sensor}\"")))
    })
    .await;
}

/// Publishes messages, numbered from 1, until it is stopped and the hub has acknowledged all. Gives the number of the last.
async fn publish(at: SocketAddr, sensor: &'static str, stopped: watch::Receiver<bool>) -> u64 {
    let mut options = PublisherOptions::default();
    (options.hub, options.sensor) = (format!("ws://{at}"), sensor.to_owned());
    let publisher = Publisher::start(options).unwrap();
    let mut ticks = interval(Duration::from_millis(5));
    let mut made = 0;
    while !*stopped.borrow() {
        ticks.tick().await;
        publishing::publish(&publisher, made + 1..=made + 5);
        made += 5;
    }
    let counters = finish(publisher, PATIENCE).await;
    assert_eq!((counters.made, counters.acknowledged), (made, made), "{counters:?}");
    assert!(counters.connections > KILLED, "{counters:?}");
    made
}

/// What a subscriber got.
#[derive(Default)]
struct Got {
    got: HashSet<(String, u64)>,
    /// The last of each sensor.
    last: HashMap<String, u64>,
    /// Messages that are missing where a hub said that some may be.
    lost: u64,
    /// Messages that came a second time, from another hub.
    again: u64,
    whole: u64,
    gaps: u64,
}

impl Got {
    /// Takes a message; some may be missing, or come again, only before the first that a hub has of its sensor.
    fn take(&mut self, sensor: &str, number: u64, of_this_hub: &mut HashMap<String, u64>) {
        let last = self.last.entry(sensor.to_owned()).or_default();
        match of_this_hub.insert(sensor.to_owned(), number) {
            Some(before) => assert_eq!(number, before + 1, "{sensor}: in order, each once"),
            None => self.lost += number.saturating_sub(*last + 1),
        }
        *last = number.max(*last);
        if !self.got.insert((sensor.to_owned(), number)) {
            self.again += 1;
        }
    }

    fn has(&self, all: &HashMap<String, u64>) -> bool {
        all.iter().all(|(sensor, sent)| self.last.get(sensor) == Some(sent))
    }

    fn told(&self) -> String {
        let Self { got, lost, again, whole, gaps, .. } = self;
        format!("got {}, lost {lost}, {again} twice, {whole} whole and {gaps} gaps", got.len())
    }
}

/// Subscribes again whenever the connection breaks, or has lasted so long, behind the last message that it got.
async fn subscribe(at: SocketAddr, stay: Duration, sent: watch::Receiver<Option<HashMap<String, u64>>>) -> Got {
    let mut got = Got::default();
    // The first hub does not know it either: so it is told of a gap, and gets what was sent before it came.
    let (mut boot, mut sequence) = ("none".to_owned(), 0);
    let mut of_this_hub = HashMap::new();
    loop {
        let since = format!("{boot}:{sequence}");
        let hello = json!({"kind": "hello", "version": 1, "topics": ["a"], "since": since});
        let (mut client, welcome) = connected(at, "subscribe", &hello).await;
        let is_same = welcome["boot"] == *boot;
        match welcome["resume"].as_str().unwrap() {
            "whole" if is_same => got.whole += 1,
            "gap" if !is_same => got.gaps += 1,
            _ => panic!("{welcome} answers since {since}"),
        }
        if !is_same {
            of_this_hub.clear();
            boot = welcome["boot"].as_str().unwrap().to_owned();
            sequence = 0;
        }
        let came = Instant::now();
        while came.elapsed() < stay {
            if sent.borrow().as_ref().is_some_and(|all| got.has(all)) {
                return got;
            }
            let Ok(frame) = timeout(Duration::from_millis(50), client.0.next()).await else { continue };
            let Some(Ok(frame)) = frame else { break };
            let Message::Text(text) = frame else { continue };
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["kind"], "message", "its ring is never full: {value}");
            sequence = value["sequence"].as_u64().unwrap();
            let message = &value["message"];
            got.take(message["sensor"].as_str().unwrap(), message["payload"].as_u64().unwrap(), &mut of_this_hub);
        }
        drop(client);
        if came.elapsed() >= stay {
            sleep(stay / 2).await;
        }
    }
}

/// A WebSocket that the hub has welcomed, as soon as there is a hub.
async fn connected(at: SocketAddr, path: &str, hello: &Value) -> (Client, Value) {
    let url = format!("ws://{at}/{path}");
    loop {
        if let Ok(mut client) = Client::open(&url, &[]).await
            && client.0.send(Message::text(hello.to_string())).await.is_ok()
            && let Some(Ok(Message::Text(text))) = client.0.next().await
        {
            let welcome: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(welcome["kind"], "welcome");
            return (client, welcome);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

const KILLED: u64 = 20;
/// Names the hub's address to its process.
const ADDRESS: &str = "FLOWGAUGE_TEST_HUB_OF_ITS_OWN";
/// How long what has to come in the end may take.
const PATIENCE: Duration = Duration::from_secs(20);
