//! Decoding, as links.

use crate::error::Result;
use crate::packet::{DecodeOptions, Decoder, SkipReason};
use crate::pipeline::{Batch, Counts, Link, PacketItem, Stages, batch};

/// Decodes packets: link layer, network layer, ends. A frame that decoding refuses stays an item, says why, and is counted.
///
/// What a tunnel carries is the packet, unless the options say otherwise. Packets that are decoded already stay as they are.
#[derive(Debug)]
pub struct PacketMeta {
    decoder: Decoder,
    skipped: [u64; SkipReason::ALL.len()],
}

/// Tells the transport layer, too. Packets that nobody decoded yet are decoded first, as [`PacketMeta`] does.
#[derive(Debug, Default)]
pub struct TransportMeta {
    meta: PacketMeta,
    without: u64,
}

impl PacketMeta {
    /// Decodes with these options.
    pub fn new(options: DecodeOptions) -> Self {
        Self { decoder: Decoder::new(options), skipped: [0; SkipReason::ALL.len()] }
    }

    #[inline]
    pub(super) fn decode(&mut self, block: &crate::packet::Block, item: &mut PacketItem) {
        if item.stages.contains(Stages::META) {
            return;
        }
        let raw = item.raw(batch::bytes(block, item.frame()));
        item.stages.insert(Stages::META);
        if let Err(skipped) = self.decoder.decode_into(&raw, &mut item.info) {
            self.skipped[skipped.reason as usize] += 1;
            item.refuse(skipped);
        }
    }
}

impl Default for PacketMeta {
    fn default() -> Self {
        Self::new(DecodeOptions::new())
    }
}

impl Link for PacketMeta {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let (block, packets) = batch.packets_mut();
        packets.for_each(|item| self.decode(block, item));
        Ok(())
    }

    fn count(&self, counts: &mut Counts) {
        counts.skipped.iter_mut().zip(self.skipped).for_each(|(sum, more)| *sum += more);
    }
}

impl TransportMeta {
    /// Decodes what is not decoded yet with these options.
    pub fn new(options: DecodeOptions) -> Self {
        Self { meta: PacketMeta::new(options), without: 0 }
    }
}

impl Link for TransportMeta {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let (block, packets) = batch.packets_mut();
        for item in packets {
            self.meta.decode(block, item);
            item.stages.insert(Stages::TRANSPORT);
            self.without += u64::from(!item.has_transport());
        }
        Ok(())
    }

    fn count(&self, counts: &mut Counts) {
        self.meta.count(counts);
        counts.without_transport += self.without;
    }
}
