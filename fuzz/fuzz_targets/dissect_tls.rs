//! Dissection never panics, ends within its bound of packets, and keeps what it learnt.
//!
//! An input is an IP protocol and then packets: a byte of direction and flags, four of sequence number, two of length, then
//! the payload.
#![no_main]

use flowgauge::Timestamp;
use flowgauge::dissect::{Dissection, Stream};
use flowgauge::flow::Direction;
use flowgauge::packet::{LinkType, Packet, PacketInfo, RawPacket, TcpFlags};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[kind], mut rest)) = input.split_first_chunk::<1>() else { return };
    let ip_protocol = if kind & 1 == 0 { 6 } else { 17 };
    let mut dissection = Dissection::new(ip_protocol);
    let mut stream = Stream::new(1000);
    let mut with_payload = 0;
    while let Some((&[flags, a, b, c, d, high, low], bytes)) = rest.split_first_chunk::<7>() {
        let (payload, following) = bytes.split_at(usize::from(u16::from_be_bytes([high, low])).min(bytes.len()));
        rest = following;
        let seq = u32::from_be_bytes([a, b, c, d]);
        let direction = if flags & 0x80 == 0 { Direction::SrcToDst } else { Direction::DstToSrc };
        let header_len = if ip_protocol == 6 { 20 } else { 8 };
        let data = [&[0; 4][..], &seq.to_be_bytes(), &[0; 12][..header_len - 8], payload].concat();
        let raw = RawPacket {
            number: 1,
            stamp: Timestamp::MIN,
            wire_len: data.len() as u32,
            link: LinkType(101),
            data: &data,
        };
        let info = PacketInfo {
            ip_protocol,
            tcp_flags: TcpFlags(flags & 0x7f),
            payload_offset: header_len as u32,
            payload_len: payload.len() as u32,
            dst_port: if kind & 2 == 0 { 443 } else { 53 },
            ..PacketInfo::EMPTY
        };
        dissection.observe(direction, &Packet::new(raw, &info));
        stream.feed(seq, TcpFlags(flags & 0x7f), payload);
        assert!(stream.ready().len() <= 1000);
        with_payload += u32::from(payload.len() > 1);
        assert!(dissection.is_over() || with_payload < 64 || ip_protocol == 6 && with_payload < 200);
    }
    let learnt = dissection.facts().cloned();
    assert_eq!(dissection.finish().as_deref().cloned(), learnt);
});
