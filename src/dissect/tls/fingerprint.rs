//! Fingerprints of hellos: JA3 and JA3S (github.com/salesforce/ja3), JA4 (github.com/FoxIO-LLC/ja4, the client's).

use std::fmt::Write;

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

/// JA3: MD5 of version, ciphers, extensions, groups and point formats, without GREASE.
pub(super) fn ja3(hello: &ClientHello<'_>) -> String {
    let mut text = String::with_capacity(512);
    push_decimal(&mut text, hello.version);
    text.push(',');
    push_list(&mut text, hello.ciphers());
    text.push(',');
    push_list(&mut text, hello.extensions());
    text.push(',');
    push_list(&mut text, hello.groups());
    text.push(',');
    push_list(&mut text, hello.point_formats().iter().map(|format| u16::from(*format)));
    hex(&Md5::digest(text.as_bytes()))
}

/// JA3S: MD5 of version, cipher and extensions, without GREASE.
pub(super) fn ja3s(hello: &ServerHello<'_>) -> String {
    let mut text = String::with_capacity(64);
    push_decimal(&mut text, hello.version);
    text.push(',');
    push_decimal(&mut text, hello.cipher);
    text.push(',');
    push_list(&mut text, hello.extensions());
    hex(&Md5::digest(text.as_bytes()))
}

/// JA4 of a client.
pub(super) fn ja4(hello: &ClientHello<'_>, carrier: Carrier) -> String {
    let mut ciphers: Vec<u16> = hello.ciphers().filter(|cipher| !is_grease(*cipher)).collect();
    let mut extensions: Vec<u16> = hello.extensions().filter(|extension| !is_grease(*extension)).collect();
    let mut text = String::with_capacity(36);
    text.push(match carrier {
        Carrier::Tcp => 't',
        Carrier::Quic => 'q',
        Carrier::Dtls => 'd',
    });
    let supported = hello.supported_versions();
    let highest = supported.and_then(|versions| versions.filter(|version| !is_grease(*version)).max());
    text.push_str(match highest.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    });
    text.push(if extensions.contains(&SERVER_NAME) { 'd' } else { 'i' });
    let (cipher_count, extension_count) = (ciphers.len().min(99), extensions.len().min(99));
    // Writing to a string cannot fail.
    let _ = write!(text, "{cipher_count:02}{extension_count:02}");
    let protocol = hello.protocols().find(|protocol| !numbers(protocol).any(is_grease) || protocol.len() != 2);
    text.extend(first_and_last(protocol.unwrap_or_default()));
    ciphers.sort_unstable();
    extensions.retain(|extension| !matches!(*extension, SERVER_NAME | PROTOCOLS));
    extensions.sort_unstable();
    text.push('_');
    text.push_str(&short_hash(&hex_list(ciphers.into_iter())));
    text.push('_');
    let mut list = hex_list(extensions.into_iter());
    let algorithms = hex_list(hello.signature_algorithms().filter(|algorithm| !is_grease(*algorithm)));
    if !algorithms.is_empty() {
        list.push('_');
        list.push_str(&algorithms);
    }
    text.push_str(&short_hash(&list));
    text
}

/// First and last character of the first protocol; where one is no letter or digit, those of its bytes in hexadecimal.
fn first_and_last(protocol: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |nibble: u8| char::from(HEX[usize::from(nibble)]);
    [digit(first >> 4), digit(last & 15)]
}

/// The first twelve digits of the SHA-256 of `text`; zeros for an empty one.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hex(&Sha256::digest(text.as_bytes())[..6])
}

/// Whether `number` is reserved to be ignored (RFC 8701).
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// Appends the decimal numbers, without GREASE, with hyphens between.
fn push_list(text: &mut String, numbers: impl Iterator<Item = u16>) {
    let start = text.len();
    for number in numbers.filter(|number| !is_grease(*number)) {
        if text.len() > start {
            text.push('-');
        }
        push_decimal(text, number);
    }
}

fn push_decimal(text: &mut String, number: u16) {
    let digits = [10_000, 1000, 100, 10, 1].map(|unit| number / unit);
    let leading = digits[..4].iter().take_while(|digits| **digits == 0).count();
    text.extend(digits[leading..].iter().map(|digits| char::from(b'0' + (digits % 10) as u8)));
}

/// The numbers as four hexadecimal digits each, with commas between.
fn hex_list(numbers: impl Iterator<Item = u16>) -> String {
    let mut text = String::with_capacity(128);
    for number in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend([12, 8, 4, 0].map(|shift| char::from(HEX[usize::from(number >> shift & 15)])));
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(HEX[usize::from(nibble)])).collect()
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
        let mut text = String::new();
        push_list(&mut text, [0, 7, 10, 1003, 65_535, 0x0a0a].into_iter());
        assert_eq!(text, "0-7-10-1003-65535");
    }

    #[test]
    fn the_protocol_is_told_by_the_examples_of_the_specification() {
        let told = |protocol: &[u8]| first_and_last(protocol).iter().collect::<String>();
        assert_eq!([told(b"h2"), told(b"http/1.1"), told(b""), told(b"x")], ["h2", "h1", "00", "xx"]);
        assert_eq!([told(&[0xab]), told(&[0xab, 0xcd]), told(&[0x30, 0xab])], ["ab", "ad", "3b"]);
        assert_eq!([told(&[0x30, 0x31, 0xab, 0xcd]), told(&[0x30, 0xab, 0xcd, 0x31])], ["3d", "01"]);
    }

    #[test]
    fn the_hash_of_nothing_is_zeros() {
        assert_eq!(short_hash(""), "000000000000");
        // Ciphers of the example in the specification.
        let ciphers = "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9";
        assert_eq!(short_hash(ciphers), "8daaf6152771");
    }
}
