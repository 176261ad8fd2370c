//! Publishers of the crate's own, against hubs that end and come back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use flowgauge_hub::client::{PublishError, Publisher};
use flowgauge_hub::{Options, Time, Trigger};
use serde_json::json;
use tokio::io::copy;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::publishing::{LONG, Mortal, fast, finish, name, named, publish, raw, to};
use crate::support::{Running, within};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_comes_in_order_and_is_acknowledged() {
    let hub = Running::start(fast(None)).await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let publisher = Publisher::start(to(&hub)).unwrap();
    publish(&publisher, 1..=1000);
    let boot = publisher.boot().to_owned();
    for number in 1..=1000 {
        let told = desk.value().await;
        assert_eq!(told["message"]["payload"], number);
        assert_eq!(told["message"]["id"], format!("{boot}:{number}"));
        assert_eq!(told["message"]["sensor"], "lab");
    }
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.made, counters.acknowledged, counters.connections), (1000, 1000, 1));
    assert_eq!(counters.last_error, None);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_hub_the_oldest_leave_and_are_counted() {
    let mut options = named("ws://127.0.0.1:9");
    options.spool_messages = 10;
    let publisher = Publisher::start(options).unwrap();
    publish(&publisher, 1..=25);
    publisher.counters().check().unwrap();
    assert_eq!((publisher.counters().waiting(), publisher.counters().lost.of("full")), (10, 15));
    let began = Instant::now();
    let counters = finish(publisher, Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!((counters.lost.of("full"), counters.lost.of("closing")), (15, 10));
    assert!(counters.last_error.unwrap().contains("cannot reach 127.0.0.1:9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_that_are_killed_cost_no_message() {
    let mut hub = Mortal::start(fast(None));
    let at = hub.1;
    let publisher = Arc::new(Publisher::start(named(&format!("ws://{at}"))).unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (publisher, over) = (Arc::clone(&publisher), Arc::clone(&over));
        spawn_blocking(move || {
            let mut made = 0;
            while !over.load(Relaxed) {
                publish(&publisher, made + 1..=made + 100);
                made += 100;
                std::thread::sleep(Duration::from_millis(10));
            }
        })
    };
    for life in 1..=5 {
        // A subscriber sees no number missing within the life of a hub.
        let mut desk = crate::support::Client::open(&format!("ws://{at}/subscribe"), &[]).await.unwrap();
        desk.say(&json!({"kind": "hello", "version": 1, "topics": ["a"]})).await;
        assert_eq!(desk.value().await["kind"], "welcome");
        let mut last = None;
        for _ in 0..2000 {
            let told = desk.value().await;
            if told["kind"] == "lost" {
                last = None;
                continue;
            }
            let number = told["message"]["payload"].as_u64().unwrap();
            assert!(last.is_none_or(|last| number == last + 1), "{number} behind {last:?}");
            last = Some(number);
        }
        assert_eq!(publisher.counters().connections, life);
        hub.kill().await;
        hub = Mortal::start(fast(Some(at)));
    }
    over.store(true, Relaxed);
    publishing.await.unwrap();
    let made = publisher.counters().made;
    let counters = finish(Arc::into_inner(publisher).unwrap(), LONG).await;
    assert_eq!((counters.acknowledged, counters.lost.total(), counters.unconfirmed), (made, 0, 0));
    hub.kill().await;
}

/// A way to the hub that is cut, again and again: what the hub says after its welcome does not come through.
async fn cut_off(hub: SocketAddr, times: usize) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let cutting = tokio::spawn(async move {
        for time in 0.. {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = tokio::net::TcpStream::connect(hub).await.unwrap();
            if time >= times {
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
                continue;
            }
            let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.split(), far.split());
            let upwards = copy(&mut from_near, &mut to_far);
            let downwards = async {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let (mut heard, mut piece) = (Vec::new(), [0; 1024]);
                while !String::from_utf8_lossy(&heard).contains("max_message_bytes") {
                    let read = from_far.read(&mut piece).await.unwrap();
                    to_near.write_all(&piece[..read]).await.unwrap();
                    heard.extend_from_slice(&piece[..read]);
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            };
            tokio::select! {
                _ = upwards => {}
                () = downwards => {}
            }
        }
    });
    (at, cutting)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_told_once() {
    let hub = Running::start(fast(None)).await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let (at, cutting) = cut_off(hub.at.http, 3).await;
    let publisher = Publisher::start(named(&format!("ws://{at}"))).unwrap();
    publish(&publisher, 1..=500);
    for number in 1..=500 {
        assert_eq!(desk.value().await["message"]["payload"], number);
    }
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.acknowledged, counters.connections), (500, 4));
    let snapshot = hub.stop().await;
    assert_eq!(snapshot.offered, 500);
    assert!(snapshot.refused.of("duplicate") >= 500, "{snapshot:?}");
    cutting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_wait_loses_nothing() {
    let publisher = {
        let mut options = named("ws://127.0.0.1:9");
        options.spool_messages = 10;
        Publisher::start(options).unwrap()
    };
    publish(&publisher, 1..=10);
    let waited = publisher.publish_waiting(&name("a"), Trigger::Flow, Time::now(), raw("11"), &|| true);
    assert_eq!(waited, Err(PublishError::Stopped));
    assert_eq!(finish(publisher, Duration::ZERO).await.made, 10);

    let hub = Running::start(fast(None)).await;
    let mut options = to(&hub);
    options.spool_messages = 10;
    let publisher = Publisher::start(options).unwrap();
    let publisher = spawn_blocking(move || {
        for number in 1..=1000 {
            let payload = raw(number.to_string());
            publisher.publish_waiting(&name("a"), Trigger::Flow, Time::now(), payload, &|| false).unwrap();
        }
        publisher
    });
    let counters = finish(within(publisher).await.unwrap(), LONG).await;
    assert_eq!((counters.made, counters.acknowledged), (1000, 1000));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_hub_takes_is_refused_at_once_and_what_this_one_does_not_is_counted() {
    let hub = Running::start(Options { max_message_bytes: 1024, ..fast(None) }).await;
    let mut options = to(&hub);
    options.spool_bytes = 65_536;
    let publisher = Publisher::start(options).unwrap();
    let publish_one = |topic: &str, payload: String| {
        publisher.publish(&name(topic), Trigger::Packet, Time::now(), raw(payload)).map(|id| id.sequence())
    };
    assert_eq!(publish_one("a", "1".to_owned()), Ok(1));
    assert_eq!(publish_one("system.status", "1".to_owned()), Err(PublishError::Reserved));
    assert_eq!(publish_one("a", "[".repeat(128) + &"]".repeat(128)), Err(PublishError::TooDeep));
    let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    assert!(matches!(publish_one("a", long(65_536)), Err(PublishError::TooLong { most: 65_536, .. })));
    assert_eq!(publish_one("a", long(1024)), Ok(2));
    assert_eq!(publish_one("a", "3".to_owned()), Ok(3));
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.acknowledged, counters.lost.of("too_long_for_hub"), counters.connections), (2, 1, 1));
    hub.stop().await;
}
