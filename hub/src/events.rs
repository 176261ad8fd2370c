//! `/events`: messages out as server-sent events, for browsers and `curl`.
//!
//! `?topic=dns.*&sensor=lab&since=boot:17`, each as often as needed; a browser that comes back names the last one itself
//! (`Last-Event-ID`). Events are `welcome`, `lost`, and messages, which have no name; their data is what a WebSocket gets.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Serialize;

use crate::entry::Form;
use crate::hub::Shared;
use crate::message::MessageId;
use crate::pattern::{Filter, Pattern};
use crate::peers::{Part, Presence};
use crate::queue::{Limits, Next, Policy, Queue};
use crate::relay::Seat;
use crate::subscribe;
use crate::subscribe::Say;
use crate::tokens::Role;

pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = shared.gate.answer(&headers, Role::Subscribe) {
        return shared.refuse(refusal, address);
    }
    let (filter, since) = match wish(query, &headers) {
        Ok(wish) => wish,
        Err(words) => return (StatusCode::BAD_REQUEST, words).into_response(),
    };
    let limits = Limits { messages: shared.options.queue_messages, bytes: shared.options.queue_bytes };
    let queue = Queue::new(Form::Own, filter, Policy::DropOldest, limits, Arc::clone(&shared.counters));
    let (seat, resume, place) = match subscribe::seat(&shared, queue, since.as_ref()).await {
        Ok(seated) => seated,
        Err((_, words)) => return (StatusCode::SERVICE_UNAVAILABLE, words).into_response(),
    };
    let presence = shared.peers.enter(Part::Subscriber(Arc::clone(seat.queue())), "events".to_owned(), address);
    let welcome = Say::welcome(&shared, &place, resume);
    let first = VecDeque::from([event("welcome", &welcome)]);
    let keep_alive = KeepAlive::new().interval(shared.options.ping_interval);
    let events = Events { boot: place.boot, ready: first, seat, _presence: presence };
    ([(header::CACHE_CONTROL, "no-store")], Sse::new(events.stream()).keep_alive(keep_alive)).into_response()
}

fn wish(query: Vec<(String, String)>, headers: &HeaderMap) -> Result<(Filter, Option<MessageId>), &'static str> {
    let (mut topics, mut sensors, mut since) = (Vec::new(), Vec::new(), None);
    for (key, value) in query {
        match key.as_str() {
            "topic" => topics.push(Pattern::try_from(value)?),
            "sensor" => sensors.push(Pattern::try_from(value)?),
            "since" => since = Some(value.parse()?),
            _ => return Err("the query has topic, sensor and since"),
        }
    }
    // It is from the last time, and so later than what the address says.
    if let Some(last) = headers.get("last-event-id") {
        since = Some(last.to_str().unwrap_or_default().parse()?);
    }
    Ok((Filter::new(topics, sensors)?, since))
}

struct Events {
    boot: String,
    /// Events that were made and not taken yet.
    ready: VecDeque<Event>,
    seat: Seat,
    _presence: Presence,
}

impl Events {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut events| {
            loop {
                if let Some(event) = events.ready.pop_front() {
                    return Some((Ok(event), events));
                }
                events.seat.queue().delivered();
                let Next::Messages(lost, batch) = events.seat.queue().next(BATCH).await else { return None };
                if lost > 0 {
                    events.ready.push_back(event("lost", &Say::Lost { messages: lost }));
                }
                let made = batch.iter().filter_map(|entry| {
                    let id = format!("{}:{}", events.boot, entry.sequence);
                    Some(Event::default().id(id).data(entry.frame()?.as_str()))
                });
                events.ready.extend(made);
            }
        })
    }
}

fn event(name: &str, value: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(value).expect("numbers and names"))
}

/// Messages that are made into events at once.
const BATCH: usize = 64;
