//! IPFIX as collectors of other people read it: nfcapd over UDP, ipfixDump from a file, tshark off the wire.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowgauge::export::{Exporter, IpfixExporter, IpfixOptions};
use flowgauge::flow::Direction::{self, DstToSrc, SrcToDst};
use flowgauge::flow::FlowRecord;

use crate::export_ipfix::{captures, full_schema, written};
use crate::support::ipfix::{Collector, sorted};
use crate::support::oracle;

/// What all of them tell of a flow: protocol, ends, packets and bytes of IP both ways, first and last millisecond.
type Told = (u8, (String, u16), (String, u16), [u64; 4], [i64; 2]);

/// A program that is ended with the test, by its id.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nfcapd_takes_every_flow_with_its_counts_and_times() {
    if !oracle::there("nfcapd", &["-V"]) || !oracle::there("nfdump", &["-V"]) {
        return;
    }
    // Options records nfcapd does not count, so what says the names is left out; what has them is not.
    let own = IpfixOptions::default().enterprise_number(NonZeroU32::new(32_473)).type_information(false);
    for (uniflow, options) in [(false, IpfixOptions::default()), (true, IpfixOptions::default()), (false, own)] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let flows = folder.path().join("flows");
        fs::create_dir(&flows).unwrap();
        let (mut nfcapd, port) = nfcapd(&flows, &log);
        let options = options.uniflow(uniflow);
        let mut exporter = IpfixExporter::udp(format!("127.0.0.1:{port}"), full_schema(), &options).unwrap();
        let mut expected = Vec::new();
        for record in records() {
            exporter.export(record).unwrap();
            match uniflow {
                false => expected.push(told(record)),
                true => expected.extend([SrcToDst, DstToSrc].into_iter().filter_map(|way| told_of(record, way))),
            }
            // Datagrams wait in the collector's socket, which is small.
            if expected.len() % 100 < 2 {
                exporter.flush().unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        exporter.finish().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        end(&mut nfcapd);
        let log = fs::read_to_string(&log).unwrap();
        assert!(log.contains(&format!("Flows: {},", expected.len())), "{log}");
        assert!(log.contains("Sequence Errors: 0, Bad Packets: 0"), "{log}");
        let told = Command::new("nfdump").arg("-R").arg(&flows).args(["-o", "raw", "-q"]).output().unwrap();
        let mut read = nfdump(&String::from_utf8_lossy(&told.stdout));
        read.sort();
        expected.sort();
        assert_eq!(read.len(), expected.len());
        for (read, expected) in read.iter().zip(&expected) {
            assert_eq!(read, expected);
        }
    }
}

#[test]
fn ipfix_dump_counts_the_same_records_and_names_the_same_elements() {
    if !oracle::there("ipfixDump", &["-V"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bytes = written(&records().cloned().collect::<Vec<_>>(), &IpfixOptions::default());
    let file = folder.path().join("flows.ipfix");
    fs::write(&file, &bytes).unwrap();
    let messages = Collector::default().file(&bytes);
    let (flows, options) = sorted(&messages);
    let dump = |option: &str| {
        let dump = Command::new("ipfixDump").arg(option).arg("-i").arg(&file).output().unwrap();
        assert!(dump.status.success() && dump.stderr.is_empty(), "{}", String::from_utf8_lossy(&dump.stderr));
        String::from_utf8_lossy(&dump.stdout).into_owned()
    };
    let stats = dump("--stats");
    let expected = format!("{} Messages, {} Data Records", messages.len(), flows.len() + options.len());
    assert!(stats.contains(&expected), "{expected}: {stats}");
    let told = dump("--data");
    for (label, element) in [("packetDeltaCount", 2), ("octetDeltaCount", 1), ("layer2OctetDeltaCount", 352)] {
        let line = format!("({element})");
        let told = told.lines().filter(|told| told.trim().starts_with(&line)).map(|told| {
            let (name, value) = told.split_once(" : ").unwrap();
            assert!(name.trim().ends_with(label), "{told}");
            value.trim().parse::<u64>().unwrap()
        });
        let expected: Vec<_> = flows.iter().map(|flow| flow.uint((0, element)).unwrap()).collect();
        assert_eq!(told.collect::<Vec<_>>(), expected, "{label}");
    }
    assert!(!dump("--templates").contains("_alienInformationElement"));
}

#[test]
fn tshark_reads_every_flow_off_the_wire() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<_> = records().cloned().collect();
    let options = IpfixOptions::default().max_message_bytes(1400).application_table(true);
    let capture = folder.path().join("wire.pcap");
    fs::write(&capture, wire(&written(&records, &options))).unwrap();
    let fields = ["protocol", "srcport", "dstport", "flow_end_reason", "appl_name"];
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&capture).args(["-d", "udp.port==4739,cflow", "-T", "fields", "-E", "aggregator=;"]);
    tshark.args(["-e", "_ws.malformed", "-e", "_ws.expert.message"]);
    for field in fields {
        tshark.arg("-e").arg(format!("cflow.{field}"));
    }
    let output = tshark.stderr(Stdio::null()).output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut columns = vec![Vec::new(); fields.len()];
    for line in output.lines() {
        let mut cells = line.split('\t');
        assert_eq!([cells.next(), cells.next()], [Some(""), Some("")], "{line}");
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.extend(cell.split(';').filter(|cell| !cell.is_empty()).map(str::to_owned));
        }
    }
    let numbers: [fn(&FlowRecord) -> u64; 4] = [
        |record| record.key.ip_protocol().into(),
        |record| record.src().1.into(),
        |record| record.dst().1.into(),
        |record| record.export_reason.ipfix().into(),
    ];
    for ((name, column), number) in fields.iter().zip(&columns).zip(numbers) {
        let expected: Vec<_> = records.iter().map(|record| number(record).to_string()).collect();
        assert_eq!(*column, expected, "{name}");
    }
}

/// Those of all captures.
fn records() -> impl Iterator<Item = &'static FlowRecord> {
    captures().iter().flat_map(|(_, records)| records)
}

/// nfcapd, listening on a port of its own.
fn nfcapd(flows: &Path, log: &Path) -> (Ended, u16) {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = fs::File::create(log).unwrap();
    let mut command = Command::new("nfcapd");
    command.arg("-w").arg(flows).args(["-b", "127.0.0.1", "-p", &port.to_string(), "-t", "3600", "-B", "4000000"]);
    let child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
    let nfcapd = Ended(child);
    wait_until(|| fs::read_to_string(log).unwrap().contains("Startup nfcapd."));
    (nfcapd, port)
}

/// Asks it to end, so that it closes its file.
fn end(program: &mut Ended) {
    let id = program.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    wait_until(|| program.0.try_wait().unwrap().is_some());
}

fn wait_until(mut there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the collector does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn told(record: &FlowRecord) -> Told {
    let [src, dst] = [record.src(), record.dst()].map(|(address, port)| (address.to_string(), port));
    let [there, back] = [record.of(SrcToDst), record.of(DstToSrc)];
    let total = record.total();
    let counts = [there.pkts, there.ip_bytes, back.pkts, back.ip_bytes];
    (record.key.ip_protocol(), src, dst, counts, [total.start.as_millis(), total.end.as_millis()])
}

/// One direction, if it has packets.
fn told_of(record: &FlowRecord, way: Direction) -> Option<Told> {
    let counts = record.of(way);
    let (protocol, src, dst, _, _) = told(record);
    let [src, dst] = if way == SrcToDst { [src, dst] } else { [dst, src] };
    let times = [counts.start.as_millis(), counts.end.as_millis()];
    (counts.pkts > 0).then_some((protocol, src, dst, [counts.pkts, counts.ip_bytes, 0, 0], times))
}

/// The flows in what `nfdump -o raw` prints: lines of `key = value`, after a heading for each flow.
fn nfdump(text: &str) -> Vec<Told> {
    let flows = text.split("Flow Record:").skip(1).map(|flow| {
        let lines = flow.lines().filter_map(|line| line.split_once('='));
        let values: BTreeMap<_, _> = lines.map(|(key, value)| (key.trim(), value.trim())).collect();
        let word = |key: &str| values.get(key).map_or("0", |value| value.split_whitespace().next().unwrap_or_default());
        let number = |key: &str| word(key).parse::<u64>().unwrap_or_else(|_| panic!("{key} in {flow}"));
        let end = |address, port| (word(address).to_owned(), number(port) as u16);
        let counts = ["in packets", "in bytes", "out packets", "out bytes"].map(number);
        let times = ["first", "last"].map(|key| number(key) as i64);
        (number("proto") as u8, end("src addr", "src port"), end("dst addr", "dst port"), counts, times)
    });
    flows.collect()
}

/// A capture of these messages as datagrams, of raw IP.
fn wire(mut messages: &[u8]) -> Vec<u8> {
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        capture.extend(word.to_le_bytes());
    }
    while !messages.is_empty() {
        let (message, rest) = messages.split_at(usize::from(messages[2]) << 8 | usize::from(messages[3]));
        messages = rest;
        let len = message.len() as u16;
        for word in [1, 0, u32::from(len) + 28, u32::from(len) + 28] {
            capture.extend(word.to_le_bytes());
        }
        for word in [0x4500, len + 28, 0, 0, 0x4011, 0, 0x7f00, 1, 0x7f00, 1, 4739, 4739, len + 8, 0] {
            capture.extend(word.to_be_bytes());
        }
        capture.extend_from_slice(message);
    }
    capture
}
