//! A number of 128 bits that asks for no more than eight bytes of alignment, so that what it is part of stays small.

/// Its low and its high half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wide([u64; 2]);

impl Wide {
    pub(super) const ZERO: Self = Self([0; 2]);

    #[inline(always)]
    pub(super) const fn of(number: u128) -> Self {
        Self([number as u64, (number >> 64) as u64])
    }

    #[inline(always)]
    pub(super) const fn get(self) -> u128 {
        self.0[0] as u128 | (self.0[1] as u128) << 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_come_back() {
        for number in [0, 1, u128::MAX, u128::from(u64::MAX), u128::MAX - 5] {
            assert_eq!(Wide::of(number).get(), number);
        }
    }
}
