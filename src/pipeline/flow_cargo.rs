//! How what packets tell reaches their flows: the meter knows packets and no items, so it is laid down by where a packet's
//! bytes lie, and taken up when the packet is counted in its flow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::flow::{Opaque, Value};
use crate::packet::Packet;
use crate::pipeline::{FlowTold, HttpTold, PacketItem, TlsTold};

/// What [`Flows`](crate::pipeline::Flows) folds over the packets of a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// TCP flags, folded.
    pub(super) flags: i64,
    pub(super) told: Option<Arc<FlowTold>>,
}

/// A number where that is all, as it is in most flows.
impl From<Seen> for Value {
    fn from(seen: Seen) -> Self {
        if seen.told.is_none() { Self::Int(seen.flags) } else { Self::Opaque(Opaque(Arc::new(seen))) }
    }
}

/// What the packets of a batch tell.
#[derive(Debug, Default)]
pub(super) struct Carrier {
    loads: Mutex<HashMap<usize, Load>>,
    /// How many there are, so that nobody asks for the lock when there is none.
    count: AtomicUsize,
    /// Bytes that all living flows keep.
    kept: AtomicUsize,
}

#[derive(Debug, Default)]
struct Load {
    http: Vec<HttpTold>,
    tls: Vec<TlsTold>,
}

impl Carrier {
    /// Lays down what a packet tells whose bytes are `data`.
    #[inline]
    pub(super) fn load(&self, data: &[u8], packet: &PacketItem) {
        if packet.http().is_empty() && packet.tls().is_empty() {
            return;
        }
        let mut loads = self.loads();
        let load = loads.entry(data.as_ptr().addr()).or_default();
        load.http.extend_from_slice(packet.http());
        load.tls.extend_from_slice(packet.tls());
        self.count.store(loads.len(), Ordering::Relaxed);
    }

    /// Takes up what this packet tells.
    #[inline]
    pub(super) fn unload(&self, packet: &Packet<'_>, told: &mut Option<Arc<FlowTold>>) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.unload_some(packet, told);
        }
    }

    /// Forgets what belongs to no flow.
    pub(super) fn clear(&self) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.loads().clear();
            self.count.store(0, Ordering::Relaxed);
        }
    }

    /// A flow left, with what it kept.
    pub(super) fn release(&self, told: Option<&FlowTold>) {
        self.kept.fetch_sub(told.map_or(0, FlowTold::weight), Ordering::Relaxed);
    }

    #[inline(never)]
    fn unload_some(&self, packet: &Packet<'_>, told: &mut Option<Arc<FlowTold>>) {
        let mut loads = self.loads();
        let Some(load) = loads.remove(&packet.raw.data.as_ptr().addr()) else { return };
        self.count.store(loads.len(), Ordering::Relaxed);
        let told = Arc::make_mut(told.get_or_insert_default());
        if self.kept.load(Ordering::Relaxed) > MAX_KEPT {
            told.left_out += (load.http.len() + load.tls.iter().map(|told| told.records.len()).sum::<usize>()) as u64;
            return;
        }
        let before = told.weight();
        load.http.into_iter().for_each(|message| told.add_http(message));
        load.tls.iter().for_each(|records| told.add_tls(records));
        self.kept.fetch_add(told.weight() - before, Ordering::Relaxed);
    }

    fn loads(&self) -> MutexGuard<'_, HashMap<usize, Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that living flows keep together, at most: what comes then is counted.
const MAX_KEPT: usize = 256 << 20;
