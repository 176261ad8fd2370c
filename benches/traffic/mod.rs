//! Seeded synthetic traffic: the same frames at every run. Its captures are written by the example `traffic` (write.rs).

// Each bench takes its part.
#![allow(dead_code)]

mod application;
mod frame;
pub(crate) mod random;
pub(crate) mod session;
pub(crate) mod workload;

use std::sync::Arc;

use flowgauge::Timestamp;
use flowgauge::capture::memory::MemorySource;
use flowgauge::flow::FlowHasher;
use flowgauge::meter::Descriptor;
use flowgauge::packet::{Block, DecodeOptions, Decoder, LinkType, RawPacket};

use frame::{ACK, Ends, Segment};
use random::SplitMix;

/// A frame with its stamp.
pub(crate) type Stamped = (Timestamp, Vec<u8>);

const BEGINNING_NS: i64 = 1_700_000_000_000_000_000;

/// Frames of TCP and UDP over IPv4 among `flows` flows, 20 µs apart, whose sizes and flows a small generator picks.
pub(crate) fn frames(count: usize, flows: u32) -> Vec<Stamped> {
    let mut random = SplitMix(7);
    (0..count)
        .map(|index| {
            let flow = random.below(u64::from(flows)) as u32;
            let back = random.below(2) == 1;
            let payload = vec![0; random.below(1400) as usize];
            let ends = Ends {
                ipv6: false,
                client: (0x0a00_0000 | flow >> 8, 1024 + (flow & 0xff) as u16),
                server: (0xc0a8_0001, 443),
            };
            let mut frame = Vec::new();
            if flow.is_multiple_of(2) {
                ends.tcp(back, Segment { flags: ACK, ..Segment::default() }, &payload, &mut frame);
            } else {
                ends.udp(back, &payload, &mut frame);
            }
            (stamp(index as u64 * 20_000), frame)
        })
        .collect()
}

/// What a workload writes.
pub(crate) fn of(traffic: impl FnOnce(workload::Sink<'_>)) -> Vec<Stamped> {
    let mut frames = Vec::new();
    traffic(&mut |nanos, frame| frames.push((stamp(nanos), frame.to_vec())));
    frames
}

/// Packet `round` of each of these flows of the flood, a microsecond apart.
pub(crate) fn round_of_flood(flows: impl Iterator<Item = u32>, round: u32) -> Vec<Stamped> {
    let at = |nth: usize| stamp(u64::from(round) * 10_000_000_000 + nth as u64 * 1000);
    flows
        .enumerate()
        .map(|(nth, flow)| {
            let mut frame = Vec::new();
            workload::flood_frame(flow, round, &mut frame);
            (at(nth), frame)
        })
        .collect()
}

/// The same as a source.
pub(crate) fn source(frames: &[Stamped]) -> MemorySource {
    let mut source = MemorySource::new();
    for (stamp, data) in frames {
        source.push(*stamp, LinkType::ETHERNET, data);
    }
    source.batch_frames(BATCH)
}

/// Packets that a streamer hands over at once.
pub(crate) const BATCH: usize = 500;

/// All packets, decoded and with their hashes, in one block.
pub(crate) fn decoded(frames: &[Stamped], hasher: &FlowHasher) -> (Arc<Block>, Vec<Descriptor>) {
    let mut decoder = Decoder::new(DecodeOptions::new());
    let (mut bytes, mut packets) = (Vec::new(), Vec::with_capacity(frames.len()));
    for (number, (stamp, data)) in (1..).zip(frames) {
        let raw = RawPacket { number, stamp: *stamp, wire_len: data.len() as u32, link: LinkType::ETHERNET, data };
        let mut packet = Descriptor::EMPTY;
        packet.describe(&mut decoder, &raw, bytes.len() as u32, hasher).expect("the frames are sound");
        packets.push(packet);
        bytes.extend_from_slice(data);
    }
    (Arc::new(Block::new(bytes)), packets)
}

pub(crate) fn stamp(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(BEGINNING_NS + nanos as i64)
}
