//! The pcapng format: sections, interfaces, stamps and blocks.

use flowgauge::{Error, Timestamp};

use crate::support::capture_file::{Order, PcapFile, PcapngFile};
use crate::support::reading::{Seen, read_bytes};

const DATA: &[u8] = b"seven b";
const ORDERS: [Order; 2] = [Order::Little, Order::Big];

fn frames(file: &PcapngFile) -> Vec<Seen> {
    let (frames, error) = read_bytes(&[file.bytes()]);
    assert!(error.is_none(), "{error:?}");
    frames
}

fn damage(file: &PcapngFile) -> (usize, u64, String) {
    let (frames, error) = read_bytes(&[file.bytes()]);
    match error {
        Some(Error::Damaged { frame, offset, detail, .. }) => {
            assert_eq!(frame, frames.len() as u64);
            (frames.len(), offset, detail)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn enhanced_packets_are_microseconds_of_their_own_interface() {
    for order in ORDERS {
        let file = PcapngFile::new(order)
            .interface(1, 0, &[])
            .interface(101, 0, &[])
            .packet(1, 1_555_969_081_636_001, DATA)
            .cut_packet(0, 5, 7, 1500, DATA);
        let seen = frames(&file);
        assert_eq!((seen[0].stamp.as_nanos(), seen[0].link), (1_555_969_081_636_001_000, 101), "{order:?}");
        assert_eq!((seen[1].stamp.as_nanos(), seen[1].link, seen[1].wire_len), (5_000, 1, 1500), "{order:?}");
        assert!(seen.iter().all(|frame| frame.data == DATA));
    }
}

#[test]
fn resolution_and_offset_are_each_interface_s_own() {
    for order in ORDERS {
        let offset = if order == Order::Big { (-10i64).to_be_bytes() } else { (-10i64).to_le_bytes() };
        let file = PcapngFile::new(order)
            .interface(1, 0, &[(9, &[9])])
            .interface(1, 0, &[(2, b"eth1"), (9, &[0x80 | 10]), (14, &offset)])
            .interface(1, 0, &[(9, &[3]), (14, &offset)])
            .packet(0, 7, DATA)
            .packet(1, 11 << 10 | 512, DATA)
            .packet(2, 10_001, DATA)
            .packet(2, 9_999, DATA);
        let stamps: Vec<_> = frames(&file).iter().map(|frame| frame.stamp.as_nanos()).collect();
        assert_eq!(stamps, [7, 1_500_000_000, 1_000_000, -1_000_000], "{order:?}");
    }
}

#[test]
fn stamps_beyond_the_range_saturate_and_say_so() {
    let far = i64::MIN.to_le_bytes();
    let file = PcapngFile::new(Order::Little)
        .interface(1, 0, &[(9, &[0])])
        .interface(1, 0, &[(14, &far)])
        .packet(0, u64::MAX, DATA)
        .packet(1, 0, DATA)
        .packet(0, 1, DATA);
    let told: Vec<_> = frames(&file).iter().map(|frame| (frame.stamp, frame.time_out_of_range)).collect();
    assert_eq!(told, [(Timestamp::MAX, true), (Timestamp::MIN, true), (Timestamp::from_nanos(1_000_000_000), false)]);
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let file = PcapngFile::new(Order::Little)
        .interface(1, 0, &[])
        .packet(0, 1, DATA)
        .section(Order::Big)
        .interface(101, 0, &[(9, &[9])])
        .packet(0, 2, DATA)
        .section(Order::Big)
        .interface(113, 0, &[])
        .packet(0, 3, DATA)
        .section(Order::Little)
        .interface(1, 0, &[])
        .packet(0, 4, DATA);
    let told: Vec<_> = frames(&file).iter().map(|frame| (frame.stamp.as_nanos(), frame.link)).collect();
    assert_eq!(told, [(1_000, 1), (2, 101), (3_000, 113), (4_000, 1)]);
}

#[test]
fn interfaces_of_an_earlier_section_are_forgotten() {
    let file = PcapngFile::new(Order::Little).interface(1, 0, &[]).section(Order::Little).packet(0, 1, DATA);
    let (_, offset, detail) = damage(&file);
    assert_eq!((offset, detail.as_str()), (28 + 20 + 28, "a packet of interface 0, with 0 interfaces described"));
}

#[test]
fn simple_packets_take_the_stamp_of_the_frame_before() {
    for order in ORDERS {
        let file = PcapngFile::new(order)
            .interface(1, 4, &[])
            .interface(101, 0, &[])
            .simple_packet(3, b"one")
            .packet(1, 77, DATA)
            .simple_packet(1500, b"four");
        let seen = frames(&file);
        assert_eq!((seen[0].stamp.as_nanos(), seen[0].wire_len, &*seen[0].data), (0, 3, &b"one"[..]));
        assert_eq!((seen[2].stamp.as_nanos(), seen[2].wire_len, &*seen[2].data), (77_000, 1500, &b"four"[..]));
        assert_eq!(seen[2].link, 1);
    }
}

#[test]
fn the_stamp_of_the_frame_before_may_be_from_another_file() {
    let first = PcapFile::new().frame(5, 6, DATA).bytes();
    let second = PcapngFile::new(Order::Little).interface(1, 0, &[]).simple_packet(7, DATA).bytes();
    let (seen, error) = read_bytes(&[first, second]);
    assert!(error.is_none());
    assert_eq!(seen[1].stamp.as_nanos(), 5_000_006_000);
}

#[test]
fn obsolete_packet_blocks_are_read() {
    for order in ORDERS {
        let file =
            PcapngFile::new(order).interface(1, 0, &[]).interface(101, 0, &[]).obsolete_packet(1, (1 << 32) | 5, DATA);
        let seen = frames(&file);
        assert_eq!((seen[0].stamp.as_nanos(), seen[0].link), (4_294_967_301_000, 101));
        assert_eq!(seen[0].data, DATA);
    }
}

#[test]
fn other_blocks_are_skipped_however_large() {
    let huge = vec![0x55; 1_000_000];
    for order in ORDERS {
        let file = PcapngFile::new(order)
            .block(4, b"names")
            .interface(1, 0, &[])
            .packet(0, 1, DATA)
            .block(0x0bad, &huge)
            .packet(0, 2, DATA)
            .block(5, &[])
            .packet(0, 3, DATA)
            .block(0x8000_0001, &huge);
        assert_eq!(frames(&file).len(), 3);
    }
}

#[test]
fn options_after_the_packet_are_not_part_of_it() {
    let mut body = vec![0; 12];
    body.extend([7, 0, 0, 0, 7, 0, 0, 0]);
    body.extend(DATA);
    body.extend([0, 2, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let file = PcapngFile::new(Order::Little).interface(1, 0, &[]).block(6, &body).packet(0, 2, b"after");
    let seen = frames(&file);
    assert_eq!((&*seen[0].data, &*seen[1].data), (DATA, &b"after"[..]));
}

#[test]
fn a_length_without_the_padding_is_forgiven() {
    let mut block = vec![6, 0, 0, 0, 39, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0, 0];
    block.extend(DATA);
    block.extend([0, 39, 0, 0, 0]);
    let file = PcapngFile::new(Order::Little).interface(1, 0, &[]).raw(&block).packet(0, 2, b"after");
    let seen = frames(&file);
    assert_eq!((seen.len(), &*seen[0].data, seen[0].stamp.as_nanos()), (2, DATA, 9_000));
}

#[test]
fn lengths_that_lie_are_damage_where_their_block_begins() {
    let good = || PcapngFile::new(Order::Little).interface(1, 0, &[]).packet(0, 1, DATA);
    let at = good().bytes().len() as u64;
    let mut twice = vec![6, 0, 0, 0, 36, 0, 0, 0];
    twice.extend([0; 24]);
    twice.extend([32, 0, 0, 0]);
    let lies: [(&str, PcapngFile); 10] = [
        ("closing length of a packet", good().raw(&twice)),
        ("below the least", good().raw(&[6, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0])),
        ("none at all", good().raw(&[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("absurd", good().raw(&[6, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
        ("captured more than the block holds", good().cut_packet(0, 1, 9, 9, DATA)),
        ("captured absurdly much", good().cut_packet(0, 1, u32::MAX, u32::MAX, DATA)),
        ("closing length", good().raw(&[9, 0, 0, 0, 16, 0, 0, 0, 1, 1, 1, 1, 20, 0, 0, 0])),
        ("simple packet longer than its block", good().simple_packet(100, DATA)),
        ("option past its block", good().block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 200, 0])),
        ("unknown interface", good().packet(7, 1, DATA)),
    ];
    for (lie, file) in lies {
        let (frames, offset, detail) = damage(&file);
        assert_eq!((frames, offset), (1, at), "{lie}: {detail}");
    }
}

#[test]
fn a_bad_section_is_not_a_capture_at_the_start_and_damage_later() {
    let bad_magic = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0];
    let mut bad_version = PcapngFile::new(Order::Big).bytes();
    bad_version[13] = 2;
    for bad in [&bad_magic[..], &bad_version] {
        let (_, error) = read_bytes(&[bad.to_vec()]);
        assert!(matches!(error, Some(Error::NotACapture { .. })), "{error:?}");
        let file = PcapngFile::new(Order::Little).interface(1, 0, &[]).packet(0, 1, DATA).raw(bad);
        assert_eq!(damage(&file).0, 1);
    }
}
