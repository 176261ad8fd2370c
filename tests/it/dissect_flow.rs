//! Dissection of whole flows: what is spoken is told by the bytes, and names come out of every protocol.

use flowgauge::flow::Direction;

use crate::dissect_tls::Talk;

const CLIENT: Direction = Direction::SrcToDst;
const SERVER: Direction = Direction::DstToSrc;

/// A DNS message: its header and one question for `a.example`, type A, class IN.
fn dns(id: u8, flags: u8, answers: u8, rest: &[u8]) -> Vec<u8> {
    let header = [0, id, flags, 0, 0, 1, 0, answers, 0, 0, 0, 0];
    [&header[..], b"\x01a\x07example\0\0\x01\0\x01", rest].concat()
}

/// An answer with the address 192.0.2.7.
fn answer(id: u8) -> Vec<u8> {
    dns(id, 0x80, 1, &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7])
}

#[test]
fn an_http_request_and_its_response_are_read_whatever_the_port() {
    let talk = Talk::new(6)
        .says(CLIENT, b"GET /x?y HTTP/1.1\r\nHost: a.example:81\r\nUser-")
        .says(CLIENT, b"Agent: flow/1\r\n\r\nGET /2")
        .says(SERVER, b"HTTP/1.1 404 No\r\nContent-Type: text/html\r\n\r\n<html>");
    assert!(talk.is_over());
    let facts = talk.facts().unwrap();
    assert_eq!((facts.http_method(), facts.http_path()), (Some("GET"), Some("/x?y")));
    assert_eq!(facts.http_host(), Some("a.example:81"));
    assert_eq!(facts.requested_server_name(), Some("a.example"));
    assert_eq!((facts.user_agent(), facts.http_status), (Some("flow/1"), Some(404)));
    assert_eq!(facts.content_type(), Some("text/html"));
}

#[test]
fn a_request_of_another_protocol_is_over_at_once() {
    for payload in [&b"OPTIONS sip:a SIP/2.0\r\n\r\n"[..], b"USER anonymous\r\n", b"GET"] {
        let talk = Talk::new(6).says(CLIENT, payload).says(SERVER, b"220 x\r\n");
        assert_eq!(talk.facts(), None);
    }
    assert!(Talk::new(6).says(SERVER, b"220 mail.example ESMTP\r\n").is_over());
}

#[test]
fn a_question_and_its_answer_are_timed() {
    let talk = Talk::new(17).port(53).sends(CLIENT, &dns(1, 1, 0, &[])).at_ns(3000).sends(SERVER, &answer(2));
    assert!(!talk.is_over());
    let talk = talk.at_ns(7000).sends(SERVER, &answer(1));
    assert!(talk.is_over());
    let facts = talk.facts().unwrap();
    assert_eq!((facts.dns_query(), facts.dns_query_type), (Some("a.example"), Some(1)));
    assert_eq!(facts.requested_server_name(), Some("a.example"));
    assert_eq!((facts.dns_response_code, facts.dns_round_trip_ns), (Some(0), Some(7000)));
    assert_eq!(facts.dns_answers().collect::<Vec<_>>(), ["192.0.2.7"]);
}

#[test]
fn an_answer_alone_tells_what_was_asked() {
    let facts = Talk::new(17).port(53).sends(SERVER, &answer(1)).facts().unwrap();
    assert_eq!((facts.dns_query(), facts.dns_round_trip_ns), (Some("a.example"), None));
}

#[test]
fn dns_over_tcp_has_its_length_before_it() {
    let sized = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let question = sized(dns(1, 1, 0, &[]));
    let talk = Talk::new(6).port(53).says(CLIENT, &question[..3]).says(CLIENT, &question[3..]);
    let talk = talk.at_ns(9).says(SERVER, &sized(answer(1)));
    assert!(talk.is_over());
    let facts = talk.facts().unwrap();
    assert_eq!((facts.dns_query(), facts.dns_round_trip_ns), (Some("a.example"), Some(9)));
}

#[test]
fn datagrams_of_nothing_known_are_looked_at_four_times() {
    let mut talk = Talk::new(17);
    for nth in 0..5 {
        assert_eq!(talk.is_over(), nth == 4);
        talk = talk.sends(CLIENT, b"something");
    }
    assert_eq!(talk.facts(), None);
}
