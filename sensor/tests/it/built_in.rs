//! What the native processors say, beside what the library says of the same captures.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flowgauge::Streamer;
use flowgauge::pipeline::{Batch, DnsMeta, Item, PacketMeta, PacketStreamer, PacketView, Pipeline, Pulled, Source};
use flowgauge_hub::Trigger;

use crate::support::{corpus, data, native, of_topic, sense, small_captures};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn flow_records_are_those_of_the_streamer() {
    let mut paths = vec![data("web.pcap"), data("mixed.pcapng"), data("dns.pcap")];
    paths.extend(corpus(&["443-curl.pcap", "6in4tunnel.pcap", "alexa-app.pcapng"]));
    for path in paths {
        let (messages, summary) = sense(&path, native(&["flows"]), SECOND);
        let mut said: Vec<_> = messages
            .iter()
            .filter(|message| message.topic.as_str() == "flow.record")
            .map(|message| message.payload.get().to_owned())
            .collect();
        let mut wanted: Vec<_> =
            Streamer::from_file(&path).start().unwrap().map(|record| record.unwrap().to_string()).collect();
        said.sort();
        wanted.sort();
        assert_eq!(said, wanted, "{path:?}");
        assert_eq!(summary.counts.flows, wanted.len() as u64);
        assert!(!wanted.is_empty());
    }
}

#[test]
fn packets_are_counted_once_each_and_by_protocol() {
    let mut paths = vec![data("mixed.pcapng"), data("story.pcap"), data("dns.pcap")];
    paths.extend(corpus(&["alexa-app.pcapng", "443-curl.pcap"]));
    for path in paths {
        let (messages, summary) = sense(&path, native(&["packets"]), SECOND);
        let counts: Vec<_> = of_topic(&messages, "packets.count").collect();
        let sum = |key: &str| counts.iter().map(|count| count[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("packets"), sum("bytes")), (summary.counts.frames, summary.counts.bytes), "{path:?}");
        let last = counts.last().unwrap();
        assert_eq!(
            [last["total_packets"].as_u64(), last["total_bytes"].as_u64()],
            [Some(summary.counts.frames), Some(summary.counts.bytes)]
        );
        let skipped: u64 = counts
            .iter()
            .flat_map(|count| {
                count["skipped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>()
            })
            .sum();
        assert_eq!(skipped, summary.counts.skipped.iter().sum::<u64>());
    }
}

#[test]
fn every_capture_comes_to_its_end_with_every_packet_counted() {
    for path in small_captures() {
        let (messages, summary) = sense(&path, native(&["flows", "dns", "packets", "arp"]), SECOND);
        let counts: u64 = of_topic(&messages, "packets.count").map(|count| count["packets"].as_u64().unwrap()).sum();
        assert_eq!(counts, summary.counts.frames, "{path:?}");
        let flows = messages.iter().filter(|message| message.topic.as_str() == "flow.record").count() as u64;
        assert_eq!(flows, summary.counts.flows, "{path:?}");
        assert!(summary.processors.iter().all(|processor| processor.errors == 0), "{path:?}: {:?}", summary.processors);
    }
}

#[test]
fn lookups_are_the_questions_of_queries() {
    let path = data("dns.pcap");
    let mut wanted = BTreeMap::<String, u64>::new();
    let source = PacketStreamer::new(Streamer::from_file(&path)).unwrap();
    let mut pipeline = Pipeline::new(source).link(PacketMeta::default()).link(DnsMeta::default());
    let mut batch = Batch::default();
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        for item in &batch.items {
            let Item::Packet(packet) = item else { continue };
            for dns in PacketView::new(packet, &batch.block).dns().iter().filter(|dns| !dns.message.is_response) {
                dns.message.questions.iter().for_each(|q| *wanted.entry(q.name.clone()).or_default() += 1);
            }
        }
    }
    let (messages, _) = sense(&path, native(&["dns"]), SECOND);
    let mut said = BTreeMap::<String, u64>::new();
    for lookup in of_topic(&messages, "dns.lookup") {
        *said.entry(lookup["name"].as_str().unwrap().to_owned()).or_default() += 1;
        assert!(lookup["client"].is_string() && lookup["resolver"].is_string() && lookup["type"].is_string());
    }
    assert!(!wanted.is_empty());
    assert_eq!(said, wanted);
    let mut summed = BTreeMap::<String, u64>::new();
    for summary in of_topic(&messages, "dns.summary") {
        for (name, count) in summary["names"].as_object().unwrap() {
            *summed.entry(name.clone()).or_default() += count.as_u64().unwrap();
        }
        assert_eq!(summary["others"], 0);
    }
    assert_eq!(summed, wanted);
}

#[test]
fn messages_are_numbered_and_come_in_their_order() {
    let (messages, summary) = sense(&data("dns.pcap"), native(&["flows", "dns", "packets", "arp"]), SECOND);
    let numbers: Vec<_> = messages.iter().map(|message| message.id.sequence()).collect();
    assert_eq!(numbers, (1..=messages.len() as u64).collect::<Vec<_>>());
    for message in &messages {
        let trigger = match message.topic.as_str() {
            "flow.record" => Trigger::Flow,
            "dns.lookup" | "arp.change" => Trigger::Packet,
            _ => Trigger::Interval,
        };
        assert_eq!(message.trigger, trigger, "{}", message.topic.as_str());
    }
    let own: u64 = summary.processors.iter().map(|processor| processor.messages).sum();
    let status = of_topic(&messages, "sensor.status").count() as u64;
    assert_eq!(own + status, messages.len() as u64);
    assert!(summary.processors.iter().all(|processor| processor.errors == 0 && processor.calls > 0));
}

#[test]
fn the_same_capture_says_the_same() {
    let strip = |path: &Path| {
        let (messages, _) = sense(path, native(&["dns", "packets", "arp", "flows"]), SECOND);
        let told = messages.into_iter().filter(|message| message.topic.as_str() != "sensor.status");
        told.map(|message| (message.time.seconds(), message.payload.get().to_owned())).collect::<Vec<_>>()
    };
    for path in [data("dns.pcap"), data("mixed.pcapng")] {
        assert_eq!(strip(&path), strip(&path));
    }
}
