//! The sender: one connection after the other, over which the spool goes to the hub.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tungstenite::{Bytes, Error as WsError, Message as Frame};

use crate::client::address::Dialect;
use crate::client::backoff::Backoff;
use crate::client::desk::Desk;
use crate::client::dial::{Dialer, WebSocket};
use crate::client::failure::{Failure, LASTED, SILENCE};
use crate::client::item::Window;
use crate::client::kitchen::Kitchen;
use crate::message::{Name, Version};

/// Sends what is at the desk. No `Debug`: it holds a token.
pub(crate) struct Sender {
    pub(crate) dialer: Dialer,
    pub(crate) desk: Arc<Desk>,
    pub(crate) sensor: Name,
    /// What a hub of netdumplings is told of us.
    pub(crate) kitchen: Kitchen,
    pub(crate) backoff: Backoff,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Say<'a> {
    Hello { version: Version, sensor: &'a Name },
}

/// What a hub says. It may learn words, and say more with those that it has.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Said {
    Welcome {
        #[allow(dead_code, reason = "another version is not read")]
        version: Version,
        max_message_bytes: usize,
    },
    Ack {
        taken: u64,
    },
    Refused {
        number: u64,
        reason: String,
    },
    #[serde(other)]
    Else,
}

enum Event {
    Heard(Option<Result<Frame, WsError>>),
    Flushed(Result<(), WsError>),
    Work,
    Tick,
}

impl Sender {
    /// Sends until the desk is over, then closes it.
    pub(crate) async fn run(mut self) {
        let desk = Arc::clone(&self.desk);
        tokio::select! {
            () = self.sessions() => {}
            () = desk.over() => {}
        }
        desk.close();
    }

    async fn sessions(&mut self) {
        loop {
            let began = Instant::now();
            let Err(failure) = self.session().await else { return };
            if self.desk.disconnected(&failure.words) {
                tracing::warn!(why = failure.words, "no hub");
            }
            if began.elapsed() >= LASTED {
                self.backoff.reset();
            }
            sleep(if failure.turned_away { self.backoff.long() } else { self.backoff.next() }).await;
        }
    }

    /// One connection, from hello to the end of the publisher.
    async fn session(&mut self) -> Result<(), Failure> {
        let mut ws = self.dialer.websocket(LONGEST_HEARD).await?;
        let longest = match self.dialer.address.dialect {
            Dialect::Own => self.greet(&mut ws).await?,
            Dialect::Netdumplings => {
                let hello = Frame::text(self.kitchen.hello());
                timeout(SILENCE, ws.send(hello)).await.map_err(|_| Failure::silent())?.map_err(Failure::broken)?;
                LONGEST_DUMPLING
            }
        };
        self.desk.connected();
        tracing::info!(hub = self.dialer.address.authority(), "connected");
        let mut line = Line { ws, outbox: VecDeque::new(), writing: false, heard: Instant::now(), pinged: false };
        let mut ticks = interval(SILENCE / 10);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.desk.is_done() {
                line.part().await;
                return Ok(());
            }
            if !line.writing {
                let texts = self.desk.take(BATCH, WINDOW, longest);
                line.outbox.extend(texts.into_iter().map(|text| self.frame(text)));
                line.writing = !line.outbox.is_empty();
            }
            let writing = line.writing;
            let event = tokio::select! {
                event = std::future::poll_fn(|cx| line.step(cx)) => event,
                () = self.desk.work(), if !writing => Event::Work,
                _ = ticks.tick() => Event::Tick,
            };
            match event {
                Event::Heard(Some(Ok(frame))) => {
                    line.heard = Instant::now();
                    line.pinged = false;
                    self.hear(&frame)?;
                }
                Event::Heard(Some(Err(error))) => return Err(Failure::broken(error)),
                Event::Heard(None) => return Err(Failure::ended()),
                Event::Flushed(flushed) => {
                    flushed.map_err(Failure::broken)?;
                    line.writing = false;
                    if self.dialer.address.dialect == Dialect::Netdumplings {
                        self.desk.with(|spool| spool.leave_unconfirmed());
                        self.backoff.reset();
                    }
                }
                Event::Work => {}
                Event::Tick => line.keep_alive()?,
            }
        }
    }

    /// Says hello; gives the longest message that the hub takes.
    async fn greet(&self, ws: &mut WebSocket) -> Result<usize, Failure> {
        let greeted = async {
            let hello = Say::Hello { version: Version, sensor: &self.sensor };
            let hello = serde_json::to_string(&hello).expect("a name and a number");
            ws.send(Frame::text(hello)).await.map_err(Failure::broken)?;
            loop {
                match ws.next().await {
                    Some(Ok(Frame::Text(text))) => match serde_json::from_str(&text) {
                        Ok(Said::Welcome { max_message_bytes, .. }) => return Ok(max_message_bytes),
                        _ => {
                            return Err(Failure::turned_away(
                                "this is no hub for publishers, or one of another version",
                            ));
                        }
                    },
                    Some(Ok(Frame::Close(farewell))) => return Err(Failure::farewell(farewell.as_ref())),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(Failure::broken(error)),
                    None => return Err(Failure::ended()),
                }
            }
        };
        timeout(SILENCE, greeted).await.map_err(|_| Failure::silent())?
    }

    fn frame(&self, text: tungstenite::Utf8Bytes) -> Frame {
        match self.dialer.address.dialect {
            Dialect::Own => Frame::Text(text),
            Dialect::Netdumplings => Frame::text(Kitchen::dumpling(&text)),
        }
    }

    fn hear(&mut self, frame: &Frame) -> Result<(), Failure> {
        match frame {
            Frame::Text(text) if self.dialer.address.dialect == Dialect::Own => {
                let said = serde_json::from_str(text).map_err(|_| Failure::new("the hub says what is no JSON"))?;
                match said {
                    Said::Ack { taken } => {
                        self.desk.with(|spool| spool.acknowledge(taken)).map_err(Failure::new)?;
                        self.backoff.reset();
                    }
                    // Not the message is wrong but the moment: the next hub gets it.
                    Said::Refused { number, reason } if MOMENTS.contains(&reason.as_str()) => {
                        self.desk.with(|spool| spool.acknowledge(number.saturating_sub(1))).map_err(Failure::new)?;
                        return Err(Failure::new(format!("the hub takes nothing at the moment: {reason}")));
                    }
                    Said::Refused { number, reason } => {
                        if self.desk.with(|spool| spool.refuse(number, &reason)).is_power_of_two() {
                            tracing::warn!(reason, "the hub refuses a message");
                        }
                    }
                    Said::Welcome { .. } | Said::Else => {}
                }
            }
            Frame::Close(farewell) => {
                if farewell.as_ref().is_some_and(|farewell| u16::from(farewell.code) == 1009) {
                    self.desk.with(|spool| spool.lose_longest());
                }
                return Err(Failure::farewell(farewell.as_ref()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A connection, and what is being written to it.
struct Line {
    ws: WebSocket,
    outbox: VecDeque<Frame>,
    /// Something is in the outbox, or not flushed.
    writing: bool,
    heard: Instant,
    pinged: bool,
}

impl Line {
    /// Reads and writes, whichever can go on. Nothing is lost when it is not polled to its end.
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(heard) = self.ws.poll_next_unpin(cx) {
            return Poll::Ready(Event::Heard(heard));
        }
        if !self.writing {
            return Poll::Pending;
        }
        let flushed = ready!(self.poll_write(cx));
        Poll::Ready(Event::Flushed(flushed))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        while !self.outbox.is_empty() {
            ready!(self.ws.poll_ready_unpin(cx))?;
            if let Some(frame) = self.outbox.pop_front() {
                self.ws.start_send_unpin(frame)?;
            }
        }
        self.ws.poll_flush_unpin(cx)
    }

    /// Asks a silent hub whether it lives, and gives it up when it does not say so.
    fn keep_alive(&mut self) -> Result<(), Failure> {
        let silence = self.heard.elapsed();
        if silence >= SILENCE {
            return Err(Failure::silent());
        }
        if silence >= SILENCE / 3 && !self.pinged {
            self.outbox.push_back(Frame::Ping(Bytes::new()));
            self.writing = true;
            self.pinged = true;
        }
        Ok(())
    }

    /// Says farewell, and waits a moment for the answer: a socket that closes with something unread takes back what it sent.
    async fn part(mut self) {
        let parting = async {
            if self.ws.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.ws.next().await {}
            }
        };
        let _ = timeout(PARTING, parting).await;
    }
}

/// Reasons to refuse a message that say nothing of it: the hub ends, or its broker stores nothing.
const MOMENTS: [&str; 2] = ["closing", "broker"];
/// What the hub may not have acknowledged yet.
const WINDOW: Window = Window { messages: 4096, bytes: 4 << 20 };
/// What is written before anything else is looked at.
const BATCH: Window = Window { messages: 512, bytes: 256 << 10 };
/// The longest that a hub says to a publisher.
const LONGEST_HEARD: usize = 64 << 10;
/// What `nd-hub` takes, as websockets does by default.
const LONGEST_DUMPLING: usize = 1 << 20;
/// How long a farewell may take.
const PARTING: Duration = Duration::from_secs(1);
