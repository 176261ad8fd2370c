//! What becomes of a metric's failure: where a state tells of it, and what the user asked for.

use crate::error::BoxError;

/// What a failure of a user's metric does to the run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnError {
    /// The run ends with the error, after the flows metered so far.
    #[default]
    Raise,
    /// The metric is null in the record of that flow and is not called for it any more; everything else goes on. Failures
    /// are counted, in [`Report::metric_errors`](crate::Report::metric_errors).
    Skip,
}

/// Where a state of several metrics tells which of them failed, while the others go on.
#[derive(Debug, Default)]
pub struct Failures {
    on_error: OnError,
    told: Vec<Failure>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The place of the metric in its group.
    pub(crate) metric: usize,
    pub(crate) error: BoxError,
    /// Whether the run ends with it.
    pub(crate) ends_run: bool,
}

impl Failures {
    pub(crate) fn new(on_error: OnError) -> Self {
        Self { on_error, told: Vec::new() }
    }

    /// The metric at this place in the names of its group failed: it is null in this flow, and the state must not call it
    /// any more. Tells whether the others go on; else the state returns, as the run ends.
    #[cold]
    pub fn fail(&mut self, metric: usize, error: BoxError) -> bool {
        let ends_run = self.end_run();
        self.told.push(Failure { metric, error, ends_run });
        !ends_run
    }

    /// As [`Failures::fail`], for what ends the run also where failures are skipped: the user asked to leave.
    #[cold]
    pub fn fail_run(&mut self, metric: usize, error: BoxError) {
        self.told.push(Failure { metric, error, ends_run: true });
    }

    /// Whether failures end the run.
    pub(crate) fn end_run(&self) -> bool {
        self.on_error == OnError::Raise
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(crate) fn take(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.told)
    }
}
