//! Status dumplings: what netdumplings' hub tells its eaters of itself, in its shape.

use std::sync::Arc;

use axum::extract::ws::Message as Frame;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::{MissedTickBehavior, interval};

use crate::entry::{Draft, STATUS_CHEF};
use crate::hub::Shared;
use crate::message::Time;
use crate::peers::{Part, Peer};

#[derive(Serialize)]
struct Dumpling {
    metadata: Metadata,
    payload: Payload,
}

#[derive(Serialize)]
struct Metadata {
    chef: &'static str,
    kitchen: Option<&'static str>,
    creation_time: Time,
    driver: &'static str,
}

#[derive(Serialize)]
struct Payload {
    total_dumplings_in: u64,
    total_dumplings_out: u64,
    server_uptime: f64,
    dumpling_kitchen_count: u64,
    dumpling_eater_count: u64,
    dumpling_kitchens: Vec<Kitchen>,
    dumpling_eaters: Vec<Eater>,
}

#[derive(Serialize)]
struct Kitchen {
    info_from_kitchen: Box<RawValue>,
    info_from_hub: Place,
}

#[derive(Serialize)]
struct Eater {
    info_from_eater: Box<RawValue>,
    info_from_hub: Place,
}

#[derive(Serialize)]
struct Place {
    host: String,
    port: u16,
}

/// What a sensor of ours would have said as a kitchen: browsers need every key.
#[derive(Serialize)]
struct Hello<'a> {
    kitchen_name: &'a str,
    interface: &'static str,
    filter: &'static str,
    chefs: [&'static str; 0],
    poke_interval: f64,
}

/// Sends one.
pub(super) fn tell(shared: &Shared) {
    let text = serde_json::to_string(&dumpling(shared)).expect("numbers, names and JSON");
    shared.count_own();
    let draft = Draft::apart(Frame::Text(text.into()), STATUS_CHEF.to_owned(), None);
    // It can only be refused at the end.
    let _ = shared.relay.publish(draft);
}

/// Sends one every `status_interval`, until the end begins.
pub(super) async fn keep_telling(shared: Arc<Shared>) {
    let mut ticks = interval(shared.options.status_interval);
    // The first comes at once, and was sent.
    ticks.tick().await;
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.stop.begun() => return,
        }
        tell(&shared);
    }
}

fn dumpling(shared: &Shared) -> Dumpling {
    let (mut kitchens, mut eaters, mut kitchen_count, mut eater_count) = (Vec::new(), Vec::new(), 0, 0);
    let mut bytes = 0;
    for peer in shared.peers.list() {
        match peer.part {
            Part::Kitchen(_) | Part::Publisher => kitchen_count += 1,
            Part::Eater(..) => eater_count += 1,
            Part::Subscriber(_) => continue,
        }
        bytes += PLACE_BYTES + peer.name.len();
        if let Part::Kitchen(hello) | Part::Eater(_, hello) = &peer.part {
            bytes += hello.get().len();
        }
        if bytes > LIST_BYTES {
            continue;
        }
        let info_from_hub = Place { host: peer.address.ip().to_string(), port: peer.address.port() };
        match &peer.part {
            Part::Kitchen(hello) => kitchens.push(Kitchen { info_from_kitchen: hello.clone(), info_from_hub }),
            Part::Publisher => kitchens.push(Kitchen { info_from_kitchen: hello_of(&peer), info_from_hub }),
            Part::Eater(_, hello) => eaters.push(Eater { info_from_eater: hello.clone(), info_from_hub }),
            Part::Subscriber(_) => {}
        }
    }
    let payload = Payload {
        total_dumplings_in: shared.accepted_of_others(&shared.relay.snapshot()),
        total_dumplings_out: shared.counters.to_eaters(),
        server_uptime: shared.began.elapsed().as_secs_f64(),
        dumpling_kitchen_count: kitchen_count,
        dumpling_eater_count: eater_count,
        dumpling_kitchens: kitchens,
        dumpling_eaters: eaters,
    };
    let metadata = Metadata { chef: STATUS_CHEF, kitchen: None, creation_time: Time::now(), driver: "interval" };
    Dumpling { metadata, payload }
}

fn hello_of(peer: &Peer) -> Box<RawValue> {
    let hello = Hello { kitchen_name: &peer.name, interface: "", filter: "", chefs: [], poke_interval: 0.0 };
    to_raw_value(&hello).expect("a name is JSON")
}

/// Bytes of all hellos together that a status repeats: its eaters close at 1 MiB, whoever sent the hellos. Those who came
/// later are counted, not listed.
const LIST_BYTES: usize = 512 * 1024;
/// About what an entry has besides its hello.
const PLACE_BYTES: usize = 160;
