//! Bytes of a frame -> [`PacketInfo`] or a [`Skipped`] frame.
//!
//! A frame is read from the outside in: link layer, IP header, and whatever the IP header announces; a packet inside a
//! packet goes the same way again, at most 16 headers deep. Reads are bounded by the captured bytes and by every length
//! that a header around them states, so link padding is never taken for a header.

use crate::packet::bytes::Depth;
use crate::packet::fragment::{FirstFragment, FragmentKey, FragmentTable};
use crate::packet::ip::{self, Fragment, IpHeader, Place};
use crate::packet::link::{self, LinkLayer, Network};
use crate::packet::transport;
use crate::packet::tunnel;
use crate::packet::{Decoded, NO_MAC, PacketFlags, PacketInfo, RawPacket, SkipReason, Skipped, TcpFlags, Tunnel};
use crate::time::Timestamp;

/// Turns frames into packets, in capture order: it keeps the clock of the capture and the table of fragments.
///
/// # Examples
///
/// ```
/// use flowgauge::Timestamp;
/// use flowgauge::packet::{Decoded, Decoder, LinkType, RawPacket, SkipReason};
///
/// let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &[0x08, 0x06], &[0; 28]].concat();
/// let raw = RawPacket {
///     number: 1,
///     stamp: Timestamp::from_millis(0),
///     wire_len: arp.len() as u32,
///     link: LinkType::ETHERNET,
///     data: &arp,
/// };
/// let Decoded::Skipped(skipped) = Decoder::new(true, true).decode(&raw) else { panic!("ARP is no IP packet") };
/// assert_eq!(skipped.reason, SkipReason::NotIp);
/// assert_eq!(skipped.ether_type, Some(0x0806));
/// assert_eq!(skipped.payload_offset, 14);
/// ```
#[derive(Debug)]
pub struct Decoder {
    clock: Timestamp,
    tunnels: bool,
    fragments: bool,
    table: FragmentTable,
}

impl Decoder {
    /// A decoder that unwraps tunnels (`tunnels`) and gives later fragments to the flow of their first (`fragments`).
    pub fn new(tunnels: bool, fragments: bool) -> Self {
        Self { clock: Timestamp::MIN, tunnels, fragments, table: FragmentTable::default() }
    }

    /// What `raw` is. Moves the clock when it is a packet.
    #[inline]
    pub fn decode(&mut self, raw: &RawPacket<'_>) -> Decoded {
        let data = &raw.data[..raw.data.len().min(u32::MAX as usize - 1)];
        let mut layer = LinkLayer::UNREAD;
        match self.frame(raw, data, &mut layer) {
            Ok(info) => {
                self.clock = info.clock;
                Decoded::Packet(info)
            }
            Err(reason) => Decoded::Skipped(Skipped {
                reason,
                mac_offset: (layer.mac_offset != NO_MAC).then_some(layer.mac_offset),
                ether_type: layer.ether_type,
                payload_offset: layer.payload_offset.min(data.len()) as u32,
            }),
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

    #[inline(always)]
    fn frame(&mut self, raw: &RawPacket<'_>, data: &[u8], layer: &mut LinkLayer) -> Result<PacketInfo, SkipReason> {
        let mut depth = Depth::default();
        let (network, at) = link::read(raw.link, data, layer, &mut depth)?;
        let frame =
            Frame { data, wire_len: raw.wire_len, clock: self.clock.max(raw.stamp), mac_offset: layer.mac_offset };
        let mut around = Around { vlan_id: layer.vlan_id, tunnel: None, tunnel_key: 0, flags: PacketFlags::default() };
        if (data.len() as u64) < u64::from(raw.wire_len) {
            around.flags.insert(PacketFlags::CUT);
        }
        self.packet(&frame, Place { at, stated_end: usize::MAX, network, depth }, around)
    }

    /// The innermost packet of the IP packet at `place`.
    #[inline(always)]
    fn packet(&mut self, frame: &Frame<'_>, mut place: Place, around: Around) -> Result<PacketInfo, SkipReason> {
        let ip_offset = place.at;
        let ip = ip::read(frame.data, frame.wire_len, &mut place)?;
        if ip.fragment == Fragment::No {
            return self.content(frame, &ip, ip_offset, place, around);
        }
        self.fragment(frame, &ip, ip_offset, place, around)
    }

    /// The innermost packet in what follows an IP header.
    #[inline(always)]
    fn content(
        &mut self,
        frame: &Frame<'_>,
        ip: &IpHeader,
        ip_offset: usize,
        place: Place,
        around: Around,
    ) -> Result<PacketInfo, SkipReason> {
        match ip.protocol {
            IP_IN_IP => return self.packet_within(frame, Place { network: Network::Ipv4, ..place }, around),
            IPV6_IN_IP => return self.packet_within(frame, Place { network: Network::Ipv6, ..place }, around),
            _ => {}
        }
        let info = frame.transport(ip, ip_offset, &place, around);
        if self.tunnels
            && ip.protocol == transport::UDP
            && (tunnel::is_tunnel_port(info.src_port) || tunnel::is_tunnel_port(info.dst_port))
        {
            return self.tunnelled(frame, info, place, around);
        }
        Ok(info)
    }

    /// The innermost packet of a fragment.
    #[cold]
    #[inline(never)]
    fn fragment(
        &mut self,
        frame: &Frame<'_>,
        ip: &IpHeader,
        ip_offset: usize,
        place: Place,
        around: Around,
    ) -> Result<PacketInfo, SkipReason> {
        let id = match ip.fragment {
            Fragment::Later(id) => return self.later_fragment(frame, ip, ip_offset, place.at, id, around),
            Fragment::First(id) => Some(id).filter(|_| self.fragments),
            Fragment::No => None,
        };
        let mut info = self.content(frame, ip, ip_offset, place, around)?;
        info.flags.insert(PacketFlags::FRAGMENT);
        if let Some(id) = id {
            self.table.insert(fragment_key(ip, id, around), first_fragment(&info), frame.clock);
        }
        Ok(info)
    }

    /// [`packet`](Self::packet), one packet further inside.
    #[cold]
    #[inline(never)]
    fn packet_within(&mut self, frame: &Frame<'_>, place: Place, around: Around) -> Result<PacketInfo, SkipReason> {
        self.packet(frame, place, around)
    }

    /// The innermost packet in the tunnel that the UDP packet `outer` may be; `outer` itself when it is none.
    #[cold]
    #[inline(never)]
    fn tunnelled(
        &mut self,
        frame: &Frame<'_>,
        mut outer: PacketInfo,
        place: Place,
        around: Around,
    ) -> Result<PacketInfo, SkipReason> {
        let inner = tunnel::open(frame.data, place.at, place.stated_end, place.depth).and_then(|inner| {
            let flags = around.flags.union(PacketFlags::TUNNEL_KEY);
            let around = Around { tunnel: Some(inner.tunnel), tunnel_key: inner.key, flags, ..around };
            self.packet(frame, inner.place, around)
        });
        match inner {
            Err(SkipReason::Truncated) => outer.flags.insert(PacketFlags::INNER_UNKNOWN),
            Err(SkipReason::NotIp | SkipReason::BadIpHeader) => {}
            inner_or_skipped => return inner_or_skipped,
        }
        Ok(outer)
    }

    /// A packet of the flow that its first fragment was given. Its sizes are its own: those of the fragment.
    fn later_fragment(
        &mut self,
        frame: &Frame<'_>,
        ip: &IpHeader,
        ip_offset: usize,
        data_offset: usize,
        id: u32,
        around: Around,
    ) -> Result<PacketInfo, SkipReason> {
        if !self.fragments {
            return Err(SkipReason::FragmentsOff);
        }
        let first =
            self.table.find(&fragment_key(ip, id, around), frame.clock).ok_or(SkipReason::FragmentWithoutFirst)?;
        let data_len = ip.ip_len.saturating_sub(ip.header_len);
        let flags = around.flags.union(first.flags);
        Ok(PacketInfo {
            src: first.src,
            dst: first.dst,
            clock: frame.clock,
            wire_len: frame.wire_len,
            ip_len: ip.ip_len,
            transport_len: data_len,
            payload_len: data_len,
            ip_offset: ip_offset as u32,
            transport_offset: frame.offset(data_offset),
            payload_offset: frame.offset(data_offset),
            mac_offset: frame.mac_offset,
            tunnel_key: first.tunnel_key,
            src_port: first.src_port,
            dst_port: first.dst_port,
            vlan_id: first.vlan_id,
            ip_version: first.ip_version,
            ip_protocol: first.ip_protocol,
            tcp_flags: TcpFlags::default(),
            flags: flags.union(PacketFlags::FRAGMENT).union(PacketFlags::LATER_FRAGMENT),
            tunnel: first.tunnel,
        })
    }
}

/// What is the same for all packets within packets of a frame.
struct Frame<'a> {
    data: &'a [u8],
    wire_len: u32,
    /// The clock of the capture, should the frame be accepted.
    clock: Timestamp,
    mac_offset: u32,
}

impl Frame<'_> {
    /// The packet whose transport header stands at `place`.
    #[inline(always)]
    fn transport(&self, ip: &IpHeader, ip_offset: usize, place: &Place, around: Around) -> PacketInfo {
        let transport_len = ip.ip_len.saturating_sub(ip.header_len);
        let end = place.stated_end.min(self.data.len());
        let header = self.data.get(place.at..end).unwrap_or_default();
        let transport = transport::read(ip.protocol, header, transport_len);
        let mut flags = around.flags;
        if transport.ports_unknown {
            flags.insert(PacketFlags::PORTS_UNKNOWN);
        }
        if transport.header_len.is_none() {
            flags.insert(PacketFlags::PAYLOAD_UNKNOWN);
        }
        let header_len = transport.header_len.unwrap_or(u32::MAX);
        PacketInfo {
            src: ip.src,
            dst: ip.dst,
            clock: self.clock,
            wire_len: self.wire_len,
            ip_len: ip.ip_len,
            transport_len,
            payload_len: transport_len.saturating_sub(header_len),
            ip_offset: ip_offset as u32,
            transport_offset: self.offset(place.at),
            payload_offset: self.offset(place.at.saturating_add(header_len as usize)),
            mac_offset: self.mac_offset,
            tunnel_key: around.tunnel_key,
            src_port: transport.src_port,
            dst_port: transport.dst_port,
            vlan_id: around.vlan_id,
            ip_version: ip.version,
            ip_protocol: ip.protocol,
            tcp_flags: transport.tcp_flags,
            flags,
            tunnel: around.tunnel,
        }
    }

    /// An offset as packets tell it: never beyond the captured bytes.
    #[inline(always)]
    fn offset(&self, at: usize) -> u32 {
        at.min(self.data.len()) as u32
    }
}

/// What the headers around an IP packet say of it.
#[derive(Clone, Copy)]
struct Around {
    vlan_id: u16,
    tunnel: Option<Tunnel>,
    tunnel_key: u32,
    flags: PacketFlags,
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
    let lasting = PacketFlags::PORTS_UNKNOWN.union(PacketFlags::TUNNEL_KEY).union(PacketFlags::INNER_UNKNOWN);
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

const IP_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
