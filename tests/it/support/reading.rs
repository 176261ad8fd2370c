//! Reads a source to its end, for tests that look at every frame.

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use flowgauge::{Error, Timestamp};

/// A frame with its own bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) stamp: Timestamp,
    pub(crate) wire_len: u32,
    pub(crate) link: u32,
    pub(crate) time_out_of_range: bool,
    pub(crate) data: Vec<u8>,
}

/// Every frame up to the end or the first error, which must be followed by nothing but the end.
pub(crate) fn read_all(source: &mut dyn PacketSource) -> (Vec<Seen>, Option<Error>) {
    let mut batch = FrameBatch::default();
    let mut seen = Vec::new();
    loop {
        match source.next_batch(&mut batch) {
            Ok(Captured::Frames) => {
                assert!(!batch.frames.is_empty(), "a batch of frames without a frame");
                seen.extend(frames_of(&batch));
            }
            Ok(Captured::Silence) => {}
            Ok(Captured::End) => return (seen, None),
            Err(error) => {
                assert!(matches!(source.next_batch(&mut batch), Ok(Captured::End)), "something came after an error");
                assert!(matches!(source.next_batch(&mut batch), Ok(Captured::End)));
                return (seen, Some(error));
            }
        }
    }
}

/// The frames of a batch, each of which must lie in its block.
pub(crate) fn frames_of(batch: &FrameBatch) -> Vec<Seen> {
    let one = |index: usize| {
        let frame = &batch.frames[index];
        let raw = batch.raw(index, 1);
        assert_eq!(raw.data.len(), frame.captured_len as usize, "a frame that leaves its block");
        Seen {
            stamp: raw.stamp,
            wire_len: raw.wire_len,
            link: raw.link.0,
            time_out_of_range: frame.time_out_of_range,
            data: raw.data.to_vec(),
        }
    };
    (0..batch.frames.len()).map(one).collect()
}

/// Every frame of these captures in memory, read as one.
pub(crate) fn read_bytes(captures: &[Vec<u8>]) -> (Vec<Seen>, Option<Error>) {
    read_inputs(captures.iter().cloned().map(Input::Bytes).collect())
}

/// Every frame of these inputs, read as one; an error of opening counts as one of reading.
pub(crate) fn read_inputs(inputs: Vec<Input>) -> (Vec<Seen>, Option<Error>) {
    match FileSource::open(inputs, StopFlag::default()) {
        Ok(mut source) => read_all(&mut source),
        Err(error) => (Vec::new(), Some(error)),
    }
}
