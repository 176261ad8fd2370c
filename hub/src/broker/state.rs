//! How the broker does, as the status tells it.

use std::fmt::Write as _;

use serde::Serialize;

/// The broker at one moment, seen from this hub.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    pub(crate) stream: String,
    pub(crate) connected: bool,
    /// Connections that were lost and made again.
    pub(crate) reconnects: u64,
    /// Messages that publishers of this hub sent and the stream took.
    pub(crate) stored: u64,
    /// Those that it had already, by their id.
    pub(crate) duplicates: u64,
    /// Messages that were sent to it again, because its answer was lost, late or no.
    pub(crate) retries: u64,
    /// Bytes that wait for its answer.
    pub(crate) waiting_bytes: u64,
    /// Messages of the stream that this hub has not read yet.
    pub(crate) lag: u64,
    /// Numbers of the stream that it had dropped before this hub read them.
    pub(crate) missed: u64,
    /// Messages of the stream that are not of a hub.
    pub(crate) unreadable: u64,
}

impl State {
    /// In the text format of Prometheus, version 0.0.4.
    pub(crate) fn prometheus(&self) -> String {
        let mut text = String::new();
        for (kind, name, help, value) in [
            ("gauge", "connected", "Whether the broker is there.", u64::from(self.connected)),
            ("counter", "reconnects_total", "Connections that were lost and made again.", self.reconnects),
            ("counter", "stored_total", "Messages that the stream took.", self.stored),
            ("counter", "duplicates_total", "Messages that it had already.", self.duplicates),
            ("counter", "retries_total", "Messages that were sent to it again.", self.retries),
            ("gauge", "waiting_bytes", "Bytes that wait for its answer.", self.waiting_bytes),
            ("gauge", "lag", "Messages of the stream that were not read yet.", self.lag),
            ("counter", "missed_total", "Numbers that it dropped before they were read.", self.missed),
            ("counter", "unreadable_total", "Messages of the stream that are not of a hub.", self.unreadable),
        ] {
            let name = format!("flowgauge_hub_broker_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        text
    }
}
