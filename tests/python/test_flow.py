"""The record: its attributes, dict, text and equality."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from captures import EPOCH, A, B, C, Story, ethernet

import flowgauge
from flowgauge import Flow, Streamer

CORE = (
    "ip_src src_port ip_dst dst_port ip_protocol src_to_dst_pkts dst_to_src_pkts src_to_dst_bytes dst_to_src_bytes "
    "application_name category_name start_time end_time export_reason"
).split()


@pytest.fixture
def flow() -> Flow:
    story = Story().tcp(0.25, A, B, "syn").tcp(1.5, B, A, "syn ack", size=7, ports=(80, 1000))
    (flow,) = Streamer(story.pcap(), n_dissections=0, statistics=True, splt=5, tcp_analysis=True, application_fields=True)
    return flow


TYPES = {"bool": bool, "text": str, "float64": float}


def test_every_column_is_an_attribute(flow: Flow) -> None:
    for column in flowgauge.columns():
        value = getattr(flow, column.name)
        kind = list if column.type.startswith("list") else TYPES.get(column.type, int)
        assert (column.nullable and value is None) or type(value) is kind, column


def test_a_column_whose_option_is_off_is_no_attribute() -> None:
    (flow,) = Streamer(Story().udp(0, A, B).pcap(), splt=3)
    assert flow.splt_size == [52] and not hasattr(flow, "size_mean")
    with pytest.raises(AttributeError, match="size_mean.*statistics"):
        flow.size_mean  # noqa: B018
    assert "splt_gap" in flow.to_dict() and "syn_pkts" not in flow.to_dict()


def test_statistics_and_sequence_are_those_of_the_packets(flow: Flow) -> None:
    assert (flow.size_min, flow.size_mean, flow.size_max) == (54, 57.5, 61)
    assert flow.size_stddev == pytest.approx(24.5**0.5, rel=1e-15)
    assert (flow.gap_min, flow.gap_mean, flow.gap_stddev, flow.src_to_dst_gap_min) == (1_250_000_000, 1.25e9, 0.0, None)
    assert (flow.syn_pkts, flow.src_to_dst_ack_pkts, flow.dst_to_src_ack_pkts, flow.fin_pkts) == (2, 0, 1, 0)
    assert (flow.splt_direction, flow.splt_size, flow.splt_gap) == ([0, 1], [54, 61], [0, 1_250_000_000])


def test_pieces_of_a_capture_merge_into_the_flows_of_the_whole() -> None:
    packets = [(0, A, B), (1, B, A), (2, C, "::1"), (50, A, B), (70, B, A), (200, A, B)]

    def flows(part: slice, after: flowgauge.Position | None = None) -> Streamer:
        story = Story()
        for at, src, dst in packets[part]:
            ports = (1000, 53) if (src, dst) != (B, A) else (53, 1000)
            story.udp(at, src, dst, sport=ports[0], dport=ports[1])
        return Streamer(story.pcap(), active_timeout=None, statistics=True, splt=3, n_dissections=0, after=after)

    whole = sorted(flows(slice(None)), key=lambda flow: flow.flow_id)
    for cut in range(len(packets) + 1):
        early, late = flows(slice(cut)), None
        records = list(early)
        assert early.position is not None and early.position.frame == cut
        late = flows(slice(cut, None), after=early.position)
        merged = flowgauge.merge(records + list(late))
        assert merged == whole, cut
    with pytest.raises(TypeError):
        flowgauge.merge([whole[0], "no flow"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="flow_id"):
        flowgauge.merge([*whole, whole[0]])


def test_pieces_metered_with_different_options_give_no_half_numbers() -> None:
    early = Streamer(Story().udp(0, A, B).udp(1, A, B).pcap(), statistics=True, splt=3, active_timeout=None)
    records = list(early)
    late = Streamer(Story().udp(2, A, B).pcap(), splt=9, active_timeout=None, after=early.position)
    (whole,) = flowgauge.merge(records + list(late))
    assert whole.pkts == 3 and not hasattr(whole, "size_mean") and not hasattr(whole, "splt_size")


def test_counts_and_addresses_are_those_of_the_packets(flow: Flow) -> None:
    assert (flow.ip_src, flow.src_port, flow.ip_dst, flow.dst_port, flow.ip_protocol) == (A, 1000, B, 80, 6)
    assert (flow.src_to_dst_pkts, flow.dst_to_src_pkts, flow.pkts) == (1, 1, 2)
    assert (flow.src_to_dst_bytes, flow.dst_to_src_bytes, flow.ip_bytes) == (54, 61, 87)
    assert (flow.transport_bytes, flow.payload_bytes, flow.export_reason) == (47, 7, 2)
    assert (flow.flow_id, flow.conn_id, flow.segment, flow.ip_version) == (1, 1, 0, 4)
    assert (flow.src_mac, flow.dst_mac) == ("02:00:00:00:00:01", "02:00:00:00:00:02")


def test_times_are_milliseconds_and_nanoseconds(flow: Flow) -> None:
    assert (flow.start_time, flow.end_time) == (EPOCH * 1000 + 250, EPOCH * 1000 + 1500)
    assert (flow.start_time_ns, flow.end_time_ns) == (EPOCH * 10**9 + 250_000_000, EPOCH * 10**9 + 1_500_000_000)
    assert (flow.duration, flow.duration_ns) == (1250, 1_250_000_000)
    assert type(flow.duration) is int


def test_what_is_absent_is_none(flow: Flow) -> None:
    assert flow.vlan_id is flow.tunnel is flow.tunnel_key is flow.application_name is flow.category_name is None
    (one_way,) = Streamer(Story().udp(0, A, B).pcap())
    assert one_way.dst_to_src_start_time is one_way.dst_to_src_start_time_ns is one_way.dst_to_src_duration is None


def test_addresses_of_ipv6_and_vlan_ids_are_told() -> None:
    story = Story().raw(0, ethernet(C, "::1", 17, bytes(8), vlan=7))
    (flow,) = Streamer(story.pcap())
    assert (flow.ip_src, flow.ip_dst, flow.ip_version, flow.vlan_id) == (C, "::1", 6, 7)


def test_text_is_a_line_of_json_with_metrics_and_core(flow: Flow) -> None:
    assert list(json.loads(str(flow))) == CORE
    (with_metrics,) = Streamer(Story().udp(0, A, B).pcap(), user_metrics={"b": noop, "a": noop})
    line = json.loads(str(with_metrics))
    assert list(line) == ["b", "a", *CORE]
    assert line == {name: value for name, value in with_metrics.to_dict().items() if name in line}
    assert "\n" not in str(with_metrics)


def test_a_dict_has_metrics_then_every_column(flow: Flow) -> None:
    assert list(flow.to_dict()) == [column.name for column in flowgauge.columns()]
    assert flow.to_dict() == {column.name: getattr(flow, column.name) for column in flowgauge.columns()}
    (with_metrics,) = Streamer(Story().udp(0, A, B).pcap(), user_metrics={"n": noop})
    assert next(iter(with_metrics.to_dict())) == "n"


def test_a_record_cannot_be_changed(flow: Flow) -> None:
    for name in ("ip_src", "start_time_ns", "metrics", "new"):
        with pytest.raises(AttributeError):
            setattr(flow, name, 1)
    with pytest.raises(TypeError):
        flow.metrics["n"] = 1  # type: ignore[index]


def test_records_are_equal_by_what_they_say() -> None:
    capture = Story().udp(0, A, B).udp(0, B, A).pcap()
    first, second = Streamer(capture)
    again, _ = Streamer(capture)
    assert first == again != second
    assert hash(first) == hash(again)
    assert len({first, second, again}) == 2
    assert "1000" in repr(first)


def test_columns_say_what_they_are() -> None:
    names = [column.name for column in flowgauge.columns()]
    assert names[: len(CORE)] == CORE
    assert len(set(names)) == len(names)
    for column in flowgauge.columns():
        assert column.doc.endswith(".")
        assert column.option in {None, "statistics", "splt", "application_fields", "tcp_analysis"}
        assert column.unit in {"", "bits", "bytes", "packets", "nanoseconds"}
        assert getattr(Flow, column.name).__doc__ == column.doc
    assert Flow.start_time_ns.__doc__.endswith("Nanoseconds since the Unix epoch.")  # type: ignore[attr-defined]


def test_a_line_of_the_corpus_reads_as_users_know_it(corpus: Path) -> None:
    flow = next(iter(Streamer(corpus / "instagram.pcap")))
    line = json.loads(str(flow))
    assert list(line) == CORE
    assert (line["ip_src"], line["dst_port"], line["src_to_dst_pkts"]) == ("192.168.0.103", 443, 9)
    assert line["start_time"] == 1436720898354


def noop(packet_information: object, flow: object) -> None:
    pass
