//! Flows from a wire. A binary of its own: each test needs a network namespace, and runs itself again in a child to be in
//! one; and what a wire does takes real time, which no other test may depend on.
#![cfg(feature = "pcap")]

#[path = "live/namespace.rs"]
mod namespace;

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flowgauge::flow::Direction;
use flowgauge::streamer::Waited;
use flowgauge::{Error, ExportReason, FlowRecord, Flows, Report, Streamer};
use pcap::{Active, Capture};

use namespace::{in_namespace, in_namespace_under, shell};

/// The end of the wire where the test sends; flowgauge listens at `veth1`.
struct Sender(Capture<Active>);

impl Sender {
    fn new() -> Self {
        Self(Capture::from_device("veth0").unwrap().open().unwrap())
    }

    fn send(&mut self, frame: &[u8]) {
        self.0.sendpacket(frame).unwrap();
    }

    fn udp(&mut self, src: u8, dst: u8, payload: usize) {
        self.send(&udp(src, dst, payload));
    }
}

/// UDP from port 1000 of 10.0.0.`src` to port 2000 of 10.0.0.`dst` in Ethernet: 42 bytes and the payload.
fn udp(src: u8, dst: u8, payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0];
    let [ip, transport] = [28 + payload, 8 + payload].map(|len| (len as u16).to_be_bytes());
    frame.extend([0x45, 0, ip[0], ip[1], 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, src, 10, 0, 0, dst]);
    frame.extend([1000u16.to_be_bytes(), 2000u16.to_be_bytes(), transport, [0; 2]].concat());
    if src > dst {
        // The answer comes from where the question went.
        let ports = [frame[36], frame[37], frame[34], frame[35]];
        frame[34..38].copy_from_slice(&ports);
    }
    frame.resize(42 + payload, b'x');
    frame
}

/// "Who has 10.0.0.1?"
fn arp() -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
    frame.resize(60, 0);
    frame
}

fn listen(interface: &str) -> Streamer {
    Streamer::from_interface(interface).n_dissections(0)
}

/// Waits until so many packets were read.
#[track_caller]
fn await_packets(flows: &Flows, packets: u64) {
    let since = Instant::now();
    while flows.report().packets < packets {
        assert!(since.elapsed() < Duration::from_secs(10), "{packets} packets: {}", flows.report());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Stops the run, and gives what it still had to say, in the order in which the flows began.
#[track_caller]
fn stop(mut flows: Flows) -> (Vec<FlowRecord>, Report) {
    flows.stop_handle().stop();
    let since = Instant::now();
    let mut records: Vec<_> = flows.by_ref().map(Result::unwrap).collect();
    assert!(since.elapsed() < Duration::from_secs(1), "stopping took {:?}", since.elapsed());
    records.sort_by_key(|record| record.flow_id);
    let report = flows.report();
    assert!(report.complete);
    report.check().unwrap();
    (records, report)
}

fn counts(record: &FlowRecord) -> [(u64, u64); 2] {
    [Direction::SrcToDst, Direction::DstToSrc].map(|way| (record.of(way).pkts, record.of(way).bytes))
}

/// The next record, and how long it took.
#[track_caller]
fn await_record(flows: &mut Flows, since: Instant) -> (FlowRecord, Duration) {
    match flows.wait(Duration::from_secs(10)).unwrap() {
        Waited::Record(record) => (record, since.elapsed()),
        other => panic!("no record but {other:?} after {:?}: {}", since.elapsed(), flows.report()),
    }
}

/// A flow of `inactive_timeout` 1 s ends within a second of it: not before, and not much later.
#[track_caller]
fn assert_in_time(record: &FlowRecord, after: Duration) {
    assert_eq!(record.export_reason, ExportReason::INACTIVE);
    assert!(after >= Duration::from_millis(990), "{after:?} is too early");
    assert!(after <= Duration::from_millis(2_300), "{after:?} is too late");
}

#[test]
fn packets_on_a_wire_become_flows_with_exact_counts() {
    in_namespace(|| {
        for workers in [0, 2] {
            let mut sender = Sender::new();
            let flows = listen("veth1").workers(workers).start().unwrap();
            let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
            for _ in 0..5 {
                sender.udp(1, 2, 10);
            }
            for _ in 0..3 {
                sender.udp(2, 1, 100);
            }
            sender.send(&arp());
            sender.udp(1, 3, 0);
            await_packets(&flows, 9);
            let (records, report) = stop(flows);
            assert_eq!(records.len(), 2, "{workers} workers: {report}");
            assert_eq!(counts(&records[0]), [(5, 5 * 52), (3, 3 * 142)]);
            assert_eq!(counts(&records[1]), [(1, 42), (0, 0)]);
            assert_eq!(records[0].ip_src().to_string(), "10.0.0.1");
            assert_eq!(records[0].total().payload_bytes, 350);
            assert_eq!(records[0].macs, [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]]);
            for record in &records {
                assert_eq!(record.export_reason, ExportReason::FLUSH);
                let since = record.total().start.as_nanos() - before;
                assert!((0..10_000_000_000).contains(&since), "stamped {since} ns after it was sent");
            }
            assert_eq!((report.frames_read, report.packets, report.filtered), (10, 9, 0));
            assert_eq!((report.dropped.kernel, report.dropped.interface), (0, 0));
        }
    });
}

#[test]
fn a_silent_wire_ends_flows_within_a_second_of_their_timeout() {
    in_namespace(|| {
        for workers in [0, 2] {
            let mut sender = Sender::new();
            let mut flows = listen("veth1").workers(workers).inactive_timeout(Duration::from_secs(1)).start().unwrap();
            sender.udp(1, 2, 10);
            thread::sleep(Duration::from_millis(300));
            sender.udp(2, 1, 10);
            let (record, after) = await_record(&mut flows, Instant::now());
            assert_in_time(&record, after);
            assert_eq!(counts(&record), [(1, 52), (1, 52)]);
            let (rest, report) = stop(flows);
            assert!(rest.is_empty(), "{report}");
        }
    });
}

#[test]
fn frames_that_are_no_packets_keep_no_flow_alive() {
    in_namespace(|| {
        for workers in [0, 2] {
            let mut sender = Sender::new();
            let mut flows = listen("veth1").workers(workers).inactive_timeout(Duration::from_secs(1)).start().unwrap();
            sender.udp(1, 2, 10);
            let since = Instant::now();
            let record = loop {
                sender.send(&arp());
                if let Waited::Record(record) = flows.wait(Duration::from_millis(30)).unwrap() {
                    break record;
                }
                assert!(since.elapsed() < Duration::from_secs(10));
            };
            assert_in_time(&record, since.elapsed());
            stop(flows);
        }
    });
}

#[test]
fn packets_of_other_flows_end_a_silent_one() {
    in_namespace(|| {
        for workers in [0, 2] {
            let mut sender = Sender::new();
            let mut flows = listen("veth1").workers(workers).inactive_timeout(Duration::from_secs(1)).start().unwrap();
            // So many that every worker has some.
            for dst in 10..30 {
                sender.udp(1, dst, 10);
            }
            let since = Instant::now();
            let mut ended = 0;
            while ended < 20 {
                sender.udp(1, 2, 10);
                if let Waited::Record(record) = flows.wait(Duration::from_millis(30)).unwrap() {
                    assert_in_time(&record, since.elapsed());
                    ended += 1;
                }
                assert!(since.elapsed() < Duration::from_secs(10), "{ended} flows ended");
            }
            let (rest, _) = stop(flows);
            assert_eq!(rest.len(), 1);
            assert_eq!(rest[0].ip_dst().to_string(), "10.0.0.2");
        }
    });
}

#[test]
fn a_wire_on_which_nothing_ever_came_can_be_stopped_or_left() {
    in_namespace(|| {
        for workers in [0, 2] {
            let flows = listen("veth1").workers(workers).start().unwrap();
            thread::sleep(Duration::from_millis(300));
            let (records, report) = stop(flows);
            assert_eq!((records.len(), report.frames_read), (0, 0));

            let flows = listen("veth1").workers(workers).start().unwrap();
            thread::sleep(Duration::from_millis(300));
            let since = Instant::now();
            let report = flows.close();
            assert!(report.complete && since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        }
    });
}

#[test]
fn what_is_no_network_interface_can_be_quiet_too() {
    in_namespace(|| {
        let flows = match listen("nflog").start() {
            Err(Error::Interface { .. } | Error::NoSuchInterface { .. }) => {
                return eprintln!("skipped: this kernel or this libpcap has no nflog");
            }
            flows => flows.unwrap(),
        };
        thread::sleep(Duration::from_millis(300));
        let (records, report) = stop(flows);
        assert_eq!((records.len(), report.frames_read), (0, 0));
    });
}

#[test]
fn the_filter_is_applied_in_the_kernel() {
    in_namespace(|| {
        let mut sender = Sender::new();
        let flows = listen("veth1").bpf_filter("dst host 10.0.0.3 and greater 100").start().unwrap();
        sender.udp(1, 2, 200);
        sender.udp(1, 3, 10);
        sender.udp(1, 3, 200);
        await_packets(&flows, 1);
        let (records, report) = stop(flows);
        assert_eq!(records.len(), 1);
        assert_eq!(counts(&records[0]), [(1, 242), (0, 0)]);
        // Numbers are counted after the filter.
        assert_eq!((report.frames_read, records[0].flow_id), (1, 1));

        let refused = listen("veth1").bpf_filter("host and port").start().unwrap_err();
        assert!(matches!(refused, Error::Filter { .. }), "{refused}");
    });
}

#[test]
fn a_short_snaplen_changes_no_count() {
    in_namespace(|| {
        let mut sender = Sender::new();
        let flows = listen("veth1").snaplen_bytes(64).start().unwrap();
        sender.udp(1, 2, 1_000);
        await_packets(&flows, 1);
        let (records, _) = stop(flows);
        let total = records[0].total();
        assert_eq!((total.bytes, total.ip_bytes, total.payload_bytes), (1_042, 1_028, 1_000));
    });
}

#[test]
fn a_vlan_tag_that_the_kernel_took_off_is_still_seen() {
    in_namespace(|| {
        let mut sender = Sender::new();
        let flows = listen("veth1").start().unwrap();
        let mut frame = udp(1, 2, 10);
        frame.splice(12..12, [0x81, 0, 0, 77]);
        sender.send(&frame);
        await_packets(&flows, 1);
        let (records, _) = stop(flows);
        assert!(records[0].to_string().contains("\"src_to_dst_bytes\": 56"), "{}", records[0]);
        assert_eq!(records[0].key.vlan_id(), 77);
    });
}

#[test]
fn the_loopback_shows_every_packet_once() {
    in_namespace(|| {
        let flows = listen("lo").start().unwrap();
        let [client, server] = [0, 0].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        for _ in 0..4 {
            client.send_to(b"question", server.local_addr().unwrap()).unwrap();
        }
        server.send_to(b"answer", client.local_addr().unwrap()).unwrap();
        await_packets(&flows, 5);
        let (records, report) = stop(flows);
        assert_eq!(records.len(), 1, "{report}");
        assert_eq!(counts(&records[0]), [(4, 4 * 50), (1, 48)]);
        assert_eq!(records[0].src().1, client.local_addr().unwrap().port());
    });
}

#[test]
fn all_interfaces_at_once_show_both_ends_of_the_wire() {
    in_namespace(|| {
        let mut sender = Sender::new();
        let flows = listen("any").start().unwrap();
        sender.udp(1, 2, 10);
        await_packets(&flows, 2);
        let (records, _) = stop(flows);
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].total().pkts, 2);
    });
}

#[test]
fn what_the_kernel_drops_is_counted() {
    in_namespace(|| {
        const SENT: u64 = 60_000;
        let mut sender = Sender::new();
        // A record for each packet, and nobody who takes them: the queues fill, then the kernel's buffer.
        let mut flows =
            listen("veth1").workers(1).inactive_timeout(Duration::ZERO).buffer_bytes(1 << 20).start().unwrap();
        for n in 0..SENT {
            sender.udp(1, 2, 100 + (n % 100) as usize);
        }
        let mut taken = 0;
        while let Waited::Record(_) = flows.wait(Duration::from_millis(1_500)).unwrap() {
            taken += 1;
        }
        let (rest, report) = stop(flows);
        assert_eq!(taken + rest.len() as u64, report.packets);
        assert!(report.dropped.kernel > 0, "{report}");
        assert_eq!(report.frames_read + report.dropped.kernel, SENT, "{report}");
    });
}

#[test]
fn an_interface_that_goes_down_is_silent_until_it_comes_back() {
    in_namespace(|| {
        let mut sender = Sender::new();
        let mut flows = listen("veth1").inactive_timeout(Duration::from_secs(1)).start().unwrap();
        sender.udp(1, 2, 10);
        await_packets(&flows, 1);
        shell("ip link set veth1 down");
        let (record, _) = await_record(&mut flows, Instant::now());
        assert_eq!(record.export_reason, ExportReason::INACTIVE);
        shell("ip link set veth1 up");
        thread::sleep(Duration::from_millis(200));
        let mut sender = Sender::new();
        sender.udp(1, 2, 20);
        let (record, _) = await_record(&mut flows, Instant::now());
        assert_eq!(counts(&record), [(1, 62), (0, 0)]);
        stop(flows);
    });
}

#[test]
fn an_interface_that_disappears_is_an_error_after_its_flows() {
    in_namespace(|| {
        for workers in [0, 2] {
            if workers > 0 {
                shell("ip link add veth0 type veth peer name veth1 && ip link set veth0 up && ip link set veth1 up");
            }
            let mut sender = Sender::new();
            let mut flows = listen("veth1").workers(workers).bpf_filter("udp").start().unwrap();
            sender.udp(1, 2, 10);
            await_packets(&flows, 1);
            shell("ip link delete veth1");
            let since = Instant::now();
            let record = flows.next().unwrap().unwrap();
            assert_eq!(record.export_reason, ExportReason::FLUSH);
            let error = flows.next().unwrap().unwrap_err();
            assert!(matches!(&error, Error::Interface { name, .. } if name == "veth1"), "{error}");
            assert!(flows.next().is_none());
            assert!(since.elapsed() < Duration::from_secs(2));
            flows.report().check().unwrap();
        }
    });
}

#[test]
fn an_interface_that_is_down_or_missing_is_refused_by_name() {
    in_namespace(|| {
        shell("ip link set veth1 down");
        let refused = listen("veth1").start().unwrap_err().to_string();
        assert_eq!(refused, "cannot capture on interface \"veth1\": That device is not up");
        let refused = listen("veth9").start().unwrap_err().to_string();
        assert_eq!(refused, "no such interface: \"veth9\"");
        let refused = Streamer::from_name("veth9").start().unwrap_err().to_string();
        assert_eq!(refused, "no such capture file and no such interface: \"veth9\"");
    });
}

#[test]
fn whoever_may_not_capture_is_told_what_to_do() {
    in_namespace_under(&["setpriv", "--bounding-set", "-net_raw"], || {
        let refused = listen("lo").start().unwrap_err();
        assert!(matches!(refused, Error::CaptureDenied { .. }), "{refused:?}");
        assert!(refused.to_string().contains("setcap cap_net_raw+ep"), "{refused}");
        assert!(std::error::Error::source(&refused).is_some());
    });
}
