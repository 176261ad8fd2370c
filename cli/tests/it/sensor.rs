//! `flowgauge sensor`: its options, what it writes, and what it does without Python. docs/sensor.md has all of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Run, flowgauge, names, signal};

fn data(name: &str) -> String {
    crate::support::data(name).to_str().unwrap().to_owned()
}

fn sense(arguments: &[&str]) -> Run {
    let mut command = flowgauge();
    Run::of(&command.arg("sensor").args(arguments).output().unwrap())
}

fn topics(out: &str) -> BTreeMap<String, usize> {
    let mut topics = BTreeMap::new();
    for line in out.lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        *topics.entry(message["topic"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    topics
}

#[test]
fn without_a_hub_it_writes_a_message_a_line() {
    let capture = data("dns.pcap");
    let run = sense(&["-r", &capture, "--hub", "-"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let wanted =
        [("dns.lookup", 6), ("dns.summary", 1), ("flow.record", 6), ("packets.count", 1), ("sensor.status", 1)];
    assert_eq!(topics(&run.out), wanted.map(|(topic, count)| (topic.to_owned(), count)).into());
    let run = sense(&["-r", &capture, "--hub", "-", "-f", "tcp port 1", "-p", "dns"]);
    assert_eq!(topics(&run.out).get("dns.lookup"), None);
}

#[test]
fn what_cannot_be_kept_is_named() {
    let capture = data("dns.pcap");
    for (arguments, words) in [
        (vec![], "needs an interface (-i) or captures (-r)"),
        (vec!["-r", &capture, "-p", "mine.py"], "pip install flowgauge"),
        (vec!["-r", &capture, "--interval", "0"], "interval must be from 0.001"),
        (vec!["-r", &capture, "--interval", "nan"], "interval must be"),
        (vec!["-r", &capture, "--hub", "gopher://x"], "hub is \"gopher://x\""),
        (vec!["-r", &capture, "--spool-messages", "0"], "spool_messages is 0"),
        (vec!["-r", &capture, "-n", "a\nb"], "without control characters"),
        (vec!["-r", &capture, "--config", "no/such"], "no/such"),
        (vec!["-r", &capture, "-f", "no such word"], "no such word"),
        (vec!["-r", &capture, "--check", "--hub", "ftp://x"], "ftp://x"),
        (vec!["-r", &capture, "--check", "--hub", "ws://u:secret@h"], "********"),
        (vec!["-r", &capture, "--check", "--hub", "ws://h/?token=secret"], "********"),
    ] {
        let run = sense(&arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(words) && !run.err.contains("secret"), "{arguments:?}: {}", run.err);
    }
    let run = sense(&["-r", "no/such.pcap", "--hub", "-"]);
    assert!(run.code == 1 && run.err.contains("no/such.pcap"), "{}", run.err);
}

#[test]
fn check_tells_what_is_in_force() {
    let told = sense(&["-r", "x.pcap", "--check", "-n", "lab", "-p", "flows", "--log-level", "warn"]);
    assert_eq!(told.code, 0, "{}", told.err);
    for line in
        ["name = \"lab\"", "processor = [\"flows\"]", "interval = 5.0", "log_level = \"warn\"", "read = [\"x.pcap\"]"]
    {
        assert!(told.out.lines().any(|one| one == line), "{line} in {}", told.out);
    }
    let folder = tempfile::tempdir().unwrap();
    let again = folder.path().join("again.toml");
    std::fs::write(&again, &told.out).unwrap();
    assert_eq!(sense(&["--check", "--config", again.to_str().unwrap()]).out, told.out);
}

/// The hub, its address, and what it logs.
fn hub(listen: &str) -> (Child, String) {
    let mut command = flowgauge();
    command.args(["hub", "--listen", listen, "--log-format", "json"]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .find_map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["http"].as_str().map(str::to_owned))
        .unwrap();
    thread::spawn(move || lines.for_each(drop));
    (child, address)
}

#[test]
fn a_hub_that_comes_late_gets_everything() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("ws://{address}");
    let mut command = flowgauge();
    command.args(["sensor", "-r", &data("dns.pcap"), "--hub", &url, "--log-format", "json"]);
    command.args(["--drain-timeout", "20"]).stderr(Stdio::piped()).stdout(Stdio::null());
    let sensor = command.spawn().unwrap();
    thread::sleep(Duration::from_millis(700));
    let (mut hub, _) = hub(&address);
    let run = Run::of(&sensor.wait_with_output().unwrap());
    signal("INT", hub.id());
    hub.wait().unwrap();
    assert_eq!(run.code, 0, "{}", run.err);
    let ended: Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    assert_eq!((&ended["messages"], &ended["lost"]), (&15.into(), &0.into()), "{}", run.err);
}

#[test]
fn a_hub_that_never_comes_is_told() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("ws://{address}");
    let run = sense(&["-r", &data("dns.pcap"), "--hub", &url, "--drain-timeout", "0.3"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("the hub does not have all messages") && run.err.contains("closing 15"), "{}", run.err);
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let spool = spool.to_str().unwrap();
    let kept = sense(&["-r", &data("dns.pcap"), "--hub", &url, "--drain-timeout", "0.3", "--spool-dir", spool]);
    assert!(kept.code == 1 && kept.err.contains("left=15"), "{}", kept.err);
    // The next start sends what the last one left.
    let (mut hub, _) = hub(&address.to_string());
    let sent = sense(&["-r", &data("dns.pcap"), "--hub", &url, "--spool-dir", spool, "-p", "arp"]);
    signal("INT", hub.id());
    hub.wait().unwrap();
    assert_eq!(sent.code, 0, "{}", sent.err);
    assert_eq!(names(spool.as_ref()), ["lock"]);
}
