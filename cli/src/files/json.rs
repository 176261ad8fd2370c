//! JSON lines, read back: an object a line, all with the names of the first.

use std::fmt;
use std::io::BufRead;

use flowgauge::flow::schema::{self, Group};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Cell, HEAVY, Layout, Opened, ROWS, Rows, cells, read_line};

/// A value; numbers keep all their digits, and objects their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Uint(u64),
    /// Below zero.
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

struct JsonLines {
    input: Box<dyn BufRead>,
    line: u64,
    bytes: Vec<u8>,
    /// The first object, which was read for its names.
    first: Option<Object>,
}

type Object = Vec<(String, Json)>;

pub(super) fn open(input: Box<dyn BufRead>) -> Result<Opened, String> {
    let mut lines = JsonLines { input, line: 0, bytes: Vec::new(), first: None };
    lines.first = lines.next_object()?;
    let names = match &lines.first {
        Some(object) => object.iter().map(|(name, _)| name.clone()).collect(),
        // A file of no records does not say its columns: then they are what lines have without options.
        None => {
            let core = schema::columns().filter(|column| column.group == Group::Core);
            core.map(|column| column.name.to_owned()).collect()
        }
    };
    Ok((Layout::new(names, true)?, Box::new(lines)))
}

impl Rows for JsonLines {
    fn next_rows(&mut self, layout: &Layout) -> Result<Vec<Vec<Cell>>, String> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < ROWS && bytes < HEAVY {
            let first = self.first.take().map(Some);
            let Some(object) = first.map_or_else(|| self.next_object(), Ok)? else { break };
            bytes += self.bytes.len();
            if object.len() != layout.places.len() {
                return Err(format!(
                    "line {}: {} values, and the first line has {}",
                    self.line,
                    object.len(),
                    layout.places.len()
                ));
            }
            rows.push(self.row(object, layout)?);
        }
        Ok(rows)
    }
}

impl JsonLines {
    fn next_object(&mut self) -> Result<Option<Object>, String> {
        loop {
            self.bytes.clear();
            self.line += 1;
            let told = |words: String| format!("line {}: {words}", self.line);
            if !read_line(&mut *self.input, &mut self.bytes).map_err(told)? {
                return Ok(None);
            }
            if self.bytes.trim_ascii().is_empty() {
                continue;
            }
            return match serde_json::from_slice(&self.bytes) {
                Ok(Json::Object(object)) => Ok(Some(object)),
                Ok(_) => Err(told("this is no object".to_owned())),
                Err(error) => Err(told(error.to_string())),
            };
        }
    }

    /// The values in the order of the first line, whose order all have that we have written.
    fn row(&self, object: Object, layout: &Layout) -> Result<Vec<Cell>, String> {
        let mut row: Vec<Option<Cell>> = Vec::new();
        row.resize_with(object.len(), || None);
        for (index, (name, json)) in object.into_iter().enumerate() {
            let of_name = |known: &String| *known == name;
            let index = match layout.keys.get(index) {
                Some(known) if of_name(known) => Some(index),
                _ => layout.keys.iter().position(of_name),
            };
            let Some(index) = index else {
                return Err(format!("line {}: the first line has no {name:?}", self.line));
            };
            let cell = cells::of_json(layout.places[index], json);
            row[index] = Some(cell.ok_or_else(|| format!("line {}: this is no value of {name:?}", self.line))?);
        }
        // As many as names, so one is missing only where another comes twice.
        row.into_iter().collect::<Option<_>>().ok_or_else(|| format!("line {}: a name comes twice", self.line))
    }
}

impl Json {
    /// What a whole text says; `None` when it is no JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Uint(number) => i64::try_from(*number).ok(),
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            // Others may leave out the fraction where it is 0.
            _ => self.int().filter(|number| number.unsigned_abs() <= 1 << 53).map(|number| number as f64),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

/// Takes whatever comes.
struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Uint(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(u64::try_from(number).map_or(Json::Int(number), Json::Uint))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<usize, String> {
        let (layout, mut rows) = open(Box::new(text.as_bytes()))?;
        rows.next_rows(&layout).map(|rows| rows.len())
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(Json::parse("18446744073709551615"), Some(Json::Uint(u64::MAX)));
        assert_eq!(Json::parse("-9223372036854775808"), Some(Json::Int(i64::MIN)));
        for number in [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 123_456_789.123_456_79, 2.0] {
            assert_eq!(Json::parse(&format!("{number:?}")), Some(Json::Float(number)));
        }
        assert_eq!(Json::parse(&("[".repeat(100_000))), None);
    }

    #[test]
    fn lines_have_the_names_of_the_first_in_any_order() {
        assert_eq!(read("{\"pkts\": 1, \"m\": \"x\"}\n\n{\"m\": null, \"pkts\": 2}"), Ok(2));
        assert_eq!(read(""), Ok(0));
        for (text, words) in [
            ("{\"pkts\": 1}\n{\"pkts\": 1, \"m\": 2}\n", "line 2: 2 values, and the first line has 1"),
            ("{\"pkts\": 1}\n{\"m\": 2}\n", "line 2: the first line has no \"m\""),
            ("{\"pkts\": 1, \"m\": 1}\n{\"pkts\": 1, \"pkts\": 2}\n", "line 2: a name comes twice"),
            ("{\"pkts\": -1}\n", "line 1: this is no value of \"pkts\""),
            ("{\"pkts\": 1}\n[1]\n", "line 2: this is no object"),
            ("{\"pkts\": 1", "line 1: EOF while parsing an object at line 1 column 10"),
            ("{\"pkts\": 1, \"m\": {}}\n", "line 1: this is no value of \"m\""),
        ] {
            assert_eq!(read(text), Err(words.to_owned()));
        }
    }
}
