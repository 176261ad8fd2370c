//! Ctrl-C: whatever the command waits for, it writes the flows so far and ends with status 130.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Run, data, flowgauge, pcap, signal};

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends the signal, and gives what the command still writes; it has a second to end, and some for a slow machine.
#[track_caller]
fn interrupt(child: Child, name: &str) -> Run {
    signal(name, child.id());
    let since = Instant::now();
    let run = Run::of(&child.wait_with_output().unwrap());
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert_eq!(run.code, 130, "{}", run.err);
    run
}

#[test]
fn the_flows_of_a_slow_pipe_are_seen_as_they_end_and_the_rest_on_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    for (name, workers) in [("INT", "0"), ("INT", "2"), ("TERM", "1")] {
        let mut child = spawn(flowgauge().args(["--report", "-j", workers, "-r"]).arg(&path));
        let mut fifo = OpenOptions::new().write(true).open(&path).unwrap();
        fifo.write_all(&fs::read(data("timeouts.pcap")).unwrap()).unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut written = String::new();
        out.read_line(&mut written).unwrap();
        assert!(written.starts_with('{'), "{written}");
        let run = interrupt(child, name);
        out.read_to_string(&mut written).unwrap();
        assert_eq!(written.lines().count(), 12);
        assert_eq!(run.ledger()["frames_read"], 23);
        drop(fifo);
    }
}

#[test]
fn standard_input_that_never_ends_is_left() {
    let mut child = spawn(flowgauge().args(["-r", "-", "--report"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&pcap([1, 2, 1])).unwrap();
    thread::sleep(Duration::from_millis(500));
    let run = interrupt(child, "INT");
    assert_eq!(run.records().len(), 2);
    assert_eq!(run.ledger()["packets"], 3);
    drop(stdin);
}

#[test]
fn a_pipe_to_which_nobody_ever_writes_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let child = spawn(flowgauge().arg("-r").arg(&path));
    thread::sleep(Duration::from_millis(500));
    let run = interrupt(child, "INT");
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", "0 packets read, 0 flows\n"));
}

#[test]
fn a_long_file_is_left_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.pcap");
    fs::write(&path, pcap((0..400_000).map(|n| n % 50))).unwrap();
    let mut child = spawn(flowgauge().args(["--inactive", "0", "--dissect", "0", "--report", "-r"]).arg(&path));
    // As long as nobody reads, the command stands still.
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    signal("INT", child.id());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let run = Run::of(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 130, "{}", run.err);
    let written = 1 + rest.lines().count() as u64;
    assert!(written < 400_000);
    assert_eq!(run.ledger()["packets"], written);
    assert_eq!(run.ledger()["frames_read"], written);
}
