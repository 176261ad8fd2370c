//! A packet on its way to a meter, without its bytes.

use std::sync::Arc;

use crate::flow::{FlowHasher, FlowKey};
use crate::metric::expr::{See, Seen};
use crate::packet::{Block, LinkType, Packet, PacketFlags, PacketInfo, RawPacket};
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
    /// A place for a packet: [`Descriptor::info_mut`] is to be decoded into, then [`Descriptor::complete`] called.
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

    /// Where to decode the packet to.
    #[inline]
    pub fn info_mut(&mut self) -> &mut PacketInfo {
        &mut self.info
    }

    /// Fills in all but what was decoded: `raw`, whose bytes begin at `offset` in their block, and key and hash.
    #[inline]
    pub fn complete(&mut self, raw: &RawPacket<'_>, offset: u32, hasher: &FlowHasher) {
        (self.key, self.turned) = key_of(&self.info);
        self.hash = hasher.hash(&self.key);
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
