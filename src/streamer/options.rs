//! The options of a streamer, one by one.

use std::sync::Arc;
use std::time::Duration;

use crate::classify::DissectionLimits;
use crate::flow::Anonymizer;
use crate::meter::MeterConfig;
use crate::metric::expr::Expr;
use crate::metric::{Metric, MetricGroup, OnError};
use crate::packet::{DecodeOptions, Position, Tunnels};

use super::Streamer;

impl Streamer {
    /// How long a flow may stay silent before it ends with [`ExportReason::INACTIVE`](crate::ExportReason::INACTIVE).
    ///
    /// Measured in packet time. Defaults to 60 s; zero means one record per packet (IPFIX `flowIdleTimeout`), `None` never.
    #[doc(alias = "idle_timeout")]
    pub fn inactive_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.meter = self.meter.inactive_timeout(timeout);
        self
    }

    /// The age at which a living flow is cut and reported with [`ExportReason::ACTIVE`](crate::ExportReason::ACTIVE).
    ///
    /// Measured in packet time. Defaults to 120 s; zero cuts at every packet (IPFIX `flowActiveTimeout`), `None` never.
    pub fn active_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.meter = self.meter.active_timeout(timeout);
        self
    }

    /// How many flows may live at once, over all workers; at the bound the flow nearest its end leaves, exported.
    ///
    /// `None`, the default, is without bound for files and 1,000,000 on an interface; zero is refused by
    /// [`Streamer::start`].
    pub fn capacity(mut self, flows: impl Into<Option<usize>>) -> Self {
        self.capacity = flows.into();
        self
    }

    /// Whether the end of a TCP connection (FIN in both directions, or RST) ends its flow. Off by default.
    ///
    /// The flow still takes packets for the [linger](Self::tcp_linger), or until a SYN without ACK opens the next one. Whatever brings it out after
    /// its end (that linger, the inactive timeout, the end of the source), its reason is
    /// [`ExportReason::TCP_END`](crate::ExportReason::TCP_END).
    pub fn tcp_end(mut self, on: bool) -> Self {
        self.meter = self.meter.tcp_end(on);
        self
    }

    /// How long, with [`Streamer::tcp_end`], a flow still takes packets after its connection ended. Defaults to 5 s; zero
    /// takes none.
    pub fn tcp_linger(mut self, linger: Duration) -> Self {
        self.meter = self.meter.tcp_linger(linger);
        self
    }

    /// Whether TCP segments are analysed: retransmissions, disorder, duplicate ACKs, shut windows, the handshake and the
    /// end of a connection ([`TcpAnalysis`](crate::flow::TcpAnalysis)). Off by default.
    pub fn tcp_analysis(mut self, on: bool) -> Self {
        self.meter = self.meter.tcp_analysis(on);
        self
    }

    /// Whether records have statistics of sizes, gaps and TCP flags. Off by default.
    pub fn statistics(mut self, on: bool) -> Self {
        self.meter = self.meter.statistics(on);
        self
    }

    /// How many of a flow's first packets a record has one by one: direction, size and gap. Defaults to 0, none.
    #[doc(alias = "sequence")]
    pub fn splt(mut self, packets: u32) -> Self {
        self.meter = self.meter.sequence(packets);
        self
    }

    /// Whether the payload of a flow's first packets is read for server names, versions, fingerprints and the like. Off by
    /// default.
    pub fn application_fields(mut self, on: bool) -> Self {
        self.meter = self.meter.application_fields(on);
        self
    }

    /// Replaces what was said of the meter: timeouts, TCP end, statistics, sequence and metrics. Capacity and dissections
    /// stay those of the streamer.
    pub fn meter_config(mut self, config: MeterConfig) -> Self {
        self.meter = config;
        self
    }

    /// Adds a metric of the user's own. Metrics come in the order in which they are added.
    pub fn metric(mut self, name: impl Into<String>, metric: Metric) -> Self {
        self.meter = self.meter.metric(name, &metric);
        self
    }

    /// Adds an expression as a metric under a name; see [`expr`](crate::expr).
    pub fn expression(mut self, name: impl Into<String>, expression: Expr) -> Self {
        self.meter = self.meter.expression(name, expression);
        self
    }

    /// Ends a flow with the packet after which `condition` is true, with [`ExportReason::user`](crate::ExportReason::user)
    /// 16. It is an expression of truth values, of the packet or of the flow's packets so far. Defaults to `None`.
    pub fn end_flow_when(mut self, condition: impl Into<Option<Expr>>) -> Self {
        self.meter = self.meter.end_flow_when(condition);
        self
    }

    /// Keeps the records for which `condition`, one truth value of the flow, is true; the others are counted in
    /// [`Report::withheld`](super::Report::withheld). Defaults to `None`, which keeps all.
    pub fn keep_flows(mut self, condition: impl Into<Option<Expr>>) -> Self {
        self.meter = self.meter.keep_flows(condition);
        self
    }

    /// Whether records keep what their expressions folded, so that [`merge`](crate::flow::merge) can tell the expressions of
    /// the whole; see [`MeterConfig::mergeable`]. Defaults to `false`.
    pub fn mergeable(mut self, on: bool) -> Self {
        self.meter = self.meter.mergeable(on);
        self
    }

    /// Replaces the addresses in records as they leave; the user's metrics see those of the packets. Defaults to `None`.
    pub fn anonymize(mut self, anonymizer: impl Into<Option<Anonymizer>>) -> Self {
        self.meter = self.meter.anonymize(anonymizer);
        self
    }

    /// Adds metrics that share code and state.
    pub fn metric_group(mut self, group: Arc<dyn MetricGroup>) -> Self {
        self.meter = self.meter.metric_group(group);
        self
    }

    /// What a failure of a metric does to the run. By default it ends with the error; with [`OnError::Skip`] failures are
    /// counted in [`Report::metric_errors`](super::Report::metric_errors).
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.meter = self.meter.on_error(on_error);
        self
    }

    /// A BPF expression (`man pcap-filter`) that frames must match; the others are counted as filtered.
    pub fn bpf_filter(mut self, expression: impl Into<String>) -> Self {
        self.filter = Some(expression.into());
        self
    }

    /// How many packets of a flow nDPI sees. Defaults to 20; 0 turns it off.
    pub fn n_dissections(self, packets: u32) -> Self {
        self.dissection_limits(DissectionLimits::uniform(packets))
    }

    /// How many packets of a flow nDPI sees, by protocol.
    pub fn dissection_limits(mut self, limits: DissectionLimits) -> Self {
        self.dissections = limits;
        self
    }

    /// Whether labels are to be independent of the number of workers. Off by default: it costs time, and nDPI then learns
    /// nothing from one flow for another.
    pub fn stable_labels(mut self, on: bool) -> Self {
        self.stable_labels = on;
        self
    }

    /// How many threads meter; 0 does it inside the capture thread.
    ///
    /// `None`, the default, is one less than the processors of this process, at least 1.
    pub fn workers(mut self, workers: impl Into<Option<usize>>) -> Self {
        self.workers = workers.into();
        self
    }

    /// Whether packets inside tunnels make flows of their own. On by default, for every kind of [`Tunnel`](crate::Tunnel).
    pub fn decode_tunnels(mut self, on: bool) -> Self {
        self.decode = self.decode.tunnels(if on { Tunnels::ALL } else { Tunnels::NONE });
        self
    }

    /// Whether tunnels with different keys (VNI, TEID ...) keep flows apart, as [`DecodeOptions::tunnel_keys`] says. Off by
    /// default.
    pub fn tunnel_keys(mut self, on: bool) -> Self {
        self.decode = self.decode.tunnel_keys(on);
        self
    }

    /// Whether later fragments are counted in the flow of their first. On by default.
    pub fn fragments(mut self, on: bool) -> Self {
        self.decode = self.decode.fragments(on);
        self
    }

    /// Replaces everything that was said of decoding: tunnels, fragments, and what else there is.
    pub fn decode_options(mut self, options: DecodeOptions) -> Self {
        self.decode = options;
        self
    }

    /// Goes on where another run stopped ([`Flows::position`](super::Flows::position)), with the next piece of the same capture: frames are
    /// numbered from there on, the clock begins there, and later fragments find their first. Then the records of the
    /// pieces can be merged ([`flow::merge`](crate::flow::merge)).
    pub fn resume(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// Reads at most this many frames.
    pub fn max_frames(mut self, frames: impl Into<Option<u64>>) -> Self {
        self.max_frames = frames.into();
        self
    }

    /// Reads until this many frames have passed the BPF filter, as `tcpdump -c` does; without a filter the same as
    /// [`Streamer::max_frames`].
    pub fn max_matching_frames(mut self, frames: impl Into<Option<u64>>) -> Self {
        self.max_matching_frames = frames.into();
        self
    }

    /// Whether an interface also captures frames for other stations. On by default.
    #[cfg(feature = "pcap")]
    pub fn promiscuous(mut self, on: bool) -> Self {
        self.live = self.live.promiscuous(on);
        self
    }

    /// How many bytes of each frame an interface captures. Defaults to 65,535.
    #[cfg(feature = "pcap")]
    pub fn snaplen_bytes(mut self, bytes: u32) -> Self {
        self.live = self.live.snaplen_bytes(bytes);
        self
    }

    /// Size of the kernel's buffer for an interface in bytes; `None`, the default, is libpcap's choice.
    #[cfg(feature = "pcap")]
    pub fn buffer_bytes(mut self, bytes: impl Into<Option<u32>>) -> Self {
        self.live = self.live.buffer_bytes(bytes.into());
        self
    }

    /// Turns off what no column or metric of these names needs, nDPI included; the values of these columns stay what they
    /// were. See [`MeterConfig::only_columns`]; say it after everything else.
    pub fn only_columns<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.meter = self.meter.only_columns(names);
        if !self.meter.is_classified() {
            self.dissections = DissectionLimits::NONE;
        }
        self
    }
}
