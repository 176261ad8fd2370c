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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{LinkType, PacketInfo, RawPacket};
    use crate::pipeline::told::tests::{message, records};
    use crate::time::Timestamp;

    /// Lays down what a packet tells, and takes it up in a flow.
    fn carry(carrier: &Carrier, http: &HttpTold, tls: &TlsTold, told: &mut Option<Arc<FlowTold>>) {
        let data = [0];
        let info = PacketInfo::EMPTY;
        let mut item = PacketItem::without_bytes(info, Timestamp::MIN, 1);
        item.add_http(vec![http.clone()]);
        item.add_tls(vec![tls.clone()]);
        carrier.load(&data, &item);
        let raw = RawPacket { number: 1, stamp: Timestamp::MIN, wire_len: 1, link: LinkType::ETHERNET, data: &data };
        carrier.unload(&Packet::new(raw, &info), told);
    }

    #[test]
    fn living_flows_keep_so_much_together_and_count_the_rest() {
        let carrier = Carrier::default();
        let head = format!("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n{}", "a".repeat(1_000_000));
        // All share one body here, so nothing of this needs the memory that it weighs.
        let (http, tls) = (message(head.as_bytes()), records(message(b"GET / HTTP/1.1\r\n\r\n").src, 10));
        let mut flows = vec![None; 400];
        flows.iter_mut().for_each(|told| carry(&carrier, &http, &tls, told));
        let kept = |flows: &[Option<Arc<FlowTold>>]| flows.iter().flatten().map(|told| told.weight()).sum::<usize>();
        let full = carrier.kept.load(Ordering::Relaxed);
        assert_eq!(full, kept(&flows));
        assert!(full > MAX_KEPT && full < MAX_KEPT + (2 << 20), "{full}");
        let last = flows[399].as_ref().unwrap();
        assert_eq!((last.http.len(), last.tls.len(), last.left_out), (0, 0, 11));
        // Flows that leave make room again, and nothing is left of them in the end.
        flows.drain(..100).for_each(|told| carrier.release(told.as_deref()));
        carry(&carrier, &http, &tls, &mut flows[299]);
        let last = flows[299].as_ref().unwrap();
        assert_eq!((last.http.len(), last.tls.len(), last.left_out), (1, 1, 11));
        flows.drain(..).for_each(|told| carrier.release(told.as_deref()));
        assert_eq!(carrier.kept.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_belongs_to_no_flow_is_forgotten() {
        let carrier = Carrier::default();
        let mut item = PacketItem::without_bytes(PacketInfo::EMPTY, Timestamp::MIN, 1);
        item.add_http(vec![message(b"GET / HTTP/1.1\r\n\r\n")]);
        let data = [0; 3];
        (0..3).for_each(|at| carrier.load(&data[at..], &item));
        assert_eq!(carrier.count.load(Ordering::Relaxed), 3);
        carrier.clear();
        assert_eq!((carrier.count.load(Ordering::Relaxed), carrier.loads().len()), (0, 0));
    }
}
