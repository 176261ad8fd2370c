//! How a hub ends.

use std::time::Duration;

use flowgauge_hub::{Hub, Options};
use serde_json::json;

use crate::support::{Running, message, options, until, with_compat, within};

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_everybody_gets_what_waits_and_is_told() {
    let hub = Running::start(with_compat()).await;
    let mut lab = hub.publisher("lab").await;
    let mut kitchen = hub.kitchen("kitchen").await;
    let mut eater = hub.eater("eater").await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    for number in 1..=500 {
        lab.send(message("lab", "a", number)).await;
    }
    until(async || hub.status().await["messages"]["accepted"].as_u64() >= Some(500)).await;
    let stopping = tokio::spawn(hub.stop());
    for number in 1..=500 {
        assert_eq!(desk.value().await["message"]["payload"], number);
    }
    assert_eq!(desk.farewell().await.0, 1001);
    assert_eq!(lab.farewell().await.0, 1001);
    assert_eq!(kitchen.farewell().await.0, 1001);
    assert_eq!(eater.farewell().await.0, 1001);
    let snapshot = stopping.await.unwrap();
    assert_eq!(snapshot.dropped.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_it_in_time_loses_it_and_it_is_counted() {
    let grace = Duration::from_millis(300);
    let hub = Running::start(Options { shutdown_grace: grace, max_messages_per_second: 1_000_000, ..options() }).await;
    let (_stuck, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let mut lab = hub.publisher("lab").await;
    let long = format!("\"payload\":\"{}\",\"was\":", "x".repeat(100_000));
    for number in 1..=80 {
        lab.send(message("lab", "a", number).replace("\"payload\":", &long)).await;
    }
    until(async || hub.status().await["messages"]["accepted"] == 81).await;
    let snapshot = hub.stop().await;
    assert!(snapshot.dropped.of("closing") > 0, "{snapshot:?}");
    assert_eq!(snapshot.offered, 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_stopped_at_once_has_told_of_itself() {
    for _ in 0..30 {
        let hub = Hub::bind(with_compat()).await.unwrap();
        let snapshot = within(hub.serve(std::future::ready(()))).await;
        // Once a protocol.
        assert_eq!((snapshot.received, snapshot.accepted), (2, 2));
    }
}
