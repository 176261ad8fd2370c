//! The reference of expressions: the tables of fields and methods, in Markdown.

use std::fmt::{Result, Write};

use super::{Method, methods, packet_fields};

/// Writes the tables of the page `docs/expressions.md`.
///
/// # Errors
///
/// That of `out`.
pub fn write_reference(out: &mut impl Write) -> Result {
    writeln!(out, "## Fields of packets\n")?;
    writeln!(out, "| field | type | unit | null | what it is |\n| --- | --- | --- | --- | --- |")?;
    for field in packet_fields() {
        let null = if field.nullable { "yes" } else { "" };
        writeln!(out, "| `packet.{}` | {} | {} | {null} | {} |", field.name, field.ty, field.unit, field.doc)?;
    }
    table(out, "Folds", methods().iter().filter(|method| method.is_fold))?;
    table(out, "Values of packets and flows", methods().iter().filter(|method| !method.is_fold))
}

fn table<'a>(out: &mut impl Write, title: &str, methods: impl Iterator<Item = &'a Method>) -> Result {
    writeln!(out, "\n## {title}\n\n| method | what it gives |\n| --- | --- |")?;
    for method in methods {
        writeln!(out, "| `.{}({})` | {} |", method.name, method.arguments, method.doc)?;
    }
    Ok(())
}
