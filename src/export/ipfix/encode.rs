//! Values as bytes (RFC 7011 sections 6 and 7).

use std::net::IpAddr;

use crate::export::ipfix::template::{ENTERPRISE_BIT, VARIABLE};
use crate::flow::schema::{Cell, ElementKind};
use crate::flow::{Value, json};
use crate::time::Timestamp;

/// How the values of a field are encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// One value.
    One(ElementKind),
    /// A `basicList` (RFC 6313): several values of the element of this number, of the same enterprise.
    List { items: ElementKind, number: u16 },
}

impl Kind {
    /// Octets of its values; `None` when the length is variable.
    pub(super) const fn octets(self) -> Option<u16> {
        match self {
            Self::One(kind) => kind.octets(),
            Self::List { .. } => None,
        }
    }

    /// The least that a record has of it when nothing fits: what stands for null.
    pub(super) const fn least_octets(self) -> usize {
        match self {
            Self::One(kind) => match kind.octets() {
                Some(octets) => octets as usize,
                None => 2,
            },
            Self::List { .. } => LONG_LENGTH + LIST_HEADER,
        }
    }
}

/// Appends `cell` as an element of this kind and enterprise, a text or list cut so that it has at most `longest` bytes; false,
/// and nothing is done, when there is no such value.
pub(super) fn push(out: &mut Vec<u8>, kind: Kind, enterprise: u32, cell: &Cell<'_>, longest: usize) -> bool {
    match kind {
        Kind::One(kind) => push_cell(out, kind, cell, longest),
        Kind::List { items, number } => push_list(out, ListHeader { enterprise, number, items }, cell, longest),
    }
}

/// The same of a single value.
pub(super) fn push_cell(out: &mut Vec<u8>, kind: ElementKind, cell: &Cell<'_>, longest: usize) -> bool {
    match (kind, cell) {
        (ElementKind::U8, Cell::Uint(number)) => out.push(u8::try_from(*number).unwrap_or(u8::MAX)),
        (ElementKind::U16, Cell::Uint(number)) => {
            out.extend(u16::try_from(*number).unwrap_or(u16::MAX).to_be_bytes());
        }
        (ElementKind::U32, Cell::Uint(number)) => {
            out.extend(u32::try_from(*number).unwrap_or(u32::MAX).to_be_bytes());
        }
        (ElementKind::U64, Cell::Uint(number) | Cell::Duration(number)) => out.extend(number.to_be_bytes()),
        (ElementKind::I64, Cell::Int(number)) => out.extend(number.to_be_bytes()),
        (ElementKind::F64, Cell::Float(number)) if !number.is_nan() => out.extend(number.to_be_bytes()),
        (ElementKind::Bool, Cell::Bool(truth)) => out.push(if *truth { TRUE } else { FALSE }),
        (ElementKind::Ipv4, Cell::Ip(IpAddr::V4(address))) => out.extend(address.octets()),
        (ElementKind::Ipv6, Cell::Ip(IpAddr::V6(address))) => out.extend(address.octets()),
        (ElementKind::Milliseconds, Cell::Time(time)) => out.extend(milliseconds(*time).to_be_bytes()),
        (ElementKind::Nanoseconds, Cell::Time(time)) => out.extend(ntp(*time).to_be_bytes()),
        (ElementKind::Text, Cell::Text(text)) => return push_text(out, text, longest),
        (kind, Cell::Metric(value)) => return push_value(out, kind, value, longest),
        _ => return false,
    }
    true
}

/// Appends what a metric yielded; as text if that is the kind, whatever it is.
fn push_value(out: &mut Vec<u8>, kind: ElementKind, value: &Value, longest: usize) -> bool {
    let cell = match (kind, value) {
        (_, Value::Null | Value::Opaque(_)) => return false,
        (_, Value::Bool(truth)) if kind != ElementKind::Text => Cell::Bool(*truth),
        (ElementKind::F64, Value::Int(number)) => Cell::Float(*number as f64),
        (ElementKind::I64, Value::Int(number)) => Cell::Int(*number),
        (ElementKind::F64, Value::Float(number)) => Cell::Float(*number),
        (ElementKind::Text, Value::Text(text)) => return push_text(out, text, longest),
        (ElementKind::Text, other) => {
            let mut text = String::new();
            // A string takes everything.
            return json::write_value(&mut text, other).is_ok() && push_text(out, &text, longest);
        }
        _ => return false,
    };
    push_cell(out, kind, &cell, longest)
}

/// What a list says of its items.
#[derive(Clone, Copy)]
struct ListHeader {
    enterprise: u32,
    number: u16,
    items: ElementKind,
}

/// Appends a list, with as many of its first items as there is room for; false, and nothing is done, when it is none, or an item
/// of it has no value.
///
/// All lists of numbers are cut to as many items, whatever those are, so that lists that belong together still do.
fn push_list(out: &mut Vec<u8>, header: ListHeader, cell: &Cell<'_>, longest: usize) -> bool {
    let begin = out.len();
    out.extend([LONG, 0, 0, ORDERED]);
    out.extend((header.number | ENTERPRISE_BIT).to_be_bytes());
    out.extend(header.items.octets().unwrap_or(VARIABLE).to_be_bytes());
    out.extend(header.enterprise.to_be_bytes());
    let most_items = if longest >= LONGEST_TEXT { usize::MAX } else { longest / 8 };
    let most_bytes = if header.items.octets().is_some() { usize::MAX } else { longest };
    let first = out.len();
    let mut push_items = |items: &mut dyn Iterator<Item = Cell<'_>>| {
        for item in items.take(most_items) {
            let before = out.len();
            let pushed = match &item {
                Cell::Metric(Value::Null) => push_null_item(out, header.items),
                // An item of no bytes is still an item.
                Cell::Text(text) if text.is_empty() => {
                    out.push(0);
                    true
                }
                item => push_cell(out, header.items, item, LONGEST_TEXT),
            };
            if !pushed {
                return false;
            }
            if out.len() - first > most_bytes.min(LONGEST_TEXT - LIST_HEADER) {
                out.truncate(before);
                return true;
            }
        }
        true
    };
    let is_list = match cell {
        Cell::List(numbers) => push_items(&mut numbers.iter().map(|number| match header.items {
            ElementKind::I64 => Cell::Int(*number),
            _ => Cell::Uint(u64::try_from(*number).unwrap_or_default()),
        })),
        Cell::Texts(texts) => push_items(&mut texts.iter().map(|text| Cell::Text((*text).into()))),
        Cell::Metric(Value::List(values)) => push_items(&mut values.iter().map(Cell::Metric)),
        _ => false,
    };
    if !is_list {
        out.truncate(begin);
        return false;
    }
    let len = (out.len() - begin - LONG_LENGTH) as u16;
    out[begin + 1..begin + LONG_LENGTH].copy_from_slice(&len.to_be_bytes());
    true
}

/// Appends what stands for null among the items of a list, which have no way to be left out: what is no value of the type, and of
/// whole numbers the least.
fn push_null_item(out: &mut Vec<u8>, kind: ElementKind) -> bool {
    match kind {
        ElementKind::F64 => out.extend(f64::NAN.to_be_bytes()),
        ElementKind::I64 => out.extend(i64::MIN.to_be_bytes()),
        ElementKind::Bool => out.push(0),
        _ => return false,
    }
    true
}

/// Appends what stands for null where a template has no way to leave an element out: zeros, for a list one of no items, and for
/// text one zero, since there are readers that refuse a text of no length.
pub(super) fn push_nothing(out: &mut Vec<u8>, kind: Kind, enterprise: u32) {
    match kind {
        Kind::List { items, number } => {
            push_list(out, ListHeader { enterprise, number, items }, &Cell::Texts(Vec::new()), 0);
        }
        Kind::One(kind) => {
            out.extend(kind.octets().is_none().then_some(1));
            out.resize(out.len() + kind.octets().map_or(1, usize::from), 0);
        }
    }
}

/// Appends text with its length before it, cut before the character that would end beyond `longest` bytes; false, and nothing is
/// done, when nothing is left of it.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str, longest: usize) -> bool {
    let longest = text.len().min(longest).min(LONGEST_TEXT);
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let text = &text[..end];
    if text.is_empty() {
        return false;
    }
    match u8::try_from(text.len()) {
        Ok(len) if len < LONG => out.push(len),
        _ => {
            out.push(LONG);
            out.extend((text.len() as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
    true
}

/// Milliseconds since 1970, which have no sign here: 0 before.
fn milliseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(0)
}

/// Seconds since 1900 modulo 2^32 (the era that began in 1900 ends in 2036), and fractions of 2^-32 s.
///
/// The fraction is rounded up: it is finer than a nanosecond, so that the nanoseconds come back exactly whether the reader cuts
/// or rounds.
fn ntp(time: Timestamp) -> u64 {
    let seconds = time.as_nanos().div_euclid(NANOS) + SECONDS_FROM_1900_TO_1970;
    let nanos = time.as_nanos().rem_euclid(NANOS) as u64;
    let fraction = (nanos << 32).div_ceil(NANOS as u64);
    u64::from(seconds as u32) << 32 | fraction
}

const NANOS: i64 = 1_000_000_000;
const SECONDS_FROM_1900_TO_1970: i64 = 2_208_988_800;
/// Stands before lengths of two octets.
const LONG: u8 = 255;
/// Of a text, and of a list with its header.
const LONGEST_TEXT: usize = u16::MAX as usize;
/// Octets of a length that begins with [`LONG`].
const LONG_LENGTH: usize = 3;
/// Octets of a list before its items: semantic, number, length, enterprise number.
const LIST_HEADER: usize = 9;
/// The semantic of a list: its items have an order (RFC 6313 section 4.4.1).
const ORDERED: u8 = 4;
const TRUE: u8 = 1;
const FALSE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_time_has_its_epoch_in_1900_and_wraps_around_in_2036() {
        let at = |nanos| (ntp(Timestamp::from_nanos(nanos)) >> 32, ntp(Timestamp::from_nanos(nanos)) as u32);
        // RFC 868: 2,208,988,800 is 1970-01-01, 2,629,584,000 is 1983-05-01; RFC 4330: era 1 begins 2036-02-07 06:28:16.
        assert_eq!(at(0), (2_208_988_800, 0));
        assert_eq!(at(420_595_200 * NANOS), (2_629_584_000, 0));
        assert_eq!(at(500_000_000), (2_208_988_800, 1 << 31));
        assert_eq!(at(2_085_978_496 * NANOS), (0, 0));
        assert_eq!(at(-1).0, 2_208_988_799);
    }

    #[test]
    fn nanoseconds_come_back_whether_the_reader_cuts_or_rounds() {
        for nanos in (0..1000).chain(999_999_000..1_000_000_000).chain((0..NANOS as u64).step_by(1_234_567)) {
            let fraction = ntp(Timestamp::from_nanos(nanos as i64)) & 0xffff_ffff;
            let scaled = fraction * NANOS as u64;
            assert_eq!((scaled >> 32, (scaled + (1 << 31)) >> 32), (nanos, nanos));
        }
        for edge in [Timestamp::MIN, Timestamp::MAX] {
            assert!(ntp(edge) & 0xffff_ffff > 0);
        }
    }

    #[test]
    fn milliseconds_have_no_sign() {
        assert_eq!(milliseconds(Timestamp::from_nanos(-1)), 0);
        assert_eq!(milliseconds(Timestamp::from_nanos(1_999_999)), 1);
        assert_eq!(milliseconds(Timestamp::MAX), 9_223_372_036_854);
    }

    #[test]
    fn lengths_of_text_take_one_octet_or_three() {
        let lengths = [(1, &[1][..]), (254, &[254]), (255, &[255, 0, 255]), (65_535, &[255, 255, 255])];
        for (len, head) in lengths {
            let mut out = Vec::new();
            push_text(&mut out, &"x".repeat(len), usize::MAX);
            assert_eq!((&out[..head.len()], out.len()), (head, head.len() + len));
        }
        let mut out = Vec::new();
        push_text(&mut out, &"x".repeat(70_000), usize::MAX);
        assert_eq!(out.len(), 65_538);
    }

    #[test]
    fn text_is_cut_before_a_character_that_does_not_fit() {
        let cut = |longest| {
            let mut out = Vec::new();
            let pushed = push_text(&mut out, "aé€", longest);
            assert_eq!(pushed, !out.is_empty());
            String::from_utf8(out.split_off(pushed.into())).unwrap()
        };
        assert_eq!([0, 1, 2, 3, 5, 6].map(cut), ["", "a", "a", "aé", "aé", "aé€"]);
    }

    #[test]
    fn numbers_that_do_not_fit_are_the_largest() {
        let mut out = Vec::new();
        for kind in [ElementKind::U8, ElementKind::U16, ElementKind::U32, ElementKind::U64] {
            assert!(push_cell(&mut out, kind, &Cell::Uint(u64::MAX), 0));
        }
        assert_eq!(out, [255; 15]);
        assert!(!push_cell(&mut out, ElementKind::U8, &Cell::Null, 0) && out.len() == 15);
        push_nothing(&mut out, Kind::One(ElementKind::U16), 0);
        push_nothing(&mut out, Kind::One(ElementKind::Text), 0);
        assert_eq!(out[15..], [0, 0, 1, 0]);
    }

    /// The items of a list, after its header.
    fn list(items: ElementKind, cell: &Cell<'_>, longest: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if !push(&mut out, Kind::List { items, number: 2050 }, 32_473, cell, longest) {
            assert!(out.is_empty());
            return None;
        }
        assert_eq!(usize::from(out[1]) << 8 | usize::from(out[2]), out.len() - 3);
        let width = items.octets().unwrap_or(65_535).to_be_bytes();
        assert_eq!(out[..12], [255, out[1], out[2], 4, 0x88, 2, width[0], width[1], 0, 0, 0x7e, 0xd9]);
        Some(out.split_off(12))
    }

    #[test]
    fn a_list_says_what_its_items_are() {
        let numbers = Cell::List(vec![1, 300, -5]);
        assert_eq!(list(ElementKind::U16, &numbers, 65_535).unwrap(), [0, 1, 1, 44, 0, 0]);
        let signed = list(ElementKind::I64, &numbers, 65_535).unwrap();
        assert_eq!((signed.len(), &signed[16..]), (24, &(-5i64).to_be_bytes()[..]));
        assert_eq!(list(ElementKind::Text, &Cell::Texts(vec!["ab", "", "c"]), 65_535).unwrap(), *b"\x02ab\0\x01c");
        let truths = Value::from(vec![Value::from(true), Value::from(false)]);
        assert_eq!(list(ElementKind::Bool, &Cell::Metric(&truths), 65_535).unwrap(), [1, 2]);
        assert_eq!(list(ElementKind::U8, &Cell::List(vec![]), 65_535).unwrap(), []);
        let holes = |one: Value| Value::from(vec![one, Value::Null]);
        let told = |kind, one| list(kind, &Cell::Metric(&holes(one)), 65_535).unwrap();
        assert_eq!(told(ElementKind::F64, 1.5.into())[8..], f64::NAN.to_be_bytes());
        assert_eq!(told(ElementKind::I64, 1.into())[8..], i64::MIN.to_be_bytes());
        assert_eq!(told(ElementKind::Bool, true.into()), [1, 0]);
        assert_eq!(list(ElementKind::I64, &Cell::Metric(&holes("x".into())), 65_535), None);
        assert_eq!(list(ElementKind::F64, &Cell::Null, 65_535), None);
    }

    #[test]
    fn a_list_is_cut_between_items_and_lists_of_numbers_to_as_many() {
        let numbers = Cell::List(vec![7; 70_000]);
        for (items, width) in [(ElementKind::U8, 1), (ElementKind::U32, 4), (ElementKind::I64, 8)] {
            assert_eq!(list(items, &numbers, usize::MAX).unwrap().len(), 65_526 / width * width);
            assert_eq!(list(items, &numbers, 100).unwrap().len(), 12 * width);
            assert_eq!(list(items, &numbers, 7).unwrap().len(), 0);
        }
        let texts = Cell::Texts(vec!["abc", "de", "fgh"]);
        assert_eq!(list(ElementKind::Text, &texts, 8).unwrap_or_default(), *b"\x03abc");
        let long = "x".repeat(70_000);
        assert_eq!(list(ElementKind::Text, &Cell::Texts(vec!["a", &long]), usize::MAX).unwrap(), *b"\x01a");
    }

    #[test]
    fn values_of_metrics_are_what_their_kind_says_or_text() {
        let told = |kind, value: Value| {
            let mut out = Vec::new();
            push_cell(&mut out, kind, &Cell::Metric(&value), usize::MAX).then_some(out)
        };
        assert_eq!(told(ElementKind::I64, (-2).into()).unwrap(), (-2i64).to_be_bytes());
        assert_eq!(told(ElementKind::F64, 3.into()).unwrap(), 3f64.to_be_bytes());
        assert_eq!(told(ElementKind::F64, f64::NAN.into()), None);
        assert_eq!(told(ElementKind::Bool, false.into()).unwrap(), [2]);
        assert_eq!(told(ElementKind::Text, "x".into()).unwrap(), *b"\x01x");
        assert_eq!(told(ElementKind::Text, vec![Value::from(1), Value::Null].into()).unwrap(), *b"\x09[1, null]");
        assert_eq!(told(ElementKind::Text, true.into()).unwrap(), *b"\x04true");
        assert_eq!(told(ElementKind::I64, "x".into()), None);
        assert_eq!(told(ElementKind::Text, Value::Null), None);
    }
}
