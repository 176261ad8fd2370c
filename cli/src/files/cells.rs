//! One value of text or JSON as a column's cell, or a metric's.

use flowgauge::export::GUARDED_CSV;
use flowgauge::flow::StoredCell;
use flowgauge::flow::schema::{Column, ColumnKind};
use flowgauge::{Timestamp, Value};

use super::json::Json;
use super::{Cell, Place, Unit};

/// A field of CSV, not null: its text, whether it stood in quotes, and whether texts may carry an apostrophe.
pub(super) fn of_text(place: Place, text: &str, quoted: bool, verbatim: bool) -> Option<Cell> {
    match place {
        Place::Column(column, unit) => cell(column, unit, text, verbatim).map(Cell::Column),
        Place::Metric => Some(Cell::Metric(metric(text, quoted, verbatim))),
    }
}

/// A value of JSON; a null is one.
pub(super) fn of_json(place: Place, json: Json) -> Option<Cell> {
    match place {
        Place::Column(column, unit) => json_cell(column, unit, json).map(Cell::Column),
        Place::Metric => value(json).map(Cell::Metric),
    }
}

/// Null.
pub(super) fn null(place: Place) -> Cell {
    match place {
        Place::Column(..) => Cell::Column(StoredCell::Null),
        Place::Metric => Cell::Metric(Value::Null),
    }
}

fn cell(column: &Column, unit: Unit, text: &str, verbatim: bool) -> Option<StoredCell> {
    match column.kind {
        ColumnKind::Text => Some(StoredCell::Text(bare(text, &GUARDED_CSV, verbatim).to_owned())),
        ColumnKind::F64 => text.parse().ok().filter(|number: &f64| number.is_finite()).map(StoredCell::Float),
        // Everything else is in CSV what it is in JSON.
        _ => json_cell(column, unit, Json::parse(text)?),
    }
}

fn json_cell(column: &Column, unit: Unit, json: Json) -> Option<StoredCell> {
    Some(match (column.kind, json) {
        (_, Json::Null) => StoredCell::Null,
        (ColumnKind::Bool, Json::Bool(truth)) => StoredCell::Bool(truth),
        (ColumnKind::U8 | ColumnKind::U16 | ColumnKind::U32 | ColumnKind::U64, Json::Uint(number)) => {
            StoredCell::Uint(number)
        }
        (ColumnKind::I64, number) => StoredCell::Int(number.int()?),
        (ColumnKind::F64, number) => StoredCell::Float(number.float()?),
        (ColumnKind::Text, Json::Text(text)) => StoredCell::Text(text),
        (ColumnKind::Time, number) => {
            let nanos = number.int()?.checked_mul(unit.nanos().cast_signed())?;
            StoredCell::Time(Timestamp::from_nanos(nanos))
        }
        (ColumnKind::Duration, Json::Uint(number)) => StoredCell::Duration(number.checked_mul(unit.nanos())?),
        (ColumnKind::ListU8 | ColumnKind::ListU16 | ColumnKind::ListU32 | ColumnKind::ListI64, Json::List(items)) => {
            StoredCell::List(items.into_iter().map(|item| item.int()).collect::<Option<_>>()?)
        }
        (ColumnKind::ListText, Json::List(items)) => {
            let text = |item| if let Json::Text(text) = item { Some(text) } else { None };
            StoredCell::Texts(items.into_iter().map(text).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A field of a column that says nothing of what it holds. What was a number, a truth value or a list is written as such and
/// without quotes, but for those that commas in a list need.
fn metric(text: &str, quoted: bool, verbatim: bool) -> Value {
    if text.starts_with('[')
        && let Some(list) = Json::parse(text).and_then(value)
    {
        return list;
    }
    if !quoted {
        match text {
            "true" => return Value::Bool(true),
            "false" => return Value::Bool(false),
            _ => {}
        }
        // Only what would be written so again.
        if let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            return Value::Int(number);
        }
        if let Ok(number) = text.parse::<f64>()
            && number.is_finite()
            && format!("{number:?}") == text
        {
            return Value::Float(number);
        }
    }
    Value::Text(bare(text, &[&GUARDED_CSV[..], &['[']].concat(), verbatim).to_owned())
}

/// The name of a column out of CSV.
pub(super) fn name(text: &str, verbatim: bool) -> &str {
    bare(text, &GUARDED_CSV, verbatim)
}

/// A text without the apostrophe that keeps spreadsheets from taking it for a formula. One that stands before anything else
/// is the text's own.
fn bare<'t>(text: &'t str, guarded: &[char], verbatim: bool) -> &'t str {
    match text.strip_prefix('\'') {
        Some(inner) if !verbatim && inner.starts_with(guarded) => inner,
        _ => text,
    }
}

/// `None` where there is an object, or a number that is too large.
fn value(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Uint(_) | Json::Int(_) => Value::Int(json.int()?),
        Json::Float(number) => Value::Float(number),
        Json::Text(text) => Value::Text(text),
        Json::List(items) => Value::List(items.into_iter().map(value).collect::<Option<_>>()?),
        Json::Object(_) => return None,
    })
}

impl Unit {
    const fn nanos(self) -> u64 {
        match self {
            Self::Millis => 1_000_000,
            Self::Nanos => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowgauge::export::push_csv_cell;
    use flowgauge::flow::schema::{self, Cell as Told, column};

    #[test]
    fn what_a_metric_was_comes_back_from_its_field() {
        for verbatim in [false, true] {
            for value in [
                Value::Int(-5),
                Value::Int(i64::MAX),
                Value::Float(0.1),
                Value::Float(-2.0),
                Value::Float(1e300),
                Value::Bool(true),
                "".into(),
                "7".into(),
                "-7".into(),
                "1.0".into(),
                "true".into(),
                "=1+1".into(),
                "'=1".into(),
                "''".into(),
                "'x".into(),
                "a,\"b\"\r\n".into(),
                "nan".into(),
                "007".into(),
                "é\u{1}".into(),
                Value::List(vec![1.into(), Value::Null, 2.5.into(), "x\"".into()]),
                Value::List(Vec::new()),
            ] {
                let mut line = String::new();
                push_csv_cell(&mut line, &Told::Metric(&value), verbatim);
                let quoted = line.starts_with('"');
                let text = if quoted { line[1..line.len() - 1].replace("\"\"", "\"") } else { line.clone() };
                assert_eq!(metric(&text, quoted, verbatim), value, "{line}");
            }
        }
        assert_eq!(metric("'[1]", false, false), "[1]".into());
    }

    #[test]
    fn a_text_is_read_into_its_columns_type_or_not_at_all() {
        let read = |name: &str, text: &str| {
            let column = column(name).unwrap();
            cell(column, Unit::Millis, text, false)
        };
        assert_eq!(read("bytes", "18446744073709551615"), Some(StoredCell::Uint(u64::MAX)));
        assert_eq!(read("size_mean", "0.30000000000000004"), Some(StoredCell::Float(0.1 + 0.2)));
        assert_eq!(read("start_time", "-1"), Some(StoredCell::Time(Timestamp::from_nanos(-1_000_000))));
        assert_eq!(read("http_host", "'@a"), Some(StoredCell::Text("@a".into())));
        for (name, text) in [
            ("bytes", "18446744073709551616"),
            ("bytes", "-1"),
            ("bytes", "1.0"),
            ("bytes", "x"),
            ("size_mean", "inf"),
            ("start_time", "9223372036855"),
            ("fragmented", "1"),
            ("dns_answers", "[1]"),
            ("splt_size", "[1"),
        ] {
            assert_eq!(read(name, text), None, "{name} {text}");
        }
        assert!(
            schema::columns()
                .all(|column| cell(column, Unit::Nanos, "{}", false).is_none() || column.kind == ColumnKind::Text)
        );
    }
}
