//! A packet on its way to a meter, without its bytes.

use std::sync::Arc;

use crate::flow::{FlowHasher, FlowKey};
use crate::metric::expr::{See, Seen};
use crate::packet::{Block, Decoder, LinkType, Packet, PacketFlags, PacketInfo, RawPacket, Skipped};
use crate::time::Timestamp;

/// All of a packet but its bytes: what decoding learnt, the key of its flow and its hash, and where in a [`Block`] it lies.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    info: PacketInfo,
    key: FlowKey,
    hash: u64,
    number: u64,
    stamp: Timestamp,
    offset: u32,
    captured_len: u32,
    link: LinkType,
    /// Whether the sender is the second end of the key.
    turned: bool,
}

impl Descriptor {
    /// A place for a packet, to be filled with [`Descriptor::describe`].
    pub const EMPTY: Self = Self {
        info: PacketInfo::EMPTY,
        key: FlowKey::EMPTY,
        hash: 0,
        number: 0,
        stamp: Timestamp::MIN,
        offset: 0,
        captured_len: 0,
        link: LinkType(0),
        turned: false,
    };

    /// Makes this the packet in `raw`, whose bytes begin at `offset` in their block: decoded, with the key of its flow and its
    /// hash.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode_into`]; what this then holds has no meaning.
    #[inline(always)]
    pub fn describe(
        &mut self,
        decoder: &mut Decoder,
        raw: &RawPacket<'_>,
        offset: u32,
        hasher: &FlowHasher,
    ) -> Result<(), Skipped> {
        if decoder.decode_plain(raw, &mut self.info) {
            // What is known of a plain packet need not be looked at: no tunnel, no VLAN, and mostly addresses of 32 bits.
            let info = &self.info;
            if info.ip_version == 4 {
                let (src, dst) = ((info.src as u32, info.src_port), (info.dst as u32, info.dst_port));
                (self.key, self.turned) = FlowKey::new_v4(info.ip_protocol, src, dst);
                self.hash = hasher.hash(&self.key);
            } else {
                self.find_key_v6(hasher);
            }
        } else {
            self.describe_in_order(decoder, raw, hasher)?;
        }
        self.place(raw, offset);
        Ok(())
    }

    #[inline(never)]
    fn describe_in_order(
        &mut self,
        decoder: &mut Decoder,
        raw: &RawPacket<'_>,
        hasher: &FlowHasher,
    ) -> Result<(), Skipped> {
        decoder.decode_in_order(raw, &mut self.info)?;
        self.find_key(hasher);
        Ok(())
    }

    #[inline(never)]
    fn find_key_v6(&mut self, hasher: &FlowHasher) {
        let info = &self.info;
        let (src, dst) = ((info.src, info.src_port), (info.dst, info.dst_port));
        (self.key, self.turned) = FlowKey::new(6, info.ip_protocol, src, dst, 0);
        self.hash = hasher.hash(&self.key);
    }

    /// The packet in `raw`, whose bytes begin at `offset` in their block, of which `info` was learnt before.
    pub fn decoded(info: &PacketInfo, raw: &RawPacket<'_>, offset: u32, hasher: &FlowHasher) -> Self {
        let mut descriptor = Self { info: *info, ..Self::EMPTY };
        descriptor.find_key(hasher);
        descriptor.place(raw, offset);
        descriptor
    }

    fn find_key(&mut self, hasher: &FlowHasher) {
        (self.key, self.turned) = key_of(&self.info);
        self.hash = hasher.hash(&self.key);
    }

    #[inline(always)]
    fn place(&mut self, raw: &RawPacket<'_>, offset: u32) {
        self.number = raw.number;
        self.stamp = raw.stamp;
        self.offset = offset;
        self.captured_len = raw.data.len() as u32;
        self.link = raw.link;
    }

    /// The packet again, with its bytes out of `block`.
    #[inline]
    pub fn packet<'a>(&'a self, block: &'a Arc<Block>) -> Packet<'a> {
        let start = self.offset as usize;
        let data = block.bytes().get(start..start + self.captured_len as usize).unwrap_or_default();
        let raw =
            RawPacket { number: self.number, stamp: self.stamp, wire_len: self.info.wire_len, link: self.link, data };
        Packet::in_block(raw, &self.info, block, self.offset)
    }

    /// What decoding learnt.
    #[inline]
    pub fn info(&self) -> &PacketInfo {
        &self.info
    }

    /// The key of its flow, and whether its sender is the second end of that.
    #[inline]
    pub fn key(&self) -> (&FlowKey, bool) {
        (&self.key, self.turned)
    }

    /// When it was captured.
    #[inline]
    pub(super) const fn stamp(&self) -> Timestamp {
        self.stamp
    }

    /// The hash of its flow.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

impl See for Descriptor {
    #[inline(always)]
    fn see(&self) -> Seen<'_> {
        Seen { info: &self.info, stamp: self.stamp, number: self.number, captured_len: self.captured_len }
    }
}

/// The key of a packet's flow, and whether its sender is the second end of it.
#[inline]
pub(crate) fn key_of(info: &PacketInfo) -> (FlowKey, bool) {
    let (src, dst) = ((info.src, info.src_port), (info.dst, info.dst_port));
    let (key, turned) = FlowKey::new(info.ip_version, info.ip_protocol, src, dst, info.vlan_id);
    let tunnel_key = if info.flags.contains(PacketFlags::KEY_IN_FLOW) { info.tunnel_key } else { 0 };
    (key.in_tunnel(info.tunnel, tunnel_key), turned)
}
