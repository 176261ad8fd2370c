//! A wire: packets over the loopback of a network namespace of our own.
//!
//! Each test runs itself again inside `unshare --user --map-root-user --net`; where that is not allowed it is skipped, and
//! with `CI=true` that is a failure.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use flowgauge::Error;
use flowgauge::capture::live::{LiveOptions, LiveSource, interface_exists};
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};

use crate::support::reading::{Seen, frames_of};

/// Whether the rest of the test is to run here, in a network namespace of its own with a loopback that is up.
fn inside_a_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        assert!(ip(&["link", "set", "lo", "up"]));
        return true;
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]);
        command
    };
    if !unshare().args(["ip", "link", "set", "lo", "up"]).status().is_ok_and(|status| status.success()) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no network namespaces here");
        eprintln!("skipped: {test} (no network namespaces here)");
        return false;
    }
    let name = format!("capture_live::{test}");
    let status = unshare()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed in its namespace");
    false
}

const INSIDE: &str = "FLOWGAUGE_TEST_INSIDE_NAMESPACE";

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).status().is_ok_and(|status| status.success())
}

/// Frames until `wanted` are there or three seconds are over.
fn collect(source: &mut LiveSource, wanted: usize) -> Vec<Seen> {
    let mut batch = FrameBatch::default();
    let mut seen = Vec::new();
    let begin = Instant::now();
    while seen.len() < wanted && begin.elapsed() < Duration::from_secs(3) {
        if source.next_batch(&mut batch).unwrap() == Captured::Frames {
            seen.extend(frames_of(&batch));
        }
    }
    seen
}

fn send(port: u16, data: &[u8]) {
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(data, ("127.0.0.1", port)).unwrap();
}

#[test]
fn packets_on_the_wire_arrive_with_nanoseconds() {
    if !inside_a_namespace("packets_on_the_wire_arrive_with_nanoseconds") {
        return;
    }
    let mut source = LiveOptions::default().open("lo", StopFlag::default()).unwrap();
    assert!(source.is_live());
    assert_eq!(source.link().0, 1);
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    // On the loopback every packet is seen twice: going out and coming in.
    for port in 4000..4010 {
        send(port, b"hello");
    }
    let seen = collect(&mut source, 10);
    assert!(seen.iter().filter(|frame| frame.data.ends_with(b"hello")).count() >= 10);
    assert!(seen.iter().all(|frame| frame.stamp.as_nanos().abs_diff(before as i64) < 5_000_000_000));
    assert!(seen.iter().any(|frame| frame.stamp.as_nanos() % 1_000 != 0), "stamps are microseconds");
    assert_eq!(source.dropped(), Default::default());
}

#[test]
fn a_silent_wire_says_so_within_the_timeout_and_after_a_stop_at_once() {
    if !inside_a_namespace("a_silent_wire_says_so_within_the_timeout_and_after_a_stop_at_once") {
        return;
    }
    let stop = StopFlag::default();
    let mut source = LiveOptions::default().filter("port 1").open("lo", stop.clone()).unwrap();
    let mut batch = FrameBatch::default();
    for _ in 0..3 {
        let begin = Instant::now();
        assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Silence);
        assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    }
    stop.raise();
    let begin = Instant::now();
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Silence);
    assert!(begin.elapsed() < Duration::from_millis(50));
}

#[test]
fn the_kernel_filters_and_cuts() {
    if !inside_a_namespace("the_kernel_filters_and_cuts") {
        return;
    }
    let options = LiveOptions::default().filter(" udp dst port 4001 ").snaplen_bytes(50).buffer_bytes(Some(1 << 20));
    let mut source = options.open("lo", StopFlag::default()).unwrap();
    for port in [4000, 4001, 4002] {
        send(port, &[7; 1_000]);
    }
    let seen = collect(&mut source, 1);
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|frame| frame.data[36..38] == 4001u16.to_be_bytes()));
    assert!(seen.iter().all(|frame| (frame.data.len(), frame.wire_len) == (50, 1_042)), "{seen:?}");
    let refused = LiveOptions::default().filter("no such word").open("lo", StopFlag::default());
    assert!(matches!(refused, Err(Error::Filter { .. })), "{refused:?}");
}

#[test]
fn all_interfaces_together_are_cooked() {
    if !inside_a_namespace("all_interfaces_together_are_cooked") {
        return;
    }
    let mut source = LiveOptions::default().open("any", StopFlag::default()).unwrap();
    assert!([113, 276].contains(&source.link().0));
    send(4000, b"hello");
    assert!(collect(&mut source, 1).iter().any(|frame| frame.data.ends_with(b"hello")));
}

#[test]
fn an_interface_that_vanishes_is_an_error_and_then_the_end() {
    if !inside_a_namespace("an_interface_that_vanishes_is_an_error_and_then_the_end") {
        return;
    }
    if !ip(&["link", "add", "fg0", "type", "veth", "peer", "name", "fg1"]) {
        eprintln!("skipped: no veth pairs here");
        return;
    }
    assert!(ip(&["link", "set", "fg0", "up"]) && ip(&["link", "set", "fg1", "up"]));
    assert!(interface_exists("fg0"));
    let mut source = LiveOptions::default().open("fg0", StopFlag::default()).unwrap();
    assert!(ip(&["link", "del", "fg0"]));
    assert!(!interface_exists("fg0"));
    let mut batch = FrameBatch::default();
    let begin = Instant::now();
    let error = loop {
        match source.next_batch(&mut batch) {
            Ok(captured) => assert!(captured != Captured::End && begin.elapsed() < Duration::from_secs(5)),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, Error::Interface { name, .. } if name == "fg0"), "{error:?}");
    eprintln!("{error}");
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::End);
}

#[test]
fn a_busy_wire_hands_over_all_the_time() {
    if !inside_a_namespace("a_busy_wire_hands_over_all_the_time") {
        return;
    }
    let mut source = LiveOptions::default().filter("udp dst port 4001").open("lo", StopFlag::default()).unwrap();
    let sender = std::thread::spawn(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(1) {
            let _ = socket.send_to(&[0; 200], "127.0.0.1:4001");
        }
    });
    let mut batch = FrameBatch::default();
    let mut frames = 0;
    while !sender.is_finished() {
        let begin = Instant::now();
        source.next_batch(&mut batch).unwrap();
        assert!(begin.elapsed() < Duration::from_millis(1_000), "{:?} without a word", begin.elapsed());
        assert!(batch.frames.len() <= 4_096 + 64);
        frames += batch.frames.len();
    }
    sender.join().unwrap();
    assert!(frames > 100, "{frames}");
}

#[test]
fn without_the_capability_the_error_says_what_to_do() {
    let outside = Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"])
        .args(["--reuid=65534", "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "capture_live::capture_is_denied_here", "--ignored", "--nocapture"])
        .output();
    match outside {
        Ok(output) if output.status.success() => {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("setcap cap_net_raw+ep"), "{told}");
        }
        other => eprintln!("skipped: capabilities cannot be dropped here ({other:?})"),
    }
}

#[test]
#[ignore = "only the test before runs this one, without capabilities"]
fn capture_is_denied_here() {
    let error = LiveOptions::default().open("lo", StopFlag::default()).expect_err("it opened");
    assert!(matches!(error, Error::CaptureDenied { .. }), "{error:?}");
    eprintln!("{error}");
}
