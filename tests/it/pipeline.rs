//! Pipelines over packets: what each part does, and that any frame is an item.

use std::io;
use std::sync::Arc;

use flowgauge::capture::memory::MemorySource;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::meter::MeterConfig;
use flowgauge::packet::{LinkType, SkipReason};
use flowgauge::pipeline::{
    Batch, Branch, Counter, CsvSink, Flows, Half, Item, JsonSink, Network, PacketMeta, PacketPrinter, PacketStreamer,
    PacketSummary, PacketView, Pipeline, Pulled, ReverseDns, Segment, Sink, Source, Tagger, Tags, TransportMeta, Way,
};
use flowgauge::{Error, Streamer, Timestamp};

use crate::support::captures::shared;
use crate::support::frames::{Ipv4, Ipv6, Radio, cooked_v1, ethernet, pppoe, vlan};
use crate::support::paper::Paper;

/// A source of these frames, a second apart, from 2015-09-07 19:08:34 on.
fn streamer(frames: &[(LinkType, Vec<u8>)]) -> Streamer {
    let mut source = MemorySource::new().batch_frames(3);
    for (second, (link, data)) in frames.iter().enumerate() {
        source.push(Timestamp::from_nanos((1_441_652_914 + second as i64) * 1_000_000_000), *link, data);
    }
    Streamer::from_source(source)
}

fn ethernets(frames: &[Vec<u8>]) -> Streamer {
    let frames: Vec<_> = frames.iter().map(|data| (LinkType::ETHERNET, data.clone())).collect();
    streamer(&frames)
}

fn five_links(streamer: Streamer) -> Pipeline {
    Pipeline::new(PacketStreamer::new(streamer).unwrap())
        .link(PacketMeta::default())
        .link(TransportMeta::default())
        .link(ReverseDns::default())
        .link(Tagger::default())
}

/// The items of a pipeline with their bytes, each handed to `look`.
fn each(mut pipeline: Pipeline, mut look: impl FnMut(&PacketView<'_>)) {
    let mut batch = Batch::default();
    while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
        (0..batch.items.len()).filter_map(|index| batch.packet(index)).for_each(|view| look(&view));
    }
}

fn mdns() -> Vec<u8> {
    ethernet(0x0800, &Ipv4::new("192.168.1.9", "224.0.0.251").udp(5353, 5353, b"x"))
}

fn arp() -> Vec<u8> {
    let body = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[2, 0, 0, 0, 0, 1], &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 2]].concat();
    ethernet(0x0806, &body)
}

/// So that they run in a build without nDPI too.
fn unlabelled() -> MeterConfig {
    MeterConfig::new().classifier(ClassifierOptions { limits: DissectionLimits::NONE, ..Default::default() })
}

#[test]
fn the_summary_is_the_documented_line() {
    let frames = [
        mdns(),
        ethernet(0x0800, &Ipv4::new("10.0.0.1", "8.8.8.8").tcp(40_000, 443, 2, b"")),
        ethernet(0x86dd, &Ipv6::new("2001:db8::1", "fd00::2").udp(1, 2, b"")),
        arp(),
        ethernet(0x0800, &Ipv4::new("10.0.0.1", "10.0.0.2").fragment(7, 64, false).carrying(17, &[0; 8])),
        ethernet(0x0800, &Ipv4::new("10.0.0.1", "10.0.0.2").carrying(253, &[1])),
        ethernet(0x0800, &[0x45, 0, 0]),
    ];
    let paper = Paper::default();
    let counts = five_links(ethernets(&frames)).pull(&mut PacketSummary::new("paper", paper.clone())).unwrap();
    let expected = "\
2015-09-07 19:08:34 - UDP IP 192.168.1.9(internal)--> 224.0.0.251(multicast_dns) TAGS: [internal]
2015-09-07 19:08:35 - TCP IP 10.0.0.1(internal)--> 8.8.8.8 TAGS: [outgoing]
2015-09-07 19:08:36 - UDP IP6 2001:db8::1(reserved)--> fd00::2(internal) TAGS: [incoming]
2015-09-07 19:08:37 - ARP 10.0.0.1 --> 10.0.0.2 TAGS: []
2015-09-07 19:08:38 - IP 10.0.0.1 --> 10.0.0.2 (fragment_without_first) TAGS: []
2015-09-07 19:08:39 - 253 IP 10.0.0.1(internal)--> 10.0.0.2(internal) TAGS: [internal]
2015-09-07 19:08:40 - IP (truncated) TAGS: []
";
    assert_eq!(paper.text(), expected);
    assert_eq!((counts.frames, counts.without_transport), (7, 3));
    let skipped = [SkipReason::NotIp, SkipReason::FragmentWithoutFirst, SkipReason::Truncated];
    assert!(skipped.iter().all(|reason| counts.skipped(*reason) == 1));
    assert_eq!(counts.skipped.iter().sum::<u64>(), 3);
    // Without links there is what the frame itself says.
    let paper = Paper::default();
    let bare = Pipeline::new(PacketStreamer::new(ethernets(&frames[..1])).unwrap()).link(PacketMeta::default());
    bare.pull(&mut PacketSummary::new("paper", paper.clone())).unwrap();
    assert_eq!(paper.text(), "2015-09-07 19:08:34 - IP 192.168.1.9 --> 224.0.0.251\n");
}

#[test]
fn the_block_form_tells_every_layer() {
    let frame = ethernet(
        0x0800,
        &Ipv4::new("10.0.0.1", "10.0.0.2").tcp(40_000, 80, 0x18, b"GET /\x1b[2J and more than thirty bytes"),
    );
    let paper = Paper::default();
    five_links(ethernets(&[frame, arp()])).pull(&mut PacketPrinter::new("paper", paper.clone())).unwrap();
    let text = paper.text();
    let begin = "Timestamp: 2015-09-07 19:08:34.000000\nEthernet Frame: ";
    assert!(text.starts_with(begin), "{text}");
    for line in [
        "  (type: 2048)\nPacket: IP 10.0.0.1 --> 10.0.0.2 (len:76 ttl:64) -- Frag(df:0 mf:0 offset:0)\nTransport: TCP sport:40000 dport:80 seq:",
        " flags:[psh]\nData: 36 bytes (GET /\\x1b[2J and more than thirty...)\nDomains: internal --> internal\nTags: [internal]\n\n",
        "(type: 2054)\nPacket: ARP 10.0.0.1 --> 10.0.0.2 (op:1)\nDomains: - --> -\nTags: []\n\n",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains('\x1b'));
}

#[test]
fn layers_are_read_of_any_link_type() {
    let udp = Ipv4::new("10.0.0.1", "10.0.0.2").udp(1000, 53, b"hello");
    let frames = [
        (LinkType::ETHERNET, ethernet(0x0800, &udp)),
        (LinkType::ETHERNET, ethernet(0x8100, &vlan(5, 0x0800, &udp))),
        (LinkType::ETHERNET, ethernet(0x8864, &pppoe(&[0, 0x21], &udp))),
        (LinkType::LINUX_SLL, cooked_v1(1, 0x0800, &udp)),
        (LinkType::RAW, udp.clone()),
    ];
    let mut types = Vec::new();
    each(five_links(streamer(&frames)), |view| {
        let Network { kind, ip: Some(ip), arp: None, data } = view.network() else { panic!("{view:?}") };
        assert_eq!((kind, ip.src.to_string(), ip.protocol, data.len()), (Some("IP"), "10.0.0.1".into(), 17, 13));
        let transport = view.transport().unwrap();
        assert_eq!((transport.ports, transport.data), (Some((1000, 53)), &b"hello"[..]));
        assert!(matches!(transport.segment, Segment::Udp { len: 13, .. }), "{transport:?}");
        assert_eq!(view.item.tags(), Tags::INTERNAL);
        types.push((view.link().ether_type, view.link().src.is_some()));
    });
    let ip = Some(0x0800);
    assert_eq!(types, [(ip, true), (ip, true), (Some(0x8864), true), (ip, false), (ip, false)]);
}

#[test]
fn the_words_for_tcp_flags_exclude_each_other() {
    let words =
        [(0x02, "syn"), (0x12, "syn_ack"), (0x01, "fin"), (0x11, "fin_ack"), (0x14, "rst"), (0x18, "psh"), (0x10, "")];
    let frames = words.map(|(flags, _)| ethernet(0x0800, &Ipv4::new("10.0.0.1", "10.0.0.2").tcp(1, 2, flags, b"")));
    let mut told = Vec::new();
    each(five_links(ethernets(&frames)), |view| told.push(view.transport().unwrap().flag_word().unwrap_or_default()));
    assert_eq!(told, words.map(|(_, word)| word));
}

#[test]
fn the_users_functions_tag_too() {
    let tagger = Tagger::default().tag_by(|view| (view.item.number() == 2).then(|| Arc::from("second\x1b")));
    let pipeline = Pipeline::new(PacketStreamer::new(ethernets(&[mdns(), mdns()])).unwrap()).link(tagger);
    let paper = Paper::default();
    pipeline.pull(&mut PacketSummary::new("paper", paper.clone())).unwrap();
    let tags: Vec<_> = paper.text().lines().map(|line| line.split_once("TAGS: ").unwrap().1.to_owned()).collect();
    assert_eq!(tags, ["[internal]", "[internal, second\\x1b]"]);
}

#[test]
fn flows_are_those_of_the_meter_whole_or_in_halves() {
    let tcp = |src: &str, dst: &str, sport, dport, flags| {
        ethernet(0x0800, &Ipv4::new(src, dst).tcp(sport, dport, flags, b""))
    };
    let (a, b) = ("10.0.0.1", "8.8.8.8");
    let frames = [
        tcp(a, b, 40_000, 80, 0x02),
        tcp(b, a, 80, 40_000, 0x12),
        tcp(a, b, 40_000, 80, 0x11),
        tcp(b, a, 80, 40_000, 0x10),
        arp(),
    ];
    let flows = |halves| {
        let link = Flows::new(unlabelled()).unwrap().halves(halves);
        let mut pipeline = five_links(ethernets(&frames)).link(link);
        let (mut batch, mut told) = (Batch::default(), Vec::new());
        while pipeline.next_batch(&mut batch).unwrap() != Pulled::End {
            for item in &batch.items {
                let Item::Flow(flow) = item else { panic!("{item:?}") };
                assert_eq!(flow.record().metrics.iter().count(), 0);
                let domains = flow.domains().each_ref().map(|domain| domain.as_str());
                told.push((
                    flow.half(),
                    flow.src().1,
                    flow.role().name(),
                    flow.state().name(),
                    flow.counts().pkts,
                    domains[0].is_some(),
                ));
            }
        }
        assert_eq!(pipeline.counts().flows, 1);
        told
    };
    assert_eq!(flows(false), [(None, 40_000, "CTS", "partial_syn", 4, true)]);
    assert_eq!(
        flows(true),
        [
            (Some(Half::Forward), 40_000, "CTS", "complete", 2, true),
            (Some(Half::Backward), 80, "STC", "partial_syn", 2, false)
        ]
    );
}

#[test]
fn a_branch_sees_no_change_of_another() {
    let papers = [Paper::default(), Paper::default(), Paper::default()];
    let summary = |paper: &Paper| PacketSummary::new("paper", paper.clone());
    let tagged = Tagger::default().tag_by(|_| Some(Arc::from("mine")));
    let branch = Branch::default()
        .way(Way::new("tagged", summary(&papers[0])).link(tagged))
        .way(Way::new("plain", summary(&papers[1])))
        .way(Way::new("none", summary(&papers[2])).only(|item| matches!(item, Item::Flow(_))));
    assert_eq!(branch.names().collect::<Vec<_>>(), ["tagged", "plain", "none"]);
    let mut counter = Counter::default();
    let pipeline = Pipeline::new(PacketStreamer::new(ethernets(&[mdns()])).unwrap()).link(PacketMeta::default());
    pipeline.link(branch).pull(&mut counter).unwrap();
    assert_eq!(counter.items, 1);
    assert!(papers[0].text().ends_with(" TAGS: [internal, mine]\n"));
    assert_eq!(papers[1].text(), "2015-09-07 19:08:34 - IP 192.168.1.9 --> 224.0.0.251\n");
    assert_eq!(papers[2].text(), "");
}

#[test]
fn json_and_csv_have_a_line_an_item() {
    let (json, csv) = (Paper::default(), Paper::default());
    let branch = Branch::default()
        .way(Way::new("json", JsonSink::new("paper", json.clone())))
        .way(Way::new("csv", CsvSink::new("paper", csv.clone())));
    let mut branch = branch;
    five_links(ethernets(&[mdns(), arp()])).pull(&mut branch).unwrap();
    let lines: Vec<_> = json.text().lines().map(str::to_owned).collect();
    assert!(
        lines[0]
            .starts_with("{\"timestamp\": \"2015-09-07T19:08:34.000000Z\", \"packet_num\": 0, \"eth\": {\"src\": \""),
        "{}",
        lines[0]
    );
    assert!(
        lines[0].contains("\"src_domain\": \"internal\", \"dst_domain\": \"multicast_dns\", \"p\": 17"),
        "{}",
        lines[0]
    );
    assert!(lines[0].ends_with("\"data_len\": 1}, \"tags\": [\"internal\"]}"), "{}", lines[0]);
    assert!(lines[1].contains("\"type\": \"ARP\", \"src\": \"10.0.0.1\"") && lines[1].contains("\"transport\": null"));
    let text = csv.text();
    let rows: Vec<_> = text.split_terminator("\r\n").map(|line| line.split(',').collect::<Vec<_>>()).collect();
    assert!(rows.len() == 3 && rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
    assert_eq!(rows[1][6..13], ["IP", "192.168.1.9", "224.0.0.251", "internal", "multicast_dns", "17", "64"]);
    assert_eq!(rows[2].last(), Some(&"not_ip"));
    // Packets and flows do not go into one table.
    let mut sink = CsvSink::new("paper", io::sink());
    let mut batch = Batch::of_packet(1, Timestamp::default(), LinkType::ETHERNET, mdns());
    sink.take(&mut batch).unwrap();
    let flows = five_links(ethernets(&[mdns()])).link(Flows::new(unlabelled()).unwrap());
    let error = flows.pull(&mut sink).unwrap_err();
    assert!(error.to_string().contains("branch"), "{error}");
}

#[test]
fn what_came_before_an_error_is_in_the_sink() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cut_in_packet.pcap")).unwrap();
    let mut counter = Counter::default();
    let flows = Flows::new(unlabelled()).unwrap();
    let error = five_links(Streamer::from_bytes(bytes.clone())).link(flows).pull(&mut counter).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(counter.items > 0);
}

#[test]
fn packets_stop_where_they_are_told_to() {
    let frames = [mdns(), arp(), mdns(), mdns()];
    let count = |streamer: Streamer| five_links(streamer).pull(&mut Counter::default()).unwrap();
    let counts = count(ethernets(&frames).max_matching_frames(2));
    assert_eq!((counts.taken, counts.frames), (2, 2));
    assert_eq!(count(ethernets(&frames).max_matching_frames(0)).taken, 0);
    #[cfg(feature = "pcap")]
    {
        let counts = count(ethernets(&frames).bpf_filter("udp").max_matching_frames(2));
        assert_eq!((counts.taken, counts.frames, counts.filtered), (2, 3, 1));
    }
}

/// Every sink, one after the other, on everything that there is.
#[test]
fn any_frame_is_an_item() {
    for folder in ["corpus", "conformance/quirks", "peers/chains/captures"] {
        for path in shared(folder) {
            let pcap = path.extension().is_some_and(|extension| extension.to_string_lossy().starts_with("pcap"));
            if !pcap && !path.to_string_lossy().ends_with(".cap") {
                continue;
            }
            let mut branch = Branch::default()
                .way(Way::new("summary", PacketSummary::new("nothing", io::sink())))
                .way(Way::new("printer", PacketPrinter::new("nothing", io::sink())))
                .way(Way::new("json", JsonSink::new("nothing", io::sink())))
                .way(Way::new("csv", CsvSink::new("nothing", io::sink())))
                .way(Way::new("count", Counter::default()));
            match five_links(Streamer::from_file(&path)).pull(&mut branch) {
                Ok(counts) => assert_eq!(counts.taken, counts.frames, "{}", path.display()),
                // A damaged capture says so, after what could be read of it.
                Err(Error::Damaged { .. } | Error::NotACapture { .. } | Error::Filter { .. }) => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
}

#[test]
fn any_exporter_is_a_sink_for_flows() {
    use flowgauge::export::JsonLinesExporter;
    use flowgauge::pipeline::ExportSink;

    let frames = [
        ethernet(0x0800, &Ipv4::new("10.0.0.1", "10.0.0.2").udp(1, 2, b"ask")),
        ethernet(0x0800, &Ipv4::new("10.0.0.2", "10.0.0.1").udp(2, 1, b"answer")),
        mdns(),
    ];
    for halves in [false, true] {
        let paper = Paper::default();
        let mut sink = ExportSink::new(JsonLinesExporter::new("paper", paper.clone()));
        let flows = Flows::new(unlabelled()).unwrap().halves(halves);
        let counts = five_links(ethernets(&frames)).link(flows).pull(&mut sink).unwrap();
        let text = paper.text();
        assert_eq!((text.lines().count(), counts.taken), (2, 2), "{text}");
        assert!(text.lines().next().unwrap().contains("\"dst_to_src_pkts\": 1"), "{text}");
    }
    let mut sink = ExportSink::new(JsonLinesExporter::new("paper", Paper::default()));
    let error = five_links(ethernets(&frames)).pull(&mut sink).unwrap_err();
    assert!(matches!(&error, Error::Link { part, .. } if part == "ExportSink"), "{error}");
}

#[test]
fn csv_of_what_came_before_another_kind_is_written() {
    let frames = [mdns(), mdns()];
    let mut flows =
        Pipeline::new(PacketStreamer::new(ethernets(&frames)).unwrap()).link(Flows::new(unlabelled()).unwrap());
    let mut batch = Batch::default();
    let mut flow = None;
    while flows.next_batch(&mut batch).unwrap() != Pulled::End {
        flow = batch.items.pop().or(flow);
    }
    let mut packets = five_links(ethernets(&frames));
    while batch.items.len() < 2 {
        let mut more = Batch::default();
        assert_eq!(packets.next_batch(&mut more).unwrap(), Pulled::Items);
        batch = more;
    }
    batch.items.push(flow.unwrap());
    let paper = Paper::default();
    let mut sink = CsvSink::new("paper", paper.clone());
    assert!(matches!(sink.take(&mut batch), Err(Error::Column { .. })));
    assert_eq!(paper.text().lines().count(), 3, "{}", paper.text());
}

#[test]
fn the_ether_type_of_802_11_is_no_address() {
    // Without an access point the third address, of whom the network is, lies where Ethernet has its type.
    let mut frame = Radio::data(0).carrying(0x86dd, &Ipv6::new("fd00::1", "fd00::2").udp(1, 2, b""));
    frame[16..18].copy_from_slice(&[0x88, 0xcc]);
    let mut types = Vec::new();
    each(five_links(streamer(&[(LinkType::IEEE802_11, frame)])), |view| types.push(view.link().ether_type));
    assert_eq!(types, [Some(0x86dd)]);
}
