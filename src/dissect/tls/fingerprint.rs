//! Fingerprints of hellos: JA3 and JA3S (github.com/salesforce/ja3), JA4 (github.com/FoxIO-LLC/ja4, the client's).

use md5::Md5;
use sha2::Sha256;
use sha2::digest::Digest;

use crate::dissect::tls::hello::{ClientHello, PROTOCOLS, SERVER_NAME, ServerHello};
use crate::dissect::tls::reader::numbers;

/// What carries a handshake, as the first letter of a JA4 says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::dissect) enum Carrier {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS.
    Dtls,
}

/// JA3 and JA4 of a client.
pub(super) fn of_client(hello: &ClientHello<'_>, carrier: Carrier) -> ([u8; 32], [u8; 36]) {
    let mut text = Vec::with_capacity(1024);
    (ja3(hello, &mut text), ja4(hello, carrier, &mut text))
}

/// JA3S of a server: MD5 of version, cipher and extensions, without GREASE.
pub(super) fn of_server(hello: &ServerHello<'_>) -> [u8; 32] {
    let mut text = Vec::with_capacity(128);
    push_decimal(&mut text, hello.version);
    text.push(b',');
    push_decimal(&mut text, hello.cipher);
    text.push(b',');
    push_list(&mut text, hello.extensions());
    hex(&Md5::digest(&text).into())
}

/// JA3: MD5 of version, ciphers, extensions, groups and point formats, without GREASE; `text` is where they are written.
fn ja3(hello: &ClientHello<'_>, text: &mut Vec<u8>) -> [u8; 32] {
    push_decimal(text, hello.version);
    text.push(b',');
    push_list(text, hello.ciphers());
    text.push(b',');
    push_list(text, hello.extensions());
    text.push(b',');
    push_list(text, hello.groups());
    text.push(b',');
    push_list(text, hello.point_formats().iter().map(|format| u16::from(*format)));
    hex(&Md5::digest(text).into())
}

/// JA4; `list` is where what is hashed is written.
fn ja4(hello: &ClientHello<'_>, carrier: Carrier, list: &mut Vec<u8>) -> [u8; 36] {
    let mut sorted = Vec::with_capacity(100);
    sorted.extend(hello.ciphers().filter(|cipher| !is_grease(*cipher)));
    let cipher_count = sorted.len();
    sorted.extend(hello.extensions().filter(|extension| !is_grease(*extension)));
    let (ciphers, extensions) = sorted.split_at_mut(cipher_count);
    let carrier = match carrier {
        Carrier::Tcp => b't',
        Carrier::Quic => b'q',
        Carrier::Dtls => b'd',
    };
    let supported = hello.supported_versions();
    let highest = supported.and_then(|versions| versions.filter(|version| !is_grease(*version)).max());
    let [v1, v2] = match highest.unwrap_or(hello.version) {
        0x0304 => *b"13",
        0x0303 => *b"12",
        0x0302 => *b"11",
        0x0301 => *b"10",
        0x0300 => *b"s3",
        0x0002 => *b"s2",
        0xfeff => *b"d1",
        0xfefd => *b"d2",
        0xfefc => *b"d3",
        _ => *b"00",
    };
    let named = if extensions.contains(&SERVER_NAME) { b'd' } else { b'i' };
    let [c1, c2] = two_digits(ciphers.len());
    let [e1, e2] = two_digits(extensions.len());
    let protocol = hello.protocols().find(|protocol| !numbers(protocol).any(is_grease) || protocol.len() != 2);
    let [p1, p2] = first_and_last(protocol.unwrap_or_default());
    ciphers.sort_unstable();
    extensions.sort_unstable();
    list.clear();
    push_hex_list(list, ciphers.iter().copied());
    let ciphers = short_hash(list);
    list.clear();
    push_hex_list(list, extensions.iter().copied().filter(|kind| !matches!(*kind, SERVER_NAME | PROTOCOLS)));
    let mut algorithms = hello.signature_algorithms().filter(|algorithm| !is_grease(*algorithm)).peekable();
    if algorithms.peek().is_some() {
        list.push(b'_');
        push_hex_list(list, algorithms);
    }
    let mut text = [b'_'; 36];
    text[..10].copy_from_slice(&[carrier, v1, v2, named, c1, c2, e1, e2, p1, p2]);
    text[11..23].copy_from_slice(&ciphers);
    text[24..].copy_from_slice(&short_hash(list));
    text
}

/// A number up to 99; what is more counts as 99.
fn two_digits(number: usize) -> [u8; 2] {
    let number = number.min(99) as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

/// First and last character of the first protocol; where one is no letter or digit, those of its bytes in hexadecimal.
fn first_and_last(protocol: &[u8]) -> [u8; 2] {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else { return *b"00" };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first, last];
    }
    let digit = |nibble: u8| HEX[usize::from(nibble)];
    [digit(first >> 4), digit(last & 15)]
}

/// The first twelve digits of the SHA-256 of `text`; zeros for an empty one.
fn short_hash(text: &[u8]) -> [u8; 12] {
    if text.is_empty() {
        return [b'0'; 12];
    }
    let digest: [u8; 32] = Sha256::digest(text).into();
    hex(digest.first_chunk::<6>().unwrap_or(&[0; 6]))
}

/// Whether `number` is reserved to be ignored (RFC 8701).
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// Appends the decimal numbers, without GREASE, with hyphens between.
fn push_list(text: &mut Vec<u8>, numbers: impl Iterator<Item = u16>) {
    let start = text.len();
    for number in numbers.filter(|number| !is_grease(*number)) {
        if text.len() > start {
            text.push(b'-');
        }
        push_decimal(text, number);
    }
}

fn push_decimal(text: &mut Vec<u8>, number: u16) {
    let digits = [10_000, 1000, 100, 10, 1].map(|unit| b'0' + (number / unit % 10) as u8);
    let leading = usize::from(number < 10_000) + usize::from(number < 1000) + usize::from(number < 100);
    text.extend_from_slice(&digits[leading + usize::from(number < 10)..]);
}

/// Appends the numbers as four hexadecimal digits each, with commas between.
fn push_hex_list(text: &mut Vec<u8>, numbers: impl Iterator<Item = u16>) {
    for (nth, number) in numbers.enumerate() {
        if nth > 0 {
            text.push(b',');
        }
        text.extend_from_slice(&[12, 8, 4, 0].map(|shift| HEX[usize::from(number >> shift & 15)]));
    }
}

fn hex<const BYTES: usize, const DIGITS: usize>(bytes: &[u8; BYTES]) -> [u8; DIGITS] {
    const { assert!(DIGITS == 2 * BYTES) };
    std::array::from_fn(|nth| HEX[usize::from(bytes[nth / 2] >> (4 * (1 - nth % 2)) & 15)])
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_the_sixteen_reserved_numbers() {
        let grease: Vec<_> = (0..=u16::MAX).filter(|number| is_grease(*number)).collect();
        assert_eq!((grease.len(), grease[0], grease[15]), (16, 0x0a0a, 0xfafa));
    }

    #[test]
    fn decimal_numbers_have_no_leading_zeros() {
        let mut text = Vec::new();
        push_list(&mut text, [0, 7, 10, 1003, 65_535, 0x0a0a].into_iter());
        assert_eq!(text, b"0-7-10-1003-65535");
    }

    #[test]
    fn the_protocol_is_told_by_the_examples_of_the_specification() {
        let told = |protocol: &[u8]| first_and_last(protocol).map(char::from).iter().collect::<String>();
        assert_eq!([told(b"h2"), told(b"http/1.1"), told(b""), told(b"x")], ["h2", "h1", "00", "xx"]);
        assert_eq!([told(&[0xab]), told(&[0xab, 0xcd]), told(&[0x30, 0xab])], ["ab", "ad", "3b"]);
        assert_eq!([told(&[0x30, 0x31, 0xab, 0xcd]), told(&[0x30, 0xab, 0xcd, 0x31])], ["3d", "01"]);
    }

    #[test]
    fn the_hash_of_nothing_is_zeros() {
        assert_eq!(short_hash(b""), *b"000000000000");
        // Ciphers of the example in the specification.
        let ciphers = "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9";
        assert_eq!(short_hash(ciphers.as_bytes()), *b"8daaf6152771");
    }
}
