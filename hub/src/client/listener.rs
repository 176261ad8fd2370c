//! The listener: one connection after the other, over which messages come.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};
use tungstenite::{Bytes, Message as Frame};

use crate::client::backoff::Backoff;
use crate::client::dial::{Dialer, WebSocket};
use crate::client::failure::{Failure, LASTED, SILENCE};
use crate::client::mailbox::Mailbox;
use crate::client::subscriber::Event;
use crate::client::subscriber_options::{SlowPolicy, SubscriberOptions};
use crate::client::told::Told;
use crate::entry::is_reserved;
use crate::message::{MessageId, Version};

/// Hears messages, and puts them into the mailbox. No `Debug`: it holds a token.
pub(crate) struct Listener {
    dialer: Dialer,
    options: SubscriberOptions,
    backoff: Backoff,
    mailbox: Arc<Mailbox>,
    /// Behind what to go on.
    since: Option<MessageId>,
    told: Told,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Say<'a> {
    Hello {
        version: Version,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        topics: &'a [String],
        sensors: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<&'a MessageId>,
        policy: SlowPolicy,
        #[serde(skip_serializing_if = "Option::is_none")]
        queue_messages: Option<usize>,
    },
}

/// What a hub says; which of it is there depends on the kind. It may learn words, and say more with those that it has.
#[derive(Deserialize)]
struct Said<'a> {
    kind: String,
    version: Option<Version>,
    hub: Option<String>,
    boot: Option<String>,
    sequence: Option<u64>,
    resume: Option<String>,
    messages: Option<u64>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl Listener {
    pub(crate) fn new(dialer: Dialer, options: SubscriberOptions, backoff: Backoff, mailbox: Arc<Mailbox>) -> Self {
        Self { since: options.since.clone(), told: Told::default(), dialer, options, backoff, mailbox }
    }

    /// Listens until there is nothing to come back to.
    pub(crate) async fn run(mut self) {
        let mut told = None;
        loop {
            let began = Instant::now();
            let mut welcome = false;
            let Err(failure) = self.session(&mut welcome).await;
            if welcome || told.as_ref() != Some(&failure.words) {
                self.mailbox.put(Event::Disconnected(failure.words.clone())).await;
            }
            told = Some(failure.words);
            if !self.options.reconnect {
                return;
            }
            if welcome && began.elapsed() >= LASTED {
                self.backoff.reset();
            }
            sleep(if failure.turned_away { self.backoff.long() } else { self.backoff.next() }).await;
        }
    }

    /// One connection. `welcome` says afterwards whether there was a hub.
    async fn session(&mut self, welcome: &mut bool) -> Result<std::convert::Infallible, Failure> {
        let mut ws = self.dialer.websocket(LONGEST_HEARD).await?;
        let boot = timeout(SILENCE, self.greet(&mut ws)).await.map_err(|_| Failure::silent())??;
        *welcome = true;
        let (mut heard, mut pinged) = (Instant::now(), false);
        loop {
            let patience = if pinged { SILENCE } else { SILENCE / 3 };
            let Ok(frame) = timeout(patience.saturating_sub(heard.elapsed()), ws.next()).await else {
                if pinged {
                    return Err(Failure::silent());
                }
                pinged = true;
                let ping = Frame::Ping(Bytes::new());
                timeout(SILENCE, ws.send(ping)).await.map_err(|_| Failure::silent())?.map_err(Failure::broken)?;
                continue;
            };
            match frame.ok_or_else(Failure::ended)?.map_err(Failure::broken)? {
                Frame::Text(text) => self.hear(&text, &boot).await?,
                Frame::Close(farewell) => return Err(Failure::farewell(farewell.as_ref())),
                _ => {}
            }
            // Taken late is not heard late.
            (heard, pinged) = (Instant::now(), false);
        }
    }

    /// Says hello; gives the boot of the hub.
    async fn greet(&mut self, ws: &mut WebSocket) -> Result<String, Failure> {
        let hello = Say::Hello {
            version: Version,
            name: self.options.name.as_deref(),
            topics: &self.options.topics,
            sensors: &self.options.sensors,
            since: self.since.as_ref(),
            policy: self.options.policy,
            queue_messages: self.options.queue_messages,
        };
        let hello = serde_json::to_string(&hello).expect("names and numbers");
        ws.send(Frame::text(hello)).await.map_err(Failure::broken)?;
        let text = loop {
            match ws.next().await.ok_or_else(Failure::ended)?.map_err(Failure::broken)? {
                Frame::Text(text) => break text,
                Frame::Close(farewell) => return Err(Failure::farewell(farewell.as_ref())),
                _ => {}
            }
        };
        let stranger = || Failure::turned_away("this is no hub for subscribers, or one of another version");
        let said: Said<'_> = serde_json::from_str(&text).map_err(|_| stranger())?;
        let (Some(Version), Some(hub), Some(boot), Some(sequence)) = (said.version, said.hub, said.boot, said.sequence)
        else {
            return Err(stranger());
        };
        let at = MessageId::new(boot.clone(), sequence).map_err(|_| stranger())?;
        self.mailbox.put(Event::Connected { hub, at: at.clone() }).await;
        match said.resume.as_deref() {
            Some("whole") => {}
            Some("fresh") => self.since = Some(at),
            _ => self.mailbox.put(Event::Gap).await,
        }
        Ok(boot)
    }

    async fn hear(&mut self, text: &str, boot: &str) -> Result<(), Failure> {
        let said: Said<'_> = serde_json::from_str(text).map_err(|_| Failure::new("the hub says what is no JSON"))?;
        let event = match (said.kind.as_str(), said.sequence, said.message, said.messages) {
            ("message", Some(sequence), Some(message), _) => {
                let last = self.since.as_ref().filter(|since| since.boot() == boot);
                if let Some(last) = last.map(MessageId::sequence)
                    && (sequence < last || sequence == last && !is_of_hub(message.get()))
                {
                    return Ok(());
                }
                self.since = MessageId::new(boot, sequence).ok();
                self.backoff.reset();
                if !self.told.is_new(message.get()) {
                    return Ok(());
                }
                Event::Message { sequence, text: message.get().to_owned() }
            }
            ("lost", _, _, Some(messages)) => Event::Lost(messages),
            _ => return Ok(()),
        };
        self.mailbox.put(event).await;
        Ok(())
    }
}

/// Whether the hub says this of itself: where a broker numbers, that has the number of the last message.
fn is_of_hub(message: &str) -> bool {
    #[derive(Deserialize)]
    struct Origin<'a> {
        sensor: Option<IgnoredAny>,
        #[serde(borrow)]
        topic: Cow<'a, str>,
    }
    serde_json::from_str(message).is_ok_and(|Origin { sensor, topic }| sensor.is_none() && is_reserved(&topic))
}

/// The longest that a hub says: the longest message that it may take, and what stands around it.
const LONGEST_HEARD: usize = (64 << 20) + 1024;
