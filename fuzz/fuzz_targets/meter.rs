//! Any packets, under any timeouts: each is counted in one record, and a sweep that comes late changes none.
#![no_main]

use std::time::Duration;

use flowgauge::FlowRecord;
use flowgauge::Timestamp;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::meter::{Meter, MeterConfig};
use flowgauge::packet::{LinkType, Packet, PacketInfo, RawPacket, TcpFlags};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let &[inactive, active, options, ref packets @ ..] = input else { return };
    let limits = DissectionLimits::uniform(0);
    let config = MeterConfig::new()
        .classifier(ClassifierOptions { limits, ..Default::default() })
        .inactive_timeout(timeout(inactive))
        .active_timeout(timeout(active))
        .capacity((options & 1 != 0).then_some(usize::from(options >> 4)))
        .tcp_end(options & 2 != 0);
    let (eager, packets_in, bytes_in) = meter(config.clone(), packets, true);
    let (lazy, ..) = meter(config, packets, false);
    assert_eq!(eager, lazy, "a late sweep changes nothing");
    let sum = |of: fn(&FlowRecord) -> u64| eager.iter().map(of).sum::<u64>();
    assert_eq!(sum(|record| record.total().pkts), packets_in);
    assert_eq!(sum(|record| record.total().bytes), bytes_in);
    assert!(eager.windows(2).all(|pair| pair[0].flow_id < pair[1].flow_id));
});

/// The records by `flow_id`, and how many packets and bytes went in.
fn meter(config: MeterConfig, packets: &[u8], eager: bool) -> (Vec<FlowRecord>, u64, u64) {
    let mut meter = Meter::new(config).expect("nothing here can be refused");
    let (mut records, mut number, mut bytes) = (Vec::new(), 0, 0);
    let (mut stamp, mut clock) = (Timestamp::from_nanos(0), Timestamp::MIN);
    for &[step, ends, flags, len] in packets.as_chunks::<4>().0 {
        number += 1;
        stamp = if step & 1 == 0 {
            stamp.saturating_add_nanos(span(step >> 1))
        } else {
            stamp.saturating_sub(Duration::from_nanos(span(step >> 1)))
        };
        clock = clock.max(stamp);
        let info = packet(clock, ends, flags, len);
        bytes += u64::from(info.wire_len);
        let raw = RawPacket { number, stamp, wire_len: info.wire_len, link: LinkType::RAW, data: &[] };
        meter.observe(&Packet::new(raw, &info));
        if eager {
            records.extend(std::iter::from_fn(|| meter.pop()));
        }
    }
    meter.finish();
    records.extend(std::iter::from_fn(|| meter.pop()));
    assert_eq!(meter.living(), Default::default());
    records.sort_by_key(|record| record.flow_id);
    (records, number, bytes)
}

/// A packet between two of four hosts.
fn packet(clock: Timestamp, ends: u8, flags: u8, len: u8) -> PacketInfo {
    let len = u32::from(len);
    PacketInfo {
        src: u128::from(ends & 3),
        dst: u128::from(ends >> 2 & 3),
        clock,
        wire_len: len,
        ip_len: len,
        transport_len: len,
        payload_len: len,
        vlan_id: u16::from(ends >> 4 & 1),
        ip_version: 4 + (ends >> 4 & 2),
        ip_protocol: if ends & 0x40 == 0 { 6 } else { 17 },
        tcp_flags: TcpFlags(flags),
        ..PacketInfo::EMPTY
    }
}

/// Half a nanosecond to the end of time: 0, then powers of two, one less or one more.
fn span(number: u8) -> u64 {
    let power = 1u64.checked_shl(u32::from(number / 2)).unwrap_or(u64::MAX);
    if number == 0 { 0 } else { power - u64::from(number % 2) }
}

fn timeout(number: u8) -> Option<Duration> {
    (number < 0x80).then(|| Duration::from_nanos(span(number)))
}
