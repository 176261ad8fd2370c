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
}

impl Tunnel {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::GtpU, Self::Tzsp, Self::Capwap];

    /// The name used in records: `gtp-u`, `tzsp`, `capwap`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GtpU => "gtp-u",
            Self::Tzsp => "tzsp",
            Self::Capwap => "capwap",
        }
    }
}
