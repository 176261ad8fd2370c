//! Addresses of records replaced by others, the same for the same key, so that runs can be joined.
//!
//! [`Anonymizer::crypto_pan`] keeps prefixes: two addresses that share so many leading bits share as many afterwards (Xu,
//! Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, ICNP 2002). [`Anonymizer::blake2`] keeps nothing. Both are
//! permutations of all addresses of an IP version: no two become one, so counts of hosts stay right.
//!
//! Replaced are the two ends of the flow, the device's part of MAC addresses (of a locally administered one all of it; the
//! maker's OUI stays, groups stay but for those that IPv6 makes of a host's address), texts read out of payload that are an
//! address, as answers of DNS, and the address in a name that asks for that of an address (`1.2.0.192.in-addr.arpa`). What
//! else they say, other names above all, stays: do without `application_fields`, or without those columns, where it must not.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aes_gcm::KeyInit;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use blake2::Blake2bMac;
use blake2::digest::consts::U8;
use blake2::digest::{FixedOutput, Update};

use crate::error::{Error, Result};
use crate::flow::{FlowFlags, FlowKey, FlowRecord};

/// A way to replace addresses, with its key. Cheap to clone; `Debug` does not show the key.
#[derive(Clone)]
pub struct Anonymizer(Arc<Method>);

enum Method {
    CryptoPan {
        cipher: Box<Aes128>,
        pad: [u8; 16],
    },
    /// Rounds of a Feistel network (Luby, Rackoff 1988) whose function is keyed BLAKE2b (RFC 7693).
    Blake2(Blake2bMac<U8>),
}

/// What is permuted: a part of what the function is told, so that permutations of the same width differ.
#[derive(Clone, Copy)]
enum Domain {
    Ipv4 = 4,
    Ipv6 = 6,
    MacDevice = 1,
    MacLocal = 2,
}

impl Anonymizer {
    /// Crypto-PAn with a key of 32 bytes, as other implementations take it: that of AES, then what is encrypted to the
    /// padding.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a key of another length.
    pub fn crypto_pan(key: &[u8]) -> Result<Self> {
        let wrong = || wrong_key(key, "Crypto-PAn with a key of 32 bytes");
        let (aes, pad) = key.split_at_checked(16).ok_or_else(wrong)?;
        let pad = <[u8; 16]>::try_from(pad).map_err(|_| wrong())?;
        let cipher = Aes128::new_from_slice(aes).map_err(|_| wrong())?;
        let pad = encrypt(&cipher, pad);
        Ok(Self(Arc::new(Method::CryptoPan { cipher: Box::new(cipher), pad })))
    }

    /// A permutation by keyed BLAKE2b with a key of 16 to 64 bytes; it keeps no prefixes.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a key of another length.
    pub fn blake2(key: &[u8]) -> Result<Self> {
        let wrong = || wrong_key(key, "BLAKE2 with a key of 16 to 64 bytes");
        if key.len() < 16 {
            return Err(wrong());
        }
        let mac = Blake2bMac::new_from_slice(key).map_err(|_| wrong())?;
        Ok(Self(Arc::new(Method::Blake2(mac))))
    }

    /// What stands for this address.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        match (address, &*self.0) {
            (IpAddr::V4(address), Method::CryptoPan { cipher, pad }) => {
                let bits = crypto_pan(cipher, pad, u128::from(address.to_bits()) << 96, 32) >> 96;
                IpAddr::V4((bits as u32).into())
            }
            (IpAddr::V6(address), Method::CryptoPan { cipher, pad }) => {
                IpAddr::V6(crypto_pan(cipher, pad, address.to_bits(), 128).into())
            }
            (IpAddr::V4(address), Method::Blake2(_)) => {
                IpAddr::V4((self.permute(Domain::Ipv4, address.to_bits().into(), 16) as u32).into())
            }
            (IpAddr::V6(address), Method::Blake2(_)) => {
                IpAddr::V6(self.permute(Domain::Ipv6, address.to_bits(), 64).into())
            }
        }
    }

    /// What stands for this MAC address.
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        let [a, b, c, d, e, f] = mac;
        let is_of_a_host = [a, b, c] == SOLICITED_NODE;
        if a & GROUP != 0 && !is_of_a_host {
            return mac;
        }
        if a & LOCAL == 0 || is_of_a_host {
            let [.., d, e, f] =
                self.permute(Domain::MacDevice, u32::from_be_bytes([0, d, e, f]).into(), 12).to_be_bytes();
            return [a, b, c, d, e, f];
        }
        let mut bits = u128::from(u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        // Once more until it is locally administered and no group: among those it is a permutation (Black, Rogaway 2002).
        loop {
            bits = self.permute(Domain::MacLocal, bits, 24);
            let [.., a, b, c, d, e, f] = bits.to_be_bytes();
            if a & (LOCAL | GROUP) == LOCAL {
                return [a, b, c, d, e, f];
            }
        }
    }

    /// A permutation of numbers of twice so many bits.
    fn permute(&self, domain: Domain, number: u128, half: u32) -> u128 {
        let mask = u128::from(u64::MAX >> (u64::BITS - half));
        let (mut left, mut right) = (number >> half & mask, number & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ u128::from(self.scramble(domain, round, right as u64)) & mask);
        }
        left << half | right
    }

    /// A keyed function of what it is given.
    fn scramble(&self, domain: Domain, round: u8, half: u64) -> u64 {
        let told = [&[domain as u8, round][..], &half.to_be_bytes()].concat();
        match &*self.0 {
            Method::CryptoPan { cipher, pad } => {
                let mut block = *pad;
                block.iter_mut().zip(&told).for_each(|(byte, told)| *byte ^= told);
                let [a, b, c, d, e, f, g, h, ..] = encrypt(cipher, block);
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            Method::Blake2(mac) => {
                let mut mac = mac.clone();
                mac.update(&told);
                u64::from_be_bytes(mac.finalize_fixed().into())
            }
        }
    }

    /// A text that is an address, or an address and a port, or the name of one, with the address replaced.
    fn text(&self, text: &str) -> Option<String> {
        if let Some(name) = self.reverse_name(text) {
            return Some(name);
        }
        // Longer ones are none, and most others do not begin so.
        if text.len() > 64 || !text.starts_with(|first: char| first.is_ascii_hexdigit() || first == ':' || first == '[')
        {
            return None;
        }
        if let Ok(address) = text.parse() {
            return Some(self.address(address).to_string());
        }
        if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')?.parse().ok()) {
            return Some(format!("[{}]", self.address(address)));
        }
        let end: SocketAddr = text.parse().ok()?;
        Some(SocketAddr::new(self.address(end.ip()), end.port()).to_string())
    }

    /// The name by which DNS is asked for that of an address (RFC 1035 section 3.5, RFC 3596 section 2.5), with the address
    /// replaced. Where it is that of a network, what is not said of the address counts as 0.
    fn reverse_name(&self, text: &str) -> Option<String> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        let ends = |zone: &&Reverse| {
            let at = bare.len().checked_sub(zone.suffix.len());
            at.and_then(|at| bare.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(zone.suffix))
        };
        let Reverse { suffix, labels, bits, radix } = REVERSE.iter().find(ends)?;
        let name = &text[..bare.len() - suffix.len()];
        let (mut front, mut number, mut said) = (name.len(), 0u128, 0);
        for label in name.rsplit('.').take(*labels) {
            if !label.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                break;
            }
            let Some(part) = u8::from_str_radix(label, *radix).ok().filter(|part| u32::from(*part) >> bits == 0) else {
                break;
            };
            number = number << bits | u128::from(part);
            front = front.saturating_sub(label.len() + usize::from(said > 0));
            said += 1;
        }
        let width = *labels as u32 * bits;
        let number = number.checked_shl(width - said * bits).filter(|_| said > 0)?;
        let address = match *labels {
            4 => IpAddr::V4((number as u32).into()),
            _ => IpAddr::V6(number.into()),
        };
        let replaced = self::bits(self.address(address));
        let label = |nth: u32| {
            let part = replaced >> (width - (nth + 1) * bits) & ((1u128 << bits) - 1);
            if *radix == 16 { format!("{part:x}") } else { part.to_string() }
        };
        let labels: Vec<_> = (0..said).rev().map(label).collect();
        Some(format!("{}{}{}", &text[..front], labels.join("."), &text[name.len()..]))
    }
}

impl fmt::Debug for Anonymizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Method::CryptoPan { .. } => "Anonymizer(crypto_pan)",
            Method::Blake2(_) => "Anonymizer(blake2)",
        })
    }
}

impl FlowRecord {
    /// Replaces the addresses in it.
    pub fn anonymize(&mut self, anonymizer: &Anonymizer) {
        let ends = [self.src(), self.dst()].map(|(address, port)| (bits(anonymizer.address(address)), port));
        let key = self.key;
        let (new, turned) = FlowKey::new(key.ip_version(), key.ip_protocol(), ends[0], ends[1], key.vlan_id());
        self.flow.key = new.in_tunnel_of(&key);
        self.flow.src_is_high = turned;
        if self.flags.contains(FlowFlags::MACS) {
            self.flow.macs = self.macs.map(|mac| anonymizer.mac(mac));
        }
        if let Some(facts) = self.facts().and_then(|facts| facts.with_texts(|text| anonymizer.text(text))) {
            self.flow.set_facts(&Arc::new(facts));
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn encrypt(cipher: &Aes128, block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    cipher.encrypt_block(&mut block);
    block.into()
}

/// Each of the first `count` bits of an address, turned or not as the bits before it say.
fn crypto_pan(cipher: &Aes128, pad: &[u8; 16], address: u128, count: u32) -> u128 {
    let pad = u128::from_be_bytes(*pad);
    let mut turned = 0;
    for bit in 0..count {
        let before = !u128::MAX.checked_shr(bit).unwrap_or_default();
        let block = address & before | pad & !before;
        let [first, ..] = encrypt(cipher, block.to_be_bytes());
        turned |= u128::from(first >> 7) << (127 - bit);
    }
    address ^ turned
}

fn wrong_key(key: &[u8], allowed: &'static str) -> Error {
    Error::Option { option: "anonymize", value: format!("one of {}", key.len()), allowed }
}

/// Names of addresses in DNS: the least of so many labels comes first, each with so many bits.
struct Reverse {
    suffix: &'static str,
    labels: usize,
    bits: u32,
    radix: u32,
}

const REVERSE: [Reverse; 2] = [
    Reverse { suffix: ".in-addr.arpa", labels: 4, bits: 8, radix: 10 },
    Reverse { suffix: ".ip6.arpa", labels: 32, bits: 4, radix: 16 },
];
/// How the group begins that is asked for the owner of an IPv6 address, whose last three bytes follow (RFC 4291, RFC 2464).
const SOLICITED_NODE: [u8; 3] = [0x33, 0x33, 0xff];
/// Of the first byte of a MAC address (IEEE 802).
const GROUP: u8 = 1;
const LOCAL: u8 = 2;
/// Of the Feistel network: twice as many as it takes to be as good as random.
const ROUNDS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the reference implementation's sample.
    const KEY: [u8; 32] = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39,
        98, 87, 76, 45, 42, 132, 34, 2,
    ];

    #[test]
    fn crypto_pan_is_that_of_the_reference_implementation() {
        let anonymizer = Anonymizer::crypto_pan(&KEY).unwrap();
        for (address, expected) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("255.255.255.255", "206.120.97.255"),
            ("0.0.0.0", "120.255.240.1"),
            ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
            ("::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"),
            ("::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"),
            ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
            ("2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"),
        ] {
            assert_eq!(anonymizer.address(address.parse().unwrap()).to_string(), expected, "{address}");
        }
    }

    #[test]
    fn no_two_addresses_become_one() {
        for anonymizer in [Anonymizer::crypto_pan(&KEY).unwrap(), Anonymizer::blake2(&KEY).unwrap()] {
            let seen: std::collections::HashSet<_> =
                (0..30_000u32).map(|bits| anonymizer.address(IpAddr::V4((0x0a00_0000 + bits).into()))).collect();
            assert_eq!(seen.len(), 30_000, "{anonymizer:?}");
            for first in [0x00, 0x02] {
                let macs = (0..5000u16).map(|n| [first, 1, 2, 3, (n >> 8) as u8, n as u8]);
                let seen: std::collections::HashSet<_> = macs.map(|mac| anonymizer.mac(mac)).collect();
                assert_eq!(seen.len(), 5000, "{anonymizer:?}");
                let holds = |mac: &[u8; 6]| if first == 0 { mac[..3] == [0, 1, 2] } else { mac[0] & 3 == 2 };
                assert!(seen.iter().all(holds), "{anonymizer:?}");
            }
            assert_eq!(anonymizer.mac([0xff; 6]), [0xff; 6]);
        }
    }

    #[test]
    fn texts_that_are_addresses_are_replaced_and_others_are_not() {
        let anonymizer = Anonymizer::crypto_pan(&KEY).unwrap();
        let text = |text| anonymizer.text(text);
        assert_eq!(text("128.11.68.132").as_deref(), Some("135.242.180.132"));
        assert_eq!(text("128.11.68.132:80").as_deref(), Some("135.242.180.132:80"));
        assert_eq!(text("[::1]:443").as_deref(), Some("[78ff:f001:9fc0:20df:8380:b1f1:704:ed]:443"));
        assert_eq!(text("[::1]").as_deref(), Some("[78ff:f001:9fc0:20df:8380:b1f1:704:ed]"));
        for other in ["example.org", "1.2.3.4.5", "face", "", "[", "[]", "a:80"] {
            assert_eq!(text(other), None, "{other}");
        }
    }

    #[test]
    fn names_of_addresses_are_those_of_the_replaced_ones() {
        let anonymizer = Anonymizer::crypto_pan(&KEY).unwrap();
        let text = |text: &str| anonymizer.text(text);
        assert_eq!(text("132.68.11.128.in-addr.arpa").as_deref(), Some("132.180.242.135.in-addr.arpa"));
        assert_eq!(text("132.68.11.128.IN-ADDR.arpa.").as_deref(), Some("132.180.242.135.IN-ADDR.arpa."));
        assert_eq!(text("lb._dns-sd._udp.132.68.11.128.in-addr.arpa").as_deref(), {
            Some("lb._dns-sd._udp.132.180.242.135.in-addr.arpa")
        });
        // That of a network has the prefix of its hosts.
        assert_eq!(text("11.128.in-addr.arpa").as_deref(), Some("242.135.in-addr.arpa"));
        let six = |address: &str| {
            let bits = address.parse::<std::net::Ipv6Addr>().unwrap().to_bits();
            (0..32).map(|nth| format!("{:x}.", bits >> (4 * nth) & 15)).collect::<String>() + "ip6.arpa"
        };
        assert_eq!(text(&six("2001:db8::1")), Some(six("4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e")));
        assert_eq!(text(&six("2001:db8::")[48..]), Some(six("4401:2bc::")[48..].to_owned()));
        for other in
            ["in-addr.arpa", ".in-addr.arpa", "x.in-addr.arpa", "+1.in-addr.arpa", "256.in-addr.arpa", "10.ip6.arpa"]
        {
            assert_eq!(text(other), None, "{other}");
        }
        for hostile in ["\u{e9}.in-addr.arpa", "1..in-addr.arpa", "1.2.3.4.5.in-addr.arpa", "..ip6.arpa", "."] {
            let _ = text(hostile);
        }
    }

    #[test]
    fn a_group_that_is_made_of_a_hosts_address_does_not_tell_it() {
        for anonymizer in [Anonymizer::crypto_pan(&KEY).unwrap(), Anonymizer::blake2(&KEY).unwrap()] {
            let [a, b, c, rest @ ..] = anonymizer.mac([0x33, 0x33, 0xff, 1, 2, 3]);
            assert_eq!([a, b, c], [0x33, 0x33, 0xff]);
            assert_ne!(rest, [1, 2, 3]);
            assert_eq!(anonymizer.mac([0x33, 0x33, 0, 0, 0, 0xfb]), [0x33, 0x33, 0, 0, 0, 0xfb]);
        }
    }

    #[test]
    fn a_key_of_another_length_is_an_error_and_no_key_is_shown() {
        let told = Anonymizer::crypto_pan(&KEY[..31]).unwrap_err().to_string();
        assert_eq!(told, "anonymize must be Crypto-PAn with a key of 32 bytes, not one of 31");
        assert!(Anonymizer::crypto_pan(&[0; 33]).is_err() && Anonymizer::crypto_pan(&[]).is_err());
        assert!(Anonymizer::blake2(&[7; 15]).is_err() && Anonymizer::blake2(&[7; 65]).is_err());
        assert!(Anonymizer::blake2(&[7; 16]).is_ok() && Anonymizer::blake2(&[7; 64]).is_ok());
        assert_eq!(format!("{:?}", Anonymizer::blake2(&KEY).unwrap()), "Anonymizer(blake2)");
    }
}
