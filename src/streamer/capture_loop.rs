//! The capture thread: frames from the source, through filter and decoding, to the workers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::capture::{Captured, FrameBatch, PacketSource, StopFlag};
use crate::error::Result;
use crate::flow::FlowHasher;
use crate::meter::{Descriptor, hint};
use crate::packet::{Decoder, LinkType, SkipReason};
use crate::streamer::batch::{Batch, Message};
use crate::streamer::report::{CaptureCounts, Ledger, lock};
use crate::streamer::worker::{Ended, Worker};
use crate::time::Timestamp;

/// What the capture thread owns.
pub(super) struct CaptureLoop {
    pub(super) source: Box<dyn PacketSource>,
    #[cfg(feature = "pcap")]
    pub(super) filter: Option<crate::capture::filter::Filter>,
    pub(super) decoder: Decoder,
    pub(super) hasher: FlowHasher,
    /// Number of the last frame before the first.
    pub(super) frames_before: u64,
    pub(super) max_frames: Option<u64>,
    pub(super) max_matching_frames: Option<u64>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stop: StopFlag,
    pub(super) counts: CaptureCounts,
    /// Link types that were met and are not decoded.
    pub(super) unread_links: HashSet<LinkType>,
    #[cfg(test)]
    pub(super) lose: Option<super::Hop>,
}

/// Where packets go from here.
pub(super) enum Outlet {
    /// To the one meter, in this thread.
    Inline(Box<Worker>, Batch),
    /// To the workers, by a second hash of the flow key.
    Workers(Box<Dispatcher>),
}

/// The ends of the workers' channels that the capture thread holds.
pub(super) struct Dispatcher {
    pub(super) workers: Vec<Sender<Message>>,
    pub(super) empties: Receiver<Batch>,
    pub(super) hasher: FlowHasher,
    /// A batch for each worker, of the block at hand.
    pub(super) pending: Vec<Batch>,
    /// Batches of earlier blocks for each worker.
    pub(super) waiting: Vec<Vec<Batch>>,
    /// How many blocks have batches that wait.
    pub(super) blocks: usize,
    /// The packet at hand, when there are several workers.
    pub(super) next: Descriptor,
}

impl CaptureLoop {
    /// Reads until the source ends or somebody stops it; what was read reaches the workers in any case. The error is what
    /// ended the source before its end, or with an inline meter that of a user's metric.
    pub(super) fn run(mut self, mut outlet: Outlet) -> Ended {
        let captured = self.capture(&mut outlet);
        #[cfg(feature = "pcap")]
        let captured = captured.and(self.filter.as_ref().map_or(Ok(()), |filter| filter.finish()));
        self.publish_all();
        let position = self.decoder.position(self.frames_before.saturating_add(self.counts.frames_read));
        *lock(&self.ledger.position) = Some(position);
        // Every worker ends its flows by the clock of the whole capture, not by that of its own last packet.
        outlet.tick(self.decoder.clock());
        let metered = outlet.finish();
        Ended { result: captured.and(metered.result), rest: metered.rest }
    }

    fn capture(&mut self, outlet: &mut Outlet) -> Result<()> {
        let live = self.source.is_live();
        let mut frames = FrameBatch::default();
        let mut arrival = None;
        while !self.stop.is_raised() && self.frames_left() > 0 && self.matching_frames_left() {
            self.ledger.reading.store(true, Ordering::Relaxed);
            let captured = self.source.next_batch(&mut frames);
            self.ledger.reading.store(false, Ordering::Relaxed);
            let captured = captured?;
            match captured {
                Captured::Frames => {
                    let before = self.counts.packets;
                    self.batch(&frames, outlet);
                    if live && self.counts.packets > before {
                        arrival = frames.frames.last().map(|frame| (frame.stamp, Instant::now()));
                    }
                }
                // What waited for company waits no longer, and there is time for those that are due.
                Captured::Silence => outlet.tick(self.decoder.clock()),
                Captured::End => return Ok(()),
            }
            if live && let Some((stamp, since)) = arrival {
                self.tick(stamp, since.elapsed(), outlet);
            }
            self.publish_all();
            if !outlet.is_open() {
                break;
            }
        }
        Ok(())
    }

    /// Moves the clock of a wire on which no packet came for a while.
    fn tick(&mut self, last: Timestamp, silence: Duration, outlet: &mut Outlet) {
        let now = last.saturating_add(silence.saturating_sub(GUARD));
        if silence > GUARD && now > self.decoder.clock() {
            self.decoder.advance(now);
            outlet.tick(now);
        }
    }

    fn batch(&mut self, frames: &FrameBatch, outlet: &mut Outlet) {
        let count = usize::try_from(self.frames_left()).unwrap_or(usize::MAX).min(frames.frames.len());
        outlet.begin(frames);
        // Which way packets go is decided once for all of them.
        let read = match outlet {
            Outlet::Inline(worker, batch) => self.frames(frames, count, &mut Inline { worker, batch }),
            Outlet::Workers(dispatcher) => self.frames(frames, count, &mut **dispatcher),
        };
        self.publish();
        self.ledger.see(self.source.input(), &frames.frames[..read]);
        outlet.hand_over(self.decoder.clock(), is_bulk(frames));
    }

    /// Takes the first `count` frames on their way, or fewer if that is enough; how many.
    fn frames(&mut self, frames: &FrameBatch, count: usize, way: &mut impl Way) -> usize {
        for index in 0..count {
            if !self.matching_frames_left() {
                return index;
            }
            let number = self.frames_before.saturating_add(self.counts.frames_read).saturating_add(1);
            prefetch(frames, index + AHEAD);
            let raw = frames.raw(index, number);
            let wire_len = u64::from(raw.wire_len);
            self.counts.frames_read += 1;
            self.counts.bytes_read += wire_len;
            self.counts.time_out_of_range += u64::from(frames.frames[index].time_out_of_range);
            #[cfg(test)]
            if self.loses(super::Hop::Read) {
                continue;
            }
            #[cfg(feature = "pcap")]
            if let Some(filter) = &mut self.filter
                && !filter.matches(raw.link, raw.wire_len, raw.data)
            {
                self.counts.filtered += 1;
                self.counts.filtered_bytes += wire_len;
                continue;
            }
            let descriptor = way.descriptor();
            match descriptor.describe(&mut self.decoder, &raw, frames.frames[index].offset, &self.hasher) {
                Ok(()) => {
                    self.counts.packets += 1;
                    self.counts.packet_bytes += wire_len;
                    self.counts.out_of_order += u64::from(raw.stamp < descriptor.info().clock);
                    #[cfg(test)]
                    if self.loses(super::Hop::Decoded) {
                        continue;
                    }
                    if way.is_full() {
                        self.publish();
                    }
                    way.push();
                }
                Err(skipped) => {
                    self.counts.skipped[skipped.reason as usize] += 1;
                    self.counts.skipped_bytes += wire_len;
                    if skipped.reason == SkipReason::UnsupportedLinkType {
                        self.warn_of_link(raw.link);
                    }
                }
            }
        }
        count
    }

    fn frames_left(&self) -> u64 {
        self.max_frames.map_or(u64::MAX, |most| most.saturating_sub(self.counts.frames_read))
    }

    /// Whether more frames are wanted that the filter lets through.
    fn matching_frames_left(&self) -> bool {
        self.max_matching_frames.is_none_or(|most| self.counts.frames_read - self.counts.filtered < most)
    }

    #[cold]
    fn warn_of_link(&mut self, link: LinkType) {
        if !self.unread_links.insert(link) || self.unread_links.len() > MAX_WARNINGS + 1 {
            return;
        }
        let warning = if self.unread_links.len() > MAX_WARNINGS {
            "frames of further link types are not decoded".to_owned()
        } else {
            format!("frames of link type {link} are not decoded")
        };
        lock(&self.ledger.warnings).push(warning);
    }

    /// Tells the ledger what was counted. It comes before any packet goes on, so that no report counts more out than in.
    fn publish(&self) {
        *lock(&self.ledger.capture) = self.counts;
    }

    /// Tells the ledger what else is known, once a batch.
    fn publish_all(&mut self) {
        self.counts.dropped = self.source.dropped();
        self.counts.source = self.source.bytes();
        self.publish();
        let warnings = self.source.warnings();
        if !warnings.is_empty() {
            lock(&self.ledger.warnings).extend(warnings);
        }
        #[cfg(feature = "pcap")]
        if let Some(filter) = &self.filter {
            *lock(&self.ledger.filter_warnings) = filter.warnings();
        }
    }

    #[cfg(test)]
    fn loses(&mut self, hop: super::Hop) -> bool {
        let loses = self.lose == Some(hop);
        if loses {
            self.lose = None;
        }
        loses
    }
}

/// Whether the source has more than its reader can take: then the next block is on its way already.
fn is_bulk(frames: &FrameBatch) -> bool {
    let (Some(first), Some(last)) = (frames.frames.first(), frames.frames.last()) else { return false };
    last.offset.saturating_sub(first.offset) >= BULK_BYTES
}

/// Asks for the headers of a frame that is decoded soon.
#[inline(always)]
fn prefetch(frames: &FrameBatch, index: usize) {
    let Some(frame) = frames.frames.get(index) else { return };
    hint::prefetch_at(frames.block.bytes(), frame.offset as usize);
    hint::prefetch_at(frames.block.bytes(), frame.offset as usize + 64);
}

impl Outlet {
    /// Frames of a new block follow.
    fn begin(&mut self, frames: &FrameBatch) {
        match self {
            Self::Inline(_, batch) => batch.block = Arc::clone(&frames.block),
            Self::Workers(dispatcher) => {
                for batch in &mut dispatcher.pending {
                    batch.block = Arc::clone(&frames.block);
                }
            }
        }
    }

    /// The frames of a block are all there: hands over what is left of them, and the clock after them.
    ///
    /// While blocks come in `bulk`, records wait until enough are together; a slow source's leave at once.
    fn hand_over(&mut self, clock: Timestamp, bulk: bool) {
        match self {
            Self::Inline(worker, batch) => {
                batch.clock = clock;
                worker.batch(batch);
                if bulk {
                    worker.flush_some()
                } else {
                    worker.flush()
                }
                batch.empty();
            }
            Self::Workers(dispatcher) => dispatcher.hand_over(clock, bulk),
        }
    }

    /// Tells the clock, after all that was handed over.
    fn tick(&mut self, now: Timestamp) {
        match self {
            Self::Inline(worker, _) => worker.tick(now),
            Self::Workers(dispatcher) => dispatcher.send(now, true),
        }
    }

    /// Whether somebody still meters what comes.
    fn is_open(&self) -> bool {
        match self {
            Self::Inline(..) => true,
            Self::Workers(dispatcher) => !dispatcher.workers.is_empty(),
        }
    }

    fn finish(self) -> Ended {
        match self {
            Self::Inline(worker, _) => worker.finish(),
            Self::Workers(_) => Ended { result: Ok(()), rest: None },
        }
    }
}

/// What a packet does on its way.
trait Way {
    /// Where the next packet is to be described. It goes on its way with [`Way::push`] only.
    fn descriptor(&mut self) -> &mut Descriptor;

    /// Whether the next packet handed on makes the meter in this thread work.
    fn is_full(&self) -> bool;

    /// Hands on the packet that was described last.
    fn push(&mut self);
}

/// The way to the meter in this thread.
struct Inline<'a> {
    worker: &'a mut Worker,
    batch: &'a mut Batch,
}

impl Way for Inline<'_> {
    #[inline(always)]
    fn descriptor(&mut self) -> &mut Descriptor {
        self.batch.next()
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.batch.filled + 1 == INLINE_PACKETS
    }

    #[inline(always)]
    fn push(&mut self) {
        self.batch.filled += 1;
        // A few at a time, so that descriptors and bytes are still at hand when they are metered.
        if self.batch.filled == INLINE_PACKETS {
            self.worker.batch(self.batch);
            self.batch.filled = 0;
        }
    }
}

impl Way for Dispatcher {
    #[inline(always)]
    fn descriptor(&mut self) -> &mut Descriptor {
        // Who gets it is not known before it is described, unless there is only one.
        match &mut self.pending[..] {
            [only] => only.next(),
            _ => &mut self.next,
        }
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        false
    }

    #[inline(always)]
    fn push(&mut self) {
        if let [only] = &mut self.pending[..] {
            only.filled += 1;
            return;
        }
        let shard = self.shard();
        *self.pending[shard].next() = self.next;
        self.pending[shard].filled += 1;
    }
}

impl Dispatcher {
    #[inline]
    fn shard(&self) -> usize {
        let hash = self.hasher.hash(self.next.key().0);
        ((u128::from(hash) * self.pending.len() as u128) >> 64) as usize
    }

    /// Sends what there is of the block to the workers, or while blocks come in `bulk` of a few blocks at a time: to wake a
    /// worker that has nothing to do costs as much as to read dozens of packets.
    fn hand_over(&mut self, clock: Timestamp, bulk: bool) {
        for (waiting, batch) in self.waiting.iter_mut().zip(&mut self.pending) {
            batch.clock = clock;
            if batch.filled > 0 {
                waiting.push(std::mem::replace(batch, self.empties.try_recv().unwrap_or_default()));
            } else {
                batch.empty();
            }
        }
        self.blocks += 1;
        if !bulk || self.blocks == TOGETHER {
            self.send(clock, false);
        }
    }

    /// Sends what waits for the workers, and the `clock` to those for whom nothing does, or with `tick` to all.
    fn send(&mut self, clock: Timestamp, tick: bool) {
        self.blocks = 0;
        for (worker, waiting) in self.workers.iter().zip(&mut self.waiting) {
            let batches = (!waiting.is_empty())
                .then(|| Message::Batches(std::mem::replace(waiting, Vec::with_capacity(TOGETHER))));
            let tick = (tick || batches.is_none()).then_some(Message::Tick(clock));
            if batches.into_iter().chain(tick).any(|message| worker.send(message).is_err()) {
                // A worker is gone, by a panic: nobody is to meter what would still come.
                return self.workers.clear();
            }
        }
    }
}

/// How many frames ahead of decoding the headers are asked for.
const AHEAD: usize = 8;
/// Link types that are named one by one.
const MAX_WARNINGS: usize = 16;
/// Blocks that are sent to the workers at a time while they come in bulk.
pub(super) const TOGETHER: usize = 4;
/// Bytes of a block from which on more are thought to follow at once.
const BULK_BYTES: u32 = 64 << 10;
/// Packets metered at a time when the meter runs in the capture thread.
const INLINE_PACKETS: usize = 64;
/// How far the clock of a silent wire stays behind, for packets that are still on their way through the kernel.
const GUARD: Duration = Duration::from_millis(500);
