//! Reassembly as it goes along: the bytes that were sent come out once and in order, and what never came is told.

use std::collections::BTreeMap;

use flowgauge::dissect::{Assembler, Piece, TcpSegment};
use flowgauge::packet::TcpFlags;
use proptest::prelude::*;

const SYN: TcpFlags = TcpFlags(TcpFlags::SYN);
const FIN: TcpFlags = TcpFlags(TcpFlags::FIN);

/// What came out: bytes, and `None` for each that is missing.
#[derive(Default)]
struct Told(Vec<Option<u8>>);

impl Told {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Bytes(bytes) => self.0.extend(bytes.iter().copied().map(Some)),
            Piece::Gap(missing) => self.0.extend((0..missing).map(|_| None)),
        }
    }

    fn text(&self) -> String {
        self.0.iter().map(|byte| char::from(byte.unwrap_or(b'_'))).collect()
    }
}

fn segment(seq: u32, payload: &[u8]) -> TcpSegment<'_> {
    TcpSegment { seq, payload, ..TcpSegment::default() }
}

fn syn(seq: u32) -> TcpSegment<'static> {
    TcpSegment { seq, flags: SYN, ..TcpSegment::default() }
}

/// What comes out of these segments, and is left at the end.
fn fed(mut assembler: Assembler, segments: &[TcpSegment<'_>]) -> (String, Assembler) {
    let mut told = Told::default();
    for segment in segments {
        assembler.feed(segment, &mut |piece| told.take(piece));
    }
    (told.text(), assembler)
}

#[test]
fn bytes_in_their_order_are_handed_on_where_they_lie() {
    let payload = b"abcdef".to_vec();
    let mut assembler = Assembler::default();
    assembler.feed(&syn(9), &mut |_| panic!("nothing to tell"));
    let mut seen = 0;
    assembler.feed(&segment(10, &payload), &mut |piece| {
        let Piece::Bytes(bytes) = piece else { panic!("{piece:?}") };
        assert_eq!((bytes.as_ptr(), bytes.len()), (payload.as_ptr(), 6));
        seen += 1;
    });
    assert_eq!((seen, assembler.weight()), (1, 0));
}

#[test]
fn what_was_seen_first_stays() {
    let segments = [syn(0), segment(4, b"DEF"), segment(1, b"abcdefg"), segment(1, b"XXXXXXXXX")];
    assert_eq!(fed(Assembler::default(), &segments).0, "abcDEFgXX");
    // Behind, between and before what waits.
    let segments = [syn(0), segment(3, b"C"), segment(5, b"E"), segment(2, b"bcdef"), segment(1, b"ab")];
    assert_eq!(fed(Assembler::default(), &segments).0, "abCdEf");
}

#[test]
fn what_is_acknowledged_does_not_come_any_more() {
    let (text, mut assembler) = fed(Assembler::default(), &[segment(100, b"ab"), segment(105, b"fg")]);
    assert_eq!(text, "ab");
    let mut told = Told::default();
    assembler.acknowledge(103, &mut |piece| told.take(piece));
    assert_eq!(told.text(), "");
    assembler.acknowledge(107, &mut |piece| told.take(piece));
    // What comes later behind an acknowledged gap does not wait either; and an older acknowledgement says nothing.
    assembler.acknowledge(120, &mut |piece| told.take(piece));
    assembler.acknowledge(101, &mut |piece| told.take(piece));
    assembler.feed(&segment(110, b"kl"), &mut |piece| told.take(piece));
    assembler.feed(&segment(102, b"late"), &mut |piece| told.take(piece));
    assert_eq!(told.text(), "___fg___kl");
}

#[test]
fn a_gap_is_told_when_too_much_waits_behind_it() {
    let few = [syn(0), segment(3, b"c"), segment(5, b"e"), segment(7, b"g")];
    assert_eq!(fed(Assembler::new(100, 3), &few).0, "");
    assert_eq!(fed(Assembler::new(100, 2), &few).0, "__c");
    assert_eq!(fed(Assembler::new(2, 100), &few).0, "__c");
    // No room at all: nothing waits.
    assert_eq!(fed(Assembler::new(0, 0), &few).0, "__c_e_g");
}

#[test]
fn the_end_tells_what_waited_and_what_is_missing() {
    let fin = TcpSegment { seq: 9, flags: FIN, ..TcpSegment::default() };
    let (text, mut assembler) = fed(Assembler::default(), &[syn(0), segment(1, b"a"), segment(4, b"d"), fin]);
    assert!(text == "a" && assembler.is_waiting() && !assembler.is_over());
    let mut told = Told::default();
    assembler.finish(&mut |piece| told.take(piece));
    assert_eq!((told.text().as_str(), assembler.is_over()), ("__d____", true));
    assembler.finish(&mut |piece| panic!("{piece:?}"));
}

#[test]
fn the_bytes_that_a_capture_cut_off_are_missing() {
    let cut = TcpSegment { seq: 1, payload: b"ab", len: 4, ..TcpSegment::default() };
    let early = TcpSegment { seq: 6, payload: b"f", len: 3, ..TcpSegment::default() };
    assert_eq!(fed(Assembler::default(), &[syn(0), cut, early, segment(5, b"e"), segment(9, b"i")]).0, "ab__ef__i");
}

#[test]
fn a_keep_alive_is_no_byte_and_a_stranger_no_reason_to_wait() {
    assert_eq!(fed(Assembler::default(), &[segment(9, b"\0"), segment(10, b"ab"), segment(11, b"\0")]).0, "ab");
    let far = segment(0x7000_0000, b"x");
    let (text, assembler) = fed(Assembler::default(), &[syn(0), segment(1, b"a"), far, segment(2, b"b")]);
    assert!(text == "ab" && !assembler.is_waiting());
    // Where nothing else comes, that is where the connection is now.
    let mut assembler = assembler;
    let mut missing = Vec::new();
    for nth in 0..20 {
        assembler.feed(&segment(0x7000_0000 + nth, b"y"), &mut |piece| {
            if let Piece::Gap(bytes) = piece {
                missing.push(bytes);
            }
        });
    }
    assert_eq!(missing, [0x7000_000f - 3]);
}

/// Segments as (where they begin, their bytes): any cuts of `bytes`, shuffled, each told once at least.
fn cuts(len: usize) -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
    (prop::collection::vec(any::<u8>(), 2..len), prop::collection::vec((0..len, 1usize..80), 0..20), 1usize..60)
        .prop_flat_map(|(bytes, some, step)| {
            let mut pieces: Vec<_> = some.into_iter().map(|(at, len)| (at, at + len)).collect();
            pieces.extend((0..bytes.len()).step_by(step).map(|at| (at, at + step)));
            let end = bytes.len();
            let within = pieces.into_iter().map(|(from, to)| (from.min(end), to.min(end))).collect::<Vec<_>>();
            (Just(bytes), Just(within).prop_shuffle())
        })
}

proptest! {
    #[test]
    fn any_segmentation_gives_the_bytes((bytes, pieces) in cuts(600), isn in any::<u32>()) {
        let (mut assembler, mut told) = (Assembler::default(), Told::default());
        assembler.feed(&syn(isn), &mut |piece| told.take(piece));
        for (from, to) in pieces {
            let seq = isn.wrapping_add(1).wrapping_add(from as u32);
            assembler.feed(&segment(seq, &bytes[from..to]), &mut |piece| told.take(piece));
        }
        let sent: Vec<_> = bytes.into_iter().map(Some).collect();
        prop_assert_eq!(told.0, sent);
        prop_assert_eq!(assembler.weight(), 0);
    }

    #[test]
    fn bytes_that_contradict_each_other_are_those_of_a_slow_reference(
        segments in prop::collection::vec((0u32..120, prop::collection::vec(any::<u8>(), 0..30), 0u32..4), 1..40),
        isn in any::<u32>(),
    ) {
        let (mut assembler, mut told) = (Assembler::default(), Told::default());
        assembler.feed(&syn(isn), &mut |piece| told.take(piece));
        // For every place the byte that was seen first there, if one was captured.
        let mut seen: BTreeMap<u32, Option<u8>> = BTreeMap::new();
        for (at, payload, cut) in &segments {
            let len = payload.len() as u32 + cut;
            for place in 0..len {
                seen.entry(at + place).or_insert(payload.get(place as usize).copied());
            }
            let seq = isn.wrapping_add(1).wrapping_add(*at);
            assembler.feed(&TcpSegment { seq, payload, len, ..TcpSegment::default() }, &mut |piece| told.take(piece));
            let contiguous: Vec<_> = (0..).map_while(|place| seen.get(&place).copied()).collect();
            prop_assert_eq!(&told.0, &contiguous);
        }
        assembler.finish(&mut |piece| told.take(piece));
        let end = seen.keys().next_back().map_or(0, |last| last + 1);
        let all: Vec<_> = (0..end).map(|place| seen.get(&place).copied().flatten()).collect();
        prop_assert_eq!(told.0, all);
    }

    #[test]
    fn hostile_segments_stay_within_the_bound(
        segments in prop::collection::vec((any::<u32>(), any::<u32>(), 0u32..300, any::<u8>(), 0usize..200, 0u8..4), 0..300),
        (bytes, pieces) in (0usize..500, 0usize..10),
    ) {
        let mut assembler = Assembler::new(bytes, pieces);
        for (far, ack, near, flags, len, kind) in segments {
            let (seq, len) = (if kind == 0 { far } else { near.wrapping_sub(100) }, vec![flags; len]);
            let wire = if kind == 1 { far } else { 0 };
            let segment = TcpSegment { seq, ack, flags: TcpFlags(flags), payload: &len, len: wire };
            let mut out = 0;
            assembler.feed(&segment, &mut |_| out += 1);
            assembler.acknowledge(if kind == 2 { near } else { ack }, &mut |_| out += 1);
            prop_assert!(assembler.weight() <= bytes + pieces * 64 && out < 100);
        }
        assembler.finish(&mut |_| ());
        prop_assert!(!assembler.is_waiting());
    }
}
