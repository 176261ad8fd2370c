//! Captures crafted to be difficult, each with what it holds, worked out by hand.
//!
//! Frames are stamped from [`EPOCH`](crate::support::scenario::EPOCH) on. `udp` below stands for a datagram of ten bytes:
//! 52 bytes on the wire, 38 of IP, 18 of transport, 10 of payload.

use std::time::Duration;

use flowgauge::capture::file::Input;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::flow::ExportReason;
use flowgauge::meter::{Meter, MeterConfig};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, Packet, SkipReason};

use crate::support::captures::shared;
use crate::support::quirk::{line, path, quirk};
use crate::support::run::read_frames;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// ---- How flows end ----

/// One flow with a packet every second for 300 s; half a millisecond after each, a flow of one packet.
#[test]
fn a_flow_that_lives_on_holds_up_no_flow_that_is_over() {
    let Some(path) = path("exp_headofline") else { return };
    let off = ClassifierOptions { limits: DissectionLimits::uniform(0), ..Default::default() };
    let config = MeterConfig::new().inactive_timeout(secs(10)).active_timeout(None).classifier(off);
    let mut meter = Meter::new(config).unwrap();
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut number = 0;
    let mut left = Vec::new();
    read_frames(Input::Path(path), |batch, index| {
        number += 1;
        let raw = batch.raw(index, number);
        let Decoded::Packet(info) = decoder.decode(&raw) else { panic!("frame {number} is refused") };
        meter.observe(&Packet::new(raw, &info));
        left.extend(std::iter::from_fn(|| meter.pop()).map(|record| (decoder.clock(), record)));
    });
    assert_eq!(number, 600);
    let ports: Vec<_> = left.iter().map(|(_, record)| record.src().1).collect();
    assert_eq!(ports, (10_000..10_290).collect::<Vec<_>>(), "the flows of one packet that are over, in their order");
    for (clock, record) in &left {
        assert_eq!(record.export_reason, ExportReason::INACTIVE);
        let late = clock.nanos_since(record.total().end);
        assert!((10_000_000_000..11_000_000_000).contains(&late), "{} left {late} ns after its end", line(record));
    }
    meter.finish();
    let last: Vec<_> = std::iter::from_fn(|| meter.pop()).collect();
    assert_eq!(last.len(), 11);
    assert!(last.iter().all(|record| record.export_reason == ExportReason::FLUSH));
    let long = last.iter().find(|record| record.flow_id == 1).unwrap();
    let all = "#1 udp 10.0.0.1:5000 > 10.0.0.2:5001 | > 300 pkts 15600/11400/5400/3000 at 0ns..299s | flush";
    assert_eq!(line(long), all);
}

/// A packet every second from 0 to 9 s.
#[test]
fn the_active_timeout_cuts_at_exactly_its_length() {
    quirk("exp_active").with(|streamer| streamer.active_timeout(secs(5))).gives(&[
        "#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 5 pkts 260/190/90/50 at 0ns..4s | active",
        "#6 (segment 1 of #1) udp 10.0.0.1:1 > 10.0.0.2:2 | > 5 pkts 260/190/90/50 at 5s..9s | flush",
    ]);
    quirk("exp_active").gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 10 pkts 520/380/180/100 at 0ns..9s | flush"]);
}

/// Gaps of 2.000 s and of 1.999 s.
#[test]
fn the_inactive_timeout_ends_a_flow_at_exactly_its_length() {
    quirk("exp_idle_equal").with(|streamer| streamer.inactive_timeout(secs(2))).gives(&[
        "#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 52/38/18/10 at 0ns..0ns | inactive",
        "#2 udp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 104/76/36/20 at 2s..3.999s | flush",
    ]);
}

/// FIN both ways, a last ACK, and a second later a SYN between the same ends, ended by RST.
#[test]
fn a_connection_that_reuses_its_ports_is_a_flow_of_its_own_by_option() {
    quirk("tcp_reuse").gives(&["#1 tcp 10.0.0.1:1000 > 10.0.0.2:80 | > 7 pkts 381/283/143/3 at 0ns..1.002s \
                                | < 3 pkts 162/120/60/0 at 1ms..1.001s | flush"]);
    quirk("tcp_reuse").with(|streamer| streamer.tcp_end(true)).gives(&[
        "#1 tcp 10.0.0.1:1000 > 10.0.0.2:80 | > 5 pkts 273/203/103/3 at 0ns..6ms | < 2 pkts 108/80/40/0 at 1ms..5ms | tcp_end",
        "#8 tcp 10.0.0.1:1000 > 10.0.0.2:80 | > 2 pkts 108/80/40/0 at 1s..1.002s | < 1 pkts 54/40/20/0 at 1.001s..1.001s | tcp_end",
    ]);
}

#[test]
fn the_source_is_the_sender_of_the_first_packet_even_of_a_syn_ack() {
    quirk("tcp_midstream").gives(&["#1 tcp 10.0.0.2:80 > 10.0.0.1:1000 | > 1 pkts 54/40/20/0 at 0ns..0ns \
                                    | < 2 pkts 208/180/140/100 at 1ms..2ms | flush"]);
}

/// All eight flags at once there and back, then none.
#[test]
fn flags_that_contradict_each_other_are_counted_as_they_are() {
    let counts = "> 2 pkts 108/80/40/0 at 0ns..2ms | < 1 pkts 54/40/20/0 at 1ms..1ms";
    let ended = |reason| format!("#1 tcp 10.0.0.1:1000 > 10.0.0.2:80 | {counts} | {reason}");
    quirk("tcp_allflags").gives(&[&ended("flush")]);
    // A SYN with ACK opens nothing, and the last packet comes within the 5 s for which an ended flow still takes packets.
    quirk("tcp_allflags").with(|streamer| streamer.tcp_end(true)).gives(&[&ended("tcp_end")]);
}

// ---- Time ----

/// Stamps of 0, 5, 1 and 6 s, the third of a packet back.
#[test]
fn a_step_back_in_time_is_counted_and_changes_no_stamp() {
    let report = quirk("time_backwards")
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 3 pkts 156/114/54/30 at 0ns..6s \
                                                  | < 1 pkts 52/38/18/10 at 1s..1s | flush"]);
    assert!(report.out_of_order == 1 || report.frames_read == 0, "{report:?}");
}

/// Gaps of 400 us, and of 400,123 ns in a capture with nanoseconds.
#[test]
fn stamps_keep_what_the_capture_tells() {
    quirk("time_submilli").gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 6 pkts 312/228/108/60 at 0ns..2ms | flush"]);
    quirk("time_nano").gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 6 pkts 312/228/108/60 at 0ns..2.000615ms | flush"]);
}

// ---- What makes packets one flow ----

#[test]
fn equal_ports_do_not_hide_the_direction() {
    quirk("key_sameport").gives(&["#1 udp 10.0.0.1:123 > 10.0.0.2:123 | > 2 pkts 104/76/36/20 at 0ns..2ms \
                                   | < 1 pkts 52/38/18/10 at 1ms..1ms | flush"]);
}

#[test]
fn a_host_that_talks_to_itself_has_directions_as_far_as_ports_tell_them() {
    quirk("key_selfip").gives(&[
        "#1 udp 127.0.0.1:7 > 127.0.0.1:8 | > 1 pkts 52/38/18/10 at 0ns..0ns | < 1 pkts 52/38/18/10 at 1ms..1ms | flush",
        "#3 udp 127.0.0.1:9 > 127.0.0.1:9 | > 2 pkts 104/76/36/20 at 2ms..3ms | flush",
    ]);
}

/// The same ends without a tag, in VLAN 10 and in VLAN 20.
#[test]
fn vlans_keep_flows_apart() {
    quirk("key_vlan").gives(&[
        "#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 52/38/18/10 at 0ns..0ns | flush",
        "#2 udp 10.0.0.1:1 > 10.0.0.2:2 vlan 10 | > 1 pkts 47/29/9/1 at 1µs..1µs | flush",
        "#3 udp 10.0.0.1:1 > 10.0.0.2:2 vlan 20 | > 1 pkts 47/29/9/1 at 2µs..2µs | flush",
    ]);
}

/// Two tags and three.
#[test]
fn the_innermost_of_stacked_vlans_counts() {
    quirk("key_vlan_double").gives(&[
        "#1 udp 10.0.0.1:1 > 10.0.0.2:2 vlan 20 | > 1 pkts 51/29/9/1 at 0ns..0ns | flush",
        "#2 udp 10.0.0.1:1 > 10.0.0.2:2 vlan 30 | > 1 pkts 55/29/9/1 at 1µs..1µs | flush",
    ]);
}

/// A service tag (802.1ad) around a customer's.
#[test]
fn service_tags_are_read_through() {
    quirk("key_qinq_88a8").gives(&[
        "#1 udp 10.0.0.1:1 > 10.0.0.2:2 vlan 20 | > 1 pkts 80/58/38/30 at 0ns..0ns | flush",
        "#2 udp 10.0.0.1:3 > 10.0.0.2:4 | > 1 pkts 52/38/18/10 at 1µs..1µs | flush",
    ]);
}

/// The service tag has priority 2 and so begins like an IPv4 header.
#[test]
fn a_tag_that_looks_like_an_ip_header_is_a_tag() {
    quirk("key_qinq_88a8_pcp2").gives(&[
        "#1 udp 10.0.0.1:1 > 10.0.0.2:2 vlan 20 | > 1 pkts 80/58/38/30 at 0ns..0ns | flush",
        "#2 udp 10.0.0.1:3 > 10.0.0.2:4 | > 1 pkts 52/38/18/10 at 1µs..1µs | flush",
    ]);
}

/// The second packet has another source address on the link.
#[test]
fn mac_addresses_do_not_tell_flows_apart() {
    quirk("key_mac").gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 124/56/16/0 at 0ns..1µs | flush"]);
}

/// An echo request, its reply, another request and an error back.
#[test]
fn icmp_between_two_hosts_is_one_flow() {
    quirk("key_icmp").gives(&["#1 icmp 10.0.0.1:0 > 10.0.0.2:0 | > 2 pkts 148/120/80/64 at 0ns..2µs \
                               | < 2 pkts 148/120/80/64 at 1µs..3µs | flush"]);
}

/// ESP, which has no ports, and SCTP, which has.
#[test]
fn other_protocols_make_flows_and_have_the_ports_that_they_have() {
    quirk("key_otherproto").gives(&[
        "#1 50 10.0.0.1:0 > 10.0.0.2:0 | > 1 pkts 74/60/40/40 at 0ns..0ns | < 1 pkts 78/64/44/44 at 1µs..1µs | flush",
        "#3 132 10.0.0.1:29555 > 10.0.0.2:29555 | > 1 pkts 74/60/40/28 at 2µs..2µs | flush",
    ]);
}

/// As numbers the addresses of both are the same 64 bits.
#[test]
fn ip_versions_keep_flows_apart() {
    quirk("v6_v4_collision").gives(&[
        "#1 udp 192.168.1.1:1 > 192.168.1.2:2 | > 1 pkts 52/38/18/10 at 0ns..0ns | flush",
        "#2 udp [c0a8:101::]:1 > [c0a8:102::]:2 | > 1 pkts 82/68/28/20 at 1µs..1µs | flush",
    ]);
}

// ---- Sizes ----

#[test]
fn link_padding_counts_on_the_wire_only() {
    quirk("size_padding").gives(&["#1 tcp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 60/40/20/0 at 0ns..0ns | flush"]);
}

#[test]
fn options_of_ip_and_tcp_are_headers() {
    quirk("size_ipopts").gives(&["#1 tcp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 78/64/36/4 at 0ns..0ns | flush"]);
}

/// Wire lengths of 70,000 and 65,535.
#[test]
fn a_frame_of_more_than_64_kib_has_its_full_length() {
    quirk("size_jumbo_wire")
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 135535/2856/2816/2800 at 0ns..1µs | flush"]);
}

/// Total length 0, as offload leaves it, on a frame of 1,054 bytes; then a packet of 50.
#[test]
fn a_packet_without_a_length_reaches_to_the_end_of_its_frame() {
    quirk("size_tso_zero")
        .gives(&["#1 tcp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 1118/1090/1050/1010 at 0ns..1µs | flush"]);
}

/// Total length 500 in a frame of 62 bytes.
#[test]
fn sizes_are_what_the_headers_say() {
    quirk("size_totlen_gt_cap")
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 62/500/480/472 at 0ns..0ns | flush"]);
}

#[test]
fn ipv6_has_the_same_four_sizes() {
    quirk("size_ip6").gives(&["#1 udp [fe80::1]:1 > [fe80::2]:2 | > 1 pkts 82/68/28/20 at 0ns..0ns \
                               | < 1 pkts 92/78/38/30 at 1µs..1µs | flush"]);
}

#[test]
fn extension_headers_belong_to_the_ip_header() {
    quirk("size_ip6_ext").gives(&["#1 udp [fe80::1]:1 > [fe80::2]:2 | > 1 pkts 98/84/28/20 at 0ns..0ns | flush"]);
}

/// Three bytes of data behind a data offset of 15 words, which is beyond the packet, then of 0.
#[test]
fn a_data_offset_takes_no_more_than_there_is() {
    quirk("size_tcp_baddoff").gives(&["#1 tcp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 114/86/46/23 at 0ns..1µs | flush"]);
}

// ---- Cut frames ----

/// IPv4 and IPv6 with 1,000 bytes of data, of which 96 bytes of frame were captured.
#[test]
fn a_snaplen_changes_no_size_in_either_ip_version() {
    quirk("snap_96").gives(&[
        "#1 tcp 10.0.0.1:1111 > 10.0.0.2:2222 | > 1 pkts 1054/1040/1020/1000 at 0ns..0ns | flush",
        "#2 tcp [2001:db8::1]:1111 > [2001:db8::2]:2222 | > 1 pkts 1074/1060/1020/1000 at 1µs..1µs | flush",
    ]);
}

/// Behind a whole datagram, a segment with 8 bytes of its TCP header and one with 2.
#[test]
fn ports_come_from_the_captured_bytes_or_are_unknown() {
    quirk("snap_l4cut").gives(&[
        "#1 udp 10.0.0.3:43981 > 10.0.0.4:48350 | > 1 pkts 102/88/68/60 at 0ns..0ns | flush",
        "#2 tcp 10.0.0.1:1111 > 10.0.0.2:2222 | > 1 pkts 1054/1040/1020/? at 1µs..1µs | flush | cannot tell payload",
        "#3 tcp 10.0.0.1:0 > 10.0.0.2:0 | > 1 pkts 1054/1040/1020/? at 2µs..2µs | flush | cannot tell ports, payload",
    ]);
}

/// Where the second frame's ports would be, the first has 43981 and 48350.
#[test]
fn ports_never_come_from_the_frame_before() {
    quirk("snap_stale").gives(&[
        "#1 udp 10.0.0.3:43981 > 10.0.0.4:48350 | > 1 pkts 102/88/68/60 at 0ns..0ns | flush",
        "#2 tcp 10.0.0.1:0 > 10.0.0.2:0 | > 1 pkts 1054/1040/1020/? at 1µs..1µs | flush | cannot tell ports, payload",
    ]);
}

/// 0, 7 and 8 bytes of a TCP header.
#[test]
fn four_bytes_of_a_header_are_enough_for_its_ports() {
    quirk("snap_28").gives(&[
        "#1 tcp 10.0.0.1:0 > 10.0.0.2:0 | > 1 pkts 1054/1040/1020/? at 0ns..0ns | flush | cannot tell ports, payload",
        "#2 tcp 10.0.0.1:1111 > 10.0.0.2:2222 | > 2 pkts 2108/2080/2040/? at 1µs..2µs | flush | cannot tell payload",
    ]);
}

// ---- Fragments ----

/// A datagram of 2,000 bytes in two fragments, then one of ten.
#[test]
fn a_later_fragment_belongs_to_the_flow_of_its_first() {
    quirk("frag4").gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 3 pkts 2128/2086/2026/2010 at 0ns..2µs | flush"]);
    quirk("frag4")
        .with(|streamer| streamer.fragments(false))
        .skips(SkipReason::FragmentsOff, 1)
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 1566/1538/1498/1482 at 0ns..2µs | flush"]);
}

#[test]
fn ipv6_fragments_do_likewise() {
    quirk("frag6").gives(&["#1 udp [fe80::1]:1 > [fe80::2]:2 | > 2 pkts 2132/2104/2008/2000 at 0ns..1µs | flush"]);
    quirk("frag6")
        .with(|streamer| streamer.fragments(false))
        .skips(SkipReason::FragmentsOff, 1)
        .gives(&["#1 udp [fe80::1]:1 > [fe80::2]:2 | > 1 pkts 1502/1488/1440/1432 at 0ns..0ns | flush"]);
}

#[test]
fn fragments_are_known_on_every_link() {
    quirk("frag4_null")
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 2 pkts 2056/2048/2008/2000 at 0ns..1µs | flush | no macs"]);
    quirk("frag4_null")
        .with(|streamer| streamer.fragments(false))
        .skips(SkipReason::FragmentsOff, 1)
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 1504/1500/1480/1472 at 0ns..0ns | flush | no macs"]);
}

// ---- Packets in packets ----

/// One inner conversation in three tunnels, the third between other hosts.
#[test]
fn a_tunnels_key_is_told_of_the_first_packet_and_keeps_no_flows_apart() {
    quirk("tun_gtp_teid").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 in gtp-u 1 \
                                   | > 3 pkts 285/135/75/15 at 0ns..2µs | flush"]);
    quirk("tun_gtp_teid").with(|streamer| streamer.decode_tunnels(false)).gives(&[
        "#1 udp 10.0.0.1:2152 > 10.0.0.2:2152 | > 2 pkts 190/162/122/106 at 0ns..1µs | flush",
        "#3 udp 10.0.0.3:2152 > 10.0.0.4:2152 | > 1 pkts 95/81/61/53 at 2µs..2µs | flush",
    ]);
}

#[test]
fn tunnels_are_opened_over_ipv6_too() {
    quirk("tun_gtp_over6").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 in gtp-u 1 \
                                    | > 1 pkts 115/45/25/5 at 0ns..0ns | flush"]);
}

/// Behind its end, were its length counted from the wrong place, the first datagram has the port of a tunnel.
#[test]
fn a_tunnel_is_looked_for_where_the_udp_header_is() {
    quirk("tun_ip6_false")
        .gives(&["#1 udp [fe80::1]:1000 > [fe80::2]:2000 | > 2 pkts 364/336/256/240 at 0ns..1µs | flush"]);
}

#[test]
fn ip_in_ip_is_unwrapped_always() {
    let inner = ["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 | > 1 pkts 79/45/25/5 at 0ns..0ns | flush"];
    quirk("tun_4in4").gives(&inner);
    quirk("tun_4in4").with(|streamer| streamer.decode_tunnels(false)).gives(&inner);
}

#[test]
fn ipv6_in_ipv4_is_unwrapped_always() {
    let inner = ["#1 udp [fe80::1]:1 > [fe80::2]:2 | > 1 pkts 102/68/28/20 at 0ns..0ns | flush"];
    quirk("tun_6in4").gives(&inner);
    quirk("tun_6in4").with(|streamer| streamer.decode_tunnels(false)).gives(&inner);
}

/// A tunnel that is not opened is a flow between its ends.
#[test]
fn a_gre_tunnel_is_opened_unless_the_option_is_off() {
    let outer = ["#1 47 10.0.0.1:0 > 10.0.0.2:0 | > 1 pkts 83/69/49/49 at 0ns..0ns | flush"];
    quirk("tun_gre").with(|streamer| streamer.decode_tunnels(false)).gives(&outer);
    quirk("tun_gre").with(|streamer| streamer.decode_options(DecodeOptions::nfstream())).gives(&outer);
    quirk("tun_gre").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 in gre \
                              | > 1 pkts 83/45/25/5 at 0ns..0ns | flush"]);
}

#[test]
fn a_vxlan_tunnel_is_opened_unless_the_option_is_off() {
    let outer = ["#1 udp 10.0.0.1:5555 > 10.0.0.2:4789 | > 1 pkts 109/95/75/67 at 0ns..0ns | flush"];
    quirk("tun_vxlan").with(|streamer| streamer.decode_tunnels(false)).gives(&outer);
    quirk("tun_vxlan").with(|streamer| streamer.decode_options(DecodeOptions::nfstream())).gives(&outer);
    quirk("tun_vxlan").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 in vxlan 42 \
                                | > 1 pkts 109/45/25/5 at 0ns..0ns | flush"]);
}

/// One label there and two back.
#[test]
fn labels_are_read_through_and_keep_no_flows_apart() {
    quirk("tun_mpls").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 | > 1 pkts 63/45/25/5 at 0ns..0ns \
                               | < 1 pkts 67/45/25/5 at 1µs..1µs | flush"]);
}

#[test]
fn pppoe_sessions_are_read_through() {
    quirk("tun_pppoe").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 | > 1 pkts 67/45/25/5 at 0ns..0ns | flush"]);
}

// ---- Links ----

/// The same segment on a link whose header takes this many bytes on the wire with it.
#[track_caller]
fn segment_on(name: &'static str, bytes: usize, macs: &str) {
    quirk(name).gives(&[&format!(
        "#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 | > 1 pkts {bytes}/45/25/5 at 0ns..0ns | flush | {macs}"
    )]);
}

#[test]
fn linux_cooked_captures_are_read() {
    segment_on("dlt_sll", 61, "no macs");
}

#[test]
fn linux_cooked_captures_of_version_two_are_read() {
    segment_on("dlt_sll2", 65, "no macs");
}

/// IPv4, then IPv6.
#[test]
fn raw_ip_tells_its_version_itself() {
    quirk("dlt_raw").gives(&[
        "#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 | > 1 pkts 45/45/25/5 at 0ns..0ns | flush | no macs",
        "#2 udp [fe80::1]:1 > [fe80::2]:2 | > 1 pkts 68/68/28/20 at 1µs..1µs | flush | no macs",
    ]);
}

#[test]
fn raw_ipv4_is_read() {
    segment_on("dlt_ipv4", 45, "no macs");
}

#[test]
fn raw_ipv6_is_read() {
    quirk("dlt_ipv6").gives(&["#1 udp [fe80::1]:1 > [fe80::2]:2 | > 1 pkts 68/68/28/20 at 0ns..0ns | flush | no macs"]);
}

#[test]
fn a_little_endian_loopback_is_read() {
    segment_on("dlt_null_le", 49, "no macs");
}

#[test]
fn a_loopback_in_network_order_is_read() {
    segment_on("dlt_loop", 49, "no macs");
}

/// With address and control bytes there, without them back.
#[test]
fn ppp_is_read_with_and_without_its_first_two_bytes() {
    quirk("dlt_ppp").gives(&["#1 tcp 192.168.0.1:40000 > 192.168.0.2:443 | > 1 pkts 49/45/25/5 at 0ns..0ns \
                              | < 1 pkts 47/45/25/5 at 1µs..1µs | flush | no macs"]);
}

/// To the distribution system: the second address is the source, the third the destination.
#[test]
fn plain_data_over_the_air_is_read() {
    segment_on("dlt_80211_nofcs", 85, "02:00:00:00:00:02 > 02:00:00:00:00:01");
}

#[test]
fn data_with_quality_of_service_over_the_air_is_read() {
    segment_on("dlt_80211_qos", 87, "02:00:00:00:00:02 > 02:00:00:00:00:01");
}

// ---- What is no packet ----

#[test]
fn arp_is_no_flow_but_has_a_number() {
    quirk("junk_arp")
        .skips(SkipReason::NotIp, 1)
        .gives(&["#2 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 52/38/18/10 at 1µs..1µs | flush"]);
}

/// Payloads that begin like IPv4 under two EtherTypes that are not.
#[test]
fn the_ether_type_decides_what_is_ip() {
    quirk("junk_ethertype").skips(SkipReason::NotIp, 2).gives(&[]);
}

/// The second of two records lacks its last ten bytes.
#[test]
fn a_cut_capture_gives_its_flows_and_then_an_error() {
    quirk("junk_cut_file")
        .fails("junk_cut_file.pcap\" is damaged at offset 92, after frame 1: ")
        .gives(&["#1 udp 10.0.0.1:1 > 10.0.0.2:2 | > 1 pkts 52/38/18/10 at 0ns..0ns | flush"]);
}

#[test]
fn an_empty_capture_is_no_error() {
    let report = quirk("empty").gives(&[]);
    assert_eq!((report.frames_read, report.packets), (0, 0));
}

/// A capture that is added must be told of here.
#[test]
fn every_crafted_capture_has_its_test() {
    let tests = include_str!("quirks.rs");
    for path in shared("conformance/quirks") {
        let name = format!("{:?}", path.file_stem().unwrap());
        assert!(tests.contains(&name), "nothing is expected of {name}");
    }
}
