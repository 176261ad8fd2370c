//! The relay: every accepted message gets a number, goes into the history, and into the ring of each who wants it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::counters::{Counters, Refused, Snapshot};
use crate::entry::{Draft, Entry};
use crate::message::MessageId;
use crate::queue::{Limits, Queue};

/// Where publishers and subscribers meet.
#[derive(Debug)]
pub(crate) struct Relay {
    boot: String,
    history: Limits,
    counters: Arc<Counters>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sequence: u64,
    history: VecDeque<Arc<Entry>>,
    history_bytes: usize,
    queues: Vec<Arc<Queue>>,
    closed: bool,
}

/// Where a subscriber's messages begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resume {
    /// With the next that comes: it named none.
    Fresh,
    /// Right behind the one that it named.
    Whole,
    /// With the oldest of the history: the one that it named is not there, and some in between may be lost.
    Gap,
}

/// A subscriber's place in the relay, which it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    relay: Arc<Relay>,
    queue: Arc<Queue>,
}

impl Relay {
    pub(crate) fn new(boot: String, history: Limits, counters: Arc<Counters>) -> Self {
        Self { boot, history, counters, state: Mutex::default() }
    }

    /// Takes a message, and gives it to all who want it.
    ///
    /// # Errors
    ///
    /// [`Refused::Closing`] when the hub is about to end. It is counted either way.
    pub(crate) fn publish(&self, draft: Draft) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            self.counters.refuse(Refused::Closing);
            return Err(Refused::Closing);
        }
        self.counters.accept();
        state.sequence += 1;
        let entry = Arc::new(draft.numbered(state.sequence));
        state.remember(Arc::clone(&entry), self.history);
        let offered = state.queues.iter().filter(|queue| queue.wants(&entry) && queue.push(&entry)).count();
        self.counters.offer(offered as u64);
        Ok(())
    }

    /// Seats a subscriber; behind this message of the history when it names one. Gives the number of the last message, too.
    pub(crate) fn subscribe(self: &Arc<Self>, queue: Queue, since: Option<&MessageId>) -> (Seat, Resume, u64) {
        let queue = Arc::new(queue);
        let mut state = self.lock();
        let mut resume = Resume::Fresh;
        if let Some(since) = since {
            let behind = self.behind(&state, since);
            resume = if behind.is_some() { Resume::Whole } else { Resume::Gap };
            queue.replay(state.history.iter().skip(behind.unwrap_or(0)).cloned());
        }
        if state.closed {
            queue.close();
        }
        state.queues.push(Arc::clone(&queue));
        let last = state.sequence;
        drop(state);
        (Seat { relay: Arc::clone(self), queue }, resume, last)
    }

    /// Takes nothing more; subscribers still get what waits for them, then the end.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queues.iter().for_each(|queue| queue.close());
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let queued = state.queues.iter().map(|queue| queue.counts().0).sum();
        self.counters.snapshot(queued)
    }

    /// The number of the last message.
    pub(crate) fn sequence(&self) -> u64 {
        self.lock().sequence
    }

    /// Index in the history of the first message behind this one, which is a number of this hub or a message's own id.
    fn behind(&self, state: &State, since: &MessageId) -> Option<usize> {
        if since.boot() != self.boot {
            let at = state.history.iter().rposition(|entry| entry.id() == Some(since))?;
            return Some(at + 1);
        }
        // The one before the oldest is enough: nothing lies in between.
        let oldest = state.sequence + 1 - state.history.len() as u64;
        let behind = (since.sequence().checked_add(1)?).checked_sub(oldest)?;
        usize::try_from(behind).ok().filter(|&behind| behind <= state.history.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, entry: Arc<Entry>, limits: Limits) {
        self.history_bytes += entry.len();
        self.history.push_back(entry);
        while self.history.len() > limits.messages || self.history_bytes > limits.bytes {
            let Some(oldest) = self.history.pop_front() else { break };
            self.history_bytes -= oldest.len();
        }
    }
}

impl Seat {
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.relay.lock().queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Form;
    use crate::pattern::Filter;
    use crate::queue::{Next, Policy};

    fn relay(history: usize) -> Arc<Relay> {
        let limits = Limits { messages: history, bytes: usize::MAX };
        Arc::new(Relay::new("hub".to_owned(), limits, Arc::default()))
    }

    fn queue(relay: &Relay) -> Queue {
        let limits = Limits { messages: 100, bytes: usize::MAX };
        Queue::new(Form::Own, Filter::default(), Policy::DropOldest, limits, Arc::clone(&relay.counters))
    }

    fn publish(relay: &Relay, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            let id = MessageId::new("sensor", 100 + number).unwrap();
            relay.publish(Draft::system(id, "system.test", &number)).unwrap();
        }
    }

    async fn resumed(relay: &Arc<Relay>, since: &str) -> (Resume, Vec<u64>) {
        let (seat, resume, _) = relay.subscribe(queue(relay), Some(&since.parse().unwrap()));
        seat.queue().close();
        match seat.queue().next(100).await {
            Next::Messages(_, batch) => (resume, batch.iter().map(|entry| entry.sequence).collect()),
            Next::End(_) => (resume, Vec::new()),
        }
    }

    #[tokio::test]
    async fn a_subscriber_goes_on_where_it_was() {
        let relay = relay(4);
        publish(&relay, 1..=10);
        for (since, resume, numbers) in [
            ("hub:8", Resume::Whole, vec![9, 10]),
            ("hub:10", Resume::Whole, vec![]),
            ("hub:6", Resume::Whole, vec![7, 8, 9, 10]),
            ("hub:5", Resume::Gap, vec![7, 8, 9, 10]),
            ("hub:11", Resume::Gap, vec![7, 8, 9, 10]),
            ("hub:18446744073709551615", Resume::Gap, vec![7, 8, 9, 10]),
            ("sensor:109", Resume::Whole, vec![10]),
            ("sensor:103", Resume::Gap, vec![7, 8, 9, 10]),
            ("other:8", Resume::Gap, vec![7, 8, 9, 10]),
        ] {
            assert_eq!(resumed(&relay, since).await, (resume, numbers), "{since}");
        }
    }

    #[tokio::test]
    async fn a_hub_without_messages_or_history_can_be_resumed_too() {
        let relay = relay(0);
        assert_eq!(resumed(&relay, "hub:0").await, (Resume::Whole, vec![]));
        publish(&relay, 1..=3);
        assert_eq!(resumed(&relay, "hub:3").await, (Resume::Whole, vec![]));
        assert_eq!(resumed(&relay, "hub:2").await, (Resume::Gap, vec![]));
    }

    #[test]
    fn the_history_is_bounded_in_bytes() {
        let relay = relay(usize::MAX);
        publish(&relay, 1..=1);
        let one = relay.lock().history_bytes;
        let relay = Relay::new("hub".to_owned(), Limits { messages: 100, bytes: 3 * one + 8 }, Arc::default());
        publish(&relay, 1..=9);
        assert_eq!(relay.lock().history.len(), 3);
    }

    #[tokio::test]
    async fn who_leaves_is_forgotten_and_after_the_end_nothing_is_taken() {
        let relay = relay(10);
        let (seat, ..) = relay.subscribe(queue(&relay), None);
        publish(&relay, 1..=2);
        assert_eq!(relay.snapshot().queued, 2);
        relay.snapshot().check().unwrap();
        drop(seat);
        assert_eq!((relay.snapshot().queued, relay.snapshot().dropped.of("gone")), (0, 2));
        relay.close();
        let id = MessageId::new("sensor", 1).unwrap();
        assert_eq!(relay.publish(Draft::system(id, "system.test", &1)), Err(Refused::Closing));
        relay.snapshot().check().unwrap();
        let (late, ..) = relay.subscribe(queue(&relay), None);
        assert!(matches!(late.queue().next(1).await, Next::End(_)));
    }
}
