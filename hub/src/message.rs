//! A message: what a sensor says, as JSON.
//!
//! The hub reads only what it needs to route one; the text of the payload is never written anew, so key order, whitespace
//! and digits of numbers reach the subscriber as the sensor wrote them.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version of the form below.
pub const VERSION: u8 = 1;

/// One message.
///
/// `{"version": 1, "id": "boot:sequence", "time": 1795187491.5, "sensor": "lab", "topic": "dns.lookup", "trigger": "packet",
/// "payload": …}`
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Message {
    /// Always [`VERSION`].
    pub version: Version,
    /// Which start of the sensor this is from, and its number since then.
    pub id: MessageId,
    /// When it was made.
    pub time: Time,
    /// Who made it; `None` for what belongs to no sensor.
    pub sensor: Option<Name>,
    /// What it is about, as in `dns.lookup`.
    pub topic: Name,
    /// Why it was made.
    pub trigger: Trigger,
    /// Any JSON, its text as it came.
    pub payload: Box<RawValue>,
    /// What else the metadata of a dumpling told, by key. Absent in the text when empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Box<RawValue>>,
}

impl Message {
    /// Reads a message from its text.
    ///
    /// # Errors
    ///
    /// What is not JSON, lacks a field, has one out of its range, or is nested deeper than 128 times.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        object(text)
    }

    /// The text of the message, without whitespace outside its payload.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are strings, its numbers are texts")
    }
}

/// Reads an object of JSON.
///
/// What holds fields would also be read from a list, which nobody after us expects; and what is nested too deeply ends
/// programs that read JSON by recursion, as Python's do from 1,000 on.
pub(crate) fn object<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    let refuse = |words| Err(serde::de::Error::custom(words));
    if !text.trim_ascii_start().starts_with('{') {
        return refuse("an object is wanted");
    }
    if is_too_deep(text) {
        return refuse("it is nested too deeply");
    }
    serde_json::from_str(text)
}

/// Whether a text of JSON is nested deeper than a message may be.
pub(crate) fn is_too_deep(text: &str) -> bool {
    nesting(text) > NESTING
}

/// A name for this start, which no other has: two that start at once are still two.
pub fn new_boot() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::time::SystemTime::now()))
}

/// How many brackets are open at once, outside of texts.
fn nesting(text: &str) -> usize {
    let (mut open, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The version of a message: 1, and nothing else is read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Version;

impl TryFrom<u8> for Version {
    type Error = &'static str;

    fn try_from(version: u8) -> Result<Self, Self::Error> {
        if version == VERSION { Ok(Self) } else { Err("version must be 1") }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> Self {
        VERSION
    }
}

/// Why a message was made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A packet.
    Packet,
    /// A flow that ended.
    Flow,
    /// The sensor's interval.
    Interval,
}

/// `boot:sequence`: a start of a sensor (or hub), and a number that grows from message to message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId {
    boot: String,
    sequence: u64,
}

impl MessageId {
    /// An id of this start: 1 to 64 of letters, digits, `.`, `_`, `-`.
    ///
    /// # Errors
    ///
    /// Any other text.
    pub fn new(boot: impl Into<String>, sequence: u64) -> Result<Self, &'static str> {
        let boot = boot.into();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if boot.is_empty() || boot.len() > 64 || !boot.bytes().all(fits) {
            return Err("the boot of an id is 1 to 64 letters, digits, '.', '_' or '-'");
        }
        Ok(Self { boot, sequence })
    }

    /// Which start of the sensor.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// The number since that start.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl FromStr for MessageId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "an id is boot:sequence";
        let (boot, sequence) = text.split_once(':').ok_or(wrong)?;
        let id = Self::new(boot, sequence.parse().map_err(|_| wrong)?)?;
        // "+1" and "01" would be second names of one message.
        if id.sequence.to_string() == sequence { Ok(id) } else { Err(wrong) }
    }
}

impl TryFrom<String> for MessageId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.boot, self.sequence)
    }
}

/// A moment in seconds since 1970 in UTC, with the digits that its maker wrote.
///
/// From 0 to 253402214400, the last day but one of the year 9999: beyond it, programs that show dates fail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Box<RawValue>", into = "Box<RawValue>")]
pub struct Time(Box<RawValue>);

impl Time {
    /// The number, rounded to a float.
    pub fn seconds(&self) -> f64 {
        self.0.get().parse().expect("it was read as one when it was made")
    }

    /// This very moment of the machine's clock.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let text = format!("{}.{:06}", since.as_secs(), since.subsec_micros());
        Self(RawValue::from_string(text).expect("digits are JSON"))
    }
}

impl TryFrom<Box<RawValue>> for Time {
    type Error = &'static str;

    fn try_from(text: Box<RawValue>) -> Result<Self, Self::Error> {
        match text.get().parse::<f64>() {
            Ok(seconds) if (0.0..=253_402_214_400.0).contains(&seconds) => Ok(Self(text)),
            _ => Err("a time is a number of seconds, from 0 to 253402214400"),
        }
    }
}

impl From<Time> for Box<RawValue> {
    fn from(time: Time) -> Self {
        time.0
    }
}

/// The name of a sensor or a topic: 1 to 256 bytes without control characters.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
            return Err("a name is 1 to 256 bytes without control characters");
        }
        Ok(Self(name))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// The deepest nesting of a message, its own brackets and those of its payload.
const NESTING: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"version":1,"id":"b7:12","time":1795187491.19667360,"sensor":"lab","topic":"dns.lookup","trigger":"flow","payload":{ "z": 1.50, "a":[1e400, "é\u00e9"] }}"#;

    #[test]
    fn a_message_is_written_as_it_was_read() {
        assert_eq!(Message::from_json(TEXT).unwrap().to_json(), TEXT);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("b7:12", "b7"),
            ("b7:12", "b7:+12"),
            ("b7:12", "b7:012"),
            ("b7:12", "b 7:12"),
            ("b7:12", ":12"),
            ("1795187491.19667360", "\"1795187491\""),
            ("1795187491.19667360", "-1"),
            ("1795187491.19667360", "1e300"),
            ("1795187491.19667360", "NaN"),
            ("\"lab\"", "\"\""),
            ("dns.lookup", "dns\\u001b[2J"),
            ("\"flow\"", "\"whim\""),
            (",\"payload\":", ",\"load\":"),
        ] {
            assert!(TEXT.contains(from));
            assert!(Message::from_json(&TEXT.replace(from, to)).is_err(), "{to}");
        }
        let long = "x".repeat(257);
        assert!(Message::from_json(&TEXT.replace("dns.lookup", &long)).is_err());
        assert!(Message::from_json(&TEXT.replace("dns.lookup", &long[1..])).is_ok());
    }

    #[test]
    fn what_would_end_whoever_reads_it_is_refused() {
        let deep = |n: usize| TEXT.replace("1.50", &("[".repeat(n) + &"]".repeat(n)));
        assert!(Message::from_json(&deep(126)).is_ok());
        assert!(Message::from_json(&deep(127)).is_err());
        assert!(Message::from_json(&deep(400_000)).is_err());
        assert!(Message::from_json(&TEXT.replace("1.50", &format!("\"\\\"{}\"", "[".repeat(500)))).is_ok());
        assert!(Message::from_json(r#"[1,"b7:12",5,"lab","a","flow",7,{}]"#).is_err());
    }

    #[test]
    fn the_time_of_now_is_one() {
        let now = Time::now();
        assert!(now.seconds() > 1.7e9);
        assert!(Time::try_from(Box::<RawValue>::from(now)).is_ok());
    }
}
