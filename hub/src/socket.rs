//! A WebSocket as the hub holds it: hello, pings, what comes, what goes, and a farewell with a reason.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tungstenite::Error as WsError;

use crate::stop::Stop;

/// One WebSocket.
pub(crate) struct Socket {
    ws: WebSocket,
    stop: Stop,
    pings: Interval,
    /// Pings since the peer said anything.
    unanswered: u32,
    /// Reading ended with an error: the peer's farewell cannot be read.
    broken: bool,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A text or binary message.
    Message(Message),
    /// Nothing more comes; the farewell to say, if anybody still listens.
    End(Option<Farewell>),
}

/// A close code (RFC 6455, section 7.4) and its reason.
pub(crate) type Farewell = (u16, &'static str);

/// The hub ends.
pub(crate) const GOING_AWAY: Farewell = (1001, "the hub ends");
/// What was sent is not taken; sent again, it may be.
pub(crate) const TRY_AGAIN: Farewell = (1013, "the broker does not take it: come again, and send again");
/// Longer than what is allowed.
pub(crate) const TOO_LONG: Farewell = (1009, "the message is too long");

impl Socket {
    pub(crate) fn new(ws: WebSocket, stop: Stop, ping_interval: Duration) -> Self {
        let mut pings = interval_at(Instant::now() + ping_interval, ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ws, stop, pings, unanswered: 0, broken: false }
    }

    /// The first message, which has to be text of at most [`HELLO_BYTES`].
    pub(crate) async fn hello(&mut self, within: Duration) -> Result<Utf8Bytes, Farewell> {
        let stop = self.stop.clone();
        let heard = tokio::select! {
            heard = timeout(within, self.heard()) => heard,
            () = stop.begun() => return Err(GOING_AWAY),
        };
        match heard {
            Ok(Heard::Message(Message::Text(text))) if text.len() <= HELLO_BYTES => Ok(text),
            Ok(Heard::Message(_)) => Err((1008, "a hello is a text of at most 8192 bytes")),
            Ok(Heard::End(farewell)) => Err(farewell.unwrap_or((1008, "a hello was expected"))),
            Err(_) => Err((1008, "no hello came in time")),
        }
    }

    /// What comes next; pings meanwhile. To be dropped while it waits is harmless.
    pub(crate) async fn heard(&mut self) -> Heard {
        loop {
            tokio::select! {
                came = self.ws.recv() => {
                    self.unanswered = 0;
                    match came {
                        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return Heard::Message(message),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return Heard::End(None),
                        Some(Err(error)) => {
                            self.broken = true;
                            return Heard::End(farewell_to(error));
                        }
                    }
                }
                _ = self.pings.tick() => {
                    // Not a time: of a peer that we hold back, we hear nothing either.
                    if self.unanswered >= 2 {
                        self.broken = true;
                        return Heard::End(Some((1011, "pings were not answered")));
                    }
                    if self.ws.send(Message::Ping(Bytes::from_static(b"ping"))).await.is_err() {
                        return Heard::End(None);
                    }
                    self.unanswered += 1;
                }
            }
        }
    }

    /// Sends all of it; says whether the system took it before the hub had to end.
    pub(crate) async fn send(&mut self, messages: impl Iterator<Item = Message>) -> bool {
        let Self { ws, stop, .. } = self;
        let sending = async {
            for message in messages {
                ws.feed(message).await?;
            }
            ws.flush().await
        };
        tokio::select! {
            sent = sending => sent.is_ok(),
            () = stop.now() => false,
        }
    }

    /// Sends a text.
    pub(crate) async fn say(&mut self, value: &impl Serialize) -> bool {
        let text = serde_json::to_string(value).expect("numbers and names");
        self.send(std::iter::once(Message::Text(text.into()))).await
    }

    /// Says farewell if there is one to say, answers that of the peer, and gives both a moment.
    pub(crate) async fn part(mut self, farewell: Option<Farewell>) {
        let parting = async {
            if let Some((code, reason)) = farewell {
                let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
                if self.ws.send(close).await.is_err() {
                    return;
                }
            }
            if self.broken {
                // A socket that closes with something unread takes back what it sent last.
                sleep(PARTING / 2).await;
            }
            // The answer to a farewell goes out while the next frame is waited for.
            while let Some(Ok(_)) = self.ws.recv().await {}
        };
        let _ = timeout(PARTING, parting).await;
    }
}

/// Sets the bounds of a WebSocket that is to be.
pub(crate) fn bounded(upgrade: WebSocketUpgrade, max_message_bytes: usize) -> WebSocketUpgrade {
    // The library's own buffers are 128 KiB each, of every connection.
    upgrade
        .max_message_size(max_message_bytes)
        .max_frame_size(max_message_bytes)
        .read_buffer_size(8 * 1024)
        .write_buffer_size(32 * 1024)
}

fn farewell_to(error: axum::Error) -> Option<Farewell> {
    match error.into_inner().downcast_ref::<WsError>() {
        Some(WsError::Capacity(_)) => Some(TOO_LONG),
        Some(WsError::Utf8(_)) => Some((1007, "a text that is not UTF-8")),
        Some(WsError::Protocol(_)) => Some((1002, "not RFC 6455")),
        _ => None,
    }
}

/// The longest hello, in bytes.
pub(crate) const HELLO_BYTES: usize = 8192;
/// How long a farewell may take.
const PARTING: Duration = Duration::from_secs(1);
