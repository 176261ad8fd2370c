//! A subscriber that goes on behind a message which the hub's own history does not reach: fed from the stream, at its own
//! speed, until it has caught up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use crate::broker::Broker;
use crate::broker::connect::Found;
use crate::broker::parcel;
use crate::broker::reading::{Read, Reading, is_gone};
use crate::entry::Entry;
use crate::message::MessageId;
use crate::queue::{End, Queue};
use crate::relay::{Place, Relay, Resume, Seat};
use crate::socket::Farewell;

/// Where a subscriber that is fed from the stream is.
struct Feeding {
    broker: Arc<Broker>,
    relay: Arc<Relay>,
    queue: Arc<Queue>,
    /// Whose numbers these are.
    boot: String,
    behind: u64,
}

impl Broker {
    /// Seats a subscriber behind this message, wherever it is.
    ///
    /// # Errors
    ///
    /// The farewell when the history does not have it, and the broker does not answer.
    pub(crate) async fn seat(
        self: &Arc<Self>,
        relay: &Arc<Relay>,
        queue: Queue,
        since: &MessageId,
    ) -> Result<(Seat, Resume, Place), Farewell> {
        let (behind, resume) = match relay.find(since) {
            Some(behind) => (behind, Resume::Whole),
            None => match timeout(SEARCH, self.search(relay, since)).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) | Err(_) => return Err(AWAY),
            },
        };
        let seat = relay.reserve(queue);
        let place = relay.place();
        if relay.join(seat.queue(), behind) {
            return Ok((seat, resume, place));
        }
        let feeding = Feeding {
            broker: Arc::clone(self),
            relay: Arc::clone(relay),
            queue: Arc::clone(seat.queue()),
            boot: place.boot.clone(),
            behind,
        };
        let task = tokio::spawn(feeding.run());
        Ok((seat.refilled_by(task.abort_handle()), resume, place))
    }

    /// The number of this message in the stream, or the one to begin behind when it is not there.
    async fn search(&self, relay: &Relay, since: &MessageId) -> Result<(u64, Resume), String> {
        let _permit = self.searches.acquire().await.map_err(|error| error.to_string())?;
        let found = self.find().await?;
        if relay.place().boot != found.place.boot {
            return Err("the hub has not noticed yet that the stream is another one".to_owned());
        }
        let (number, oldest) = (since.sequence(), found.first - 1);
        if since.boot() != found.place.boot {
            return Ok(match sequence_of(&found, since).await? {
                Some(number) => (number, Resume::Whole),
                None => (relay.forgotten(), Resume::Gap),
            });
        }
        Ok(match number {
            // All that there is follows.
            _ if number < oldest => (oldest, Resume::Gap),
            // It may be ahead of what this hub has read.
            _ if number <= found.place.sequence => (number, Resume::Whole),
            _ => (relay.forgotten(), Resume::Gap),
        })
    }
}

impl Feeding {
    /// Feeds the queue until it joins the others, or ends. While NATS is away, the subscriber waits.
    async fn run(mut self) {
        while self.queue.drained().await {
            match self.feed().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(why) => {
                    tracing::debug!(why, "reads the stream anew for a subscriber");
                    sleep(REST).await;
                }
            }
        }
    }

    /// Feeds it as long as it is hungry; says whether that was all. One that is slow is to keep no place from others.
    async fn feed(&mut self) -> Result<bool, String> {
        let broker = Arc::clone(&self.broker);
        let _permit = broker.replays.acquire().await.map_err(|error| error.to_string())?;
        let found = broker.find().await?;
        if found.place.boot != self.boot {
            self.queue.close(End::Moved);
            return Ok(true);
        }
        let mut reading = Reading::open(&found, self.behind, AHEAD, false).await?;
        while timeout(PAUSE, self.queue.drained()).await == Ok(true) {
            let Some(entries) = self.batch(&mut reading).await? else {
                self.queue.close(End::Moved);
                return Ok(true);
            };
            self.queue.replay(entries.into_iter());
            if self.relay.join(&self.queue, self.behind) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next messages, one at least; nothing when some before them are gone.
    async fn batch(&mut self, reading: &mut Reading) -> Result<Option<Vec<Arc<Entry>>>, String> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut next = Some(reading.next().await?);
        while let Some(Read { message, sequence, .. }) = next {
            if is_gone(&self.broker, self.behind, sequence).await? {
                return Ok(None);
            }
            self.behind = sequence;
            if let Some(draft) = parcel::draft(&self.broker.name, &message.message) {
                let entry = Arc::new(draft.numbered(sequence));
                bytes += entry.len();
                entries.push(entry);
            }
            let full = entries.len() >= AHEAD || bytes > BATCH_BYTES;
            next = if full { None } else { reading.next().now_or_never().transpose()? };
        }
        Ok(Some(entries))
    }
}

/// The number of the message with this id, among the last of the stream.
async fn sequence_of(found: &Found, id: &MessageId) -> Result<Option<u64>, String> {
    let last = found.place.sequence;
    let behind = (found.first - 1).max(last.saturating_sub(SEARCHED));
    if behind >= last {
        return Ok(None);
    }
    let mut reading = Reading::open(found, behind, SEARCH_AHEAD, true).await?;
    loop {
        let Read { message, sequence, pending } = reading.next().await?;
        if message.headers.as_ref().and_then(parcel::id_of).as_ref() == Some(id) {
            return Ok(Some(sequence));
        }
        if sequence >= last || pending == 0 {
            return Ok(None);
        }
    }
}

/// How long a subscriber may take for what it got before another may be fed.
const PAUSE: Duration = Duration::from_secs(1);
const AWAY: Farewell = (1013, "the broker does not answer: come again with since");
/// How long a message is looked for.
const SEARCH: Duration = Duration::from_secs(10);
/// Among how many of the last messages an id is looked for.
const SEARCHED: u64 = 1_000_000;
/// Messages whose headers are asked for before they are wanted.
const SEARCH_AHEAD: usize = 4096;
/// Messages that are asked for before they are wanted, and that wait for the subscriber.
const AHEAD: usize = 32;
/// Bytes of them, but for the last message.
const BATCH_BYTES: usize = 1 << 20;
/// How long to wait after something went wrong.
const REST: Duration = Duration::from_millis(250);
