//! What dissection costs for a flow: a hello of TLS, one of QUIC with its keys, and a flow of nothing known.
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
    first_packet(bencher, 6, 20, payload);
}

/// The first packet with payload of a flow, from the beginning of the dissection to its facts.
fn first_packet(bencher: Bencher<'_, '_>, ip_protocol: u8, header_len: u32, payload: &[u8]) {
    let data = [&vec![0; header_len as usize][..], payload].concat();
    let stamp = Timestamp::from_nanos(0);
    let raw = RawPacket { number: 1, stamp, wire_len: data.len() as u32, link: LinkType(101), data: &data };
    let len = payload.len() as u32;
    let info = PacketInfo { ip_protocol, payload_offset: header_len, payload_len: len, ..PacketInfo::EMPTY };
    bencher.bench(|| {
        let mut dissection = Dissection::new(ip_protocol);
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

/// The Initial packet of RFC 9001 §A.2: derive the keys, decrypt, join, parse, name and fingerprint.
#[divan::bench]
fn quic_initial(bencher: Bencher<'_, '_>) {
    first_packet(bencher, 17, 8, include_bytes!("../tests/data/quic_initial.bin"));
}

#[divan::bench]
fn nothing_known(bencher: Bencher<'_, '_>) {
    first_segment(bencher, &[0x42; 1400]);
}
