//! CSV (RFC 4180), read back: a line of names, then a line a record.
//!
//! A field without quotes and without a character is null, one of two quotes an empty text. The last line must end too, as
//! whoever writes CSV has it: without, nobody could tell a file that is cut within its last field from a whole one.

use std::io::BufRead;

use super::{Cell, HEAVY, Layout, Opened, ROWS, Rows, cells, read_line};

struct Csv {
    input: Box<dyn BufRead>,
    verbatim: bool,
    /// The line that a record begins at, 1 is that of the names.
    line: u64,
    /// The next record's first line.
    next_line: u64,
    record: Vec<u8>,
}

/// A field, and whether it stood in quotes.
#[derive(Debug, Eq, PartialEq)]
struct Field {
    text: String,
    quoted: bool,
}

pub(super) fn open(input: Box<dyn BufRead>, verbatim: bool) -> Result<Opened, String> {
    let mut csv = Csv { input, verbatim, line: 0, next_line: 1, record: Vec::new() };
    let names = csv.next_record()?.unwrap_or_default();
    let names = names.into_iter().map(|field| cells::name(&field.text, verbatim).to_owned()).collect();
    Ok((Layout::new(names, true)?, Box::new(csv)))
}

impl Rows for Csv {
    fn next_rows(&mut self, layout: &Layout) -> Result<Vec<Vec<Cell>>, String> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < ROWS
            && bytes < HEAVY
            && let Some(fields) = self.next_record()?
        {
            bytes += self.record.len();
            if fields.len() != layout.places.len() {
                return Err(format!("line {}: {} fields, and {} names", self.line, fields.len(), layout.places.len()));
            }
            let value = |(index, field): (usize, Field)| {
                let place = layout.places[index];
                if field.text.is_empty() && !field.quoted {
                    return Ok(cells::null(place));
                }
                let cell = cells::of_text(place, &field.text, field.quoted, self.verbatim);
                cell.ok_or_else(|| {
                    format!("line {}: {} is no value of {:?}", self.line, shown(&field.text), layout.names[index])
                })
            };
            rows.push(fields.into_iter().enumerate().map(value).collect::<Result<_, _>>()?);
        }
        Ok(rows)
    }
}

impl Csv {
    fn next_record(&mut self) -> Result<Option<Vec<Field>>, String> {
        self.record.clear();
        self.line = self.next_line;
        let mut seen = 0;
        let mut open = false;
        loop {
            let more = read_line(&mut *self.input, &mut self.record)
                .map_err(|words| format!("line {}: {words}", self.line))?;
            if !more {
                break;
            }
            self.next_line += 1;
            // A line end inside quotes belongs to a field. Quotes within quotes come in pairs.
            open ^= self.record[seen..].iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            seen = self.record.len();
            if !open {
                break;
            }
        }
        if self.record.is_empty() {
            return Ok(None);
        }
        let told = |words: &str| format!("line {}: {words}", self.line);
        if open {
            return Err(told("quotes are opened and never closed"));
        }
        if self.record.last() != Some(&b'\n') {
            return Err(told("it does not end, as if the file were cut: give it a line end if it is whole"));
        }
        let record = std::str::from_utf8(&self.record).map_err(|_| told("this is not UTF-8"))?;
        let record = record.strip_suffix('\n').unwrap_or(record);
        let record = record.strip_suffix('\r').unwrap_or(record);
        // What spreadsheets write before everything else.
        let record = if self.line == 1 { record.strip_prefix('\u{feff}').unwrap_or(record) } else { record };
        fields(record).map(Some).ok_or_else(|| told("a quote stands where none may be"))
    }
}

fn fields(mut rest: &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        let (field, behind) = field(rest)?;
        fields.push(field);
        match behind.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if behind.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// The field that a text begins with, and what is behind it.
fn field(text: &str) -> Option<(Field, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (field, behind) = text.split_at(text.find(',').unwrap_or(text.len()));
        return (!field.contains('"')).then(|| (Field { text: field.to_owned(), quoted: false }, behind));
    };
    let mut text = String::new();
    loop {
        let (inner, behind) = rest.split_once('"')?;
        text.push_str(inner);
        match behind.strip_prefix('"') {
            Some(behind) => {
                text.push('"');
                rest = behind;
            }
            None => return Some((Field { text, quoted: true }, behind)),
        }
    }
}

/// As much of a field as an error should show.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}{}", if short.len() < text.len() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<(String, bool)>> {
        fields(line).map(|fields| fields.into_iter().map(|field| (field.text, field.quoted)).collect())
    }

    #[test]
    fn fields_are_what_stands_between_commas_outside_of_quotes() {
        let plain = |text: &str| (text.to_owned(), false);
        let quoted = |text: &str| (text.to_owned(), true);
        assert_eq!(split("a,,\"\",\"b,\"\"c\"\"\"\n"), None);
        assert_eq!(split("a,,\"\",\"b,\"\"c\"\"\""), Some(vec![plain("a"), plain(""), quoted(""), quoted("b,\"c\"")]));
        assert_eq!(split(""), Some(vec![plain("")]));
        assert_eq!(split("\"a\nb\","), Some(vec![quoted("a\nb"), plain("")]));
        for wrong in ["a\"b", "\"a", "\"a\"b", "\""] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn records_end_with_a_line_that_leaves_no_quotes_open() {
        let input: &[u8] = b"\xef\xbb\xbfpkts,m\r\n1,\"x\r\ny\"\n2,\n\n";
        let (layout, mut rows) = open(Box::new(input), false).unwrap();
        assert_eq!(layout.names(), ["pkts", "m"]);
        assert_eq!(rows.next_rows(&layout).err(), Some("line 5: 1 fields, and 2 names".to_owned()));
        let wrong = |text: &'static [u8]| {
            let (layout, mut rows) = open(Box::new(text), false)?;
            rows.next_rows(&layout).map(|rows| rows.len())
        };
        assert_eq!(wrong(b"pkts\n1\n2\n"), Ok(2));
        for cut in [&b"pkts\r\n1\r\n23"[..], b"pkts\r\n1\r\n23\r", b"pkts\n1\n2"] {
            let told = "line 3: it does not end, as if the file were cut: give it a line end if it is whole";
            assert_eq!(wrong(cut), Err(told.to_owned()));
        }
        assert!(wrong(b"pkts").unwrap_err().starts_with("line 1: it does not end"));
        assert_eq!(wrong(b"pkts\n\"1\n2"), Err("line 2: quotes are opened and never closed".to_owned()));
        assert_eq!(wrong(b"pkts\n\xff\n"), Err("line 2: this is not UTF-8".to_owned()));
        assert_eq!(wrong(b"pkts\nx\n"), Err("line 2: \"x\" is no value of \"pkts\"".to_owned()));
        assert_eq!(wrong(b"pkts,pkts\n"), Err("a column comes twice".to_owned()));
        assert!(wrong(b"hello\n").unwrap_err().contains("no file of flow records"));
    }
}
