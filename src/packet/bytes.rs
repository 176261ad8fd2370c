//! Bounds-checked reads: the one way in which decoding looks at bytes.

use crate::packet::SkipReason;

/// The `N` bytes at `at`; `None` when they do not all lie within `data`.
#[inline(always)]
pub(super) fn chunk<const N: usize>(data: &[u8], at: usize) -> Option<&[u8; N]> {
    data.get(at..)?.first_chunk::<N>()
}

/// The `N` bytes at `at` of the captured bytes `data`; [`SkipReason::Truncated`] when the capture ends before.
#[inline(always)]
pub(super) fn captured<const N: usize>(data: &[u8], at: usize) -> Result<&[u8; N], SkipReason> {
    chunk(data, at).ok_or(SkipReason::Truncated)
}

/// The `N` bytes at `at` of a packet that says it ends at `stated_end`: [`SkipReason::BadIpHeader`] when they would lie
/// beyond that, cut or not, else [`SkipReason::Truncated`] when the capture ends before.
#[inline(always)]
pub(super) fn stated<const N: usize>(data: &[u8], at: usize, stated_end: usize) -> Result<&[u8; N], SkipReason> {
    if at + N > stated_end {
        return Err(SkipReason::BadIpHeader);
    }
    captured(data, at)
}

/// Two bytes in network order.
#[inline(always)]
pub(super) fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

/// How many headers were entered below the first link header; 16 at most.
///
/// Every tag, label, PPPoE, LLC, IP, extension and tunnel header counts one. The link header itself and the transport
/// header do not, so two VLAN tags, three MPLS labels and GTP-U between two IPv6 headers leave room for eight extension
/// headers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Depth(
    // As wide as what it travels with: a narrow field is written short and copied long, which stalls.
    usize,
);

impl Depth {
    pub(super) const MAX: usize = 16;

    /// One header deeper.
    #[inline(always)]
    pub(super) fn enter(self) -> Result<Self, SkipReason> {
        if self.0 == Self::MAX {
            return Err(SkipReason::TooDeep);
        }
        Ok(Self(self.0 + 1))
    }
}
