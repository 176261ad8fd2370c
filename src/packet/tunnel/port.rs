//! Which UDP ports announce which tunnel.

use crate::packet::Tunnel;

/// Whether one of the ports of a UDP datagram is that of a tunnel.
///
/// Asked of every datagram, so a port is compared with the only one that its hash leaves.
#[inline(always)]
pub(in crate::packet) fn announced(src_port: u16, dst_port: u16) -> bool {
    BY_HASH[slot(src_port)] == src_port || BY_HASH[slot(dst_port)] == dst_port
}

/// The kind of tunnel that has this port (IANA service names and port numbers; TZSP's is what its devices use).
pub(super) const fn tunnel(port: u16) -> Option<Tunnel> {
    Some(match port {
        2152 => Tunnel::GtpU,
        3544 => Tunnel::Teredo,
        4789 | VXLAN_GPE => Tunnel::Vxlan,
        5247 => Tunnel::Capwap,
        6081 => Tunnel::Geneve,
        37008 => Tunnel::Tzsp,
        _ => return None,
    })
}

/// The port of VXLAN's generic protocol extension.
pub(super) const VXLAN_GPE: u16 = 4790;

/// Every port that [`tunnel`] knows.
const PORTS: [u16; 7] = [2152, 3544, 4789, VXLAN_GPE, 5247, 6081, 37008];

/// Where in [`BY_HASH`] a port stands, or would.
#[inline(always)]
const fn slot(port: u16) -> usize {
    // This number gives each of the ports a slot of its own, and not the first.
    const SPREAD: u16 = 443;
    (port.wrapping_mul(SPREAD) >> 12) as usize
}

/// Each of the ports in its slot. In the others stands one that has another slot: port 0 has the first.
const BY_HASH: [u16; 16] = {
    let (mut ports, mut nth) = ([0; 16], 0);
    ports[0] = PORTS[0];
    while nth < PORTS.len() {
        let at = slot(PORTS[nth]);
        assert!(at != 0 && ports[at] == 0, "two ports have one slot");
        ports[at] = PORTS[nth];
        nth += 1;
    }
    ports
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_announced_by_either_port_of_a_tunnel_and_by_no_other() {
        for port in 0..=u16::MAX {
            assert_eq!(announced(port, 9), tunnel(port).is_some(), "{port}");
            assert_eq!(announced(9, port), tunnel(port).is_some(), "{port}");
            assert!(announced(port, 2152) && announced(6081, port), "{port}");
        }
    }
}
