//! What decoding is asked to do: which tunnels to open, what to do with fragments, which protocols have ports.

use crate::packet::Tunnel;

/// How a [`Decoder`](crate::packet::Decoder) decodes.
///
/// By default every tunnel is opened, tunnels of one kind are one, later fragments go to the flow of their first, all protocols that have ports show
/// them, and 802.11 frames show their source and destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub struct DecodeOptions {
    pub(super) tunnels: Tunnels,
    pub(super) tunnel_keys: bool,
    pub(super) fragments: bool,
    pub(super) ports: Ports,
    pub(super) radio_macs: RadioMacs,
}

impl DecodeOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            tunnels: Tunnels::ALL,
            tunnel_keys: false,
            fragments: true,
            ports: Ports::All,
            radio_macs: RadioMacs::SourceAndDestination,
        }
    }

    /// What nfstream 6.6.0 decodes: GTP-U, TZSP and CAPWAP; no later fragments; ports of TCP and UDP only; the second and
    /// third address of 802.11.
    pub const fn nfstream() -> Self {
        Self {
            tunnels: Tunnels::NONE.with(Tunnel::GtpU).with(Tunnel::Tzsp).with(Tunnel::Capwap),
            tunnel_keys: false,
            fragments: false,
            ports: Ports::TcpAndUdp,
            radio_macs: RadioMacs::SecondAndThird,
        }
    }

    /// The tunnels whose inner packets are decoded; of others the outer packet is. Defaults to [`Tunnels::ALL`].
    ///
    /// IP-in-IP, 6in4 and their kin are always unwrapped.
    pub const fn tunnels(mut self, tunnels: Tunnels) -> Self {
        self.tunnels = tunnels;
        self
    }

    /// What was said: tunnels, tunnel keys, fragments, ports, addresses of 802.11.
    pub(crate) const fn effective(&self) -> (Tunnels, bool, bool, Ports, RadioMacs) {
        (self.tunnels, self.tunnel_keys, self.fragments, self.ports, self.radio_macs)
    }

    /// Whether packets of tunnels of one kind with different keys ([`PacketInfo::tunnel_key`]) belong to different flows:
    /// hosts of two networks may have the same addresses. Off by default. A tunnel without a key counts as one with key 0.
    ///
    /// What is chosen by each end for itself, a TEID of GTP-U or a call id of PPTP, differs by direction: with this, the
    /// two directions of a flow in such a tunnel are two flows.
    ///
    /// [`PacketInfo::tunnel_key`]: crate::packet::PacketInfo::tunnel_key
    pub const fn tunnel_keys(mut self, on: bool) -> Self {
        self.tunnel_keys = on;
        self
    }

    /// Whether later fragments go to the flow of their first; without, they are skipped as
    /// [`SkipReason::FragmentsOff`](crate::packet::SkipReason::FragmentsOff). On by default.
    pub const fn fragments(mut self, on: bool) -> Self {
        self.fragments = on;
        self
    }

    /// Which protocols have ports. Defaults to [`Ports::All`].
    pub const fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// Which addresses of an 802.11 frame are its MAC addresses. Defaults to [`RadioMacs::SourceAndDestination`].
    pub const fn radio_macs(mut self, macs: RadioMacs) -> Self {
        self.radio_macs = macs;
        self
    }
}

/// [`DecodeOptions::new`].
impl Default for DecodeOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A set of kinds of tunnels.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Tunnels(u16);

impl Tunnels {
    /// Every kind that is decoded.
    pub const ALL: Self = {
        let (mut all, mut nth) = (Self::NONE, 0);
        while nth < Tunnel::ALL.len() {
            all = all.with(Tunnel::ALL[nth]);
            nth += 1;
        }
        all
    };
    /// No tunnel.
    pub const NONE: Self = Self(0);

    /// This set and `tunnel`.
    #[must_use]
    pub const fn with(self, tunnel: Tunnel) -> Self {
        Self(self.0 | 1 << tunnel as u8)
    }

    /// Whether `tunnel` is in the set.
    #[inline]
    pub const fn contains(self, tunnel: Tunnel) -> bool {
        self.0 & 1 << tunnel as u8 != 0
    }
}

/// The protocols whose packets have ports.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Ports {
    /// TCP, UDP, UDP-Lite, SCTP and DCCP, as much of them as was captured.
    #[default]
    All,
    /// TCP and UDP only, and only with all of their headers: a TCP segment of fewer than 20 bytes, or a UDP datagram of
    /// fewer than 8, by the length in its IP header, has ports 0, no flags, and no bytes of transport. nfstream's rule.
    TcpAndUdp,
}

/// Which addresses of an 802.11 data frame are the MAC addresses of its packet.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RadioMacs {
    /// Source and destination, which stand where To DS and From DS say (IEEE 802.11-2020, table 9-30).
    #[default]
    SourceAndDestination,
    /// Address 2 as source and address 3 as destination, whatever they stand for. nfstream's rule.
    SecondAndThird,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_tunnels_holds_what_was_put_in() {
        for tunnel in Tunnel::ALL {
            assert!(Tunnels::ALL.contains(tunnel) && !Tunnels::NONE.contains(tunnel));
            let alone = Tunnels::NONE.with(tunnel);
            let held: Vec<_> = Tunnel::ALL.into_iter().filter(|tunnel| alone.contains(*tunnel)).collect();
            assert_eq!(held, [tunnel]);
        }
    }
}
