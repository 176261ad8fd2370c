//! X.509 certificates (RFC 5280): whose they are, who issued them, and when they are valid.
//!
//! Only these parts are read, so that nothing else in a certificate, well made or not, hides them.

use std::fmt::Write;
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::flow::Facts;
use crate::time::Timestamp;

/// What is kept of a certificate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Certificate {
    /// RFC 4514.
    pub(super) subject: String,
    /// RFC 4514.
    pub(super) issuer: String,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Certificate {
    /// Reads the DER encoding of a certificate; `None` where that is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut certificate = inside(&mut SliceReader::new(bytes).ok()?)?;
        let mut signed = inside(&mut certificate)?;
        let version = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
        if Header::peek(&signed).ok()?.tag() == version {
            signed.tlv_bytes().ok()?;
        }
        for _serial_and_algorithm in 0..2 {
            signed.tlv_bytes().ok()?;
        }
        let issuer = name(&mut signed)?;
        let mut validity = inside(&mut signed)?;
        let (not_before, not_after) = (moment(&mut validity)?, moment(&mut validity)?);
        let subject = name(&mut signed)?;
        Some(Self { subject, issuer, not_before, not_after })
    }
}

/// What is inside the next element.
fn inside<'a>(reader: &mut SliceReader<'a>) -> Option<SliceReader<'a>> {
    SliceReader::new(AnyRef::decode(reader).ok()?.value()).ok()
}

/// A point of time; those that a [`Timestamp`] cannot tell become the last that it can.
fn moment(reader: &mut SliceReader<'_>) -> Option<Timestamp> {
    let time = AnyRef::decode(reader).ok()?;
    let since_epoch = match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => time.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        _ => Duration::MAX,
    };
    Some(Timestamp::default().saturating_add(since_epoch))
}

/// A distinguished name as RFC 4514 writes it: the last part first.
fn name(reader: &mut SliceReader<'_>) -> Option<String> {
    let mut all = inside(reader)?;
    let mut parts = Vec::with_capacity(8);
    while !all.is_finished() && parts.len() < MAX_PARTS {
        parts.push(inside(&mut all)?);
    }
    let mut text = String::with_capacity(96);
    for (nth, mut part) in parts.into_iter().rev().enumerate() {
        let mut separator = if nth == 0 { "" } else { "," };
        while !part.is_finished() && text.len() < Facts::MAX_TEXT {
            let mut attribute = inside(&mut part)?;
            text.push_str(separator);
            let kind = AnyRef::decode(&mut attribute).ok().filter(|kind| kind.tag() == Tag::ObjectIdentifier)?;
            push_attribute(&mut text, kind.value(), attribute)?;
            separator = "+";
        }
    }
    Some(Facts::text(text.as_bytes()))
}

/// Appends `kind=value`, or `kind=#` and the encoded value in hexadecimal where that is no text or the kind has no name.
fn push_attribute(text: &mut String, kind: &[u8], mut value: SliceReader<'_>) -> Option<()> {
    let encoded = value.tlv_bytes().ok()?;
    let value = AnyRef::decode(&mut SliceReader::new(encoded).ok()?).ok()?;
    let known = NAMES.iter().find(|(oid, _)| oid.as_bytes() == kind);
    let words = match value.tag() {
        // Real certificates have other characters in these than their types allow.
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            Some(String::from_utf8_lossy(value.value()))
        }
        // Meant to be T.61, and in fact Latin-1.
        Tag::TeletexString => Some(value.value().iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = value.value().as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
            Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => None,
    };
    let (Some((_, short)), Some(words)) = (known, words) else {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}=#", ObjectIdentifier::from_bytes(kind).ok()?);
        for byte in &encoded[..encoded.len().min(Facts::MAX_TEXT)] {
            let _ = write!(text, "{byte:02x}");
        }
        return Some(());
    };
    text.push_str(short);
    text.push('=');
    let end = (0..=words.len().min(Facts::MAX_TEXT)).rev().find(|end| words.is_char_boundary(*end));
    push_escaped(text, &words[..end.unwrap_or_default()]);
    Some(())
}

/// Appends a value with what means something in a name escaped (RFC 4514 §2.4).
fn push_escaped(text: &mut String, value: &str) {
    let special = |byte: u8| matches!(byte, b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | 0..=0x1f | 0x7f);
    if !value.starts_with(['#', ' ']) && !value.ends_with(' ') && !value.bytes().any(special) {
        return text.push_str(value);
    }
    for (at, character) in value.char_indices() {
        let last = at + character.len_utf8() == value.len();
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', character]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || last => text.push_str("\\ "),
            '\0'..='\x1f' | '\x7f' => text.push_str(&format!("\\{:02X}", u32::from(character))),
            _ => text.push(character),
        }
    }
}

/// Most parts of a name that are read.
const MAX_PARTS: usize = 64;

/// Short names of attributes, the most frequent first (RFC 4514 §3 and others that are registered, IANA LDAP descriptors).
static NAMES: [(ObjectIdentifier, &str); 17] = [
    (ObjectIdentifier::new_unwrap("2.5.4.3"), "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.10"), "O"),
    (ObjectIdentifier::new_unwrap("2.5.4.11"), "OU"),
    (ObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (ObjectIdentifier::new_unwrap("2.5.4.9"), "STREET"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"), "DC"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"), "UID"),
    (ObjectIdentifier::new_unwrap("2.5.4.4"), "SN"),
    (ObjectIdentifier::new_unwrap("2.5.4.5"), "serialNumber"),
    (ObjectIdentifier::new_unwrap("2.5.4.12"), "title"),
    (ObjectIdentifier::new_unwrap("2.5.4.13"), "description"),
    (ObjectIdentifier::new_unwrap("2.5.4.15"), "businessCategory"),
    (ObjectIdentifier::new_unwrap("2.5.4.17"), "postalCode"),
    (ObjectIdentifier::new_unwrap("2.5.4.42"), "givenName"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"), "emailAddress"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_name_is_escaped() {
        let mut text = String::new();
        push_escaped(&mut text, " #a,b+\"\\;\x07é ");
        assert_eq!(text, "\\ #a\\,b\\+\\\"\\\\\\;\\07é\\ ");
        text.clear();
        push_escaped(&mut text, "#1");
        assert_eq!(text, "\\#1");
    }
}
