"""Metrics with an object for every flow, and what becomes of exceptions when they are skipped."""

from __future__ import annotations

import functools
import gc
import json
import sys
import traceback
import weakref
from typing import Any

import pytest
from captures import EPOCH, A, B, Story, conversations

from flowgauge import Flow, LiveFlow, PacketInformation, Streamer, packet

D = "10.0.0.3"
TALK = Story().tcp(0, A, B, "syn").tcp(0.5, B, A, "syn ack", ports=(80, 1000)).tcp(1.25, A, B, "psh ack", size=700).pcap()
# Frames 1, 3 and 5 are one flow, 2 and 4 another.
TWO = Story().udp(0, A, B).udp(1, A, D).udp(2, A, B).udp(3, A, D).udp(4, B, A, sport=2000, dport=1000).pcap()


class Ranges:
    """The range of sizes, and all it was called with."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.calls: list[str] = ["init"]

    def on_start(self, flow: LiveFlow) -> None:
        self.calls.append(f"start {flow.pkts}")

    def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None:
        self.calls.append(f"packet {flow.pkts}")
        self.sizes.append(packet_information.size)

    def on_end(self, flow: LiveFlow) -> list[Any]:
        return [max(self.sizes) - min(self.sizes), *self.calls, f"end {flow.pkts} {flow.export_reason}"]


class Count:
    def __init__(self, step: int = 1) -> None:
        self.n = 0
        self.step = step

    def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None:
        self.n += self.step

    def on_end(self, flow: LiveFlow) -> int | None:
        return self.n


def run(capture: bytes, metrics: dict[str, Any], **options: Any) -> tuple[list[Flow], Any]:
    streamer = Streamer(capture, user_metrics=metrics, **options)
    flows = sorted(streamer, key=lambda flow: flow.flow_id)
    streamer.report.check()
    return flows, streamer.report


def test_an_object_lives_with_its_flow() -> None:
    (flow,), _ = run(TALK, {"n": Ranges})
    assert flow.metrics == {"n": [700, "init", "start 1", "packet 1", "packet 2", "packet 3", "end 3 2"]}


@pytest.mark.parametrize("workers", [None, 0, 1, 3])
def test_every_flow_has_an_object_of_its_own(workers: int | None) -> None:
    flows, _ = run(conversations(100, packets=5), {"n": Count}, workers=workers)
    assert [flow.metrics["n"] for flow in flows] == [5] * 100
    flows, _ = run(TWO, {"n": Count}, workers=workers)
    assert [flow.metrics["n"] for flow in flows] == [3, 2]


def test_every_segment_has_an_object_of_its_own() -> None:
    story = Story().udp(0, A, B).udp(50, A, B).udp(100, A, B).udp(120, A, B).udp(121, B, A)
    flows, _ = run(story.pcap(), {"n": Count})
    assert [(flow.segment, flow.metrics["n"]) for flow in flows] == [(0, 3), (1, 1), (0, 1)]


def test_a_partial_gives_the_class_arguments() -> None:
    (flow,), _ = run(TALK, {"n": functools.partial(Count, step=10)})
    assert flow.metrics["n"] == 30


def test_objects_stand_beside_callables_and_expressions_in_the_users_order() -> None:
    def double(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["double"] += 2

    class Peek(Count):
        def on_end(self, flow: LiveFlow) -> Any:
            assert flow.metrics == {"double": 6}
            flow.metrics["double"] += 1
            return "peeked"

    metrics = {"native": packet.size.count(), "peek": Peek, "double": double, "n": Count}
    (flow,), _ = run(TALK, metrics)
    assert list(flow.metrics.items()) == [("native", 3), ("peek", "peeked"), ("double", 7), ("n", 3)]


def test_an_object_may_end_the_flow() -> None:
    class Two(Count):
        def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None:
            assert flow.export_reason is None
            super().on_packet(packet_information, flow)
            if self.n == 2:
                flow.export_reason = 42

        def on_end(self, flow: LiveFlow) -> Any:
            with pytest.raises(RuntimeError, match="the flow has ended"):
                flow.export_reason = 43
            return [self.n, flow.export_reason]

    flows, report = run(TALK, {"n": Two})
    assert [(flow.pkts, flow.export_reason, flow.metrics["n"]) for flow in flows] == [(2, 42, [2, 42]), (1, 2, [1, 2])]
    assert report.records == {"flush": 1, "42": 1}


def test_on_end_sees_the_flow_as_its_record_has_it() -> None:
    seen: list[dict[str, Any]] = []
    names = ("ip_src", "dst_port", "pkts", "bytes", "end_time_ns", "application_name", "export_reason", "syn_pkts")

    class Look(Count):
        def on_end(self, flow: LiveFlow) -> None:
            seen.append({name: getattr(flow, name) for name in names})

    (flow,), _ = run(TALK, {"n": Look}, statistics=True)
    assert seen == [{name: getattr(flow, name) for name in names}]
    assert flow.metrics == {"n": None}
    kept: list[LiveFlow] = []

    class Keep(Count):
        def on_end(self, flow: LiveFlow) -> None:
            kept.append(flow)

    run(TALK, {"n": Keep})
    with pytest.raises(RuntimeError, match="while its metric is called"):
        _ = kept[0].pkts


def test_objects_are_let_go_with_their_flow() -> None:
    living: weakref.WeakSet[Any] = weakref.WeakSet()

    class Noted(Count):
        def __init__(self) -> None:
            super().__init__()
            living.add(self)

    flows, _ = run(conversations(50, every=1), {"n": Noted}, inactive_timeout=0.5)
    gc.collect()
    assert len(flows) == 100
    assert len(living) == 0


class NoPacket:
    def on_end(self, flow: LiveFlow) -> int:
        return 0


class NoEnd:
    def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None: ...


class Odd(Count):
    on_end = 3  # type: ignore[assignment]


def late(packet_information: PacketInformation, flow: LiveFlow) -> Any:
    yield


async def later(packet_information: PacketInformation, flow: LiveFlow) -> None: ...


class Late(Count):
    def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> Any:
        yield


class Called:
    def __call__(self, packet_information: PacketInformation, flow: LiveFlow) -> Any:
        yield


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (NoPacket, ["class without on_packet(self, packet_information, flow)"]),
        (functools.partial(NoPacket), ["class without on_packet"]),
        (int, ["class without on_packet"]),
        (NoEnd, ["class without on_end(self, flow)", "for the value"]),
        (Odd, ["class without on_end"]),
        (Count(), ["not test_metric_state.Count (give the class itself)"]),
        (late, ["is a generator function", "without yield"]),
        (functools.partial(late), ["is a generator function"]),
        (later, ["is a coroutine function", "without async"]),
        (Late, [".on_packet is a generator function"]),
        (Called(), ["is a generator function"]),
        (3, ["Expression", "callable as f(packet_information, flow)", "a class with on_packet and on_end, not int"]),
    ],
)
def test_what_is_no_metric_is_refused_when_the_streamer_is_made(metric: Any, words: list[str]) -> None:
    with pytest.raises(TypeError) as raised:
        Streamer(TALK, user_metrics={"speed": metric})
    for word in ["user_metrics['speed']".replace("'", '"'), *words]:
        assert word in str(raised.value)


def test_a_value_for_an_object_in_the_dict_is_refused() -> None:
    class Put(Count):
        def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None:
            flow.metrics["n"] = 3

    with pytest.raises(TypeError, match="'n'.*what on_end returns is the value"):
        run(TALK, {"n": Put})


def failing(where: str, frame: int = 3) -> type:
    """A class that fails there; at this packet of the capture, counted by stamps of whole seconds."""

    class Failing(Count):
        def __init__(self) -> None:
            super().__init__()
            self.maybe("init")

        def on_start(self, flow: LiveFlow) -> None:
            self.maybe("start")

        def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None:
            super().on_packet(packet_information, flow)
            if packet_information.ts // 1000 - EPOCH == frame - 1:
                self.maybe("packet")

        def on_end(self, flow: LiveFlow) -> int:
            self.maybe("end")
            return self.n

        def maybe(self, here: str) -> None:
            if here == where:
                raise ZeroDivisionError(here)

    return Failing


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize(
    ("where", "place"), [("init", "at frame 1"), ("start", "at frame 1"), ("packet", "at frame 3"), ("end", "at its end")]
)
def test_an_exception_names_metric_flow_and_frame(where: str, place: str, workers: int) -> None:
    streamer = Streamer(TWO, user_metrics={"a": Count, "bad": failing(where), "c": Count}, workers=workers)
    with pytest.raises(ZeroDivisionError, match=where) as raised:
        list(streamer)
    assert [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)][-1] == "maybe"
    streamer.report.check()
    assert streamer.report.metric_errors == {}
    if sys.version_info >= (3, 11):
        (note,) = raised.value.__notes__
        if workers < 2 and where != "end":
            assert note == f'raised in the metric "bad", in flow 1 (10.0.0.1:1000 -> 10.0.0.2:2000, protocol 17), {place}'
        assert note.startswith('raised in the metric "bad", in flow ')


def test_of_several_callables_the_one_that_failed_is_named() -> None:
    def fine(packet_information: PacketInformation, flow: LiveFlow) -> None: ...

    def bad(packet_information: PacketInformation, flow: LiveFlow) -> None:
        if flow.pkts == 2:
            flow.metrics["bed"] = 1

    streamer = Streamer(TWO, user_metrics={"a": fine, "bad": bad, "c": fine})
    with pytest.raises(TypeError, match=r"flow.metrics\['bed'\] of flow 1 is no metric: user_metrics names a, bad, c") as raised:
        list(streamer)
    if sys.version_info >= (3, 11):
        (note,) = raised.value.__notes__
        assert 'the metric "bad", in flow 1 ' in note and "at frame 3" in note


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize(
    ("where", "values", "place"),
    [
        ("init", [None, None], "at frame 1"),
        ("start", [None, None], "at frame 1"),
        ("packet", [None, 2], "at frame 3"),
        ("end", [None, None], "at its end"),
    ],
)
def test_a_failure_may_be_skipped(where: str, values: list[int | None], place: str, workers: int) -> None:
    def plain(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["plain"] += 1

    metrics = {"a": Count, "bad": failing(where), "plain": plain, "native": packet.size.count()}
    flows, report = run(TWO, metrics, workers=workers, on_error="skip")
    assert [flow.metrics["bad"] for flow in flows] == values
    for name in ("a", "plain", "native"):
        assert [flow.metrics[name] for flow in flows] == [3, 2]
    count = values.count(None)
    assert report.metric_errors == {"bad": count} == report.to_dict()["metric_errors"]
    assert json.loads(str(report))["metric_errors"] == {"bad": count}
    assert f", {count} metric errors>" in repr(report)
    (warning,) = report.warnings
    first = "" if count == 1 else f", the first of {count}"
    flow = "flow 1 (10.0.0.1:1000 -> 10.0.0.2:2000, protocol 17)"
    if where == "end":
        assert f"{place}: ZeroDivisionError: {where} (skipped{first})" in warning
    else:
        assert warning == f'metric "bad" failed in {flow}, {place}: ZeroDivisionError: {where} (skipped{first})'


def test_a_callable_that_failed_is_not_called_again_for_its_flow() -> None:
    calls: list[tuple[int, int]] = []

    def bad(packet_information: PacketInformation, flow: LiveFlow) -> None:
        calls.append((flow.flow_id, flow.pkts))
        flow.metrics["bad"] += 1
        if flow.flow_id == 1 and flow.pkts == 2:
            raise ValueError("on purpose")

    flows, report = run(TWO, {"bad": bad}, on_error="skip")
    assert calls == [(1, 1), (2, 1), (1, 2), (2, 2)]
    assert [flow.metrics["bad"] for flow in flows] == [None, 2]
    assert report.metric_errors == {"bad": 1}


def test_values_that_cannot_be_are_skipped_too() -> None:
    class Complex(Count):
        def on_end(self, flow: LiveFlow) -> Any:
            return 1j

    def put(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["put"] = {}

    def typo(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["tyop"] = 3

    flows, report = run(TWO, {"complex": Complex, "put": put, "typo": typo, "n": Count}, on_error="skip")
    assert [list(flow.metrics.values()) for flow in flows] == [[None, None, None, 3], [None, None, None, 2]]
    assert report.metric_errors == {"complex": 2, "put": 2, "typo": 2}
    assert sorted(warning.split()[1] for warning in report.warnings) == ['"complex"', '"put"', '"typo"']
    assert "ended as complex" in report.warnings[0]


def test_who_put_a_value_that_nobody_asked_for_is_blamed_for_it_alone_and_once() -> None:
    def swap(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics.pop("swap", None)
        flow.metrics["other"] = 1

    def both(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["another"] = 1
        raise ZeroDivisionError

    def fine(packet_information: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["fine"] += 1

    class Ends(Count):
        def on_end(self, flow: LiveFlow) -> Any:
            flow.metrics["at the end"] = 1

    metrics = {"n": Count, "fails": failing("end"), "both": both, "swap": swap, "fine": fine, "ends": Ends, "m": Count}
    for name in ("swap", "both", "ends"):
        some = {key: metric for key, metric in metrics.items() if key in (name, "n", "m", "fine", "fails")}
        flows, report = run(TWO, some, on_error="skip")
        assert report.metric_errors == {name: 2, "fails": 2}, name
        assert [(flow.metrics["n"], flow.metrics["m"], flow.metrics["fine"]) for flow in flows] == [(3, 3, 3), (2, 2, 2)]
        assert [(flow.metrics[name], flow.metrics["fails"]) for flow in flows] == [(None, None)] * 2
    with pytest.raises(TypeError, match="'at the end'") as raised:
        run(TWO, {"n": Count, "ends": Ends})
    if sys.version_info >= (3, 11):
        assert 'the metric "ends"' in raised.value.__notes__[0]


@pytest.mark.parametrize("leave", [SystemExit, KeyboardInterrupt])
def test_who_asks_to_leave_is_not_skipped(leave: type[BaseException]) -> None:
    def bad(packet_information: PacketInformation, flow: LiveFlow) -> None:
        raise leave("out")

    with pytest.raises(leave):
        run(TALK, {"n": bad}, on_error="skip")


def test_the_option_is_checked_and_told() -> None:
    assert Streamer("x").on_error == "raise"
    assert Streamer("x", on_error="skip").on_error == "skip"
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip', not 'ignore'"):
        Streamer("x", on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on_error must be 'raise' or 'skip', not None"):
        Streamer("x", on_error=None)  # type: ignore[arg-type]
