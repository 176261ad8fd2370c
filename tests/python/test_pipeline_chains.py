"""Items as the Python project chains has them, field by field, over the captures that were recorded of it."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flowgauge.pipeline import DNSMeta, Flows, PacketMeta, PacketStreamer, ReverseDNS, Tagger, TransportMeta

CHAINS = Path(__file__).resolve().parents[3] / "shared" / "peers" / "chains"
CAPTURES = {"dns": 38, "http": 43, "https": 44, "nb6-http": 62, "sqli": 65}

pytestmark = pytest.mark.skipif(not CHAINS.is_dir(), reason="the recorded stages are not on this machine")


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """A resolver on loopback that knows no name, as the machine did not on which the stages were recorded."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    message, sender = server.recvfrom(512)
                except TimeoutError:
                    continue
                server.sendto(message[:2] + b"\x81\x83" + message[4:], sender)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        yield f"{host}:{port}"
        over.set()
        thread.join()


def stage(name: str, capture: str) -> list[dict[str, Any]]:
    return json.loads((CHAINS / "stages" / f"{name}__{capture}.json").read_text())["items"]


def same(ours: Any, recorded: Any, place: str) -> None:
    """Whether a value is what was recorded: bytes by their beginning, objects by nothing."""
    if isinstance(recorded, dict) and recorded.keys() == {"bytes_hex", "len"}:
        assert isinstance(ours, bytes), place
        assert (ours[:64].hex(), len(ours)) == (recorded["bytes_hex"], recorded["len"]), place
    elif isinstance(recorded, dict) and recorded.keys() == {"datetime"}:
        assert ours == datetime.fromisoformat(recorded["datetime"]), place
    elif isinstance(recorded, dict) and recorded.keys() == {"set"}:
        assert sorted(ours) == sorted(recorded["set"]), place
    elif isinstance(recorded, dict) and recorded.keys() == {"tuple"}:
        assert list(ours) == recorded["tuple"], place
    elif isinstance(recorded, dict) and recorded.keys() == {"object", "repr"}:
        # An object of dpkt: here its bytes.
        assert isinstance(ours, bytes), place
    elif isinstance(recorded, dict):
        assert set(ours) == set(recorded), place
        for key, value in recorded.items():
            same(ours[key], value, f"{place}[{key!r}]")
    elif isinstance(recorded, list) and any(isinstance(one, dict) for one in recorded):
        assert isinstance(ours, list) and len(ours) == len(recorded), place
        for index, (one, other) in enumerate(zip(ours, recorded, strict=True)):
            same(one, other, f"{place}[{index}]")
    elif isinstance(recorded, float):
        assert ours == pytest.approx(recorded, abs=1e-12), place
    else:
        assert ours == recorded and type(ours) is type(recorded), place


def links(capture: str, upto: int, nobody: str) -> Any:
    part: Any = PacketStreamer(CHAINS / "captures" / f"{capture}.pcap")
    for link in [PacketMeta(), ReverseDNS(resolver=nobody, wait=30), Tagger()][:upto]:
        part |= link
    return part


def is_told(domain: str | None) -> bool:
    """Whether it is a name, which only the capture's own DNS answers can have told here; chains does not look at them."""
    return "." in (domain or "")


def untold(item: Any) -> Any:
    item = item.to_dict()
    for end in ("src_domain", "dst_domain"):
        if is_told(item["packet"].get(end)):
            item["packet"][end] = "nxdomain"
            if "tags" in item:
                item["tags"].add("nxdomain")
    return item


@pytest.mark.parametrize("capture", CAPTURES)
def test_packets_as_they_are(capture: str) -> None:
    ours = list(PacketStreamer(CHAINS / "captures" / f"{capture}.pcap"))
    recorded = stage("1_streamer", capture)
    assert len(ours) == CAPTURES[capture]
    for item, expected in zip(ours, recorded, strict=False):
        same(item, expected, capture)


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("upto, name", [(1, "2_packet_meta"), (2, "3_reverse_dns"), (3, "4_packet_tags")])
def test_links_in_their_order(capture: str, upto: int, name: str, nobody: str) -> None:
    ours = list(links(capture, upto, nobody))
    recorded = stage(name, capture)
    # chains ends with the first packet of nb6-http; here all are items.
    assert len(ours) == CAPTURES[capture] and len(recorded) in (0, len(ours))
    for item, expected in zip(ours, recorded, strict=False):
        same(untold(item), expected, capture)


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_transport_layer(capture: str, nobody: str) -> None:
    source = PacketStreamer(CHAINS / "captures" / f"{capture}.pcap")
    ours = list(source | PacketMeta() | ReverseDNS(resolver=nobody, wait=30) | TransportMeta())
    recorded = stage("5_transport_meta", capture)
    assert len(recorded) in (0, len(ours))
    for item, expected in zip(ours, recorded, strict=False):
        same(untold(item), expected, capture)


def test_tags_come_as_often_as_they_should(nobody: str) -> None:
    def tags(capture: str) -> Counter[tuple[str, ...]]:
        return Counter(tuple(sorted(item["tags"])) for item in links(capture, 3, nobody))

    assert tags("dns") == {("internal",): 28, ("nxdomain", "outgoing"): 5, ("incoming", "nxdomain"): 5}
    assert tags("sqli") == {("internal",): 65}


def test_a_filter_is_a_filter() -> None:
    streamer = PacketStreamer(CHAINS / "captures" / "dns.pcap", bpf="udp and dst port 53")
    assert 0 < len(list(streamer)) < 38


@pytest.mark.parametrize("capture, flows", [("dns", 16), ("http", 6), ("https", 8), ("sqli", 4)])
def test_flows_in_halves(capture: str, flows: int, nobody: str) -> None:
    part = PacketStreamer(CHAINS / "captures" / f"{capture}.pcap") | PacketMeta() | ReverseDNS(resolver=nobody, wait=30)
    ours = list(part | Flows(halves=True, inactive_timeout=None, active_timeout=None))
    recorded = {tuple(flow["flow_id"]["tuple"]): flow for flow in stage("7_flows", capture)}
    assert len(ours) == flows == len(recorded)
    names = ["src", "dst", "sport", "dport", "protocol", "direction", "state", "start", "end"]
    for flow in ours:
        expected = recorded[flow["flow_id"]]
        for name in names:
            same(flow[name], expected[name], f"{capture} {flow['flow_id']} {name}")
        assert flow["packets"] == expected["packet_list"]["n_packets"]
        for name in ("src_domain", "dst_domain"):
            assert flow[name] == expected[name] or is_told(flow[name])


def without_what_chains_lacks(ours: Any, recorded: Any) -> Any:
    """Only the keys that chains has, of dictionaries in dictionaries and lists."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        return {key: without_what_chains_lacks(ours[key], value) for key, value in recorded.items() if key in ours}
    if isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        return [without_what_chains_lacks(one, other) for one, other in zip(ours, recorded, strict=True)]
    return ours


@pytest.mark.parametrize("capture, messages", [("dns", 38), ("http", 2), ("https", 6), ("nb6-http", 16), ("sqli", 0)])
def test_dns_messages(capture: str, messages: int, nobody: str) -> None:
    # chains ends with the first packet of nb6-http, in which there is PPP.
    source = PacketStreamer(CHAINS / "captures" / f"{capture}.pcap")
    part = source | PacketMeta() | ReverseDNS(resolver=nobody, wait=30) | TransportMeta() | DNSMeta()
    ours = list(part)
    assert sum(item["dns"] is not None for item in ours) == messages
    recorded = stage("6_dns_meta", capture)
    assert len(recorded) in (0, len(ours))
    for item, expected in zip(ours, recorded, strict=False):
        # The objects of dpkt are its own.
        wanted = expected.get("dns")
        if wanted is None:
            assert item["dns"] is None
            continue
        wanted.pop("_raw")
        assert set(wanted) == set(item["dns"]) and item["dns"].get("weird", {}).keys() == wanted.get("weird", {}).keys()
        same(without_what_chains_lacks(item["dns"], wanted), wanted, capture)
        rest = {key: value for key, value in untold(item).items() if key != "dns"}
        same(rest, {key: value for key, value in expected.items() if key != "dns"}, capture)
