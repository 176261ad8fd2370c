//! Cut and corrupt captures: everything before the damage, then one error that names file, frame and offset.

use flowgauge::Error;
use flowgauge::capture::file::Input;

use crate::support::capture_file::{Order, PcapFile, PcapngFile};
use crate::support::reading::{read_bytes, read_inputs};

fn pcap() -> PcapFile {
    PcapFile::new().frame(1, 0, b"first").frame(2, 0, b"second!")
}

fn pcapng() -> PcapngFile {
    PcapngFile::new(Order::Big).interface(1, 0, &[]).packet(0, 1, b"first").packet(0, 2, b"second!").block(77, &[1; 40])
}

/// The boundaries between the records of the two captures above, from the end of the header on.
fn boundaries(capture: &[u8]) -> Vec<usize> {
    if capture[0] == 0xd4 { vec![24, 45, 68] } else { vec![28, 48, 88, 128, 180] }
}

#[test]
fn a_capture_cut_anywhere_gives_every_frame_before_the_cut() {
    for capture in [pcap().bytes(), pcapng().bytes()] {
        let boundaries = boundaries(&capture);
        assert_eq!(boundaries.last(), Some(&capture.len()));
        let frame_ends = if capture[0] == 0xd4 { [45, 68] } else { [88, 128] };
        for cut in 24..=capture.len() {
            let (frames, error) = read_bytes(&[capture[..cut].to_vec()]);
            assert_eq!(frames.len(), frame_ends.iter().filter(|end| **end <= cut).count(), "cut at {cut}");
            if boundaries.contains(&cut) {
                assert!(error.is_none(), "cut at {cut}: {error:?}");
                continue;
            }
            let begin = *boundaries.iter().rfind(|boundary| **boundary < cut).unwrap_or(&0) as u64;
            match error {
                Some(Error::Damaged { name, frame, offset, .. }) => {
                    assert_eq!((name.as_str(), frame, offset), ("bytes", frames.len() as u64, begin), "cut at {cut}");
                }
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_capture_cut_in_its_header_says_so() {
    for capture in [pcap().bytes(), pcapng().bytes()] {
        for cut in 4..24 {
            let (_, error) = read_bytes(&[capture[..cut].to_vec()]);
            let Some(Error::Damaged { offset: 0, frame: 0, detail, .. }) = error else { panic!("{cut}: {error:?}") };
            assert!(detail.contains("header"), "{detail}");
        }
    }
}

#[test]
fn what_is_no_capture_says_what_it_is() {
    for (bytes, words) in [
        (&b""[..], "it is empty"),
        (b"ab", "it has 2 bytes"),
        (b"<html>", "it begins with 3c 68 74 6d"),
        (&[0; 100], "it begins with 00 00 00 00"),
    ] {
        let (_, error) = read_bytes(&[bytes.to_vec()]);
        assert!(matches!(&error, Some(Error::NotACapture { detail, .. }) if detail == words), "{error:?}");
    }
}

#[test]
fn an_absurd_length_is_damage() {
    for len in [262_145, 1 << 24, u32::MAX] {
        let (frames, error) = read_bytes(&[pcap().record(3, 0, len, len, b"..").frame(4, 0, b"lost").bytes()]);
        assert_eq!(frames.len(), 2);
        let Some(Error::Damaged { frame: 2, offset: 68, detail, .. }) = error else { panic!("{len}: {error:?}") };
        assert!(detail.contains(&len.to_string()), "{detail}");
    }
}

#[test]
fn frame_numbers_in_errors_run_through_a_list() {
    let cut = pcapng().raw(&[6, 0, 0, 0]).bytes();
    let (frames, error) = read_bytes(&[pcap().bytes(), pcap().bytes(), cut, pcap().bytes()]);
    assert_eq!(frames.len(), 6);
    assert!(matches!(error, Some(Error::Damaged { frame: 6, offset: 180, .. })), "{error:?}");
}

#[test]
fn a_failing_reader_fails_after_its_frames() {
    struct Failing(Vec<u8>);
    impl std::io::Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Err(std::io::Error::other("the cable is gone"));
            }
            let bytes = self.0.len().min(into.len()).min(7);
            into[..bytes].copy_from_slice(&self.0[..bytes]);
            self.0.drain(..bytes);
            Ok(bytes)
        }
    }
    let mut bytes = pcap().bytes();
    bytes.extend([0; 5]);
    let reader = Box::new(Failing(bytes));
    let (frames, error) = read_inputs(vec![Input::Reader { name: "cable".to_owned(), reader }]);
    assert_eq!(frames.len(), 2);
    let Some(Error::Read { name, frame: 2, offset: 73, source }) = error else { panic!("{error:?}") };
    assert_eq!((name.as_str(), source.to_string().as_str()), ("cable", "the cable is gone"));
}

#[test]
fn a_reader_that_claims_too_much_is_caught() {
    struct Boasting;
    impl std::io::Read for Boasting {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            Ok(into.len() + 1)
        }
    }
    let (_, error) = read_inputs(vec![Input::Reader { name: "boast".to_owned(), reader: Box::new(Boasting) }]);
    assert!(matches!(error, Some(Error::Read { .. })), "{error:?}");
}
