//! Where a capture may come from: files, lists of files, pipes with slow writers, standard input.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flowgauge::Error;
use flowgauge::capture::file::{FileSource, Input};
use flowgauge::capture::{Captured, FrameBatch, PacketSource, StopFlag};

use crate::support::capture_file::{Order, PcapFile, PcapngFile};
use crate::support::reading::{frames_of, read_all, read_inputs};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Input {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    Input::Path(path)
}

fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

fn open_error(inputs: Vec<Input>) -> Error {
    FileSource::open(inputs, StopFlag::default()).expect_err("it opened")
}

#[test]
fn a_list_of_files_is_one_capture_whatever_their_formats() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = vec![
        write(folder.path(), "a.pcap", &PcapFile::new().frame(1, 0, b"a").frame(2, 0, b"b").bytes()),
        write(
            folder.path(),
            "b.pcapng",
            &PcapngFile::new(Order::Big).interface(101, 0, &[]).packet(0, 3, b"c").bytes(),
        ),
        write(folder.path(), "empty.pcap", &PcapFile::new().nanoseconds().bytes()),
        Input::Bytes(PcapFile::new().order(Order::Big).nanoseconds().link(113).frame(4, 0, b"d").bytes()),
    ];
    let (frames, error) = read_inputs(inputs);
    assert!(error.is_none(), "{error:?}");
    let told: Vec<_> = frames.iter().map(|frame| (frame.link, &frame.data[..])).collect();
    assert_eq!(told, [(1, &b"a"[..]), (1, b"b"), (101, b"c"), (113, b"d")]);
}

#[test]
fn a_missing_file_a_directory_and_an_unreadable_file_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let good = || write(folder.path(), "good.pcap", &PcapFile::new().bytes());
    let missing = || Input::Path(folder.path().join("missing.pcap"));
    let directory = || Input::Path(folder.path().to_owned());
    for inputs in [vec![missing()], vec![good(), missing()]] {
        let error = open_error(inputs);
        let Error::OpenFile { path, source } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
        assert!(path.ends_with("missing.pcap"));
    }
    for inputs in [vec![directory()], vec![good(), directory()]] {
        let error = open_error(inputs);
        assert!(matches!(&error, Error::OpenFile { source, .. } if source.kind() == io::ErrorKind::IsADirectory));
    }
    let Input::Path(secret) = write(folder.path(), "secret.pcap", b"") else { unreachable!() };
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&secret).is_ok() {
        eprintln!("skipped: unreadable file (this process may read everything)");
        return;
    }
    for inputs in [vec![Input::Path(secret.clone())], vec![good(), Input::Path(secret)]] {
        let error = open_error(inputs);
        assert!(matches!(&error, Error::OpenFile { source, .. } if source.kind() == io::ErrorKind::PermissionDenied));
    }
}

#[test]
fn a_header_that_cannot_be_read_is_refused_on_opening() {
    let folder = tempfile::tempdir().unwrap();
    let capture = PcapFile::new().bytes();
    assert!(matches!(open_error(vec![write(folder.path(), "x", b"")]), Error::NotACapture { .. }));
    assert!(matches!(open_error(vec![write(folder.path(), "x", b"no capture")]), Error::NotACapture { .. }));
    assert!(matches!(open_error(vec![write(folder.path(), "x", &capture[..20])]), Error::Damaged { offset: 0, .. }));
}

#[test]
fn a_later_file_that_is_no_capture_comes_after_the_frames_before_it() {
    let (frames, error) =
        read_inputs(vec![Input::Bytes(PcapFile::new().frame(1, 0, b"a").bytes()), Input::Bytes(Vec::new())]);
    assert_eq!(frames.len(), 1);
    assert!(matches!(&error, Some(Error::NotACapture { detail, .. }) if detail == "it is empty"), "{error:?}");
}

/// Asks until frames come, which must be soon.
fn next_frames(source: &mut FileSource) -> Vec<Vec<u8>> {
    let mut batch = FrameBatch::default();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        match source.next_batch(&mut batch).unwrap() {
            Captured::Frames => return frames_of(&batch).into_iter().map(|frame| frame.data).collect(),
            Captured::Silence => {}
            Captured::End => break,
        }
    }
    panic!("no frames came");
}

#[test]
fn a_slow_writer_is_waited_for_and_its_frames_come_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut source = FileSource::open(vec![Input::Path(path.clone())], StopFlag::default()).unwrap();
    let mut batch = FrameBatch::default();
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Silence, "before the writer came");
    let capture = PcapFile::new().frame(1, 0, b"first").frame(2, 0, b"second").bytes();
    // Opening waits for the reader, who is there already.
    let mut writer = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for piece in [&capture[..3], &capture[3..11], &capture[11..30]] {
        writer.write_all(piece).unwrap();
        assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Silence, "no frame is complete");
    }
    writer.write_all(&capture[30..50]).unwrap();
    assert_eq!(next_frames(&mut source), [b"first"]);
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::Silence);
    writer.write_all(&capture[50..]).unwrap();
    assert_eq!(next_frames(&mut source), [b"second"]);
    drop(writer);
    assert_eq!(source.next_batch(&mut batch).unwrap(), Captured::End);
}

#[test]
fn a_writer_that_leaves_in_the_middle_of_a_frame_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut source = FileSource::open(vec![Input::Path(path.clone())], StopFlag::default()).unwrap();
    let capture = PcapFile::new().frame(1, 0, b"first").frame(2, 0, b"second").bytes();
    let mut writer = fs::OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all(&capture[..capture.len() - 1]).unwrap();
    drop(writer);
    let (frames, error) = read_all(&mut source);
    assert_eq!(frames.len(), 1);
    assert!(matches!(error, Some(Error::Damaged { frame: 1, offset: 45, .. })), "{error:?}");
}

#[test]
fn a_raised_flag_ends_the_wait_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let stop = StopFlag::default();
    let mut source = FileSource::open(vec![Input::Path(fifo(folder.path()))], stop.clone()).unwrap();
    let (told, heard) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut batch = FrameBatch::default();
        while !stop_seen(&told, source.next_batch(&mut batch).unwrap()) {}
    });
    assert_eq!(heard.recv_timeout(Duration::from_secs(5)), Ok(Captured::Silence));
    stop.raise();
    let begin = Instant::now();
    while heard.recv_timeout(Duration::from_secs(5)).is_ok() && begin.elapsed() < Duration::from_millis(300) {}
    drop(heard);
    reader.join().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1));
}

fn stop_seen(told: &mpsc::Sender<Captured>, captured: Captured) -> bool {
    told.send(captured).is_err()
}

#[test]
fn a_pipe_that_never_says_anything_of_use_can_be_stopped() {
    struct Endless(StopFlag, u32);
    impl io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1 == 100 {
                self.0.raise();
            }
            into.fill(0);
            Ok(into.len())
        }
    }
    let stop = StopFlag::default();
    // An unknown block of 4 GiB, of which zeros come for ever.
    let head = PcapngFile::new(Order::Little).raw(&[99, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff]).bytes();
    let reader = Box::new(io::Read::chain(io::Cursor::new(head), Endless(stop.clone(), 0)));
    let mut source = FileSource::open(vec![Input::Reader { name: "endless".to_owned(), reader }], stop).unwrap();
    assert_eq!(source.next_batch(&mut FrameBatch::default()).unwrap(), Captured::Silence);
}

#[test]
fn a_reader_is_read_only_when_frames_are_wanted() {
    struct Counting(Arc<std::sync::atomic::AtomicUsize>, io::Cursor<Vec<u8>>);
    impl io::Read for Counting {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.1.read(into)
        }
    }
    let reads = Arc::default();
    let capture = PcapFile::new().frame(1, 0, b"first").bytes();
    let reader = Box::new(Counting(Arc::clone(&reads), io::Cursor::new(capture)));
    let input = Input::Reader { name: "object".to_owned(), reader };
    let mut source = FileSource::open(vec![input], StopFlag::default()).unwrap();
    assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed), 0);
    let (frames, error) = read_all(&mut source);
    assert!(frames.len() == 1 && error.is_none(), "{error:?}");
}

#[test]
fn blocks_are_used_again_once_nobody_looks_at_them() {
    let mut file = PcapFile::new();
    for second in 0..3_000 {
        file = file.frame(second, 0, &[0; 1_400]);
    }
    let mut source = FileSource::open(vec![Input::Bytes(file.bytes())], StopFlag::default()).unwrap();
    let mut batch = FrameBatch::default();
    let mut blocks = std::collections::BTreeSet::new();
    let mut batches = 0;
    while source.next_batch(&mut batch).unwrap() == Captured::Frames {
        blocks.insert(Arc::as_ptr(&batch.block) as usize);
        batches += 1;
    }
    assert!(batches > 10 && blocks.len() <= 2, "{} blocks for {batches} batches", blocks.len());
}

#[test]
fn a_batch_that_is_kept_keeps_its_bytes() {
    let mut file = PcapFile::new();
    for second in 0..1_000u32 {
        file = file.frame(second, 0, &[second as u8; 1_400]);
    }
    let mut source = FileSource::open(vec![Input::Bytes(file.bytes())], StopFlag::default()).unwrap();
    let mut kept = Vec::new();
    loop {
        let mut batch = FrameBatch::default();
        if source.next_batch(&mut batch).unwrap() != Captured::Frames {
            break;
        }
        kept.push(batch);
    }
    let frames: Vec<_> = kept.iter().flat_map(frames_of).collect();
    assert_eq!(frames.len(), 1_000);
    assert!(frames.iter().enumerate().all(|(second, frame)| frame.data == [second as u8; 1_400]));
}
