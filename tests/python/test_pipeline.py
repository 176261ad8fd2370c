"""Pipelines: parts and how they are joined, items, and the user's own links."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flowgauge.errors import CaptureError, FilterError
import flowgauge.pipeline.utils as utils
from flowgauge.pipeline import (
    CsvSink,
    Flows,
    JsonSink,
    Link,
    PacketMeta,
    PacketPrinter,
    PacketStreamer,
    PacketSummary,
    PacketTags,
    ReverseDNS,
    Sink,
    Source,
    Tagger,
    TransportMeta,
    branch,
)


class Numbered(Link):
    def process(self, item: Any) -> Any:
        item["n"] = item.packet_num
        return item


class Doubled(Link):
    def run(self) -> Iterator[Any]:
        for item in self.input_stream:
            yield item
            yield item


class Kept(Sink):
    def __init__(self) -> None:
        self.items: list[Any] = []

    def process(self, item: Any) -> None:
        self.items.append(item)


@pytest.fixture
def links(data: Path) -> Callable[[], Any]:
    """The native links behind a capture of twelve DNS packets."""

    def make(source: Any = data / "dns.pcap") -> Any:
        return PacketStreamer(source) | PacketMeta() | TransportMeta() | ReverseDNS(resolver=None) | Tagger()

    return make


def test_parts_are_joined_by_link_or_by_a_bar(data: Path) -> None:
    out = io.StringIO()
    streamer = PacketStreamer(iface_name=data / "dns.pcap", max_packets=50)
    meta, transport, rdns = PacketMeta(), TransportMeta(), ReverseDNS(resolver=None)
    tags, printer = PacketTags(), PacketSummary(file=out)
    meta.link(streamer)
    transport.link(meta)
    rdns.link(transport)
    tags.link(rdns)
    printer.link(tags)
    printer.pull()
    lines = out.getvalue()
    assert lines.count("\n") == 12 and " - UDP IP " in lines and "TAGS: [" in lines
    other = io.StringIO()
    chain = PacketStreamer(data / "dns.pcap") | PacketMeta() | TransportMeta() | ReverseDNS(resolver=None) | Tagger()
    sink = chain | PacketSummary(file=other)
    sink.pull()
    assert other.getvalue() == lines
    assert streamer.counts and sink.counts and printer.counts == streamer.counts
    assert sink.counts["frames"] == 12 and sink.counts["skipped"] == {}
    # The same parts again are a run of their own.
    sink.pull()
    assert other.getvalue() == lines * 2


def test_any_iterable_is_a_source_and_any_callable_a_link(links: Callable[[], Any], data: Path) -> None:
    raw = [dict(item) for item in PacketStreamer(data / "dns.pcap")]
    assert raw[0].keys() == {"timestamp", "raw_buf", "packet_num"}
    assert [item["packet_num"] for item in raw] == list(range(12))
    again = list(raw | PacketMeta() | TransportMeta() | ReverseDNS(resolver=None) | Tagger())
    assert [item.to_dict() for item in again] == [item.to_dict() for item in links()]
    generator = (item for item in raw[:3])
    meta = PacketMeta()
    meta.link(generator)
    assert [item["packet"]["type"] for item in meta.output_stream] == ["IP"] * 3
    # None drops, an iterable is several, a dict is a dict.
    assert len(list(links() | (lambda item: None))) == 0
    assert len(list(links() | (lambda item: [item, item]))) == 24
    assert len(list(links() | (lambda item: (item for _ in range(3))))) == 36
    assert list(links() | (lambda item: {"ttl": item["packet"]["ttl"]}))[0] == {"ttl": 64}
    assert list([1, 2] | Doubled()) == [1, 1, 2, 2]


def test_a_subclass_is_a_few_lines(links: Callable[[], Any]) -> None:
    kept = Kept()
    (links() | Numbered() | Doubled() | Numbered() | kept).pull()
    assert [item["n"] for item in kept.items] == [number // 2 for number in range(24)]

    class Frames(Source):
        def run(self) -> Iterator[Any]:
            yield {"raw_buf": b"\xff" * 12 + b"\x08\x06" + b"\0" * 28, "timestamp": datetime(2015, 9, 7, 19, 8, 34), "a": 1}

    out = io.StringIO()
    (Frames() | PacketMeta() | PacketSummary(file=out)).pull()
    assert out.getvalue() == "2015-09-07 19:08:34 - ARP\n"
    assert next(iter(Frames() | PacketMeta()))["a"] == 1

    class Chained(Link):
        """As chains has them."""

        def __init__(self) -> None:
            self._output_stream = self.packets()

        def packets(self) -> Iterator[Any]:
            for item in self.input_stream:
                yield item["packet"]["ttl"]

    chained = Chained()
    chained.link(links())
    assert set(chained.output_stream) == {64}


def test_items_are_mappings(links: Callable[[], Any]) -> None:
    item = next(iter(links()))
    assert list(item) == ["timestamp", "eth", "packet", "transport", "application", "tags"] and len(item) == 6
    assert isinstance(item["timestamp"], datetime) and item["timestamp"].tzinfo is None
    assert item["packet"]["src"] == item["packet"].get("src") and "src" in item["packet"]
    assert item["application"] is None and item.get("dns") is None and "dns" not in item
    assert dict(item) == item == item.to_dict() == copy.copy(item) == pickle.loads(pickle.dumps(item))
    assert type(pickle.loads(pickle.dumps(item["packet"]))) is dict
    assert item != {} and item["packet"] == dict(item["packet"]) and not item == 1
    assert repr(item).startswith("{'timestamp': datetime.datetime(")
    with pytest.raises(KeyError, match="dns"):
        item["dns"]
    with pytest.raises(KeyError):
        item["packet"]["dns"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(item)


def test_what_is_set_stays_with_the_item(links: Callable[[], Any]) -> None:
    item = next(iter(links()))
    other = item.copy()
    item["x"] = {"y": 1}
    item["packet"]["ttl"] = 3
    item["tags"].add("mine")
    assert item["x"]["y"] == 1 and item["packet"]["ttl"] == 3 and "mine" in item["tags"] and len(item) == 7
    assert "x" not in other and other["packet"]["ttl"] == 64 and "mine" not in other["tags"]
    assert item.pop("x") == {"y": 1} and item.pop("x", 5) == 5 and "x" not in item
    del item["application"], item["tags"]
    assert list(item) == ["timestamp", "eth", "packet", "transport"]
    item.update({"z": 1}, application=2)
    assert item["z"] == 1 and item["application"] == 2 and item.setdefault("z", 3) == 1
    with pytest.raises(KeyError):
        del item["tags"]
    del item["packet"]["ttl"]
    assert "ttl" not in item["packet"] and item.packet_num == 0 and len(item.raw_buf) > 14


def test_native_links_see_what_python_links_changed(links: Callable[[], Any]) -> None:
    def change(item: Any) -> Any:
        item["packet"]["src_domain"] = "nxdomain"
        item["tags"].add("mine")
        item["note"] = {"bytes": b"\x01", "when": item["timestamp"]}
        return item

    out = io.StringIO()
    (links() | change | Tagger() | JsonSink(out)).pull()
    first = json.loads(out.getvalue().splitlines()[0])
    assert {"mine", "nxdomain"} <= set(first["tags"]) and first["packet"]["src_domain"] == "nxdomain"
    assert first["note"]["bytes"] == "01" and first["note"]["when"].startswith(first["timestamp"][:19])
    assert all(item["note"]["bytes"] == b"\x01" for item in links() | change | Tagger())


def test_functions_tag(links: Callable[[], Any]) -> None:
    tagger = Tagger(add_tag_methods=[lambda item: "low" if item["packet"]["ttl"] < 100 else None])
    tagger.add_tag_method(lambda item: None)
    tagger.link(links())
    assert all("low" in item["tags"] for item in tagger)


def test_a_kept_item_is_what_it_was(links: Callable[[], Any]) -> None:
    kept: list[Any] = []

    def keep(item: Any) -> Any:
        kept.append(item)
        return item

    (links() | keep | (lambda item: item["tags"].clear()) | Kept()).pull()
    fresh = list(links())
    assert [item.raw_buf for item in kept] == [item.raw_buf for item in fresh]
    assert [item["packet"]["src"] for item in kept] == [item["packet"]["src"] for item in fresh]


def test_the_domains_have_the_postfix_of_ones_choice(data: Path) -> None:
    item = next(iter(PacketStreamer(data / "dns.pcap") | PacketMeta() | ReverseDNS("_name", resolver=None)))
    assert {"src_name", "dst_name"} <= set(item["packet"]) and "src_domain" not in item["packet"]
    assert item["packet"]["src_name"] == "reserved"


def test_a_branch_sees_no_change_of_another(links: Callable[[], Any]) -> None:
    seen: list[Any] = []

    def change(item: Any) -> Any:
        item["mine"] = [1]
        item["tags"].add("mine")
        return item

    def again(item: Any) -> Any:
        item["before"].append(2)
        return item

    def before(item: Any) -> Any:
        item["before"] = [1]
        return item

    out = io.StringIO()
    sink = links() | before | branch(a=PassOn(change) | PassOn(again) | Kept(), lines=PacketSummary(file=out), c=seen.append)
    sink.pull()
    assert len(seen) == 12 and all("mine" not in item and item["before"] == [1] for item in seen)
    assert "mine" not in out.getvalue() and out.getvalue().count("\n") == 12


class PassOn(Link):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def process(self, item: Any) -> Any:
        return self.function(item)


def test_flows_are_items_too(data: Path) -> None:
    flows = list(PacketStreamer(data / "dns.pcap") | Flows(halves=True))
    assert len(flows) == 12 and sum(flow["packets"] for flow in flows) == 12
    assert {flow["direction"] for flow in flows} == {"CTS", "STC"}
    assert flows[0].record.ip_protocol == 17 and flows[0]["flow_id"][4] == "UDP"
    assert flows[0].raw_buf is None and flows[0].skipped is None and flows[0]["src_domain"] == "reserved"
    out = io.StringIO()
    (PacketStreamer(data / "dns.pcap") | Flows() | CsvSink(out)).pull()
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == 6 and rows[0]["pkts"] == "2"


def test_sinks_write_to_files_and_objects(links: Callable[[], Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (links() | JsonSink(tmp_path / "packets.jsonl")).pull()
    lines = (tmp_path / "packets.jsonl").read_text().splitlines()
    assert [json.loads(line)["packet_num"] for line in lines] == list(range(12))
    out = io.BytesIO()
    (links() | CsvSink(out)).pull()
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode())))
    assert len(rows) == 12 and rows[0]["type"] == "IP"
    (links() | PacketPrinter()).pull()
    assert capfd.readouterr().out.count("Timestamp: ") == 12
    with pytest.raises(FileNotFoundError):
        (links() | JsonSink(tmp_path / "missing" / "x")).pull()


def test_wrong_use_says_the_way_out(links: Callable[[], Any], data: Path) -> None:
    class Nothing(Link):
        pass

    for wrong, words in [
        (lambda: PacketMeta().link(5), "cannot take items from int"),
        (lambda: PacketMeta().link("trace.pcap"), r"PacketStreamer\('trace.pcap'\)"),
        (lambda: PacketStreamer(data / "dns.pcap").link([]), "is a source and has no input"),
        (lambda: PacketStreamer(data / "dns.pcap").input_stream, "is a source"),
        (lambda: PacketSummary().output_stream, "is a sink and has no output_stream"),
        (lambda: PacketMeta().link(PacketSummary()), "is a sink and has no output"),
        (lambda: PacketSummary().pull(), "has no input: link it first"),
        (lambda: list(PacketMeta().output_stream), "has no input"),
        (lambda: branch(), "needs a way"),
        (lambda: branch(a=PacketMeta()), "is no sink"),
        (lambda: branch(a=5), "must be a sink"),
        (lambda: branch(a=Doubled() | Kept()), "cannot be in the way"),
        (lambda: list(links() | Nothing()), "give it a method process"),
        (lambda: list([{"a": 1}] | PacketMeta()), "PacketMeta was given dict"),
        (lambda: (links() | (lambda item: dict(item)) | PacketSummary()).pull(), "set fields on the item"),
        (lambda: Tagger(add_tag_methods=["x"]), "must be functions"),  # type: ignore[list-item]
    ]:
        with pytest.raises(RuntimeError, match=words):
            wrong()
    loop = PacketMeta()
    loop.link(loop)
    with pytest.raises(RuntimeError, match="no loops"):
        list(loop)
    with pytest.raises(TypeError, match="a link gave bool"):
        list(links() | (lambda item: True))
    with pytest.raises(ValueError, match="resolver"):
        ReverseDNS(resolver="no such server.")
    with pytest.raises(FileNotFoundError):
        list(PacketStreamer(data / "missing.pcap"))
    with pytest.raises(FilterError):
        list(PacketStreamer(data / "dns.pcap", bpf="no filter"))
    with pytest.raises(CaptureError):
        list(PacketStreamer(data / "cut_in_packet.pcap") | PacketMeta())


def test_an_exception_of_ones_own_comes_as_it_was_raised(links: Callable[[], Any]) -> None:
    def fails(item: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(links() | fails)
    with pytest.raises(KeyError, match="mine"):
        (links() | fails | Kept()).pull()

    def stops(item: Any) -> Any:
        raise StopIteration

    with pytest.raises(RuntimeError):
        list(links() | stops)


def test_bpf_and_max_packets_bound_what_is_read(data: Path) -> None:
    assert len(list(PacketStreamer(data / "dns.pcap", bpf="udp and src port 53", max_packets=4))) == 4
    assert len(list(PacketStreamer(data / "dns.pcap", None, 0))) == 12
    assert len(list(PacketStreamer((data / "dns.pcap").read_bytes(), max_packets=3))) == 3
    with open(data / "dns.pcap", "rb") as file:
        assert len(list(PacketStreamer(file))) == 12
    with pytest.raises(TypeError, match="the same"):
        PacketStreamer("a", iface_name="b")


def test_netwatch_is_the_command_watch(data: Path) -> None:
    code = "import sys; from flowgauge.__main__ import netwatch; sys.exit(netwatch())"
    done = subprocess.run(
        [sys.executable, "-c", code, "-s", "-q", "-r", str(data / "dns.pcap")], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" - UDP IP ") == 12


def test_helpers_for_links_of_ones_own(links: Callable[[], Any]) -> None:
    item = next(iter(links()))
    assert utils.inet_to_str(utils.get_value(item, "packet.src")) == "192.0.2.10"
    assert utils.get_value(item, "packet.src.x") is None and utils.get_value(item, "dns.x") is None
    assert utils.str_to_mac(utils.mac_to_str(b"\x00\x1b\x44\x11\x3a\xb7")) == b"\x00\x1b\x44\x11\x3a\xb7"
    assert utils.str_to_inet("2001:db8::1") == b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\x01"
    internal = ["10.1.1.1", "172.16.0.1", "172.20.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "100.64.0.1", "fd00::1"]
    assert all(utils.is_internal(address) for address in [*internal, "fe80::1", "fc00::1", "::1", b"\x0a\0\0\1"])
    assert not utils.is_internal("8.8.8.8") and not utils.is_internal("172.32.0.1")
    special = {"224.0.0.251": "multicast_dns", "ff02::fb": "multicast_dns", "224.0.0.1": "multicast", "ff02::1": "multicast"}
    assert {address: utils.is_special(address) for address in special} == special
    assert utils.is_special("255.255.255.255") == "broadcast" and utils.is_special("8.8.8.8") is False
    for wrong in (lambda: utils.is_internal("x"), lambda: utils.str_to_mac("00:11")):
        with pytest.raises(ValueError):
            wrong()


def test_a_signal_is_caught_and_ends_what_runs() -> None:
    caught: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), utils.signal_catcher(lambda: caught.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 1)
    assert caught == [1] and signal.getsignal(signal.SIGTERM) is before


def test_flows_are_bounded(data: Path) -> None:
    reasons = [flow.record.export_reason for flow in PacketStreamer(data / "dns.pcap") | Flows(capacity=1)]
    assert len(reasons) > 1 and reasons[:-1] == [4] * (len(reasons) - 1)  # "capacity", as docs/columns.md has it
    with pytest.raises(ValueError, match="capacity must be 1 or more"):
        Flows(capacity=0)


def test_branches_of_an_item_that_python_touched_are_apart_whatever_lies_on_it(data: Path) -> None:
    """A layer kept on its own item, and a lock that nobody can copy, once were a deadlock and a shared item."""

    def put(item: Any) -> Any:
        item["lock"], item["seen"] = threading.Lock(), [0]
        return item

    def keep(item: Any) -> Any:
        item["layer"] = item["eth"]
        return item

    seen: list[list[int]] = []
    ways = branch(one=lambda item: item["seen"].append(1), other=lambda item: seen.append(list(item["seen"])))
    (PacketStreamer(data / "web.pcap") | PacketMeta() | put | keep | ways).pull()
    assert seen and all(one == [0] for one in seen)


def test_dicts_of_ones_own_are_lines_of_json_with_all_their_keys(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    ([{"timestamp": 1.5, "tags": ["a"], "x": 1}] | JsonSink(str(out))).pull()
    assert json.loads(out.read_text()) == {"timestamp": 1.5, "tags": ["a"], "x": 1}
