//! One line of JSON for a record: `Display`, Python's `str` and the command share it.
//!
//! Metrics first, then the core columns in their order; times are whole milliseconds since the Unix epoch.

use std::fmt::{self, Write};

use crate::flow::schema::{self, Cell, Group};
use crate::flow::{FlowRecord, Value};

impl fmt::Display for FlowRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "{";
        for (name, value) in self.metrics.iter() {
            f.write_str(separator)?;
            write_text(f, name)?;
            f.write_str(": ")?;
            write_value(f, value)?;
            separator = ", ";
        }
        for column in schema::columns().take_while(|column| column.group == Group::Core) {
            write!(f, "{separator}\"{}\": ", column.name)?;
            write_cell(f, &column.get(self))?;
            separator = ", ";
        }
        f.write_char('}')
    }
}

/// Writes a cell as JSON.
pub fn write_cell(f: &mut impl Write, cell: &Cell<'_>) -> fmt::Result {
    match cell {
        Cell::Null => f.write_str("null"),
        Cell::Bool(truth) => write!(f, "{truth}"),
        Cell::Uint(number) => write!(f, "{number}"),
        Cell::Int(number) => write!(f, "{number}"),
        Cell::Float(number) => write_value(f, &Value::Float(*number)),
        Cell::List(numbers) => {
            f.write_char('[')?;
            for (index, number) in numbers.iter().enumerate() {
                write!(f, "{}{number}", if index == 0 { "" } else { ", " })?;
            }
            f.write_char(']')
        }
        Cell::Text(text) => write_text(f, text),
        Cell::Ip(address) => write!(f, "\"{address}\""),
        Cell::Texts(texts) => {
            f.write_char('[')?;
            for (index, text) in texts.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_text(f, text)?;
            }
            f.write_char(']')
        }
        Cell::Time(stamp) => write!(f, "{}", stamp.as_millis()),
        Cell::Duration(nanos) => write!(f, "{}", nanos / 1_000_000),
        Cell::Metric(value) => write_value(f, value),
    }
}

/// Writes a metric's value as JSON: bytes in hexadecimal, a number that JSON cannot hold as null.
pub fn write_value(f: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null | Value::Opaque(_) => f.write_str("null"),
        Value::Bool(truth) => write!(f, "{truth}"),
        Value::Int(number) => write!(f, "{number}"),
        Value::Float(number) if !number.is_finite() => f.write_str("null"),
        Value::Float(number) => write!(f, "{number:?}"),
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
}
