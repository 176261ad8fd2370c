//! Values by slot, in chunks that never move: growing copies nothing, and never asks for twice the memory.

use crate::meter::hint;

/// Values of living flows, each under the number of its slot.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    is_on: bool,
}

impl<T> Slab<T> {
    /// An empty slab; one that is not `on` keeps nothing, and has nothing in any slot.
    pub(super) const fn new(on: bool) -> Self {
        Self { chunks: Vec::new(), is_on: on }
    }

    /// Whether it keeps what it is given.
    #[inline]
    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Puts a value into `slot`: one that was used before, or the next one.
    #[inline]
    pub(super) fn put(&mut self, slot: u32, value: T) {
        self.put_with(slot, || value);
    }

    /// The same with a value that is made only if it is kept.
    #[inline(always)]
    pub(super) fn put_with(&mut self, slot: u32, value: impl FnOnce() -> T) {
        if !self.is_on {
            return;
        }
        match self.get_mut(slot) {
            Some(place) => *place = value(),
            None => {
                debug_assert_eq!(self.len(), slot as usize, "slots are used in their order");
                self.push(value());
            }
        }
    }

    fn push(&mut self, value: T) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(hint::huge(Vec::with_capacity(CHUNK)));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(value);
        }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.chunks.get_mut(slot as usize / CHUNK)?.get_mut(slot as usize % CHUNK)
    }

    /// All values, also those whose flows have left, with their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.chunks.iter().flatten())
    }

    /// How many slots were ever used.
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, slot: u32) -> &T {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline(always)]
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

/// Values of a chunk. What is not used of it is only promised, and takes no memory but for the rest of a large page.
const CHUNK: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_under_their_slots_and_stay_where_they_are() {
        let mut slab = Slab::new(true);
        slab.put(0, 0);
        let first: *const u32 = &slab[0];
        (1..3 * CHUNK as u32 + 1).for_each(|slot| slab.put(slot, slot));
        assert_eq!(first, &raw const slab[0]);
        assert_eq!(slab.len(), 3 * CHUNK + 1);
        assert!(slab.iter().all(|(slot, value)| slot == *value));
        slab.put(CHUNK as u32, 7);
        assert_eq!((slab[CHUNK as u32], slab.len()), (7, 3 * CHUNK + 1));
        assert_eq!(slab.get(slab.len() as u32), None);
    }

    #[test]
    fn one_that_is_off_keeps_nothing() {
        let mut slab = Slab::new(false);
        slab.put(0, 1);
        assert_eq!((slab.get(0), slab.len()), (None, 0));
    }
}
