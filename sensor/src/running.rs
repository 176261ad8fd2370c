//! A sensor that runs.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use flowgauge::capture::StopFlag;

use crate::error::{Error, Result};
use crate::tally::Summary;

/// A sensor that runs in a thread of its own, `fg-sensor`. Dropped, it is stopped, and nobody waits for it.
#[derive(Debug)]
pub struct Running {
    stop: StopFlag,
    ended: Receiver<Result<Summary>>,
}

impl Running {
    pub(crate) fn spawn(stop: StopFlag, work: impl FnOnce() -> Result<Summary> + Send + 'static) -> Result<Self> {
        let (tell, ended) = sync_channel(1);
        // A thread of its own: reading a pipe may take as long as it likes, and a stop is to be heard all the same.
        thread::Builder::new()
            .name("fg-sensor".to_owned())
            .spawn(move || {
                // Nobody hears it who no longer waits.
                let _ = tell.send(work());
            })
            .map_err(|error| Error::Thread(format!("cannot be started: {error}")))?;
        Ok(Self { stop, ended })
    }

    /// Ends it: there are no more packets, flows end, messages that were taken are still sent.
    pub fn stop(&self) {
        self.stop.raise();
    }

    /// Waits for its end, `within` at most; `None` when it runs on.
    pub fn wait(&self, within: Duration) -> Option<Result<Summary>> {
        match self.ended.recv_timeout(within) {
            Ok(ended) => Some(ended),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Error::Thread("panicked".to_owned()))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.raise();
    }
}
