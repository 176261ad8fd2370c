//! What publishers send, subscribers get.

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{Running, get, message, options, until, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_who_wants_it_as_it_was_sent() {
    let hub = Running::start(options()).await;
    let (mut all, welcome) = hub.subscriber(json!({"topics": ["dns.*", "arp"], "sensors": ["l*"]})).await;
    assert_eq!((&welcome["hub"], &welcome["resume"]), (&json!("flowgauge"), &json!("fresh")));
    let (mut none, _) = hub.subscriber(json!({"topics": ["flow"]})).await;
    let mut lab = hub.publisher("lab").await;
    let text = r#"{ "payload": {"z": 1.50,  "é": null}, "version":1,"id":"b:1","time":1795187491.19667360,"sensor":"lab","topic":"dns.lookup","trigger":"flow"}"#;
    lab.send(text).await;
    lab.send(message("lab", "flow", 2)).await;
    lab.send(message("lab", "arp", 3)).await;
    let got = all.text().await;
    assert!(got.ends_with(&format!(",\"message\":{text}}}")), "{got}");
    let third = all.value().await;
    assert_eq!((&third["kind"], &third["message"]["payload"]), (&json!("message"), &json!(3)));
    assert_eq!(none.value().await["message"]["payload"], 2);
    loop {
        let ack = lab.value().await;
        assert_eq!(ack["kind"], "ack");
        if ack["taken"] == 3 {
            break;
        }
    }
    let snapshot = hub.stop().await;
    // One is the hub's own.
    assert_eq!((snapshot.received, snapshot.accepted, snapshot.offered, snapshot.delivered), (4, 4, 3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused_by_name_and_the_rest_is_taken() {
    let hub = Running::start(options()).await;
    let (mut subscriber, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let mut lab = hub.publisher("lab").await;
    for text in ["{", "{}", &message("desk", "a", 1), &message("lab", "system.status", 2), &message("lab", "a", 3)] {
        lab.send(text).await;
    }
    let mut reasons = Vec::new();
    loop {
        let value = lab.value().await;
        match value["kind"].as_str().unwrap() {
            "refused" => {
                reasons.push((value["number"].as_u64().unwrap(), value["reason"].as_str().unwrap().to_owned()))
            }
            _ if value["taken"] == 5 => break,
            _ => {}
        }
    }
    let named: Vec<_> = reasons.iter().map(|(number, reason)| (*number, reason.as_str())).collect();
    assert_eq!(named, [(1, "malformed"), (2, "malformed"), (3, "sensor"), (4, "reserved")]);
    assert_eq!(subscriber.value().await["message"]["payload"], 3);
    let snapshot = hub.stop().await;
    assert_eq!((snapshot.refused.of("malformed"), snapshot.refused.total()), (2, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_goes_on_where_it_was() {
    let hub = Running::start(options()).await;
    let mut lab = hub.publisher("lab").await;
    let (mut first, welcome) = hub.subscriber(json!({"topics": ["a"]})).await;
    for number in 1..=10 {
        lab.send(message("lab", "a", number)).await;
    }
    let mut seen = 0;
    for _ in 0..4 {
        seen = first.value().await["sequence"].as_u64().unwrap();
    }
    drop(first);
    until(async || hub.status().await["sequence"].as_u64() >= Some(seen + 6)).await;
    let since = format!("{}:{seen}", welcome["boot"].as_str().unwrap());
    let (mut again, welcome) = hub.subscriber(json!({"topics": ["a"], "since": since})).await;
    assert_eq!(welcome["resume"], "whole");
    for number in 5..=10 {
        assert_eq!(again.value().await["message"]["payload"], number);
    }
    let (mut by_id, welcome) = hub.subscriber(json!({"topics": ["a"], "since": "lab-boot:8"})).await;
    // What other sensors told a hub that ran before this one, an id does not tell.
    assert_eq!(welcome["resume"], "gap");
    assert_eq!(by_id.value().await["message"]["id"], "lab-boot:9");
    let (_, welcome) = hub.subscriber(json!({"since": "elsewhere:8"})).await;
    assert_eq!(welcome["resume"], "gap");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_over_plain_http_and_resume() {
    let hub = Running::start(options()).await;
    let mut lab = hub.publisher("lab").await;
    let open = async |path: &str, last: &str| {
        let stream = TcpStream::connect(hub.at.http).await.unwrap();
        let mut stream = BufReader::new(stream);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{last}\r\n", hub.at.http);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    let line = async |stream: &mut BufReader<TcpStream>, start: &str| {
        let mut line = String::new();
        while !line.starts_with(start) {
            line.clear();
            assert_ne!(within(stream.read_line(&mut line)).await.unwrap(), 0);
        }
        line[start.len()..].trim().to_owned()
    };
    let mut events = open("/events?topic=a&sensor=lab", "").await;
    assert!(line(&mut events, "data: ").await.contains("\"kind\":\"welcome\""));
    for number in 1..=3 {
        lab.send(message("lab", "a", number)).await;
    }
    let id = line(&mut events, "id: ").await;
    assert!(line(&mut events, "data: ").await.contains("\"payload\":1"));
    drop(events);
    let mut events = open("/events?topic=a", &format!("Last-Event-ID: {id}\r\n")).await;
    assert!(line(&mut events, "data: ").await.contains("\"resume\":\"whole\""));
    assert!(line(&mut events, "data: ").await.contains("\"payload\":2"));
    assert!(line(&mut events, "data: ").await.contains("\"payload\":3"));
    for query in ["/events?topics=a", "/events?since=x", "/events?topic="] {
        assert_eq!(get(hub.at.http, query, &[]).await.0, 400, "{query}");
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_metrics_tell_who_is_there_and_how_much_came() {
    let hub = Running::start(options()).await;
    let mut lab = hub.publisher("lab").await;
    let (mut desk, _) = hub.subscriber(json!({"name": "desk", "topics": ["a"]})).await;
    lab.send(message("lab", "a", 1)).await;
    desk.next().await;
    until(async || hub.status().await["messages"]["delivered"] == 1).await;
    let status = hub.status().await;
    let peers = status["peers"].as_array().unwrap();
    assert_eq!(
        (&peers[0]["part"], &peers[0]["name"], &peers[0]["accepted"]),
        (&json!("publisher"), &json!("lab"), &json!(1))
    );
    assert_eq!((&peers[1]["name"], &peers[1]["delivered"]), (&json!("desk"), &json!(1)));
    let (code, text) = get(hub.at.http, "/metrics", &[]).await;
    assert_eq!(code, 200);
    assert!(text.contains("\nflowgauge_hub_delivered_total 1\n"), "{text}");
    assert!(text.contains("flowgauge_hub_peers{part=\"publisher\"} 1\n"));
    assert_eq!(get(hub.at.http, "/healthz", &[]).await, (200, "ok\n".to_owned()));
    assert_eq!(get(hub.at.http, "/nothing", &[]).await.0, 404);
    drop((lab, desk));
    until(async || hub.status().await["peers"] == json!([])).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_tells_of_itself() {
    let hub =
        Running::start(flowgauge_hub::Options { status_interval: std::time::Duration::from_millis(100), ..options() })
            .await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["system.*"]})).await;
    let told = desk.value().await;
    assert_eq!((&told["message"]["topic"], &told["message"]["sensor"]), (&json!("system.status"), &json!(null)));
    assert!(told["message"]["payload"]["received"].is_u64());
    hub.stop().await;
}
