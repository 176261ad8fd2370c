//! What kind an address is, by IANA's special-purpose registries (RFC 6890 and its successors).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::pipeline::Label;

/// What an address says of itself. Only [`AddressKind::Global`] ones are worth asking the DNS about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressKind {
    /// Any other address.
    Global,
    /// Private use (10/8, 172.16/12, 192.168/16), shared address space (100.64/10), unique local (fc00::/7), and the
    /// unspecified address, which a host has before it has one (0.0.0.0, ::).
    Internal,
    /// The host itself: 127/8, ::1.
    Loopback,
    /// The link only: 169.254/16, fe80::/10.
    LinkLocal,
    /// The groups of multicast DNS (RFC 6762): 224.0.0.251, ff02::fb.
    MulticastDns,
    /// Any other group: 224/4, ff00::/8.
    Multicast,
    /// Everybody on the link: 255.255.255.255.
    Broadcast,
    /// Nobody's on the internet: documentation (192.0.2/24, 198.51.100/24, 203.0.113/24, 2001:db8::/32, 3fff::/20),
    /// benchmarks (198.18/15, 2001:2::/48), protocols' own use (192.0.0/24), addresses that go nowhere (100::/64),
    /// identifiers (2001:10::/28, 5f00::/16), and what waits for its use (0/8, 240/4).
    Reserved,
}

impl AddressKind {
    /// The kind of an address. An IPv4 address that is mapped into IPv6 (::ffff:0:0/96) is what it is as IPv4.
    #[inline]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address.to_bits()),
            IpAddr::V6(address) => Self::of_v6(address.to_bits()),
        }
    }

    /// The word for it: `internal`, `loopback`, `link_local`, `multicast_dns`, `multicast`, `broadcast`,
    /// `reserved`; `None` for a global one.
    pub fn name(self) -> Option<&'static str> {
        Label::of(self).and_then(Label::name)
    }

    /// The kind of the address that `number` is in this IP version.
    #[inline]
    pub(super) fn of_number(ip_version: u8, number: u128) -> Self {
        if ip_version == 6 { Self::of_v6(number) } else { Self::of_v4(number as u32) }
    }

    #[inline]
    fn of_v4(number: u32) -> Self {
        match number >> 24 {
            10 => Self::Internal,
            127 => Self::Loopback,
            100 if number >> 22 == 0x6440_0000 >> 22 => Self::Internal,
            169 if number >> 16 == 0xa9fe => Self::LinkLocal,
            172 if number >> 20 == 0xac1 => Self::Internal,
            192 if number >> 16 == 0xc0a8 => Self::Internal,
            224..=239 if number == MDNS_V4.to_bits() => Self::MulticastDns,
            224..=239 => Self::Multicast,
            255 if number == u32::MAX => Self::Broadcast,
            0 if number == 0 => Self::Internal,
            0 | 240..=255 => Self::Reserved,
            192 if matches!(number >> 8, 0xc0_0000 | 0xc0_0002) => Self::Reserved,
            198 if number >> 17 == 0xc612 >> 1 || number >> 8 == 0xc6_3364 => Self::Reserved,
            203 if number >> 8 == 0xcb_0071 => Self::Reserved,
            _ => Self::Global,
        }
    }

    fn of_v6(number: u128) -> Self {
        match (number >> 112) as u16 {
            0xff00..=0xffff if number == MDNS_V6.to_bits() => Self::MulticastDns,
            0xff00..=0xffff => Self::Multicast,
            0xfe80..=0xfebf => Self::LinkLocal,
            0xfc00..=0xfdff => Self::Internal,
            0 if number == 0 => Self::Internal,
            0 if number == 1 => Self::Loopback,
            0 if number >> 32 == 0xffff => Self::of_v4(number as u32),
            // NAT64 within a network (RFC 8215).
            0x0064 if number >> 80 == 0x0064_ff9b_0001 => Self::Internal,
            0x0100 if number >> 64 == 0x0100 << 48 => Self::Reserved,
            0x2001 if number >> 96 == 0x2001_0db8 || number >> 80 == 0x2001_0002_0000 => Self::Reserved,
            0x2001 if number >> 100 == 0x200_1001 => Self::Reserved,
            0x3fff if number >> 108 == 0x3_fff0 => Self::Reserved,
            0x5f00 => Self::Reserved,
            _ => Self::Global,
        }
    }
}

const MDNS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const MDNS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_every_range_are_told() {
        use AddressKind::*;
        for (text, kind) in [
            ("9.255.255.255", Global),
            ("10.0.0.0", Internal),
            ("10.255.255.255", Internal),
            ("11.0.0.0", Global),
            ("100.63.255.255", Global),
            ("100.64.0.0", Internal),
            ("100.127.255.255", Internal),
            ("100.128.0.0", Global),
            ("126.255.255.255", Global),
            ("127.0.0.1", Loopback),
            ("128.0.0.0", Global),
            ("169.253.255.255", Global),
            ("169.254.1.1", LinkLocal),
            ("169.255.0.0", Global),
            ("172.15.255.255", Global),
            ("172.16.0.0", Internal),
            ("172.20.0.1", Internal),
            ("172.31.255.255", Internal),
            ("172.32.0.0", Global),
            ("192.167.255.255", Global),
            ("192.168.0.0", Internal),
            ("192.169.0.0", Global),
            ("223.255.255.255", Global),
            ("224.0.0.1", Multicast),
            ("224.0.0.251", MulticastDns),
            ("239.255.255.250", Multicast),
            ("240.0.0.0", Reserved),
            ("255.255.255.254", Reserved),
            ("255.255.255.255", Broadcast),
            ("0.0.0.0", Internal),
            ("0.0.0.1", Reserved),
            ("::", Internal),
            ("::1", Loopback),
            ("::2", Global),
            ("fbff::1", Global),
            ("fc00::1", Internal),
            ("fdff::1", Internal),
            ("fe00::1", Global),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("fec0::1", Global),
            ("ff02::1", Multicast),
            ("ff02::fb", MulticastDns),
            ("ff05::fb", Multicast),
            ("0.255.255.255", Reserved),
            ("1.0.0.0", Global),
            ("192.0.0.255", Reserved),
            ("192.0.1.0", Global),
            ("192.0.2.0", Reserved),
            ("192.0.2.255", Reserved),
            ("192.0.3.0", Global),
            ("198.17.255.255", Global),
            ("198.18.0.0", Reserved),
            ("198.19.255.255", Reserved),
            ("198.20.0.0", Global),
            ("198.51.99.255", Global),
            ("198.51.100.0", Reserved),
            ("198.51.101.0", Global),
            ("203.0.112.255", Global),
            ("203.0.113.255", Reserved),
            ("203.0.114.0", Global),
            ("64:ff9b::808:808", Global),
            ("64:ff9b:1::1", Internal),
            ("64:ff9b:2::1", Global),
            ("100::1", Reserved),
            ("100:0:0:1::1", Global),
            ("2001::1", Global),
            ("2001:2::1", Reserved),
            ("2001:2:1::1", Global),
            ("2001:10::1", Reserved),
            ("2001:1f::1", Reserved),
            ("2001:20::1", Global),
            ("2001:db7:ffff::1", Global),
            ("2001:db8::1", Reserved),
            ("2001:db8:ffff::1", Reserved),
            ("2001:db9::1", Global),
            ("3ffe:ffff::1", Global),
            ("3fff:fff::1", Reserved),
            ("3fff:1000::1", Global),
            ("5f00::1", Reserved),
            ("5f01::1", Global),
            ("::ffff:10.1.2.3", Internal),
            ("::ffff:8.8.8.8", Global),
        ] {
            assert_eq!(AddressKind::of(text.parse().unwrap()), kind, "{text}");
        }
    }
}
