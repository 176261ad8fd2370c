//! `flowgauge schema`: the columns of a flow record.

use std::io::{self, Write};

use flowgauge::flow::json;
use flowgauge::flow::schema::{self, Column};

use crate::arguments::SchemaFormat;
use crate::table::{Heading, Kind, Table};

/// Writes the table of all columns.
pub(crate) fn write(out: &mut impl Write, room: Option<usize>, format: SchemaFormat) -> io::Result<()> {
    match format {
        SchemaFormat::Markdown => {
            let mut text = String::new();
            schema::write_reference(&mut text).expect("a string takes everything");
            out.write_all(text.as_bytes())
        }
        SchemaFormat::Json => {
            let objects: Vec<_> = schema::columns().map(object).collect();
            writeln!(out, "[{}]", objects.join(",\n "))
        }
        SchemaFormat::Text => {
            // The sentence is what everybody has the table for: lines may wrap, but are not cut.
            let names = ["column", "type", "unit", "group", "option", "what it is"];
            let headings = names.map(|name| Heading::new(name, Kind::Name));
            let mut table = Table::new(out, room, headings.into());
            schema::columns().try_for_each(|column| table.push(row(column)))?;
            table.finish()
        }
    }
}

fn row(column: &Column) -> Vec<String> {
    let null = if column.nullable { " or null" } else { "" };
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    vec![
        column.name.to_owned(),
        format!("{}{null}", column.kind.name()),
        or_none(column.unit),
        column.group.name().to_owned(),
        column.needs.map_or_else(|| "-".to_owned(), |needs| format!("--{}", needs.option().replace('_', "-"))),
        column.doc.to_owned(),
    ]
}

fn object(column: &Column) -> String {
    let mut text = String::from("{");
    let mut text_field = |name: &str, value: Option<&str>| {
        text.push_str(&format!("\"{name}\": "));
        match value {
            Some(value) => json::write_text(&mut text, value).expect("a string takes everything"),
            None => text.push_str("null"),
        }
        text.push_str(", ");
    };
    text_field("name", Some(column.name));
    text_field("type", Some(column.kind.name()));
    text_field("unit", Some(column.unit).filter(|unit| !unit.is_empty()));
    text_field("group", Some(column.group.name()));
    text_field("option", column.needs.map(|needs| needs.option()));
    text_field("description", Some(column.doc));
    text.push_str(&format!("\"nullable\": {}}}", column.nullable));
    text
}
