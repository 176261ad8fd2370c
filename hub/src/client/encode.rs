//! Messages of a publisher, written.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::entry::is_reserved;
use crate::message::{self, Name, Time, Trigger};

/// A message but for its number, which it gets when it is queued.
pub(crate) struct Unnumbered(String);

#[derive(Serialize)]
struct Tail<'a> {
    time: Time,
    sensor: &'a Name,
    topic: &'a Name,
    trigger: Trigger,
    payload: Box<RawValue>,
}

/// What no hub would take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unfit {
    TooDeep,
    Reserved,
}

impl Unnumbered {
    pub(crate) fn new(
        sensor: &Name,
        topic: &Name,
        trigger: Trigger,
        time: Time,
        payload: Box<RawValue>,
    ) -> Result<Self, Unfit> {
        if is_reserved(topic.as_str()) {
            return Err(Unfit::Reserved);
        }
        let tail = serde_json::to_string(&Tail { time, sensor, topic, trigger, payload })
            .expect("its keys are strings, its numbers are texts");
        if message::is_too_deep(&tail) { Err(Unfit::TooDeep) } else { Ok(Self(tail)) }
    }

    /// Bytes of the whole message at most.
    pub(crate) fn len(&self, boot: &str) -> usize {
        HEAD.len() + boot.len() + 1 + 20 + MIDDLE.len() + self.0.len() - 1
    }

    /// The message's text.
    pub(crate) fn numbered(&self, boot: &str, sequence: u64) -> String {
        let mut text = String::with_capacity(self.len(boot));
        let _ = write!(text, "{HEAD}{boot}:{sequence}{MIDDLE}");
        text.push_str(&self.0[1..]);
        text
    }
}

const HEAD: &str = r#"{"version":1,"id":""#;
const MIDDLE: &str = r#"","#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn name(name: &str) -> Name {
        Name::try_from(name.to_owned()).unwrap()
    }

    fn made(topic: &str, payload: &str) -> Result<Unnumbered, Unfit> {
        let payload = RawValue::from_string(payload.to_owned()).unwrap();
        Unnumbered::new(&name("lab \"1\""), &name(topic), Trigger::Flow, Time::now(), payload)
    }

    #[test]
    fn what_is_written_is_a_message() {
        let made = made("dns.lookup", r#"{"a": [1.50, "é"]}"#).unwrap();
        let text = made.numbered("b7", u64::MAX);
        assert_eq!(text.len(), made.len("b7"));
        let read = Message::from_json(&text).unwrap();
        assert_eq!(read.id.to_string(), "b7:18446744073709551615");
        assert_eq!(read.to_json(), text);
    }

    #[test]
    fn what_no_hub_takes_is_refused_at_once() {
        assert_eq!(made("system.status", "1").err(), Some(Unfit::Reserved));
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(made("a", &deep(127)).is_ok());
        assert_eq!(made("a", &deep(128)).err(), Some(Unfit::TooDeep));
    }
}
