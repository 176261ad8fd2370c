//! Captures inside gzip and zstd.
#![cfg(feature = "compress")]

use std::io;
use std::io::{Read, Write};

use flowgauge::Error;
use flowgauge::capture::file::Input;
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};

use crate::support::capture_file::PcapFile;
use crate::support::reading::{read_bytes, read_inputs};

/// A capture of several blocks that does not compress well.
fn capture() -> Vec<u8> {
    let mut file = PcapFile::new();
    let mut state = 1u32;
    for second in 0..500 {
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        file = file.frame(second, 0, &noise.take(1_000).collect::<Vec<_>>());
    }
    file.bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const BOTH: [Compress; 2] = [gzip, zstd];

#[test]
fn a_compressed_capture_gives_the_frames_of_the_plain_one() {
    let plain = capture();
    let (expected, _) = read_bytes(std::slice::from_ref(&plain));
    for compress in BOTH {
        let (frames, error) = read_bytes(&[compress(&plain)]);
        assert!(error.is_none(), "{error:?}");
        assert!(frames == expected);
    }
}

#[test]
fn members_and_frames_are_one_stream() {
    let plain = capture();
    for compress in BOTH {
        let mut bytes = compress(&plain[..10]);
        bytes.extend(compress(&[]));
        bytes.extend(compress(&plain[10..100_000]));
        bytes.extend(compress(&plain[100_000..]));
        let (frames, error) = read_bytes(&[bytes]);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(frames.len(), 500);
    }
    let mut bytes = vec![0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 9, 9, 9, 9];
    bytes.extend(zstd(&plain));
    assert_eq!(read_bytes(&[bytes]).0.len(), 500);
}

#[test]
fn a_cut_stream_gives_its_frames_and_then_says_so() {
    for compress in BOTH {
        let bytes = compress(&capture());
        for cut in [bytes.len() / 2, bytes.len() - 1] {
            let (frames, error) = read_bytes(&[bytes[..cut].to_vec()]);
            assert!(frames.len() > 100, "{}", frames.len());
            let Some(Error::Read { frame, source, .. }) = error else { panic!("{error:?}") };
            assert_eq!(frame, frames.len() as u64);
            assert!(source.to_string().contains("cut short"), "{source}");
        }
    }
}

#[test]
fn garbage_behind_zstd_is_told_after_all_frames() {
    let (frames, error) = read_bytes(&[[zstd(&capture()), GARBAGE.to_vec()].concat()]);
    assert_eq!(frames.len(), 500);
    assert!(matches!(error, Some(Error::Read { frame: 500, .. })), "{error:?}");
}

#[test]
fn zeros_behind_gzip_are_padding() {
    let plain = capture();
    for zeros in [1, 512, 1_000_000] {
        let padding = vec![0; zeros];
        let members = [gzip(&plain[..100_000]), padding.clone(), gzip(&plain[100_000..]), padding].concat();
        for bytes in [members.clone(), [&members[..], &gzip(&[])].concat()] {
            assert_eq!(warned(bytes), (500, Vec::new()));
        }
    }
}

#[test]
fn garbage_behind_gzip_is_left_out_with_a_warning() {
    let warning = || vec!["what follows the gzip stream of \"bytes\" is ignored".to_owned()];
    // The last begins as another member would.
    for garbage in [GARBAGE, b"\0\0\0x", b"x", &[0x1f, 0x8c], &[0x1f, 0x1f, 0x8b]] {
        assert_eq!(warned([gzip(&capture()), garbage.to_vec()].concat()), (500, warning()));
    }
}

#[test]
fn a_member_that_is_cut_is_no_garbage() {
    let whole = gzip(&capture());
    for cut in [1, 2, 3, 10, 20] {
        let (frames, error) = read_bytes(&[[&whole[..], &whole[..cut]].concat()]);
        let Some(Error::Read { frame: 500, source, .. }) = error else { panic!("{cut}: {error:?}") };
        assert!(frames.len() == 500 && source.to_string().contains("cut short"), "{cut}: {source}");
    }
}

#[test]
fn what_a_stream_fails_with_is_told_as_it_is() {
    let failures = [io::ErrorKind::Other, io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];
    for (compress, kind) in BOTH.into_iter().flat_map(|compress| failures.map(|kind| (compress, kind))) {
        let good = compress(&capture());
        // Within the header, within the body, and behind the stream.
        for cut in [5, good.len() / 2, good.len()] {
            let failing = io::Cursor::new(good[..cut].to_vec()).chain(Failing(kind));
            let (_, error) = read_inputs(vec![Input::Reader { name: "cable".to_owned(), reader: Box::new(failing) }]);
            let Some(Error::Read { source, .. }) = error else { panic!("{cut}: {error:?}") };
            assert_eq!((source.kind(), source.to_string().as_str()), (kind, "the cable was pulled"), "{cut}");
        }
    }
}

struct Failing(io::ErrorKind);

impl io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(self.0, "the cable was pulled"))
    }
}

/// How many frames a capture has, and what the report of reading it warns of.
fn warned(bytes: Vec<u8>) -> (u64, Vec<String>) {
    let mut flows = flowgauge::Streamer::from_bytes(bytes).n_dissections(0).start().unwrap();
    flows.by_ref().for_each(|record| drop(record.unwrap()));
    let report = flows.report_handle().report();
    (report.frames_read, report.warnings.into_iter().filter(|warning| !warning.contains("link type")).collect())
}

const GARBAGE: &[u8] = b"garbage that is long enough";

#[test]
fn a_corrupt_stream_is_told() {
    let mut bytes = gzip(&capture());
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let (frames, error) = read_bytes(&[bytes]);
    assert_eq!(frames.len(), 500);
    let Some(Error::Read { source, .. }) = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("gzip"), "{source}");
}

#[test]
fn what_lies_before_a_corruption_is_delivered() {
    let plain = capture();
    let mut in_gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut in_zstd = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    for chunk in plain[..200_000].chunks(1_000) {
        for encoder in [&mut in_gzip as &mut dyn Write, &mut in_zstd] {
            encoder.write_all(chunk).unwrap();
            encoder.flush().unwrap();
        }
    }
    // Neither format has a block of the third kind.
    let corrupt = |good: &[u8]| [good, &[0x07, 0, 0, 0, 0]].concat();
    let (in_gzip, in_zstd) = (corrupt(in_gzip.get_ref()), corrupt(in_zstd.get_ref()));
    for bytes in [in_zstd, in_gzip] {
        let (frames, error) = read_bytes(&[bytes]);
        assert!(frames.len() >= 195, "{} frames", frames.len());
        let Some(Error::Read { source, .. }) = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("corrupt"), "{source}");
    }
}

#[test]
fn nothing_inside_is_empty_and_a_cut_capture_inside_is_damaged() {
    for compress in BOTH {
        let (_, error) = read_bytes(&[compress(&[])]);
        assert!(matches!(&error, Some(Error::NotACapture { detail, .. }) if detail == "it is empty"), "{error:?}");
        let plain = capture();
        let (frames, error) = read_bytes(&[compress(&plain[..plain.len() - 1])]);
        assert_eq!(frames.len(), 499);
        assert!(matches!(error, Some(Error::Damaged { frame: 499, .. })), "{error:?}");
    }
}

/// Hands out `pieces`, and has nothing to say `silences` times before each.
struct Hesitating {
    pieces: Vec<Vec<u8>>,
    silences: u32,
    left: u32,
}

impl io::Read for Hesitating {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left > 0 {
            self.left -= 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.left = self.silences;
        if self.pieces.is_empty() {
            return Ok(0);
        }
        let piece = self.pieces.remove(0);
        into[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

#[test]
fn a_compressed_stream_may_be_silent_for_long() {
    let plain = PcapFile::new().frame(1, 0, b"first").frame(2, 0, b"second").bytes();
    for compress in BOTH {
        let pieces = compress(&plain).chunks(3).map(<[u8]>::to_vec).collect();
        let reader = Box::new(Hesitating { pieces, silences: 40, left: 40 });
        let (frames, error) = read_inputs(vec![Input::Reader { name: "slow".to_owned(), reader }]);
        assert!(frames.len() == 2 && error.is_none(), "{error:?}");
    }
}

#[test]
fn frames_of_a_flushed_stream_do_not_wait_for_the_next() {
    let plain = PcapFile::new().frame(1, 0, b"first").frame(2, 0, b"second").bytes();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain[..45]).unwrap();
    encoder.flush().unwrap();
    let reader = Box::new(Hesitating { pieces: vec![encoder.get_ref().clone()], silences: 10, left: 0 });
    let input = Input::Reader { name: "slow".to_owned(), reader };
    let mut source = flowgauge::capture::file::FileSource::open(vec![input], StopFlag::default()).unwrap();
    let mut batch = FrameBatch::default();
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Frames);
    assert_eq!(batch.raw(0, 1).data, b"first");
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Silence);
}

#[test]
fn a_bomb_takes_time_and_no_memory() {
    let mut plain = crate::support::capture_file::PcapngFile::new(crate::support::capture_file::Order::Little)
        .raw(&[99, 0, 0, 0, 0, 0, 0, 2])
        .bytes();
    let tail = plain.len() as u64 - 8 + 0x0200_0000 - 4;
    plain.resize(tail as usize, 0);
    plain.extend([0, 0, 0, 2]);
    let bomb = zstd(&plain);
    assert!(bomb.len() < 100_000);
    let (frames, error) = read_bytes(&[bomb]);
    assert!(frames.is_empty() && error.is_none(), "{error:?}");
}
