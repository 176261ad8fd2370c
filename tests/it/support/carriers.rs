//! Frames of every link and tunnel that carries frames of stations or a serial line: for tshark and for mutations.

use flowgauge::packet::LinkType;

use crate::support::capture_file::PcapFile;
use crate::support::frames::*;
use crate::support::tunnels::*;

/// A capture file of these frames.
pub(crate) fn pcap(link: LinkType, frames: &[Vec<u8>]) -> Vec<u8> {
    frames.iter().fold(PcapFile::new().link(link.0), |file, frame| file.frame(1, 0, frame)).bytes()
}

/// A capture of each link and tunnel here.
pub(crate) fn captures() -> Vec<Vec<u8>> {
    let tunnels = [sniffed(), controlled(true), controlled(false), bridged(), overlays(), routed()].concat();
    vec![
        pcap(LinkType::IEEE802_11, &radio()),
        pcap(LinkType::IEEE802_11_RADIOTAP, &tapped()),
        pcap(LinkType::PPP, &[ppp(&[]), ppp(&[0xff, 3]), cisco_hdlc(0x8f)].concat()),
        pcap(LinkType::C_HDLC, &cisco_hdlc(0x0f)),
        pcap(LinkType::ETHERNET, &tunnels),
    ]
}

fn ipv4() -> Vec<u8> {
    Ipv4::new("192.168.0.1", "192.168.0.2").tcp(40000, 443, 0x18, b"hello")
}

fn ipv6() -> Vec<u8> {
    Ipv6::new("2001:db8::7", "2001:db8::8").tcp(40000, 443, 0x18, b"hello")
}

/// 802.11 frames of all forms that hold one packet, or none that can be read.
pub(crate) fn radio() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for ds in 0..4 {
        for radio in [Radio::data(ds), Radio::qos(ds, 0), Radio::qos(ds | 0x80, 0), Radio::data(ds | 8).kind(0x28)] {
            frames.push(radio.carrying(IPV4, &ipv4()));
            frames.push(radio.carrying(IPV6, &ipv6()));
            frames.push(radio.carrying(VLAN, &vlan(7, IPV4, &ipv4())));
        }
    }
    frames.push(Radio::data(0x41).carrying(IPV4, &ipv4()));
    frames.push(Radio::qos(0x41, 0).carrying(IPV4, &ipv4()));
    frames.push(Radio::data(1).kind(0x48).header());
    frames.push(Radio::data(1).fragment(3).carrying(IPV4, &ipv4()));
    frames.push(Radio::data(1).carrying(0x0806, &[0; 28]));
    frames
}

/// The same behind radiotap headers of several forms, with and without a check sequence and padding.
pub(crate) fn tapped() -> Vec<Vec<u8>> {
    let forms: [(&[u32], &[u8]); 4] = [
        (&[0], &[]),
        (&[0x0000_0003], &[0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0]),
        (&[0x8000_0003, 0x0000_0000], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00]),
        (&[0xa000_0002, 0x0000_0020], &[0x00, 0xc4]),
    ];
    let mut frames = Vec::new();
    for (present, fields) in forms {
        let check_sequence = if fields.contains(&0x10) { &[1, 2, 3, 4][..] } else { &[] };
        frames.extend(radio().iter().map(|frame| radiotap(present, fields, &[frame, check_sequence].concat())));
    }
    let padded = [Radio::qos(1, 0), Radio::qos(3, 0), Radio::data(2)];
    frames.extend(padded.map(|radio| radiotap(&[2], &[0x20, 0, 0, 0], &radio.padded().carrying(IPV4, &ipv4()))));
    frames
}

/// PPP behind `framing`.
pub(crate) fn ppp(framing: &[u8]) -> Vec<Vec<u8>> {
    let on = |protocol: &[u8], ip: &[u8]| [framing, protocol, ip].concat();
    vec![
        on(&[0, 0x21], &ipv4()),
        on(&[0, 0x57], &ipv6()),
        on(&[0x21], &ipv4()),
        on(&[0x57], &ipv6()),
        on(&[2, 0x81], &mpls(&[16, 17], &ipv4())),
        on(&[0xc0, 0x21], &[1, 1, 0, 4]),
    ]
}

/// Cisco HDLC with this address.
pub(crate) fn cisco_hdlc(address: u8) -> Vec<Vec<u8>> {
    let on = |ether_type: u16, ip: &[u8]| [&[address, 0][..], &ether_type.to_be_bytes(), ip].concat();
    vec![on(IPV4, &ipv4()), on(IPV6, &ipv6()), on(MPLS, &mpls(&[16], &ipv6())), on(0x8035, &[0; 14])]
}

/// Ethernet frames in TZSP, and 802.11 frames.
pub(crate) fn sniffed() -> Vec<Vec<u8>> {
    let tags = [0, 10, 1, 0xc8, 0, 60, 6, 2, 0, 0, 0, 0, 9, 1];
    let on = |protocol, frame: &Vec<u8>| on_port(37008, &tzsp(1, 0, protocol, &tags, frame));
    let ethernets = inner_ethernets();
    ethernets.iter().map(|frame| on(1, frame)).chain(radio().iter().map(|frame| on(18, frame))).collect()
}

/// 802.11 frames in CAPWAP, of access points that swap the bytes of the frame control field or do not.
pub(crate) fn controlled(swapped: bool) -> Vec<Vec<u8>> {
    let optional = [&[6][..], &[9; 6], &[0], &[4, 1, 2, 3, 4, 0, 0, 0]].concat();
    let radios = [Radio::data(1), Radio::data(2), Radio::qos(2, 0), Radio::data(3), Radio::data(0x42)];
    let radios = radios.map(|radio| if swapped { radio.swapped() } else { radio });
    let on = |radio: &Radio| on_port(5247, &capwap(0x30, true, &optional, &radio.carrying(IPV4, &ipv4())));
    radios.iter().map(on).collect()
}

/// Ethernet frames in CAPWAP, and a keep-alive.
pub(crate) fn bridged() -> Vec<Vec<u8>> {
    let mut frames: Vec<_> =
        inner_ethernets().iter().map(|frame| on_port(5247, &capwap(0, false, &[], frame))).collect();
    frames.push(on_port(5247, &capwap(0x08, false, &[], &[0, 35, 0, 16])));
    frames
}

/// VXLAN, its generic extension, Geneve and Teredo, over both IP versions, with a packet in it or with ARP.
pub(crate) fn overlays() -> Vec<Vec<u8>> {
    let arp = inner_ethernet(0x0806, &[&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 20]].concat());
    let mut datagrams = Vec::new();
    for frame in inner_ethernets().iter().chain([&arp]) {
        datagrams.push((4789, vxlan(7, frame)));
        datagrams.push((4790, vxlan_with(0x0c, 3, 7, frame)));
        datagrams.push((6081, geneve(BRIDGED, 7, 0, frame)));
        datagrams.push((6081, geneve(BRIDGED, 7, 3, frame)));
    }
    datagrams.push((4790, vxlan_with(0x0c, 1, 7, &ipv4())));
    datagrams.push((4790, vxlan_with(0x0c, 2, 7, &ipv6())));
    datagrams.push((6081, geneve(IPV4, 7, 1, &ipv4())));
    datagrams.push((6081, geneve(IPV6, 7, 1, &ipv6())));
    for indication in [vec![], ORIGIN.to_vec(), [&authentication(2, 3)[..], &ORIGIN].concat()] {
        datagrams.push((3544, [indication, ipv6()].concat()));
    }
    let on = |(port, payload): &(u16, Vec<u8>)| {
        let over6 = Ipv6::new("2001:db8::1", "2001:db8::2").udp(40001, *port, payload);
        [on_port(*port, payload), ethernet(IPV6, &over6)]
    };
    datagrams.iter().flat_map(on).collect()
}

/// GRE, NVGRE, PPTP and ERSPAN, over both IP versions; but for IP in ERSPAN without a frame, which tshark 4.0 leaves.
pub(crate) fn routed() -> Vec<Vec<u8>> {
    let mut contents = vec![
        gre(0, IPV4, &[], &ipv4()),
        gre(0xb000, IPV6, &[0; 12], &ipv6()),
        keyed_gre(7, MPLS, &mpls(&[16, 17], &ipv4())),
        pptp(7, &[&[0xff, 3, 0, 0x21][..], &ipv4()].concat()),
        pptp(7, &[&[0, 0x57][..], &ipv6()].concat()),
        pptp(7, &[&[0x21][..], &ipv4()].concat()),
        pptp(7, &[0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0]),
    ];
    for frame in inner_ethernets() {
        contents.push(gre(0, BRIDGED, &[], &frame));
        contents.push(keyed_gre(0x0700, BRIDGED, &frame));
        contents.push(gre(0, ERSPAN, &[], &frame));
        contents.push(erspan_ii(7, &frame));
        contents.push(erspan_iii(7, 0, false, &frame));
        contents.push(erspan_iii(7, 0, true, &frame));
    }
    let on = |content: &Vec<u8>| {
        let over6 = Ipv6::new("2001:db8::1", "2001:db8::2").carrying(GRE, content);
        [ethernet(IPV4, &Ipv4::new("10.0.0.1", "10.0.0.2").carrying(GRE, content)), ethernet(IPV6, &over6)]
    };
    contents.iter().flat_map(on).collect()
}

fn inner_ethernets() -> [Vec<u8>; 3] {
    [inner_ethernet(IPV4, &ipv4()), inner_ethernet(VLAN, &vlan(31, IPV6, &ipv6())), snap([0; 3], IPV4, &ipv4())]
}

fn on_port(port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &Ipv4::new("10.0.0.1", "10.0.0.2").udp(port, port, payload))
}
