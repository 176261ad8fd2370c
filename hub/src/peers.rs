//! Who is connected: for the status, and for nobody longer than the connection.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::value::RawValue;

use crate::queue::Queue;

/// What somebody connected does.
#[derive(Debug)]
pub(crate) enum Part {
    /// A sensor.
    Publisher,
    /// A kitchen of netdumplings, and the hello that it sent.
    Kitchen(Box<RawValue>),
    /// A subscriber, over WebSockets or server-sent events.
    Subscriber(Arc<Queue>),
    /// An eater of netdumplings, and the hello that it sent.
    Eater(Arc<Queue>, Box<RawValue>),
}

/// Somebody connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) part: Part,
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) since: Instant,
    /// Messages that a publisher sent, and that were taken.
    pub(crate) accepted: AtomicU64,
    /// Those that were not.
    pub(crate) refused: AtomicU64,
}

/// All who are connected.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: Mutex<BTreeMap<u64, Arc<Peer>>>,
    next: AtomicU64,
}

/// Somebody's entry, which goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    peers: Arc<Peers>,
    number: u64,
    peer: Arc<Peer>,
}

impl Peers {
    pub(crate) fn enter(self: &Arc<Self>, part: Part, name: String, address: SocketAddr) -> Presence {
        let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        let peer = Arc::new(Peer { part, name, address, since: Instant::now(), accepted, refused });
        let number = self.next.fetch_add(1, Relaxed);
        self.lock().insert(number, Arc::clone(&peer));
        Presence { peers: Arc::clone(self), number, peer }
    }

    /// All of this moment, the first to come first.
    pub(crate) fn list(&self) -> Vec<Arc<Peer>> {
        self.lock().values().cloned().collect()
    }

    /// Whether anybody is there who publishes.
    pub(crate) fn has_publishers(&self) -> bool {
        self.lock().values().any(|peer| matches!(peer.part, Part::Publisher | Part::Kitchen(_)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    pub(crate) fn accepted(&self) {
        self.peer.accepted.fetch_add(1, Relaxed);
    }

    /// Gives how many were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.peer.refused.fetch_add(1, Relaxed) + 1
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.peers.lock().remove(&self.number);
    }
}
