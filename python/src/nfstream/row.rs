//! One flow as the columns read it: the record's numbers, and what the user asked to see of them.

use std::borrow::Cow;
use std::net::IpAddr;

use flowgauge::flow::{Application, Confidence, Counts, Direction, Facts, FlowFlags};
use flowgauge::{ExportReason, FlowState, Tunnel};

/// What of the view a run was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// Whether tunnels are decoded, and so told.
    pub(crate) tunnels: bool,
    pub(crate) statistics: bool,
    /// How many packets of the sequence are told.
    pub(crate) splt: usize,
    /// Whether nDPI is asked.
    pub(crate) dissection: bool,
    pub(crate) accounting: Accounting,
    /// Whether there are plugins, and so a place for their values.
    pub(crate) plugins: bool,
}

/// Which of a packet's lengths is its size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Accounting {
    /// What was on the wire.
    #[default]
    Raw,
    /// The innermost IP packet.
    Ip,
    /// What follows its IP headers.
    Transport,
    /// What follows the transport header.
    Payload,
}

/// One value of a flow.
#[derive(Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Ip(IpAddr),
    List(Vec<i64>),
}

/// A flow, living or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) view: &'a View,
    /// Its number among those handed out, or before that the number of its first frame.
    pub(crate) id: u64,
    pub(crate) flow: &'a FlowState,
    /// Why it left; `None` while it lives.
    pub(crate) reason: Option<ExportReason>,
}

impl Accounting {
    /// What nfstream calls the mode of this number.
    pub(crate) const fn of(mode: u8) -> Self {
        match mode {
            0 => Self::Raw,
            1 => Self::Ip,
            2 => Self::Transport,
            _ => Self::Payload,
        }
    }
}

impl Cell<'_> {
    /// The same, without a borrow.
    pub(crate) fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Int(number) => Cell::Int(number),
            Self::Float(number) => Cell::Float(number),
            Self::Text(text) => Cell::Text(text.into_owned().into()),
            Self::Ip(address) => Cell::Ip(address),
            Self::List(numbers) => Cell::List(numbers),
        }
    }
}

impl<'a> Row<'a> {
    /// 0 for idle and for the end of the source, which nfstream does not tell apart; 1 active; -1 a plugin's wish.
    pub(crate) fn expiration(&self) -> i64 {
        match self.reason {
            Some(ExportReason::ACTIVE) => 1,
            Some(reason) if reason.number() >= 16 => -1,
            _ => 0,
        }
    }

    pub(crate) fn mac(&self, end: usize) -> String {
        let macs = if self.flow.flags.contains(FlowFlags::MACS) { self.flow.macs[end] } else { [0; 6] };
        mac_text(macs)
    }

    pub(crate) fn oui(&self, end: usize) -> Cell<'a> {
        let mut text = self.mac(end);
        text.truncate(OUI_CHARACTERS);
        Cell::Text(text.into())
    }

    pub(crate) fn tunnel(&self) -> i64 {
        tunnel_id(self.flow.key.tunnel())
    }

    /// Counts of one direction, or of both.
    pub(crate) fn counts(&self, of: Option<Direction>) -> Counts {
        of.map_or_else(|| self.flow.total(), |direction| *self.flow.of(direction))
    }

    /// Bytes as the accounting mode counts them.
    pub(crate) fn bytes(&self, of: Option<Direction>) -> Cell<'a> {
        let counts = self.counts(of);
        int(match self.view.accounting {
            Accounting::Raw => counts.bytes,
            Accounting::Ip => counts.ip_bytes,
            _ if !self.has_transport() => 0,
            Accounting::Transport => counts.transport_bytes,
            Accounting::Payload => counts.payload_bytes,
        })
    }

    /// Whether its packets have a size under the accounting mode; else every size is 0.
    pub(crate) fn is_sized(&self) -> bool {
        matches!(self.view.accounting, Accounting::Raw | Accounting::Ip) || self.has_transport()
    }

    /// A list of the length that was asked for: what is there, then -1.
    pub(crate) fn sequence(&self, item: impl Fn(&flowgauge::flow::SequenceItem) -> i64) -> Cell<'a> {
        let items = self.flow.sequence().map_or(&[][..], |sequence| sequence.items());
        let mut list: Vec<i64> = items.iter().take(self.view.splt).map(item).collect();
        list.resize(self.view.splt, -1);
        Cell::List(list)
    }

    /// A word of the application; what nfstream says of one that nobody knows before there is a label.
    pub(crate) fn label(&self, text: impl Fn(&'a Application) -> &'a str, unknown: &'static str) -> Cell<'a> {
        Cell::Text(self.flow.application.as_deref().map_or(unknown, text).into())
    }

    /// What the payload says; empty where it says nothing.
    pub(crate) fn fact(&self, tell: impl Fn(&'a Facts) -> Option<&'a str>) -> Cell<'a> {
        Cell::Text(self.flow.facts().and_then(tell).unwrap_or_default().into())
    }

    pub(crate) fn confidence(&self) -> Confidence {
        self.flow.application.as_deref().map_or(Confidence::Unknown, |application| application.confidence)
    }

    fn has_transport(&self) -> bool {
        has_transport(self.flow.key.ip_protocol())
    }
}

/// Whether nfstream tells transport and payload bytes of this IP protocol.
pub(crate) const fn has_transport(ip_protocol: u8) -> bool {
    matches!(ip_protocol, ICMP | TCP | UDP | ICMPV6)
}

/// nfstream's number of a kind of tunnel; 0 for none, and for those that it does not know.
pub(crate) fn tunnel_id(tunnel: Option<Tunnel>) -> i64 {
    match tunnel {
        Some(Tunnel::GtpU) => 1,
        Some(Tunnel::Capwap) => 2,
        Some(Tunnel::Tzsp) => 3,
        _ => 0,
    }
}

/// nDPI's number for what a label rests on, as nfstream 6.6.0 has it.
pub(crate) const fn confidence_number(confidence: Confidence) -> i64 {
    match confidence {
        Confidence::MatchByPort => 1,
        Confidence::DpiPartial => 3,
        Confidence::DpiPartialCache => 4,
        Confidence::DpiCache => 5,
        Confidence::Dpi => 6,
        Confidence::MatchByIp => 7,
        Confidence::DpiAggressive => 8,
        Confidence::Rule => 9,
        _ => 0,
    }
}

/// `aa:bb:cc:dd:ee:ff`.
pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    let mut text = String::with_capacity(17);
    for (index, byte) in mac.into_iter().enumerate() {
        if index > 0 {
            text.push(':');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

pub(crate) fn int(number: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// How much of a MAC address names who made it.
pub(crate) const OUI_CHARACTERS: usize = 8;
const HEX: &[u8; 16] = b"0123456789abcdef";
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
