//! What holds for whatever bytes the readers of names are given: an answer, and one of bounded size.

use flowgauge::dissect::dns::{Circumstances, Message, Record, tcp_message};
use flowgauge::dissect::http::{Parsed, Request, Response};
use flowgauge::flow::Facts;
use proptest::collection::vec;
use proptest::prelude::*;

fn record_is_bounded(record: &Record) -> bool {
    // What is written of a record is a few times what it can be in 64 KiB.
    record.name.len() <= Facts::MAX_TEXT && record.data.whole_text().len() < 1 << 19
}

fn is_bounded(message: &Message) -> bool {
    let name = message.question().map_or("", |question| &question.name);
    let _ = message.anomalies(&Circumstances::default());
    let visible = |byte: u8| (b'!'..=b'~').contains(&byte);
    name.bytes().all(visible)
        && name.len() <= Facts::MAX_TEXT
        && message.answers.len() <= Facts::MAX_ITEMS
        && message.answer_texts().iter().all(|answer| answer.len() <= Facts::MAX_TEXT)
        && [&message.answers, &message.authority, &message.additional]
            .iter()
            .all(|records| records.len() <= Facts::MAX_ITEMS && records.iter().all(record_is_bounded))
}

/// Bytes of which names are made: short labels, pointers, types.
fn names() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(vec![3, b'w', b'w', b'w']),
        Just(vec![0]),
        (0..64_u8).prop_map(|to| vec![0xc0, to]),
        prop::sample::select(vec![1_u8, 2, 5, 12, 15, 16, 28, 33])
            .prop_map(|kind| vec![0, kind, 0, 1, 0, 0, 0, 9, 0, 4]),
        vec(any::<u8>(), 1..5),
    ];
    vec(piece, 0..64).prop_map(|pieces| pieces.concat())
}

/// Heads of messages, with pieces missing or in the wrong place.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let words =
        ["GET ", "/", "http://", "a@b", " HTTP/1.1", "\r\n", "\n", "Host:", "Content-Type: ", "HTTP/1.1 200 ", "\0"];
    let piece = prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        vec(any::<u8>(), 1..9),
        (1..700_usize).prop_map(|length| vec![b'x'; length]),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_heads(bytes: &[u8]) {
    if let Parsed::Complete(request) = Request::parse(bytes) {
        assert!(!request.method.is_empty());
        let texts = [Some(request.method), Some(request.target), request.host, request.user_agent];
        assert!(texts.iter().flatten().all(|text| text.len() <= Facts::MAX_TEXT));
    }
    if let Parsed::Complete(response) = Response::parse(bytes) {
        assert!(response.status < 1000);
        assert!(response.content_type.is_none_or(|text| text.len() <= Facts::MAX_TEXT));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_as_dns_give_bounded_texts(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert!(Message::parse(&bytes).is_none_or(|message| is_bounded(&message)));
        prop_assert!(tcp_message(&bytes).is_none_or(|message| message.len() + 2 <= bytes.len()));
    }

    #[test]
    fn names_that_point_anywhere_give_bounded_texts(
        flags in any::<u16>(), counts in any::<[u16; 2]>(), few in any::<bool>(), rest in names(),
    ) {
        let [questions, answers] = counts.map(|count| if few { count % 4 } else { count });
        let bytes = [[1, flags, questions, answers, 0, 0].map(u16::to_be_bytes).concat(), rest].concat();
        prop_assert!(Message::parse(&bytes).is_none_or(|message| is_bounded(&message)));
    }

    #[test]
    fn any_bytes_as_http_give_bounded_texts(bytes in vec(any::<u8>(), 0..600), heads in heads()) {
        check_heads(&bytes);
        check_heads(&heads);
    }

    #[test]
    fn more_bytes_never_unsay_http(heads in heads(), more in vec(any::<u8>(), 0..50)) {
        let longer = [heads.clone(), more].concat();
        match Request::parse(&heads) {
            Parsed::Partial => {}
            settled => prop_assert_eq!(settled, Request::parse(&longer)),
        }
    }
}
