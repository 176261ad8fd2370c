//! A capture cut between any two frames is decoded as in one go, when the position is handed on.

use flowgauge::Timestamp;
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, Position, RawPacket, SkipReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::decode::{A, A6, B, B6, raw};
use crate::support::frames::*;

/// A fragment of packet `id`, the first or a later one.
fn fragment(six: bool, id: u16, nth: u16) -> Vec<u8> {
    let data = udp(1000 + id, 53, &[7; 40]);
    let data = if nth == 0 { &data[..] } else { &data[8..] };
    if six {
        return ethernet(IPV6, &Ipv6::new(A6, B6).fragment(id.into(), nth * 48, nth < 2).carrying(17, data));
    }
    ethernet(IPV4, &Ipv4::new(A, B).fragment(id, nth * 48, nth < 2).carrying(17, data))
}

/// Frames of a capture with their stamps in seconds: fragments of few packets, whole packets, and what is none.
fn capture() -> impl Strategy<Value = Vec<(i16, Vec<u8>)>> {
    let frame = prop_oneof![
        4 => (any::<bool>(), 0_u16..4, 0_u16..3).prop_map(|(six, id, nth)| fragment(six, id, nth)),
        1 => Just(ethernet(IPV4, &Ipv4::new(A, B).tcp(1, 2, 2, b"x"))),
        1 => Just(ethernet(0x0806, &[0; 28])),
    ];
    vec((0_i16..100, frame), 0..40)
}

fn decode(decoder: &mut Decoder, first: u64, frames: &[(i16, Vec<u8>)]) -> Vec<Decoded> {
    let decode = |(number, (second, frame)): (u64, &(i16, Vec<u8>))| {
        let stamp = Timestamp::from_millis(i64::from(*second) * 1000);
        decoder.decode(&RawPacket { number, stamp, ..raw(LinkType::ETHERNET, frame) })
    };
    (first..).zip(frames).map(decode).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn two_pieces_are_decoded_like_the_whole(
        frames in capture(),
        at in any::<prop::sample::Index>(),
        on in any::<bool>(),
    ) {
        let options = DecodeOptions::new().fragments(on);
        let whole = decode(&mut Decoder::new(options), 1, &frames);
        let (one, other) = frames.split_at(at.index(frames.len() + 1));
        let mut decoder = Decoder::new(options);
        let mut pieces = decode(&mut decoder, 1, one);
        let position = decoder.position(one.len() as u64);
        prop_assert_eq!((position.frame(), position.clock()), (one.len() as u64, decoder.clock()));
        pieces.extend(decode(&mut Decoder::resume(options, &position), position.frame() + 1, other));
        prop_assert_eq!(pieces, whole);
    }
}

#[test]
fn a_full_table_of_fragments_is_handed_on() {
    let options = DecodeOptions::new();
    let mut decoder = Decoder::new(options);
    let firsts: Vec<_> = (0..5000).map(|id| (1, fragment(false, id, 0))).collect();
    decode(&mut decoder, 1, &firsts);
    let later = |id| [(2, fragment(false, id, 1))];
    let mut next = Decoder::resume(options, &decoder.position(5000));
    for id in [904, 905, 4999] {
        let Decoded::Packet(info) = decode(&mut next, 5001, &later(id))[0] else { panic!("{id} was forgotten") };
        assert_eq!(info.src_port, 1000 + id);
    }
    let Decoded::Skipped(skipped) = decode(&mut next, 5001, &later(903))[0] else { panic!("903 is one too many") };
    assert_eq!(skipped.reason, SkipReason::FragmentWithoutFirst);
}

#[test]
fn a_position_made_by_hand_sets_the_clock() {
    let position = Position::new(7, Timestamp::from_millis(9000));
    assert_eq!((position.frame(), position.clock().as_millis()), (7, 9000));
    let decoder = Decoder::resume(DecodeOptions::new(), &position);
    assert_eq!(decoder.clock(), position.clock());
    assert_eq!((Position::default().frame(), Position::default().clock()), (0, Timestamp::MIN));
}
