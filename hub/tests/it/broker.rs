//! Several hubs with one NATS between them are one hub.

use std::collections::BTreeSet;
use std::time::Duration;

use flowgauge_hub::{Hub, Options};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::nats::Nats;
use crate::support::{Client, Running, get, message, until, within};

/// What a subscriber gets next, as topic and payload.
async fn got(client: &mut Client) -> (String, Value) {
    let value = client.value().await;
    assert_eq!(value["kind"], "message", "{value}");
    (value["message"]["topic"].as_str().unwrap().to_owned(), value["message"]["payload"].clone())
}

/// Waits until so many frames are acknowledged.
async fn acked(client: &mut Client, messages: u64) {
    loop {
        let value = client.value().await;
        assert_eq!(value["kind"], "ack", "{value}");
        if value["taken"] == messages {
            return;
        }
    }
}

async fn broker(hub: &Running, key: &str) -> u64 {
    hub.status().await["broker"][key].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_hub_is_told_the_other_tells() {
    let Some(nats) = Nats::start().await else { return };
    let (one, two) = (Running::start(nats.options()).await, Running::start(nats.options()).await);
    let (mut near, here) = one.subscriber(json!({"topics": ["dns.*"]})).await;
    let (mut far, there) = two.subscriber(json!({"topics": ["dns.*"]})).await;
    assert_eq!((&here["boot"], &here["sequence"]), (&there["boot"], &there["sequence"]));
    let mut lab = one.publisher("lab").await;
    let text = r#"{ "payload": {"z": 1.50,  "é": null}, "version":1,"id":"b:1","time":1795187491.19667360,"sensor":"lab","topic":"dns.lookup","trigger":"flow"}"#;
    lab.send(text).await;
    lab.send("{").await;
    lab.send(message("lab", "arp", 2)).await;
    lab.send(message("lab", "dns.x", 3)).await;
    let whole = format!(r#"{{"kind":"message","sequence":{:>20},"message":{text}}}"#, 1);
    assert_eq!((near.text().await, far.text().await), (whole.clone(), whole));
    assert_eq!(got(&mut near).await, ("dns.x".to_owned(), json!(3)));
    assert_eq!(far.value().await["sequence"], 3);
    assert_eq!(lab.value().await, json!({"kind": "refused", "number": 2, "reason": "malformed"}));
    acked(&mut lab, 4).await;
    assert_eq!((broker(&one, "stored").await, broker(&two, "stored").await), (3, 0));
    let (_, text) = get(one.at.http, "/metrics", &[]).await;
    assert!(text.contains("\nflowgauge_hub_broker_stored_total 3\n"), "{text}");
    assert!(text.contains("\nflowgauge_hub_broker_connected 1\n"), "{text}");
    // What a hub tells of itself stays with it, under the number of the last message.
    assert_eq!(two.status().await["sequence"], 3);
    let (one, two) = (one.stop().await, two.stop().await);
    assert_eq!((one.received, one.accepted, one.refused.of("malformed"), one.delivered), (5, 4, 1, 2));
    assert_eq!((two.received, two.offered, two.delivered), (1, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_through_two_hubs_is_there_once() {
    let Some(nats) = Nats::start().await else { return };
    let (one, two) = (Running::start(nats.options()).await, Running::start(nats.options()).await);
    let (mut desk, _) = two.subscriber(json!({"topics": ["a"]})).await;
    for hub in [&one, &two] {
        let mut lab = hub.publisher("lab").await;
        lab.send(message("lab", "a", 1)).await;
        acked(&mut lab, 1).await;
    }
    // Another sensor may have the same id, and means another message.
    let mut other = one.publisher("other").await;
    other.send(message("lab", "a", 1).replace("\"sensor\":\"lab\"", "\"sensor\":\"other\"")).await;
    other.send(message("other", "a", 2)).await;
    acked(&mut other, 2).await;
    let mut sensors = Vec::new();
    for _ in 0..3 {
        sensors.push(desk.value().await["message"]["sensor"].clone());
    }
    assert_eq!(sensors, ["lab", "other", "other"]);
    assert_eq!((broker(&one, "duplicates").await, broker(&two, "duplicates").await), (0, 1));
    one.stop().await;
    assert_eq!(two.stop().await.delivered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_goes_on_at_any_hub() {
    let Some(nats) = Nats::start().await else { return };
    let small = || Options { history_messages: 4, ..nats.options() };
    let one = Running::start(small()).await;
    let mut lab = one.publisher("lab").await;
    for number in 1..=300 {
        lab.send(message("lab", if number % 2 == 0 { "even" } else { "odd" }, number)).await;
    }
    acked(&mut lab, 300).await;
    // It has read nothing of that.
    let two = Running::start(small()).await;
    let boot = two.status().await["boot"].as_str().unwrap().to_owned();
    for (hub, since) in
        [(&one, format!("{boot}:100")), (&two, format!("{boot}:100")), (&two, "lab-boot:100".to_owned())]
    {
        let (mut desk, welcome) = hub.subscriber(json!({"topics": ["even"], "since": since})).await;
        assert_eq!((&welcome["resume"], &welcome["boot"]), (&json!("whole"), &json!(boot)), "{since}");
        for number in (102..=300).step_by(2) {
            let value = desk.value().await;
            assert_eq!((&value["sequence"], &value["message"]["payload"]), (&json!(number), &json!(number)), "{since}");
        }
    }
    // It goes on with what comes, and nothing twice.
    let (mut desk, _) = two.subscriber(json!({"topics": ["even"], "since": format!("{boot}:298")})).await;
    lab.send(message("lab", "even", 302)).await;
    assert_eq!((got(&mut desk).await.1, got(&mut desk).await.1), (json!(300), json!(302)));
    for (since, resume) in
        [(format!("{boot}:301"), "whole"), (format!("{boot}:302"), "gap"), ("lab-boot:7000".to_owned(), "gap")]
    {
        assert_eq!(two.subscriber(json!({"since": since})).await.1["resume"], resume, "{since}");
    }
    // What somebody took out is no gap: nothing else is missing.
    let stream = nats.jetstream().await.get_stream("flowgauge").await.unwrap();
    stream.delete_message(150).await.unwrap();
    let (mut desk, welcome) = two.subscriber(json!({"since": format!("{boot}:148")})).await;
    assert_eq!(welcome["resume"], "whole");
    assert_eq!(
        (desk.value().await["sequence"].clone(), desk.value().await["sequence"].clone()),
        (json!(149), json!(151))
    );
    // What the stream has no longer is a gap, and all that it has follows.
    stream.purge().keep(50).await.unwrap();
    let (mut desk, welcome) = two.subscriber(json!({"since": format!("{boot}:100")})).await;
    assert_eq!(welcome["resume"], "gap");
    for number in 252..=301 {
        assert_eq!(desk.value().await["sequence"], number);
    }
    drop((lab, desk));
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_is_fed_from_the_stream_loses_nothing_while_more_comes() {
    let Some(nats) = Nats::start().await else { return };
    let hub =
        Running::start(Options { history_messages: 0, max_messages_per_second: 1_000_000, ..nats.options() }).await;
    let mut lab = hub.publisher("lab").await;
    for number in 1..=2000 {
        lab.send(message("lab", "a", number)).await;
    }
    acked(&mut lab, 2000).await;
    let boot = hub.status().await["boot"].as_str().unwrap().to_owned();
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"], "since": format!("{boot}:0")})).await;
    let sending = tokio::spawn(async move {
        for number in 2001..=4000 {
            lab.send(message("lab", "a", number)).await;
        }
        lab
    });
    for number in 1..=4000 {
        assert_eq!(desk.value().await["sequence"], number);
    }
    drop(sending.await.unwrap());
    let ended = hub.stop().await;
    assert_eq!((ended.offered, ended.delivered), (4000, 4000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_killed_broker() {
    let Some(mut nats) = Nats::start().await else { return };
    let options = || Options { queue_messages: 100_000, max_messages_per_second: 1_000_000, ..nats.options() };
    let (one, two) = (Running::start(options()).await, Running::start(options()).await);
    let (mut desk, _) = two.subscriber(json!({"topics": ["a"], "policy": "disconnect"})).await;
    let mut sending = Vec::new();
    for sensor in ["lab", "attic"] {
        let mut publisher = one.publisher(sensor).await;
        sending.push(tokio::spawn(async move {
            for number in 1..=EACH {
                publisher.send(message(sensor, "a", number)).await;
            }
            acked(&mut publisher, EACH).await;
        }));
    }
    let mut seen = BTreeSet::new();
    for round in 1..=2 * EACH {
        let value = desk.value().await;
        let number = value["message"]["payload"].as_u64().unwrap();
        assert!(seen.insert((value["message"]["sensor"].to_string(), number)), "twice: {value}");
        if [EACH / 2, EACH].contains(&round) {
            nats.kill();
            until(async || one.status().await["broker"]["connected"] == false).await;
            nats.restart().await;
        }
    }
    for sending in sending {
        within(sending).await.unwrap();
    }
    // It was killed with messages on their way, of which it had stored some.
    assert!(broker(&one, "retries").await > 0);
    assert_eq!(broker(&one, "reconnects").await, 2);
    let stored = broker(&one, "stored").await + broker(&one, "duplicates").await;
    let (one, two) = (one.stop().await, two.stop().await);
    // One is the hub's own.
    assert_eq!((stored, one.received, one.accepted), (2 * EACH, 2 * EACH + 1, 2 * EACH + 1));
    assert_eq!((two.offered, two.delivered, two.dropped.total()), (2 * EACH, 2 * EACH, 0));
}

/// Messages of a publisher.
const EACH: u64 = 5000;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_stored_in_time_is_not_acknowledged() {
    let Some(mut nats) = Nats::start().await else { return };
    let hub = Running::start(Options { broker_timeout: Duration::from_millis(700), ..nats.options() }).await;
    let mut lab = hub.publisher("lab").await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    lab.send(message("lab", "a", 1)).await;
    acked(&mut lab, 1).await;
    nats.kill();
    for number in 2..=2000 {
        // It may be sent away before all of it went out.
        let _ = tokio::time::timeout(
            Duration::from_secs(5),
            futures_util::SinkExt::send(&mut lab.0, message("lab", "a", number).into()),
        )
        .await;
    }
    let mut taken = 0;
    let code = loop {
        match within(futures_util::StreamExt::next(&mut lab.0)).await {
            Some(Ok(tokio_tungstenite::tungstenite::Message::Text(text))) => {
                let value: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(value["kind"], "ack");
                taken = value["taken"].as_u64().unwrap();
            }
            Some(Ok(tokio_tungstenite::tungstenite::Message::Close(Some(frame)))) => break u16::from(frame.code),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((taken, code), (1, 1013));
    assert_eq!(hub.status().await["broker"]["connected"], false);
    // A message that only the broker has is not to be had, and that is said.
    let mut client = Client::open(&format!("ws://{}/subscribe", hub.at.http), &[]).await.unwrap();
    client.say(&json!({"kind": "hello", "version": 1, "since": "elsewhere:1"})).await;
    assert_eq!(client.farewell().await.0, 1013);
    nats.restart().await;
    until(async || hub.status().await["broker"]["connected"] == true).await;
    let mut lab = hub.publisher("lab").await;
    for number in 1..=2000 {
        lab.send(message("lab", "a", number)).await;
    }
    acked(&mut lab, 2000).await;
    for number in 1..=2000 {
        assert_eq!(got(&mut desk).await.1, number);
    }
    // What was given up is no duplicate; the one that was acknowledged is.
    assert_eq!((broker(&hub, "stored").await, broker(&hub, "duplicates").await), (2000, 1));
    let ended = hub.stop().await;
    assert!(ended.refused.of("broker") > 0, "{ended:?}");
    assert_eq!((ended.delivered, ended.refused.of("duplicate")), (2000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_others_delete_is_a_gap_and_is_made_anew() {
    let Some(nats) = Nats::start().await else { return };
    let (one, two) = (Running::start(nats.options()).await, Running::start(nats.options()).await);
    let mut lab = one.publisher("lab").await;
    let (mut desk, welcome) = two.subscriber(json!({"topics": ["a"]})).await;
    for number in 1..=3 {
        lab.send(message("lab", "a", number)).await;
        assert_eq!(got(&mut desk).await.1, number);
    }
    nats.jetstream().await.delete_stream("flowgauge").await.unwrap();
    assert_eq!(desk.farewell().await.0, 1012);
    lab.send(message("lab", "a", 4)).await;
    acked(&mut lab, 4).await;
    let since = format!("{}:3", welcome["boot"].as_str().unwrap());
    for hub in [&one, &two] {
        // A hub may need a moment to notice.
        let began = within(async {
            loop {
                let mut client = Client::open(&format!("ws://{}/subscribe", hub.at.http), &[]).await.unwrap();
                client.say(&json!({"kind": "hello", "version": 1, "topics": ["a"], "since": since})).await;
                match within(futures_util::StreamExt::next(&mut client.0)).await {
                    Some(Ok(tokio_tungstenite::tungstenite::Message::Text(text))) => {
                        let value: Value = serde_json::from_str(&text).unwrap();
                        if value["resume"] == "gap" && value["boot"] != welcome["boot"] {
                            return client;
                        }
                    }
                    _ => sleep(Duration::from_millis(50)).await,
                }
            }
        });
        let mut client = began.await;
        assert_eq!(got(&mut client).await.1, 4);
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_drops_before_a_hub_reads_it_is_a_gap() {
    let Some(mut nats) = Nats::start().await else { return };
    let hub = Running::start(nats.options()).await;
    let mut lab = hub.publisher("lab").await;
    let (mut desk, welcome) = hub.subscriber(json!({"topics": ["a"]})).await;
    for number in 1..=3 {
        lab.send(message("lab", "a", number)).await;
        assert_eq!(got(&mut desk).await.1, number);
    }
    nats.kill();
    nats.hide().await;
    let other = Running::start(nats.options()).await;
    let mut attic = other.publisher("attic").await;
    for number in 4..=8 {
        attic.send(message("attic", "a", number)).await;
    }
    acked(&mut attic, 5).await;
    nats.jetstream().await.get_stream("flowgauge").await.unwrap().purge().keep(1).await.unwrap();
    drop(attic);
    other.stop().await;
    nats.come_back().await;
    assert_eq!(desk.farewell().await.0, 1012);
    assert_eq!(broker(&hub, "missed").await, 4);
    let since = format!("{}:3", welcome["boot"].as_str().unwrap());
    let (mut desk, welcome) = hub.subscriber(json!({"topics": ["a"], "since": since})).await;
    assert_eq!(welcome["resume"], "gap");
    assert_eq!(got(&mut desk).await.1, 8);
    lab.send(message("lab", "a", 9)).await;
    assert_eq!(got(&mut desk).await.1, 9);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nats_cannot_take_is_refused_and_the_rest_goes_on() {
    let Some(nats) = Nats::start().await else { return };
    let hub = Running::start(Options { max_message_bytes: 2 << 20, ..nats.options() }).await;
    let mut lab = hub.publisher("lab").await;
    let long =
        |bytes| message("lab", "a", 1).replace("\"payload\":1", &format!("\"payload\":\"{}\"", "x".repeat(bytes)));
    lab.send(long(1 << 20)).await;
    lab.send(long((1 << 20) - 4096)).await;
    assert_eq!(lab.value().await, json!({"kind": "refused", "number": 1, "reason": "too_long"}));
    acked(&mut lab, 2).await;
    let ended = hub.stop().await;
    assert_eq!((ended.accepted, ended.refused.of("too_long")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_others_is_not_taken() {
    let Some(nats) = Nats::start().await else { return };
    let config = async_nats::jetstream::stream::Config {
        name: "flowgauge".to_owned(),
        subjects: vec!["elsewhere.>".to_owned()],
        ..Default::default()
    };
    nats.jetstream().await.create_stream(config).await.unwrap();
    let error = Hub::bind(nats.options()).await.unwrap_err().to_string();
    assert!(error.contains("\"flowgauge\" has not the subjects flowgauge.>"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_outlives_all_hubs() {
    let Some(nats) = Nats::start().await else { return };
    let one = Running::start(nats.options()).await;
    let mut lab = one.publisher("lab").await;
    let (mut desk, welcome) = one.subscriber(json!({"topics": ["a"]})).await;
    for number in 1..=20 {
        lab.send(message("lab", "a", number)).await;
    }
    assert_eq!(got(&mut desk).await.1, 1);
    acked(&mut lab, 20).await;
    drop((lab, desk));
    one.stop().await;
    let two = Running::start(nats.options()).await;
    let since = format!("{}:1", welcome["boot"].as_str().unwrap());
    let (mut desk, welcome) = two.subscriber(json!({"topics": ["a"], "since": since})).await;
    assert_eq!((&welcome["resume"], &welcome["sequence"]), (&json!("whole"), &json!(20)));
    for number in 2..=20 {
        assert_eq!(got(&mut desk).await.1, number);
    }
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_goes_through() {
    let Some(nats) = Nats::start().await else { return };
    let options = || Options { broker_stream: "other_1".to_owned(), ..nats.options() };
    let (one, two) = (Running::start(options()).await, Running::start(options()).await);
    let (mut desk, _) = two.subscriber(json!({"topics": ["t*"]})).await;
    let long = "t.".repeat(128);
    let names = ["t a b", "t.*", "t.>", "t..", "t\u{e9}%20", "t$JS.API", &long];
    for sensor in ["a b", "*", ">", ".", "%null", "é\u{1f600}", &"x.".repeat(128)] {
        let mut lab = one.publisher(sensor).await;
        for (number, topic) in (1..).zip(names) {
            // An id has letters that a name may not.
            let text = message(sensor, topic, number);
            lab.send(text.replacen(&format!("\"id\":\"{sensor}-boot"), "\"id\":\"boot", 1)).await;
        }
        acked(&mut lab, names.len() as u64).await;
        for topic in names {
            let value = desk.value().await;
            assert_eq!((&value["message"]["sensor"], &value["message"]["topic"]), (&json!(sensor), &json!(topic)));
        }
    }
    // What others put there is left out, whatever it is.
    let jetstream = nats.jetstream().await;
    for (subject, text) in [("other_1.x", "{"), ("other_1.lab.t", message("lab", "t", 9).as_str())] {
        jetstream.publish(subject.to_owned(), text.to_owned().into()).await.unwrap().await.unwrap();
    }
    until(async || broker(&two, "unreadable").await == 2).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dumplings_cross_from_hub_to_hub() {
    let Some(nats) = Nats::start().await else { return };
    let options = || Options { compat: Some(flowgauge_hub::Compat::Netdumplings), ..nats.options() };
    let (one, two) = (Running::start(options()).await, Running::start(options()).await);
    let mut eater = two.eater("eater").await;
    let (mut desk, _) = two.subscriber(json!({"topics": ["chef"]})).await;
    let mut kitchen = one.kitchen("kitchen").await;
    let texts = ["1", "NaN"].map(|payload| {
        format!(r#"{{"metadata": {{"chef": "chef", "kitchen": "kitchen", "creation_time": 5.25, "driver": "packet"}},  "payload": {payload}}}"#)
    });
    for text in &texts {
        kitchen.send(text.as_str()).await;
    }
    for text in &texts {
        loop {
            let got = eater.text().await;
            if !got.contains("SystemStatusChef") {
                assert_eq!(&got, text);
                break;
            }
        }
    }
    assert_eq!(got(&mut desk).await, ("chef".to_owned(), json!(1)));
    let mut lab = one.publisher("lab").await;
    lab.send(message("lab", "chef", 7)).await;
    assert_eq!(got(&mut desk).await, ("chef".to_owned(), json!(7)));
    assert!(eater.text().await.contains("\"flowgauge\""));
    drop(kitchen);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_let_us_in_is_named() {
    let token = "0a3f6c1d9e27b584";
    let Some(nats) = Nats::with(&["--auth", token], |_| {}).await else { return };
    let file = |text: &str| {
        let path = nats.files.path().join(format!("token-{}", text.len()));
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    for broker_token in [None, file("something else")] {
        let error = Hub::bind(Options { broker_token, ..nats.options() }).await.unwrap_err().to_string();
        assert!(error.contains("broker_token") && error.contains(&nats.url("nats")), "{error}");
        assert!(!error.contains("something"), "{error}");
    }
    let broker_credentials = file("no credentials at all");
    let error = Hub::bind(Options { broker_credentials, ..nats.options() }).await.unwrap_err().to_string();
    assert!(error.contains("token-21") && !error.contains("at all"), "{error}");
    let hub = Running::start(Options { broker_token: file(&format!("{token}\n")), ..nats.options() }).await;
    hub.stop().await;
    drop(nats);
    let options = Options { broker: Some("nats://127.0.0.1:1".to_owned()), ..crate::support::options() };
    let error = Hub::bind(options).await.unwrap_err().to_string();
    assert!(error.contains("no broker at nats://127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_may_be_behind_tls() {
    let arguments = ["--tls", "--tlscert", "DIR/cert.pem", "--tlskey", "DIR/key.pem"];
    let made = Nats::with(&arguments, |files| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(files.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(files.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    });
    let Some(nats) = made.await else { return };
    let with = |broker_ca| Options { broker: Some(nats.url("tls")), broker_ca, ..nats.options() };
    let error = Hub::bind(with(None)).await.unwrap_err().to_string();
    assert!(error.contains("no broker at tls://"), "{error}");
    let hub = Running::start(with(Some(nats.files.path().join("cert.pem")))).await;
    let mut lab = hub.publisher("lab").await;
    lab.send(message("lab", "a", 1)).await;
    acked(&mut lab, 1).await;
    hub.stop().await;
}
