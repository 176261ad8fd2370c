//! One line of JSON for a record: `Display`, Python's `str` and the command share it.
//!
//! Metrics first, then the core columns in their order; times are whole milliseconds since the Unix epoch.

use std::fmt::{self, Write};
use std::net::IpAddr;

use crate::flow::schema::{self, Cell, Group};
use crate::flow::{FlowRecord, Value};

impl fmt::Display for FlowRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_record(f, self)
    }
}

/// Writes a record's metrics and core as one object.
pub(crate) fn write_record(f: &mut impl Write, record: &FlowRecord) -> fmt::Result {
    let mut separator = "{";
    for (name, value) in record.metrics.iter() {
        f.write_str(separator)?;
        write_text(f, name)?;
        f.write_str(": ")?;
        write_value(f, value)?;
        separator = ", ";
    }
    for column in schema::columns().take_while(|column| column.group == Group::Core) {
        f.write_str(separator)?;
        f.write_char('"')?;
        f.write_str(column.name)?;
        f.write_str("\": ")?;
        write_cell(f, &column.get(record))?;
        separator = ", ";
    }
    f.write_char('}')
}

/// Writes a cell as JSON.
pub fn write_cell(f: &mut impl Write, cell: &Cell<'_>) -> fmt::Result {
    match cell {
        Cell::Null => f.write_str("null"),
        Cell::Bool(truth) => f.write_str(if *truth { "true" } else { "false" }),
        Cell::Uint(number) => write_integer(f, *number),
        Cell::Int(number) => write_integer(f, *number),
        Cell::Float(number) => write_float(f, *number),
        Cell::List(numbers) => {
            f.write_char('[')?;
            for (index, number) in numbers.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_integer(f, *number)?;
            }
            f.write_char(']')
        }
        Cell::Text(text) => write_text(f, text),
        Cell::Ip(address) => {
            f.write_char('"')?;
            write_address(f, *address)?;
            f.write_char('"')
        }
        Cell::Texts(texts) => {
            f.write_char('[')?;
            for (index, text) in texts.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_text(f, text)?;
            }
            f.write_char(']')
        }
        Cell::Time(stamp) => write_integer(f, stamp.as_millis()),
        Cell::Duration(nanos) => write_integer(f, nanos / 1_000_000),
        Cell::Metric(value) => write_value(f, value),
    }
}

/// Writes a metric's value as JSON: bytes in hexadecimal, a number that JSON cannot hold as null.
pub fn write_value(f: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null | Value::Opaque(_) => f.write_str("null"),
        Value::Bool(truth) => f.write_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => write_integer(f, *number),
        Value::Float(number) => write_float(f, *number),
        Value::Text(text) => write_text(f, text),
        Value::Bytes(bytes) => {
            f.write_char('"')?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_char('"')
        }
        Value::List(values) => {
            f.write_char('[')?;
            for (index, value) in values.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_value(f, value)?;
            }
            f.write_char(']')
        }
    }
}

/// Writes a JSON string (RFC 8259 §7), with every control character escaped: a terminal would obey also those after 0x7e.
pub fn write_text(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    if text.bytes().all(is_plain) {
        f.write_str(text)?;
        return f.write_char('"');
    }
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            control if control.is_control() => write!(f, "\\u{:04x}", control as u32)?,
            plain => f.write_char(plain)?,
        }
    }
    f.write_char('"')
}

/// Writes an address, as its `Display` does, which takes a detour in case it has to be padded.
pub(crate) fn write_address(f: &mut impl Write, address: IpAddr) -> fmt::Result {
    let IpAddr::V4(address) = address else { return write!(f, "{address}") };
    for (index, octet) in address.octets().into_iter().enumerate() {
        f.write_str(if index == 0 { "" } else { "." })?;
        write_integer(f, octet)?;
    }
    Ok(())
}

/// Writes a whole number to bytes.
#[inline]
pub(crate) fn push_integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_integer(f: &mut impl Write, number: impl itoa::Integer) -> fmt::Result {
    f.write_str(itoa::Buffer::new().format(number))
}

/// A number with a fraction; null where JSON has none.
fn write_float(f: &mut impl Write, number: f64) -> fmt::Result {
    if number.is_finite() { write!(f, "{number:?}") } else { f.write_str("null") }
}

/// Whether a byte stands for itself in a JSON string, whatever comes before and after it.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &Value) -> String {
        let mut line = String::new();
        write_value(&mut line, value).unwrap();
        line
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(line(&Value::from("a\"b\\c\n\u{1}é\u{7f}\u{9b}")), r#""a\"b\\c\n\u0001é\u007f\u009b""#);
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_null() {
        let list = vec![f64::NAN.into(), f64::INFINITY.into(), 1e300.into(), 2.0.into(), Value::Null, true.into()];
        assert_eq!(line(&Value::List(list)), "[null, null, 1e300, 2.0, null, true]");
    }

    #[test]
    fn bytes_are_hexadecimal() {
        assert_eq!(line(&Value::from(vec![0u8, 0xff])), "\"00ff\"");
    }
    #[test]
    fn numbers_and_addresses_are_written_as_the_standard_library_does() {
        for number in [0, -1, 9, 10, i64::MIN, i64::MAX] {
            assert_eq!(line(&number.into()), number.to_string());
        }
        for address in ["0.0.0.0", "255.255.255.255", "10.0.9.100", "::1", "::ffff:1.2.3.4", "2001:db8::1:0:0:1"] {
            let mut line = String::new();
            write_address(&mut line, address.parse().unwrap()).unwrap();
            assert_eq!(line, address);
        }
    }
}
