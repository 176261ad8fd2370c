//! `flowgauge merge`: records of the pieces of one capture, metered apart, become those of the whole.
//!
//! The manifests beside the files say whether they are such pieces and how they were metered. What becomes of two records of
//! one flow, the library knows; what columns do not tell of the whole is left out and named.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flowgauge::export::FileDigest;
use flowgauge::flow::schema::{self, Group};
use flowgauge::flow::{self, FlowKey};
use flowgauge::{ExportReason, FlowRecord, Timestamp};
use serde_json::Value;

use crate::arguments::Merging;
use crate::convert::{self, Failed, Sink};
use crate::files::Records;
use crate::manifest::path_of;
use crate::told::Told;

/// A file of records, and how it was metered.
struct Piece {
    records: Records,
    told: Told,
}

/// Merges, and gives the exit status.
pub(crate) fn run(merging: &Merging, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    convert::status(merge(merging, err, interrupted), err)
}

fn merge(merging: &Merging, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<(), Failed> {
    let output = convert::output(&merging.writing).map_err(Failed::Usage)?;
    let mut pieces: Vec<Piece> = Vec::new();
    for path in &merging.files {
        let mut piece = Piece::open(path, merging.from_verbatim, interrupted)?;
        pieces.last().map_or(Ok(()), |before| piece.goes_on_from(before)).map_err(Failed::Input)?;
        pieces.push(piece);
    }
    let [first, ..] = &pieces[..] else { return Ok(()) };
    let (layout, left_out) = first.records.layout().merged();
    let timeout = first.told.option("inactive_timeout").and_then(Value::as_f64);
    let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let apart = first.told.option("tunnel_keys") == Some(&Value::Bool(true));
    let disorder = pieces.iter().any(|piece| piece.told.ledger.get("out_of_order").and_then(Value::as_u64) != Some(0));
    let mut records = Vec::new();
    for piece in &mut pieces {
        loop {
            if interrupted() {
                return Err(Failed::Interrupted);
            }
            let some = piece.records.next_records().map_err(Failed::Input)?;
            if some.is_empty() {
                break;
            }
            records.extend(some);
        }
    }
    for record in records.iter_mut().filter(|_| apart) {
        record.flow.key = record.key.in_tunnel(record.key.tunnel(), record.tunnel_key);
    }
    records.sort_by_key(|record| record.flow_id);
    if let Some(timeout) = timeout.filter(|_| disorder)
        && let Some(flow_id) = doubtful(&records, timeout)
    {
        return Err(Failed::Input(format!(
            "packets came out of order, and flow {flow_id} was silent for so nearly the inactive timeout that its columns \
             do not tell whether it ended: meter the pieces in one run, -r PIECE1 PIECE2"
        )));
    }
    let records = flow::merge(records, timeout).map_err(|error| Failed::Input(error.to_string()))?;
    let mut target = output.open().map_err(Failed::Output)?;
    let mut sink = Sink::new(&output, &merging.writing, &layout, &mut target)?;
    for some in records.chunks(ROWS) {
        if interrupted() {
            return Err(Failed::Interrupted);
        }
        sink.write(some)?;
    }
    let lossy = sink.finish()?;
    target.complete(&output).map_err(Failed::Output)?;
    if !left_out.is_empty() && merging.writing.fields.is_empty() {
        // There is nobody to tell if this cannot be written.
        let names = left_out.join(", ");
        let names = crate::text::harmless(&names);
        let _ = writeln!(err, "flowgauge: left out, since columns do not tell it of the whole: {names}");
    }
    convert::tell_loss(lossy, err);
    Ok(())
}

impl Piece {
    fn open(path: &Path, from_verbatim: bool, interrupted: &dyn Fn() -> bool) -> Result<Self, Failed> {
        let name = path.display();
        let told = Told::read(&path_of(path)).map_err(|words| {
            Failed::Input(format!("{words} (it says how {name} was metered: -w writes it, without --no-manifest)"))
        })?;
        let digest = FileDigest::of_file(path, &|| !interrupted());
        let digest = digest.map_err(|error| Failed::Input(format!("{name}: cannot read it: {error}")))?;
        let digest = digest.ok_or(Failed::Interrupted)?;
        let is_same = told.output.as_ref().is_some_and(|(_, sha256)| *sha256 == digest.sha256);
        let records = Records::open(path, from_verbatim).map_err(Failed::Input)?;
        let piece = Self { records, told };
        let refused =
            if is_same { piece.refused() } else { Some("it is not the file that its manifest is of".to_owned()) };
        match refused {
            Some(words) => Err(Failed::Input(format!("{name}: {words}"))),
            None => Ok(piece),
        }
    }

    /// Why its records cannot be merged, if so.
    fn refused(&self) -> Option<String> {
        for (name, wanted, way_out) in [
            ("active_timeout", Value::Null, "its flows were cut by age: meter it with --active never"),
            ("capacity", Value::Null, "its flows were cut where there were too many: meter it without --capacity"),
            ("tcp_end", Value::Bool(false), "its flows end with their TCP connections: meter it without --tcp-end"),
            ("end_flow_when", Value::Null, "a condition ended its flows: meter it without --end-flow-when"),
            ("keep_flows", Value::Null, "some of its flows were left out: meter it without --keep-flows"),
            (
                "anonymize",
                Value::Bool(false),
                "its addresses are replaced, and nothing tells by which key: meter the pieces in one run, -r PIECE1 PIECE2",
            ),
        ] {
            if self.told.option(name) != Some(&wanted) {
                return Some(way_out.to_owned());
            }
        }
        if self.told.series.is_some() {
            return Some("it is one of several files of a run: meter the piece without --rotate-...".to_owned());
        }
        let layout = self.records.layout();
        let mut needed = schema::columns().filter(|column| NEEDED.contains(&column.group));
        if let Some(column) = needed.find(|column| layout.columns().all(|there| there.name != column.name)) {
            let way_out = "meter it to Parquet, Arrow or CSV without -F, or with -F all";
            return Some(format!(
                "it has no column {:?}, and all of core, identity and counts are needed: {way_out}",
                column.name
            ));
        }
        if !layout.is_exact() {
            return Some(
                "its times are cut to milliseconds: meter it with --nanoseconds, or to Parquet or Arrow".to_owned(),
            );
        }
        None
    }

    /// Checks that it begins where the piece before it ends, and was metered likewise.
    fn goes_on_from(&mut self, before: &Self) -> Result<(), String> {
        self.records.go_on_behind(before.records.layout())?;
        let (name, other) = (self.records.name(), before.records.name());
        let differs = |option: &&str| self.told.option(option) != before.told.option(option);
        // What only one of them has differs too.
        let options = before.told.option_names().chain(self.told.option_names());
        if let Some(option) = options.filter(|option| !FREE.contains(option)).find(differs) {
            return Err(format!("{name}: it was metered with another {option} than {other}"));
        }
        let begins = |piece: &Self| piece.told.option("resume").and_then(Value::as_u64);
        let frames = before.told.ledger.get("frames_read").and_then(Value::as_u64);
        let ends = begins(before).zip(frames).and_then(|(begins, frames)| begins.checked_add(frames));
        if ends.is_none() || begins(self) != ends {
            let shown = |frame: Option<u64>| {
                frame.map_or_else(|| "an unknown frame".to_owned(), |frame| format!("frame {frame}"))
            };
            return Err(format!(
                "{name}: it begins after {}, and {other} ends with {}: meter each piece with --position-out FILE, and the next \
                 with --after FILE",
                shown(begins(self)),
                shown(ends)
            ));
        }
        Ok(())
    }
}

/// A flow, if there is one, of which stamps do not tell whether it went on, since the clock may have been ahead of them. The
/// records are in the order of their flow_id.
fn doubtful(records: &[FlowRecord], timeout: Duration) -> Option<u64> {
    let is_near = |from: Timestamp, to: Timestamp| {
        let silence = Duration::from_nanos(to.nanos_since(from));
        silence.abs_diff(timeout) < DOUBT
    };
    let mut last: HashMap<FlowKey, &FlowRecord> = HashMap::new();
    let clock = records.iter().map(|record| record.last_clock).max()?;
    let flushed = |record: &FlowRecord| record.export_reason == ExportReason::FLUSH;
    for record in records {
        let before = last.insert(record.key, record);
        if before.is_some_and(|before| flushed(before) && is_near(before.last_clock, record.first_clock)) {
            return Some(record.flow_id);
        }
    }
    let ends_so = |record: &&&FlowRecord| flushed(record) && is_near(record.last_clock, clock);
    last.values().filter(ends_so).map(|record| record.flow_id).min()
}

/// Groups whose columns are all needed.
const NEEDED: [Group; 3] = [Group::Core, Group::Identity, Group::Counts];
/// Options in which pieces may differ: how many frames of a piece are read, where it ends says.
const FREE: [&str; 4] = ["resume", "workers", "max_frames", "max_matching_frames"];
/// How far the clock is taken to be ahead of a stamp at most.
const DOUBT: Duration = Duration::from_secs(1);
/// How many records are written between two looks at whether to stop.
const ROWS: usize = 1_024;
