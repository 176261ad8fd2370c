//! The pcap format, in all its dialects.

use flowgauge::Error;

use crate::support::capture_file::{Order, PcapFile};
use crate::support::reading::{Seen, read_bytes};

const DATA: &[u8] = b"sixty bytes would be nicer";

fn only_frame(file: &PcapFile) -> Seen {
    let (mut frames, error) = read_bytes(&[file.bytes()]);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

#[test]
fn both_byte_orders_and_both_resolutions_tell_the_same() {
    for order in [Order::Little, Order::Big] {
        let micro = only_frame(&PcapFile::new().order(order).frame(1_555_969_081, 636_000, DATA));
        assert_eq!(micro.stamp.as_nanos(), 1_555_969_081_636_000_000, "{order:?}");
        assert_eq!((micro.wire_len, micro.link, &*micro.data), (DATA.len() as u32, 1, DATA), "{order:?}");
        let nano = only_frame(&PcapFile::new().order(order).nanoseconds().frame(1_555_969_081, 636_000_001, DATA));
        assert_eq!(nano.stamp.as_nanos(), 1_555_969_081_636_000_001, "{order:?}");
    }
}

#[test]
fn the_longer_records_of_modified_pcap_are_understood() {
    for order in [Order::Little, Order::Big] {
        let file = PcapFile::new().order(order).modified().frame(7, 8, DATA).frame(9, 10, b"second");
        let (frames, error) = read_bytes(&[file.bytes()]);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(frames[0].data, DATA);
        assert_eq!((frames[1].stamp.as_nanos(), &*frames[1].data), (9_000_010_000, &b"second"[..]));
    }
}

#[test]
fn check_sequence_bits_do_not_change_the_link_type() {
    assert_eq!(only_frame(&PcapFile::new().link(0x5400_0001).frame(0, 0, DATA)).link, 1);
    assert_eq!(only_frame(&PcapFile::new().link(276).frame(0, 0, DATA)).link, 276);
}

#[test]
fn seconds_are_unsigned_and_never_out_of_range() {
    let frame = only_frame(&PcapFile::new().frame(u32::MAX, u32::MAX, DATA));
    assert_eq!(frame.stamp.as_nanos(), 4_294_967_295 * 1_000_000_000 + 4_294_967_295_000);
    assert!(!frame.time_out_of_range);
}

#[test]
fn a_cut_frame_keeps_its_wire_length() {
    let frame = only_frame(&PcapFile::new().record(1, 2, 4, 1500, b"head"));
    assert_eq!((frame.wire_len, &*frame.data), (1500, &b"head"[..]));
}

#[test]
fn a_captured_length_above_the_wire_length_is_handed_on() {
    let frame = only_frame(&PcapFile::new().record(1, 2, 4, 2, b"head"));
    assert_eq!((frame.wire_len, &*frame.data), (2, &b"head"[..]));
}

#[test]
fn old_versions_state_their_lengths_the_other_way_round() {
    let swapped = |minor| only_frame(&PcapFile::new().version(2, minor).record(1, 2, 1500, 4, b"head"));
    for minor in [2, 3] {
        assert_eq!((swapped(minor).wire_len, &*swapped(minor).data), (1500, &b"head"[..]), "2.{minor}");
    }
    let straight = only_frame(&PcapFile::new().version(2, 3).record(1, 2, 4, 1500, b"head"));
    assert_eq!(straight.wire_len, 1500);
}

#[test]
fn an_unknown_version_is_not_a_capture() {
    let (_, error) = read_bytes(&[PcapFile::new().version(3, 0).frame(0, 0, DATA).bytes()]);
    assert!(matches!(&error, Some(Error::NotACapture { detail, .. }) if detail.contains("3.0")), "{error:?}");
}

#[test]
fn frames_without_bytes_are_frames() {
    let file = PcapFile::new().frame(1, 0, b"").record(2, 0, 0, 60, b"").frame(3, 0, b"x");
    let (frames, error) = read_bytes(&[file.bytes()]);
    assert!(error.is_none());
    assert_eq!(
        frames.iter().map(|frame| (frame.wire_len, frame.data.len())).collect::<Vec<_>>(),
        [(0, 0), (60, 0), (1, 1)]
    );
}

#[test]
fn a_capture_without_frames_is_empty_and_whole() {
    let (frames, error) = read_bytes(&[PcapFile::new().bytes()]);
    assert!(frames.is_empty() && error.is_none(), "{error:?}");
    let (frames, error) = read_bytes(&[]);
    assert!(frames.is_empty() && error.is_none(), "{error:?}");
}

#[test]
fn frames_across_many_blocks_come_whole_and_in_order() {
    let mut file = PcapFile::new().snaplen(1 << 20);
    let data: Vec<u8> = (0..300_000u32).map(|byte| (byte * 7) as u8).collect();
    let sizes: Vec<usize> =
        (0..600).map(|frame| (frame * 37) % 4_000).chain([300_000, 5, 262_144 - 16, 1, 9]).collect();
    for (number, size) in sizes.iter().enumerate() {
        file = file.frame(number as u32, 0, &data[..*size]);
    }
    let (frames, error) = read_bytes(&[file.bytes()]);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames.len(), sizes.len());
    for (number, (frame, size)) in frames.iter().zip(sizes).enumerate() {
        assert_eq!(frame.stamp.as_nanos(), number as i64 * 1_000_000_000);
        assert!(frame.data == data[..size], "frame {number} of {size} bytes");
    }
}
