//! What stands for an address: a name, or a word that says why there is none.

use std::fmt;
use std::sync::Arc;

use crate::pipeline::AddressKind;

/// The domain of an end of a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Domain {
    /// No name, and why.
    Label(Label),
    /// A name, of visible ASCII characters: others are written `\DDD`, as RFC 4343 has it.
    Name(Arc<str>),
}

/// Why there is no name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Label {
    /// Nobody asked, nobody answered yet, or there is no address.
    #[default]
    Unknown,
    /// There is no name, says the DNS.
    Nxdomain,
    /// [`AddressKind::Internal`].
    Internal,
    /// [`AddressKind::Loopback`].
    Loopback,
    /// [`AddressKind::LinkLocal`].
    LinkLocal,
    /// [`AddressKind::MulticastDns`].
    MulticastDns,
    /// [`AddressKind::Multicast`].
    Multicast,
    /// [`AddressKind::Broadcast`].
    Broadcast,
    /// [`AddressKind::Reserved`].
    Reserved,
}

impl Domain {
    /// Nothing known.
    pub const UNKNOWN: Self = Self::Label(Label::Unknown);

    /// The domain that this text tells: a label's word is that label.
    pub fn from_text(text: &str) -> Self {
        let label = Label::ALL.into_iter().find(|label| label.name() == Some(text));
        label.map_or_else(|| Self::Name(text.into()), Self::Label)
    }

    /// A name that the DNS told. One that reads as a label's word has the dot of the root behind it, so that nobody takes it
    /// for one.
    pub(super) fn named(name: &str) -> Self {
        match Self::from_text(name) {
            Self::Label(_) => Self::Name(format!("{name}.").into()),
            name => name,
        }
    }

    /// The name or the label's word; `None` when nothing is known.
    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Label(label) => label.name(),
            Self::Name(name) => Some(name),
        }
    }

    /// Whether the DNS said that there is no name.
    #[inline]
    pub fn is_nxdomain(&self) -> bool {
        matches!(self, Self::Label(Label::Nxdomain))
    }
}

impl Default for Domain {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str().unwrap_or("unknown"))
    }
}

impl Label {
    const ALL: [Self; 8] = [
        Self::Nxdomain,
        Self::Internal,
        Self::Loopback,
        Self::LinkLocal,
        Self::MulticastDns,
        Self::Multicast,
        Self::Broadcast,
        Self::Reserved,
    ];

    /// The word for it; `None` when nothing is known.
    #[inline]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => return None,
            Self::Nxdomain => "nxdomain",
            Self::Internal => "internal",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::MulticastDns => "multicast_dns",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
        })
    }

    /// The label that an address of this kind has; `None` for one that may have a name.
    #[inline]
    pub(super) const fn of(kind: AddressKind) -> Option<Self> {
        Some(match kind {
            AddressKind::Global => return None,
            AddressKind::Internal => Self::Internal,
            AddressKind::Loopback => Self::Loopback,
            AddressKind::LinkLocal => Self::LinkLocal,
            AddressKind::MulticastDns => Self::MulticastDns,
            AddressKind::Multicast => Self::Multicast,
            AddressKind::Broadcast => Self::Broadcast,
            AddressKind::Reserved => Self::Reserved,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_small_and_its_words_are_read_back() {
        assert_eq!(size_of::<Domain>(), 16);
        for label in Label::ALL {
            assert_eq!(Domain::from_text(label.name().unwrap()), Domain::Label(label));
        }
        assert_eq!(Domain::from_text("example.org").as_str(), Some("example.org"));
        assert_eq!(Domain::default().as_str(), None);
    }
}
