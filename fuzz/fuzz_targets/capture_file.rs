//! Any bytes as one or two captures, whole or in drops: every frame lies in its block, and there is an end.
#![no_main]

use std::io;
use std::io::Read;

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::filter::Filter;
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte tells where the second capture begins, so that lists are tried as well.
    let Some((&split, data)) = data.split_first() else { return };
    let (first, second) = data.split_at(data.len() * usize::from(split) / 255);
    let halves = [first, second].into_iter().filter(|half| !half.is_empty());
    let whole = read(halves.clone().map(|half| Input::Bytes(half.to_vec())).collect());
    let drops = |half: &[u8]| Box::new(Drops { rest: half.to_vec(), size: 0 });
    let drops = read(halves.map(|half| Input::Reader { name: "drops".into(), reader: drops(half) }).collect());
    // How a capture comes makes no difference, but to how much a decompressor gives out before it finds a corruption.
    let common = whole.len().min(drops.len());
    assert_eq!(whole[..common], drops[..common]);
    let compressed =
        |half: &[u8]| matches!(half, [0x1f, 0x8b, ..] | [_, 0xb5, 0x2f, 0xfd, ..] | [_, 0x2a, 0x4d, 0x18, ..]);
    assert!(whole.len() == drops.len() || compressed(first) || compressed(second));
});

/// Stamp, wire length, captured length and link type of every frame, and whether the filter lets it through.
fn read(inputs: Vec<Input>) -> Vec<(i64, u32, usize, u32, bool)> {
    let mut frames = Vec::new();
    let Ok(mut source) = FileSource::open(inputs, StopFlag::default()) else { return frames };
    let mut filter = Filter::new("ip and udp or len > 100").expect("the expression is good");
    let mut batch = FrameBatch::default();
    loop {
        match source.next_batch(&mut batch) {
            Ok(Captured::Frames) => assert!(!batch.frames.is_empty()),
            Ok(Captured::Silence) => panic!("nothing here can be late"),
            Ok(Captured::End) => return frames,
            Err(_) => {
                assert!(matches!(source.next_batch(&mut batch), Ok(Captured::End)));
                return frames;
            }
        }
        for (index, frame) in batch.frames.iter().enumerate() {
            let raw = batch.raw(index, 1);
            assert_eq!(raw.data.len(), frame.captured_len as usize);
            let matches = filter.matches(raw.link, raw.wire_len, raw.data);
            frames.push((frame.stamp.as_nanos(), frame.wire_len, raw.data.len(), frame.link.0, matches));
        }
    }
}

/// Gives one byte, then two, then three ...
struct Drops {
    rest: Vec<u8>,
    size: usize,
}

impl Read for Drops {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.size += 1;
        let len = self.size.min(into.len()).min(self.rest.len());
        into[..len].copy_from_slice(&self.rest[..len]);
        drop(self.rest.drain(..len));
        Ok(len)
    }
}
