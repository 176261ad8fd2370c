//! What waits for one subscriber: a bounded ring, and what happens when it is full.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::Notify;

use crate::counters::{Counters, Dropped};
use crate::entry::{Entry, Form};
use crate::pattern::Filter;

/// What happens to a subscriber whose ring is full.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Policy {
    /// Its oldest messages go, and it is told how many, where they would have been.
    #[default]
    DropOldest,
    /// It is told to leave, with the reason.
    Disconnect,
}

/// How much may wait for a subscriber.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The ring was full, under [`Policy::Disconnect`].
    Slow,
    /// The hub closes.
    Closing,
    /// What the broker has is no longer what it was: messages in between are lost.
    #[cfg(feature = "nats")]
    Moved,
}

/// What a subscriber is to be sent next.
#[derive(Debug)]
pub(crate) enum Next {
    /// So many are lost here, then come these; none of it is empty at once.
    Messages(u64, Vec<Arc<Entry>>),
    /// It is over.
    End(End),
}

/// The ring of one subscriber. When it is dropped, what is left in it counts as lost.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) form: Form,
    filter: Filter,
    policy: Policy,
    limits: Limits,
    counters: Arc<Counters>,
    state: Mutex<State>,
    ready: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What the history had for it: bounded by that, and shared with it.
    backlog: VecDeque<Arc<Entry>>,
    ring: VecDeque<Arc<Entry>>,
    ring_bytes: usize,
    untold: u64,
    taken: u64,
    end: Option<End>,
    delivered: u64,
    dropped: u64,
}

impl Queue {
    pub(crate) fn new(form: Form, filter: Filter, policy: Policy, limits: Limits, counters: Arc<Counters>) -> Self {
        Self {
            form,
            filter,
            policy,
            limits,
            counters,
            state: Mutex::default(),
            ready: Notify::new(),
            drained: Notify::new(),
        }
    }

    /// Whether its subscriber wants this message.
    pub(crate) fn wants(&self, entry: &Entry) -> bool {
        entry.has(self.form) && self.filter.takes(entry.topic(), entry.sensor())
    }

    /// Puts what the history has in front of all else.
    pub(crate) fn replay(&self, entries: impl Iterator<Item = Arc<Entry>>) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        let before = state.backlog.len();
        state.backlog.extend(entries.filter(|entry| self.wants(entry)));
        self.counters.offer((state.backlog.len() - before) as u64);
        self.ready.notify_one();
    }

    /// Waits until all of the backlog was taken; says whether more of it is of use.
    #[cfg(feature = "nats")]
    pub(crate) async fn drained(&self) -> bool {
        loop {
            {
                let state = self.lock();
                if state.end.is_some() || state.backlog.is_empty() {
                    return state.end.is_none();
                }
            }
            self.drained.notified().await;
        }
    }

    /// Offers a message that is wanted; false when it is over, and nothing is wanted any more. The relay counts what was offered.
    #[must_use]
    pub(crate) fn push(&self, entry: &Arc<Entry>) -> bool {
        let mut state = self.lock();
        if state.end.is_some() {
            return false;
        }
        // Whoever waits found nothing; with anything there, it was told, and has not looked yet.
        let may_wait = state.ring.is_empty();
        state.ring_bytes += entry.len();
        state.ring.push_back(Arc::clone(entry));
        let full = |state: &State| state.ring.len() > self.limits.messages || state.ring_bytes > self.limits.bytes;
        if full(&state) && self.policy == Policy::Disconnect {
            state.end = Some(End::Slow);
            let waiting = state.waiting();
            self.drop_all(&mut state, Dropped::Slow, waiting);
        }
        // The newest stays, whatever its size: it is bounded by that of a message.
        while full(&state) && state.ring.len() > 1 {
            state.pop();
            state.untold += 1;
            state.dropped += 1;
            self.counters.lose(Dropped::Oldest, 1);
        }
        drop(state);
        if may_wait {
            self.ready.notify_one();
        }
        true
    }

    /// Nothing comes any more; what waits may still be taken.
    pub(crate) fn close(&self, why: End) {
        self.lock().end.get_or_insert(why);
        self.ready.notify_one();
        self.drained.notify_one();
    }

    /// Waits for what comes next. What is given counts as waiting until [`Queue::delivered`].
    ///
    /// To be dropped while it waits is harmless.
    pub(crate) async fn next(&self, messages: usize) -> Next {
        loop {
            if let Some(next) = self.take(messages) {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// All that was taken is with the system.
    pub(crate) fn delivered(&self) {
        let mut state = self.lock();
        self.counters.deliver(state.taken);
        if self.form == Form::Dumpling {
            self.counters.feed_eater(state.taken);
        }
        state.delivered += state.taken;
        state.taken = 0;
    }

    /// Messages that wait, that were delivered, that were dropped.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let state = self.lock();
        (state.waiting() + state.taken, state.delivered, state.dropped)
    }

    fn take(&self, messages: usize) -> Option<Next> {
        let mut state = self.lock();
        let from_backlog = !state.backlog.is_empty();
        let waiting = if from_backlog { state.backlog.len() } else { state.ring.len() };
        let mut batch = Vec::with_capacity(waiting.min(messages));
        let mut bytes = 0;
        while batch.len() < messages && bytes < BATCH_BYTES {
            let next = if from_backlog { state.backlog.pop_front() } else { state.pop() };
            let Some(entry) = next else { break };
            bytes += entry.len();
            batch.push(entry);
        }
        state.taken += batch.len() as u64;
        if from_backlog && state.backlog.is_empty() {
            self.drained.notify_one();
        }
        // What the ring lost is younger than the backlog and older than the ring.
        let lost = if from_backlog { 0 } else { std::mem::take(&mut state.untold) };
        if lost == 0 && batch.is_empty() {
            return state.end.map(Next::End);
        }
        Some(Next::Messages(lost, batch))
    }

    fn drop_all(&self, state: &mut State, why: Dropped, messages: u64) {
        state.backlog.clear();
        state.ring.clear();
        state.ring_bytes = 0;
        state.dropped += messages;
        self.counters.lose(why, messages);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics in here; if it did, numbers would be wrong, not memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut state = std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        let why = if state.end == Some(End::Closing) { Dropped::Closing } else { Dropped::Gone };
        let messages = state.waiting() + state.taken;
        self.drop_all(&mut state, why, messages);
    }
}

impl State {
    fn waiting(&self) -> u64 {
        (self.backlog.len() + self.ring.len()) as u64
    }

    fn pop(&mut self) -> Option<Arc<Entry>> {
        let entry = self.ring.pop_front()?;
        self.ring_bytes -= entry.len();
        Some(entry)
    }
}

/// Bytes that are taken at once, but for the last message of them.
const BATCH_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::entry::Draft;
    use crate::message::MessageId;

    fn entry(sequence: u64) -> Arc<Entry> {
        let id = MessageId::new("b", sequence).unwrap();
        Arc::new(Draft::system(id, "system.test", &sequence).numbered(sequence))
    }

    fn queue(policy: Policy, messages: usize, bytes: usize) -> (Queue, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let limits = Limits { messages, bytes };
        (Queue::new(Form::Own, Filter::default(), policy, limits, Arc::clone(&counters)), counters)
    }

    fn push(queue: &Queue, sequences: std::ops::RangeInclusive<u64>) {
        let offered = sequences.filter(|&sequence| queue.push(&entry(sequence))).count();
        queue.counters.offer(offered as u64);
    }

    fn taken(queue: &Queue) -> (u64, Vec<u64>) {
        match queue.take(100).unwrap() {
            Next::Messages(lost, batch) => (lost, batch.iter().map(|entry| entry.sequence).collect()),
            Next::End(end) => panic!("{end:?}"),
        }
    }

    #[test]
    fn the_oldest_go_and_are_told_between_backlog_and_ring() {
        let (queue, counters) = queue(Policy::DropOldest, 2, usize::MAX);
        queue.replay((1..=3).map(entry));
        push(&queue, 4..=8);
        assert_eq!(taken(&queue), (0, vec![1, 2, 3]));
        assert_eq!(taken(&queue), (3, vec![7, 8]));
        queue.delivered();
        assert!(queue.take(100).is_none());
        assert_eq!(queue.counts(), (0, 5, 3));
        let snapshot = counters.snapshot(0);
        snapshot.check().unwrap();
        assert_eq!((snapshot.offered, snapshot.delivered, snapshot.dropped.of("oldest")), (8, 5, 3));
    }

    #[test]
    fn bytes_bound_the_ring_too() {
        let one = entry(1).len();
        let (queue, _) = queue(Policy::DropOldest, 100, 3 * one);
        push(&queue, 1..=9);
        assert_eq!(taken(&queue), (6, vec![7, 8, 9]));
    }

    #[test]
    fn a_full_ring_ends_where_the_policy_says_so() {
        let (queue, counters) = queue(Policy::Disconnect, 2, usize::MAX);
        push(&queue, 1..=4);
        assert!(matches!(queue.take(100), Some(Next::End(End::Slow))));
        let snapshot = counters.snapshot(0);
        // The fourth came when it was over: nobody wanted it.
        assert_eq!((snapshot.offered, snapshot.dropped.of("slow")), (3, 3));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_waits_is_woken_for_all_that_comes() {
        let (queue, _) = queue(Policy::DropOldest, usize::MAX, usize::MAX);
        let queue = Arc::new(queue);
        let pushing = Arc::clone(&queue);
        let pusher = std::thread::spawn(move || {
            for sequence in 1..=20_000 {
                push(&pushing, sequence..=sequence);
            }
        });
        let mut last = 0;
        while last < 20_000 {
            let next = timeout(Duration::from_secs(10), queue.next(3)).await.expect("nobody is left waiting");
            let Next::Messages(0, batch) = next else { panic!("{next:?} behind {last}") };
            batch.iter().for_each(|entry| assert_eq!(entry.sequence, std::mem::replace(&mut last, entry.sequence) + 1));
            queue.delivered();
        }
        pusher.join().unwrap();
    }

    #[test]
    fn what_is_left_counts_as_lost() {
        let (queue, counters) = queue(Policy::DropOldest, 10, usize::MAX);
        push(&queue, 1..=4);
        assert!(matches!(queue.take(1), Some(Next::Messages(0, _))));
        assert_eq!(queue.counts(), (4, 0, 0));
        drop(queue);
        assert_eq!(counters.snapshot(0).dropped.of("gone"), 4);
    }
}
