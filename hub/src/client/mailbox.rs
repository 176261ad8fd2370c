//! Events on their way from the thread that hears them to whoever takes them, so many at a time.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::client::subscriber::Event;

/// A bounded queue of events.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    came: Condvar,
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    bytes: usize,
    /// Nothing more comes, or nobody takes it.
    closed: bool,
}

impl Mailbox {
    /// Puts an event, once there is room.
    pub(crate) async fn put(&self, event: Event) {
        loop {
            {
                let mut state = self.lock();
                if state.closed {
                    return;
                }
                if state.events.is_empty() || state.events.len() < MESSAGES && state.bytes < BYTES {
                    state.bytes += event.len();
                    state.events.push_back(event);
                    self.came.notify_one();
                    return;
                }
            }
            self.room.notified().await;
        }
    }

    /// The next event, if one comes in time.
    pub(crate) fn take(&self, within: Duration) -> Option<Event> {
        let until = Instant::now().checked_add(within);
        let mut state = self.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                state.bytes -= event.len();
                self.room.notify_one();
                return Some(event);
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if state.closed || left.is_zero() {
                return None;
            }
            let waited = self.came.wait_timeout(state, left.min(A_DAY));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether nothing waits, and nothing more comes.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.closed && state.events.is_empty()
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.came.notify_all();
        self.room.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events that may wait.
const MESSAGES: usize = 1024;
/// Bytes of them, but for the last.
const BYTES: usize = 4 << 20;
/// No wait is longer: what is given as for ever is not what every system can wait.
const A_DAY: Duration = Duration::from_secs(86_400);
