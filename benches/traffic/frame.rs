//! Ethernet frames of one flow: TCP and UDP over IPv4 and IPv6, with lengths and checksums that are right.

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
/// The network of every IPv6 address here (RFC 3849).
const DOCUMENTATION: u128 = 0x2001_0db8 << 96;
const ETHERNET: usize = 14;
/// The shortest frame there is on Ethernet, without its checksum.
const SHORTEST: usize = 60;

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// Who talks to whom; over IPv6 the 32 bits of an address are the last of a longer one.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) ipv6: bool,
    pub(crate) client: (u32, u16),
    pub(crate) server: (u32, u16),
}

/// What a TCP segment says beside its payload.
#[derive(Clone, Copy, Default)]
pub(crate) struct Segment {
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
}

impl Ends {
    /// A TCP segment into `frame`, whose bytes it replaces; `back` is from the server.
    pub(crate) fn tcp(&self, back: bool, segment: Segment, payload: &[u8], frame: &mut Vec<u8>) {
        let (src, dst) = self.ports(back);
        self.begin(back, 6, 20 + payload.len(), frame);
        let start = frame.len();
        frame.extend([src.to_be_bytes(), dst.to_be_bytes()].as_flattened());
        frame.extend([segment.seq.to_be_bytes(), segment.ack.to_be_bytes()].as_flattened());
        frame.extend([0x50, segment.flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        self.finish(back, 6, start, start + 16, payload, frame);
    }

    /// A UDP datagram, likewise.
    pub(crate) fn udp(&self, back: bool, payload: &[u8], frame: &mut Vec<u8>) {
        let (src, dst) = self.ports(back);
        let length = 8 + payload.len();
        self.begin(back, 17, length, frame);
        let start = frame.len();
        frame.extend([src, dst, length as u16, 0].map(u16::to_be_bytes).as_flattened());
        self.finish(back, 17, start, start + 6, payload, frame);
    }

    fn ports(&self, back: bool) -> (u16, u16) {
        if back { (self.server.1, self.client.1) } else { (self.client.1, self.server.1) }
    }

    fn addresses(&self, back: bool) -> (u32, u32) {
        if back { (self.server.0, self.client.0) } else { (self.client.0, self.server.0) }
    }

    /// Ethernet and IP.
    fn begin(&self, back: bool, protocol: u8, length: usize, frame: &mut Vec<u8>) {
        let (src, dst) = self.addresses(back);
        frame.clear();
        frame.extend(MACS[usize::from(!back)]);
        frame.extend(MACS[usize::from(back)]);
        if self.ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((length as u16).to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend((DOCUMENTATION | u128::from(src)).to_be_bytes());
            frame.extend((DOCUMENTATION | u128::from(dst)).to_be_bytes());
            return;
        }
        frame.extend([0x08, 0x00, 0x45, 0x00]);
        frame.extend((20 + length as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend([src.to_be_bytes(), dst.to_be_bytes()].as_flattened());
        let checksum = !fold(sum(&frame[ETHERNET..]));
        frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&checksum.to_be_bytes());
    }

    /// The payload, the checksum at `at` over all since `start`, and what is missing to the shortest frame.
    fn finish(&self, back: bool, protocol: u8, start: usize, at: usize, payload: &[u8], frame: &mut Vec<u8>) {
        frame.extend_from_slice(payload);
        let (src, dst) = self.addresses(back);
        let mut total = sum(&frame[start..]) + sum(&src.to_be_bytes()) + sum(&dst.to_be_bytes());
        total += u64::from(protocol) + (frame.len() - start) as u64;
        if self.ipv6 {
            total += 2 * sum(&DOCUMENTATION.to_be_bytes());
        }
        let checksum = match !fold(total) {
            0 => 0xffff,
            sum => sum,
        };
        frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        frame.resize(frame.len().max(SHORTEST), 0);
    }
}

/// 16-bit words as the checksum of the Internet adds them (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let (words, last) = bytes.as_chunks::<2>();
    let words: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
    words + last.first().map_or(0, |byte| u64::from(*byte) << 8)
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    total as u16
}
