//! IPFIX of columns and metrics that have no element of IANA's: each arrives under its name, as the record has it.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use flowgauge::export::{Columns, Exporter, Ignored, IpfixExporter, IpfixOptions};
use flowgauge::flow::schema::{self, Cell, ColumnKind, Schema};
use flowgauge::flow::{Metrics, json};
use flowgauge::{Error, FlowRecord, Flows, Metric, Streamer, Value, expr};
use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::variable_versions::ipfix::lookup::IPFixField;
use netflow_parser::{NetflowPacket, NetflowParser};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::export_ipfix::{captures, records_of, written};
use crate::export_ipfix_hostile::{record, text};
use crate::support::ipfix::{Collector, Element, Message, sorted};

/// The number for examples (RFC 5612).
const OURS: u32 = 32_473;

/// A value as it was told, by the type that was told of it.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Int(i128),
    Float(u64),
    Bool(bool),
    Text(String),
    List(Vec<Self>),
    Null,
}

/// What type information says: name and type by number.
type Types = BTreeMap<u16, (String, u8)>;

fn options() -> IpfixOptions {
    IpfixOptions::default().enterprise_number(NonZeroU32::new(OURS))
}

/// Everything there is, with metrics of every kind.
fn everything(path: &Path) -> Flows {
    let streamer = Streamer::from_file(path).active_timeout(Duration::from_secs(20)).workers(0);
    let streamer = streamer.statistics(true).splt(30).application_fields(true).tcp_analysis(true);
    let mut streamer = streamer.metric("count", Metric::fold(|| 0u64, |n, _, _| *n += 1)).metric(
        "mixture",
        Metric::fold(Vec::new, |list: &mut Vec<Value>, packet, _| {
            list.truncate(3);
            list.push(Value::from("\"<€>\0"));
            list.push(Value::from(packet.info.wire_len));
        }),
    );
    for (name, expression) in [
        ("big", "(packet.size > 100).sum()"),
        ("mean", "packet.size.mean()"),
        ("any", "(packet.size > 1000).any()"),
        ("sizes", "packet.size.first(5)"),
        ("means", "packet.size.mean().over(\"direction\")"),
        ("rises", "(packet.size > 100).first(3)"),
        ("late", "packet.size.filter(packet.size > 1400).last(2)"),
        ("most", "packet.size.max().over(\"direction\")"),
    ] {
        streamer = streamer.expression(name, expr::Expr::parse(expression).unwrap());
    }
    streamer.start().unwrap()
}

fn exported(records: &[FlowRecord], columns: impl Into<Columns>, options: &IpfixOptions) -> (Vec<u8>, u64) {
    let mut file = Vec::new();
    let mut exporter = IpfixExporter::new("memory", &mut file, columns, options).unwrap();
    records.iter().for_each(|record| exporter.export(record).unwrap());
    exporter.finish().unwrap();
    let cut = exporter.cut_records();
    drop(exporter);
    (file, cut)
}

fn types(messages: &[Message]) -> Types {
    let mut types = Types::new();
    for record in messages.iter().flat_map(|message| &message.records).filter(|record| record.template == 2000) {
        assert_eq!((record.scopes, record.uint((0, 346))), (2, Some(OURS.into())));
        let name = record.text((0, 341)).unwrap().to_owned();
        assert!(!record.text((0, 340)).unwrap().is_empty());
        let number = record.uint((0, 303)).unwrap() as u16;
        let told = (name, record.uint((0, 339)).unwrap() as u8);
        assert_eq!(*types.entry(number).or_insert_with(|| told.clone()), told);
    }
    types
}

/// A value by the type that was told, to its last byte.
fn decoded(mut bytes: &[u8], kind: u8, types: &Types) -> Told {
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let octets = match kind {
        1 | 11 => 1,
        2 => 2,
        3 => 4,
        4 | 8 | 10 | 15 => 8,
        _ => bytes.len(),
    };
    assert_eq!(bytes.len(), octets);
    match kind {
        1..=4 | 15 => Told::Int(number(bytes).into()),
        8 if number(bytes) as i64 == i64::MIN => Told::Null,
        8 => Told::Int((number(bytes) as i64).into()),
        10 if f64::from_bits(number(bytes)).is_nan() => Told::Null,
        10 => Told::Float(number(bytes)),
        11 => [Told::Null, Told::Bool(true), Told::Bool(false)][usize::from(bytes[0])].clone(),
        13 => Told::Text(String::from_utf8(bytes.to_vec()).unwrap()),
        20 => {
            let head = &bytes[..9];
            bytes = &bytes[9..];
            assert_eq!((head[0], number(&head[5..])), (4, OURS.into()));
            let item = number(&head[1..3]) as u16;
            assert_eq!(item >> 15, 1);
            let (name, kind) = &types[&(item & 0x7fff)];
            assert!(name.ends_with("_item"), "{name}");
            let mut items = Vec::new();
            while !bytes.is_empty() {
                let width = match number(&head[3..5]) as usize {
                    65_535 => {
                        let (len, head) =
                            if bytes[0] == 255 { (number(&bytes[1..3]), 3) } else { (bytes[0].into(), 1) };
                        bytes = &bytes[head..];
                        len as usize
                    }
                    width => width,
                };
                items.push(decoded(&bytes[..width], *kind, types));
                bytes = &bytes[width..];
            }
            Told::List(items)
        }
        _ => panic!("type {kind}"),
    }
}

/// What is to be told of a cell; nothing of null.
fn expected(cell: &Cell<'_>, kind: Option<ColumnKind>) -> Option<Told> {
    let value = |value: &Value| match value {
        Value::Null => Told::Null,
        Value::Bool(truth) => Told::Bool(*truth),
        Value::Int(number) => Told::Int((*number).into()),
        Value::Float(number) => Told::Float(number.to_bits()),
        other => panic!("{other:?}"),
    };
    Some(match cell {
        Cell::Null | Cell::Metric(Value::Null) => return None,
        Cell::Bool(truth) => Told::Bool(*truth),
        Cell::Uint(number) | Cell::Duration(number) => Told::Int((*number).into()),
        Cell::Int(number) => Told::Int((*number).into()),
        Cell::Float(number) => Told::Float(number.to_bits()),
        Cell::Text(text) if text.is_empty() => return None,
        Cell::Text(text) => Told::Text(text.clone().into_owned()),
        Cell::Time(time) => Told::Int(time.as_millis().max(0).into()),
        Cell::List(numbers) => Told::List(numbers.iter().map(|number| Told::Int((*number).into())).collect()),
        Cell::Texts(texts) => Told::List(texts.iter().map(|text| Told::Text((*text).to_owned())).collect()),
        Cell::Metric(Value::Text(text)) if text.is_empty() => return None,
        Cell::Metric(Value::Text(text)) => Told::Text(text.clone()),
        Cell::Metric(other) if kind.is_none() => {
            let mut text = String::new();
            json::write_value(&mut text, other).unwrap();
            Told::Text(text)
        }
        Cell::Metric(Value::List(values)) => Told::List(values.iter().map(value).collect()),
        Cell::Metric(other) => value(other),
        other => panic!("{other:?}"),
    })
}

/// All that a record is to tell under our own number.
fn all_expected(record: &FlowRecord, schema: &Schema) -> BTreeMap<String, Told> {
    let columns = schema.columns().filter(|column| column.ipfix.is_empty());
    let columns = columns.map(|column| (column.name, expected(&column.get(record), Some(column.kind))));
    let metrics = record.metrics.iter().zip(schema.metric_kinds());
    let metrics = metrics.map(|((name, value), kind)| (name, expected(&Cell::Metric(value), *kind)));
    columns.chain(metrics).filter_map(|(name, told)| Some((name.to_owned(), told?))).collect()
}

fn own_values(values: impl Iterator<Item = (Element, Vec<u8>)>, types: &Types) -> BTreeMap<String, Told> {
    let own = values.filter(|((enterprise, _), _)| *enterprise == OURS);
    own.map(|((_, number), bytes)| {
        let (name, kind) = types.get(&number).expect("it was told what this is");
        (name.clone(), decoded(&bytes, *kind, types))
    })
    .collect()
}

/// The flow records, as `netflow_parser` reads them.
fn parsed(bytes: &[u8]) -> Vec<BTreeMap<Element, Vec<u8>>> {
    let read = NetflowParser::default().parse_bytes(bytes);
    assert!(read.error.is_none(), "{:?}", read.error);
    let mut flows = Vec::new();
    for packet in read.packets {
        let NetflowPacket::IPFix(message) = packet else { panic!("{packet:?}") };
        for set in message.flowsets {
            match set.body {
                FlowSetBody::Data(data) => flows.extend(data.fields),
                FlowSetBody::NoTemplate(_) | FlowSetBody::Empty => panic!("{set:?}"),
                _ => {}
            }
        }
    }
    let own = |field: &IPFixField| match field {
        IPFixField::Enterprise { enterprise_number, field_number } => Some((*enterprise_number, *field_number)),
        _ => None,
    };
    let bytes_of = |flow: Vec<(IPFixField, _)>| {
        let values = flow.iter().filter_map(
            |(field, value): &(_, netflow_parser::variable_versions::field_value::FieldValue)| {
                let mut bytes = Vec::new();
                value.write_be_bytes(&mut bytes).unwrap();
                Some((own(field)?, bytes))
            },
        );
        values.collect()
    };
    flows.into_iter().map(|flow| bytes_of(flow.into_iter().collect())).collect()
}

#[test]
fn every_column_and_metric_without_an_element_arrives_under_its_name() {
    let mut seen = BTreeMap::new();
    for (path, _) in captures() {
        let mut flows = everything(path);
        let schema = flows.schema().clone();
        let records: Vec<_> = flows.by_ref().filter_map(Result::ok).collect();
        let (bytes, cut) = exported(&records, &schema, &options());
        assert_eq!(cut, 0);
        let messages = Collector::default().file(&bytes);
        let types = types(&messages);
        let (read, _) = sorted(&messages);
        let by_another = parsed(&bytes);
        assert_eq!((read.len(), by_another.len()), (records.len(), records.len()), "{path:?}");
        for ((record, read), by_another) in records.iter().zip(read).zip(by_another) {
            let expected = all_expected(record, &schema);
            assert_eq!(own_values(read.values.clone().into_iter(), &types), expected, "{path:?}: {record}");
            assert_eq!(own_values(by_another.into_iter(), &types), expected, "{path:?}: {record}");
            expected.into_keys().for_each(|name| *seen.entry(name).or_insert(0) += 1);
        }
    }
    assert!(
        ["count", "mixture", "big", "mean", "any", "sizes", "means", "rises", "late", "most"]
            .iter()
            .all(|name| seen.contains_key(*name)),
        "{seen:?}"
    );
    assert!(
        ["splt_direction", "splt_gap", "size_mean", "pkts", "duration", "tcp_end_state"]
            .iter()
            .all(|name| seen.contains_key(*name)),
        "{seen:?}"
    );
}

#[test]
fn without_a_number_nothing_changes_but_for_the_statistics_at_the_end() {
    for (path, records) in captures().iter().take(12) {
        let plain = IpfixOptions::default().process_statistics(false);
        let before = written(records, &plain);
        let after = written(records, &IpfixOptions::default());
        assert!(after.starts_with(&before) && after.len() - before.len() < 200, "{path:?}");
        assert!(!before.windows(4).any(|bytes| bytes == OURS.to_be_bytes()));
        // And with one, what has an element of the registry is what it was.
        let own = Collector::default().file(&written(records, &options().process_statistics(false)));
        let before = Collector::default().file(&before);
        for (own, before) in sorted(&own).0.into_iter().zip(sorted(&before).0) {
            let registry = own.values.iter().filter(|((enterprise, _), _)| *enterprise != OURS);
            assert!(registry.eq(before.values.iter()));
        }
    }
}

#[test]
fn only_columns_of_ones_choice_are_sent_in_either_form() {
    let records = records_of(&data("web.pcap"));
    let schema = crate::export_ipfix::full_schema();
    let values = |names: &[&str], uniflow| {
        let columns = Columns::choose(&schema, names.iter().copied()).unwrap();
        let (bytes, _) = exported(&records, columns, &options().uniflow(uniflow));
        let messages = Collector::default().file(&bytes);
        let (flows, _) = sorted(&messages);
        let numbers = |flow: &crate::support::ipfix::Record| flow.values.keys().copied().collect::<Vec<_>>();
        (flows.iter().map(|flow| numbers(flow)).collect::<Vec<_>>(), flows.len())
    };
    let (biflow, count) = values(&["pkts", "ip_protocol", "dst_to_src_pkts", "pkts"], false);
    assert_eq!(count, records.len());
    let both = [(0, 4), (0, 239), (29_305, 2), (OURS, 1032)];
    assert!(biflow.iter().all(|numbers| *numbers == both || *numbers == [both[0], both[1], both[3]]), "{biflow:?}");
    // Who asks for one direction gets that of the record; what is told of the flow is told once.
    let (uniflow, count) = values(&["pkts", "start_time", "dst_to_src_pkts"], true);
    assert!(count > records.len());
    let turned = [(0, 2), (0, 60), (0, 152), (0, 156)];
    assert!(uniflow.iter().all(|numbers| numbers.starts_with(&turned)), "{uniflow:?}");
    assert_eq!(uniflow.iter().filter(|numbers| numbers.last() == Some(&(OURS, 1032))).count(), records.len());
    // No record is without any value, or nobody could read it.
    let (empty, _) = values(&["vlan_id"], true);
    assert!(empty.iter().all(|numbers| numbers.contains(&(0, 60))));
}

#[cfg(all(feature = "compress", feature = "ndpi", feature = "pcap"))]
#[test]
fn ipfix_dump_prints_the_users_metric_by_its_name() {
    use std::fs;
    use std::process::Command;

    use crate::support::oracle;

    if !oracle::there("ipfixDump", &["-V"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flows.ipfix");
    let mut flows = everything(&data("web.pcap"));
    let schema = flows.schema().clone();
    let records: Vec<_> = flows.by_ref().map(Result::unwrap).collect();
    fs::write(&file, exported(&records, &schema, &options()).0).unwrap();
    let dump = Command::new("ipfixDump").args(["--rfc5610", "--data", "-i"]).arg(&file).output().unwrap();
    assert!(dump.status.success() && dump.stderr.is_empty(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8_lossy(&dump.stdout);
    let told = |name: &str| -> Vec<String> {
        let lines = dump.lines().filter_map(|line| line.split_once(" : "));
        let lines = lines.filter(|(element, _)| element.split_whitespace().last() == Some(name));
        lines.map(|(_, value)| value.trim().to_owned()).collect()
    };
    let of_all = |name: &str| records.iter().filter_map(|record| record.metrics.get(name).cloned()).collect::<Vec<_>>();
    let numbers = of_all("big").into_iter().map(|value| format!("{value:?}").replace("Int(", "").replace(')', ""));
    assert_eq!(told("big"), numbers.collect::<Vec<_>>());
    assert_eq!(told("count").len(), records.len());
    assert_eq!(told("flow_id"), records.iter().map(|record| record.flow_id.to_string()).collect::<Vec<_>>());
    assert_eq!(told("sizes").len(), records.len(), "lists are told");
    assert!(!dump.contains("_alienInformationElement"), "every element is known");
}

/// What ledger and exporter count, in the last message.
#[test]
fn statistics_are_those_of_all_messages_before() {
    let records = records_of(&data("web.pcap"));
    for options in [IpfixOptions::default().max_message_bytes(1400), options().uniflow(true)] {
        let mut file = Vec::new();
        let schema = crate::export_ipfix::full_schema();
        let mut exporter = IpfixExporter::new("memory", &mut file, &schema, &options.observation_domain(9)).unwrap();
        records.iter().for_each(|record| exporter.export(record).unwrap());
        let reasons = vec![("not_ip", 2), ("too_deep", 1)];
        exporter.ignored(&Ignored { packets: 2, ..Ignored::default() });
        exporter.ignored(&Ignored { packets: 3, bytes: 200, dropped: 5, reasons });
        exporter.finish().unwrap();
        drop(exporter);
        let messages = Collector::default().file(&file);
        let (last, before) = messages.split_last().unwrap();
        let [sent, ignored] = [2001, 2002].map(|template| {
            let mut records = last.records.iter().filter(|record| record.template == template);
            records.next().unwrap()
        });
        let flows = sorted(before).0.len() as u64;
        let bytes: usize = before.iter().map(|message| message.len).sum();
        assert_eq!(
            [(0, 149), (0, 41), (0, 42), (0, 40)].map(|e| sent.uint(e)),
            [9, before.len() as u64, flows, bytes as u64].map(Some)
        );
        assert_eq!([(0, 149), (0, 164), (0, 165), (0, 135)].map(|e| ignored.uint(e)), [9, 3, 200, 5].map(Some));
        let reasons: Vec<_> = last.records.iter().filter(|record| record.template == 2003).collect();
        let told = reasons.iter().map(|record| (record.text((OURS, 2047)).unwrap(), record.uint((0, 164)).unwrap()));
        let told: Vec<_> = told.collect();
        assert!(told == [("not_ip", 2), ("too_deep", 1)] || told.is_empty() && types(&messages).is_empty(), "{told:?}");
        assert_eq!(types(&messages).contains_key(&2047), !told.is_empty());
    }
}

#[test]
fn what_could_not_be_sent_is_told_over_udp_and_templates_come_again() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let collector = socket.local_addr().unwrap();
    let record = records_of(&data("dns.pcap")).remove(0);
    let schema = crate::export_ipfix::full_schema();
    let options = options().process_statistics(true);
    let mut exporter = IpfixExporter::udp(collector, &schema, &options).unwrap();
    let send = |exporter: &mut IpfixExporter<_>| exporter.export(&record).and_then(|()| exporter.flush());
    send(&mut exporter).unwrap();
    drop(socket);
    send(&mut exporter).unwrap();
    send(&mut exporter).unwrap_err();
    let socket = UdpSocket::bind(collector).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    exporter.finish().unwrap();
    let mut datagram = [0; 65_535];
    let len = socket.recv(&mut datagram).unwrap();
    // Template 2004: flows, packets and bytes that were not sent.
    let head = [7, 212, 0, 32, 0, 0, 0, 1];
    let at = datagram[..len].windows(8).position(|bytes| bytes == head).unwrap() + 8;
    let numbers: Vec<_> = datagram[at..at + 24].chunks(8).map(|n| u64::from_be_bytes(n.try_into().unwrap())).collect();
    assert_eq!(numbers, [1, record.total().pkts, record.total().ip_bytes]);
}

#[test]
fn datagrams_keep_the_path_whatever_is_in_them() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let schema = Schema::new(&[], ["text".to_owned(), "list".to_owned(), "x".repeat(3000)].into());
    let schema = schema.with_metric_kinds([Some(ColumnKind::Text), Some(ColumnKind::ListI64), None]);
    let mut record = records_of(&data("dns.pcap")).remove(0);
    let list: Vec<_> = (0..100_000i64).map(Value::from).collect();
    let values = vec!["€".repeat(30_000).into(), list.into(), Value::Bytes(vec![7; 70_000])];
    record.metrics = Metrics::new(schema.metrics().into(), values);
    let mut exporter = IpfixExporter::udp(socket.local_addr().unwrap(), &schema, &options()).unwrap();
    exporter.export(&record).unwrap();
    exporter.finish().unwrap();
    assert_eq!(exporter.cut_records(), 1);
    let (mut collector, mut datagram, mut messages) = (Collector::default(), [0; 65_535], Vec::new());
    while sorted(&messages).0.is_empty() {
        let len = socket.recv(&mut datagram).unwrap();
        assert!(len <= 1400, "{len}");
        messages.push(collector.message(&datagram[..len]));
    }
    let types = types(&messages);
    let flow = own_values(sorted(&messages).0[0].values.clone().into_iter(), &types);
    let (Told::Text(text), Told::List(items)) = (&flow["text"], &flow["list"]) else { panic!("{flow:?}") };
    assert!(text.len() > 100 && text.chars().all(|character| character == '€'));
    assert!(items.len() > 5 && items.iter().zip(0..).all(|(item, number)| *item == Told::Int(number)));
    let Told::Text(bytes) = &flow[&"x".repeat(200)] else { panic!("{flow:?}") };
    assert!(bytes.len() > 100 && bytes.starts_with("\"0707"));
}

#[test]
fn more_columns_than_a_message_holds_are_refused_with_the_way_out() {
    let names: Vec<_> = (0..300).map(|nth| format!("metric_{nth}")).collect();
    let schema = Schema::new(&[], names.into());
    let mut none = Vec::new();
    let small = options().max_message_bytes(1400);
    let refused =
        |options: &IpfixOptions, none: &mut Vec<u8>| IpfixExporter::new("x", none, &schema, options).unwrap_err();
    let error = refused(&small, &mut none);
    assert!(matches!(&error, Error::Column { column, .. } if column.starts_with("metric_")), "{error}");
    assert!(error.to_string().contains("choose fewer columns, or allow larger messages"), "{error}");
    let error = refused(&options().enterprise_number(NonZeroU32::new(29_305)), &mut none);
    assert!(error.to_string().starts_with("enterprise_number must be other than"), "{error}");
    assert!(IpfixExporter::new("x", &mut none, &schema, &options()).is_ok());
}

/// Values of any kind, also where another was announced.
fn value() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        vec(any::<u8>(), 0..300).prop_map(Value::from),
    ];
    let many = vec(one.clone(), 0..40).prop_map(Value::from);
    let numbers = vec(any::<i64>().prop_map(Value::from), 0..9000).prop_map(Value::from);
    prop_oneof![4 => one, 1 => many, 1 => numbers]
}

fn kind() -> impl Strategy<Value = Option<ColumnKind>> {
    let kinds = [ColumnKind::Bool, ColumnKind::I64, ColumnKind::F64, ColumnKind::Text, ColumnKind::ListI64];
    let kinds = kinds.into_iter().chain([ColumnKind::ListF64, ColumnKind::ListBool]).map(Some).chain([None]);
    proptest::sample::select(kinds.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_records_with_any_columns_in_any_order_are_read_back(
        records in vec((record(), vec(value(), 4)), 1..12),
        kinds in vec(kind(), 4),
        order in proptest::sample::subsequence((0..schema::columns().count() + 4).collect::<Vec<_>>(), 1..60).prop_shuffle(),
        max_bytes in prop_oneof![Just(1400u16), Just(65_535)],
        uniflow: bool,
    ) {
        let names: Vec<_> = (0..4).map(|nth| format!("metric {nth}")).collect();
        let schema = Schema::new(&[], names.into()).with_metric_kinds(kinds);
        let all: Vec<_> = schema.names().collect();
        let chosen: Vec<_> = order.iter().filter_map(|nth| all.get(*nth).copied()).collect();
        let columns = Columns::choose(&schema, chosen.iter().copied()).unwrap();
        let records: Vec<_> = records.into_iter().map(|(mut record, values)| {
            record.metrics = Metrics::new(schema.metrics().into(), values);
            record
        }).collect();
        let (bytes, cut) = exported(&records, columns, &options().max_message_bytes(max_bytes).uniflow(uniflow));
        let messages = Collector::default().file(&bytes);
        prop_assert!(messages.iter().all(|message| message.len <= max_bytes.into()));
        let types = types(&messages);
        let flows: Vec<_> = sorted(&messages).0.into_iter().map(|flow| &flow.values).collect();
        let by_another = parsed(&bytes);
        prop_assert_eq!(flows.len(), by_another.len());
        for (flow, by_another) in flows.iter().zip(&by_another) {
            let own = flow.iter().filter(|((enterprise, _), _)| *enterprise == OURS);
            prop_assert!(own.eq(by_another.iter()));
            // Whatever it is, it can be read as what it was said to be.
            own_values((*flow).clone().into_iter(), &types);
        }
        if !uniflow && cut == 0 {
            for (record, flow) in records.iter().zip(flows) {
                let told = own_values(flow.clone().into_iter(), &types);
                let columns = schema.columns().filter(|c| c.ipfix.is_empty() && chosen.contains(&c.name));
                for column in columns {
                    let expected = expected(&column.get(record), Some(column.kind));
                    prop_assert_eq!(told.get(column.name), expected.as_ref(), "{}", column.name);
                }
            }
        }
    }
}

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
