//! The tags of an item: a few that are native, as bits; those of the user are strings beside them.

/// Native tags: a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tags(u8);

impl Tags {
    /// From an internal address to another that is not, and no group either.
    pub const OUTGOING: Self = Self(1);
    /// To an internal address from another that is not.
    pub const INCOMING: Self = Self(2);
    /// Both ends are internal, or the destination is a group or everybody on the link.
    pub const INTERNAL: Self = Self(4);
    /// One of the ends has no name in the DNS.
    pub const NXDOMAIN: Self = Self(8);

    /// Every native tag with its word, in the order of the words.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::INCOMING, "incoming"),
        (Self::INTERNAL, "internal"),
        (Self::NXDOMAIN, "nxdomain"),
        (Self::OUTGOING, "outgoing"),
    ];

    /// Whether all of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    #[inline]
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether none is set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words, in alphabetical order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(tag, _)| self.contains(*tag)).map(|(_, name)| name)
    }

    /// The tag of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, word)| *word == name).map(|(tag, _)| tag)
    }
}
