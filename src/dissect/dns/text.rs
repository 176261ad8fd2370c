//! Names and texts of DNS as text.

use std::fmt::Write;

use domain::base::ParsedName;

use crate::flow::Facts;

/// A name as text.
pub(super) fn of_name(parsed: &ParsedName<&[u8]>) -> String {
    let mut text = String::new();
    name(parsed, &mut text);
    text
}

/// Writes a name behind nothing. It has at most 255 bytes, so what is written before the cut is bounded too.
pub(super) fn name(name: &ParsedName<&[u8]>, text: &mut String) {
    for label in name.iter().filter(|label| !label.is_root()) {
        if !text.is_empty() {
            text.push('.');
        }
        let label = label.as_slice();
        if label.iter().all(|byte| matches!(byte, b'!'..=b'-' | b'/'..=b'[' | b']'..=b'~'))
            && let Ok(plain) = str::from_utf8(label)
        {
            text.push_str(plain);
            continue;
        }
        for &byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                b'!'..=b'~' => text.push(char::from(byte)),
                // Writing into a string cannot fail.
                _ => _ = write!(text, "\\{byte:03}"),
            }
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    text.truncate(Facts::MAX_TEXT);
}

/// Bytes in the form that any record can be written in (RFC 3597 §5): `\# 2 a1b2`. Cut at [`Facts::MAX_TEXT`].
pub(super) fn generic(bytes: &[u8]) -> String {
    let mut text = format!("\\# {}", bytes.len());
    for (index, byte) in bytes.iter().take(Facts::MAX_TEXT / 2).enumerate() {
        // Writing into a string cannot fail.
        let _ = write!(text, "{}{byte:02x}", if index == 0 { " " } else { "" });
    }
    text.truncate(Facts::MAX_TEXT);
    text
}
