//! Decoding of real and of crafted captures, where they are there: against etherparse, and against written numbers.

use std::net::IpAddr;
use std::path::Path;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, Packet, PacketFlags, PacketInfo, SkipReason, Tunnels,
};

use crate::decode::sizes;
use crate::support::captures::{frames, shared};

/// What etherparse makes of the outermost IP packet of an Ethernet frame, where it makes anything of it.
struct Oracle<'a> {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    vlan_id: u16,
    fragmented: bool,
    transport: Option<TransportSlice<'a>>,
}

impl<'a> Oracle<'a> {
    fn ask(frame: &'a [u8]) -> Option<Self> {
        let packet = LaxSlicedPacket::from_ethernet(frame).ok()?;
        let (src, dst, payload) = match packet.net.as_ref()? {
            LaxNetSlice::Ipv4(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into(), ip.payload())
            }
            LaxNetSlice::Ipv6(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into(), ip.payload())
            }
            LaxNetSlice::Arp(_) => return None,
        };
        Some(Self {
            src,
            dst,
            protocol: payload.ip_number.0,
            vlan_id: packet.vlan_ids().last().map_or(0, |id| id.value()),
            fragmented: payload.fragmented,
            transport: packet.transport,
        })
    }

    /// Panics where our packet is another one.
    #[track_caller]
    fn agree(&self, packet: &Packet<'_>, context: &str) {
        let info = packet.info;
        assert_eq!((packet.ip_src(), packet.ip_dst()), (self.src, self.dst), "{context}");
        assert_eq!((info.ip_protocol, info.vlan_id), (self.protocol, self.vlan_id), "{context}");
        assert_eq!(info.flags.contains(PacketFlags::FRAGMENT), self.fragmented, "{context}");
        match &self.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let flags = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
                let flags = flags.iter().enumerate().fold(0, |set, (bit, flag)| set | u8::from(*flag) << bit);
                assert_eq!((info.src_port, info.dst_port), (tcp.source_port(), tcp.destination_port()), "{context}");
                assert_eq!(info.tcp_flags.0, flags, "{context}");
                assert_eq!(packet.payload(), tcp.payload(), "{context}");
            }
            Some(TransportSlice::Udp(udp)) => {
                assert_eq!((info.src_port, info.dst_port), (udp.source_port(), udp.destination_port()), "{context}");
                // Ours ends with the IP packet, etherparse's with the datagram, where that is shorter.
                assert!(packet.payload().starts_with(udp.payload()), "{context}");
            }
            _ => {}
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn etherparse_reads_the_same_packets_out_of_every_ethernet_frame() {
    let mut agreed = 0;
    for path in shared("corpus").iter().chain(&shared("conformance/quirks")) {
        let mut decoder = Decoder::new(DecodeOptions::new().tunnels(Tunnels::NONE));
        for (nth, frame) in frames(path).iter().enumerate().filter(|(_, frame)| frame.link == LinkType::ETHERNET) {
            let context = format!("{} frame {}", name(path), nth + 1);
            let raw = frame.raw(nth as u64 + 1);
            match (Oracle::ask(&frame.data), decoder.decode(&raw)) {
                // Packets in packets are not opened there, nor MPLS, PPPoE and LLC.
                (Some(Oracle { protocol: 4 | 41, .. }), _) => {}
                (Some(oracle), Decoded::Packet(info)) => {
                    oracle.agree(&Packet::new(raw, &info), &context);
                    agreed += 1;
                }
                (Some(oracle), Decoded::Skipped(skipped)) => {
                    assert_eq!(skipped.reason, SkipReason::FragmentWithoutFirst, "{context}");
                    assert!(oracle.fragmented, "{context}");
                }
                (None, Decoded::Packet(info)) => {
                    let ether_type = u16::from_be_bytes([frame.data[12], frame.data[13]]);
                    assert!(matches!(ether_type, 0..0x600 | 0x8847 | 0x8864), "{context}: {info:?}");
                }
                (None, Decoded::Skipped(_)) => {}
            }
        }
    }
    assert!(agreed == 0 || agreed > 50_000, "{agreed} frames");
}

/// The packets of a crafted capture and the reasons of what was skipped; `None` where it is missing.
fn quirk(wanted: &str) -> Option<(Vec<PacketInfo>, Vec<SkipReason>)> {
    let path = shared("conformance/quirks").into_iter().find(|path| name(path) == format!("{wanted}.pcap"))?;
    let mut decoder = Decoder::new(DecodeOptions::new());
    let (mut packets, mut skipped) = (Vec::new(), Vec::new());
    for (nth, frame) in frames(&path).iter().enumerate() {
        match decoder.decode(&frame.raw(nth as u64 + 1)) {
            Decoded::Packet(info) => packets.push(info),
            Decoded::Skipped(frame) => skipped.push(frame.reason),
        }
    }
    Some((packets, skipped))
}

#[test]
fn crafted_sizes_are_what_they_must_be() {
    type Sizes = (u32, u32, u32, u32);
    let expected: [(&str, &[Sizes]); 11] = [
        ("size_padding", &[(60, 40, 20, 0)]),
        ("size_ipopts", &[(78, 64, 36, 4)]),
        ("size_ip6", &[(82, 68, 28, 20), (92, 78, 38, 30)]),
        ("size_ip6_ext", &[(98, 84, 28, 20)]),
        ("size_tcp_baddoff", &[(57, 43, 23, 0), (57, 43, 23, 23)]),
        ("size_totlen_gt_cap", &[(62, 500, 480, 472)]),
        ("size_jumbo_wire", &[(70_000, 1428, 1408, 1400), (65_535, 1428, 1408, 1400)]),
        ("size_tso_zero", &[(1054, 1040, 1020, 1000), (64, 50, 30, 10)]),
        ("snap_96", &[(1054, 1040, 1020, 1000), (1074, 1060, 1020, 1000)]),
        ("frag4", &[(1514, 1500, 1480, 1472), (562, 548, 528, 528), (52, 38, 18, 10)]),
        ("frag4_null", &[(1504, 1500, 1480, 1472), (552, 548, 528, 528)]),
    ];
    for (capture, expected) in expected {
        let Some((packets, skipped)) = quirk(capture) else { return };
        assert_eq!(packets.iter().map(sizes).collect::<Vec<_>>(), expected, "{capture}");
        assert_eq!(skipped, [], "{capture}");
    }
}

#[test]
fn crafted_frames_show_the_innermost_packet() {
    // Of each packet: source and destination port, protocol, version, VLAN id, tunnel key.
    type Told = (u16, u16, u8, u8, u16, u32);
    const TCP: Told = (40000, 443, 6, 4, 0, 0);
    const BACK: Told = (443, 40000, 6, 4, 0, 0);
    let keyed = |key| (40000, 443, 6, 4, 0, key);
    let expected: [(&str, &[Told]); 25] = [
        ("tun_gtp_teid", &[keyed(1), keyed(2), keyed(3)]),
        ("tun_gtp_over6", &[keyed(1)]),
        ("tun_ip6_false", &[(1000, 2000, 17, 6, 0, 0); 2]),
        ("tun_4in4", &[TCP]),
        ("tun_6in4", &[(1, 2, 17, 6, 0, 0)]),
        ("tun_mpls", &[TCP, BACK]),
        ("tun_pppoe", &[TCP]),
        ("dlt_sll", &[TCP]),
        ("dlt_sll2", &[TCP]),
        ("dlt_raw", &[TCP, (1, 2, 17, 6, 0, 0)]),
        ("dlt_ipv4", &[TCP]),
        ("dlt_ipv6", &[(1, 2, 17, 6, 0, 0)]),
        ("dlt_null_le", &[TCP]),
        ("dlt_loop", &[TCP]),
        ("dlt_ppp", &[TCP, BACK]),
        ("dlt_80211_qos", &[TCP]),
        ("dlt_80211_nofcs", &[TCP]),
        ("key_vlan", &[(1, 2, 17, 4, 0, 0), (1, 2, 17, 4, 10, 0), (1, 2, 17, 4, 20, 0)]),
        ("key_vlan_double", &[(1, 2, 17, 4, 20, 0), (1, 2, 17, 4, 30, 0)]),
        ("key_qinq_88a8", &[(1, 2, 17, 4, 20, 0), (3, 4, 17, 4, 0, 0)]),
        ("key_qinq_88a8_pcp2", &[(1, 2, 17, 4, 20, 0), (3, 4, 17, 4, 0, 0)]),
        ("frag6", &[(1, 2, 17, 6, 0, 0); 2]),
        ("snap_l4cut", &[(0xabcd, 0xbcde, 17, 4, 0, 0), (1111, 2222, 6, 4, 0, 0), (0, 0, 6, 4, 0, 0)]),
        ("snap_stale", &[(0xabcd, 0xbcde, 17, 4, 0, 0), (0, 0, 6, 4, 0, 0)]),
        ("snap_28", &[(0, 0, 6, 4, 0, 0), (1111, 2222, 6, 4, 0, 0), (1111, 2222, 6, 4, 0, 0)]),
    ];
    for (capture, expected) in expected {
        let Some((packets, skipped)) = quirk(capture) else { return };
        let told = |info: &PacketInfo| {
            (info.src_port, info.dst_port, info.ip_protocol, info.ip_version, info.vlan_id, info.tunnel_key)
        };
        assert_eq!(packets.iter().map(told).collect::<Vec<_>>(), expected, "{capture}");
        assert_eq!(skipped, [], "{capture}");
    }
    let skipped = |capture| quirk(capture).map(|(_, skipped)| skipped);
    assert!(skipped("junk_arp").is_none_or(|reasons| reasons == [SkipReason::NotIp]));
    assert!(skipped("junk_ethertype").is_none_or(|reasons| reasons == [SkipReason::NotIp; 2]));
}

#[test]
fn nothing_in_the_corpus_is_damaged() {
    for path in shared("corpus") {
        let mut decoder = Decoder::new(DecodeOptions::new());
        for (nth, frame) in frames(&path).iter().enumerate() {
            if let Decoded::Skipped(skipped) = decoder.decode(&frame.raw(nth as u64 + 1)) {
                let not_ip =
                    skipped.reason == SkipReason::NotIp && !matches!(skipped.ether_type, Some(0x0800 | 0x86dd));
                let context = format!("{} frame {}: {skipped:?}", name(&path), nth + 1);
                assert!(not_ip || skipped.reason == SkipReason::FragmentWithoutFirst, "{context}");
            }
        }
    }
}
