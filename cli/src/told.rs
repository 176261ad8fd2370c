//! A manifest read back. Whoever sends a file may send any manifest with it: what does not fit is an error that names the
//! place, and nothing else happens.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use flowgauge::expr::Expr;
use flowgauge::{OnError, Streamer};
use serde_json::Value;

/// What a manifest says, as far as it is looked at.
pub(crate) struct Told {
    pub(crate) output: Digest,
    pub(crate) columns: Vec<String>,
    pub(crate) records: u64,
    pub(crate) digest: String,
    pub(crate) inputs: Vec<Input>,
    pub(crate) interface: Option<String>,
    pub(crate) versions: Value,
    /// Null while the run goes on.
    pub(crate) ledger: Value,
    pub(crate) series: Option<Series>,
    whole: Value,
}

/// Where a file stands among those that one run wrote one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What the files' names are made of.
    pub(crate) path: String,
    /// Tells runs apart.
    pub(crate) began_ns: i64,
    pub(crate) file: u64,
    pub(crate) is_last: bool,
}

/// How long a file was, and its SHA-256; `None` where it was not told.
pub(crate) type Digest = Option<(u64, String)>;

/// A capture.
pub(crate) struct Input {
    pub(crate) path: String,
    pub(crate) digest: Digest,
    pub(crate) frames: u64,
    pub(crate) times: Option<(i64, i64)>,
}

/// What a place in a manifest holds, and where that is.
struct Place<'a> {
    name: String,
    value: &'a Value,
}

impl Told {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// What to tell the user of one that cannot be read, or does not say what it must.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let told = |words: String| format!("{}: {words}", path.display());
        let mut text = Vec::new();
        let file = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text));
        file.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(told(format!("a manifest has at most {MOST_BYTES} bytes")));
        }
        let whole = serde_json::from_slice(&text).map_err(|error| told(format!("not a manifest: {error}")))?;
        Self::of(whole).map_err(told)
    }

    /// What an option was.
    pub(crate) fn option(&self, name: &str) -> Option<&Value> {
        self.whole.get("options")?.get(name)
    }

    /// The names of the options.
    pub(crate) fn option_names(&self) -> impl Iterator<Item = &str> {
        self.whole.get("options").and_then(Value::as_object).into_iter().flat_map(|all| all.keys()).map(String::as_str)
    }

    fn of(whole: Value) -> Result<Self, String> {
        let top = Place { name: String::new(), value: &whole };
        match top.field("manifest")?.number()? {
            1 => {}
            other => return Err(format!("manifest: this is of form {other}, and only 1 is known here")),
        }
        let inputs = top.field("inputs")?.list()?.into_iter().map(|input| Input::of(&input));
        let columns = top.field("columns")?.list()?.into_iter().map(|column| column.text());
        Ok(Self {
            output: digest(&top.field("output")?)?,
            columns: columns.collect::<Result<_, _>>()?,
            records: top.field("records")?.number()?,
            digest: top.field("digest")?.text()?,
            inputs: inputs.collect::<Result<_, _>>()?,
            interface: top.field("interface")?.or_null(|place| place.text())?,
            versions: top.field("versions")?.object()?.clone(),
            ledger: top.field("ledger")?.or_null(|place| place.object().cloned())?.unwrap_or_default(),
            series: top.field("series")?.or_null(Series::of)?,
            whole,
        })
    }

    /// A streamer with the same captures and options.
    ///
    /// # Errors
    ///
    /// What to tell the user of an option that is none, or that the command does not have.
    pub(crate) fn streamer(&self) -> Result<Streamer, String> {
        let top = Place { name: String::new(), value: &self.whole };
        let options = top.field("options")?;
        let flag = |name| options.field(name)?.flag();
        let timeout = |name| options.field(name)?.or_null(|place| place.seconds());
        let number = |name| options.field(name)?.or_null(|place| place.number());
        let small = |name, most| options.field(name)?.at_most(most);
        let expression = |name| options.field(name)?.or_null(|place| place.expression());
        // A file of this name is meant: what comes from standard input has no SHA-256.
        let path = |input: &Input| if input.path == "-" { "./-".to_owned() } else { input.path.clone() };
        let mut streamer = Streamer::from_files(self.inputs.iter().map(path))
            .workers(small("workers", u32::MAX)? as usize)
            .n_dissections(small("n_dissections", u32::MAX)?)
            .stable_labels(flag("stable_labels")?)
            .inactive_timeout(timeout("inactive_timeout")?)
            .active_timeout(timeout("active_timeout")?)
            .capacity(number("capacity")?.map(|flows| usize::try_from(flows).unwrap_or(usize::MAX)))
            .tcp_end(flag("tcp_end")?)
            .tcp_linger(timeout("tcp_linger")?.unwrap_or(Duration::MAX))
            .statistics(flag("statistics")?)
            // As many as the command takes: each is a few bytes of every flow.
            .splt(small("splt", 65_535)?)
            .application_fields(flag("application_fields")?)
            .tcp_analysis(flag("tcp_analysis")?)
            .tunnel_keys(flag("tunnel_keys")?)
            .fragments(flag("fragments")?)
            .end_flow_when(expression("end_flow_when")?)
            .keep_flows(expression("keep_flows")?)
            .max_frames(number("max_frames")?)
            .max_matching_frames(number("max_matching_frames")?);
        // What is not one of these words, or names single tunnels, is found by the comparison below.
        if options.field("on_error")?.value == "skip" {
            streamer = streamer.on_error(OnError::Skip);
        }
        if options.field("decode_tunnels")?.value == false {
            streamer = streamer.decode_tunnels(false);
        }
        if let Some(filter) = options.field("bpf_filter")?.or_null(|place| place.text())? {
            streamer = streamer.bpf_filter(filter);
        }
        for metric in top.field("user_metrics")?.list()? {
            let name = metric.field("name")?.text()?;
            let expression = metric.field("expression")?.or_null(|place| place.expression())?;
            let words = || format!("the metric {name:?} is code and no expression, so that it cannot be computed here");
            streamer = streamer.expression(name.clone(), expression.ok_or_else(words)?);
        }
        self.check(&streamer)?;
        Ok(streamer)
    }

    /// What all files of one run have in common: what says how records are made, and of what columns they are.
    pub(crate) fn recipe(&self) -> String {
        let mut recipe = serde_json::Map::new();
        for name in ["format", "columns", "interface", "options", "user_metrics", "versions"] {
            recipe.insert(name.to_owned(), self.whole[name].clone());
        }
        // How far an interrupted run came is known to the last file only.
        if let Some(Value::Object(options)) = recipe.get_mut("options") {
            options.remove("max_frames");
        }
        Value::Object(recipe).to_string()
    }

    /// Whether the streamer has all of the options, so that none is passed over that this command cannot set.
    fn check(&self, streamer: &Streamer) -> Result<(), String> {
        let mut here = serde_json::Map::new();
        for (name, value) in streamer.options() {
            let mut text = String::new();
            flowgauge::flow::json::write_value(&mut text, &value).map_err(|error| error.to_string())?;
            here.insert(name, serde_json::from_str(&text).map_err(|error| error.to_string())?);
        }
        let Value::Object(options) = &self.whole["options"] else { return Ok(()) };
        for (name, value) in options {
            match here.get(name) {
                None => return Err(format!("options.{name}: there is no such option here")),
                Some(had) if !is_same(had, value) => {
                    return Err(format!("options.{name}: {} cannot be had here, only {had}", shown(value)));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl Series {
    fn of(place: &Place<'_>) -> Result<Self, String> {
        let file = place.field("file")?;
        Ok(Self {
            path: place.field("path")?.text()?,
            began_ns: place.field("began_ns")?.signed()?,
            file: file
                .number()
                .and_then(|number| if number > 0 { Ok(number) } else { Err(file.wrong("a number from 1 on")) })?,
            is_last: place.field("last")?.flag()?,
        })
    }
}

impl Input {
    fn of(place: &Place<'_>) -> Result<Self, String> {
        let start = place.field("start_time_ns")?.or_null(|place| place.signed())?;
        let end = place.field("end_time_ns")?.or_null(|place| place.signed())?;
        Ok(Self {
            path: place.field("path")?.text()?,
            digest: digest(place)?,
            frames: place.field("frames")?.number()?,
            times: start.zip(end),
        })
    }
}

fn digest(file: &Place<'_>) -> Result<Digest, String> {
    let bytes = file.field("bytes")?.or_null(|place| place.number())?;
    let sha256 = file.field("sha256")?.or_null(|place| place.text())?;
    Ok(bytes.zip(sha256))
}

impl<'a> Place<'a> {
    fn field(&self, name: &str) -> Result<Self, String> {
        let dot = if self.name.is_empty() { "" } else { "." };
        let place = format!("{}{dot}{name}", self.name);
        match self.object()?.get(name) {
            Some(value) => Ok(Self { name: place, value }),
            None => Err(format!("{place}: it is missing")),
        }
    }

    fn object(&self) -> Result<&'a Value, String> {
        if self.value.is_object() { Ok(self.value) } else { Err(self.wrong("an object")) }
    }

    fn list(&self) -> Result<Vec<Self>, String> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let place = |(index, value)| Self { name: format!("{}[{index}]", self.name), value };
        Ok(list.iter().enumerate().map(place).collect())
    }

    fn or_null<T>(&self, read: impl FnOnce(&Self) -> Result<T, String>) -> Result<Option<T>, String> {
        if self.value.is_null() { Ok(None) } else { read(self).map(Some) }
    }

    fn text(&self) -> Result<String, String> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wrong("a text"))
    }

    fn flag(&self) -> Result<bool, String> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    fn number(&self) -> Result<u64, String> {
        self.value.as_u64().ok_or_else(|| self.wrong("a whole number of 64 bits"))
    }

    fn signed(&self) -> Result<i64, String> {
        self.value.as_i64().ok_or_else(|| self.wrong("a whole number of 64 bits, perhaps negative"))
    }

    fn at_most(&self, most: u32) -> Result<u32, String> {
        let number = self.value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| *number <= most).ok_or_else(|| self.wrong(&format!("a whole number up to {most}")))
    }

    fn seconds(&self) -> Result<Duration, String> {
        let seconds = self.value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.ok_or_else(|| self.wrong("seconds"))
    }

    fn expression(&self) -> Result<Expr, String> {
        Expr::parse(&self.text()?).map_err(|invalid| format!("{}: {invalid}", self.name))
    }

    fn wrong(&self, wanted: &str) -> String {
        let name = if self.name.is_empty() { "the whole" } else { &self.name };
        format!("{name}: {wanted} is wanted, not {}", shown(self.value))
    }
}

/// 60 and 60.0 are the same number.
fn is_same(left: &Value, right: &Value) -> bool {
    left == right || left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| left == right)
}

/// A value for an error: not more of it than fits a line.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= MOST_SHOWN {
        return text;
    }
    text.chars().take(MOST_SHOWN).chain("...".chars()).collect()
}

/// A hundred thousand captures with long names take less.
const MOST_BYTES: u64 = 64 << 20;
const MOST_SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let is_same = |left: &str, right: &str| {
            is_same(&serde_json::from_str(left).unwrap(), &serde_json::from_str(right).unwrap())
        };
        assert!(is_same("60", "60.0") && is_same("null", "null") && is_same("\"a\"", "\"a\""));
        assert!(!is_same("60", "61") && !is_same("null", "0") && !is_same("true", "1") && !is_same("\"1\"", "1"));
    }
}
