//! What a publisher sends, on its way into the stream: in order, several at once, again when no answer comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::broker::Broker;
use crate::broker::connect::{Link, ROOM_BYTES};
use crate::broker::parcel::Parcel;
use crate::counters::{Counters, Refused};
use crate::entry::Draft;
use crate::message::MessageId;
use crate::stop::Stop;

/// The way of one publisher's messages. What is on it when this is dropped is still stored, or given up in time.
#[derive(Debug)]
pub(crate) struct Outbox {
    broker: Arc<Broker>,
    counters: Arc<Counters>,
    stop: Stop,
    send: mpsc::Sender<Waiting>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    stored: AtomicU64,
    gave_up: AtomicBool,
    changed: Notify,
}

type Answer = BoxFuture<'static, Result<PublishAck, PublishError>>;

/// A message without an answer.
struct Waiting {
    parcel: Parcel,
    /// When it is given up.
    until: Instant,
    /// The answer that is to come, once it is sent.
    answer: Option<Answer>,
    _room: OwnedSemaphorePermit,
}

/// The task that sends.
struct Courier {
    broker: Arc<Broker>,
    counters: Arc<Counters>,
    stop: Stop,
    progress: Arc<Progress>,
    parcels: mpsc::Receiver<Waiting>,
    /// In order; the first of them may be sent.
    window: VecDeque<Waiting>,
    sent: usize,
    /// Nothing is sent before, after something went wrong.
    rest: Option<Instant>,
}

impl Broker {
    /// The way of a publisher's messages.
    pub(crate) fn outbox(self: &Arc<Self>, counters: &Arc<Counters>, stop: &Stop) -> Outbox {
        let (send, parcels) = mpsc::channel(CHANNEL);
        let progress = Arc::<Progress>::default();
        let courier = Courier {
            broker: Arc::clone(self),
            counters: Arc::clone(counters),
            stop: stop.clone(),
            progress: Arc::clone(&progress),
            parcels,
            window: VecDeque::new(),
            sent: 0,
            rest: None,
        };
        tokio::spawn(courier.run());
        Outbox { broker: Arc::clone(self), counters: Arc::clone(counters), stop: stop.clone(), send, progress }
    }
}

impl Outbox {
    /// Puts a message on its way; `id` gives the id of a dumpling that has none. Waits while all publishers together have too
    /// much on it. Whether it arrives, [`Outbox::progress`] tells.
    ///
    /// # Errors
    ///
    /// Why it can never be stored.
    pub(crate) async fn put(&self, draft: Draft, id: impl FnOnce() -> MessageId) -> Result<(), Refused> {
        let parcel = Parcel::new(&self.broker.name, &draft, id);
        if parcel.len() > self.broker.client.max_payload() {
            return Err(Refused::TooLong);
        }
        let until = Instant::now() + self.broker.timeout;
        let bytes = parcel.len().min(ROOM_BYTES) as u32;
        let room = tokio::select! {
            room = timeout_at(until, Arc::clone(&self.broker.room).acquire_many_owned(bytes)) => room,
            () = self.stop.begun() => return Err(Refused::Closing),
        };
        let sent = match room {
            Ok(Ok(room)) => self.send.send(Waiting { parcel, until, answer: None, _room: room }).await.is_ok(),
            _ => false,
        };
        if !sent {
            self.counters.refuse(Refused::Broker);
            self.progress.give_up();
        }
        Ok(())
    }

    /// Waits until one more may be put on its way.
    pub(crate) async fn room(&self) {
        if self.send.reserve().await.is_err() {
            // It gave up, of which others tell.
            std::future::pending().await
        }
    }

    /// Waits until more than this many are stored, or one was given up.
    pub(crate) async fn changed(&self, stored: u64) {
        loop {
            let (now, gave_up) = self.progress();
            if now > stored || gave_up {
                return;
            }
            self.progress.changed.notified().await;
        }
    }

    /// How many are stored, and whether the next one was given up.
    pub(crate) fn progress(&self) -> (u64, bool) {
        (self.progress.stored.load(Ordering::Acquire), self.progress.gave_up.load(Ordering::Acquire))
    }
}

impl Progress {
    fn give_up(&self) {
        self.gave_up.store(true, Ordering::Release);
        self.changed.notify_one();
    }
}

impl Courier {
    async fn run(mut self) {
        let mut link = self.broker.link();
        let mut now = *link.borrow_and_update();
        let mut open = true;
        let stop = self.stop.clone();
        let stopped = stop.now();
        tokio::pin!(stopped);
        while open || !self.window.is_empty() {
            let until = self.window.front().map(|waiting| waiting.until);
            let patience = sleep_until(until.unwrap_or_else(Instant::now));
            if now.connected && self.rest.is_none() && self.sent < self.window.len() {
                tokio::select! {
                    sent = send(&self.broker, &self.window[self.sent].parcel) => match sent {
                        Ok(answer) => {
                            self.window[self.sent].answer = Some(answer);
                            self.sent += 1;
                        }
                        Err(error) => self.again(Some(&error)),
                    },
                    () = patience, if until.is_some() => return self.give_up(),
                    () = &mut stopped => return self.give_up(),
                }
                continue;
            }
            tokio::select! {
                came = self.parcels.recv(), if open && self.window.len() < WINDOW => match came {
                    Some(waiting) => self.window.push_back(waiting),
                    None => open = false,
                },
                answer = answered(&mut self.window), if self.sent > 0 => match answer {
                    Ok(ack) => self.stored(&ack),
                    Err(error) => self.again(Some(&error)),
                },
                _ = link.changed() => {
                    let before = std::mem::replace(&mut now, *link.borrow_and_update());
                    if is_another(before, now) {
                        // What the connection before this one had not answered is lost with it, or stored and known by its id.
                        self.again(None);
                    }
                }
                () = sleep_until(self.rest.unwrap_or_else(Instant::now)), if self.rest.is_some() => self.rest = None,
                () = patience, if until.is_some() => return self.give_up(),
                () = &mut stopped => return self.give_up(),
            }
        }
    }

    /// The first has its answer, and perhaps those behind it, too.
    fn stored(&mut self, ack: &PublishAck) {
        let mut ack = Some(Ok(ack.clone()));
        let mut stored = 0;
        while let Some(Ok(PublishAck { duplicate, .. })) = ack {
            let tally = &self.broker.tally;
            if duplicate { &tally.duplicates } else { &tally.stored }.fetch_add(1, Ordering::Relaxed);
            self.counters.accept();
            self.window.pop_front();
            self.sent -= 1;
            stored += 1;
            ack = if self.sent > 0 { answered(&mut self.window).now_or_never() } else { None };
        }
        self.progress.stored.fetch_add(stored, Ordering::Release);
        self.progress.changed.notify_one();
        if let Some(Err(error)) = ack {
            self.again(Some(&error));
        }
    }

    /// Sends all again that has no answer, in order: what is stored already is known there by its id.
    fn again(&mut self, error: Option<&PublishError>) {
        self.window.iter_mut().for_each(|waiting| waiting.answer = None);
        self.broker.tally.retries.fetch_add(self.sent as u64, Ordering::Relaxed);
        self.sent = 0;
        let Some(error) = error else { return };
        self.rest = Some(Instant::now() + REST);
        let times = self.broker.tally.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if times.is_power_of_two() {
            tracing::warn!(%error, times, "the broker did not store a message: once more");
        }
    }

    fn give_up(mut self) {
        self.parcels.close();
        let mut messages = self.window.len();
        self.window.clear();
        while self.parcels.try_recv().is_ok() {
            messages += 1;
        }
        for _ in 0..messages {
            self.counters.refuse(Refused::Broker);
        }
        tracing::warn!(messages, "the broker did not store messages in time: given up");
        self.progress.give_up();
    }
}

/// Sends one; gives the answer that is to come.
async fn send(broker: &Broker, parcel: &Parcel) -> Result<Answer, PublishError> {
    let answer = broker.jetstream.send_publish(parcel.subject.clone(), parcel.message()).await?;
    Ok(answer.into_future())
}

/// The answer to the first of the window.
async fn answered(window: &mut VecDeque<Waiting>) -> Result<PublishAck, PublishError> {
    match window.front_mut().and_then(|waiting| waiting.answer.as_mut()) {
        Some(answer) => answer.await,
        None => std::future::pending().await,
    }
}

fn is_another(before: Link, now: Link) -> bool {
    now.connected && now.number != before.number
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("parcel", &self.parcel).field("until", &self.until).finish_non_exhaustive()
    }
}

/// Messages of one publisher that are sent and not answered.
const WINDOW: usize = 512;
/// Messages of one publisher that wait to be sent.
const CHANNEL: usize = 64;
/// How long nothing is sent after something went wrong.
const REST: Duration = Duration::from_millis(250);
