//! `flowgauge devices`: the interfaces.

use std::io::Write;

use flowgauge::capture::live::{self, Interface};
use flowgauge::flow::json;
use flowgauge::{Error, Result};

use crate::arguments::ListFormat;
use crate::table::{Heading, Kind, Table};
use crate::text;

/// Writes the interfaces that one can capture on.
///
/// # Errors
///
/// Those of asking the system, and [`Error::Write`].
pub(crate) fn write(out: &mut impl Write, room: Option<usize>, format: ListFormat) -> Result<()> {
    let interfaces = live::interfaces()?;
    let written = match format {
        ListFormat::Text => {
            let headings = ["name", "state", "addresses", "description"].map(|name| Heading::new(name, Kind::Name));
            let mut table = Table::new(out, room, headings.into());
            interfaces.iter().try_for_each(|interface| table.push(row(interface))).and_then(|()| table.finish())
        }
        ListFormat::Json => {
            let objects: Vec<_> = interfaces.iter().map(object).collect();
            writeln!(out, "[{}]", objects.join(",\n "))
        }
    };
    written.map_err(|source| Error::Write { what: "standard output".to_owned(), source })
}

fn row(interface: &Interface) -> Vec<String> {
    let states = [(interface.is_up, "up"), (interface.is_running, "running"), (interface.is_loopback, "loopback")];
    let states: Vec<_> = states.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
    let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
    let description = interface.description.as_deref().unwrap_or_default();
    [interface.name.as_str(), &states.join(","), &addresses.join(" "), description]
        .map(|cell| if cell.is_empty() { "-".to_owned() } else { text::harmless(cell).into_owned() })
        .into()
}

fn object(interface: &Interface) -> String {
    let quoted = |text: &str| {
        let mut quoted = String::new();
        json::write_text(&mut quoted, text).expect("a string takes everything");
        quoted
    };
    let addresses: Vec<_> = interface.addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        "{{\"name\": {}, \"description\": {}, \"addresses\": [{}], \"is_up\": {}, \"is_running\": {}, \"is_loopback\": {}}}",
        quoted(&interface.name),
        interface.description.as_deref().map_or_else(|| "null".to_owned(), quoted),
        addresses.join(", "),
        interface.is_up,
        interface.is_running,
        interface.is_loopback,
    )
}
