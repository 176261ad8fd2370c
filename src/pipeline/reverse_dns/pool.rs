//! Threads that ask, and the way to them and back. Both ways are bounded, so nobody is ever made to wait.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};
use crate::pipeline::Resolver;
use crate::pipeline::reverse_dns::lookup::{self, Answer};

/// The threads, which end when this is dropped and their last answer is there; nobody waits for that.
#[derive(Debug)]
pub(super) struct Pool {
    questions: Sender<IpAddr>,
    answers: Receiver<(IpAddr, Answer)>,
}

impl Pool {
    pub(super) fn new(resolver: Resolver, threads: usize) -> Result<Self> {
        let (questions, asked) = bounded::<IpAddr>(WAITING);
        // There is never more on its way than this, so that no thread is held up by an answer.
        let (answered, answers) = bounded(WAITING + threads);
        for index in 0..threads.max(1) {
            let (asked, answered) = (asked.clone(), answered.clone());
            let name = format!("fg-resolve-{index}");
            let run = move || {
                for address in asked {
                    if answered.send((address, lookup::ask(resolver, address))).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new()
                .name(name.clone())
                .spawn(run)
                .map_err(|error| Error::Thread { name, detail: format!("cannot be started: {error}") })?;
        }
        Ok(Self { questions, answers })
    }

    /// Whether there was room for one more question.
    pub(super) fn ask(&self, address: IpAddr) -> bool {
        self.questions.try_send(address).is_ok()
    }

    /// An answer that is there.
    pub(super) fn try_answer(&self) -> Option<(IpAddr, Answer)> {
        self.answers.try_recv().ok()
    }

    /// The next answer, if it comes within `patience`.
    pub(super) fn answer(&self, patience: Duration) -> Option<(IpAddr, Answer)> {
        self.answers.recv_timeout(patience).ok()
    }
}

/// Questions that may wait for a thread.
const WAITING: usize = 1024;
