//! IPFIX of records that nobody would send: whatever is in them, the messages can be read.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use flowgauge::export::IpfixOptions;
use flowgauge::flow::Direction::{DstToSrc, SrcToDst};
use flowgauge::flow::{Application, Confidence, Counts, FlowFlags, FlowKey, FlowRecord, FlowState, Metrics, TtlRange};
use flowgauge::{ExportReason, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::export_ipfix::written;
use crate::support::ipfix::{Collector, REVERSE, sorted};

/// Numbers of any size, edges more often; two of them still have a sum.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX / 2), 0..u64::MAX / 2, 0..1u64 << 20]
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX), any::<i64>()].prop_map(Timestamp::from_nanos)
}

fn counts() -> impl Strategy<Value = Counts> {
    let numbers = (number(), number(), number(), number(), number());
    let counts =
        (numbers, time(), time()).prop_map(|((pkts, bytes, ip_bytes, transport_bytes, payload_bytes), start, end)| {
            Counts { pkts, bytes, ip_bytes, transport_bytes, payload_bytes, start, end }
        });
    prop_oneof![1 => Just(Counts::EMPTY), 4 => counts]
}

/// Texts of every length that matters, with characters of every width.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let long = prop_oneof![Just(254usize), Just(255), Just(256), Just(1400), Just(65_535), Just(70_000)];
    prop_oneof![
        2 => any::<String>(),
        1 => (long, any::<char>()).prop_map(|(len, character)| character.to_string().repeat(len)),
    ]
}

fn application() -> impl Strategy<Value = Option<Arc<Application>>> {
    let application =
        (text(), text(), any::<u16>(), any::<u16>()).prop_map(|(name, category, master_protocol, app_protocol)| {
            Application { name, category, master_protocol, app_protocol, confidence: Confidence::Dpi }
        });
    proptest::option::of(application.prop_map(Arc::new))
}

pub(crate) fn record() -> impl Strategy<Value = FlowRecord> {
    let key = (any::<bool>(), any::<u8>(), any::<(u128, u16)>(), any::<(u128, u16)>(), 0u16..4096, any::<bool>());
    let counted = ([counts(), counts()], any::<[u8; 12]>(), time(), 0u8..32, any::<u8>(), any::<u64>(), any::<u32>());
    (key, counted, application()).prop_map(|(key, counted, application)| {
        let (six, protocol, mut src, mut dst, vlan, high) = key;
        let (counts, octets, clock, flags, reason, id, label) = counted;
        if !six {
            (src.0, dst.0) = (src.0 & 0xffff_ffff, dst.0 & 0xffff_ffff);
        }
        let (key, _) = FlowKey::new(if six { 6 } else { 4 }, protocol, src, dst, vlan);
        let mut flow = FlowState::new(key, high, id, clock);
        flow.counts = counts;
        flow.application = application;
        flow.flow_label = label;
        flow.ttl = [TtlRange { min: octets[0], max: octets[1] }, TtlRange { min: octets[2], max: octets[3] }];
        flow.macs = [octets[..6].try_into().unwrap(), octets[6..].try_into().unwrap()];
        let all = [
            FlowFlags::MACS,
            FlowFlags::ICMP,
            FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN,
            FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN,
            FlowFlags::PORTS_UNKNOWN,
        ];
        for (bit, flag) in all.into_iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1) {
            let _ = bit;
            flow.flags.insert(flag);
        }
        let export_reason = ExportReason::of(reason).unwrap_or(ExportReason::FLUSH);
        FlowRecord { flow, export_reason, metrics: Metrics::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_in_a_record_its_message_can_be_read(
        records in vec(record(), 1..40),
        max_bytes in prop_oneof![Just(512u16), Just(1400), Just(65_535), 512u16..=65_535],
        uniflow: bool,
        table: bool,
        domain: u32,
    ) {
        let options = IpfixOptions::default().max_message_bytes(max_bytes).observation_domain(domain);
        let bytes = written(&records, &options.uniflow(uniflow).application_table(table));
        let messages = Collector::default().file(&bytes);
        prop_assert!(messages.iter().all(|message| message.len <= max_bytes.into() && message.observation_domain == domain));
        prop_assert!(messages.windows(2).all(|two| two[0].export_time <= two[1].export_time));
        let templates: BTreeSet<_> = messages.iter().flat_map(|message| &message.templates).collect();
        prop_assert!(templates.len() <= 132, "{}", templates.len());
        let (flows, _) = sorted(&messages);
        let mut flows = flows.into_iter();
        for record in &records {
            let [there, back] = [record.of(SrcToDst), record.of(DstToSrc)];
            let flow = flows.next().unwrap();
            if !uniflow {
                prop_assert_eq!(flow.uint((0, 2)), Some(there.pkts));
                prop_assert_eq!(flow.uint((REVERSE, 2)).unwrap_or(0), back.pkts);
                prop_assert_eq!(flow.uint((0, 352)), Some(there.bytes));
            } else if there.pkts > 0 && back.pkts > 0 {
                prop_assert_eq!(flow.uint((0, 2)), Some(there.pkts));
                let turned = flows.next().unwrap();
                prop_assert_eq!(turned.uint((0, 2)), Some(back.pkts));
                prop_assert_eq!(turned.uint((0, 7)), flow.uint((0, 11)));
            }
            prop_assert_eq!(flow.uint((0, 148)), Some(record.conn_id));
            if let Some(application) = &record.application {
                let told = flow.text((0, 96)).unwrap_or_default().trim_end_matches('\0');
                prop_assert!(application.name.starts_with(told));
                prop_assert!(told == application.name.trim_end_matches('\0') || application.name.len() + application.category.len() > 50);
            }
        }
        prop_assert!(flows.next().is_none());
    }
}

/// Every combination of what may be null, of both IP versions.
fn all_shapes() -> Vec<FlowRecord> {
    let mut records = Vec::new();
    for bits in 0..256u64 {
        let is = |bit: u32| bits >> bit & 1 == 1;
        let key = FlowKey::new(if is(0) { 6 } else { 4 }, 17, (1, 1), (2, 2), if is(1) { 9 } else { 0 }).0;
        let mut flow = FlowState::new(key, false, bits, Timestamp::from_millis(5));
        let mut counts = Counts::EMPTY;
        counts.count(Timestamp::from_millis(5), 60, 46, 26, 18);
        flow.counts = [counts, if is(2) { counts } else { Counts::EMPTY }];
        let flags = [
            FlowFlags::MACS,
            FlowFlags::ICMP,
            FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN,
            FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN,
        ];
        (0..4).filter(|bit| is(bit + 3)).for_each(|bit| flow.flags.insert(flags[bit as usize]));
        flow.application = is(7).then(|| {
            let (name, category) = ("x".to_owned(), "y".to_owned());
            Arc::new(Application { name, category, master_protocol: 0, app_protocol: 1, confidence: Confidence::Dpi })
        });
        records.push(FlowRecord { flow, export_reason: ExportReason::FLUSH, metrics: Metrics::default() });
    }
    records
}

#[test]
fn templates_come_to_an_end_and_then_null_is_zero() {
    let records = all_shapes();
    let messages = Collector::default().file(&written(&records, &IpfixOptions::default()));
    let templates: BTreeSet<_> = messages.iter().flat_map(|message| &message.templates).collect();
    assert_eq!(templates.len(), 128 + 2 + 2, "shapes, full records of both IP versions, applications, statistics");
    let (flows, _) = sorted(&messages);
    let mut zeros = 0;
    for (flow, record) in flows.iter().zip(&records) {
        let address = if record.key.ip_version() == 4 { [8, 12] } else { [27, 28] };
        assert!(address.iter().all(|number| flow.values.contains_key(&(0, *number))));
        assert_eq!(flow.values.keys().filter(|(_, number)| [8, 12, 27, 28].contains(number)).count(), 2);
        assert_eq!(flow.uint((REVERSE, 2)).unwrap_or(0), record.of(DstToSrc).pkts);
        match (record.key.vlan_id(), flow.uint((0, 58))) {
            (0, Some(0)) => zeros += 1,
            (id, told) => assert_eq!(told.unwrap_or(0), u64::from(id)),
        }
    }
    assert_eq!(flows.len(), 256);
    assert!(zeros > 20, "{zeros}");
}

#[test]
fn counters_have_64_bits() {
    let mut record = all_shapes().remove(4);
    let large = u64::MAX / 2;
    (record.flow.counts[0].pkts, record.flow.counts[0].ip_bytes) = (large, large - 1);
    (record.flow.counts[1].pkts, record.flow.counts[1].bytes) = (large - 2, large - 3);
    let messages = Collector::default().file(&written(&[record], &IpfixOptions::default()));
    let flow = sorted(&messages).0[0];
    let told = [(0, 2), (0, 1), (REVERSE, 2), (REVERSE, 352)].map(|element| flow.uint(element).unwrap());
    assert_eq!(told, [large, large - 1, large - 2, large - 3]);
}

#[test]
fn a_text_that_does_not_fit_is_cut_and_one_of_no_bytes_is_left_out() {
    let mut record = all_shapes().remove(128);
    let application =
        |name: &str| Arc::new(Application { name: name.to_owned(), ..(*record.application.clone().unwrap()).clone() });
    let names = [String::new(), "€".repeat(40_000), "é".repeat(300)].map(|name| application(&name));
    for (name, max_bytes) in names.iter().zip([512, 512, 1400]) {
        record.flow.application = Some(Arc::clone(name));
        let messages = Collector::default()
            .file(&written(&[record.clone()], &IpfixOptions::default().max_message_bytes(max_bytes)));
        let flow = sorted(&messages).0[0];
        assert!(flow.values.values().all(|value| !value.is_empty()));
        assert_eq!(flow.values.contains_key(&(0, 96)), !name.name.is_empty());
        let told = flow.text((0, 96)).unwrap_or_default();
        assert!(name.name.starts_with(told));
        assert_eq!(told == name.name, name.name.len() < 1000, "only what must be is cut");
    }
}

#[test]
fn addresses_of_version_6_are_of_16_octets() {
    let record = all_shapes().remove(1);
    let messages = Collector::default().file(&written(std::slice::from_ref(&record), &IpfixOptions::default()));
    let flow = sorted(&messages).0[0];
    let IpAddr::V6(src) = record.ip_src() else { panic!() };
    assert_eq!(flow.values[&(0, 27)], src.octets());
    assert!(!flow.values.contains_key(&(0, 8)));
}
