//! Bytes of lines: addresses, numbers, and texts that a terminal would obey rather than show.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::export::push_csv_cell;
use crate::flow::json;
use crate::flow::schema::Cell;

/// Writes an address.
#[inline]
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => v4(out, address),
        IpAddr::V6(address) => v6(out, address),
    }
}

/// Writes a number.
pub(super) fn number(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    // A vector takes everything.
    let _ = write!(out, "{number}");
}

/// Writes a MAC address as `00:1b:44:11:3a:b7`.
pub(super) fn mac(out: &mut Vec<u8>, mac: Option<[u8; 6]>) {
    let Some(mac) = mac else {
        out.push(b'-');
        return;
    };
    for (index, byte) in mac.iter().enumerate() {
        if index > 0 {
            out.push(b':');
        }
        out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// Writes a text with its control characters escaped.
#[inline]
pub(super) fn harmless(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        match u32::from(character) {
            byte @ (0..0x20 | 0x7f) => drop(write!(out, "\\x{byte:02x}")),
            point if is_harmful(character) => drop(write!(out, "\\u{{{point:x}}}")),
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Writes a comma and a CSV cell with a number, or nothing.
pub(super) fn csv_number(out: &mut Vec<u8>, number: Option<u64>) {
    out.push(b',');
    if let Some(number) = number {
        json::push_integer(out, number);
    }
}

/// Writes a comma and a CSV cell with a text, or nothing; what a spreadsheet would take for a formula is marked.
pub(super) fn csv_text(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(b',');
    if let Some(text) = text {
        let mut cell = String::new();
        push_csv_cell(&mut cell, &Cell::Text(text.into()), false);
        out.extend_from_slice(cell.as_bytes());
    }
}

/// Writes a JSON string.
pub(super) fn json_text(out: &mut Vec<u8>, text: &str) {
    let mut quoted = String::with_capacity(text.len() + 2);
    // A string takes everything.
    let _ = json::write_text(&mut quoted, text);
    out.extend_from_slice(quoted.as_bytes());
}

/// Whether a terminal obeys a character rather than show it: controls, and what changes the direction or place of its
/// neighbours (Unicode UAX #9) or is not seen at all.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[inline]
fn v4(out: &mut Vec<u8>, address: Ipv4Addr) {
    let (mut text, mut len) = ([0; 16], 0);
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            text[len] = b'.';
            len += 1;
        }
        if octet >= 100 {
            text[len] = b'0' + octet / 100;
            len += 1;
        }
        if octet >= 10 {
            text[len] = b'0' + octet / 10 % 10;
            len += 1;
        }
        text[len] = b'0' + octet % 10;
        len += 1;
    }
    out.extend_from_slice(&text[..len]);
}

fn v6(out: &mut Vec<u8>, address: Ipv6Addr) {
    number(out, address);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_display_does() {
        for text in ["0.0.0.0", "9.10.99.100", "255.200.101.1", "::1", "2001:db8::5:0", "::ffff:1.2.3.4"] {
            let mut out = Vec::new();
            address(&mut out, text.parse().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        let mut out = Vec::new();
        mac(&mut out, Some([0, 0x1b, 0x44, 0x11, 0x3a, 0xb7]));
        mac(&mut out, None);
        assert_eq!(out, b"00:1b:44:11:3a:b7-");
    }

    #[test]
    fn a_terminal_obeys_no_text() {
        let mut out = Vec::new();
        harmless(&mut out, "a\x1b[2J\u{9b}b\u{202e}c\u{e9}");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\x1b[2J\\u{9b}b\\u{202e}c\u{e9}");
    }
}
