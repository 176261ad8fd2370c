//! Bytes of the protocol, as cheap as they can be: frames are found, not understood.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::SystemTime;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Length of the text of every message.
pub(crate) const MESSAGE_BYTES: usize = 200;

/// Opens a WebSocket, says hello, and waits for the welcome.
pub(crate) async fn open(at: SocketAddr, path: &str, hello: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await?);
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
    }
    let mut frame = Vec::new();
    put_frame(&mut frame, hello.as_bytes());
    stream.write_all(&frame).await?;
    // The welcome fits into a frame of one length byte or three, and nothing comes behind it yet.
    let mut bytes = Vec::new();
    loop {
        bytes.push(stream.read_u8().await?);
        match next_frame(&bytes) {
            Some((frame, _)) if frame.starts_with(br#"{"kind":"welcome""#) => return Ok(stream),
            Some((frame, _)) => return Err(io::Error::other(String::from_utf8_lossy(frame).into_owned())),
            None => {}
        }
    }
}

/// The first frame of these bytes, if it is whole, and its length with its head.
pub(crate) fn next_frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    Some((bytes.get(head..head + length)?, head + length))
}

/// Puts a text frame behind these bytes, masked with zeros: as a client must, at no cost.
fn put_frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x81);
    match u8::try_from(text.len()) {
        Ok(short @ ..126) => out.push(0x80 | short),
        _ => {
            out.push(0x80 | 126);
            out.extend(u16::try_from(text.len()).expect("ours are short").to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(text);
}

/// Puts a message behind these bytes, as a frame.
pub(crate) fn put_message(out: &mut Vec<u8>, number: u64, topic: &str, due_us: u64) {
    let mut text = Vec::with_capacity(MESSAGE_BYTES);
    let (seconds, micros) = (due_us / 1_000_000, due_us % 1_000_000);
    write!(
        text,
        r#"{{"version":1,"time":{seconds}.{micros:06},"id":"load:{number}","sensor":"load","topic":"{topic}","trigger":"packet","payload":""#
    )
    .expect("memory takes it");
    text.resize(MESSAGE_BYTES - 2, b'x');
    text.extend(b"\"}");
    put_frame(out, &text);
}

/// When the message of this frame was due, in microseconds since 1970.
pub(crate) fn due_us(frame: &[u8]) -> Option<u64> {
    let at = TIME_AT + frame[TIME_AT..].windows(7).take(64).position(|window| window == b"\"time\":")? + 7;
    let digits = frame.get(at..at + 17)?.iter().filter(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later");
    u64::try_from(since.as_micros()).expect("it is not that late")
}

/// What a frame with a message is never shorter than, and before which there is no time.
const TIME_AT: usize = 16;
