//! Captures beside the project: frames out of pcap and pcapng files, read in the plainest way.

use std::fs;
use std::path::{Path, PathBuf};

use flowgauge::Timestamp;
use flowgauge::packet::{LinkType, RawPacket};

/// A frame of a capture.
pub(crate) struct Frame {
    pub(crate) stamp: Timestamp,
    pub(crate) wire_len: u32,
    pub(crate) link: LinkType,
    pub(crate) data: Vec<u8>,
}

impl Frame {
    pub(crate) fn raw(&self, number: u64) -> RawPacket<'_> {
        RawPacket { number, stamp: self.stamp, wire_len: self.wire_len, link: self.link, data: &self.data }
    }
}

/// The captures in a folder of `../shared`, in order; none, and a line that says so, where the folder is missing.
pub(crate) fn shared(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: there is no {}", folder.display());
        return Vec::new();
    };
    let mut paths = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    paths.sort();
    paths
}

/// The frames of a little-endian or big-endian pcap or pcapng file, up to the first cut record.
pub(crate) fn frames(path: &Path) -> Vec<Frame> {
    let bytes = fs::read(path).unwrap();
    match bytes.get(..4) {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => pcapng(&bytes),
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => pcap(&bytes, 1000, u32::from_le_bytes),
        Some([0x4d, 0x3c, 0xb2, 0xa1]) => pcap(&bytes, 1, u32::from_le_bytes),
        Some([0xa1, 0xb2, 0xc3, 0xd4]) => pcap(&bytes, 1000, u32::from_be_bytes),
        start => panic!("{} begins with {start:?}", path.display()),
    }
}

fn pcap(bytes: &[u8], nanos: i64, number: fn([u8; 4]) -> u32) -> Vec<Frame> {
    let field = |at: usize| Some(number(bytes.get(at..at + 4)?.try_into().unwrap()));
    let link = LinkType(field(20).unwrap() & 0xffff);
    let mut frames = Vec::new();
    let mut at = 24;
    let mut next = || {
        let (seconds, fraction, len) = (field(at)?, field(at + 4)?, field(at + 8)? as usize);
        let stamp = Timestamp::from_nanos(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * nanos);
        let data = bytes.get(at + 16..at + 16 + len)?.to_vec();
        let frame = Frame { stamp, wire_len: field(at + 12)?, link, data };
        at += 16 + len;
        Some(frame)
    };
    while let Some(frame) = next() {
        frames.push(frame);
    }
    frames
}

/// Enhanced packet blocks; whether stamps are micro- or nanoseconds is told by their size, as they are of this century.
fn pcapng(bytes: &[u8]) -> Vec<Frame> {
    let little = bytes[8] == 0x4d;
    let number = if little { u32::from_le_bytes } else { u32::from_be_bytes };
    let field = |at: usize| Some(number(bytes.get(at..at + 4)?.try_into().unwrap()));
    let mut links = Vec::new();
    let mut frames = Vec::new();
    let mut at = 0;
    while let (Some(kind), Some(len)) = (field(at), field(at + 4)) {
        match kind {
            1 if little => links.push(LinkType(field(at + 8).unwrap() & 0xffff)),
            1 => links.push(LinkType(field(at + 8).unwrap() >> 16)),
            6 => {
                let at_field = |nth: usize| field(at + 8 + 4 * nth).unwrap();
                let ticks = i64::from(at_field(1)) << 32 | i64::from(at_field(2));
                let stamp = Timestamp::from_nanos(if ticks < 1 << 56 { ticks * 1000 } else { ticks });
                let data = bytes[at + 28..at + 28 + at_field(3) as usize].to_vec();
                let (wire_len, link) = (at_field(4), links[at_field(0) as usize]);
                frames.push(Frame { stamp, wire_len, link, data });
            }
            _ => {}
        }
        at += len as usize;
    }
    frames
}
