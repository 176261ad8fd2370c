//! The numbers and names of link types.

use std::fmt;

/// A link-layer header type, by its LINKTYPE number (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: an address family in the byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// Ethernet (IEEE 802.3).
    pub const ETHERNET: Self = Self(1);
    /// PPP, plain, in HDLC-like framing, or Cisco HDLC.
    pub const PPP: Self = Self(9);
    /// Raw IP of either version, by the number that some systems write for it (DLT_RAW).
    pub const DLT_RAW: Self = Self(12);
    /// PPP in HDLC-like framing, or Cisco HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// Raw IP of either version.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback: an address family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1 (`tcpdump -i any`).
    pub const LINUX_SLL: Self = Self(113);
    /// IEEE 802.11 with a radiotap header before it.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The name without `LINKTYPE_`, as in `IEEE802_11_RADIOTAP`; `UNKNOWN` for numbers that are seldom seen.
    ///
    /// Displaying a link type adds the number: `IEEE802_11_RADIOTAP (127)`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "NULL",
            1 => "ETHERNET",
            3 => "AX25",
            6 => "IEEE802_5",
            7 => "ARCNET_BSD",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 101 => "RAW",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            100 => "ATM_RFC1483",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            113 => "LINUX_SLL",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            122 => "IP_OVER_FC",
            127 => "IEEE802_11_RADIOTAP",
            140 => "MTP2",
            141 => "MTP3",
            143 => "DOCSIS",
            147..=162 => "USER",
            163 => "IEEE802_11_AVS",
            166 => "PPP_PPPD",
            187 => "BLUETOOTH_HCI_H4",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4_WITHFCS",
            197 => "ERF",
            201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
            220 => "USB_LINUX_MMAPPED",
            227 => "CAN_SOCKETCAN",
            228 => "IPV4",
            229 => "IPV6",
            230 => "IEEE802_15_4_NOFCS",
            231 => "DBUS",
            239 => "NFLOG",
            242 => "IPOIB",
            243 => "MPEG_2_TS",
            247 => "INFINIBAND",
            248 => "SCTP",
            249 => "USBPCAP",
            251 => "BLUETOOTH_LE_LL",
            253 => "NETLINK",
            254 => "BLUETOOTH_LINUX_MONITOR",
            256 => "BLUETOOTH_LE_LL_WITH_PHDR",
            258 => "PKTAP",
            271 => "VSOCK",
            276 => "LINUX_SLL2",
            _ => "UNKNOWN",
        }
    }
}

/// Name and number: `IEEE802_11_RADIOTAP (127)`.
impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}
