//! Tunnels by option: what lies between an outer UDP or IP header and an inner packet.
//!
//! A port or an IP protocol number alone proves nothing: what does not read as the tunnel's header with an IP packet
//! behind it, or with a frame that has an IP packet in it, is left alone.

mod erspan;
mod gre;
mod gtp;
mod overlay;
mod port;
mod sensor;
mod teredo;

pub(super) use gre::open as open_gre;
pub(super) use port::announced;

use crate::packet::bytes::{Depth, be16, stated};
use crate::packet::ip::Place;
use crate::packet::link::{self, LinkLayer, Network};
use crate::packet::{DecodeOptions, SkipReason, Tunnel};

/// An opened tunnel: where its inner IP header begins, and what is told on the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    pub(super) tunnel: Tunnel,
    /// The tunnel's own key.
    pub(super) key: Option<u32>,
    /// The link layer of the frame it carries; `None` when it carries IP without one.
    pub(super) layer: Option<LinkLayer>,
    pub(super) network: Network,
    pub(super) place: Place,
}

/// What stands in a UDP datagram or, for GRE, in an IP packet.
#[derive(Clone, Copy, Debug)]
struct Content<'a> {
    /// All captured bytes of the frame.
    data: &'a [u8],
    /// Where it begins.
    at: usize,
    /// Where it ends by its own word, which in a first fragment is more than there is.
    own_end: usize,
    /// Where it ends by the word of all headers around it.
    end: usize,
    depth: Depth,
}

/// Opens the tunnel that the UDP datagram at `datagram` may be, one of whose ports is `port`.
///
/// # Errors
///
/// [`SkipReason::Truncated`] when the capture ends before it can be told whether there is a tunnel with an IP packet in
/// it, [`SkipReason::TooDeep`], and anything else when there is none.
#[inline(always)]
pub(super) fn open(data: &[u8], datagram: Place, port: u16, options: DecodeOptions) -> Result<Inner, SkipReason> {
    let Place { at, stated_end, depth } = datagram;
    let tunnel = port::tunnel(port).filter(|tunnel| options.tunnels.contains(*tunnel)).ok_or(SkipReason::NotIp)?;
    let header = stated::<8>(data, at, stated_end)?;
    let udp_len = usize::from(be16(header[4], header[5]));
    // Length 0 stands for a datagram too long to say (offload, jumbograms).
    let own_end = if udp_len == 0 { stated_end } else { at + udp_len };
    let content = Content { data, at: at + 8, own_end, end: stated_end.min(own_end), depth: depth.enter()? };
    match tunnel {
        Tunnel::GtpU => gtp::open(content),
        Tunnel::Vxlan if port == port::VXLAN_GPE => overlay::vxlan_gpe(content),
        Tunnel::Vxlan => overlay::vxlan(content),
        Tunnel::Geneve => overlay::geneve(content),
        Tunnel::Teredo => teredo::open(content),
        Tunnel::Tzsp => content
            .frame(tunnel, None, |data, layer, depth| sensor::tzsp(data, content.at, options.radio_macs, layer, depth)),
        Tunnel::Capwap => content.frame(tunnel, None, |data, layer, depth| {
            sensor::capwap(data, content.at, options.radio_macs, layer, depth)
        }),
        // These have no port.
        Tunnel::Gre | Tunnel::Erspan => Err(SkipReason::NotIp),
    }
}

impl<'a> Content<'a> {
    /// The `N` bytes at `at`, which are to lie within what the headers around say.
    fn bytes<const N: usize>(&self, at: usize) -> Result<&'a [u8; N], SkipReason> {
        stated::<N>(self.data, at, self.end)
    }

    /// The tunnel with an IP packet at `at`.
    fn packet(&self, tunnel: Tunnel, key: Option<u32>, network: Network, at: usize) -> Inner {
        let place = Place { at, stated_end: self.end, depth: self.depth };
        Inner { tunnel, key, layer: None, network, place }
    }

    /// The tunnel with a frame, to whose IP header `read` finds the way.
    fn frame(
        &self,
        tunnel: Tunnel,
        key: Option<u32>,
        read: impl FnOnce(&[u8], &mut LinkLayer, &mut Depth) -> link::Found,
    ) -> Result<Inner, SkipReason> {
        let (mut layer, mut depth) = (LinkLayer::UNREAD, self.depth);
        // A frame's own headers are bounded by what was captured: here that is what lies in the tunnel.
        let content = self.data.get(..self.end.min(self.data.len())).unwrap_or_default();
        let (network, at) = match read(content, &mut layer, &mut depth) {
            // It is not the capture that ends there, but the tunnel.
            Err(SkipReason::Truncated) if self.end <= self.data.len() => return Err(SkipReason::NotIp),
            read => read?,
        };
        let place = Place { at, stated_end: self.end, depth };
        Ok(Inner { tunnel, key, layer: Some(layer), network, place })
    }

    /// The tunnel with an Ethernet frame at `at`.
    fn ethernet(&self, tunnel: Tunnel, key: Option<u32>, at: usize) -> Result<Inner, SkipReason> {
        self.frame(tunnel, key, |data, layer, depth| link::ethernet(data, at, layer, depth))
    }

    /// The tunnel with what an EtherType names at `at`.
    fn by_ether_type(&self, tunnel: Tunnel, key: Option<u32>, ether_type: u16, at: usize) -> Result<Inner, SkipReason> {
        match ether_type {
            link::IPV4 => Ok(self.packet(tunnel, key, Network::Ipv4, at)),
            link::IPV6 => Ok(self.packet(tunnel, key, Network::Ipv6, at)),
            TRANSPARENT_ETHERNET => self.ethernet(tunnel, key, at),
            link::MPLS | link::MPLS_MULTICAST => self.headers(tunnel, key, |data, depth| link::mpls(data, at, depth)),
            _ => Err(SkipReason::NotIp),
        }
    }

    /// The tunnel with headers that belong to no link, through which `read` finds the way to an IP header.
    fn headers(
        &self,
        tunnel: Tunnel,
        key: Option<u32>,
        read: impl FnOnce(&[u8], &mut Depth) -> link::Found,
    ) -> Result<Inner, SkipReason> {
        Ok(Inner { layer: None, ..self.frame(tunnel, key, |data, _, depth| read(data, depth))? })
    }
}

/// Whether an EtherType names what [`Content::by_ether_type`] follows.
const fn is_carried(ether_type: u16) -> bool {
    matches!(ether_type, link::IPV4 | link::IPV6 | TRANSPARENT_ETHERNET | link::MPLS | link::MPLS_MULTICAST)
}

/// The EtherType of a whole Ethernet frame (RFC 1701: transparent Ethernet bridging).
const TRANSPARENT_ETHERNET: u16 = 0x6558;
