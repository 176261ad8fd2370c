//! Eaters: dumplings out, and messages as dumplings.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, RawQuery, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use crate::compat;
use crate::counters::Turned;
use crate::entry::Form;
use crate::hub::Shared;
use crate::pattern::Filter;
use crate::peers::Part;
use crate::queue::{Limits, Policy, Queue};
use crate::socket::{self, Farewell, GOING_AWAY, HELLO_BYTES, Socket};
use crate::subscribe;
use crate::tokens::Role;

/// What its hub needs of a hello; the rest is only repeated.
#[derive(Deserialize)]
struct Hello {
    eater_name: String,
}

pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = shared.gate.admit_compat(&headers, query.as_deref(), Role::Subscribe) {
        return shared.refuse(refusal, address);
    }
    socket::bounded(upgrade, HELLO_BYTES).on_upgrade(move |ws| async move {
        let mut socket = Socket::new(ws, shared.stop.clone(), shared.options.ping_interval);
        let farewell = session(&shared, &mut socket, address).await;
        socket.part(farewell).await;
    })
}

async fn session(shared: &Shared, socket: &mut Socket, address: SocketAddr) -> Option<Farewell> {
    let (Hello { eater_name }, text) = match compat::hello(socket, shared).await {
        Ok(hello) => hello,
        Err(GOING_AWAY) => return Some(GOING_AWAY),
        Err(farewell) => {
            shared.turn_away(Turned::Hello, address);
            return Some(farewell);
        }
    };
    let limits = Limits { messages: shared.options.queue_messages, bytes: shared.options.queue_bytes };
    let queue = Queue::new(Form::Dumpling, Filter::default(), Policy::DropOldest, limits, Arc::clone(&shared.counters));
    let (seat, ..) = shared.relay.subscribe(queue, None);
    let _presence = shared.peers.enter(Part::Eater(Arc::clone(seat.queue()), text), eater_name.clone(), address);
    tracing::info!(eater = ?eater_name, %address, "eater came");
    let farewell = subscribe::feed(socket, seat.queue()).await;
    tracing::info!(eater = ?eater_name, %address, "eater left");
    farewell
}
