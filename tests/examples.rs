//! The examples run and say what they promise. A binary of its own: it starts other programs, through cargo, so that they
//! are those of this source.
#![cfg(all(feature = "pcap", feature = "ndpi", feature = "compress"))]

use std::path::Path;
use std::process::Command;

/// Standard output of an example on a capture.
#[track_caller]
fn run(example: &str, capture: &str) -> String {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(home).args(["run", "--quiet", "--locked", "--offline", "--package", "flowgauge", "--example"]);
    let output = cargo.args([example, "--"]).arg(home.join("tests/data").join(capture)).output().unwrap();
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn count_adds_up_to_the_capture() {
    let out = run("count", "web.pcap");
    let counts = out.lines().skip(1).map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        (words[1].parse::<u64>().unwrap(), words[2].parse::<u64>().unwrap())
    });
    let (flows, pkts) = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    assert_eq!((flows, pkts), (6, 52));
    assert!(out.contains("TLS.Wikipedia"), "{out}");
}

#[test]
fn csv_has_a_line_a_flow_and_one_of_names() {
    let out = run("csv", "web.pcap");
    assert_eq!(out.lines().count(), 7);
    assert!(out.starts_with("ip_src,src_port,ip_dst,dst_port,ip_protocol,"));
}

#[test]
fn metric_ends_flows_and_shows_its_values() {
    let out = run("metric", "web.pcap");
    assert!(out.lines().all(|line| line.starts_with("{\"syns\": ")));
    let value = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\": ")).unwrap();
        rest.split([',', '}']).next().unwrap().parse::<u64>().unwrap()
    };
    // Three connections, of a SYN each way.
    assert_eq!(out.lines().map(|line| value(line, "syns")).sum::<u64>(), 6);
    let pkts = |line: &str| value(line, "src_to_dst_pkts") + value(line, "dst_to_src_pkts");
    assert_eq!(out.lines().map(pkts).sum::<u64>(), 52);
    let ended: Vec<_> = out.lines().filter(|line| value(line, "export_reason") == 16).collect();
    assert!(!ended.is_empty() && ended.iter().all(|line| pkts(line) == 10));
}

#[test]
fn pipeline_shows_tagged_packets_and_counts_flows() {
    let out = run("pipeline", "story.pcap");
    assert!(out.ends_with("\n95 frames, 31 flows, 12 names learnt\n"), "{out}");
    assert!(out.contains(" - TCP IP 192.0.2.10(reserved)--> 198.51.100.80(ipip.example.org) TAGS: [large]\n"), "{out}");
}
