//! IPFIX: what is sent is what the records say, read back by the letter of the RFCs and by another implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use flowgauge::export::ipfix::write_reference;
use flowgauge::export::{Exporter, IpfixExporter, IpfixOptions};
use flowgauge::flow::Direction::{self, DstToSrc, SrcToDst};
use flowgauge::flow::schema::{self, Needs, Schema};
use flowgauge::flow::{FlowFlags, FlowRecord};
use flowgauge::{Error, Streamer, Timestamp};
use netflow_parser::variable_versions::field_value::{DurationValue, FieldValue};
use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, IPFixField};
use netflow_parser::{NetflowPacket, NetflowParser};

use crate::support::captures::shared;
use crate::support::ipfix::{Collector, Element, REVERSE, Record, sorted};
use crate::support::run::{own, run};

/// Everything that has elements.
pub(crate) fn full_schema() -> Schema {
    Schema::new(&[Needs::Statistics, Needs::ApplicationFields, Needs::TcpAnalysis], [].into())
}

/// The records of a capture, with everything that has elements.
pub(crate) fn records_of(path: &Path) -> Vec<FlowRecord> {
    let streamer = Streamer::from_file(path).active_timeout(Duration::from_secs(20));
    run(streamer.statistics(true).application_fields(true).tcp_analysis(true)).records
}

/// The project's own captures and all beside it, with their records; each is metered once.
pub(crate) fn captures() -> &'static [(PathBuf, Vec<FlowRecord>)] {
    static CAPTURES: LazyLock<Vec<(PathBuf, Vec<FlowRecord>)>> = LazyLock::new(|| {
        let mut paths = own();
        paths.extend(shared("corpus"));
        paths.extend(shared("conformance/quirks"));
        paths
            .into_iter()
            .map(|path| {
                let records = records_of(&path);
                (path, records)
            })
            .collect()
    });
    &CAPTURES
}

pub(crate) fn written(records: &[FlowRecord], options: &IpfixOptions) -> Vec<u8> {
    let mut file = Vec::new();
    let mut exporter = IpfixExporter::new("memory", &mut file, full_schema(), options).unwrap();
    records.iter().for_each(|record| exporter.export(record).unwrap());
    exporter.finish().unwrap();
    file
}

/// What a record of both directions must be, worked out from IANA's registry and not from the table of columns.
fn biflow(record: &FlowRecord) -> BTreeMap<Element, Vec<u8>> {
    let mut values = of_direction(record, SrcToDst, 0);
    if record.of(DstToSrc).pkts > 0 {
        let back = of_direction(record, DstToSrc, REVERSE);
        values.extend(back.into_iter().filter(|((enterprise, _), _)| *enterprise == REVERSE));
    }
    values.insert((0, 239), vec![1]);
    set_times(&mut values, 0, record.total().start, record.total().end);
    values
}

/// One direction of a record; what belongs to the direction under this enterprise number.
fn of_direction(record: &FlowRecord, direction: Direction, enterprise: u32) -> BTreeMap<Element, Vec<u8>> {
    let mut values = BTreeMap::new();
    let (nth, counts) = (direction as usize, record.of(direction));
    let ends = [record.src(), record.dst()];
    let [src, dst] = if direction == SrcToDst { ends } else { [ends[1], ends[0]] };
    let mut set = |enterprise, number, bytes: &[u8]| values.insert((enterprise, number), bytes.to_vec());
    for ((address, port), numbers) in [(src, [8, 27, 7]), (dst, [12, 28, 11])] {
        match address {
            IpAddr::V4(address) => set(0, numbers[0], &address.octets()),
            IpAddr::V6(address) => set(0, numbers[1], &address.octets()),
        };
        set(0, numbers[2], &port.to_be_bytes());
    }
    set(0, 4, &[record.key.ip_protocol()]);
    set(0, 60, &[record.key.ip_version()]);
    set(0, 136, &[record.export_reason.ipfix()]);
    set(0, 148, &record.conn_id.to_be_bytes());
    set(enterprise, 2, &counts.pkts.to_be_bytes());
    set(enterprise, 352, &counts.bytes.to_be_bytes());
    set(enterprise, 1, &counts.ip_bytes.to_be_bytes());
    if !record.flags.contains(FlowFlags::payload_unknown(direction)) {
        set(enterprise, 401, &counts.payload_bytes.to_be_bytes());
    }
    if counts.pkts > 0 {
        set(enterprise, 52, &[record.ttl[nth].min]);
        set(enterprise, 53, &[record.ttl[nth].max]);
        set(enterprise, 195, &[record.dscp[nth]]);
    }
    if record.key.vlan_id() != 0 {
        set(0, 58, &record.key.vlan_id().to_be_bytes());
    }
    if record.flags.contains(FlowFlags::MACS) {
        set(0, 56, &record.macs[nth]);
        set(0, 80, &record.macs[1 - nth]);
    }
    if direction == SrcToDst && record.flags.contains(FlowFlags::ICMP) {
        let first = if record.key.ip_version() == 4 { 176 } else { 178 };
        set(0, first, &[record.icmp.0]);
        set(0, first + 1, &[record.icmp.1]);
    }
    if direction == SrcToDst && record.key.ip_version() == 6 {
        set(0, 31, &record.flow_label.to_be_bytes());
    }
    if let Some(application) = &record.application {
        let id = if application.app_protocol == 0 { application.master_protocol } else { application.app_protocol };
        set(0, 95, &[22, 0, (id >> 8) as u8, id as u8]);
        // No application of nDPI is without a name.
        set(0, 96, application.name.as_bytes());
        set(0, 372, application.category.as_bytes());
    }
    if let Some(statistics) = record.statistics().filter(|_| record.key.ip_protocol() == 6) {
        let flags = statistics.tcp_flags(Some(direction));
        let seen =
            [flags.fin(), flags.syn(), flags.rst(), flags.psh(), flags.ack(), flags.urg(), flags.ece(), flags.cwr()];
        set(enterprise, 6, &[0, (0..8).map(|bit| u8::from(seen[bit] > 0) << bit).sum()]);
    }
    if let Some(offer) = record.tcp_analysis().and_then(|tcp| tcp.offer(direction)) {
        set(enterprise, 186, &offer.window.to_be_bytes());
        if let Some(scale) = offer.window_scale {
            set(enterprise, 238, &u16::from(scale).to_be_bytes());
        }
    }
    let facts = record.facts();
    if let Some(status) = facts.and_then(|facts| facts.http_status) {
        set(0, 457, &status.to_be_bytes());
    }
    let texts = facts.map(|facts| {
        [facts.http_method(), facts.http_host(), facts.http_path(), facts.user_agent(), facts.content_type()]
    });
    for (number, text) in [459, 460, 461, 468, 469].into_iter().zip(texts.unwrap_or_default()) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            set(0, number, text.as_bytes());
        }
    }
    if counts.pkts > 0 {
        set_times(&mut values, enterprise, counts.start, counts.end);
    }
    values
}

fn set_times(values: &mut BTreeMap<Element, Vec<u8>>, enterprise: u32, start: Timestamp, end: Timestamp) {
    for (number, time) in [(152, start), (153, end)] {
        values.insert((enterprise, number), time.as_millis().max(0).to_be_bytes().to_vec());
    }
    for (number, time) in [(156, start), (157, end)] {
        // Seconds since 1900, then the smallest fraction of 2^-32 s that is not before the nanosecond.
        let (seconds, nanos) = (time.as_nanos().div_euclid(1_000_000_000), time.as_nanos().rem_euclid(1_000_000_000));
        let fraction = ((nanos as u128) << 32).div_ceil(1_000_000_000) as u32;
        let seconds = (seconds + 25_567 * 86_400) as u32;
        values.insert((enterprise, number), [seconds.to_be_bytes(), fraction.to_be_bytes()].concat());
    }
}

#[test]
fn every_value_of_every_record_arrives_under_its_number() {
    let mut seen = BTreeSet::new();
    for (path, records) in captures() {
        let messages = Collector::default().file(&written(records, &IpfixOptions::default()));
        let (flows, _) = sorted(&messages);
        assert_eq!(flows.len(), records.len(), "{path:?}");
        for (flow, record) in flows.iter().zip(records) {
            assert_eq!(flow.values, biflow(record), "{path:?}: {record}");
            seen.extend(flow.values.keys().copied());
        }
    }
    // Some are only in the captures beside the project, or need nDPI.
    if cfg!(feature = "ndpi") && Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").exists() {
        let told: BTreeSet<_> =
            schema::columns().flat_map(|column| column.ipfix).map(|element| element.number).collect();
        let seen: BTreeSet<_> = seen.into_iter().map(|(_, number)| number).collect();
        assert_eq!(told.difference(&seen).collect::<Vec<_>>(), Vec::<&u16>::new());
    }
}

#[test]
fn each_direction_that_has_packets_is_a_record_of_its_own_on_request() {
    for (path, records) in captures() {
        let messages = Collector::default().file(&written(records, &IpfixOptions::default().uniflow(true)));
        let (flows, _) = sorted(&messages);
        let mut flows = flows.into_iter();
        for record in records {
            let mut sums = [0; 3];
            for direction in [SrcToDst, DstToSrc].into_iter().filter(|direction| record.of(*direction).pkts > 0) {
                let flow = flows.next().expect("a record for each direction");
                assert_eq!(flow.values, of_direction(record, direction, 0), "{path:?}: {record}");
                for (sum, number) in sums.iter_mut().zip([2, 352, 1]) {
                    *sum += flow.uint((0, number)).unwrap();
                }
            }
            let total = record.total();
            assert_eq!(sums, [total.pkts, total.bytes, total.ip_bytes]);
        }
        assert!(flows.next().is_none());
    }
}

#[test]
fn another_implementation_reads_the_same() {
    for (path, records) in captures() {
        let read = NetflowParser::default().parse_bytes(&written(records, &IpfixOptions::default()));
        assert!(read.error.is_none(), "{path:?}: {:?}", read.error);
        let mut flows = Vec::new();
        for packet in read.packets {
            let NetflowPacket::IPFix(message) = packet else { panic!("{packet:?}") };
            for set in message.flowsets {
                match set.body {
                    FlowSetBody::Data(data) => flows.extend(data.fields),
                    FlowSetBody::NoTemplate(_) | FlowSetBody::Empty => panic!("{path:?}: {set:?}"),
                    _ => {}
                }
            }
        }
        assert_eq!(flows.len(), records.len(), "{path:?}");
        for (flow, record) in flows.iter().zip(records) {
            // Number by number, what it read as bytes again.
            let values: BTreeMap<_, _> = flow.iter().map(|(field, value)| (field_number(*field), value)).collect();
            for (element, bytes) in biflow(record) {
                let mut again = Vec::new();
                values[&element].write_be_bytes(&mut again).unwrap();
                assert_eq!(again, bytes, "{path:?}: {element:?}: {:?}", values[&element]);
            }
            let address = |number| match values.get(&(0, number)) {
                Some(FieldValue::Ip4Addr(address)) => Some(IpAddr::V4(*address)),
                Some(FieldValue::Ip6Addr(address)) => Some(IpAddr::V6(*address)),
                _ => None,
            };
            assert_eq!(address(8).or_else(|| address(27)), Some(record.ip_src()));
            let FieldValue::Duration(DurationValue::Millis { value, .. }) = values[&(0, 152)] else { panic!() };
            assert_eq!(i64::try_from(*value).unwrap(), record.total().start.as_millis().max(0));
            let FieldValue::Duration(time @ DurationValue::NanosNtp { .. }) = values[&(0, 157)] else { panic!() };
            // Seconds since 1900 begin anew every 2^32.
            let nanos = time.as_duration().as_nanos() as i128 - 2_208_988_800_000_000_000;
            let expected = i128::from(record.total().end.as_nanos());
            assert_eq!((nanos - expected).rem_euclid(1_000_000_000 << 32), 0, "{path:?}");
        }
    }
}

/// Enterprise number and number of what `netflow_parser` names; only elements that are sent here.
fn field_number(field: IPFixField) -> Element {
    let numbers =
        [1, 2, 4, 6, 7, 8, 11, 12, 27, 28, 31, 52, 53, 56, 58, 60, 80, 95, 96, 136, 148, 152, 153, 156, 157, 176];
    let numbers =
        numbers.into_iter().chain([177, 178, 179, 186, 195, 238, 239, 352, 372, 401, 457, 459, 460, 461, 468, 469]);
    let mut both = numbers.flat_map(|number| [(0, number), (REVERSE, number)]);
    both.find(|(enterprise, number)| IPFixField::new(*number, Some(*enterprise).filter(|e| *e != 0)) == field).unwrap()
}

#[test]
fn names_and_numbers_are_those_of_the_registry() {
    for element in schema::columns().flat_map(|column| column.ipfix) {
        let named = format!("{:?}", IANAIPFixField::from(element.number));
        assert_eq!(named.to_lowercase(), element.name.to_lowercase(), "{}", element.number);
    }
}

#[test]
fn the_table_of_applications_names_every_id_before_it_is_used() {
    for (_, records) in captures() {
        let messages = Collector::default().file(&written(records, &IpfixOptions::default()));
        let mut names: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
        for record in messages.iter().flat_map(|message| &message.records) {
            let Some(id) = record.values.get(&(0, 95)) else { continue };
            let name = record.text((0, 96)).unwrap();
            if record.template == 256 {
                assert_eq!(record.values.len(), 3);
                assert_eq!(names.insert(id.clone(), name), None, "each once");
                continue;
            }
            assert!(name == names[id] || name.ends_with(&format!(".{}", names[id])), "{name} is {}", names[id]);
        }
        assert_eq!(names.is_empty(), records.iter().all(|record| record.application.is_none()));
        let without = written(records, &IpfixOptions::default().application_table(false));
        assert!(sorted(&Collector::default().file(&without)).1.iter().all(|record| record.template != 256));
    }
}

#[test]
fn a_run_without_records_still_says_what_they_would_be() {
    let messages = Collector::default().file(&written(&[], &IpfixOptions::default()));
    assert_eq!(messages.len(), 2, "templates, and statistics");
    assert_eq!((messages[0].templates.len(), messages[0].records.len(), messages[0].export_time), (2, 0, 0));
}

#[test]
fn the_same_records_are_the_same_bytes_and_time_is_that_of_the_capture() {
    let records = records_of(&data("web.pcap"));
    let options = IpfixOptions::default().observation_domain(77);
    let bytes = written(&records, &options);
    assert_eq!(bytes, written(&records, &options));
    let last = records.iter().map(|record| record.last_clock).max().unwrap();
    for message in Collector::default().file(&bytes) {
        assert_eq!(message.observation_domain, 77);
        assert_eq!(i64::from(message.export_time), last.as_nanos() / 1_000_000_000);
    }
}

#[test]
fn datagrams_keep_the_path_and_what_they_need_is_said_again() {
    let records = records_of(&data("web.pcap"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let options = IpfixOptions::default().application_table(true);
    let options = options.max_message_bytes(600).template_refresh(5, Duration::from_secs(3600));
    let collector = socket.local_addr().unwrap();
    let mut exporter = IpfixExporter::udp(collector, full_schema(), &options).unwrap();
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for _ in 0..50 {
        for record in &records {
            exporter.export(record).unwrap();
        }
        exporter.flush().unwrap();
        // What is there is taken out, so that the socket's memory is enough.
        socket.set_nonblocking(true).unwrap();
        let mut datagram = [0; 65_535];
        while let Ok(len) = socket.recv(&mut datagram) {
            messages.push(datagram[..len].to_vec());
        }
    }
    exporter.finish().unwrap();
    assert!(messages.iter().all(|message| message.len() <= 600));
    let mut collector = Collector::default();
    let read: Vec<_> = messages.iter().map(|message| collector.message(message)).collect();
    assert_eq!(sorted(&read).0.len(), 50 * records.len());
    // A collector that comes late knows all templates within a refresh and the messages it takes.
    let known: BTreeSet<_> = read.iter().flat_map(|message| message.templates.iter().copied()).collect();
    for window in read.windows(30) {
        let told: BTreeSet<_> = window.iter().flat_map(|message| message.templates.iter().copied()).collect();
        assert_eq!(told, known);
    }
}

#[test]
fn templates_are_said_again_when_time_has_passed_in_the_capture() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let options = IpfixOptions::default().template_refresh(u32::MAX, Duration::from_secs(60));
    let mut exporter = IpfixExporter::udp(socket.local_addr().unwrap(), full_schema(), &options).unwrap();
    let mut record = records_of(&data("dns.pcap")).remove(0);
    let start = record.last_clock;
    let mut said = Vec::new();
    let (mut collector, mut datagram) = (Collector::default(), [0; 65_535]);
    for seconds in [0, 30, 59, 60, 61, 119, 120] {
        record.flow.last_clock = start.saturating_add(Duration::from_secs(seconds));
        exporter.export(&record).unwrap();
        exporter.flush().unwrap();
        let len = socket.recv(&mut datagram).unwrap();
        said.push(!collector.message(&datagram[..len]).templates.is_empty());
    }
    let told = [true, false, false, true, false, false, true];
    assert_eq!(said, told);
}

#[test]
fn a_message_does_not_wait_longer_than_a_second_of_the_capture() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut exporter =
        IpfixExporter::udp(socket.local_addr().unwrap(), full_schema(), &IpfixOptions::default()).unwrap();
    let mut record = records_of(&data("dns.pcap")).remove(0);
    let start = record.last_clock;
    let mut datagram = [0; 65_535];
    for (millis, sent) in [(0, false), (999, false), (1000, true), (1001, false)] {
        record.flow.last_clock = start.saturating_add(Duration::from_millis(millis));
        exporter.export(&record).unwrap();
        assert_eq!(socket.recv(&mut datagram).is_ok(), sent, "{millis}");
    }
}

#[test]
fn a_stream_of_tcp_is_what_a_file_would_be() {
    let records = records_of(&data("web.pcap"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let collector = listener.local_addr().unwrap();
    let received = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut exporter = IpfixExporter::tcp(collector, full_schema(), &IpfixOptions::default()).unwrap();
    records.iter().for_each(|record| exporter.export(record).unwrap());
    exporter.finish().unwrap();
    drop(exporter);
    assert_eq!(received.join().unwrap(), written(&records, &IpfixOptions::default()));
}

#[test]
fn an_error_names_where_it_went_and_why() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = IpfixExporter::tcp(unused, full_schema(), &IpfixOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::Write { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused));
    assert!(error.to_string().starts_with(&format!("cannot write tcp://{unused}: ")), "{error}");
    let error = IpfixExporter::udp("no port", full_schema(), &IpfixOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot write udp://no port: "), "{error}");
    let options = IpfixOptions::default().max_message_bytes(511);
    let error = IpfixExporter::new("x", io::sink(), full_schema(), &options).unwrap_err();
    assert_eq!(error.to_string(), "max_message_bytes must be 512 to 65535, not 511");
}

#[test]
fn nothing_follows_a_message_that_could_not_be_written() {
    /// Takes half of its second message.
    struct Faulty(Vec<u8>, usize);
    impl Write for Faulty {
        fn write(&mut self, message: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            let taken = match self.1 {
                2 => message.len() / 2,
                3 => return Err(io::Error::other("the disk is full")),
                _ => message.len(),
            };
            self.0.extend_from_slice(&message[..taken]);
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let record = records_of(&data("dns.pcap")).remove(0);
    let mut out = Faulty(Vec::new(), 0);
    let mut exporter = IpfixExporter::new("flows.ipfix", &mut out, full_schema(), &IpfixOptions::default()).unwrap();
    let mut sent = Vec::new();
    for _ in 0..4 {
        exporter.export(&record).unwrap();
        sent.push(exporter.flush().map_err(|error| error.to_string()));
    }
    let full = Err("cannot write flows.ipfix: the disk is full".to_owned());
    let earlier = Err("cannot write flows.ipfix: an earlier message could not be written".to_owned());
    assert_eq!(sent, [Ok(()), full, earlier.clone(), earlier]);
    let first = usize::from(out.0[2]) << 8 | usize::from(out.0[3]);
    assert_eq!(Collector::default().message(&out.0[..first]).len, first);
    assert!(out.0.len() - first < first);
}

#[test]
fn a_collector_that_was_away_sees_what_it_missed_in_the_sequence() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let collector = socket.local_addr().unwrap();
    let record = records_of(&data("dns.pcap")).remove(0);
    let mut exporter = IpfixExporter::udp(collector, full_schema(), &IpfixOptions::default()).unwrap();
    let mut send = || {
        exporter.export(&record).unwrap();
        exporter.flush().map_err(|error| error.to_string())
    };
    let mut datagram = [0; 1500];
    let sequence = |socket: &UdpSocket, datagram: &mut [u8]| {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.recv(datagram).unwrap();
        u32::from_be_bytes(datagram[8..12].try_into().unwrap())
    };
    assert_eq!((send(), sequence(&socket, &mut datagram)), (Ok(()), 0));
    drop(socket);
    assert_eq!(send(), Ok(()), "UDP does not know yet");
    let refused = send().unwrap_err();
    assert!(refused.starts_with(&format!("cannot write udp://{collector}: ")), "{refused}");
    let socket = UdpSocket::bind(collector).unwrap();
    assert_eq!((send(), sequence(&socket, &mut datagram)), (Ok(()), 3));
}

#[test]
fn the_reference_has_every_element_as_the_table_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ipfix.md");
    let page = fs::read_to_string(&path).unwrap();
    let (text, _) = page.split_once(MARK).expect("the page has a mark where the table begins");
    let mut told = format!("{text}{MARK}\n\n");
    write_reference(&mut told).unwrap();
    if std::env::var_os("FLOWGAUGE_BLESS").is_some() {
        fs::write(&path, &told).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == told, "scripts/bless writes {path:?} anew");
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Ends what is written by hand on the page.
const MARK: &str = "## Elements";

#[test]
fn records_carry_the_texts_that_http_says() {
    let records = records_of(&data("http.pcap"));
    let messages = Collector::default().file(&written(&records, &IpfixOptions::default()));
    let text = |record: &Record, number| record.text((0, number)).map(str::to_owned);
    let hosts: Vec<_> = sorted(&messages).0.iter().filter_map(|record| text(record, 460)).collect();
    assert!(!hosts.is_empty() && hosts.iter().all(|host| !host.is_empty()), "{hosts:?}");
}
