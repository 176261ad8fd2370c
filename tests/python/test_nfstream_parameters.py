"""The parameters of NFStreamer: order, defaults, what each accepts, and what is said of anything else."""

from __future__ import annotations

import inspect
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, Story

from flowgauge.nfstream import NFPlugin, NFStreamer

ONE = Story().udp(0, A, B).pcap()

DEFAULTS = {
    "source": None,
    "decode_tunnels": True,
    "bpf_filter": None,
    "promiscuous_mode": True,
    "snapshot_length": 1536,
    "socket_buffer_size": 0,
    "idle_timeout": 120,
    "active_timeout": 1800,
    "accounting_mode": 0,
    "udps": None,
    "n_dissections": 20,
    "statistical_analysis": False,
    "splt_analysis": 0,
    "n_meters": 0,
    "max_nflows": 0,
    "performance_report": 0,
    "system_visibility_mode": 0,
    "system_visibility_poll_ms": 100,
}

PLEASE = "Please specify a valid {} parameter "
BOOLS = ("decode_tunnels", "promiscuous_mode", "statistical_analysis")
NO_BOOLS: tuple[Any, ...] = (0, 1, None, "True", 1.0)
NUMBERS: list[tuple[str, list[Any], list[Any], str]] = [
    ("snapshot_length", [1, 65535, 10**30], [0, -1, 1.5, "1", None], "(positive integer)."),
    ("socket_buffer_size", [0, 2**31 - 1], [-1, 2**31, 1.5, "1", None], "(positive integer <= 2^31-1)."),
    ("idle_timeout", [0, True, (2**64 - 1) // 1000], [-1, 0.5, "1", None, 2**64 // 1000 + 1], "(positive integer in seconds)."),
    ("active_timeout", [0, 1800], [-1, 0.5, "1", None, 2**64], "(positive integer in seconds)."),
    ("accounting_mode", [0, 1, 2, 3], [-1, 4, "1", None, 1.5], "(possible values: 0, 1, 2, 3)."),
    ("n_dissections", [0, 255], [-1, 256, "1", None, 1.5], "(possible values in : [0,...,255])."),
    ("splt_analysis", [0, 255], [-1, 65536, "1", None, 1.5], "(possible values in : [0,...,65535])"),
    ("n_meters", [0, 1, 64], [-1, "1", None, 1.5], "(>=1 or 0 for auto scaling)."),
    ("max_nflows", [0, 100, 2**70], [-1, "1", None, 1.5], "(>=0)."),
    (
        "performance_report",
        [0, 3600],
        [-1, "1", None, 1.5],
        "(>=1 for reporting interval (seconds) or 0 to disable). [Available only for Live capture]",
    ),
    ("system_visibility_poll_ms", [0, 100], [-1, "1", None, 1.5], "(positive integer in milliseconds)"),
]


def streamer(**parameters: Any) -> NFStreamer:
    return NFStreamer(ONE, **parameters)


def test_parameters_have_nfstreams_order_and_defaults() -> None:
    parameters = inspect.signature(NFStreamer).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == DEFAULTS
    assert list(parameters) == list(DEFAULTS)
    made = streamer()
    assert {name: getattr(made, name) for name in DEFAULTS} == {**DEFAULTS, "source": ONE}
    NFStreamer(ONE, True, None, True, 1536, 0, 120, 1800, 0, None, 20, False, 0, 0, 0, 0, 0, 100)


@pytest.mark.parametrize("name", BOOLS)
def test_flags_are_true_or_false_and_nothing_else(name: str) -> None:
    assert getattr(streamer(**{name: False}), name) is False
    for wrong in NO_BOOLS:
        with pytest.raises(ValueError) as raised:
            streamer(**{name: wrong})
        assert str(raised.value) == PLEASE.format(name) + "(possible values: True, False)."


@pytest.mark.parametrize("name, right, wrong, text", NUMBERS, ids=lambda value: value if isinstance(value, str) else "")
def test_numbers_have_a_range(name: str, right: list[Any], wrong: list[Any], text: str) -> None:
    for value in right:
        assert getattr(streamer(**{name: value}), name) == value
    for value in wrong:
        with pytest.raises(ValueError) as raised:
            streamer(**{name: value})
        assert str(raised.value) == PLEASE.format(name) + text, value


def test_a_filter_is_text_or_none() -> None:
    assert streamer(bpf_filter="tcp").bpf_filter == "tcp"
    for wrong in (1, b"tcp", ["tcp"]):
        with pytest.raises(ValueError, match=r"^Please specify a valid bpf_filter format\.$"):
            streamer(bpf_filter=wrong)


def test_a_long_sequence_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="256 packets") as caught:
        made = streamer(splt_analysis=256)
    assert [warning.filename for warning in caught] == [__file__]
    assert made.splt_analysis == 256
    (flow,) = made
    assert len(flow.splt_ps) == 256


def test_process_attribution_is_not_available_yet() -> None:
    with pytest.raises(NotImplementedError, match="process attribution is not available yet"):
        streamer(system_visibility_mode=1)
    for wrong in (2, -1, "1", None):
        with pytest.raises(ValueError, match="^Please specify a valid system_visibility_mode parameter\n0: disable\n1: "):
            streamer(system_visibility_mode=wrong)


def test_plugins_are_one_or_several() -> None:
    one = NFPlugin(a=1)
    assert one.a == 1  # type: ignore[attr-defined]
    assert streamer(udps=one).udps is one
    several = [one, NFPlugin()]
    assert streamer(udps=several).udps is several
    assert streamer(udps=(plugin for plugin in several)).udps == tuple(several)
    assert len(list(streamer(udps=(plugin for plugin in several)))) == 1
    assert list(streamer(udps=[]))[0].keys()[-1] == "content_type"
    for wrong in (1, "plugin", [one, 1], int, [one, int]):
        with pytest.raises(ValueError, match=r"^User defined plugins must inherit from NFPlugin type\.$"):
            streamer(udps=wrong)


def test_a_class_of_plugins_is_told_apart_from_an_instance() -> None:
    class Mine(NFPlugin):
        pass

    for wrong in (Mine, [Mine], [NFPlugin(), Mine], (plugin for plugin in [Mine])):
        with pytest.raises(ValueError, match=r"inherit from NFPlugin type\. Mine is a class: give an instance, Mine\(\)\.$"):
            streamer(udps=wrong)


def test_a_source_is_something_to_read(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(ONE)
    with path.open("rb") as file:
        for source in (path, str(path), [path], [str(path), path], ONE, bytearray(ONE), file):
            assert len(list(NFStreamer(source))) == 1, source
    for wrong in (None, 1, "no such file", tmp_path, (path,), [], [path, "no such file"], [ONE], path.open("r"), "a\0b"):
        with pytest.raises(ValueError) as raised:
            NFStreamer(wrong)
        text = "Please specify a pcap file path or a valid network interface name as source."
        if wrong == []:
            text = "Please provide a non-empty list of sources."
        elif isinstance(wrong, list):
            text = f"Invalid pcap file path at index: {len(wrong) - 1}."
        assert str(raised.value) == text
        if hasattr(wrong, "close"):
            wrong.close()
    assert NFStreamer("lo").source == "lo"
    assert NFStreamer("-").source == "-"


def test_the_callers_list_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(ONE)
    source = [path]
    made = NFStreamer(source)
    list(made)
    assert source == [path] and made.source == [path] and isinstance(made.source[0], Path)
    source.append(tmp_path / "none")
    assert len(list(made)) == 1


def test_a_fifo_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    streamer = NFStreamer(str(path))
    writer = threading.Thread(target=path.write_bytes, args=(ONE,))
    writer.start()
    assert len(list(streamer)) == 1
    writer.join()


def test_parameters_can_be_set_anew_between_iterations() -> None:
    made = NFStreamer(Story().udp(0, A, B).udp(5, A, B).pcap())
    assert len(list(made)) == 1
    made.idle_timeout = 2
    made.statistical_analysis = True
    first, second = made
    assert (first.expiration_id, second.id, first.bidirectional_max_ps) == (0, 1, 52)
    with pytest.raises(ValueError, match="idle_timeout"):
        made.idle_timeout = -1
    assert made.idle_timeout == 2
    assert "silence" in (NFStreamer.idle_timeout.__doc__ or "")


def test_late_errors_are_value_errors_at_the_first_flow(tmp_path: Path) -> None:
    flows = iter(NFStreamer(ONE, bpf_filter="no filter"))
    with pytest.raises(ValueError, match=r"^Unable to compile BPF filter\.$") as raised:
        next(flows)
    assert "no filter" in str(raised.value.__cause__)
    assert list(flows) == []
    flows = iter(NFStreamer(b"this is no capture"))
    with pytest.raises(ValueError, match="not a capture"):
        next(flows)
    gone = tmp_path / "gone.pcap"
    gone.write_bytes(ONE)
    made = NFStreamer(gone)
    gone.unlink()
    with pytest.raises(ValueError, match=r"gone\.pcap"):
        list(made)


def test_more_meters_than_there_can_be_are_warned_of() -> None:
    made = streamer(n_meters=5000)
    with pytest.warns(UserWarning, match="n_meters is 5000, but there are") as caught:
        flows = iter(made)
    assert [warning.filename for warning in caught] == [__file__]
    assert made.n_meters == 5000
    flows.close()


def test_a_class_of_ones_own_may_build_on_it() -> None:
    class Mine(NFStreamer):
        def __init__(self, source: Any) -> None:
            super().__init__(source, n_dissections=0)
            self.note = "mine"

        def to_list(self) -> list[str]:
            return [flow.src_ip for flow in self]

    assert Mine(ONE).to_list() == [A]
    assert Mine(ONE).note == "mine"
