//! How fast a publisher is read.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// A second's worth of messages at once, then so many a second.
#[derive(Debug)]
pub(crate) struct Pace {
    a_second: f64,
    left: f64,
    at: Instant,
}

impl Pace {
    pub(crate) fn new(a_second: u32) -> Self {
        Self { a_second: a_second.into(), left: a_second.into(), at: Instant::now() }
    }

    /// Spends one message; says whether the next has to be [earned](Self::earned).
    pub(crate) fn spend(&mut self) -> bool {
        self.left -= 1.0;
        // The clock is asked only by those who were fast.
        if self.left < 1.0 {
            let now = Instant::now();
            let earned = (now - self.at).as_secs_f64() * self.a_second;
            self.left = (self.left + earned).min(self.a_second);
            self.at = now;
        }
        self.left < 1.0
    }

    /// Waits until there is one more to spend.
    pub(crate) async fn earned(&mut self) {
        sleep(Duration::from_secs_f64((1.0 - self.left).max(0.0) / self.a_second)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_it_is_so_many_a_second() {
        let mut pace = Pace::new(100);
        let began = Instant::now();
        let mut waited = 0;
        for _ in 0..1100 {
            if pace.spend() {
                waited += 1;
                pace.earned().await;
            }
        }
        assert!((9.5..11.5).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
        assert!(waited > 100);
    }
}
