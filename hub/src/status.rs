//! `/status` and `/metrics`: who is there, and the counters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::broker;
use crate::counters::Snapshot;
use crate::hub::Shared;
use crate::message::Version;
use crate::peers::{Part, Peer};
use crate::tokens::Role;

#[derive(Serialize)]
struct Status<'a> {
    version: Version,
    hub: &'a str,
    boot: &'a str,
    /// Of the software.
    flowgauge: &'static str,
    uptime_seconds: f64,
    /// Number of the last message.
    sequence: u64,
    messages: Snapshot,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<broker::State>,
    peers: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    part: &'static str,
    name: String,
    address: SocketAddr,
    connected_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
}

pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = shared.gate.answer(&headers, Role::Status) {
        return shared.refuse(refusal, address);
    }
    let place = shared.relay.place();
    let status = Status {
        version: Version,
        hub: &shared.options.name,
        boot: &place.boot,
        flowgauge: env!("CARGO_PKG_VERSION"),
        uptime_seconds: shared.began.elapsed().as_secs_f64(),
        sequence: place.sequence,
        messages: shared.relay.snapshot(),
        broker: shared.broker.as_ref().map(|broker| broker.state()),
        peers: shared.peers.list().iter().map(|peer| row(peer)).collect(),
    };
    let text = serde_json::to_string(&status).expect("numbers and names");
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = shared.gate.answer(&headers, Role::Status) {
        return shared.refuse(refusal, address);
    }
    let mut text = shared.relay.snapshot().prometheus();
    let peers = shared.peers.list();
    text.push_str("# HELP flowgauge_hub_peers Who is connected.\n# TYPE flowgauge_hub_peers gauge\n");
    for part in ["publisher", "kitchen", "subscriber", "eater"] {
        let there = peers.iter().filter(|peer| part_of(peer) == part).count();
        text.push_str(&format!("flowgauge_hub_peers{{part=\"{part}\"}} {there}\n"));
    }
    if let Some(broker) = &shared.broker {
        text.push_str(&broker.state().prometheus());
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn row(peer: &Peer) -> Row {
    let publishes = matches!(peer.part, Part::Publisher | Part::Kitchen(_));
    let queue = match &peer.part {
        Part::Subscriber(queue) | Part::Eater(queue, _) => Some(queue.counts()),
        Part::Publisher | Part::Kitchen(_) => None,
    };
    Row {
        part: part_of(peer),
        name: peer.name.clone(),
        address: peer.address,
        connected_seconds: peer.since.elapsed().as_secs_f64(),
        accepted: publishes.then(|| peer.accepted.load(Relaxed)),
        refused: publishes.then(|| peer.refused.load(Relaxed)),
        queued: queue.map(|counts| counts.0),
        delivered: queue.map(|counts| counts.1),
        dropped: queue.map(|counts| counts.2),
    }
}

fn part_of(peer: &Peer) -> &'static str {
    match peer.part {
        Part::Publisher => "publisher",
        Part::Kitchen(_) => "kitchen",
        Part::Subscriber(_) => "subscriber",
        Part::Eater(..) => "eater",
    }
}
