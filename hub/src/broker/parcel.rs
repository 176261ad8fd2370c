//! A message on its way through NATS: its text, and in the header what the text does not say.

use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream::message::PublishMessage;
use axum::body::Bytes;
use axum::extract::ws;

use crate::broker::subject;
use crate::compat::dumpling;
use crate::entry::{Draft, is_reserved};
use crate::message::{Message, MessageId};

/// What goes to NATS.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

impl Parcel {
    /// A message for this stream; `id` gives the id of a dumpling that has none.
    pub(super) fn new(stream: &str, draft: &Draft, id: impl FnOnce() -> MessageId) -> Self {
        let id = draft.id().cloned().unwrap_or_else(id).to_string();
        let mut headers = HeaderMap::new();
        // Two sensors may use the same id.
        headers.insert(NATS_MESSAGE_ID, format!("{}/{id}", subject::sensor_word(draft.sensor())));
        let payload = match draft.original() {
            None => Bytes::copy_from_slice(draft.text().unwrap_or_default().as_bytes()),
            Some(original) => {
                let form = if matches!(original, ws::Message::Text(_)) { DUMPLING } else { BINARY_DUMPLING };
                headers.insert(FORM, form);
                original.clone().into_data()
            }
        };
        Self { subject: subject::subject(stream, draft.sensor(), draft.topic()), headers, payload }
    }

    pub(super) fn len(&self) -> usize {
        self.payload.len() + self.subject.len() + super::connect::HEADER_BYTES
    }

    pub(super) fn message(&self) -> PublishMessage {
        PublishMessage::build().headers(self.headers.clone()).payload(self.payload.clone())
    }
}

/// What a message of the stream is; nothing when no hub put it there, or its subject is not its own: whoever may write to some
/// subjects of NATS may not speak for other sensors.
pub(super) fn draft(stream: &str, message: &async_nats::Message) -> Option<Draft> {
    let headers = message.headers.as_ref()?;
    let id = id_of(headers)?;
    let draft = match headers.get(FORM).map(|form| form.as_str()) {
        None => {
            let text = std::str::from_utf8(&message.payload).ok()?;
            let message = Message::from_json(text).ok().filter(|message| !is_reserved(message.topic.as_str()))?;
            Draft::message(&message, text)
        }
        Some(DUMPLING) => {
            let text = ws::Utf8Bytes::try_from(message.payload.clone()).ok()?;
            dumpling::draft(ws::Message::Text(text), || id).ok()?
        }
        Some(BINARY_DUMPLING) => dumpling::draft(ws::Message::Binary(message.payload.clone()), || id).ok()?,
        Some(_) => return None,
    };
    (subject::subject(stream, draft.sensor(), draft.topic()) == message.subject.as_str()).then_some(draft)
}

/// The id of a message, from its header alone.
pub(super) fn id_of(headers: &HeaderMap) -> Option<MessageId> {
    headers.get(NATS_MESSAGE_ID)?.as_str().split_once('/')?.1.parse().ok()
}

const FORM: &str = "Flowgauge-Form";
const DUMPLING: &str = "dumpling";
const BINARY_DUMPLING: &str = "binary dumpling";

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(parcel: &Parcel) -> async_nats::Message {
        async_nats::Message {
            subject: parcel.subject.as_str().into(),
            reply: None,
            payload: parcel.payload.clone(),
            headers: Some(parcel.headers.clone()),
            status: None,
            description: None,
            length: 0,
        }
    }

    fn id() -> MessageId {
        MessageId::new("hub-nd", 7).unwrap()
    }

    #[test]
    fn a_message_and_a_dumpling_come_out_as_they_went_in() {
        let text =
            r#"{"version":1, "id":"b:1","time":5,"sensor":"a b","topic":"x.y","trigger":"flow","payload":[ 1 ]}"#;
        let draft_of = |text: &str| Draft::message(&Message::from_json(text).unwrap(), text);
        let parcel = Parcel::new("f", &draft_of(text), id);
        assert_eq!(parcel.subject, "f.a%20b.x.y");
        let back = draft("f", &sent(&parcel)).unwrap();
        assert_eq!(back.text(), Some(text));
        assert!(draft("g", &sent(&parcel)).is_none());

        let dumpling = r#"{"metadata":{"chef":"c","kitchen":null,"creation_time":1,"driver":"packet"},"payload":NaN}"#;
        for frame in [ws::Message::text(dumpling), ws::Message::binary(dumpling.as_bytes())] {
            for frame in [frame.clone(), ws::Message::text(frame.to_text().unwrap().replace("NaN", "1"))] {
                let original = dumpling::draft(frame.clone(), id).unwrap();
                let parcel = Parcel::new("f", &original, id);
                let back = draft("f", &sent(&parcel)).unwrap();
                assert_eq!((back.original(), back.text(), back.id()), (Some(&frame), original.text(), original.id()));
            }
        }
    }

    #[test]
    fn what_speaks_for_another_or_for_the_hub_is_not_taken() {
        let text = r#"{"version":1,"id":"b:1","time":5,"sensor":"s","topic":"t","trigger":"flow","payload":1}"#;
        let parcel = Parcel::new("f", &Draft::message(&Message::from_json(text).unwrap(), text), id);
        assert!(draft("f", &sent(&parcel)).is_some());
        for subject in ["f.s.u", "f.other.t", "f.s", "t"] {
            assert!(
                draft("f", &sent(&Parcel { subject: subject.to_owned(), ..parcel.clone() })).is_none(),
                "{subject}"
            );
        }
        for (text, subject) in [("{", "f.s.t"), (&text.replace("\"t\"", "\"system.status\""), "f.s.system.status")] {
            let payload = Bytes::copy_from_slice(text.as_bytes());
            let parcel = Parcel { payload, subject: subject.to_owned(), ..parcel.clone() };
            assert!(draft("f", &sent(&parcel)).is_none(), "{text}");
        }
        let bare = async_nats::Message { headers: None, ..sent(&parcel) };
        assert!(draft("f", &bare).is_none());
    }
}
