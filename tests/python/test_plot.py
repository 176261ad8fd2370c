"""Pictures of flows: the numbers in them are those of the flows, and labels are text."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from captures import EPOCH, A, B, Story, conversations

import flowgauge.plot
from flowgauge import Streamer

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
numpy = pytest.importorskip("numpy")
pyplot = pytest.importorskip("matplotlib.pyplot")
# What an Axes holds, its stubs do not tell.
plot: Any = flowgauge.plot

D, E = "10.9.9.9", "2001:db8::9"


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    yield
    for number in pyplot.get_fignums()[:1]:
        # Drawing is where labels are laid out, and where warnings would come.
        pyplot.figure(number).savefig(io.BytesIO())
    pyplot.close("all")


@pytest.fixture(scope="module")
def story() -> bytes:
    """Flows of 10 seconds, of one instant, and one that is alone in the end."""
    capture = Story().udp(0, A, B, size=958).udp(10, A, B, size=958).udp(2, B, D, size=458, dport=53)
    return capture.udp(5, D, A, size=100).udp(5.5, A, D, sport=2000, dport=1000, size=300).udp(40, E, "2001:db8::3").pcap()


def seen(ax: Any) -> dict[str, tuple[Any, Any]]:
    """The steps of each colour by its label: how high they are, and where they begin and end, in seconds."""
    labels = [text.get_text() for text in ax.get_legend().get_texts()][::-1]
    found = {}
    for label, patch in zip(labels, ax.patches, strict=True):
        top, edges, bottom = patch.get_data()
        found[label] = (top - bottom, edges * 86400 - EPOCH)
    return found


def spread(flows: list[Any], edges: Any) -> Any:
    """Bytes of flows in each step, flow by flow."""
    sums = numpy.zeros(len(edges) - 1)
    for flow in flows:
        begin, end = flow.start_time_ns / 1e9 - EPOCH, flow.end_time_ns / 1e9 - EPOCH
        for place, (left, right) in enumerate(zip(edges, edges[1:], strict=False)):
            if end > begin:
                sums[place] += flow.bytes * max(min(end, right) - max(begin, left), 0) / (end - begin)
            elif left <= begin + 1e-6 < right or (place == len(sums) - 1 and begin >= left):
                sums[place] += flow.bytes
    return sums


def test_traffic_is_spread_over_the_duration_of_each_flow(story: bytes) -> None:
    streamer = Streamer(story, n_dissections=0)
    flows = list(streamer)
    assert len(flows) == 4
    for bins in (1, 4, 8, 60):
        shown = seen(plot.applications(streamer, by="ip_src", bins=bins))
        assert set(shown) == {A, B, D, E}
        for address, (rates, edges) in shown.items():
            assert numpy.allclose(edges, numpy.linspace(0, 40, bins + 1), atol=1e-5)
            bytes_in_steps = rates * 40 / bins
            mine = [flow for flow in flows if flow.ip_src == address]
            assert numpy.allclose(bytes_in_steps, spread(mine, numpy.linspace(0, 40, bins + 1))), (address, bins)
            assert numpy.isclose(bytes_in_steps.sum(), sum(flow.bytes for flow in mine))


def test_layers_lie_on_each_other_and_the_rest_is_one(story: bytes) -> None:
    streamer = Streamer(story, n_dissections=0)
    flows = list(streamer)
    ax = plot.applications(streamer, by="ip_src", bins=5, n=2)
    shown = seen(ax)
    # The largest first, which lies lowest.
    assert list(shown) == [A, B, "2 others"]
    tops = [patch.get_data() for patch in ax.patches]
    for lower, upper in zip(tops, tops[1:], strict=False):
        assert numpy.array_equal(lower.values, upper.baseline)
    assert numpy.isclose(sum(rates.sum() for rates, _ in shown.values()) * 8, sum(flow.bytes for flow in flows))
    others = sum(flow.bytes for flow in flows if flow.ip_src in (D, E))
    assert numpy.isclose(shown["2 others"][0].sum() * 8, others)


def test_what_has_no_application_is_unknown(story: bytes) -> None:
    shown = seen(plot.applications(Streamer(story, n_dissections=0), by="application_name"))
    assert list(shown) == ["unknown"]
    assert list(seen(plot.applications(Streamer(story), by="dst_port")))[0] == "2000"


def test_one_instant_is_a_second_wide() -> None:
    capture = Story().udp(3, A, B, size=58).pcap()
    (rates, edges) = seen(plot.applications(Streamer(capture, n_dissections=0), bins=4))["unknown"]
    assert rates.tolist() == [400, 0, 0, 0] and numpy.allclose(edges, [3, 3.25, 3.5, 3.75, 4], atol=1e-5)


def test_talkers_are_what_each_address_sent_and_received(story: bytes) -> None:
    streamer = Streamer(story, n_dissections=0)
    for by in ("bytes", "pkts", "payload_bytes"):
        sent: Counter[str] = Counter()
        received: Counter[str] = Counter()
        for flow in streamer:
            forth, back = getattr(flow, f"src_to_dst_{by}") or 0, getattr(flow, f"dst_to_src_{by}") or 0
            sent += Counter({flow.ip_src: forth}) + Counter({flow.ip_dst: back})
            received += Counter({flow.ip_dst: forth}) + Counter({flow.ip_src: back})
        ax = plot.talkers(streamer, by=by, n=3)
        labels = [label.get_text() for label in ax.get_yticklabels()]
        total = sent + received
        assert labels == sorted(total, key=lambda address: (-total[address], address))[:3]
        one, other = ax.containers
        for place, label in enumerate(labels):
            assert one[place].get_width() == sent[label] and other[place].get_width() == received[label]
            assert other[place].get_x() == sent[label]
    assert ax.yaxis_inverted()


@pytest.mark.parametrize("form", ["collect", "to_pandas", "to_polars", "to_arrow", "to_numpy", "pyarrow types"])
def test_any_table_gives_the_same_picture(form: str, story: bytes) -> None:
    streamer = Streamer(story, n_dissections=0)
    if form != "collect":
        pytest.importorskip("pandas"), pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    given = streamer.to_pandas(dtype_backend="pyarrow") if form == "pyarrow types" else getattr(streamer, form)()
    for one, other in zip(
        seen(plot.applications(streamer, by="ip_dst", bins=7)).items(),
        seen(plot.applications(given, by="ip_dst", bins=7)).items(),
        strict=True,
    ):
        assert one[0] == other[0] and all(map(numpy.array_equal, one[1], other[1]))
    for by in ("bytes", "payload_bytes"):
        widths = [[bar.get_width() for bar in plot.talkers(of, by=by).patches] for of in (streamer, given)]
        assert widths[0] == widths[1]
    # Without nDPI nothing has a name.
    assert list(seen(plot.applications(given))) == ["unknown"]


def test_milliseconds_are_not_taken_for_nanoseconds(story: bytes, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    Streamer(story).to_csv(tmp_path / "x.csv")
    frame = pandas.read_csv(tmp_path / "x.csv")
    with pytest.raises(TypeError, match=r'start_time must hold times, not int64: .*unit="ms"'):
        plot.applications(frame)
    for name in ("start_time", "end_time"):
        frame[name] = pandas.to_datetime(frame[name], unit="ms", utc=True)
    assert plot.applications(frame).get_title() == "Traffic by application"


def test_only_what_is_drawn_is_metered(story: bytes) -> None:
    streamer = Streamer(story, statistics=True)
    plot.talkers(streamer)
    assert streamer.report.complete and streamer.report.records


def test_a_timeline_is_the_first_packets_by_direction() -> None:
    capture = Story().udp(0, A, B, size=58).udp(1.5, B, A, sport=2000, dport=1000, size=958).udp(2, A, B, size=8).udp(9, A, B)
    (flow,) = Streamer(capture.pcap(), splt=3, n_dissections=0)
    ax = plot.timeline(flow)
    forth, back = (lines.get_segments() for lines in ax.collections)
    assert [segment.tolist() for segment in forth] == [[[0, 0], [0, 100]], [[2, 0], [2, 50]]]
    assert [segment.tolist() for segment in back] == [[[1.5, 0], [1.5, -1000]]]
    assert ax.get_title() == f"Flow (the first 3 of 4 packets)\n{A} port 1000 to {B} port 2000"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["source to destination", "destination to source"]
    low, high = ax.get_ylim()
    assert low < -1000 and high > 1000


def test_a_timeline_needs_the_packets() -> None:
    (flow,) = Streamer(Story().udp(0, A, B).pcap())
    with pytest.raises(ValueError, match=r"meter with Streamer\(\.\.\., splt=N\)"):
        plot.timeline(flow)
    with pytest.raises(TypeError, match="flow must be a Flow, not Streamer"):
        plot.timeline(Streamer("x"))


@pytest.mark.parametrize("function", [plot.applications, plot.talkers])
def test_no_flows_are_an_empty_picture(function: Any) -> None:
    ax = function(Streamer(Story().pcap()))
    assert not ax.patches and ax.get_xlabel()


@pytest.mark.parametrize("function", [plot.applications, plot.talkers])
def test_it_is_drawn_where_it_is_told_to(function: Any, story: bytes) -> None:
    _, (one, other) = pyplot.subplots(2)
    assert function(Streamer(story), ax=other) is other and not one.patches and other.patches
    with pytest.raises(TypeError, match="ax must be an Axes of matplotlib's, not int"):
        function(Streamer(story), ax=3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: plot.applications(None, bins=0), ValueError, "bins must be at least 1, not 0"),
        (lambda: plot.applications(None, n=True), TypeError, "n must be an int, not True"),
        (lambda: plot.talkers(None, n=-1), ValueError, "n must be at least 1, not -1"),
        (lambda: plot.talkers(None, by="size"), ValueError, "by must be one of bytes, pkts, .*, not 'size'"),
    ],
)
def test_what_makes_no_picture_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
    assert not pyplot.get_fignums()


HOSTILE = ["$x$", "$\\frac{1}{0}$", "_hidden", "a\\$b$", "a\nb", "\u202eeht", "\0", "y" * 300, "%s {0}", "", "$"]


def test_labels_are_text_whatever_they_are() -> None:
    count = len(HOSTILE)
    arrays = {
        "name": HOSTILE,
        "ip_src": HOSTILE,
        "ip_dst": ["10.0.0.1"] * count,
        "bytes": numpy.arange(count, 0, -1),
        "src_to_dst_bytes": numpy.arange(count, 0, -1),
        "dst_to_src_bytes": numpy.zeros(count, "uint64"),
        "start_time": numpy.zeros(count, "M8[ns]"),
        "end_time": numpy.full(count, 10**9).astype("M8[ns]"),
    }
    shown = plot.applications(arrays, by="name", n=count)
    ticks = plot.talkers(arrays, n=count + 1)
    wanted = ["$x$", "$\\frac{1}{0}$", "_hidden", "a\\$b$", "a\\x0ab", "\\u202eeht", "\\x00", "y" * 31 + "…", "%s {0}", "", "$"]
    for labels in (shown.get_legend().get_texts()[::-1], ticks.get_yticklabels()[1:]):
        drawn = [text._preprocess_math(text.get_text()) for text in labels]
        assert [text.strip("\N{WORD JOINER}") for text, _ in drawn] == wanted
        assert {math for _, math in drawn} == {False}


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    streamer = Streamer(Story().udp(0, A, B).pcap(), splt=1)
    (flow,) = streamer
    for function, given in ((plot.timeline, flow), (plot.talkers, streamer), (plot.applications, streamer)):
        with pytest.raises(ImportError, match=r"pip install 'flowgauge\[plot\]'"):
            function(given)


def test_stamps_may_lie_centuries_apart() -> None:
    arrays = {"application_name": ["x", "y"], "bytes": numpy.array([7, 7])}
    arrays["start_time"] = numpy.array([-(2**63) + 1, 2**63 - 2]).view("M8[ns]")
    arrays["end_time"] = numpy.array([-(2**63) + 1, 2**63 - 1]).view("M8[ns]")
    shown = seen(plot.applications(arrays, bins=2))
    assert [(rates > 0).tolist() for rates, _ in shown.values()] == [[True, False], [False, True]]


def test_many_flows_are_drawn_in_little_time() -> None:
    table = Streamer(conversations(60_000, packets=1), n_dissections=0).collect()
    ax = plot.applications(table, by="src_port", n=3)
    assert numpy.isclose(sum(rates.sum() for rates, _ in seen(ax).values()) * 60 / 60, table.to_numpy(["bytes"])["bytes"].sum(), rtol=0.01)
