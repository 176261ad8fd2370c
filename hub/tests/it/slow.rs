//! Who is slow, silent or too much harms nobody else.

use std::time::{Duration, Instant};

use flowgauge_hub::Options;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::{Client, Running, get, message, options, until, with_compat, within};

fn small() -> Options {
    Options {
        queue_messages: 16,
        queue_bytes: 1 << 20,
        max_messages_per_second: 1_000_000,
        write_timeout: Duration::from_secs(1),
        hello_timeout: Duration::from_millis(500),
        ..options()
    }
}

/// A message that no socket buffer takes many of.
fn big(number: u64) -> String {
    message("lab", "a", number).replace("\"payload\":", &format!("\"payload\":\"{}\",\"was\":", "x".repeat(100_000)))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_never_reads_loses_its_own_messages_only() {
    let hub = Running::start(small()).await;
    let (stuck, _) = hub.subscriber(json!({"name": "stuck", "topics": ["a"]})).await;
    let (mut good, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let mut lab = hub.publisher("lab").await;
    for number in 1..=200 {
        lab.send(big(number)).await;
        // In step, so that this one is never slow, whatever the machine does meanwhile.
        assert_eq!(good.value().await["message"]["was"], number);
    }
    // Nothing went out to it for a second: it is given up.
    until(async || !hub.status().await["peers"].to_string().contains("stuck")).await;
    drop(stuck);
    let snapshot = hub.stop().await;
    assert_eq!(snapshot.offered, 400);
    assert!(snapshot.dropped.of("oldest") > 50, "{snapshot:?}");
    assert_eq!(snapshot.delivered + snapshot.dropped.total(), 400);
    assert!(snapshot.delivered >= 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_slow_is_told_how_much_it_lost_and_where() {
    let hub = Running::start(Options { write_timeout: Duration::from_secs(20), ..small() }).await;
    let (mut slow, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let mut lab = hub.publisher("lab").await;
    for number in 1..=200 {
        lab.send(big(number)).await;
    }
    until(async || hub.status().await["messages"]["accepted"] == 201).await;
    let (mut next, mut lost) = (1, 0);
    while next <= 200 {
        let value = slow.value().await;
        if value["kind"] == "lost" {
            lost += value["messages"].as_u64().unwrap();
            next += value["messages"].as_u64().unwrap();
        } else {
            assert_eq!(value["message"]["was"], next);
            next += 1;
        }
    }
    assert!(lost > 50, "{lost}");
    let snapshot = hub.stop().await;
    assert_eq!((snapshot.dropped.of("oldest"), snapshot.delivered), (lost, 200 - lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_would_rather_leave_than_lose_is_told_why() {
    let hub = Running::start(Options { write_timeout: Duration::from_secs(20), ..small() }).await;
    let (mut strict, _) = hub.subscriber(json!({"topics": ["a"], "policy": "disconnect", "queue_messages": 4})).await;
    let mut lab = hub.publisher("lab").await;
    for number in 1..=200 {
        lab.send(big(number)).await;
    }
    until(async || hub.status().await["messages"]["dropped"]["slow"].as_u64() > Some(0)).await;
    assert_eq!(strict.farewell().await, (1008, "too slow: its ring was full".to_owned()));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_too_little_is_out() {
    let hub = Running::start(Options { compat: with_compat().compat, ..small() }).await;
    // Nothing, the head of a request in drips, and a WebSocket without a hello.
    for (drips, all) in [("", false), ("GET /status HTTP/1.1\r\nHost: localhost\r\nX: ", true)] {
        let mut stream = TcpStream::connect(hub.at.http).await.unwrap();
        let began = Instant::now();
        stream.write_all(drips.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let dripping = tokio::spawn(async move {
            while all && write.write_all(b"y").await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
            write
        });
        let mut answer = Vec::new();
        let _ = within(read.read_to_end(&mut answer)).await;
        assert!((300..5000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
        dripping.abort();
    }
    for url in [format!("ws://{}/subscribe", hub.at.http), format!("ws://{}/publish", hub.at.http)] {
        let mut silent = Client::open(&url, &[]).await.unwrap();
        assert_eq!(silent.farewell().await, (1008, "no hello came in time".to_owned()));
        for hello in
            ["", "{}", r#"{"kind":"hello"}"#, r#"{"kind":"hello","version":2,"sensor":"lab"}"#, &"x".repeat(9000)]
        {
            let mut wrong = Client::open(&url, &[]).await.unwrap();
            wrong.send(hello).await;
            let (code, reason) = wrong.farewell().await;
            assert!([1008, 1009].contains(&code), "{code} {reason}");
        }
    }
    let snapshot = hub.stop().await;
    assert_eq!(snapshot.turned_away.of("hello"), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_ends_its_connection_only() {
    let hub = Running::start(Options { max_message_bytes: 2048, ..options() }).await;
    let mut lab = hub.publisher("lab").await;
    let mut desk = hub.publisher("desk").await;
    lab.send("x".repeat(4096)).await;
    assert_eq!(lab.farewell().await.0, 1009);
    desk.send(message("desk", "a", 1)).await;
    assert_eq!(desk.value().await["taken"], 1);
    let snapshot = hub.stop().await;
    assert_eq!(snapshot.refused.of("too_long"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_publishers_are_so_many_and_a_place_is_free_again() {
    let hub = Running::start(Options { max_connections: 3, max_publishers: 1, ..options() }).await;
    let lab = hub.publisher("lab").await;
    let mut second = Client::open(&format!("ws://{}/publish", hub.at.http), &[]).await.unwrap();
    second.say(&json!({"kind": "hello", "version": 1, "sensor": "desk"})).await;
    assert_eq!(second.farewell().await.0, 1013);
    drop(second);
    let (_one, _) = hub.subscriber(json!({})).await;
    let (_two, _) = within(hub.subscriber(json!({}))).await;
    assert!(Client::open(&format!("ws://{}/subscribe", hub.at.http), &[]).await.is_err());
    drop(lab);
    until(async || {
        let open = TcpStream::connect(hub.at.http).await;
        let Ok(mut stream) = open else { return false };
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer.contains("200 OK")
    })
    .await;
    let snapshot = hub.stop().await;
    assert!(snapshot.turned_away.of("full") >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_too_fast_waits_and_loses_nothing() {
    let hub = Running::start(Options { max_messages_per_second: 100, ..options() }).await;
    let mut lab = hub.publisher("lab").await;
    let began = Instant::now();
    for number in 1..=150 {
        lab.send(message("lab", "a", number)).await;
    }
    until(async || hub.status().await["messages"]["accepted"] == 151).await;
    assert!(began.elapsed() > Duration::from_millis(350), "{:?}", began.elapsed());
    let snapshot = hub.stop().await;
    assert!(snapshot.throttled > 0 && snapshot.refused.total() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_no_ping_is_given_up() {
    let hub = Running::start(Options { ping_interval: Duration::from_millis(100), ..options() }).await;
    let (_deaf, _) = hub.subscriber(json!({"name": "deaf", "topics": ["a"]})).await;
    let (mut alive, _) = hub.subscriber(json!({"name": "alive", "topics": ["b"]})).await;
    let reading = tokio::spawn(async move { alive.farewell().await });
    until(async || !hub.status().await["peers"].to_string().contains("deaf")).await;
    assert!(hub.status().await["peers"].to_string().contains("alive"));
    assert_eq!(get(hub.at.http, "/healthz", &[]).await.0, 200);
    hub.stop().await;
    assert_eq!(reading.await.unwrap().0, 1001);
}
