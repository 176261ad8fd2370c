//! A value of an item's dictionary, as JSON and Python have it.

use std::borrow::Cow;

use crate::pipeline::text;

/// A value, perhaps with others inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// Yes or no.
    Flag(bool),
    /// A number without a fraction.
    Number(u64),
    /// A number.
    Real(f64),
    /// A text.
    Text(Cow<'static, str>),
    /// Bytes. JSON has them in hexadecimal.
    Bytes(Vec<u8>),
    /// Values in their order.
    List(Vec<Self>),
    /// Values by name, in the order in which they are told.
    Map(Vec<(&'static str, Self)>),
}

impl Field {
    /// A value in a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(fields) => fields.iter().find(|(key, _)| *key == name).map(|(_, field)| field),
            _ => None,
        }
    }

    /// Values of a list; none of anything else.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(fields) => fields,
            _ => &[],
        }
    }

    /// Writes it as JSON.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Flag(flag) => text::number(out, flag),
            Self::Number(number) => text::number(out, number),
            Self::Real(number) if number.is_finite() => text::number(out, number),
            Self::Real(_) => out.extend_from_slice(b"null"),
            Self::Text(words) => text::json_text(out, words),
            Self::Bytes(bytes) => {
                out.push(b'"');
                bytes.iter().for_each(|byte| text::number(out, format_args!("{byte:02x}")));
                out.push(b'"');
            }
            Self::List(fields) => {
                out.push(b'[');
                for (index, field) in fields.iter().enumerate() {
                    out.extend_from_slice(if index > 0 { b", " } else { b"" });
                    field.write_json(out);
                }
                out.push(b']');
            }
            Self::Map(fields) => {
                out.push(b'{');
                for (index, (name, field)) in fields.iter().enumerate() {
                    out.extend_from_slice(if index > 0 { b", " } else { b"" });
                    text::json_text(out, name);
                    out.extend_from_slice(b": ");
                    field.write_json(out);
                }
                out.push(b'}');
            }
        }
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Field {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for Field {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&'static str> for Field {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl<T: Into<Self>> FromIterator<T> for Field {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_json() {
        let field = Field::Map(vec![
            ("a", Field::List(vec![true.into(), 7_u64.into(), Field::Real(0.5), Field::Real(f64::NAN)])),
            ("b", Field::Bytes(vec![0, 255])),
            ("c", "\"\u{1b}".into()),
            ("d", Field::Map(Vec::new())),
        ]);
        let mut out = Vec::new();
        field.write_json(&mut out);
        let expected = r#"{"a": [true, 7, 0.5, null], "b": "00ff", "c": "\"\u001b", "d": {}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(field.get("a").map(|list| list.list().len()), Some(4));
    }
}
