//! A TCP connection between a client and a server, segment by segment.

use flowgauge::capture::memory::MemorySource;
use flowgauge::packet::LinkType;
use flowgauge::{Streamer, Timestamp};

use crate::support::frames::{Ipv4, ethernet};

/// A capture in the making: segments a millisecond apart.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) frames: Vec<Vec<u8>>,
}

pub(crate) const SYN: u8 = 2;
pub(crate) const FIN: u8 = 0x11;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const RST: u8 = 4;

impl Wire {
    /// One more segment, from 10.0.0.1:40000 to port 80 of 10.0.0.2 or back.
    pub(crate) fn segment(mut self, to_server: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Self {
        let ((src, sport), (dst, dport)) = match to_server {
            true => (("10.0.0.1", 40_000_u16), ("10.0.0.2", 80_u16)),
            false => (("10.0.0.2", 80), ("10.0.0.1", 40_000)),
        };
        let mut tcp = [&sport.to_be_bytes()[..], &dport.to_be_bytes(), &seq.to_be_bytes(), &ack.to_be_bytes()].concat();
        tcp.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        tcp.extend_from_slice(payload);
        self.frames.push(ethernet(0x0800, &Ipv4::new(src, dst).carrying(6, &tcp)));
        self
    }

    /// SYNs, before the first bytes of either direction.
    pub(crate) fn opened(client: u32, server: u32) -> Self {
        let wire = Self::default().segment(true, client.wrapping_sub(1), 0, SYN, b"");
        wire.segment(false, server.wrapping_sub(1), client, SYN | ACK, b"")
    }

    /// A source of them, three in a batch.
    pub(crate) fn streamer(&self) -> Streamer {
        let mut source = MemorySource::new().batch_frames(3);
        for (nth, data) in self.frames.iter().enumerate() {
            source.push(Timestamp::from_millis(nth as i64), LinkType::ETHERNET, data);
        }
        Streamer::from_source(source)
    }
}
