//! Numbers of bytes as a user writes them: `500000`, `100M`.

use std::num::NonZeroU64;

/// A number of bytes, with k, M, G or T for thousands of thousands behind it.
///
/// # Errors
///
/// What to tell the user of anything else.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1_000),
        Some((at, 'M')) => (&text[..at], 1_000_000),
        Some((at, 'G')) => (&text[..at], 1_000_000_000),
        Some((at, 'T')) => (&text[..at], 1_000_000_000_000),
        _ => (text, 1),
    };
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    let bytes = number.and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| "a number of bytes is wanted, as in 500k, 100M or 2G".to_owned())
}

/// Likewise, and at least one.
///
/// # Errors
///
/// What to tell the user of anything else.
pub(crate) fn some_bytes(text: &str) -> Result<NonZeroU64, String> {
    NonZeroU64::new(bytes(text)?).ok_or_else(|| "one byte at least is wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_have_a_unit() {
        let read = |text: &str| bytes(text).ok();
        assert_eq!([read("0"), read("12"), read("5k")], [Some(0), Some(12), Some(5_000)]);
        assert_eq!(
            [read("100M"), read("2G"), read("1T")],
            [Some(100_000_000), Some(2_000_000_000), Some(10u64.pow(12))]
        );
        assert!(some_bytes("0k").is_err() && some_bytes("1").is_ok());
        assert_eq!(read(&u64::MAX.to_string()), Some(u64::MAX));
        for wrong in ["", "M", "-1", "+1", "1.5M", "10MB", "1é", "18446744073709551616", "18446744073709551615k"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
