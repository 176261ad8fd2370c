//! What a file of records was made of, as JSON: whoever has the inputs can make it again and compare.

use std::fmt;

use crate::export::{FileDigest, RecordDigest};
use crate::flow::{Value, json};
use crate::time::Timestamp;

/// What is to be known of a file of records. `Display` writes it as JSON, a line a field, with these names.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The file of records: its path as given, its bytes.
    pub output: Option<(String, FileDigest)>,
    /// How it is written, by name: `csv`, `json` ...
    pub format: String,
    /// The columns that the records' digest is of, in their order.
    pub columns: Vec<String>,
    /// The digest of the records, and how many there are.
    pub digest: RecordDigest,
    /// The captures, in their order.
    pub inputs: Vec<InputFile>,
    /// The interface, instead of captures.
    pub interface: Option<String>,
    /// Every option that changes records, by name; [`Streamer::options`](crate::Streamer::options) tells them.
    pub options: Vec<(String, Value)>,
    /// The names of the metrics, in their order, and the text of each that is an expression.
    pub user_metrics: Vec<(String, Option<String>)>,
    /// What made it, by name: flowgauge, nDPI, libpcap, the table of columns; `None` for what took no part.
    pub versions: Vec<(String, Option<String>)>,
    /// The ledger: a report's line of JSON. Empty where the run goes on, as in all files of a series but the last.
    pub ledger: String,
    /// Where the file stands among those that the run wrote one after the other; `None` where it wrote one.
    pub series: Option<SeriesPlace>,
}

/// The place of a file among those that one run writes one after the other, as
/// [`RotatingExporter`](crate::export::RotatingExporter) does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SeriesPlace {
    /// What the files' names are made of.
    pub path: String,
    /// When the run began, by the clock of the machine: the same in all files of a run, and another in those of any other.
    pub began: Timestamp,
    /// The file's number, from 1 on.
    pub file: u64,
    /// Whether it is the last one: the records of all files are those of the run then.
    pub is_last: bool,
}

/// A capture that records were made of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct InputFile {
    /// Its path as given, or `standard input`.
    pub path: String,
    /// Its bytes; `None` for what can be read only once (standard input, a pipe), or was not read to its end.
    pub digest: Option<FileDigest>,
    /// How many of its frames were read.
    pub frames: u64,
    /// The smallest and the largest stamp of those; `None` without any.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// JSON (RFC 8259).
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\n\"manifest\": {VERSION},\n\"output\": ")?;
        match &self.output {
            None => f.write_str("null")?,
            Some((path, digest)) => {
                f.write_str("{\"path\": ")?;
                json::write_text(f, path)?;
                write_digest(f, Some(digest))?;
                f.write_str("}")?;
            }
        }
        f.write_str(",\n\"series\": ")?;
        match &self.series {
            None => f.write_str("null")?,
            Some(SeriesPlace { path, began, file, is_last }) => {
                f.write_str("{\"path\": ")?;
                json::write_text(f, path)?;
                write!(f, ", \"began_ns\": {}, \"file\": {file}, \"last\": {is_last}}}", began.as_nanos())?;
            }
        }
        f.write_str(",\n\"format\": ")?;
        json::write_text(f, &self.format)?;
        f.write_str(",\n\"columns\": ")?;
        write_list(f, '[', ", ", &self.columns, |f, name| json::write_text(f, name))?;
        write!(f, "],\n\"records\": {},\n\"digest\": \"{}\"", self.digest.records(), self.digest)?;
        f.write_str(",\n\"inputs\": ")?;
        write_list(f, '[', ",\n  ", &self.inputs, write_input)?;
        f.write_str("],\n\"interface\": ")?;
        write_text_or_null(f, self.interface.as_deref())?;
        f.write_str(",\n\"options\": ")?;
        write_list(f, '{', ",\n  ", &self.options, |f, (name, value)| {
            json::write_text(f, name)?;
            f.write_str(": ")?;
            json::write_value(f, value)
        })?;
        f.write_str("},\n\"user_metrics\": ")?;
        write_list(f, '[', ",\n  ", &self.user_metrics, |f, (name, expression)| {
            f.write_str("{\"name\": ")?;
            json::write_text(f, name)?;
            f.write_str(", \"expression\": ")?;
            write_text_or_null(f, expression.as_deref())?;
            f.write_str("}")
        })?;
        f.write_str("],\n\"versions\": ")?;
        write_list(f, '{', ", ", &self.versions, |f, (name, version)| {
            json::write_text(f, name)?;
            f.write_str(": ")?;
            write_text_or_null(f, version.as_deref())
        })?;
        f.write_str("},\n\"ledger\": ")?;
        f.write_str(if self.ledger.is_empty() { "null" } else { &self.ledger })?;
        f.write_str("\n}")
    }
}

fn write_input(f: &mut fmt::Formatter<'_>, input: &InputFile) -> fmt::Result {
    f.write_str("{\"path\": ")?;
    json::write_text(f, &input.path)?;
    write_digest(f, input.digest.as_ref())?;
    write!(f, ", \"frames\": {}", input.frames)?;
    match input.span {
        Some((first, last)) => {
            write!(f, ", \"start_time_ns\": {}, \"end_time_ns\": {}}}", first.as_nanos(), last.as_nanos())
        }
        None => f.write_str(", \"start_time_ns\": null, \"end_time_ns\": null}"),
    }
}

fn write_digest(f: &mut fmt::Formatter<'_>, digest: Option<&FileDigest>) -> fmt::Result {
    match digest {
        Some(FileDigest { bytes, sha256 }) => write!(f, ", \"bytes\": {bytes}, \"sha256\": \"{sha256}\""),
        None => f.write_str(", \"bytes\": null, \"sha256\": null"),
    }
}

fn write_text_or_null(f: &mut fmt::Formatter<'_>, text: Option<&str>) -> fmt::Result {
    match text {
        Some(text) => json::write_text(f, text),
        None => f.write_str("null"),
    }
}

/// All but the bracket that closes.
fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    open: char,
    between: &str,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (index, item) in items.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { between })?;
        write(f, item)?;
    }
    Ok(())
}

/// Of the form of a manifest: another one for a reader that would misunderstand.
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_json_and_its_texts_are_escaped() {
        let file = FileDigest { bytes: 3, sha256: "ab".to_owned() };
        let inputs = vec![
            InputFile {
                path: "a\n\"b".to_owned(),
                digest: Some(file.clone()),
                frames: 2,
                span: Some((Timestamp::from_nanos(-1), Timestamp::from_nanos(9))),
            },
            InputFile { path: "-".to_owned(), ..InputFile::default() },
        ];
        let manifest = Manifest {
            output: Some(("out.csv".to_owned(), file)),
            format: "csv".to_owned(),
            columns: vec!["pkts".to_owned(), "big".to_owned()],
            inputs,
            options: vec![("tcp_end".to_owned(), true.into()), ("capacity".to_owned(), Value::Null)],
            user_metrics: vec![("big".to_owned(), Some("x".to_owned())), ("code".to_owned(), None)],
            versions: vec![("ndpi".to_owned(), None)],
            ledger: "{\"frames_read\": 2}".to_owned(),
            series: Some(SeriesPlace {
                path: "out.csv".to_owned(),
                began: Timestamp::from_nanos(7),
                file: 3,
                is_last: true,
            }),
            ..Manifest::default()
        };
        let zero = "0".repeat(64);
        let expected = format!(
            r#"{{
"manifest": 1,
"output": {{"path": "out.csv", "bytes": 3, "sha256": "ab"}},
"series": {{"path": "out.csv", "began_ns": 7, "file": 3, "last": true}},
"format": "csv",
"columns": ["pkts", "big"],
"records": 0,
"digest": "{zero}",
"inputs": [{{"path": "a\n\"b", "bytes": 3, "sha256": "ab", "frames": 2, "start_time_ns": -1, "end_time_ns": 9}},
  {{"path": "-", "bytes": null, "sha256": null, "frames": 0, "start_time_ns": null, "end_time_ns": null}}],
"interface": null,
"options": {{"tcp_end": true,
  "capacity": null}},
"user_metrics": [{{"name": "big", "expression": "x"}},
  {{"name": "code", "expression": null}}],
"versions": {{"ndpi": null}},
"ledger": {{"frames_read": 2}}
}}"#
        );
        assert_eq!(manifest.to_string(), expected);
    }
}
