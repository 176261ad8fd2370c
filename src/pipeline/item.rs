//! What travels: a packet, a flow, or something of the user's own.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use crate::capture::Frame;
use crate::packet::{LinkType, PacketFlags, PacketInfo, RawPacket, SkipReason, Skipped};
use crate::pipeline::dns_meta::DnsLimits;
use crate::pipeline::{Domain, FlowItem, HttpTold, Tags, TlsTold};
use crate::time::Timestamp;

/// One thing on its way through a pipeline.
#[derive(Clone, Debug)]
pub enum Item {
    /// A frame, whatever is in it.
    Packet(PacketItem),
    /// A flow record, or half of one.
    Flow(Box<FlowItem>),
    /// Something that only the user's own code knows. Native links hand it on, native sinks pass it over.
    Own(Arc<dyn Attachment>),
}

/// What the user's own code put beside an item, or in the place of one.
pub trait Attachment: Any + Debug + Send + Sync {
    /// The same for another branch, which must not see what is changed in this one.
    fn branched(&self) -> Arc<dyn Attachment>;

    /// Fields to be written with the item, by place and name, as JSON values: each stands in the place of the native one of
    /// the same name; without a value that is left out. None by default.
    fn json_fields(&self, tell: &mut dyn FnMut(Place, &str, Option<&str>)) {
        let _ = tell;
    }
}

/// Where a field stands in an item's dictionary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// In the item itself.
    Top,
    /// In its `eth`.
    Eth,
    /// In its `packet`.
    Packet,
    /// In its `transport`.
    Transport,
}

/// Which links a packet has passed, and so what its dictionary has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stages(u8);

impl Stages {
    /// Decoded: link layer, network layer.
    pub const META: Self = Self(1);
    /// Its transport layer is told, too.
    pub const TRANSPORT: Self = Self(2);
    /// Its ends have domains.
    pub const DOMAINS: Self = Self(4);
    /// It has tags.
    pub const TAGS: Self = Self(8);
    /// DNS messages in it are told.
    pub const DNS: Self = Self(16);
    /// The HTTP messages that it completes are told.
    pub const HTTP: Self = Self(32);
    /// The TLS records that it completes are told.
    pub const TLS: Self = Self(64);

    /// Whether all of `other` are passed.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    #[inline]
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A frame on its way; its bytes are in the [`Batch`](crate::pipeline::Batch)'s block.
#[derive(Clone, Debug)]
pub struct PacketItem {
    pub(super) info: PacketInfo,
    frame: Frame,
    number: u64,
    refused: Option<Skipped>,
    pub(super) stages: Stages,
    tags: Tags,
    /// Its payload is a DNS message.
    dns_payload: bool,
    domains: [Domain; 2],
    extra: Option<Box<Extra>>,
}

/// What few packets have.
#[derive(Debug, Default)]
struct Extra {
    /// In alphabetical order.
    user_tags: Vec<Arc<str>>,
    /// What goes before keys of domains, if that is not the usual one.
    domain_postfix: Option<Arc<str>>,
    /// DNS messages that it completes, where they are not its payload.
    dns_messages: Vec<Arc<[u8]>>,
    /// What is unusual in DNS, if that is not the usual.
    dns_limits: Option<Arc<DnsLimits>>,
    http: Vec<HttpTold>,
    tls: Vec<TlsTold>,
    attachment: Option<Arc<dyn Attachment>>,
}

impl Clone for Extra {
    fn clone(&self) -> Self {
        Self {
            user_tags: self.user_tags.clone(),
            domain_postfix: self.domain_postfix.clone(),
            dns_messages: self.dns_messages.clone(),
            dns_limits: self.dns_limits.clone(),
            http: self.http.clone(),
            tls: self.tls.clone(),
            attachment: self.attachment.as_ref().map(|attachment| attachment.branched()),
        }
    }
}

impl PacketItem {
    /// A frame that nobody has looked at yet. `number` counts frames of the capture, the first is 1.
    #[inline]
    pub fn new(frame: Frame, number: u64) -> Self {
        Self {
            info: PacketInfo::EMPTY,
            frame,
            number,
            refused: None,
            stages: Stages::default(),
            tags: Tags::default(),
            dns_payload: false,
            domains: [Domain::UNKNOWN; 2],
            extra: None,
        }
    }

    /// When it was captured.
    #[inline]
    pub fn stamp(&self) -> Timestamp {
        self.frame.stamp
    }

    /// Its number in the whole capture; 1 is the first.
    #[inline]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Bytes on the wire.
    #[inline]
    pub fn wire_len(&self) -> u32 {
        self.frame.wire_len
    }

    /// What its first byte belongs to.
    #[inline]
    pub fn link_type(&self) -> LinkType {
        self.frame.link
    }

    /// Where it lies in its block.
    #[inline]
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Which links it has passed.
    #[inline]
    pub fn stages(&self) -> Stages {
        self.stages
    }

    /// What decoding learnt; `None` before [`PacketMeta`](crate::pipeline::PacketMeta), and where it was refused.
    #[inline]
    pub fn info(&self) -> Option<&PacketInfo> {
        (self.stages.contains(Stages::META) && self.refused.is_none()).then_some(&self.info)
    }

    /// Whether it has a transport layer to tell: it is decoded, and no later fragment.
    #[inline]
    pub(super) fn has_transport(&self) -> bool {
        self.info().is_some_and(|info| !info.flags.contains(PacketFlags::LATER_FRAGMENT))
    }

    /// Why decoding refused it.
    #[inline]
    pub fn skipped(&self) -> Option<SkipReason> {
        self.refused.map(|skipped| skipped.reason)
    }

    /// What decoding told of a frame that it refused.
    #[inline]
    pub(super) fn refused(&self) -> Option<&Skipped> {
        self.refused.as_ref()
    }

    #[inline]
    pub(super) fn refuse(&mut self, skipped: Skipped) {
        self.info = PacketInfo::EMPTY;
        self.refused = Some(skipped);
    }

    /// The native tags.
    #[inline]
    pub fn tags(&self) -> Tags {
        self.tags
    }

    /// Adds native tags.
    #[inline]
    pub fn add_tags(&mut self, tags: Tags) {
        self.stages.insert(Stages::TAGS);
        self.tags.insert(tags);
    }

    /// The user's tags, in alphabetical order.
    #[inline]
    pub fn user_tags(&self) -> &[Arc<str>] {
        self.extra.as_ref().map_or(&[], |extra| &extra.user_tags)
    }

    /// Adds a tag by its word, which may be a native one.
    pub fn add_tag(&mut self, word: &str) {
        self.stages.insert(Stages::TAGS);
        if let Some(tag) = Tags::from_name(word) {
            self.tags.insert(tag);
            return;
        }
        let tags = &mut self.extra.get_or_insert_default().user_tags;
        if let Err(place) = tags.binary_search_by(|tag| (**tag).cmp(word)) {
            tags.insert(place, word.into());
        }
    }

    /// Takes all tags away; it still is a packet that has tags.
    pub fn clear_tags(&mut self) {
        self.tags = Tags::default();
        if let Some(extra) = &mut self.extra {
            extra.user_tags.clear();
        }
    }

    /// All tags: the words of the native ones, then the user's.
    pub fn tag_names(&self) -> impl Iterator<Item = &str> {
        self.tags.names().map(|name| -> &str { name }).chain(self.user_tags().iter().map(|tag| &**tag))
    }

    /// The domain of the source, and that of the destination.
    #[inline]
    pub fn domains(&self) -> &[Domain; 2] {
        &self.domains
    }

    /// Sets the domains of source and destination.
    #[inline]
    pub fn set_domains(&mut self, domains: [Domain; 2]) {
        self.stages.insert(Stages::DOMAINS);
        self.domains = domains;
    }

    /// Sets the domain of one end: 0 is the source, 1 the destination.
    #[inline]
    pub fn set_domain(&mut self, end: usize, domain: Domain) {
        self.stages.insert(Stages::DOMAINS);
        self.domains[end.min(1)] = domain;
    }

    /// What follows `src` and `dst` in the names of domains. Defaults to `_domain`.
    pub fn domain_postfix(&self) -> &str {
        self.extra.as_ref().and_then(|extra| extra.domain_postfix.as_deref()).unwrap_or("_domain")
    }

    pub(super) fn set_domain_postfix(&mut self, postfix: &Arc<str>) {
        self.extra.get_or_insert_default().domain_postfix = Some(Arc::clone(postfix));
    }

    /// Its payload is a DNS message.
    #[inline]
    pub(super) fn has_dns_payload(&self) -> bool {
        self.dns_payload
    }

    /// The DNS messages that it completes, where they are not its payload.
    #[inline]
    pub(super) fn dns_messages(&self) -> &[Arc<[u8]>] {
        self.extra.as_ref().map_or(&[], |extra| &extra.dns_messages)
    }

    /// Whether it carries or completes a DNS message, and [`DnsMeta`](crate::pipeline::DnsMeta) has seen it.
    #[inline]
    pub fn has_dns(&self) -> bool {
        self.dns_payload || !self.dns_messages().is_empty()
    }

    pub(super) fn dns_limits(&self) -> DnsLimits {
        self.extra.as_ref().and_then(|extra| extra.dns_limits.as_deref().copied()).unwrap_or_default()
    }

    /// Says that its payload is a DNS message.
    #[inline]
    pub(super) fn set_dns_payload(&mut self, limits: Option<&Arc<DnsLimits>>) {
        self.dns_payload = true;
        if limits.is_some() {
            self.extra.get_or_insert_default().dns_limits = limits.cloned();
        }
    }

    /// Says which DNS messages it completes.
    pub(super) fn set_dns_messages(&mut self, messages: Vec<Arc<[u8]>>, limits: Option<&Arc<DnsLimits>>) {
        let extra = self.extra.get_or_insert_default();
        extra.dns_messages = messages;
        extra.dns_limits = limits.cloned();
    }

    /// The HTTP messages that it completes.
    #[inline]
    pub fn http(&self) -> &[HttpTold] {
        self.extra.as_ref().map_or(&[], |extra| &extra.http)
    }

    /// What it tells of TLS, a direction at a time.
    #[inline]
    pub fn tls(&self) -> &[TlsTold] {
        self.extra.as_ref().map_or(&[], |extra| &extra.tls)
    }

    pub(super) fn add_http(&mut self, told: Vec<HttpTold>) {
        self.extra.get_or_insert_default().http.extend(told);
    }

    pub(super) fn add_tls(&mut self, told: Vec<TlsTold>) {
        self.extra.get_or_insert_default().tls.extend(told);
    }

    /// An item of no bytes, for what is told when there is no packet to tell it with.
    pub(super) fn without_bytes(info: PacketInfo, stamp: Timestamp, number: u64) -> Self {
        let link = LinkType::RAW;
        let frame = Frame { stamp, offset: 0, captured_len: 0, wire_len: 0, link, time_out_of_range: false };
        let mut item = Self::new(frame, number);
        item.info = info;
        item.stages.insert(Stages::META);
        item
    }

    /// Whether it is no packet, but tells what there was no packet for.
    #[inline]
    pub(super) fn is_without_bytes(&self) -> bool {
        self.frame.wire_len == 0 && self.frame.captured_len == 0
    }

    /// What the user's own code put beside it.
    pub fn attachment(&self) -> Option<&Arc<dyn Attachment>> {
        self.extra.as_ref()?.attachment.as_ref()
    }

    /// Puts something of the user's own beside it, or takes it away.
    pub fn set_attachment(&mut self, attachment: Option<Arc<dyn Attachment>>) {
        if attachment.is_some() || self.extra.is_some() {
            self.extra.get_or_insert_default().attachment = attachment;
        }
    }

    /// The raw packet, with `data` as its bytes.
    #[inline]
    pub(super) fn raw<'a>(&self, data: &'a [u8]) -> RawPacket<'a> {
        let Frame { stamp, wire_len, link, .. } = self.frame;
        RawPacket { number: self.number, stamp, wire_len, link, data }
    }

    /// The same frame at another place.
    pub(super) fn moved_to(&mut self, offset: u32) {
        self.frame.offset = offset;
    }
}
