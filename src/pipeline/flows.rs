//! The flow meter as a link: packets in, flows out.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::Result;
use crate::flow::schema::Schema;
use crate::flow::{Direction, ExportReason, FlowHasher, FlowRecord, FlowState as Metered, Metrics, Opaque, Value};
use crate::meter::{Descriptor, Meter, MeterConfig};
use crate::metric::Metric;
use crate::packet::{Packet, TcpFlags};
use crate::pipeline::flow_cargo::{Carrier, Seen};
use crate::pipeline::reverse_dns::Cache;
use crate::pipeline::{
    AddressKind, Batch, Counts, Domain, FlowItem, FlowState, FlowTold, Half, HttpMeta, Item, Label, Link, PacketMeta,
    Role, TlsMeta, Wants, batch,
};

/// Meters packets into flows, by packet time: the same at any speed. Packets do not go on, and frames that decoding refused
/// belong to no flow. Items that are no packets pass.
pub struct Flows {
    meter: Meter,
    schema: Schema,
    meta: PacketMeta,
    hasher: FlowHasher,
    descriptors: Vec<Descriptor>,
    halves: bool,
    /// What links behind want to be told of packets: they run in here, where the packets still are.
    http: Option<HttpMeta>,
    tls: Option<TlsMeta>,
    told: Arc<Carrier>,
    /// Names of addresses, as packets told them; bounded.
    names: Cache,
    made: u64,
    finished: bool,
}

impl Flows {
    /// Meters as `config` says. With the default one a flow ends after 60 s of silence, and is cut after 120 s; on a wire it
    /// should have a [capacity](MeterConfig::capacity).
    ///
    /// # Errors
    ///
    /// Those of [`Meter::new`].
    pub fn new(config: MeterConfig) -> Result<Self> {
        let hasher = FlowHasher::random();
        let told = Arc::<Carrier>::default();
        let carrier = Arc::clone(&told);
        let seeing = Metric::fold(Seen::default, move |seen, packet, flow| {
            see(&mut seen.flags, packet, flow);
            carrier.unload(packet, &mut seen.told);
        });
        let schema = config.schema()?;
        let config = config.metric(CONNECTION, &seeing);
        Ok(Self {
            meter: Meter::with_hasher(config, hasher.clone())?,
            schema,
            meta: PacketMeta::default(),
            hasher,
            descriptors: Vec::new(),
            halves: false,
            http: None,
            tls: None,
            told,
            names: Cache::new(NAMES),
            made: 0,
            finished: false,
        })
    }

    /// Whether each direction that has packets is an item of its own. Off by default.
    #[must_use]
    pub fn halves(mut self, on: bool) -> Self {
        self.halves = on;
        self
    }

    /// The columns of its records, for exporters.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Takes the packets out of `batch`.
    fn observe(&mut self, batch: &mut Batch) {
        self.descriptors.clear();
        // What had to leave has no packet any more whose flow could be told.
        if let Some(http) = &mut self.http {
            http.observe(batch, &mut |_| ());
        }
        if let Some(tls) = &mut self.tls {
            tls.observe(batch, &mut |_| ());
        }
        let Batch { block, items, .. } = batch;
        for item in items.iter_mut() {
            let Item::Packet(packet) = item else { continue };
            self.meta.decode(block, packet);
            let Some(info) = packet.info().filter(|_| !packet.is_without_bytes()) else { continue };
            let raw = packet.raw(batch::bytes(block, packet.frame()));
            let descriptor = Descriptor::decoded(info, &raw, packet.frame().offset, &self.hasher);
            let ends = batch::packet(block, packet, info);
            for (address, domain) in [ends.ip_src(), ends.ip_dst()].into_iter().zip(packet.domains()) {
                let told = matches!(domain, Domain::Name(_)) || domain.is_nxdomain();
                if told {
                    self.names.tell(address, domain);
                }
            }
            self.told.load(raw.data, packet);
            self.descriptors.push(descriptor);
        }
        self.meter.observe_all(block, &self.descriptors);
        self.told.clear();
        items.retain(|item| !matches!(item, Item::Packet(_)));
    }

    /// Puts records that are ready behind the items of `batch`; whether there may be more.
    fn collect(&mut self, batch: &mut Batch, most: usize) -> bool {
        for _ in 0..most {
            let Some(mut record) = self.meter.pop() else { return false };
            let Seen { flags: seen, mut told } = take_connection(&mut record);
            self.told.release(told.as_deref());
            if let Some(http) = self.http.as_ref().filter(|_| record.export_reason != ExportReason::ACTIVE) {
                for message in http.unfinished(&record) {
                    Arc::make_mut(told.get_or_insert_default()).add_http(message);
                }
            }
            let states =
                [Direction::SrcToDst, Direction::DstToSrc].map(|direction| connection(&record, seen, direction));
            let record = Arc::new(record);
            self.made += 1;
            if !self.halves {
                self.put(batch, FlowItem::new(record, None, states), told);
                continue;
            }
            for (half, direction) in [(Half::Forward, Direction::SrcToDst), (Half::Backward, Direction::DstToSrc)] {
                if record.of(direction).pkts > 0 {
                    self.put(batch, FlowItem::new(Arc::clone(&record), Some(half), states), told.clone());
                }
            }
        }
        true
    }

    fn put(&mut self, batch: &mut Batch, mut flow: FlowItem, told: Option<Arc<FlowTold>>) {
        flow.set_told(told);
        for (end, address) in [flow.src().0, flow.dst().0].into_iter().enumerate() {
            let label = Label::of(AddressKind::of(address));
            let name = self.names.get_mut(&address).map(|entry| entry.domain.clone());
            let domain = match (label, name) {
                (None | Some(Label::Reserved), Some(name)) => name,
                (label, _) => label.map(Domain::Label).unwrap_or_default(),
            };
            flow.set_domain(end, domain);
        }
        batch.items.push(Item::Flow(Box::new(flow)));
    }
}

impl Link for Flows {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        self.observe(batch);
        if batch.is_live() {
            self.meter.advance(batch.clock());
        }
        self.collect(batch, usize::MAX);
        self.meter.take_error().map_or(Ok(()), Err)
    }

    fn finish(&mut self, batch: &mut Batch) -> Result<bool> {
        if !self.finished {
            self.finished = true;
            self.meter.finish();
        }
        Ok(self.collect(batch, CHUNK))
    }

    fn provide(&mut self, wanted: &Wants) {
        if let Some(body_limit) = wanted.http
            && self.http.as_ref().and_then(|http| http.wants().http).is_none_or(|limit| limit < body_limit)
        {
            self.http = Some(HttpMeta::new(body_limit));
        }
        if wanted.tls {
            self.tls.get_or_insert_default();
        }
    }

    fn count(&self, counts: &mut Counts) {
        self.meta.count(counts);
        self.http.iter().for_each(|http| http.count(counts));
        self.tls.iter().for_each(|tls| tls.count(counts));
        counts.flows += self.made;
    }
}

impl fmt::Debug for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flows").field("halves", &self.halves).field("made", &self.made).finish_non_exhaustive()
    }
}

/// Folds the TCP flags of a packet: for each direction a byte, of which two bits are its state, two its role.
fn see(seen: &mut i64, packet: &Packet<'_>, flow: &Metered) {
    let (address, port) = flow.src();
    let forward = packet.info.src_port == port && packet.ip_src() == address;
    let flags = packet.tcp_flags();
    if flags == TcpFlags::default() {
        return;
    }
    let shift = if forward { 0 } else { 8 };
    let byte = (*seen >> shift) & 0xff;
    let (mut state, mut role) = (byte & STATE, byte & ROLE);
    let first = byte & BEGUN == 0;
    match () {
        () if flags.syn() => {
            state = SYN;
            role = if flags.ack() { SERVER } else { CLIENT };
        }
        () if flags.fin() => {
            // A FIN that comes again says nothing new.
            state = if matches!(state, SYN | FIN) { FIN } else { 0 };
            if first {
                role = if flags.ack() { SERVER } else { CLIENT };
            }
        }
        () if flags.rst() => state = 0,
        () => {}
    }
    *seen = *seen & !(0xff << shift) | (state | role | BEGUN) << shift;
}

/// Takes the metric of [`see`] out of a record again: it is nobody's.
fn take_connection(record: &mut FlowRecord) -> Seen {
    let seen = match record.metrics.get(CONNECTION) {
        Some(Value::Int(flags)) => Seen { flags: *flags, told: None },
        Some(Value::Opaque(Opaque(seen))) => seen.downcast_ref::<Seen>().cloned().unwrap_or_default(),
        _ => Seen::default(),
    };
    let own: Vec<_> = record.metrics.iter().filter(|(name, _)| *name != CONNECTION).collect();
    record.metrics = if own.is_empty() {
        Metrics::default()
    } else {
        let names: Vec<_> = own.iter().map(|(name, _)| (*name).to_owned()).collect();
        Metrics::new(names.into(), own.iter().map(|(_, value)| (*value).clone()).collect())
    };
    seen
}

/// State and role of one direction: TCP flags first, then the lower port is the server's, then who is internal.
fn connection(record: &FlowRecord, seen: i64, direction: Direction) -> (FlowState, Role) {
    let (byte, (src, sport), (dst, dport)) = match direction {
        Direction::SrcToDst => (seen & 0xff, record.src(), record.dst()),
        Direction::DstToSrc => (seen >> 8 & 0xff, record.dst(), record.src()),
    };
    let state = match byte & STATE {
        SYN => FlowState::PartialSyn,
        FIN => FlowState::Complete,
        _ => FlowState::Partial,
    };
    let role = match byte & ROLE {
        CLIENT => Role::ClientToServer,
        SERVER => Role::ServerToClient,
        _ if matches!(record.key.ip_protocol(), 6 | 17) => by_ports(sport, dport),
        _ => by_addresses(src, dst),
    };
    (state, role)
}

fn by_ports(sport: u16, dport: u16) -> Role {
    if sport >= dport { Role::ClientToServer } else { Role::ServerToClient }
}

fn by_addresses(src: IpAddr, dst: IpAddr) -> Role {
    let internal = |address| {
        use AddressKind::{Internal, LinkLocal, Loopback};
        matches!(AddressKind::of(address), Internal | LinkLocal | Loopback)
    };
    if internal(dst) && !internal(src) { Role::ServerToClient } else { Role::ClientToServer }
}

/// A metric's name that no user's metric has by chance.
const CONNECTION: &str = "flowgauge_pipeline_connection";
const STATE: i64 = 0b11;
const SYN: i64 = 1;
const FIN: i64 = 2;
const ROLE: i64 = 0b1100;
const CLIENT: i64 = 0b0100;
const SERVER: i64 = 0b1000;
const BEGUN: i64 = 0b1_0000;
/// Addresses whose names are remembered for flows.
const NAMES: usize = 65_536;
/// Records that leave at a time when all leave.
const CHUNK: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_tell_who_is_the_client() {
        for (sport, dport, role) in [
            (40_000, 80, "CTS"),
            (80, 40_000, "STC"),
            (53, 1025, "STC"),
            (5000, 6000, "STC"),
            (6000, 5000, "CTS"),
            (123, 123, "CTS"),
            (80, 443, "STC"),
            (443, 80, "CTS"),
        ] {
            assert_eq!(by_ports(sport, dport).name(), role, "{sport} -> {dport}");
        }
    }
}
