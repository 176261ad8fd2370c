"""Python metrics: what they are called with, what they may yield, and what becomes of their mistakes."""

from __future__ import annotations

import gc
import sys
import traceback
import weakref
from typing import Any

import pytest
from captures import EPOCH, A, B, C, Story, conversations, ethernet

from flowgauge import LiveFlow, PacketInformation, Streamer

TALK = Story().tcp(0, A, B, "syn").tcp(0.5, B, A, "syn ack", ports=(80, 1000)).tcp(1.25, A, B, "psh ack", size=700).pcap()


def run(capture: bytes, **metrics: Any) -> list[Any]:
    return list(Streamer(capture, user_metrics=metrics))


def test_a_metric_counts_as_nfstreams_users_write_it() -> None:
    def count_big(packet_information: PacketInformation, flow: LiveFlow) -> LiveFlow:
        if packet_information.size > 666:
            flow.metrics["big"] += 1
        return flow

    (flow,) = run(TALK, big=count_big)
    assert flow.metrics == {"big": 1}
    assert flow.metrics["big"] == flow.to_dict()["big"] == 1


def test_packet_information_tells_of_the_packet() -> None:
    kept: list[PacketInformation] = []
    run(TALK, n=lambda packet, flow: kept.append(packet))
    syn, syn_ack, data = kept
    assert (syn.ts, syn.time_ns, data.ts) == (EPOCH * 1000, EPOCH * 10**9, EPOCH * 1000 + 1250)
    assert (data.size, data.ip_size, data.transport_size, data.payload_size) == (754, 740, 720, 700)
    assert [packet.direction for packet in kept] == [0, 1, 0]
    assert (syn.ip_version, syn.ip_protocol, syn.ip_src, syn.ip_dst) == (4, 6, A, B)
    assert (syn_ack.ip_src, syn_ack.src_port, syn_ack.dst_port, syn.vlan_id) == (B, 80, 1000, None)
    flags = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")
    assert [[name for name in flags if getattr(packet, name)] for packet in kept] == [
        ["syn"],
        ["syn", "ack"],
        ["ack", "psh"],
    ]
    assert syn.syn is True
    assert "1000" in repr(syn)


def test_content_is_the_ip_packet_and_may_be_kept() -> None:
    frame = ethernet(C, "::1", 17, b"\0\1\0\2\0\12\0\0hi", vlan=7) + b"padding"
    kept: list[PacketInformation] = []
    seen: list[bytes] = []

    def look(packet: PacketInformation, flow: LiveFlow) -> None:
        seen.append(packet.content)
        kept.append(packet)

    run(Story().raw(0, frame).udp(1, A, B).pcap(), n=look)
    gc.collect()
    assert kept[0].content == frame[18:-7] == seen[0]
    assert kept[1].content == seen[1]
    assert (kept[0].vlan_id, kept[0].payload_size, kept[0].ip_src) == (7, 2, C)


def test_the_flow_is_a_live_view_with_this_packet_counted() -> None:
    seen: list[tuple[Any, ...]] = []

    def look(packet: PacketInformation, flow: LiveFlow) -> None:
        seen.append((flow.pkts, flow.dst_to_src_pkts, flow.ip_src, flow.end_time, flow.application_name))

    run(TALK, n=look)
    assert [row[:3] for row in seen] == [(1, 0, A), (2, 1, A), (3, 1, A)]
    assert seen[2][3] == EPOCH * 1000 + 1250
    assert seen[2][4] is None


def test_a_view_kept_past_the_call_cannot_be_read() -> None:
    kept: list[LiveFlow] = []
    run(TALK, n=lambda packet, flow: kept.append(flow))
    assert kept[0] is kept[1]
    for name in ("pkts", "ip_src", "metrics", "export_reason"):
        with pytest.raises(RuntimeError, match="while its metric is called"):
            getattr(kept[0], name)
    with pytest.raises(RuntimeError):
        kept[0].export_reason = 20
    assert "outside" in repr(kept[0])


def test_metrics_are_called_in_order_and_share_a_dict() -> None:
    order: list[str] = []

    def first(packet: PacketInformation, flow: LiveFlow) -> None:
        order.append("first")
        flow.metrics["b"] += 1

    def second(packet: PacketInformation, flow: LiveFlow) -> None:
        order.append("second")
        flow.metrics["a"] += flow.metrics["b"]

    (flow,) = run(TALK, b=first, a=second)
    assert order == ["first", "second"] * 3
    assert list(flow.metrics.items()) == [("b", 3), ("a", 6)]


def test_every_flow_and_segment_begins_with_zero() -> None:
    def count(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["n"] += 1

    story = Story().udp(0, A, B).udp(50, A, B).udp(100, A, B).udp(120, A, B).udp(121, B, A)
    flows = run(story.pcap(), n=count)
    assert [(flow.segment, flow.metrics["n"]) for flow in flows] == [(0, 3), (1, 1), (0, 1)]


def test_a_metric_may_end_the_flow() -> None:
    def end(packet: PacketInformation, flow: LiveFlow) -> None:
        assert flow.export_reason is None
        if flow.pkts == 2:
            flow.export_reason = 42
            assert flow.export_reason == 42

    streamer = Streamer(TALK, user_metrics={"n": end})
    assert [(flow.pkts, flow.export_reason) for flow in streamer] == [(2, 42), (1, 2)]
    assert streamer.report.records == {"flush": 1, "42": 1}
    streamer.report.check()


@pytest.mark.parametrize(
    ("reason", "error"), [(15, ValueError), (256, ValueError), (-1, ValueError), ("x", TypeError), (True, TypeError)]
)
def test_other_reasons_are_refused(reason: Any, error: type[Exception]) -> None:
    def end(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.export_reason = reason

    with pytest.raises(error, match="16 to 255"):
        run(TALK, n=end)


@pytest.mark.parametrize(
    "value", [7, -(2**63), 2**63 - 1, 1.5, float("inf"), True, None, "text", b"\0", [], [1, "a", None, 2.5, False, b"x"]]
)
def test_a_value_comes_out_as_it_went_in(value: Any) -> None:
    def put(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["n"] = value

    (flow,) = run(TALK, n=put)
    assert flow.metrics["n"] == value
    assert type(flow.metrics["n"]) is type(value)


@pytest.mark.parametrize(
    ("value", "error", "word"),
    [
        (2**63, TypeError, "64 bits"),
        ((1, 2), TypeError, "tuple"),
        ({}, TypeError, "dict"),
        ([[1]], TypeError, "list"),
        (1j, TypeError, "complex"),
        (object(), TypeError, "object"),
    ],
)
def test_a_value_of_another_type_is_refused_at_the_end(value: Any, error: type[Exception], word: str) -> None:
    def put(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["speed"] = value

    with pytest.raises(error) as raised:
        run(TALK, speed=put)
    for part in ("speed", "flow 1", word):
        assert part in str(raised.value)


def test_a_value_that_nobody_asked_for_is_refused() -> None:
    def put(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["spede"] = 1

    with pytest.raises(TypeError, match=r"metrics\['spede'\] of flow 1"):
        run(TALK, speed=put)


def test_a_value_taken_out_is_none() -> None:
    def take(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics.pop("n", None)

    (flow,) = run(TALK, n=take)
    assert flow.metrics == {"n": None}


def test_an_exception_reaches_the_loop_with_its_traceback_after_the_flows() -> None:
    class Mine(Exception):
        pass

    def inner() -> None:
        raise Mine("on purpose")

    def fail(packet: PacketInformation, flow: LiveFlow) -> None:
        if packet.ts >= (EPOCH + 100) * 1000:
            inner()

    story = Story().udp(0, A, B).udp(1, B, A).udp(100, A, B)
    flows = []
    streamer = Streamer(story.pcap(), user_metrics={"fine": lambda packet, flow: None, "bad": fail})
    iterator = iter(streamer)
    with pytest.raises(Mine, match="on purpose") as raised:
        for flow in iterator:
            flows.append(flow)
    assert "inner" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert [flow.pkts for flow in flows] == [1, 1, 1]
    assert list(iterator) == []
    streamer.report.check()
    if sys.version_info >= (3, 11):
        assert "bad" in raised.value.__notes__[0]
        assert "flow 3" in raised.value.__notes__[0]


def test_reading_what_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="sise"):
        run(TALK, n=lambda packet, flow: packet.sise)


def test_columns_of_a_living_flow_cannot_be_set() -> None:
    def put(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.pkts = 3  # type: ignore[misc]

    with pytest.raises(AttributeError, match="pkts"):
        run(TALK, n=put)


def test_later_changes_of_the_dict_have_no_effect() -> None:
    metrics = {"n": lambda packet, flow: flow.metrics.update(n=5)}
    streamer = Streamer(TALK, user_metrics=metrics)
    metrics.clear()
    (flow,) = streamer
    assert flow.metrics == {"n": 5}


def test_no_metrics_are_an_empty_mapping() -> None:
    (flow,) = Streamer(TALK, user_metrics={})
    assert dict(flow.metrics) == {}


@pytest.mark.parametrize("workers", [None, 0, 1, 3])
def test_values_are_the_same_for_any_number_of_workers(workers: int | None) -> None:
    def count(packet: PacketInformation, flow: LiveFlow) -> None:
        flow.metrics["n"] += packet.size

    streamer = Streamer(conversations(200, packets=5), user_metrics={"n": count}, workers=workers)
    values = [flow.metrics["n"] for flow in streamer]
    assert values == [5 * 52] * 200


def test_what_metrics_were_given_is_let_go() -> None:
    class Callable:
        def __call__(self, packet: PacketInformation, flow: LiveFlow) -> None:
            flow.metrics["n"] = [1]

    metric = Callable()
    gone = weakref.ref(metric)
    streamer = Streamer(TALK, user_metrics={"n": metric})
    list(streamer)
    del metric, streamer
    gc.collect()
    assert gone() is None


def test_a_streamer_in_a_cycle_is_collected() -> None:
    class Callable:
        streamer: Streamer

        def __call__(self, packet: PacketInformation, flow: LiveFlow) -> None: ...

    metric = Callable()
    metric.streamer = Streamer(TALK, user_metrics={"n": metric})
    gone = weakref.ref(metric)
    del metric
    gc.collect()
    assert gone() is None
