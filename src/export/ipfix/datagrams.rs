//! UDP as something to write to: what is written at once is one datagram, and no faster than wished.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

/// A UDP socket that sends to one collector.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    pace: Option<Pace>,
}

/// When the next datagram may go, so that there are no more than so many bytes a second.
#[derive(Debug)]
struct Pace {
    bytes_per_second: NonZeroU64,
    /// When everything sent so far would have left at that pace; in the past if there was silence.
    due: Instant,
}

impl Datagrams {
    /// A socket for the first address of `collector` that one can be had for.
    pub(super) fn to(collector: impl ToSocketAddrs, bytes_per_second: Option<NonZeroU64>) -> io::Result<Self> {
        let pace = bytes_per_second.map(|bytes_per_second| Pace { bytes_per_second, due: Instant::now() });
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in collector.to_socket_addrs()? {
            match open(address) {
                Ok(socket) => return Ok(Self { socket, pace }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Each call sends one datagram.
impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        if let Some(pace) = &mut self.pace {
            thread::sleep(pace.wait(datagram.len(), Instant::now()));
        }
        self.socket.send(datagram)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pace {
    /// How long to wait before so many bytes are sent. Not for every datagram, but after a few: the system cannot sleep for
    /// a moment only.
    fn wait(&mut self, bytes: usize, now: Instant) -> Duration {
        self.due = self.due.max(now);
        let ahead = self.due - now;
        let bytes = u128::from(u64::try_from(bytes).unwrap_or(u64::MAX));
        let nanos = bytes.saturating_mul(1_000_000_000) / u128::from(self.bytes_per_second.get());
        self.due += Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX).min(LONGEST_WAIT_NANOS));
        if ahead < AT_ONCE { Duration::ZERO } else { ahead }
    }
}

fn open(collector: SocketAddr) -> io::Result<UdpSocket> {
    let any = if collector.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(collector)?;
    Ok(socket)
}

/// What is sent without a pause: little enough for the smallest socket of a collector at the usual paces.
const AT_ONCE: Duration = Duration::from_millis(2);
/// For one datagram, however slow the pace, so that an exporter can always be stopped.
const LONGEST_WAIT_NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(bytes_per_second: u64, now: Instant) -> Pace {
        Pace { bytes_per_second: NonZeroU64::new(bytes_per_second).unwrap(), due: now }
    }

    #[test]
    fn datagrams_keep_the_pace_over_time() {
        let begin = Instant::now();
        let (mut now, mut pace, mut longest) = (begin, pace(1_000_000, begin), 0);
        let mut at_once = 0;
        for _ in 0..10_000 {
            let wait = pace.wait(1_000, now);
            at_once = if wait.is_zero() { at_once + 1 } else { 0 };
            longest = longest.max(at_once);
            now += wait;
        }
        // 10,000 times a millisecond, but for the last few.
        let taken = now - begin;
        assert!((9_990..=10_000).contains(&taken.as_millis()), "{taken:?}");
        assert!(longest <= 2, "{longest}");
    }

    #[test]
    fn silence_does_not_save_up_for_a_burst() {
        let begin = Instant::now();
        let mut pace = pace(1_000_000, begin);
        let later = begin + Duration::from_secs(3600);
        let waits = (0..10).map(|_| pace.wait(1_000, later)).filter(|wait| !wait.is_zero()).count();
        assert_eq!(waits, 8);
    }

    #[test]
    fn no_pace_waits_for_ever() {
        let begin = Instant::now();
        let mut slowest = pace(1, begin);
        assert_eq!(slowest.wait(usize::MAX, begin), Duration::ZERO);
        assert_eq!(slowest.wait(usize::MAX, begin), Duration::from_secs(1));
        let mut fastest = pace(u64::MAX, begin);
        assert!((0..1000).all(|_| fastest.wait(65_535, begin).is_zero()));
    }
}
