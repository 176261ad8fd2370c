//! A packet on its way to a meter, without its bytes.

use std::sync::Arc;

use crate::flow::{FlowHasher, FlowKey};
use crate::packet::{Block, LinkType, Packet, PacketInfo, RawPacket};
use crate::time::Timestamp;

/// All of a packet but its bytes: what decoding learnt, the hash of its flow, and where in a [`Block`] it lies.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    info: PacketInfo,
    hash: u64,
    number: u64,
    stamp: Timestamp,
    offset: u32,
    captured_len: u32,
    link: LinkType,
}

impl Descriptor {
    /// The descriptor of `raw`, whose bytes begin at `offset` in its block.
    #[inline]
    pub fn new(raw: &RawPacket<'_>, offset: u32, info: PacketInfo, hasher: &FlowHasher) -> Self {
        let hash = hasher.hash(&key_of(&info).0);
        Self {
            info,
            hash,
            number: raw.number,
            stamp: raw.stamp,
            offset,
            captured_len: raw.data.len() as u32,
            link: raw.link,
        }
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

    /// The hash of its flow.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// The key of a packet's flow, and whether its sender is the second end of it.
#[inline]
pub(crate) fn key_of(info: &PacketInfo) -> (FlowKey, bool) {
    let (src, dst) = ((info.src, info.src_port), (info.dst, info.dst_port));
    let (key, turned) = FlowKey::new(info.ip_version, info.ip_protocol, src, dst, info.vlan_id);
    (key.in_tunnel(info.tunnel, 0), turned)
}
