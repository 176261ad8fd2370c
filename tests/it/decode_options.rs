//! What decoding is asked to do, and does.

use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, PacketFlags, PacketInfo, Ports, SkipReason, Tunnels,
};

use crate::decode::{A, A6, B, B6, raw};
use crate::support::frames::*;

fn with(options: DecodeOptions, frame: &[u8]) -> PacketInfo {
    match Decoder::new(options).decode(&raw(LinkType::ETHERNET, frame)) {
        Decoded::Packet(info) => info,
        Decoded::Skipped(skipped) => panic!("{skipped:?}"),
    }
}

#[test]
fn only_tcp_and_udp_have_ports_by_nfstreams_rule() {
    let options = DecodeOptions::new().ports(Ports::TcpAndUdp);
    let told = |protocol, transport: &[u8]| {
        let four = with(options, &ethernet(IPV4, &Ipv4::new(A, B).carrying(protocol, transport)));
        let six = with(options, &ethernet(IPV6, &Ipv6::new(A6, B6).carrying(protocol, transport)));
        assert_eq!((four.src_port, four.dst_port, four.flags), (six.src_port, six.dst_port, six.flags));
        (four.src_port, four.dst_port, four.flags)
    };
    let none = PacketFlags::default();
    assert_eq!(told(6, &tcp(5, 6, 2, b"")), (5, 6, none));
    assert_eq!(told(6, &tcp(5, 6, 2, b"")[..19]), (0, 0, none));
    assert_eq!(told(6, &[0, 5]), (0, 0, none));
    assert_eq!(told(17, &udp(5, 6, b"")), (5, 6, none));
    assert_eq!(told(17, &udp(5, 6, b"")[..7]), (0, 0, none));
    assert_eq!(told(17, &[0, 5]), (0, 0, none));
    assert_eq!(told(132, &sctp(5, 6, &[0; 16])), (0, 0, none));
    assert_eq!(told(132, &[0]), (0, 0, none));
    assert_eq!(told(136, &udp(5, 6, b"x")), (0, 0, none));
    assert_eq!(told(33, &[0, 5, 0, 6, 4, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]), (0, 0, none));
}

/// Sixteen bytes hold the flags of a TCP header, but not all of it.
#[test]
fn a_header_that_is_not_whole_is_none_by_nfstreams_rule() {
    let options = DecodeOptions::new().ports(Ports::TcpAndUdp);
    for (protocol, header) in [(6, &tcp(5, 6, 2, b"")[..16]), (17, &udp(5, 6, b"")[..7]), (6, &[0; 4])] {
        let info = with(options, &ethernet(IPV4, &Ipv4::new(A, B).carrying(protocol, header)));
        assert_eq!((info.transport_len, info.payload_len, info.tcp_flags.0), (0, 0, 0), "{protocol}");
        assert_eq!(info.ip_len, 20 + header.len() as u32);
        assert_eq!(info.flags, PacketFlags::default());
    }
    let other = with(options, &ethernet(IPV4, &Ipv4::new(A, B).carrying(132, &sctp(5, 6, &[0; 16]))));
    assert_eq!(other.transport_len, 28, "what has no ports keeps its bytes");
}

#[test]
fn ports_that_a_whole_header_would_have_told_are_still_flagged_when_they_were_cut() {
    let frame = ethernet(IPV4, &Ipv4::new(A, B).tcp(5, 6, 2, b""));
    let raw = crate::decode::cut(LinkType::ETHERNET, &frame, 36);
    let Decoded::Packet(info) = Decoder::new(DecodeOptions::nfstream()).decode(&raw) else { panic!("refused") };
    assert_eq!((info.src_port, info.dst_port), (0, 0));
    assert!(info.flags.contains(PacketFlags::PORTS_UNKNOWN));
}

#[test]
fn nfstreams_view_opens_gtp_u_and_leaves_later_fragments() {
    let inner = Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello");
    let tunnelled = ethernet(IPV4, &Ipv4::new(A, B).udp(2152, 2152, &gtp_u(1, &inner)));
    assert_eq!(with(DecodeOptions::nfstream(), &tunnelled).dst_port, 443);
    assert_eq!(with(DecodeOptions::nfstream().tunnels(Tunnels::NONE), &tunnelled).dst_port, 2152);
    let later = ethernet(IPV4, &Ipv4::new(A, B).fragment(1, 80, false).carrying(17, &[0; 40]));
    let decoded = Decoder::new(DecodeOptions::nfstream()).decode(&raw(LinkType::ETHERNET, &later));
    let Decoded::Skipped(skipped) = decoded else { panic!("{decoded:?}") };
    assert_eq!(skipped.reason, SkipReason::FragmentsOff);
}
