"""Items that Python keeps, changes and lets go, and what sinks write of them."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowgauge.pipeline import (
    CsvSink,
    DNSMeta,
    DNSSummary,
    JsonSink,
    Link,
    PacketMeta,
    PacketPrinter,
    PacketStreamer,
    PacketSummary,
    ReverseDNS,
    Tagger,
    TransportMeta,
    branch,
)

SINKS = [PacketSummary, PacketPrinter, DNSSummary, JsonSink, CsvSink]


class Passed(Link):
    def run(self) -> Iterator[Any]:
        yield from self.input_stream


def written(data: Path, *links: Any, capture: str = "dns.pcap") -> list[Any]:
    """What JsonSink writes behind these links."""
    out = io.StringIO()
    part: Any = PacketStreamer(data / capture, max_packets=3) | PacketMeta() | TransportMeta()
    for link in links:
        part |= link
    (part | JsonSink(out)).pull()
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("behind_run", [False, True])
def test_a_line_is_written_before_the_next_item_is_asked_for(data: Path, sink: Any, behind_run: bool) -> None:
    frames = [{"raw_buf": item["raw_buf"], "timestamp": item["timestamp"]} for item in PacketStreamer(data / "dns.pcap")]
    out = io.StringIO()
    lengths = []

    def source() -> Iterator[Any]:
        for frame in frames:
            lengths.append(len(out.getvalue()))
            yield frame
        lengths.append(len(out.getvalue()))

    meta = PacketMeta()
    meta.link(source())
    part: Any = meta | DNSMeta() | TransportMeta()
    if behind_run:
        part |= Passed()
    (part | sink(file=out)).pull()
    # Behind a link that reads by itself some items are on their way.
    assert lengths == sorted(set(lengths)) and lengths[0] == 0
    assert lengths[-1] == len(out.getvalue())


def test_what_was_changed_in_a_layer_is_written(data: Path) -> None:
    def change(item: Any) -> Any:
        item["packet"]["ttl"] = "changed"
        item["packet"]["more"] = [1]
        del item["packet"]["checksum"]
        item["transport"].update({"sport": None}, dport=7)
        item["eth"].setdefault("len", 9)
        item["eth"].setdefault("extra", 9)
        item["transport"].pop("sum")
        return item

    before, after = written(data), written(data, change)
    for old, new in zip(before, after, strict=True):
        del old["packet"]["checksum"], old["transport"]["sum"]
        old["packet"] |= {"ttl": "changed", "more": [1]}
        old["transport"] |= {"sport": None, "dport": 7}
        old["eth"] |= {"extra": 9}
        assert new == old


def test_what_was_set_over_a_native_field_or_deleted_is_written(data: Path) -> None:
    def change(item: Any) -> Any:
        item["timestamp"] = "now"
        item["tags"] = ["mine"]
        del item["eth"]
        item["packet"] = {"type": "own"}
        return item

    for line in written(data, Tagger(), change):
        assert (line["timestamp"], line["tags"], line["packet"]) == ("now", ["mine"], {"type": "own"})
        assert "eth" not in line and line["transport"]["type"] == "UDP"


def test_json_is_json_whatever_was_set(data: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)

    def change(item: Any) -> Any:
        item["nan"] = [float("nan"), float("inf"), 0.5]
        item["keys"] = {(1, 2): "pair", None: 0, True: 1, 3: 2}
        item[("a", 1)] = "top"
        item["loop"] = loop
        item["set"] = {"b", "a"}
        item["surrogate"] = "\udc80"
        return item

    for line in written(data, change):
        assert line["nan"] == [None, None, 0.5]
        assert line["keys"] == {"(1, 2)": "pair", "null": 0, "true": 1, "3": 2}
        assert line["('a', 1)"] == "top" and line["set"] == ["a", "b"] and line["surrogate"] == "\udc80"
        while line["loop"] and isinstance(line["loop"], list):
            line["loop"] = line["loop"][0]
        assert line["loop"] == "<list>"


def test_a_kept_item_keeps_its_tags(data: Path) -> None:
    kept = []

    def keep(item: Any) -> Any:
        item["tags"].add("mine")
        kept.append(item)
        return item

    out = io.StringIO()
    part = PacketStreamer(data / "dns.pcap") | PacketMeta() | Tagger() | keep
    (part | Tagger() | JsonSink(out)).pull()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(kept) == len(lines) == 12
    for item, line in zip(kept, lines, strict=True):
        assert "mine" in item["tags"] and set(line["tags"]) == item["tags"]


def test_items_that_hold_themselves_go_away(data: Path) -> None:
    class Owner:
        pass

    def refs(hold: Any) -> list[weakref.ref[Any]]:
        held = []
        for item in PacketStreamer(data / "dns.pcap") | PacketMeta() | TransportMeta():
            owner = Owner()
            hold(item, owner)
            held.append(weakref.ref(owner))
        return held

    def itself(item: Any, owner: Any) -> None:
        item["self"] = (item, owner)

    def layer(item: Any, owner: Any) -> None:
        item["layer"] = (item["packet"], owner)

    def inside(item: Any, owner: Any) -> None:
        item["packet"]["item"] = (item, owner)

    for hold in (itself, layer, inside):
        held = refs(hold)
        gc.collect()
        assert all(ref() is None for ref in held), hold.__name__


def test_pipelines_that_hold_themselves_go_away(data: Path) -> None:
    class Kept(Link):
        def process(self, item: Any) -> Any:
            return item

    def begun() -> weakref.ref[Any]:
        part = PacketStreamer(data / "dns.pcap") | Kept()
        part.stream = iter(part)
        next(part.stream)
        return weakref.ref(part)

    def branched() -> weakref.ref[Any]:
        part = Kept()
        part.ways = branch(one=part.process)
        return weakref.ref(part)

    refs = [begun(), branched()]
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


WAITING = """
import socket, sys
from flowgauge.pipeline import PacketMeta, PacketStreamer, ReverseDNS
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 0))
    host, port = server.getsockname()
    frame = bytes(12) + b"\\x08\\0" + bytes.fromhex("4500001c000000004011000008080808") + bytes([9, 9, 9, 9, 0, 1, 0, 2, 0, 8, 0, 0])
    meta = PacketMeta()
    meta.link([{"raw_buf": frame, "timestamp": 0.0}])
    print("ready", flush=True)
    try:
        list(meta | ReverseDNS(resolver=f"{host}:{port}", wait=60))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_ctrl_c_is_heard_while_packets_wait_for_names() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        since = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        assert time.monotonic() - since < 1


def test_a_way_that_is_a_loop_is_refused() -> None:
    one, other = PacketMeta(), TransportMeta()
    one.link(other)
    other.link(one)
    sink = JsonSink(io.StringIO())
    sink.link(one)
    with pytest.raises(RuntimeError, match="no loops"):
        branch(way=sink)


def test_a_short_write_is_gone_on_with(data: Path) -> None:
    class Short(io.RawIOBase):
        def __init__(self) -> None:
            self.taken = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            taken = bytes(data)[:7]
            self.taken += taken
            return len(taken)

    short, whole = Short(), io.BytesIO()
    (PacketStreamer(data / "dns.pcap") | PacketMeta() | branch(short=JsonSink(short), whole=JsonSink(whole))).pull()
    assert short.taken == whole.getvalue() and len(short.taken) > 1000


def may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except (PermissionError, AttributeError, OSError):
        return False
    return "lo" in [name for _, name in socket.if_nameindex()]


@pytest.mark.skipif(not may_capture(), reason="nobody may capture here")
def test_a_packet_on_a_wire_shows_at_once_behind_python_too() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as lines, os.fdopen(writer, "wb", buffering=0) as out:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.bind(("127.0.0.1", 0))
            port = end.getsockname()[1]
            source = PacketStreamer("lo", f"udp dst port {port}", 3)
            # A resolver that is silent holds nobody up on a wire.
            part = source | PacketMeta() | TransportMeta() | Passed() | ReverseDNS(resolver="127.0.0.1:9")
            thread = threading.Thread(target=(part | PacketSummary(file=out)).pull)
            thread.start()
            time.sleep(1)
            soonest = 9.0
            for number in range(3):
                since = time.monotonic()
                sender.sendto(struct.pack(">I", number), ("127.0.0.1", port))
                assert lines.readline().endswith(b"\n")
                soonest = min(soonest, time.monotonic() - since)
            thread.join()
    assert soonest < 0.2
