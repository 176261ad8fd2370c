//! The kinds of tunnels, by name: decoding finds them, flows are told apart by them.

/// The kind of tunnel that a packet came out of.
///
/// IP-in-IP, 6in4 and their kin are unwrapped without a word and are not told here.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Tunnel {
    /// GTP-U version 1 (3GPP TS 29.281); its key is the TEID.
    GtpU,
    /// TaZmen Sniffer Protocol version 1: whole frames of a sensor; it has no key.
    Tzsp,
    /// CAPWAP data (RFC 5415): frames between a wireless termination point and its controller; it has no key.
    Capwap,
    /// VXLAN (RFC 7348) and its generic protocol extension; its key is the VNI, 24 bits.
    Vxlan,
    /// Geneve (RFC 8926); its key is the VNI, 24 bits.
    Geneve,
    /// GRE (RFC 2784, RFC 2890); its key is the GRE key, if it has one.
    ///
    /// Of NVGRE (RFC 7637) that is the whole field too: the virtual subnet is its upper 24 bits, `key >> 8`. Of the
    /// enhanced GRE of PPTP (RFC 2637) it is the call id, 16 bits.
    Gre,
    /// ERSPAN of types I, II and III: frames that a switch saw. Its key is the session, 10 bits, or, of type I, which has
    /// none, the GRE key, if there is one.
    Erspan,
    /// Teredo (RFC 4380): IPv6 in UDP; it has no key.
    Teredo,
}

impl Tunnel {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::GtpU, Self::Tzsp, Self::Capwap, Self::Vxlan, Self::Geneve, Self::Gre, Self::Erspan, Self::Teredo];

    /// The name used in records: `gtp-u`, `tzsp`, `capwap`, `vxlan`, `geneve`, `gre`, `erspan`, `teredo`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GtpU => "gtp-u",
            Self::Tzsp => "tzsp",
            Self::Capwap => "capwap",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Teredo => "teredo",
        }
    }
}
