//! `/subscribe`: messages out, over a WebSocket.
//!
//! The subscriber says hello (`{"kind":"hello","version":1,"topics":["dns.*"],"since":"boot:17","policy":"disconnect"}`; all
//! but kind and version may be absent), is welcomed, and gets `{"kind":"message","sequence":N,"message":{…}}`, and where it was
//! too slow, `{"kind":"lost","messages":N}`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::counters::Turned;
use crate::entry::Form;
use crate::gate::Access;
use crate::hub::Shared;
use crate::message::{MessageId, Name, Version};
use crate::pattern::{Filter, Pattern};
use crate::peers::Part;
use crate::queue::{End, Limits, Next, Policy, Queue};
use crate::relay::{Place, Resume, Seat};
use crate::socket::{self, Farewell, GOING_AWAY, HELLO_BYTES, Heard, Socket};
use crate::tokens::Role;

/// No `Debug`: it may hold a token.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Hello {
    Hello {
        version: Version,
        name: Option<Name>,
        #[serde(default)]
        topics: Vec<Pattern>,
        #[serde(default)]
        sensors: Vec<Pattern>,
        since: Option<MessageId>,
        #[serde(default)]
        policy: Policy,
        queue_messages: Option<usize>,
        token: Option<String>,
    },
}

/// What the hub says to a subscriber, besides messages.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Say<'a> {
    Welcome { version: Version, hub: &'a str, boot: &'a str, sequence: u64, resume: Resume },
    Lost { messages: u64 },
}

impl<'a> Say<'a> {
    pub(crate) fn welcome(shared: &'a Shared, place: &'a Place, resume: Resume) -> Self {
        Self::Welcome {
            version: Version,
            hub: &shared.options.name,
            boot: &place.boot,
            sequence: place.sequence,
            resume,
        }
    }
}

/// What a subscriber asked for.
struct Wish {
    name: String,
    queue: Queue,
    since: Option<MessageId>,
}

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let access = match shared.gate.admit(&headers, Role::Subscribe) {
        Ok(access) => access,
        Err(refusal) => return shared.refuse(refusal, address),
    };
    socket::bounded(upgrade, HELLO_BYTES).on_upgrade(move |ws| async move {
        let mut socket = Socket::new(ws, shared.stop.clone(), shared.options.ping_interval);
        let farewell = session(&shared, &mut socket, access, address).await;
        socket.part(farewell).await;
    })
}

async fn session(shared: &Shared, socket: &mut Socket, access: Access, address: SocketAddr) -> Option<Farewell> {
    let wish = match greeted(shared, socket, access).await {
        Ok(wish) => wish,
        Err((why, farewell)) => {
            why.inspect(|&why| shared.turn_away(why, address));
            return Some(farewell);
        }
    };
    let (seat, resume, place) = match seat(shared, wish.queue, wish.since.as_ref()).await {
        Ok(seated) => seated,
        Err(farewell) => return Some(farewell),
    };
    let _presence = shared.peers.enter(Part::Subscriber(Arc::clone(seat.queue())), wish.name.clone(), address);
    tracing::info!(name = ?wish.name, %address, "subscriber came");
    let farewell =
        if socket.say(&Say::welcome(shared, &place, resume)).await { feed(socket, seat.queue()).await } else { None };
    tracing::info!(name = ?wish.name, %address, "subscriber left");
    farewell
}

async fn greeted(shared: &Shared, socket: &mut Socket, access: Access) -> Result<Wish, (Option<Turned>, Farewell)> {
    let wrong = |words| (Some(Turned::Hello), (1008, words));
    let text = socket
        .hello(shared.options.hello_timeout)
        .await
        .map_err(|farewell| ((farewell != GOING_AWAY).then_some(Turned::Hello), farewell))?;
    let Ok(hello) = serde_json::from_str(&text) else {
        return Err(wrong("the hello of a subscriber has kind and version, and what docs/hub.md tells"));
    };
    let Hello::Hello { version: Version, name, topics, sensors, since, policy, queue_messages, token } = hello;
    if access == Access::TokenInHello {
        let allowed = shared.gate.allow(token.as_deref().unwrap_or_default(), Role::Subscribe);
        allowed.map_err(|(why, _, words)| (Some(why), (1008, words)))?;
    }
    let filter = Filter::new(topics, sensors).map_err(wrong)?;
    let most = shared.options.queue_messages;
    let limits = Limits {
        messages: queue_messages.map_or(most, |wanted| wanted.clamp(1, most)),
        bytes: shared.options.queue_bytes,
    };
    let queue = Queue::new(Form::Own, filter, policy, limits, Arc::clone(&shared.counters));
    Ok(Wish { name: name.map_or_else(|| "nameless".to_owned(), String::from), queue, since })
}

/// Seats a subscriber: behind the message that it names, in the history or in the stream of the broker.
///
/// # Errors
///
/// The farewell of one whose message is not in the history while the broker does not answer.
pub(crate) async fn seat(
    shared: &Shared,
    queue: Queue,
    since: Option<&MessageId>,
) -> Result<(Seat, Resume, Place), Farewell> {
    let (Some(broker), Some(since)) = (&shared.broker, since) else {
        return Ok(shared.relay.subscribe(queue, since));
    };
    tokio::select! {
        seated = broker.seat(&shared.relay, queue, since) => seated,
        () = shared.stop.begun() => Err(GOING_AWAY),
    }
}

/// Sends what the queue has until nothing more comes, or nobody takes it.
pub(crate) async fn feed(socket: &mut Socket, queue: &Queue) -> Option<Farewell> {
    loop {
        let next = tokio::select! {
            next = queue.next(BATCH) => next,
            heard = socket.heard() => match heard {
                // A subscriber that talks is not answered.
                Heard::Message(_) => continue,
                Heard::End(farewell) => return farewell,
            },
        };
        match next {
            Next::Messages(lost, batch) => {
                // An eater has no word for what it lost.
                if lost > 0 && queue.form == Form::Own && !socket.say(&Say::Lost { messages: lost }).await {
                    return None;
                }
                if !socket.send(batch.iter().filter_map(|entry| entry.wire(queue.form))).await {
                    return None;
                }
                queue.delivered();
            }
            Next::End(End::Slow) => return Some((1008, "too slow: its ring was full")),
            Next::End(End::Closing) => return Some(GOING_AWAY),
            #[cfg(feature = "nats")]
            Next::End(End::Moved) => return Some((1012, "messages of the broker are lost: come again with since")),
        }
    }
}

/// Messages that are written at once.
const BATCH: usize = 256;
