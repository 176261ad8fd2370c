//! Kitchens: dumplings in.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::Message as Frame;
use axum::extract::{ConnectInfo, RawQuery, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use crate::compat;
use crate::compat::dumpling;
use crate::counters::{REFUSED, Refused, Turned};
use crate::entry::Draft;
use crate::hub::Shared;
use crate::intake::Intake;
use crate::pace::Pace;
use crate::peers::{Part, Presence};
use crate::socket::{self, Farewell, GOING_AWAY, Heard, Socket, TOO_LONG, TRY_AGAIN};
use crate::tokens::Role;

/// What its hub needs of a hello; the rest is only repeated.
#[derive(Deserialize)]
struct Hello {
    kitchen_name: String,
}

pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = shared.gate.admit_compat(&headers, query.as_deref(), Role::Publish) {
        return shared.refuse(refusal, address);
    }
    socket::bounded(upgrade, shared.options.max_message_bytes).on_upgrade(move |ws| async move {
        let mut socket = Socket::new(ws, shared.stop.clone(), shared.options.ping_interval);
        let farewell = session(&shared, &mut socket, address).await;
        socket.part(farewell).await;
    })
}

async fn session(shared: &Shared, socket: &mut Socket, address: SocketAddr) -> Option<Farewell> {
    let (Hello { kitchen_name }, text) = match compat::hello(socket, shared).await {
        Ok(hello) => hello,
        Err(GOING_AWAY) => return Some(GOING_AWAY),
        Err(farewell) => {
            shared.turn_away(Turned::Hello, address);
            return Some(farewell);
        }
    };
    let Ok(_place) = shared.publishers.try_acquire() else {
        shared.turn_away(Turned::Full, address);
        return Some((1013, "there are as many publishers as there may be"));
    };
    let presence = shared.peers.enter(Part::Kitchen(text), kitchen_name.clone(), address);
    tracing::info!(kitchen = ?kitchen_name, %address, "kitchen came");
    let farewell = dumplings(shared, socket, &kitchen_name, &presence).await;
    tracing::info!(kitchen = ?kitchen_name, %address, "kitchen left");
    farewell
}

async fn dumplings(shared: &Shared, socket: &mut Socket, name: &str, presence: &Presence) -> Option<Farewell> {
    let mut pace = Pace::new(shared.options.max_messages_per_second);
    let mut intake = Intake::new(shared, presence);
    loop {
        let heard = tokio::select! {
            heard = intake.hear(socket) => heard,
            () = intake.changed() => {
                if !intake.settle() {
                    return Some(TRY_AGAIN);
                }
                continue;
            }
            () = shared.stop.begun() => return Some(GOING_AWAY),
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
        if let Err(why) = intake.take(draft(shared, frame), None).await {
            let times = presence.refused();
            if times.is_power_of_two() {
                tracing::warn!(kitchen = ?name, reason = REFUSED[why as usize], times, "dumpling refused");
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

/// A dumpling as it is, in whatever kind of frame it came, and as a message where it can be one.
fn draft(shared: &Shared, frame: Frame) -> Result<Draft, Refused> {
    let draft = dumpling::draft(frame, || shared.dumpling_id())?;
    if draft.is_apart() {
        shared.counters.keep_apart();
    }
    Ok(draft)
}
