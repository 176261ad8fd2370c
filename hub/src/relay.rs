//! The relay: every accepted message gets a number, goes into the history, and into the ring of each who wants it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::task::AbortHandle;

use crate::counters::{Counters, Refused, Snapshot};
use crate::entry::{Draft, Entry};
use crate::message::MessageId;
use crate::queue::{End, Limits, Queue};

/// Where publishers and subscribers meet.
#[derive(Debug)]
pub(crate) struct Relay {
    history: Limits,
    counters: Arc<Counters>,
    /// Numbers are those of a broker's stream, and messages come from there.
    follows: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whose numbers these are.
    boot: String,
    sequence: u64,
    /// Every message behind this one is in the history.
    forgotten: u64,
    history: VecDeque<Arc<Entry>>,
    history_bytes: usize,
    seats: Vec<Listener>,
    closed: bool,
}

/// A queue, and the number behind which it wants messages.
#[derive(Debug)]
struct Listener {
    after: u64,
    queue: Arc<Queue>,
}

/// Where a subscriber's messages begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resume {
    /// With the next that comes: it named none.
    Fresh,
    /// Right behind the position that it named, or with a broker the message.
    Whole,
    /// Behind the message whose id it named, or with the oldest of the history when what it named is not there: some in between
    /// may be lost.
    Gap,
}

/// A position of the relay.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Whose numbers these are.
    pub(crate) boot: String,
    /// The number of the last message.
    pub(crate) sequence: u64,
}

/// A subscriber's place in the relay, which it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    relay: Arc<Relay>,
    queue: Arc<Queue>,
    /// Fills its queue until it has caught up.
    refill: Option<AbortHandle>,
}

impl Relay {
    pub(crate) fn new(boot: String, history: Limits, counters: Arc<Counters>) -> Self {
        Self { history, counters, follows: false, state: Mutex::new(State { boot, ..State::default() }) }
    }

    /// A relay of what a broker's stream has behind this place.
    pub(crate) fn following(place: Place, history: Limits, counters: Arc<Counters>) -> Self {
        let Place { boot, sequence } = place;
        let state = State { boot, sequence, forgotten: sequence, ..State::default() };
        Self { history, counters, follows: true, state: Mutex::new(state) }
    }

    /// Takes a message, and gives it to all who want it.
    ///
    /// Where a broker numbers, only messages of the hub itself come here: they go out under the number of the last one of the
    /// stream, and are not remembered.
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
        if self.follows {
            let entry = Arc::new(draft.numbered(state.sequence));
            let offered = state.offer(&entry, entry.sequence.saturating_add(1));
            self.counters.offer(offered);
            return Ok(());
        }
        state.sequence += 1;
        let entry = Arc::new(draft.numbered(state.sequence));
        state.remember(Arc::clone(&entry), self.history);
        let offered = state.offer(&entry, entry.sequence);
        self.counters.offer(offered);
        Ok(())
    }

    /// Seats a subscriber; behind this message of the history when it names one. Where a broker numbers, who names one is seated
    /// by the broker.
    pub(crate) fn subscribe(self: &Arc<Self>, queue: Queue, since: Option<&MessageId>) -> (Seat, Resume, Place) {
        let queue = Arc::new(queue);
        let mut state = self.lock();
        let behind = since.map(|since| state.behind(since));
        let resume = match (since, behind) {
            (None, _) => Resume::Fresh,
            (Some(since), Some(Some(_))) if since.boot() == state.boot => Resume::Whole,
            // A message's own id proves nothing: it may have been sent again to us, and what others told the hub before us not.
            _ => Resume::Gap,
        };
        if let Some(behind) = behind {
            state.replay(&queue, behind.unwrap_or(state.forgotten));
        }
        let place = state.place();
        state.seat(&queue, 0);
        drop(state);
        (self.seat_of(queue), resume, place)
    }

    /// Takes nothing more; subscribers still get what waits for them, then the end.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.seats.iter().for_each(|seat| seat.queue.close(End::Closing));
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let queued = state.seats.iter().map(|seat| seat.queue.counts().0).sum();
        self.counters.snapshot(queued)
    }

    /// The last message.
    pub(crate) fn place(&self) -> Place {
        self.lock().place()
    }

    fn seat_of(self: &Arc<Self>, queue: Arc<Queue>) -> Seat {
        Seat { relay: Arc::clone(self), queue, refill: None }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is only with a broker.
#[cfg(feature = "nats")]
impl Relay {
    /// Takes the next message of the stream, and gives it to all who want it.
    pub(crate) fn follow(&self, draft: Draft, sequence: u64) {
        let mut state = self.lock();
        if state.closed || sequence <= state.sequence {
            return;
        }
        state.sequence = sequence;
        let entry = Arc::new(draft.numbered(sequence));
        state.remember(Arc::clone(&entry), self.history);
        let offered = state.offer(&entry, sequence);
        self.counters.offer(offered);
    }

    /// The stream has nothing for us up to this number.
    pub(crate) fn skip(&self, sequence: u64) {
        let mut state = self.lock();
        state.sequence = state.sequence.max(sequence);
    }

    /// Begins anew: the stream is another one, or lacks what comes next. Who is there is sent away, and told of it when it
    /// comes back with the number that it had.
    pub(crate) fn restart(&self, place: Place) {
        let mut state = self.lock();
        (state.boot, state.sequence, state.forgotten) = (place.boot, place.sequence, place.sequence);
        state.history.clear();
        state.history_bytes = 0;
        state.seats.iter().for_each(|seat| seat.queue.close(End::Moved));
    }

    /// The number of this message, if it is in the history or the last that was forgotten.
    pub(crate) fn find(&self, since: &MessageId) -> Option<u64> {
        self.lock().behind(since)
    }

    /// The number behind which everything is in the history.
    pub(crate) fn forgotten(&self) -> u64 {
        self.lock().forgotten
    }

    /// Seats a subscriber that gets nothing before [`Relay::join`].
    pub(crate) fn reserve(self: &Arc<Self>, queue: Queue) -> Seat {
        let queue = Arc::new(queue);
        self.lock().seat(&queue, u64::MAX);
        self.seat_of(queue)
    }

    /// The number of the last message.
    pub(crate) fn sequence(&self) -> u64 {
        self.lock().sequence
    }

    /// Lets a subscriber go on by itself behind this number, with what the history has behind it. Says whether that is all that
    /// there is; if not, nothing is done.
    pub(crate) fn join(&self, queue: &Arc<Queue>, at: u64) -> bool {
        let mut state = self.lock();
        if at < state.forgotten {
            return false;
        }
        state.replay(queue, at);
        if let Some(seat) = state.seats.iter_mut().find(|seat| Arc::ptr_eq(&seat.queue, queue)) {
            seat.after = at;
        }
        true
    }
}

impl State {
    fn remember(&mut self, entry: Arc<Entry>, limits: Limits) {
        self.history_bytes += entry.len();
        self.history.push_back(entry);
        while self.history.len() > limits.messages || self.history_bytes > limits.bytes {
            let Some(oldest) = self.history.pop_front() else { break };
            self.history_bytes -= oldest.len();
            self.forgotten = oldest.sequence;
        }
    }

    /// Gives a message to all who want what comes before this number; says how many they were.
    fn offer(&self, entry: &Arc<Entry>, before: u64) -> u64 {
        let wanting = self.seats.iter().filter(|seat| seat.after < before && seat.queue.wants(entry));
        wanting.filter(|seat| seat.queue.push(entry)).count() as u64
    }

    fn seat(&mut self, queue: &Arc<Queue>, after: u64) {
        if self.closed {
            queue.close(End::Closing);
        }
        self.seats.push(Listener { after, queue: Arc::clone(queue) });
    }

    fn replay(&self, queue: &Queue, behind: u64) {
        let first = self.history.partition_point(|entry| entry.sequence <= behind);
        queue.replay(self.history.range(first..).cloned());
    }

    /// The number of this message, which is a number of ours or a message's own id. Everything behind it is in the history.
    fn behind(&self, since: &MessageId) -> Option<u64> {
        if since.boot() != self.boot {
            return self.history.iter().rfind(|entry| entry.id() == Some(since)).map(|entry| entry.sequence);
        }
        // The one before the oldest is enough: nothing lies in between.
        Some(since.sequence()).filter(|number| (self.forgotten..=self.sequence).contains(number))
    }

    fn place(&self) -> Place {
        Place { boot: self.boot.clone(), sequence: self.sequence }
    }
}

impl Seat {
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// This task fills the queue; it ends with the seat.
    #[cfg(feature = "nats")]
    pub(crate) fn refilled_by(mut self, task: AbortHandle) -> Self {
        self.refill = Some(task);
        self
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(refill) = &self.refill {
            refill.abort();
        }
        self.relay.lock().seats.retain(|seat| !Arc::ptr_eq(&seat.queue, &self.queue));
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
        seat.queue().close(End::Closing);
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
            ("sensor:109", Resume::Gap, vec![10]),
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
