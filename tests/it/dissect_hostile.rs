//! Flows made to cost much: each ends within its bound of packets, tells no more than facts may hold, and of a message no
//! more is looked at than is kept.

use std::sync::Arc;

use flowgauge::dissect::dns::Message;
use flowgauge::flow::{Direction, Facts};

use crate::dissect_tls::Talk;
use crate::support::hello::{chrome, sized};

const CLIENT: Direction = Direction::SrcToDst;
const SERVER: Direction = Direction::DstToSrc;

/// How many of the packets of an endless flow were looked at before it was over.
fn looked_at(mut talk: Talk, mut next: impl FnMut(Talk, usize) -> Talk) -> (usize, Option<Arc<Facts>>) {
    for nth in 0..1000 {
        if talk.is_over() {
            return (nth, talk.facts());
        }
        talk = next(talk, nth);
    }
    panic!("it does not end");
}

/// A DNS response with the question `a.` and this many answers.
fn response(answers: u16, rest: &[u8]) -> Vec<u8> {
    let header = [0x1234, 0x8180, 1, answers, 0, 0].map(u16::to_be_bytes).concat();
    [&header[..], b"\x01a\0\0\x01\0\x01", rest].concat()
}

#[test]
fn a_head_of_megabytes_ends_with_the_sixteenth_kilobyte() {
    for start in [&b"GET /"[..], b"GET / HTTP/1.1\r\nCookie: ", b"HTTP/1.1 200 OK\r\nX: "] {
        let talk = Talk::new(6).says(CLIENT, start).says(SERVER, start);
        let (packets, facts) = looked_at(talk, |talk, _| talk.says(CLIENT, &[b'x'; 1400]).says(SERVER, &[b'x'; 1400]));
        assert!(packets <= 12, "{packets}");
        assert_eq!(facts, None);
    }
    // Field after field, and each of them well made.
    let talk = Talk::new(6).says(CLIENT, b"GET / HTTP/1.1\r\nHost: a\r\n").says(SERVER, b"HTTP/1.1 200 OK\r\n");
    let fields = b"X: y\r\n".repeat(200);
    let (packets, _) = looked_at(talk, |talk, _| talk.says(CLIENT, &fields).says(SERVER, &fields));
    assert!(packets <= 15, "{packets}");
}

#[test]
fn a_connection_that_trickles_ends_after_sixty_four_segments() {
    for start in [&b"GET /"[..], &[22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xf0]] {
        let (packets, facts) = looked_at(Talk::new(6).says(CLIENT, start), |talk, _| talk.says(CLIENT, b"x"));
        assert_eq!((packets, facts), (63, None));
    }
}

#[test]
fn names_that_point_in_circles_tell_nothing() {
    // Each answer is named by, and is an alias of, a name that begins with itself.
    let mut looped = Vec::new();
    while looped.len() < 60_000 {
        let at = 0xc000 | (19 + looped.len() as u16) & 0x3fff;
        looped.extend([&at.to_be_bytes()[..], &[0, 5, 0, 1, 0, 0, 0, 9, 0, 2], &at.to_be_bytes()].concat());
    }
    let message = Message::parse(&response(5000, &looped)).unwrap();
    assert!(message.answer_texts().is_empty());
}

#[test]
fn ladders_of_pointers_are_climbed_for_some_rungs_and_some_answers_only() {
    // In the text of the first answer each pointer points to the one before, and the lowest to the question; every other
    // answer is an alias of the name at the top.
    let aliases = |rungs: u16| {
        let pointer = |nth: u16| (0xc000 | if nth == 0 { 12 } else { 28 + 2 * nth }).to_be_bytes();
        let ladder: Vec<u8> = (0..rungs).flat_map(pointer).collect();
        let text = [&[0, 0, 16, 0, 1, 0, 0, 0, 9][..], &sized::<2>(&ladder)].concat();
        let alias = [&[0, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2][..], &pointer(rungs)].concat();
        let message = Message::parse(&response(3000, &[text, alias.repeat(2999)].concat())).unwrap();
        message.answer_texts().iter().filter(|answer| *answer == "a").count()
    };
    assert_eq!(aliases(200), Facts::MAX_ITEMS - 1);
    assert_eq!((aliases(300), aliases(8000)), (0, 0));
    // Answers that tell nothing count as well.
    let (odd, good) = ([0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 1, 7], [0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
    let read = |before: usize| {
        let answers = [odd.repeat(before), good.to_vec()].concat();
        Message::parse(&response(before as u16 + 1, &answers)).unwrap().answer_texts().len()
    };
    assert_eq!((read(Facts::MAX_ITEMS - 1), read(Facts::MAX_ITEMS)), (1, 0));
}

#[test]
fn a_thousand_answers_in_circles_end_a_flow_of_dns() {
    let record = [0xc0, 19, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 19];
    let facts = Talk::new(17).port(53).sends(SERVER, &response(1000, &record.repeat(1000))).facts().unwrap();
    assert_eq!((facts.dns_query(), facts.dns_answers().len()), (Some("a"), 0));
    // Answers to other questions do not go on for ever.
    let asked = [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01a\0\0\x01\0\x01"].concat();
    let (packets, _) = looked_at(Talk::new(17).port(53).sends(CLIENT, &asked), |talk, _| {
        talk.sends(SERVER, &response(1000, &record.repeat(1000)))
    });
    assert_eq!(packets, 23);
}

#[test]
fn fragments_of_dtls_are_not_kept_and_end_with_the_twenty_fourth() {
    let mut hello = chrome("flowgauge.example");
    hello.version = 0xfefd;
    let body = hello.client()[4..].to_vec();
    let fragment = |nth: usize, claimed: usize, from: usize, bytes: &[u8]| {
        let number = |number: usize| sized::<3>(&vec![0; number])[..3].to_vec();
        let message = [&[1][..], &number(claimed), &[0, 0], &number(from), &number(bytes.len()), bytes].concat();
        [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, nth as u8][..], &sized::<2>(&message)].concat()
    };
    // Of a hello of 16 MB, of one that overlaps itself, and of one whose offsets lie beyond its end.
    for (claimed, step) in [(0xff_ffff, 100), (body.len(), 1), (200, 100_000)] {
        let (packets, facts) =
            looked_at(Talk::new(17), |talk, nth| talk.sends(CLIENT, &fragment(nth, claimed, nth * step, &body[..100])));
        assert_eq!((packets, facts), (24, None));
    }
}

#[test]
fn whatever_begins_like_quic_ends_with_the_twenty_fourth_datagram() {
    let initial = include_bytes!("../data/quic_initial.bin");
    let (packets, facts) = looked_at(Talk::new(17), |talk, nth| {
        let mut damaged = *initial;
        // Another connection id each time, so that its keys have to be derived anew.
        damaged[6] = nth as u8 + 1;
        talk.sends(CLIENT, &damaged)
    });
    assert_eq!((packets, facts), (24, None));
}
