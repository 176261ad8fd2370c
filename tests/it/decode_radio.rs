//! Decoding of 802.11 frames, with and without a radiotap header.

use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, Packet, PacketInfo, RadioMacs, RawPacket, SkipReason,
};

use crate::decode::{A, A6, B, B6, cut, packet, raw, sizes, skipped};
use crate::support::frames::*;

const RADIO: LinkType = LinkType::IEEE802_11;
const TAPPED: LinkType = LinkType::IEEE802_11_RADIOTAP;

fn ipv4() -> Vec<u8> {
    Ipv4::new(A, B).tcp(40000, 443, 0x18, b"hello")
}

fn ip_offset(link: LinkType, frame: &[u8]) -> u32 {
    let info = packet(raw(link, frame));
    assert_eq!((info.dst_port, info.vlan_id, info.tunnel), (443, 0, None));
    info.ip_offset
}

#[test]
fn the_header_is_as_long_as_its_fields() {
    let forms = [
        (Radio::data(0), 24),
        (Radio::data(1), 24),
        (Radio::data(2), 24),
        (Radio::data(3), 30),
        (Radio::data(0x81), 24),
        (Radio::qos(1, 0), 26),
        (Radio::qos(3, 0), 32),
        (Radio::qos(0x81, 0), 30),
        (Radio::qos(0x83, 7), 36),
        // Data with an acknowledgement or a poll in the same frame, retried, more data to come.
        (Radio::data(0x38).kind(0x38), 24),
        (Radio::qos(0x39, 0).kind(0xb8), 26),
    ];
    for (radio, len) in forms {
        let frame = radio.carrying(IPV4, &ipv4());
        assert_eq!(ip_offset(RADIO, &frame), len + 8, "{radio:?}");
        assert_eq!(ip_offset(TAPPED, &radiotap(&[0], &[], &frame)), len + 16, "{radio:?}");
    }
    let six = Radio::qos(2, 0).carrying(IPV6, &Ipv6::new(A6, B6).udp(1, 443, b"x"));
    assert_eq!(ip_offset(RADIO, &six), 34);
    let tagged = Radio::data(1).carrying(VLAN, &vlan(5, IPV4, &ipv4()));
    let info = packet(raw(RADIO, &tagged));
    assert_eq!((info.vlan_id, info.vlan_offset, info.ip_offset), (5, 32, 36));
}

fn macs(options: DecodeOptions, radio: &Radio) -> (u8, u8) {
    let frame = radio.carrying(IPV4, &ipv4());
    let raw = raw(RADIO, &frame);
    let Decoded::Packet(info) = Decoder::new(options).decode(&raw) else { panic!("refused") };
    let (src, dst) = Packet::new(raw, &info).macs().unwrap();
    assert_eq!((&src[..5], &dst[..5]), (&Radio::address(0)[..5], &Radio::address(0)[..5]));
    (src[5], dst[5])
}

#[test]
fn source_and_destination_stand_where_the_ds_bits_say() {
    let ends = [0, 1, 2, 3].map(|ds| macs(DecodeOptions::new(), &Radio::data(ds)));
    assert_eq!(ends, [(2, 1), (2, 3), (3, 1), (4, 3)]);
    let nfstreams = DecodeOptions::new().radio_macs(RadioMacs::SecondAndThird);
    for ds in 0..4 {
        assert_eq!(macs(nfstreams, &Radio::qos(ds, 0)), (2, 3));
    }
}

#[test]
fn frames_without_a_readable_packet_are_not_ip() {
    let refused = |radio: &Radio| {
        let frame = radio.carrying(IPV4, &ipv4());
        let refused = skipped(raw(RADIO, &frame));
        assert_eq!(skipped(raw(TAPPED, &radiotap(&[0], &[], &frame))).reason, refused.reason);
        (refused.reason, refused.mac_offsets, refused.payload_offset)
    };
    let with_macs = |payload_offset| (SkipReason::NotIp, Some((10, 16)), payload_offset);
    assert_eq!(refused(&Radio::data(0x41)), with_macs(24), "encrypted");
    assert_eq!(refused(&Radio::qos(0x41, 0)), with_macs(24), "encrypted");
    assert_eq!(refused(&Radio::data(1).fragment(1)), with_macs(24), "a later fragment");
    assert_eq!(refused(&Radio::qos(1, 0x80)), with_macs(26), "aggregated");
    for kind in [0x48, 0x58, 0x68, 0x78, 0xc8, 0xe8, 0xf8] {
        assert_eq!(refused(&Radio::data(1).kind(kind)), with_macs(24), "no data in {kind:#x}");
    }
    for kind in [0x00, 0x80, 0xd0, 0xb4, 0xd4, 0x0c, 0x09] {
        assert_eq!(refused(&Radio::data(1).kind(kind)).0, SkipReason::NotIp, "no data frame: {kind:#x}");
    }
    let other = Radio::data(1).carrying(0x888e, &[1, 3, 0, 5]);
    let refused = skipped(raw(RADIO, &other));
    assert_eq!((refused.reason, refused.ether_type, refused.payload_offset), (SkipReason::NotIp, Some(0x888e), 32));
    let ack = skipped(raw(RADIO, &[0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1]));
    assert_eq!((ack.reason, ack.mac_offsets), (SkipReason::NotIp, None));
}

#[test]
fn a_first_fragment_is_read() {
    let frame = Radio::data(0x05).carrying(IPV4, &Ipv4::new(A, B).total_len(1500).tcp(40000, 443, 0x18, b"hello"));
    assert_eq!(packet(raw(RADIO, &frame)).ip_len, 1500);
}

#[test]
fn a_frame_cut_within_its_headers_is_truncated() {
    let frame = Radio::qos(0x83, 0).carrying(IPV4, &ipv4());
    for len in 0..36 + 8 + 20 {
        assert_eq!(skipped(cut(RADIO, &frame, len)).reason, SkipReason::Truncated, "{len} bytes");
    }
    assert_eq!(packet(cut(RADIO, &frame, 64)).ip_protocol, 6);
    let frame = radiotap(&[0x8000_0003, 0], &[0; 13], &frame);
    for len in 0..25 + 36 + 8 + 20 {
        assert_eq!(skipped(cut(TAPPED, &frame, len)).reason, SkipReason::Truncated, "{len} bytes");
    }
}

/// What radiotap flags behind the words `present` make of a frame, of which the flags are at `at` of its fields.
fn with_flags(present: &[u32], at: usize, flags: u8, frame: &[u8]) -> Result<PacketInfo, SkipReason> {
    let mut fields = vec![0; at + 4];
    fields[at] = flags;
    let frame = radiotap(present, &fields, frame);
    match crate::decode::decode(raw(TAPPED, &frame)) {
        Decoded::Packet(info) => Ok(info),
        Decoded::Skipped(skipped) => Err(skipped.reason),
    }
}

#[test]
fn radiotap_flags_are_found_behind_any_presence_words() {
    let padded = Radio::qos(1, 0).padded().carrying(IPV4, &ipv4());
    let forms: [(&[u32], usize); 5] = [
        (&[0x0000_0002], 0),
        // The time before them stands at a multiple of eight.
        (&[0x0000_0003], 8),
        (&[0x8000_0003, 0], 12),
        (&[0x8000_0003, 0x8000_0000, 0xffff_ffff & !(1 << 31)], 8),
        (&[0xa000_0002, 0x0000_0020], 0),
    ];
    for (present, at) in forms {
        assert_eq!(with_flags(present, at, 0x20, &padded).unwrap().dst_port, 443, "{present:x?}");
        assert_eq!(with_flags(present, at, 0, &padded), Err(SkipReason::NotIp), "{present:x?}");
        assert_eq!(with_flags(present, at, 0x60, &padded), Err(SkipReason::NotIp), "damaged {present:x?}");
    }
    let absent = radiotap(&[0x0000_0004], &[0x20], &Radio::qos(1, 0).carrying(IPV4, &ipv4()));
    assert_eq!(packet(raw(TAPPED, &absent)).dst_port, 443);
}

#[test]
fn a_frame_check_sequence_is_no_part_of_the_packet() {
    let offloaded = Ipv4::new(A, B).total_len(0).udp(1, 443, b"hello");
    let frame = [&Radio::data(1).carrying(IPV4, &offloaded)[..], &[0xee; 4]].concat();
    assert_eq!(sizes(&with_flags(&[2], 0, 0x10, &frame).unwrap()), (81, 33, 13, 5));
    assert_eq!(sizes(&with_flags(&[2], 0, 0, &frame).unwrap()), (81, 37, 17, 9));
    // Nor does it become ports.
    let short =
        [&Radio::data(1).carrying(IPV4, &Ipv4::new(A, B).total_len(28).carrying(17, &[]))[..], &[9; 4]].concat();
    let info = with_flags(&[2], 0, 0x10, &short).unwrap();
    assert_eq!((info.src_port, info.dst_port), (0, 0));
}

#[test]
fn a_radiotap_header_that_contradicts_itself_is_not_ip() {
    let frame = radiotap(&[0x8000_0002, 0], &[0; 4], &Radio::data(1).carrying(IPV4, &ipv4()));
    assert_eq!(packet(raw(TAPPED, &frame)).dst_port, 443);
    let changed = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        skipped(raw(TAPPED, &frame)).reason
    };
    assert_eq!(changed(0, 1), SkipReason::NotIp, "version");
    assert_eq!(changed(2, 7), SkipReason::NotIp, "shorter than itself");
    assert_eq!(changed(2, 12), SkipReason::NotIp, "its flags lie outside");
    assert_eq!(changed(3, 0xff), SkipReason::Truncated, "longer than the capture");
    assert_eq!(changed(11, 0x80), SkipReason::NotIp, "presence without end");
    let endless = radiotap(&[0xffff_ffff; 200], &[], &[]);
    assert_eq!(skipped(raw(TAPPED, &endless)).reason, SkipReason::NotIp);
    let long = RawPacket { wire_len: u32::MAX, ..raw(TAPPED, &endless) };
    assert_eq!(skipped(long).reason, SkipReason::NotIp);
}
