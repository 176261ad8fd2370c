//! Every link, with everything that may stand between it and IP, with every tunnel, and every tunnel in every other: the
//! innermost packet is told, and all that the headers around it say; and so it is, or is said not to be, whatever was cut.

use flowgauge::packet::{Decoded, LinkType, Packet, PacketFlags, RawPacket, SkipReason, Tunnel};

use crate::decode::{decode, raw};
use crate::support::frames::*;
use crate::support::tunnels::*;

/// A packet within its headers, and what is to be told of it.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    bytes: Vec<u8>,
    six: bool,
    inner_six: bool,
    /// Last bytes of the MAC addresses, source and destination.
    macs: Option<(u8, u8)>,
    /// The ids of the innermost tagged link.
    vlans: Vec<u16>,
    tunnel: Option<Tunnel>,
    key: Option<u32>,
}

impl Case {
    fn ether_type(&self) -> u16 {
        if self.six { IPV6 } else { IPV4 }
    }

    fn ppp(&self) -> [u8; 2] {
        [0, if self.six { 0x57 } else { 0x21 }]
    }

    /// The same within more headers.
    fn within(&self, name: &str, bytes: Vec<u8>) -> Self {
        Self { name: format!("{name} > {}", self.name), bytes, ..self.clone() }
    }

    /// The same as the content of an IP packet, or of a UDP datagram where `port` is one.
    fn in_ip(&self, six: bool, name: &str, protocol: u8, port: u16, content: &[u8]) -> Self {
        let content = if port == 0 { content.to_vec() } else { udp(40001, port, content) };
        let bytes = if six {
            Ipv6::new("2001:db8::1", "2001:db8::2").extension(60, &extension(1)).carrying(protocol, &content)
        } else {
            Ipv4::new("10.0.0.1", "10.0.0.2").options(1).carrying(protocol, &content)
        };
        Self { six, ..self.within(&format!("IPv{} {name}", if six { 6 } else { 4 }), bytes) }
    }

    /// What the tunnel says counts, unless one further inside says otherwise.
    fn told(mut self, tunnel: Tunnel, key: Option<u32>) -> Self {
        if self.tunnel.is_none() {
            (self.tunnel, self.key) = (Some(tunnel), key);
        }
        self
    }

    /// Likewise of the frame around the packet.
    fn framed(mut self, macs: (u8, u8), vlans: &[u16]) -> Self {
        self.macs.get_or_insert(macs);
        if self.vlans.is_empty() {
            self.vlans = vlans.to_vec();
        }
        self
    }
}

fn innermost() -> [Case; 2] {
    let four = Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello");
    let six = Ipv6::new("fe80::1", "fe80::2").tcp(40000, 443, 0x18, b"hello");
    [(false, four), (true, six)].map(|(six, bytes)| Case {
        name: if six { "IPv6" } else { "IPv4" }.to_owned(),
        bytes,
        six,
        inner_six: six,
        macs: None,
        vlans: Vec::new(),
        tunnel: None,
        key: None,
    })
}

/// The packet in every tunnel, over one IP version.
fn tunnelled(case: &Case, six: bool) -> Vec<Case> {
    use Tunnel::*;
    let (ip, ether_type) = (&case.bytes, case.ether_type());
    let ppp = [&[0xff, 3][..], &case.ppp(), ip].concat();
    let on = |name, tunnel, key, port, content: &[u8]| {
        case.in_ip(six, name, if port == 0 { GRE } else { 17 }, port, content).told(tunnel, key)
    };
    let mut cases = vec![
        case.in_ip(six, "IP-in-IP", if case.six { 41 } else { 4 }, 0, ip),
        on("GTP-U", GtpU, Some(7), 2152, &gtp_u(7, ip)),
        on("VXLAN-GPE", Vxlan, Some(7), 4790, &vxlan_with(0x0c, 1 + u8::from(case.six), 7, ip)),
        on("Geneve", Geneve, Some(7), 6081, &geneve(ether_type, 7, 2, ip)),
        on("GRE", Gre, None, 0, &gre(0x8000, ether_type, &[0; 4], ip)),
        on("GRE with MPLS", Gre, Some(7), 0, &keyed_gre(7, MPLS, &mpls(&[16], ip))),
        on("PPTP", Gre, Some(7), 0, &pptp(7, &ppp)),
        on("ERSPAN III with IP", Erspan, Some(7), 0, &erspan_iii(7, 2, false, ip)),
    ];
    if case.six {
        cases.push(on("Teredo", Teredo, None, 3544, &[&authentication(0, 0)[..], &ORIGIN, ip].concat()));
        cases.push(on("Teredo without a word", Teredo, None, 3544, ip));
    }
    let plain = inner_ethernet(ether_type, ip);
    let tagged = inner_ethernet(SERVICE_VLAN, &vlan(30, VLAN, &vlan(31, ether_type, ip)));
    let labelled = inner_ethernet(MPLS, &mpls(&[16, 17], ip));
    let dialled = inner_ethernet(PPPOE, &pppoe(&case.ppp(), ip));
    for (frame, vlans) in [(plain, &[][..]), (tagged, &[30, 31]), (labelled, &[]), (dialled, &[])] {
        let frames = [
            on("TZSP", Tzsp, None, 37008, &tzsp(1, 0, 1, &[0, 10, 1, 9, 1], &frame)),
            on("CAPWAP", Capwap, None, 5247, &capwap(0, false, &[0; 4], &frame)),
            on("VXLAN", Vxlan, Some(9), 4789, &vxlan(9, &frame)),
            on("Geneve with a frame", Geneve, Some(9), 6081, &geneve(BRIDGED, 9, 0, &frame)),
            on("NVGRE", Gre, Some(0x0900), 0, &keyed_gre(0x0900, BRIDGED, &frame)),
            on("ERSPAN I", Erspan, None, 0, &gre(0, ERSPAN, &[], &frame)),
            on("ERSPAN II", Erspan, Some(9), 0, &erspan_ii(9, &frame)),
            on("ERSPAN III", Erspan, Some(9), 0, &erspan_iii(9, 0, true, &frame)),
        ];
        cases.extend(frames.map(|case| case.framed((8, 7), vlans)));
    }
    let radio =
        on("CAPWAP radio", Capwap, None, 5247, &capwap(0, true, &[], &Radio::qos(2, 0).carrying(ether_type, ip)));
    cases.push(radio.framed((3, 1), &[]));
    cases
}

/// A link whose header has an EtherType.
type Link = (&'static str, LinkType, Option<(u8, u8)>, fn(u16, &[u8]) -> Vec<u8>);

const LINKS: [Link; 7] = [
    ("Ethernet", LinkType::ETHERNET, Some((1, 2)), |kind, rest| ethernet(kind, rest)),
    ("Ethernet with LLC", LinkType::ETHERNET, Some((1, 2)), |kind, rest| snap([0; 3], kind, rest)),
    ("cooked v1", LinkType::LINUX_SLL, None, |kind, rest| cooked_v1(1, kind, rest)),
    ("cooked v2", LinkType::LINUX_SLL2, None, |kind, rest| cooked_v2(1, kind, rest)),
    ("C-HDLC", LinkType::C_HDLC, None, |kind, rest| [&[0x0f, 0][..], &kind.to_be_bytes(), rest].concat()),
    ("802.11", LinkType::IEEE802_11, Some((3, 1)), |kind, rest| Radio::data(2).carrying(kind, rest)),
    ("radiotap", LinkType::IEEE802_11_RADIOTAP, Some((3, 1)), |kind, rest| {
        radiotap(&[0], &[], &Radio::qos(2, 0).carrying(kind, rest))
    }),
];

/// The packet on every link, behind everything that may stand there.
fn on_links(case: &Case) -> Vec<(LinkType, Case)> {
    let (ip, kind) = (&case.bytes, case.ether_type());
    let behind_labels = mpls(&[16, 17, 18], ip);
    let between = [
        ("", kind, ip.clone(), &[][..]),
        ("VLAN", VLAN, vlan(12, kind, ip), &[12]),
        ("two VLANs", SERVICE_VLAN, vlan(11, VLAN, &vlan(12, kind, ip)), &[11, 12]),
        ("labels", MPLS, behind_labels.clone(), &[]),
        ("VLAN, labels", VLAN, vlan(12, MPLS, &behind_labels), &[12]),
        ("PPPoE", PPPOE, pppoe(&case.ppp(), ip), &[]),
        ("VLAN, PPPoE", VLAN, vlan(12, PPPOE, &pppoe(&case.ppp(), ip)), &[12]),
    ];
    let mut cases = Vec::new();
    for (name, link, macs, header) in LINKS {
        for (what, ether_type, bytes, vlans) in &between {
            let mut on_link = case.within(&format!("{name} {what}"), header(*ether_type, bytes));
            on_link.macs = on_link.macs.or(macs);
            if on_link.vlans.is_empty() {
                on_link.vlans = vlans.to_vec();
            }
            cases.push((link, on_link));
        }
    }
    let mut without_macs = |name, link, header: &[u8]| {
        cases.push((link, case.within(name, [header, ip].concat())));
    };
    without_macs("raw", LinkType::RAW, &[]);
    without_macs("raw, as BSD numbers it", LinkType::DLT_RAW, &[]);
    without_macs("raw of one version", if case.six { LinkType::IPV6 } else { LinkType::IPV4 }, &[]);
    without_macs("NULL", LinkType::NULL, &[if case.six { 30 } else { 2 }, 0, 0, 0]);
    without_macs("LOOP", LinkType::LOOP, &[0, 0, 0, if case.six { 24 } else { 2 }]);
    without_macs("PPP", LinkType::PPP, &case.ppp());
    without_macs("PPP in frames", LinkType::PPP_HDLC, &[&[0xff, 3][..], &case.ppp()].concat());
    cases
}

/// What decoding tells must be what the case says.
fn holds(link: LinkType, case: &Case) {
    let raw = raw(link, &case.bytes);
    let Decoded::Packet(info) = decode(raw) else { panic!("{}: {:?}", case.name, decode(raw)) };
    let packet = Packet::new(raw, &info);
    let ends = (packet.ip_src().to_string(), info.src_port, packet.ip_dst().to_string(), info.dst_port);
    let (src, dst) = if case.inner_six { ("fe80::1", "fe80::2") } else { ("192.168.0.1", "192.168.0.2") };
    assert_eq!(ends, (src.to_owned(), 40000, dst.to_owned(), 443), "{}", case.name);
    assert_eq!((info.tunnel, info.tunnel_key), (case.tunnel, case.key.unwrap_or(0)), "{}", case.name);
    let flags = if case.key.is_some() { PacketFlags::TUNNEL_KEY } else { PacketFlags::default() };
    assert_eq!(info.flags, flags, "{}", case.name);
    let ip_len = if case.inner_six { 65 } else { 45 };
    assert_eq!((info.ip_len, info.transport_len, info.payload_len), (ip_len, 25, 5), "{}", case.name);
    assert_eq!((info.wire_len as usize, packet.payload()), (case.bytes.len(), &b"hello"[..]), "{}", case.name);
    assert_eq!(packet.macs().map(|(src, dst)| (src[5], dst[5])), case.macs, "{}", case.name);
    assert_eq!(packet.vlan_ids().collect::<Vec<_>>(), case.vlans, "{}", case.name);
    assert_eq!(info.vlan_id, case.vlans.last().copied().unwrap_or(0), "{}", case.name);
}

/// However few bytes were captured, no other packet is told than one around the innermost, and that with a flag.
fn holds_cut(link: LinkType, case: &Case) {
    let raw = raw(link, &case.bytes);
    let Decoded::Packet(whole) = decode(raw) else { panic!("{}", case.name) };
    let (mut ip_offset, mut accepted) = (0, false);
    for len in 0..case.bytes.len() {
        let told = match decode(RawPacket { data: &case.bytes[..len], ..raw }) {
            Decoded::Skipped(skipped) => {
                assert_eq!((skipped.reason, accepted), (SkipReason::Truncated, false), "{}, {len} bytes", case.name);
                continue;
            }
            Decoded::Packet(told) => told,
        };
        accepted = true;
        assert!(told.ip_offset >= ip_offset, "{}, {len} bytes", case.name);
        ip_offset = told.ip_offset;
        assert_eq!(told.wire_len, whole.wire_len);
        if ip_offset != whole.ip_offset {
            let unknown = PacketFlags::INNER_UNKNOWN.union(PacketFlags::PORTS_UNKNOWN);
            assert!(told.flags.intersection(unknown) != PacketFlags::default(), "{}, {len} bytes", case.name);
            assert!(told.ip_protocol == 17 || told.ip_protocol == 47, "{}, {len} bytes", case.name);
            continue;
        }
        assert_eq!((told.tunnel, told.tunnel_key), (whole.tunnel, whole.tunnel_key), "{}, {len} bytes", case.name);
        assert_eq!((told.ip_len, told.transport_len), (whole.ip_len, whole.transport_len));
        assert_eq!((told.src_mac_offset, told.vlan_id), (whole.src_mac_offset, whole.vlan_id));
        assert!(!told.flags.contains(PacketFlags::INNER_UNKNOWN), "{}, {len} bytes", case.name);
    }
}

#[test]
fn every_tunnel_is_opened_on_every_link() {
    let mut cases = 0;
    for inner in innermost() {
        let tunnels = [false, true].iter().flat_map(|six| tunnelled(&inner, *six));
        for case in std::iter::once(inner.clone()).chain(tunnels) {
            for (link, case) in on_links(&case) {
                holds(link, &case);
                holds_cut(link, &case);
                cases += 1;
            }
        }
    }
    assert!(cases > 5000, "only {cases} cases");
}

#[test]
fn every_tunnel_is_opened_in_every_other() {
    for inner in innermost() {
        for middle in [false, true].iter().flat_map(|six| tunnelled(&inner, *six)) {
            for outer in [false, true].iter().flat_map(|six| tunnelled(&middle, *six)) {
                let (_, case) = on_links(&outer).swap_remove(1);
                holds(LinkType::ETHERNET, &case);
                holds_cut(LinkType::ETHERNET, &case);
            }
        }
    }
}
