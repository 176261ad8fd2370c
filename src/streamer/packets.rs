//! What a streamer reads, without its meter: for whoever looks at packets one by one.

use std::num::NonZeroU64;

#[cfg(feature = "pcap")]
use crate::capture::filter::Filter;
use crate::capture::{PacketSource, StopFlag};
use crate::error::Result;
use crate::packet::{DecodeOptions, Position};
use crate::streamer::Streamer;

/// A source that is open, and what a streamer was told of its frames.
pub(crate) struct OpenFrames {
    pub(crate) source: Box<dyn PacketSource>,
    /// What frames must match; `None` for all of them, or where the source has filtered already.
    #[cfg(feature = "pcap")]
    pub(crate) filter: Option<Filter>,
    pub(crate) decode: DecodeOptions,
    pub(crate) position: Position,
    pub(crate) max_frames: Option<u64>,
    pub(crate) max_matching_frames: Option<NonZeroU64>,
    pub(crate) stop: StopFlag,
}

impl Streamer {
    /// Opens the source as [`Streamer::start`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Streamer::start`] that tell of the source and of the filter.
    pub(crate) fn open_frames(self) -> Result<OpenFrames> {
        let stop = StopFlag::default();
        #[cfg(feature = "pcap")]
        let opened = self.source.open(self.filter, &stop, self.live)?;
        #[cfg(not(feature = "pcap"))]
        let opened = self.source.open(self.filter, &stop)?;
        let max_frames = if self.max_matching_frames == Some(0) { Some(0) } else { self.max_frames };
        Ok(OpenFrames {
            source: opened.source,
            #[cfg(feature = "pcap")]
            filter: opened.filter,
            decode: self.decode,
            position: self.position,
            max_frames,
            max_matching_frames: self.max_matching_frames.and_then(NonZeroU64::new),
            stop,
        })
    }
}
