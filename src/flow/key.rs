//! What makes packets one flow: the key, the direction of a packet in it, and the keyed hash.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use foldhash::fast::SeedableRandomState;

use crate::tunnel::Tunnel;

/// What all packets of a flow have in common, in both directions (RFC 7011 flow key).
///
/// The two ends stand in canonical order: `low` is the smaller (address, port) pair.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowKey {
    low: u128,
    high: u128,
    /// Port of the low end, port of the high end, VLAN id (16 bits each), IP version, kind of tunnel (4 bits each) and
    /// protocol (8 bits), from the lowest bit on: one comparison instead of six.
    numbers: u64,
    tunnel_key: u32,
}

/// A [`FlowKey`] as plain numbers: both addresses, what else is in 64 bits, and the tunnel's own key.
pub(crate) type KeyParts = ([u128; 2], u64, u32);

/// Which way a packet of a flow goes; the flow's first packet goes from source to destination.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// As the first packet (RFC 5103 forward).
    SrcToDst = 0,
    /// Against it (RFC 5103 reverse).
    DstToSrc = 1,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn turned(self) -> Self {
        match self {
            Self::SrcToDst => Self::DstToSrc,
            Self::DstToSrc => Self::SrcToDst,
        }
    }
}

impl FlowKey {
    /// What stands where there is no key yet.
    pub(crate) const EMPTY: Self = Self { low: 0, high: 0, numbers: 0, tunnel_key: 0 };

    /// The key of a packet from `src` to `dst`, and whether canonical order turned the two ends around.
    ///
    /// Addresses are numbers in network order, of 32 bits in IP version 4. Equal ends are never turned.
    #[inline]
    pub fn new(ip_version: u8, ip_protocol: u8, src: (u128, u16), dst: (u128, u16), vlan_id: u16) -> (Self, bool) {
        let turned = src > dst;
        let (low, high) = if turned { (dst, src) } else { (src, dst) };
        let numbers = u64::from(low.1)
            | u64::from(high.1) << 16
            | u64::from(vlan_id) << 32
            | u64::from(ip_version & 0xf) << 48
            | u64::from(ip_protocol) << 56;
        (Self { low: low.0, high: high.0, numbers, tunnel_key: 0 }, turned)
    }

    /// As [`FlowKey::new`], of a packet of IP version 4 without a VLAN tag.
    #[inline(always)]
    pub(crate) fn new_v4(ip_protocol: u8, src: (u32, u16), dst: (u32, u16)) -> (Self, bool) {
        let end = |(address, port): (u32, u16)| u64::from(address) << 16 | u64::from(port);
        let (src, dst) = (end(src), end(dst));
        let (low, high) = (src.min(dst), src.max(dst));
        let numbers = low & 0xffff | (high & 0xffff) << 16 | 4 << 48 | u64::from(ip_protocol) << 56;
        let (low, high) = (u128::from(low >> 16), u128::from(high >> 16));
        (Self { low, high, numbers, tunnel_key: 0 }, src > dst)
    }

    /// The same key inside a tunnel of this kind; `key` is the tunnel's own where tunnels with different keys are kept
    /// apart, else 0.
    #[must_use]
    #[inline]
    pub fn in_tunnel(mut self, tunnel: Option<Tunnel>, key: u32) -> Self {
        self.numbers = self.numbers & !TUNNEL | tunnel.map_or(0, |tunnel| tunnel as u64 + 1) << TUNNEL_AT;
        self.tunnel_key = key;
        self
    }

    /// The same key inside the tunnel that `other` is in.
    #[must_use]
    pub(super) fn in_tunnel_of(self, other: &Self) -> Self {
        self.in_tunnel(other.tunnel(), other.tunnel_key)
    }

    /// The end that comes first in canonical order, or the other one: address and port.
    pub fn end(&self, high: bool) -> (IpAddr, u16) {
        let (address, port) = if high { (self.high, self.numbers >> 16) } else { (self.low, self.numbers) };
        (ip_addr(self.ip_version(), address), port as u16)
    }

    /// IP protocol number (IANA protocol numbers).
    pub const fn ip_protocol(&self) -> u8 {
        (self.numbers >> 56) as u8
    }

    /// 4 or 6.
    pub const fn ip_version(&self) -> u8 {
        (self.numbers >> 48) as u8 & 0xf
    }

    /// The kind of tunnel its packets came out of.
    pub fn tunnel(&self) -> Option<Tunnel> {
        let kind = (self.numbers & TUNNEL) >> TUNNEL_AT;
        Tunnel::ALL.get((kind as usize).wrapping_sub(1)).copied()
    }

    #[inline(always)]
    pub(crate) const fn parts(&self) -> KeyParts {
        ([self.low, self.high], self.numbers, self.tunnel_key)
    }

    #[inline(always)]
    pub(crate) const fn from_parts(([low, high], numbers, tunnel_key): KeyParts) -> Self {
        Self { low, high, numbers, tunnel_key }
    }

    /// The innermost VLAN id; 0 without one.
    pub const fn vlan_id(&self) -> u16 {
        (self.numbers >> 32) as u16
    }
}

fn ip_addr(version: u8, number: u128) -> IpAddr {
    if version == 6 { IpAddr::V6(number.into()) } else { IpAddr::V4((number as u32).into()) }
}

/// The keyed hash of flow keys: one for the table of a meter, another, with its own key, to pick a worker.
#[derive(Clone, Debug)]
pub struct FlowHasher(SeedableRandomState);

impl FlowHasher {
    /// A hash that nobody outside this process can predict.
    pub fn random() -> Self {
        Self(SeedableRandomState::random())
    }

    /// A hash that is the same in every process.
    pub fn fixed() -> Self {
        Self(SeedableRandomState::fixed())
    }

    /// The hash of `key`.
    #[inline]
    pub fn hash(&self, key: &FlowKey) -> u64 {
        let mut hasher = self.0.build_hasher();
        if key.ip_version() == 4 {
            hasher.write_u64(key.low as u64 | (key.high as u64) << 32);
        } else {
            hasher.write_u128(key.low);
            hasher.write_u128(key.high);
        }
        hasher.write_u64(key.numbers);
        hasher.write_u64(u64::from(key.tunnel_key));
        hasher.finish()
    }
}

const TUNNEL_AT: u32 = 52;
/// The bits that tell the kind of tunnel: 0 for none.
const TUNNEL: u64 = 0xf << TUNNEL_AT;
const _: () = assert!(Tunnel::ALL.len() < 0xf);

#[cfg(test)]
mod tests {
    use super::*;

    const A: (u128, u16) = (0x0a00_0001, 1000);
    const B: (u128, u16) = (0x0a00_0002, 80);

    #[test]
    fn both_directions_have_one_key() {
        let (there, turned_there) = FlowKey::new(4, 6, A, B, 0);
        let (back, turned_back) = FlowKey::new(4, 6, B, A, 0);
        assert_eq!(there, back);
        assert_eq!((turned_there, turned_back), (false, true));
    }

    #[test]
    fn a_key_of_version_4_is_the_same_however_it_is_made() {
        for (src, dst) in [(A, B), (B, A), (A, A), ((A.0, 7), A), ((u128::from(u32::MAX), 65_535), (0, 0))] {
            let narrow = |(address, port): (u128, u16)| (address as u32, port);
            assert_eq!(FlowKey::new_v4(17, narrow(src), narrow(dst)), FlowKey::new(4, 17, src, dst, 0));
        }
    }

    #[test]
    fn every_part_of_the_key_tells_flows_apart() {
        let key = FlowKey::new(4, 6, A, B, 0).0;
        let others = [
            FlowKey::new(6, 6, A, B, 0).0,
            FlowKey::new(4, 17, A, B, 0).0,
            FlowKey::new(4, 6, (A.0, 1001), B, 0).0,
            FlowKey::new(4, 6, A, (B.0 + 1, 80), 0).0,
            FlowKey::new(4, 6, A, B, 10).0,
            key.in_tunnel(Some(Tunnel::GtpU), 0),
            key.in_tunnel(Some(Tunnel::Vxlan), 0),
            key.in_tunnel(Some(Tunnel::Vxlan), 7),
        ];
        let hasher = FlowHasher::random();
        for (nth, other) in others.iter().enumerate() {
            for another in others[..nth].iter().chain([&key]) {
                assert_ne!(other, another);
                assert_ne!(hasher.hash(other), hasher.hash(another), "{other:?}, {another:?}");
            }
        }
    }

    #[test]
    fn the_fixed_hash_is_the_same_everywhere_and_the_random_one_is_not() {
        let key = FlowKey::new(4, 6, A, B, 0).0;
        assert_eq!(FlowHasher::fixed().hash(&key), FlowHasher::fixed().hash(&key));
        assert_ne!(FlowHasher::random().hash(&key), FlowHasher::random().hash(&key));
    }
}
