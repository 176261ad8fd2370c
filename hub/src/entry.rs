//! A message on its way through the hub: encoded once, shared by all who get it.

use std::sync::OnceLock;

use axum::extract::ws;
use axum::extract::ws::Utf8Bytes;

use crate::compat::dumpling;
use crate::message::{Message, MessageId, Name, Time, Trigger, Version};

/// A message that the relay has not numbered yet.
pub(crate) struct Draft {
    id: Option<MessageId>,
    topic: String,
    sensor: Option<String>,
    /// Begins with [`HEAD`], then room for the number; empty for a dumpling that is no message.
    frame: String,
    dumpling: Option<ws::Message>,
}

/// A message with its number.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    id: Option<MessageId>,
    topic: String,
    sensor: Option<String>,
    frame: Option<Utf8Bytes>,
    bytes: usize,
    is_dumpling: bool,
    dumpling: OnceLock<Option<ws::Message>>,
}

/// In what form a subscriber takes messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `{"kind":"message","sequence":N,"message":{…}}`.
    Own,
    /// A dumpling: byte for byte as it came, or made of a message.
    Dumpling,
}

impl Draft {
    /// A message whose text is forwarded as it is.
    pub(crate) fn message(message: &Message, text: &str) -> Self {
        Self {
            id: Some(message.id.clone()),
            topic: message.topic.as_str().to_owned(),
            sensor: message.sensor.as_ref().map(|name| name.as_str().to_owned()),
            frame: frame(text),
            dumpling: None,
        }
    }

    /// A dumpling, which is forwarded as it is, and the message that it is for others.
    pub(crate) fn dumpling(original: ws::Message, message: &Message) -> Self {
        Self { dumpling: Some(original), ..Self::message(message, &message.to_json()) }
    }

    /// A dumpling that only eaters can have.
    pub(crate) fn apart(original: ws::Message, chef: String, kitchen: Option<String>) -> Self {
        Self { id: None, topic: chef, sensor: kitchen, frame: String::new(), dumpling: Some(original) }
    }

    /// A message of the hub itself.
    pub(crate) fn system(id: MessageId, topic: &'static str, payload: &impl serde::Serialize) -> Self {
        let message = Message {
            version: Version,
            id,
            time: Time::now(),
            sensor: None,
            topic: Name::try_from(topic.to_owned()).expect("our own topics are names"),
            trigger: Trigger::Interval,
            payload: serde_json::value::to_raw_value(payload).expect("numbers and names"),
            extra: Default::default(),
        };
        Self::message(&message, &message.to_json())
    }

    /// Whether it is a dumpling that only eaters can have.
    pub(crate) fn is_apart(&self) -> bool {
        self.frame.is_empty()
    }

    /// Gives the message its number.
    pub(crate) fn numbered(mut self, sequence: u64) -> Entry {
        let frame = (!self.frame.is_empty()).then(|| {
            self.frame.replace_range(HEAD.len()..HEAD.len() + DIGITS, &format!("{sequence:>DIGITS$}"));
            Utf8Bytes::from(self.frame)
        });
        let original = match &self.dumpling {
            Some(ws::Message::Text(text)) => text.len(),
            Some(ws::Message::Binary(bytes)) => bytes.len(),
            _ => 0,
        };
        let bytes = size_of::<Entry>() + frame.as_ref().map_or(0, |frame| frame.len()) + original;
        let is_dumpling = self.dumpling.is_some();
        let dumpling = self.dumpling.map_or_else(OnceLock::new, |original| OnceLock::from(Some(original)));
        Entry { bytes, is_dumpling, sequence, id: self.id, topic: self.topic, sensor: self.sensor, frame, dumpling }
    }
}

/// What a broker needs to know of a message.
#[cfg(feature = "nats")]
impl Draft {
    pub(crate) fn id(&self) -> Option<&MessageId> {
        self.id.as_ref()
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn sensor(&self) -> Option<&str> {
        self.sensor.as_deref()
    }

    /// The text of the message, as it came.
    pub(crate) fn text(&self) -> Option<&str> {
        self.frame.get(HEAD.len() + DIGITS + MIDDLE.len()..self.frame.len().checked_sub(1)?)
    }

    /// The dumpling that it was.
    pub(crate) fn original(&self) -> Option<&ws::Message> {
        self.dumpling.as_ref()
    }
}

impl Entry {
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn sensor(&self) -> Option<&str> {
        self.sensor.as_deref()
    }

    pub(crate) fn id(&self) -> Option<&MessageId> {
        self.id.as_ref()
    }

    /// Bytes that the entry keeps in memory, but for the dumpling that eaters may have made of it: the same at all times.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there is such a form of it. Of the hub's own messages, eaters get those that are dumplings.
    pub(crate) fn has(&self, form: Form) -> bool {
        match form {
            Form::Own => self.frame.is_some(),
            Form::Dumpling => self.is_dumpling || !is_reserved(&self.topic),
        }
    }

    /// The text for subscribers.
    pub(crate) fn frame(&self) -> Option<&Utf8Bytes> {
        self.frame.as_ref()
    }

    /// What goes over a WebSocket in this form, if there is such a form; made at most once.
    pub(crate) fn wire(&self, form: Form) -> Option<ws::Message> {
        match form {
            Form::Own => self.frame.clone().map(ws::Message::Text),
            Form::Dumpling => self.dumpling.get_or_init(|| self.made_dumpling()).clone(),
        }
    }

    fn made_dumpling(&self) -> Option<ws::Message> {
        let frame = self.frame.as_ref()?;
        let text = frame.get(HEAD.len() + DIGITS + MIDDLE.len()..frame.len() - 1)?;
        Message::from_json(text).ok().map(|message| ws::Message::Text(dumpling::dumpling_of(&message).into()))
    }
}

/// Whether a topic belongs to the hub: `system.…`, and what netdumplings' hub calls itself.
pub fn is_reserved(topic: &str) -> bool {
    topic == "system" || topic.starts_with("system.") || topic == STATUS_CHEF
}

/// The chef of the status dumplings of netdumplings' hub.
pub(crate) const STATUS_CHEF: &str = "SystemStatusChef";

fn frame(text: &str) -> String {
    format!("{HEAD}{:DIGITS$}{MIDDLE}{text}}}", "")
}

const HEAD: &str = r#"{"kind":"message","sequence":"#;
const MIDDLE: &str = r#","message":"#;
/// Room for every number of 64 bits.
const DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_the_text_as_it_came() {
        let text =
            r#"{ "version":1, "id":"b:1", "time":5, "sensor":"s", "topic":"t", "trigger":"flow", "payload":[ 1 ] }"#;
        let entry = Draft::message(&Message::from_json(text).unwrap(), text).numbered(u64::MAX);
        let frame = entry.frame().unwrap().as_str();
        assert_eq!(frame, format!(r#"{{"kind":"message","sequence":18446744073709551615,"message":{text}}}"#));
        assert!(entry.wire(Form::Dumpling).unwrap().to_text().unwrap().ends_with("\"payload\": [ 1 ]}"));
        let second = Draft::message(&Message::from_json(text).unwrap(), text).numbered(3);
        let value: serde_json::Value = serde_json::from_str(second.frame().unwrap().as_str()).unwrap();
        assert_eq!(value["sequence"], 3);
    }

    #[test]
    fn the_hubs_own_topics_are_no_dumplings() {
        let entry = Draft::system(MessageId::new("h", 1).unwrap(), "system.status", &[1]).numbered(1);
        assert!(entry.has(Form::Own) && !entry.has(Form::Dumpling));
        assert!(is_reserved("system") && is_reserved("SystemStatusChef") && !is_reserved("systems.a"));
    }
}
