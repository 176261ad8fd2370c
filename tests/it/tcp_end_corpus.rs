//! No connection of any capture leaves an appendix flow after its end: what comes within the linger stays in the flow.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use flowgauge::capture::file::Input;
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, Packet, TcpFlags, Tunnel};
use flowgauge::{Streamer, Timestamp};

use crate::support::captures::shared;
use crate::support::run::{own, read_frames, run};

/// The ends in order, the VLAN and the tunnel: what tells connections apart.
type Key = ((IpAddr, u16), (IpAddr, u16), u16, Option<Tunnel>);

/// What came more than five seconds after the end of its connection: captures, frames, and what they are.
const LATE: [(&str, &[u64], &str); 2] = [
    ("anyconnect-vpn.pcap", &[2914], "a FIN that is sent again for the third time, after seven seconds"),
    (
        "skype.pcap",
        &[1126, 1413, 1416, 1431, 1441, 1562, 1583, 1920, 2302],
        "data that was lost before the FIN is sent again after seven seconds, and refused",
    ),
];

/// A TCP packet by its own reading of the capture.
#[derive(Clone, Copy)]
struct Segment {
    number: u64,
    clock: Timestamp,
    forward: bool,
    flags: TcpFlags,
}

/// The TCP packets of a capture, by connection.
fn segments(path: &Path) -> HashMap<Key, Vec<Segment>> {
    let mut decoder = Decoder::new(DecodeOptions::new());
    let mut segments: HashMap<Key, Vec<Segment>> = HashMap::new();
    let mut number = 0;
    read_frames(Input::Path(path.into()), |batch, index| {
        number += 1;
        let raw = batch.raw(index, number);
        let Decoded::Packet(info) = decoder.decode(&raw) else { return };
        if info.ip_protocol != 6 {
            return;
        }
        let packet = Packet::new(raw, &info);
        let (src, dst) = ((packet.ip_src(), info.src_port), (packet.ip_dst(), info.dst_port));
        let key = (src.min(dst), src.max(dst), info.vlan_id, info.tunnel);
        let segment = Segment { number, clock: info.clock, forward: src <= dst, flags: info.tcp_flags };
        segments.entry(key).or_default().push(segment);
    });
    segments
}

/// When the connection of these segments ended: both sides sent FIN, or one RST.
fn end(segments: &[Segment]) -> Option<Timestamp> {
    let mut fins = [false; 2];
    segments.iter().find_map(|segment| {
        fins[usize::from(segment.forward)] |= segment.flags.fin();
        (segment.flags.rst() || fins == [true; 2]).then_some(segment.clock)
    })
}

/// How many connections ended, and the frames that began a flow without a SYN after one: within five seconds, and later.
fn appendices(path: &Path, linger: Duration) -> (usize, Vec<u64>, Vec<u64>) {
    let streamer = Streamer::from_file(path).n_dissections(0).workers(0).tcp_end(true).tcp_linger(linger);
    let records = run(streamer.inactive_timeout(None).active_timeout(None)).records;
    let begins = |segment: &Segment| records.binary_search_by_key(&segment.number, |record| record.flow_id).is_ok();
    let (mut ended, mut soon, mut late) = (0, Vec::new(), Vec::new());
    for segments in segments(path).values() {
        let mut flows = segments.chunk_by(|_, next| !begins(next));
        let mut before = flows.next().and_then(end);
        for flow in flows {
            if let Some(before) = before
                && (flow[0].flags.ack() || !flow[0].flags.syn())
            {
                let within = flow[0].clock.nanos_since(before) < 5_000_000_000;
                if within { &mut soon } else { &mut late }.push(flow[0].number);
            }
            ended += usize::from(before.is_some());
            before = end(flow);
        }
        ended += usize::from(before.is_some());
    }
    late.sort_unstable();
    (ended, soon, late)
}

#[test]
fn no_connection_of_any_capture_leaves_an_appendix() {
    let captures = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let (mut ended, mut without) = (0, 0);
    for path in &captures {
        let name = path.file_name().unwrap().to_string_lossy();
        let (connections, soon, late) = appendices(path, Duration::from_secs(5));
        assert_eq!(soon, [0; 0], "frames that begin a flow in {name}");
        let known = LATE.iter().find(|(file, ..)| *file == name).map_or(&[][..], |(_, frames, _)| frames);
        assert_eq!(late, known, "frames that begin a flow in {name}");
        // A longer linger is an option, and then they stay too.
        assert_eq!(appendices(path, Duration::from_secs(10)).2, [0; 0], "{name}");
        ended += connections;
        without += appendices(path, Duration::ZERO).1.len();
    }
    assert!(
        ended > 400 && without > 700 || captures.len() < 100,
        "{ended} ended, {without} appendices without a linger"
    );
}
