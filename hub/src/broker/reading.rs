//! Messages of the stream, one after the other, from a number on.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use futures_util::StreamExt;

use crate::broker::connect::{Broker, Found};

/// A reader of the stream, which the server forgets when it is not used.
pub(super) struct Reading {
    messages: pull::Stream,
    /// Messages that the server has sent to it.
    sent: u64,
}

/// A message, and where it is.
pub(super) struct Read {
    pub(super) message: Message,
    pub(super) sequence: u64,
    /// How many more there are.
    pub(super) pending: u64,
}

impl Reading {
    /// Reads all behind this number; `ahead` messages are asked for before they are wanted.
    ///
    /// # Errors
    ///
    /// Why the server gives none.
    pub(super) async fn open(found: &Found, behind: u64, ahead: usize, headers_only: bool) -> Result<Self, String> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: behind.saturating_add(1) },
            ack_policy: AckPolicy::None,
            headers_only,
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = found.stream.create_consumer(config).await.map_err(|error| error.to_string())?;
        let stream = consumer.stream().max_messages_per_batch(ahead).heartbeat(HEARTBEAT);
        let messages = stream.messages().await.map_err(|error| error.to_string())?;
        Ok(Self { messages, sent: 0 })
    }

    /// The next message; waits for it.
    ///
    /// # Errors
    ///
    /// Why there is none, in words: then a new one has to be opened.
    pub(super) async fn next(&mut self) -> Result<Read, String> {
        let message = match self.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("the server ended it".to_owned()),
        };
        let info = message.info().map_err(|error| error.to_string())?;
        let (sequence, pending, sent) = (info.stream_sequence, info.pending, info.consumer_sequence);
        self.sent += 1;
        if sent != self.sent {
            return Err(format!("message {sent} came where {} should have", self.sent));
        }
        Ok(Read { message, sequence, pending })
    }
}

/// Whether something that was there behind this number and before that one is gone, rather than never was.
pub(super) async fn is_gone(broker: &Broker, behind: u64, next: u64) -> Result<bool, String> {
    if next <= behind.saturating_add(1) {
        return Ok(false);
    }
    Ok(broker.find().await?.first > behind.saturating_add(1))
}

/// The server says at least so often that it is there; twice this time of silence is an error.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the server remembers a reader that asks for nothing.
const FORGOTTEN: Duration = Duration::from_secs(30);
