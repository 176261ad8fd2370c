//! Items that travel together.

use std::sync::Arc;

use crate::capture::{Block, Frame};
use crate::packet::{LinkType, Packet, PacketInfo};
use crate::pipeline::{Item, PacketItem, PacketView};
use crate::time::Timestamp;

/// Items in their order, and the block that holds the bytes of those that are packets.
#[derive(Debug)]
pub struct Batch {
    /// The bytes.
    pub block: Arc<Block>,
    /// The items.
    pub items: Vec<Item>,
    clock: Timestamp,
    live: bool,
    prompt: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self { block: Arc::default(), items: Vec::new(), clock: Timestamp::MIN, live: false, prompt: false }
    }
}

impl Batch {
    /// One packet with bytes of its own, captured whole.
    pub fn of_packet(number: u64, stamp: Timestamp, link: LinkType, data: Vec<u8>) -> Self {
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let frame = Frame { stamp, offset: 0, captured_len: len, wire_len: len, link, time_out_of_range: false };
        Self {
            block: Arc::new(Block::new(data)),
            items: vec![Item::Packet(PacketItem::new(frame, number))],
            clock: stamp,
            live: false,
            prompt: false,
        }
    }

    /// Replaces items and block by these items, each with the block that its bytes lie in. Where there are several blocks,
    /// the bytes of all packets are copied into one.
    pub fn gather(&mut self, parts: Vec<(Item, Arc<Block>)>) {
        self.clear();
        let mut blocks = parts.iter().filter(|(item, _)| matches!(item, Item::Packet(_))).map(|(_, block)| block);
        let first = blocks.next().cloned().unwrap_or_default();
        if blocks.all(|block| Arc::ptr_eq(block, &first)) {
            self.block = first;
            self.items.extend(parts.into_iter().map(|(item, _)| item));
            return;
        }
        let mut together = Vec::new();
        for (mut item, block) in parts {
            if let Item::Packet(packet) = &mut item {
                let data = bytes(&block, packet.frame());
                // What would not fit has no bytes there, as any frame that lies outside its block.
                let offset = u32::try_from(together.len()).unwrap_or(u32::MAX);
                together.extend_from_slice(data);
                packet.moved_to(offset);
            }
            self.items.push(item);
        }
        self.block = Arc::new(Block::new(together));
    }

    /// Forgets items and bytes; the room for items stays.
    pub fn clear(&mut self) {
        self.items.clear();
        self.block = Arc::default();
    }

    /// The time of the capture, as far as it is known by the end of this batch.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Moves the clock forward, never back.
    pub fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
    }

    /// Whether it comes from a wire, where nobody may be made to wait.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Says whether it comes from a wire.
    pub fn set_live(&mut self, live: bool) {
        self.live = live;
    }

    /// Whether sinks hand on what they write of it at once: it comes from a wire, or nobody knows when more will come.
    pub fn is_prompt(&self) -> bool {
        self.live || self.prompt
    }

    /// Says that nobody knows when more will come.
    pub fn set_prompt(&mut self, prompt: bool) {
        self.prompt = prompt;
    }

    /// The packet at `index` with its bytes; `None` for an item of another kind.
    pub fn packet(&self, index: usize) -> Option<PacketView<'_>> {
        match self.items.get(index)? {
            Item::Packet(item) => Some(PacketView::new(item, &self.block)),
            _ => None,
        }
    }

    /// Block and packets, the packets to be changed.
    #[inline]
    pub fn packets_mut(&mut self) -> (&Arc<Block>, impl Iterator<Item = &mut PacketItem>) {
        let packets = self.items.iter_mut().filter_map(|item| match item {
            Item::Packet(packet) => Some(packet),
            _ => None,
        });
        (&self.block, packets)
    }

    /// A copy for another branch: what is changed in one is not seen in the other. The bytes are shared.
    #[must_use]
    pub fn branched(&self) -> Self {
        let items = self.items.iter().map(|item| match item {
            Item::Own(own) => Item::Own(own.branched()),
            other => other.clone(),
        });
        let (live, prompt) = (self.live, self.prompt);
        Self { block: Arc::clone(&self.block), items: items.collect(), clock: self.clock, live, prompt }
    }

    /// Copies the bytes of a packet out of its large block, so that keeping it keeps only them.
    pub fn compact(block: &mut Arc<Block>, item: &mut PacketItem) {
        let data = PacketView::new(item, block).data();
        if data.len() < block.bytes().len() {
            *block = Arc::new(Block::new(data.to_vec()));
            item.moved_to(0);
        }
    }
}

/// The bytes of a frame; none where it lies outside the block.
#[inline]
pub(super) fn bytes<'a>(block: &'a Block, frame: &Frame) -> &'a [u8] {
    let start = frame.offset as usize;
    block.bytes().get(start..start.saturating_add(frame.captured_len as usize)).unwrap_or_default()
}

/// The decoded packet that an item is.
#[inline]
pub(super) fn packet<'a>(block: &'a Arc<Block>, item: &'a PacketItem, info: &'a PacketInfo) -> Packet<'a> {
    Packet::in_block(item.raw(bytes(block, item.frame())), info, block, item.frame().offset)
}
