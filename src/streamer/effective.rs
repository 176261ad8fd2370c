//! What a streamer was told, for whoever wants to write it down: a manifest, and whoever meters again by it.

use std::path::PathBuf;

use crate::capture::file::Input;
use crate::classify::DissectionLimits;
use crate::export::schema_digest;
use crate::flow::Value;
use crate::packet::{Ports, RadioMacs, Tunnels};
use crate::streamer::source::{self, Source, names_a_file};
use crate::streamer::{LIVE_CAPACITY, Streamer, default_workers};
use crate::tunnel::Tunnel;

impl Streamer {
    /// Every option that changes records, as it takes effect, by its name in Python; where Python has none, in Rust. The
    /// list is always the same and in the same order; for an interface, two more come behind it.
    ///
    /// Timeouts are seconds, or null for never. `workers` is among them because labels may depend on it. What cannot be told
    /// in words is told only to be there: that addresses are replaced (`anonymize`), and the frame after which a run goes on
    /// (`resume`).
    pub fn options(&self) -> Vec<(String, Value)> {
        let number = |number: Option<u64>| Value::from(number);
        let (tunnels, tunnel_keys, fragments, ports, radio_macs) = self.decode.effective();
        let (tcp, udp, other) = (self.dissections.tcp, self.dissections.udp, self.dissections.other);
        let dissections = if self.dissections == DissectionLimits::uniform(tcp) {
            tcp.into()
        } else {
            Value::List(vec![tcp.into(), udp.into(), other.into()])
        };
        let live = self.interface().is_some();
        let capacity = self.capacity.or(live.then_some(LIVE_CAPACITY));
        let mut options = self.meter.effective();
        options.extend([
            ("capacity", number(capacity.map(|flows| flows as u64))),
            ("bpf_filter", self.filter.clone().into()),
            ("n_dissections", dissections),
            ("stable_labels", self.stable_labels.into()),
            ("workers", (self.workers.unwrap_or_else(default_workers) as u64).into()),
            ("decode_tunnels", tunnel_names(tunnels)),
            ("tunnel_keys", tunnel_keys.into()),
            ("fragments", fragments.into()),
            ("ports", if ports == Ports::All { "all" } else { "tcp_and_udp" }.into()),
            ("radio_macs", radio_macs_name(radio_macs).into()),
            ("max_frames", number(self.max_frames)),
            ("max_matching_frames", number(self.max_matching_frames)),
            ("resume", self.position.frame().into()),
        ]);
        #[cfg(feature = "pcap")]
        if live {
            let (promiscuous, snaplen) = self.live.effective();
            options.extend([("promiscuous", promiscuous.into()), ("snaplen", snaplen.into())]);
        }
        options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The names of the metrics, in their order, and the text of each that is an expression.
    pub fn metric_texts(&self) -> Vec<(String, Option<String>)> {
        self.meter.metric_texts()
    }

    /// The captures that are to be read, by the name that errors call them, and the path of each that has one; none for an
    /// interface or a source of one's own.
    pub fn inputs(&self) -> Vec<(String, Option<PathBuf>)> {
        let path = |input: &Input| match input {
            Input::Path(path) => Some(path.clone()),
            Input::Stdin | Input::Bytes(_) | Input::Reader { .. } => None,
        };
        let told = |input: &Input| (input.name(), path(input));
        match &self.source {
            Source::Inputs(inputs) => inputs.iter().map(told).collect(),
            Source::Named(name) if names_a_file(name) => vec![told(&source::input(name.into()))],
            Source::Interface(_) | Source::Named(_) | Source::Own(_) => Vec::new(),
        }
    }

    /// The interface that is captured on; `None` for any other source. What [`Streamer::from_name`] was given is looked up
    /// now, as it is when the run starts.
    pub fn interface(&self) -> Option<&str> {
        match &self.source {
            Source::Interface(name) => Some(name),
            Source::Named(name) if !names_a_file(name) => Some(name),
            Source::Inputs(_) | Source::Named(_) | Source::Own(_) => None,
        }
    }
}

/// What records depend on beside packets and options, by name: flowgauge, nDPI, libpcap, and the digest of the table of
/// columns. `None` for what this build leaves out, or does not tell.
pub fn versions() -> Vec<(String, Option<String>)> {
    #[cfg(feature = "pcap")]
    let libpcap = crate::capture::version::libpcap_version();
    #[cfg(not(feature = "pcap"))]
    let libpcap = None;
    let versions = [
        ("flowgauge", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("ndpi", crate::classify::ndpi_version().map(str::to_owned)),
        ("libpcap", libpcap),
        ("schema", Some(schema_digest())),
    ];
    versions.map(|(name, version)| (name.to_owned(), version)).into()
}

/// True or false for all or none, else their names.
fn tunnel_names(tunnels: Tunnels) -> Value {
    if tunnels == Tunnels::ALL || tunnels == Tunnels::NONE {
        return (tunnels == Tunnels::ALL).into();
    }
    let on = Tunnel::ALL.into_iter().filter(|tunnel| tunnels.contains(*tunnel));
    Value::List(on.map(|tunnel| tunnel.name().into()).collect())
}

fn radio_macs_name(radio_macs: RadioMacs) -> &'static str {
    match radio_macs {
        RadioMacs::SourceAndDestination => "source_and_destination",
        RadioMacs::SecondAndThird => "second_and_third",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::DecodeOptions;

    #[test]
    fn options_are_told_as_they_take_effect() {
        let of = |streamer: Streamer, name: &str| {
            let options = streamer.options();
            options.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
        };
        let plain = || Streamer::from_file("x");
        assert_eq!(of(plain(), "inactive_timeout"), Some(60.0.into()));
        assert_eq!(of(plain().active_timeout(None), "active_timeout"), Some(Value::Null));
        assert_eq!(of(plain().workers(3), "workers"), Some(3u64.into()));
        assert!(matches!(of(plain(), "workers"), Some(Value::Int(1..))));
        assert_eq!(of(plain(), "decode_tunnels"), Some(true.into()));
        let two = Tunnels::NONE.with(Tunnel::GtpU).with(Tunnel::Vxlan);
        let some = plain().decode_options(DecodeOptions::new().tunnels(two));
        assert!(matches!(of(some, "decode_tunnels"), Some(Value::List(names)) if names.len() == 2));
        let limits = DissectionLimits { tcp: 1, udp: 2, other: 3 };
        let list = Value::List(vec![1u32.into(), 2u32.into(), 3u32.into()]);
        assert_eq!(of(plain().dissection_limits(limits), "n_dissections"), Some(list));
        for live in [Streamer::from_interface("x"), Streamer::from_name("x")] {
            assert_eq!(of(live, "capacity"), Some(1_000_000u64.into()));
        }
        let names = |streamer: Streamer| streamer.options().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(plain()), names(plain().statistics(true).splt(9).bpf_filter("udp").capacity(1)));
    }

    #[test]
    fn inputs_and_versions_are_told() {
        let inputs = Streamer::from_files(["a", "-"]).inputs();
        assert_eq!(inputs, [("a".to_owned(), Some("a".into())), ("standard input".to_owned(), None)]);
        assert!(Streamer::from_interface("eth0").inputs().is_empty());
        assert_eq!(Streamer::from_interface("eth0").interface(), Some("eth0"));
        assert_eq!(Streamer::from_file("eth0").interface(), None);
        let file = env!("CARGO_MANIFEST_PATH");
        let named = Streamer::from_name(file);
        assert_eq!((named.inputs(), named.interface()), (vec![(file.to_owned(), Some(file.into()))], None));
        let other = Streamer::from_name("no such file");
        assert_eq!((other.inputs(), other.interface()), (Vec::new(), Some("no such file")));
        let versions = versions();
        let of = |name: &str| versions.iter().find(|(known, _)| known == name).unwrap().1.as_deref();
        assert_eq!(of("flowgauge"), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(of("schema").map(str::len), Some(64));
        assert_eq!(of("ndpi").is_some(), cfg!(feature = "ndpi"));
        #[cfg(feature = "pcap")]
        assert!(of("libpcap").is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())), "{versions:?}");
    }
}
