//! The two ports of netdumplings, spoken to as its programs speak, also with what they were once recorded to say.

use std::fs;
use std::path::Path;
use std::time::Duration;

use flowgauge_hub::Options;
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{Client, Running, message, until, with_compat};

const DUMPLING: &str = r#"{"metadata":  {"chef": "DNSLookupChef", "kitchen": "lab", "creation_time": 1795187491.1966736, "driver": "interval"}, "payload": {"z": 1.50, "a": "é\u00e9"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn dumplings_go_from_kitchen_to_eater_byte_for_byte() {
    let hub = Running::start(with_compat()).await;
    let mut kitchen = hub.kitchen("lab").await;
    let mut eater = hub.eater("eater").await;
    let nan = DUMPLING.replace("1.50", "NaN");
    for text in [DUMPLING, &nan] {
        kitchen.send(text).await;
        assert_eq!(eater.text().await, text);
    }
    kitchen.0.send(Message::binary(DUMPLING.as_bytes().to_vec())).await.unwrap();
    assert_eq!(eater.next().await, Message::binary(DUMPLING.as_bytes().to_vec()));
    let snapshot = hub.stop().await;
    assert_eq!((snapshot.uncrossed, snapshot.delivered), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_harm_eaters_is_dropped_and_the_kitchen_stays() {
    let hub = Running::start(with_compat()).await;
    let mut kitchen = hub.kitchen("lab").await;
    let mut eater = hub.eater("eater").await;
    for text in [
        "{",
        "7",
        "{\"metadata\": {}}",
        &DUMPLING.replace("1795187491.1966736", "\"1795187491\""),
        &DUMPLING.replace("DNSLookupChef", "SystemStatusChef"),
    ] {
        kitchen.send(text).await;
    }
    kitchen.0.send(Message::binary(vec![0xff, 0xfe])).await.unwrap();
    kitchen.send(DUMPLING).await;
    assert_eq!(eater.text().await, DUMPLING);
    let snapshot = hub.stop().await;
    assert_eq!((snapshot.refused.of("malformed"), snapshot.refused.of("reserved")), (5, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn dumplings_and_messages_cross_over() {
    let hub = Running::start(with_compat()).await;
    let mut kitchen = hub.kitchen("lab").await;
    let mut eater = hub.eater("eater").await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["DNS*", "a"], "sensors": ["lab", "probe"]})).await;
    let mut probe = hub.publisher("probe").await;
    kitchen.send(DUMPLING).await;
    let got = desk.text().await;
    assert!(got.contains(r#""time":1795187491.1966736,"sensor":"lab","topic":"DNSLookupChef","trigger":"interval","payload":{"z": 1.50, "a": "é\u00e9"}}"#), "{got}");
    assert_eq!(eater.text().await, DUMPLING);
    probe.send(message("probe", "a", 7).replace("packet", "flow")).await;
    assert_eq!(desk.value().await["message"]["trigger"], "flow");
    let dumpling = eater.value().await;
    let metadata = json!({
        "chef": "a", "kitchen": "probe", "creation_time": 1795187491.5, "driver": "packet",
        "flowgauge": {"version": 1, "id": "probe-boot:7", "trigger": "flow"},
    });
    assert_eq!(dumpling, json!({"metadata": metadata, "payload": 7}));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eaters_are_told_the_status_in_its_shape() {
    let hub = Running::start(Options { status_interval: Duration::from_millis(200), ..with_compat() }).await;
    let mut kitchen = hub.kitchen("lab").await;
    let _probe = hub.publisher("probe").await;
    let mut eater = hub.eater("eater").await;
    kitchen.send(DUMPLING).await;
    let status = loop {
        let value = eater.value().await;
        if value["payload"]["total_dumplings_in"] == 1 && value["payload"]["total_dumplings_out"].as_u64() > Some(1) {
            break value;
        }
    };
    assert_eq!(
        (&status["metadata"]["chef"], &status["metadata"]["kitchen"]),
        (&json!("SystemStatusChef"), &Value::Null)
    );
    assert_eq!(status["metadata"]["driver"], "interval");
    assert!(status["metadata"]["creation_time"].is_f64());
    let payload = &status["payload"];
    assert!(payload["server_uptime"].is_f64());
    assert_eq!((&payload["dumpling_kitchen_count"], &payload["dumpling_eater_count"]), (&json!(2), &json!(1)));
    assert_eq!(payload["dumpling_kitchens"][0]["info_from_kitchen"], json!({"kitchen_name": "lab", "chefs": []}));
    assert_eq!(payload["dumpling_kitchens"][1]["info_from_kitchen"]["kitchen_name"], "probe");
    let eater = &payload["dumpling_eaters"][0];
    assert_eq!(
        (&eater["info_from_eater"], &eater["info_from_hub"]["host"]),
        (&json!({"eater_name": "eater"}), &json!("127.0.0.1"))
    );
    assert!(eater["info_from_hub"]["port"].is_u64());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn farewells_are_those_of_its_hub_and_no_ghost_stays() {
    let hub = Running::start(Options { hello_timeout: Duration::from_millis(300), ..with_compat() }).await;
    for address in [hub.at.compat_in.unwrap(), hub.at.compat_out.unwrap()] {
        for hello in ["{", "{}", "[]", r#"{"kitchen_name": 7, "eater_name": 7}"#, r#"["lab"]"#, ""] {
            let mut client = Client::open(&format!("ws://{address}/any/path"), &[]).await.unwrap();
            if !hello.is_empty() {
                client.send(hello).await;
            }
            assert_eq!(client.farewell().await.0, 1011, "{hello}");
        }
    }
    let mut kitchen = hub.kitchen("lab").await;
    kitchen.send("x".repeat(1 << 20).as_str()).await;
    kitchen.send("x".repeat((1 << 20) + 1).as_str()).await;
    assert_eq!(kitchen.farewell().await.0, 1009);
    // Its eaters close with codes of their own, which are echoed.
    for code in [4101, 4102] {
        let mut eater = hub.eater("full").await;
        eater.0.send(Message::Close(Some(CloseFrame { code: code.into(), reason: "full".into() }))).await.unwrap();
        assert_eq!(eater.farewell().await.0, code);
    }
    until(async || hub.status().await["peers"] == json!([])).await;
    let snapshot = hub.stop().await;
    assert_eq!((snapshot.turned_away.of("hello"), snapshot.refused.of("malformed")), (12, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_hellos_do_not_make_a_status_that_ends_eaters() {
    let hub = Running::start(Options { status_interval: Duration::from_millis(300), ..with_compat() }).await;
    let mut eater = hub.eater("eater").await;
    let mut others = Vec::new();
    for number in 0..160 {
        let mut other = Client::open(&format!("ws://{}/", hub.at.compat_out.unwrap()), &[]).await.unwrap();
        other.say(&json!({"eater_name": number.to_string(), "more": "x".repeat(8000)})).await;
        others.push(other);
    }
    loop {
        let text = eater.text().await;
        assert!(text.len() < 1 << 20, "{}", text.len());
        let status: Value = serde_json::from_str(&text).unwrap();
        if status["payload"]["dumpling_eater_count"] == 161 {
            assert!((50..100).contains(&status["payload"]["dumpling_eaters"].as_array().unwrap().len()));
            break;
        }
    }
    drop(others);
    hub.stop().await;
}

/// Frames of the real programs, recorded; without them there is nothing to show.
#[tokio::test(flavor = "multi_thread")]
async fn what_kitchens_were_recorded_to_send_is_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/peers/netdumplings/frames");
    let mut seen = 0;
    for case in ["py311_ws10.4", "py37_ws8.1"] {
        let Ok(lines) = fs::read_to_string(folder.join(case).join("kitchen.jsonl")) else {
            eprintln!("skipped: no recorded frames at {}", folder.display());
            continue;
        };
        let hub = Running::start(with_compat()).await;
        let mut eater = hub.eater("eater").await;
        let mut kitchens: Vec<(Value, Client)> = Vec::new();
        for line in lines.lines() {
            let frame: Value = serde_json::from_str(line).unwrap();
            if frame["dir"] != "c2s" || frame["op"] != "text" {
                continue;
            }
            let text = frame["text"].as_str().unwrap();
            if let Some((_, kitchen)) = kitchens.iter_mut().find(|(conn, _)| *conn == frame["conn"]) {
                kitchen.send(text).await;
                if text.contains("\"metadata\"") {
                    assert_eq!(eater.text().await, text);
                    seen += 1;
                }
                continue;
            }
            let url = format!("ws://{}/", hub.at.compat_in.unwrap());
            let mut kitchen = Client::open(&url, &[]).await.unwrap();
            kitchen.send(text).await;
            kitchens.push((frame["conn"].clone(), kitchen));
        }
        assert!(seen > 0, "{case}");
        hub.stop().await;
    }
}
