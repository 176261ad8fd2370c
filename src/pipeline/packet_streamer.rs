//! Frames of whatever a [`Streamer`] reads, as items.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::capture::{Captured, FrameBatch, StopFlag};
use crate::error::Result;
use crate::packet::DecodeOptions;
use crate::pipeline::{Batch, Counts, Item, PacketItem, Pulled, Source};
use crate::streamer::{OpenFrames, Streamer};
use crate::time::Timestamp;

/// The source of packets: files, a stream, an interface, memory, or a source of frames of one's own.
///
/// Frames come as they are: [`PacketMeta`](crate::pipeline::PacketMeta) decodes them.
pub struct PacketStreamer {
    open: OpenFrames,
    frames: FrameBatch,
    /// How many of those were handed out.
    given: usize,
    counts: Counts,
    /// The last stamp of a wire, and when it came.
    arrival: Option<(Timestamp, Instant)>,
}

impl PacketStreamer {
    /// Opens what this streamer reads: its source, its BPF filter, its bounds on frames and how it captures are kept; how it
    /// meters is not looked at. [`Streamer::max_matching_frames`] is the number of packets that come at most.
    ///
    /// # Errors
    ///
    /// Those of [`Streamer::start`] that tell of source and filter.
    pub fn new(streamer: Streamer) -> Result<Self> {
        let open = streamer.open_frames()?;
        Ok(Self { open, frames: FrameBatch::default(), given: 0, counts: Counts::default(), arrival: None })
    }

    /// What stops it from anywhere: there is nothing more after at most 100 ms.
    pub fn stop_flag(&self) -> StopFlag {
        self.open.stop.clone()
    }

    /// How the streamer was told to decode.
    pub fn decode_options(&self) -> DecodeOptions {
        self.open.decode
    }

    fn frames_left(&self) -> u64 {
        self.open.max_frames.map_or(u64::MAX, |most| most.saturating_sub(self.counts.frames))
    }

    /// Whether more are wanted that the filter lets through.
    fn matching_left(&self) -> bool {
        let matching = self.counts.frames - self.counts.filtered;
        self.open.max_matching_frames.is_none_or(|most| matching < most.get())
    }

    /// Hands out some frames of the block: as many as stay at hand while one link after the other looks at them.
    fn put(&mut self, batch: &mut Batch) {
        batch.items.reserve(ITEMS);
        while batch.items.len() < ITEMS && self.frames_left() > 0 && self.matching_left() {
            let index = self.given;
            let Some(frame) = self.frames.frames.get(index).copied() else { break };
            self.given += 1;
            batch.advance(frame.stamp);
            self.counts.frames += 1;
            self.counts.bytes += u64::from(frame.wire_len);
            self.counts.time_out_of_range += u64::from(frame.time_out_of_range);
            let number = self.open.position.frame().saturating_add(self.counts.frames);
            #[cfg(feature = "pcap")]
            if let Some(filter) = &mut self.open.filter {
                let raw = self.frames.raw(index, number);
                if !filter.matches(raw.link, raw.wire_len, raw.data) {
                    self.counts.filtered += 1;
                    continue;
                }
            }
            batch.items.push(Item::Packet(PacketItem::new(frame, number)));
        }
        batch.block = Arc::clone(&self.frames.block);
    }
}

impl Source for PacketStreamer {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Pulled> {
        batch.clear();
        let live = self.open.source.is_live();
        batch.set_live(live);
        if self.open.stop.is_raised() || self.frames_left() == 0 || !self.matching_left() {
            return Ok(Pulled::End);
        }
        if self.given < self.frames.frames.len() {
            self.put(batch);
            return Ok(Pulled::Items);
        }
        self.frames.frames.clear();
        self.given = 0;
        let captured = self.open.source.next_batch(&mut self.frames);
        self.counts.dropped = self.open.source.dropped();
        match captured? {
            Captured::Frames => {
                self.put(batch);
                self.arrival = Some((batch.clock(), Instant::now()));
                Ok(Pulled::Items)
            }
            Captured::Silence => {
                if live && let Some((stamp, since)) = self.arrival {
                    batch.advance(stamp.saturating_add(since.elapsed().saturating_sub(GUARD)));
                }
                Ok(Pulled::Silence)
            }
            Captured::End => {
                #[cfg(feature = "pcap")]
                if let Some(filter) = &self.open.filter {
                    filter.finish()?;
                }
                Ok(Pulled::End)
            }
        }
    }

    fn count(&self, counts: &mut Counts) {
        counts.frames += self.counts.frames;
        counts.bytes += self.counts.bytes;
        counts.filtered += self.counts.filtered;
        counts.time_out_of_range += self.counts.time_out_of_range;
        counts.dropped = self.counts.dropped;
    }
}

/// Items in a batch, at most.
const ITEMS: usize = 256;
/// How far the clock of a silent wire stays behind the real time, for packets that are still on their way.
const GUARD: Duration = Duration::from_millis(500);
