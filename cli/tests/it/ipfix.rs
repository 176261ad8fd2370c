//! IPFIX from the command: the same messages as the library's, in files and at collectors, and every flow arrives.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flowgauge::Streamer;
use flowgauge::export::{Exporter, IpfixExporter, IpfixOptions};

use crate::support::{Run, await_that, data, flowgauge, pcap, run, shell, signal};

/// What the library makes of a capture.
fn messages(capture: &str, options: &IpfixOptions) -> Vec<u8> {
    let mut flows = Streamer::from_file(data(capture)).workers(0).start().unwrap();
    let mut messages = Vec::new();
    let mut exporter = IpfixExporter::new("a buffer", &mut messages, flows.schema(), options).unwrap();
    flows.by_ref().for_each(|record| exporter.export(&record.unwrap()).unwrap());
    exporter.ignored(&(&flows.report()).into());
    exporter.finish().unwrap();
    drop(exporter);
    messages
}

#[test]
fn a_file_has_the_messages_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.ipfix");
    let packed = folder.path().join("flows.ipfix.gz");
    let expected = messages("web.pcap", &IpfixOptions::default());
    run(&format!("-r web.pcap -j 0 -w {}", path.display())).quiet();
    assert_eq!(fs::read(&path).unwrap(), expected);
    run(&format!("-r web.pcap -j 0 -w {}", packed.display())).quiet();
    assert!(shell(&format!("gzip -dc {} | cmp - {}", packed.display(), path.display())).out.is_empty());
    let piped = flowgauge().arg("-r").arg(data("web.pcap")).args(["-j", "0", "-o", "ipfix", "--uniflow"]).output();
    let uniflow = messages("web.pcap", &IpfixOptions::default().uniflow(true));
    assert_eq!(piped.unwrap().stdout, uniflow);
    assert_ne!(uniflow, expected);
}

#[test]
fn a_collector_over_tcp_gets_the_messages() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let collector = thread::spawn(move || {
        let mut messages = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut messages).unwrap();
        messages
    });
    let done = run(&format!("-r web.pcap -j 0 -w tcp://127.0.0.1:{port}")).quiet();
    assert_eq!(done.out, "");
    let got = collector.join().unwrap();
    // Where the time of the capture makes messages smaller, the same records come in more of them.
    assert!(got.len() >= messages("web.pcap", &IpfixOptions::default()).len() && got[..2] == [0, 10]);
    let nobody = run(&format!("-r web.pcap -w tcp://127.0.0.1:{port}")).message();
    assert!(nobody.starts_with(&format!("cannot write tcp://127.0.0.1:{port}: ")), "{nobody}");
}

#[test]
fn a_collector_that_hangs_up_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("many.pcap");
    fs::write(&capture, pcap(0..20_000)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let collector = thread::spawn(move || drop(listener.accept().unwrap()));
    let told = run(&format!("-r {} --dissect 0 -w tcp://127.0.0.1:{port}", capture.display())).message();
    assert!(told.starts_with(&format!("cannot write tcp://127.0.0.1:{port}: ")), "{told}");
    collector.join().unwrap();
}

#[test]
fn arguments_that_mean_nothing_for_ipfix_are_refused() {
    for (arguments, words) in [
        ("-o ipfix -F ip_src,pkts", "IANA has no element for \"pkts\": leave it out, or say --ipfix-pen NUMBER"),
        ("-o ipfix -F mine --metric mine=packet.size.sum()", "IANA has no element for \"mine\""),
        ("-o ipfix -s ip_src", "-s is for tables"),
        ("-o ipfix --ipfix-pen 0", "--ipfix-pen"),
        ("--uniflow", "--uniflow is for IPFIX"),
        ("--ipfix-pen 32473", "--ipfix-pen is for IPFIX"),
        ("-w flows.csv --ipfix-options", "--ipfix-options is for IPFIX"),
        ("-w udp://127.0.0.1:1 -o csv", "a collector gets IPFIX and nothing else"),
        ("-w tcp://127.0.0.1:1 --udp-rate 1M", "--udp-rate is for a collector"),
        ("-w udp://127.0.0.1:1 --udp-rate 1X", "a number of bytes is wanted"),
        ("-w udp://::1", "HOST:PORT is wanted"),
        ("-w http://collector", "udp:// or tcp://"),
    ] {
        let run = run(&format!("-r missing.pcap {arguments}"));
        assert_eq!(run.code, 2, "{arguments}");
        assert!(run.err.contains(words), "{arguments}: {}", run.err);
    }
    // Nothing is wrong with these, but with the capture.
    let run = run("-r missing.pcap -w udp://127.0.0.1 --udp-rate 0 --uniflow");
    assert!(run.message().contains("missing.pcap"), "{}", run.err);
}

#[test]
fn every_flow_of_a_capture_arrives_at_nfcapd() {
    let there = |program: &str| Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there("nfcapd").is_err() || there("nfdump").is_err() {
        let message = "skipped: nfcapd is not installed (scripts/setup --oracles installs it)";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
        return eprintln!("{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("many.pcap"), pcap(0..FLOWS)).unwrap();
    fs::create_dir(at("flows")).unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let log = fs::File::create(at("log")).unwrap();
    let mut command = Command::new("nfcapd");
    // With the socket it has when nobody says anything.
    command.arg("-w").arg(at("flows")).args(["-b", "127.0.0.1", "-p", &port, "-t", "3600"]);
    let mut nfcapd = Ended(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    await_that("nfcapd listens", || fs::read_to_string(at("log")).unwrap().contains("Startup nfcapd."));
    let mut command = flowgauge();
    command.arg("-r").arg(at("many.pcap")).args(["--dissect", "0", "-w", &format!("udp://127.0.0.1:{port}")]);
    Run::of(&command.output().unwrap()).quiet();
    thread::sleep(Duration::from_millis(500));
    signal("TERM", nfcapd.0.id());
    await_that("nfcapd ends", || nfcapd.0.try_wait().unwrap().is_some());
    let log = fs::read_to_string(at("log")).unwrap();
    assert!(
        log.contains(&format!("Flows: {FLOWS}, Packets: {FLOWS}, ")) && log.contains("Sequence Errors: 0,"),
        "{log}"
    );
}

#[test]
fn columns_of_ones_choice_and_metrics_are_exported_under_ones_own_number() {
    let arguments = "-r web.pcap -j 0 -o ipfix -F ip_src,dst_port,pkts,mine,size_mean --ipfix-pen 32473";
    let metric = "--metric mine=(packet.size>100).sum()";
    let written =
        flowgauge().args(arguments.split(' ').chain(metric.split(' '))).current_dir(data("")).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let text = String::from_utf8_lossy(&written.stdout);
    for told in ["\x04mine", "\x04pkts", "\x09size_mean"] {
        assert_eq!(text.matches(told).count(), 1, "{told:?} is told once");
    }
    // Nothing else is, and the number of a metric is in templates.
    assert!(!text.contains("transport_bytes"));
    assert!(written.stdout.windows(8).any(|field| field == [0x90, 0, 0, 8, 0, 0, 0x7e, 0xd9]));
    let refused = run("-r web.pcap -o ipfix --ipfix-pen 29305");
    assert!(refused.code == 2 && refused.err.contains("--ipfix-pen must be other than"), "{}", refused.err);
}

#[test]
fn a_file_says_at_its_end_what_was_ignored_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arp.pcap");
    // A frame of ARP.
    let mut capture = pcap(0..2);
    let mut frame = [0; 60];
    frame[12..14].copy_from_slice(&[8, 6]);
    for word in [0, 0, 60, 60u32] {
        capture.extend(word.to_le_bytes());
    }
    capture.extend(frame);
    fs::write(&path, capture).unwrap();
    let written = flowgauge().arg("-r").arg(&path).args(["-j", "0", "-o", "ipfix", "--ipfix-pen", "32473"]).output();
    let bytes = written.unwrap().stdout;
    let after = |head: &[u8]| bytes.windows(head.len()).position(|at| at == head).map(|at| &bytes[at + head.len()..]);
    // The sets of templates 2002 (ignored packets and bytes, dropped packets) and 2003 (packets for each reason).
    let ignored = after(&[7, 210, 0, 32, 0, 0, 0, 0]).unwrap();
    assert_eq!(ignored[..24], [[0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 60], [0; 8]].concat());
    let reason = after(&[7, 211, 0, 23, 0, 0, 0, 0]).unwrap();
    assert_eq!(reason[..15], *b"\x06not_ip\0\0\0\0\0\0\0\x01");
}

/// A program that is ended with the test, by its id.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Many times what the socket of a collector holds.
const FLOWS: u32 = 20_000;
