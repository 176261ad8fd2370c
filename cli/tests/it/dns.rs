//! DNS messages on the screen: dns.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{data, flowgauge, on_terminal, pcap_header, run, signal};

#[test]
fn a_line_a_message_is_the_documented_line() {
    assert_eq!(run("dns -q -r dns.pcap").silent().out, include_str!("../golden/dns.txt"));
    assert_eq!(run("dns -q -r story.pcap").silent().out, include_str!("../golden/dns_story.txt"));
}

#[test]
fn json_and_csv_are_as_they_were() {
    assert_eq!(run("dns -q -r dns.pcap --json -c 2").silent().out, include_str!("../golden/dns_json.jsonl"));
    assert_eq!(run("dns -q -r dns.pcap --csv").silent().out, include_str!("../golden/dns_csv.csv"));
}

/// A pcap file of these frames.
fn pcap_of(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = pcap_header(65_535, 1);
    for frame in frames {
        [0, 0, frame.len() as u32, frame.len() as u32].iter().for_each(|field| file.extend(field.to_le_bytes()));
        file.extend(frame);
    }
    file
}

/// A datagram to port 53 with this question.
fn question(name: &[u8], kind: u8) -> Vec<u8> {
    let message = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name, &[0, 0, kind, 0, 1]].concat();
    let len = message.len() as u16;
    let ip =
        [&[0x45, 0][..], &(28 + len).to_be_bytes(), &[0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]].concat();
    let udp = [&[0x9c, 0x40, 0, 53][..], &(8 + len).to_be_bytes(), &[0, 0]].concat();
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0][..], &ip, &udp, &message].concat()
}

#[test]
fn anomalies_are_told_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.pcap");
    let frames = [question(b"\x01a\x02de", 1), question(b"\x01a\x02de", 16), question(b"\x07\x1b[31m\xc2\x9b", 1)];
    std::fs::write(&path, pcap_of(&frames)).unwrap();
    let odd = "1970-01-01 00:00:00 - DNS query 10.0.0.1 --> 10.0.0.2 TXT a.de WEIRD: [query_type TXT]\n";
    assert_eq!(run(&format!("dns -q --anomalies -r {}", path.display())).silent().out, odd);
    let csv = run(&format!("dns -q --anomalies --csv -r {}", path.display())).silent().out;
    assert_eq!((csv.lines().count(), csv.contains(",query_type TXT\r\n")), (2, true), "{csv}");
    let json = run(&format!("dns -q --anomalies --json -r {}", path.display())).silent().out;
    assert_eq!((json.lines().count(), json.contains("\"weird\": {\"query_type\": \"DNS_TXT\"}")), (1, true), "{json}");
    for options in ["", "--json", "--csv"] {
        let Some(shown) = on_terminal(100, &format!("TERM=dumb $F dns -q {options} -r {}", path.display())) else {
            return;
        };
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!shown.out.is_empty() && !shown.out.contains(obeyed), "{options}: {:?}", shown.out);
    }
    let shown = on_terminal(100, &format!("TERM=xterm $F dns --anomalies -q -r {}", path.display())).unwrap();
    let colours = odd.replace("a.de", "\x1b[36ma.de\x1b[0m").replace("query_type TXT", "\x1b[33mquery_type TXT\x1b[0m");
    assert_eq!(shown.out, colours);
    assert_eq!(on_terminal(100, &format!("NO_COLOR=1 $F dns --anomalies -q -r {}", path.display())).unwrap().out, odd);
}

#[test]
fn what_was_seen_is_said_on_standard_error() {
    let seen = run("dns -r dns.pcap udp src port 53");
    let messages = seen.out.lines().count();
    assert_eq!(seen.err, format!("flowgauge: {messages} packets\nflowgauge: {messages} DNS messages\n"));
    assert!(messages > 0 && seen.out.lines().all(|line| line.contains(" - DNS answer ")));
    assert_eq!(run("dns").code, 2);
    assert_eq!(run("dns --json --csv -r dns.pcap").code, 2);
    assert_eq!(run("dns -r missing.pcap").code, 1);
}

#[test]
fn ctrl_c_ends_it_while_it_waits() {
    let mut command = flowgauge();
    command.args(["dns", "-r", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _stdin = child.stdin.take();
    thread::sleep(Duration::from_millis(500));
    signal("INT", child.id());
    let since = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert!(data("dns.pcap").exists());
}

#[test]
fn help_manual_and_completions_know_it() {
    assert!(run("dns --help").silent().out.contains("--anomalies"));
    assert!(run("man").silent().out.contains("flowgauge dns"));
}
