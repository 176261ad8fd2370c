//! Bytes of a frame -> [`PacketInfo`] or a [`Skipped`] frame.
//!
//! A frame is read from the outside in: link layer, IP header, and whatever the IP header announces; a packet inside a
//! packet goes the same way again, at most 16 headers deep. Reads are bounded by the captured bytes and by every length
//! that a header around them states, so link padding is never taken for a header.

use crate::packet::bytes::Depth;
use crate::packet::fragment::{FirstFragment, FragmentKey, FragmentTable};
use crate::packet::info::offset16;
use crate::packet::ip::{self, Fragment, IpHeader, Place};
use crate::packet::link::{self, LinkLayer, Network};
use crate::packet::plain;
use crate::packet::transport;
use crate::packet::tunnel::{self, Inner};
use crate::packet::{
    DecodeOptions, Decoded, LinkType, PacketFlags, PacketInfo, Ports, Position, RawPacket, SkipReason, Skipped,
    TcpFlags, Tunnel,
};
use crate::time::Timestamp;

/// Turns frames into packets, in capture order: it keeps the clock of the capture and the table of fragments.
///
/// # Examples
///
/// ```
/// use flowgauge::Timestamp;
/// use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, RawPacket, SkipReason};
///
/// let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &[0x08, 0x06], &[0; 28]].concat();
/// let raw = RawPacket {
///     number: 1,
///     stamp: Timestamp::from_millis(0),
///     wire_len: arp.len() as u32,
///     link: LinkType::ETHERNET,
///     data: &arp,
/// };
/// let mut decoder = Decoder::new(DecodeOptions::new());
/// let Decoded::Skipped(skipped) = decoder.decode(&raw) else { panic!("ARP is no IP packet") };
/// assert_eq!(skipped.reason, SkipReason::NotIp);
/// assert_eq!(skipped.ether_type, Some(0x0806));
/// assert_eq!(skipped.payload_offset, 14);
/// ```
#[derive(Debug)]
pub struct Decoder {
    clock: Timestamp,
    options: DecodeOptions,
    table: FragmentTable,
}

impl Decoder {
    /// A decoder for the beginning of a capture.
    pub fn new(options: DecodeOptions) -> Self {
        Self { clock: Timestamp::MIN, options, table: FragmentTable::default() }
    }

    /// A decoder for what follows `position`: the next piece of a capture, decoded as if there had been no cut.
    pub fn resume(options: DecodeOptions, position: &Position) -> Self {
        Self { clock: position.clock(), options, table: position.fragments.clone() }
    }

    /// What `raw` is. Moves the clock when it is a packet.
    #[inline]
    pub fn decode(&mut self, raw: &RawPacket<'_>) -> Decoded {
        let mut info = PacketInfo::default();
        match self.decode_into(raw, &mut info) {
            Ok(()) => Decoded::Packet(info),
            Err(skipped) => Decoded::Skipped(skipped),
        }
    }

    /// [`decode`](Self::decode) for the hot path: fills `info` where it stands, since moving a packet about costs as much
    /// as decoding it.
    ///
    /// # Errors
    ///
    /// The skipped frame; what `info` then holds has no meaning.
    #[inline]
    pub fn decode_into(&mut self, raw: &RawPacket<'_>, info: &mut PacketInfo) -> Result<(), Skipped> {
        if self.decode_plain(raw, info) {
            return Ok(());
        }
        self.decode_in_order(raw, info)
    }

    /// [`decode_into`](Self::decode_into) for a frame of which there is nothing unusual: Ethernet, IP without options,
    /// extension headers or fragments, and TCP or UDP that is no tunnel. `false`, and `info` untouched, for any other.
    #[inline(always)]
    pub(crate) fn decode_plain(&mut self, raw: &RawPacket<'_>, info: &mut PacketInfo) -> bool {
        let clock = self.clock.max(raw.stamp);
        let is_plain = plain::decode(raw, readable(raw), clock, info);
        if is_plain {
            self.clock = clock;
        }
        is_plain
    }

    /// [`decode_into`](Self::decode_into) header by header.
    #[inline(never)]
    pub(crate) fn decode_in_order(&mut self, raw: &RawPacket<'_>, info: &mut PacketInfo) -> Result<(), Skipped> {
        let data = readable(raw);
        let mut layer = LinkLayer::UNREAD;
        match self.frame(raw, data, &mut layer, info) {
            Ok(()) => {
                self.clock = info.clock;
                Ok(())
            }
            Err(reason) => Err(layer.skipped(reason, data)),
        }
    }

    /// Moves the clock of a silent wire forward to `now`; never back.
    pub fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
    }

    /// The clock: the largest stamp of the packets accepted so far; [`Timestamp::MIN`] before the first.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Where this decoder stands, of which `frame` is the number of the last frame that it was given.
    ///
    /// Costs a copy of the first fragments it remembers: nothing before the first one, else half a megabyte.
    pub fn position(&self, frame: u64) -> Position {
        Position::with_fragments(frame, self.clock, self.table.clone())
    }

    #[inline(always)]
    fn frame(
        &mut self,
        raw: &RawPacket<'_>,
        data: &[u8],
        layer: &mut LinkLayer,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        let frame = Frame { data, wire_len: raw.wire_len, clock: self.clock.max(raw.stamp) };
        let mut flags = PacketFlags::default();
        if (data.len() as u64) < u64::from(raw.wire_len) {
            flags.insert(PacketFlags::CUT);
        }
        // Known beforehand, the link layer need not be written and read back: that would cost more than all of it.
        if raw.link == LinkType::ETHERNET {
            let place =
                Place { at: LinkLayer::PLAIN_IPV4.payload_offset, stated_end: usize::MAX, depth: Depth::default() };
            match link::plain(data) {
                Some(Network::Ipv4) => {
                    *layer = LinkLayer::PLAIN_IPV4;
                    return self.packet(&frame, Network::Ipv4, place, LinkLayer::PLAIN_IPV4.around(flags), info);
                }
                Some(Network::Ipv6) => {
                    *layer = LinkLayer::PLAIN_IPV6;
                    return self.packet_v6(&frame, place, LinkLayer::PLAIN_IPV6.around(flags), info);
                }
                None => {}
            }
        }
        self.other_frame(&frame, raw, layer, flags, info)
    }

    /// [`frame`](Self::frame) for whatever is not IP right behind an Ethernet header.
    #[inline(never)]
    fn other_frame(
        &mut self,
        frame: &Frame<'_>,
        raw: &RawPacket<'_>,
        layer: &mut LinkLayer,
        flags: PacketFlags,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        let mut depth = Depth::default();
        let (network, at) = link::read(raw, frame.data, self.options.radio_macs, layer, &mut depth)?;
        let place = Place { at, stated_end: layer.end, depth };
        self.packet_within(frame, network, place, layer.around(flags), info)
    }

    /// Fills `info` with the innermost packet of the IP packet at `place`.
    ///
    /// # Errors
    ///
    /// `info` is untouched when a header is missing or wrong ([`SkipReason::Truncated`], [`SkipReason::BadIpHeader`]).
    #[inline(always)]
    fn packet(
        &mut self,
        frame: &Frame<'_>,
        network: Network,
        place: Place,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        // Each version goes its own way to the end, so that its header stays in registers.
        match network {
            Network::Ipv4 => {
                let ip = ip::v4(frame.data, frame.wire_len, &place)?;
                if ip.fragment != Fragment::No {
                    return self.fragment(frame, network, place, around, info);
                }
                self.content(frame, &ip, place.at, around, info)
            }
            Network::Ipv6 => self.packet_v6(frame, place, around, info),
        }
    }

    #[inline(never)]
    fn packet_v6(
        &mut self,
        frame: &Frame<'_>,
        place: Place,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        let ip = ip::v6(frame.data, frame.wire_len, &place)?;
        if ip.fragment != Fragment::No {
            return self.fragment(frame, Network::Ipv6, place, around, info);
        }
        self.content(frame, &ip, place.at, around, info)
    }

    /// Fills `info` with the innermost packet in what follows an IP header.
    #[inline(always)]
    fn content(
        &mut self,
        frame: &Frame<'_>,
        ip: &IpHeader,
        ip_offset: usize,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        match ip.protocol {
            IP_IN_IP => return self.packet_within(frame, Network::Ipv4, ip.content, around, info),
            IPV6_IN_IP => return self.packet_within(frame, Network::Ipv6, ip.content, around, info),
            _ => {}
        }
        // Read back from where they were just written, both at once, they would stall.
        let (src_port, dst_port) = frame.transport(ip, ip_offset, around, info);
        if self.options.ports == Ports::TcpAndUdp {
            transport::without_other_ports(info);
        }
        match ip.protocol {
            transport::UDP if tunnel::announced(src_port, dst_port) => {
                self.in_datagram(frame, ip.content, (src_port, dst_port), around, info)
            }
            GRE => self.in_gre(frame, ip.content, around, info),
            _ => Ok(()),
        }
    }

    /// Fills `info` with the innermost packet of the fragment at `place`, whose header is read anew: handing it over would
    /// cost every packet that is no fragment.
    #[cold]
    #[inline(never)]
    fn fragment(
        &mut self,
        frame: &Frame<'_>,
        network: Network,
        place: Place,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        let ip = match network {
            Network::Ipv4 => ip::v4(frame.data, frame.wire_len, &place)?,
            Network::Ipv6 => ip::v6(frame.data, frame.wire_len, &place)?,
        };
        match ip.fragment {
            Fragment::Later(_) if !self.options.fragments => return Err(SkipReason::FragmentsOff),
            Fragment::Later(id) => {
                let key = fragment_key(&ip, id, around);
                let first = self.table.find(&key, frame.clock).ok_or(SkipReason::FragmentWithoutFirst)?;
                frame.later_fragment(&ip, place.at, around, &first, info);
            }
            Fragment::First(id) => {
                self.content(frame, &ip, place.at, around, info)?;
                info.flags.insert(PacketFlags::FRAGMENT);
                if self.options.fragments {
                    self.table.insert(fragment_key(&ip, id, around), first_fragment(info), frame.clock);
                }
            }
            Fragment::No => self.content(frame, &ip, place.at, around, info)?,
        }
        Ok(())
    }

    /// [`packet`](Self::packet), one packet further inside.
    #[cold]
    #[inline(never)]
    fn packet_within(
        &mut self,
        frame: &Frame<'_>,
        network: Network,
        place: Place,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        self.packet(frame, network, place, around, info)
    }

    /// Fills `info`, which holds the UDP packet whose datagram is at `place`, with the innermost packet in the tunnel that it
    /// may be, or leaves it.
    #[cold]
    #[inline(never)]
    fn in_datagram(
        &mut self,
        frame: &Frame<'_>,
        place: Place,
        (src_port, dst_port): (u16, u16),
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        if self.by_port(frame, place, dst_port, around, info)? || src_port == dst_port {
            return Ok(());
        }
        // Either port may be that of a tunnel, also one that was handed out to whoever asked for any.
        self.by_port(frame, place, src_port, around, info).map(|_| ())
    }

    /// The same, by one of its ports; `false` when that leads to no packet.
    #[inline(never)]
    fn by_port(
        &mut self,
        frame: &Frame<'_>,
        place: Place,
        port: u16,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<bool, SkipReason> {
        let opened = tunnel::open(frame.data, place, port, self.options);
        self.opened(frame, opened, around, info)
    }

    /// The same of a GRE packet.
    #[cold]
    #[inline(never)]
    fn in_gre(
        &mut self,
        frame: &Frame<'_>,
        place: Place,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<(), SkipReason> {
        let opened = tunnel::open_gre(frame.data, place, self.options.tunnels);
        self.opened(frame, opened, around, info).map(|_| ())
    }

    /// Fills `info` with the innermost packet in the tunnel that was `opened`. When there is none, `info` stays the packet
    /// around it, and this is `false`.
    #[inline(always)]
    fn opened(
        &mut self,
        frame: &Frame<'_>,
        opened: Result<Inner, SkipReason>,
        around: Around,
        info: &mut PacketInfo,
    ) -> Result<bool, SkipReason> {
        let keys = self.options.tunnel_keys;
        let inner =
            opened.and_then(|inner| self.packet(frame, inner.network, inner.place, around.inside(&inner, keys), info));
        match inner {
            Ok(()) => Ok(true),
            Err(SkipReason::Truncated) => {
                info.flags.insert(PacketFlags::INNER_UNKNOWN);
                Ok(false)
            }
            Err(SkipReason::NotIp | SkipReason::BadIpHeader) => Ok(false),
            Err(skipped) => Err(skipped),
        }
    }
}

/// The captured bytes, as many as offsets can tell.
#[inline(always)]
fn readable<'a>(raw: &RawPacket<'a>) -> &'a [u8] {
    &raw.data[..raw.data.len().min(u32::MAX as usize - 1)]
}

/// What is the same for all packets within packets of a frame.
struct Frame<'a> {
    data: &'a [u8],
    wire_len: u32,
    /// The clock of the capture, should the frame be accepted.
    clock: Timestamp,
}

impl Frame<'_> {
    /// Fills `info` with the packet that `ip` holds, whose source and destination port these are.
    #[inline(always)]
    fn transport(&self, ip: &IpHeader, ip_offset: usize, around: Around, info: &mut PacketInfo) -> (u16, u16) {
        let transport_len = ip.ip_len.saturating_sub(ip.header_len);
        let end = ip.content.stated_end.min(self.data.len());
        let header = self.data.get(ip.content.at..end).unwrap_or_default();
        let transport = transport::read(ip.protocol, header, transport_len);
        let mut flags = around.flags;
        if transport.ports_unknown {
            flags.insert(PacketFlags::PORTS_UNKNOWN);
        }
        if transport.header_len.is_none() {
            flags.insert(PacketFlags::PAYLOAD_UNKNOWN);
        }
        let header_len = transport.header_len.unwrap_or(u32::MAX);
        if transport.icmp.is_some() {
            flags.insert(PacketFlags::ICMP);
        }
        let [icmp_type, icmp_code] = transport.icmp.unwrap_or_default();
        *info = PacketInfo {
            src: ip.src,
            dst: ip.dst,
            clock: self.clock,
            wire_len: self.wire_len,
            ip_len: ip.ip_len,
            transport_len,
            payload_len: transport_len.saturating_sub(header_len),
            ip_offset: ip_offset as u32,
            transport_offset: self.offset(ip.content.at),
            payload_offset: self.offset(ip.content.at.saturating_add(header_len as usize)),
            tunnel_key: around.tunnel_key,
            src_port: transport.src_port,
            dst_port: transport.dst_port,
            src_mac_offset: around.src_mac_offset,
            dst_mac_offset: around.dst_mac_offset,
            vlan_id: around.vlan_id,
            vlan_offset: around.vlan_offset,
            ip_version: ip.version,
            ip_protocol: ip.protocol,
            ttl: ip.ttl,
            traffic_class: ip.traffic_class,
            icmp_type,
            icmp_code,
            tcp_flags: transport.tcp_flags,
            flags,
            tunnel: around.tunnel,
        };
        (transport.src_port, transport.dst_port)
    }

    /// Fills `info` with a packet of the flow that its first fragment was given. Its sizes are those of the fragment.
    fn later_fragment(
        &self,
        ip: &IpHeader,
        ip_offset: usize,
        around: Around,
        first: &FirstFragment,
        info: &mut PacketInfo,
    ) {
        let data_len = ip.ip_len.saturating_sub(ip.header_len);
        let mut flags = around.flags.union(PacketFlags::FRAGMENT).union(PacketFlags::LATER_FRAGMENT);
        // Its tunnel is that of its first, which may lie deeper.
        flags.remove(OF_THE_KEY);
        flags.insert(first.flags);
        *info = PacketInfo {
            src: first.src,
            dst: first.dst,
            clock: self.clock,
            wire_len: self.wire_len,
            ip_len: ip.ip_len,
            transport_len: data_len,
            payload_len: data_len,
            ip_offset: ip_offset as u32,
            transport_offset: self.offset(ip.content.at),
            payload_offset: self.offset(ip.content.at),
            tunnel_key: first.tunnel_key,
            src_port: first.src_port,
            dst_port: first.dst_port,
            src_mac_offset: around.src_mac_offset,
            dst_mac_offset: around.dst_mac_offset,
            vlan_id: first.vlan_id,
            vlan_offset: around.vlan_offset,
            ip_version: first.ip_version,
            ip_protocol: first.ip_protocol,
            ttl: ip.ttl,
            traffic_class: ip.traffic_class,
            icmp_type: 0,
            icmp_code: 0,
            tcp_flags: TcpFlags::default(),
            flags,
            tunnel: first.tunnel,
        };
    }

    /// An offset as packets tell it: never beyond the captured bytes.
    #[inline(always)]
    fn offset(&self, at: usize) -> u32 {
        at.min(self.data.len()) as u32
    }
}

impl LinkLayer {
    /// What it says of a packet right behind it.
    #[inline(always)]
    const fn around(&self, flags: PacketFlags) -> Around {
        Around {
            src_mac_offset: offset16(self.src_mac_offset),
            dst_mac_offset: offset16(self.dst_mac_offset),
            vlan_id: self.vlan_id,
            vlan_offset: offset16(self.vlan_offset),
            tunnel: None,
            tunnel_key: 0,
            flags,
        }
    }
}

/// What the headers around an IP packet say of it.
#[derive(Clone, Copy)]
struct Around {
    src_mac_offset: u16,
    dst_mac_offset: u16,
    vlan_id: u16,
    vlan_offset: u16,
    tunnel: Option<Tunnel>,
    tunnel_key: u32,
    flags: PacketFlags,
}

impl Around {
    /// What the headers around a packet in an opened tunnel say of it, whose key tells flows apart if `key_in_flow`.
    fn inside(&self, inner: &Inner, key_in_flow: bool) -> Self {
        let mut around = Self { tunnel: Some(inner.tunnel), tunnel_key: inner.key.unwrap_or(0), ..*self };
        around.flags.remove(OF_THE_KEY);
        if inner.key.is_some() {
            around.flags.insert(if key_in_flow { OF_THE_KEY } else { PacketFlags::TUNNEL_KEY });
        }
        let Some(layer) = &inner.layer else { return around };
        let carried = layer.around(around.flags);
        (around.src_mac_offset, around.dst_mac_offset) = (carried.src_mac_offset, carried.dst_mac_offset);
        if layer.vlan_offset != link::NOWHERE {
            (around.vlan_id, around.vlan_offset) = (carried.vlan_id, carried.vlan_offset);
        }
        around
    }
}

fn fragment_key(ip: &IpHeader, id: u32, around: Around) -> FragmentKey {
    FragmentKey {
        src: ip.src,
        dst: ip.dst,
        id,
        tunnel: around.tunnel,
        tunnel_key: around.tunnel_key,
        vlan_id: around.vlan_id,
        ip_version: ip.version,
        ip_protocol: if ip.version == 4 { ip.protocol } else { 0 },
    }
}

fn first_fragment(info: &PacketInfo) -> FirstFragment {
    let lasting = PacketFlags::PORTS_UNKNOWN.union(OF_THE_KEY).union(PacketFlags::INNER_UNKNOWN);
    FirstFragment {
        src: info.src,
        dst: info.dst,
        tunnel: info.tunnel,
        tunnel_key: info.tunnel_key,
        src_port: info.src_port,
        dst_port: info.dst_port,
        vlan_id: info.vlan_id,
        ip_version: info.ip_version,
        ip_protocol: info.ip_protocol,
        flags: info.flags.intersection(lasting),
    }
}

/// The flags that a tunnel's own key brings.
const OF_THE_KEY: PacketFlags = PacketFlags::TUNNEL_KEY.union(PacketFlags::KEY_IN_FLOW);

const IP_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
