//! What applications say first, so that a classifier has something to read: DNS, HTTP, TLS, NTP, SSH.

use super::random::{SplitMix, mix};

/// The name of the server of a session: mostly one of documentation's (RFC 2606), now and then one that nDPI knows.
pub(crate) fn host(session: u32) -> String {
    let number = mix(u64::from(session)) % 5000;
    if number.is_multiple_of(8) { "en.wikipedia.org".to_owned() } else { format!("www{number}.example.org") }
}

/// A question for an address, or with `answer` what comes back.
pub(crate) fn dns(session: u32, answer: Option<u32>) -> Vec<u8> {
    let count = u8::from(answer.is_some());
    let mut message = (session as u16).to_be_bytes().to_vec();
    message.extend([if answer.is_some() { 0x81 } else { 1 }, 128 * count, 0, 1, 0, count, 0, 0, 0, 0]);
    for label in host(session).split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    if let Some(address) = answer {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
        message.extend(address.to_be_bytes());
    }
    message
}

/// A request for a page.
pub(crate) fn http_request(session: u32) -> Vec<u8> {
    let host = host(session);
    format!(
        "GET /page/{session} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         Accept: text/html,*/*;q=0.8\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// The head of the answer.
pub(crate) fn http_response(length: u32) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes()
}

/// A ClientHello like those of browsers: TLS 1.3 and 1.2, a server name, ALPN.
pub(crate) fn client_hello(session: u32) -> Vec<u8> {
    let host = host(session);
    let mut random = SplitMix(u64::from(session));
    let name = sized([&[0][..], &sized(host.as_bytes())].concat().as_slice());
    let alpn = sized(&[&[2][..], b"h2", &[8], b"http/1.1"].concat());
    let share = sized(&[&[0, 29, 0, 32][..], &random.bytes(32)].concat());
    let extensions = [
        (0, name),
        (23, Vec::new()),
        (0xff01, vec![0]),
        (10, sized(&[0, 29, 0, 23, 0, 24])),
        (11, vec![1, 0]),
        (16, alpn),
        (13, sized(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1])),
        (51, share),
        (45, vec![1, 1]),
        (43, vec![4, 3, 4, 3, 3]),
    ];
    let extensions: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, body): &(u16, _)| [&kind.to_be_bytes()[..], &sized(body)].concat())
        .collect();
    let ciphers: Vec<u8> = [0x1301_u16, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009c, 0x002f]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    let start = [&[3, 3][..], &random.bytes(32), &[32], &random.bytes(32)].concat();
    handshake(1, 1, &[&start[..], &sized(&ciphers), &[1, 0], &sized(&extensions)].concat())
}

/// The answer of a server that speaks TLS 1.3, up to where it is encrypted.
pub(crate) fn server_hello(session: u32) -> Vec<u8> {
    let mut random = SplitMix(u64::from(session) | 1 << 32);
    let share = [&[0, 29, 0, 32][..], &random.bytes(32)].concat();
    let extensions = [&[0, 43, 0, 2, 3, 4, 0, 51][..], &sized(&share)].concat();
    let start = [&[3, 3][..], &random.bytes(32), &[32], &random.bytes(32), &[0x13, 1, 0]].concat();
    let hello = handshake(2, 3, &[&start[..], &sized(&extensions)].concat());
    [&hello[..], &[20, 3, 3, 0, 1, 1], &[23, 3, 3, 3, 0xe8], &random.bytes(1000)].concat()
}

/// What an SSH client, or server, begins with.
pub(crate) fn ssh(back: bool) -> Vec<u8> {
    if back { b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec() } else { b"SSH-2.0-OpenSSH_9.6\r\n".to_vec() }
}

/// A message of NTP version 4.
pub(crate) fn ntp(session: u32, back: bool) -> Vec<u8> {
    let head = if back { [0x24, 2, 6, 0xe7] } else { [0x23, 0, 6, 0x20] };
    [&head[..], &[0; 36], &mix(u64::from(session)).to_be_bytes()].concat()
}

/// A handshake message in a TLS record of version 3.`version`.
fn handshake(kind: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind, 0][..], &sized(body)].concat();
    [&[22, 3, version][..], &sized(&message)].concat()
}

/// Bytes behind their count, in two bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}
