//! HTTP: every request and every response of a connection, on the packet that completes it.

use std::fmt;
use std::sync::Arc;

use crate::dissect::Piece;
use crate::dissect::http::{Conversation, Message};
use crate::error::Result;
use crate::flow::FlowRecord;
use crate::packet::{Packet, PacketFlags};
use crate::pipeline::connections::Bounds;
use crate::pipeline::conversations::{Conversations, Left, Speech, Tellings};
use crate::pipeline::{Batch, Counts, HttpTold, Item, Link, PacketItem, PacketMeta, Stages, Wants, batch};
use crate::time::Timestamp;

/// Tells packets the HTTP/1 messages that they complete, over real reassembly: [`PacketItem::http`].
///
/// Behind [`Flows`](crate::pipeline::Flows) it is the flows that have the messages of their packets. A message that does not
/// come to its end is told when its connection leaves the table or the capture ends, by an item of no bytes. HTTP in a UDP
/// datagram (SSDP) is told too, and is odd (`UDP-HTTP`).
pub struct HttpMeta {
    conversations: Conversations<Conversation>,
    meta: PacketMeta,
    body_limit: usize,
    tellings: Tellings<Message>,
    messages: u64,
}

impl HttpMeta {
    /// Bytes of each body that are kept, unless said otherwise.
    pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

    /// Keeps up to `body_limit` bytes of each body; the rest is counted.
    pub fn new(body_limit: usize) -> Self {
        let conversations = Conversations::new(Bounds::default(), move || Conversation::new(body_limit));
        let meta = PacketMeta::default();
        Self { conversations, meta, body_limit, tellings: Vec::new(), messages: 0 }
    }

    /// Looks at the packets of `batch`; hands what connections had to tell that left to `leave`.
    pub(super) fn observe(&mut self, batch: &mut Batch, leave: &mut dyn FnMut(PacketItem)) {
        self.conversations.advance(batch.clock());
        let Batch { block, items, .. } = batch;
        for item in items.iter_mut() {
            let item = match item {
                Item::Packet(item) => item,
                Item::Flow(flow) => {
                    flow.insert_stage(Stages::HTTP);
                    continue;
                }
                Item::Own(_) => continue,
            };
            self.meta.decode(block, item);
            if item.stages().contains(Stages::HTTP) {
                continue;
            }
            item.stages.insert(Stages::HTTP);
            let Some(info) = item.info() else { continue };
            if !matches!(info.ip_protocol, TCP | UDP) {
                continue;
            }
            let told = self.read(&batch::packet(block, item, info));
            if !told.is_empty() {
                item.add_http(told);
            }
            while let Some(left) = self.conversations.leaving(false) {
                self.leave(left, leave);
            }
        }
    }

    fn read(&mut self, packet: &Packet<'_>) -> Vec<HttpTold> {
        let ends = || [(packet.ip_src(), packet.info.src_port), (packet.ip_dst(), packet.info.dst_port)];
        if packet.info.ip_protocol == UDP {
            let later = packet.info.flags.contains(PacketFlags::LATER_FRAGMENT);
            let payload = if later { &[] } else { packet.payload() };
            let message = Conversation::datagram(payload, packet.info.payload_len, self.body_limit, packet.raw.stamp);
            let [src, dst] = ends();
            self.messages += u64::from(message.is_some());
            return message.map(|message| HttpTold { message: Arc::new(message), src, dst }).into_iter().collect();
        }
        let Some((place, way)) = self.conversations.read(packet, &mut self.tellings) else { return Vec::new() };
        self.conversations.settle(place);
        if self.tellings.is_empty() {
            return Vec::new();
        }
        let [src, dst] = ends();
        self.messages += self.tellings.len() as u64;
        let told = self.tellings.drain(..).map(|(sent, message)| {
            let (src, dst) = if sent == way { (src, dst) } else { (dst, src) };
            HttpTold { message: Arc::new(message), src, dst }
        });
        told.collect()
    }

    /// What a connection that left had to tell, as items of no bytes.
    fn leave(&mut self, mut left: Left<Conversation>, leave: &mut dyn FnMut(PacketItem)) {
        let (stamp, number) = left.talk.last;
        for (way, message) in std::mem::take(&mut left.tellings) {
            self.messages += 1;
            let [src, dst] = left.ends(way);
            let mut item = PacketItem::without_bytes(left.info(way), stamp, number);
            item.stages.insert(Stages::HTTP);
            item.add_http(vec![HttpTold { message: Arc::new(message), src, dst }]);
            leave(item);
        }
    }

    /// The messages of a flow that have not come to their end.
    pub(super) fn unfinished(&self, record: &FlowRecord) -> Vec<HttpTold> {
        let Some((talk, way)) = self.conversations.find(&record.key, record.src()) else { return Vec::new() };
        let ends = [(way, record.src(), record.dst()), (1 - way, record.dst(), record.src())];
        let told = ends.into_iter().filter_map(|(way, src, dst)| {
            let message = talk.speech.unfinished(way).filter(|message| message.begin <= record.total().end)?;
            Some(HttpTold { message: Arc::new(message.clone()), src, dst })
        });
        told.collect()
    }
}

impl Default for HttpMeta {
    fn default() -> Self {
        Self::new(Self::DEFAULT_BODY_LIMIT)
    }
}

impl Link for HttpMeta {
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
        Wants { http: Some(self.body_limit), ..Wants::default() }
    }

    fn count(&self, counts: &mut Counts) {
        self.meta.count(counts);
        counts.http_messages += self.messages;
    }
}

impl fmt::Debug for HttpMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMeta").field("body_limit", &self.body_limit).finish_non_exhaustive()
    }
}

impl Speech for Conversation {
    type Told = Message;

    fn may_begin(bytes: &[u8]) -> bool {
        Self::may_begin(bytes)
    }

    fn begins(bytes: &[u8], beginning_unseen: bool) -> bool {
        beginning_unseen && Self::begins(bytes)
    }

    fn take(&mut self, way: usize, piece: Piece<'_>, stamp: Timestamp, mut tell: &mut dyn FnMut(Message)) {
        self.take(way, piece, stamp, &mut tell);
    }

    fn close(&mut self, way: usize, is_whole: bool, mut tell: &mut dyn FnMut(Message)) {
        self.close(way, is_whole, &mut tell);
    }

    fn is_over(&self) -> bool {
        self.is_over()
    }

    fn weight(&self) -> usize {
        self.weight()
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Items that leave at a time when all leave.
const CHUNK: usize = 1024;
