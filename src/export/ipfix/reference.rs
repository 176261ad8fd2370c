//! The reference of what is exported, as the documentation has it.

use std::fmt;

use crate::export::ipfix::encode::Kind;
use crate::export::ipfix::own::{OwnElement, of_column};
use crate::flow::schema::{Element, Side, columns};

/// Writes which column becomes which element as Markdown tables: those of the registry, and those of the user's own.
pub fn write_reference(f: &mut impl fmt::Write) -> fmt::Result {
    writeln!(f, "| column | element | type | option | records |")?;
    writeln!(f, "| --- | --- | --- | --- | --- |")?;
    for column in columns() {
        let option = column.needs.map_or_else(String::new, |needs| format!("`{}`", needs.option()));
        for element in column.ipfix {
            let Element { number, name, kind, .. } = element;
            let [kind, told] = [kind.name(), told(element)];
            writeln!(f, "| `{}` | {number} {name} | {kind} | {option} | {told} |", column.name)?;
        }
    }
    writeln!(f, "\n## Elements of your own enterprise number\n")?;
    writeln!(f, "| column | element | type | items | option |")?;
    writeln!(f, "| --- | --- | --- | --- | --- |")?;
    for column in columns() {
        let Some(OwnElement { number, kind, .. }) = of_column(column) else { continue };
        let option = column.needs.map_or_else(String::new, |needs| format!("`{}`", needs.option()));
        let (kind, items) = match kind {
            Kind::One(kind) => (kind.name(), String::new()),
            Kind::List { items, number } => ("basicList", format!("{number} {}", items.name())),
        };
        writeln!(f, "| `{}` | {number} | {kind} | {items} | {option} |", column.name)?;
    }
    Ok(())
}

/// In which records, and how.
fn told(element: &Element) -> &'static str {
    match (element.side, element.ip_version) {
        (_, 4) => "of IPv4",
        (_, 6) => "of IPv6",
        (Side::Whole, _) => "of both directions",
        (Side::DstToSrc, _) => "of both directions: reverse element; of this direction: as it is",
        (Side::SrcToDst, _) if columns().flat_map(|column| column.ipfix).any(|other| is_whole(other, element)) => {
            "of this direction"
        }
        _ => "",
    }
}

fn is_whole(other: &Element, element: &Element) -> bool {
    other.side == Side::Whole && other.number == element.number
}
