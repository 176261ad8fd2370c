//! The end of a hub, in two steps: it begins, and then it is now.

use tokio::sync::watch;

/// Tells everybody.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<Phase>);

/// Hears of it.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Phase>);

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Running,
    Begun,
    Now,
}

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (Self(sender), Stop(receiver))
    }

    /// Nobody new is let in, publishers leave, subscribers get what waits for them.
    pub(crate) fn begin(&self) {
        self.0.send_replace(Phase::Begun);
    }

    /// Whatever still waits is given up.
    pub(crate) fn now(&self) {
        self.0.send_replace(Phase::Now);
    }
}

impl Stop {
    /// Waits until the end begins.
    pub(crate) async fn begun(&self) {
        self.reached(Phase::Begun).await;
    }

    /// Waits until it is now.
    pub(crate) async fn now(&self) {
        self.reached(Phase::Now).await;
    }

    async fn reached(&self, phase: Phase) {
        // A hub that is gone has ended.
        let _ = self.0.clone().wait_for(|reached| *reached >= phase).await;
    }
}
