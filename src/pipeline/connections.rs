//! The connections that packets belong to, each with a state of the link that keeps them.
//!
//! Bounded in number, in silence (by the time of the packets) and in memory: whichever was silent longest leaves, and is
//! handed back, so that what its state still knows can be told.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::Duration;

use crate::flow::{Direction, FlowHasher, FlowKey};
use crate::meter;
use crate::packet::PacketInfo;
use crate::time::Timestamp;

/// A table of connections with a `T` for each.
pub(super) struct Connections<T> {
    places: HashMap<Hashed, u32, BuildHasherDefault<Ready>>,
    slots: Vec<Slot<T>>,
    /// Slots without a connection.
    free: Vec<u32>,
    /// The one that was heard of last, and the one that was silent longest.
    newest: u32,
    oldest: u32,
    hasher: FlowHasher,
    clock: Timestamp,
    /// What all states weigh.
    weight: usize,
    bounds: Bounds,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at a time.
    pub(super) connections: usize,
    /// Silence after which one leaves, in packet time.
    pub(super) silence: Duration,
    /// Bytes that all states weigh together.
    pub(super) bytes: usize,
}

impl Default for Bounds {
    /// 65,536 connections, 120 s of silence, 256 MiB.
    fn default() -> Self {
        Self { connections: 65_536, silence: Duration::from_secs(120), bytes: 256 << 20 }
    }
}

/// A connection that is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place(u32);

/// A connection that left.
#[derive(Debug)]
pub(super) struct Gone<T> {
    pub(super) key: FlowKey,
    /// Whether its first packet came from the higher end of its key.
    pub(super) turned: bool,
    pub(super) state: T,
}

struct Slot<T> {
    key: Hashed,
    turned: bool,
    newer: u32,
    older: u32,
    heard: Timestamp,
    weight: usize,
    /// `None` while the slot is free.
    state: Option<T>,
}

impl<T> Connections<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        // A 32-bit number stands for none.
        let connections = bounds.connections.clamp(1, NONE as usize - 1);
        Self {
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            hasher: FlowHasher::random(),
            clock: Timestamp::MIN,
            weight: 0,
            bounds: Bounds { connections, ..bounds },
        }
    }

    /// The connection of a packet that came at `stamp`, and which way it goes. One that is new begins with what `begin`
    /// gives; where that is nothing, it is not kept.
    #[inline]
    pub(super) fn of(
        &mut self,
        info: &PacketInfo,
        stamp: Timestamp,
        begin: impl FnOnce() -> Option<T>,
    ) -> Option<(Place, Direction)> {
        self.clock = self.clock.max(stamp);
        let (key, turned) = meter::key_of(info);
        let key = Hashed { hash: self.hasher.hash(&key), key };
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => self.open(key, turned, begin()?),
        };
        let slot = &mut self.slots[place as usize];
        slot.heard = self.clock;
        let direction = if slot.turned == turned { Direction::SrcToDst } else { Direction::DstToSrc };
        if self.newest != place {
            self.unlink(place);
            self.link(place);
        }
        Some((Place(place), direction))
    }

    /// The state of a connection that is there.
    #[inline]
    pub(super) fn state(&mut self, place: Place) -> Option<&mut T> {
        self.slots.get_mut(place.0 as usize)?.state.as_mut()
    }

    /// The connection with this key, and whether its first packet came from the higher end; it is not heard of by that.
    pub(super) fn find(&self, key: &FlowKey) -> Option<(&T, bool)> {
        let key = Hashed { hash: self.hasher.hash(key), key: *key };
        let slot = self.slots.get(*self.places.get(&key)? as usize)?;
        Some((slot.state.as_ref()?, slot.turned))
    }

    /// Says what the state of a connection weighs now, in bytes.
    #[inline]
    pub(super) fn weigh(&mut self, place: Place, bytes: usize) {
        if let Some(slot) = self.slots.get_mut(place.0 as usize) {
            self.weight = self.weight - slot.weight + bytes;
            slot.weight = bytes;
        }
    }

    /// Moves the clock forward, where no packet does.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
    }

    /// The next connection that must leave: one too many, too heavy or too long silent.
    #[inline]
    pub(super) fn expired(&mut self) -> Option<Gone<T>> {
        let oldest = self.slots.get(self.oldest as usize)?;
        let silent = u128::from(self.clock.nanos_since(oldest.heard)) > self.bounds.silence.as_nanos();
        let many = self.places.len() > self.bounds.connections;
        if silent || many || self.weight > self.bounds.bytes { self.take(Place(self.oldest)) } else { None }
    }

    /// The connection that was silent longest, whatever the bounds say.
    pub(super) fn pop(&mut self) -> Option<Gone<T>> {
        self.take(Place(self.oldest))
    }

    /// Takes a connection out.
    pub(super) fn take(&mut self, place: Place) -> Option<Gone<T>> {
        let slot = self.slots.get_mut(place.0 as usize)?;
        let state = slot.state.take()?;
        let (key, turned) = (slot.key, slot.turned);
        self.weight -= std::mem::take(&mut slot.weight);
        self.unlink(place.0);
        self.places.remove(&key);
        self.free.push(place.0);
        Some(Gone { key: key.key, turned, state })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    fn open(&mut self, key: Hashed, turned: bool, state: T) -> u32 {
        let slot = Slot { key, turned, newer: NONE, older: NONE, heard: self.clock, weight: 0, state: Some(state) };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.places.insert(key, place);
        self.link(place);
        place
    }

    /// Puts a slot at the new end.
    fn link(&mut self, place: u32) {
        let before = std::mem::replace(&mut self.newest, place);
        if let Some(slot) = self.slots.get_mut(before as usize) {
            slot.newer = place;
        } else {
            self.oldest = place;
        }
        let slot = &mut self.slots[place as usize];
        (slot.newer, slot.older) = (NONE, before);
    }

    fn unlink(&mut self, place: u32) {
        let slot = &self.slots[place as usize];
        let (newer, older) = (slot.newer, slot.older);
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

impl<T> fmt::Debug for Connections<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("len", &self.len()).field("weight", &self.weight).finish_non_exhaustive()
    }
}

/// A key with its keyed hash, which is made once.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Hashed {
    hash: u64,
    key: FlowKey,
}

impl Hash for Hashed {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

/// Takes a hash as it is.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys write one number; this is here because it must be.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// No slot.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(port: u16, back: bool) -> PacketInfo {
        let ((src, src_port), (dst, dst_port)) = if back { ((2, 80), (1, port)) } else { ((1, port), (2, 80)) };
        PacketInfo { src, dst, src_port, dst_port, ip_protocol: 6, ..PacketInfo::EMPTY }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn both_directions_are_one_connection() {
        let mut table = Connections::new(Bounds::default());
        let (place, direction) = table.of(&packet(9, true), at(0), || Some(7)).unwrap();
        assert_eq!(direction, Direction::SrcToDst);
        assert_eq!(table.of(&packet(9, false), at(1), || None), Some((place, Direction::DstToSrc)));
        assert_eq!((table.state(place).copied(), table.len()), (Some(7), 1));
        assert_eq!(table.of(&packet(10, false), at(1), || None), None);
        let gone = table.take(place).unwrap();
        assert_eq!((gone.state, table.len(), table.find(&gone.key).is_none()), (7, 0, true));
        assert!(table.take(place).is_none() && table.pop().is_none());
    }

    #[test]
    fn whichever_was_silent_longest_leaves() {
        let mut table = Connections::new(Bounds { connections: 2, ..Bounds::default() });
        for (port, second) in [(1, 0), (2, 1), (1, 2)] {
            table.of(&packet(port, false), at(second), || Some(port)).unwrap();
        }
        assert!(table.expired().is_none());
        table.of(&packet(3, false), at(3), || Some(3)).unwrap();
        assert_eq!(table.expired().map(|gone| gone.state), Some(2));
        assert!(table.expired().is_none());
        table.advance(at(122));
        assert!(table.expired().is_none());
        table.advance(at(123));
        assert_eq!(table.expired().map(|gone| gone.state), Some(1));
        // A packet from before does not turn the clock back.
        let (place, _) = table.of(&packet(4, false), at(0), || Some(4)).unwrap();
        table.advance(at(124));
        assert_eq!(table.expired().map(|gone| gone.state), Some(3));
        assert!(table.expired().is_none() && table.state(place).is_some());
    }

    #[test]
    fn what_is_too_heavy_leaves() {
        let mut table = Connections::new(Bounds { bytes: 100, ..Bounds::default() });
        let places = [1, 2].map(|port| table.of(&packet(port, false), at(0), || Some(port)).unwrap().0);
        table.weigh(places[0], 60);
        table.weigh(places[0], 70);
        table.weigh(places[1], 30);
        assert!(table.expired().is_none());
        table.weigh(places[1], 31);
        assert_eq!(table.expired().map(|gone| gone.state), Some(1));
        assert!(table.expired().is_none());
    }

    #[test]
    fn a_million_connections_take_the_room_of_the_bound() {
        let mut table = Connections::new(Bounds { connections: 1000, ..Bounds::default() });
        for nth in 0..1_000_000_u32 {
            let info = PacketInfo { src: u128::from(nth), ip_protocol: 6, ..PacketInfo::EMPTY };
            table.of(&info, at(0), || Some(nth)).unwrap();
            while table.expired().is_some() {}
        }
        assert_eq!((table.len(), table.slots.len()), (1000, 1001));
        // They leave in the order in which they came.
        assert_eq!(table.pop().map(|gone| gone.state), Some(999_000));
    }
}
