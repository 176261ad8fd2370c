//! The kinds of tunnels, by name: decoding finds them, flows are told apart by them.

/// The kind of tunnel that a packet came out of.
///
/// IP-in-IP, 6in4 and their kin are unwrapped without a word and are not told here.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Tunnel {
    /// GTP-U version 1 (3GPP TS 29.281); its key is the TEID.
    GtpU,
}

impl Tunnel {
    /// The name used in records: `gtp-u`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GtpU => "gtp-u",
        }
    }
}
