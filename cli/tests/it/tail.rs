//! What `flowgauge tail` and `flowgauge hub status` show of a hub that runs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use flowgauge_hub::client::{Publisher, PublisherOptions};
use flowgauge_hub::{Name, Time, Trigger};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::{Run, await_that, flowgauge, on_terminal, signal};

/// The hub, as a process of its own, and where it is.
struct Hub(Child, String);

impl Hub {
    fn start(options: &[&str]) -> Self {
        let mut command = flowgauge();
        command.args(["hub", "--log-format", "json"]).args(options);
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let at = loop {
            let line: Value = serde_json::from_str(&log.next().expect("the hub ended").unwrap()).unwrap();
            if let Some(at) = line["http"].as_str() {
                break format!("ws://{at}");
            }
        };
        std::thread::spawn(move || log.for_each(drop));
        Self(child, at)
    }

    fn publisher(&self, token: Option<&str>) -> Publisher {
        let mut options = PublisherOptions::default();
        options.hub.clone_from(&self.1);
        options.sensor = "lab".to_owned();
        options.token = token.map(str::to_owned);
        Publisher::start(options).unwrap()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        signal("INT", self.0.id());
        assert!(self.0.wait().unwrap().success());
    }
}

fn publish(publisher: &Publisher, topic: &str, payload: &str) {
    let time = Time::try_from(RawValue::from_string("1795187491.1966736".to_owned()).unwrap()).unwrap();
    let topic = Name::try_from(topic.to_owned()).unwrap();
    publisher.publish(&topic, Trigger::Packet, time, RawValue::from_string(payload.to_owned()).unwrap()).unwrap();
}

fn all_taken(publisher: Publisher) {
    let counters = publisher.finish(Duration::from_secs(10));
    assert_eq!((counters.acknowledged, counters.waiting()), (counters.made, 0));
}

#[test]
fn messages_are_shown_a_line_each() {
    let hub = Hub::start(&[]);
    let publisher = hub.publisher(None);
    publish(&publisher, "dns.first", "1");
    publish(&publisher, "dns.lookup", "{\"name\":\n \"a\u{9b}\u{202e}b\", \"ttl\": 1.50}");
    publish(&publisher, "arp", "2");
    publish(&publisher, "dns.last", "[]");
    all_taken(publisher);
    // The first message is the hub's own, the second that of dns.first.
    let status = Run::of(&flowgauge().args(["hub", "status", &hub.1, "--json"]).output().unwrap());
    let status: Value = serde_json::from_str(&status.silent().out).unwrap();
    let first = format!("{}:2", status["boot"].as_str().unwrap());
    let tail = |more: &[&str]| {
        let mut command = flowgauge();
        command.args(["tail", &hub.1, "--topic", "dns.*", "--sensor", "l*", "--since", &first, "--count", "2"]);
        Run::of(&command.args(more).env("TZ", "UTC-1").output().unwrap()).silent().out
    };
    let line = "2026-11-20T16:11:31.196+01:00 lab dns.lookup ";
    let last = "2026-11-20T16:11:31.196+01:00 lab dns.last ";
    assert_eq!(tail(&[]), format!("{line}{{\"name\": \"a\\u{{9b}}\\u{{202e}}b\", \"ttl\": 1.50}}\n{last}[]\n"));
    let pretty = "{\n  \"name\": \"a\\u{9b}\\u{202e}b\",\n  \"ttl\": 1.50\n}";
    assert_eq!(tail(&["--pretty"]), format!("{line}\n{pretty}\n\n{last}\n[]\n\n").replace(" \n", "\n"));
    let json = tail(&["--json"]);
    assert_eq!(json.lines().count(), 2);
    let message: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(message["payload"]["name"], "a\u{9b}\u{202e}b");
    assert!(json.contains("1.50"));
    // A reader that wants no more is no error.
    let line = format!("$F tail {} --since {first} --json | head -n 1", hub.1);
    let mut command = std::process::Command::new("sh");
    let run = Run::of(&command.args(["-c", &line]).env("F", env!("CARGO_BIN_EXE_flowgauge")).output().unwrap());
    assert_eq!((run.code, run.out.lines().count(), run.err.as_str()), (0, 1, ""));
    if let Some(run) = on_terminal(
        80,
        &format!("$F tail {} --since {first} --count 1 --json; $F tail {} --since {first} --count 1", hub.1, hub.1),
    ) {
        assert!(run.out.contains("\\u{202e}b") && !run.out.contains('\u{9b}'), "{}", run.out);
        assert!(run.out.contains("\u{1b}[1mdns.lookup\u{1b}[0m"), "{}", run.out);
    }
}

#[test]
fn it_waits_for_the_hub_and_ends_when_it_is_interrupted() {
    let hub = Hub::start(&[]);
    let at = hub.1.clone();
    let mut tail = flowgauge().args(["tail", &at]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(tail.stderr.take().unwrap()).lines();
    let status = || Run::of(&flowgauge().args(["hub", "status", &at, "--json"]).output().unwrap());
    await_that("it is there", || status().out.contains("flowgauge tail"));
    drop(hub);
    assert!(told.next().unwrap().unwrap().contains("1001"));
    assert!(told.next().unwrap().unwrap().contains("cannot reach"));
    let hub = Hub::start(&["--listen", at.trim_start_matches("ws://")]);
    assert_eq!(told.next().unwrap().unwrap(), "flowgauge: connected to flowgauge");
    assert!(told.next().unwrap().unwrap().contains("messages may be missing here"));
    signal("INT", tail.id());
    assert_eq!(tail.wait().unwrap().code(), Some(0));
    drop(hub);
    let run = Run::of(&flowgauge().args(["tail", &at, "--no-reconnect"]).output().unwrap());
    assert!(run.message().contains("cannot reach"));
    assert!(status().message().contains("cannot reach"));
}

#[test]
fn a_token_comes_from_a_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("tokens"), "desk publish,subscribe,status very-secret-0123456789\n").unwrap();
    fs::write(path("token"), "very-secret-0123456789\n").unwrap();
    fs::write(path("none"), "\n").unwrap();
    let hub = Hub::start(&["--tokens", &path("tokens")]);
    let publisher = hub.publisher(Some("very-secret-0123456789"));
    publish(&publisher, "a", "1");
    let first = format!("{}:0", publisher.boot());
    all_taken(publisher);
    for command in [&["hub", "status"][..], &["tail", "--since", &first, "--count", "1", "--no-reconnect"]] {
        let run = |token: Option<&str>, more: &[&str]| {
            let mut run = flowgauge();
            run.args(command).arg(&hub.1).args(more).env_remove("FLOWGAUGE_TOKEN");
            token.map(|token| run.env("FLOWGAUGE_TOKEN", token));
            Run::of(&run.output().unwrap())
        };
        assert_eq!(run(Some("very-secret-0123456789"), &[]).code, 0);
        assert_eq!(run(Some("wrong-0123456789"), &["--token-file", &path("token")]).code, 0);
        assert!(run(Some("wrong-0123456789"), &[]).message().contains("answers 403"));
        assert_eq!(run(None, &[]).code, 1);
        for (file, words) in [("none", "holds no token"), ("nowhere", "cannot read")] {
            let refused = run(None, &["--token-file", &path(file)]);
            assert_eq!(refused.code, 2);
            assert!(refused.err.contains(words), "{}", refused.err);
        }
    }
}

#[test]
fn the_status_is_a_table_or_the_hubs_own_json() {
    let hub = Hub::start(&["--name", "north"]);
    let publisher = hub.publisher(None);
    publish(&publisher, "a", "1");
    await_that("it is taken", || publisher.counters().acknowledged == 1);
    let run =
        |more: &[&str]| Run::of(&flowgauge().args(["hub", "status", &hub.1]).args(more).output().unwrap()).silent();
    let table = run(&[]).out;
    assert!(table.starts_with("north  boot "), "{table}");
    assert!(table.contains("\nreceived 2 = accepted 2 + refused 0\n"), "{table}");
    assert!(table.contains("\npublisher  lab "), "{table}");
    let status: Value = serde_json::from_str(&run(&["--json"]).out).unwrap();
    assert_eq!((&status["hub"], &status["peers"][0]["name"]), (&"north".into(), &"lab".into()));
    let mut watching = flowgauge();
    watching.args(["hub", "status", &hub.1, "--watch", "--interval", "1", "--json"]).stdout(Stdio::piped());
    let mut watching = watching.spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        assert!(lines.next().unwrap().unwrap().contains("\"north\""));
    }
    signal("INT", watching.id());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    let usage = Run::of(&flowgauge().args(["hub", "status", "ftp://hub"]).output().unwrap());
    assert_eq!(usage.code, 2);
    assert!(usage.err.contains("hub is \"ftp://hub\""), "{}", usage.err);
    all_taken(publisher);
}
