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
