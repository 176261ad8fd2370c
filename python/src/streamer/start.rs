//! How a run of a streamer begins: what the library is told.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use flowgauge::flow::schema::Schema;
use pyo3::prelude::*;

use super::Streamer;
use crate::anonymizer::Anonymizer;
use crate::collect;
use crate::error;
use crate::flows::Run;
use crate::metric::Abandoned;
use crate::options::{self, Seconds, saturated};

/// What the library is told for a run that is not started yet.
pub(crate) struct Ready {
    pub(crate) streamer: flowgauge::Streamer,
    abandoned: Abandoned,
}

impl Streamer {
    /// Opens the source and sets the threads to work.
    pub(crate) fn start(&self, py: Python<'_>) -> PyResult<Arc<Run>> {
        self.start_only(py, None)
    }

    /// As [`Streamer::start`], for nothing but the columns of these names.
    pub(crate) fn start_only(&self, py: Python<'_>, names: Option<&[String]>) -> PyResult<Arc<Run>> {
        self.start_ready(py, self.ready(py, names)?)
    }

    /// What a run of these columns takes; opens nothing.
    pub(crate) fn ready(&self, py: Python<'_>, names: Option<&[String]>) -> PyResult<Ready> {
        let abandoned = Abandoned::default();
        let mut streamer = self.streamer(py, &abandoned)?;
        if let Some(names) = names {
            collect::check_of(&streamer.schema().map_err(|error| error::raise(py, error))?, names)?;
            streamer = streamer.only_columns(names);
        }
        Ok(Ready { streamer, abandoned })
    }

    /// Opens the source and sets the threads to work.
    pub(crate) fn start_ready(&self, py: Python<'_>, ready: Ready) -> PyResult<Arc<Run>> {
        let run = Run::start(py, ready.streamer, ready.abandoned).map_err(|error| error::raise(py, error))?;
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.report());
        if self.progress {
            run.show(py)?;
        }
        Ok(run)
    }

    /// The columns of its records.
    pub(crate) fn schema(&self, py: Python<'_>) -> PyResult<Schema> {
        let streamer = self.streamer(py, &Abandoned::default())?;
        streamer.schema().map_err(|error| error::raise(py, error))
    }

    /// What the library is told for a run; opens nothing.
    fn streamer(&self, py: Python<'_>, abandoned: &Abandoned) -> PyResult<flowgauge::Streamer> {
        let mut streamer = self
            .source
            .streamer(self.object.bind(py), abandoned)?
            .inactive_timeout(self.inactive_timeout.map(Seconds::duration))
            .active_timeout(self.active_timeout.map(Seconds::duration))
            .capacity(self.capacity.map(saturated))
            .tcp_end(self.tcp_end)
            .tcp_linger(self.tcp_linger.map_or(Duration::MAX, Seconds::duration))
            .tcp_analysis(self.tcp_analysis)
            .statistics(self.statistics)
            .splt(saturated(self.splt))
            .application_fields(self.application_fields)
            .n_dissections(saturated(self.n_dissections))
            .stable_labels(self.stable_labels)
            .workers(options::workers(py, self.workers, self.metrics.calls_python())?)
            .decode_tunnels(self.decode_tunnels)
            .tunnel_keys(self.tunnel_keys)
            .fragments(self.fragments)
            .anonymize(self.anonymize.as_ref().map(Anonymizer::library))
            .promiscuous(self.promiscuous)
            .snaplen_bytes(saturated(self.snaplen))
            .buffer_bytes(self.buffer_size.map(saturated));
        if let Some(after) = &self.after {
            streamer = streamer.resume(after.position());
        }
        if let Some(expression) = &self.bpf_filter {
            streamer = streamer.bpf_filter(expression);
        }
        Ok(self.metrics.add_to(streamer, abandoned).on_error(self.on_error))
    }
}
