<<<<<<< HEAD
//! Any bytes as a capture file, plain or compressed, whole or in drops: every frame lies in its block, and an end comes.
#![no_main]

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let whole = read(vec![Input::Bytes(input.to_vec())]);
    let name = "drops".to_owned();
    let drops = read(vec![Input::Reader { name, reader: Box::new(Drops(input.to_vec(), 0)) }]);
    assert_eq!(whole, drops, "a capture does not depend on how it comes");
    read(vec![Input::Bytes(input.to_vec()), Input::Bytes(input.to_vec())]);
});

/// Stamp, lengths and link type of every frame.
fn read(inputs: Vec<Input>) -> Vec<(i64, u32, usize, u32)> {
    let mut frames = Vec::new();
    let Ok(mut source) = FileSource::open(inputs, StopFlag::default()) else { return frames };
    let mut batch = FrameBatch::default();
    loop {
        match source.next_batch(&mut batch) {
            Ok(Captured::Frames) => {
                assert!(!batch.frames.is_empty());
                for (index, frame) in batch.frames.iter().enumerate() {
                    let raw = batch.raw(index, 1);
                    assert_eq!(raw.data.len(), frame.captured_len as usize);
                    frames.push((frame.stamp.as_nanos(), frame.wire_len, raw.data.len(), frame.link.0));
                }
            }
            Ok(Captured::Silence) => {}
            Ok(Captured::End) | Err(_) => return frames,
        }
    }
}

/// Gives one byte, then two, then three ...
struct Drops(Vec<u8>, usize);

impl std::io::Read for Drops {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.1 += 1;
        let len = self.1.min(into.len()).min(self.0.len());
        into[..len].copy_from_slice(&self.0[..len]);
        drop(self.0.drain(..len));
        Ok(len)
    }
}
=======
//! Any bytes as one or two captures: every frame lies in its block, and there is an end.
#![no_main]

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::filter::Filter;
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte tells where the second capture begins, so that lists are tried as well.
    let Some((&split, data)) = data.split_first() else { return };
    let (first, second) = data.split_at(data.len() * usize::from(split) / 255);
    let mut inputs = vec![Input::Bytes(first.to_vec())];
    if !second.is_empty() {
        inputs.push(Input::Bytes(second.to_vec()));
    }
    let Ok(mut source) = FileSource::open(inputs, StopFlag::default()) else { return };
    let mut filter = Filter::new("ip and udp or len > 100").expect("the expression is good");
    let mut batch = FrameBatch::default();
    loop {
        match source.next_batch(&mut batch) {
            Ok(Captured::Frames) => assert!(!batch.frames.is_empty()),
            Ok(Captured::Silence) => panic!("nothing here can be late"),
            Ok(Captured::End) => break,
            Err(_) => {
                assert!(matches!(source.next_batch(&mut batch), Ok(Captured::End)));
                break;
            }
        }
        for (index, frame) in batch.frames.iter().enumerate() {
            let raw = batch.raw(index, 1);
            assert_eq!(raw.data.len(), frame.captured_len as usize);
            filter.matches(raw.link, raw.wire_len, raw.data);
        }
    }
});
>>>>>>> main
