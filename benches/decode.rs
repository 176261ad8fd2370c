//! What decoding one frame costs, beside etherparse slicing the same frame.
//!
//! `cargo bench --bench decode`. etherparse finds the headers only: it fills no packet, opens no tunnel and keeps no
//! clock, so its times are a floor for its use, not for ours.

#[path = "../tests/it/support/frames.rs"]
#[allow(dead_code)]
mod frames;

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use etherparse::{LaxSlicedPacket, SlicedPacket};
use flowgauge::Timestamp;
use flowgauge::packet::{DecodeOptions, Decoder, LinkType, PacketInfo, RawPacket};

use crate::frames::*;

const KINDS: [&str; 8] = ["tcp4", "udp4", "tcp6", "udp6_extensions", "qinq_tcp4", "mpls_tcp4", "gtp_u_tcp4", "arp"];

fn frame(kind: &str) -> Vec<u8> {
    let payload = [7; 400];
    let ipv4 = Ipv4::new("10.0.0.1", "10.0.0.2");
    let ipv6 = Ipv6::new("2001:db8::1", "2001:db8::2");
    let tcp4 = ipv4.tcp(40000, 443, 0x18, &payload);
    match kind {
        "tcp4" => ethernet(IPV4, &tcp4),
        "udp4" => ethernet(IPV4, &ipv4.udp(40000, 443, &payload)),
        "tcp6" => ethernet(IPV6, &ipv6.tcp(40000, 443, 0x18, &payload)),
        "udp6_extensions" => {
            let ip = ipv6.extension(0, &extension(1)).extension(60, &extension(1));
            ethernet(IPV6, &ip.udp(40000, 443, &payload))
        }
        "qinq_tcp4" => ethernet(SERVICE_VLAN, &vlan(10, VLAN, &vlan(20, IPV4, &tcp4))),
        "mpls_tcp4" => ethernet(MPLS, &mpls(&[17, 16], &tcp4)),
        "gtp_u_tcp4" => ethernet(IPV4, &ipv4.udp(2152, 2152, &gtp_u(1, &tcp4))),
        _ => ethernet(0x0806, &[0; 46]),
    }
}

/// Enough frames to be a stream, few enough to stay in the cache: the cost of decoding, not of memory.
const FRAMES: usize = 64;

#[divan::bench(args = KINDS)]
fn flowgauge(bencher: Bencher<'_, '_>, kind: &str) {
    let data = frame(kind);
    let raw = RawPacket {
        number: 1,
        stamp: Timestamp::from_millis(1),
        wire_len: data.len() as u32,
        link: LinkType::ETHERNET,
        data: &data,
    };
    let mut decoder = Decoder::new(DecodeOptions::new());
    let mut info = PacketInfo::default();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        for _ in 0..FRAMES {
            let _ = black_box(decoder.decode_into(black_box(&raw), black_box(&mut info)));
        }
    });
}

#[divan::bench(args = KINDS)]
fn etherparse_sliced(bencher: Bencher<'_, '_>, kind: &str) {
    let data = frame(kind);
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        for _ in 0..FRAMES {
            let _ = black_box(&SlicedPacket::from_ethernet(black_box(&data)));
        }
    });
}

#[divan::bench(args = KINDS)]
fn etherparse_lax(bencher: Bencher<'_, '_>, kind: &str) {
    let data = frame(kind);
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        for _ in 0..FRAMES {
            let _ = black_box(&LaxSlicedPacket::from_ethernet(black_box(&data)));
        }
    });
}

fn main() {
    divan::main();
}
