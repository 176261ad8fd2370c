//! The reference of the columns is what the table of columns says.

use std::fs;
use std::path::Path;

use flowgauge::flow::schema;

#[test]
fn the_reference_has_every_column_as_the_table_has_it() {
    let mut told = String::from(HEAD);
    schema::write_reference(&mut told).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/columns.md");
    if std::env::var_os("FLOWGAUGE_BLESS").is_some() {
        fs::write(&path, &told).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == told, "scripts/bless writes {path:?} anew");
}

const HEAD: &str = "\
# The columns of a flow record

JSON lines show the core, the first fourteen; CSV, data frames and the attributes of a flow have all of them. A column with
an option is there when the option is on. In JSON and CSV, and as attributes in Python, times are whole milliseconds since
the Unix epoch and durations whole milliseconds; in Python every one of these has a twin with `_ns` in nanoseconds, and data
frames have nanoseconds.

";
