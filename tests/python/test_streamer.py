"""The streamer: sources, options, iteration and its report."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captures import ARP, EPOCH, A, B, Story, conversations

import flowgauge
from flowgauge import Streamer
from flowgauge.nfstream import NFStreamer

TWO_FLOWS = Story().udp(0, A, B).udp(1, B, A, sport=2000, dport=1000).udp(2, A, B, sport=3000).pcap()


def test_every_kind_of_source_gives_the_same_flows(tmp_path: Path) -> None:
    path = tmp_path / "two.pcap"
    path.write_bytes(TWO_FLOWS)
    lines = [str(flow) for flow in Streamer(str(path))]
    assert len(lines) == 2
    with open(path, "rb") as file:
        sources = [path, [path], (str(path),), TWO_FLOWS, bytearray(TWO_FLOWS), memoryview(TWO_FLOWS), file]
        for source in [*sources, io.BytesIO(TWO_FLOWS), memoryview(TWO_FLOWS * 2)[: len(TWO_FLOWS)]]:
            assert [str(flow) for flow in Streamer(source)] == lines, source


def test_a_list_of_files_is_one_capture(tmp_path: Path) -> None:
    first, second = tmp_path / "1.pcap", tmp_path / "2.pcap"
    first.write_bytes(Story().udp(0, A, B).pcap())
    second.write_bytes(Story().udp(1, A, B).pcap())
    (flow,) = Streamer([first, second])
    assert (flow.pkts, flow.flow_id) == (2, 1)


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    program = "import flowgauge; print(*flowgauge.Streamer('-'), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], input=TWO_FLOWS, capture_output=True, check=True)
    assert [json.loads(line)["src_to_dst_pkts"] for line in done.stdout.splitlines()] == [1, 1]


def test_a_fifo_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(TWO_FLOWS,))
    writer.start()
    assert len(list(Streamer(path))) == 2
    writer.join()


def test_a_file_object_may_have_nothing_for_now() -> None:
    class Slow:
        def __init__(self) -> None:
            self.parts = [TWO_FLOWS[:50], None, TWO_FLOWS[50:], b""]

        def read(self, size: int) -> bytes | None:
            return self.parts.pop(0)

    assert len(list(Streamer(Slow()))) == 2  # type: ignore[arg-type]


def test_a_streamer_starts_anew_each_time() -> None:
    streamer = Streamer(TWO_FLOWS)
    assert [str(flow) for flow in streamer] == [str(flow) for flow in streamer]
    assert streamer.report.packets == 3


def test_making_one_opens_nothing(tmp_path: Path) -> None:
    streamer = Streamer(tmp_path / "later.pcap")
    (tmp_path / "later.pcap").write_bytes(TWO_FLOWS)
    assert len(list(streamer)) == 2


def test_options_are_echoed() -> None:
    options = dict(
        inactive_timeout=1.5, active_timeout=None, capacity=7, bpf_filter="udp", n_dissections=0, stable_labels=True,
        workers=2, decode_tunnels=False, fragments=False, promiscuous=False, snaplen=96, buffer_size=1 << 20, tcp_end=True,
        tcp_linger=2.5, tcp_analysis=True, user_metrics={"n": print},
    )  # fmt: skip
    streamer = Streamer("trace.pcap", **options)  # type: ignore[arg-type]
    assert {name: getattr(streamer, name) for name in options} == options
    assert streamer.source == "trace.pcap"
    assert "inactive_timeout=1.5" in repr(streamer)
    with pytest.raises(AttributeError):
        streamer.workers = 3  # type: ignore[misc]


def test_defaults_are_those_of_the_specification() -> None:
    streamer = Streamer("x")
    assert (streamer.inactive_timeout, streamer.active_timeout, streamer.n_dissections) == (60, 120, 20)
    assert (streamer.capacity, streamer.workers, streamer.tcp_end, streamer.snaplen) == (None, None, False, 65535)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"inactive_timeout": -1}, ValueError),
        ({"inactive_timeout": float("nan")}, ValueError),
        ({"active_timeout": float("inf")}, ValueError),
        ({"active_timeout": 2**64}, ValueError),
        ({"active_timeout": True}, TypeError),
        ({"tcp_linger": -1}, ValueError),
        ({"tcp_analysis": 1}, TypeError),
        ({"statistics": None}, TypeError),
        ({"application_fields": "tls"}, TypeError),
        ({"tunnel_keys": 0}, TypeError),
        ({"splt": True}, TypeError),
        ({"splt": 65536}, ValueError),
        ({"after": 3}, TypeError),
        ({"active_timeout": "60"}, TypeError),
        ({"capacity": 0}, ValueError),
        ({"capacity": 1.5}, TypeError),
        ({"capacity": False}, TypeError),
        ({"workers": -1}, ValueError),
        ({"workers": 1025}, ValueError),
        ({"n_dissections": None}, TypeError),
        ({"n_dissections": 2**32}, ValueError),
        ({"snaplen": 0}, ValueError),
        ({"buffer_size": -1}, ValueError),
        ({"bpf_filter": b"udp"}, TypeError),
        ({"stable_labels": 1}, TypeError),
        ({"user_metrics": [print]}, TypeError),
        ({"user_metrics": {"n": 3}}, TypeError),
        ({"user_metrics": {3: print}}, TypeError),
        ({"user_metrics": {"pkts": print}}, ValueError),
        ({"user_metrics": {"": print}}, ValueError),
    ],
)
def test_a_bad_option_is_refused_by_name(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        Streamer("trace.pcap", **options)
    ((name, value),) = options.items()
    assert type(raised.value) is error
    assert name in str(raised.value)
    assert " must " in str(raised.value)
    if not isinstance(value, dict | list):
        assert repr(value) in str(raised.value)


def test_options_are_keywords() -> None:
    with pytest.raises(TypeError):
        Streamer("trace.pcap", 60)  # type: ignore[misc]
    with pytest.raises(TypeError, match="inactive"):
        Streamer("trace.pcap", inactive=60)  # type: ignore[call-arg]


@pytest.mark.parametrize("source", [None, 3, 1.5, object(), [], [3], {"trace.pcap"}])
def test_a_source_of_no_known_kind_is_refused(source: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="source"):
        Streamer(source)


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with open(tmp_path / "x") as file, pytest.raises(TypeError, match="rb"):
        Streamer(file)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [10, 10.0])
def test_a_flow_ends_exactly_at_its_timeout(timeout: float) -> None:
    story = Story().udp(0, A, B).udp(10, A, B).udp(19.999999999, A, B)
    assert [flow.pkts for flow in Streamer(story.pcap(), inactive_timeout=timeout)] == [1, 2]


def test_a_timeout_of_none_is_never() -> None:
    story = Story().udp(0, A, B).udp(10**6, A, B)
    assert [flow.pkts for flow in Streamer(story.pcap(), inactive_timeout=None, active_timeout=None)] == [2]


def test_a_timeout_of_zero_is_a_record_a_packet() -> None:
    assert [flow.pkts for flow in Streamer(TWO_FLOWS, inactive_timeout=0)] == [1, 1, 1]


def test_frames_that_the_filter_leaves_out_are_counted() -> None:
    streamer = Streamer(TWO_FLOWS, bpf_filter="src port 3000")
    assert [flow.src_port for flow in streamer] == [3000]
    assert (streamer.report.filtered, streamer.report.packets) == (2, 1)


def test_the_report_says_what_became_of_every_frame() -> None:
    streamer = Streamer(Story().udp(0, A, B).raw(1, ARP).udp(100, A, B).pcap())
    assert (streamer.report.frames_read, streamer.report.complete) == (0, False)
    list(streamer)
    report = streamer.report
    assert (report.frames_read, report.packets, report.skipped) == (3, 2, {"not_ip": 1})
    assert report.records == {"inactive": 1, "flush": 1}
    assert (report.filtered, report.evicted, report.out_of_order, report.withheld) == (0, 0, 0, 0)
    assert report.dropped == {"kernel": 0, "interface": 0}
    assert (report.warnings, report.complete) == ([], True)
    report.check()
    assert json.loads(str(report)).items() <= report.to_dict().items()
    assert report == streamer.report


def test_the_report_says_how_far_reading_is(tmp_path: Path) -> None:
    plain = conversations(1000)
    path = tmp_path / "x.pcap.gz"
    path.write_bytes(gzip.compress(plain))
    for source, read, total in [
        (path, path.stat().st_size, path.stat().st_size),
        ([path, path], 2 * path.stat().st_size, 2 * path.stat().st_size),
        (plain, len(plain), len(plain)),
        (io.BytesIO(plain), len(plain), None),
    ]:
        streamer = Streamer(source)
        assert (streamer.report.source_bytes_read, streamer.report.source_bytes) == (None, None)
        flows = iter(streamer)
        assert flows.report.source_bytes == total
        assert len(list(flows)) == 1000
        assert (streamer.report.source_bytes_read, streamer.report.source_bytes) == (read, total)


def test_standard_input_has_no_size() -> None:
    program = (
        "import flowgauge; s = flowgauge.Streamer('-'); list(s); print(s.report.source_bytes_read, s.report.source_bytes)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=TWO_FLOWS, capture_output=True, check=True)
    assert done.stdout.decode().split() == [str(len(TWO_FLOWS)), "None"]


def test_the_report_can_be_read_amid_the_run() -> None:
    streamer = Streamer(conversations(2000), inactive_timeout=0)
    flows = iter(streamer)
    next(flows)
    assert streamer.report.records == {"inactive": 1} == flows.report.records
    streamer.report.check()
    assert not streamer.report.complete
    flows.close()
    assert streamer.report.complete
    streamer.report.check()
    assert list(flows) == []


def test_what_nobody_took_stays_in_the_report() -> None:
    streamer = Streamer(conversations(3000), inactive_timeout=0)
    for _ in streamer:
        break
    report = streamer.report
    report.check()
    assert report.complete
    assert report.record_packets + report.living_packets == report.packets > 1


def test_stop_lets_the_flows_so_far_come() -> None:
    class Endless:
        def __init__(self) -> None:
            self.parts = [Story().udp(0, A, B).pcap()]

        def read(self, size: int) -> bytes:
            return self.parts.pop() if self.parts else Story().udp(0, A, B).pcap()[24:]

    with iter(Streamer(Endless())) as flows:
        while flows.report.packets == 0:
            pass
        flows.stop()
        (flow,) = flows
        assert flow.pkts > 0
        assert flows.report.complete


def test_flows_end_with_the_with_block() -> None:
    with iter(Streamer(conversations(100))) as flows:
        assert "running" in repr(flows)
    assert "over" in repr(flows)
    assert next(flows, None) is None


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_flows_are_the_same_for_any_number_of_workers(workers: int) -> None:
    capture = conversations(300, packets=3)
    flows = sorted(Streamer(capture, workers=workers, n_dissections=0), key=lambda flow: flow.flow_id)
    alone = list(Streamer(capture, workers=0, n_dissections=0))
    assert flows == sorted(alone, key=lambda flow: flow.flow_id)


def test_the_capacity_bounds_living_flows() -> None:
    streamer = Streamer(conversations(10), capacity=4, workers=0)
    reasons = [flow.export_reason for flow in streamer]
    assert reasons == [4] * 6 + [2] * 4
    assert streamer.report.evicted == 6


def test_captures_of_the_project_give_what_they_were_built_to_give(
    data: Path, expected: Callable[[str], dict[str, Any]]
) -> None:
    wanted = expected("story")
    streamer = Streamer(data / "story.pcap")
    flows = {flow.flow_id: flow for flow in streamer}
    assert streamer.report.frames_read == wanted["frames"]
    assert streamer.report.packets == wanted["packets"]
    assert len(flows) == len(wanted["records"])
    for record in wanted["records"]:
        flow = flows[record["flow_id"]].to_dict()
        # There, 0 is no VLAN.
        record["vlan_id"] = record["vlan_id"] or None
        assert {name: flow[name] for name in record if name in flow} == {
            name: value for name, value in record.items() if name in flow
        }


def test_every_capture_of_the_corpus_keeps_the_law(corpus: Path) -> None:
    captures = sorted(path for path in corpus.rglob("*.pcap*") if path.is_file())
    assert captures
    for capture in captures:
        streamer = Streamer(capture, n_dissections=0)
        try:
            packets = sum(flow.pkts for flow in streamer)
        except flowgauge.CaptureError:
            continue
        streamer.report.check()
        assert packets == streamer.report.packets, capture


def test_csv_has_every_column(tmp_path: Path) -> None:
    target = tmp_path / "flows.csv"
    assert Streamer(TWO_FLOWS, user_metrics={"n": lambda packet, flow: None}).to_csv(target) == 2
    head, *lines = target.read_text().splitlines()
    assert head.split(",") == [column.name for column in flowgauge.columns() if column.option is None] + ["n"]
    assert len(lines) == 2
    assert lines[0].startswith(f"{A},1000,{B},2000,17,1,1,")
    assert f",{EPOCH * 1000}," in lines[0]
    assert os.listdir(tmp_path) == ["flows.csv"]


def test_csv_of_no_flows_is_its_heading(tmp_path: Path) -> None:
    assert Streamer(Story().pcap()).to_csv(str(tmp_path / "flows.csv")) == 0
    assert len((tmp_path / "flows.csv").read_text().splitlines()) == 1


def test_csv_of_a_damaged_capture_leaves_what_was_before_the_damage(tmp_path: Path) -> None:
    target = tmp_path / "flows.csv"
    target.write_text("old")
    with pytest.raises(flowgauge.CaptureError) as raised:
        Streamer(TWO_FLOWS[:-5]).to_csv(target)
    assert target.read_text() == "old"
    assert len((tmp_path / "flows.csv.part").read_text().splitlines()) == 2
    if sys.version_info >= (3, 11):
        assert "flows.csv.part" in raised.value.__notes__[0]


def test_csv_that_cannot_be_written_is_pythons_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Streamer(TWO_FLOWS).to_csv(tmp_path / "nowhere" / "flows.csv")


def test_a_position_out_of_range_is_told_by_its_field() -> None:
    for wrong, name in (((-1, 0), "frame"), ((2**64, 0), "frame"), ((0, 2**63), "clock_ns"), ((0, -(2**63) - 1), "clock_ns")):
        with pytest.raises(ValueError, match=f"^{name} must be an int from"):
            flowgauge.Position(*wrong)
    for mistyped, name in ((("1", 0), "frame"), ((1.5, 0), "frame"), ((1, None), "clock_ns")):
        with pytest.raises(TypeError, match=f"^{name} must be an int from"):
            flowgauge.Position(*mistyped)  # type: ignore[arg-type]
    last = flowgauge.Position(2**64 - 1, -(2**63))
    assert (last.frame, last.clock_ns) == (2**64 - 1, -(2**63))


WAYS = {
    "native": lambda path: Streamer(TWO_FLOWS).to_csv(path),
    "view": lambda path: NFStreamer(TWO_FLOWS).to_csv(path),
    "view_in_parts": lambda path: NFStreamer(TWO_FLOWS).to_csv(path, flows_per_file=1),
}


@pytest.mark.parametrize("way", WAYS)
def test_csv_goes_where_a_path_of_any_kind_says(way: str, tmp_path: Path) -> None:
    class Named:
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path / "named.csv")

    # Not every name is UTF-8.
    paths = [str(tmp_path / "a.csv"), tmp_path / "b.csv", os.fsencode(tmp_path / "c.csv"), Named()]
    paths.append(os.fsencode(tmp_path) + b"/\xff.csv")
    for path in paths:
        assert WAYS[way](path) == 2
    stems = [b"a", b"b", b"c", b"named", b"\xff"]
    ends = [b".0.csv", b".1.csv"] if way == "view_in_parts" else [b".csv"]
    assert sorted(os.listdir(os.fsencode(tmp_path))) == sorted(stem + end for stem in stems for end in ends)


@pytest.mark.parametrize("way", WAYS)
def test_csv_refuses_what_is_no_file_before_it_reads(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "folder.csv", str(tmp_path / "folder.csv"), b"folder.csv", "folder.csv/", "nowhere/"):
        with pytest.raises(IsADirectoryError) as raised:
            WAYS[way](path)
        assert raised.value.filename == os.fsdecode(path)
    for path in ("", b"", "a\0b"):
        with pytest.raises(ValueError, match="^path must name a file, not '"):
            WAYS[way](path)
    for wrong in (3, ["x.csv"], io.BytesIO()):
        with pytest.raises(TypeError, match="^path must be a str, bytes or os.PathLike, not "):
            WAYS[way](wrong)
    assert os.listdir(tmp_path) == ["folder.csv"] and not os.listdir(tmp_path / "folder.csv")
