//! What a meter is told: timeouts, room, the user's metrics, the classifier.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::classify::ClassifierOptions;
use crate::error::{Error, Result};
use crate::flow::schema::{self, ColumnKind, Needs, Schema};
use crate::flow::{Anonymizer, MetricNames};
use crate::metric::expr::{self, Expr, Invalid, Program, Type};
use crate::metric::{Metric, MetricGroup, OnError};

/// The options of a [`Meter`](crate::meter::Meter).
#[derive(Clone)]
#[must_use]
pub struct MeterConfig {
    pub(super) inactive_timeout: Option<u64>,
    pub(super) active_timeout: Option<u64>,
    pub(super) capacity: Option<usize>,
    pub(super) tcp_end: bool,
    /// How long a flow takes packets after its TCP connection ended.
    pub(super) tcp_linger: u64,
    /// An active cut goes on as the next segment, and does not begin a flow of its own.
    pub(super) segments: bool,
    /// Packets come at the clock, in whole milliseconds.
    pub(super) whole_millis: bool,
    pub(super) statistics: bool,
    pub(super) sequence: u32,
    pub(super) tcp_analysis: bool,
    pub(super) packet_size: PacketSize,
    pub(super) application_fields: bool,
    pub(super) classifier: ClassifierOptions,
    pub(super) metrics: Vec<Listed>,
    pub(super) on_error: OnError,
    pub(super) end_flow_when: Option<Expr>,
    pub(super) keep_flows: Option<Expr>,
    pub(super) mergeable: bool,
    pub(super) anonymizer: Option<Anonymizer>,
}

/// One or more metrics where the user put them.
#[derive(Clone)]
pub(super) enum Listed {
    Group(Arc<dyn MetricGroup>),
    Expression(String, Expr),
}

/// What statistics and sequences take for the size of a packet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PacketSize {
    /// Bytes on the wire.
    #[default]
    Wire,
    /// Bytes of the innermost IP packet, its header included.
    Ip,
    /// Bytes after the IP header and its extension headers.
    Transport,
    /// Bytes after the transport header; 0 where the captured headers cannot tell.
    Payload,
}

impl Default for MeterConfig {
    fn default() -> Self {
        Self {
            inactive_timeout: Some(nanos(Duration::from_secs(60))),
            active_timeout: Some(nanos(Duration::from_secs(120))),
            capacity: None,
            tcp_end: false,
            tcp_linger: nanos(Duration::from_secs(5)),
            segments: true,
            whole_millis: false,
            statistics: false,
            sequence: 0,
            tcp_analysis: false,
            packet_size: PacketSize::Wire,
            application_fields: false,
            classifier: ClassifierOptions::default(),
            metrics: Vec::new(),
            on_error: OnError::Raise,
            end_flow_when: None,
            keep_flows: None,
            mergeable: false,
            anonymizer: None,
        }
    }
}

impl MeterConfig {
    /// The defaults: 60 s inactive, 120 s active, no bound, nDPI on the first 20 packets of a flow, no metrics.
    pub fn new() -> Self {
        Self::default()
    }

    /// What nfstream 6.6.0 means by a flow: 120 s inactive, 1800 s active; every packet comes at the clock, in whole
    /// milliseconds; after an active cut a flow begins anew, with the direction of its first packet and without a label.
    pub fn nfstream() -> Self {
        Self { segments: false, whole_millis: true, ..Self::default() }
            .inactive_timeout(Duration::from_secs(120))
            .active_timeout(Duration::from_secs(1800))
    }

    /// How long a flow may stay silent before it ends; zero is one record per packet, `None` is for ever.
    pub fn inactive_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.inactive_timeout = timeout.into().map(nanos);
        self
    }

    /// The age at which a living flow is cut and reported; zero cuts after every packet, `None` is never.
    pub fn active_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.active_timeout = timeout.into().map(nanos);
        self
    }

    /// How many flows may live at once, at least 1; `None` is without bound.
    pub fn capacity(mut self, flows: impl Into<Option<usize>>) -> Self {
        self.capacity = flows.into().map(|flows| flows.max(1));
        self
    }

    /// Whether FIN in both directions, or RST, ends a flow.
    pub fn tcp_end(mut self, on: bool) -> Self {
        self.tcp_end = on;
        self
    }

    /// How long, with [`MeterConfig::tcp_end`], a flow still takes packets after its connection ended: the last ACK, what
    /// was sent again, what came late. Defaults to 5 s; zero takes none.
    pub fn tcp_linger(mut self, linger: Duration) -> Self {
        self.tcp_linger = nanos(linger);
        self
    }

    /// Whether sizes, gaps and TCP flags are folded into [`Statistics`](crate::flow::Statistics). Off by default.
    pub fn statistics(mut self, on: bool) -> Self {
        self.statistics = on;
        self
    }

    /// How many of a flow's first packets are kept one by one, as a [`Sequence`](crate::flow::Sequence). Defaults to 0,
    /// none; each takes 16 bytes of a living flow.
    pub fn sequence(mut self, packets: u32) -> Self {
        self.sequence = packets;
        self
    }

    /// Whether the payload of a flow's first packets is read for names, versions and fingerprints
    /// ([`Facts`](crate::flow::Facts)). Off by default.
    pub fn application_fields(mut self, on: bool) -> Self {
        self.application_fields = on;
        self
    }

    /// Whether TCP segments are analysed: repeats, disorder, handshake, end. Off by default; see
    /// [`TcpAnalysis`](crate::flow::TcpAnalysis).
    pub fn tcp_analysis(mut self, on: bool) -> Self {
        self.tcp_analysis = on;
        self
    }

    /// What statistics and sequences take for the size of a packet.
    pub fn packet_size(mut self, size: PacketSize) -> Self {
        self.packet_size = size;
        self
    }

    /// How many packets of a flow the classifier sees, and whether it may learn across flows.
    pub fn classifier(mut self, options: ClassifierOptions) -> Self {
        self.classifier = options;
        self
    }

    /// Adds a metric under a name.
    pub fn metric(self, name: impl Into<String>, metric: &Metric) -> Self {
        let group = metric.named(name.into());
        self.metric_group(group)
    }

    /// Adds metrics that share code and state.
    pub fn metric_group(mut self, group: Arc<dyn MetricGroup>) -> Self {
        self.metrics.push(Listed::Group(group));
        self
    }

    /// Adds an expression as a metric under a name.
    pub fn expression(mut self, name: impl Into<String>, expression: Expr) -> Self {
        self.metrics.push(Listed::Expression(name.into(), expression));
        self
    }

    /// What a failure of a metric does to the run. Ends it by default; expressions do not fail.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// Ends a flow with the packet after which `condition` is true, with [`ExportReason::user`](crate::ExportReason::user)
    /// 16. It is an expression of truth values, of the packet or of the flow's packets so far.
    pub fn end_flow_when(mut self, condition: impl Into<Option<Expr>>) -> Self {
        self.end_flow_when = condition.into();
        self
    }

    /// Keeps the records for which `condition` is true; the others are counted and left out. It is an expression of one
    /// truth value of the flow.
    pub fn keep_flows(mut self, condition: impl Into<Option<Expr>>) -> Self {
        self.keep_flows = condition.into();
        self
    }

    /// Whether records keep what their expressions folded, so that [`merge`](crate::flow::merge) can tell the expressions of
    /// the whole. Off by default; a record then takes about as much again as a living flow does.
    ///
    /// Whole numbers are then those of the whole capture bit for bit, floats within a relative 1e-12; what cannot be merged
    /// ([`Expr::is_mergeable`]) is null after it.
    pub fn mergeable(mut self, on: bool) -> Self {
        self.mergeable = on;
        self
    }

    /// Replaces the addresses in records as they leave; the user's metrics see those of the packets. Defaults to `None`.
    pub fn anonymize(mut self, anonymizer: impl Into<Option<Anonymizer>>) -> Self {
        self.anonymizer = anonymizer.into();
        self
    }

    /// Whether packets are folded into more than the counts of every flow.
    #[inline]
    pub(super) fn has_details(&self) -> bool {
        self.has_sizes() || self.tcp_analysis
    }

    /// Whether sizes and gaps of packets are wanted.
    #[inline]
    pub(super) fn has_sizes(&self) -> bool {
        self.statistics || self.sequence > 0
    }

    /// The columns that records will have.
    ///
    /// # Errors
    ///
    /// As [`MeterConfig::metric_names`].
    pub(crate) fn schema(&self) -> Result<Schema> {
        let options = [
            (self.statistics, Needs::Statistics),
            (self.sequence > 0, Needs::Splt),
            (self.application_fields, Needs::ApplicationFields),
            (self.tcp_analysis, Needs::TcpAnalysis),
        ];
        let on: Vec<_> = options.into_iter().filter(|(on, _)| *on).map(|(_, needs)| needs).collect();
        let kinds = self.metrics.iter().flat_map(Listed::kinds);
        Ok(Schema::new(&on, self.metric_names()?).with_metric_kinds(kinds))
    }

    /// The groups of metrics, in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Arc<dyn MetricGroup>> {
        self.metrics.iter().filter_map(|listed| match listed {
            Listed::Group(group) => Some(group),
            Listed::Expression(..) => None,
        })
    }

    /// The program of the expressions; `None` without any.
    ///
    /// # Errors
    ///
    /// [`Error::Expression`] for one that does not fit where it stands; [`Error::Option`] for `mergeable` beside
    /// `end_flow_when` or `keep_flows`.
    pub(super) fn program(&self) -> Result<Option<Program>> {
        let fits = |option: &str, checked: std::result::Result<(), Invalid>| {
            checked.map_err(|source| Error::Expression { option: option.to_owned(), source: source.into() })
        };
        let mut expressions = Vec::new();
        for listed in &self.metrics {
            if let Listed::Expression(name, expression) = listed {
                fits(&format!("metric {name:?}"), expression.check_metric())?;
                expressions.push(expression.clone());
            }
        }
        let (end, keep) = (self.end_flow_when.as_ref(), self.keep_flows.as_ref());
        fits("end_flow_when", end.map_or(Ok(()), |end| expr::compile(&[], Some(end), None).map(drop)))?;
        fits("keep_flows", keep.map_or(Ok(()), |keep| expr::compile(&[], None, Some(keep)).map(drop)))?;
        if self.mergeable && (end.is_some() || keep.is_some()) {
            return Err(Error::Option {
                option: "mergeable",
                value: "on".to_owned(),
                allowed: "off beside end_flow_when and keep_flows, which a part of a flow cannot answer for the whole",
            });
        }
        if expressions.is_empty() && end.is_none() && keep.is_none() {
            return Ok(None);
        }
        let program = expr::compile(&expressions, end, keep);
        program
            .map(Some)
            .map_err(|source| Error::Expression { option: "user_metrics".to_owned(), source: source.into() })
    }

    /// The names of the metrics, in order.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a name that is empty, given twice, or that of a column.
    pub(crate) fn metric_names(&self) -> Result<MetricNames> {
        let names: Vec<String> = self.metrics.iter().flat_map(Listed::names).collect();
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() || names[..index].contains(name) || is_taken(name) {
                return Err(Error::Option {
                    option: "user_metrics",
                    value: format!("{name:?}"),
                    allowed: "under names that differ from each other and from the columns of a record",
                });
            }
        }
        Ok(names.into())
    }
}

/// Whether a column is called so, or may be where text tells its nanoseconds.
fn is_taken(name: &str) -> bool {
    let timely =
        |column: &schema::Column| matches!(column.kind, schema::ColumnKind::Time | schema::ColumnKind::Duration);
    schema::column(name).is_some() || name.strip_suffix("_ns").and_then(schema::column).is_some_and(timely)
}

impl fmt::Debug for MeterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.metrics.iter().flat_map(Listed::names).collect();
        f.debug_struct("MeterConfig")
            .field("inactive_timeout", &self.inactive_timeout.map(Duration::from_nanos))
            .field("active_timeout", &self.active_timeout.map(Duration::from_nanos))
            .field("capacity", &self.capacity)
            .field("tcp_end", &self.tcp_end)
            .field("tcp_linger", &Duration::from_nanos(self.tcp_linger))
            .field("segments", &self.segments)
            .field("whole_millis", &self.whole_millis)
            .field("statistics", &self.statistics)
            .field("sequence", &self.sequence)
            .field("tcp_analysis", &self.tcp_analysis)
            .field("packet_size", &self.packet_size)
            .field("application_fields", &self.application_fields)
            .field("classifier", &self.classifier)
            .field("metrics", &names)
            .field("on_error", &self.on_error)
            .field("end_flow_when", &self.end_flow_when)
            .field("keep_flows", &self.keep_flows)
            .field("mergeable", &self.mergeable)
            .field("anonymizer", &self.anonymizer)
            .finish()
    }
}

impl Listed {
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Group(group) => group.names(),
            Self::Expression(name, _) => vec![name.clone()],
        }
    }

    /// What the values of each are: expressions know it.
    fn kinds(&self) -> Vec<Option<ColumnKind>> {
        let Self::Expression(_, expression) = self else { return vec![None; self.names().len()] };
        vec![match expression.ty() {
            Type::Bool => Some(ColumnKind::Bool),
            Type::Int => Some(ColumnKind::I64),
            Type::Float => Some(ColumnKind::F64),
            Type::Text => Some(ColumnKind::Text),
            Type::Bytes => None,
            Type::Bools => Some(ColumnKind::ListBool),
            Type::Ints => Some(ColumnKind::ListI64),
            Type::Floats => Some(ColumnKind::ListF64),
        }]
    }
}

/// Saturates after 584 years, longer than the clock runs.
fn nanos(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)
}
