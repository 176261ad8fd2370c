//! What became of everything, processor by processor.

use flowgauge::pipeline::Counts;
use serde::Serialize;

/// What a processor did so far.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ProcessorCounts {
    /// Its name.
    pub name: String,
    /// How many packets, flows and intervals it saw.
    pub calls: u64,
    /// Messages that it made.
    pub messages: u64,
    /// Calls that failed, and what cannot be a message.
    pub errors: u64,
    /// The last of these.
    pub last_error: Option<String>,
}

impl ProcessorCounts {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Counts a mistake, and tells it the first time, and whenever that number has doubled.
    pub(crate) fn fail(&mut self, words: String) {
        self.errors += 1;
        if self.errors.is_power_of_two() {
            tracing::warn!(processor = ?self.name, errors = self.errors, error = ?words, "a processor failed");
        }
        let mut words = words;
        if words.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| words.is_char_boundary(*at)).unwrap_or(0);
            words.truncate(end);
            words.push('…');
        }
        self.last_error = Some(words);
    }
}

/// What a sensor's life came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// Of the packets.
    pub counts: Counts,
    /// Of each processor.
    pub processors: Vec<ProcessorCounts>,
    /// Of the messages.
    pub outlet: serde_json::Value,
}

/// Bytes of an error that are kept.
const LONGEST: usize = 1_000;
