//! The text of a cell, which few cells need memory of their own for.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// Text out of a record, text made for a cell, or a short one that lies in the cell itself.
#[derive(Clone)]
pub struct CellText<'a>(Text<'a>);

#[derive(Clone)]
enum Text<'a> {
    Lent(&'a str),
    Made(String),
    Short([u8; SHORT], u8),
}

impl CellText<'_> {
    /// ASCII of at most 30 bytes; what is beyond that, or no ASCII, is left out.
    pub(in crate::flow) fn short(ascii: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        let ascii = ascii.iter().copied().filter(u8::is_ascii);
        let len = bytes.iter_mut().zip(ascii).map(|(place, byte)| *place = byte).count();
        Self(Text::Short(bytes, len as u8))
    }

    /// The text as a string of its own.
    pub fn into_owned(self) -> String {
        if let Self(Text::Made(text)) = self { text } else { (*self).to_owned() }
    }
}

impl Deref for CellText<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Text::Lent(text) => text,
            Text::Made(text) => text,
            Text::Short(bytes, len) => {
                bytes.get(..usize::from(*len)).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
            }
        }
    }
}

impl<'a> From<&'a str> for CellText<'a> {
    fn from(text: &'a str) -> Self {
        Self(Text::Lent(text))
    }
}

impl From<String> for CellText<'_> {
    fn from(text: String) -> Self {
        Self(Text::Made(text))
    }
}

impl<'a> From<Cow<'a, str>> for CellText<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl PartialEq for CellText<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for CellText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for CellText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

/// As long as a Community ID, the longest that is made for a cell.
const SHORT: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_equal_wherever_they_lie() {
        let short = CellText::short(b"00:11:22");
        assert_eq!(short, CellText::from("00:11:22"));
        assert_eq!(short, CellText::from("00:11:22".to_owned()));
        assert_eq!((short.to_string(), format!("{short:?}")), ("00:11:22".to_owned(), "\"00:11:22\"".to_owned()));
        assert_eq!(short.into_owned(), "00:11:22");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(&*CellText::short(&[b'a'; 40]), "a".repeat(SHORT));
        assert_eq!(&*CellText::short("ä".as_bytes()), "");
    }
}
