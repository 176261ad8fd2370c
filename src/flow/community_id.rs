//! Community ID, version 1: a short name for a flow that other tools compute too.
//!
//! Source: <https://github.com/corelight/community-id-spec>. SHA-1 over seed 0, addresses, protocol and ports, the smaller
//! end first, in base64. ICMP has its type and that of the answer in place of ports; a message without an answer has type
//! and code, and keeps its direction.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

/// The Community ID, in ASCII, of packets from `src` to `dst`; ICMP messages begin with `icmp` (type and code).
///
/// `None` for ICMP whose type is not known.
pub(super) fn community_id(
    ip_protocol: u8,
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
    icmp: Option<(u8, u8)>,
) -> Option<[u8; ID_BYTES]> {
    let (ports, one_way) = match ip_protocol {
        ICMP => icmp_ports(icmp?, &ANSWERS_V4),
        ICMPV6 => icmp_ports(icmp?, &ANSWERS_V6),
        TCP | UDP | SCTP => (Some((src.1, dst.1)), false),
        _ => (None, false),
    };
    let (src_port, dst_port) = ports.unwrap_or_default();
    // Addresses are in the order of their octets.
    let (src, dst) = ((src.0, src_port), (dst.0, dst_port));
    let (low, high) = if one_way || src <= dst { (src, dst) } else { (dst, src) };
    let mut sha = Sha1::new();
    sha.update(SEED.to_be_bytes());
    for (address, _) in [low, high] {
        match address {
            IpAddr::V4(address) => sha.update(address.octets()),
            IpAddr::V6(address) => sha.update(address.octets()),
        }
    }
    sha.update([ip_protocol, 0]);
    if ports.is_some() {
        sha.update(low.1.to_be_bytes());
        sha.update(high.1.to_be_bytes());
    }
    let mut id = *b"1:0000000000000000000000000000";
    BASE64_STANDARD.encode_slice(sha.finalize(), &mut id[2..]).ok()?;
    Some(id)
}

/// What stands for the ports of an ICMP message, and whether nothing answers it.
fn icmp_ports((kind, code): (u8, u8), answers: &[(u8, u8)]) -> (Option<(u16, u16)>, bool) {
    for (question, answer) in answers {
        if kind == *question {
            return (Some((kind.into(), (*answer).into())), false);
        }
        if kind == *answer {
            return (Some((kind.into(), (*question).into())), false);
        }
    }
    (Some((kind.into(), code.into())), true)
}

const SEED: u16 = 0;
/// Its version, a colon, and 20 bytes in base64.
const ID_BYTES: usize = 2 + 28;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
/// Echo, router solicitation, timestamp, information, address mask: question and answer (IANA ICMP types).
const ANSWERS_V4: [(u8, u8); 5] = [(8, 0), (10, 9), (13, 14), (15, 16), (17, 18)];
/// Echo, listener query, router and neighbour solicitation, node information, home agent discovery (IANA ICMPv6 types).
const ANSWERS_V6: [(u8, u8); 6] = [(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];

#[cfg(test)]
mod tests {
    use super::*;

    fn id(protocol: u8, src: &str, sport: u16, dst: &str, dport: u16, icmp: Option<(u8, u8)>) -> String {
        let (src, dst) = ((src.parse().unwrap(), sport), (dst.parse().unwrap(), dport));
        String::from_utf8(community_id(protocol, src, dst, icmp).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn both_directions_of_a_connection_have_the_published_name() {
        let name = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
        assert_eq!(id(TCP, "128.232.110.120", 34855, "66.35.250.204", 80, None), name);
        assert_eq!(id(TCP, "66.35.250.204", 80, "128.232.110.120", 34855, None), name);
    }

    #[test]
    fn an_echo_and_its_reply_have_one_name() {
        let there = id(ICMP, "192.168.0.89", 0, "192.168.0.1", 0, Some((8, 0)));
        assert_eq!(there, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        assert_eq!(id(ICMP, "192.168.0.1", 0, "192.168.0.89", 0, Some((0, 0))), there);
    }

    #[test]
    fn icmp_of_unknown_type_has_no_name() {
        let end = ("10.0.0.1".parse().unwrap(), 0);
        assert_eq!(community_id(ICMP, end, end, None), None);
    }
}
