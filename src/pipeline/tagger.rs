//! Tags by direction and names, and by the user's own functions.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::packet::Block;
use crate::pipeline::{AddressKind, Batch, Link, PacketItem, PacketMeta, PacketView, Tags};

/// Tags packets: `outgoing`, `incoming`, `internal` by their addresses, `nxdomain` by their domains, and by functions of
/// one's own.
///
/// Internal is what private, link-local and loopback addresses are; a group or everybody on the link counts as internal as
/// destination. The direction needs no [`ReverseDns`](crate::pipeline::ReverseDns) before it, `nxdomain` does.
#[derive(Default)]
pub struct Tagger {
    meta: PacketMeta,
    functions: Vec<TagFunction>,
}

/// Looks at a packet and gives a tag, or none.
type TagFunction = Box<dyn FnMut(&PacketView<'_>) -> Option<Arc<str>> + Send>;

impl Tagger {
    /// Adds a function that tells a tag of a packet; `None` is none.
    #[must_use]
    pub fn tag_by(mut self, function: impl FnMut(&PacketView<'_>) -> Option<Arc<str>> + Send + 'static) -> Self {
        self.functions.push(Box::new(function));
        self
    }

    #[inline]
    fn tag(&mut self, block: &Arc<Block>, item: &mut PacketItem) {
        self.meta.decode(block, item);
        let mut tags = Tags::default();
        if let Some(info) = item.info() {
            let kind = |number| AddressKind::of_number(info.ip_version, number);
            tags.insert(direction(kind(info.src), kind(info.dst)));
        }
        if item.domains().iter().any(|domain| domain.is_nxdomain()) {
            tags.insert(Tags::NXDOMAIN);
        }
        item.add_tags(tags);
        for function in &mut self.functions {
            if let Some(tag) = function(&PacketView::new(item, block)) {
                item.add_tag(&tag);
            }
        }
    }
}

impl Link for Tagger {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let (block, packets) = batch.packets_mut();
        packets.for_each(|item| self.tag(block, item));
        Ok(())
    }

    fn count(&self, counts: &mut crate::pipeline::Counts) {
        self.meta.count(counts);
    }
}

impl fmt::Debug for Tagger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tagger").field("functions", &self.functions.len()).finish_non_exhaustive()
    }
}

#[inline]
fn direction(src: AddressKind, dst: AddressKind) -> Tags {
    use AddressKind::{Broadcast, Global, Internal, LinkLocal, Loopback, Multicast, MulticastDns, Reserved};
    match (src, dst) {
        // Reserved addresses stand for others in examples and laboratories.
        (Internal | LinkLocal | Loopback, Global | Reserved) => Tags::OUTGOING,
        (Internal | LinkLocal | Loopback, _) => Tags::INTERNAL,
        (_, Internal | LinkLocal | Loopback) => Tags::INCOMING,
        (Global | MulticastDns | Multicast | Broadcast | Reserved, _) => Tags::default(),
    }
}
