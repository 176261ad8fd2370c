"""The flows of nfstream's view: columns and their types, iteration, and what its users do with them."""

from __future__ import annotations

import ast
import copy
import gzip
import io
import pickle
import struct
import sys
import warnings
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captures import EPOCH, TCP, A, B, C, Story, conversations, ethernet

from flowgauge import Streamer, nfstream
from flowgauge.nfstream import NFlow, NFPlugin, NFStreamer

ROOT = Path(__file__).resolve().parents[2]
TALK = (
    Story()
    .tcp(0, A, B, "syn")
    .tcp(0.0109, B, A, "syn ack", ports=(80, 1000))
    .tcp(0.0301, A, B, "psh ack", size=700)
    .udp(0.5, C, "::1", 3, 53, 5353)
    .pcap()
)
PREFIXES = ("bidirectional", "src2dst", "dst2src")
CORE = (
    "id expiration_id src_ip src_mac src_oui src_port dst_ip dst_mac dst_oui dst_port protocol ip_version vlan_id "
    "tunnel_id"
).split() + [
    f"{prefix}_{name}"
    for prefix in PREFIXES
    for name in ("first_seen_ms", "last_seen_ms", "duration_ms", "packets", "bytes")
]
STATISTICS = (
    [f"{prefix}_{name}_ps" for prefix in PREFIXES for name in ("min", "mean", "stddev", "max")]
    + [f"{prefix}_{name}_piat_ms" for prefix in PREFIXES for name in ("min", "mean", "stddev", "max")]
    + [f"{prefix}_{flag}_packets" for prefix in PREFIXES for flag in "syn cwr ece urg ack psh rst fin".split()]
)
SPLT = ["splt_direction", "splt_ps", "splt_piat_ms"]
APPLICATION = (
    "application_name application_category_name application_is_guessed application_confidence requested_server_name "
    "client_fingerprint server_fingerprint user_agent content_type"
).split()


def flows(capture: Any, **parameters: Any) -> list[NFlow]:
    return list(NFStreamer(capture, **parameters))


def test_columns_have_nfstreams_names_and_order() -> None:
    assert (len(CORE), len(STATISTICS), len(SPLT), len(APPLICATION)) == (29, 48, 3, 9)
    every = flows(TALK, statistical_analysis=True, splt_analysis=2)[0]
    assert every.keys() == CORE + STATISTICS + SPLT + APPLICATION
    assert [column.name for column in nfstream.columns()] == every.keys()
    few = flows(TALK, decode_tunnels=False, n_dissections=0)[0]
    assert few.keys() == [name for name in CORE if name != "tunnel_id"]


def test_values_have_the_types_that_the_table_says() -> None:
    types = {"int": int, "float": float, "str": str, "list": list}
    for flow in flows(TALK, statistical_analysis=True, splt_analysis=2):
        for column, value in zip(nfstream.columns(), flow.values(), strict=True):
            assert type(value) is types[column.type], column
            assert value == getattr(flow, column.name)


def test_what_was_not_asked_for_does_not_exist() -> None:
    flow = flows(TALK, decode_tunnels=False, n_dissections=0)[0]
    for name in ["tunnel_id", *STATISTICS, *SPLT, *APPLICATION, "udps", "system_process_pid", "nonsense"]:
        with pytest.raises(AttributeError, match=f"^'flowgauge.nfstream.NFlow' object has no attribute '{name}'"):
            getattr(flow, name)
        with pytest.raises(AttributeError):
            setattr(flow, name, 1)


def test_numbers_are_those_of_the_packets() -> None:
    talk, udp = flows(TALK, statistical_analysis=True, splt_analysis=4, n_dissections=0)
    assert (talk.src_ip, talk.src_port, talk.dst_ip, talk.dst_port, talk.protocol, talk.ip_version) == (A, 1000, B, 80, 6, 4)
    assert (talk.src_mac, talk.src_oui, talk.dst_mac, talk.dst_oui) == (
        "02:00:00:00:00:01",
        "02:00:00",
        "02:00:00:00:00:02",
        "02:00:00",
    )
    assert (talk.vlan_id, talk.tunnel_id, talk.expiration_id) == (0, 0, 0)
    start = EPOCH * 1000
    assert (talk.bidirectional_first_seen_ms, talk.bidirectional_last_seen_ms) == (start, start + 30)
    assert (talk.bidirectional_duration_ms, talk.src2dst_duration_ms, talk.dst2src_duration_ms) == (30, 30, 0)
    assert (talk.bidirectional_packets, talk.src2dst_packets, talk.dst2src_packets) == (3, 2, 1)
    assert (talk.bidirectional_bytes, talk.src2dst_bytes, talk.dst2src_bytes) == (862, 808, 54)
    assert (talk.src2dst_min_ps, talk.src2dst_mean_ps, talk.src2dst_max_ps) == (54, 404.0, 754)
    assert talk.src2dst_stddev_ps == pytest.approx(350 * 2**0.5, rel=1e-15)
    assert (talk.bidirectional_min_piat_ms, talk.bidirectional_mean_piat_ms, talk.bidirectional_max_piat_ms) == (10, 15.0, 20)
    assert talk.bidirectional_stddev_piat_ms == pytest.approx(50**0.5, rel=1e-15)
    assert (talk.dst2src_stddev_ps, talk.dst2src_mean_piat_ms) == (0.0, 0.0)
    assert (talk.bidirectional_syn_packets, talk.src2dst_ack_packets, talk.dst2src_syn_packets) == (2, 1, 1)
    assert (talk.splt_direction, talk.splt_ps, talk.splt_piat_ms) == ([0, 1, 0, -1], [54, 54, 754, -1], [0, 10, 20, -1])
    assert (udp.src_ip, udp.ip_version, udp.src_port, udp.dst2src_first_seen_ms) == (C, 6, 53, 0)
    assert [getattr(udp, f"dst2src_{name}") for name in ("min_ps", "mean_ps", "max_ps", "last_seen_ms")] == [0, 0.0, 0, 0]


@pytest.mark.parametrize("mode, sizes", list(enumerate([(862, 54, 754), (820, 40, 740), (760, 20, 720), (700, 0, 700)])))
def test_accounting_says_what_a_size_is(mode: int, sizes: tuple[int, int, int]) -> None:
    talk = flows(TALK, accounting_mode=mode, statistical_analysis=True, splt_analysis=3)[0]
    assert (talk.bidirectional_bytes, talk.bidirectional_min_ps, talk.bidirectional_max_ps) == sizes
    assert talk.splt_ps == [sizes[1], sizes[1], sizes[2]]


def test_other_protocols_have_neither_transport_nor_payload_bytes() -> None:
    capture = Story().raw(0, ethernet(A, B, 47, bytes(30))).raw(1, ethernet(A, B, 1, bytes(30))).pcap()
    for mode, expected in enumerate([(64, 64), (50, 50), (0, 30), (0, 22)]):
        gre, icmp = flows(capture, accounting_mode=mode, statistical_analysis=True, splt_analysis=1)
        assert (gre.bidirectional_bytes, icmp.bidirectional_bytes) == expected
        assert (gre.bidirectional_mean_ps, gre.bidirectional_max_ps, gre.splt_ps) == (expected[0], expected[0], [expected[0]])
        assert type(gre.bidirectional_mean_ps) is float


def test_a_link_without_macs_has_zeros(data: Path) -> None:
    flow = next(iter(NFStreamer(data / "raw.pcap")))
    assert (flow.src_mac, flow.dst_oui) == ("00:00:00:00:00:00", "00:00:00")


def test_why_a_flow_ended_is_told_in_nfstreams_numbers() -> None:
    story = Story()
    for second in range(8):
        story.udp(second, A, B)
    assert [flow.expiration_id for flow in flows(story.pcap(), active_timeout=5)] == [1, 0]
    first, second = flows(Story().udp(0, A, B).udp(2, B, A, 10, 2000, 1000).pcap(), idle_timeout=2)
    assert (first.expiration_id, second.src_ip) == (0, B)


def test_text_is_a_line_for_each_value() -> None:
    flow = flows(TALK, splt_analysis=2)[0]
    lines = str(flow).split(",\n      ")
    assert lines[:3] == ["NFlow(id=0", "expiration_id=0", f"src_ip={A}"]
    assert "splt_direction=[0, 1]" in lines
    assert lines[-1] == "content_type=)"
    assert lines == ["NFlow(id=0", *(f"{key}={value}" for key, value in list(zip(flow.keys(), flow.values()))[1:-1]), lines[-1]]
    assert repr(flow) == f"<flowgauge.nfstream.NFlow 0: {A} port 1000 to {B} port 80, protocol 6, 3 packets>"


def test_each_iteration_begins_anew_and_counts_from_zero() -> None:
    streamer = NFStreamer(conversations(5))
    assert [flow.id for flow in streamer] == [flow.id for flow in streamer] == [0, 1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore:n_meters is")
def test_many_meters_find_the_same_flows() -> None:
    capture = conversations(500, 3)

    def found(meters: int) -> list[list[Any]]:
        return sorted(flow.values()[1:] for flow in NFStreamer(capture, n_meters=meters, n_dissections=0))

    assert found(0) == found(1) == found(4)


def test_a_list_of_files_is_one_capture(tmp_path: Path) -> None:
    paths = [tmp_path / "0.pcap", tmp_path / "1.pcap"]
    for second, path in enumerate(paths):
        path.write_bytes(Story().udp(second, A, B).pcap())
    (flow,) = flows([str(paths[0]), paths[1]])
    assert (flow.bidirectional_packets, flow.bidirectional_duration_ms) == (2, 1000)


@pytest.mark.parametrize("wanted", [1, 3, 7, 100])
def test_max_nflows_ends_the_run(wanted: int) -> None:
    streamer = NFStreamer(conversations(7), max_nflows=wanted)
    assert [flow.id for flow in streamer] == list(range(min(wanted, 7)))
    assert streamer.max_nflows == wanted


def test_a_damaged_file_gives_its_flows_and_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(conversations(3)[:-10])
    streamer = NFStreamer(path)
    iterator = iter(streamer)
    with pytest.warns(UserWarning, match=r"cut\.pcap.* is damaged at offset \d+, after frame 5") as caught:
        found = list(iterator)
    assert [flow.bidirectional_packets for flow in found] == [2, 2, 1]
    assert [warning.filename for warning in caught] == [__file__]
    assert next(iterator, None) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        iterator = iter(streamer)
        for _ in found:
            next(iterator)
        with pytest.raises(UserWarning, match="damaged"):
            next(iterator)


def test_the_warning_of_damage_points_at_the_line_that_asked(tmp_path: Path) -> None:
    class Mine(NFStreamer):
        def __iter__(self) -> Any:
            yield from super().__iter__()

    target = str(tmp_path / "flows.csv")
    for streamer in NFStreamer(conversations(3)[:-10]), Mine(conversations(3)[:-10]):
        calls: dict[int, Callable[[], int]] = {}
        calls[line()] = lambda: len(list(streamer))
        calls[line()] = lambda: len(streamer.to_pandas())
        calls[line()] = lambda: streamer.to_csv(target)
        calls[line()] = lambda: streamer.to_csv(target, flows_per_file=1)
        for number, call in calls.items():
            with pytest.warns(UserWarning, match="damaged") as caught:
                assert call() == 3
            assert [warning.filename for warning in caught] == [__file__]
            if type(streamer) is NFStreamer:
                assert caught[0].lineno == number


def line() -> int:
    """The number of the line that calls."""
    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("keep", [-200, -20, -1])
def test_a_compressed_file_that_is_cut_is_damaged(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.pcap.gz"
    path.write_bytes(gzip.compress(conversations(300))[:keep])
    with pytest.warns(UserWarning, match=r"cut\.pcap\.gz.* at offset \d+, after frame \d+: the gzip stream is cut short"):
        list(NFStreamer(path))
    path.write_bytes(gzip.compress(conversations(300))[:60])
    with pytest.raises(ValueError, match="cut short"):
        list(NFStreamer(path))


def test_a_compressed_file_that_is_corrupt_is_damaged(data: Path) -> None:
    broken = bytearray((data / "story.pcap.zst").read_bytes())
    broken[5:9] = bytes(4)
    with pytest.raises(ValueError, match="the zstd stream is corrupt"):
        list(NFStreamer(bytes(broken)))
    broken = bytearray(gzip.compress(conversations(3)))
    broken[-8] ^= 1
    with pytest.warns(UserWarning, match="the gzip stream is corrupt"):
        assert len(list(NFStreamer(bytes(broken)))) == 3


def test_an_exception_out_of_a_source_is_no_damage() -> None:
    class Source:
        parts = [conversations(3)]

        def read(self, size: int) -> bytes:
            if self.parts:
                return self.parts.pop()
            raise EOFError("mine")

    found: list[NFlow] = []
    with pytest.raises(EOFError, match="mine"):
        found.extend(NFStreamer(Source()))
    assert len(found) == 3


def test_flows_can_be_copied_and_pickled() -> None:
    class Mark(NFPlugin):
        def on_expire(self, flow: NFlow) -> None:
            flow.udps.mark = [1]
            flow.expiration_id = 7

    for plugins in (None, Mark()):
        streamer = NFStreamer(TALK, udps=plugins, splt_analysis=2, decode_tunnels=False)
        for flow in streamer:
            for other in (copy.copy(flow), copy.deepcopy(flow), pickle.loads(pickle.dumps(flow))):
                assert isinstance(other, NFlow)
                assert (other.keys(), other.values()) == (flow.keys(), flow.values())
                assert (str(other), repr(other)) == (str(flow), repr(flow))
                assert hasattr(other, "udps") == bool(plugins) and not hasattr(other, "tunnel_id")


def test_a_filter_leaves_packets_out() -> None:
    assert [flow.protocol for flow in flows(TALK, bpf_filter="udp")] == [17]


def test_labels_are_told(data: Path) -> None:
    (flow,) = flows(data / "dns.pcap", bpf_filter="udp port 53", max_nflows=1)
    assert (flow.application_name, flow.application_is_guessed, flow.application_confidence) == ("DNS", 0, 6)
    assert flow.application_category_name == "Network"
    assert flow.requested_server_name == "www.example.org"
    assert [getattr(flow, name) for name in APPLICATION[5:]] == [""] * 4


def test_a_label_from_the_port_alone_is_guessed() -> None:
    capture = Story().tcp(0, A, B, "syn", ports=(40000, 22)).pcap()
    (flow,) = flows(capture)
    assert (flow.application_name, flow.application_is_guessed, flow.application_confidence) == ("SSH", 1, 1)


def test_flows_become_named_tuples() -> None:
    found = flows(TALK)
    Flow = namedtuple("Flow", found[0].keys())  # type: ignore[misc]
    tuples = [Flow(*flow.values()) for flow in found]
    assert [flow.src_ip for flow in tuples] == [A, C]


def test_flows_become_a_matrix_of_features() -> None:
    numpy = pytest.importorskip("numpy")
    names = ["bidirectional_packets", "bidirectional_mean_ps", "bidirectional_mean_piat_ms"]
    matrix = numpy.array([[getattr(flow, name) for name in names] for flow in flows(TALK, statistical_analysis=True)])
    assert matrix.shape == (2, 3) and matrix.dtype == float
    frame = NFStreamer(TALK, statistical_analysis=True).to_pandas()[names]
    assert (frame.to_numpy() == matrix).all()


def test_every_column_has_its_sentence_in_the_stubs() -> None:
    stub = ast.parse((ROOT / "python" / "flowgauge" / "nfstream" / "native.pyi").read_text(encoding="utf-8"))
    (body,) = (node.body for node in stub.body if isinstance(node, ast.ClassDef) and node.name == "NFlow")
    known = {}
    for node in body:
        if isinstance(node, ast.FunctionDef) and not any(isinstance(how, ast.Attribute) for how in node.decorator_list):
            returns = ast.unparse(node.returns).split("[")[0] if node.returns else ""
            known[node.name] = (returns, " ".join((ast.get_docstring(node) or "").split()))
    for column in nfstream.columns():
        assert known[column.name] == (column.type, column.doc), column
        assert getattr(NFlow, column.name).__doc__ == column.doc


def test_the_documentation_lists_every_column() -> None:
    options = {"core": "", "tunnel": "`decode_tunnels`", "statistics": "`statistical_analysis`"}
    options |= {"splt": "`splt_analysis`", "application": "`n_dissections`"}
    table = "| column | type | option | what it is |\n| --- | --- | --- | --- |\n"
    for column in nfstream.columns():
        table += f"| `{column.name}` | {column.type} | {options[column.group]} | {column.doc} |\n"
    page = (ROOT / "docs" / "nfstream.md").read_text(encoding="utf-8")
    assert page.split("## Columns\n\n")[1] == table


def test_jumbo_sizes_are_whole() -> None:
    frame = ethernet(A, B, TCP, bytes(40))
    ns = EPOCH * 10**9
    header = Story().pcap()
    record = struct.pack("<IIII", ns // 10**9, 0, len(frame), 70000) + frame
    (flow,) = flows(header + record)
    assert flow.bidirectional_bytes == 70000


@pytest.mark.parametrize("compress", [gzip.compress, None], ids=["gzip", "zstd"])
@pytest.mark.parametrize("error", [EOFError, OSError, ValueError, KeyError, KeyboardInterrupt])
def test_an_exception_inside_a_compressed_stream_comes_out_as_itself(
    data: Path, compress: Callable[[bytes], bytes] | None, error: type[BaseException]
) -> None:
    whole = compress((data / "story.pcap").read_bytes()) if compress else (data / "story.pcap.zst").read_bytes()

    class Source:
        def __init__(self, keep: int) -> None:
            self.file = io.BytesIO(whole[:keep])

        def read(self, size: int) -> bytes:
            part = self.file.read(min(size, 7))
            if not part:
                raise error("mine")
            return part

    for keep in (6, len(whole) // 2, len(whole)):
        for streamer in NFStreamer(Source(keep)), Streamer(Source(keep)):
            with pytest.raises(error, match="mine"):
                list(streamer)


def test_what_follows_gzip_is_padding_or_a_warning_of_the_report(data: Path) -> None:
    whole = gzip.compress((data / "story.pcap").read_bytes())
    count = len(list(Streamer(whole)))
    for tail, warnings_expected in ((bytes(1024), 0), (bytes(3) + whole[:0], 0), (b"junk", 1), (bytes(9) + b"junk", 1)):
        streamer = Streamer(whole + tail)
        assert len(list(streamer)) == count
        assert len([warning for warning in streamer.report.warnings if "gzip" in warning]) == warnings_expected
