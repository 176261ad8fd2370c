//! Dumplings, the messages of netdumplings, and ours: a lossless map in both directions.
//!
//! | message | dumpling's metadata | |
//! | --- | --- | --- |
//! | `topic` | `chef` | |
//! | `sensor` | `kitchen` | null in both when there is none |
//! | `time` | `creation_time` | the digits as they were written |
//! | `trigger` | `driver` | a flow drives as a `packet`, the only word for it there |
//! | `payload` | (the dumpling's `payload`) | its text as it was written |
//! | `version`, `id`, `trigger` | `flowgauge` | an object of our own, which its programs ignore; a dumpling without it gets a new id |
//! | `extra` | all else | |

use std::collections::BTreeMap;

use axum::extract::ws::Message as Frame;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::counters::Refused;
use crate::entry::{Draft, is_reserved};
use crate::message;
use crate::message::{Message, MessageId, Name, Time, Trigger, Version};

/// A dumpling as its programs need it: one that lacks any of this ends every `nd-print` that gets it.
#[derive(Debug)]
pub(crate) struct Dumpling {
    /// The name of the chef, of any length and with any characters.
    pub(crate) chef: String,
    /// The name of the kitchen.
    pub(crate) kitchen: Option<String>,
    time: Time,
    trigger: Trigger,
    payload: Box<RawValue>,
    extra: BTreeMap<String, Box<RawValue>>,
    own: Option<Own>,
}

/// What a dumpling is on its way, in whatever kind of frame it came; `id` gives the id of the message that it is.
///
/// # Errors
///
/// [`Refused::Malformed`] and [`Refused::Reserved`].
pub(crate) fn draft(frame: Frame, id: impl FnOnce() -> MessageId) -> Result<Draft, Refused> {
    let text = frame.to_text().map_err(|_| Refused::Malformed)?;
    let (dumpling, is_json) = Dumpling::read(text).map_err(|_| Refused::Malformed)?;
    if is_reserved(&dumpling.chef) {
        return Err(Refused::Reserved);
    }
    let (chef, kitchen) = (dumpling.chef.clone(), dumpling.kitchen.clone());
    let message = dumpling.into_message(id).ok().filter(|_| is_json);
    Ok(match message {
        Some(message) => Draft::dumpling(frame, &message),
        None => Draft::apart(frame, chef, kitchen),
    })
}

#[derive(Deserialize)]
struct Text {
    metadata: BTreeMap<String, Box<RawValue>>,
    payload: Box<RawValue>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Own {
    version: Version,
    id: MessageId,
    trigger: Trigger,
}

impl Dumpling {
    /// Reads a dumpling, and says whether its text is JSON in every word (`NaN` and `Infinity`, which Python writes, are not).
    ///
    /// # Errors
    ///
    /// What its own hub or its eaters would stumble over.
    pub(crate) fn read(text: &str) -> serde_json::Result<(Self, bool)> {
        match message::object::<Text>(text) {
            Ok(whole) => Ok((Self::of(whole)?, true)),
            Err(error) => match without_python_numbers(text) {
                Some(text) => Ok((Self::of(message::object(&text)?)?, false)),
                None => Err(error),
            },
        }
    }

    fn of(Text { mut metadata, payload }: Text) -> serde_json::Result<Self> {
        let driver: Driver = field(&mut metadata, "driver")?;
        // What stands under our name and is not ours stays what it is.
        let own = metadata.get("flowgauge").and_then(|own| message::object::<Own>(own.get()).ok());
        let own = own.filter(|own| driver == Driver::of(own.trigger));
        if own.is_some() {
            metadata.remove("flowgauge");
        }
        let trigger = match (&own, driver) {
            (Some(own), _) => own.trigger,
            (None, Driver::Packet) => Trigger::Packet,
            (None, Driver::Interval) => Trigger::Interval,
        };
        let (chef, kitchen) = (field(&mut metadata, "chef")?, field(&mut metadata, "kitchen")?);
        let time = field(&mut metadata, "creation_time")?;
        Ok(Self { chef, kitchen, time, trigger, payload, extra: metadata, own })
    }

    /// The message that this is; `id` gives the id of one that has none.
    ///
    /// # Errors
    ///
    /// A chef or kitchen that is no [`Name`].
    pub(crate) fn into_message(self, id: impl FnOnce() -> MessageId) -> Result<Message, &'static str> {
        Ok(Message {
            version: Version,
            id: self.own.map_or_else(id, |own| own.id),
            time: self.time,
            sensor: self.kitchen.map(Name::try_from).transpose()?,
            topic: Name::try_from(self.chef)?,
            trigger: self.trigger,
            payload: self.payload,
            extra: self.extra,
        })
    }
}

/// The message as a dumpling, in the form that Python writes.
pub(crate) fn dumpling_of(message: &Message) -> String {
    let own = Own { version: message.version, id: message.id.clone(), trigger: message.trigger };
    let mut text = format!(
        "{{\"metadata\": {{\"chef\": {}, \"kitchen\": {}, \"creation_time\": {}, \"driver\": {}, \"flowgauge\": {}",
        json(&message.topic),
        json(&message.sensor),
        json(&message.time),
        json(&Driver::of(message.trigger)),
        json(&own),
    );
    for (key, value) in &message.extra {
        // A key of the metadata stands there once.
        if !["chef", "kitchen", "creation_time", "driver", "flowgauge"].contains(&key.as_str()) {
            text.push_str(&format!(", {}: {}", json(key), value.get()));
        }
    }
    text.push_str("}, \"payload\": ");
    text.push_str(message.payload.get());
    text.push('}');
    text
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings, and numbers that are texts")
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Driver {
    Packet,
    Interval,
}

impl Driver {
    fn of(trigger: Trigger) -> Self {
        match trigger {
            Trigger::Packet | Trigger::Flow => Self::Packet,
            Trigger::Interval => Self::Interval,
        }
    }
}

/// Takes a key out of the metadata.
fn field<T: for<'de> Deserialize<'de>>(
    metadata: &mut BTreeMap<String, Box<RawValue>>,
    key: &'static str,
) -> serde_json::Result<T> {
    let value = metadata.remove(key).ok_or_else(|| serde::de::Error::missing_field(key))?;
    serde_json::from_str(value.get())
}

/// The text with the numbers that only Python reads replaced by what is no number, of the same length; nothing when there are none.
fn without_python_numbers(text: &str) -> Option<String> {
    let words: [(&[u8], &[u8]); 3] = [(b"-Infinity", b"null     "), (b"Infinity", b"null    "), (b"NaN", b"[] ")];
    let mut bytes = text.as_bytes().to_vec();
    let (mut at, mut quoted, mut found) = (0, false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            _ if quoted => {}
            _ => {
                if let Some((word, null)) = words.iter().find(|(word, _)| bytes[at..].starts_with(word)) {
                    bytes[at..at + word.len()].copy_from_slice(null);
                    at += word.len() - 1;
                    found = true;
                }
            }
        }
        at += 1;
    }
    found.then(|| String::from_utf8(bytes).expect("ASCII was replaced by ASCII"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMPLING: &str = r#"{"metadata": {"chef": "DNSLookupChef", "kitchen": "lab", "creation_time": 1795187491.1966736, "driver": "interval"}, "payload": {"b": [1.50,  2], "a": "\u00e9é"}}"#;

    fn id() -> MessageId {
        MessageId::new("boot", 7).unwrap()
    }

    fn message(text: &str) -> Message {
        Dumpling::read(text).unwrap().0.into_message(id).unwrap()
    }

    #[test]
    fn a_dumpling_becomes_a_message_and_a_dumpling_again() {
        let there = message(DUMPLING);
        assert_eq!(
            there.to_json(),
            r#"{"version":1,"id":"boot:7","time":1795187491.1966736,"sensor":"lab","topic":"DNSLookupChef","trigger":"interval","payload":{"b": [1.50,  2], "a": "\u00e9é"}}"#
        );
        let back = dumpling_of(&there);
        let own = r#", "flowgauge": {"version":1,"id":"boot:7","trigger":"interval"}"#;
        assert!(back.contains(own));
        assert_eq!(back.replace(own, ""), DUMPLING);
    }

    #[test]
    fn a_message_becomes_a_dumpling_and_the_same_message_again() {
        for trigger in ["packet", "flow", "interval"] {
            for sensor in ["null", "\"lab \\\"1\\\"\""] {
                let text = format!(
                    r#"{{"version":1,"id":"b7:12","time":17.50,"sensor":{sensor},"topic":"dns.lookup","trigger":"{trigger}","payload":{{ "z": 1 }},"extra":{{"site":[1,  2]}}}}"#
                );
                let dumpling = dumpling_of(&Message::from_json(&text).unwrap());
                assert_eq!(message(&dumpling).to_json(), text, "{dumpling}");
            }
        }
    }

    #[test]
    fn numbers_that_only_python_reads_are_seen() {
        for payload in ["NaN", "-Infinity", "[Infinity, \"a\\\"NaN\"]"] {
            let text = DUMPLING.replace("[1.50,  2]", payload);
            assert!(!Dumpling::read(&text).unwrap().1, "{text}");
        }
        let quoted = DUMPLING.replace("[1.50,  2]", "\"\\\" NaN\"");
        assert!(Dumpling::read(&quoted).unwrap().1);
    }

    #[test]
    fn what_would_end_an_eater_is_refused() {
        for (from, to) in [
            ("\"chef\"", "\"cook\""),
            ("\"DNSLookupChef\"", "7"),
            ("\"lab\"", "[]"),
            ("1795187491.1966736", "\"1795187491\""),
            ("1795187491.1966736", "NaN"),
            ("1795187491.1966736", "-Infinity"),
            ("1795187491.1966736", "1e18"),
            ("\"interval\"", "\"flow\""),
            ("\"payload\"", "\"load\""),
            ("\"metadata\"", "\"meta\""),
            ("[1.50,  2]", "[1.50,  2"),
            ("[1.50,  2]", "NaNa"),
        ] {
            assert!(DUMPLING.contains(from));
            assert!(Dumpling::read(&DUMPLING.replace(from, to)).is_err(), "{from} {to}");
        }
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        assert!(Dumpling::read(&DUMPLING.replace("1.50", &deep)).is_err());
        let list = format!("[{}", &DUMPLING[DUMPLING.find(": {").unwrap() + 1..]).replace("\"payload\": ", "");
        assert!(Dumpling::read(&list.replace("}}", "}]")).is_err(), "{list}");
        for text in ["", "7", "[]", "null", "\"NaN", "\"\\"] {
            assert!(Dumpling::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_under_our_name_that_is_not_ours_is_kept() {
        let text = DUMPLING.replace("\"interval\"", "\"interval\", \"flowgauge\": 5");
        assert_eq!(message(&text).extra["flowgauge"].get(), "5");
        assert_eq!(message(&text).id, id());
    }
}
