"""A story: frames in the order they were captured, and what a meter should make of them."""

import dataclasses

from testdata.frames import Facts


@dataclasses.dataclass(frozen=True)
class Frame:
    nanos: int
    data: bytes
    wire_len: int
    facts: Facts | None
    skip: str | None
    record: object


class Story:
    """Frames with a clock of its own: `wait` moves it, `frame` captures something now."""

    def __init__(self, start_s=1_700_000_000):
        self.start = self.now = start_s * 10**9
        self.frames = []
        self.ends = {}

    def wait(self, ms):
        self.now += ms * 10**6
        return self

    def at(self, seconds):
        """So many seconds (up to nine decimals, as text or a whole number) after the start."""
        whole, _, decimals = str(seconds).partition(".")
        self.now = self.start + int(whole) * 10**9 + int(decimals.ljust(9, "0") or 0)
        return self

    def frame(self, layer, skip=None, captured=None, record=None, nanos=None):
        """Captures `layer`; `skip` is the reason when no flow may count it, `captured` the bytes that were kept.

        The record is that of the conversation unless it is named.
        """
        facts = None if skip else layer.facts
        assert (facts is None) == (skip is not None), "a frame is a packet or has a reason why not"
        data = layer.data if captured is None else layer.data[:captured]
        stamp = self.now if nanos is None else nanos
        self.frames.append(Frame(stamp, data, len(layer.data), facts, skip, record or (facts and conversation(facts))))
        return self

    def ended(self, record, reason, segment=0, conn=None):
        """Why a named record ended (0 inactive, 1 active, 2 flush), and which segment it is of which connection."""
        self.ends[record] = (reason, segment, conn or record)
        return self

    def records(self):
        """(nanoseconds, captured bytes, length on the wire) of each frame."""
        return [(frame.nanos, frame.data, frame.wire_len) for frame in self.frames]

    def first(self, count):
        """The story as far as its frame `count`."""
        part = Story()
        part.frames = self.frames[:count]
        return part

    def expected(self):
        """What a meter with the default options should say: the ledger, and every record."""
        numbered = list(enumerate(self.frames, 1))
        packets = [frame for frame in self.frames if frame.facts]
        groups = {}
        for number, frame in numbered:
            if frame.facts:
                groups.setdefault(frame.record, []).append((number, frame))
        first_frames = {record: group[0][0] for record, group in groups.items()}
        return {
            "frames": len(self.frames),
            "wire_bytes": sum(frame.wire_len for frame in self.frames),
            "captured_bytes": sum(len(frame.data) for frame in self.frames),
            "packets": len(packets),
            "out_of_order": behind_the_clock(packets),
            "skipped": dict(sorted(counted(frame.skip for frame in self.frames if frame.skip).items())),
            "records": [self.expected_record(record, group, first_frames) for record, group in groups.items()],
        }

    def expected_record(self, record, group, first_frames):
        reason, segment, conn = self.ends.get(record, (2, 0, record))
        facts = group[0][1].facts
        stamps = [frame.nanos for _, frame in group]
        out = {
            "flow_id": group[0][0],
            "conn_id": first_frames[conn],
            "segment": segment,
            "export_reason": reason,
            "ip_src": facts.src,
            "src_port": facts.src_port,
            "ip_dst": facts.dst,
            "dst_port": facts.dst_port,
            "ip_protocol": facts.protocol,
            "ip_version": facts.ip_version,
            "vlan_id": facts.vlan_id,
            "tunnel": facts.tunnel,
            "start_time_ns": min(stamps),
            "end_time_ns": max(stamps),
        }
        # Who sent the first packet of the connection is the source, in every segment of it.
        first = next(frame.facts for frame in self.frames if frame.facts and frame.record == conn)
        source = (first.src, first.src_port)
        if source != (facts.src, facts.src_port):
            out |= {"ip_src": facts.dst, "src_port": facts.dst_port, "ip_dst": facts.src, "dst_port": facts.src_port}
        for prefix, forward in (("src_to_dst_", True), ("dst_to_src_", False)):
            these = [frame for _, frame in group if ((frame.facts.src, frame.facts.src_port) == source) == forward]
            payload = [frame.facts.payload_bytes for frame in these]
            out |= {
                prefix + "pkts": len(these),
                prefix + "bytes": sum(frame.wire_len for frame in these),
                prefix + "ip_bytes": sum(frame.facts.ip_bytes for frame in these),
                prefix + "transport_bytes": sum(frame.facts.transport_bytes for frame in these),
                prefix + "payload_bytes": None if None in payload else sum(payload),
            }
        return out


def conversation(facts):
    """The two ends in an order that both directions share, and what else keeps conversations apart."""
    ends = sorted([(facts.src, facts.src_port), (facts.dst, facts.dst_port)])
    return (*ends, facts.protocol, facts.ip_version, facts.vlan_id, facts.tunnel)


def behind_the_clock(packets):
    """How many packets are stamped before one that was captured earlier."""
    clock, late = None, 0
    for packet in packets:
        late += clock is not None and packet.nanos < clock
        clock = packet.nanos if clock is None else max(clock, packet.nanos)
    return late


def counted(items):
    counts = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return counts
