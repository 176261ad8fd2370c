//! `/publish`: messages of a sensor in, over a WebSocket.
//!
//! The sensor says hello (`{"kind":"hello","version":1,"sensor":"lab"}`, with its `token` when it sent none before), is
//! welcomed, and sends messages, one a frame. `{"kind":"ack","taken":N}` tells it how many frames of this connection are dealt
//! with; of those, `{"kind":"refused","number":K,"reason":…}` names each that was not accepted. What was taken before, perhaps on
//! another connection, is dealt with: it is acknowledged, counted as a duplicate, and told to nobody again. With a broker, a
//! frame is dealt with when the broker has it; when that takes too long, the sensor is sent away, to send it again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, Utf8Bytes};
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::counters::{REFUSED, Refused, Turned};
use crate::entry::{Draft, is_reserved};
use crate::gate::Access;
use crate::hub::Shared;
use crate::intake::Intake;
use crate::message::{Message, Name, Version};
use crate::pace::Pace;
use crate::peers::{Part, Presence};
use crate::socket::{self, Farewell, GOING_AWAY, Heard, Socket, TOO_LONG, TRY_AGAIN};
use crate::tokens::Role;

/// No `Debug`: it may hold a token.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Hello {
    Hello { version: Version, sensor: Name, token: Option<String> },
}

/// What the hub says to a publisher.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Say<'a> {
    Welcome { version: Version, hub: &'a str, boot: &'a str, max_message_bytes: usize },
    Ack { taken: u64 },
    Refused { number: u64, reason: &'static str },
}

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let access = match shared.gate.admit(&headers, Role::Publish) {
        Ok(access) => access,
        Err(refusal) => return shared.refuse(refusal, address),
    };
    socket::bounded(upgrade, shared.options.max_message_bytes).on_upgrade(move |ws| async move {
        let mut socket = Socket::new(ws, shared.stop.clone(), shared.options.ping_interval);
        let farewell = session(&shared, &mut socket, access, address).await;
        socket.part(farewell).await;
    })
}

async fn session(shared: &Shared, socket: &mut Socket, access: Access, address: SocketAddr) -> Option<Farewell> {
    let sensor = match greeted(shared, socket, access).await {
        Ok(sensor) => sensor,
        Err((why, farewell)) => {
            why.inspect(|&why| shared.turn_away(why, address));
            return Some(farewell);
        }
    };
    let Ok(_place) = shared.publishers.try_acquire() else {
        shared.turn_away(Turned::Full, address);
        return Some((1013, "there are as many publishers as there may be"));
    };
    let presence = shared.peers.enter(Part::Publisher, sensor.as_str().to_owned(), address);
    tracing::info!(sensor = ?sensor.as_str(), %address, "publisher came");
    let welcome = Say::Welcome {
        version: Version,
        hub: &shared.options.name,
        boot: &shared.boot,
        max_message_bytes: shared.options.max_message_bytes,
    };
    let farewell = if socket.say(&welcome).await { messages(shared, socket, &sensor, &presence).await } else { None };
    tracing::info!(sensor = ?sensor.as_str(), %address, "publisher left");
    farewell
}

async fn greeted(shared: &Shared, socket: &mut Socket, access: Access) -> Result<Name, (Option<Turned>, Farewell)> {
    let text = socket
        .hello(shared.options.hello_timeout)
        .await
        .map_err(|farewell| ((farewell != GOING_AWAY).then_some(Turned::Hello), farewell))?;
    let Ok(Hello::Hello { version: Version, sensor, token }) = serde_json::from_str(&text) else {
        return Err((Some(Turned::Hello), (1008, "the hello of a publisher has kind, version and sensor")));
    };
    if access == Access::TokenInHello {
        let allowed = shared.gate.allow(token.as_deref().unwrap_or_default(), Role::Publish);
        allowed.map_err(|(why, _, words)| (Some(why), (1008, words)))?;
    }
    Ok(sensor)
}

async fn messages(shared: &Shared, socket: &mut Socket, sensor: &Name, presence: &Presence) -> Option<Farewell> {
    let mut pace = Pace::new(shared.options.max_messages_per_second);
    let mut intake = Intake::new(shared, presence);
    let mut told = 0;
    let mut ack_at = None;
    loop {
        let untold = intake.dealt() - told;
        if untold == 0 {
            ack_at = None;
        } else if untold >= ACK_EVERY {
            ack_at = Some(Instant::now());
        } else {
            ack_at.get_or_insert_with(|| Instant::now() + ACK_WITHIN);
        }
        let heard = tokio::select! {
            heard = intake.hear(socket) => heard,
            () = intake.changed() => {
                if !intake.settle() {
                    socket.say(&Say::Ack { taken: intake.dealt() }).await;
                    return Some(TRY_AGAIN);
                }
                continue;
            }
            () = sleep_until(ack_at.unwrap_or_else(Instant::now)), if ack_at.is_some() => {
                told = intake.dealt();
                if !socket.say(&Say::Ack { taken: told }).await {
                    return None;
                }
                continue;
            }
            () = shared.stop.begun() => {
                intake.finish().await;
                socket.say(&Say::Ack { taken: intake.dealt() }).await;
                return Some(GOING_AWAY);
            }
        };
        let frame = match heard {
            Heard::Message(frame) => frame,
            Heard::End(farewell) => {
                if farewell == Some(TOO_LONG) {
                    shared.counters.refuse(Refused::TooLong);
                }
                return farewell;
            }
        };
        if let Err(why) = take(&mut intake, &frame, sensor).await {
            let times = presence.refused();
            // A duplicate is a word on the connection before, not on this message.
            if times.is_power_of_two() && why != Refused::Duplicate {
                tracing::warn!(sensor = ?sensor.as_str(), reason = REFUSED[why as usize], times, "message refused");
            }
            if why != Refused::Duplicate
                && !socket.say(&Say::Refused { number: intake.taken(), reason: REFUSED[why as usize] }).await
            {
                return None;
            }
        }
        if pace.spend() {
            shared.counters.throttle();
            tokio::select! {
                () = pace.earned() => {}
                () = shared.stop.begun() => {}
            }
        }
    }
}

async fn take(intake: &mut Intake<'_>, frame: &Frame, sensor: &Name) -> Result<(), Refused> {
    match message(frame, sensor) {
        Ok((message, text)) => intake.take(Ok(Draft::message(&message, text)), Some((sensor, &message.id))).await,
        Err(why) => intake.take(Err(why), None).await,
    }
}

fn message<'a>(frame: &'a Frame, sensor: &Name) -> Result<(Message, &'a Utf8Bytes), Refused> {
    let Frame::Text(text) = frame else { return Err(Refused::Malformed) };
    let message = Message::from_json(text).map_err(|_| Refused::Malformed)?;
    if is_reserved(message.topic.as_str()) {
        return Err(Refused::Reserved);
    }
    if message.sensor.as_ref() != Some(sensor) {
        return Err(Refused::Sensor);
    }
    Ok((message, text))
}

/// Frames that are not told of at most: then an ack goes out at once.
const ACK_EVERY: u64 = 256;
/// How long a frame may be dealt with before its sensor is told.
const ACK_WITHIN: Duration = Duration::from_millis(50);
