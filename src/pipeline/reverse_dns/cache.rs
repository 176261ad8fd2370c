//! What is known of addresses: as many as there is room for, none for longer than it is worth.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::pipeline::Domain;
use crate::time::Timestamp;

/// Domains by address, at most `most` of them.
///
/// When it is full, one that is picked at random makes room: so there is no order of addresses in which every lookup misses.
#[derive(Debug)]
pub(in crate::pipeline) struct Cache {
    places: Vec<(IpAddr, Entry)>,
    index: HashMap<IpAddr, u32>,
    most: usize,
    dice: u64,
}

/// What is known of one address.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Entry {
    /// What it was called last.
    pub(in crate::pipeline) domain: Domain,
    /// From when on it is to be asked for again; while somebody asks, when that began.
    pub(super) until: Timestamp,
    /// Whether somebody is asking.
    pub(super) pending: bool,
}

impl Cache {
    pub(in crate::pipeline) fn new(most: usize) -> Self {
        Self { places: Vec::new(), index: HashMap::new(), most: most.clamp(1, u32::MAX as usize), dice: SEED }
    }

    pub(in crate::pipeline) fn get_mut(&mut self, address: &IpAddr) -> Option<&mut Entry> {
        let place = *self.index.get(address)?;
        self.places.get_mut(place as usize).map(|(_, entry)| entry)
    }

    /// Puts an entry in, in the place of that of the same address, or of another when there is no room.
    pub(super) fn set(&mut self, address: IpAddr, entry: Entry) {
        if let Some(known) = self.get_mut(&address) {
            *known = entry;
            return;
        }
        if self.places.len() < self.most {
            self.index.insert(address, self.places.len() as u32);
            self.places.push((address, entry));
            return;
        }
        let place = self.roll();
        let (old, _) = std::mem::replace(&mut self.places[place], (address, entry));
        self.index.remove(&old);
        self.index.insert(address, place as u32);
    }

    /// Remembers for ever what an address is called.
    pub(in crate::pipeline) fn tell(&mut self, address: IpAddr, domain: &Domain) {
        match self.get_mut(&address) {
            Some(known) if known.domain == *domain => {}
            _ => self.set(address, Entry { domain: domain.clone(), until: Timestamp::MAX, pending: false }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A place that nobody chose (xorshift64*); the same in every run, so that a capture gives the same lookups.
    fn roll(&mut self) -> usize {
        self.dice ^= self.dice >> 12;
        self.dice ^= self.dice << 25;
        self.dice ^= self.dice >> 27;
        let number = self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(number) * self.places.len() as u128) >> 64) as usize
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    fn entry() -> Entry {
        Entry { domain: Domain::UNKNOWN, until: Timestamp::MAX, pending: false }
    }

    /// How many of these addresses, in rotation, are not there when they come.
    fn misses(addresses: u32, rounds: u32, most: usize) -> u32 {
        let mut cache = Cache::new(most);
        let mut misses = 0;
        for _ in 0..rounds {
            for number in 0..addresses {
                if cache.get_mut(&address(number)).is_none() {
                    misses += 1;
                    cache.set(address(number), entry());
                }
            }
        }
        misses
    }

    #[test]
    fn there_is_no_cliff_at_its_size() {
        assert_eq!(misses(1_000, 3, 1_000), 1_000);
        assert_eq!(misses(999, 3, 1_000), 999);
        let beyond = misses(1_100, 3, 1_000);
        assert!((1_100..2_000).contains(&beyond), "{beyond}");
    }

    #[test]
    fn what_is_set_again_drives_nobody_out() {
        let mut cache = Cache::new(2);
        cache.set(address(1), entry());
        cache.set(address(2), entry());
        cache.set(address(1), entry());
        assert!(cache.get_mut(&address(2)).is_some() && cache.get_mut(&address(1)).is_some());
        cache.set(address(3), entry());
        assert_eq!(cache.places.len(), 2);
        assert_eq!(cache.index.len(), 2);
    }
}
