//! What the bytes of a packet say, read when somebody asks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::dissect::dns::{Circumstances, Message};
use crate::packet::{Block, LinkType, NO_OFFSET, Packet, PacketFlags, PacketInfo};
use crate::pipeline::{Dns, PacketItem, batch, ether_type_name, protocol_name};

/// A packet item with its bytes.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    /// The item.
    pub item: &'a PacketItem,
    block: &'a Arc<Block>,
}

/// The link layer: the innermost one that has MAC addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkFields {
    /// Source MAC address; `None` without.
    pub src: Option<[u8; 6]>,
    /// Destination MAC address; `None` without.
    pub dst: Option<[u8; 6]>,
    /// The innermost EtherType, behind VLAN tags; where a link type has none, that of the IP packet inside.
    pub ether_type: Option<u16>,
    /// Bytes on the wire.
    pub len: u32,
}

/// The network layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network<'a> {
    /// `IP`, `IP6`, `ARP` or the like; `None` for what has no name.
    pub kind: Option<&'static str>,
    /// An IP header, where one was captured whole.
    pub ip: Option<Ip>,
    /// ARP for IPv4 on Ethernet (RFC 826), where it was captured whole.
    pub arp: Option<Arp>,
    /// What is behind the IP header, else behind the link layer, as far as it was captured.
    pub data: &'a [u8],
}

/// An IP header. Its lengths are the header's own words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ip {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Protocol; of IPv6, that behind the extension headers where they could be read.
    pub protocol: u8,
    /// IPv4: bytes of the packet with its header. IPv6: bytes behind the header.
    pub len: u32,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// What IPv4 has besides.
    pub v4: Option<Ipv4Fields>,
}

/// What only IPv4 has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ipv4Fields {
    /// Don't fragment.
    pub df: bool,
    /// More fragments follow.
    pub mf: bool,
    /// Where the fragment lies in its packet, in bytes.
    pub offset: u16,
    /// The header's checksum.
    pub checksum: u16,
}

/// An ARP message (RFC 826).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arp {
    /// 1 asks, 2 answers.
    pub operation: u16,
    /// The sender's MAC address.
    pub sender_mac: [u8; 6],
    /// The sender's address.
    pub sender: Ipv4Addr,
    /// The target's MAC address.
    pub target_mac: [u8; 6],
    /// The target's address.
    pub target: Ipv4Addr,
}

/// The transport layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Transport<'a> {
    /// IP protocol number.
    pub protocol: u8,
    /// Source and destination port, where the protocol has them and they were captured.
    pub ports: Option<(u16, u16)>,
    /// What else its header says, where that was captured whole.
    pub segment: Segment<'a>,
    /// The payload, as far as it was captured.
    pub data: &'a [u8],
}

/// What a transport header says besides ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Segment<'a> {
    /// TCP (RFC 9293).
    Tcp {
        /// Sequence number.
        seq: u32,
        /// Acknowledgement number.
        ack: u32,
        /// The byte with the data offset in its upper four bits.
        offset_byte: u8,
        /// The flags.
        flags: u8,
        /// Window, not scaled.
        window: u16,
        /// Checksum.
        checksum: u16,
        /// Urgent pointer.
        urgent: u16,
        /// Options, as far as they were captured.
        options: &'a [u8],
    },
    /// UDP (RFC 768).
    Udp {
        /// Length with the header.
        len: u16,
        /// Checksum.
        checksum: u16,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Checksum.
        checksum: u16,
    },
    /// Another protocol, or a header that was not captured whole.
    Other,
}

impl Transport<'_> {
    /// `TCP`, `UDP` ...; `None` for a protocol without a name here.
    pub fn name(&self) -> Option<&'static str> {
        protocol_name(self.protocol)
    }

    /// The one word for the flags of a TCP segment that chains has: `syn_ack`, `syn`, `fin_ack`, `fin`, `rst` or `psh`;
    /// `None` for other flags, and other protocols.
    pub fn flag_word(&self) -> Option<&'static str> {
        let Segment::Tcp { flags, .. } = self.segment else { return None };
        let (fin, syn, rst, psh, ack) =
            (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 8 != 0, flags & 16 != 0);
        match () {
            () if syn && ack => Some("syn_ack"),
            () if syn => Some("syn"),
            () if fin && ack => Some("fin_ack"),
            () if fin => Some("fin"),
            () if rst => Some("rst"),
            () if psh => Some("psh"),
            () => None,
        }
    }
}

impl<'a> PacketView<'a> {
    /// The packet, with `block` as what its bytes lie in.
    #[inline]
    pub const fn new(item: &'a PacketItem, block: &'a Arc<Block>) -> Self {
        Self { item, block }
    }

    /// The captured bytes of the frame.
    #[inline]
    pub fn data(&self) -> &'a [u8] {
        batch::bytes(self.block, self.item.frame())
    }

    /// The decoded packet; `None` where decoding was refused, or nobody decoded it yet.
    #[inline]
    pub fn packet(&self) -> Option<Packet<'a>> {
        Some(batch::packet(self.block, self.item, self.item.info()?))
    }

    /// The link layer.
    pub fn link(&self) -> LinkFields {
        let data = self.data();
        let (src, dst) = match (self.item.info(), self.item.refused()) {
            (Some(info), _) => (info.src_mac_offset, info.dst_mac_offset),
            (None, Some(refused)) => refused.mac_offsets.unwrap_or((NO_OFFSET, NO_OFFSET)),
            (None, None) => (NO_OFFSET, NO_OFFSET),
        };
        LinkFields {
            src: mac(data, src),
            dst: mac(data, dst),
            ether_type: self.ether_type(),
            len: self.item.wire_len(),
        }
    }

    /// The innermost EtherType.
    fn ether_type(&self) -> Option<u16> {
        if let Some(refused) = self.item.refused() {
            // In the place of an EtherType may be a length (IEEE 802.3), behind which is LLC.
            let length = || match (self.item.link_type(), refused.mac_offsets) {
                (LinkType::ETHERNET, Some((src, _))) => {
                    be16(self.data(), usize::from(src) + 6).filter(|length| *length <= 1500)
                }
                _ => None,
            };
            return refused.ether_type.or_else(length);
        }
        let info = self.item.info()?;
        let data = self.data();
        let of_ip = || match self.ip_version_at(info.ip_offset as usize) {
            Some(4) => Some(IPV4),
            Some(6) => Some(IPV6),
            _ => None,
        };
        // Only on Ethernet is it known where one stands without reading the link layer again.
        if info.dst_mac_offset == NO_OFFSET || info.src_mac_offset != info.dst_mac_offset.wrapping_add(6) {
            return of_ip();
        }
        let mut at = usize::from(info.src_mac_offset) + 6;
        for _ in 0..16 {
            match be16(data, at)? {
                0x8100 | 0x88a8 | 0x9100 => at += 4,
                length @ 0..=1500 if self.item.link_type() == LinkType::ETHERNET => return of_ip().or(Some(length)),
                0..=1500 => return of_ip(),
                ether_type if carries_ip(ether_type) => return Some(ether_type),
                // Addresses lie so in 802.11 without an access point, too, and behind them is a third one.
                _ => return of_ip(),
            }
        }
        None
    }

    /// The network layer; nothing of it before the packet is decoded.
    pub fn network(&self) -> Network<'a> {
        let data = self.data();
        if let Some(info) = self.item.info() {
            let at = info.ip_offset as usize;
            let version = self.ip_version_at(at);
            let kind = if version == Some(6) { "IP6" } else { "IP" };
            let start = info.transport_offset as usize;
            let inner = data.get(start..).unwrap_or_default();
            let inner = &inner[..inner.len().min(info.transport_len as usize)];
            return Network { kind: Some(kind), ip: self.ip(at, Some(info)), arp: None, data: inner };
        }
        let Some(refused) = self.item.refused() else {
            return Network { kind: None, ip: None, arp: None, data: &[] };
        };
        let at = refused.payload_offset as usize;
        let behind = data.get(at..).unwrap_or_default();
        let ether_type =
            self.ether_type().or_else(|| match (is_raw_ip(self.item.link_type()), self.ip_version_at(at)) {
                (true, Some(4)) => Some(IPV4),
                (true, Some(6)) => Some(IPV6),
                _ => None,
            });
        let ip = if matches!(ether_type, Some(IPV4 | IPV6)) { self.ip(at, None) } else { None };
        let arp = if ether_type == Some(ARP) { arp(behind) } else { None };
        let header = match ip {
            Some(Ip { v4: Some(_), .. }) => usize::from(behind[0] & 0x0f) * 4,
            Some(_) => IPV6_HEADER,
            None => 0,
        };
        let data = behind.get(header..).unwrap_or_default();
        Network { kind: ether_type.and_then(ether_type_name), ip, arp, data }
    }

    /// The transport layer; `None` for later fragments, and for what is no IP packet.
    pub fn transport(&self) -> Option<Transport<'a>> {
        let packet = self.packet().filter(|_| self.item.has_transport())?;
        let info = packet.info;
        let data = self.data();
        let bytes = data.get(info.transport_offset as usize..).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(info.transport_len as usize)];
        let has_ports = matches!(info.ip_protocol, TCP | UDP | 33 | 132 | 136);
        let ports = has_ports && !info.flags.contains(PacketFlags::PORTS_UNKNOWN);
        let payload = packet.payload();
        let (segment, data) = segment(info.ip_protocol, bytes, payload);
        Some(Transport {
            protocol: info.ip_protocol,
            ports: ports.then_some((info.src_port, info.dst_port)),
            segment,
            data,
        })
    }

    /// The DNS messages that it carries, or completes over TCP; [`DnsMeta`](crate::pipeline::DnsMeta) finds them.
    pub fn dns(&self) -> Vec<Dns> {
        let Some(packet) = self.packet().filter(|_| self.item.has_dns()) else { return Vec::new() };
        let (info, limits, payload) = (packet.info, self.item.dns_limits(), packet.payload());
        let own = self.item.has_dns_payload();
        let circumstances = Circumstances {
            is_multicast: [info.src_port, info.dst_port].contains(&MDNS),
            is_tcp: info.ip_protocol == TCP,
            is_cut: own && payload.len() < info.payload_len as usize,
            subdomain_length: limits.length,
            subdomain_entropy: limits.entropy,
        };
        let streamed = self.item.dns_messages().iter().map(|message| &**message);
        let messages = own.then_some(payload).into_iter().chain(streamed);
        messages.filter_map(Message::parse).map(|message| Dns { message, circumstances }).collect()
    }

    fn ip_version_at(&self, at: usize) -> Option<u8> {
        self.data().get(at).map(|byte| byte >> 4)
    }

    /// The IP header at `at`.
    fn ip(&self, at: usize, info: Option<&PacketInfo>) -> Option<Ip> {
        let header = self.data().get(at..)?;
        match header.first()? >> 4 {
            4 => {
                let header = header.first_chunk::<20>()?;
                let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
                let four = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
                let fragment = word(6);
                Some(Ip {
                    src: four(12).into(),
                    dst: four(16).into(),
                    protocol: header[9],
                    // With segmentation offload it is 0 in the header.
                    len: info.map_or(u32::from(word(2)), |info| info.ip_len),
                    ttl: header[8],
                    v4: Some(Ipv4Fields {
                        df: fragment & 0x4000 != 0,
                        mf: fragment & 0x2000 != 0,
                        offset: (fragment & 0x1fff) << 3,
                        checksum: word(10),
                    }),
                })
            }
            6 => {
                let header = header.first_chunk::<IPV6_HEADER>()?;
                let sixteen = |at: usize| {
                    let mut octets = [0; 16];
                    octets.copy_from_slice(&header[at..at + 16]);
                    Ipv6Addr::from(octets)
                };
                let own = info.filter(|info| !info.flags.contains(PacketFlags::LATER_FRAGMENT));
                Some(Ip {
                    src: sixteen(8).into(),
                    dst: sixteen(24).into(),
                    protocol: own.map_or(header[6], |info| info.ip_protocol),
                    len: u32::from(u16::from_be_bytes([header[4], header[5]])),
                    ttl: header[7],
                    v4: None,
                })
            }
            _ => None,
        }
    }
}

/// What a transport header says, and what is its payload.
fn segment<'a>(protocol: u8, bytes: &'a [u8], payload: &'a [u8]) -> (Segment<'a>, &'a [u8]) {
    let word = |at: usize| be16(bytes, at).unwrap_or_default();
    let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
    let segment = match protocol {
        TCP if bytes.len() >= TCP_HEADER => {
            let end = (usize::from(bytes[12] >> 4) * 4).clamp(TCP_HEADER, bytes.len().max(TCP_HEADER));
            Segment::Tcp {
                seq: long(4),
                ack: long(8),
                offset_byte: bytes[12],
                flags: bytes[13],
                window: word(14),
                checksum: word(16),
                urgent: word(18),
                options: &bytes[TCP_HEADER..end],
            }
        }
        UDP if bytes.len() >= 8 => Segment::Udp { len: word(4), checksum: word(6) },
        ICMP | ICMP6 if bytes.len() >= 4 => {
            let segment = Segment::Icmp { kind: bytes[0], code: bytes[1], checksum: word(2) };
            return (segment, &bytes[4..]);
        }
        TCP | UDP | ICMP | ICMP6 => Segment::Other,
        _ => return (Segment::Other, bytes),
    };
    (segment, payload)
}

fn arp(bytes: &[u8]) -> Option<Arp> {
    let bytes = bytes.first_chunk::<28>()?;
    // Ethernet, IPv4, and the lengths of their addresses.
    if bytes[..6] != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    let mac = |at: usize| {
        let mut octets = [0; 6];
        octets.copy_from_slice(&bytes[at..at + 6]);
        octets
    };
    let ip = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    Some(Arp {
        operation: u16::from_be_bytes([bytes[6], bytes[7]]),
        sender_mac: mac(8),
        sender: ip(14),
        target_mac: mac(18),
        target: ip(24),
    })
}

/// Whether IP is found behind this EtherType: itself, MPLS, PPPoE.
const fn carries_ip(ether_type: u16) -> bool {
    matches!(ether_type, IPV4 | IPV6 | 0x8847 | 0x8848 | 0x8864)
}

fn mac(data: &[u8], at: u16) -> Option<[u8; 6]> {
    if at == NO_OFFSET { None } else { data.get(usize::from(at)..)?.first_chunk::<6>().copied() }
}

fn be16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk::<2>().map(|&two| u16::from_be_bytes(two))
}

fn is_raw_ip(link: LinkType) -> bool {
    matches!(link, LinkType::RAW | LinkType::DLT_RAW | LinkType::IPV4 | LinkType::IPV6)
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
const TCP: u8 = 6;
const MDNS: u16 = 5353;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const TCP_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
