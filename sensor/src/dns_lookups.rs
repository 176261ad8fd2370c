//! DNS lookups as messages, and the names of an interval.

use std::collections::HashMap;
use std::net::IpAddr;

use flowgauge::dissect::dns::{class_name, type_name};
use flowgauge::pipeline::{Dns, PacketView};
use flowgauge_hub::Name;
use serde::Serialize;
use serde_json::json;

use crate::needs::{Fields, Needs, PacketNeeds};
use crate::outbox::Outbox;
use crate::processor::{Interval, Packets, Processor};
use crate::topic;

/// Says `dns.lookup` of each question of a query, and `dns.summary` at the end of each interval with any: how often names were
/// asked for, the 1,000 most frequent ones. Responses are no lookups.
#[derive(Debug)]
pub struct DnsLookups {
    lookup: Name,
    summary: Name,
    names: HashMap<String, u64>,
    lookups: u64,
    /// Lookups whose names had no room.
    unnamed: u64,
}

#[derive(Serialize)]
struct Lookup<'a> {
    name: &'a str,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    client: Option<IpAddr>,
    resolver: Option<IpAddr>,
    protocol: &'static str,
    transport: &'static str,
}

impl Default for DnsLookups {
    fn default() -> Self {
        let [lookup, summary] = ["dns.lookup", "dns.summary"].map(topic);
        Self { lookup, summary, names: HashMap::new(), lookups: 0, unnamed: 0 }
    }
}

impl DnsLookups {
    fn message(&mut self, view: &PacketView<'_>, dns: &Dns, out: &mut Outbox<'_>) {
        let ip = view.network().ip;
        for question in &dns.message.questions {
            let class = question.class & if dns.circumstances.is_multicast { 0x7fff } else { 0xffff };
            let lookup = Lookup {
                name: &question.name,
                r#type: type_name(question.kind).map_or_else(|| format!("TYPE{}", question.kind), str::to_owned),
                class: (class != INTERNET)
                    .then(|| class_name(class).map_or_else(|| format!("CLASS{class}"), str::to_owned)),
                client: ip.map(|ip| ip.src),
                resolver: ip.map(|ip| ip.dst),
                protocol: protocol(view),
                transport: if dns.circumstances.is_tcp { "TCP" } else { "UDP" },
            };
            out.send(&self.lookup, view.item.stamp(), &lookup);
            self.count(&question.name);
        }
    }

    fn count(&mut self, name: &str) {
        self.lookups += 1;
        if let Some(count) = self.names.get_mut(name) {
            *count += 1;
        } else if self.names.len() < REMEMBERED {
            self.names.insert(name.to_owned(), 1);
        } else {
            self.unnamed += 1;
        }
    }
}

impl Processor for DnsLookups {
    fn name(&self) -> &str {
        "dns"
    }

    fn needs(&self) -> Needs {
        Needs { packets: Some(PacketNeeds { filter: None, fields: Fields::DNS }), flows: false }
    }

    fn packets(&mut self, packets: &Packets<'_>, out: &mut Outbox<'_>) {
        for view in packets.views() {
            for dns in view.dns().iter().filter(|dns| !dns.message.is_response) {
                self.message(&view, dns, out);
            }
        }
    }

    fn interval(&mut self, interval: &Interval<'_>, out: &mut Outbox<'_>) {
        if self.lookups == 0 {
            return;
        }
        let mut names: Vec<_> = self.names.drain().collect();
        names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let others: u64 = names.iter().skip(TOLD).map(|(_, count)| count).sum();
        let told: serde_json::Map<_, _> = names.into_iter().take(TOLD).map(|(name, n)| (name, n.into())).collect();
        let payload = json!({
            "interval": interval.length.as_secs_f64(),
            "lookups": self.lookups,
            "names": told,
            "others": others + self.unnamed,
        });
        out.send(&self.summary, interval.end, &payload);
        (self.lookups, self.unnamed) = (0, 0);
    }
}

/// What is spoken, by port.
fn protocol(view: &PacketView<'_>) -> &'static str {
    let ports = view.item.info().map_or([0; 2], |info| [info.src_port, info.dst_port]);
    match () {
        () if ports.contains(&5353) => "mDNS",
        () if ports.contains(&5355) => "LLMNR",
        () => "DNS",
    }
}

const INTERNET: u16 = 1;
/// Names that are counted in an interval, at most.
const REMEMBERED: usize = 16_384;
/// Names that are told of an interval, at most.
const TOLD: usize = 1_000;
