//! Messages of HTTP connections: whatever way their bytes are cut, each comes out once, with its body.

use flowgauge::Timestamp;
use flowgauge::dissect::Piece;
use flowgauge::dissect::http::{Conversation, Message, Start};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_nanos(0);

/// What is told of these pieces, in order: which way, and bytes or how many are missing.
fn told(limit: usize, pieces: &[(usize, Result<&[u8], u32>)]) -> Vec<Message> {
    let (mut conversation, mut messages) = (Conversation::new(limit), Vec::new());
    for (way, piece) in pieces {
        let piece = piece.map_or_else(Piece::Gap, Piece::Bytes);
        conversation.take(*way, piece, NOW, &mut |message| messages.push(message));
    }
    for way in [0, 1] {
        conversation.close(way, true, &mut |message| messages.push(message));
    }
    messages
}

/// A message in a word: what its first line says, the bytes of its body, what of it is kept, and what is odd.
fn word(message: &Message) -> String {
    let first = match &message.start {
        Start::Request { method, target } => format!("{method} {target}"),
        Start::Response { status, .. } => format!("{status} {}", message.answers.as_deref().unwrap_or("-")),
    };
    let body = String::from_utf8_lossy(&message.body).into_owned();
    let end = if message.is_complete { "" } else { " cut" };
    format!("{first} {} [{body}]{end}{}", message.body_len, message.weird.join(" "))
}

fn words(messages: &[Message]) -> Vec<String> {
    messages.iter().map(word).collect()
}

const REQUESTS: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\r\n\
    HEAD /c HTTP/1.1\r\n\r\nPUT /d HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n\
    0\r\nTrailer: t\r\n\r\nGET /e HTTP/1.0\n\n";
const RESPONSES: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 100 Continue\r\n\r\n\
    HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n\
    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 404 \r\n\r\nuntil the end";

fn expected() -> Vec<String> {
    [
        "GET /a 0 []",
        "POST /b 5 [hello]",
        "HEAD /c 0 []",
        "PUT /d 13 [abc0123456789]",
        "GET /e 0 []",
        "200 /a 3 [abc]",
        "100 /b 0 []",
        "204 /b 0 []",
        "200 /c 0 []",
        "200 /d 2 [hi]",
        "404 /e 13 [until the end]",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn every_message_of_a_connection_is_told_once() {
    let messages = told(100, &[(0, Ok(REQUESTS)), (1, Ok(RESPONSES))]);
    assert_eq!(words(&messages), expected());
    let payload: u64 = messages.iter().map(|message| message.payload_len).sum();
    // All but the empty line between two requests.
    assert_eq!(payload, (REQUESTS.len() + RESPONSES.len() - 2) as u64);
    assert_eq!((messages[0].header("host"), messages[0].version, messages[4].version), (Some("x"), "1.1", "1.0"));
}

#[test]
fn bodies_are_kept_up_to_the_limit_and_counted_beyond() {
    let messages = told(4, &[(0, Ok(REQUESTS))]);
    assert_eq!((word(&messages[1]), word(&messages[3])), ("POST /b 5 [hell]".into(), "PUT /d 13 [abc0]".into()));
    assert!(told(0, &[(0, Ok(REQUESTS))]).iter().all(|message| message.body.is_empty()));
}

#[test]
fn what_is_missing_in_a_body_is_skipped_and_told() {
    let (head, next) = (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", b"ijHTTP/1.1 304 \r\n\r\n");
    let messages = told(100, &[(1, Ok(head)), (1, Err(6)), (1, Ok(next))]);
    assert_eq!(words(&messages), ["200 - 10 [abij]", "304 - 0 []"]);
    assert_eq!((messages[0].missing, messages[1].missing), (6, 0));
    // Beyond the end of the body nobody knows where the next one begins, but for a segment that begins like one.
    let lost = [(1, Ok(&head[..])), (1, Err(20)), (1, Ok(&b"junk"[..])), (1, Ok(&b"HTTP/1.1 200 OK\r\n\r\nx"[..]))];
    assert_eq!(words(&told(100, &lost)), ["200 - 10 [ab]", "200 - 1 [x]"]);
    // A head with a hole is none.
    let hole =
        [(0, Ok(&b"GET / HT"[..])), (0, Err(3)), (0, Ok(&b"1\r\n\r\n"[..])), (0, Ok(&b"GET /z HTTP/1.1\r\n\r\n"[..]))];
    assert_eq!(words(&told(100, &hole)), ["GET /z 0 []"]);
}

#[test]
fn what_follows_an_upgrade_or_a_tunnel_is_no_http() {
    for (request, response) in [
        (
            "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ),
        ("CONNECT a:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    ] {
        let pieces =
            [(0, Ok(request.as_bytes())), (1, Ok(response.as_bytes())), (0, Ok(&b"GET / HTTP/1.1\r\n\r\n"[..]))];
        assert_eq!(told(100, &pieces).len(), 2, "{request}");
    }
}

#[test]
fn what_contradicts_itself_is_odd() {
    let odd = |head: &str| word(&told(9, &[(0, Ok(format!("POST / HTTP/1.1\r\n{head}\r\n\r\nab").as_bytes()))])[0]);
    assert_eq!(odd("Content-Length: 2, 2"), "POST / 2 [ab]");
    assert_eq!(odd("Content-Length: 2\r\nContent-Length: 1"), "POST / 2 [ab]content_length");
    assert_eq!(odd("Content-Length: -1"), "POST / 0 []content_length");
    assert_eq!(odd("Content-Length: 1\r\nTransfer-Encoding: chunked"), "POST / 0 [] cutlength_and_chunked");
    let broken = told(9, &[(0, Ok(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"))]);
    assert_eq!(words(&broken), ["PUT / 0 [] cutbad_chunk"]);
}

#[test]
fn other_protocols_are_over_with_their_first_bytes() {
    for bytes in
        [&b"SSH-2.0-x\r\n"[..], b"\x16\x03\x01", b"EHLO example.com\r\n", b"220 ready\r\n", b"get / HTTP/1.1\r\n"]
    {
        let mut conversation = Conversation::new(0);
        conversation.take(0, Piece::Bytes(bytes), NOW, &mut |message| panic!("{message:?}"));
        assert!(conversation.is_over(), "{bytes:?}");
    }
}

#[test]
fn no_head_and_no_chunk_size_is_waited_for_without_end() {
    for bytes in [&b"GET /"[..], b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;"] {
        let (mut conversation, mut most) = (Conversation::new(0), 0);
        conversation.take(0, Piece::Bytes(bytes), NOW, &mut |_| ());
        for _ in 0..5_000 {
            conversation.take(0, Piece::Bytes(&[b'x'; 100]), NOW, &mut |_| ());
            most = most.max(conversation.weight());
        }
        assert!(most < 200_000 && conversation.weight() < 10_000, "{most} {}", conversation.weight());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_cut_gives_the_same_messages(cuts in prop::collection::vec(1usize..40, 1..60)) {
        let mut pieces: Vec<(usize, Result<&[u8], u32>)> = Vec::new();
        for (way, bytes) in [(0, REQUESTS), (1, RESPONSES)] {
            let (mut rest, mut sizes) = (bytes, cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                pieces.push((way, Ok(piece)));
                rest = behind;
            }
        }
        prop_assert_eq!(words(&told(100, &pieces)), expected());
    }

    #[test]
    fn hostile_bytes_are_survived(
        edits in prop::collection::vec((any::<u16>(), any::<u8>()), 0..12),
        cuts in prop::collection::vec((1usize..300, 0u32..30), 1..20),
    ) {
        let mut all = [REQUESTS, RESPONSES].concat();
        for (at, byte) in edits {
            let at = usize::from(at) % all.len();
            all[at] = byte;
        }
        let (mut rest, mut pieces) = (&all[..], Vec::new());
        for (nth, (len, gap)) in cuts.iter().enumerate() {
            let (piece, behind) = rest.split_at(rest.len().min(*len));
            pieces.push((nth % 2, Ok(piece)));
            pieces.extend((*gap > 20).then_some((nth % 2, Err(*gap))));
            rest = behind;
        }
        pieces.retain(|(_, piece)| *piece != Ok(&[][..]));
        let messages = told(64, &pieces);
        prop_assert!(messages.len() < 60 && messages.iter().all(|message| message.body.len() <= 64));
    }
}
