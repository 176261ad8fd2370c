//! Packets on the screen: watch.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{data, flowgauge, on_terminal, request, run, signal};

#[test]
fn a_line_a_packet_is_the_documented_line() {
    assert_eq!(run("watch -s -r story.pcap -q").silent().out, include_str!("../golden/watch_summary.txt"));
    assert_eq!(run("watch -s --tags -r story.pcap -q").silent().out, include_str!("../golden/watch_tags.txt"));
}

#[test]
fn the_block_form_json_and_csv_are_as_they_were() {
    for (options, golden) in [
        ("-r story.pcap -c 25 --tags", include_str!("../golden/watch_blocks.txt")),
        ("-r story.pcap -c 25 --json --tags", include_str!("../golden/watch_json.jsonl")),
        ("-r story.pcap --csv", include_str!("../golden/watch_csv.csv")),
    ] {
        assert_eq!(run(&format!("watch -q {options}")).silent().out, golden, "{options}");
    }
}

#[test]
fn what_was_seen_is_said_on_standard_error() {
    let seen = run("watch -s -r dns.pcap udp src port 53");
    assert_eq!(
        (seen.code, seen.err.as_str()),
        (0, format!("flowgauge: {} packets\n", seen.out.lines().count()).as_str())
    );
    let story = run("watch -s -r story.pcap");
    assert!(story.err.contains("not decoded: ") && story.code == 0, "{}", story.err);
    // As other programs say it; and two files are one capture.
    assert_eq!(run("watch -n -s -q -r dns.pcap ./dns.pcap udp").silent().out.lines().count(), 24);
}

#[test]
fn wrong_use_is_told() {
    assert_eq!(run("watch -s").code, 2);
    assert_eq!(run("watch -s --json -r dns.pcap").code, 2);
    assert_eq!(run("watch -r dns.pcap --resolve=nobody").code, 2);
    assert_eq!(run("watch -r missing.pcap").code, 1);
    assert_eq!(run("watch -r dns.pcap no filter at all").code, 1);
}

#[test]
fn on_a_terminal_there_is_colour_and_nothing_it_would_obey() {
    let Some(shown) = on_terminal(100, "TERM=xterm $F watch -s -q -r story.pcap") else { return };
    let plain = include_str!("../golden/watch_summary.txt");
    assert_eq!(shown.out.replace("\x1b[36m", "").replace("\x1b[0m", ""), plain);
    assert!(shown.out.contains("\x1b[36m(www.example.org)\x1b[0m"), "{:?}", shown.out);
    assert_eq!(on_terminal(100, "NO_COLOR=1 $F watch -s -q -r story.pcap").unwrap().out, plain);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pcap");
    std::fs::write(&path, request("evil\x1b[31m\u{9b}31m\u{202e}end".as_bytes())).unwrap();
    for options in ["", "--json", "--csv", "-s"] {
        let shown = on_terminal(100, &format!("TERM=dumb $F watch -q {options} -r {}", path.display())).unwrap();
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.out.is_empty() && !shown.out.contains(obeyed), "{options}: {:?}", shown.out);
    }
}

#[test]
fn whoever_reads_along_may_leave() {
    let head = crate::support::shell("$F watch -s -r dns.pcap | head -n 1");
    assert_eq!((head.code, head.out.lines().count()), (0, 1));
}

#[test]
fn ctrl_c_ends_it_whatever_it_waits_for() {
    for blocked in [false, true] {
        // Reads a pipe that never ends; or writes into one that nobody reads.
        let mut command = flowgauge();
        command.args(["watch", "-r"]).arg(if blocked { data("web.pcap").into_os_string() } else { "-".into() });
        if blocked {
            command.args(vec![data("web.pcap"); 200]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Waiting for it would close this.
        let _stdin = child.stdin.take();
        thread::sleep(Duration::from_millis(500));
        signal("INT", child.id());
        let since = Instant::now();
        let status = child.wait().unwrap();
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        assert_eq!(status.code(), Some(130));
    }
}

#[test]
fn help_manual_and_completions_know_it() {
    assert!(run("watch --help").silent().out.contains("--resolve"));
    assert!(run("man").silent().out.contains("flowgauge watch"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&format!("completions {shell}")).silent().out.contains("watch"), "{shell}");
    }
}
