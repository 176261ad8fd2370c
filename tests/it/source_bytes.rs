//! How far reading a source is, in bytes as they are stored.

use std::fs;
use std::io::Cursor;

use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::{FrameBatch, PacketSource, SourceBytes, StopFlag};
use flowgauge::{Report, Streamer};

use crate::support::capture_file::PcapFile;
use crate::support::scenario::{A, B, Scenario};

/// A capture of some blocks that a compressor makes a little smaller.
fn capture() -> Vec<u8> {
    let mut file = PcapFile::new();
    let mut state = 1u32;
    for second in 0..1_000 {
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 26) as u8
        });
        file = file.frame(second, 0, &noise.take(1_000).collect::<Vec<_>>());
    }
    file.bytes()
}

fn report(streamer: Streamer) -> Report {
    let mut flows = streamer.n_dissections(0).start().unwrap();
    flows.by_ref().for_each(drop);
    flows.report()
}

fn whole(bytes: usize) -> (Option<u64>, Option<u64>) {
    (Some(bytes as u64), Some(bytes as u64))
}

fn told(report: &Report) -> (Option<u64>, Option<u64>) {
    (report.source_bytes_read, report.source_bytes)
}

#[test]
fn a_file_is_read_to_its_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    fs::write(&path, capture()).unwrap();
    assert_eq!(told(&report(Streamer::from_file(&path))), whole(capture().len()));
    assert_eq!(told(&report(Streamer::from_bytes(capture()).workers(2))), whole(capture().len()));
}

#[test]
fn how_large_the_source_is_is_known_before_the_first_frame() {
    let flows = Streamer::from_bytes(capture()).n_dissections(0).start().unwrap();
    let report = flows.report();
    assert_eq!(report.source_bytes, Some(capture().len() as u64));
    assert!(report.source_bytes_read.is_some_and(|read| read > 0), "its header was looked at");
}

#[cfg(feature = "compress")]
#[test]
fn of_a_compressed_file_the_compressed_bytes_count() {
    use std::io::Write;

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&capture()).unwrap();
    for compressed in [gzip.finish().unwrap(), zstd::stream::encode_all(&capture()[..], 1).unwrap()] {
        assert!(compressed.len() < capture().len() * 9 / 10);
        let report = report(Streamer::from_bytes(compressed.clone()));
        assert_eq!((told(&report), report.frames_read), (whole(compressed.len()), 1_000));
    }
}

#[test]
fn several_files_are_summed_up_from_the_beginning_on() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.pcap", "b.pcap", "c.pcap"].map(|name| folder.path().join(name));
    for path in &paths {
        fs::write(path, capture()).unwrap();
    }
    let all = 3 * capture().len();
    assert_eq!(told(&report(Streamer::from_files(&paths))), whole(all));

    let inputs = paths.map(Input::Path).into();
    let mut source = FileSource::open(inputs, StopFlag::default()).unwrap();
    let (mut batch, mut before) = (FrameBatch::default(), 0);
    let mut steps = 0;
    while source.next_batch(&mut batch).unwrap() == flowgauge::capture::Captured::Frames {
        let SourceBytes { read: Some(read), all: Some(told) } = source.bytes() else { panic!("{:?}", source.bytes()) };
        assert!(before <= read && read <= told && told == all as u64);
        steps += u32::from(read > before);
        before = read;
    }
    assert!(steps >= 9, "{steps} blocks of 256 KiB in three files of a megabyte");
}

#[test]
fn what_stopped_early_was_not_read_whole() {
    let report = report(Streamer::from_bytes(capture()).max_frames(3));
    let (Some(read), Some(all)) = told(&report) else { panic!("{report:?}") };
    assert_eq!(all, capture().len() as u64);
    assert!(read > 3_000 && read < all, "{read} of {all}");
}

#[test]
fn a_file_that_grows_is_never_read_beyond_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    fs::write(&path, capture()).unwrap();
    let mut source = FileSource::open(vec![Input::Path(path.clone())], StopFlag::default()).unwrap();
    let more = capture();
    fs::write(&path, [&more[..], &more[24..]].concat()).unwrap();
    let mut batch = FrameBatch::default();
    while source.next_batch(&mut batch).unwrap() == flowgauge::capture::Captured::Frames {}
    let all = Some((2 * more.len() - 24) as u64);
    assert_eq!(source.bytes(), SourceBytes { read: all, all });
}

#[test]
fn what_says_so_only_by_ending_has_no_size() {
    let reader = |name: &str| Streamer::from_reader(name, Cursor::new(capture()));
    assert_eq!(told(&report(reader("cable"))), (Some(capture().len() as u64), None));

    let first = capture();
    let source = FileSource::open(vec![Input::Bytes(first), Input::Stdin], StopFlag::default()).unwrap();
    let SourceBytes { read, all } = source.bytes();
    assert!(read.is_some_and(|read| read > 0));
    assert_eq!(all, None, "standard input is one of them");
}

#[test]
fn a_source_of_ones_own_need_not_tell() {
    assert_eq!(told(&report(Streamer::from_source(Scenario::new().udp(A, B).source()))), (None, None));
}

#[test]
fn a_line_of_json_does_not_depend_on_how_the_capture_is_stored() {
    let line = report(Streamer::from_bytes(capture())).to_string();
    assert_eq!(line, report(Streamer::from_reader("cable", Cursor::new(capture()))).to_string());
}
