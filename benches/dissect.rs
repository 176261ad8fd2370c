//! What dissection costs for a flow: a hello, a flow of nothing known, and a packet after the end.
//!
//!     cargo bench --bench dissect

use divan::{Bencher, black_box};
use flowgauge::Timestamp;
use flowgauge::dissect::Dissection;
use flowgauge::flow::Direction;
use flowgauge::packet::{LinkType, Packet, PacketInfo, RawPacket};

fn main() {
    divan::main();
}

/// The first payload of a TCP connection, in one segment.
fn first_segment(bencher: Bencher<'_, '_>, payload: &[u8]) {
    let data = [&[0; 20][..], payload].concat();
    let stamp = Timestamp::from_nanos(0);
    let raw = RawPacket { number: 1, stamp, wire_len: data.len() as u32, link: LinkType(101), data: &data };
    let len = payload.len() as u32;
    let info = PacketInfo { ip_protocol: 6, payload_offset: 20, payload_len: len, ..PacketInfo::EMPTY };
    bencher.bench(|| {
        let mut dissection = Dissection::new(6);
        dissection.observe(Direction::SrcToDst, black_box(&Packet::new(raw, &info)));
        dissection.finish()
    });
}

/// A hello like those of browsers: 15 ciphers, 14 extensions with 20 bytes each.
#[divan::bench]
fn client_hello(bencher: Bencher<'_, '_>) {
    let ciphers: Vec<u8> = (0x1301..0x1310_u16).flat_map(u16::to_be_bytes).collect();
    let extensions: Vec<u8> = [0, 10, 11, 13, 16, 23, 27, 35, 43, 45, 51, 65281, 17513, 18]
        .iter()
        .flat_map(|kind: &u16| [&kind.to_be_bytes()[..], &[0, 20], &[0, 18], &[0, 0, 15], &[b'a'; 15]].concat())
        .collect();
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &sized(&ciphers), &[1, 0], &sized(&extensions)].concat();
    let message = [&[1, 0][..], &sized(&body)].concat();
    first_segment(bencher, &[&[22, 3, 1][..], &sized(&message)].concat());
}

#[divan::bench]
fn nothing_known(bencher: Bencher<'_, '_>) {
    first_segment(bencher, &[0x42; 1400]);
}
