//! Processors of one's own: what they are shown, and what their mistakes come to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowgauge::pipeline::{Batch, Item, PacketStreamer, Pulled, Source};
use flowgauge::{FlowRecord, Streamer};
use flowgauge_hub::Name;
use flowgauge_sensor::{Error, Fields, Interval, Lines, Needs, Outbox, PacketNeeds, Packets, Processor, Sensor};

use crate::support::{data, of_topic, sense};

#[derive(Default)]
struct Seen {
    packets: Vec<u64>,
    flows: usize,
    /// Their ends in nanoseconds, and how many packets came before.
    intervals: Vec<(i64, usize)>,
}

/// Keeps what it is shown; `wrong` calls it mistakes.
struct Keeper {
    needs: Needs,
    seen: Arc<Mutex<Seen>>,
    wrong: bool,
}

impl Processor for Keeper {
    fn name(&self) -> &str {
        "keeper"
    }

    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn packets(&mut self, packets: &Packets<'_>, out: &mut Outbox<'_>) {
        self.seen.lock().unwrap().packets.extend(packets.iter().map(|packet| packet.number()));
        for _ in 0..if self.wrong { packets.len() } else { 0 } {
            out.fail("a mistake\nof two lines");
        }
    }

    fn flows(&mut self, flows: &[Arc<FlowRecord>], _: &mut Outbox<'_>) {
        self.seen.lock().unwrap().flows += flows.len();
    }

    fn interval(&mut self, interval: &Interval<'_>, out: &mut Outbox<'_>) {
        let mut seen = self.seen.lock().unwrap();
        let packets = seen.packets.len();
        seen.intervals.push((interval.end.as_nanos(), packets));
        let topic = Name::try_from("kept".to_owned()).unwrap();
        out.send(&topic, interval.end, &packets);
    }
}

fn keeper(filter: Option<&str>, fields: Fields, flows: bool) -> (Box<dyn Processor>, Arc<Mutex<Seen>>) {
    let seen = Arc::default();
    let packets = Some(PacketNeeds { filter: filter.map(str::to_owned), fields });
    (Box::new(Keeper { needs: Needs { packets, flows }, seen: Arc::clone(&seen), wrong: false }), seen)
}

/// Stamps of the frames that a source gives, in nanoseconds.
fn stamps(name: &str, filter: &str) -> Vec<i64> {
    let mut source = PacketStreamer::new(Streamer::from_file(data(name)).bpf_filter(filter)).unwrap();
    let (mut batch, mut stamps) = (Batch::default(), Vec::new());
    while source.next_batch(&mut batch).unwrap() != Pulled::End {
        stamps.extend(batch.items.iter().filter_map(|item| match item {
            Item::Packet(packet) => Some(packet.stamp().as_nanos()),
            _ => None,
        }));
    }
    stamps
}

#[test]
fn filter_and_fields_choose_packets() {
    let (all, seen_all) = keeper(None, Fields::default(), true);
    let (udp, seen_udp) = keeper(Some("udp port 53"), Fields::default(), false);
    let (dns, seen_dns) = keeper(None, Fields::DNS, false);
    let (none, seen_none) = keeper(Some("tcp"), Fields::DNS, false);
    let (_, summary) = sense(&data("dns.pcap"), vec![all, udp, dns, none], Duration::from_secs(1));
    let all = seen_all.lock().unwrap();
    assert_eq!(all.packets, (1..=summary.counts.frames).collect::<Vec<_>>());
    assert_eq!(all.flows as u64, summary.counts.flows);
    assert!(all.flows > 0);
    let dns = seen_dns.lock().unwrap();
    assert!(!dns.packets.is_empty() && dns.packets.is_sorted());
    assert_eq!(dns.packets.len() as u64, summary.counts.dns_messages);
    let udp = seen_udp.lock().unwrap();
    assert!(!udp.packets.is_empty());
    assert_eq!(udp.packets.len(), stamps("dns.pcap", "udp port 53").len());
    let tcp = seen_none.lock().unwrap();
    assert!(tcp.packets.iter().all(|number| dns.packets.contains(number) && !udp.packets.contains(number)));
}

#[test]
fn every_interval_has_its_packets_and_no_others() {
    let stamps = stamps("story.pcap", "");
    let (all, seen) = keeper(None, Fields::default(), false);
    sense(&data("story.pcap"), vec![all], Duration::from_millis(250));
    let seen = seen.lock().unwrap();
    assert!(seen.intervals.len() > 2, "{:?}", seen.intervals);
    let (last, before) = seen.intervals.split_last().unwrap();
    for (end, packets) in before {
        assert!(stamps[..*packets].iter().all(|stamp| stamp < end), "{end}");
        assert!(stamps[*packets] >= *end, "{end}");
    }
    assert_eq!(*last, (*stamps.iter().max().unwrap(), stamps.len()));
}

#[test]
fn mistakes_are_counted_and_named_and_end_nothing() {
    let seen = Arc::<Mutex<Seen>>::default();
    let needs = Needs { packets: Some(PacketNeeds::default()), flows: false };
    let wrong = Box::new(Keeper { needs, seen: Arc::clone(&seen), wrong: true });
    let (messages, summary) = sense(&data("dns.pcap"), vec![wrong], Duration::from_secs(1));
    let counts = &summary.processors[0];
    assert_eq!(counts.errors, summary.counts.frames);
    assert_eq!(counts.last_error.as_deref(), Some("a mistake\nof two lines"));
    assert_eq!(counts.messages, seen.lock().unwrap().intervals.len() as u64);
    let last = of_topic(&messages, "sensor.status").last().unwrap();
    assert_eq!(last["processors"][0]["errors"], counts.errors);
}

#[test]
fn what_cannot_be_is_refused_at_the_start() {
    let outlet = |_| -> flowgauge_sensor::Result<Box<dyn flowgauge_sensor::Outlet>> {
        let name = Name::try_from("lab".to_owned()).unwrap();
        Ok(Box::new(Lines::new("memory", std::io::sink(), name, "b")))
    };
    let none = Sensor::new(Streamer::from_file(data("dns.pcap")), "x").start(outlet).unwrap_err();
    assert!(matches!(none, Error::Option { option: "processors", .. }), "{none}");
    let (bad, _) = keeper(Some("no such word"), Fields::default(), false);
    let refused = Sensor::new(Streamer::from_file(data("dns.pcap")), "x").processor(bad).start(outlet).unwrap_err();
    assert!(refused.to_string().starts_with("processor keeper: "), "{refused}");
    let (good, _) = keeper(None, Fields::default(), false);
    let absent = Sensor::new(Streamer::from_file("no/such.pcap"), "x").processor(good).start(outlet).unwrap_err();
    assert!(absent.to_string().contains("no/such.pcap"), "{absent}");
}
