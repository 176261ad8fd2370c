//! Where a run through a capture stopped, so that the next piece of it goes on as if there had been no cut.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::packet::PacketFlags;
use crate::packet::fragment::{FirstFragment, FragmentKey, FragmentTable};
use crate::time::Timestamp;
use crate::tunnel::Tunnel;

/// A place between two frames of a capture, with all that decoding remembers of what lies before it.
///
/// [`Decoder::position`](crate::packet::Decoder::position) tells it after a piece of a capture,
/// [`Decoder::resume`](crate::packet::Decoder::resume) goes on from it with the next piece. As text it can be kept in a file.
#[derive(Clone, Debug)]
pub struct Position {
    frame: u64,
    clock: Timestamp,
    pub(super) fragments: FragmentTable,
}

impl Position {
    /// The place behind frame number `frame` (0 is the beginning), where `clock` is the largest stamp of the packets before
    /// ([`Timestamp::MIN`] when there were none). Of fragments it knows nothing: those that follow a first fragment before
    /// this place are skipped.
    pub fn new(frame: u64, clock: Timestamp) -> Self {
        Self { frame, clock, fragments: FragmentTable::default() }
    }

    pub(super) fn with_fragments(frame: u64, clock: Timestamp, fragments: FragmentTable) -> Self {
        Self { frame, clock, fragments }
    }

    /// Number of the last frame before this place, in the whole capture; the next one has the number after it.
    pub const fn frame(&self) -> u64 {
        self.frame
    }

    /// The clock of the capture at this place: the largest stamp of the packets accepted before it.
    pub const fn clock(&self) -> Timestamp {
        self.clock
    }
}

/// The beginning of a capture.
impl Default for Position {
    fn default() -> Self {
        Self::new(0, Timestamp::MIN)
    }
}

/// What [`FromStr`] reads back: lines of words and numbers.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}\nframe {}\nclock_ns {}", self.frame, self.clock.as_nanos())?;
        for (key, first, seen) in self.fragments.entries() {
            let tunnel = |tunnel: Option<Tunnel>| tunnel.map_or("none", |tunnel| tunnel.name());
            let FragmentKey { src, dst, id, tunnel_key, vlan_id, ip_version, ip_protocol, .. } = key;
            write!(f, "fragment {} {src} {dst} {id} {} {tunnel_key}", seen.as_nanos(), tunnel(key.tunnel))?;
            write!(f, " {vlan_id} {ip_version} {ip_protocol}")?;
            let FirstFragment { src, dst, tunnel_key, src_port, dst_port, vlan_id, .. } = first;
            write!(f, " {src} {dst} {} {tunnel_key} {src_port} {dst_port} {vlan_id}", tunnel(first.tunnel))?;
            writeln!(f, " {} {} {}", first.ip_version, first.ip_protocol, first.flags.0)?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = Error;

    /// Reads what `Display` writes. Anybody may have written it: at most, fragments go astray.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] naming the line that is none of a position's.
    fn from_str(text: &str) -> Result<Self> {
        let refused = |line: &str| Error::Option {
            option: "position",
            value: format!("{:?}", line.chars().take(60).collect::<String>()),
            allowed: "what a run wrote down where it stopped",
        };
        let mut lines = text.lines();
        let begins = lines.next().unwrap_or_default();
        if begins != MAGIC {
            return Err(refused(begins));
        }
        let mut number = |name: &str| {
            let line = lines.next().unwrap_or_default();
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(|| refused(line))
        };
        let frame = number("frame")?;
        let frame = frame.parse().map_err(|_| refused(frame))?;
        let clock = number("clock_ns")?;
        let clock = Timestamp::from_nanos(clock.parse().map_err(|_| refused(clock))?);
        let mut position = Self::new(frame, clock);
        for line in lines {
            let (key, first, seen) = fragment(line).ok_or_else(|| refused(line))?;
            position.fragments.insert(key, first, seen);
        }
        Ok(position)
    }
}

fn fragment(line: &str) -> Option<(FragmentKey, FirstFragment, Timestamp)> {
    fn next<T: FromStr>(words: &mut std::str::Split<'_, char>) -> Option<T> {
        words.next()?.parse().ok()
    }
    fn tunnel(words: &mut std::str::Split<'_, char>) -> Option<Option<Tunnel>> {
        match words.next()? {
            "none" => Some(None),
            name => Tunnel::ALL.into_iter().find(|tunnel| tunnel.name() == name).map(Some),
        }
    }
    let words = &mut line.strip_prefix("fragment ")?.split(' ');
    let seen = Timestamp::from_nanos(next(words)?);
    let key = FragmentKey {
        src: next(words)?,
        dst: next(words)?,
        id: next(words)?,
        tunnel: tunnel(words)?,
        tunnel_key: next(words)?,
        vlan_id: next(words)?,
        ip_version: next(words)?,
        ip_protocol: next(words)?,
    };
    let first = FirstFragment {
        src: next(words)?,
        dst: next(words)?,
        tunnel: tunnel(words)?,
        tunnel_key: next(words)?,
        src_port: next(words)?,
        dst_port: next(words)?,
        vlan_id: next(words)?,
        ip_version: next(words)?,
        ip_protocol: next(words)?,
        flags: PacketFlags(next(words)?),
    };
    // Of others there are no fragments.
    let versions = [key.ip_version, first.ip_version].iter().all(|version| matches!(version, 4 | 6));
    (versions && words.next().is_none()).then_some((key, first, seen))
}

/// The first line.
const MAGIC: &str = "flowgauge position 1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_as_it_was_written() {
        let mut position = Position::new(7, Timestamp::from_nanos(-3));
        let key = FragmentKey {
            src: u128::MAX,
            dst: 2,
            id: 3,
            tunnel: Some(Tunnel::GtpU),
            tunnel_key: 4,
            vlan_id: 5,
            ip_version: 4,
            ip_protocol: 17,
        };
        let first = FirstFragment {
            src: 1,
            dst: u128::MAX,
            tunnel: None,
            tunnel_key: 0,
            src_port: 65_535,
            dst_port: 53,
            vlan_id: 9,
            ip_version: 6,
            ip_protocol: 17,
            flags: PacketFlags::default(),
        };
        let seen = Timestamp::from_nanos(10);
        position.fragments.insert(key, first, seen);
        let text = position.to_string();
        let back: Position = text.parse().unwrap();
        assert_eq!((back.frame(), back.clock(), back.to_string()), (7, Timestamp::from_nanos(-3), text.clone()));
        assert_eq!(back.fragments.find(&key, seen), Some(first));
        let empty: Position = Position::default().to_string().parse().unwrap();
        assert_eq!((empty.frame(), empty.clock()), (0, Timestamp::MIN));
        for wrong in [
            "",
            "x",
            MAGIC,
            &text.replace("frame 7", "frame -7"),
            &format!("{text}more"),
            &text.replace("gtp-u", "gtp"),
        ] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn more_fragments_than_are_remembered_are_no_harm() {
        let line = |id: u32| format!("fragment 0 1 2 {id} none 0 0 4 17 1 2 none 0 1 2 0 4 17 0\n");
        let text = format!("{MAGIC}\nframe 0\nclock_ns 0\n") + &(0..10_000).map(line).collect::<String>();
        let position: Position = text.parse().unwrap();
        assert_eq!(position.to_string().lines().count(), 3 + 4096);
    }
}
