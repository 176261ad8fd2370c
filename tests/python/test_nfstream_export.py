"""Flows of nfstream's view as files of CSV and as data frames."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, Story, conversations

from flowgauge import nfstream
from flowgauge.nfstream import NFlow, NFPacket, NFPlugin, NFStreamer

TALK = Story().tcp(0, A, B, "syn").tcp(0.01, B, A, ports=(80, 1000)).udp(1, A, B, 3).pcap()
EMPTY = Story().pcap()


class Grow(NFPlugin):
    """Every flow has a value more than the one before."""

    count = 0

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        self.count += 1
        for nth in range(self.count):
            setattr(flow.udps, f"v{nth}", nth if nth else None)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_has_a_heading_and_a_line_for_each_flow(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    streamer = NFStreamer(TALK, splt_analysis=2, statistical_analysis=True)
    assert streamer.to_csv(path=str(path)) == 2
    heading, *lines = rows(path)
    found = list(streamer)
    assert heading == found[0].keys()
    assert lines == [[str(value) for value in flow.values()] for flow in found]
    assert path.read_bytes().count(b"\r\n") == 3
    assert lines[0][heading.index("splt_direction")] == "[0, 1]"
    assert os.listdir(tmp_path) == ["flows.csv"]


def test_csv_without_a_path_is_named_after_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "talk.pcap"
    path.write_bytes(TALK)
    assert NFStreamer(path).to_csv() == 2
    assert (tmp_path / "talk.pcap.csv").exists()
    (tmp_path / "talk.pcap.csv").unlink()
    assert NFStreamer([path, path]).to_csv() == 2
    assert (tmp_path / "talk.pcap.csv").exists()
    with pytest.raises(ValueError, match="no name"):
        NFStreamer(TALK).to_csv()


def test_csv_of_no_flows_has_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    assert NFStreamer(EMPTY).to_csv(str(path)) == 0
    assert rows(path) == [next(iter(NFStreamer(TALK))).keys()]


@pytest.mark.parametrize(
    "name, per_file, rotate, expected",
    [
        ("out.csv", 0, 0, {"out.csv": 5}),
        ("out.csv", 2, 0, {"out.0.csv": 2, "out.1.csv": 2, "out.2.csv": 1}),
        ("out.csv", 2, 2, {"out.0.csv": 1, "out.1.csv": 2}),
        ("out.csv", 5, 0, {"out.0.csv": 5}),
        ("csv.csv/csv.csv", 3, 0, {"csv.0.csv": 3, "csv.1.csv": 2}),
        ("out", 4, 0, {"out.0": 4, "out.1": 1}),
    ],
)
def test_csv_in_files_of_so_many_flows(
    tmp_path: Path, name: str, per_file: int, rotate: int, expected: dict[str, int]
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    assert NFStreamer(conversations(5)).to_csv(str(path), flows_per_file=per_file, rotate_files=rotate) == 5
    assert {file.name: len(rows(file)) - 1 for file in path.parent.iterdir()} == expected


@pytest.mark.parametrize("name", ["flows_per_file", "rotate_files"])
@pytest.mark.parametrize("wrong", [-1, 1.5, "1", None])
def test_csv_refuses_numbers_that_are_none(tmp_path: Path, name: str, wrong: Any) -> None:
    with pytest.raises(ValueError) as raised:
        NFStreamer(TALK).to_csv(str(tmp_path / "x.csv"), **{name: wrong})
    assert str(raised.value) == f"Please specify a valid {name} parameter (>= 0)."
    assert not os.listdir(tmp_path)


def test_csv_has_the_plugins_values_of_the_first_flow(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    plugin = Grow()
    plugin.count = 1
    with pytest.warns(UserWarning, match=r"the first flow has no udps\.v2, udps\.v3") as caught:
        assert NFStreamer(conversations(3), udps=plugin).to_csv(str(path)) == 3
    assert caught[0].filename == __file__
    heading, *lines = rows(path)
    assert heading[-2:] == ["udps.v0", "udps.v1"]
    assert [line[-2:] for line in lines] == [["", "1"]] * 3


def test_anonymized_columns_are_hashes_under_a_key_of_the_call(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    streamer = NFStreamer(TALK)
    found = []
    for _ in range(2):
        streamer.to_csv(str(path), columns_to_anonymize=["src_ip", "src_port"])
        heading, first, second = rows(path)
        place = heading.index("src_ip")
        assert len(first[place]) == 128 and int(first[place], 16)
        assert first[place] == second[place] != first[heading.index("src_port")]
        found.append(first[place])
        assert first[heading.index("dst_ip")] == B
    assert found[0] != found[1]
    frame = streamer.to_pandas(columns_to_anonymize=("src_ip", "src_port"))
    assert {len(text) for name in ("src_ip", "src_port") for text in frame[name]} == {128}
    assert frame["src_ip"].nunique() == 1


def test_columns_that_nobody_has_are_warned_of(tmp_path: Path) -> None:
    for call in (
        lambda: NFStreamer(TALK).to_csv(str(tmp_path / "x.csv"), columns_to_anonymize=("nonsense",)),
        lambda: NFStreamer(TALK).to_pandas(columns_to_anonymize=["nonsense"]),
    ):
        with pytest.warns(UserWarning, match="no attribute nonsense") as caught:
            call()
        assert caught[0].filename == __file__
    with pytest.raises(TypeError, match="must be a list of names"):
        NFStreamer(TALK).to_pandas("src_ip")


@pytest.mark.parametrize("capture", [TALK, EMPTY], ids=["flows", "none"])
def test_a_frame_has_its_columns_and_types_with_flows_and_without(capture: bytes) -> None:
    pandas = pytest.importorskip("pandas")
    frame = NFStreamer(capture, statistical_analysis=True, splt_analysis=2).to_pandas()
    text = pandas.Series(["x"], dtype="str" if int(pandas.__version__.split(".")[0]) >= 3 else object).dtype
    types = {"int": "int64", "float": "float64", "list": object, "str": text}
    assert list(frame.columns) == [column.name for column in nfstream.columns()]
    assert {name: kind for name, kind in frame.dtypes.items()} == {
        column.name: pandas.Series([], dtype=types[column.type]).dtype for column in nfstream.columns()
    }


def test_a_frame_holds_what_the_flows_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    streamer = NFStreamer(TALK, statistical_analysis=True, splt_analysis=2)
    frame = streamer.to_pandas()
    for (_, row), flow in zip(frame.iterrows(), streamer, strict=True):
        assert list(row) == flow.values()
    assert frame["splt_ps"][0] == [54, 54] and frame["user_agent"][0] == ""
    assert not os.listdir(tmp_path)
    streamer.max_nflows = 1
    assert frame.head(1).equals(streamer.to_pandas())


def test_a_frame_has_every_value_of_the_plugins() -> None:
    frame = NFStreamer(conversations(3), udps=Grow()).to_pandas()
    assert list(frame.columns)[-3:] == ["udps.v0", "udps.v1", "udps.v2"]
    assert frame["udps.v0"].isna().all()
    assert (frame["udps.v1"].dtype.name, frame["udps.v2"].dtype.name) == ("Int64", "Int64")
    assert frame["udps.v1"].isna().tolist() == [True, False, False]

    class Big(NFPlugin):
        def on_expire(self, flow: NFlow) -> None:
            flow.udps.big = 2**80
            flow.dst_port = "port"  # type: ignore[misc, assignment]

    frame = NFStreamer(TALK, udps=Big()).to_pandas()
    assert frame["udps.big"].tolist() == [2**80] * 2 and frame["dst_port"].tolist() == ["port"] * 2


def test_a_class_of_ones_own_exports_its_own_flows(tmp_path: Path) -> None:
    class Tcp(NFStreamer):
        def __iter__(self) -> Iterator[NFlow]:  # type: ignore[override]
            return (flow for flow in super(Tcp, self).__iter__() if flow.protocol == 6)

    assert Tcp(TALK).to_csv(str(tmp_path / "tcp.csv")) == 1
    assert len(rows(tmp_path / "tcp.csv")) == 2
    frame = Tcp(TALK).to_pandas()
    assert frame["protocol"].tolist() == [6] and list(frame.columns)[0] == "id"


def test_nobody_needs_pandas_who_does_not_ask_for_a_frame() -> None:
    program = "import sys; sys.modules['pandas'] = None; from flowgauge.nfstream import NFStreamer as S\n"
    program += "assert len(list(S(sys.argv[1]))) == 31\ntry: S(sys.argv[1]).to_pandas()\nexcept ImportError as e: print(e)"
    story = Path(__file__).parents[1] / "data" / "story.pcap"
    done = subprocess.run([sys.executable, "-c", program, str(story)], capture_output=True, text=True, check=True)
    assert "pip install 'flowgauge[pandas]'" in done.stdout


def test_the_capture_is_not_written_over(tmp_path: Path) -> None:
    capture = tmp_path / "in.pcap"
    capture.write_bytes(conversations(2))
    with pytest.raises(ValueError, match="must not be the capture"):
        NFStreamer(str(capture)).to_csv(str(capture))
    assert capture.read_bytes() == conversations(2)
