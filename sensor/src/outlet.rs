//! Where messages go: to a hub, or into lines.

use std::io::Write;

use flowgauge_hub::{Message, MessageId, Name, Time, Trigger, Version, is_reserved};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// Where messages go.
pub trait Outlet: Send {
    /// Takes a message; in words, why it cannot be one.
    fn send(&mut self, topic: &Name, trigger: Trigger, time: Time, payload: Box<RawValue>) -> Result<(), String>;

    /// What became of the messages so far, for `sensor.status`.
    fn status(&self) -> serde_json::Value;

    /// Hands on what is held back, for whoever reads along.
    ///
    /// # Errors
    ///
    /// What ends the sensor.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// There are no more: waits until those that were taken are where they shall be, as long as that is sensible.
    ///
    /// # Errors
    ///
    /// As [`Outlet::flush`].
    fn finish(&mut self) -> Result<()> {
        self.flush()
    }
}

/// Writes a message a line.
#[derive(Debug)]
pub struct Lines<W> {
    what: String,
    out: W,
    sensor: Name,
    boot: String,
    made: u64,
    failed: Option<std::io::Error>,
}

impl<W: Write + Send> Lines<W> {
    /// Writes to `out`, which stands as `what` in errors, as this start of this sensor.
    pub fn new(what: impl Into<String>, out: W, sensor: Name, boot: impl Into<String>) -> Self {
        Self { what: what.into(), out, sensor, boot: boot.into(), made: 0, failed: None }
    }
}

impl<W: Write + Send> Outlet for Lines<W> {
    fn send(&mut self, topic: &Name, trigger: Trigger, time: Time, payload: Box<RawValue>) -> Result<(), String> {
        if is_reserved(topic.as_str()) {
            return Err("the topic belongs to the hub".to_owned());
        }
        let message = Message {
            version: Version,
            id: MessageId::new(self.boot.as_str(), self.made + 1).map_err(str::to_owned)?,
            time,
            sensor: Some(self.sensor.clone()),
            topic: topic.clone(),
            trigger,
            payload,
            extra: Default::default(),
        };
        let mut line = message.to_json();
        // What a hub would refuse is no message here either.
        Message::from_json(&line).map_err(|error| error.to_string())?;
        line.push('\n');
        self.made += 1;
        // It is told with the next flush: no processor can do anything about it.
        if self.failed.is_none() {
            self.failed = self.out.write_all(line.as_bytes()).err();
        }
        Ok(())
    }

    fn status(&self) -> serde_json::Value {
        serde_json::json!({ "made": self.made })
    }

    fn flush(&mut self) -> Result<()> {
        let flushed = self.failed.take().map_or_else(|| self.out.flush(), Err);
        flushed.map_err(|source| Error::Write { what: self.what.clone(), source })
    }
}
