//! What tests of publishers share.

use std::net::SocketAddr;
use std::time::Duration;

use flowgauge_hub::client::{Publisher, PublisherCounters, PublisherOptions};
use flowgauge_hub::{Hub, Name, Options, Time, Trigger};
use serde_json::value::RawValue;
use tokio::runtime::Runtime;
use tokio::task::{block_in_place, spawn_blocking};

use crate::support::{Running, options, until};

pub(crate) fn named(hub: &str) -> PublisherOptions {
    let mut options = PublisherOptions::default();
    options.hub = hub.to_owned();
    options.sensor = "lab".to_owned();
    options.reconnect_max = Duration::from_millis(300);
    options
}

pub(crate) fn to(hub: &Running) -> PublisherOptions {
    named(&format!("ws://{}", hub.at.http))
}

/// A hub on this port, or on any.
pub(crate) fn fast(listen: Option<SocketAddr>) -> Options {
    let listen = listen.unwrap_or(options().listen);
    Options { max_messages_per_second: 1_000_000, listen, ..options() }
}

pub(crate) fn raw(json: impl Into<String>) -> Box<RawValue> {
    RawValue::from_string(json.into()).unwrap()
}

pub(crate) fn name(name: &str) -> Name {
    Name::try_from(name.to_owned()).unwrap()
}

pub(crate) fn publish(publisher: &Publisher, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let id = publisher.publish(&name("a"), Trigger::Packet, Time::now(), raw(number.to_string())).unwrap();
        assert_eq!((id.boot(), id.sequence()), (publisher.boot(), number));
    }
}

pub(crate) async fn finish(publisher: Publisher, within: Duration) -> PublisherCounters {
    let counters = spawn_blocking(move || publisher.finish(within)).await.unwrap();
    counters.check().unwrap();
    assert_eq!(counters.waiting(), 0);
    counters
}

pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A hub that can be killed: with its threads go its sockets, without a word to anybody.
pub(crate) struct Mortal(Runtime, pub(crate) SocketAddr);

impl Mortal {
    pub(crate) fn start(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let hub = block_in_place(|| runtime.block_on(Hub::bind(options))).unwrap();
        let at = hub.addresses().http;
        runtime.spawn(hub.serve(std::future::pending()));
        Self(runtime, at)
    }

    /// Waits until its port is free.
    pub(crate) async fn kill(self) {
        self.0.shutdown_background();
        until(async || std::net::TcpListener::bind(self.1).is_ok()).await;
    }
}
