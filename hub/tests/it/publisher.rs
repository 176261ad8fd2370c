//! Publishers of the crate's own, against hubs that end, refuse, and never answer.

use std::time::{Duration, Instant};

use flowgauge_hub::client::{Publisher, PublisherCounters, PublisherOptions};
use flowgauge_hub::{Name, Options, Time, Trigger};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

use crate::support::{Running, options};

fn named(hub: &str) -> PublisherOptions {
    let mut options = PublisherOptions::default();
    options.hub = hub.to_owned();
    options.sensor = "lab".to_owned();
    options.reconnect_max = Duration::from_millis(300);
    options
}

fn to(hub: &Running) -> PublisherOptions {
    named(&format!("ws://{}", hub.at.http))
}

/// A hub on this port, or on any.
fn fast(listen: Option<std::net::SocketAddr>) -> Options {
    let listen = listen.unwrap_or(options().listen);
    Options { max_messages_per_second: 1_000_000, listen, ..options() }
}

fn raw(json: impl Into<String>) -> Box<RawValue> {
    RawValue::from_string(json.into()).unwrap()
}

fn name(name: &str) -> Name {
    Name::try_from(name.to_owned()).unwrap()
}

fn publish(publisher: &Publisher, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let id = publisher.publish(&name("a"), Trigger::Packet, Time::now(), raw(number.to_string())).unwrap();
        assert_eq!((id.boot(), id.sequence()), (publisher.boot(), number));
    }
}

async fn finish(publisher: Publisher, within: Duration) -> PublisherCounters {
    let counters = spawn_blocking(move || publisher.finish(within)).await.unwrap();
    counters.check().unwrap();
    assert_eq!(counters.waiting(), 0);
    counters
}

const LONG: Duration = Duration::from_secs(20);

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
