//! How long to wait before a hub is asked again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Delays that grow to a bound, each of a random part ("full jitter"), so that sensors do not come back all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    least: Duration,
    most: Duration,
    attempts: u32,
    random: RandomState,
}

impl Backoff {
    pub(crate) fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, attempts: 0, random: RandomState::new() }
    }

    /// The next delay: from nothing to what has doubled with every attempt since the last success.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.least.saturating_mul(1 << self.attempts.min(20)).min(self.most);
        bound.mul_f64(self.part())
    }

    /// A delay for who was turned away: at least half of the longest.
    pub(crate) fn long(&mut self) -> Duration {
        self.most.mul_f64(0.5 + self.part() / 2.0)
    }

    /// It went well: the next failure is the first.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// A number from 0 to 1 that nobody foresees, and the next attempt.
    fn part(&mut self) -> f64 {
        self.attempts = self.attempts.saturating_add(1);
        self.random.hash_one((self.attempts, std::time::Instant::now())) as f64 / u64::MAX as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_bound_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));
        let mut bounds = [200, 400, 800, 1600, 3000, 3000].map(Duration::from_millis).into_iter();
        assert!((0..6).all(|_| backoff.next() <= bounds.next().unwrap()));
        assert!((0..100).any(|_| backoff.next() > Duration::from_millis(1600)));
        assert!((0..100).all(|_| (1500..=3000).contains(&backoff.long().as_millis())));
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(200));
    }
}
