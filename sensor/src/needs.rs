//! What a processor wants to see.

use flowgauge::pipeline::{PacketItem, PacketView};

/// What a processor wants to see; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Which packets; `None` for none.
    pub packets: Option<PacketNeeds>,
    /// Flow records, as they end.
    pub flows: bool,
}

/// Which packets a processor wants: those that its filter lets through, and that have one of its fields.
#[derive(Clone, Debug, Default)]
pub struct PacketNeeds {
    /// A BPF expression (pcap-filter(7)); without it, every packet passes.
    pub filter: Option<String>,
    /// The fields, one of which a packet must have.
    pub fields: Fields,
}

/// Fields of packets. With none of them every frame is wanted, also what is no IP and what could not be decoded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fields(u8);

impl Fields {
    /// A transport layer: TCP, UDP, ICMP and what else follows IP, not of later fragments.
    pub const TRANSPORT: Self = Self(1);
    /// A DNS message, over UDP or completed over TCP.
    pub const DNS: Self = Self(2);
    /// An HTTP message that the packet completes.
    pub const HTTP: Self = Self(4);
    /// TLS records that the packet completes.
    pub const TLS: Self = Self(8);
    /// An ARP message.
    pub const ARP: Self = Self(16);

    /// Their words, in the order in which they are tried.
    pub const NAMES: [(&str, Self); 5] = [
        ("transport", Self::TRANSPORT),
        ("dns", Self::DNS),
        ("http", Self::HTTP),
        ("tls", Self::TLS),
        ("arp", Self::ARP),
    ];

    /// The field of this word.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    /// Whether all of `other` are in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the packet has one of them, or none is asked for.
    pub(crate) fn wants(self, packet: &PacketItem, view: &PacketView<'_>) -> bool {
        self.is_empty()
            || self.contains(Self::DNS) && packet.has_dns()
            || self.contains(Self::HTTP) && !packet.http().is_empty()
            || self.contains(Self::TLS) && !packet.tls().is_empty()
            || self.contains(Self::ARP) && view.network().arp.is_some()
            || self.contains(Self::TRANSPORT) && view.transport().is_some()
    }
}
