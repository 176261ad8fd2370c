//! Subscribers of the crate's own: what comes, what is missing, and where they go on.

use std::fs;
use std::time::Duration;

use flowgauge_hub::client::{Event, SlowPolicy, Subscriber, SubscriberOptions};
use flowgauge_hub::{Message, Options};
use futures_util::SinkExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::block_in_place;

use crate::newcomers::{fake, session};
use crate::publishing::{Mortal, fast};
use crate::support::{Client, Running, message, options, until};

fn from(hub: &str) -> SubscriberOptions {
    let mut options = SubscriberOptions::default();
    options.hub = hub.to_owned();
    options.name = Some("desk".to_owned());
    options.topics = vec!["a".to_owned()];
    options.reconnect_max = Duration::from_millis(300);
    options
}

fn next(subscriber: &mut Subscriber) -> Event {
    block_in_place(|| subscriber.next_within(Duration::from_secs(20))).expect("nothing came in 20 s")
}

fn number(event: &Event) -> u64 {
    let Event::Message { text, .. } = event else { panic!("{event:?}") };
    Message::from_json(text).unwrap().payload.get().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_as_they_were_sent() {
    let hub = Running::start(options()).await;
    let mut subscriber = Subscriber::start(from(&format!("http://{}", hub.at.http))).unwrap();
    let Event::Connected { hub: name, at } = next(&mut subscriber) else { panic!() };
    assert_eq!((name.as_str(), at.sequence()), ("flowgauge", 1));
    let mut lab = hub.publisher("lab").await;
    let text = message("lab", "a", 1).replace("\"payload\":1", "\"payload\": { \"z\": 1.50 }");
    lab.send(&text).await;
    lab.send(message("lab", "b", 2)).await;
    lab.send(message("lab", "a", 3)).await;
    assert_eq!(next(&mut subscriber), Event::Message { sequence: 2, text });
    assert_eq!(number(&next(&mut subscriber)), 3);
    assert_eq!(subscriber.next_within(Duration::ZERO), None);
    assert!(!subscriber.is_over());
    assert!(hub.status().await["peers"].to_string().contains("\"name\":\"desk\""));
    let mut later = from(&format!("ws://{}", hub.at.http));
    later.since = Some("lab-boot:1".parse().unwrap());
    let mut later = Subscriber::start(later).unwrap();
    assert!(matches!(next(&mut later), Event::Connected { .. }));
    // An id proves nothing of what other sensors told a hub before this one.
    assert_eq!(next(&mut later), Event::Gap);
    assert_eq!(number(&next(&mut later)), 3);
    drop((subscriber, later));
    until(async || hub.status().await["peers"].as_array().unwrap().len() == 1).await;
    hub.stop().await;
}

/// A way to the hub that is cut four times, after as many bytes as say some twenty messages.
async fn cut_off(hub: std::net::SocketAddr) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for time in 0.. {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(hub).await.unwrap();
            let ((mut from_near, mut to_near), (from_far, mut to_far)) = (near.split(), far.split());
            let mut some = from_far.take(if time < 4 { 5000 } else { u64::MAX });
            tokio::select! {
                _ = copy(&mut from_near, &mut to_far) => {}
                _ = copy(&mut some, &mut to_near) => to_near.shutdown().await.unwrap(),
            }
        }
    });
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_goes_on_behind_the_last() {
    let hub = Running::start(fast(None)).await;
    let at = cut_off(hub.at.http).await;
    let mut subscriber = Subscriber::start(from(&format!("ws://{at}"))).unwrap();
    assert!(matches!(next(&mut subscriber), Event::Connected { .. }));
    let mut lab = hub.publisher("lab").await;
    for number in 1..=200 {
        lab.send(message("lab", "a", number)).await;
    }
    let (mut last, mut cuts) = (0, 0);
    while last < 200 {
        match next(&mut subscriber) {
            event @ Event::Message { .. } => {
                last += 1;
                assert_eq!(number(&event), last);
            }
            Event::Disconnected(_) => cuts += 1,
            Event::Connected { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(cuts, 4);
    drop(subscriber);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_started_anew_is_a_gap() {
    let hub = Mortal::start(fast(None));
    let at = hub.1;
    let mut subscriber = Subscriber::start(from(&format!("ws://{at}"))).unwrap();
    assert!(matches!(next(&mut subscriber), Event::Connected { .. }));
    let mut lab = Client::open(&format!("ws://{at}/publish"), &[]).await.unwrap();
    lab.say(&json!({"kind": "hello", "version": 1, "sensor": "lab"})).await;
    for sent in 1..=10 {
        lab.send(message("lab", "a", sent)).await;
        assert_eq!(number(&next(&mut subscriber)), sent);
    }
    hub.kill().await;
    assert!(matches!(next(&mut subscriber), Event::Disconnected(_)));
    let hub = Running::start(fast(Some(at))).await;
    // What is said while nobody is there is told as well.
    loop {
        match next(&mut subscriber) {
            Event::Disconnected(why) => assert!(why.contains("cannot reach"), "{why}"),
            Event::Connected { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next(&mut subscriber), Event::Gap);
    // A sensor that was not told of what the hub before had sends it again.
    let mut lab = hub.publisher("lab").await;
    for number in 8..=12 {
        lab.send(message("lab", "a", number)).await;
    }
    assert_eq!([number(&next(&mut subscriber)), number(&next(&mut subscriber))], [11, 12]);
    drop(subscriber);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_slow_is_told_how_much_is_missing() {
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Disconnect] {
        let hub = Running::start(Options { history_messages: 0, ..fast(None) }).await;
        let mut slow = from(&format!("ws://{}", hub.at.http));
        (slow.queue_messages, slow.policy) = (Some(8), policy);
        let mut subscriber = Subscriber::start(slow).unwrap();
        assert!(matches!(next(&mut subscriber), Event::Connected { .. }));
        let mut lab = hub.publisher("lab").await;
        let long = format!("\"{}\"", "x".repeat(100_000));
        for number in 1..=300 {
            lab.send(
                message("lab", "a", number).replace("\"packet\"", &format!("\"packet\",\"extra\":{{\"x\":{long}}}")),
            )
            .await;
        }
        until(async || hub.status().await["messages"]["accepted"] == 301).await;
        let (mut got, mut lost, mut gaps, mut last) = (0, 0, 0, 0);
        while last < 300 && gaps == 0 {
            match next(&mut subscriber) {
                event @ Event::Message { .. } => {
                    last = number(&event);
                    got += 1;
                }
                Event::Lost(messages) => lost += messages,
                Event::Gap => gaps += 1,
                _ => {}
            }
        }
        match policy {
            SlowPolicy::DropOldest => assert_eq!((got + lost, gaps, lost > 0), (300, 0, true)),
            _ => assert_eq!((lost, gaps, last < 300), (0, 1, true)),
        }
        drop(subscriber);
        hub.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_listen_is_told_why() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, "desk subscribe read-0123456789abc\n").unwrap();
    let hub = Running::start(Options { tokens: Some(tokens), ..options() }).await;
    let mut wish = from(&format!("ws://{}", hub.at.http));
    wish.reconnect = false;
    for (token, words) in [(None, "1008 this token"), (Some("wrong-0123456789"), "answers 403")] {
        wish.token = token.map(str::to_owned);
        let mut subscriber = Subscriber::start(wish.clone()).unwrap();
        let Event::Disconnected(why) = next(&mut subscriber) else { panic!() };
        assert!(why.contains(words) && !why.contains("wrong-"), "{why}");
        assert_eq!(block_in_place(|| subscriber.next()), None);
        assert!(subscriber.is_over());
    }
    wish.token = Some("read-0123456789abc".to_owned());
    let mut subscriber = Subscriber::start(wish.clone()).unwrap();
    assert!(matches!(next(&mut subscriber), Event::Connected { .. }));
    drop(subscriber);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hub_says_of_itself_comes_under_the_number_of_the_last() {
    let welcome =
        json!({"kind": "welcome", "version": 1, "hub": "fake", "boot": "s", "sequence": 7, "resume": "fresh"});
    let fake = fake(Some(welcome)).await;
    let mut subscriber = Subscriber::start(from(&format!("ws://{}", fake.1))).unwrap();
    let (mut socket, _) = session(&fake).await;
    for (payload, (sequence, topic, sensor)) in [
        (7, "system.status", None),
        (7, "system", None),
        (7, "a", Some("lab")),
        (7, "a", None),
        (7, "system.status", Some("lab")),
        (7, "systems", None),
        (6, "system.status", None),
        (8, "a", Some("lab")),
        (7, "system.status", None),
        (8, "system.status", None),
    ]
    .into_iter()
    .enumerate()
    {
        let message = json!({
            "version": 1, "id": format!("b:{payload}"), "time": 1.5, "sensor": sensor, "topic": topic,
            "trigger": "interval", "payload": payload,
        });
        let said = json!({"kind": "message", "sequence": sequence, "message": message}).to_string();
        socket.send(said.into()).await.unwrap();
    }
    drop(socket);
    assert!(matches!(next(&mut subscriber), Event::Connected { .. }));
    for payload in [0, 1, 7, 9] {
        assert_eq!(number(&next(&mut subscriber)), payload);
    }
    assert!(matches!(next(&mut subscriber), Event::Disconnected(_)));
    assert_eq!(session(&fake).await.1["since"], "s:8");
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let refusal = |change: fn(&mut SubscriberOptions)| {
        let mut options = SubscriberOptions::default();
        options.token = Some("secret".to_owned());
        change(&mut options);
        assert!(!format!("{options:?}").contains("secret"));
        Subscriber::start(options).unwrap_err().to_string()
    };
    assert!(refusal(|options| options.hub = "netdumplings://hub".to_owned()).contains("a hub of flowgauge"));
    assert!(refusal(|options| options.topics = vec!["a".to_owned(); 17]).contains("at most 16"));
    assert!(refusal(|options| options.sensors = vec![String::new()]).contains("a pattern is"));
    assert!(refusal(|options| options.name = Some("\n".to_owned())).contains("name is"));
    assert!(refusal(|options| options.reconnect_max = Duration::ZERO).contains("reconnect_max"));
    assert!(refusal(|options| options.token = Some("a b".to_owned())).contains("token is ********"));
}
