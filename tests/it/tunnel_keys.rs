//! The keys of tunnels in the keys of flows, by option.

use flowgauge::capture::memory::MemorySource;
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, PacketFlags, PacketInfo, Tunnel};
use flowgauge::{FlowRecord, Streamer, Timestamp};

use crate::decode::{A, B, raw};
use crate::support::frames::*;
use crate::support::run::run;
use crate::support::tunnels::*;

const BOTH: PacketFlags = PacketFlags::TUNNEL_KEY.union(PacketFlags::KEY_IN_FLOW);

fn there() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

fn back() -> Vec<u8> {
    Ipv4::new("192.168.0.2", "192.168.0.1").tcp(443, 40000, 0x18, b"hello")
}

fn on_vxlan(vni: u32, ip: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new(A, B).udp(40001, 4789, &vxlan(vni, &inner_ethernet(IPV4, ip))))
}

fn on_gre(content: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new(A, B).carrying(GRE, content))
}

fn records(frames: &[Vec<u8>], options: fn(Streamer) -> Streamer) -> Vec<FlowRecord> {
    let mut source = MemorySource::new();
    for (nth, frame) in frames.iter().enumerate() {
        source.push(Timestamp::from_millis(nth as i64), LinkType::ETHERNET, frame);
    }
    let outcome = run(options(Streamer::from_source(source).n_dissections(0)));
    assert_eq!(outcome.error, None);
    outcome.records
}

/// Packets per flow and the tunnel key of each, with the option, for any number of workers.
fn apart(frames: &[Vec<u8>]) -> Vec<(u64, u32)> {
    let told = |records: Vec<FlowRecord>| -> Vec<_> {
        records.iter().map(|record| (record.total().pkts, record.tunnel_key)).collect()
    };
    let inline = told(records(frames, |streamer| streamer.tunnel_keys(true).workers(0)));
    assert_eq!(told(records(frames, |streamer| streamer.tunnel_keys(true).workers(3))), inline);
    inline
}

#[test]
fn networks_with_the_same_addresses_are_kept_apart_by_option_only() {
    let frames = [on_vxlan(1, &there()), on_vxlan(2, &there()), on_vxlan(1, &back()), on_vxlan(2, &back())];
    let together = records(&frames, |streamer| streamer.workers(0));
    assert_eq!(together.len(), 1);
    assert_eq!((together[0].total().pkts, together[0].tunnel_key), (4, 1));
    assert_eq!(apart(&frames), [(2, 1), (2, 2)]);
}

#[test]
fn every_kind_of_key_tells_flows_apart() {
    let on_port = |port, payload: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).udp(port, port, payload));
    let frame = inner_ethernet(IPV4, &there());
    let kinds: [&dyn Fn(u16) -> Vec<u8>; 6] = [
        &|key| on_port(2152, &gtp_u(key.into(), &there())),
        &|key| on_port(6081, &geneve(BRIDGED, key.into(), 1, &frame)),
        &|key| on_gre(&keyed_gre(key.into(), IPV4, &there())),
        &|key| on_gre(&pptp(key, &[&[0, 0x21][..], &there()].concat())),
        &|key| on_gre(&erspan_ii(key, &frame)),
        &|key| on_gre(&erspan_iii(key, 0, true, &frame)),
    ];
    for kind in kinds {
        assert_eq!(apart(&[kind(5), kind(6), kind(5)]), [(2, 5), (1, 6)]);
    }
}

#[test]
fn the_key_of_the_innermost_tunnel_counts() {
    let within = |vni, teid| {
        let mobile = Ipv4::new("172.16.0.1", "172.16.0.2").udp(2152, 2152, &gtp_u(teid, &there()));
        on_vxlan(vni, &mobile)
    };
    assert_eq!(apart(&[within(1, 9), within(2, 9), within(1, 8)]), [(2, 9), (1, 8)]);
    // One without a key does not inherit that of the tunnel around it.
    let sniffed = |vni| {
        let sensor = tzsp(1, 0, 1, &[1], &inner_ethernet(IPV4, &there()));
        on_vxlan(vni, &Ipv4::new("172.16.0.1", "172.16.0.2").udp(37008, 37008, &sensor))
    };
    assert_eq!(apart(&[sniffed(1), sniffed(2)]), [(2, 0)]);
}

#[test]
fn each_end_of_gtp_u_chooses_its_own_key_so_directions_part() {
    let on = |teid, ip: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).udp(2152, 2152, &gtp_u(teid, ip)));
    let frames = [on(1, &there()), on(2, &back())];
    assert_eq!(apart(&frames), [(1, 1), (1, 2)]);
    assert_eq!(records(&frames, |streamer| streamer.workers(0)).len(), 1);
}

#[test]
fn packets_without_a_tunnel_or_a_key_are_not_touched() {
    let keyless = on_gre(&gre(0, IPV4, &[], &there()));
    let frames = [ethernet(IPV4, &there()), ethernet(IPV4, &back()), keyless.clone(), keyless];
    assert_eq!(apart(&frames), [(2, 0), (2, 0)]);
    for (on, flags) in [(false, PacketFlags::TUNNEL_KEY), (true, BOTH)] {
        let mut decoder = Decoder::new(DecodeOptions::new().tunnel_keys(on));
        let frame = on_vxlan(7, &there());
        let Decoded::Packet(info) = decoder.decode(&raw(LinkType::ETHERNET, &frame)) else { panic!() };
        assert_eq!(info.flags, flags);
    }
}

#[test]
fn later_fragments_keep_the_key_of_their_first() {
    let inner = |vni| {
        let long = Ipv4::new("192.168.0.1", "192.168.0.2").udp(1, 2, &[7; 400]);
        udp(40001, 4789, &vxlan(vni, &inner_ethernet(IPV4, &long)))
    };
    let half =
        |id, offset, more, data: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).fragment(id, offset, more).carrying(17, data));
    let (one, two) = (inner(1), inner(2));
    let frames = [
        half(1, 0, true, &one[..200]),
        half(2, 0, true, &two[..200]),
        half(2, 200, false, &two[200..]),
        half(1, 200, false, &one[200..]),
    ];
    assert_eq!(apart(&frames), [(2, 1), (2, 2)]);
    assert_eq!(records(&frames, |streamer| streamer.workers(0)).len(), 1);
}

#[test]
fn a_fragment_inside_a_tunnel_has_the_key_of_the_tunnel_its_first_was_in() {
    // VXLAN around fragments, and in these TZSP, which has no key.
    let sensor = udp(9, 37008, &tzsp(1, 0, 1, &[1], &inner_ethernet(IPV4, &there())));
    let half = |offset, more, data: &[u8]| {
        on_vxlan(7, &Ipv4::new("172.16.0.1", "172.16.0.2").fragment(3, offset, more).carrying(17, data))
    };
    let mut decoder = Decoder::new(DecodeOptions::new().tunnel_keys(true));
    let mut info = |frame: &[u8]| -> PacketInfo {
        let Decoded::Packet(info) = decoder.decode(&raw(LinkType::ETHERNET, frame)) else { panic!("skipped") };
        info
    };
    let first = info(&half(0, true, &sensor[..56]));
    let later = info(&half(56, false, &sensor[56..]));
    for info in [&first, &later] {
        assert_eq!((info.tunnel, info.tunnel_key, info.dst_port), (Some(Tunnel::Tzsp), 0, 443));
        assert_eq!(info.flags.intersection(BOTH), PacketFlags::default());
    }
}
