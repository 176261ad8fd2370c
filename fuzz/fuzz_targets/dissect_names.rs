//! Any bytes as a DNS message and as heads of HTTP: what is read is bounded, and a head once read stays as it is.
#![no_main]

use flowgauge::dissect::dns::{Circumstances, Message, tcp_message};
use flowgauge::dissect::http::{Parsed, Request, Response};
use flowgauge::flow::Facts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for bytes in [Some(data), tcp_message(data)].into_iter().flatten() {
        let Some(message) = Message::parse(bytes) else { continue };
        assert!(message.answers.len() <= Facts::MAX_ITEMS);
        assert!(message.answer_texts().iter().all(|answer| !answer.is_empty() && answer.len() <= Facts::MAX_TEXT));
        let name = message.question().map(|question| question.name.clone()).unwrap_or_default();
        let _ = message.anomalies(&Circumstances::default());
        let records = [&message.answers, &message.authority, &message.additional].into_iter().flatten();
        assert!(records.map(|record| record.data.whole_text()).all(|text| text.len() < 1 << 19));
        assert!(name.len() <= Facts::MAX_TEXT && name.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
    }
    let half = &data[..data.len() / 2];
    let request = Request::parse(half);
    if request != Parsed::Partial {
        assert_eq!(request, Request::parse(data));
    }
    if let Parsed::Complete(request) = request {
        let texts = [Some(request.method), Some(request.target), request.host, request.user_agent];
        assert!(texts.iter().flatten().all(|text| text.len() <= Facts::MAX_TEXT));
    }
    if let Parsed::Complete(response) = Response::parse(data) {
        assert!(response.content_type.is_none_or(|text| text.len() <= Facts::MAX_TEXT));
    }
});
