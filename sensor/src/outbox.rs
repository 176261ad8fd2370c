//! Where a processor puts what it has to say.

use std::fmt;

use flowgauge::Timestamp;
use flowgauge_hub::{Name, Trigger};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::moment;
use crate::outlet::Outlet;
use crate::tally::ProcessorCounts;

/// Takes the messages and mistakes of one processor.
pub struct Outbox<'a> {
    pub(crate) outlet: &'a mut dyn Outlet,
    pub(crate) counts: &'a mut ProcessorCounts,
    pub(crate) trigger: Trigger,
}

impl Outbox<'_> {
    /// A message about what happened at `stamp`. What cannot be JSON, or is more than a hub takes, is a mistake.
    pub fn send<T: Serialize + ?Sized>(&mut self, topic: &Name, stamp: Timestamp, payload: &T) {
        match serde_json::value::to_raw_value(payload) {
            Ok(payload) => self.send_raw(topic, stamp, payload),
            Err(error) => self.fail(format_args!("{}: {error}", topic.as_str())),
        }
    }

    /// A message whose payload is JSON already.
    pub fn send_raw(&mut self, topic: &Name, stamp: Timestamp, payload: Box<RawValue>) {
        match self.outlet.send(topic, self.trigger, moment::time(stamp), payload) {
            Ok(()) => self.counts.messages += 1,
            Err(words) => self.fail(format_args!("{}: {words}", topic.as_str())),
        }
    }

    /// A mistake: it is counted and named, and the sensor goes on.
    pub fn fail(&mut self, words: impl fmt::Display) {
        self.counts.fail(words.to_string());
    }
}

impl fmt::Debug for Outbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("counts", &self.counts).field("trigger", &self.trigger).finish_non_exhaustive()
    }
}
