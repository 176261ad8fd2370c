//! Interfaces, through libpcap: frames are copied once, from the kernel's ring into a block.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use pcap::{Active, Capture, Device, Packet, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::capture::Block;
use crate::capture::Captured;
use crate::capture::Dropped;
use crate::capture::Frame;
use crate::capture::FrameBatch;
use crate::capture::PacketSource;
use crate::capture::StopFlag;
use crate::capture::dlt;
use crate::capture::filter;
use crate::capture::pool::Pool;
use crate::error::BoxError;
use crate::error::Error;
use crate::error::Result;
use crate::packet::LinkType;
use crate::time::Timestamp;

/// How to capture on an interface.
///
/// # Examples
///
/// ```no_run
/// use flowgauge::capture::StopFlag;
/// use flowgauge::capture::live::LiveOptions;
///
/// let source = LiveOptions::default().promiscuous(false).filter("tcp port 443").open("eth0", StopFlag::default())?;
/// # Ok::<(), flowgauge::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options open nothing until `open` is called"]
pub struct LiveOptions {
    promiscuous: bool,
    snaplen_bytes: u32,
    buffer_bytes: Option<u32>,
    filter: String,
}

impl LiveOptions {
    /// Whether promiscuous, and the snaplen: what changes the packets that come.
    pub(crate) fn effective(&self) -> (bool, u32) {
        (self.promiscuous, self.snaplen_bytes)
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { promiscuous: true, snaplen_bytes: 65_535, buffer_bytes: None, filter: String::new() }
    }
}

impl LiveOptions {
    /// Whether to capture frames that are addressed to others, too. Defaults to true; the pseudo-interface `any` cannot.
    pub fn promiscuous(mut self, promiscuous: bool) -> Self {
        self.promiscuous = promiscuous;
        self
    }

    /// How many bytes of each frame are captured. Defaults to 65,535; 0 stands for libpcap's maximum, 262,144.
    pub fn snaplen_bytes(mut self, bytes: u32) -> Self {
        self.snaplen_bytes = bytes;
        self
    }

    /// Size of the kernel's buffer in bytes. Defaults to `None`: libpcap's choice, 2 MiB.
    pub fn buffer_bytes(mut self, bytes: Option<u32>) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// A BPF expression that the kernel applies before anything is copied. Defaults to none.
    pub fn filter(mut self, expression: &str) -> Self {
        self.filter = expression.trim().to_owned();
        self
    }

    /// Opens the interface called `name` and begins to capture.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchInterface`] when there is none of this name, [`Error::CaptureDenied`] when this process may not capture
    /// on it, [`Error::Filter`] when the expression does not compile for it, otherwise [`Error::Interface`].
    pub fn open(self, name: &str, stop: StopFlag) -> Result<LiveSource> {
        let network = name == ANY || is_network_interface(name);
        if !network && !interface_exists(name) {
            return Err(Error::NoSuchInterface { name: name.to_owned() });
        }
        // The pseudo-interface cannot, and libpcap's warning of it would count as a failure.
        let promiscuous = self.promiscuous && name != ANY;
        let mut capture = self.activate(name, network, promiscuous).map_err(|error| refused(name, error))?;
        if !self.filter.is_empty() {
            let _guard = filter::libpcap_compiler();
            capture
                .filter(&self.filter, true)
                .map_err(|error| Error::Filter { expression: self.filter.clone(), detail: filter::in_words(error) })?;
        }
        Ok(LiveSource {
            name: name.to_owned(),
            link: dlt::to_link(capture.get_datalink().0),
            network,
            capture: Some(capture),
            failed: None,
            stop,
            pool: Pool::default(),
            nothing: Arc::default(),
            dropped: Dropped::default(),
            last_counts: (0, 0),
        })
    }

    /// Frames of a network interface are stamped in nanoseconds; what else libpcap captures on may know microseconds only,
    /// and does not tell through the `pcap` crate which it took.
    fn activate(&self, name: &str, network: bool, promiscuous: bool) -> Result<Capture<Active>, pcap::Error> {
        let mut inactive = Capture::from_device(name)?
            .promisc(promiscuous)
            .snaplen(i32::try_from(self.snaplen_bytes).unwrap_or(i32::MAX))
            .timeout(READ_TIMEOUT.as_millis() as i32)
            .precision(if network { Precision::Nano } else { Precision::Micro });
        if let Some(bytes) = self.buffer_bytes {
            inactive = inactive.buffer_size(i32::try_from(bytes).unwrap_or(i32::MAX));
        }
        inactive.open()?.setnonblock()
    }
}

/// Frames from an interface, as they come.
///
/// A batch is handed out when the interface has no more frames for now, when 4,096 frames or 256 KiB are together, or
/// after 100 ms. The link type is libpcap's choice for the interface, for `any` Linux cooked.
///
/// An interface that goes down is silent until it comes up again; one that disappears is an error.
pub struct LiveSource {
    name: String,
    link: LinkType,
    /// A network interface of the kernel's (or all of them), not one of libpcap's other devices.
    network: bool,
    /// `None` after an error: there is nothing more.
    capture: Option<Capture<Active>>,
    /// The error, until the frames before it are out.
    failed: Option<Error>,
    stop: StopFlag,
    pool: Pool,
    nothing: Arc<Block>,
    dropped: Dropped,
    /// libpcap's counters of dropped frames when last asked: 32 bits, which wrap around.
    last_counts: (u32, u32),
}

impl LiveSource {
    /// What the first byte of its frames belongs to.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Waits until the interface has frames, 100 ms at most.
    ///
    /// libpcap's own read timeout will not do: with the kernel's packet ring (TPACKET_V3) it begins with the first frame,
    /// and a silent wire would hold us for ever. So the handle does not block, and the waiting is done here.
    fn wait(&self) {
        let Some(capture) = &self.capture else { return };
        if self.network {
            let mut waiting = [PollFd::new(capture, PollFlags::IN)];
            // Whatever it says, libpcap is asked next, and knows better what is wrong.
            let _ = poll(&mut waiting, Some(&POLL_STEP));
        } else {
            // What is no network interface may have no descriptor that could be polled.
            thread::sleep(SHORT_SLEEP);
        }
    }

    /// Copies what the interface has into `block` and `frames`.
    fn collect(&mut self, block: &mut Vec<u8>, frames: &mut Vec<Frame>) -> Result<(), pcap::Error> {
        let Some(capture) = &mut self.capture else { return Ok(()) };
        let (link, nanos_per_unit) = (self.link, if self.network { 1 } else { 1_000 });
        let begin = Instant::now();
        loop {
            let taken =
                capture.dispatch(Some(BURST_FRAMES), |packet| push(block, frames, &packet, link, nanos_per_unit));
            let taken = match taken {
                // Some drivers of libpcap's own take it for an error that there is nothing.
                Err(pcap::Error::PcapError(words)) if !self.network && words.ends_with(NOTHING_YET) => 0,
                taken => taken?,
            };
            let full = block.len() >= BLOCK_BYTES || frames.len() >= BATCH_FRAMES;
            // Fewer than asked for: there are no more for now.
            if taken < BURST_FRAMES || full || begin.elapsed() >= READ_TIMEOUT {
                return Ok(());
            }
        }
    }
}

impl PacketSource for LiveSource {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        batch.frames.clear();
        batch.block = Arc::clone(&self.nothing);
        if self.capture.is_none() {
            return self.failed.take().map_or(Ok(Captured::End), Err);
        }
        if self.stop.is_raised() {
            return Ok(Captured::Silence);
        }
        let mut block = self.pool.take().unwrap_or_default();
        let bytes = &mut Arc::get_mut(&mut block).expect("the pool gives only what nobody else holds").bytes;
        bytes.clear();
        bytes.reserve(BLOCK_BYTES);
        let mut collected = self.collect(bytes, &mut batch.frames);
        if collected.is_ok() && batch.frames.is_empty() {
            self.wait();
            collected = self.collect(bytes, &mut batch.frames);
        }
        self.pool.lend(&block);
        if let Err(error) = collected {
            // The counters go with the handle.
            self.dropped();
            self.capture = None;
            self.failed = Some(Error::Interface { name: self.name.clone(), source: reason(error) });
        }
        if batch.frames.is_empty() {
            return self.failed.take().map_or(Ok(Captured::Silence), Err);
        }
        batch.block = block;
        Ok(Captured::Frames)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn dropped(&mut self) -> Dropped {
        if let Some(Ok(counts)) = self.capture.as_mut().map(Capture::stats) {
            let (kernel, interface) = self.last_counts;
            self.dropped.kernel += u64::from(counts.dropped.wrapping_sub(kernel));
            self.dropped.interface += u64::from(counts.if_dropped.wrapping_sub(interface));
            self.last_counts = (counts.dropped, counts.if_dropped);
        }
        self.dropped
    }
}

impl std::fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSource").field("name", &self.name).field("link", &self.link).finish_non_exhaustive()
    }
}

/// An interface that one can capture on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name, for [`Streamer::from_interface`](crate::Streamer::from_interface).
    pub name: String,
    /// What the system says of it.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is up.
    pub is_up: bool,
    /// Whether it is ready to carry packets.
    pub is_running: bool,
    /// Whether it leads back to this machine.
    pub is_loopback: bool,
}

/// The interfaces that libpcap knows, in its order: those that are up and running first.
///
/// # Errors
///
/// [`Error::Interface`] when the system does not tell.
pub fn interfaces() -> Result<Vec<Interface>> {
    let devices =
        Device::list().map_err(|error| Error::Interface { name: "(all of them)".to_owned(), source: reason(error) })?;
    let interface = |device: Device| Interface {
        name: device.name,
        description: device.desc.filter(|words| !words.is_empty()),
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        is_up: device.flags.is_up(),
        is_running: device.flags.is_running(),
        is_loopback: device.flags.is_loopback(),
    };
    Ok(devices.into_iter().map(interface).collect())
}

/// Whether there is an interface of this name, one that libpcap knows or the pseudo-interface `any`.
pub fn interface_exists(name: &str) -> bool {
    name == ANY
        || is_network_interface(name)
        || Device::list().is_ok_and(|devices| devices.iter().any(|device| device.name == name))
}

/// Whether the kernel has a network interface of this name, in the network namespace of this process.
fn is_network_interface(name: &str) -> bool {
    let Ok(table) = fs::read_to_string("/proc/self/net/dev") else { return false };
    table.lines().filter_map(|line| line.rsplit_once(':')).any(|(interface, _)| interface.trim_start() == name)
}

/// Appends one frame.
fn push(block: &mut Vec<u8>, frames: &mut Vec<Frame>, packet: &Packet<'_>, link: LinkType, nanos_per_unit: i64) {
    let stamp = i128::from(packet.header.ts.tv_sec) * 1_000_000_000
        + i128::from(packet.header.ts.tv_usec) * i128::from(nanos_per_unit);
    let nanos = stamp.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    frames.push(Frame {
        stamp: Timestamp::from_nanos(nanos),
        offset: block.len() as u32,
        captured_len: packet.data.len() as u32,
        wire_len: packet.header.len,
        link,
        time_out_of_range: i128::from(nanos) != stamp,
    });
    block.extend_from_slice(packet.data);
}

/// Why an interface cannot be opened.
fn refused(name: &str, error: pcap::Error) -> Error {
    let name = name.to_owned();
    let words = filter::in_words(error);
    let denied = DENIED.iter().any(|denial| words.contains(denial));
    let source = words.into();
    if denied { Error::CaptureDenied { name, source } } else { Error::Interface { name, source } }
}

fn reason(error: pcap::Error) -> BoxError {
    match error {
        pcap::Error::PcapError(words) if words.is_empty() => "libpcap gave no reason".into(),
        error => filter::in_words(error).into(),
    }
}

/// libpcap's words for a missing capability, of several versions; its error code does not come through.
const DENIED: [&str; 4] = ["ermission", "not permitted", "CAP_NET_RAW", "CAP_NET_ADMIN"];

/// The system's words for `EAGAIN`; libpcap hands them on without the number.
const NOTHING_YET: &str = "Resource temporarily unavailable";

/// libpcap's pseudo-interface for all of them.
const ANY: &str = "any";

/// How long frames may stay in the kernel's ring, and a batch may take to fill.
const READ_TIMEOUT: Duration = Duration::from_millis(100);

const POLL_STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const SHORT_SLEEP: Duration = Duration::from_millis(20);

/// How many frames are copied between two looks at the clock; of 64 KiB each they still fit in memory well.
const BURST_FRAMES: usize = 64;
const BATCH_FRAMES: usize = 4_096;
const BLOCK_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interface_is_told_apart() {
        let refused = LiveOptions::default().open("no-such-interface", StopFlag::default());
        assert!(matches!(refused, Err(Error::NoSuchInterface { .. })), "{refused:?}");
        assert!(!interface_exists("no-such-interface"));
    }

    #[test]
    fn the_loopback_and_all_interfaces_exist() {
        assert!(interface_exists("lo"));
        assert!(interface_exists("any"));
        assert!(!interface_exists(""));
    }

    #[test]
    fn the_loopback_is_listed() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|interface| interface.name == "lo").unwrap();
        assert!(loopback.is_loopback);
        assert!(all.iter().any(|interface| interface.name == ANY));
    }

    #[test]
    fn a_missing_capability_is_told_apart() {
        let error = |words: &str| refused("eth0", pcap::Error::PcapError(words.to_owned()));
        let words = "Attempt to create packet socket failed - CAP_NET_RAW may be required";
        assert!(matches!(error(words), Error::CaptureDenied { .. }));
        assert!(matches!(error("socket: Operation not permitted"), Error::CaptureDenied { .. }));
        assert!(matches!(error("That device is not up"), Error::Interface { .. }));
    }
}
