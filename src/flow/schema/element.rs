//! What a column is called in IPFIX: the information elements of IANA's registry (RFC 7012) that mean the same.
//!
//! Numbers, names and types are those of <https://www.iana.org/assignments/ipfix>. A column without an element has none
//! there that means what it means: a number that nearly fits would be worse than none.

use ElementKind::{Ipv4, Ipv6, Mac, Milliseconds, Nanoseconds, Text, U8, U16, U32, U64};
use Side::{Dst, DstToSrc, Flow, Src, SrcToDst, Whole};

/// An information element of IANA's registry, and which side of a flow the column tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Element {
    /// Its number in the registry.
    pub number: u16,
    /// Its name there.
    pub name: &'static str,
    /// How its values are encoded.
    pub kind: ElementKind,
    /// What part of the flow the column tells of.
    pub side: Side,
    /// The only IP version in which it is used; 0 for both.
    pub ip_version: u8,
}

/// The abstract types of RFC 7012, as far as they are used, in the encoding of RFC 7011 section 6.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ElementKind {
    /// `unsigned8`.
    U8,
    /// `unsigned16`.
    U16,
    /// `unsigned32`.
    U32,
    /// `unsigned64`.
    U64,
    /// `signed64`.
    I64,
    /// `float64`.
    F64,
    /// `boolean`: 1 is true, 2 is false.
    Bool,
    /// `ipv4Address`.
    Ipv4,
    /// `ipv6Address`.
    Ipv6,
    /// `macAddress`.
    Mac,
    /// `string`, of variable length.
    Text,
    /// `dateTimeMilliseconds`.
    Milliseconds,
    /// `dateTimeNanoseconds`, which has the format of NTP timestamps.
    Nanoseconds,
    /// `octetArray` of four octets: an application id (RFC 6759).
    ApplicationId,
}

/// What part of a flow a column tells of: which element it becomes depends on it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Side {
    /// The flow, whichever way it is looked at.
    Flow,
    /// Both directions together.
    Whole,
    /// The source; seen from the other end, the destination.
    Src,
    /// The destination; seen from the other end, the source.
    Dst,
    /// What goes from source to destination (RFC 5103 forward).
    SrcToDst,
    /// What goes back (RFC 5103 reverse).
    DstToSrc,
}

impl Element {
    const fn new(number: u16, name: &'static str, kind: ElementKind, side: Side) -> Self {
        Self { number, name, kind, side, ip_version: 0 }
    }

    /// The same, in one IP version only.
    const fn only_in(self, ip_version: u8) -> Self {
        Self { ip_version, ..self }
    }
}

impl ElementKind {
    /// Octets of its values; `None` when the length is variable.
    pub const fn octets(self) -> Option<u16> {
        match self {
            Self::U8 | Self::Bool => Some(1),
            Self::U16 => Some(2),
            Self::U32 | Self::Ipv4 | Self::ApplicationId => Some(4),
            Self::U64 | Self::I64 | Self::F64 | Self::Milliseconds | Self::Nanoseconds => Some(8),
            Self::Ipv6 => Some(16),
            Self::Mac => Some(6),
            Self::Text => None,
        }
    }

    /// The name of the type in RFC 7012.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "unsigned8",
            Self::U16 => "unsigned16",
            Self::U32 => "unsigned32",
            Self::U64 => "unsigned64",
            Self::I64 => "signed64",
            Self::F64 => "float64",
            Self::Bool => "boolean",
            Self::Ipv4 => "ipv4Address",
            Self::Ipv6 => "ipv6Address",
            Self::Mac => "macAddress",
            Self::Text => "string",
            Self::Milliseconds => "dateTimeMilliseconds",
            Self::Nanoseconds => "dateTimeNanoseconds",
            Self::ApplicationId => "octetArray",
        }
    }
}

/// The elements of one column, or of the two columns of the two directions.
macro_rules! elements {
    ($($name:ident: $($number:literal $word:literal $kind:ident $side:ident $(in $version:literal)?),+;)+) => {
        $(pub(super) const $name: &[Element] =
            &[$(Element::new($number, $word, $kind, $side)$(.only_in($version))?),+];)+
    };
}

elements! {
    IP_SRC: 8 "sourceIPv4Address" Ipv4 Src in 4, 27 "sourceIPv6Address" Ipv6 Src in 6;
    IP_DST: 12 "destinationIPv4Address" Ipv4 Dst in 4, 28 "destinationIPv6Address" Ipv6 Dst in 6;
    SRC_PORT: 7 "sourceTransportPort" U16 Src;
    DST_PORT: 11 "destinationTransportPort" U16 Dst;
    IP_PROTOCOL: 4 "protocolIdentifier" U8 Flow;
    PKTS_THERE: 2 "packetDeltaCount" U64 SrcToDst;
    PKTS_BACK: 2 "packetDeltaCount" U64 DstToSrc;
    BYTES_THERE: 352 "layer2OctetDeltaCount" U64 SrcToDst;
    BYTES_BACK: 352 "layer2OctetDeltaCount" U64 DstToSrc;
    APPLICATION_NAME: 96 "applicationName" Text Flow;
    CATEGORY_NAME: 372 "applicationCategoryName" Text Flow;
    START: 152 "flowStartMilliseconds" Milliseconds Whole, 156 "flowStartNanoseconds" Nanoseconds Whole;
    END: 153 "flowEndMilliseconds" Milliseconds Whole, 157 "flowEndNanoseconds" Nanoseconds Whole;
    EXPORT_REASON: 136 "flowEndReason" U8 Flow;

    CONN_ID: 148 "flowId" U64 Flow;
    IP_VERSION: 60 "ipVersion" U8 Flow;
    VLAN_ID: 58 "vlanId" U16 Flow;
    SRC_MAC: 56 "sourceMacAddress" Mac Src;
    DST_MAC: 80 "destinationMacAddress" Mac Dst;
    TTL_MIN_THERE: 52 "minimumTTL" U8 SrcToDst;
    TTL_MIN_BACK: 52 "minimumTTL" U8 DstToSrc;
    TTL_MAX_THERE: 53 "maximumTTL" U8 SrcToDst;
    TTL_MAX_BACK: 53 "maximumTTL" U8 DstToSrc;
    DSCP_THERE: 195 "ipDiffServCodePoint" U8 SrcToDst;
    DSCP_BACK: 195 "ipDiffServCodePoint" U8 DstToSrc;
    FLOW_LABEL: 31 "flowLabelIPv6" U32 SrcToDst in 6;
    ICMP_TYPE: 176 "icmpTypeIPv4" U8 SrcToDst in 4, 178 "icmpTypeIPv6" U8 SrcToDst in 6;
    ICMP_CODE: 177 "icmpCodeIPv4" U8 SrcToDst in 4, 179 "icmpCodeIPv6" U8 SrcToDst in 6;

    IP_BYTES_THERE: 1 "octetDeltaCount" U64 SrcToDst;
    IP_BYTES_BACK: 1 "octetDeltaCount" U64 DstToSrc;
    PAYLOAD_THERE: 401 "transportOctetDeltaCount" U64 SrcToDst;
    PAYLOAD_BACK: 401 "transportOctetDeltaCount" U64 DstToSrc;
    START_THERE: 152 "flowStartMilliseconds" Milliseconds SrcToDst, 156 "flowStartNanoseconds" Nanoseconds SrcToDst;
    START_BACK: 152 "flowStartMilliseconds" Milliseconds DstToSrc, 156 "flowStartNanoseconds" Nanoseconds DstToSrc;
    END_THERE: 153 "flowEndMilliseconds" Milliseconds SrcToDst, 157 "flowEndNanoseconds" Nanoseconds SrcToDst;
    END_BACK: 153 "flowEndMilliseconds" Milliseconds DstToSrc, 157 "flowEndNanoseconds" Nanoseconds DstToSrc;

    HTTP_METHOD: 459 "httpRequestMethod" Text Flow;
    HTTP_HOST: 460 "httpRequestHost" Text Flow;
    HTTP_PATH: 461 "httpRequestTarget" Text Flow;
    HTTP_STATUS: 457 "httpStatusCode" U16 Flow;
    USER_AGENT: 468 "httpUserAgent" Text Flow;
    CONTENT_TYPE: 469 "httpContentType" Text Flow;

    WINDOW_THERE: 186 "tcpWindowSize" U16 SrcToDst;
    WINDOW_BACK: 186 "tcpWindowSize" U16 DstToSrc;
    WINDOW_SCALE_THERE: 238 "tcpWindowScale" U16 SrcToDst;
    WINDOW_SCALE_BACK: 238 "tcpWindowScale" U16 DstToSrc;
}
