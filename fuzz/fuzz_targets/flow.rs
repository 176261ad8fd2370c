//! Whole frames of any link, decoded with every tunnel and metered with every option: each packet is in one record, a
//! sweep that comes late changes none, and no count is larger than what it counts.
//!
//! An input is options, a link type and then frames: a byte of time, two of length, then the bytes.
#![no_main]

use std::time::Duration;

use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::flow::{Direction, Facts};
use flowgauge::meter::{Meter, MeterConfig};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, Packet, Ports, RawPacket, Tunnels};
use flowgauge::{FlowRecord, Timestamp};
use libfuzzer_sys::fuzz_target;

const LINK_TYPES: [u32; 8] = [1, 1, 101, 113, 276, 9, 104, 127];

fuzz_target!(|input: &[u8]| {
    let &[options, link, ref frames @ ..] = input else { return };
    let limits = DissectionLimits::uniform(0);
    let config = MeterConfig::new()
        .classifier(ClassifierOptions { limits, ..Default::default() })
        .tcp_end(options & 1 != 0)
        .tcp_linger(Duration::from_secs(u64::from(options >> 6) * 3))
        .active_timeout((options & 2 != 0).then_some(Duration::from_secs(2)))
        .capacity((options & 4 != 0).then_some(2))
        .sequence(u32::from(options >> 5))
        .statistics(true)
        .application_fields(true)
        .tcp_analysis(true);
    let decode = DecodeOptions::new().tunnels(Tunnels::ALL).tunnel_keys(options & 8 != 0);
    let decode = if options & 16 == 0 { decode } else { decode.ports(Ports::TcpAndUdp) };
    let link = LinkType(LINK_TYPES[usize::from(link & 7)]);
    let (eager, packets) = meter(config.clone(), decode, link, frames, true);
    let (lazy, _) = meter(config, decode, link, frames, false);
    assert_eq!(eager, lazy, "a late sweep changes nothing");
    assert_eq!(eager.iter().map(|record| record.total().pkts).sum::<u64>(), packets);
    eager.iter().for_each(check);
});

fn check(record: &FlowRecord) {
    if let Some(tcp) = record.tcp_analysis() {
        for direction in [Direction::SrcToDst, Direction::DstToSrc] {
            let (counts, pkts) = (tcp.counts(direction), record.counts[direction as usize].pkts);
            // One segment is one of these at most, and its window may be shut too.
            assert!(counts.retransmitted + counts.out_of_order + counts.duplicate_ack <= pkts);
            assert!(counts.zero_window <= pkts);
        }
    }
    if let Some(facts) = record.facts() {
        let texts = [facts.requested_server_name(), facts.tls_subject(), facts.tls_issuer(), facts.http_path()];
        assert!(texts.into_iter().flatten().all(|text| text.len() <= Facts::MAX_TEXT));
        assert!(facts.tls_ciphers.len() <= Facts::MAX_ITEMS && facts.dns_answers().len() <= Facts::MAX_ITEMS);
    }
}

/// The records by `flow_id`, and how many packets went in.
fn meter(
    config: MeterConfig,
    decode: DecodeOptions,
    link: LinkType,
    mut rest: &[u8],
    eager: bool,
) -> (Vec<FlowRecord>, u64) {
    let mut meter = Meter::new(config).expect("nothing here can be refused");
    let mut decoder = Decoder::new(decode);
    let (mut records, mut number, mut packets, mut stamp) = (Vec::new(), 0, 0, Timestamp::from_nanos(0));
    while let Some((&[step, high, low], bytes)) = rest.split_first_chunk::<3>() {
        let (data, following) = bytes.split_at(usize::from(u16::from_be_bytes([high, low])).min(bytes.len()));
        rest = following;
        number += 1;
        // Up to 15 ms later, or up to seven seconds.
        let passed =
            if step & 1 == 0 { u64::from(step >> 4) * 1_000_000 } else { u64::from(step >> 5) * 1_000_000_000 };
        stamp = stamp.saturating_add_nanos(passed);
        let raw = RawPacket { number, stamp, wire_len: data.len() as u32, link, data };
        let Decoded::Packet(info) = decoder.decode(&raw) else { continue };
        packets += 1;
        meter.observe(&Packet::new(raw, &info));
        if eager {
            records.extend(std::iter::from_fn(|| meter.pop()));
        }
    }
    meter.finish();
    records.extend(std::iter::from_fn(|| meter.pop()));
    assert_eq!(meter.living(), Default::default());
    records.sort_by_key(|record| record.flow_id);
    (records, packets)
}
