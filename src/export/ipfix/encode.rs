//! Values as bytes (RFC 7011 sections 6 and 7).

use std::net::IpAddr;

use crate::flow::schema::{Cell, ElementKind};
use crate::time::Timestamp;

/// Appends `cell` as an element of this kind, a text cut at `longest_text` bytes; false, and nothing is done, when there is no
/// such value.
pub(super) fn push_cell(out: &mut Vec<u8>, kind: ElementKind, cell: &Cell<'_>, longest_text: usize) -> bool {
    match (kind, cell) {
        (ElementKind::U8, Cell::Uint(number)) => out.push(u8::try_from(*number).unwrap_or(u8::MAX)),
        (ElementKind::U16, Cell::Uint(number)) => {
            out.extend(u16::try_from(*number).unwrap_or(u16::MAX).to_be_bytes());
        }
        (ElementKind::U32, Cell::Uint(number)) => {
            out.extend(u32::try_from(*number).unwrap_or(u32::MAX).to_be_bytes());
        }
        (ElementKind::U64, Cell::Uint(number)) => out.extend(number.to_be_bytes()),
        (ElementKind::Ipv4, Cell::Ip(IpAddr::V4(address))) => out.extend(address.octets()),
        (ElementKind::Ipv6, Cell::Ip(IpAddr::V6(address))) => out.extend(address.octets()),
        (ElementKind::Milliseconds, Cell::Time(time)) => out.extend(milliseconds(*time).to_be_bytes()),
        (ElementKind::Nanoseconds, Cell::Time(time)) => out.extend(ntp(*time).to_be_bytes()),
        (ElementKind::Text, Cell::Text(text)) => return push_text(out, text, longest_text),
        _ => return false,
    }
    true
}

/// Appends what stands for null where a template has no way to leave an element out: zeros, and for text one of them, since
/// there are readers that refuse a text of no length.
pub(super) fn push_nothing(out: &mut Vec<u8>, kind: ElementKind) {
    out.extend(kind.octets().is_none().then_some(1));
    out.resize(out.len() + kind.octets().map_or(1, usize::from), 0);
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
const LONGEST_TEXT: usize = u16::MAX as usize;

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
        push_nothing(&mut out, ElementKind::U16);
        push_nothing(&mut out, ElementKind::Text);
        assert_eq!(out[15..], [0, 0, 1, 0]);
    }
}
