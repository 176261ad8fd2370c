"""The plugins that come with nfstream."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest
from captures import TCP, UDP, A, B, C, Story, conversations, ethernet

from flowgauge import Streamer
from flowgauge.nfstream import NFPlugin, NFStreamer
from flowgauge.nfstream.plugins import DHCP, JA4, MDNS, SPLT, FlowSlicer
from flowgauge.nfstream.plugins.dhcp import MsgType


def datagram(payload: bytes, sport: int, dport: int, src: str = A, dst: str = B) -> bytes:
    return ethernet(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def flows(*frames: bytes, **parameters: Any) -> list[Any]:
    story = Story()
    for second, frame in enumerate(frames):
        story.raw(second, frame)
    return list(NFStreamer(story.pcap(), n_dissections=0, **parameters))


@pytest.mark.parametrize("limit, sizes", [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_a_flow_slicer_ends_flows_at_their_limit(limit: int, sizes: list[int]) -> None:
    found = list(NFStreamer(conversations(1, 5), udps=FlowSlicer(limit=limit)))
    assert [flow.bidirectional_packets for flow in found] == sizes


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("length", [0, 2, 5])
def test_the_sequence_by_plugin_is_that_of_the_streamer(mode: int, length: int) -> None:
    story = Story().tcp(0, A, B).tcp(0.1, B, A, size=9, ports=(80, 1000)).tcp(0.3, A, B, size=5)
    parameters: dict[str, Any] = {"accounting_mode": mode, "splt_analysis": length}
    (flow,) = NFStreamer(story.pcap(), udps=SPLT(length, mode), **parameters)
    udps = flow.udps
    if length:
        assert (flow.splt_direction, flow.splt_ps, flow.splt_piat_ms) == (
            udps.splt_direction,
            udps.splt_ps,
            udps.splt_piat_ms,
        )
        assert udps.splt_piat_ms[:2] == [0, 100]
    else:
        assert udps.splt_ps == []


def dhcp(kind: int, *options: tuple[int, bytes], ciaddr: bytes = bytes(4)) -> bytes:
    head = bytes([1, 1, 6, 0]) + b"xid!" + bytes(4) + ciaddr + bytes(12) + bytes.fromhex("0200deadbeef") + bytes(202)
    pairs = [(53, bytes([kind])), *options]
    return head + b"\x63\x82\x53\x63" + b"".join(bytes([n, len(value)]) + value for n, value in pairs) + b"\xff"


CLIENT = (
    (12, b"printer\0"),
    (50, bytes([10, 0, 0, 9])),
    (55, bytes([1, 3, 6])),
    (57, b"\x05\xdc"),
    (60, b"MSFT 5.0"),
    (77, b"guest"),
)


def test_dhcp_clients_are_told_by_their_options() -> None:
    (flow,) = flows(datagram(dhcp(1, *CLIENT), 68, 67), udps=DHCP())
    udps = flow.udps
    assert (udps.dhcp_12, udps.dhcp_50, udps.dhcp_55, udps.dhcp_57) == ("printer", "10.0.0.9", "1,3,6", 1500)
    assert (udps.dhcp_60, udps.dhcp_77, udps.dhcp_oui, udps.dhcp_addr) == ("MSFT 5.0", "guest", "02:00:de", "0.0.0.0")
    assert udps.dhcp_options == [53, 12, 50, 55, 57, 60, 77]
    assert udps.dhcp_msg_type is MsgType.DISCOVER and flow.expiration_id == 0


def test_a_dhcp_flow_ends_with_its_transaction() -> None:
    discover, request = datagram(dhcp(1), 68, 67), datagram(dhcp(3, ciaddr=bytes([10, 0, 0, 9])), 68, 67)
    first, second = flows(discover, request, discover, udps=DHCP())
    assert (first.bidirectional_packets, first.expiration_id, first.udps.dhcp_msg_type) == (2, -1, MsgType.REQUEST)
    assert (first.udps.dhcp_addr, second.bidirectional_packets) == ("10.0.0.9", 1)


def test_what_is_no_dhcp_request_is_left_alone() -> None:
    for frame in (
        datagram(dhcp(1), 67, 68),
        datagram(dhcp(99), 68, 67),
        datagram(b"", 68, 67),
        datagram(dhcp(1)[:238], 68, 67),
        ethernet(A, B, 6, struct.pack("!HH", 68, 67) + bytes(16) + dhcp(1)),
    ):
        (flow,) = flows(frame, udps=DHCP())
        assert (flow.udps.dhcp_msg_type, flow.udps.dhcp_options, flow.udps.dhcp_12) == (None, [], None)


def dns_name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def mdns(*answers: tuple[bytes, int, bytes], flags: int = 0x8400, questions: int = 0) -> bytes:
    body = b"".join(dns_name(b"q") + b"\0\x0c\0\x01" for _ in range(questions))
    for name, kind, data in answers:
        body += name + struct.pack("!HHIH", kind, 1, 120, len(data)) + data
    return struct.pack("!HHHHHH", 0, flags, questions, len(answers), 0, 0) + body


PRINTER = (dns_name(b"_ipp", b"_tcp", b"local"), 12, dns_name(b"Printer, 2nd floor", b"local"))


def test_mdns_names_are_told_once_each_in_their_order() -> None:
    compressed = (b"\xc0\x0c", 12, dns_name(b"second")[:-1] + b"\xc0\x11")
    first = datagram(mdns(PRINTER, compressed, (b"\0", 1, bytes(4))), 5353, 5353)
    again = datagram(mdns(PRINTER, (b"\0", 12, dns_name(b"third")), questions=1), 5353, 5353)
    (flow,) = flows(first, again, udps=MDNS())
    assert flow.udps.mdns_ptr == ["Printer  2nd floor.local", "second._tcp.local", "third"]


def test_what_is_no_mdns_answer_is_left_alone() -> None:
    for frame in (datagram(mdns(PRINTER, flags=0), 5353, 5353), datagram(mdns(PRINTER), 5353, 53), datagram(b"", 1, 5353)):
        assert flows(frame, udps=MDNS())[0].udps.mdns_ptr == []


def test_names_that_lead_in_circles_are_left_out() -> None:
    circle = mdns((b"\0", 12, b"\xc0\x17"))
    assert flows(datagram(circle, 5353, 5353), udps=MDNS())[0].udps.mdns_ptr == []


def test_no_bytes_make_a_plugin_raise() -> None:
    chance = random.Random(7)
    seeds = [(dhcp(1, *CLIENT), 68, 67), (mdns(PRINTER, PRINTER, questions=2), 5353, 5353)]
    frames = []
    for payload, sport, dport in seeds * 400:
        hostile = bytearray(payload[: chance.randrange(len(payload) + 1)])
        for _ in range(chance.randrange(6)):
            if hostile:
                hostile[chance.randrange(len(hostile))] = chance.randrange(256)
        frames.append(datagram(bytes(hostile), sport, dport)[: chance.randrange(20, 400)])
    found = flows(*frames, udps=[DHCP(), MDNS()])
    assert sum(flow.bidirectional_packets for flow in found) > 400
    assert any(flow.udps.dhcp_options for flow in found) and any(flow.udps.mdns_ptr for flow in found)


def sized(width: int, value: bytes) -> bytes:
    return len(value).to_bytes(width, "big") + value


def numbers(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}H", *values)


def chrome() -> bytes:
    """The hello of the example in JA4's specification, as a TLS record."""
    ciphers = numbers(
        *(0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8),
        *(0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035),
    )
    data = {
        0x0000: sized(2, b"\0" + sized(2, b"flowgauge.example")),
        0x0010: sized(2, sized(1, b"h2") + sized(1, b"http/1.1")),
        0x000D: sized(2, numbers(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)),
        0x002B: sized(1, numbers(0x0304, 0x0303)),
        0x000A: sized(2, numbers(0x001D, 0x0017, 0x0018)),
        0x000B: b"\1\0",
    }
    kinds = (0x1B, 0x33, 0, 0x10, 0x4469, 0x17, 0x2D, 0xD, 5, 0x23, 0x12, 0x2B, 0xFF01, 0xB, 0xA, 0x15)
    extensions = b"".join(numbers(kind) + sized(2, data.get(kind, b"")) for kind in kinds)
    body = b"\3\3" + bytes(32) + b"\0" + sized(2, ciphers) + b"\1\0" + sized(2, extensions)
    return b"\x16\3\1" + sized(2, b"\1" + sized(3, body))


def segments(*payloads: bytes, src: str = A, dst: str = B) -> Story:
    story, sequence = Story(), 1
    for second, payload in enumerate(payloads):
        header = struct.pack("!HHIIBBHHH", 40000, 443, sequence, 1, 0x50, 0x18, 1024, 0, 0)
        story.raw(second, ethernet(src, dst, TCP, header + payload))
        sequence += len(payload)
    return story


CHROME = "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_ja4_is_that_of_the_published_example() -> None:
    hello = chrome()
    for story in segments(hello), segments(hello[:50], hello[50:]), segments(hello, src=C, dst="2001:db8::4"):
        (flow,) = NFStreamer(story.pcap(), udps=JA4())
        assert vars(flow.udps) == {"ja4": CHROME}
        assert flow.client_fingerprint == CHROME


def test_plugins_after_ja4_see_it_as_soon_as_the_hello_is_whole() -> None:
    class Look(NFPlugin):
        def on_init(self, packet: Any, flow: Any) -> None:
            flow.udps.seen = [flow.udps.ja4]

        def on_update(self, packet: Any, flow: Any) -> None:
            flow.udps.seen.append(flow.udps.ja4)

    hello = chrome()
    (flow,) = NFStreamer(segments(hello[:50], hello[50:], b"more").pcap(), udps=[JA4(throw_warns=False), Look()])
    assert flow.udps.seen == [None, CHROME, CHROME]


def test_ja4_without_dissection_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="JA4.*n_dissections"):
        list(NFStreamer(segments(chrome()).pcap(), udps=JA4(), n_dissections=0))


@pytest.mark.parametrize(
    "name", ["443-curl.pcap", "facebook.pcap", "quic-33.pcapng", "dhcp.pcap", "instagram.pcap", "git.pcap", "iphone.pcap"]
)
def test_ja4_is_that_of_the_native_column(corpus: Path, name: str) -> None:
    path = corpus / name
    native = {(flow.ip_src, flow.src_port, flow.ip_dst, flow.dst_port): flow.ja4 for flow in native_flows(path)}
    view = {(f.src_ip, f.src_port, f.dst_ip, f.dst_port): f.udps.ja4 for f in NFStreamer(path, udps=JA4(), **FOREVER)}
    assert view == native


def native_flows(path: Path) -> Streamer:
    return Streamer(path, application_fields=True, inactive_timeout=None, active_timeout=None)


FOREVER: dict[str, Any] = {"idle_timeout": 10**9, "active_timeout": 10**9}
