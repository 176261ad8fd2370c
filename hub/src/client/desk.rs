//! Where those who publish and the thread that sends meet: the spool behind a lock, and what either waits for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tungstenite::Utf8Bytes;

use crate::client::encode::Unnumbered;
use crate::client::item::Window;
use crate::client::publisher_counters::PublisherCounters;
use crate::client::spool::Spool;

/// What both share.
#[derive(Debug)]
pub(crate) struct Desk {
    boot: String,
    state: Mutex<State>,
    /// Something left the spool.
    room: Condvar,
    /// Something came into the spool while the sender had nothing, or the end came near.
    work: Notify,
    /// The end came near.
    ending: Notify,
}

#[derive(Debug)]
struct State {
    spool: Spool,
    sequence: u64,
    /// The sender found nothing to do.
    idle: bool,
    connected: bool,
    connections: u64,
    last_error: Option<String>,
    /// When nothing more is sent.
    end: Option<Instant>,
}

impl Desk {
    pub(crate) fn new(boot: String, spool: Spool) -> Self {
        let state =
            State { spool, sequence: 0, idle: false, connected: false, connections: 0, last_error: None, end: None };
        Self { boot, state: Mutex::new(state), room: Condvar::new(), work: Notify::new(), ending: Notify::new() }
    }

    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    /// Takes a message, and gives its number.
    pub(crate) fn push(&self, message: &Unnumbered) -> u64 {
        self.push_locked(&mut self.lock(), message)
    }

    /// The same once there is room; nothing when `stopped` says so first.
    pub(crate) fn push_waiting(&self, message: &Unnumbered, stopped: &dyn Fn() -> bool) -> Option<u64> {
        let bytes = message.len(&self.boot);
        let mut state = self.lock();
        while !state.spool.has_room(bytes) {
            let waited = self.room.wait_timeout(state, ASKED_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !state.spool.has_room(bytes) {
                drop(state);
                if stopped() {
                    return None;
                }
                state = self.lock();
            }
        }
        Some(self.push_locked(&mut state, message))
    }

    /// What this connection is to send next, and how much of it the hub may not have acknowledged at a time.
    pub(crate) fn take(&self, batch: Window, window: Window, longest: usize) -> Vec<Utf8Bytes> {
        let mut state = self.lock();
        let texts = state.spool.take(batch, window, longest);
        state.idle = texts.is_empty() && !state.spool.waits();
        texts
    }

    /// Changes the spool, from which something may leave.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Spool) -> T) -> T {
        let changed = change(&mut self.lock().spool);
        self.room.notify_all();
        changed
    }

    /// A hub said welcome.
    pub(crate) fn connected(&self) {
        let mut state = self.lock();
        state.connected = true;
        state.connections += 1;
    }

    /// The hub is gone, or was not there; says whether the reason is another than the last time.
    pub(crate) fn disconnected(&self, why: &str) -> bool {
        let mut state = self.lock();
        let is_new = state.connected || state.last_error.as_deref() != Some(why);
        state.connected = false;
        state.last_error = Some(why.to_owned());
        state.spool.disconnected();
        is_new
    }

    /// Nothing more comes; what is there may be sent for so long.
    pub(crate) fn end_within(&self, within: Duration) {
        let now = Instant::now();
        // Who waits for ever waits a year.
        self.lock().end = Some(now.checked_add(within).unwrap_or(now + Duration::from_secs(31_536_000)));
        self.work.notify_one();
        self.ending.notify_one();
    }

    /// Whether the end has come and everything is dealt with.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.lock();
        state.end.is_some() && state.spool.is_empty()
    }

    /// Waits for something to do.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }

    /// Waits until nothing more is to be sent: the time is over, or there is neither a hub nor anything for it.
    pub(crate) async fn over(&self) {
        loop {
            let (end, leave) = {
                let state = self.lock();
                (state.end, state.end.is_some() && !state.connected && state.spool.is_empty())
            };
            match end {
                _ if leave => return,
                Some(end) => {
                    tokio::select! {
                        () = sleep_until(end) => return,
                        () = tokio::time::sleep(ASKED_EVERY) => {}
                    }
                }
                None => self.ending.notified().await,
            }
        }
    }

    /// The sender ends: nothing is connected, and nothing waits any more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.connected = false;
        state.spool.close();
    }

    pub(crate) fn counters(&self) -> PublisherCounters {
        let state = self.lock();
        PublisherCounters {
            connections: state.connections,
            connected: state.connected,
            last_error: state.last_error.clone(),
            ..state.spool.counters()
        }
    }

    fn push_locked(&self, state: &mut State, message: &Unnumbered) -> u64 {
        state.sequence += 1;
        state.spool.push(message.numbered(&self.boot, state.sequence).into());
        if std::mem::take(&mut state.idle) {
            self.work.notify_one();
        }
        state.sequence
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often those who wait look whether they still should.
const ASKED_EVERY: Duration = Duration::from_millis(100);
