//! `flowgauge verify`: files of records against their manifests.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flowgauge::export::{Columns, FileDigest, RecordDigest};
use flowgauge::streamer::{Waited, versions};
use flowgauge::{Flows, Result};
use serde_json::Value;

use crate::manifest::path_of;
use crate::output::Output;
use crate::series::{self, Members, Sum};
use crate::status;
use crate::told::{Digest, Series, Told};

/// Checks files, and says on standard output, a line a thing, what is equal and what differs; gives the exit status: 0
/// when all was looked at and is equal, 1 when something differs or could not be looked at, 130 after Ctrl-C.
pub(crate) fn run(files: &[PathBuf], err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    let output = Output::standard(None, false);
    let opened = output.open();
    let ended = opened.and_then(|mut out| {
        let mut verdict = Verdict { out: &mut out, all_equal: true, interrupted };
        let written = verdict.look_at(files, err).map_err(|source| output.error(source));
        let all_equal = verdict.all_equal;
        written.and(out.complete(&output)).map(|()| all_equal)
    });
    match ended {
        _ if interrupted() => status::INTERRUPTED,
        Ok(true) => status::DONE,
        Ok(false) => status::FAILED,
        Err(error) => {
            // There is nobody to tell if this cannot be written.
            let _ = writeln!(err, "flowgauge: {error}");
            status::FAILED
        }
    }
}

/// What is said.
struct Verdict<'a> {
    out: &'a mut dyn Write,
    all_equal: bool,
    interrupted: &'a dyn Fn() -> bool,
}

/// What metering again came to.
struct Again {
    digest: RecordDigest,
    flows: Flows,
}

impl Verdict<'_> {
    fn look_at(&mut self, files: &[PathBuf], err: &mut dyn Write) -> io::Result<()> {
        // Whoever names all that a pattern matches names manifests too; a file may be called so as well.
        let file_of =
            |file: &PathBuf| if path_of(file).exists() { file.clone() } else { series::file_of(file.clone()) };
        let files: Vec<_> = files.iter().map(file_of).collect();
        let mut seen = HashSet::new();
        for file in &files {
            let told = match Told::read(&path_of(file)) {
                Ok(told) => told,
                Err(words) => {
                    self.all_equal = false;
                    // There is nobody to tell if this cannot be written.
                    let _ = writeln!(err, "flowgauge: {}", crate::text::harmless(&words));
                    continue;
                }
            };
            let key = told.series.as_ref().map_or_else(
                || (None, file.display().to_string()),
                |series| (Some(series.began_ns), series.path.clone()),
            );
            if seen.insert(key) {
                match &told.series {
                    Some(series) => self.look_at_series(file, series, &files)?,
                    None => self.look(file, &told)?,
                }
            }
        }
        Ok(())
    }

    fn look(&mut self, file: &Path, told: &Told) -> io::Result<()> {
        self.file(&named(file), file, &told.output)?;
        self.records_of(told, told.records, &told.digest)
    }

    /// All files of a run, one after the other, and their records together.
    fn look_at_series(&mut self, file: &Path, series: &Series, given: &[PathBuf]) -> io::Result<()> {
        let members = match Members::of(series, file, given) {
            Ok(members) => members,
            Err(error) => return self.unchecked("series", &error.to_string()),
        };
        // Only to be compared: of many files the texts would be much.
        let recipe_hash = RandomState::new();
        let (mut sum, mut last, mut recipes) = (Sum::default(), None, Vec::new());
        for file in members.files() {
            let told = match Told::read(&path_of(file)).and_then(|told| sum.add(&told).map(|()| told)) {
                Ok(told) => told,
                Err(words) => return self.unchecked(&named(file), &words),
            };
            self.file(&named(file), file, &told.output)?;
            recipes.push((named(file), recipe_hash.hash_one(told.recipe())));
            last = Some(told);
        }
        for (number, file) in members.double() {
            self.unchecked(&named(file), &format!("another one is file {number} of the series too"))?;
        }
        for (first, last) in members.gaps() {
            let which = if first == last { format!("file {first}") } else { format!("files {first} to {last}") };
            self.unchecked("series", &format!("there is no manifest of {which}"))?;
        }
        let Some(last) = last.filter(|last| last.series.as_ref().is_some_and(|series| series.is_last)) else {
            self.unchecked("series", "there is no manifest of the last file: the run goes on, or ended with an error")?;
            return self.unchecked("records", "not every file of the run is there");
        };
        let recipe = recipes.last().map(|(_, recipe)| *recipe);
        for (name, _) in recipes.iter().filter(|(_, other)| Some(*other) != recipe) {
            self.all_equal = false;
            self.line("differs", name, "its options, columns or versions are not those of the last file")?;
        }
        if !members.gaps().is_empty() {
            return self.unchecked("records", "not every file of the run is there");
        }
        self.line("equal", "series", &format!("all files from 1 to {}", sum.files()))?;
        self.records_of(&last, sum.digest().records(), &sum.digest().to_string())
    }

    /// Looks at the inputs, and meters them again.
    fn records_of(&mut self, told: &Told, records: u64, digest: &str) -> io::Result<()> {
        let mut there = !told.inputs.is_empty();
        for input in &told.inputs {
            let name = format!("input {:?}", input.path);
            there &= self.file(&name, Path::new(&input.path), &input.digest)?;
        }
        self.versions(&told.versions)?;
        if let Some(name) = &told.interface {
            return self.unchecked("records", &format!("they came from interface {name:?}"));
        }
        if !there {
            return self.unchecked("records", "not every input is there to be metered again");
        }
        match again(told, self.interrupted) {
            Ok(again) => {
                self.compare("number of records", &again.digest.records().to_string(), &records.to_string())?;
                self.compare("digest of records", &again.digest.to_string(), digest)?;
                self.reading(told, &again)
            }
            Err(words) => self.unchecked("records", &words),
        }
    }

    /// Compares a file; tells whether it can be read again.
    fn file(&mut self, name: &str, path: &Path, told: &Digest) -> io::Result<bool> {
        let Some((bytes, sha256)) = told else {
            self.unchecked(name, "its SHA-256 is not known: it could be read only once, or not to its end")?;
            return Ok(false);
        };
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => {
                self.unchecked(name, "it is no file")?;
                return Ok(false);
            }
            _ => {}
        }
        match FileDigest::of_file(path, &|| !(self.interrupted)()) {
            Ok(Some(now)) => {
                let (now, was) = (of_file(now.bytes, &now.sha256), of_file(*bytes, sha256));
                self.compare(name, &now, &was).map(|()| true)
            }
            Ok(None) => self.unchecked(name, "interrupted").map(|()| false),
            Err(error) => self.unchecked(name, &error.to_string()).map(|()| false),
        }
    }

    /// Another version is no difference of the file's: whether it changes anything, records tell.
    fn versions(&mut self, told: &Value) -> io::Result<()> {
        for (name, version) in versions() {
            let now = version.map_or(Value::Null, Value::String);
            let was = told.get(&name).unwrap_or(&Value::Null);
            if now != *was {
                self.line("note", &name, &format!("it is {now} here, and was {was}"))?;
            }
        }
        Ok(())
    }

    fn reading(&mut self, told: &Told, again: &Again) -> io::Result<()> {
        let spans = again.flows.input_spans();
        let spans: Vec<_> =
            (0..told.inputs.len()).map(|index| spans.get(&index).copied().unwrap_or_default()).collect();
        for (input, span) in told.inputs.iter().zip(spans) {
            let times = span.times.map(|(first, last)| (first.as_nanos(), last.as_nanos()));
            let name = format!("frames of {:?}", input.path);
            self.compare(&name, &of_span(span.frames, times), &of_span(input.frames, input.times))?;
        }
        self.ledger(told, again)
    }

    fn ledger(&mut self, told: &Told, again: &Again) -> io::Result<()> {
        let now: Value = serde_json::from_str(&again.flows.report().to_string()).unwrap_or_default();
        if now == told.ledger {
            return self.line("equal", "ledger", "every number");
        }
        let names =
            |value: &Value| value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
        let mut all: Vec<String> = names(&now);
        all.extend(names(&told.ledger));
        all.sort_unstable();
        all.dedup();
        for name in all {
            let (now, was) = (now.get(&name), told.ledger.get(&name));
            if now != was {
                let shown = |value: Option<&Value>| value.map_or_else(|| "missing".to_owned(), Value::to_string);
                self.differs(&format!("ledger: {name}"), &shown(now), &shown(was))?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, name: &str, now: &str, was: &str) -> io::Result<()> {
        if now == was { self.line("equal", name, now) } else { self.differs(name, now, was) }
    }

    fn differs(&mut self, name: &str, now: &str, was: &str) -> io::Result<()> {
        self.all_equal = false;
        self.line("differs", name, &format!("it is {now}, and was {was}"))
    }

    fn unchecked(&mut self, name: &str, why: &str) -> io::Result<()> {
        self.all_equal = false;
        self.line("unchecked", name, why)
    }

    fn line(&mut self, verdict: &str, name: &str, words: &str) -> io::Result<()> {
        let line = format!("{verdict:<9}  {name}: {words}");
        writeln!(self.out, "{}", crate::text::harmless(&line))
    }
}

/// Meters the inputs as the manifest says.
///
/// # Errors
///
/// What to tell the user when that cannot be done.
fn again(told: &Told, interrupted: &dyn Fn() -> bool) -> std::result::Result<Again, String> {
    let mut flows = told.streamer()?.start().map_err(|error| error.to_string())?;
    let columns = Columns::choose(flows.schema(), told.columns.iter().map(String::as_str));
    let columns = columns.map_err(|name| format!("columns: such a run has no column {name:?}"))?;
    let mut digest = RecordDigest::new();
    meter(&mut flows, &columns, &mut digest, interrupted).map_err(|error| error.to_string())?;
    if interrupted() {
        return Err("interrupted".to_owned());
    }
    Ok(Again { digest, flows })
}

fn meter(flows: &mut Flows, columns: &Columns, digest: &mut RecordDigest, stop: &dyn Fn() -> bool) -> Result<()> {
    while !stop() {
        match flows.wait_many(LOOK)? {
            Waited::Record(records) => records.iter().for_each(|record| digest.add_record(columns, record)),
            Waited::Nothing => {}
            Waited::End => return flows.report().check(),
        }
    }
    Ok(())
}

fn named(file: &Path) -> String {
    format!("file {:?}", file.display().to_string())
}

fn of_file(bytes: u64, sha256: &str) -> String {
    format!("{bytes} bytes, SHA-256 {sha256}")
}

fn of_span(frames: u64, times: Option<(i64, i64)>) -> String {
    match times {
        Some((first, last)) => format!("{frames}, {first} to {last} ns"),
        None => frames.to_string(),
    }
}

/// How often an interruption is looked for.
const LOOK: Duration = Duration::from_millis(100);
