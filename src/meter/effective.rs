//! What a meter was told, for whoever wants to write it down.

use std::time::Duration;

use crate::flow::Value;
use crate::meter::config::{Listed, MeterConfig, PacketSize};
use crate::metric::OnError;

impl MeterConfig {
    /// Every option that changes records, by its name in Python (in Rust, where Python has none); timeouts in seconds.
    ///
    /// Not the classifier's nor the capacity, which are a streamer's to say.
    pub(crate) fn effective(&self) -> Vec<(&'static str, Value)> {
        let seconds = |nanos: u64| Value::Float(Duration::from_nanos(nanos).as_secs_f64());
        let timeout = |nanos: Option<u64>| nanos.map_or(Value::Null, seconds);
        let packet_size = match self.packet_size {
            PacketSize::Wire => "wire",
            PacketSize::Ip => "ip",
            PacketSize::Transport => "transport",
            PacketSize::Payload => "payload",
        };
        let on_error = match self.on_error {
            OnError::Raise => "raise",
            OnError::Skip => "skip",
        };
        let text = |expression: Option<_>| expression.map_or(Value::Null, Value::Text);
        vec![
            ("inactive_timeout", timeout(self.inactive_timeout)),
            ("active_timeout", timeout(self.active_timeout)),
            ("tcp_end", self.tcp_end.into()),
            ("tcp_linger", seconds(self.tcp_linger)),
            ("statistics", self.statistics.into()),
            ("splt", self.sequence.into()),
            ("application_fields", self.application_fields.into()),
            ("tcp_analysis", self.tcp_analysis.into()),
            ("packet_size", packet_size.into()),
            ("segments", self.segments.into()),
            ("whole_millis", self.whole_millis.into()),
            ("on_error", on_error.into()),
            ("end_flow_when", text(self.end_flow_when.as_ref().map(ToString::to_string))),
            ("keep_flows", text(self.keep_flows.as_ref().map(ToString::to_string))),
            ("anonymize", self.anonymizer.is_some().into()),
        ]
    }

    /// The names of the metrics, in their order, and the text of each that is an expression.
    pub(crate) fn metric_texts(&self) -> Vec<(String, Option<String>)> {
        let texts = self.metrics.iter().flat_map(|listed| {
            let text = match listed {
                Listed::Group(_) => None,
                Listed::Expression(_, expression) => Some(expression.to_string()),
            };
            listed.names().into_iter().map(move |name| (name, text.clone()))
        });
        texts.collect()
    }
}
