//! What every hub does: read the stream, and offer it to the hub's own subscribers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::sleep;

use crate::broker::connect::Broker;
use crate::broker::parcel;
use crate::broker::reading::{Read, Reading, is_gone};
use crate::hub::Shared;
use crate::relay::{Place, Relay};

/// Reads the stream until the hub ends; whatever happens to NATS, it goes on behind the last message that was read.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let Some(broker) = &shared.broker else { return };
    let following = async {
        let mut times = 0_u64;
        loop {
            let Err(why) = read(broker, &shared.relay).await;
            times += 1;
            if times.is_power_of_two() {
                tracing::info!(why, times, "reads the stream anew");
            }
            sleep(REST).await;
        }
    };
    tokio::select! {
        () = following => {}
        () = shared.stop.begun() => {}
    }
}

/// Reads until something is wrong; then tells what.
async fn read(broker: &Broker, relay: &Relay) -> Result<std::convert::Infallible, String> {
    let mut link = broker.link();
    let connection = link.wait_for(|link| link.connected).await.map_err(|error| error.to_string())?.number;
    let found = broker.find().await?;
    let here = relay.place();
    // What was told of is not there: the stream is another one, or was set back.
    if found.place.boot != here.boot || found.place.sequence < here.sequence {
        tracing::warn!(stream = broker.name, "the stream is another one: subscribers are told of a gap");
        // Nothing of it was read yet.
        relay.restart(Place { sequence: found.first - 1, boot: found.place.boot.clone() });
    } else if found.first > here.sequence + 1 {
        miss(broker, relay, here, found.first - 1);
    }
    let behind = relay.place();
    let mut reading = Reading::open(&found, behind.sequence, AHEAD, false).await?;
    broker.tally.lag.store(found.place.sequence.saturating_sub(behind.sequence), Relaxed);
    loop {
        let Read { message, sequence, pending } = tokio::select! {
            read = reading.next() => read?,
            _ = link.wait_for(|link| link.connected && link.number != connection) => {
                return Err("the connection is another one".to_owned());
            }
        };
        let here = relay.sequence();
        if is_gone(broker, here, sequence).await? {
            miss(broker, relay, relay.place(), sequence - 1);
        }
        match parcel::draft(&broker.name, &message.message) {
            Some(draft) => relay.follow(draft, sequence),
            None => {
                let times = broker.tally.unreadable.fetch_add(1, Relaxed) + 1;
                if times.is_power_of_two() {
                    tracing::warn!(subject = %message.subject, sequence, times, "what is no message of ours is left out");
                }
                relay.skip(sequence);
            }
        }
        broker.tally.lag.store(pending, Relaxed);
    }
}

/// The stream dropped what comes behind this place, up to that number.
fn miss(broker: &Broker, relay: &Relay, behind: Place, upto: u64) {
    let messages = upto.saturating_sub(behind.sequence);
    broker.tally.missed.fetch_add(messages, Relaxed);
    tracing::warn!(messages, "the stream dropped messages before they were read: subscribers are told of a gap");
    relay.restart(Place { sequence: upto, ..behind });
}

/// Messages that are asked for before they are wanted.
const AHEAD: usize = 256;
/// How long to wait after something went wrong.
const REST: Duration = Duration::from_millis(250);
