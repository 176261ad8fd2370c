//! Names of what a packet carries.

/// The name of an IP protocol as items have it: `TCP`, `UDP`, `ICMP`, `ICMP6` ...; `None` for one that has no name here.
pub const fn protocol_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "HOPOPT",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IP6",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMP6",
        59 => "NONE",
        88 => "EIGRP",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        115 => "L2TP",
        132 => "SCTP",
        136 => "UDPLITE",
        _ => return None,
    })
}

/// The name of what an EtherType announces, as items have it: `IP`, `IP6`, `ARP` ...; a number up to 1,500 is a length
/// (IEEE 802.3), behind which is `LLC`. `None` for one that has no name here.
pub const fn ether_type_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0..=1500 => "LLC",
        0x0800 => "IP",
        0x0806 => "ARP",
        0x0842 => "WOL",
        0x2000 => "CDP",
        0x2004 => "DTP",
        0x8035 => "RARP",
        0x809b => "AppleTalk",
        0x8100 | 0x88a8 | 0x9100 => "VLAN",
        0x8137 => "IPX",
        0x86dd => "IP6",
        0x8808 => "EthernetControl",
        0x8809 => "Slow",
        0x880b => "PPP",
        0x8847 | 0x8848 => "MPLS",
        0x8863 | 0x8864 => "PPPoE",
        0x888e => "EAPOL",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88f7 => "PTP",
        0x9000 => "Loopback",
        _ => return None,
    })
}
