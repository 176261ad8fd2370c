//! Fragments: the first carries the ports, the others follow it.

use flowgauge::Timestamp;
use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, PacketFlags, PacketInfo, RawPacket, SkipReason, Tunnel,
};

use crate::decode::{A, A6, B, B6, raw, sizes};
use crate::support::frames::*;

const FIRST: PacketFlags = PacketFlags::FRAGMENT;
const LATER: PacketFlags = PacketFlags::FRAGMENT.union(PacketFlags::LATER_FRAGMENT);

/// Decodes frames in order, one at each second.
struct Capture {
    decoder: Decoder,
    second: i64,
}

impl Capture {
    fn new() -> Self {
        Self { decoder: Decoder::new(DecodeOptions::new()), second: 0 }
    }

    fn frame(&mut self, frame: &[u8]) -> Result<PacketInfo, SkipReason> {
        self.second += 1;
        let stamp = Timestamp::from_millis(self.second * 1000);
        match self.decoder.decode(&RawPacket { stamp, ..raw(LinkType::ETHERNET, frame) }) {
            Decoded::Packet(info) => Ok(info),
            Decoded::Skipped(skipped) => Err(skipped.reason),
        }
    }
}

fn ends(info: &PacketInfo) -> (u128, u16, u128, u16, u8, u8) {
    (info.src, info.src_port, info.dst, info.dst_port, info.ip_protocol, info.ip_version)
}

/// The two fragments of a UDP datagram with 2,000 bytes, in IPv4 packet `id`.
fn halves(id: u16) -> [Vec<u8>; 2] {
    let datagram = udp(1, 2, &[b'F'; 2000]);
    let half =
        |offset, more, data: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).fragment(id, offset, more).carrying(17, data));
    [half(0, true, &datagram[..1480]), half(1480, false, &datagram[1480..])]
}

#[test]
fn a_later_fragment_goes_to_the_flow_of_its_first() {
    let mut capture = Capture::new();
    let [first, later] = halves(7);
    let first = capture.frame(&first).unwrap();
    let later = capture.frame(&later).unwrap();
    assert_eq!((first.src_port, first.dst_port, first.flags), (1, 2, FIRST));
    assert_eq!(sizes(&first), (1514, 1500, 1480, 1472));
    assert_eq!(ends(&later), ends(&first));
    assert_eq!(later.flags, LATER);
    assert_eq!(sizes(&later), (562, 548, 528, 528));
    assert_eq!((later.ip_offset, later.transport_offset, later.payload_offset), (14, 34, 34));
    assert_eq!(later.tcp_flags.0, 0);
}

#[test]
fn ipv6_fragments_follow_their_first_too() {
    let datagram = udp(1, 2, &[b'F'; 2000]);
    let half = |offset, more, data: &[u8]| {
        let ip = Ipv6::new(A6, B6).extension(0, &extension(1)).fragment(99, offset, more).extension(60, &extension(1));
        ethernet(IPV6, &ip.carrying(17, data))
    };
    let mut capture = Capture::new();
    let first = capture.frame(&half(0, true, &datagram[..1424])).unwrap();
    // What follows the later fragment header is data, whatever it looks like.
    let later = capture.frame(&half(1432, false, &datagram[1424..])).unwrap();
    assert_eq!((first.src_port, first.dst_port, first.flags), (1, 2, FIRST));
    assert_eq!(ends(&later), ends(&first));
    assert_eq!(later.flags, LATER);
    assert_eq!(sizes(&later), (662, 648, 592, 592));
    assert_eq!(later.payload_offset, 70);
}

#[test]
fn a_later_fragment_without_its_first_is_skipped() {
    let mut capture = Capture::new();
    let [first, later] = halves(7);
    assert_eq!(capture.frame(&later), Err(SkipReason::FragmentWithoutFirst));
    capture.frame(&first).unwrap();
    assert_eq!(capture.frame(&halves(8)[1]), Err(SkipReason::FragmentWithoutFirst), "another packet");
    let other_way = ethernet(IPV4, &Ipv4::new(B, A).fragment(7, 1480, false).carrying(17, &[0; 8]));
    assert_eq!(capture.frame(&other_way), Err(SkipReason::FragmentWithoutFirst), "the other direction");
    let protocol = ethernet(IPV4, &Ipv4::new(A, B).fragment(7, 1480, false).carrying(6, &[0; 8]));
    assert_eq!(capture.frame(&protocol), Err(SkipReason::FragmentWithoutFirst), "another protocol");
    let tagged = ethernet(VLAN, &vlan(5, IPV4, &later[14..]));
    assert_eq!(capture.frame(&tagged), Err(SkipReason::FragmentWithoutFirst), "another VLAN");
    assert!(capture.frame(&later).is_ok());
    assert!(capture.frame(&later).is_ok(), "as often as it comes");
}

#[test]
fn first_fragments_are_forgotten_after_thirty_seconds() {
    let [first, later] = halves(7);
    for (second, found) in [(30, true), (31, false)] {
        let mut capture = Capture::new();
        capture.frame(&first).unwrap();
        capture.second += second - 1;
        assert_eq!(capture.frame(&later).is_ok(), found, "{second} s later");
        assert_eq!(capture.decoder.clock().as_millis(), if found { 31_000 } else { 1_000 });
    }
    let mut capture = Capture::new();
    capture.frame(&first).unwrap();
    capture.frame(&first).unwrap();
    capture.second += 29;
    assert!(capture.frame(&later).is_ok(), "a repeated first fragment counts from its last sight");
}

#[test]
fn a_flood_of_first_fragments_pushes_out_the_oldest() {
    let mut capture = Capture::new();
    for id in 0..4097 {
        capture.second = 0;
        capture.frame(&halves(id)[0]).unwrap();
    }
    assert_eq!(capture.frame(&halves(0)[1]), Err(SkipReason::FragmentWithoutFirst));
    for id in [1, 2, 4096] {
        assert!(capture.frame(&halves(id)[1]).is_ok());
    }
}

#[test]
fn without_the_option_later_fragments_are_skipped_and_first_ones_counted() {
    let [first, later] = halves(7);
    let mut capture = Capture { decoder: Decoder::new(DecodeOptions::new().fragments(false)), second: 0 };
    assert_eq!(capture.frame(&first).unwrap().flags, FIRST);
    assert_eq!(capture.frame(&later), Err(SkipReason::FragmentsOff));
}

#[test]
fn fragments_of_a_tunnel_packet_go_to_its_inner_flow() {
    let inner = Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, &[7; 1000]);
    let datagram = udp(2152, 2152, &gtp_u(9, &inner));
    let half =
        |offset, more, data: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).fragment(3, offset, more).carrying(17, data));
    let mut capture = Capture::new();
    let first = capture.frame(&half(0, true, &datagram[..800])).unwrap();
    let later = capture.frame(&half(800, false, &datagram[800..])).unwrap();
    assert_eq!((first.dst_port, first.tunnel, first.tunnel_key), (443, Some(Tunnel::GtpU), 9));
    assert_eq!((ends(&later), later.tunnel, later.tunnel_key), (ends(&first), first.tunnel, 9));
    assert_eq!(later.flags, LATER.union(PacketFlags::TUNNEL_KEY));
    assert_eq!((later.ip_offset, later.ip_len), (14, 276));
}

#[test]
fn fragments_within_tunnels_with_different_keys_are_kept_apart() {
    let half = |teid, port: u16, offset| {
        let data = if offset == 0 { udp(port, 53, &[0; 72]) } else { vec![0; 40] };
        let inner = Ipv4::new("192.168.0.1", "192.168.0.2").fragment(1, offset, offset == 0).carrying(17, &data);
        ethernet(IPV4, &Ipv4::new(A, B).udp(2152, 2152, &gtp_u(teid, &inner)))
    };
    let mut capture = Capture::new();
    capture.frame(&half(1, 1001, 0)).unwrap();
    capture.frame(&half(2, 1002, 0)).unwrap();
    assert_eq!(capture.frame(&half(1, 0, 80)).unwrap().src_port, 1001);
    assert_eq!(capture.frame(&half(2, 0, 80)).unwrap().src_port, 1002);
    assert_eq!(capture.frame(&half(3, 0, 80)), Err(SkipReason::FragmentWithoutFirst));
}

#[test]
fn fragments_of_fragments_are_found_at_both_levels() {
    let datagram = udp(1, 2, &[0; 200]);
    let inner =
        |offset, more, data: &[u8]| Ipv4::new("1.1.1.1", "2.2.2.2").fragment(5, offset, more).carrying(17, data);
    let outer =
        |offset, more, data: &[u8]| ethernet(IPV4, &Ipv4::new(A, B).fragment(6, offset, more).carrying(4, data));
    let (first, second) = (inner(0, true, &datagram[..160]), inner(160, false, &datagram[160..]));
    let mut capture = Capture::new();
    let flow = ends(&capture.frame(&outer(0, true, &first[..96])).unwrap());
    assert_eq!(ends(&capture.frame(&outer(96, false, &first[96..])).unwrap()), flow);
    let whole = ethernet(IPV4, &Ipv4::new(A, B).carrying(4, &second));
    assert_eq!(ends(&capture.frame(&whole).unwrap()), flow);
}

#[test]
fn a_first_fragment_too_small_for_ports_has_none_and_passes_that_on() {
    let mut capture = Capture::new();
    let first = ethernet(IPV4, &Ipv4::new(A, B).fragment(1, 0, true).carrying(6, &[0, 1]));
    let later = ethernet(IPV4, &Ipv4::new(A, B).fragment(1, 8, false).carrying(6, &[0; 32]));
    let unknown = PacketFlags::PORTS_UNKNOWN;
    assert_eq!(capture.frame(&first).unwrap().flags, FIRST.union(unknown));
    let later = capture.frame(&later).unwrap();
    assert_eq!((later.src_port, later.flags), (0, LATER.union(unknown)));
}

#[test]
fn a_refused_first_fragment_is_not_remembered() {
    let mut capture = Capture::new();
    let first = ethernet(IPV4, &Ipv4::new(A, B).fragment(1, 0, true).carrying(4, &[0x65; 40]));
    let later = ethernet(IPV4, &Ipv4::new(A, B).fragment(1, 40, false).carrying(4, &[0; 40]));
    assert_eq!(capture.frame(&first), Err(SkipReason::BadIpHeader));
    assert_eq!(capture.frame(&later), Err(SkipReason::FragmentWithoutFirst));
}
