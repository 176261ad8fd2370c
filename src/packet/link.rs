//! Link types, and what lies between the link header and IP.

/// A link-layer header type, by its LINKTYPE number (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u32);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
}
impl LinkType {
    pub fn name(self) -> String {
        String::new()
    }
}
