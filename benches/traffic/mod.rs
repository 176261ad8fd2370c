//! Seeded synthetic traffic: the same frames at every run.

use flowgauge::Timestamp;
use flowgauge::capture::memory::MemorySource;
use flowgauge::packet::LinkType;

/// Frames of TCP and UDP over IPv4 among `flows` flows, 20 µs apart, whose sizes and flows a small generator picks.
pub(crate) fn frames(count: usize, flows: u32) -> Vec<(Timestamp, Vec<u8>)> {
    let mut random = SplitMix(7);
    (0..count)
        .map(|index| {
            let flow = random.below(u64::from(flows)) as u32;
            let back = random.below(2) == 1;
            let payload = random.below(1400) as usize;
            (Timestamp::from_nanos(1_700_000_000_000_000_000 + index as i64 * 20_000), frame(flow, back, payload))
        })
        .collect()
}

/// The same as a source.
pub(crate) fn source(frames: &[(Timestamp, Vec<u8>)]) -> MemorySource {
    let mut source = MemorySource::new();
    for (stamp, data) in frames {
        source.push(*stamp, LinkType::ETHERNET, data);
    }
    source.batch_frames(500)
}

fn frame(flow: u32, back: bool, payload: usize) -> Vec<u8> {
    let tcp = flow.is_multiple_of(2);
    let header = if tcp { 20 } else { 8 };
    let mut ends = [(0x0a00_0000 | flow >> 8, 1024 + (flow & 0xff) as u16), (0xc0a8_0001, 443)];
    if back {
        ends.reverse();
    }
    let length = 20 + header + payload;
    let mut frame = vec![0; 14 + length];
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0x00]);
    frame[16..18].copy_from_slice(&(length as u16).to_be_bytes());
    frame[22..24].copy_from_slice(&[64, if tcp { 6 } else { 17 }]);
    frame[26..30].copy_from_slice(&ends[0].0.to_be_bytes());
    frame[30..34].copy_from_slice(&ends[1].0.to_be_bytes());
    frame[34..36].copy_from_slice(&ends[0].1.to_be_bytes());
    frame[36..38].copy_from_slice(&ends[1].1.to_be_bytes());
    if tcp {
        frame[46..48].copy_from_slice(&[0x50, 0x10]);
    } else {
        frame[38..40].copy_from_slice(&((8 + payload) as u16).to_be_bytes());
    }
    frame
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * u128::from(bound)) >> 64) as u64
    }
}
