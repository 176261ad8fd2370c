//! Values as people read them, and texts from the network as a terminal may see them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use console::measure_text_width;
use flowgauge::flow::json;
use flowgauge::flow::schema::Cell;
use flowgauge::pipeline::is_harmful;
use flowgauge::{Timestamp, Value};

/// A cell for a table: times as date and time in UTC, durations in seconds, nothing as `-`.
pub(crate) fn plain(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null | Cell::Metric(Value::Null) => "-".to_owned(),
        Cell::Time(stamp) => time(*stamp),
        Cell::Duration(nanos) => format!("{}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000),
        Cell::Float(number) | Cell::Metric(Value::Float(number)) => float(*number),
        Cell::Text(text) => harmless(text).into_owned(),
        Cell::Metric(Value::Text(text)) => harmless(text).into_owned(),
        Cell::Ip(address) => address.to_string(),
        Cell::Texts(texts) => harmless(&texts.join(", ")).into_owned(),
        other => {
            let mut text = String::new();
            json::write_cell(&mut text, other).expect("a string takes everything");
            harmless(&text).into_owned()
        }
    }
}

/// With three digits after the point, and a power of ten where that would say nothing or too much.
fn float(number: f64) -> String {
    if number != 0.0 && !(0.001..1e15).contains(&number.abs()) && number.is_finite() {
        return format!("{number:.3e}");
    }
    format!("{number:.3}")
}

/// `2026-01-31 23:59:59.999`, in UTC.
pub(crate) fn time(stamp: Timestamp) -> String {
    let [year, month, day, hour, minute, second] = stamp.as_utc();
    let millis = stamp.as_millis().rem_euclid(1_000);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// The usual name of an IP protocol, or its number.
pub(crate) fn protocol(number: u8) -> Cow<'static, str> {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        136 => "udplite",
        other => return other.to_string().into(),
    };
    name.into()
}

/// The text, with everything escaped that a terminal would obey rather than show.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(escaped(text, |_| false))
}

/// The text, with everything harmful escaped but what `may` stand as it is.
fn escaped(text: &str, may: fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    let mut marks = 0usize;
    for character in text.chars() {
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if may(character) || !(is_harmful(character) || marks > MARKS_ON_ONE) {
            safe.push(character);
        } else {
            push_escaped(&mut safe, character);
        }
    }
    safe
}

/// Whether it stands on the character before it, as accents do.
fn is_mark(character: char) -> bool {
    !character.is_ascii() && measure_text_width(character.encode_utf8(&mut [0; 4])) == 0
}

fn push_escaped(text: &mut String, character: char) {
    let escaped = match u32::from(character) {
        byte @ ..0x80 => write!(text, "\\x{byte:02x}"),
        point => write!(text, "\\u{{{point:x}}}"),
    };
    escaped.expect("a string takes everything");
}

/// Lines of text on their way to a terminal, as JSON and CSV write them: whole texts at a time, and only the ends of lines
/// and tabs pass unescaped.
#[derive(Debug)]
pub(crate) struct Harmless<W>(pub(crate) W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        // A lone carriage return would let a text overwrite its own line.
        let safe = escaped(&text, |character| matches!(character, '\n' | '\t'));
        self.0.write_all(safe.replace("\\x0d\n", "\r\n").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// As many as scripts have; more would run over the lines above and below.
const MARKS_ON_ONE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        let at = |seconds: i64| time(Timestamp::from_nanos(seconds * 1_000_000_000));
        assert_eq!(at(0), "1970-01-01 00:00:00.000");
        assert_eq!(at(951_782_400), "2000-02-29 00:00:00.000");
        assert_eq!(at(951_868_800), "2000-03-01 00:00:00.000");
        assert_eq!(at(4_107_542_399), "2100-02-28 23:59:59.000");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00.000");
        assert_eq!(time(Timestamp::from_nanos(-1)), "1969-12-31 23:59:59.999");
        assert_eq!(time(Timestamp::MIN), "1677-09-21 00:12:43.145");
        assert_eq!(time(Timestamp::MAX), "2262-04-11 23:47:16.854");
    }

    #[test]
    fn a_terminal_never_obeys_a_text() {
        for (text, safe) in [
            ("plain é 漢", "plain é 漢"),
            ("\x1b[2Jgone", "\\x1b[2Jgone"),
            ("a\u{9b}31m\x7f\r\n\t", "a\\u{9b}31m\\x7f\\x0d\\x0a\\x09"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("\u{3164}a\u{e0100}", "\\u{3164}a\\u{e0100}"),
            ("\u{1d173}a\u{13430}\u{1bca3}", "\\u{1d173}a\\u{13430}\\u{1bca3}"),
            ("e\u{301}\u{301}\u{301}\u{301}\u{301}x", "e\u{301}\u{301}\u{301}\u{301}\\u{301}x"),
            ("e\u{301}a\u{301}", "e\u{301}a\u{301}"),
        ] {
            assert_eq!(harmless(text), safe);
            assert_eq!(plain(&Cell::Text(text.into())), safe);
            assert_eq!(plain(&Cell::Texts(vec![text])), safe);
            assert_eq!(plain(&Cell::Metric(&text.into())), safe);
            assert_eq!(plain(&Cell::Metric(&Value::List(vec![text.into()]))).find(char::is_control), None);
        }
    }

    #[test]
    fn lines_for_a_terminal_keep_their_ends_only() {
        let mut out = Harmless(Vec::new());
        out.write_all("a\x1b[1m\tb\rc\r\n\u{9b}d\n".as_bytes()).unwrap();
        out.write_all(b"\xff\n").unwrap();
        out.flush().unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "a\\x1b[1m\tb\\x0dc\r\n\\u{9b}d\n\u{fffd}\n");
    }

    #[test]
    fn cells_are_for_people() {
        assert_eq!(plain(&Cell::Null), "-");
        assert_eq!(plain(&Cell::Duration(61_234_567_890)), "61.234");
        assert_eq!(plain(&Cell::Float(2.0 / 3.0)), "0.667");
        for (number, told) in [
            (0.0, "0.000"),
            (0.001, "0.001"),
            (-0.0004, "-4.000e-4"),
            (999_999_999_999_999.0, "999999999999999.000"),
            (-1e15, "-1.000e15"),
            (f64::MAX, "1.798e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(plain(&Cell::Float(number)), told);
        }
        assert_eq!(plain(&Cell::List(vec![1, 2])), "[1, 2]");
        assert_eq!(plain(&Cell::Metric(&7.into())), "7");
        assert_eq!((protocol(6), protocol(200)), ("tcp".into(), "200".into()));
    }
}
