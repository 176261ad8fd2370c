"""Plugins: when they are called, with what, what they may do, and what becomes of their mistakes."""

from __future__ import annotations

import gc
import sys
import traceback
import weakref
from typing import Any

import pytest
from captures import EPOCH, A, B, C, Story, conversations, ethernet

from flowgauge.nfstream import NFlow, NFPacket, NFPlugin, NFStreamer

TALK = (
    Story()
    .tcp(0, A, B, "syn")
    .tcp(0.0109, B, A, "syn ack", ports=(80, 1000))
    .tcp(0.0301, A, B, "psh ack", size=700)
    .pcap()
)


class Log(NFPlugin):
    """Writes down every call."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calls: list[Any] = []

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.seen = 1
        self.calls.append(("init", flow.id, packet.direction, flow.bidirectional_packets))

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.seen += 1
        self.calls.append(("update", flow.id, packet.direction, flow.bidirectional_packets))

    def on_expire(self, flow: NFlow) -> None:
        self.calls.append(("expire", flow.id, flow.udps.seen, flow.expiration_id))

    def cleanup(self) -> None:
        self.calls.append(("cleanup",))


def test_the_calls_follow_the_life_of_a_flow() -> None:
    log = Log()
    (flow,) = NFStreamer(TALK, udps=log)
    assert log.calls == [("init", 1, 0, 1), ("update", 1, 1, 2), ("update", 1, 0, 3), ("expire", 1, 3, 0), ("cleanup",)]
    assert (flow.id, flow.udps.seen, flow.keys()[-1], flow.values()[-1]) == (0, 3, "udps.seen", 3)
    assert str(flow).endswith("\n      udps.seen=3)")


def test_every_record_begins_anew_after_an_active_timeout() -> None:
    log = Log()
    story = Story().udp(0, A, B).udp(3, A, B).udp(6, B, A, sport=2000, dport=1000)
    found = list(NFStreamer(story.pcap(), udps=log, active_timeout=5))
    assert [(flow.src_ip, flow.udps.seen, flow.expiration_id) for flow in found] == [(A, 2, 1), (B, 1, 0)]
    assert [call[0] for call in log.calls] == ["init", "update", "expire", "init", "expire", "cleanup"]


def test_one_object_is_a_flow_for_all() -> None:
    seen: list[NFlow] = []

    class Keep(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            seen.append(flow)

        def on_update(self, packet: NFPacket, flow: NFlow) -> None:
            seen.append(flow)

        def on_expire(self, flow: NFlow) -> None:
            seen.append(flow)

    (flow,) = NFStreamer(TALK, udps=[Keep(), Keep()])
    assert len(seen) == 8 and all(other is flow for other in seen)


def test_plugins_are_called_in_their_order_and_share_the_namespace() -> None:
    class First(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            flow.udps.b = ["first"]

    class Second(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            flow.udps.b.append("second")
            flow.udps.a = self.value  # type: ignore[attr-defined]

    (flow,) = NFStreamer(TALK, udps=(First(), Second(value=7)))
    assert flow.keys()[-2:] == ["udps.b", "udps.a"]
    assert flow.values()[-2:] == [["first", "second"], 7]


def test_a_plugin_that_overrides_nothing_leaves_an_empty_namespace() -> None:
    (flow,) = NFStreamer(TALK, udps=NFPlugin())
    assert vars(flow.udps) == {} and flow.bidirectional_packets == 3


def test_a_plugin_may_only_look_at_the_end() -> None:
    class Model:
        def predict(self, rows: list[list[float]]) -> list[str]:
            return ["big" if row[0] > 500 else "small" for row in rows]

    class Predict(NFPlugin):
        def on_expire(self, flow: NFlow) -> None:
            (flow.udps.label,) = self.model.predict([[flow.bidirectional_max_ps]])  # type: ignore[attr-defined]

    story = Story().tcp(0, A, B, size=1000).udp(1, A, B, 3).pcap()
    found = list(NFStreamer(story, statistical_analysis=True, udps=Predict(model=Model())))
    assert [flow.udps.label for flow in found] == ["big", "small"]


def test_statistics_sequence_and_label_are_told_while_the_flow_lives() -> None:
    seen: list[Any] = []

    class Look(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            self.on_update(packet, flow)

        def on_update(self, packet: NFPacket, flow: NFlow) -> None:
            seen.append((flow.bidirectional_max_ps, flow.splt_ps, flow.application_name))

    list(NFStreamer(TALK, udps=Look(), statistical_analysis=True, splt_analysis=3, n_dissections=1))
    assert [row[:2] for row in seen] == [(54, [54, -1, -1]), (54, [54, 54, -1]), (754, [54, 54, 754])]
    assert all(isinstance(row[2], str) and row[2] for row in seen)


def test_a_packet_has_nfstreams_attributes() -> None:
    kept: list[NFPacket] = []

    class Keep(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            kept.append(packet)

        on_update = on_init

    frame = ethernet(C, "::1", 17, b"\0\1\0\2\0\12\0\0hi", vlan=7) + b"padding"
    list(NFStreamer(TALK + Story().raw(1, frame).pcap()[24:], udps=Keep()))
    gc.collect()
    syn, syn_ack, data, udp = kept
    assert (syn.time, syn_ack.time, data.time) == (EPOCH * 1000, EPOCH * 1000 + 10, EPOCH * 1000 + 30)
    assert [packet.delta_time for packet in kept] == [0, 10, 20, 0]
    assert [packet.direction for packet in kept] == [0, 1, 0, 0]
    assert (data.raw_size, data.ip_size, data.transport_size, data.payload_size) == (754, 740, 720, 700)
    assert (syn_ack.src_ip, syn_ack.src_port, syn_ack.dst_ip, syn_ack.dst_port) == (B, 80, A, 1000)
    assert (syn_ack.src_mac, syn_ack.src_oui, syn_ack.dst_mac) == ("02:00:00:00:00:02", "02:00:00", "02:00:00:00:00:01")
    assert (syn.protocol, syn.ip_version, syn.vlan_id, syn.tunnel_id) == (6, 4, 0, 0)
    flags = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")
    assert [[getattr(packet, flag) for flag in flags] for packet in kept[:3]] == [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
    ]
    assert (udp.vlan_id, udp.ip_version, udp.ip_packet) == (7, 6, frame[18:-7])
    assert udp._asdict()["src_ip"] == C
    assert list(udp) == list(udp._asdict().values()) and len(udp) == len(udp._fields) == 28
    assert (udp[0], udp[-1]) == (udp.time, udp.tunnel_id)
    with pytest.raises(IndexError):
        udp[28]
    assert "port 2" in repr(udp)


def test_the_second_packet_of_a_flow_comes_after_the_first_even_if_stamps_go_back() -> None:
    deltas: list[tuple[int, int]] = []

    class Look(NFPlugin):
        def on_update(self, packet: NFPacket, flow: NFlow) -> None:
            deltas.append((packet.time - EPOCH * 1000, packet.delta_time))

    list(NFStreamer(Story().udp(1, A, B).udp(0.5, A, B).udp(1.25, A, B).pcap(), udps=Look()))
    assert deltas == [(1000, 0), (1250, 250)]


@pytest.mark.parametrize("at, sizes", [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (9, [5])])
def test_a_plugin_ends_a_flow(at: int, sizes: list[int]) -> None:
    class Slice(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            if flow.bidirectional_packets == at:
                flow.expiration_id = -1

        on_update = on_init

    found = list(NFStreamer(conversations(1, 5), udps=Slice()))
    assert [flow.bidirectional_packets for flow in found] == sizes
    assert [flow.expiration_id for flow in found] == [-1 if size == at else 0 for size in sizes]


def test_other_expirations_stay_as_they_were_set_and_end_nothing() -> None:
    class Mark(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            flow.expiration_id = -2

        def on_expire(self, flow: NFlow) -> None:
            assert flow.expiration_id == -2
            flow.application_name = "mine"  # type: ignore[misc]
            flow.src_ip = None  # type: ignore[misc, assignment]

    (flow,) = NFStreamer(TALK, udps=Mark())
    assert (flow.expiration_id, flow.application_name, flow.src_ip, flow.bidirectional_packets) == (-2, "mine", None, 3)
    assert flow.values()[1:3] == [-2, None]
    frame = NFStreamer(TALK, udps=Mark()).to_pandas()
    assert frame["expiration_id"].tolist() == [-2] and frame["src_ip"].tolist() == [None]


def test_state_of_a_plugin_is_the_callers() -> None:
    class Count(NFPlugin):
        total = 0

        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            self.total += 1
            flow.udps.nth = self.total

    count = Count()
    streamer = NFStreamer(conversations(4), udps=count)
    assert [flow.udps.nth for flow in streamer] == [1, 2, 3, 4]
    assert count.total == 4
    assert [flow.udps.nth for flow in streamer] == [5, 6, 7, 8]


@pytest.mark.filterwarnings("ignore:n_meters is")
@pytest.mark.parametrize("meters", [1, 3])
def test_plugins_run_with_one_meter_or_several(meters: int) -> None:
    log = Log()
    found = list(NFStreamer(conversations(50, 3), udps=log, n_meters=meters))
    assert [flow.udps.seen for flow in found] == [3] * 50
    assert [call[0] for call in log.calls].count("cleanup") == 1
    assert log.calls[-1] == ("cleanup",)


class Boom(NFPlugin):
    """Raises in one of its methods."""

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        self.maybe("on_init", flow)

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        self.maybe("on_update", flow)

    def on_expire(self, flow: NFlow) -> None:
        self.maybe("on_expire", flow)

    def cleanup(self) -> None:
        self.maybe("cleanup", None)

    def maybe(self, where: str, flow: NFlow | None) -> None:
        if where == self.where and (flow is None or flow.src_port == 3):  # type: ignore[attr-defined]
            raise ZeroDivisionError(where)


@pytest.mark.parametrize("where", ["on_init", "on_update", "on_expire", "cleanup"])
@pytest.mark.filterwarnings("ignore:n_meters is")
@pytest.mark.parametrize("meters", [0, 2])
def test_an_exception_reaches_the_caller_after_the_flows(where: str, meters: int) -> None:
    log = Log()
    iterator = iter(NFStreamer(conversations(5), udps=[Boom(where=where), log], n_meters=meters))
    found = []
    with pytest.raises(ZeroDivisionError, match=where) as raised:
        for flow in iterator:
            found.append(flow)
    # A flow that a plugin failed in is not handed out, nor one that came after that.
    assert len(found) == 5 if where == "cleanup" else len(found) < 5
    assert sum(iterator.report.records.values()) == 5
    assert any(frame.name == "maybe" for frame in traceback.extract_tb(raised.value.__traceback__))
    if sys.version_info >= (3, 11):
        (note,) = raised.value.__notes__
        assert f"{where} of the plugin test_nfstream_plugins.Boom" in note
    assert next(iterator, None) is None
    assert log.calls[-1] == ("cleanup",)


def test_cleanup_is_called_however_a_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def calls(log: Log) -> int:
        return [call[0] for call in log.calls].count("cleanup")

    for leave in ("break", "close", "max", "raise", "columns", "never begun"):
        log = Log()
        streamer = NFStreamer(conversations(20), udps=log, max_nflows=2 if leave == "max" else 0)
        if leave == "break":
            for _ in streamer:
                break
        elif leave == "close":
            iterator = iter(streamer)
            next(iterator)
            iterator.close()
            iterator.close()
            assert next(iterator, None) is None
        elif leave == "raise":
            with pytest.raises(KeyError, match="mine"):
                for _ in streamer:
                    raise KeyError("mine")
        elif leave == "columns":
            streamer.to_pandas()
        elif leave == "max":
            list(streamer)
        else:
            iter(streamer)
        assert calls(log) == (leave != "never begun"), leave


def test_a_mistake_in_cleanup_after_break_is_told_where_nobody_can_catch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_value))
    for _ in NFStreamer(conversations(3), udps=Boom(where="cleanup")):
        break
    assert [str(error) for error in told] == ["cleanup"]


def test_the_garbage_collector_takes_flows_that_hold_themselves() -> None:
    class Loop(NFPlugin):
        def on_init(self, packet: NFPacket, flow: NFlow) -> None:
            flow.udps.me = flow

    (flow,) = NFStreamer(TALK, udps=Loop())
    reference = weakref.ref(flow)
    del flow
    gc.collect()
    assert reference() is None


def test_the_namespace_is_any_object_with_attributes() -> None:
    (flow,) = NFStreamer(TALK, udps=NFPlugin())
    flow.udps.x = object
    assert flow.values()[-1] is object
    del flow.udps.x
    assert flow.keys()[-1] == "content_type"
