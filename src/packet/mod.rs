//! Packets: from the bytes of a frame to all that a meter needs to know of it.
//!
//! A [`RawPacket`] (lent bytes, as captured) enters the [`Decoder`]; a [`PacketInfo`] leaves, or a [`Skipped`] frame with
//! its reason. Decoding never reads past the captured bytes, never allocates and never fails.

mod block;
mod bytes;
mod decode;
mod flags;
mod fragment;
mod info;
mod ip;
mod link;
mod link_type;
mod options;
mod plain;
mod position;
mod ppp;
mod radio;
mod transport;
mod tunnel;
mod view;

pub use block::{Block, SharedBytes};
pub use decode::Decoder;
pub use flags::{PacketFlags, TcpFlags};
pub use info::{NO_OFFSET, PacketInfo};
pub use link_type::LinkType;
pub use options::{DecodeOptions, Ports, RadioMacs, Tunnels};
pub use position::Position;
pub use view::Packet;

pub use crate::tunnel::Tunnel;

use crate::time::Timestamp;

/// A frame as it was captured: lent bytes and what the capture says of them.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// Number of the frame in the whole capture; 1 is the first.
    pub number: u64,
    /// When it was captured.
    pub stamp: Timestamp,
    /// Bytes on the wire, of which `data` may hold fewer.
    pub wire_len: u32,
    /// What the first byte of `data` belongs to.
    pub link: LinkType,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// What decoding made of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoded {
    /// A packet of some flow.
    Packet(PacketInfo),
    /// A frame that no flow can count, with the reason.
    Skipped(Skipped),
}

/// A frame that decoding refused: why, and its link header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// Where the six bytes of the source and of the destination MAC address begin; `None` without MACs.
    pub mac_offsets: Option<(u16, u16)>,
    /// The innermost EtherType that was read.
    pub ether_type: Option<u16>,
    /// Where the payload of the link layer begins; the captured length when nothing of it was captured.
    pub payload_offset: u32,
}

/// Why a frame belongs to no flow.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SkipReason {
    /// A link type that is not decoded here (also named once in the report's warnings).
    UnsupportedLinkType,
    /// A complete link header, and something else than IP in it: ARP, LLDP, spanning tree ...
    NotIp,
    /// The capture ends within the headers down to the innermost IP addresses, or within IPv6 extension headers, behind
    /// which there may be more of them.
    Truncated,
    /// An IP header that contradicts itself or what announced it.
    BadIpHeader,
    /// A later fragment whose first fragment was not seen within the 30 seconds before.
    FragmentWithoutFirst,
    /// A later fragment, with the option `fragments` off.
    FragmentsOff,
    /// More than 16 layers of headers.
    TooDeep,
}

impl SkipReason {
    /// Every reason, in the order of the enumeration.
    pub const ALL: [Self; 7] = [
        Self::UnsupportedLinkType,
        Self::NotIp,
        Self::Truncated,
        Self::BadIpHeader,
        Self::FragmentWithoutFirst,
        Self::FragmentsOff,
        Self::TooDeep,
    ];

    /// The name used in reports: `not_ip`, `truncated` ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnsupportedLinkType => "unsupported_link_type",
            Self::NotIp => "not_ip",
            Self::Truncated => "truncated",
            Self::BadIpHeader => "bad_ip_header",
            Self::FragmentWithoutFirst => "fragment_without_first",
            Self::FragmentsOff => "fragments_off",
            Self::TooDeep => "too_deep",
        }
    }
}
