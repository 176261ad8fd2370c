//! State that does not fit a few words, allocated when there is something to keep: sketches, sets and counts.

use super::sketch::Sketch;

/// What one fold keeps of one flow.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heavy {
    Sketch(Sketch),
    Unique(Unique),
    /// How often each byte came.
    Bytes(Option<Box<[u64; 256]>>),
    /// How often each number came, in order of the numbers; `None` when there were too many.
    Counts(Option<Vec<(u64, u64)>>),
}

/// How many different values there were.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unique {
    /// All of them, in order.
    Exact(Vec<u64>),
    /// The registers of a HyperLogLog.
    Estimate(Box<[u8; REGISTERS]>),
}

impl Heavy {
    /// Most bytes that it takes.
    pub(super) fn max_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Sketch(_) => Sketch::MAX_BYTES,
                Self::Unique(_) => REGISTERS,
                Self::Bytes(_) => 256 * size_of::<u64>(),
                // Room grows by doubling, up to just that.
                Self::Counts(_) => MAX_COUNTS * size_of::<(u64, u64)>(),
            }
    }

    /// The same, empty.
    pub(super) fn clear(&mut self) {
        *self = match self {
            Self::Sketch(_) => Self::Sketch(Sketch::default()),
            Self::Unique(_) => Self::Unique(Unique::default()),
            Self::Bytes(_) => Self::Bytes(None),
            Self::Counts(_) => Self::Counts(Some(Vec::new())),
        };
    }

    /// Takes in what the same fold kept behind it.
    pub(super) fn merge(&mut self, next: &Self) {
        match (&mut *self, next) {
            (Self::Sketch(mine), Self::Sketch(theirs)) => mine.merge(theirs),
            (Self::Unique(mine), Self::Unique(theirs)) => mine.merge(theirs),
            (Self::Bytes(mine), Self::Bytes(Some(theirs))) => {
                let mine = mine.get_or_insert_with(|| Box::new([0; 256]));
                mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine += theirs);
            }
            (Self::Counts(Some(_)), Self::Counts(Some(theirs))) => {
                theirs.iter().for_each(|(bits, count)| self.count(*bits, *count));
            }
            (Self::Counts(mine), Self::Counts(None)) => *mine = None,
            _ => {}
        }
    }

    pub(super) fn count_bytes(&mut self, bytes: &[u8]) {
        if let Self::Bytes(counts) = self {
            let counts = counts.get_or_insert_with(|| Box::new([0; 256]));
            bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        }
    }

    pub(super) fn count(&mut self, bits: u64, times: u64) {
        if let Self::Counts(Some(counts)) = self {
            match counts.binary_search_by_key(&bits, |(number, _)| *number) {
                Ok(at) => counts[at].1 += times,
                Err(_) if counts.len() == MAX_COUNTS => *self = Self::Counts(None),
                Err(at) => counts.insert(at, (bits, times)),
            }
        }
    }

    /// Shannon entropy in bits; `None` of nothing, and of too many.
    pub(super) fn entropy(&self) -> Option<f64> {
        match self {
            Self::Bytes(counts) => entropy(counts.as_deref()?.iter().copied()),
            Self::Counts(counts) => entropy(counts.as_ref()?.iter().map(|(_, count)| *count)),
            _ => None,
        }
    }
}

impl Default for Unique {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Unique {
    pub(super) fn add(&mut self, bits: u64) {
        match self {
            Self::Exact(values) => {
                if let Err(at) = values.binary_search(&bits) {
                    values.insert(at, bits);
                    if values.len() > MAX_EXACT {
                        let mut registers = Box::new([0; REGISTERS]);
                        values.iter().for_each(|value| note(&mut registers, *value));
                        *self = Self::Estimate(registers);
                    }
                }
            }
            Self::Estimate(registers) => note(registers, bits),
        }
    }

    fn merge(&mut self, next: &Self) {
        match (&mut *self, next) {
            (_, Self::Exact(values)) => values.iter().for_each(|value| self.add(*value)),
            (Self::Estimate(mine), Self::Estimate(theirs)) => {
                mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            }
            (Self::Exact(values), Self::Estimate(_)) => {
                let values = std::mem::take(values);
                self.clone_from(next);
                values.iter().for_each(|value| self.add(*value));
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Exact(values) => values.len() as u64,
            Self::Estimate(registers) => {
                let sum: f64 = registers.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
                let count = REGISTERS as f64;
                let estimate = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
                let empty = registers.iter().filter(|rank| **rank == 0).count();
                // With empty registers left, counting those is more exact (linear counting).
                let few = estimate <= 2.5 * count && empty > 0;
                (if few { count * (count / empty as f64).ln() } else { estimate }).round() as u64
            }
        }
    }
}

/// Notes the first set bit of a value's hash in the register that the hash names.
fn note(registers: &mut [u8; REGISTERS], bits: u64) {
    let hash = mixed(bits);
    let register = &mut registers[(hash >> (u64::BITS - REGISTER_BITS)) as usize];
    let rank = (hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1)).leading_zeros() + 1;
    *register = (*register).max(rank as u8);
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): the same everywhere, so that runs agree.
fn mixed(bits: u64) -> u64 {
    let mut hash = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

fn entropy(counts: impl Iterator<Item = u64> + Clone) -> Option<f64> {
    let total: u64 = counts.clone().sum();
    let share = |count: u64| count as f64 / total as f64;
    let bits: f64 = counts.filter(|count| *count > 0).map(|count| -share(count) * share(count).log2()).sum();
    // Without the sign that the entropy of one value has.
    (total > 0).then_some(bits + 0.0)
}

/// Most values that are counted exactly.
const MAX_EXACT: usize = 256;
/// Most different numbers whose entropy is told; a power of two.
const MAX_COUNTS: usize = 1024;
const REGISTER_BITS: u32 = 12;
const REGISTERS: usize = 1 << REGISTER_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_values_are_counted_exactly_and_then_within_four_standard_errors() {
        let mut unique = Unique::default();
        for nth in 0..200_000u64 {
            unique.add(nth.wrapping_mul(0x1000));
            unique.add(0);
            let (count, right) = (unique.count(), nth + 1);
            let bound = if right <= 256 { 0.0 } else { 0.065 * right as f64 };
            if nth % 97 == 0 || nth < 300 {
                assert!((count as f64 - right as f64).abs() <= bound, "{count} of {right}");
            }
        }
    }

    #[test]
    fn entropy_is_that_of_shannon() {
        let mut bytes = Heavy::Bytes(None);
        assert_eq!(bytes.entropy(), None);
        bytes.count_bytes(b"aaaa");
        assert_eq!(bytes.entropy(), Some(0.0));
        bytes.count_bytes(b"bbbb");
        assert_eq!(bytes.entropy(), Some(1.0));
        let mut counts = Heavy::Counts(Some(Vec::new()));
        (0..8).for_each(|number| counts.count(number, 1));
        assert_eq!(counts.entropy(), Some(3.0));
        (0..1024).for_each(|number| counts.count(number, 1));
        let Heavy::Counts(Some(kept)) = &counts else { panic!("{counts:?}") };
        assert!(size_of::<Heavy>() + kept.capacity() * size_of::<(u64, u64)>() <= counts.max_bytes());
        assert!(counts.entropy().is_some());
        counts.count(1024, 1);
        assert_eq!(counts.entropy(), None);
    }
}
