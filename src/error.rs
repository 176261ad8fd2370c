//! The one error of the library.
//!
//! Foreign errors appear only as boxed sources, so no type of another crate is part of the public face. A malformed
//! packet is not an error: it is counted by its reason in the [`Report`](crate::Report).

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error behind a box: the source of an [`Error`], or what a user's metric returned.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What can go wrong, each with the thing, the place and a way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source is neither an existing file nor the name of an interface.
    #[error("no such capture file and no such interface: {name:?}")]
    NoSuchSource {
        /// What was asked for.
        name: String,
    },
    /// There is no interface of this name.
    #[error("no such interface: {name:?}")]
    NoSuchInterface {
        /// What was asked for.
        name: String,
    },
    /// A capture file cannot be opened: it is missing, a directory, or not ours to read.
    #[error("cannot open capture file {path:?}: {source}")]
    OpenFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bytes do not begin like any capture format that is read here.
    #[error("{name:?} is not a capture: {detail} (pcap and pcapng are read, plain, gzip or zstd)")]
    NotACapture {
        /// The file.
        name: String,
        /// What was found instead.
        detail: String,
    },
    /// A capture is cut or corrupt; every frame before the damage was delivered.
    #[error("{name:?} is damaged at offset {offset}, after frame {frame}: {detail}")]
    Damaged {
        /// The file.
        name: String,
        /// Number of the last good frame of the whole capture; 0 when there is none.
        frame: u64,
        /// Where in the file (after decompression) the damaged record begins, in bytes.
        offset: u64,
        /// What is wrong there.
        detail: String,
    },
    /// Two records are not neighbouring parts of one flow.
    #[error("record {next} does not continue record {flow_id}: the key must be the same, and its flow_id larger")]
    Merge {
        /// The record that was to take in the other.
        flow_id: u64,
        /// The other.
        next: u64,
    },
    /// Reading failed in the middle of a capture.
    #[error("cannot read {name:?} at offset {offset}, after frame {frame}: {source}")]
    Read {
        /// The file or stream.
        name: String,
        /// Number of the last good frame of the whole capture; 0 when there is none.
        frame: u64,
        /// How far reading came, in bytes after decompression.
        offset: u64,
        /// What the system, the decompressor or the user's object said.
        #[source]
        source: io::Error,
    },
    /// An interface exists but this process may not capture on it.
    #[error("not allowed to capture on interface {name:?} (run as root, or grant it: `setcap cap_net_raw+ep PROGRAM`)")]
    CaptureDenied {
        /// The interface.
        name: String,
        /// What libpcap said.
        #[source]
        source: BoxError,
    },
    /// An interface cannot be opened or read.
    #[error("cannot capture on interface {name:?}: {source}")]
    Interface {
        /// The interface.
        name: String,
        /// What libpcap said.
        #[source]
        source: BoxError,
    },
    /// A filter expression that libpcap compiles for no link type in use.
    #[error("cannot compile the BPF filter {expression:?}: {detail} (see `man pcap-filter` for the language)")]
    Filter {
        /// The expression.
        expression: String,
        /// What libpcap said.
        detail: String,
    },
    /// An option with a value outside its range.
    #[error("{option} must be {allowed}, not {value}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Something is no expression, or does not fit where it stands.
    #[error("{option}: {source}")]
    Expression {
        /// The option, or the metric.
        option: String,
        /// The part that is wrong, and what would be right.
        #[source]
        source: BoxError,
    },
    /// Records do not fit into a column of a table.
    #[error("column {column:?}: {detail}")]
    Column {
        /// The column, or the metric.
        column: String,
        /// What does not fit, and the way out.
        detail: String,
    },
    /// A feature that this build leaves out.
    #[error("{what} needs the cargo feature `{feature}`, which this build leaves out")]
    MissingFeature {
        /// What was asked for.
        what: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// nDPI cannot be set up.
    #[error("cannot set up nDPI: {detail}")]
    Classifier {
        /// What failed.
        detail: String,
    },
    /// A user's metric failed; the flows metered until then were delivered.
    #[error("metric {metric:?} failed in flow {flow_id} ({ends}), {place}: {source}", place = at_frame(*frame))]
    Metric {
        /// The metric's name; several names, comma separated, when a group of metrics shares the failing code.
        metric: String,
        /// The flow it was looking at ([`FlowState::flow_id`](crate::FlowState::flow_id)).
        flow_id: u64,
        /// The flow's source, destination and protocol, to be read.
        ends: String,
        /// Number of the frame at which it failed; `None` at the end of the flow.
        frame: Option<u64>,
        /// What it returned.
        #[source]
        source: BoxError,
    },
    /// A part of a pipeline that is the user's own failed.
    #[error("{part} failed: {source}")]
    Link {
        /// The part.
        part: String,
        /// What it returned.
        #[source]
        source: BoxError,
    },
    /// A thread of the streamer cannot be started, or ended by a panic: a bug worth reporting.
    #[error("thread {name} {detail}")]
    Thread {
        /// The thread.
        name: String,
        /// What became of it.
        detail: String,
    },
    /// A ledger that does not add up: a bug worth reporting.
    #[error("the ledger does not add up: {detail}")]
    Ledger {
        /// The law that is broken, with its numbers.
        detail: String,
    },
    /// Records cannot be written.
    #[error("cannot write {what}: {source}")]
    Write {
        /// The file or stream.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The place in a flow where something failed, in words: at a frame, or at the end.
fn at_frame(frame: Option<u64>) -> String {
    frame.map_or_else(|| "at its end".to_owned(), |frame| format!("at frame {frame}"))
}
