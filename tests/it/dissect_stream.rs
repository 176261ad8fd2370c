//! Reassembly: whatever way the bytes of a direction are cut, sent again and shuffled, they come out as they were.

use flowgauge::dissect::Stream;
use flowgauge::packet::TcpFlags;
use proptest::prelude::*;

const NONE: TcpFlags = TcpFlags(0);
const SYN: TcpFlags = TcpFlags(TcpFlags::SYN);
const FIN: TcpFlags = TcpFlags(TcpFlags::FIN);

/// A stream of at most `limit` bytes that began with a SYN of sequence number 0.
fn opened(limit: usize) -> Stream {
    let mut stream = Stream::new(limit);
    stream.feed(0, SYN, b"");
    stream
}

#[test]
fn without_a_syn_the_first_payload_is_the_beginning() {
    let mut stream = Stream::new(100);
    stream.feed(70, NONE, b"abc");
    stream.feed(67, NONE, b"xyzABCd");
    assert_eq!(stream.ready(), b"abcd");
}

#[test]
fn data_on_a_syn_follows_it() {
    let mut stream = Stream::new(100);
    stream.feed(u32::MAX, SYN, b"abc");
    stream.feed(3, NONE, b"d");
    assert_eq!(stream.ready(), b"abcd");
}

#[test]
fn a_syn_after_a_refused_one_begins_anew() {
    let mut stream = opened(100);
    stream.feed(5000, SYN, b"");
    stream.feed(5001, NONE, b"abc");
    stream.feed(9000, SYN, b"x");
    assert_eq!(stream.ready(), b"abc");
}

#[test]
fn keep_alives_change_nothing() {
    let mut stream = opened(100);
    stream.feed(0, NONE, b"\0");
    stream.feed(1, NONE, b"abc");
    stream.feed(3, NONE, b"\0");
    assert_eq!(stream.ready(), b"abc");
    let mut stream = Stream::new(100);
    stream.feed(9, NONE, b"\0");
    stream.feed(10, NONE, b"abc");
    assert_eq!(stream.ready(), b"abc");
}

#[test]
fn the_bytes_seen_first_win() {
    let mut stream = opened(100);
    stream.feed(4, NONE, b"DEF");
    stream.feed(1, NONE, b"abcdefg");
    stream.feed(1, NONE, b"XXXXXXXXXX");
    assert_eq!(stream.ready(), b"abcDEFgXXX");
}

#[test]
fn sequence_numbers_wrap() {
    let mut stream = Stream::new(100);
    stream.feed(u32::MAX - 2, SYN, b"");
    stream.feed(0, NONE, b"cd");
    stream.feed(u32::MAX - 1, NONE, b"ab");
    assert_eq!(stream.ready(), b"abcd");
}

#[test]
fn a_fin_ends_it_when_everything_before_is_there() {
    let mut stream = opened(100);
    stream.feed(4, FIN, b"");
    assert!(!stream.is_over());
    stream.feed(1, NONE, b"abc");
    assert!(stream.is_over());
}

#[test]
fn no_more_than_the_limit_is_kept() {
    let mut stream = opened(10);
    stream.feed(6, NONE, &[b'f'; 20]);
    stream.feed(1, NONE, &[b'a'; 200]);
    assert_eq!((stream.ready(), stream.is_over()), (&b"aaaaafffff"[..], true));
}

#[test]
fn a_gap_is_waited_for_until_too_much_waits_behind_it() {
    let mut stream = opened(1000);
    for nth in 0..=Stream::DEFAULT_HELD as u32 {
        assert!(!stream.is_over(), "{nth}");
        stream.feed(3 + 2 * nth, NONE, b"x");
    }
    assert!(stream.is_over());
}

#[test]
fn a_connection_that_goes_on_without_its_beginning_is_given_up() {
    let mut stream = opened(100);
    for nth in 0..50 {
        stream.feed(500 + nth * 100, NONE, &[0; 100]);
    }
    assert!(stream.is_over() && stream.ready().is_empty());
}

proptest! {
    #[test]
    fn any_segmentation_gives_the_bytes(
        bytes in prop::collection::vec(any::<u8>(), 2..400),
        isn in any::<u32>(),
        cuts in prop::collection::vec((0usize..400, 0usize..60), 0..15),
        order in any::<u64>(),
        syn in any::<bool>(),
    ) {
        // Some pieces anywhere, and pieces that together are everything, shuffled: at most sixteen wait at once.
        let mut pieces: Vec<(usize, usize)> = cuts.iter().map(|(at, len)| (*at, at + len)).collect();
        pieces.extend((0..bytes.len()).step_by(30).map(|at| (at, at + 30)));
        let mut state = order | 1;
        for index in (1..pieces.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pieces.swap(index, (state >> 33) as usize % (index + 1));
        }
        let mut stream = Stream::new(bytes.len()).holding(64);
        let first = isn.wrapping_add(1);
        if syn {
            stream.feed(isn, SYN, b"");
        } else {
            // Two bytes at least: a lone zero is taken for a keep-alive.
            stream.feed(first, NONE, &bytes[..2]);
        }
        for (start, end) in pieces {
            let (start, end) = (start.min(bytes.len()), end.min(bytes.len()));
            stream.feed(first.wrapping_add(start as u32), NONE, &bytes[start..end]);
            prop_assert_eq!(stream.ready(), &bytes[..stream.ready().len()]);
        }
        prop_assert_eq!(stream.ready(), &bytes[..]);
        prop_assert!(stream.is_over());
    }

    #[test]
    fn hostile_sequences_stay_within_the_bound(
        segments in prop::collection::vec((any::<u32>(), 0u32..300, any::<u8>(), 0usize..200, any::<bool>()), 0..300),
        limit in 0usize..200,
    ) {
        let mut stream = Stream::new(limit);
        for (far, near, flags, len, is_far) in segments {
            let seq = if is_far { far } else { near.wrapping_sub(100) };
            stream.feed(seq, TcpFlags(flags), &vec![flags; len]);
            prop_assert!(stream.ready().len() <= limit);
        }
    }
}
