//! Two extremes of traffic, written frame by frame into a sink: a few flows of full frames, many flows of few small ones.

use super::frame::{ACK, Ends, FIN, PSH, SYN, Segment};
use super::random::{SplitMix, mix};

/// Takes the nanoseconds since the beginning of the traffic, and a frame.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(u64, &[u8]);

const ELEPHANTS: usize = 16;
/// Payload of a full frame.
const FULL: usize = 1460;

/// 16 TCP connections at full speed within 30 seconds: full frames one way, and an acknowledgement for every 16.
pub(crate) fn elephant(frames: usize, sink: Sink<'_>) {
    let mut random = SplitMix(11);
    let noise = random.bytes(1 << 16);
    let (mut frame, mut nanos) = (Vec::new(), 0);
    let step = 30_000_000_000 / (frames as u64).max(1);
    let mut sent = [0_usize; ELEPHANTS];
    let ends = |nth: usize| Ends {
        ipv6: false,
        client: (0x0a00_0001 + nth as u32, 40_000 + nth as u16),
        server: (0xc612_0001, [443, 80, 22, 873][nth % 4]),
    };
    let mut emit = |frame: &[u8]| {
        sink(nanos, frame);
        nanos += step;
    };
    for nth in 0..ELEPHANTS {
        ends(nth).tcp(false, Segment { flags: SYN, seq: 0, ack: 0 }, &[], &mut frame);
        emit(&frame);
        ends(nth).tcp(true, Segment { flags: SYN | ACK, seq: 0, ack: 1 }, &[], &mut frame);
        emit(&frame);
    }
    for _ in 0..(frames - frames.min(4 * ELEPHANTS)) * 16 / 17 {
        let nth = random.below(ELEPHANTS as u64) as usize;
        let seq = 1 + (sent[nth] * FULL) as u32;
        let at = sent[nth] * FULL % (noise.len() - FULL);
        ends(nth).tcp(true, Segment { flags: ACK, seq, ack: 1 }, &noise[at..at + FULL], &mut frame);
        emit(&frame);
        sent[nth] += 1;
        if sent[nth].is_multiple_of(16) {
            ends(nth).tcp(false, Segment { flags: ACK, seq: 1, ack: seq.wrapping_add(FULL as u32) }, &[], &mut frame);
            emit(&frame);
        }
    }
    for (nth, sent) in sent.into_iter().enumerate() {
        let end = 1 + (sent * FULL) as u32;
        ends(nth).tcp(true, Segment { flags: FIN | ACK, seq: end, ack: 1 }, &[], &mut frame);
        emit(&frame);
        let ack = end.wrapping_add(1);
        ends(nth).tcp(false, Segment { flags: FIN | ACK, seq: 1, ack }, &[], &mut frame);
        emit(&frame);
    }
}

/// As many flows, all alive at once: four small packets each, a whole round of all flows apart, within a minute. Half are
/// TCP, an eighth is IPv6, none ends.
pub(crate) fn flood(flows: u32, sink: Sink<'_>) {
    let mut order: Vec<u32> = (0..flows).collect();
    let (mut frame, mut nanos) = (Vec::new(), 0);
    let step = 60_000_000_000 / (4 * u64::from(flows)).max(1);
    for round in 0..4 {
        // Another order every time: nothing for a cache to go by.
        order.sort_unstable_by_key(|flow| mix(u64::from(*flow) | round << 32));
        for flow in &order {
            flood_frame(*flow, round as u32, &mut frame);
            sink(nanos, &frame);
            nanos += step;
        }
    }
}

/// Packet `round` of a flow of the flood; a flow has as many as there are numbers.
pub(crate) fn flood_frame(flow: u32, round: u32, frame: &mut Vec<u8>) {
    let random = mix(u64::from(flow) | 1 << 40);
    let ends = Ends {
        ipv6: (flow >> 1).is_multiple_of(8),
        client: (0x0a00_0000 | (flow & 0xff_ffff), 1024 + (random % 60_000) as u16),
        server: (
            0xc612_0000 | (random >> 16 & 0xffff) as u32,
            [53, 80, 123, 443, 5060, 8080, 1194, 3478][(random >> 40 & 7) as usize],
        ),
    };
    let back = round % 2 == 1;
    if flow.is_multiple_of(2) {
        ends.udp(back, b"twenty-two small bytes", frame);
        return;
    }
    let flags = [SYN, SYN | ACK, ACK, PSH | ACK][(round % 4) as usize];
    let payload: &[u8] = if round % 4 == 3 { b"0123456789abcdef" } else { &[] };
    ends.tcp(back, Segment { flags, seq: round.div_ceil(2), ack: u32::from(round > 0) }, payload, frame);
}
