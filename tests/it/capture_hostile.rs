//! Whatever the bytes are: no panic, no frame outside its block, no endless loop, an end in every case.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::capture_file::{Order, PcapFile, PcapngFile};
use crate::support::reading::read_bytes;

fn captures() -> Vec<Vec<u8>> {
    let pcap = |file: PcapFile| file.frame(1, 2, b"first").record(3, 4, 6, 1500, b"second").frame(5, 6, b"").bytes();
    let pcapng = |order: Order| {
        PcapngFile::new(order)
            .interface(1, 64, &[(9, &[0x8a]), (14, &[0, 0, 0, 0, 0, 0, 0, 1])])
            .packet(0, 1 << 40, b"first")
            .simple_packet(6, b"second")
            .block(4, b"names")
            .section(if order == Order::Big { Order::Little } else { Order::Big })
            .interface(101, 0, &[])
            .obsolete_packet(0, 7, b"third")
            .bytes()
    };
    vec![
        pcap(PcapFile::new()),
        pcap(PcapFile::new().order(Order::Big).nanoseconds()),
        pcap(PcapFile::new().modified()),
        pcap(PcapFile::new().version(2, 3)),
        pcapng(Order::Little),
        pcapng(Order::Big),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_end_well(bytes in vec(any::<u8>(), 0..200)) {
        read_bytes(&[bytes]);
    }

    #[test]
    fn random_bytes_behind_a_header_end_well(which in 0usize..6, keep in 20usize..60, bytes in vec(any::<u8>(), 0..200)) {
        let capture = captures().swap_remove(which);
        let mut bytes_of = capture[..keep.min(capture.len())].to_vec();
        bytes_of.extend(bytes);
        read_bytes(&[bytes_of]);
    }

    #[test]
    fn mutated_captures_end_well(
        which in 0usize..6,
        changes in vec((any::<prop::sample::Index>(), prop_oneof![Just(0u8), Just(255), any::<u8>()]), 1..8),
        cut in any::<prop::sample::Index>(),
        again in 0usize..6,
    ) {
        let mut captures = captures();
        let second = captures[again].clone();
        let mut capture = captures.swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(capture.len());
            capture[at] = byte;
        }
        read_bytes(&[capture.clone(), second.clone()]);
        capture.truncate(cut.index(capture.len()) + 1);
        read_bytes(&[second, capture]);
    }

    #[test]
    fn mutated_compressed_captures_end_well(
        zstd in any::<bool>(),
        which in 0usize..6,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut capture = compress(&captures()[which], zstd);
        for (at, byte) in changes {
            let at = at.index(capture.len());
            capture[at] = byte;
        }
        read_bytes(&[capture]);
    }
}

#[cfg(feature = "compress")]
fn compress(bytes: &[u8], zstd: bool) -> Vec<u8> {
    use std::io::Write;
    if zstd {
        return zstd::stream::encode_all(bytes, 1).unwrap();
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(not(feature = "compress"))]
fn compress(bytes: &[u8], zstd: bool) -> Vec<u8> {
    let magic: &[u8] = if zstd { &[0x28, 0xb5, 0x2f, 0xfd] } else { &[0x1f, 0x8b] };
    [magic, bytes].concat()
}
