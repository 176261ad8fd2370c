//! Who is due: flows in the order of their deadlines, at a constant amortised cost per flow and none per packet.
//!
//! Far deadlines wait in a wheel of buckets, linked through the slots; the nearest ones lie in a heap, in exact order. A
//! flow whose deadline moved on is not touched: it is looked at again when its old deadline comes up. So the deadline kept
//! here is never later than the true one, and the smallest true one is always found first.
//!
//! Whoever has no time to look at a million flows at once says how many: then those that are due leave a few at a time, each
//! few in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Timestamp;

/// When a flow is due, in order: the deadline, then the smaller `flow_id`.
pub(super) type Due = (Timestamp, u64);

/// The deadline of a flow that never ends by itself.
pub(super) const NEVER: Timestamp = Timestamp::MAX;

#[derive(Debug)]
pub(super) struct Expiry {
    /// Nanoseconds that one bucket spans.
    width: u64,
    /// First slot of each bucket; then of those that are never due, and of those in [`REST`].
    heads: Vec<u32>,
    /// After a leap of the clock: the first bucket that is still to be looked at, whatever its time.
    sweep: Option<u32>,
    links: Vec<Link>,
    /// Flows in the wheel, those that are never due left out.
    waiting: usize,
    /// Number of the last bucket whose flows are in the heap.
    cursor: u64,
    heap: BinaryHeap<Reverse<(Due, u32, u32)>>,
    heaped: usize,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    previous: u32,
    place: u32,
    /// Counts the stays in the heap, so that an entry left behind there is known as such.
    stay: u32,
}

impl Expiry {
    /// For deadlines at most `horizon` nanoseconds ahead of the clock (later ones are right too, but cost more).
    pub(super) fn new(horizon: u64) -> Self {
        Self {
            width: (horizon / (BUCKETS - 2)).max(1),
            heads: vec![NONE; BUCKETS as usize + 2],
            sweep: None,
            links: Vec::new(),
            waiting: 0,
            cursor: 0,
            heap: BinaryHeap::new(),
            heaped: 0,
        }
    }

    /// Forgets all flows and lets go of their memory.
    pub(super) fn close(&mut self) {
        (self.links, self.heap) = (Vec::new(), BinaryHeap::new());
    }

    /// Puts the flow in `slot` among those that wait. It must not be there yet.
    pub(super) fn arm(&mut self, slot: u32, due: Due) {
        let index = slot as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, Link { next: NONE, previous: NONE, place: NOWHERE, stay: 0 });
        }
        if due.0 == NEVER {
            return self.link(slot, WITHOUT_DEADLINE);
        }
        if self.waiting == 0 {
            // The wheel is empty: it may go on to anywhere, so it need not turn through a gap in time.
            self.cursor = self.cursor.max(self.bucket(due.0).saturating_sub(1));
        }
        let bucket = self.bucket(due.0);
        if bucket <= self.cursor {
            return self.push(slot, due);
        }
        let bucket = bucket.min(self.cursor.saturating_add(BUCKETS - 1));
        self.waiting += 1;
        self.link(slot, (bucket % BUCKETS) as u32);
    }

    /// Takes the flow in `slot` out, wherever it waits.
    pub(super) fn disarm(&mut self, slot: u32) {
        match self.links[slot as usize].place {
            NOWHERE => {}
            IN_HEAP => {
                self.links[slot as usize].place = NOWHERE;
                self.heaped -= 1;
                if self.heap.len() > 2 * self.heaped + 64 {
                    let links = &self.links;
                    self.heap.retain(|Reverse((_, slot, stay))| valid(links, *slot, *stay));
                }
            }
            _ => self.unlink(slot),
        }
    }

    /// Takes out the flow that is due first, if that is at `now` or before; `due` tells the true state of a slot.
    ///
    /// With no `looks` left, of which each flow that is looked at in vain or in advance takes one, it is the first of those
    /// that were looked at, and `None` does not say that nobody is due.
    #[inline]
    pub(super) fn pop_due(&mut self, now: Timestamp, looks: &mut usize, due: impl Fn(u32) -> Due) -> Option<u32> {
        // The last bucket of all time holds nobody who is ever due, and is what `turn` takes for no target.
        let target = self.bucket(now).min(u64::MAX - 1);
        loop {
            if self.has_rest() {
                self.load_some(looks, &due);
            }
            let first = self.settle(looks, &due);
            match first {
                Some((deadline, slot)) if deadline <= now && deadline != NEVER => {
                    self.disarm_top();
                    return Some(slot);
                }
                Some((deadline, _)) if deadline != NEVER => return None,
                _ => {}
            }
            if *looks == 0 || self.waiting == 0 || self.cursor >= target {
                return None;
            }
            self.turn(target);
        }
    }

    /// Takes out the flow that is due first, whenever that is.
    pub(super) fn pop_first(&mut self, due: impl Fn(u32) -> Due) -> Option<u32> {
        let mut all = usize::MAX;
        let all = &mut all;
        loop {
            if self.has_rest() {
                self.load_some(all, &due);
            }
            match self.settle(all, &due) {
                Some((deadline, slot)) if deadline != NEVER || self.waiting == 0 => {
                    self.disarm_top();
                    return Some(slot);
                }
                _ if self.waiting > 0 => self.turn(u64::MAX),
                _ => {
                    if self.heads[WITHOUT_DEADLINE as usize] == NONE {
                        return None;
                    }
                    self.load_those_without(&due);
                }
            }
        }
    }

    /// The slots of those that are very likely due next, the very next one first.
    pub(super) fn coming(&self) -> impl Iterator<Item = u32> {
        self.heap.as_slice().iter().take(COMING).map(|Reverse((_, slot, _))| *slot)
    }

    /// Makes the top of the heap a flow with its true deadline, and tells it; `None` also when there are no `looks` left.
    fn settle(&mut self, looks: &mut usize, due: &impl Fn(u32) -> Due) -> Option<(Timestamp, u32)> {
        while let Some(Reverse((kept, slot, stay))) = self.heap.peek().copied() {
            let is_valid = valid(&self.links, slot, stay);
            let truth = if is_valid { due(slot) } else { kept };
            if is_valid && truth == kept {
                return Some((kept.0, slot));
            }
            *looks = looks.checked_sub(1)?;
            if !is_valid {
                self.heap.pop();
                continue;
            }
            self.disarm_top();
            self.arm(slot, truth);
        }
        None
    }

    /// Moves the cursor, which lies before `target`, to the next bucket with flows, at most to `target`; those flows are to
    /// be looked at next.
    fn turn(&mut self, target: u64) {
        if target != u64::MAX && target - self.cursor >= BUCKETS {
            // The clock leapt over the whole wheel: everybody in it is looked at once.
            (self.cursor, self.sweep) = (target, Some(0));
            return;
        }
        for _ in 0..BUCKETS {
            if self.cursor >= target {
                return;
            }
            self.cursor += 1;
            let place = (self.cursor % BUCKETS) as u32;
            if self.heads[place as usize] != NONE {
                return self.detach(place);
            }
        }
    }

    /// Whether the cursor has passed flows that were not looked at yet.
    fn has_rest(&self) -> bool {
        self.sweep.is_some() || self.heads[REST as usize] != NONE
    }

    /// Moves a bucket of flows to the rest, which is empty.
    fn detach(&mut self, place: u32) {
        let first = std::mem::replace(&mut self.heads[place as usize], NONE);
        self.heads[REST as usize] = first;
        if first != NONE {
            // The others learn where they are when they become the first.
            self.links[first as usize].place = REST;
        }
    }

    /// Looks at the flows of the rest, as many as there are `looks` for: those whose deadline moved on wait again, the others
    /// go to the heap.
    fn load_some(&mut self, looks: &mut usize, due: &impl Fn(u32) -> Due) {
        while *looks > 0 {
            let slot = self.heads[REST as usize];
            if slot == NONE {
                // Where nobody waits any more, there is nothing left to look through.
                self.sweep = self.sweep.filter(|_| self.waiting > 0);
                let Some(place) = self.sweep else { return };
                self.sweep = Some(place + 1).filter(|next| u64::from(*next) < BUCKETS);
                self.detach(place);
                continue;
            }
            *looks -= 1;
            self.unlink(slot);
            self.rearm(slot, due(slot));
        }
    }

    fn load_those_without(&mut self, due: &impl Fn(u32) -> Due) {
        let mut slot = std::mem::replace(&mut self.heads[WITHOUT_DEADLINE as usize], NONE);
        while slot != NONE {
            let next = self.links[slot as usize].next;
            self.push(slot, due(slot));
            slot = next;
        }
    }

    /// As [`Expiry::arm`], for a flow that comes out of the bucket at the cursor.
    fn rearm(&mut self, slot: u32, due: Due) {
        let bucket = self.bucket(due.0);
        if due.0 == NEVER {
            self.link(slot, WITHOUT_DEADLINE);
        } else if bucket <= self.cursor {
            self.push(slot, due);
        } else {
            self.waiting += 1;
            self.link(slot, (bucket.min(self.cursor.saturating_add(BUCKETS - 1)) % BUCKETS) as u32);
        }
    }

    fn push(&mut self, slot: u32, due: Due) {
        let link = &mut self.links[slot as usize];
        link.place = IN_HEAP;
        link.stay = link.stay.wrapping_add(1);
        self.heaped += 1;
        self.heap.push(Reverse((due, slot, link.stay)));
    }

    fn disarm_top(&mut self) {
        if let Some(Reverse((_, slot, _))) = self.heap.pop() {
            self.links[slot as usize].place = NOWHERE;
            self.heaped -= 1;
        }
    }

    fn link(&mut self, slot: u32, place: u32) {
        let next = std::mem::replace(&mut self.heads[place as usize], slot);
        let link = &mut self.links[slot as usize];
        (link.next, link.previous, link.place) = (next, NONE, place);
        if next != NONE {
            self.links[next as usize].previous = slot;
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Link { next, previous, place, .. } = self.links[slot as usize];
        match previous {
            NONE => {
                self.heads[place as usize] = next;
                if next != NONE {
                    self.links[next as usize].place = place;
                }
            }
            previous => self.links[previous as usize].next = next,
        }
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
        self.links[slot as usize].place = NOWHERE;
        if place != WITHOUT_DEADLINE {
            self.waiting -= 1;
        }
    }

    fn bucket(&self, time: Timestamp) -> u64 {
        time.nanos_since(Timestamp::MIN) / self.width
    }
}

fn valid(links: &[Link], slot: u32, stay: u32) -> bool {
    let link = &links[slot as usize];
    link.place == IN_HEAP && link.stay == stay
}

/// Buckets of the wheel: with the default timeout each spans 4 ms, so that few flows of a flood share one.
const BUCKETS: u64 = 1 << 14;
/// The top of a heap and the layer below it.
const COMING: usize = 3;
/// The place of those that are never due.
const WITHOUT_DEADLINE: u32 = BUCKETS as u32;
/// The place of those whose bucket the cursor has reached, and that were not looked at yet.
const REST: u32 = WITHOUT_DEADLINE + 1;
const NONE: u32 = u32::MAX;
const NOWHERE: u32 = u32::MAX;
const IN_HEAP: u32 = u32::MAX - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn all() -> usize {
        usize::MAX
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arm { ahead: u32, never: bool },
        Postpone { which: usize, ahead: u32 },
        Hasten { which: usize, ahead: u32 },
        Disarm { which: usize },
        Advance { by: u32, looks: usize },
        Evict,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u32..1000, prop::bool::weighted(0.1)).prop_map(|(ahead, never)| Step::Arm { ahead, never }),
            2 => (any::<usize>(), 0u32..1000).prop_map(|(which, ahead)| Step::Postpone { which, ahead }),
            1 => (any::<usize>(), 0u32..500).prop_map(|(which, ahead)| Step::Hasten { which, ahead }),
            1 => any::<usize>().prop_map(|which| Step::Disarm { which }),
            2 => (0u32..2000, prop_oneof![Just(all()), 0usize..4]).prop_map(|(by, looks)| Step::Advance { by, looks }),
            1 => Just(Step::Evict),
        ];
        prop::collection::vec(step, 0..300)
    }

    proptest! {
        /// Against a sorted list: the same flows come out, in the same order, at the same time.
        #[test]
        fn flows_leave_in_the_order_of_their_deadlines(steps in steps(), horizon in 1u64..100_000) {
            let mut expiry = Expiry::new(horizon);
            let mut truth: Vec<Option<Due>> = Vec::new();
            let mut now = 1_700_000_000i64;
            let mut next_id = 0;
            for step in steps {
                let living: Vec<usize> = (0..truth.len()).filter(|slot| truth[*slot].is_some()).collect();
                let pick = |which: usize| living.get(which % living.len().max(1)).copied();
                match step {
                    Step::Arm { ahead, never } => {
                        let slot = truth.iter().position(Option::is_none).unwrap_or(truth.len());
                        if slot == truth.len() {
                            truth.push(None);
                        }
                        next_id += 1;
                        let due = (if never { NEVER } else { at(now + i64::from(ahead)) }, next_id);
                        truth[slot] = Some(due);
                        expiry.arm(slot as u32, due);
                    }
                    Step::Postpone { which, ahead } => if let Some(slot) = pick(which) {
                        let due = truth[slot].as_mut().unwrap();
                        if due.0 != NEVER {
                            due.0 = due.0.saturating_add_nanos(u64::from(ahead));
                        }
                    },
                    Step::Hasten { which, ahead } => if let Some(slot) = pick(which) {
                        expiry.disarm(slot as u32);
                        truth[slot].as_mut().unwrap().0 = at(now + i64::from(ahead));
                        expiry.arm(slot as u32, truth[slot].unwrap());
                    },
                    Step::Disarm { which } => if let Some(slot) = pick(which) {
                        expiry.disarm(slot as u32);
                        truth[slot] = None;
                    },
                    Step::Advance { by, looks } => {
                        now += i64::from(by);
                        // A few at a time, any that are due may come.
                        let mut left = looks;
                        while let Some(slot) = expiry.pop_due(at(now), &mut left, |slot| truth[slot as usize].unwrap()) {
                            let taken = truth[slot as usize].take();
                            prop_assert!(taken.unwrap().0 <= at(now));
                            prop_assert!(looks < all() || truth.iter().flatten().all(|due| taken < Some(*due)));
                        }
                        prop_assert!(left == 0 || truth.iter().flatten().all(|due| due.0 > at(now)));
                    }
                    Step::Evict => {
                        let slot = expiry.pop_first(|slot| truth[slot as usize].unwrap());
                        let first = truth.iter().flatten().min().copied();
                        prop_assert_eq!(slot.and_then(|slot| truth[slot as usize].take()), first);
                    }
                }
            }
        }
    }

    #[test]
    fn a_flow_with_a_deadline_is_found_behind_those_without() {
        let mut expiry = Expiry::new(1);
        let dues = [(NEVER, 1), (NEVER, 2), (at(1_700_000_000), 3)];
        expiry.arm(0, dues[0]);
        expiry.arm(1, dues[1]);
        assert_eq!(expiry.pop_first(|slot| dues[slot as usize]), Some(0));
        expiry.arm(2, dues[2]);
        assert_eq!(expiry.pop_first(|slot| dues[slot as usize]), Some(2));
        assert_eq!(expiry.pop_first(|slot| dues[slot as usize]), Some(1));
    }

    #[test]
    fn the_clock_may_leap_over_many_turns_of_the_wheel() {
        let mut expiry = Expiry::new(0);
        let hour = 3_600_000_000_000;
        for id in 0..100_000 {
            let due = (at(id * hour / 100), id as u64);
            expiry.arm(0, due);
            assert_eq!(expiry.pop_due(at(id * hour / 100 + hour / 200), &mut all(), |_| due), Some(0));
        }
    }

    #[test]
    fn entries_left_behind_in_the_heap_are_cleared() {
        let mut expiry = Expiry::new(1);
        for id in 0..100_000 {
            expiry.arm(0, (at(5), id));
            expiry.disarm(0);
        }
        assert!(expiry.heap.len() <= 65);
    }
}
