"""Expressions: how they are made, refused, kept, and used by a streamer."""

from __future__ import annotations

import contextlib
import copy
import csv
import gc
import json
import pickle
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, Story, conversations

import flowgauge
from flowgauge import Expression, LiveFlow, PacketInformation, Streamer, flow, packet, when

TALK = (
    Story()
    .tcp(0, A, B, "syn")
    .tcp(0.5, B, A, "syn ack", ports=(80, 1000))
    .tcp(1.25, A, B, "psh ack", size=700)
    .tcp(1.5, B, A, "ack", size=0, ports=(80, 1000))
    .pcap()
)


def fold(capture: bytes = TALK, **expressions: Any) -> list[dict[str, Any]]:
    return [dict(record.metrics) for record in Streamer(capture, user_metrics=expressions)]


def one(expression: Expression, capture: bytes = TALK) -> Any:
    (metrics,) = fold(capture, x=expression)
    return metrics["x"]


# How they read.


@pytest.mark.parametrize(
    ("expression", "source"),
    [
        ((packet.size > 666).sum(), "(packet.size > 666).sum()"),
        (packet.size + 1 - 2 * 3, "packet.size + 1 - 6"),
        (1 + packet.size, "1 + packet.size"),
        (1.5 - packet.size, "1.5 - packet.size"),
        (2 * packet.size, "2 * packet.size"),
        (2 / packet.size, "2 / packet.size"),
        (7 // packet.size, "7 // packet.size"),
        (7 % packet.size, "7 % packet.size"),
        (3 & packet.size, "3 & packet.size"),
        (3 | packet.size, "3 | packet.size"),
        (3 ^ packet.size, "3 ^ packet.size"),
        (1 << packet.size, "1 << packet.size"),
        (1 >> packet.size, "1 >> packet.size"),
        (True & packet.tcp_syn, "True & packet.tcp_syn"),
        ((packet.size + 1) * 2, "(packet.size + 1) * 2"),
        (packet.size / 2 // 3 % 4, "packet.size / 2 // 3 % 4"),
        (packet.size << 1 >> 2, "packet.size << 1 >> 2"),
        ((packet.size & 1) | (packet.ttl ^ 3), "packet.size & 1 | packet.ttl ^ 3"),
        (~packet.tcp_syn, "~packet.tcp_syn"),
        (-packet.gap, "-packet.gap"),
        (+packet.gap, "packet.gap"),
        (abs(packet.gap), "packet.gap.abs()"),
        (packet.size == 1, "packet.size == 1"),
        (packet.size != 1, "packet.size != 1"),
        (1 == packet.size, "packet.size == 1"),
        (1 < packet.size, "packet.size > 1"),
        (packet.size <= 1, "packet.size <= 1"),
        (packet.size >= packet.ip_size, "packet.size >= packet.ip_size"),
        (flow.application_name == "DNS", 'flow.application_name == "DNS"'),
        (packet.size.count(), "packet.size.count()"),
        (packet.size.mean(), "packet.size.mean()"),
        (packet.size.std(), "packet.size.std()"),
        (packet.size.var(), "packet.size.var()"),
        (packet.size.min(), "packet.size.min()"),
        (packet.size.min(other=3), "packet.size.min(3)"),
        (packet.size.max(packet.ip_size), "packet.size.max(packet.ip_size)"),
        (packet.size.first(n=3), "packet.size.first(3)"),
        (packet.size.last(n=3), "packet.size.last(3)"),
        (packet.tcp_syn.any(), "packet.tcp_syn.any()"),
        (packet.tcp_syn.all(), "packet.tcp_syn.all()"),
        (packet.size.n_unique(), "packet.size.n_unique()"),
        (packet.gap.quantile(q=0.9) / 1e6, "packet.gap.quantile(0.9) / 1000000.0"),
        (packet.size.histogram(edges=(1, 2.5)), "packet.size.histogram([1.0, 2.5])"),
        (packet.payload.entropy(), "packet.payload.entropy()"),
        (packet.size.ewm_mean(half_life=2), "packet.size.ewm_mean(2.0)"),
        (packet.size.filter(condition=packet.tcp_syn), "packet.size.filter(packet.tcp_syn)"),
        (packet.gap.diff(), "packet.gap.diff()"),
        (packet.size.sum().over(by="direction"), 'packet.size.sum().over("direction")'),
        (packet.size.log(), "packet.size.log()"),
        (packet.size.log2(), "packet.size.log2()"),
        (packet.size.log10(), "packet.size.log10()"),
        (packet.size.clip(low=1, high=9), "packet.size.clip(1, 9)"),
        (packet.vlan_id.is_null(), "packet.vlan_id.is_null()"),
        (packet.vlan_id.fill_null(value=0), "packet.vlan_id.fill_null(0)"),
        (packet.ip.byte(n=9), "packet.ip.byte(9)"),
        (
            when(packet.size > 9).then(1).otherwise(packet.size),
            "when(packet.size > 9).then(1).otherwise(packet.size)",
        ),
    ],
    ids=str,
)
def test_an_expression_reads_as_its_source_and_is_read_back(expression: Expression, source: str) -> None:
    assert repr(expression) == str(expression) == source
    for again in (
        Expression.parse(source),
        Expression.from_json(expression.to_json()),
        pickle.loads(pickle.dumps(expression)),
        copy.deepcopy(expression),
    ):
        assert type(again) is Expression
        assert again.equals(expression)
        assert hash(again) == hash(expression)
        assert (again.type, again.stage) == (expression.type, expression.stage)


def test_python_has_a_method_for_every_one_that_the_parser_knows() -> None:
    with pytest.raises(ValueError, match="is not a method") as raised:
        Expression.parse("packet.size.zzzzz()")
    known = set(str(raised.value).split("there is ")[1].split(", "))
    mine = {name for name in dir(Expression) if not name.startswith("_")}
    assert known == mine - {
        *("parse", "to_json", "from_json", "equals", "is_mergeable", "state_bytes", "mergeable_state_bytes", "type", "stage")
    }


def test_types_stages_and_state_are_told() -> None:
    assert (packet.size.type, packet.size.stage) == ("int", "packet")
    assert (packet.size.mean().type, packet.size.mean().stage) == ("float", "flow")
    assert (packet.payload.type, (packet.size > 1).type, flow.ip_src.type) == ("bytes", "bool", "str")
    assert (packet.tcp_syn.first(2).type, packet.size.first(2).type) == ("list of bool", "list of int")
    assert Expression.parse("3").stage == "constant"
    assert packet.size.count().state_bytes == 8
    assert packet.size.first(20).state_bytes > packet.size.first(2).state_bytes > 0
    assert packet.size.quantile(0.5).state_bytes > 100
    assert packet.gap.mean().mergeable_state_bytes > packet.gap.mean().state_bytes
    with pytest.raises(TypeError, match="value for every packet"):
        _ = packet.size.state_bytes


def test_equality_makes_an_expression_and_equals_tells() -> None:
    assert isinstance(packet.size == packet.size, Expression)
    assert packet.size.equals(packet.size)
    assert not packet.size.equals(packet.ip_size)
    assert not packet.size.equals("packet.size")
    assert not packet.size.count().equals(packet.size.sum())


# What is refused.


def test_nothing_is_true_or_false_before_packets_come() -> None:
    for wrong in (
        lambda: bool(packet.tcp_syn),
        lambda: packet.tcp_syn and packet.tcp_ack,
        lambda: not packet.tcp_syn,
        lambda: 1 < packet.size < 3,
        lambda: packet.size in [1],
        lambda: min(packet.size, 3),
    ):
        with pytest.raises(TypeError, match=r"& \| ~ .*parentheses"):
            wrong()


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: packet.size + [1], TypeError, "unsupported operand"),
        (lambda: packet.size < None, TypeError, "not supported between"),
        (lambda: packet.size == None, TypeError, r"is_null\(\)"),  # noqa: E711
        (lambda: packet.size != [1], TypeError, "!= takes no list"),
        (lambda: packet.size + "x", TypeError, r'packet.size \+ "x": \+ takes two numbers, not int and str'),
        (lambda: packet.size & packet.tcp_syn, TypeError, "two bools or two ints"),
        (lambda: ~packet.size.mean(), TypeError, "~ takes a bool or an int"),
        (lambda: -packet.payload, TypeError, "- takes a number"),
        (lambda: packet.size + 2**63, ValueError, "64 bits"),
        (lambda: packet.size * float("inf"), ValueError, "finite"),
        (lambda: packet.size * float("nan"), ValueError, "finite"),
        (lambda: packet.size**2, TypeError, "unsupported operand"),
        (lambda: packet.size[0], TypeError, "subscriptable"),
        (lambda: list(packet.size), TypeError, "iterable"),
        (lambda: packet.size.sum().sum(), TypeError, r"packet.size.sum\(\) is one of the flow already"),
        (lambda: packet.size.sum() + packet.size, TypeError, "fold the first"),
        (lambda: packet.size.first(0), ValueError, "from 1 to 1024, not 0"),
        (lambda: packet.size.first(1.5), ValueError, "whole number"),
        (lambda: packet.size.first([1]), TypeError, "first takes expressions, numbers and texts, not list"),
        (lambda: packet.size.first(), TypeError, "missing 1 required"),
        (lambda: packet.size.sum(1), TypeError, "takes no arguments"),
        (lambda: packet.size.quantile(2), ValueError, "from 0 to 1, not 2"),
        (lambda: packet.size.histogram([2, 1]), ValueError, "rising order"),
        (lambda: packet.size.histogram([]), ValueError, "rising order"),
        (lambda: packet.size.histogram([float("nan")]), ValueError, "rising order"),
        (lambda: packet.size.histogram(iter(int, 1)), ValueError, "rising order"),
        (lambda: packet.size.histogram("12"), TypeError, "list of numbers, not str"),
        (lambda: packet.size.histogram([None]), TypeError, "list of numbers"),
        (lambda: packet.size.histogram(3), TypeError, "list of numbers, not int"),
        (lambda: packet.size.filter(packet.ttl), TypeError, "filter takes a bool"),
        (lambda: packet.size.over("port"), ValueError, '"direction"'),
        (lambda: packet.size.byte(0), TypeError, "takes bytes"),
        (lambda: packet.payload.sum(), TypeError, "takes numbers"),
        (lambda: packet.size.entropy().any(), TypeError, "one of the flow already"),
        (lambda: when(packet.size), TypeError, "when takes a bool, and packet.size is int"),
        (lambda: when([]), TypeError, "when takes expressions"),
        (lambda: when(packet.tcp_syn).then(None), TypeError, "then takes expressions"),
        (lambda: when(packet.tcp_syn).then(1).otherwise("x"), TypeError, "both choices must be numbers"),
        (lambda: flow.vlan_ids, TypeError, "column of lists"),
        (lambda: Expression.parse(3), TypeError, "parse takes a str, not int"),
        (lambda: Expression.parse("packet.sizes"), ValueError, '"sizes" is not a field of packets: there is size'),
        (lambda: Expression.parse("packet.size +"), ValueError, "at character 14 it wants"),
        (lambda: Expression.parse("__import__('os')"), ValueError, "at character 1 it wants"),
        (lambda: Expression.parse("packet.size.__class__()"), ValueError, "is not a method"),
        (lambda: Expression.parse("(" * 100_000), ValueError, "less nesting"),
        (lambda: Expression.parse("\ud800"), UnicodeEncodeError, "surrogates"),
        (lambda: Expression(), TypeError, "cannot create"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        wrong()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[]", ValueError, "an object as"),
        ("3", ValueError, "an object as"),
        ("{", ValueError, "line 1"),
        ("[" * 100_000, ValueError, "an object as"),
        ("{}", ValueError, "an object as"),
        ('{"flowgauge_expression": 1, "source": 3}', ValueError, "an object as"),
        ('{"flowgauge_expression": true, "source": "3"}', ValueError, "an object as"),
        ('{"flowgauge_expression": 1, "source": "3", "more": 1}', ValueError, "an object as"),
        ('{"flowgauge_expression": 2, "source": "3"}', ValueError, "version 1 can be read, not of version 2"),
        ('{"flowgauge_expression": -1, "source": "3"}', ValueError, "not of version -1"),
        ('{"flowgauge_expression": 1, "source": "packet.x"}', ValueError, "is not a field"),
        ('{"flowgauge_expression": 1, "source": "packet.payload.sum()"}', TypeError, "takes numbers"),
        (3, TypeError, "from_json takes a str or bytes, not int"),
    ],
)
def test_json_that_is_no_expression_is_refused(text: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Expression.from_json(text)


def test_json_is_an_object_with_version_and_source() -> None:
    text = flow.ip_src.to_json()
    assert json.loads(text) == {"flowgauge_expression": 1, "source": "flow.ip_src"}
    expression = flow.application_name == 'quote " and \\ and \n and é'
    assert Expression.from_json(expression.to_json().encode()).equals(expression)


def test_whatever_can_be_built_can_be_pickled() -> None:
    tall, wide = packet.size, packet.size
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        while True:
            tall = packet.size + tall
    with pytest.raises(ValueError, match="parts"):
        while True:
            wide = wide + wide
    for expression in (tall, wide):
        assert pickle.loads(pickle.dumps(expression)).equals(expression)


# Where they begin.


def test_fields_and_columns_are_attributes_with_documentation() -> None:
    assert {"size", "gap", "payload", "direction"} <= set(dir(packet))
    assert {"pkts", "application_name", "duration"} <= set(dir(flow))
    assert "vlan_ids" not in dir(flow)
    for beginning in (packet, flow):
        for name in dir(beginning):
            assert str(getattr(beginning, name)) == f"{beginning!r}.{name}"
            assert vars(type(beginning))[name].__doc__.endswith(".")
    assert "nanoseconds" in type(flow).duration.__doc__


def test_an_unknown_field_names_those_like_it() -> None:
    with pytest.raises(AttributeError, match='^packet.sizes: "sizes" is not a field of packets: there is size'):
        _ = packet.sizes  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match='^packet.sise: "sise" is not a field of packets: there is size$'):
        _ = packet.sise  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="is not a column of flows: there is .*pkts"):
        _ = flow.pkt  # type: ignore[attr-defined]
    assert not hasattr(packet, "nonsense")
    assert getattr(flow, "nonsense", None) is None


def test_beginnings_cannot_be_changed_and_stay_themselves() -> None:
    for beginning in (packet, flow):
        with pytest.raises(AttributeError):
            beginning.pkts = 3  # type: ignore[misc, union-attr]
        assert pickle.loads(pickle.dumps(beginning)) is beginning
        assert copy.deepcopy(beginning) is beginning
    with pytest.raises(AttributeError, match="cannot be set"):
        packet.size = 3  # type: ignore[misc, assignment]


def test_numpy_leaves_expressions_to_themselves() -> None:
    numpy = pytest.importorskip("numpy")
    assert str(numpy.int64(3) + packet.size) == "3 + packet.size"
    assert str(numpy.float64(0.5) < packet.size) == "packet.size > 0.5"
    assert str(packet.size * numpy.float32(2)) == "packet.size * 2.0"
    assert str(packet.size.histogram(numpy.array([1, 2]))) == "packet.size.histogram([1.0, 2.0])"
    with pytest.raises(TypeError):
        packet.size + numpy.array([1, 2])


# What a streamer makes of them.


def test_values_have_their_types() -> None:
    (metrics,) = fold(
        count=(packet.size > 666).sum(),
        mean=packet.payload_size.mean(),
        sizes=packet.size.first(20),
        syn=(packet.tcp_syn & ~packet.tcp_ack).any(),
        vlan=packet.vlan_id.min(),
        gaps=packet.gap.last(2),
        flags=packet.tcp_syn.first(2),
        both=packet.payload_size.max().over("direction"),
        ratio=packet.payload_size.filter(packet.direction == 1).sum() / packet.payload_size.sum(),
        nothing=packet.vlan_id.count() // packet.vlan_id.count(),
    )
    assert list(metrics.items()) == [
        ("count", 1),
        ("mean", 175.0),
        ("sizes", [54, 54, 754, 54]),
        ("syn", True),
        ("vlan", None),
        ("gaps", [750_000_000, 250_000_000]),
        ("flags", [True, True]),
        ("both", [700, 0]),
        ("ratio", 0.0),
        ("nothing", None),
    ]


def test_metrics_come_first_in_json_and_as_themselves() -> None:
    (record,) = Streamer(TALK, user_metrics={"n": packet.size.count(), "f": packet.size.first(2), "v": packet.vlan_id.max()})
    assert str(record).startswith('{"n": 4, "f": [54, 54], "v": null, "ip_src": ')
    assert record.to_dict()["f"] == record.metrics["f"] == [54, 54]


def test_callables_stand_beside_expressions() -> None:
    def count(info: PacketInformation, live: LiveFlow) -> None:
        assert set(live.metrics) == {"mine", "more"}
        live.metrics["mine"] += 1

    (metrics,) = fold(a=packet.size.count(), mine=count, b=packet.size.max(), more=count, c=packet.size.min())
    assert metrics == {"a": 4, "mine": 8, "more": 0, "b": 754, "c": 54}
    assert list(metrics) == ["a", "mine", "more", "b", "c"]


def test_an_unlike_metric_is_refused() -> None:
    for metrics, error, words in [
        ({"n": 3}, TypeError, r'user_metrics\["n"\] must be an Expression, or callable as .*, not int'),
        ({"n": "packet.size.sum()"}, TypeError, "must be an Expression, or callable as .*, not str"),
        ({"n": packet.size}, TypeError, 'metric "n": packet.size: it has a value for every packet: fold it'),
        ({"n": flow.ip_src}, TypeError, 'metric "n": flow.ip_src: a metric is a number'),
        ({3: packet.size}, TypeError, "a name in user_metrics must be a str, not int"),
        ({"pkts": packet.size.sum()}, ValueError, "must differ from the columns"),
        ({"": packet.size.sum()}, ValueError, "must differ from the columns"),
        ([packet.size.sum()], TypeError, "must be a dict of names and Expressions or callables, or None, not list"),
    ]:
        with pytest.raises(error, match=words):
            Streamer(TALK, user_metrics=metrics)  # type: ignore[arg-type]


def test_a_flow_ends_with_the_packet_after_which_it_is_told_to() -> None:
    story = conversations(3, packets=5)
    for condition in (packet.index >= 1, "packet.index >= 1", packet.size.count() >= 2):
        flows = list(Streamer(story, end_flow_when=condition))
        ends = sorted((record.pkts, record.export_reason) for record in flows)
        assert ends == sorted([(2, 16), (2, 16), (1, 2)] * 3)
    assert [record.pkts for record in Streamer(story, end_flow_when=None)] == [5, 5, 5]


def test_only_flows_that_are_asked_for_are_kept_and_the_others_counted() -> None:
    story = Story()
    for index in range(6):
        for _ in range(index + 1):
            story.udp(index, A, B, sport=1 + index)
    for condition in (flow.src_to_dst_pkts > 3, "flow.src_to_dst_pkts > 3", packet.size.count() > 3):
        streamer = Streamer(story.pcap(), keep_flows=condition)
        assert [record.pkts for record in streamer] == [4, 5, 6]
        report = streamer.report
        assert (report.withheld, report.withheld_packets) == (3, 6)
        report.check()


def test_conditions_that_do_not_fit_are_refused_when_the_streamer_is_made() -> None:
    for options, error, words in [
        ({"end_flow_when": packet.size}, TypeError, "end_flow_when: packet.size: end_flow_when takes a bool, not int"),
        ({"end_flow_when": flow.pkts > 3}, TypeError, "known at its end only"),
        ({"end_flow_when": "packet.sise"}, ValueError, "end_flow_when: packet.sise: .* is not a field"),
        ({"end_flow_when": 3}, TypeError, "must be an Expression, a str that is one, or None, not int"),
        ({"keep_flows": packet.tcp_syn}, TypeError, r"as with .any\(\)"),
        ({"keep_flows": flow.pkts}, TypeError, "keep_flows takes a bool, not int"),
        ({"keep_flows": "flow.pkts >"}, ValueError, "keep_flows: flow.pkts >: at character 12"),
        ({"keep_flows": [True]}, TypeError, "not list"),
    ]:
        with pytest.raises(error, match=words):
            Streamer(TALK, **options)


def test_a_streamer_tells_its_options_and_keeps_no_one_alive() -> None:
    end, keep = packet.index > 3, "flow.pkts > 1"
    streamer = Streamer(TALK, user_metrics={"n": packet.size.sum()}, end_flow_when=end, keep_flows=keep)
    assert streamer.end_flow_when is end
    assert streamer.keep_flows is keep
    assert streamer.user_metrics is not None
    assert str(streamer.user_metrics["n"]) == "packet.size.sum()"
    assert "user_metrics={'n': packet.size.sum()}" in repr(streamer)
    assert (Streamer(TALK).end_flow_when, Streamer(TALK).keep_flows) == (None, None)

    class Watched:
        def __call__(self, info: Any, live: Any) -> None: ...

    metric: Any = Watched()
    metric.streamer = Streamer(TALK, user_metrics={"n": packet.size.sum(), "m": metric})
    del metric
    gc.collect()
    assert not any(isinstance(thing, Watched) for thing in gc.get_objects())


def meters(streamer: Streamer) -> int:
    """How many threads meter while the streamer is iterated: they wait for whoever takes the flows."""
    flows = iter(streamer)
    next(flows)
    most, deadline = 0, time.monotonic() + 0.5
    # A thread has its name a moment after it has begun.
    while time.monotonic() < deadline:
        most = max(most, sum(name.startswith("fg-meter") for name in threads()))
        time.sleep(0.01)
    flows.close()
    return most


def threads() -> Iterator[str]:
    for path in Path("/proc/self/task").iterdir():
        # It may end while it is looked at.
        with contextlib.suppress(OSError):
            yield (path / "comm").read_text()


def test_expressions_alone_have_as_many_workers_as_a_run_without_python() -> None:
    many = conversations(60_000, packets=1)

    def streamer(**options: Any) -> Streamer:
        return Streamer(many, n_dissections=0, inactive_timeout=0, **options)

    plain = meters(streamer())
    assert meters(streamer(user_metrics={"n": packet.size.sum()})) == plain
    assert meters(streamer(user_metrics={"n": packet.size.sum()}, workers=3)) == 3
    assert meters(streamer(end_flow_when=packet.index > 3, keep_flows=flow.pkts > 0)) == plain
    assert meters(streamer(user_metrics={"n": packet.size.sum(), "m": lambda info, live: None})) <= max(1, plain)


def test_columns_of_data_frames_have_the_types_of_expressions() -> None:
    pandas = pytest.importorskip("pandas")
    metrics = {
        "int": packet.size.sum(),
        "maybe_int": packet.gap.max(),
        "float": packet.size.mean(),
        "maybe_float": packet.gap.mean(),
        "bool": packet.tcp_syn.any(),
        "maybe_bool": packet.gap.min() > 3,
        "list": packet.size.first(2),
        "pair": packet.size.sum().over("direction"),
    }
    both = Story().udp(0, A, B).udp(1, A, B, sport=7).udp(2, A, B, sport=7).pcap()
    frame = Streamer(both, user_metrics=metrics).to_pandas()
    types = {name: str(frame[name].dtype) for name in metrics}
    assert types == {
        "int": "int64",
        "maybe_int": "Int64",
        "float": "float64",
        "maybe_float": "Float64",
        "bool": "bool",
        "maybe_bool": "boolean",
        "list": "object",
        "pair": "object",
    }
    assert frame["maybe_int"][0] is pandas.NA
    assert (frame["maybe_int"][1], frame["list"][1], frame["pair"][1]) == (10**9, [52, 52], [104, 0])
    empty = Streamer(Story().pcap(), user_metrics=metrics).to_pandas()
    kinds = {name: str(empty[name].dtype) for name in metrics}
    assert [kinds[name] for name in ("int", "float", "bool", "list")] == ["int64", "float64", "bool", "object"]
    assert list(Streamer(both, user_metrics=metrics).to_pandas(["list", "int"]).columns) == ["list", "int"]


def test_csv_has_a_column_for_each(tmp_path: Path) -> None:
    metrics = {"n": packet.size.count(), "sizes": packet.size.first(2), "gap": packet.vlan_id.max(), "m": packet.size.mean()}
    assert Streamer(TALK, user_metrics=metrics).to_csv(tmp_path / "flows.csv") == 1
    with (tmp_path / "flows.csv").open(newline="") as file:
        names, row = csv.reader(file)
    assert names[-4:] == ["n", "sizes", "gap", "m"]
    assert row[-4:] == ["4", "[54, 54]", "", "229.0"]


def test_the_page_of_expressions_names_every_field_and_method() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "expressions.md").read_text()
    assert set(re.findall(r"^\| `packet\.(\w+)`", page, re.MULTILINE)) == set(dir(packet))
    methods = set(re.findall(r"^\| `\.(\w+)\(", page, re.MULTILINE))
    assert methods < {name for name in dir(Expression) if not name.startswith("_")}
    assert len(methods) == 27
    assert "Expression" in flowgauge.__all__
