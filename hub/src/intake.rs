//! Where a publisher's messages go: to the relay at once, or to the broker, which says later that it has them.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::timeout;

use crate::broker::Outbox;
use crate::counters::Refused;
use crate::entry::Draft;
use crate::hub::Shared;
use crate::message::{MessageId, Name};
use crate::peers::Presence;
use crate::socket::{Heard, Socket};
use crate::taken::Last;

/// The messages of one connection, by their number on it.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    shared: &'a Shared,
    presence: &'a Presence,
    taken: u64,
    start: Start,
    /// With a broker: what goes there.
    outbox: Option<Outbox>,
    /// Of what the outbox stored, how much was settled here.
    settled: u64,
    /// Numbers of those that it has not stored yet, in order.
    waiting: VecDeque<u64>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(shared: &'a Shared, presence: &'a Presence) -> Self {
        let outbox = shared.broker.as_ref().map(|broker| broker.outbox(&shared.counters, &shared.stop));
        Self { shared, presence, taken: 0, start: Start::default(), outbox, settled: 0, waiting: VecDeque::new() }
    }

    /// Takes the next message, or counts why there is none. Of whom it is and its id tell whether it was taken before; a broker
    /// knows that by itself, and what has no id comes once.
    ///
    /// # Errors
    ///
    /// Why it is refused. It is counted either way, of the hub and of the publisher, once it is known.
    pub(crate) async fn take(
        &mut self,
        draft: Result<Draft, Refused>,
        origin: Option<(&Name, &MessageId)>,
    ) -> Result<(), Refused> {
        self.taken += 1;
        let refused = match (draft, &self.outbox) {
            (Ok(draft), None) => match self.start.take(self.shared, origin, draft) {
                Ok(()) => {
                    self.presence.accepted();
                    return Ok(());
                }
                // It is counted there.
                Err(why) => return Err(why),
            },
            (Ok(draft), Some(outbox)) => match outbox.put(draft, || self.shared.dumpling_id()).await {
                Ok(()) => {
                    self.waiting.push_back(self.taken);
                    return Ok(());
                }
                Err(why) => why,
            },
            (Err(why), _) => why,
        };
        self.shared.counters.refuse(refused);
        Err(refused)
    }

    /// What the publisher says next; it is not read while the broker has enough to do with what it said before.
    ///
    /// To be dropped while it waits is harmless.
    pub(crate) async fn hear(&self, socket: &mut Socket) -> Heard {
        if let Some(outbox) = &self.outbox {
            outbox.room().await;
        }
        socket.heard().await
    }

    /// Waits for the broker to say something. Without one, for ever.
    pub(crate) async fn changed(&self) {
        match &self.outbox {
            Some(outbox) => outbox.changed(self.settled).await,
            None => std::future::pending().await,
        }
    }

    /// Takes notice of what the broker stored; says whether it goes on, or gave a message up.
    pub(crate) fn settle(&mut self) -> bool {
        let Some(outbox) = &self.outbox else { return true };
        let (stored, gave_up) = outbox.progress();
        for _ in self.settled..stored {
            self.waiting.pop_front();
            self.presence.accepted();
        }
        self.settled = stored;
        !gave_up
    }

    /// Gives the broker a moment for what it has not stored yet.
    pub(crate) async fn finish(&mut self) {
        let finishing = async {
            while !self.waiting.is_empty() && self.settle() {
                self.changed().await;
            }
        };
        let _ = timeout(FINISHING, finishing).await;
        self.settle();
    }

    /// Messages so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Of those, how many are dealt with: accepted or refused, with none before them that is neither.
    pub(crate) fn dealt(&self) -> u64 {
        self.waiting.front().map_or(self.taken, |first| first - 1)
    }
}

/// The start of the sensor that a connection sends messages of. It is another when a spool holds messages of an earlier one.
#[derive(Debug, Default)]
struct Start {
    boot: String,
    last: Last,
}

impl Start {
    /// Takes the message if it was not taken before. One connection at a time does: another may still hold what was sent
    /// before it broke.
    fn take(&mut self, shared: &Shared, origin: Option<(&Name, &MessageId)>, draft: Draft) -> Result<(), Refused> {
        let Some((sensor, id)) = origin else { return shared.relay.publish(draft) };
        if self.boot != id.boot() {
            self.boot = id.boot().to_owned();
            self.last = shared.taken.of(sensor.as_str(), &self.boot);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last >= Some(id.sequence()) {
            shared.counters.refuse(Refused::Duplicate);
            return Err(Refused::Duplicate);
        }
        shared.relay.publish(draft)?;
        *last = Some(id.sequence());
        Ok(())
    }
}

/// How long the broker may take when the hub ends.
const FINISHING: Duration = Duration::from_secs(1);
