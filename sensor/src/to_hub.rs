//! Messages to a hub.

use std::thread::sleep;
use std::time::{Duration, Instant};

use flowgauge::capture::StopFlag;
use flowgauge_hub::client::{PublishError, Publisher, PublisherCounters, PublisherOptions};
use flowgauge_hub::{Name, Time, Trigger};
use serde_json::json;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::outlet::Outlet;

/// Sends messages to a hub, each at least once, by a [`Publisher`].
#[derive(Debug)]
pub struct ToHub {
    publisher: Option<Publisher>,
    /// What it came to.
    ended: PublisherCounters,
    patient: bool,
    drain: Duration,
    stop: StopFlag,
}

impl ToHub {
    /// Starts to look for the hub. `patient` waits where the spool is full, as can be done with captures; otherwise the oldest
    /// message leaves, and is counted. At the end it waits for acknowledgements, as long as not `drain` goes by without one,
    /// or since `stop` was raised.
    ///
    /// # Errors
    ///
    /// Those of [`Publisher::start`].
    pub fn start(options: PublisherOptions, patient: bool, drain: Duration, stop: StopFlag) -> Result<Self> {
        let publisher = Some(Publisher::start(options)?);
        Ok(Self { publisher, ended: PublisherCounters::default(), patient, drain, stop })
    }

    fn counters(&self) -> PublisherCounters {
        self.publisher.as_ref().map_or_else(|| self.ended.clone(), Publisher::counters)
    }
}

impl Outlet for ToHub {
    fn send(&mut self, topic: &Name, trigger: Trigger, time: Time, payload: Box<RawValue>) -> Result<(), String> {
        let Some(publisher) = &self.publisher else { return Err("the sensor has ended".to_owned()) };
        let taken = if self.patient && !self.stop.is_raised() {
            let taken =
                publisher.publish_waiting(topic, trigger, time.clone(), payload.clone(), &|| self.stop.is_raised());
            match taken {
                // Whoever ends it wants what there is, as far as there is room.
                Err(PublishError::Stopped) => publisher.publish(topic, trigger, time, payload),
                taken => taken,
            }
        } else {
            publisher.publish(topic, trigger, time, payload)
        };
        taken.map(drop).map_err(|error| error.to_string())
    }

    fn status(&self) -> serde_json::Value {
        let counters = self.counters();
        json!({
            "made": counters.made,
            "found": counters.found,
            "acknowledged": counters.acknowledged,
            "refused": counters.refused.total(),
            "lost": counters.lost,
            "unconfirmed": counters.unconfirmed,
            "spooled_messages": counters.waiting(),
            "spooled_bytes": counters.memory_bytes + counters.disk_bytes,
            "left": counters.left,
            "connections": counters.connections,
            "last_error": counters.last_error,
        })
    }

    fn finish(&mut self) -> Result<()> {
        let Some(publisher) = self.publisher.take() else { return Ok(()) };
        let mut until = Instant::now() + self.drain;
        let mut before = publisher.counters().waiting();
        while before > 0 && Instant::now() < until {
            sleep(LOOK);
            let waiting = publisher.counters().waiting();
            if waiting < before && !self.stop.is_raised() {
                until = Instant::now() + self.drain;
            }
            before = waiting;
        }
        self.ended = publisher.finish(LOOK);
        Ok(())
    }
}

/// How often acknowledgements are looked after.
const LOOK: Duration = Duration::from_millis(20);
