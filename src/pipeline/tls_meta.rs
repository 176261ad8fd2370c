//! TLS: every record of a connection, on the packet that completes it, and what the hellos tell.

use crate::dissect::{Piece, TlsConversation, TlsRecord};
use crate::error::Result;
use crate::packet::Packet;
use crate::pipeline::connections::Bounds;
use crate::pipeline::conversations::{Conversations, Left, Speech, Talk, Tellings};
use crate::pipeline::{Batch, Counts, Item, Link, PacketItem, PacketMeta, Role, Stages, TlsTold, Wants, batch};
use crate::time::Timestamp;

/// Tells packets the TLS records that they complete, over real reassembly: [`PacketItem::tls`].
///
/// Behind [`Flows`](crate::pipeline::Flows) it is the flows that have the records of their packets. What is spoken is told by
/// the bytes, on any port, also where another protocol turns into TLS. Items of something else pass.
#[derive(Debug)]
pub struct TlsMeta {
    conversations: Conversations<Speaker>,
    meta: PacketMeta,
    tellings: Tellings<Telling>,
    records: u64,
}

/// The reader of a connection, and how many records it told of each direction.
#[derive(Default)]
pub(super) struct Speaker {
    tls: TlsConversation,
    counts: [u64; 2],
}

/// What it tells.
#[derive(Debug)]
pub(super) enum Telling {
    Record(TlsRecord),
    End(Option<TlsRecord>),
}

impl TlsMeta {
    /// Looks at the packets of `batch`; hands what connections had to tell that left to `leave`.
    pub(super) fn observe(&mut self, batch: &mut Batch, leave: &mut dyn FnMut(PacketItem)) {
        self.conversations.advance(batch.clock());
        let Batch { block, items, .. } = batch;
        for item in items.iter_mut() {
            let item = match item {
                Item::Packet(item) => item,
                Item::Flow(flow) => {
                    flow.insert_stage(Stages::TLS);
                    continue;
                }
                Item::Own(_) => continue,
            };
            self.meta.decode(block, item);
            if item.stages().contains(Stages::TLS) {
                continue;
            }
            item.stages.insert(Stages::TLS);
            let Some(info) = item.info() else { continue };
            if info.ip_protocol != TCP {
                continue;
            }
            let told = self.read(&batch::packet(block, item, info));
            if !told.is_empty() {
                item.add_tls(told);
            }
            while let Some(left) = self.conversations.leaving(false) {
                self.leave(left, leave);
            }
        }
    }

    fn read(&mut self, packet: &Packet<'_>) -> Vec<TlsTold> {
        let Some((place, way)) = self.conversations.read(packet, &mut self.tellings) else { return Vec::new() };
        let mut told = Vec::new();
        if !self.tellings.is_empty() {
            let src = (packet.ip_src(), packet.info.src_port);
            let dst = (packet.ip_dst(), packet.info.dst_port);
            let forth = [(src, dst), (dst, src)];
            if let Some(talk) = self.conversations.talk(place) {
                told = gathered(talk, &mut self.tellings, |sent| forth[usize::from(sent != way)]);
            }
            self.tellings.clear();
        }
        self.records += told.iter().map(|told| told.records.len() as u64).sum::<u64>();
        self.conversations.settle(place);
        told
    }

    /// What a connection that left had to tell, as an item of no bytes.
    fn leave(&mut self, mut left: Left<Speaker>, leave: &mut dyn FnMut(PacketItem)) {
        let (stamp, number) = left.talk.last;
        let mut tellings = std::mem::take(&mut left.tellings);
        let told = gathered(&left.talk, &mut tellings, |way| {
            let [src, dst] = left.ends(way);
            (src, dst)
        });
        if told.is_empty() {
            return;
        }
        self.records += told.iter().map(|told| told.records.len() as u64).sum::<u64>();
        let mut item = PacketItem::without_bytes(left.info(0), stamp, number);
        item.stages.insert(Stages::TLS);
        item.add_tls(told);
        leave(item);
    }
}

type End = (std::net::IpAddr, u16);

/// What was told, put together by direction.
fn gathered(
    talk: &Talk<Speaker>,
    tellings: &mut Tellings<Telling>,
    ends: impl Fn(usize) -> (End, End),
) -> Vec<TlsTold> {
    let mut told: Vec<(usize, TlsTold)> = Vec::new();
    for (way, telling) in tellings.drain(..) {
        let index = told.iter().position(|(known, _)| *known == way).unwrap_or_else(|| {
            let (src, dst) = ends(way);
            let client = talk.speech.tls.client().map_or(src.1 >= dst.1, |client| client == way);
            let role = if client { Role::ClientToServer } else { Role::ServerToClient };
            let facts = talk.speech.tls.facts().cloned();
            let count = talk.speech.counts[way];
            let records = Vec::new();
            told.push((way, TlsTold { src, dst, role, records, incomplete: None, count, facts, is_end: false }));
            told.len() - 1
        });
        match telling {
            Telling::Record(record) => told[index].1.records.push(record),
            Telling::End(incomplete) => {
                told[index].1.is_end = true;
                told[index].1.incomplete = incomplete;
            }
        }
    }
    // A direction that said nothing has no end to tell.
    told.into_iter().map(|(_, told)| told).filter(|told| told.count > 0 || told.incomplete.is_some()).collect()
}

impl Default for TlsMeta {
    fn default() -> Self {
        let conversations = Conversations::new(Bounds::default(), Speaker::default);
        Self { conversations, meta: PacketMeta::default(), tellings: Vec::new(), records: 0 }
    }
}

impl Link for TlsMeta {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let mut left = Vec::new();
        self.observe(batch, &mut |item| left.push(Item::Packet(item)));
        batch.items.append(&mut left);
        Ok(())
    }

    fn finish(&mut self, batch: &mut Batch) -> Result<bool> {
        while batch.items.len() < CHUNK {
            let Some(left) = self.conversations.leaving(true) else { return Ok(false) };
            self.leave(left, &mut |item| batch.items.push(Item::Packet(item)));
        }
        Ok(true)
    }

    fn wants(&self) -> Wants {
        Wants { tls: true, ..Wants::default() }
    }

    fn count(&self, counts: &mut Counts) {
        self.meta.count(counts);
        counts.tls_records += self.records;
    }
}

impl Speech for Speaker {
    type Told = Telling;

    fn may_begin(bytes: &[u8]) -> bool {
        TlsConversation::may_begin(bytes)
    }

    fn begins(bytes: &[u8], beginning_unseen: bool) -> bool {
        // Behind something else only a handshake begins it, as after STARTTLS or in a tunnel.
        let begins = TlsConversation::begins(bytes);
        begins && (beginning_unseen || bytes.len() > HEADER && TlsConversation::may_begin(bytes))
    }

    fn take(&mut self, way: usize, piece: Piece<'_>, _stamp: Timestamp, tell: &mut dyn FnMut(Telling)) {
        let mut count = 0;
        self.tls.take(way, piece, &mut |record| {
            count += 1;
            tell(Telling::Record(record));
        });
        self.counts[way] += count;
    }

    fn close(&mut self, way: usize, _is_whole: bool, tell: &mut dyn FnMut(Telling)) {
        tell(Telling::End(self.tls.close(way)));
    }

    fn is_over(&self) -> bool {
        self.tls.is_over()
    }

    fn weight(&self) -> usize {
        self.tls.weight()
    }
}

const TCP: u8 = 6;
/// Bytes of a record's header.
const HEADER: usize = 5;
/// Items that leave at a time when all leave.
const CHUNK: usize = 1024;
